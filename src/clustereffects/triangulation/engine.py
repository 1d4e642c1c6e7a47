r"""The engine: prior × estimates with bias × diagnostics, for many scenarios of one claim at once.

For the effect θ of one organisation on one outcome the posterior is

.. math::

   p(\theta\mid\cdot) \propto \Big[(1-w)N(0,\tau_s^2)+wN(0,\tau_w^2)\Big]\;
   N(y \mid \beta\theta + m,\; C)\; L_k, \qquad
   k = \text{harm } (\theta<-\delta),\ \text{negligible},\ \text{benefit } (\theta>\delta).

A scenario is one choice of bias means and of the powers to which the streams' likelihoods are raised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.estimates import LogQuadratic, log_likelihood
from clustereffects.triangulation.exact import CellIntegrals, mixture_cells, mixture_masses, stacked
from clustereffects.triangulation.quadrature import GridIntegrals, integrate_cells

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_LADDER = np.array([-10.0, -8.0, -6.0, -4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0, 8.0, 10.0])
#: Most components for which the closed form is faster than the grid, and most numbers in one of its arrays.
_COMPONENTS, _CHUNK = 4096, 2_000_000
#: The same for masses without moments, the latter being what fits the processor's cache.
_MASS_COMPONENTS, _MASS_CHUNK = 30_000, 20_000
_EDGE_LADDER = np.array([-10.0, -1.0, 1.0, 10.0])


@dataclass(frozen=True, slots=True, eq=False)
class PriorMixture:
    """Mixture of normal distributions, the widest of which comes last.

    Parameters
    ----------
    weight, sd : array, shape (components,) or (scenarios, components)
        Weights that sum to one, and standard deviations. The last component is the wide one: it takes over when data
        contradict the others, and it alone is the prior of a stream that is read on its own.
    mean : array of the same shape, optional
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
        if self.mean.shape != self.sd.shape:
            object.__setattr__(self, "mean", np.broadcast_to(self.mean, self.sd.shape))

    @property
    def alone(self) -> PriorMixture:
        """Every component with weight one, to look at each by itself."""
        return PriorMixture(np.ones_like(self.sd), self.sd, self.mean)

    def rows(self, chosen: slice | IntArray) -> PriorMixture:
        """Mixture of each chosen scenario; a single one if all scenarios share it."""
        parts = self.weight, self.sd, self.mean
        if self.sd.ndim == 1:
            return PriorMixture(*(x[None] for x in parts))
        return PriorMixture(*(x[chosen] for x in parts))


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


def posterior_cells(
    prior: PriorMixture, terms: LogQuadratic, edges: FloatArray, slope: FloatArray | None = None
) -> CellIntegrals:
    """Integrate prior × estimates over the cells between the edges, before diagnostics.

    Parameters
    ----------
    prior : PriorMixture
    terms : LogQuadratic
    edges : array, shape (cells - 1,)
        Usually −δ and δ.
    slope : array, shape (scenarios, cells), optional
        The density is multiplied by ``exp(slope·θ)`` in each cell.

    Returns
    -------
    CellIntegrals

    Raises
    ------
    EstimationError
        If the integration on a grid does not converge.

    Notes
    -----
    In closed form, unless several blocks of estimates have proportional biases of their own, so that the mixture has
    thousands of components: such densities are integrated on a grid that refines itself.

    Examples
    --------
    >>> import numpy as np
    >>> prior = PriorMixture(np.array([1.0]), np.array([1.0]))
    >>> cells = posterior_cells(prior, LogQuadratic(np.zeros(1), np.zeros(1), ()), np.array([0.0]))
    >>> np.exp(cells.log_mass).round(10).tolist()
    [[0.5, 0.5]]
    """
    terms = _needed(prior, terms)
    if terms.components > _COMPONENTS:
        return grid_cells(prior, terms, edges, slope)
    scenarios = terms.precision.size
    rows = max(1, _CHUNK // (terms.components * prior.sd.shape[-1] * (edges.size + 1)))
    parts = []
    for start in range(0, scenarios, rows):
        part = slice(start, start + rows)
        mixture = posterior_mixture(prior.rows(part), terms.rows(part))
        parts.append(mixture_cells(*mixture, edges, None if slope is None else slope[part]))
    return parts[0] if len(parts) == 1 else stacked(parts)


def prior_masses(
    prior: PriorMixture, terms: LogQuadratic, edges: FloatArray, slope: FloatArray | None = None
) -> FloatArray:
    """Masses of the cells under each component of the prior alone, for any weights it may be given.

    Parameters
    ----------
    prior : PriorMixture
        Its weights are not used.
    terms : LogQuadratic
    edges : array, shape (cells - 1,)
    slope : array, shape (scenarios, cells), optional
        The density is multiplied by ``exp(slope·θ)`` in each cell.

    Returns
    -------
    array, shape (scenarios, components, cells)
        Logarithms; with the logarithm of the weights they sum to the ``log_mass`` of ``posterior_cells``.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    In closed form, for two blocks of estimates with proportional biases of their own as well; on the grid for more.

    Examples
    --------
    >>> import numpy as np
    >>> prior = PriorMixture(np.array([0.8, 0.2]), np.array([0.05, 0.15]))
    >>> prior_masses(prior, LogQuadratic(np.zeros(1), np.zeros(1), ()), np.array([0.0])).round(3).tolist()
    [[[-0.693, -0.693], [-0.693, -0.693]]]
    """
    terms = _needed(prior, terms)
    if terms.components > _MASS_COMPONENTS:
        parts = (np.ones_like(prior.sd), prior.sd, prior.mean)
        columns = [PriorMixture(*(x[..., [k]] for x in parts)) for k in range(prior.sd.shape[-1])]
        return np.stack([grid_cells(one, terms, edges, slope).log_mass for one in columns], axis=1)
    scenarios, components = terms.precision.size, prior.sd.shape[-1]
    found = np.empty((scenarios, components, edges.size + 1))
    rows = max(1, _MASS_CHUNK // (terms.components * components))
    for start in range(0, scenarios, rows):
        part = slice(start, start + rows)
        mixture = posterior_mixture(prior.rows(part).alone, terms.rows(part))
        size = found[part].shape[0]
        tilt = None if slope is None else np.repeat(slope[part], components, axis=0)
        log_weight, mean, sd = (x.reshape(size * components, -1) for x in mixture)
        found[part] = mixture_masses(log_weight, mean, sd, edges, tilt).reshape(size, components, -1)
    return found


def posterior_mixture(prior: PriorMixture, terms: LogQuadratic) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Prior × estimates as a mixture of normal densities.

    Parameters
    ----------
    prior : PriorMixture
        With one row, or one for each scenario.
    terms : LogQuadratic

    Returns
    -------
    log_weight, mean, sd : array, shape (scenarios, components)
        Weights do not sum to one: their sum is the marginal likelihood, up to the constant of ``log_likelihood``.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> prior = PriorMixture(np.ones((1, 1)), np.ones((1, 1)))
    >>> weight, mean, sd = posterior_mixture(prior, LogQuadratic(np.ones(1), np.ones(1), ()))
    >>> mean.tolist(), (sd**2).round(3).tolist()
    ([[0.5]], [[0.5]])
    """
    precision, linear, fit = terms.precision[:, None], terms.linear[:, None], np.zeros((terms.precision.size, 1))
    for log_weight, square, cross in terms.mixtures:
        precision = (precision[:, :, None] + square[:, None, :]).reshape(square.shape[0], -1)
        linear = (linear[:, :, None] + cross[:, None, :]).reshape(square.shape[0], -1)
        fit = (fit[:, :, None] + log_weight).reshape(square.shape[0], -1)
    all_terms = LogQuadratic(precision, linear, ())
    if terms.mixtures:
        fit = fit + 0.5 * (linear * all_terms.peak - (terms.linear * terms.peak)[:, None])
    tau, centre = prior.sd[:, :, None] ** 2, prior.mean[:, :, None]
    p, gap = precision[:, None, :], all_terms.peak[:, None, :] - centre
    with np.errstate(divide="ignore"):
        start = np.log(prior.weight)[:, :, None] + fit[:, None, :]
    gain = tau * p
    remaining = 1 / (1 + gain)
    log_weight = start - 0.5 * (np.log1p(gain) + gap**2 * (p * remaining))
    mean, sd = centre + gap * (gain * remaining), np.sqrt(tau * remaining)
    size = (terms.precision.size, -1)
    return log_weight.reshape(size), mean.reshape(size), sd.reshape(size)


def _needed(prior: PriorMixture, terms: LogQuadratic) -> LogQuadratic:
    """Terms with the nodes that matter under the prior of the factors, or after the estimates, for any component.

    The weight after the estimates is looked at on a sample: its one peak for each component is wider than the steps.
    """
    samples = terms.samples
    if not samples or math.prod(sample.size for sample in samples) > _MASS_COMPONENTS:
        return terms
    alone = prior.rows(slice(None)).alone
    log_weight = posterior_mixture(alone, terms.nodes(samples))[0].reshape(terms.precision.size, alone.sd.shape[1], -1)
    relative = (log_weight - log_weight.max(axis=2, keepdims=True)).max(axis=(0, 1))
    return terms.heaviest(relative.reshape([sample.size for sample in samples]))


def grid_cells(
    prior: PriorMixture, terms: LogQuadratic, edges: FloatArray, slope: FloatArray | None = None
) -> GridIntegrals:
    """Integrate as ``posterior_cells`` does, on a grid that refines itself.

    Parameters
    ----------
    prior : PriorMixture
    terms : LogQuadratic
    edges : array, shape (cells - 1,)
    slope : array, shape (scenarios, cells), optional

    Returns
    -------
    GridIntegrals

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Examples
    --------
    >>> import numpy as np
    >>> prior = PriorMixture(np.array([1.0]), np.array([1.0]))
    >>> cells = grid_cells(prior, LogQuadratic(np.zeros(1), np.zeros(1), ()), np.array([0.0]))
    >>> np.exp(cells.log_mass).round(10).tolist()
    [[0.5, 0.5]]
    """
    breaks, centre = _mesh(prior.rows(slice(None)), terms, edges)

    def log_density(index: IntArray, theta: FloatArray) -> FloatArray:
        value = log_prior(prior.rows(index), theta) + log_likelihood(terms, index, theta)
        if slope is not None:
            value += slope[index[:, None], np.searchsorted(edges, theta)] * theta
        return value

    return integrate_cells(log_density, breaks, edges, centre)


def log_prior(prior: PriorMixture, theta: FloatArray) -> FloatArray:
    """Logarithm of the prior density.

    Parameters
    ----------
    prior : PriorMixture
        One prior for all, or one for each row of theta.
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
    value = np.full(theta.shape, -np.inf)
    with np.errstate(divide="ignore"):
        height = np.log(prior.weight) - np.log(prior.sd) - 0.5 * np.log(2 * np.pi)
    spread = (..., *(None,) * (theta.ndim - 1)) if prior.sd.ndim > 1 else (...,)
    for level, mean, sd in zip(height.T, prior.mean.T, prior.sd.T, strict=True):
        value = np.logaddexp(value, level[spread] - 0.5 * ((theta - mean[spread]) / sd[spread]) ** 2)
    return value


def _mesh(prior: PriorMixture, terms: LogQuadratic, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    precision, linear = terms.precision[:, None], terms.linear[:, None]
    for log_weight, square, cross in terms.mixtures:
        typical = np.searchsorted(np.cumsum(np.exp(log_weight)), [0.02, 0.5, 0.98])
        precision, linear = precision + square[:, typical], linear + cross[:, typical]
    tight = prior.sd[:, None, :] ** -2.0
    total = precision[:, :, None] + tight
    mean, sd = (linear[:, :, None] + prior.mean[:, None, :] * tight) / total, total**-0.5
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
