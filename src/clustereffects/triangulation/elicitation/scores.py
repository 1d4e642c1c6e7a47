"""Scores of forecasts of reports: calibrated on other organisations against elicited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.elicitation.latent import ReportsOnTest
from clustereffects.triangulation.likelihoods import contaminated

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_LEAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScores:
    """How well reports were forecast in organisations that were left out; smaller scores are better.

    Parameters
    ----------
    organisations : int
    log_score, log_score_elicited : float
        Mean of −ln of the probability that was given to what was reported, calibrated and elicited.
    brier, brier_elicited : float
        Mean squared difference between forecast and report.
    gain, gain_std_error : float
        Elicited minus calibrated log score, and its standard error over organisations: within two standard errors of zero the
        calibration has not shown that it helps.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> ForecastScores(organisations=20, log_score=0.5, log_score_elicited=0.6, brier=0.2, brier_elicited=0.21, gain=0.1,
    ...                gain_std_error=0.03).columns()["gain"]
    0.1
    """

    organisations: int
    log_score: float
    log_score_elicited: float
    brier: float
    brier_elicited: float
    gain: float
    gain_std_error: float

    def columns(self) -> dict[str, float]:
        """Scores as columns of a table."""
        return {name: value for name, value in asdict(self).items() if name != "organisations"}


def forecast(reports: ReportsOnTest, benefit: FloatArray, chance: FloatArray) -> FloatArray:
    """Probability of "seen" for each report.

    Parameters
    ----------
    reports : ReportsOnTest
    benefit : array, shape (cells,)
        Probability of benefit.
    chance : array, shape (reports, 2)
        Probability of the sign under benefit, and without.

    Returns
    -------
    array, shape (reports,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> one = ReportsOnTest(organisation=np.array([0]), observed=np.array([True]), unreliability=np.zeros(1),
    ...                   noise=np.full(1, 0.5), weight=np.ones(1), elicited=(0.6, 0.3))
    >>> forecast(one, np.array([0.5]), np.array([[0.6, 0.2]])).round(3).tolist()
    [0.4]
    """
    share = benefit[reports.organisation]
    return _weighted(reports, np.stack([share, 1 - share], axis=1), chance)


def elicited_forecast(reports: ReportsOnTest, state: FloatArray, judged: FloatArray) -> FloatArray:
    """Probability of "seen" for each report from the judged probabilities.

    Parameters
    ----------
    reports : ReportsOnTest
    state : array, shape (cells, 3)
    judged : array, shape (reports, 3)

    Returns
    -------
    array, shape (reports,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> one = ReportsOnTest(organisation=np.array([0]), observed=np.array([True]), unreliability=np.full(1, 0.1),
    ...                   noise=np.full(1, 0.5), weight=np.ones(1), elicited=(0.6, 0.3))
    >>> elicited_forecast(one, np.array([[0.0, 0.5, 0.5]]), np.array([[0.2, 0.2, 0.6]])).round(3).tolist()
    [0.41]
    """
    return _weighted(reports, state[reports.organisation], judged)


def _weighted(reports: ReportsOnTest, share: FloatArray, chance: FloatArray) -> FloatArray:
    seen = contaminated(chance, np.ones(len(chance), dtype=np.bool_), reports.unreliability, reports.noise)
    return np.asarray((share * seen).sum(axis=1))


def compare_forecasts(
    forecasts: Sequence[tuple[FloatArray, FloatArray]], reports: Sequence[ReportsOnTest], organisation: IntArray
) -> ForecastScores:
    """Score two sets of forecasts, every organisation with the same weight.

    Parameters
    ----------
    forecasts : sequence of pairs of arrays
        For each test: calibrated and elicited probability of "seen" for every report.
    reports : sequence of ReportsOnTest
    organisation : array of int, shape (cells,)
        Organisation of each cell.

    Returns
    -------
    ForecastScores
        Forecasts are held within 10⁻⁶ of 0 and 1, so that one impossible report does not make everything infinite.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> one = ReportsOnTest(organisation=np.arange(2), observed=np.array([True, False]), unreliability=np.zeros(2),
    ...                   noise=np.full(2, 0.5), weight=np.ones(2), elicited=(0.6, 0.3))
    >>> found = compare_forecasts([(np.array([0.8, 0.2]), np.array([0.5, 0.5]))], [one], np.arange(2))
    >>> round(found.brier, 3), round(found.brier_elicited, 3), round(found.gain, 3)
    (0.04, 0.25, 0.47)
    """
    seen = np.concatenate([one.observed for one in reports]).astype(np.float64)
    where = np.concatenate([organisation[one.organisation] for one in reports])
    both = np.clip(np.concatenate([np.stack(pair, axis=1) for pair in forecasts]), _LEAST, 1 - _LEAST)
    log_score = -np.log(np.where(seen[:, None] > 0, both, 1 - both))
    brier = (both - seen[:, None]) ** 2
    each = np.stack([_by_organisation(values, where) for values in (log_score, brier)])
    gain = each[0, :, 1] - each[0, :, 0]
    spread = float(gain.std(ddof=1) / np.sqrt(gain.size)) if gain.size > 1 else np.nan
    (log_calibrated, log_elicited), (brier_calibrated, brier_elicited) = each.mean(axis=1).tolist()
    return ForecastScores(
        organisations=gain.size,
        log_score=log_calibrated,
        log_score_elicited=log_elicited,
        brier=brier_calibrated,
        brier_elicited=brier_elicited,
        gain=float(gain.mean()),
        gain_std_error=spread,
    )


def _by_organisation(values: FloatArray, where: IntArray) -> FloatArray:
    return np.stack([values[where == one].mean(axis=0) for one in np.unique(where)])
