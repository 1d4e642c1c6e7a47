"""Tipping points: the smallest change of one input that changes the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_GRID = 40
_FINER = 12
_ROUNDS = 6
_REACH = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The smallest change of one input that changes the verdict.

    Parameters
    ----------
    quantity : {"bias", "power"}
        Mean additive bias of a stream's estimates, or the power to which its likelihood is raised (1 as it is, 0 none).
    stream : str
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

    quantity: Literal["bias", "power"]
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
    """One input moved from its value now to the end of its reach, as t runs from 0 to 1."""

    stream: int
    end: float
    quantity: Literal["bias", "power"]

    def position(self, t: FloatArray) -> FloatArray:
        return 1 - t if self.quantity == "power" else self.end * t


def tipping_points(model: CellModel, thresholds: Thresholds) -> tuple[Tip, ...]:
    """For each stream the smallest bias and the largest power that change the verdict.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds

    Returns
    -------
    tuple of Tip
        A bias for each stream with estimates, in whichever direction tips first, and a power for each stream.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Each input is moved along a grid of 40 values, denser near its present value, until the verdict first changes, and
    the interval is then narrowed by 13 six times. Biases are searched up to ten times the largest of residual,
    total standard deviation and wide prior standard deviation.

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
    [('bias', 0.029), ('power', 0.23)]
    """
    paths = _paths(model)
    now = int(decide(scenarios(model).probability, thresholds)[0])
    near = np.sinh(4 * np.arange(1, _GRID + 1) / _GRID) / np.sinh(4)
    even = np.arange(1, _GRID + 1) / _GRID
    points = np.stack([even if path.quantity == "power" else near for path in paths]) if paths else np.zeros((0, 1))
    start = np.zeros(len(paths))
    found = np.full(len(paths), 3)
    tips = np.full(len(paths), np.nan)
    for _ in range(_ROUNDS):
        live = np.flatnonzero(~np.isnan(points[:, 0]))
        if not live.size:
            break
        classes = _classes(model, [paths[i] for i in live], points[live], thresholds)
        for row, i in enumerate(live):
            changed = np.flatnonzero(classes[row] != now)
            if not changed.size:
                points[i] = np.nan
                continue
            first = int(changed[0])
            tips[i], found[i] = points[i, first], classes[row, first]
            start[i] = points[i, first - 1] if first else start[i]
        points = start[:, None] + (tips - start)[:, None] * np.arange(1, _FINER + 2) / (_FINER + 1)
    return _nearest(model, paths, tips, (now, found))


def _paths(model: CellModel) -> list[_Path]:
    size = np.concatenate([np.abs(model.estimates.residual), np.sqrt(np.diag(model.estimates.covariance))])
    reach = _REACH * float(max(size.max(initial=0.0), model.prior.sd.max()))
    measured = np.unique(model.estimates.stream)
    biases = [_Path(int(s), sign * reach, "bias") for s in measured for sign in (1.0, -1.0)]
    return [*biases, *(_Path(s, 1.0, "power") for s in range(len(model.streams)))]


def _classes(model: CellModel, paths: list[_Path], points: FloatArray, thresholds: Thresholds) -> IntArray:
    rows = points.size
    shift, power = np.zeros((rows, len(model.streams))), np.ones((rows, len(model.streams)))
    for i, path in enumerate(paths):
        part = slice(i * points.shape[1], (i + 1) * points.shape[1])
        (shift if path.quantity == "bias" else power)[part, path.stream] = path.position(points[i])
    found = scenarios(model, shift=shift, power=power).probability
    return decide(found, thresholds).reshape(points.shape)


def _nearest(model: CellModel, paths: list[_Path], tips: FloatArray, classes: tuple[int, IntArray]) -> tuple[Tip, ...]:
    now, found = classes
    groups: dict[tuple[Literal["bias", "power"], int], list[int]] = {}
    for i, path in enumerate(paths):
        groups.setdefault((path.quantity, path.stream), []).append(i)
    result = []
    for (quantity, stream), members in groups.items():
        nearest = min(members, key=lambda i: math.inf if np.isnan(tips[i]) else tips[i])
        current = 1.0 if quantity == "power" else _mean_bias(model, stream)
        moved = float(paths[nearest].position(tips[nearest]))
        result.append(
            Tip(
                quantity=quantity,
                stream=model.streams[stream],
                current=current,
                tips_at=moved if quantity == "power" else current + moved,
                verdict=class_word(now),
                becomes="" if math.isnan(moved) else class_word(int(found[nearest])),
            )
        )
    return tuple(result)


def _mean_bias(model: CellModel, stream: int) -> float:
    own = model.estimates.stream == stream
    weight = 1 / np.diag(model.estimates.covariance)[own]
    return float((weight * model.bias_mean[own]).sum() / weight.sum())
