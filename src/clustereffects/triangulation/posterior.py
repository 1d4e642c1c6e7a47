"""The posterior of one effect as a curve, and how much a stream has told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.changes import Changes, likelihood
from clustereffects.triangulation.engine import PriorMixture, combine, grid_cells, log_prior, posterior_cells
from clustereffects.triangulation.estimates import likelihood_terms, log_likelihood
from clustereffects.triangulation.likelihoods import log_constants

FloatArray = NDArray[np.float64]

_POINTS = 801
_NEGLIGIBLE_LOG = -40.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posterior:
    """Posterior distribution of the effect a claim is about, at the centre of all ranges.

    Parameters
    ----------
    claim, group : str
    theta, density, cdf : array
        Effect, density and distribution function on a grid that covers all but e⁻⁴⁰ of the mass.
    mean, sd : float
    p_harm, p_negligible, p_benefit : float
    error : float
        Bound on the relative error of each probability.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> grid = np.linspace(-1, 1, 3)
    >>> flat = Posterior(claim="growth", group="K01", theta=grid, density=np.full(3, 0.5), cdf=(grid + 1) / 2, mean=0.0,
    ...                  sd=0.58, p_harm=0.5, p_negligible=0.0, p_benefit=0.5, error=0.0)
    >>> flat.interval(0.9)
    (-0.9, 0.9)
    """

    claim: str
    group: str
    theta: FloatArray
    density: FloatArray
    cdf: FloatArray
    mean: float
    sd: float
    p_harm: float
    p_negligible: float
    p_benefit: float
    error: float

    def quantile(self, level: float) -> float:
        """Quantile, interpolated between grid points (to about a ten-thousandth of the standard deviation)."""
        if not 0 < level < 1:
            raise OptionError(
                Problem(
                    what=f"level {level}",
                    where="quantile",
                    expected="a probability between 0 and 1",
                    remedy="correct it",
                )
            )
        return float(np.interp(level, self.cdf, self.theta))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Equal-tailed credible interval."""
        low, high = self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)
        return round(low, 12), round(high, 12)


def posterior_curve(model: CellModel) -> Posterior:
    """Posterior of a cell on a grid.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    Posterior

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> model = cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> round(posterior_curve(model).p_benefit, 3)
    0.431
    """
    power = np.ones((1, len(model.streams)))
    terms = likelihood_terms(model.estimates, model.estimates.residual[None, :], power)
    constants = log_constants(model.items, power)
    cells = grid_cells(model.prior, terms, model.edges)
    summary = combine(cells, constants)
    weight = cells.log_weight + constants[0][cells.cell_index]
    inside = cells.theta[weight > weight.max() + _NEGLIGIBLE_LOG]
    theta = np.union1d(np.linspace(inside.min(), inside.max(), _POINTS), model.edges)
    fine = posterior_cells(model.prior, terms, theta)
    log_total = np.logaddexp.reduce((cells.log_mass + constants)[0])
    between = np.searchsorted(model.edges, np.concatenate([[-np.inf], (theta[1:] + theta[:-1]) / 2, [np.inf]]))
    mass = np.exp(fine.log_mass[0] + constants[0][between] - log_total)
    likelihood = log_likelihood(terms, np.zeros(1, dtype=np.intp), theta[None, :])[0]
    at = constants[0][np.searchsorted(model.edges, theta)]
    return Posterior(
        claim=model.claim.id,
        group=model.group,
        theta=theta,
        density=np.exp(log_prior(model.prior, theta) + likelihood + at - log_total),
        cdf=np.cumsum(mass)[:-1],
        mean=float(summary.mean[0]),
        sd=float(summary.sd[0]),
        p_harm=float(summary.probability[0, 0]),
        p_negligible=float(summary.probability[0, 1]),
        p_benefit=float(summary.probability[0, 2]),
        error=float(summary.error[0]),
    )


def stream_alone(model: CellModel, stream: int) -> tuple[FloatArray, float]:
    """What one stream says on its own, from the wide part of the prior.

    Parameters
    ----------
    model : CellModel
    stream : int
        Position of the stream in the cell.

    Returns
    -------
    probability : array, shape (3,)
        Of harm, negligible effect and benefit.
    gain : float
        Kullback–Leibler divergence of the posterior from the prior, in nats.

    Raises
    ------
    IndexError
        If there is no such stream.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> round(stream_alone(model, 0)[1], 2)
    1.39
    """
    weak = PriorMixture(np.array([1.0]), model.prior.sd[-1:], model.prior.mean[-1:])
    power = np.zeros((1, len(model.streams)))
    power[0, stream] = 1.0
    terms, every = likelihood(model, Changes(power=power))
    constants = every[0]
    cells = grid_cells(weak, terms, model.edges)
    log_mass = cells.log_mass[0] + constants
    log_total = float(np.logaddexp.reduce(log_mass))
    share = np.exp(cells.log_weight + constants[cells.cell_index] - log_total)
    at_theta = log_likelihood(terms, np.zeros(1, dtype=np.intp), cells.theta[None, :])[0]
    gain = float((share * (at_theta + constants[cells.cell_index])).sum()) - log_total
    return np.exp(log_mass - log_total), max(gain, 0.0)
