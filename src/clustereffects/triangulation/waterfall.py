"""From the prior to the posterior, one stream or one item at a time, with what the order has to do with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.cells import CellModel, cell_model
from clustereffects.triangulation.estimates import LinearEvidence
from clustereffects.triangulation.sensitivity import scenarios

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one stream or item adds to the log odds of benefit.

    Parameters
    ----------
    name, stream : str
        Name of the stream or item, and the stream that it belongs to.
    before, after : float
        Log odds of benefit without it and with it, given what comes earlier.
    least, most : float
        Smallest and largest change it makes in other orders: in any order for a stream, as the first and as the last for an
        item.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Step(name="did", stream="economic", before=0.0, after=1.5, least=1.0, most=1.5).change
    1.5
    """

    name: str
    stream: str
    before: float
    after: float
    least: float
    most: float

    @property
    def change(self) -> float:
        """Change in this order."""
        return self.after - self.before


def log_odds(probability: FloatArray) -> FloatArray:
    """Log odds of benefit.

    Parameters
    ----------
    probability : array, shape (..., 3)
        Of harm, negligible effect and benefit.

    Returns
    -------
    array
        Between −691 and 691, so that an impossible state can be drawn.

    Raises
    ------
    IndexError
        If there are not three states.

    Examples
    --------
    >>> log_odds(np.array([[0.01, 0.04, 0.95]])).round(3).tolist()
    [2.944]
    """
    against = np.maximum(probability[..., 0] + probability[..., 1], _TINY)
    return np.asarray(np.log(np.maximum(probability[..., 2], _TINY)) - np.log(against))


def waterfall(cell: CellFinding, by: Literal["stream", "item"] = "stream") -> tuple[Step, ...]:
    """Steps from the prior to the posterior of one cell.

    Parameters
    ----------
    cell : CellFinding
    by : {"stream", "item"}
        Steps by stream, in their fixed order, or by item: estimates of each stream, what was seen about their bias, then
        tests and searches.

    Returns
    -------
    tuple of Step
        Empty where nothing bears on the effect. The first starts at the prior, the last ends at the posterior, at the
        centre of all ranges.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Log odds of benefit against harm and negligible effect together do not simply add up: an estimate tells the more the
    less is known already. So the size of a step depends on the order, by how much is said by ``least`` and ``most``.
    Steps by item leave the weight that dependent items share as it is in the whole cell; otherwise a sign that speaks
    for benefit could lower its probability by taking weight from a stronger one.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation.cell_finding import find_cell
    >>> from clustereffects.triangulation.options import Prior, Thresholds
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> did = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> steps = waterfall(find_cell(claim, "K01", CellEvidence(estimates=(did,)), prior, Thresholds()))
    >>> [(step.name, round(step.before, 2), round(step.after, 2)) for step in steps]
    [('economic', -0.28, 3.13)]
    """
    if not cell.evidence.speaks:
        return ()
    return _by_item(cell) if by == "item" else _by_stream(cell.model)


def _by_stream(model: CellModel) -> tuple[Step, ...]:
    streams = len(model.streams)
    subsets = (np.arange(2**streams)[:, None] >> np.arange(streams)) & 1
    level = log_odds(scenarios(model, power=subsets.astype(np.float64)).probability)
    steps = []
    for i, name in enumerate(model.streams):
        without = np.flatnonzero(subsets[:, i] == 0)
        changes = level[without + 2**i] - level[without]
        before = float(level[2**i - 1])
        after = float(level[2 ** (i + 1) - 1])
        least, most = float(changes.min()), float(changes.max())
        steps.append(Step(name=name, stream=name, before=before, after=after, least=least, most=most))
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a cell: an estimate or a test by its row in the model, bias evidence by its place in the evidence."""

    kind: Literal["estimate", "bias", "test"]
    row: int
    name: str
    stream: str


def _by_item(cell: CellFinding) -> tuple[Step, ...]:
    items = _in_order(cell)
    level = _levels(cell)
    so_far = [level(items[:i]) for i in range(len(items) + 1)]
    steps = []
    for i, item in enumerate(items):
        alone, last = level([item]) - so_far[0], so_far[-1] - level([*items[:i], *items[i + 1 :]])
        changes = (alone, so_far[i + 1] - so_far[i], last)
        steps.append(
            Step(
                name=item.name,
                stream=item.stream,
                before=so_far[i],
                after=so_far[i + 1],
                least=min(changes),
                most=max(changes),
            )
        )
    return tuple(steps)


def _in_order(cell: CellFinding) -> list[_Item]:
    """Items that bear on the effect, by the stream they move."""
    model = cell.model
    estimates, tests = model.item_names
    found: list[_Item] = []
    for i, stream in enumerate(model.streams):
        own = np.flatnonzero(model.estimates.stream == i).tolist()
        found += [_Item("estimate", row, estimates[row], stream) for row in own]
        moving = (one.observed and one.target_stream == stream for one in cell.evidence.bias)
        found += [_Item("bias", k, cell.evidence.bias[k].id, stream) for k, moves in enumerate(moving) if moves and own]
        rows = np.flatnonzero(model.items.stream == i).tolist()
        found += [_Item("test", row, tests[row], stream) for row in rows]
    return found


def _levels(cell: CellFinding) -> Callable[[Sequence[_Item]], float]:
    """Log odds with some items only, each with the weight that it has beside all others of its dependence group."""
    models: dict[tuple[int, ...], CellModel] = {}

    def with_bias(chosen: tuple[int, ...]) -> CellModel:
        if chosen not in models:
            evidence = replace(cell.evidence, bias=tuple(cell.evidence.bias[k] for k in chosen))
            models[chosen] = cell_model(cell.model.claim, cell.model.group, evidence, cell.model.prior)
        return models[chosen]

    def level(items: Sequence[_Item]) -> float:
        rows = {kind: sorted(one.row for one in items if one.kind == kind) for kind in ("estimate", "bias", "test")}
        model = with_bias(tuple(rows["bias"]))
        seen = np.isin(np.arange(model.items.middle.shape[0]), rows["test"])
        part = replace(
            model,
            estimates=_rows(model.estimates, np.array(rows["estimate"], dtype=np.intp)),
            items=replace(model.items, middle=np.where(seen[:, None], model.items.middle, 0.0)),
        )
        return float(log_odds(scenarios(part).probability[0]))

    return level


def _rows(estimates: LinearEvidence, keep: IntArray) -> LinearEvidence:
    columns = {one.name: getattr(estimates, one.name)[keep] for one in fields(estimates) if one.name != "covariance"}
    return replace(estimates, covariance=estimates.covariance[np.ix_(keep, keep)], **columns)


def as_probability(log_odds_of_benefit: float) -> float:
    """Probability of benefit that belongs to log odds.

    Parameters
    ----------
    log_odds_of_benefit : float

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is not a number.

    Examples
    --------
    >>> round(as_probability(2.944), 3)
    0.95
    """
    return 0.5 * (1 + math.tanh(log_odds_of_benefit / 2))
