"""Probabilities of explanations that exclude each other, with bounds over ranges of the tests and of dependence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

_MOST_VERTICES = 12
_HALVINGS, _ROUNDS = 60, 200
_SMALL = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class TraceArrays:
    """Signs of rival explanations, one row for each test.

    Parameters
    ----------
    takes_part : array of bool, shape (hypotheses, tests)
        Whether the rival that the test is about takes part in the hypothesis.
    low, middle, high : array, shape (tests, 2)
        Log-likelihood of what was reported if the rival takes no part, and if it does; the range and its centre.
    impossible : array of bool, shape (tests, 2)
        Where one report alone rules out that the rival takes no part, and that it does.
    block : array of int, shape (tests,)
        Dependence group.
    excess : array, shape (blocks,)
        Informative items in each group beyond the first.
    rho : array, shape (blocks, 2)
        Lower and upper correlation.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> one = np.log([[0.25, 0.5]])
    >>> TraceArrays(np.array([[False], [True]]), one, one, one, np.array([[True, False]]), np.zeros(1, int),
    ...             np.zeros(1), np.zeros((1, 2))).ruled_out().tolist()
    [True, False]
    """

    takes_part: BoolArray
    low: FloatArray
    middle: FloatArray
    high: FloatArray
    impossible: BoolArray
    block: IntArray
    excess: FloatArray
    rho: FloatArray

    def ruled_out(self) -> BoolArray:
        """Whether any report rules the hypothesis out at the centre of all ranges, however little it counts."""
        return np.asarray(np.where(self.takes_part, self.impossible[:, 1], self.impossible[:, 0]).any(axis=1))

    def by_block(self, own: FloatArray, others: FloatArray, side: BoolArray) -> FloatArray:
        """Log-likelihood (hypotheses, blocks) with one value on a given side of each test and another one elsewhere."""
        found = np.zeros((self.takes_part.shape[0], self.excess.size))
        np.add.at(found.T, self.block, self._chosen(own, others, side).T)
        return found

    def _chosen(self, own: FloatArray, others: FloatArray, side: BoolArray) -> FloatArray:
        part = self.takes_part.astype(np.intp)
        column = np.arange(part.shape[1])
        return np.where(self.takes_part == side, own[column, part], others[column, part])


def probabilities(arrays: TraceArrays, log_prior: FloatArray) -> FloatArray:
    """Posterior probability of each hypothesis at the centre of all ranges.

    Parameters
    ----------
    arrays : TraceArrays
    log_prior : array, shape (hypotheses,)

    Returns
    -------
    array, shape (hypotheses,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> one = np.log([[0.25, 0.5]])
    >>> arrays = TraceArrays(np.array([[False], [True]]), one, one, one, np.zeros((1, 2), bool), np.zeros(1, int),
    ...                      np.zeros(1), np.zeros((1, 2)))
    >>> probabilities(arrays, np.log([0.5, 0.5])).round(3).tolist()
    [0.333, 0.667]
    """
    exponent = 1 / (1 + arrays.excess * arrays.rho.mean(axis=1))
    log_mass = log_prior + arrays.by_block(arrays.middle, arrays.middle, arrays.takes_part) @ exponent
    return np.asarray(np.exp(log_mass - logsumexp(log_mass)))


def probability_ranges(arrays: TraceArrays, log_prior: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest posterior probability of each hypothesis over all ranges.

    Parameters
    ----------
    arrays : TraceArrays
    log_prior : array, shape (hypotheses,)

    Returns
    -------
    low, high : array, shape (hypotheses,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    The probability of a hypothesis rises with the likelihood on its own side of each test and falls with that on the
    other side, so the ends of these ranges are known. The logarithm of its inverse is convex in the exponents of the
    dependence groups: the largest value is at a vertex, the smallest is found by exact coordinate steps. Beyond twelve
    ranged groups each hypothesis gets its own worst vertex, which can only widen the bounds.

    Examples
    --------
    >>> low, high = np.log([[0.2, 0.5]]), np.log([[0.3, 0.5]])
    >>> arrays = TraceArrays(np.array([[False], [True]]), low, low, high, np.zeros((1, 2), bool), np.zeros(1, int),
    ...                      np.zeros(1), np.zeros((1, 2)))
    >>> [p.round(3).tolist() for p in probability_ranges(arrays, np.log([0.5, 0.5]))]
    [[0.286, 0.625], [0.375, 0.714]]
    """
    ends = 1 / (1 + arrays.excess[:, None] * arrays.rho[:, ::-1])
    low, high = np.zeros(log_prior.size), np.zeros(log_prior.size)
    for h in np.flatnonzero(np.isfinite(log_prior)):
        side = arrays.takes_part[h]
        start = log_prior - log_prior[h]
        worst = arrays.by_block(arrays.low, arrays.high, side)
        best = arrays.by_block(arrays.high, arrays.low, side)
        low[h] = np.exp(-_largest(start, worst - worst[h], ends))
        high[h] = np.exp(-_smallest(start, best - best[h], ends))
    return low, high


def _largest(start: FloatArray, slope: FloatArray, ends: FloatArray) -> float:
    ranged = np.flatnonzero(ends[:, 0] < ends[:, 1])
    if ranged.size > _MOST_VERTICES:
        return float(logsumexp(start + np.maximum(slope * ends[:, 0], slope * ends[:, 1]).sum(axis=1)))
    found = -np.inf
    at = ends[:, 0].copy()
    for vertex in product((0, 1), repeat=ranged.size):
        at[ranged] = ends[ranged, vertex]
        found = max(found, float(logsumexp(start + slope @ at)))
    return found


def _smallest(start: FloatArray, slope: FloatArray, ends: FloatArray) -> float:
    at = ends.mean(axis=1)
    found = float(logsumexp(start + slope @ at))
    ranged = np.flatnonzero(ends[:, 0] < ends[:, 1])
    for _ in range(_ROUNDS if ranged.size else 0):
        for b in ranged:
            at[b] = _lowest_point(start + slope @ at - slope[:, b] * at[b], slope[:, b], ends[b])
        before, found = found, float(logsumexp(start + slope @ at))
        if before - found < _SMALL:
            break
    return found


def _lowest_point(level: FloatArray, slope: FloatArray, ends: FloatArray) -> float:
    """Where the convex function log Σ exp(level + slope·x) is smallest between two ends."""
    low, high = float(ends[0]), float(ends[1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        term = level + slope * middle
        rising = float((np.exp(term - term.max()) * slope).sum()) > 0
        low, high = (low, middle) if rising else (middle, high)
    return (low + high) / 2
