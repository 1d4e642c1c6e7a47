"""One-dimensional quadrature over a positive parameter, such as the standard deviation between organisations.

Everything is done on arrays; the result knows its own distribution function, so no random numbers are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.special import logsumexp

from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]

_REACH = 3.8  # exp(π/2 · sinh 3.8) ≈ 4e15: the range of doubles on both sides of the centre
_ORDER = 8  # Gauss–Legendre nodes per cell
_FIRST_CELLS = 64
_NOTHING = 1e-18
_LAST_CELLS = 4096
TOLERANCE = 1e-10
_NODES, _WEIGHTS = legendre.leggauss(_ORDER)
# Values at the nodes → Legendre coefficients: c_n = (2n + 1)/2 · Σ w_j P_n(x_j) f(x_j).
_TO_SERIES = (legendre.legvander(_NODES, _ORDER - 1) * _WEIGHTS[:, None]).T * (np.arange(_ORDER)[:, None] + 0.5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositiveDistribution:
    """Distribution of a positive number whose density is known up to a factor.

    Parameters
    ----------
    nodes, weights : array (g,)
        Points of the quadrature rule and their probabilities, which sum to 1; nodes that carry less than 1e-18 of
        the largest weight are left out.
    log_normaliser : float
        Logarithm of the integral of the density as it was given.
    error : float
        Change of the integral at the last halving of the cells, relative to the integral.
    centre : float
        Scale of the transformation ``x = centre · exp(π/2 · sinh t)``.
    edges : array (n + 1,)
        Edges of the cells in ``t``.
    series : array (o, n)
        Legendre coefficients of the distribution function in each cell, without what lies below the cell.
    below : array (n + 1,)
        Probability below each edge.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> half_normal = integrate_positive(lambda x: -0.5 * x**2, 1.0)
    >>> round(half_normal.mean(half_normal.nodes), 12) == round((2 / np.pi) ** 0.5, 12)
    True
    >>> half_normal.quantile(np.array([0.95])).round(6).tolist()
    [1.959964]
    """

    nodes: FloatArray
    weights: FloatArray
    log_normaliser: float
    error: float
    centre: float
    edges: FloatArray = field(repr=False)
    series: FloatArray = field(repr=False)
    below: FloatArray = field(repr=False)

    def mean(self, values: FloatArray) -> float:
        """Expectation of a function of which the values at the nodes are given."""
        return float(self.weights @ values)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Distribution function."""
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(divide="ignore"):
            t = np.arcsinh(np.log(np.maximum(x, 0.0) / self.centre) * (2.0 / np.pi))
        t = np.clip(t, self.edges[0], self.edges[-1])
        cell = np.clip(np.searchsorted(self.edges, t, side="right") - 1, 0, len(self.edges) - 2)
        return self._within(cell, self._position(cell, t))

    def quantile(self, p: FloatArray) -> FloatArray:
        """Quantiles, by bisection of the distribution function within its cell."""
        p = np.asarray(p, dtype=np.float64)
        cell = np.clip(np.searchsorted(self.below, p, side="right") - 1, 0, len(self.edges) - 2)
        low, high = np.full(p.shape, -1.0), np.full(p.shape, 1.0)
        for _ in range(52):
            middle = 0.5 * (low + high)
            under = self._within(cell, middle) < p
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        width = self.edges[1] - self.edges[0]
        return _positive(self.edges[cell] + 0.5 * width * (1.0 + 0.5 * (low + high)), self.centre)

    def _position(self, cell: NDArray[np.int64], t: FloatArray) -> FloatArray:
        width = self.edges[1] - self.edges[0]
        return np.asarray(2.0 * (t - self.edges[cell]) / width - 1.0, dtype=np.float64)

    def _within(self, cell: NDArray[np.int64], position: FloatArray) -> FloatArray:
        inside = legendre.legval(position, self.series[:, cell], tensor=False)
        return np.clip(self.below[cell] + inside, 0.0, 1.0)


def integrate_positive(log_density: Callable[[FloatArray], FloatArray], scale: float) -> PositiveDistribution:
    """Distribution of a positive number from the logarithm of its density.

    Parameters
    ----------
    log_density : callable
        From an array of positive numbers to the logarithm of a density, known up to a constant and bounded at zero.
    scale : float
        A positive number within ten orders of magnitude of where the mass lies.

    Returns
    -------
    PositiveDistribution

    Raises
    ------
    EstimationError
        If the density cannot be integrated: it is improper, unbounded at zero, or has an extremely narrow peak.

    Notes
    -----
    The substitution ``x = c · exp(π/2 · sinh t)`` (Takahasi & Mori 1974) makes the integrand vanish doubly
    exponentially at both ends; Gauss–Legendre rules of order 8 in equal cells of ``t``, whose number is doubled until
    the integral and the mean of ``x/(x + c)`` change by less than 1e-10, the polynomials that interpolate the density have
    converged to that, and no more than that lies in the outermost cells.

    References
    ----------
    Takahasi & Mori (1974), Double exponential formulas for numerical integration, *Publ. RIMS* 9, 721–741.

    Examples
    --------
    >>> gamma = integrate_positive(lambda x: 2 * np.log(x) - x, 1.0)
    >>> round(float(np.exp(gamma.log_normaliser)), 10)
    2.0
    """
    centre = _centre(log_density, scale)
    rule = _rule(log_density, centre, (-_REACH, _REACH), _FIRST_CELLS)
    reach, cells = _reach(rule), _FIRST_CELLS
    while cells <= _LAST_CELLS:
        finer = _rule(log_density, centre, reach, cells)
        moved = finer.mean(finer.nodes / (finer.nodes + centre)) - rule.mean(rule.nodes / (rule.nodes + centre))
        error = abs(float(np.expm1(finer.log_normaliser - rule.log_normaliser)))
        at_the_ends = max(finer.below[1], 1.0 - finer.below[-2])
        if max(error, abs(moved), at_the_ends, np.abs(finer.series[-2:]).max()) < TOLERANCE:
            return replace(finer, error=error)
        rule, cells = finer, 2 * cells
    raise EstimationError("the posterior of the heterogeneity cannot be integrated – use a proper prior: effect_sd=...")


def _reach(rule: PositiveDistribution) -> tuple[float, float]:
    """Range of ``t`` outside which there is nothing, one cell wider on both sides."""
    inside = np.flatnonzero(np.diff(rule.below) > _NOTHING)
    last = len(rule.edges) - 1
    return float(rule.edges[max(inside[0] - 1, 0)]), float(rule.edges[min(inside[-1] + 2, last)])


def _centre(log_density: Callable[[FloatArray], FloatArray], scale: float) -> float:
    """Mean of the logarithm over a wide and coarse grid."""
    log_x = np.log(scale) + np.linspace(-24.0, 24.0, 385)
    mass = log_density(np.exp(log_x)) + log_x
    finite = np.isfinite(mass)
    if not finite.any():
        raise EstimationError("the density is zero or undefined everywhere – check estimates and standard errors")
    weights = np.exp(mass[finite] - logsumexp(mass[finite]))
    return float(np.exp(weights @ log_x[finite]))


def _positive(t: FloatArray, centre: float) -> FloatArray:
    return np.asarray(centre * np.exp(0.5 * np.pi * np.sinh(t)), dtype=np.float64)


def _rule(
    log_density: Callable[[FloatArray], FloatArray], centre: float, reach: tuple[float, float], cells: int
) -> PositiveDistribution:
    edges = np.linspace(*reach, cells + 1)
    half = 0.5 * (edges[1] - edges[0])
    t = (edges[:-1, None] + half * (1.0 + _NODES)).ravel()
    x = _positive(t, centre)
    mass = log_density(x) + np.log(x) + np.log(np.cosh(t))
    total = logsumexp(mass + np.log(np.tile(_WEIGHTS, cells)))
    density = np.exp(mass - total)
    weights = density * np.tile(_WEIGHTS, cells)
    series = legendre.legint(_TO_SERIES @ density.reshape(cells, _ORDER).T, lbnd=-1, axis=0)
    below = np.concatenate([[0.0], np.cumsum(weights.reshape(cells, _ORDER).sum(axis=1))])
    keep = weights > _NOTHING * weights.max()
    return PositiveDistribution(
        nodes=x[keep],
        weights=weights[keep] / weights[keep].sum(),
        log_normaliser=float(total + np.log(half * 0.5 * np.pi)),
        error=np.nan,
        centre=centre,
        edges=edges,
        series=series,
        below=below / below[-1],
    )
