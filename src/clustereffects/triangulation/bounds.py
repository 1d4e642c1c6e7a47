"""Lower and upper posterior probabilities when inputs are ranges.

The posterior density of the effect is an exponential family in the linear term *b* of the estimates' log-likelihood,
with the effect itself as its statistic. It therefore has a monotone likelihood ratio in *b* (Karlin 1968, *Total
Positivity*): the probability of benefit rises with *b*, that of harm falls, that of a negligible effect rises and then
falls. *b* is linear in every bias mean, so each mean's better end is known from the sign of its coefficient.

With proportional biases there is no such *b*. If each estimate has its own, the same holds in each bias mean with the
others fixed: the extreme probabilities lie at corners of the ranges, except the largest one of a negligible effect.

Best and worst values of what the diagnostics declare: ``item_bounds``. Correlations within groups that hold estimates
change variances as well, in no one direction; where they are ranges, they are searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.box_search import largest_in_box
from clustereffects.triangulation.engine import PriorMixture, prior_masses
from clustereffects.triangulation.estimates import FINE, LinearEvidence, likelihood_terms, stream_precision
from clustereffects.triangulation.exact import weighted_masses
from clustereffects.triangulation.item_bounds import best_odds, worst_odds
from clustereffects.triangulation.likelihoods import DiagnosticArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_PATH, _FEW = 33, 9
_PATH_ROUNDS = 6
#: With more ranges of bias means than this, not all of their corners are tried beside proportional biases.
_MOST_CORNERS = 6
#: Accuracy of the integrals over proportional biases where a place is searched only.
_ROUGH = 1e-6
#: Numbers of what is looked for: 2·state for its smallest probability, 2·state + 1 for its largest.
_ALL, _HIGHEST_NEGLIGIBLE = np.arange(6), 3


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
    Exact for additive biases, as far as no correlation of estimates is a range. The largest probability of a negligible
    effect is searched between the two extreme bias means, where it has one peak. With proportional biases that estimates
    have to themselves it is a search over all bias means, and so is everything where a proportional bias is shared.
    Correlations of groups that hold estimates are a search always; see ``largest_in_box``.

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
    cell = _Cell(prior, estimates, ranges, items, np.array([-delta, delta]))
    given = np.zeros(cell.ranged.size), np.ones(cell.ranged.size)
    odds = largest_in_box(cell.at_corners, *given, _ALL)[1]
    if cell.boxed:
        wanted = _ALL if cell.shares_factors else np.array([_HIGHEST_NEGLIGIBLE])
        both = (np.zeros(cell.dimensions), np.ones(cell.dimensions))
        points, _ = largest_in_box(cell.nearly_inside, *both, wanted, _FEW)
        odds[wanted] = np.maximum(odds[wanted], cell.inside(points, wanted))
    log_odds = np.clip(odds.reshape(3, 2) * np.array([-1.0, 1.0]), -700.0, 700.0)
    return np.asarray(1 / (1 + np.exp(-log_odds)))


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """What is searched: correlations of groups of estimates, from 0 to 1 as a share of their range, and bias means.

    The methods return the log odds of a state, or against it where its smallest probability is wanted.
    """

    prior: PriorMixture
    estimates: LinearEvidence
    ranges: MeanRanges
    items: DiagnosticArrays
    edges: FloatArray

    @property
    def excess(self) -> FloatArray:
        """By how many each dependence group has more members than one."""
        return np.asarray(np.maximum(self.items.count.sum(axis=1) - 1, 0.0))

    @property
    def ranged(self) -> IntArray:
        """Groups of estimates whose correlation is a range."""
        wide = (self.excess > 0) & (self.items.rho_low < self.items.rho_high)
        return np.array([b for b in np.unique(self.estimates.block) if wide[b]], dtype=np.intp)

    @property
    def boxed(self) -> bool:
        """Whether several bias means do not act through one number."""
        return self.estimates.loading.size > 0 and self.ranges.low.shape[0] > 1

    @property
    def shares_factors(self) -> bool:
        """Whether a proportional bias is that of several estimates."""
        return bool(((self.estimates.loading != 0).sum(axis=0) > 1).any())

    @property
    def dimensions(self) -> int:
        """How many inputs are searched where bias means are."""
        return int(self.ranged.size + self.ranges.low.shape[0])

    def at_corners(self, points: FloatArray, wanted: IntArray) -> FloatArray:
        """Log odds at the better corner of the bias means, or between the extreme ones where there may be a peak."""
        rho, precision = self.correlations(points)
        corners = self.corners(precision)
        found: FloatArray = self.odds(self.log_mass(precision, corners), rho, wanted).max(axis=1)
        peaked = np.flatnonzero(wanted == _HIGHEST_NEGLIGIBLE)
        if peaked.size and self.ranges.low.size and not self.boxed:
            between = self.highest_between(precision[peaked], corners[peaked], rho[peaked])
            found[peaked] = np.maximum(found[peaked], between)
        return found

    def inside(self, points: FloatArray, wanted: IntArray, *, rough: bool = False) -> FloatArray:
        """Log odds at given correlations and bias means."""
        rho, precision = self.correlations(points[:, : self.ranged.size])
        share = points[:, self.ranged.size :]
        residual = self.estimates.residual + share @ self.ranges.high + (1 - share) @ self.ranges.low
        log_mass = self.log_mass(precision, residual[:, None], _ROUGH if rough else FINE)
        return self.odds(log_mass, rho, wanted)[:, 0]

    def nearly_inside(self, points: FloatArray, wanted: IntArray) -> FloatArray:
        """As ``inside``, with masses that are good enough to find the place."""
        return self.inside(points, wanted, rough=True)

    def correlations(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Correlation of each group at each point, and the precision matrix of the estimates."""
        estimates, items, chosen = self.estimates, self.items, self.ranged
        rho = np.tile(items.rho, (points.shape[0], 1))
        rho[:, chosen] = items.rho_low[chosen] + points * (items.rho_high - items.rho_low)[chosen]
        more = estimates.own * (self.excess * (rho - items.rho))[:, estimates.block]
        covariance = estimates.covariance + more[:, :, None] * np.eye(estimates.own.size)
        streams = np.ones((points.shape[0], int(estimates.stream.max(initial=0)) + 1))
        return rho, np.asarray(stream_precision(covariance, estimates.stream, streams))

    def corners(self, precision: FloatArray) -> FloatArray:
        """Residuals at the bias means that can be extreme: two of them, or all corners beside proportional biases."""
        low, high = self.ranges.low, self.ranges.high
        if self.boxed and low.shape[0] <= _MOST_CORNERS:
            ends = np.array(list(product((0.0, 1.0), repeat=low.shape[0])))
            residual = self.estimates.residual + ends @ high + (1 - ends) @ low
            return np.broadcast_to(residual, (precision.shape[0], *residual.shape))
        rising = (np.exp(self.estimates.log_factor) @ precision) @ (high - low).T >= 0
        ends = np.stack([rising, ~rising], axis=1)[:, : 2 if low.size else 1].astype(np.float64)
        return np.asarray(self.estimates.residual + ends @ low + (1 - ends) @ high)

    def odds(self, log_mass: FloatArray, rho: FloatArray, wanted: IntArray) -> FloatArray:
        """Log odds for each row and each of its residuals, shape (rows, residuals)."""
        found = np.empty(log_mass.shape[:2])
        for one in np.unique(wanted).tolist():
            chosen, state = np.flatnonzero(wanted == one), one // 2
            exponents = self.exponents(np.repeat(rho[chosen], log_mass.shape[1], axis=0))
            rows = log_mass[chosen].reshape(-1, 3)
            against = (
                -best_odds(rows, self.items, exponents, state)
                if one % 2
                else worst_odds(rows, self.items, exponents, state)
            )
            found[chosen] = against.reshape(chosen.size, -1)
        return found

    def log_mass(self, precision: FloatArray, residual: FloatArray, accuracy: float = FINE) -> FloatArray:
        """Mass of each state under prior and estimates."""
        size = residual.shape[1]
        same = np.repeat(precision, size, axis=0)
        terms = likelihood_terms(
            self.estimates, residual.reshape(same.shape[:2]), np.ones((len(same), 1)), same, accuracy
        )
        found = weighted_masses(self.prior.weight, prior_masses(self.prior, terms, self.edges))
        return np.asarray(found.reshape(-1, size, 3))

    def exponents(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Smallest and largest tempering exponent of each group; the same where the correlation is searched."""
        low, high = np.tile(self.items.rho_low, (len(rho), 1)), np.tile(self.items.rho_high, (len(rho), 1))
        low[:, self.ranged] = high[:, self.ranged] = rho[:, self.ranged]
        return 1 / (1 + self.excess * high), 1 / (1 + self.excess * low)

    def highest_between(self, precision: FloatArray, corners: FloatArray, rho: FloatArray) -> FloatArray:
        """Highest log odds of a negligible effect between two residuals, row by row."""
        row, best = np.arange(len(rho)), np.full(len(rho), -np.inf)
        start, stop, wanted = np.zeros(len(rho)), np.ones(len(rho)), np.full(len(rho), _HIGHEST_NEGLIGIBLE)
        for turn in range(_PATH_ROUNDS):
            position = start[:, None] + (stop - start)[:, None] * np.linspace(0, 1, _PATH)
            residual = corners[:, :1] + position[:, :, None] * (corners[:, 1:] - corners[:, :1])
            value = self.odds(self.log_mass(precision, residual), rho, wanted)
            top = value.argmax(axis=1)
            best = np.maximum(best, value[row, top])
            at, step = position[row, top], position[:, 1] - position[:, 0]
            if turn and ((at == 0) | (at == 1)).all():
                break
            start, stop = np.maximum(at - step, 0.0), np.minimum(at + step, 1.0)
        return best
