"""Tipping points: the smallest change of one input that changes the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.changes import Changes, probabilities
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.estimates import SCENARIOS, likelihood_terms
from clustereffects.triangulation.likelihoods import log_constants
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Quantity: TypeAlias = Literal["bias", "power", "ratio", "observation", "prior"]

_GRID = 40
_FINER = 24
_ROUNDS = 5
_BIAS_REACH = 10.0
#: How many nodes one block's proportional biases may need at the end of that reach; how often it is halved otherwise.
_MOST_NODES, _HALVINGS = 20_000, 10
#: How often, and into how many parts, the neighbourhood of the most probable negligible effect is divided.
_PEAK_ROUNDS, _PEAK_PARTS = 2, 32
#: Largest logarithm of a ratio that is written as a number.
_LOG_LIMIT = 700.0
#: How far the logarithms of a likelihood ratio and of an observation bias are searched.
_LOG_REACH: dict[Quantity, float] = {"ratio": math.log(1e6), "observation": math.log(1e3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The smallest change of one input that changes the verdict.

    Parameters
    ----------
    quantity : {"bias", "power", "ratio", "observation", "prior"}
        Mean additive bias of a stream's estimates; the power to which a stream's likelihood is raised (1 as it is, 0
        none); the combined likelihood ratio of all diagnostics, benefit against a negligible effect; how many times too
        high the odds are of reporting a sign that speaks for benefit; the weight of the wide part of the prior.
    stream : str
        Empty for what concerns all streams.
    current : float
        Value now.
    tips_at : float
        Value at which the verdict changes; NaN if none within reach does.
    verdict, becomes : str
        Verdict now and then; ``becomes`` is empty if nothing changes.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Tip(quantity="bias", stream="economic", current=0.0, tips_at=0.039, verdict="probably beneficial",
    ...     becomes="undecided").changes
    True
    """

    quantity: Quantity
    stream: str
    current: float
    tips_at: float
    verdict: str
    becomes: str

    @property
    def changes(self) -> bool:
        """Whether anything within reach changes the verdict."""
        return math.isfinite(self.tips_at)


@dataclass(frozen=True, slots=True)
class _Path:
    """One input moved from its value now (t = 0) to the end of its reach (t = 1)."""

    quantity: Quantity
    stream: int
    current: float
    end: float

    def value(self, t: FloatArray) -> FloatArray:
        if self.quantity in _LOG_REACH:
            return np.asarray(np.exp(np.clip(np.log(self.current) + self.end * t, -_LOG_LIMIT, _LOG_LIMIT)))
        return self.current + (self.end - self.current) * t

    @property
    def start_grid(self) -> FloatArray:
        """Denser near the present value for biases, whose reach is wide."""
        even = np.arange(1, _GRID + 1) / _GRID
        return np.sinh(4 * even) / np.sinh(4) if self.quantity == "bias" else even


def tipping_points(model: CellModel, thresholds: Thresholds) -> tuple[Tip, ...]:
    """For each input the smallest change that changes the verdict.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds

    Returns
    -------
    tuple of Tip
        A bias for each stream with estimates and a power for each stream; likelihood ratio and observation bias if there
        are diagnostics, and the weight of the wide part of the prior; in whichever direction tips first.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Each input is moved along a grid of 40 values, until the verdict first changes, and the interval is then narrowed by
    25 four times. To the grid of a bias belongs the value at which a negligible effect is most probable: P(negligible)
    has one peak there, unless a proportional bias is shared, and a window of "no material effect" may be narrow.

    Biases are searched up to ten times the largest of residual, total standard deviation and widest prior standard
    deviation, half as far, or a quarter … where proportional biases could not be integrated there; likelihood ratios by
    a factor of a million, observation bias to a thousand in either direction.

    The likelihood ratio is moved with that of benefit against harm, by the same factor. With observation bias ω
    a sign that has probability p is reported with ``ωp/(1 + (ω − 1)p)`` if it is more probable under benefit than under
    a negligible effect, and with 1/ω for ω if it is less probable: Lopez, Bowers & Gajardo Cooper (2026, *DrWrinch*).

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
    >>> [(tip.quantity, round(tip.tips_at, 3)) for tip in tipping_points(model, Thresholds())]
    [('bias', 0.029), ('power', 0.23), ('prior', nan)]
    """
    paths = _paths(model)
    now = int(decide(probabilities(model, Changes()), thresholds)[0])
    start, tips = np.zeros(len(paths)), np.full(len(paths), np.nan)
    found = np.full(len(paths), now)
    live = np.arange(len(paths))

    def differs(probability: FloatArray) -> NDArray[np.bool_]:
        return np.asarray(decide(probability.reshape(-1, 3), thresholds).reshape(probability.shape[:-1]) != now)

    points, probability = _first_grid(model, paths, differs)
    for turn in range(_ROUNDS if paths else 0):
        if turn:
            probability = _probabilities(model, [paths[i] for i in live], points)
        classes = decide(probability.reshape(-1, 3), thresholds).reshape(points.shape)
        changed = classes != now
        some = changed.any(axis=1)
        live, points, classes, first = live[some], points[some], classes[some], changed[some].argmax(axis=1)
        if not live.size:
            break
        row = np.arange(live.size)
        tips[live], found[live] = points[row, first], classes[row, first]
        start[live] = np.where(first > 0, points[row, first - 1], start[live])
        points = start[live, None] + (tips - start)[live, None] * np.arange(1, _FINER + 2) / (_FINER + 1)
    return _nearest(model, paths, tips, (now, found))


def _paths(model: CellModel) -> list[_Path]:
    size = np.concatenate([np.abs(model.estimates.residual), np.sqrt(np.diag(model.estimates.covariance))])
    reach = _BIAS_REACH * float(max(size.max(initial=0.0), model.prior.sd.max()))
    paths = []
    for s in np.unique(model.estimates.stream).tolist():
        now = _mean_bias(model, s)
        paths += [_Path("bias", s, now, now + sign * _integrable(model, s, sign * reach)) for sign in (1.0, -1.0)]
    paths += [_Path("power", s, 1.0, 0.0) for s in range(len(model.streams))]
    if model.items.middle.shape[0]:
        level = log_constants(model.items, np.ones((1, len(model.streams))))[0]
        ratio = float(np.exp(np.clip(level[2] - level[1], -_LOG_LIMIT, _LOG_LIMIT)))
        for quantity, reach in _LOG_REACH.items():
            current = ratio if quantity == "ratio" else 1.0
            paths += [_Path(quantity, -1, current, sign * reach) for sign in (1.0, -1.0)]
    wide = float(model.prior.weight[-1])
    paths += [_Path("prior", -1, wide, end) for end in (1.0, 0.0) if model.prior.sd.size > 1 and end != wide]
    return paths


def _integrable(model: CellModel, stream: int, shift: float) -> float:
    """How far a stream's bias can be moved so that the proportional biases can still be integrated, in reasonable time."""
    estimates = model.estimates
    for _ in range(_HALVINGS if estimates.loading.size else 0):
        residual = estimates.residual - shift * (estimates.stream == stream)
        try:
            terms = likelihood_terms(estimates, residual[None], np.ones((1, len(model.streams))), accuracy=SCENARIOS)
        except EvidenceError:
            shift /= 2
            continue
        if max(log_weight.size for log_weight, _, _ in terms.mixtures) <= _MOST_NODES:
            break
        shift /= 2
    return abs(shift)


def _first_grid(
    model: CellModel, paths: Sequence[_Path], changed: Callable[[FloatArray], NDArray[np.bool_]]
) -> tuple[FloatArray, FloatArray]:
    """Points of each path, in order, and the probabilities there.

    The start grid, as far as it is needed, and on paths of a bias the point at which a negligible effect is most
    probable: the range of biases that leads to "no material effect" may be narrower than the grid. Other paths repeat
    their last point.
    """
    if not paths:
        return np.zeros((0, 1)), np.zeros((0, 1, 3))
    grid = np.stack([path.start_grid for path in paths])
    half = _GRID // 2
    near = _probabilities(model, paths, grid[:, :half])
    probability = np.concatenate([near, np.repeat(near[:, -1:], half, axis=1)], axis=1)
    further = np.asarray(~changed(probability).any(axis=1))
    grid[~further, half:] = grid[~further, half - 1, None]
    if further.any():
        rest = [paths[i] for i in np.flatnonzero(further).tolist()]
        probability[further, half:] = _probabilities(model, rest, grid[further, half:])
    biases = [i for i, path in enumerate(paths) if path.quantity == "bias"]
    more, there = grid[:, -1:].copy(), probability[:, -1:].copy()
    if biases:
        moved = [paths[i] for i in biases]
        more[biases], there[biases] = _peaks(model, moved, grid[biases], probability[biases])
    points, probability = np.concatenate([grid, more], axis=1), np.concatenate([probability, there], axis=1)
    order = points.argsort(axis=1, kind="stable")
    return np.take_along_axis(points, order, axis=1), np.take_along_axis(probability, order[:, :, None], axis=1)


def _peaks(
    model: CellModel, paths: Sequence[_Path], points: FloatArray, probability: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where on each path a negligible effect is most probable, between the neighbours of the best point of a grid."""
    row = np.arange(len(paths))
    for _ in range(_PEAK_ROUNDS):
        best = probability[:, :, 1].argmax(axis=1)
        low = np.where(best > 0, points[row, best - 1], 0.0)
        high = points[row, np.minimum(best + 1, points.shape[1] - 1)]
        points = low[:, None] + (high - low)[:, None] * np.arange(1, _PEAK_PARTS + 1) / _PEAK_PARTS
        probability = _probabilities(model, paths, points)
    best = probability[:, :, 1].argmax(axis=1)
    return points[row, best][:, None], probability[row, best][:, None]


def _probabilities(model: CellModel, paths: Sequence[_Path], points: FloatArray) -> FloatArray:
    """Probabilities of the states at each point of each path, all in one call."""
    rows, width = points.size, points.shape[1]
    quantity = np.repeat([path.quantity for path in paths], width)
    value = np.concatenate([path.value(t) for path, t in zip(paths, points, strict=True)])
    current = np.repeat([path.current for path in paths], width)
    stream = np.repeat([path.stream for path in paths], width)
    shift, power = np.zeros((rows, len(model.streams))), np.ones((rows, len(model.streams)))
    for name, target, new in (("bias", shift, value - current), ("power", power, value)):
        chosen = np.flatnonzero(quantity == name)
        target[chosen, stream[chosen]] = new[chosen]
    found = probabilities(
        model,
        Changes(
            shift=shift,
            power=power,
            extra=_on_benefit(np.divide(value, current, out=np.ones(rows), where=quantity == "ratio")),
            middle=_reported(model, np.where(quantity == "observation", value, 1.0)),
            prior=with_wide_weight(model.prior, np.where(quantity == "prior", value, model.prior.weight[-1])),
        ),
    )
    return found.reshape(*points.shape, 3)


def _on_benefit(factor: FloatArray) -> FloatArray:
    return np.asarray(np.log(factor)[:, None] * np.array([0.0, 0.0, 1.0]))


def _reported(model: CellModel, omega: FloatArray) -> FloatArray | None:
    moved = np.flatnonzero(omega != 1)
    if not moved.size:
        return None
    middle = np.repeat(model.items.middle[None], omega.size, axis=0)
    middle[moved] = model.reports.over(log_odds=np.log(omega[moved]))
    return middle


def with_wide_weight(prior: PriorMixture, weight: FloatArray) -> PriorMixture:
    """Priors whose wide part has other weights, the other parts keeping their proportions.

    Parameters
    ----------
    prior : PriorMixture
    weight : array, shape (scenarios,)

    Returns
    -------
    PriorMixture
        With a row for each weight.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> prior = PriorMixture(np.array([0.6, 0.2, 0.2]), np.array([0.05, 0.1, 0.3]))
    >>> with_wide_weight(prior, np.array([0.6])).weight.round(3).tolist()
    [[0.3, 0.1, 0.6]]
    """
    rest = prior.weight[:-1].sum()
    shares = prior.weight[:-1] / rest if rest > 0 else np.full(prior.sd.size - 1, 1 / max(prior.sd.size - 1, 1))
    parts = np.concatenate([(1 - weight)[:, None] * shares, weight[:, None]], axis=1)
    return PriorMixture(parts, np.broadcast_to(prior.sd, parts.shape), np.broadcast_to(prior.mean, parts.shape))


def _nearest(
    model: CellModel, paths: Sequence[_Path], tips: FloatArray, classes: tuple[int, IntArray]
) -> tuple[Tip, ...]:
    now, found = classes
    groups: dict[tuple[Quantity, int], list[int]] = {}
    for i, path in enumerate(paths):
        groups.setdefault((path.quantity, path.stream), []).append(i)
    result = []
    for (quantity, stream), members in groups.items():
        moved = [float(paths[i].value(tips[i : i + 1])[0]) for i in members]
        current = paths[members[0]].current
        best = min(range(len(members)), key=lambda k: _distance(quantity, current, moved[k]))
        result.append(
            Tip(
                quantity=quantity,
                stream=model.streams[stream] if stream >= 0 else "",
                current=current,
                tips_at=moved[best],
                verdict=class_word(now),
                becomes="" if math.isnan(moved[best]) else class_word(int(found[members[best]])),
            )
        )
    return tuple(result)


def _distance(quantity: Quantity, current: float, moved: float) -> float:
    if math.isnan(moved):
        return math.inf
    return abs(math.log(moved / current)) if quantity in _LOG_REACH else abs(moved - current)


def _mean_bias(model: CellModel, stream: int) -> float:
    own = model.estimates.stream == stream
    weight = 1 / np.diag(model.estimates.covariance)[own]
    return float((weight * model.bias_mean[own]).sum() / weight.sum())
