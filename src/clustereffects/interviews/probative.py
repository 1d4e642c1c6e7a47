"""From codings to evidence: what hearing, or not hearing, a code in an interview says about a claim.

The unit is one interview: the bridge states the probability of hearing a code *in one interview* under each state of
the effect. Interviews of one organisation are not independent witnesses, therefore every item carries a dependence
group and the correlation within it; and coders miss things, therefore every item carries its unreliability.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from clustereffects.interviews._private import option_error
from clustereffects.results.evidence import BiasEvidence, Diagnostic, Silence

if TYPE_CHECKING:
    from clustereffects.interviews.bridge import Bridge
    from clustereffects.interviews.codings import Codings

Floats = npt.NDArray[np.float64]
InterviewEvidence: TypeAlias = Diagnostic | BiasEvidence | Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasRule:
    """What certain knowledge of a bias would add to the bias of an estimate. Provisional: a judgement, to be swept.

    Parameters
    ----------
    stream : {"economic", "survey", "interviews", "documents"}
        The stream whose estimates are biased.
    shift, sd : float
        Mean and standard deviation of the bias if it is certainly there, for a claim whose smallest effect of interest is
        0.01; for other claims in proportion to theirs, where ``DiagnosticOptions.deltas`` has it. A positive shift means
        that the estimate is too high.

    Raises
    ------
    OptionError
        If ``sd`` is negative.

    Examples
    --------
    >>> BiasRule(stream="economic", shift=0.02, sd=0.03).shift
    0.02
    """

    stream: Literal["economic", "survey", "interviews", "documents"]
    shift: float
    sd: float

    def __post_init__(self) -> None:
        if not self.sd >= 0:
            raise option_error("sd of a bias rule", self.sd, "a number ≥ 0")


#: Smallest effect of interest for which the rules state their numbers.
_UNIT = 0.01
_DEFAULT_RULES = (
    BiasRule(stream="economic", shift=0.02, sd=0.03),
    BiasRule(stream="survey", shift=0.03, sd=0.05),
    BiasRule(stream="interviews", shift=0.0, sd=0.05),
    BiasRule(stream="documents", shift=0.0, sd=0.05),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticOptions:
    """Judgements that turn codings into evidence.

    Parameters
    ----------
    rho : float
        Correlation between reports of one dependence group (organisation × group of tests).
    combine : {"either", "both"}
        When several coders read an interview: heard if either found the code, or only if all did.
    floor, default : float
        Smallest unreliability of a report (perfect agreement in a small sample is luck), and the one assumed where
        no interview was read twice.
    pool : float
        Weight of the agreement over all codes, in interviews, when a code's own agreement is estimated.
    late : {"discount", "omit"}
        A test that was registered after the data (or never) counts as one observation per organisation, or not at all.
    data_from : date, optional
        First day of the data; by default the day of the first coding.
    bias : tuple of BiasRule
    bias_prior : float
        Probability of a bias before the interviews.
    deltas : mapping of str to float
        Smallest effect of interest of each claim, the unit in which a bias is large or small. A claim that is not named
        has 0.01.

    Raises
    ------
    OptionError
        If a probability lies outside 0–1, ``pool`` is negative, an effect of interest is not positive, or a choice is
        unknown.

    Examples
    --------
    >>> DiagnosticOptions(rho=0.5).combine
    'either'
    """

    rho: float = 0.3
    combine: Literal["either", "both"] = "either"
    floor: float = 0.05
    default: float = 0.2
    pool: float = 30.0
    late: Literal["discount", "omit"] = "discount"
    data_from: date | None = None
    bias: tuple[BiasRule, ...] = _DEFAULT_RULES
    bias_prior: float = 0.5
    deltas: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("rho", "floor", "default", "bias_prior"):
            if not 0 <= getattr(self, name) <= 1:
                raise option_error(name, getattr(self, name), "a probability between 0 and 1")
        if not self.pool >= 0:
            raise option_error("pool", self.pool, "a number ≥ 0")
        if self.combine not in {"either", "both"}:
            raise option_error("combine", self.combine, "either or both")
        if self.late not in {"discount", "omit"}:
            raise option_error("late", self.late, "discount or omit")
        wrong = {claim: delta for claim, delta in self.deltas.items() if not 0 < delta < math.inf}
        if wrong:
            raise option_error("deltas", wrong, "a smallest effect of interest above 0 for every claim")

    def rule(self, stream: str, claim: str = "") -> BiasRule | None:
        """The rule for a stream, if there is one, in the units of the claim's scale."""
        unit = self.deltas.get(claim, _UNIT) / _UNIT
        found = next((rule for rule in self.bias if rule.stream == stream), None)
        return found and replace(found, shift=unit * found.shift, sd=unit * found.sd)


def shrunken_alpha(alphas: npt.ArrayLike, weights: npt.ArrayLike, options: DiagnosticOptions) -> Floats:
    """Agreement per code, pulled towards the agreement over all codes.

    Parameters
    ----------
    alphas : array_like
        Krippendorff's alpha of each code, NaN where undefined.
    weights : array_like
        Interviews read twice × chance disagreement of each code.
    options : DiagnosticOptions
        ``pool`` is the weight of the common value, in interviews.

    Returns
    -------
    ndarray
        NaN throughout if no code has a coefficient.

    Raises
    ------
    ValueError
        If the two arrays differ in length.

    Notes
    -----
    The common value is ``1 - ΣD_o / ΣD_e`` over codes, that is the mean of the codes' alphas weighted by expected
    disagreement. It enters with the weight of ``pool`` interviews of a code that is a coin toss (chance disagreement
    one half), a code's own alpha with its own weight.

    Examples
    --------
    >>> shrunken_alpha([0.8, 0.4, np.nan], [15.0, 15.0, 0.0], DiagnosticOptions(pool=30)).round(3)
    array([0.7, 0.5, 0.6])
    """
    own, weight = np.asarray(alphas, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    known = np.isfinite(own) & (weight > 0)
    if not known.any():
        return np.full(len(own), np.nan)
    common = float(np.average(own[known], weights=weight[known]))
    prior = options.pool / 2
    own, weight = np.where(known, own, 0.0), np.where(known, weight, 0.0)
    total = weight + prior
    return np.where(total > 0, (weight * own + prior * common) / np.where(total > 0, total, 1), common)


def chance_weight(alpha: npt.ArrayLike, options: DiagnosticOptions) -> Floats:
    """Unreliability ε of one coder's report, from the agreement of two.

    Parameters
    ----------
    alpha : array_like
        Chance-corrected agreement; NaN where unknown.
    options : DiagnosticOptions

    Returns
    -------
    ndarray
        ``1 - sqrt(alpha)``, at least ``floor``; 1 for no agreement beyond chance; ``default`` where unknown.

    Raises
    ------
    TypeError
        If ``alpha`` is not numeric.

    Notes
    -----
    Model: each coder sees the truth with probability 1 − ε and otherwise guesses "heard" at the code's base rate q.
    Two independent coders then correlate by (1 − ε)², which is what chance-corrected agreement estimates: the share
    of the reports' variance that is variance of the truth (Kraemer 1979, Psychometrika 44, 461–472).

    Examples
    --------
    >>> chance_weight([0.64, 1.0, -0.1, np.nan], DiagnosticOptions()).round(2)
    array([0.2 , 0.05, 1.  , 0.2 ])
    """
    values = np.asarray(alpha, dtype=np.float64)
    epsilon = 1 - np.sqrt(np.clip(np.where(np.isfinite(values), values, 0.0), 0, 1))
    return np.where(np.isfinite(values), np.clip(epsilon, options.floor, 1.0), options.default)


def report_error(epsilon: float, noise: float, coders: int, combine: Literal["either", "both"]) -> tuple[float, float]:
    """Unreliability and noise of the joint report of several independent coders.

    Parameters
    ----------
    epsilon, noise : float
        Of one coder's report: ``P(heard | state) = (1 - ε) p(state) + ε q``.
    coders : int
        How many read the interview.
    combine : {"either", "both"}

    Returns
    -------
    tuple of two floats
        ε and q of the joint report, in the same model.

    Raises
    ------
    OptionError
        If nobody read the interview.

    Notes
    -----
    One coder misses with probability ``m = ε(1-q)`` and hears what is not there with ``f = εq``. "Either" gives
    ``m^j`` and ``1-(1-f)^j``, "both" gives ``1-(1-m)^j`` and ``f^j``; then ``ε = m+f`` and ``q = f/(m+f)``.

    Examples
    --------
    >>> [round(value, 3) for value in report_error(0.175, 0.257, 2, "either")]
    [0.105, 0.839]
    """
    if coders < 1:
        raise option_error("coders", coders, "at least one")
    if coders == 1:
        return epsilon, noise
    miss, false = epsilon * (1 - noise), epsilon * noise
    if combine == "either":
        miss, false = miss**coders, 1 - (1 - false) ** coders
    else:
        miss, false = 1 - (1 - miss) ** coders, false**coders
    total = miss + false
    return (min(total, 1.0), false / total) if total > 0 else (0.0, 0.5)


def bias_probability(heard: float, interviews: float, false_positive: float, prior: float = 0.5) -> float:
    """Probability that a bias is there, from how many interviews raise it.

    Parameters
    ----------
    heard, interviews : float
        Interviews that raise it, and all interviews that could have; fractions when tempered for dependence.
    false_positive : float
        Share of interviews that would raise it anyway.
    prior : float

    Returns
    -------
    float

    Raises
    ------
    OptionError
        If ``false_positive`` is not strictly between 0 and 1.

    Notes
    -----
    Without the bias every interview raises it with probability ``p₀ = false_positive``; with it the probability is
    unknown, uniform on (p₀, 1). The Bayes factor is ``∫ θᵏ(1-θ)ⁿ⁻ᵏ dθ / (1-p₀)`` over ``p₀ᵏ(1-p₀)ⁿ⁻ᵏ``, an incomplete
    beta integral.

    Examples
    --------
    >>> round(bias_probability(6, 8, 0.3), 3), round(bias_probability(1, 8, 0.3), 3)
    (0.94, 0.136)
    """
    from scipy.special import betainc, betaln

    if not 0 < false_positive < 1:
        raise option_error("false_positive", false_positive, "a share strictly between 0 and 1")
    first, second = heard + 1, interviews - heard + 1
    tail = 1 - betainc(first, second, false_positive)
    log_null = heard * np.log(false_positive) + (interviews - heard) * np.log1p(-false_positive)
    factor = float(tail / (1 - false_positive) * np.exp(betaln(first, second) - log_null))
    return prior * factor / (prior * factor + 1 - prior)


def diagnostics_of(
    codings: Codings, bridge: Bridge, options: DiagnosticOptions, key: str = ""
) -> list[InterviewEvidence]:
    """Evidence from codings; see ``clustereffects.interviews.codings.Codings.diagnostics``.

    Parameters
    ----------
    codings : Codings
    bridge : Bridge
    options : DiagnosticOptions
    key : str
        Secret of the respondents' pseudonyms; without one the items carry none.

    Returns
    -------
    list of Diagnostic, BiasEvidence and Silence
        In the order of the bridge's rows, organisations and interviews; silences last.

    Raises
    ------
    OptionError
        If a test is about the bias of a stream for which the options hold no rule.

    Examples
    --------
    >>> import pandas as pd
    >>> from clustereffects.interviews import BridgeRow, Bridge, Codings
    >>> codings = Codings(pd.DataFrame({"source": ["I1", "I2"], "organisation": "K01", "coder": "AL",
    ...                                 "code": ["M1", ""]}))
    >>> row = BridgeRow(code="M1", claim="growth", test="T01", p_benefit=0.6, p_negligible=0.3, p_harm=0.15)
    >>> [item.observed for item in diagnostics_of(codings, Bridge(rows=(row,)), DiagnosticOptions())]
    [True, False]
    """
    from clustereffects.interviews._evidence import collect

    return collect(codings, bridge, options, key)
