"""Lower and upper posterior probabilities when inputs are ranges.

The posterior density of the effect is an exponential family in the linear term *b* of the estimates' log-likelihood,
with the effect itself as its statistic. It therefore has a monotone likelihood ratio in *b* (Karlin 1968, *Total
Positivity*): the probability of benefit rises with *b*, that of harm falls, that of a negligible effect rises and then
falls. *b* is linear in every bias mean, so each mean's better end is known from the sign of its coefficient.

The probability of a state rises with the diagnostics' likelihood of that state and falls with that of the other two,
so the best and the worst end of each probability are known too. For given ends, 1/P(state) is a sum of exponentials of
linear functions of the tempering exponents λ(ρ): convex. Its largest value lies at a vertex, its smallest is found by
minimising exactly along one λ after the other.

Correlations within groups that hold estimates change variances as well; where they are ranges, they run over a grid of
nine values, or of fewer in each of several groups, ends included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.engine import PriorMixture, prior_masses, weighted_masses
from clustereffects.triangulation.estimates import LinearEvidence, likelihood_terms, stream_precision
from clustereffects.triangulation.likelihoods import DiagnosticArrays

FloatArray = NDArray[np.float64]

_PATH = 33
_PATH_ROUNDS = 6
_SWEEPS = 200
#: Correlations of a group of estimates that are tried, depending on how many groups there are.
_RHO_STEPS = (9, 3, 2)


@dataclass(frozen=True, slots=True, eq=False)
class MeanRanges:
    """Ranges of bias means, as the change of the estimates' residuals at either end.

    Parameters
    ----------
    low, high : array, shape (ranges, n)
        What is added to the residuals when the bias mean is at its lower or upper end.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import numpy as np
    >>> MeanRanges(np.array([[0.02]]), np.array([[-0.02]])).low.shape
    (1, 1)
    """

    low: FloatArray
    high: FloatArray


def probability_bounds(
    prior: PriorMixture,
    estimates: LinearEvidence,
    ranges: MeanRanges,
    items: DiagnosticArrays,
    delta: float,
) -> FloatArray:
    """Smallest and largest posterior probability of each state over all declared ranges.

    Parameters
    ----------
    prior : PriorMixture
    estimates : LinearEvidence
        At the central bias means.
    ranges : MeanRanges
    items : DiagnosticArrays
    delta : float
        Smallest effect of interest.

    Returns
    -------
    array, shape (3, 2)
        Lower and upper probability of harm, negligible effect and benefit.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Exact for additive biases and for proportional ones that an estimate has to itself. Where a proportional and an
    additive bias are shared across estimates, the sign rule is a search without proof.
    The upper bound of a negligible effect is searched between the two extreme bias means, where it has one peak.

    Examples
    --------
    >>> import numpy as np
    >>> from clustereffects.triangulation.likelihoods import DiagnosticArrays
    >>> prior = PriorMixture(np.array([0.8, 0.2]), np.array([0.05, 0.15]))
    >>> one = LinearEvidence(residual=np.array([0.06]), covariance=np.array([[0.039**2]]), own=np.array([0.039**2]),
    ...                      stream=np.array([0]), block=np.array([0]), log_factor=np.zeros(1), loading=np.zeros((1, 0)))
    >>> no = np.zeros((0, 3))
    >>> none = DiagnosticArrays(low=no, middle=no, high=no, stream=np.zeros(0, int), block=np.zeros(0, int),
    ...                         rho_low=np.zeros(1), rho=np.zeros(1), rho_high=np.zeros(1), count=np.ones((1, 1)),
    ...                         informative=np.zeros(0))
    >>> shift = MeanRanges(np.array([[0.02]]), np.array([[-0.02]]))
    >>> probability_bounds(prior, one, shift, none, 0.01)[2].round(2).tolist()
    [0.69, 0.91]
    """
    found = np.stack([_bounds(prior, one, ranges, other, delta) for one, other in _dependence_grid(estimates, items)])
    return np.stack([found[:, :, 0].min(axis=0), found[:, :, 1].max(axis=0)], axis=1)


def _bounds(
    prior: PriorMixture, estimates: LinearEvidence, ranges: MeanRanges, items: DiagnosticArrays, delta: float
) -> FloatArray:
    extremes = _extreme_residuals(estimates, ranges)
    precision = _precision(estimates)

    def log_mass(position: FloatArray) -> FloatArray:
        residual = extremes[0] + position[:, None] * (extremes[1] - extremes[0])
        same = np.broadcast_to(precision, (position.size, *precision.shape))
        terms = likelihood_terms(estimates, residual, np.ones((position.size, 1)), same)
        return weighted_masses(prior, prior_masses(prior, terms, np.array([-delta, delta])))

    ends = log_mass(np.array([0.0, 1.0]) if (extremes[0] != extremes[1]).any() else np.array([0.0]))
    bounds = np.array([[_smallest(ends, items, state), _largest(ends, items, state).max()] for state in range(3)])
    if ends.shape[0] > 1:
        bounds[1, 1] = max(bounds[1, 1], _highest_between(log_mass, items))
    return bounds


def _precision(estimates: LinearEvidence) -> FloatArray:
    streams = np.ones((1, int(estimates.stream.max(initial=0)) + 1))
    return np.asarray(stream_precision(estimates.covariance, estimates.stream, streams)[0])


def _dependence_grid(
    estimates: LinearEvidence, items: DiagnosticArrays
) -> Iterator[tuple[LinearEvidence, DiagnosticArrays]]:
    """Arrays at each combination of correlations within the groups of estimates whose correlation is a range."""
    excess = items.count.sum(axis=1) - 1
    ranged = [b for b in np.unique(estimates.block) if excess[b] > 0 and items.rho_low[b] < items.rho_high[b]]
    steps = next(n for n in _RHO_STEPS if n ** len(ranged) <= _RHO_STEPS[0] or n == _RHO_STEPS[-1])
    for rho in product(*(np.linspace(items.rho_low[b], items.rho_high[b], steps) for b in ranged)):
        low, middle, high = items.rho_low.copy(), items.rho.copy(), items.rho_high.copy()
        low[ranged] = middle[ranged] = high[ranged] = rho
        more = estimates.own * (excess * (middle - items.rho))[estimates.block]
        yield (
            replace(estimates, covariance=estimates.covariance + np.diag(more)),
            replace(items, rho_low=low, rho=middle, rho_high=high),
        )


def _extreme_residuals(estimates: LinearEvidence, ranges: MeanRanges) -> FloatArray:
    low, high = estimates.residual.copy(), estimates.residual.copy()
    precision = _precision(estimates)
    factor = np.exp(estimates.log_factor)
    for one, other in zip(ranges.low, ranges.high, strict=True):
        rising = factor @ precision @ (other - one) >= 0
        low += one if rising else other
        high += other if rising else one
    return np.stack([low, high])


def _highest_between(log_mass: Callable[[FloatArray], FloatArray], items: DiagnosticArrays) -> float:
    start, stop, best = 0.0, 1.0, 0.0
    for turn in range(_PATH_ROUNDS):
        position = np.linspace(start, stop, _PATH)
        value = _largest(log_mass(position), items, 1)
        top, step = int(value.argmax()), position[1] - position[0]
        best = max(best, float(value[top]))
        if turn and position[top] in {0.0, 1.0}:
            break
        start, stop = max(0.0, position[top] - step), min(1.0, position[top] + step)
    return best


def _ratios(log_mass: FloatArray, items: DiagnosticArrays, state: int, *, best: bool) -> tuple[FloatArray, FloatArray]:
    own, rest = (items.high, items.low) if best else (items.low, items.high)
    others = [k for k in range(3) if k != state]
    slope = np.zeros((items.rho.size, 2))
    np.add.at(slope, items.block, rest[:, others] - own[:, [state]])
    return log_mass[:, others] - log_mass[:, [state]], slope


def _exponents(items: DiagnosticArrays) -> tuple[FloatArray, FloatArray]:
    excess = np.maximum(items.count.sum(axis=1) - 1.0, 0.0)
    return 1 / (1 + excess * items.rho_high), 1 / (1 + excess * items.rho_low)


def _smallest(log_mass: FloatArray, items: DiagnosticArrays, state: int) -> float:
    start, slope = _ratios(log_mass, items, state, best=False)
    low, high = _exponents(items)
    free = np.flatnonzero((low < high) & (slope != 0).any(axis=1))
    worst = np.inf
    for ends in product((0, 1), repeat=free.size):
        exponent = high.copy()
        exponent[free] = np.where(np.array(ends) == 0, low[free], high[free])
        worst = min(worst, float(_probability(start, exponent @ slope).min()))
    return worst


def _largest(log_mass: FloatArray, items: DiagnosticArrays, state: int) -> FloatArray:
    start, slope = _ratios(log_mass, items, state, best=True)
    low, high = _exponents(items)
    free = np.flatnonzero((low < high) & (slope != 0).any(axis=1))
    exponent = np.tile(high, (start.shape[0], 1))
    best = _probability(start, exponent @ slope)
    for _ in range(_SWEEPS if free.size else 0):
        for g in free:
            exponent[:, g] = 0.0
            exponent[:, g] = _lowest_point(start + exponent @ slope, slope[g], low[g], high[g])
        value = _probability(start, exponent @ slope)
        done = (value - best <= 1e-13).all()
        best = np.maximum(value, best)
        if done:
            break
    return best


def _lowest_point(level: FloatArray, slope: FloatArray, low: float, high: float) -> FloatArray:
    """Where ``exp(level₀ + slope₀ λ) + exp(level₁ + slope₁ λ)`` is smallest between low and high, row by row."""
    if (slope <= 0).all() or (slope >= 0).all():
        return np.full(level.shape[0], high if (slope <= 0).all() else low)
    down, up = (0, 1) if slope[0] < 0 else (1, 0)
    balance = level[:, down] - level[:, up] + np.log(-slope[down] / slope[up])
    return np.asarray(np.clip(balance / (slope[up] - slope[down]), low, high))


def _probability(start: FloatArray, change: FloatArray) -> FloatArray:
    against = start + change
    log_odds_against = np.logaddexp(against[..., 0], against[..., 1])
    return np.asarray(1.0 / (1.0 + np.exp(np.minimum(log_odds_against, 700.0))))
