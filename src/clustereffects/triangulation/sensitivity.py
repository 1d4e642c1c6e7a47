"""Scenarios of a cell: what its posterior would be without a stream, over declared ranges, with more dependence.

Every question is a set of scenarios of one cell, answered by the same engine in one call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.bounds import probability_bounds
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.engine import StatePosterior, combine, posterior_cells
from clustereffects.triangulation.estimates import LogQuadratic, likelihood_terms
from clustereffects.triangulation.likelihoods import log_constants, tempering
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_RHO_STEPS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The posterior without one stream.

    Parameters
    ----------
    stream, verdict : str
    probability : tuple of three floats
        Of harm, negligible effect and benefit.
    mean, sd : float
    flips : bool
        Whether the verdict changes.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> LeftOut(stream="survey", verdict="undecided", probability=(0.1, 0.2, 0.7), mean=0.02, sd=0.03, flips=True).flips
    True
    """

    stream: str
    verdict: str
    probability: tuple[float, float, float]
    mean: float
    sd: float
    flips: bool


def scenarios(
    model: CellModel, *, shift: FloatArray | None = None, power: FloatArray | None = None, rho: FloatArray | None = None
) -> StatePosterior:
    """Posterior of a cell in scenarios.

    Parameters
    ----------
    model : CellModel
    shift : array, shape (scenarios, streams), optional
        Added to the mean bias of the streams' estimates.
    power : array, shape (scenarios, streams), optional
        Power of each stream's likelihood, 1 by default.
    rho : array, shape (scenarios, blocks), optional
        Correlation within the dependence groups of diagnostics.

    Returns
    -------
    StatePosterior

    Raises
    ------
    EstimationError
        If the integration does not converge.

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
    >>> scenarios(model, power=np.array([[1.0], [0.0]])).mean.round(3).tolist()
    [0.049, 0.0]
    """
    given = shift if shift is not None else power
    rows = 1 if given is None else given.shape[0]
    streams = len(model.streams)
    shift = np.zeros((rows, streams)) if shift is None else shift
    power = np.ones((rows, streams)) if power is None else power
    residual = model.estimates.residual - shift[:, model.estimates.stream]
    terms = likelihood_terms(model.estimates, residual, power)
    terms, back = _distinct(terms)
    cells = posterior_cells(model.prior, terms, model.edges)
    repeated = replace(
        cells,
        log_mass=cells.log_mass[back],
        first=cells.first[back],
        second=cells.second[back],
        centre=cells.centre[back],
        error=cells.error[back],
    )
    exponent = None if rho is None else tempering(model.items.count, power, rho)
    return combine(repeated, log_constants(model.items, power, exponent))


def _distinct(terms: LogQuadratic) -> tuple[LogQuadratic, IntArray]:
    if terms.mixtures:
        return terms, np.arange(terms.linear.size)
    pairs = np.stack([terms.precision, terms.linear], axis=1)
    rows, back = np.unique(pairs, axis=0, return_inverse=True)
    return LogQuadratic(rows[:, 0], rows[:, 1], ()), back.reshape(-1)


def cell_bounds(model: CellModel, posterior: StatePosterior) -> FloatArray:
    """Lower and upper probability of each state; equal to the probability where nothing is a range.

    Parameters
    ----------
    model : CellModel
    posterior : StatePosterior
        At the centre of all ranges, one scenario.

    Returns
    -------
    array, shape (3, 2)

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
    >>> cell_bounds(model, scenarios(model))[1].round(3).tolist()
    [0.137, 0.137]
    """
    centre = posterior.probability[0]
    if not model.ranged:
        return np.stack([centre, centre], axis=1)
    bounds = probability_bounds(model.prior, model.estimates, model.ranges, model.items, model.claim.delta)
    return np.stack([np.minimum(bounds[:, 0], centre), np.maximum(bounds[:, 1], centre)], axis=1)


def leave_one_out(model: CellModel, thresholds: Thresholds) -> tuple[LeftOut, ...]:
    """Posterior without each stream in turn.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds

    Returns
    -------
    tuple of LeftOut
        Without its only stream a cell holds the prior alone.

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
    >>> leave_one_out(cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15)), Thresholds())
    ()
    """
    count = len(model.streams)
    if not count:
        return ()
    found = scenarios(model, power=np.concatenate([np.ones((1, count)), 1 - np.eye(count)]))
    classes = decide(found.probability, thresholds)
    return tuple(
        LeftOut(
            stream=stream,
            verdict=class_word(int(classes[i])),
            probability=_triple(found.probability[i]),
            mean=float(found.mean[i]),
            sd=float(found.sd[i]),
            flips=bool(classes[i] != classes[0]),
        )
        for i, stream in enumerate(model.streams, 1)
    )


def _triple(row: FloatArray) -> tuple[float, float, float]:
    return float(row[0]), float(row[1]), float(row[2])


def rho_sweep(model: CellModel) -> tuple[tuple[float, FloatArray], ...]:
    """Probabilities when every dependence group of diagnostics has the same ρ, from 0 to 1.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    tuple of (rho, array of three probabilities)
        Empty if no dependence group has two informative items.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Tempering is exact at ρ = 0 and ρ = 1 only, so every reading should include this sweep.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> rho_sweep(cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15)))
    ()
    """
    if not (model.items.count.sum(axis=1) > 1).any():
        return ()
    steps = np.linspace(0, 1, _RHO_STEPS)
    rho = np.broadcast_to(steps[:, None], (steps.size, model.items.rho.size))
    found = scenarios(model, power=np.ones((steps.size, len(model.streams))), rho=rho)
    return tuple((float(r), row) for r, row in zip(steps, found.probability, strict=True))
