"""Integrals of mixtures of normal densities over cells between fixed edges, in closed form.

Without a proportional bias, and with one once its factor is on a grid, prior × estimates is a finite mixture of normal
densities. Its mass and moments within a cell need nothing but the normal distribution function, which is evaluated
through the scaled complementary error function, so that a cell far out in a tail is as accurate as one in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, erfcx, ndtr

FloatArray = NDArray[np.float64]

_FAR = 1e150
_TINY = 1e-300
#: Below this share of the heaviest density, masses are not computed from tail probabilities.
_SMALL = 1e-250
_ROOT_HALF = np.sqrt(0.5)
_ROUNDING = float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True, eq=False)
class CellIntegrals:
    """Mass and first two moments of each density in each cell.

    Parameters
    ----------
    log_mass : array, shape (n, cells)
        Logarithm of the integral over the cell.
    first, second : array, shape (n, cells)
        Mean and mean square of the distance from ``centre`` within the cell.
    centre : array, shape (n,)
    error : array, shape (n,)
        Largest relative error bound of a cell.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> half = np.log([[0.5, 0.5]])
    >>> CellIntegrals(half, np.zeros((1, 2)), np.ones((1, 2)), np.zeros(1), np.zeros(1)).log_mass.shape
    (1, 2)
    """

    log_mass: FloatArray
    first: FloatArray
    second: FloatArray
    centre: FloatArray
    error: FloatArray


def stacked(parts: Sequence[CellIntegrals]) -> CellIntegrals:
    """Integrals of several sets of densities as one.

    Parameters
    ----------
    parts : sequence of CellIntegrals
        Over the same cells.

    Returns
    -------
    CellIntegrals

    Raises
    ------
    ValueError
        If the cells differ.

    Examples
    --------
    >>> one = mixture_cells(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.zeros(1))
    >>> stacked([one, one]).centre.shape
    (2,)
    """
    names = ("log_mass", "first", "second", "centre", "error")
    return CellIntegrals(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def mixture_cells(
    log_weight: FloatArray, mean: FloatArray, sd: FloatArray, edges: FloatArray, slope: FloatArray | None = None
) -> CellIntegrals:
    """Integrate mixtures of normal densities over the cells that the edges cut out.

    Parameters
    ----------
    log_weight, mean, sd : array, shape (n, components)
        Weights need not sum to one.
    edges : array, shape (cells - 1,)
        Increasing.
    slope : array, shape (n, cells) or (1, cells), optional
        The density is multiplied by ``exp(slope·x)`` in each cell.

    Returns
    -------
    CellIntegrals
        With ``error`` a bound on what rounding does to the mass of a cell.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Moments of a truncated normal distribution: Johnson, Kotz & Balakrishnan (1994, *Continuous Univariate Distributions*
    1, §13.10.1). Every interval is mirrored so that its nearer end a is the left one. Then, with the scaled complementary
    error function, Φ(b) − Φ(a) = exp(−a²/2)·[erfcx(a/√2) − erfcx(b/√2)·exp((a² − b²)/2)]/2 for a ≥ 0, and a sum of two
    positive error functions for a < 0: nothing is subtracted from one.

    Examples
    --------
    A standard normal density has the mass 2.75·10⁻⁸⁹ beyond 20:

    >>> cells = mixture_cells(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.array([20.0]))
    >>> [f"{x:.5g}" for x in np.exp(cells.log_mass[0])]
    ['1', '2.7536e-89']
    """
    # scenarios last: components and cells are few, and sums over a short last axis are slow
    log_weight, mean, sd = (np.ascontiguousarray(x.T)[:, None, :] for x in (log_weight, mean, sd))
    centre = _centre(log_weight, mean)
    if slope is not None:
        tilt = slope.T[None]
        log_weight = log_weight + tilt * (mean + 0.5 * tilt * sd**2)
        mean = mean + tilt * sd**2
    limits = np.concatenate([[-np.inf], edges, [np.inf]])[None, :, None]
    part = _truncated(np.maximum((limits[:, :-1] - mean) / sd, -_FAR), np.minimum((limits[:, 1:] - mean) / sd, _FAR))
    log_mass = log_weight + part.log_mass
    top = log_mass.max(axis=0)
    share = np.exp(log_mass - top)
    total = share.sum(axis=0)
    share /= total
    offset = mean - centre
    moved = sd * part.first
    rounding = 8 + np.abs(np.where(share > 0, log_weight, 0.0)) + 1 / part.width
    rounding += part.nearest * (part.nearest + 1 + np.abs(mean) / sd)
    return CellIntegrals(
        log_mass=(top + np.log(total)).T,
        first=(share * (offset + moved)).sum(axis=0).T,
        second=(share * (offset * (offset + 2 * moved) + sd**2 * part.second)).sum(axis=0).T,
        centre=centre,
        error=8 * _ROUNDING * (share * rounding).sum(axis=0).max(axis=0),
    )


def mixture_masses(
    log_weight: FloatArray, mean: FloatArray, sd: FloatArray, edges: FloatArray, slope: FloatArray | None = None
) -> FloatArray:
    """Masses of mixtures of normal densities in the cells that the edges cut out.

    Parameters
    ----------
    log_weight, mean, sd : array, shape (n, components)
        Weights need not sum to one.
    edges : array, shape (cells - 1,)
        Increasing.
    slope : array, shape (n, cells), optional
        The density is multiplied by ``exp(slope·x)`` in each cell.

    Returns
    -------
    array, shape (n, cells)
        Logarithm of the integral over each cell.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    As ``mixture_cells``, several times faster: without moments one tail probability for each edge is enough. Where a
    mass is too small for that, the row is handed to ``mixture_cells``.

    Examples
    --------
    >>> mixture_masses(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.array([0.0])).round(6).tolist()
    [[-0.693147, -0.693147]]
    """
    top = log_weight.max(axis=1, keepdims=True)
    if slope is None:
        weight = np.exp(log_weight - top)
        beyond = [None, *(_beyond((edge - mean) / sd) for edge in edges), None]
        mass = np.stack([(weight * _between(*ends)).sum(axis=1) for ends in pairwise(beyond)], axis=1)
        log_mass = np.log(np.maximum(mass, _TINY)) + top
    else:
        columns = [_tilted((log_weight, mean, sd), edges, k, tilt[:, None]) for k, tilt in enumerate(slope.T)]
        mass, tops = (np.stack(parts, axis=1) for parts in zip(*columns, strict=True))
        log_mass = np.log(np.maximum(mass, _TINY)) + tops
    small = (mass < _SMALL).any(axis=1)
    if small.any():
        chosen = log_weight[small], mean[small], sd[small]
        log_mass[small] = mixture_cells(*chosen, edges, None if slope is None else slope[small]).log_mass
    return np.asarray(log_mass)


def weighted_masses(weight: FloatArray, log_mass: FloatArray) -> FloatArray:
    """Masses of the cells under a mixture of priors.

    Parameters
    ----------
    weight : array, shape (components,) or (scenarios, components)
        Of each prior.
    log_mass : array, shape (scenarios, components, cells)
        Logarithm of the mass under each.

    Returns
    -------
    array, shape (scenarios, cells)
        Logarithms.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> np.exp(weighted_masses(np.array([0.75, 0.25]), np.log([[[0.2, 0.8], [0.6, 0.4]]]))).round(3).tolist()
    [[0.3, 0.7]]
    """
    with np.errstate(divide="ignore"):
        value = log_mass + np.log(np.atleast_2d(weight))[:, :, None]
    top = value.max(axis=1)
    return np.asarray(np.log(np.exp(value - top[:, None]).sum(axis=1)) + top)


def _tilted(
    mixture: tuple[FloatArray, FloatArray, FloatArray], edges: FloatArray, cell: int, tilt: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mass of one cell in units of the heaviest density, and the logarithm of that unit."""
    log_weight, mean, sd = mixture
    shift = tilt * sd**2
    log_weight = log_weight + tilt * (mean + 0.5 * shift)
    low = _beyond((edges[cell - 1] - mean - shift) / sd) if cell else None
    high = _beyond((edges[cell] - mean - shift) / sd) if cell < edges.size else None
    top = log_weight.max(axis=1)
    return (np.exp(log_weight - top[:, None]) * _between(low, high)).sum(axis=1), top


_Beyond: TypeAlias = tuple[FloatArray, NDArray[np.bool_]]


def _beyond(score: FloatArray) -> _Beyond:
    """Probability of the tail that a point cuts off, and whether that is the upper one."""
    return ndtr(-np.abs(score)), score > 0


def _between(low: _Beyond | None, high: _Beyond | None) -> FloatArray:
    """Standard normal probability between two points, nothing being subtracted from one that is close to it."""
    if low is None or high is None:
        tail, upper = low or high or (np.zeros(1), np.ones(1, dtype=bool))
        return np.where(upper == (high is None), tail, 1 - tail)
    return np.where(low[1] == high[1], np.abs(low[0] - high[0]), 1 - low[0] - high[0])


def _centre(log_weight: FloatArray, mean: FloatArray) -> FloatArray:
    heaviest = log_weight[:, 0].argmax(axis=0)
    return np.asarray(mean[heaviest, 0, np.arange(heaviest.size)])


@dataclass(frozen=True, slots=True, eq=False)
class _Truncated:
    """Standard normal distribution between two points.

    ``nearest`` is how far the end that is nearer to zero lies from it, on the far side of zero from the other end or
    not; ``width`` is the mass in units of what it would be without the further end.
    """

    log_mass: FloatArray
    first: FloatArray
    second: FloatArray
    nearest: FloatArray
    width: FloatArray


def _truncated(low: FloatArray, high: FloatArray) -> _Truncated:
    mirrored = low + high < 0
    near, far = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    drop = 0.5 * (far - near) * (far + near)
    fall = np.exp(-drop)
    tail = near > 0
    scaled_near = erfcx(np.where(tail, near, 0.0) * _ROOT_HALF)
    outer = erfcx(far * _ROOT_HALF) * fall
    half_square = 0.5 * near**2
    level = np.where(tail, 0.0, -half_square)
    # 2·mass·exp(a²/2) in a tail, 2·mass elsewhere
    double = np.where(tail, scaled_near - outer, erf(far * _ROOT_HALF) - erf(near * _ROOT_HALF))
    double = np.maximum(double, _TINY)
    height = np.sqrt(2 / np.pi) * np.exp(level) / double
    first = -height * np.expm1(-drop)
    return _Truncated(
        log_mass=np.log(0.5 * double) - np.where(tail, half_square, 0.0),
        first=np.where(mirrored, -first, first),
        second=1 + height * (near - far * fall),
        nearest=np.maximum(near, 0.0),
        width=np.minimum(double, 1.0),
    )
