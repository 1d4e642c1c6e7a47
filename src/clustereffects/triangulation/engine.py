r"""The grid engine: prior × estimates with bias × diagnostics, for many scenarios of one claim at once.

For the effect θ of one organisation on one outcome the posterior is

.. math::

   p(\theta\mid\cdot) \propto \Big[(1-w)N(0,\tau_s^2)+wN(0,\tau_w^2)\Big]\;
   N(y \mid \beta\theta + m,\; C)\; L_k, \qquad
   k = \text{harm } (\theta<-\delta),\ \text{negligible},\ \text{benefit } (\theta>\delta).

A scenario is one choice of bias means and of the powers to which the streams' likelihoods are raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.estimates import LogQuadratic, log_likelihood
from clustereffects.triangulation.quadrature import CellIntegrals, integrate_cells

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_LADDER = np.array([-10.0, -8.0, -6.0, -4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0, 8.0, 10.0])
_EDGE_LADDER = np.array([-10.0, -1.0, 1.0, 10.0])


@dataclass(frozen=True, slots=True, eq=False)
class PriorMixture:
    """Mixture of normal distributions, the widest of which comes last.

    Parameters
    ----------
    weight, sd : array, shape (components,)
        Weights that sum to one, and standard deviations. The last component is the wide one: it takes over when data
        contradict the others, and it alone is the prior of a stream that is read on its own.
    mean : array, shape (components,), optional
        All zero by default.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> PriorMixture(np.array([0.8, 0.2]), np.array([0.05, 0.15])).mean.tolist()
    [0.0, 0.0]
    """

    weight: FloatArray
    sd: FloatArray
    mean: FloatArray = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", np.broadcast_to(self.mean, self.sd.shape))


@dataclass(frozen=True, slots=True, eq=False)
class StatePosterior:
    """Posterior probabilities of harm, negligible effect and benefit, with mean and standard deviation of the effect.

    Parameters
    ----------
    probability : array, shape (scenarios, 3)
    mean, sd, error : array, shape (scenarios,)

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import numpy as np
    >>> StatePosterior(np.array([[0.1, 0.2, 0.7]]), np.zeros(1), np.ones(1), np.zeros(1)).probability.shape
    (1, 3)
    """

    probability: FloatArray
    mean: FloatArray
    sd: FloatArray
    error: FloatArray


def posterior_cells(prior: PriorMixture, terms: LogQuadratic, edges: FloatArray) -> CellIntegrals:
    """Integrate prior × estimates over the cells between the edges, before diagnostics.

    Parameters
    ----------
    prior : PriorMixture
    terms : LogQuadratic
    edges : array, shape (cells - 1,)
        Usually −δ and δ.

    Returns
    -------
    CellIntegrals

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Examples
    --------
    >>> import numpy as np
    >>> prior = PriorMixture(np.array([1.0]), np.array([1.0]))
    >>> cells = posterior_cells(prior, LogQuadratic(np.zeros(1), np.zeros(1), ()), np.array([0.0]))
    >>> np.exp(cells.log_mass).round(10).tolist()
    [[0.5, 0.5]]
    """
    breaks, centre = _mesh(prior, terms, edges)

    def log_density(index: IntArray, theta: FloatArray) -> FloatArray:
        return log_prior(prior, theta) + log_likelihood(terms, index, theta)

    return integrate_cells(log_density, breaks, edges, centre)


def log_prior(prior: PriorMixture, theta: FloatArray) -> FloatArray:
    """Logarithm of the prior density.

    Parameters
    ----------
    prior : PriorMixture
    theta : array

    Returns
    -------
    array, of the shape of theta

    Raises
    ------
    TypeError
        If theta is not numeric.

    Examples
    --------
    >>> import numpy as np
    >>> log_prior(PriorMixture(np.array([1.0]), np.array([1.0])), np.zeros(1)).round(6).tolist()
    [-0.918939]
    """
    used = prior.weight > 0
    height = np.log(prior.weight[used] / (prior.sd[used] * np.sqrt(2 * np.pi)))
    value = np.full(theta.shape, -np.inf)
    for level, mean, sd in zip(height, prior.mean[used], prior.sd[used], strict=True):
        value = np.logaddexp(value, level - 0.5 * ((theta - mean) / sd) ** 2)
    return np.asarray(value)


def _mesh(prior: PriorMixture, terms: LogQuadratic, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    precision, linear = terms.precision[:, None], terms.linear[:, None]
    for log_weight, square, cross in terms.mixtures:
        typical = np.searchsorted(np.cumsum(np.exp(log_weight)), [0.02, 0.5, 0.98])
        precision, linear = precision + square[:, typical], linear + cross[:, typical]
    total = precision[:, :, None] + prior.sd**-2.0
    mean, sd = (linear[:, :, None] + prior.mean * prior.sd**-2.0) / total, total**-0.5
    scenarios = mean.shape[0]
    ladder = (mean[..., None] + sd[..., None] * _LADDER).reshape(scenarios, -1)
    widest = sd.reshape(scenarios, -1).max(axis=1)
    near = (edges[None, :, None] + widest[:, None, None] * _EDGE_LADDER).reshape(scenarios, -1)
    fixed = np.broadcast_to(edges, (scenarios, edges.size))
    breaks = np.sort(np.concatenate([ladder, near, fixed], axis=1), axis=1)
    return breaks, mean.reshape(scenarios, -1).mean(axis=1)


def combine(cells: CellIntegrals, log_constant: FloatArray) -> StatePosterior:
    """Posterior after the diagnostics, which multiply each cell by a constant.

    Parameters
    ----------
    cells : CellIntegrals
        With one row, or as many rows as scenarios.
    log_constant : array, shape (scenarios, cells)
        Logarithm of the diagnostics' likelihood in each cell.

    Returns
    -------
    StatePosterior

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    Posterior odds are prior odds times the likelihood ratio:

    >>> import numpy as np
    >>> prior = PriorMixture(np.array([1.0]), np.array([1.0]))
    >>> cells = posterior_cells(prior, LogQuadratic(np.zeros(1), np.zeros(1), ()), np.array([0.0]))
    >>> combine(cells, np.log([[0.05, 0.95]])).probability.round(6).tolist()
    [[0.05, 0.95]]
    """
    log_mass = cells.log_mass + log_constant
    top = log_mass.max(axis=1, keepdims=True)
    mass = np.exp(log_mass - top)
    probability = mass / mass.sum(axis=1, keepdims=True)
    offset = (probability * cells.first).sum(axis=1)
    square = (probability * cells.second).sum(axis=1)
    sd = np.sqrt(np.maximum(square - offset**2, 0.0))
    error = np.broadcast_to(cells.error, offset.shape)
    return StatePosterior(probability, cells.centre + offset, sd, error)
