"""Candidates of each treated unit in the order in which it would choose them, stratum by stratum, as far as needed.

A list holds the nearest candidates of one treated unit, exactly: nothing that is left out comes before anything that
is in. Matching without replacement may use a list up; then another one is made of what is still free. Only strata that
hold treated units are ever touched. A sample of the stratum tells how far one has to look; candidates farther away are
sorted out by one matrix product per block, and only what is left is measured coordinate by coordinate, so that equal
points are exactly equally far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.tasks import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

DECIMALS = 10

_PAD = 2e-10
_FEW = 256
_SAMPLE = 1024
_LARGEST_SAMPLE = 8192
_BLOCK = 1 << 17
_PAIRS = 1 << 19
_SLACK = 1e-12
_HUGE = 1e300
_TABLE = 1 << 22


@dataclass(frozen=True)
class Stratum:
    """Treated units and candidates of one task that are equal in all that must be equal."""

    task: Task
    treated: IntArray
    control: IntArray

    @cached_property
    def places(self) -> tuple[IntArray, IntArray]:
        """Place of treated units and candidates in their joint order of line and unit."""
        one, pool = self.task.treated, self.task.control
        line = np.concatenate([one.line[self.treated], pool.line[self.control]]).round(DECIMALS)
        unit = np.concatenate([one.unit[self.treated], pool.unit[self.control]])
        place = np.empty(len(line), dtype=np.int64)
        place[np.lexsort((unit, line))] = np.arange(len(line))
        return place[: len(self.treated)], place[len(self.treated) :]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Candidates of treated units, nearest first; ``start`` bounds each list, ``whole`` says that nothing follows."""

    row: IntArray
    distance: FloatArray
    start: IntArray
    whole: BoolArray


def strata_of(task: Task) -> list[Stratum]:
    """Strata that hold a treated unit and a candidate."""
    found = []
    for rung in np.unique(task.rung).tolist():
        rows = np.flatnonzero((task.rung == rung) & (task.treated.strata[:, rung] >= 0))
        if not len(rows):
            continue
        codes, code = np.unique(task.treated.strata[rows, rung], return_inverse=True)
        pool = task.control.strata[:, rung]
        hit = np.flatnonzero(np.isin(pool, codes))
        place = _places(codes, pool[hit])
        members = hit[np.argsort(place, kind="stable")] if len(codes) > 1 else hit
        bounds = np.cumsum(np.bincount(place, minlength=len(codes)))
        for each, control in enumerate(np.split(members, bounds[:-1])):
            if len(control):
                found.append(Stratum(task, rows[code == each], control))
    return found


def _places(codes: IntArray, values: IntArray) -> IntArray | NDArray[np.uint16]:
    """Place of each value among distinct codes; few places are kept in a small type, which sorts faster."""
    if len(codes) >= 1 << 16 or codes[-1] > _TABLE:
        return np.searchsorted(codes, values)
    table = np.zeros(int(codes[-1]) + 1, dtype=np.uint16)
    table[codes] = np.arange(len(codes))
    return table[values]


def nearest_lists(stratum: Stratum, which: IntArray, pool: IntArray, depth: int) -> Lists:
    """Lists of at most ``depth`` candidates for some treated units, both given by their positions in the stratum."""
    size = len(pool)
    if stratum.task.table is not None or size <= max(_FEW, 4 * depth):
        reach, expected = np.full(len(which), np.inf), np.full(len(which), float(size))
    else:
        reach, expected = _how_far(stratum, which, pool, depth)
    parts = []
    for here in _parts(expected):
        treated, control = _within(stratum, which[here], pool, reach[here])
        parts.append(_ordered(stratum, _Pairs(which[here], treated, control, reach[here]), depth))
    return parts[0] if len(parts) == 1 else _joined(parts)


def fits(task: Task, treated: IntArray, control: IntArray) -> BoolArray:
    """Whether rows of both sides, broadcast, differ in what must differ and not too much in what is bounded."""
    one, pool = task.treated, task.control
    good = np.ones(np.broadcast_shapes(treated.shape, control.shape), dtype=np.bool_)
    for column in range(one.forbid.shape[1]):
        code = one.forbid[treated, column]
        good &= (pool.forbid[control, column] != code) | (code < 0)
    for column, width in enumerate(task.widths.tolist()):
        good &= np.abs(pool.bound[control, column] - one.bound[treated, column]) <= width
    return good


def distances(task: Task, treated: IntArray, control: IntArray) -> FloatArray:
    """Distances of rows of both sides, broadcast, summed coordinate by coordinate."""
    if task.table is not None:
        return np.asarray(task.table[treated, control])
    one, pool = task.treated.z, task.control.z
    if one.shape[1] == 1:
        return np.asarray(np.abs(pool[control, 0] - one[treated, 0]))
    total = np.zeros(np.broadcast_shapes(treated.shape, control.shape))
    for column in range(one.shape[1]):
        total += (pool[control, column] - one[treated, column]) ** 2
    return np.asarray(np.sqrt(total, out=total))


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs among which the nearest of some treated units are found.

    ``which`` are positions of these units in the stratum, ``treated`` is a place in ``which`` and ``control`` a position
    in the stratum for each pair; nothing nearer than ``reach`` is missing.
    """

    which: IntArray
    treated: IntArray
    control: IntArray
    reach: FloatArray


def _how_far(stratum: Stratum, which: IntArray, pool: IntArray, depth: int) -> tuple[FloatArray, FloatArray]:
    """Distance within which about ``depth`` allowed candidates are expected, and how many candidates of any kind."""
    size = len(pool)
    step = size // min(max(size // 32, _SAMPLE), _LARGEST_SAMPLE, size)
    sample = stratum.control[pool[::step]]
    place = math.ceil(1.5 * depth * len(sample) / size) + 3
    reach, expected = np.full(len(which), np.inf), np.full(len(which), float(size))
    for start in range(0, len(which), max(_PAIRS // len(sample), 1)):
        here = slice(start, start + max(_PAIRS // len(sample), 1))
        rows = stratum.treated[which[here], None]
        distance = distances(stratum.task, rows, sample[None])
        allowed = np.where(fits(stratum.task, rows, sample[None]), distance, np.inf)
        if place < len(sample):
            allowed.partition(place, axis=1)
            reach[here] = np.minimum(allowed[:, place], stratum.task.caliper) + 2 * _PAD
        expected[here] = step * (distance <= reach[here, None]).sum(axis=1)
    return reach, expected


def _within(stratum: Stratum, which: IntArray, pool: IntArray, reach: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs within reach, and perhaps a few that are farther by rounding."""
    size = len(pool)
    if not np.isfinite(reach).any():
        return np.repeat(np.arange(len(which)), size), np.tile(pool, len(which))
    found = []
    for first in range(0, len(which), _BLOCK // _FEW):
        here = slice(first, first + _BLOCK // _FEW)
        one = _left(stratum.task.treated.z[stratum.treated[which[here]]], reach[here])
        block = max(_BLOCK // len(one), _FEW)
        for start in range(0, size, block):
            other = _right(stratum.task.control.z[stratum.control[pool[start : start + block]]])
            flat = np.flatnonzero(one @ other <= 0.0)
            treated, control = np.divmod(flat, other.shape[1])
            found.append((treated + first, pool[control + start]))
    return np.concatenate([treated for treated, _ in found]), np.concatenate([control for _, control in found])


def _left(z: FloatArray, reach: FloatArray) -> FloatArray:
    """Treated side of a product that is |t − c|² − reach², less than its rounding error below zero."""
    square = (z**2).sum(axis=1)
    slack = _SLACK * (np.sqrt(square) + reach) ** 2
    limit = np.where(np.isfinite(reach), reach**2 + slack, _HUGE)
    return np.column_stack([-2.0 * z, square - limit, np.ones(len(z))])


def _right(z: FloatArray) -> FloatArray:
    other = np.empty((z.shape[1] + 2, len(z)))
    other[:-2] = z.T
    other[-2] = 1.0
    np.einsum("ij,ij->i", z, z, out=other[-1])
    return other


def _ordered(stratum: Stratum, pairs: _Pairs, depth: int) -> Lists:
    """Allowed pairs in order, as far as nothing can be missing."""
    task, caliper = stratum.task, stratum.task.caliper
    rows, control = stratum.treated[pairs.which], stratum.control[pairs.control]
    keep = np.flatnonzero(fits(task, rows[pairs.treated], control))
    treated, control = pairs.treated[keep], control[keep]
    distance = distances(task, rows[treated], control)
    rounded, reach = distance.round(DECIMALS), pairs.reach.round(DECIMALS)
    sure = np.flatnonzero((distance <= caliper) & (rounded < reach[treated]))
    treated, rounded, place = treated[sure], rounded[sure], pairs.control[keep[sure]]
    order = np.lexsort((rounded, treated))
    if ((rounded[order[1:]] == rounded[order[:-1]]) & (treated[order[1:]] == treated[order[:-1]])).any():
        order = np.lexsort((_tie(stratum, pairs.which[treated], place), rounded, treated))
    count = np.bincount(treated, minlength=len(rows))
    rank = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    order = sure[order[rank < depth]]
    whole = (count <= depth) & ((reach == np.inf) | (reach > round(caliper, DECIMALS)))
    return Lists(control[order], distance[order], np.concatenate([[0], np.cumsum(np.minimum(count, depth))]), whole)


def _tie(stratum: Stratum, treated: IntArray, control: IntArray) -> IntArray:
    """What orders candidates at equal distance."""
    own, place = stratum.places
    gap = place[control] - own[treated]
    return np.asarray(-2 * np.abs(gap) - (gap > 0))


def _parts(expected: FloatArray) -> list[slice]:
    """Slices of treated units that need about as much memory."""
    edges = np.flatnonzero(np.diff(np.cumsum(expected) // _PAIRS)) + 1
    return [slice(*edge) for edge in pairwise([0, *edges.tolist(), len(expected)])]


def _joined(parts: list[Lists]) -> Lists:
    length = np.concatenate([np.diff(part.start) for part in parts])
    return Lists(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.distance for part in parts]),
        np.concatenate([[0], np.cumsum(length)]),
        np.concatenate([part.whole for part in parts]),
    )
