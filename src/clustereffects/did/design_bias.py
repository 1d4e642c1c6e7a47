"""Bias of difference-in-differences after matching on functions of the outcome before joining. Arrays only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.path_moments import PathMoments
from clustereffects.matching.reliability import Stability, stability

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Kind = Literal["parallel", "dip", "trend", "dip and trend"]

# 5 % value of chi-squared with one degree of freedom; 2.5 % where a dip and a trend are looked for.
_DISTINCT = 3.841458820694124
_EITHER = 5.023886187314888
_MEASURABLE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class GapPath:
    """How treated units differed from controls before joining, in words of a model.

    Parameters
    ----------
    kind : {"parallel", "dip", "trend", "dip and trend"}
        A constant difference; besides it one in the transitory part, which fades; or one in the linear trend.
    level, dip, trend : float
        Constant difference; difference of the transitory parts at −1; yearly divergence.
    covariance : array (3, 3)
        Of the three; zero where one is not in the model.
    persistence : float
        Of the transitory part.
    statistic : float
        Chi-squared against a constant difference, with as many degrees of freedom as periods less one.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> GapPath("dip", 0.5, -0.2, 0.0, np.zeros((3, 3)), 0.5, 9.0).at(np.array([-2, -1])).tolist()
    [0.4, 0.3]
    """

    kind: Kind
    level: float
    dip: float
    trend: float
    covariance: FloatArray
    persistence: float
    statistic: float

    def shape(self, event_times: IntArray) -> FloatArray:
        """How each of the three enters the difference at event times −1 and before (k, 3)."""
        event = np.asarray(event_times, dtype=np.float64)
        return np.column_stack([np.ones(len(event)), self.persistence ** np.abs(event + 1), event + 1])

    def at(self, event_times: IntArray) -> FloatArray:
        """Difference without treatment, if the outcome goes on to be as stable as it was."""
        return np.asarray(self.shape(event_times) @ np.array([self.level, self.dip, self.trend]))


def gap_path(gap: FloatArray, covariance: FloatArray, persistence: float) -> GapPath:
    """Choose the simplest model of the differences before joining that they do not contradict.

    Parameters
    ----------
    gap : array (K,)
        Differences at event times −K … −1.
    covariance : array (K, K)
    persistence : float

    Returns
    -------
    GapPath
        Parallel, unless a dip or a trend improves the fit by more than the 2.5 % value of chi-squared with one degree of
        freedom, so that constant differences are called otherwise in at most about 5 % of samples; both, if the second
        does so too and there are four periods.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ``d_e = a + c ρ^(−1−e) + b (e + 1)``, generalised least squares. Given the transitory part at −1, that of an AR(1) at
    ``e`` is expected to be ``ρ^|e+1|`` times as large on either side of it: a dip fades after joining as it came.

    References
    ----------
    Ashenfelter (1978), *Review of Economics and Statistics* 60(1); Chabé-Ferret (2017), TSE working paper 17-824.

    Examples
    --------
    >>> gap_path(np.array([0.30, 0.31, 0.30]), 0.01 * np.eye(3), 0.5).kind
    'parallel'
    >>> gap_path(np.array([0.0, 0.0, 0.0, -1.0]), 0.01 * np.eye(4), 0.0).kind
    'dip'
    """
    times = np.arange(-len(gap), 0)
    whole = GapPath("parallel", 0.0, 0.0, 0.0, np.zeros((3, 3)), persistence, 0.0).shape(times)
    weight = np.asarray(np.linalg.pinv(covariance, hermitian=True), dtype=np.float64)
    losses = {part: _gls(gap, whole[:, list(part)], weight)[0] for part in ((0,), (0, 1), (0, 2))}
    chosen: tuple[int, ...] = (0,)
    better = min(((0, 1), (0, 2)), key=lambda part: losses[part]) if len(gap) > 2 else (0, 1)
    if losses[(0,)] - losses[better] > _EITHER:
        chosen = better
        both = _gls(gap, whole, weight)[0]
        if len(gap) > 3 and losses[better] - both > _EITHER:
            chosen = (0, 1, 2)
    _, value, spread = _gls(gap, whole[:, list(chosen)], weight)
    full, found = np.zeros((3, 3)), np.zeros(3)
    full[np.ix_(chosen, chosen)], found[list(chosen)] = spread, value
    words: dict[tuple[int, ...], Kind] = {(0,): "parallel", (0, 1): "dip", (0, 2): "trend", (0, 1, 2): "dip and trend"}
    level, dip, trend = (float(one) for one in found)
    return GapPath(words[chosen], level, dip, trend, full, persistence, losses[(0,)])


def _gls(gap: FloatArray, shape: FloatArray, weight: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    spread = np.asarray(np.linalg.pinv(shape.T @ weight @ shape, hermitian=True), dtype=np.float64)
    value = spread @ shape.T @ weight @ gap
    left = gap - shape @ value
    return float(left @ weight @ left), value, spread


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What the periods before joining say about matching on the outcome.

    Parameters
    ----------
    stability : Stability
        Permanent and transitory part of the controls' outcome.
    reliability_std_error : float
        Of the reliability of one period.
    loading : array (H + 1,)
        Effect of the permanent part after joining relative to before; one where no difference is distinguishable.
    path : GapPath
    moments : PathMoments

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Diagnosis.__slots__
    ('stability', 'reliability_std_error', 'loading', 'path', 'moments')
    """

    stability: Stability
    reliability_std_error: float
    loading: FloatArray
    path: GapPath
    moments: PathMoments

    def bias(self, matched: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bias (H + 1,) by event time after matching on linear functions (r, K) of the outcome, and their mean's error.

        Returns
        -------
        bias : array (H + 1,)
        std_error : array (1,)
            Of the mean over event times, from the error of the differences before joining.

        Raises
        ------
        ValueError
            If the functions do not have one coefficient per period.

        Notes
        -----
        The mean change of treated units without treatment, minus what it is for controls with the same values of the
        functions: ``δ(h) − δ(−1) − γ_h' W δ``, where ``γ_h`` are the slopes of the controls' changes on the functions
        ``W``. With one period, white noise and parallel trends this is ``−(1 − r)`` times the difference at −1, and with
        a loading ``s`` it is ``s (1 − r)`` times it for matching on all periods: Ham & Miratrix (2024), theorem 3.2.
        """
        gradient = np.stack([self._gradient(matched, event) for event in range(len(self.loading))])
        value = np.array([self.path.level, self.path.dip, self.path.trend])
        mean = gradient.mean(axis=0)
        return gradient @ value, np.sqrt(np.atleast_1d(mean @ self.path.covariance @ mean))

    def _gradient(self, matched: FloatArray, event: int) -> FloatArray:
        """Derivative (3,) of the bias in level, dip and trend of the difference."""
        periods = self.moments.own.shape[2]
        before = self.path.shape(np.arange(-periods, 0))
        after = np.array([self.loading[event], self.path.persistence ** (event + 1.0), event + 1.0])
        change = after - before[-1]
        if not len(matched):
            return np.asarray(change, dtype=np.float64)
        own, cross = self.moments.own[0, event], self.moments.cross[0, event]
        slope = np.linalg.pinv(matched @ own @ matched.T, hermitian=True) @ (matched @ (cross - own[:, -1]))
        return np.asarray(change - slope @ matched @ before, dtype=np.float64)


def diagnose(moments: PathMoments) -> Diagnosis:
    """Estimate how stable the outcome is and how treated units differed before joining.

    Parameters
    ----------
    moments : PathMoments

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError
        If there are fewer than two periods.

    Examples
    --------
    >>> from clustereffects.did.path_moments import CohortPaths, path_moments
    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=(4000, 1)) + rng.normal(size=(4000, 4))
    >>> y[:200] += 0.5
    >>> found = diagnose(path_moments([CohortPaths(y[:, :3], y[:, 3:], np.empty((4000, 0)), np.arange(4000) < 200,
    ...                                            np.zeros(4000, int), np.arange(4000))]))
    >>> round(found.stability.reliability(), 1), found.path.kind
    (0.5, 'parallel')
    """
    fits = [stability(one) for one in moments.before]
    loadings = np.stack([_loadings(fit, cross) for fit, cross in zip(fits, moments.cross, strict=True)])
    reliability = np.array([fit.reliability() for fit in fits])
    error = _jackknife(loadings)
    with np.errstate(divide="ignore", invalid="ignore"):
        distinct = (loadings[0] - 1.0) ** 2 > _DISTINCT * error**2
    usable = distinct & (reliability[0] > _MEASURABLE)
    return Diagnosis(
        fits[0],
        float(_jackknife(reliability)),
        np.where(usable, loadings[0], 1.0),
        gap_path(moments.gap, moments.gap_covariance, fits[0].persistence),
        moments,
    )


def _loadings(fit: Stability, cross: FloatArray) -> FloatArray:
    """Effect of the permanent part at every event time from joining on, relative to before (H + 1,)."""
    events, periods = cross.shape
    ahead = np.arange(events)[:, None] + np.arange(periods, 0, -1)
    stable = (cross - fit.transitory * fit.persistence**ahead).mean(axis=1)
    return np.asarray(stable / max(fit.permanent, 1e-300), dtype=np.float64)


def _jackknife(values: FloatArray) -> FloatArray:
    """Standard error from estimates without one block at a time, which follow the estimate itself."""
    moved = values[1:] - values[1:].mean(axis=0)
    return np.asarray(np.sqrt((len(moved) - 1) / len(moved) * (moved**2).sum(axis=0)), dtype=np.float64)


def matched_functions(lags: Mapping[str, tuple[int, ...]], periods: int) -> dict[str, FloatArray]:
    """What each design matches on, as linear functions (r, K) of the outcome at event times −K … −1.

    Parameters
    ----------
    lags : mapping of str to tuple of int
        Lags of the designs ``"level"``, ``"lags"`` and ``"growth"``; of another name all lags alone.
    periods : int

    Returns
    -------
    dict of str to array (r, K)

    Raises
    ------
    IndexError
        If a lag is farther back than the periods.

    Examples
    --------
    >>> matched_functions({"growth": (1, 2)}, 3)["growth"].tolist()
    [[0.0, -1.0, 1.0]]
    """
    result = {}
    for name, own in lags.items():
        unit = np.eye(periods)[[periods - lag for lag in own]].reshape(len(own), periods)
        if name == "growth":
            first, last = max(own), min(own)
            unit = ((np.eye(periods)[periods - last] - np.eye(periods)[periods - first]) / (first - last))[None]
        result[name] = unit
    return result
