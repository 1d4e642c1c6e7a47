"""Evidence from the survey: what members' answers say about a claim once courtesy is allowed for.

A scale whose units are not those of the claim (agreement from 1 to 5 says nothing in percent) enters as a
``clustereffects.results.Diagnostic``: a test that is passed or not. A scale that *is* the claim's scale enters
as an ``clustereffects.results.Estimate`` with a declared courtesy bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from clustereffects.errors import OptionError, Problem
from clustereffects.inference import critical_value
from clustereffects.results import BiasTerm, Diagnostic, Estimate, Evidence, Silence
from clustereffects.results.evidence import Chance
from clustereffects.survey._material import SurveyMaterial
from clustereffects.survey.codebook import Scale
from clustereffects.survey.design import DesignMean, clustered_mean, difference, simple_mean
from clustereffects.survey.means import PROGRAMME

_HALF_STEP = 0.5
#: Unreliability of a scale whose alpha cannot be computed, such as a single item.
_UNKNOWN_UNRELIABILITY = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRules:
    """Judgements on what members' answers are worth, made before seeing them. The defaults are provisional.

    Parameters
    ----------
    p_benefit : float or tuple of two floats
        Probability that an organisation passes the test if it benefits its members.
    p_negligible : float or tuple of two floats, optional
        The same if it makes no difference. Not given: from ``test_size`` (respondents err independently) to the share
        of non-member firms whose own score lies more than half a step above the neutral answer (all respondents of an
        organisation err alike).
    p_harm : float or tuple of two floats, optional
        The same if it harms them. Not given: as for no difference, since courtesy does not stop at harm.
    test_size : float
        One-sided size of the test.
    margin : float
        Excess on the scale that the test must show.
    unreliability : float, optional
        Probability that a result is uninformative. Not given: one minus alpha of the scale over all waves.
    rho : float or tuple of two floats
        Correlation between items that the same organisation's respondents answered.
    courtesy_share : tuple of two floats
        Share of the excess on the negative control that carries over to other scales, lowest and highest.
    courtesy_sd : float
        Standard deviation of an organisation's courtesy bias beyond what the negative control shows, in scale units.
    courtesy_range : tuple of two floats
        Range of the mean courtesy bias where there is no negative control, in scale units.
    unmeasured_courtesy : float
        Highest probability of passing without any effect where there is no negative control or no non-member.
    minimum_firms : int
        Fewer answering firms than this say nothing.

    Raises
    ------
    OptionError
        If a probability lies outside 0–1, a range is not increasing, or a number is negative.

    References
    ----------
    McKenzie, D. (2018). *Journal of Business & Economic Statistics*, 36, 714: owners overestimate what support did
    for them, so answers are never taken at face value.

    Examples
    --------
    >>> SurveyRules(p_benefit=0.7).test_size
    0.1
    """

    p_benefit: Chance = (0.5, 0.85)
    p_negligible: Chance | None = None
    p_harm: Chance | None = None
    test_size: float = 0.1
    margin: float = 0.0
    unreliability: float | None = None
    rho: Chance = 0.5
    courtesy_share: tuple[float, float] = (0.6, 1.0)
    courtesy_sd: float = 0.1
    courtesy_range: tuple[float, float] = (0.0, 0.5)
    unmeasured_courtesy: float = 0.5
    minimum_firms: int = 3

    def __post_init__(self) -> None:
        chances = {"p_benefit": self.p_benefit, "p_negligible": self.p_negligible, "p_harm": self.p_harm}
        chances |= {
            "unreliability": self.unreliability,
            "rho": self.rho,
            "unmeasured_courtesy": self.unmeasured_courtesy,
        }
        problems = [
            _rule(name, value, "a probability or a range within 0–1")
            for name, value in chances.items()
            if value is not None and not _is_chance(value)
        ]
        for name in ("courtesy_share", "courtesy_range"):
            low, high = getattr(self, name)
            problems += [] if low <= high else [_rule(name, (low, high), "lower ≤ upper")]
        problems += (
            [] if 0 < self.test_size < _HALF_STEP else [_rule("test_size", self.test_size, "above 0, below 0.5")]
        )
        problems += [] if self.courtesy_sd >= 0 else [_rule("courtesy_sd", self.courtesy_sd, "at least 0")]
        problems += [] if self.minimum_firms >= 2 else [_rule("minimum_firms", self.minimum_firms, "at least 2")]
        if problems:
            raise OptionError(problems)


def survey_evidence(
    material: SurveyMaterial,
    claims: Mapping[str, str],
    estimates: Sequence[str],
    rules: SurveyRules,
    by: Literal["organisation", "programme"] = "organisation",
) -> list[Evidence]:
    """Evidence of each organisation, or of the programme, on each claim.

    Parameters
    ----------
    material : SurveyMaterial
    claims : mapping of str to str
        Scale of each claim; an empty name means that no question was asked about it.
    estimates : sequence of str
        Claims whose unit is the scale itself. All others get a test, since their scale says nothing in their unit.
    rules : SurveyRules
    by : {"organisation", "programme"}

    Returns
    -------
    list of Estimate, Diagnostic or Silence

    Raises
    ------
    SurveyError
        If a scale is not in the codebook.

    Notes
    -----
    *Test.* With negative controls the excess of a firm is its score minus its own control score; the test compares the
    mean excess of the organisation's firms with that of the non-member firms (Welch), and is passed if the one-sided
    lower confidence limit of ``1 − test_size`` exceeds ``margin``. Without negative controls scores are compared;
    without non-members the neutral answer is the comparison.

    *Estimate.* Mean score minus that of the non-members (or minus the neutral answer), with a standard error that has
    no finite-population correction: even a firm that is certain to be asked could have answered otherwise. Evidence is
    normal, and few firms have a t distribution: the standard error is widened so that the 95 % intervals agree. The
    courtesy bias has the mean ``share · d`` with ``d`` the organisation's difference to the non-members on the negative
    control, the range of means given by ``courtesy_share``, and a variance that adds the sampling error of ``d``. That
    the same respondents' errors on both are positively correlated is ignored, which overstates the uncertainty.

    *Programme.* All members together, each firm counting once per organisation, with a variance that is clustered by
    organisation and has one degree of freedom less than there are organisations. Organisations of which too few firms
    answered are left out, here as for themselves.

    Examples
    --------
    >>> from clustereffects.survey import Codebook
    >>> growth = Scale(name="growth", items=("g1",), minimum=1, maximum=5)
    >>> index = pd.MultiIndex.from_tuples([("K01", "1"), ("", "2")], names=["organisation", "orgnr"])
    >>> material = SurveyMaterial(scores=pd.DataFrame({"growth": [4.0, 3.5]}, index=index), asked={"K01": True},
    ...                           alphas={}, codebook=Codebook(scales=(growth,)))
    >>> survey_evidence(material, {"growth": "growth"}, (), SurveyRules())[0].reason
    'missing'
    """
    scales = {claim: material.codebook.scale(name) if name else None for claim, name in claims.items()}
    groups = [PROGRAMME] if by == PROGRAMME else sorted(material.asked)
    return [
        _evidence(material, (claim, group), scale, rules, measured=claim in estimates)
        for claim, scale in scales.items()
        for group in groups
    ]


def _evidence(
    material: SurveyMaterial, key: tuple[str, str], scale: Scale | None, rules: SurveyRules, *, measured: bool
) -> Evidence:
    if scale is None:
        return _silence(key, "not_asked", "no scale of the codebook asks about the claim")
    whole = key[1] == PROGRAMME
    if whole:
        material = material.without_small(scale, rules.minimum_firms)
    firms = material.centred(key[1], scale)
    if len(firms) < rules.minimum_firms:
        reason = f"{len(firms)} firms answered, fewer than {rules.minimum_firms}"
        asked = any(material.asked.values()) if whole else material.asked[key[1]]
        return _silence(key, "missing" if asked else "not_asked", reason)
    if whole and firms.index.get_level_values("organisation").nunique() < 2:
        return _silence(key, "missing", "one organisation's firms only: no other to tell its own error from")
    return _estimate(material, key, scale, rules) if measured else _diagnostic(material, key, scale, rules)


def _silence(key: tuple[str, str], reason: Literal["not_asked", "missing"], note: str) -> Silence:
    return Silence(claim=key[0], group=key[1], stream="survey", reason=reason, note=note)


def _estimate(material: SurveyMaterial, key: tuple[str, str], scale: Scale, rules: SurveyRules) -> Evidence:
    claim, organisation = key
    found = _against(material.centred(organisation, scale), material.centred("", scale))
    if not found.std_error > 0:
        return _silence(key, "missing", "all firms gave the same answer, so that the mean has no standard error")
    return Estimate(
        id=f"survey:{scale.name}:{organisation}",
        claim=claim,
        group=organisation,
        stream="survey",
        value=found.mean,
        std_error=found.std_error * critical_value(0.95, found.df) / critical_value(0.95),
        bias=(_courtesy(material, organisation, scale, rules),),
        dependence=f"survey:{organisation}",
        source=f"survey scale {scale.name}, all waves",
        respondents=material.answered_by(organisation, scale),
        provenance=material.provenance,
    )


def _courtesy(material: SurveyMaterial, organisation: str, scale: Scale, rules: SurveyRules) -> BiasTerm:
    control = _against(material.control(organisation, scale), material.control("", scale))
    if np.isfinite(control.std_error):
        low, high = sorted(share * control.mean for share in rules.courtesy_share)
        sd = float(np.hypot(np.mean(rules.courtesy_share) * control.std_error, rules.courtesy_sd))
        note = f"negative control: {control.mean:.2f} above non-members (standard error {control.std_error:.2f})"
    else:
        (low, high), sd = rules.courtesy_range, rules.courtesy_sd
        note = "provisional: no negative control"
    return BiasTerm(
        domain="courtesy",
        mean=(low + high) / 2,
        sd=sd,
        mean_range=(low, high),
        shared=f"survey:{organisation}",
        note=note,
    )


def _diagnostic(material: SurveyMaterial, key: tuple[str, str], scale: Scale, rules: SurveyRules) -> Diagnostic:
    claim, organisation = key
    test = _test(material, organisation, scale, rules)
    chance = _false_positives(material, scale, rules, test) if rules.p_negligible is None else rules.p_negligible
    return Diagnostic(
        id=f"survey:{scale.name}:{organisation}",
        claim=claim,
        group=organisation,
        stream="survey",
        observed=test.passed,
        p_benefit=rules.p_benefit,
        p_negligible=chance,
        p_harm=chance if rules.p_harm is None else rules.p_harm,
        unreliability=_unreliability(material, scale) if rules.unreliability is None else rules.unreliability,
        dependence=f"survey:{organisation}",
        rho=rules.rho,
        test=f"survey:{scale.name}",
        source=f"survey scale {scale.name}, all waves",
        note=test.note,
        respondents=material.answered_by(organisation, scale),
        provenance=material.provenance,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """Whether an organisation's excess is beyond chance, and what it was compared with."""

    passed: bool
    netted: bool
    compared: bool
    note: str


def _test(material: SurveyMaterial, organisation: str, scale: Scale, rules: SurveyRules) -> _Test:
    own, others = material.centred(organisation, scale), material.centred("", scale)
    net = own.sub(material.control(organisation, scale)).dropna()
    netted = len(net) >= rules.minimum_firms
    if netted:
        own, others = net, others.sub(material.control("", scale)).dropna()
    found = _against(own, others)
    critical = special.stdtrit(found.df, 1 - rules.test_size) if found.std_error > 0 else 0.0
    limit = found.mean - critical * found.std_error
    return _Test(
        passed=bool(limit > rules.margin),
        netted=netted,
        compared=len(others) > 1,
        note=f"excess {found.mean:.2f}, standard error {found.std_error:.2f}, {_firms(own)}, {len(others)} non-members"
        + (", net of the negative control" if netted else ", no negative control"),
    )


def _firms(own: pd.Series) -> str:
    if own.index.nlevels == 1:
        return f"{len(own)} firms"
    return f"{len(own)} firms of {own.index.get_level_values(0).nunique()} organisations"


def _false_positives(material: SurveyMaterial, scale: Scale, rules: SurveyRules, test: _Test) -> tuple[float, float]:
    """From errors that are each respondent's own to errors that an organisation's respondents share."""
    single = float((material.centred("", scale) > _HALF_STEP).mean()) if test.compared else rules.unmeasured_courtesy
    high = single if test.netted else max(single, rules.unmeasured_courtesy)
    return rules.test_size, max(rules.test_size, high)


def _unreliability(material: SurveyMaterial, scale: Scale) -> float:
    alpha = material.alphas.get(scale.name, np.nan)
    return float(np.clip(1 - alpha, 0, 1)) if np.isfinite(alpha) else _UNKNOWN_UNRELIABILITY


def _against(own: pd.Series, others: pd.Series) -> DesignMean:
    """Mean of an organisation's or all organisations' firms less that of the non-members, if there are any."""
    scores = own.to_numpy(dtype=np.float64)
    together = own.index.nlevels > 1
    mean = clustered_mean(scores, own.index.get_level_values(0).tolist()) if together else simple_mean(scores)
    return difference(mean, simple_mean(others.to_numpy(dtype=np.float64))) if len(others) > 1 else mean


def _is_chance(value: Chance) -> bool:
    low, high = value if isinstance(value, tuple) else (value, value)
    return 0 <= low <= high <= 1


def _rule(name: str, value: object, expected: str) -> Problem:
    return Problem(what=f"{name} is {value}", where="rules of the survey", expected=expected, remedy="correct it")
