"""What scenarios change in a cell, and the posterior in all of them at once.

Every question about a cell – without a stream, with more bias, with less dependence – is a set of scenarios, answered
by the same engine in one call.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cells import CellModel, regained
from clustereffects.triangulation.engine import PriorMixture, StatePosterior, combine, posterior_cells
from clustereffects.triangulation.estimates import LogQuadratic, likelihood_terms, stream_precision
from clustereffects.triangulation.likelihoods import log_constants, tempering

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_DEEPEST = -50.0
#: Scenarios with a proportional bias that share its steps.
_TOGETHER = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """What each scenario changes in a cell; what is not named stays as declared.

    Parameters
    ----------
    shift : array, shape (scenarios, streams), optional
        Added to the mean bias of the streams' estimates.
    power : array, shape (scenarios, streams), optional
        Power of each stream's likelihood.
    rho : array, shape (scenarios, blocks), optional
        Correlation within the dependence groups.
    estimates, tests : array, shape (scenarios, n), optional
        0 for what is left out, 1 for the rest. Without ``tests``, powers also say how many share an observation.
    residual, own : array, shape (scenarios, n), optional
        Estimates less bias means, and their variances before dependence.
    middle : array, shape (scenarios, tests, 3), optional
        Log-likelihoods of the tests.
    extra : array, shape (scenarios, 3), optional
        Added to the diagnostics' log-likelihood of each state.
    prior : PriorMixture, optional
        With a row for each scenario.

    Raises
    ------
    TypeError
        If an argument is unknown.

    Examples
    --------
    >>> Changes(power=np.ones((4, 2))).scenarios
    4
    """

    shift: FloatArray | None = None
    power: FloatArray | None = None
    rho: FloatArray | None = None
    estimates: FloatArray | None = None
    tests: FloatArray | None = None
    residual: FloatArray | None = None
    own: FloatArray | None = None
    middle: FloatArray | None = None
    extra: FloatArray | None = None
    prior: PriorMixture | None = None

    @property
    def scenarios(self) -> int:
        """How many scenarios there are; one if nothing changes."""
        given = [getattr(self, one.name) for one in fields(self)]
        sizes = [x.weight.shape[0] if isinstance(x, PriorMixture) else x.shape[0] for x in given if x is not None]
        return int(sizes[0]) if sizes else 1

    def rows(self, chosen: IntArray) -> Changes:
        """Changes of some scenarios."""
        parts: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, part in parts.items():
            if part is not None:
                parts[name] = part.rows(chosen) if isinstance(part, PriorMixture) else part[chosen]
        return Changes(**parts)


def evaluate(model: CellModel, changes: Changes, *, ramp: bool = False) -> StatePosterior:
    """Posterior of a cell in scenarios.

    Parameters
    ----------
    model : CellModel
    changes : Changes
    ramp : bool
        Let the diagnostics' log-likelihood run linearly from its value for a negligible effect at θ = 0 to those for
        harm and benefit at θ = ∓2δ, instead of jumping at ∓δ.

    Returns
    -------
    StatePosterior

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    On the ramp, a log-likelihood is at most 50 below the largest: a probability of exactly 0 would make it a cliff.

    Examples
    --------
    >>> from clustereffects.results.evidence import Diagnostic
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> seen = Diagnostic(id="seen", claim="growth", group="K01", stream="interviews", observed=True, p_benefit=0.9,
    ...                   p_negligible=0.3, p_harm=0.3)
    >>> model = cell_model(claim, "K01", CellEvidence(diagnostics=(seen,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> [evaluate(model, Changes(), ramp=ramp).probability[0].round(3).tolist() for ramp in (False, True)]
    [[0.232, 0.074, 0.695], [0.234, 0.087, 0.678]]
    """
    if model.estimates.loading.size and changes.scenarios > _TOGETHER:
        return _by_distance(model, changes, ramp=ramp)
    terms, constants = likelihood(model, changes)
    prior = model.prior if changes.prior is None else changes.prior
    if ramp:
        return _on_ramp(prior, terms, constants, model.claim.delta)
    return combine(posterior_cells(prior, terms, model.edges), constants)


def likelihood(model: CellModel, changes: Changes) -> tuple[LogQuadratic, FloatArray]:
    """Likelihood of the estimates and of the diagnostics in scenarios.

    Parameters
    ----------
    model : CellModel
    changes : Changes

    Returns
    -------
    terms : LogQuadratic
    constants : array, shape (scenarios, 3)
        Log-likelihood of harm, negligible effect and benefit.

    Raises
    ------
    EvidenceError
        If proportional biases cannot be integrated.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> model = cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> likelihood(model, Changes())[1].tolist()
    [[0.0, 0.0, 0.0]]
    """
    scenarios = changes.scenarios
    power = np.ones((scenarios, len(model.streams))) if changes.power is None else changes.power
    if changes.power is not None and changes.tests is None:
        changes = replace(changes, tests=regained(model, power))
    exponent = tempering(_count(model, changes), power, model.items.rho if changes.rho is None else changes.rho)
    terms = _terms(model, changes, power, np.broadcast_to(exponent, (scenarios, *exponent.shape[1:])))
    constants = log_constants(model.items, power, exponent, _kept(model, changes))
    return terms, constants if changes.extra is None else constants + changes.extra


def _by_distance(model: CellModel, changes: Changes, *, ramp: bool) -> StatePosterior:
    """Evaluate scenarios in parts: those with estimates far out need finer steps in a proportional bias than others."""
    residual = _residual(model, changes)
    far = np.broadcast_to(
        np.abs(residual / np.sqrt(np.diag(model.estimates.covariance))).max(axis=-1), changes.scenarios
    )
    order = np.argsort(far, kind="stable")
    parts = [changes.rows(order[i : i + _TOGETHER]) for i in range(0, order.size, _TOGETHER)]
    found = [evaluate(model, part, ramp=ramp) for part in parts]
    back = np.argsort(order, kind="stable")
    names = ("probability", "mean", "sd", "error")
    return StatePosterior(*(np.concatenate([getattr(one, name) for one in found])[back] for name in names))


def _residual(model: CellModel, changes: Changes) -> FloatArray:
    residual = model.estimates.residual if changes.residual is None else changes.residual
    return residual if changes.shift is None else residual - changes.shift[:, model.estimates.stream]


def _kept(model: CellModel, changes: Changes) -> FloatArray | None:
    if changes.tests is None:
        return changes.middle
    middle = model.items.middle if changes.middle is None else changes.middle
    return np.asarray(middle * changes.tests[:, :, None])


def _count(model: CellModel, changes: Changes) -> FloatArray:
    items, estimates = model.items, model.estimates
    count = items.count
    if changes.tests is not None:
        gone = (1 - changes.tests) * items.informative
        count = count - _by_block(gone, (items.block, items.stream), items.count.shape)
    if changes.estimates is not None:
        gone = 1 - changes.estimates
        count = count - _by_block(gone, (estimates.block, estimates.stream), items.count.shape)
    return count


def _by_block(gone: FloatArray, place: tuple[IntArray, IntArray], shape: tuple[int, ...]) -> FloatArray:
    block, stream = place
    cell = np.arange(shape[0] * shape[1]) == (block * shape[1] + stream)[:, None]
    return np.asarray((gone @ cell).reshape(-1, *shape))


def _terms(model: CellModel, changes: Changes, power: FloatArray, exponent: FloatArray) -> LogQuadratic:
    estimates = model.estimates
    residual = _residual(model, changes)
    precision = _precision(model, changes, power, exponent)
    return likelihood_terms(estimates, np.broadcast_to(residual, precision.shape[:2]), power, precision)


def _precision(model: CellModel, changes: Changes, power: FloatArray, exponent: FloatArray) -> FloatArray:
    estimates = model.estimates
    rows = power.shape[0]
    if all(x is None for x in (changes.power, changes.rho, changes.estimates, changes.tests, changes.own)):
        rows = 1
    own = estimates.own if changes.own is None else changes.own
    declared = 1 + (model.items.count[estimates.block].sum(axis=1) - 1) * model.items.rho[estimates.block]
    inflated = own / exponent[:rows, estimates.block, estimates.stream]
    # In this order, own errors can be made small beside the declared ones without cancelling.
    shared = estimates.covariance - np.diag(estimates.own * declared)
    covariance = shared + inflated[:, :, None] * np.eye(own.shape[-1])
    found = stream_precision(covariance, estimates.stream, power[:rows], changes.estimates)
    return np.broadcast_to(found, (power.shape[0], *found.shape[1:]))


def _on_ramp(prior: PriorMixture, terms: LogQuadratic, constants: FloatArray, delta: float) -> StatePosterior:
    level = np.maximum(constants - constants.max(axis=1, keepdims=True), _DEEPEST)
    harm, negligible, benefit = level.T
    flat = np.zeros(harm.size)
    down, up = (negligible - harm) / (2 * delta), (benefit - negligible) / (2 * delta)
    cells = posterior_cells(
        prior, terms, delta * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.stack([flat, down, down, up, up, flat], axis=1)
    )
    found = combine(cells, np.stack([harm, negligible, negligible, negligible, negligible, benefit], axis=1))
    return StatePosterior(found.probability.reshape(-1, 3, 2).sum(axis=2), found.mean, found.sd, found.error)
