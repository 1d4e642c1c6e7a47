"""Candidates of one stratum in the order of a score, searched outwards from each treated unit past what is taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching._search import DECIMALS, Stratum, distances, fits
from clustereffects.matching._taken import Taken

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_EQUAL = 0.5 * 10.0**-DECIMALS
_PATIENCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Sorted:
    """Candidates in the order of the score, rounded so that rounding decides nothing, then of the unit.

    ``own`` is the score of each treated unit and ``at`` the number of candidates before it.
    """

    row: IntArray
    score: FloatArray
    own: FloatArray
    at: IntArray


def sort_candidates(stratum: Stratum) -> Sorted:
    """Sort the candidates of a stratum."""
    one, pool = stratum.task.treated, stratum.task.control
    score, own = pool.z[stratum.control, 0].round(DECIMALS), one.z[stratum.treated, 0].round(DECIMALS)
    order = np.argsort(score, kind="stable")
    row, score = stratum.control[order], score[order]
    at = np.searchsorted(score, own)
    end = np.searchsorted(score, own, "right")
    for tied in np.flatnonzero(end > at):
        at[tied] += np.searchsorted(pool.unit[row[at[tied] : end[tied]]], one.unit[stratum.treated[tied]])
    return Sorted(row, score, own, at)


class Line:
    """Sorted candidates of one stratum with leads past those that are used up."""

    def __init__(self, stratum: Stratum, ordered: Sorted) -> None:
        self.stratum, self.ordered = stratum, ordered
        self.after: dict[int, int] = {}
        self.before: dict[int, int] = {}

    def queue(self, number: int, position: int) -> Walk:
        """Queue of one treated unit of a task with a number."""
        return Walk(self, number, position)

    def drop(self, place: int) -> None:
        """Pass over a place from now on."""
        self.after[place] = place + 1
        self.before[place] = place - 1


class Walk:
    """Way of one treated unit outwards along the line: a queue."""

    __slots__ = (
        "_bound",
        "_forbid",
        "_found",
        "_high",
        "_line",
        "_low",
        "_own",
        "_rest",
        "_z",
        "number",
        "task",
        "treated",
        "wanted",
    )

    def __init__(self, line: Line, number: int, position: int) -> None:
        self.number, self._line = number, line
        self.task, self.treated = line.stratum.task, line.stratum.treated.item(position)
        self.wanted = int(self.task.wanted[self.treated])
        self._own = line.ordered.own.item(position)
        self._high = line.ordered.at.item(position)
        self._low, self._found = self._high - 1, -1
        self._rest: list[int] | None = None
        one = self.task.treated
        self._z = one.z.item(self.treated, 0)
        self._forbid, self._bound = one.forbid[self.treated].tolist(), one.bound[self.treated].tolist()

    def nearest(self, taken: Taken) -> tuple[int, float] | None:
        """Row and distance of the first candidate that is neither used up nor skipped, if there is one."""
        refused = 0
        while (place := self._next()) >= 0:
            row = self._line.ordered.row.item(place)
            if taken.full.item(self.task.control.unit.item(row)):
                self._line.drop(place)
                self.skip()
                continue
            distance = abs(self.task.control.z.item(row, 0) - self._z)
            if distance <= self.task.caliper and self._admits(row):
                return row, distance
            self.skip()
            refused += 1
            if refused == _PATIENCE and self._rest is None:
                self._rest = self._remaining()
        return None

    def skip(self) -> None:
        """Go past the candidate that was found last."""
        if self._rest is not None:
            self._rest.pop()
        elif self._found == self._low:
            self._low -= 1
        else:
            self._high += 1

    def _next(self) -> int:
        """Nearest place to the left or right that is not passed over; −1 if there is none within the caliper."""
        if self._rest is not None:
            return self._rest[-1] if self._rest else -1
        line = self._line.ordered
        self._low, self._high = _free(self._line.before, self._low), _free(self._line.after, self._high)
        left = self._own - line.score.item(self._low) if self._low >= 0 else math.inf
        right = line.score.item(self._high) - self._own if self._high < len(line.row) else math.inf
        if min(left, right) > self.task.caliper + 2 * _EQUAL or left == right == math.inf:
            return -1
        self._found = self._low if left <= right + _EQUAL else self._high
        return self._found

    def _admits(self, row: int) -> bool:
        """The rules of ``fits`` for one candidate."""
        pool = self.task.control
        for code, other in zip(self._forbid, pool.forbid[row].tolist(), strict=True) if self._forbid else ():
            if code == other and code >= 0:
                return False
        if not self._bound:
            return True
        gaps = zip(self._bound, pool.bound[row].tolist(), self.task.widths.tolist(), strict=True)
        return all(abs(other - value) <= width for value, other, width in gaps)

    def _remaining(self) -> list[int]:
        """All allowed places that are left, the nearest last: where most are refused, one by one takes too long."""
        line, treated = self._line.ordered, np.array(self.treated)
        place = np.concatenate([np.arange(self._low + 1), np.arange(self._high, len(line.row))])
        place = place[fits(self.task, treated, line.row[place])]
        place = place[distances(self.task, treated, line.row[place]) <= self.task.caliper]
        gap = np.abs(line.score[place] - self._own).round(DECIMALS)
        order = np.lexsort((np.abs(place - self._low), place > self._low, gap))
        nearest_last: list[int] = place[order[::-1]].tolist()
        return nearest_last


def _free(lead: dict[int, int], place: int) -> int:
    """Follow the leads to a place that is free, and make them shorter for the next time."""
    passed = []
    while place in lead:
        passed.append(place)
        place = lead[place]
    for each in passed:
        lead[each] = place
    return place
