"""What has been taken so far, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

import numpy as np

from clustereffects.matching.tasks import Chosen, Task


class Queue(Protocol):
    """One treated unit with its candidates, nearest first."""

    number: int
    task: Task
    treated: int
    wanted: int

    def nearest(self, taken: Taken) -> tuple[int, float] | None:
        """Row and distance of the first candidate that is neither used up nor skipped, if there is one."""

    def skip(self) -> None:
        """Go past the candidate that was found last."""


class Taken:
    """Counts how often each unit has been taken, over all tasks together."""

    def __init__(self, tasks: Sequence[Task], reuse: int | None) -> None:
        largest = max((int(task.control.unit.max(initial=-1)) for task in tasks), default=-1)
        self.full = np.zeros(largest + 1, dtype=np.bool_)
        self._reuse = reuse
        self._used: dict[int, int] = {}
        self._pairs: list[tuple[int, int, int, float]] = []

    def take(self, queue: Queue) -> bool:
        """Pair a treated unit with its nearest free candidate, if there is one."""
        found = queue.nearest(self)
        if found is None:
            return False
        queue.skip()
        self._pairs.append((queue.number, queue.treated, *found))
        if self._reuse is not None:
            unit = queue.task.control.unit.item(found[0])
            self._used[unit] = self._used.get(unit, 0) + 1
            self.full[unit] = self._used[unit] >= self._reuse
        return True

    def chosen(self) -> Chosen:
        """All pairs, those of one treated unit in the order in which they were made."""
        pairs = sorted(self._pairs, key=itemgetter(0, 1))
        task, treated, control = (np.array([pair[place] for pair in pairs], dtype=np.int64) for place in range(3))
        return Chosen(task, treated, control, np.array([pair[3] for pair in pairs], dtype=np.float64))
