"""What an organisation borrowed from the others, and whether its own evidence accepts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.engine import PriorMixture, posterior_cells
from clustereffects.triangulation.estimates import likelihood_terms
from clustereffects.triangulation.likelihoods import log_constants

FloatArray = NDArray[np.float64]

#: The last components of a borrowed prior: the sceptical and the wide part that do not learn from others.
_ROBUST = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Borrowed:
    """What a cell borrowed from other organisations.

    Parameters
    ----------
    mean, sd : float
        Of the borrowed part of the prior.
    robust_before, robust_after : float
        Weight of the part that does not learn from others, before and after the cell's own evidence. It rises where the
        organisation is unlike the others.
    alone : array, shape (3,)
        Probability of harm, negligible effect and benefit if nothing were borrowed.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Borrowed(mean=0.03, sd=0.04, robust_before=0.2, robust_after=0.1, alone=np.full(3, 1 / 3)).robust_after
    0.1
    """

    mean: float
    sd: float
    robust_before: float
    robust_after: float
    alone: FloatArray


def what_was_borrowed(model: CellModel) -> Borrowed | None:
    """Compare the borrowed part of a cell's prior with the part that does not learn from others.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    Borrowed or None
        None where nothing was borrowed, or where the prior has no part that does not learn from others.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    The weight after the evidence is that of the marginal likelihoods of both parts (Schmidli et al. 2014, *Biometrics*
    70(4)).

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.3, std_error=0.025)
    >>> prior = PriorMixture(np.array([0.8, 0.16, 0.04]), np.array([0.02, 0.05, 0.15]), np.array([0.03, 0.0, 0.0]))
    >>> found = what_was_borrowed(cell_model(claim, "K01", CellEvidence(estimates=(item,)), prior))
    >>> round(found.robust_before, 2), round(found.robust_after, 2)
    (0.2, 1.0)
    """
    prior = model.prior
    weight = np.array([prior.weight[:-_ROBUST].sum(), prior.weight[-_ROBUST:].sum()])
    if not weight.all():
        return None
    parts = [_part(prior, slice(None, -_ROBUST)), _part(prior, slice(-_ROBUST, None))]
    log_mass = np.array([_log_mass(model, part) for part in parts])
    log_weight = np.log(weight) + logsumexp(log_mass, axis=1)
    mean = parts[0].weight @ parts[0].mean
    return Borrowed(
        mean=float(mean),
        sd=float(np.sqrt(parts[0].weight @ (parts[0].sd ** 2 + (parts[0].mean - mean) ** 2))),
        robust_before=float(weight[1]),
        robust_after=float(np.exp(log_weight[1] - logsumexp(log_weight))),
        alone=np.exp(log_mass[1] - logsumexp(log_mass[1])),
    )


def _part(prior: PriorMixture, chosen: slice) -> PriorMixture:
    weight = prior.weight[chosen]
    return PriorMixture(weight / weight.sum(), prior.sd[chosen], prior.mean[chosen])


def _log_mass(model: CellModel, prior: PriorMixture) -> FloatArray:
    power = np.ones((1, len(model.streams)))
    terms = likelihood_terms(model.estimates, model.estimates.residual[None, :], power)
    return np.asarray(posterior_cells(prior, terms, model.edges).log_mass[0] + log_constants(model.items, power)[0])
