"""Units sorted for the group-time estimator, and the comparisons that its cells share.

Units are sorted by the start of their treatment, the latest first, so that whoever is untreated after some period stands
in one slice. Arrays are period-major: one row per period, so that a few hundred units are a few contiguous lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.group_time_plan import Cell, GroupTimeData, GroupTimeOptions, never_treated

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Current period, base period, period in which covariates are read.
_Pair = tuple[int, int, int]
# Slices of the comparison units, period of covariates, pair of periods if some units lack one, arm if it stands alone.
_Key = tuple[tuple[tuple[int, int], ...], int, _Pair | None, int]

_ROWS = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Units that are treated at the same time in the same group, or never."""

    start: float
    cohort: float
    group: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Sorted period-major data.

    ``order`` (n,) holds the row of the data of each sorted unit. ``outcome`` (T, n) has zeros where nothing is observed;
    ``design`` (1 or T, 1 + k, n) the constant and standardised covariates, ``weights`` (1 or T, n), one matrix for all
    periods if nothing changes over time. ``seen`` and ``ready`` (T, n) say where the outcome is observed and where
    covariates and weight can serve; None where they are everywhere.
    """

    order: IntArray
    segments: tuple[Segment, ...]
    outcome: FloatArray
    design: FloatArray
    weights: FloatArray
    seen: BoolArray | None
    ready: BoolArray | None

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.order)

    def pair(self, time: int, base: int, read: int) -> BoolArray | None:
        """Units that are usable in a comparison of two periods; None if all are."""
        masks = [] if self.seen is None else [self.seen[time], self.seen[base]]
        masks += [] if self.ready is None else [self.ready[read]]
        partial = [mask for mask in masks if not mask.all()]
        return np.logical_and.reduce(partial) if partial else None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Cells that share comparison units, covariates and usable units.

    ``cells`` (C,) indexes the plan, sorted by arm; ``arms`` (L,) the segments of treated units, ``arm`` (C,) the position
    of each cell's arm in them. ``periods`` (q,) are the outcomes needed, ``time`` and ``base`` (C,) positions in them.
    """

    cells: IntArray
    arms: tuple[int, ...]
    arm: IntArray
    controls: tuple[slice, ...]
    read: int
    periods: IntArray
    time: IntArray
    base: IntArray
    usable: BoolArray | None

    def arm_cells(self, position: int) -> slice:
        """Cells of one arm."""
        first, last = np.searchsorted(self.arm, [position, position + 1])
        return slice(int(first), int(last))


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A few units of a comparison: design (1 + k, c), weights (c,), zero where not usable, and which units they are."""

    x: FloatArray
    w: FloatArray
    units: slice


def lay_out(data: GroupTimeData, options: GroupTimeOptions, cells: Sequence[Cell]) -> Layout:
    """Sort and transpose the data."""
    order, segments = _sorted_units(data, options, cells)
    seen = np.isfinite(data.outcome)
    outcome = _sorted(data.outcome, order)
    if seen.all():
        observed = None
    else:
        observed = np.ascontiguousarray(seen[order].T)
        np.copyto(outcome, 0.0, where=~observed)
    design, known = _design(data.covariates, order)
    weights, positive = _weights(data.weights, order)
    ready = [np.broadcast_to(part, outcome.shape) for part in (known, positive) if part is not None]
    both = np.logical_and.reduce(ready) if ready else None
    return Layout(order, segments, outcome, design, weights, observed, both)


def _sorted_units(
    data: GroupTimeData, options: GroupTimeOptions, cells: Sequence[Cell]
) -> tuple[IntArray, tuple[Segment, ...]]:
    never = never_treated(data.cohorts, data.times, options.anticipation)
    cohorts = np.where(never, np.inf, data.cohorts)
    groups = np.full(len(cohorts), -1) if data.groups is None else np.where(never, -1, data.groups)
    if not any(cell.group >= 0 for cell in cells):
        groups = np.full(len(cohorts), -1)
    place = np.where(never, 0, data.times[-1] + options.anticipation + 1 - np.where(never, 0, cohorts)).astype(np.int64)
    width = int(groups.max(initial=-1)) + 2
    keys = place * width + groups + 1
    order = np.argsort(_small(keys), kind="stable")
    bounds = np.flatnonzero(np.diff(keys[order], prepend=-1, append=-1))
    treated_only = options.control == "never_treated"
    segments = []
    for begin, end in pairwise(bounds):
        start = float(cohorts[order[begin]])
        segments.append(
            Segment(
                start=-np.inf if treated_only and np.isfinite(start) else start,
                cohort=start,
                group=int(groups[order[begin]]),
                begin=int(begin),
                end=int(end),
            )
        )
    return order, tuple(segments)


def _small(keys: IntArray) -> NDArray[np.integer]:
    """Keys in the smallest type: NumPy sorts 16-bit integers in linear time."""
    return keys.astype(np.int16) if keys.max(initial=0) < 2**15 else keys


def _sorted(values: FloatArray, order: IntArray) -> FloatArray:
    """Rows in another order, transposed, a few thousand at a time."""
    result = np.empty((values.shape[1], len(order)))
    for begin in range(0, len(order), _ROWS):
        rows = order[begin : begin + _ROWS]
        result[:, begin : begin + _ROWS] = values[rows].T
    return result


def _design(covariates: FloatArray | None, order: IntArray) -> tuple[FloatArray, BoolArray | None]:
    """Constant and covariates, centred and scaled: fitted values do not depend on it, rounding does."""
    if covariates is None or not covariates.shape[-1]:
        return np.ones((1, 1, len(order))), None
    known = np.asarray(np.isfinite(covariates).all(axis=-1))
    cube = _over_time(covariates, known)
    design = np.ones((cube.shape[1], 1 + cube.shape[2], len(order)))
    for period in range(cube.shape[1]):
        design[period, 1:] = _sorted(cube[:, period], order)
    gaps = None if known.all() else np.ascontiguousarray(np.atleast_2d(known[order].T))
    body = design[:, 1:]
    if gaps is not None:
        body[~np.isfinite(body)] = np.nan
    centre, scale = np.nanmean(body, axis=(0, 2), keepdims=True), np.nanstd(body, axis=(0, 2), keepdims=True)
    body -= centre
    body /= np.where(scale > 0, scale, 1.0)
    if gaps is not None:
        np.copyto(body, 0.0, where=np.isnan(body))
    return design, gaps


def _over_time(covariates: FloatArray, known: BoolArray) -> FloatArray:
    """Covariates (n, T, k), or (n, 1, k) if they do not change within any unit."""
    if covariates.ndim == 2:
        return covariates[:, None, :]
    first = covariates[np.arange(len(covariates)), known.argmax(axis=1)][:, None, :]
    same = (covariates == first) | ~known[:, :, None]
    return first if same.all() else covariates


def _weights(weights: FloatArray | None, order: IntArray) -> tuple[FloatArray, BoolArray | None]:
    """Weights (1 or T, n), zero where there is none, and where they are positive."""
    if weights is None:
        return np.ones((1, len(order))), None
    wide = np.where(weights > 0, weights, 0.0)
    positive = wide > 0
    if wide.ndim == 1:
        return wide[order][None], None if positive.all() else positive[order][None]
    largest = wide.max(axis=1)
    fixed = ((wide == largest[:, None]) | ~positive).all()
    values = largest[order][None] if fixed else _sorted(wide, order)
    return values, None if positive.all() else np.ascontiguousarray(positive[order].T)


def compare_cells(
    layout: Layout, options: GroupTimeOptions, cells: Sequence[Cell], times: IntArray
) -> list[Comparison]:
    """Gather the cells that share comparison units, covariates and usable units."""
    arms = {(s.cohort, s.group): place for place, s in enumerate(layout.segments)}
    changing = max(len(layout.design), len(layout.weights)) > 1
    shared: dict[_Key, list[int]] = {}
    usable: dict[_Pair, BoolArray | None] = {}
    for number, cell in enumerate(cells):
        pair = (cell.time, cell.base, cell.read)
        if pair not in usable:
            usable[pair] = layout.pair(*pair)
        latest = float(times[max(cell.time, cell.base)]) + options.anticipation
        controls = _control_slices(layout.segments, latest, cell.cohort)
        own = arms[float(cell.cohort), cell.group] if options.method == "dr_improved" else -1
        key = (controls, cell.read if changing else 0, pair if usable[pair] is not None else None, own)
        shared.setdefault(key, []).append(number)
    return [_comparison(numbers, cells, arms, key, usable) for key, numbers in shared.items()]


def _control_slices(segments: Sequence[Segment], latest: float, cohort: int) -> tuple[tuple[int, int], ...]:
    """Slices of the units that are untreated after ``latest``, without the cohort itself."""
    slices: list[tuple[int, int]] = []
    for segment in segments:
        if segment.start <= latest or segment.cohort == cohort:
            continue
        if slices and slices[-1][1] == segment.begin:
            slices[-1] = (slices[-1][0], segment.end)
        else:
            slices.append((segment.begin, segment.end))
    return tuple(slices)


def _comparison(
    numbers: list[int],
    cells: Sequence[Cell],
    arms: dict[tuple[float, int], int],
    key: _Key,
    usable: dict[_Pair, BoolArray | None],
) -> Comparison:
    place = np.array([arms[float(cells[n].cohort), cells[n].group] for n in numbers])
    by_arm = np.argsort(place, kind="stable")
    chosen = np.array(numbers, dtype=np.int64)[by_arm]
    present, position = np.unique(place[by_arm], return_inverse=True)
    pairs = np.array([(cells[n].time, cells[n].base) for n in chosen], dtype=np.int64)
    periods, codes = np.unique(pairs, return_inverse=True)
    codes = codes.reshape(pairs.shape)
    controls, read, pair, _ = key
    return Comparison(
        cells=chosen,
        arms=tuple(int(arm) for arm in present),
        arm=position.ravel(),
        controls=tuple(slice(*bounds) for bounds in controls),
        read=read,
        periods=periods,
        time=codes[:, 0],
        base=codes[:, 1],
        usable=None if pair is None else usable[pair],
    )


def pieces(
    layout: Layout, comparison: Comparison, rows: Sequence[slice], size: int, stride: int = 1
) -> Iterator[Piece]:
    """The units of some slices, a few at a time; with a stride every so manieth unit, which then counts for all."""
    design = layout.design[min(comparison.read, len(layout.design) - 1)]
    weights = layout.weights[min(comparison.read, len(layout.weights) - 1)]
    for one in rows:
        for begin in range(one.start, one.stop, size * stride):
            part = slice(begin, min(begin + size * stride, one.stop), stride)
            w = weights[part]
            if comparison.usable is not None:
                w = w * comparison.usable[part]
            yield Piece(design[:, part], w if stride == 1 else w * stride, part)


def outcomes(layout: Layout, comparison: Comparison, part: slice) -> FloatArray:
    """Outcomes (q, c) of some units in the periods of a comparison."""
    if len(comparison.periods) == len(layout.outcome):
        return layout.outcome[:, part]
    return layout.outcome[comparison.periods, part]
