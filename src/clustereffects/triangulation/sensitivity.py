"""What a cell's posterior would be without a stream, a group or an item, over declared ranges, with more dependence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.bounds import probability_bounds
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.changes import Changes, evaluate
from clustereffects.triangulation.engine import StatePosterior
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.sorting import STREAMS
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_RHO_STEPS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The posterior without one stream, one dependence group or one item.

    Parameters
    ----------
    kind : {"stream", "group", "item"}
        An item is an estimate, a diagnostic test with all reports on it, or a search without a find.
    name, verdict : str
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
    >>> LeftOut(kind="stream", name="survey", verdict="undecided", probability=(0.1, 0.2, 0.7), mean=0.02, sd=0.03,
    ...         flips=True).flips
    True
    """

    kind: Literal["stream", "group", "item"]
    name: str
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
        Correlation within the dependence groups.

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
    return evaluate(model, Changes(shift=shift, power=power, rho=rho))


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


def leave_one_out(
    model: CellModel, thresholds: Thresholds, silenced: Mapping[str, CellModel] | None = None
) -> tuple[LeftOut, ...]:
    """Posterior without each stream, each declared dependence group and each item in turn.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds
    silenced : mapping of str to CellModel, optional
        The cell without a stream, for streams that say something on the bias of another one's estimates: that is left
        out with the stream. Such a stream need not have items of its own.

    Returns
    -------
    tuple of LeftOut
        Without its only stream a cell holds the prior alone. What is left out no longer counts as a member of its
        dependence group.

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
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.015)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> [(one.kind, one.name, one.flips) for one in leave_one_out(model, Thresholds())]
    [('stream', 'economic', True), ('item', 'did', True)]
    """
    labels, estimates, tests = _leavings(model)
    if not labels:
        return ()
    streams = len(model.streams)
    power = np.ones((len(labels) + 1, streams))
    power[1 : streams + 1] -= np.eye(streams)
    found = evaluate(model, Changes(power=power, estimates=estimates, tests=tests))
    again = {name: scenarios(other) for name, other in (silenced or {}).items()}
    rows = [(label, found, i) for i, label in enumerate(labels, 1) if label[0] != "stream" or label[1] not in again]
    rows += [(("stream", name), other, 0) for name, other in again.items()]
    rows.sort(key=lambda row: (_KINDS.index(row[0][0]), STREAMS.index(row[0][1]) if row[0][0] == "stream" else 0))
    return _without_each(rows, int(decide(found.probability[:1], thresholds)[0]), thresholds)


_Label = tuple[Literal["stream", "group", "item"], str]
_KINDS = ("stream", "group", "item")


def _without_each(
    rows: Sequence[tuple[_Label, StatePosterior, int]], now: int, thresholds: Thresholds
) -> tuple[LeftOut, ...]:
    """What is left without what each label names: a row of a posterior."""
    classes = decide(np.stack([found.probability[i] for _, found, i in rows]), thresholds)
    return tuple(
        LeftOut(
            kind=kind,
            name=name,
            verdict=class_word(int(state)),
            probability=_triple(found.probability[i]),
            mean=float(found.mean[i]),
            sd=float(found.sd[i]),
            flips=bool(state != now),
        )
        for ((kind, name), found, i), state in zip(rows, classes, strict=True)
    )


def _leavings(model: CellModel) -> tuple[list[_Label], FloatArray, FloatArray]:
    """What can be left out, and the estimates and tests that are kept: first everything, then without each in turn."""
    own, other = model.item_names
    blocks = np.concatenate([model.estimates.block, model.items.block])
    groups = [i for i, name in enumerate(model.blocks.names) if name and (model.blocks.member == i).sum() > 1]
    labels: list[_Label] = [("stream", name) for name in model.streams]
    labels += [("group", model.blocks.names[i]) for i in groups]
    labels += [("item", name) for name in (*own, *other)]
    kept = np.concatenate(
        [
            np.ones((1 + len(model.streams), blocks.size)),
            (blocks != np.array(groups, dtype=np.intp)[:, None]).astype(np.float64),
            1 - np.eye(blocks.size),
        ]
    )
    tests = kept[:, len(own) :]
    return labels, kept[:, : len(own)], tests * _restored(model, tests)


def _restored(model: CellModel, kept: FloatArray) -> FloatArray:
    """With how much more each test counts when others that share its observations are left out.

    Exact where every report on a test shares its observation with as many others.
    """
    reports, size = model.reports, model.estimates.residual.size
    origin, share = model.blocks.origin[size:], model.blocks.informative[size:]
    if not ((share > 0) & (share < 1)).any():
        return np.ones_like(kept)
    there = kept.copy()
    there[1 : len(model.streams) + 1] *= np.arange(len(model.streams))[:, None] != model.items.stream
    together = (origin[:, None] == origin) & (share > 0)
    among = np.maximum(there[:, reports.test] @ together.T, 1.0)
    of_test = (reports.test[:, None] == np.arange(reports.tests)).astype(np.float64)
    before = share @ of_test
    after = ((share > 0) / among) @ of_test
    return np.where(before > 0, after / np.where(before > 0, before, 1.0), 1.0)


def _triple(row: FloatArray) -> tuple[float, float, float]:
    return float(row[0]), float(row[1]), float(row[2])


def rho_sweep(model: CellModel) -> tuple[tuple[float, FloatArray], ...]:
    """Probabilities when every dependence group has the same ρ, from 0 to 1.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    tuple of (rho, array of three probabilities)
        Empty if no dependence group has two informative items; estimates are items too.

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
    found = evaluate(model, Changes(rho=rho))
    return tuple((float(r), row) for r, row in zip(steps, found.probability, strict=True))
