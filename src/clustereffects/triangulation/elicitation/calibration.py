"""Were the judges right? Tests calibrated across organisations against the bias-adjusted economic posterior.

The economic posterior is evidence on the state of an organisation and not the truth: the state is latent. Forecasts are
compared on organisations that were left out, so that a calibration that does not help is seen to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.results.evidence import Diagnostic, Evidence
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.elicitation.latent import ErrorPosterior, LatentTests
from clustereffects.triangulation.elicitation.levels import Range, kind_of_test
from clustereffects.triangulation.elicitation.reports import Material, calibration_material
from clustereffects.triangulation.elicitation.scores import (
    ForecastScores,
    compare_forecasts,
    elicited_forecast,
    forecast,
)
from clustereffects.triangulation.elicitation.unit_grid import NODES, cell_interval

FloatArray = NDArray[np.float64]
CALIBRATED, UNCALIBRATED = "calibrated", "uncalibrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOptions:
    """Choices of a calibration.

    Parameters
    ----------
    minimum_organisations : int
        Below that many organisations with both streams a test is ``"uncalibrated"``.
    level : float
        Probability that the intervals hold.
    shift_sd : float
        Prior standard deviation, in log odds, of what all judgements have in common as error.
    anchor : {"economic", "survey", "interviews", "documents"}
        Stream whose posterior the tests are held against.

    Raises
    ------
    OptionError
        If a number is out of range.

    Examples
    --------
    >>> CalibrationOptions().minimum_organisations
    15
    """

    minimum_organisations: int = 15
    level: float = 0.9
    shift_sd: float = 1.0
    anchor: str = "economic"

    def __post_init__(self) -> None:
        right = {
            "minimum_organisations": self.minimum_organisations >= 2,
            "level": 0 < self.level < 1,
            "shift_sd": np.isfinite(self.shift_sd) and self.shift_sd > 0,
        }
        wrong = [f"{name} is {getattr(self, name)}" for name, fine in right.items() if not fine]
        if wrong:
            expected = "at least 2 organisations, a level between 0 and 1, a positive shift_sd"
            raise OptionError(
                [Problem(what=w, where="calibration", expected=expected, remedy="correct it") for w in wrong]
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedTest:
    """One test held against the economic posterior.

    Parameters
    ----------
    test : str
    status : {"calibrated", "uncalibrated"}
    organisations, reports : int
        With both streams.
    with_benefit : float
        Expected number of these organisations that had a benefit.
    sensitivity, specificity : float
        Posterior mean of P(seen | benefit) and of P(not seen | no benefit).
    sensitivity_range, specificity_range : tuple of two floats
    elicited : tuple of two floats
        Sensitivity and specificity as judged.
    learned : tuple of two floats
        Share of the prior variance of each that the reports removed: near zero, the interval is the judges'.
    scores : ForecastScores

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> sorted(CalibratedTest.__slots__)[:3]
    ['elicited', 'learned', 'organisations']
    """

    test: str
    status: str
    organisations: int
    reports: int
    with_benefit: float
    sensitivity: float
    sensitivity_range: Range
    specificity: float
    specificity_range: Range
    elicited: tuple[float, float]
    learned: tuple[float, float]
    scores: ForecastScores

    @property
    def kind(self) -> str:
        """Name of the test that follows from the calibrated values."""
        return kind_of_test(self.sensitivity, 1 - self.specificity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All tests, with scores on organisations that were left out.

    Parameters
    ----------
    tests : tuple of CalibratedTest
    scores : ForecastScores
        Over all tests.
    left_out : dict of (organisation, test) to two ranges
        P(seen | benefit) and P(seen | no benefit) from all other organisations.
    options : CalibrationOptions

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> empty = ForecastScores(organisations=0, log_score=np.nan, log_score_elicited=np.nan, brier=np.nan,
    ...                        brier_elicited=np.nan, gain=np.nan, gain_std_error=np.nan)
    >>> Calibration(tests=(), scores=empty, left_out={}, options=CalibrationOptions()).table().empty
    True
    """

    tests: tuple[CalibratedTest, ...]
    scores: ForecastScores
    left_out: dict[tuple[str, str], tuple[Range, Range]] = field(repr=False)
    options: CalibrationOptions

    def table(self) -> pd.DataFrame:
        """One row per test: status, sensitivity and specificity with intervals, as judged, and scores."""
        return pd.DataFrame([_row(one) for one in self.tests])

    def status(self, test: str) -> str:
        """``"calibrated"``, or ``"uncalibrated"`` for tests with few organisations and tests nobody reported on."""
        return next((one.status for one in self.tests if one.test == test), UNCALIBRATED)

    def applied(self, evidence: Iterable[Evidence]) -> list[Evidence]:
        """Evidence in which calibrated ranges replace what was judged.

        Each organisation gets the ranges of the *other* organisations, because its own economic stream must not count
        twice. Calibration does not tell a negligible effect from harm: both get the same range. Uncalibrated tests and
        organisations outside the calibration keep their judgements.
        """
        return [self._applied(one) if isinstance(one, Diagnostic) else one for one in evidence]

    def _applied(self, item: Diagnostic) -> Diagnostic:
        found = self.left_out.get((item.group, item.test))
        if found is None or self.status(item.test) != CALIBRATED or item.target != "effect":
            return item
        note = "; ".join(part for part in (item.note, "probabilities calibrated on the other organisations") if part)
        return replace(item, p_benefit=found[0], p_negligible=found[1], p_harm=found[1], note=note, elicitation="")


def calibrate_tests(cells: Sequence[CellFinding], options: CalibrationOptions | None = None) -> Calibration:
    """Calibrate tests across organisations against the posterior of the economic stream.

    Parameters
    ----------
    cells : sequence of CellFinding
        Of all organisations and claims.
    options : CalibrationOptions, optional

    Returns
    -------
    Calibration

    Raises
    ------
    EvidenceError
        If no cell has both the economic stream and a registered test from another one.

    Notes
    -----
    Organisation c had a benefit with probability π_c, from its economic estimates with their declared biases and the
    wide part of the prior. Its reports have the likelihood ``π_c·Π p*(s)^λ + (1 − π_c)·Π p*(t)^λ``: a latent class model
    (Dawid & Skene 1979, *Journal of the Royal Statistical Society C* 28(1)) whose class probabilities are not free but
    those of the economic stream; p* and λ are the engine's. Priors of the tests' s and t are beta distributions around the
    judged values, whose strength and common shift in log odds are learned over all tests, as far as these do not share
    unknown states (``latent.borrowing_powers``). What one organisation's
    reports would have been forecast to be, from the others, is scored by the logarithm and by Brier's squares.

    If the economic bias is judged wrongly for all organisations alike, the calibration inherits it.

    Examples
    --------
    >>> from clustereffects.results.evidence import Diagnostic, Estimate
    >>> from clustereffects.triangulation import Prior, Thresholds, Claim
    >>> from clustereffects.triangulation.cell_finding import find_cell
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> def cell(i, effect, seen):
    ...     about = {"claim": "growth", "group": f"K{i:02}"}
    ...     did = Estimate(id="did", stream="economic", value=effect, std_error=0.01, **about)
    ...     sign = Diagnostic(id="sign", stream="interviews", test="T01", observed=seen, p_benefit=0.6, p_negligible=0.4,
    ...                       p_harm=0.4, **about)
    ...     evidence = CellEvidence(estimates=(did,), diagnostics=(sign,))
    ...     return find_cell(claim, about["group"], evidence, prior, Thresholds())
    >>> found = calibrate_tests([cell(i, 0.1 * (i % 2), i % 2 == 1) for i in range(16)])
    >>> found.tests[0].status, found.tests[0].elicited[0]
    ('calibrated', 0.6)
    >>> found.tests[0].sensitivity > 0.8, found.scores.gain > 0
    (True, True)
    """
    options = CalibrationOptions() if options is None else options
    material = calibration_material(cells, options.anchor)
    latent = LatentTests(list(material.reports), material.state[:, 2], options.shift_sd)
    groups = tuple(sorted(set(material.group)))
    belongs = np.array([groups.index(group) for group in material.group], dtype=np.intp)
    without = [latent.posterior(np.flatnonzero(belongs == i)) for i in range(len(groups))]
    means = np.array([[one.benefit @ NODES, one.without @ NODES] for one in without])
    forecasts = [
        (
            forecast(reports, material.state[:, 2], means[belongs[reports.organisation], :, j]),
            elicited_forecast(reports, material.state, material.judged[j]),
        )
        for j, reports in enumerate(material.reports)
    ]
    scores = [
        compare_forecasts([pair], [reports], belongs) for pair, reports in zip(forecasts, material.reports, strict=True)
    ]
    posterior = latent.posterior()
    return Calibration(
        tests=tuple(_calibrated(j, material, posterior, scores[j], options) for j in range(len(material.names))),
        scores=compare_forecasts(forecasts, material.reports, belongs),
        left_out=_left_out(material, groups, without, options),
        options=options,
    )


def _calibrated(
    j: int, material: Material, posterior: ErrorPosterior, scores: ForecastScores, options: CalibrationOptions
) -> CalibratedTest:
    reports, organisations = material.reports[j], material.organisations(j)
    benefit, without = posterior.benefit[j], posterior.without[j]
    low, high = cell_interval(without, options.level)
    return CalibratedTest(
        test=material.names[j],
        status=CALIBRATED if organisations >= options.minimum_organisations else UNCALIBRATED,
        organisations=organisations,
        reports=reports.observed.size,
        with_benefit=float(material.state[np.unique(reports.organisation), 2].sum()),
        sensitivity=float(benefit @ NODES),
        sensitivity_range=cell_interval(benefit, options.level),
        specificity=1 - float(without @ NODES),
        specificity_range=(1 - high, 1 - low),
        elicited=(reports.elicited[0], 1 - reports.elicited[1]),
        learned=(_learned(benefit, posterior.prior_benefit[j]), _learned(without, posterior.prior_without[j])),
        scores=scores,
    )


def _left_out(
    material: Material, groups: Sequence[str], without: Sequence[ErrorPosterior], options: CalibrationOptions
) -> dict[tuple[str, str], tuple[Range, Range]]:
    return {
        (group, test): (cell_interval(one.benefit[j], options.level), cell_interval(one.without[j], options.level))
        for group, one in zip(groups, without, strict=True)
        for j, test in enumerate(material.names)
    }


def _learned(posterior: FloatArray, prior: FloatArray) -> float:
    after, before = (float(cells @ NODES**2 - (cells @ NODES) ** 2) for cells in (posterior, prior))
    return 1 - after / before


def _row(one: CalibratedTest) -> dict[str, object]:
    names = ("test", "status", "organisations", "reports", "with_benefit")
    return {name: getattr(one, name) for name in names} | {
        "sensitivity": one.sensitivity,
        "sensitivity_low": one.sensitivity_range[0],
        "sensitivity_high": one.sensitivity_range[1],
        "specificity": one.specificity,
        "specificity_low": one.specificity_range[0],
        "specificity_high": one.specificity_range[1],
        "elicited_sensitivity": one.elicited[0],
        "elicited_specificity": one.elicited[1],
        "learned_sensitivity": one.learned[0],
        "learned_specificity": one.learned[1],
        "kind": one.kind,
        **one.scores.columns(),
    }
