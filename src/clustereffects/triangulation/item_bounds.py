"""Odds against a state at the best and at the worst values of what the diagnostics declare, the rest being fixed.

The probability of a state rises with the diagnostics' likelihood of that state and falls with that of the other two,
so the best and the worst end of each probability are known. For given ends, 1/P(state) is a sum of exponentials of
linear functions of the tempering exponents λ(ρ): convex. Its largest value lies at a vertex, its smallest is found by
minimising exactly along one λ after the other.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.likelihoods import DiagnosticArrays

FloatArray = NDArray[np.float64]

_SWEEPS = 200


def worst_odds(
    log_mass: FloatArray, items: DiagnosticArrays, exponents: tuple[FloatArray, FloatArray], state: int
) -> FloatArray:
    """Logarithm of the largest odds against a state.

    Parameters
    ----------
    log_mass : array, shape (n, 3)
        Logarithm of prior × estimates in each state.
    items : DiagnosticArrays
    exponents : tuple of two arrays, shape (n, blocks)
        Smallest and largest tempering exponent of each dependence group.
    state : int

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> no = np.zeros((0, 3))
    >>> none = DiagnosticArrays(low=no, middle=no, high=no, stream=np.zeros(0, int), block=np.zeros(0, int),
    ...                         rho_low=np.zeros(1), rho=np.zeros(1), rho_high=np.zeros(1), count=np.ones((1, 1)),
    ...                         informative=np.zeros(0))
    >>> worst_odds(np.log([[0.2, 0.3, 0.5]]), none, (np.ones((1, 1)), np.ones((1, 1))), 2).round(9).tolist()
    [0.0]
    """
    start, slope = _ratios(log_mass, items, state, best=False)
    low, high = exponents
    free = np.flatnonzero((low < high).any(axis=0) & (slope != 0).any(axis=1))
    worst = np.full(start.shape[0], -np.inf)
    for ends in product((False, True), repeat=free.size):
        exponent = high.copy()
        exponent[:, free] = np.where(ends, high[:, free], low[:, free])
        worst = np.maximum(worst, _odds(start + exponent @ slope))
    return worst


def best_odds(
    log_mass: FloatArray, items: DiagnosticArrays, exponents: tuple[FloatArray, FloatArray], state: int
) -> FloatArray:
    """Logarithm of the smallest odds against a state.

    Parameters
    ----------
    log_mass : array, shape (n, 3)
    items : DiagnosticArrays
    exponents : tuple of two arrays, shape (n, blocks)
    state : int

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> no = np.zeros((0, 3))
    >>> none = DiagnosticArrays(low=no, middle=no, high=no, stream=np.zeros(0, int), block=np.zeros(0, int),
    ...                         rho_low=np.zeros(1), rho=np.zeros(1), rho_high=np.zeros(1), count=np.ones((1, 1)),
    ...                         informative=np.zeros(0))
    >>> best_odds(np.log([[0.2, 0.3, 0.5]]), none, (np.ones((1, 1)), np.ones((1, 1))), 2).round(9).tolist()
    [0.0]
    """
    start, slope = _ratios(log_mass, items, state, best=True)
    low, high = exponents
    free = np.flatnonzero((low < high).any(axis=0) & (slope != 0).any(axis=1))
    exponent = high.copy()
    best = _odds(start + exponent @ slope)
    for _ in range(_SWEEPS if free.size else 0):
        for g in free:
            exponent[:, g] = 0.0
            exponent[:, g] = _lowest_point(start + exponent @ slope, slope[g], low[:, g], high[:, g])
        value = _odds(start + exponent @ slope)
        done = (best - value <= 1e-13).all()
        best = np.minimum(value, best)
        if done:
            break
    return best


def _ratios(log_mass: FloatArray, items: DiagnosticArrays, state: int, *, best: bool) -> tuple[FloatArray, FloatArray]:
    own, rest = (items.high, items.low) if best else (items.low, items.high)
    others = [k for k in range(3) if k != state]
    slope = np.zeros((items.rho.size, 2))
    np.add.at(slope, items.block, rest[:, others] - own[:, [state]])
    return log_mass[:, others] - log_mass[:, [state]], slope


def _lowest_point(level: FloatArray, slope: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Where ``exp(level₀ + slope₀ λ) + exp(level₁ + slope₁ λ)`` is smallest between low and high, row by row."""
    if (slope <= 0).all() or (slope >= 0).all():
        return high if (slope <= 0).all() else low
    down, up = (0, 1) if slope[0] < 0 else (1, 0)
    balance = level[:, down] - level[:, up] + np.log(-slope[down] / slope[up])
    return np.asarray(np.clip(balance / (slope[up] - slope[down]), low, high))


def _odds(against: FloatArray) -> FloatArray:
    return np.asarray(np.logaddexp(against[:, 0], against[:, 1]))
