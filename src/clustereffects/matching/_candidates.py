"""Admissible candidates of each treated unit and their distances, by stratum; for the methods that weigh all pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.nearest import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_STEP = 64


class _Block(NamedTuple):
    """Candidates of one stratum, their coordinates one row per coordinate."""

    rows: IntArray
    z: FloatArray


class Candidates:
    """Candidates of one task within stratum, bars, bounds and caliper, found stratum by stratum."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._members: dict[int, dict[int, IntArray]] = {}
        self._blocks: dict[tuple[int, int], _Block] = {}

    def stratum(self, treated: int) -> tuple[int, int]:
        """Rung of a treated unit and its code there."""
        rung = int(self.task.rung[treated])
        return rung, int(self.task.treated.strata[treated, rung])

    def size(self, treated: int) -> int:
        """How many candidates are in the stratum of a treated unit."""
        return len(self._block(treated).rows)

    def admissible(self, treated: int) -> tuple[IntArray, FloatArray]:
        """Rows of all admissible candidates of one treated unit, ascending, and their distances."""
        block = self._block(treated)
        keep = self._allowed(treated, block.rows)
        if keep is not None:
            block = _Block(block.rows[keep], block.z[:, keep])
        distance = _distances(self.task.treated.z[treated], block.z)
        if self.task.caliper < np.inf:
            near = np.flatnonzero(distance <= self.task.caliper)
            return block.rows[near], distance[near]
        return block.rows, distance

    def nearest(self, treated: int, k: int) -> tuple[IntArray, FloatArray, bool]:
        """Rows and distances of the k nearest, nearest first and equals by row, and whether these are all there are."""
        rows, distance = self.admissible(treated)
        complete = len(rows) <= k
        if not complete:
            near = np.flatnonzero(distance <= _bound(distance, k))
            rows, distance = rows[near], distance[near]
        order = np.argsort(distance, kind="stable")[:k]
        return rows[order], distance[order], complete

    def _allowed(self, treated: int, rows: IntArray) -> IntArray | None:
        """Places among rows that no bar or bound excludes; None for all."""
        one, pool, good = self.task.treated, self.task.control, None
        for column in range(one.bound.shape[1]):
            gap = np.abs(pool.bound[rows, column] - one.bound[treated, column])
            within = gap <= self.task.widths[column]
            good = within if good is None else good & within
        for column in range(one.forbid.shape[1]):
            code = one.forbid[treated, column]
            if code >= 0:
                differs = pool.forbid[rows, column] != code
                good = differs if good is None else good & differs
        return None if good is None else np.flatnonzero(good)

    def _block(self, treated: int) -> _Block:
        rung, code = self.stratum(treated)
        if (rung, code) not in self._blocks:
            if rung not in self._members:
                self._members[rung] = _members(self.task, rung)
            rows = self._members[rung].get(code, np.empty(0, dtype=np.int64))
            self._blocks[rung, code] = _Block(rows, np.ascontiguousarray(self.task.control.z[rows].T))
        return self._blocks[rung, code]


def _members(task: Task, rung: int) -> dict[int, IntArray]:
    """Rows of the candidates in each stratum that a treated unit on this rung is in."""
    code = task.treated.strata[task.rung == rung, rung]
    asked = np.unique(code[code >= 0])
    if not len(asked):
        return {}
    pool = task.control.strata[:, rung]
    place = np.minimum(np.searchsorted(asked, pool), len(asked) - 1)
    rows = np.flatnonzero(asked[place] == pool)
    # A stable sort of 16-bit integers is a radix sort: much the fastest for a register.
    key = place[rows].astype(np.int16 if len(asked) < 2**15 else np.int64)
    order = np.argsort(key, kind="stable")
    starts = np.searchsorted(key[order], np.arange(len(asked) + 1))
    rows = rows[order]
    return {int(c): rows[starts[i] : starts[i + 1]] for i, c in enumerate(asked)}


def _bound(distance: FloatArray, k: int) -> float:
    """A number that at least the k smallest distances do not exceed, and not many more."""
    if len(distance) > _STEP**2:
        # A sample shows where to cut; that is several times faster than to divide all at their k-th.
        sample, place = distance[::_STEP], 3 + 2 * k // _STEP
        bound = float(np.partition(sample, place)[place]) if place < len(sample) else np.inf
        if np.count_nonzero(distance <= bound) >= k:
            return bound
    return float(np.partition(distance, k - 1)[k - 1])


def _distances(point: FloatArray, z: FloatArray) -> FloatArray:
    """Euclidean distances, summed coordinate by coordinate so that equal points are exactly equally far."""
    if len(z) == 1:
        return np.asarray(np.abs(z[0] - point[0]))
    total = np.zeros(z.shape[1])
    for column, values in enumerate(z):
        gap = values - point[column]
        gap *= gap
        total += gap
    return np.asarray(np.sqrt(total, out=total))
