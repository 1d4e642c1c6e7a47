"""What scenarios change in a cell, and the posterior in all of them at once.

Every question about a cell – without a stream, with more bias, with less dependence – is a set of scenarios, answered
by the same engine in one call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.engine import (
    PriorMixture,
    StatePosterior,
    combine,
    posterior_cells,
    prior_masses,
)
from clustereffects.triangulation.estimates import (
    FINE,
    SCENARIOS,
    LogQuadratic,
    likelihood_terms,
    step_levels,
    stream_precision,
)
from clustereffects.triangulation.exact import CellIntegrals, stacked, weighted_masses
from clustereffects.triangulation.likelihoods import log_constants, tempering

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_DEEPEST = -50.0


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
        0 for what is left out, 1 for the rest.
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
    distinct = _distinct(model, changes, ramp=ramp, weighted=True)
    parts, order = [], []
    for rows, terms in _by_steps(model, distinct, np.full(distinct.residual.shape[0], FINE)):
        parts.append(posterior_cells(distinct.prior_of(rows), terms, distinct.edges, distinct.slope_of(rows)))
        order.append(rows)
    place = np.argsort(np.concatenate(order), kind="stable")[distinct.index]
    every = stacked(parts)
    cells = CellIntegrals(*(x[place] for x in (every.log_mass, every.first, every.second, every.centre, every.error)))
    found = combine(cells, distinct.level)
    return StatePosterior(distinct.states(found.probability), found.mean, found.sd, found.error)


def probabilities(model: CellModel, changes: Changes, *, ramp: bool = False, accuracy: float = SCENARIOS) -> FloatArray:
    """Probabilities of the three states in many scenarios that are compared with one another, without moments.

    Parameters
    ----------
    model : CellModel
    changes : Changes
    ramp : bool
        As in ``evaluate``.
    accuracy : float
        Of the probabilities, as far as proportional biases are integrated.

    Returns
    -------
    array, shape (scenarios, 3)

    Raises
    ------
    EvidenceError
        If a proportional bias is too wide to be integrated.

    Notes
    -----
    What changes only the diagnostics, or the weights of the prior's components, does not change the integrals: each
    distinct one is computed once. An error of ε in the masses is one of at most ε·exp(s) in the probabilities if the
    diagnostics' log-likelihoods of the states lie s apart, so the masses are computed to accuracy·exp(−s).

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.03)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> probabilities(model, Changes(power=np.array([[1.0], [0.0]]))).round(3).tolist()
    [[0.017, 0.07, 0.913], [0.431, 0.137, 0.431]]
    """
    distinct = _distinct(model, changes, ramp=ramp, weighted=False)
    log_mass = np.empty((distinct.residual.shape[0], distinct.prior.sd.shape[-1], distinct.edges.size + 1))
    for rows, terms in _by_steps(model, distinct, distinct.accuracy(accuracy)):
        log_mass[rows] = prior_masses(distinct.prior_of(rows), terms, distinct.edges, distinct.slope_of(rows))
    prior = model.prior if changes.prior is None else changes.prior
    value = weighted_masses(prior.weight, log_mass[distinct.index]) + distinct.level
    mass = np.exp(value - value.max(axis=1, keepdims=True))
    return distinct.states(mass / mass.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Distinct:
    """Scenarios that differ in their integrals, and for every scenario which of them it is and what multiplies its cells.

    ``variance`` is the estimates' own variance with dependence; ``level`` has a row for each scenario, everything else
    for each distinct one.
    """

    residual: FloatArray
    variance: FloatArray
    power: FloatArray
    kept: FloatArray | None
    prior: PriorMixture
    edges: FloatArray
    slope: FloatArray | None
    index: IntArray
    level: FloatArray

    def prior_of(self, rows: IntArray) -> PriorMixture:
        return self.prior if self.prior.sd.ndim == 1 else self.prior.rows(rows)

    def slope_of(self, rows: IntArray) -> FloatArray | None:
        return None if self.slope is None else self.slope[rows]

    def accuracy(self, wanted: float) -> FloatArray:
        """Accuracy of each distinct scenario's masses that makes the probabilities as accurate as wanted.

        In steps of one hundredth, so that few rules are needed.
        """
        apart = np.zeros(self.residual.shape[0])
        np.maximum.at(apart, self.index, self.level.max(axis=1) - self.level.min(axis=1))
        steps = np.ceil((apart - np.log(wanted)) / np.log(100.0))
        return np.asarray(np.maximum(np.exp(-np.log(100.0) * np.minimum(steps, 50.0)), FINE))

    def states(self, probability: FloatArray) -> FloatArray:
        """Probabilities of states from those of cells."""
        return probability if self.slope is None else probability.reshape(-1, 3, 2).sum(axis=2)


def _distinct(model: CellModel, changes: Changes, *, ramp: bool, weighted: bool) -> _Distinct:
    estimates, scenarios = model.estimates, changes.scenarios
    power = np.ones((scenarios, len(model.streams))) if changes.power is None else changes.power
    exponent = tempering(_count(model, changes), power, model.items.rho if changes.rho is None else changes.rho)
    exponent = np.broadcast_to(exponent, (scenarios, *exponent.shape[1:]))
    constants = log_constants(model.items, power, exponent, _kept(model, changes))
    if changes.extra is not None:
        constants = constants + changes.extra
    level, edges, slope = _ramp(constants, model.claim.delta) if ramp else (constants, model.edges, None)
    own = estimates.own if changes.own is None else changes.own
    variance = own / exponent[:, estimates.block, estimates.stream]
    residual = np.broadcast_to(_residual(model, changes), variance.shape)
    key = [residual, variance, power[:, estimates.stream]]
    key += [x for x in (changes.estimates, slope) if x is not None]
    prior = model.prior if changes.prior is None else changes.prior
    if changes.prior is not None:
        key += [prior.sd, prior.mean, *([prior.weight] if weighted else [])]
    first, index = _unique(np.concatenate(key, axis=1))
    return _Distinct(
        residual=residual[first],
        variance=variance[first],
        power=power[first],
        kept=None if changes.estimates is None else changes.estimates[first],
        prior=prior if changes.prior is None else prior.rows(first),
        edges=edges,
        slope=None if slope is None else slope[first],
        index=index,
        level=level,
    )


def _unique(rows: FloatArray) -> tuple[IntArray, IntArray]:
    """Place of the first of all equal rows, and for each row which of these it equals."""
    if not rows.shape[1]:
        return np.zeros(1, dtype=np.intp), np.zeros(rows.shape[0], dtype=np.intp)
    places: dict[bytes, int] = {}
    raw, size = np.ascontiguousarray(rows).tobytes(), rows.itemsize * rows.shape[1]
    keys = (raw[i : i + size] for i in range(0, len(raw), size))
    index = np.array([places.setdefault(one, len(places)) for one in keys], dtype=np.intp)
    first = np.zeros(len(places), dtype=np.intp)
    first[index[::-1]] = np.arange(index.size)[::-1]
    return first, index


def _by_steps(model: CellModel, distinct: _Distinct, accuracy: FloatArray) -> Iterator[tuple[IntArray, LogQuadratic]]:
    """Terms of the estimates, for scenarios that need the same steps in a proportional bias at a time."""
    estimates, precision = model.estimates, _precision(model, distinct)
    for one in np.unique(accuracy).tolist() if estimates.loading.size else (FINE,):
        some = np.flatnonzero(accuracy == one) if estimates.loading.size else np.arange(accuracy.size)
        levels = step_levels(estimates, distinct.residual[some], precision[some], one)
        _, group = _unique(levels.astype(np.float64))
        for k in range(int(group.max()) + 1):
            rows = some[group == k]
            yield (
                rows,
                likelihood_terms(estimates, distinct.residual[rows], distinct.power[rows], precision[rows], one),
            )


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


def _precision(model: CellModel, distinct: _Distinct) -> FloatArray:
    estimates = model.estimates
    declared = 1 + (model.items.count[estimates.block].sum(axis=1) - 1) * model.items.rho[estimates.block]
    inflated = distinct.variance - estimates.own * declared
    covariance = estimates.covariance + inflated[:, :, None] * np.eye(estimates.own.size)
    return stream_precision(covariance, estimates.stream, distinct.power, distinct.kept)


def _ramp(constants: FloatArray, delta: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    level = np.maximum(constants - constants.max(axis=1, keepdims=True), _DEEPEST)
    harm, negligible, benefit = level.T
    flat = np.zeros(harm.size)
    down, up = (negligible - harm) / (2 * delta), (benefit - negligible) / (2 * delta)
    slope = np.stack([flat, down, down, up, up, flat], axis=1)
    at_edges = np.stack([harm, negligible, negligible, negligible, negligible, benefit], axis=1)
    return at_edges, delta * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), slope
