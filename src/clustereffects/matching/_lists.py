"""Queues of treated units for distances on several covariates: lists that are made anew when they are used up."""

from __future__ import annotations

import numpy as np

from clustereffects.matching._search import Lists, Stratum, nearest_lists
from clustereffects.matching._taken import Taken

_SPARE = 12
_TIMES = 4
_DEEP = 256
_OFTEN = 4
_BATCH = 63


def first_lists(stratum: Stratum) -> Lists:
    """Lists of all treated units of a stratum, somewhat longer than wanted, as others want the same candidates."""
    return nearest_lists(stratum, np.arange(len(stratum.treated)), np.arange(len(stratum.control)), _depth(stratum))


def _depth(stratum: Stratum) -> int:
    return _TIMES * int(stratum.task.wanted[stratum.treated].max()) + _SPARE


class Source:
    """Candidates of one stratum, as far as they are not used up, for all its treated units."""

    def __init__(self, stratum: Stratum, lists: Lists) -> None:
        self.stratum = stratum
        self._open = np.arange(len(stratum.control))
        self._times = 0
        turn = np.empty(len(stratum.task.turn), dtype=np.int64)
        turn[stratum.task.turn] = np.arange(len(turn))
        self._queues = [Listed(self, position) for position in range(len(stratum.treated))]
        self._order = np.argsort(turn[stratum.treated]).tolist()
        self._place = np.argsort(self._order).tolist()
        for position, queue in enumerate(self._queues):
            queue.fill(lists, position, _depth(stratum))

    def queue(self, number: int, position: int) -> Listed:
        """Queue of one treated unit of a task with a number."""
        self._queues[position].number = number
        return self._queues[position]

    def refill(self, position: int, depth: int, taken: Taken) -> None:
        """Make a new list for a treated unit of what is not used up.

        Where this happens often, the units whose turn is next want the same candidates and get new lists as well: a few
        at a time cost little more than one.
        """
        unit = self.stratum.task.control.unit[self.stratum.control[self._open]]
        self._open = self._open[~taken.full[unit]]
        self._times += 1
        start = self._place[position]
        batch = self._order[start : start + 1 + min(self._times // _OFTEN, _BATCH)]
        depth = max(depth, 2 * len(batch))
        lists = nearest_lists(self.stratum, np.array(batch), self._open, depth)
        for place, each in enumerate(batch):
            self._queues[each].fill(lists, place, depth)


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
        "number",
        "task",
        "treated",
        "wanted",
    )

    def __init__(self, source: Source, position: int) -> None:
        self.task, self.treated = source.stratum.task, int(source.stratum.treated[position])
        self.wanted = int(self.task.wanted[self.treated])
        self._source, self._position, self._mine = source, position, set[int]()
        self.number = 0

    def fill(self, lists: Lists, place: int, depth: int) -> None:
        """Start on a new list."""
        here = slice(lists.start[place], lists.start[place + 1])
        self._row, self._distance = lists.row[here].tolist(), lists.distance[here].tolist()
        self._whole, self._depth, self._at = bool(lists.whole[place]), depth, 0

    def nearest(self, taken: Taken) -> tuple[int, float] | None:
        """Row and distance of the first candidate that is neither used up nor skipped, if there is one."""
        unit = self.task.control.unit
        while True:
            for at in range(self._at, len(self._row)):
                row = self._row[at]
                if row not in self._mine and not taken.full.item(unit.item(row)):
                    self._at = at
                    return row, self._distance[at]
            if self._whole:
                return None
            short = len(self._row) < self._depth
            depth = self._depth * _TIMES if short or self._depth < _DEEP else self._depth + len(self._mine)
            self._source.refill(self._position, depth, taken)

    def skip(self) -> None:
        """Go past the candidate that was found last."""
        self._mine.add(self._row[self._at])
        self._at += 1
