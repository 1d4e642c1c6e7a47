"""Conflict between the prior and the estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, ndtr

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.conflict import adjusted_estimates

FloatArray = NDArray[np.float64]

_REACH, _POINTS, _HALVINGS = 12.0, 481, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorConflict:
    """How surprising the estimates are under the prior.

    Parameters
    ----------
    difference, std_error : float
        Pooled estimate after bias adjustment less the prior mean, and the standard deviation of that difference before
        any data.
    p_raw, p_adjusted : float
        Probability of a pooled estimate at most as probable as the one found, before and after bias adjustment.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> PriorConflict(difference=0.3, std_error=0.09, p_raw=0.001, p_adjusted=0.004).p_adjusted
    0.004
    """

    difference: float
    std_error: float
    p_raw: float
    p_adjusted: float


def prior_conflict(model: CellModel) -> PriorConflict | None:
    """Compare the estimates with what the prior led one to expect.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    PriorConflict or None
        None without estimates.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a covariance matrix is singular.

    Notes
    -----
    Prior–data conflict after Evans & Moshonov (2006, *Bayesian Analysis* 1(4)): P(m(T) ≤ m(t)), where m is the prior
    predictive density of the estimates pooled by generalised least squares, a mixture of normal distributions. A small
    value says that the estimates lie where nobody expected them; the wide part of the prior then takes over. In a
    dependence group of n estimates, own variances are multiplied by 1 + (n − 1)ρ; diagnostics do not count.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> did = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.4, std_error=0.03)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(did,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> round(prior_conflict(model).p_adjusted, 4)
    0.0018
    """
    if not model.value.size:
        return None
    _, _, p_raw = _surprise(model, model.value, np.diag(model.std_error**2))
    pooled, std_error, p_adjusted = _surprise(model, *adjusted_estimates(model, across=True))
    return PriorConflict(difference=pooled, std_error=std_error, p_raw=p_raw, p_adjusted=p_adjusted)


def _surprise(model: CellModel, value: FloatArray, covariance: FloatArray) -> tuple[float, float, float]:
    weight = np.linalg.solve(covariance, np.ones(value.size))
    variance = 1 / weight.sum()
    pooled = float(weight @ value * variance)
    prior = model.prior
    centre = float(prior.weight @ prior.mean)
    sd = np.sqrt(prior.sd**2 + variance)
    total = math.sqrt(float(prior.weight @ (sd**2 + (prior.mean - centre) ** 2)))
    return pooled - centre, total, density_tail(prior.weight, prior.mean, sd, pooled)


def density_tail(weight: FloatArray, mean: FloatArray, sd: FloatArray, point: float) -> float:
    """Probability that a mixture of normal distributions has a density at most as high as at a point.

    Parameters
    ----------
    weight, mean, sd : array, shape (components,)
    point : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Components around one point have one peak and two limits of equal distance from it. Otherwise the limits of the region
    are the points of equal density, found by bisection between the points of a grid.

    Examples
    --------
    Of a single normal distribution it is the two-sided p-value:

    >>> round(density_tail(np.array([1.0]), np.array([0.0]), np.array([1.0]), 1.96), 3)
    0.05
    """
    used = weight > 0
    weight, mean, sd = weight[used], mean[used], sd[used]
    if np.ptp(mean) == 0:
        return float(weight @ erfc(np.abs(point - mean) / sd / math.sqrt(2)))

    def above(x: FloatArray) -> FloatArray:
        return _log_density(weight, mean, sd, x) - _log_density(weight, mean, sd, np.array([point]))

    ladder = (mean[:, None] + sd[:, None] * np.linspace(-_REACH, _REACH, _POINTS)).ravel()
    grid = np.unique(np.concatenate([ladder, [point], 2 * mean - point]))
    height = np.where(grid == point, 0.0, above(grid))
    crossing = np.flatnonzero(height[:-1] * height[1:] < 0)
    low, high, rising = grid[crossing], grid[crossing + 1], height[crossing] < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        left = (above(middle) < 0) == rising
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    limits = np.unique(np.concatenate([(low + high) / 2, grid[height == 0]]))
    edges = np.concatenate([[-np.inf], limits, [np.inf]])
    inside = np.concatenate([[limits[0] - sd.max()], (limits[1:] + limits[:-1]) / 2, [limits[-1] + sd.max()]])
    rare = above(inside) <= 0
    score = (edges[:, None] - mean) / sd
    # On the far side the upper tails are subtracted, which keeps their digits.
    mass = np.where(score[:-1] > 0, ndtr(-score[:-1]) - ndtr(-score[1:]), ndtr(score[1:]) - ndtr(score[:-1]))
    return float(min((mass @ weight)[rare].sum(), 1.0))


def _log_density(weight: FloatArray, mean: FloatArray, sd: FloatArray, x: FloatArray) -> FloatArray:
    height = np.log(weight / sd) - 0.5 * ((x[:, None] - mean) / sd) ** 2
    return np.asarray(np.logaddexp.reduce(height, axis=1))
