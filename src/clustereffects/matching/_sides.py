"""How the sides of a risk set are read: who is removed, which codes, variables and bounds, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.history import History

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.signedinteger[Any]]
BoolArray = NDArray[np.bool_]

_LARGEST = 1 << 31
"""Joint codes stay below this; beyond it they are renumbered."""


def joint_codes(columns: Sequence[CodeArray], n: int) -> CodeArray:
    """One code (n,) for several columns of codes: equal where all are, −1 where one is missing, 0 without columns."""
    if not columns:
        return np.zeros(n, dtype=np.int16)
    joint = np.asarray(columns[0])
    for column in columns[1:]:
        joint = _joined(joint, np.asarray(column))
    return joint


def _joined(one: CodeArray, other: CodeArray) -> CodeArray:
    width = int(other.max(initial=0)) + 1
    if (int(one.max(initial=0)) + 1) * width >= _LARGEST:
        one = np.unique(np.append(one, -1), return_inverse=True)[1][:-1] - 1
    largest = (int(one.max(initial=0)) + 1) * width
    kind: type[np.signedinteger[Any]] = np.int16 if largest < 1 << 15 else np.int32 if largest < _LARGEST else np.int64
    joint = one.astype(kind)
    joint *= kind(width)
    joint += other.astype(kind, copy=False)
    joint[(one < 0) | (other < 0)] = -1
    return joint


def inactive(history: History, cohort: int, active: int) -> BoolArray:
    """Units that are not observed in each of the periods before ``cohort``."""
    seen = np.ones(len(history.cohorts), dtype=np.bool_)
    for lag in range(1, active + 1):
        seen &= history.observed(cohort - lag)
    return ~seen


class Steps:
    """Whom each step removes from those at risk: in order, and alone."""

    def __init__(self, at_risk: BoolArray, steps: Sequence[BoolArray]) -> None:
        self.left = at_risk.copy()
        times = np.zeros(len(at_risk), dtype=np.uint16)
        hits, self.removed = [], []
        for step in steps:
            hit = np.flatnonzero(step & at_risk)
            hits.append(hit)
            times[hit] += 1
            self.removed.append(hit[self.left[hit]])
            self.left[hit] = False
        self.concerned = np.array([len(hit) for hit in hits], dtype=np.int64)
        self.only = np.array([np.count_nonzero(times[hit] == 1) for hit in hits], dtype=np.int64)


class Codes:
    """Codes of all units as of the period before a cohort."""

    def __init__(self, history: History, cohort: int) -> None:
        n = len(history.cohorts)
        used = [sorted({rung[column] for rung in history.rungs}) for column in range(len(history.exact))]
        levels = [
            {level: read[level](cohort - 1) for level in wanted}
            for read, wanted in zip(history.exact, used, strict=True)
        ]
        self.finest = [column[min(column)] for column in levels]
        self.coarsest = [column[level] for column, level in zip(levels, history.rungs[-1], strict=True)]
        self.strata = [
            joint_codes([column[level] for column, level in zip(levels, rung, strict=True)], n)
            for rung in history.rungs
        ]
        self.forbid = [read(cohort - 1) for read in history.forbid]


class Side:
    """One side of a risk set while it is read: variables by row, so that each is written in one stretch."""

    def __init__(self, history: History, codes: Codes, rows: IntArray) -> None:
        self.rows, self.codes = rows, codes
        width = sum(variable.width for variable in history.variables)
        self.x = np.empty((width, len(rows)))
        self.bound = np.empty((len(history.bounds), len(rows)))
        n_exact = len(history.exact)
        self.lacks = np.zeros((width + n_exact + 2 * len(self.bound) + 1, len(rows)), dtype=np.bool_)
        nowhere = np.logical_and.reduce([strata[rows] < 0 for strata in codes.strata])
        for place, coarsest in enumerate(codes.coarsest, start=width):
            self.lacks[place] = nowhere & (coarsest[rows] < 0)

    @property
    def complete(self) -> BoolArray:
        """Who lacks nothing."""
        return np.asarray(~self.lacks.any(axis=0))

    def kept(self, keep: BoolArray) -> tuple[IntArray, FloatArray, CodeArray, CodeArray, CodeArray, FloatArray]:
        """What is known of the units to keep, in the order of the fields of ``Units``; uses up what was read."""
        strata, exact, forbid = (
            _stacked(columns, self.rows[keep]) for columns in (self.codes.strata, self.codes.finest, self.codes.forbid)
        )
        return self.rows[keep], _shrunk(self.x, keep), exact, forbid, strata, _shrunk(self.bound, keep)


def read(history: History, cohort: int, sides: Sequence[Side]) -> None:
    """Read variables and bounds for both sides, each period of a column once."""
    columns = (values for variable in history.variables for values in variable.before(cohort))
    for place, values in enumerate(columns):
        for side in sides:
            side.x[place] = values[side.rows]
            np.logical_not(np.isfinite(side.x[place]), out=side.lacks[place])
    first = len(sides[0].x) + len(history.exact)
    for place, bound in enumerate(history.bounds):
        values, raw = bound.before(cohort), bound.read(cohort - 1)
        for side in sides:
            side.bound[place] = values[side.rows]
            unknown = np.isnan(raw[side.rows])
            side.lacks[first + place] = unknown
            side.lacks[first + len(history.bounds) + place] = np.isnan(side.bound[place]) & ~unknown


def _stacked(columns: Sequence[CodeArray], rows: IntArray) -> CodeArray:
    """Columns of codes for some units (n, len(columns)), stored by column."""
    kind = np.result_type(np.int16, *(column.dtype for column in columns))
    stacked = np.empty((len(columns), len(rows)), dtype=kind)
    for place, column in enumerate(columns):
        stacked[place] = column[rows]
    return stacked.T


def _shrunk(values: FloatArray, keep: BoolArray) -> FloatArray:
    """What is kept of each row, as columns; moved within the same memory, which may be most that there is."""
    if keep.all():
        return values.T
    kept = int(np.count_nonzero(keep))
    for row in values:
        row[:kept] = row[keep]
    return values[:, :kept].T


def alike(strata: Sequence[CodeArray], treated: IntArray, at_risk: BoolArray, removed: Sequence[IntArray]) -> IntArray:
    """Candidates with the codes of each treated unit (m, R, steps + 1): at the start and after each step."""
    counted = np.empty((len(treated), len(strata), len(removed) + 1), dtype=np.int64)
    for rung, codes in enumerate(strata):
        own, size = codes[treated].astype(np.intp), int(codes.max(initial=-1)) + 2
        counts = np.bincount(codes[at_risk] + 1, minlength=size)
        for step, rows in enumerate([np.empty(0, dtype=np.int64), *removed]):
            counts -= np.bincount(codes[rows] + 1, minlength=size)
            counted[:, rung, step] = np.where(own >= 0, counts[own + 1], 0)
    return counted
