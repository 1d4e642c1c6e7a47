"""Queues of treated units for distances on several covariates: lists that are made anew when they are used up."""

from __future__ import annotations

import numpy as np

from clustereffects.matching._pool import Pool
from clustereffects.matching._search import Lists, Stratum, nearest_lists

_SPARE = 12
_TIMES = 4
_DEEP = 256


def first_lists(stratum: Stratum) -> Lists:
    """Lists of all treated units of a stratum, somewhat longer than wanted, as others want the same candidates."""
    return nearest_lists(stratum, np.arange(len(stratum.treated)), np.arange(len(stratum.control)), _depth(stratum))


def _depth(stratum: Stratum) -> int:
    return _TIMES * int(stratum.task.wanted[stratum.treated].max()) + _SPARE


class Source:
    """Candidates of one stratum, as far as they are not used up."""

    def __init__(self, stratum: Stratum, lists: Lists) -> None:
        self.stratum, self._lists = stratum, lists
        self._open = np.arange(len(stratum.control))

    def queue(self, position: int) -> Listed:
        """Queue of one treated unit."""
        return Listed(self, position, self._lists, _depth(self.stratum))

    def more(self, position: int, depth: int, pool: Pool) -> Lists:
        """List of one treated unit made of what is not used up."""
        unit = self.stratum.task.control.unit[self.stratum.control[self._open]]
        self._open = self._open[~pool.full[unit]]
        return nearest_lists(self.stratum, np.array([position]), self._open, depth)


class Listed:
    """List of one treated unit: a queue."""

    __slots__ = (
        "_at",
        "_depth",
        "_distance",
        "_mine",
        "_position",
        "_row",
        "_source",
        "_whole",
        "task",
        "treated",
        "wanted",
    )

    def __init__(self, source: Source, position: int, lists: Lists, depth: int) -> None:
        self.task, self.treated = source.stratum.task, int(source.stratum.treated[position])
        self.wanted = int(self.task.wanted[self.treated])
        self._source, self._position, self._mine = source, position, set[int]()
        self._fill(lists, position, depth)

    def nearest(self, pool: Pool) -> tuple[int, float] | None:
        """Row and distance of the first candidate that is neither used up nor skipped, if there is one."""
        unit = self.task.control.unit
        while True:
            for at in range(self._at, len(self._row)):
                row = self._row[at]
                if row not in self._mine and not pool.full.item(unit.item(row)):
                    self._at = at
                    return row, self._distance[at]
            if self._whole:
                return None
            short = len(self._row) < self._depth
            depth = self._depth * _TIMES if short or self._depth < _DEEP else self._depth + len(self._mine)
            self._fill(self._source.more(self._position, depth, pool), 0, depth)

    def skip(self) -> None:
        """Go past the candidate that was found last."""
        self._mine.add(self._row[self._at])
        self._at += 1

    def _fill(self, lists: Lists, place: int, depth: int) -> None:
        here = slice(lists.start[place], lists.start[place + 1])
        self._row, self._distance = lists.row[here].tolist(), lists.distance[here].tolist()
        self._whole, self._depth, self._at = bool(lists.whole[place]), depth, 0
