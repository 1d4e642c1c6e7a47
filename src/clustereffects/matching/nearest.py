"""Nearest-neighbour matching on arrays: with, without and with limited replacement, within strata, never across a bar.

Ties
----
Distances that agree to ten decimals are equal, so that rounding decides nothing; scores are rounded to ten decimals
first. All units of a stratum are put in one ascending order of ``line``, the score or the first coordinate, equal
values in the order of the units. For a score the control to the left of the treated unit wins, then the one closest in
that order. For covariates the one farthest in that order wins, then the one to the right: a search that walks outwards
and keeps the last of equals. These are the ties of MatchIt 4.7.2, whose order for the Mahalanobis distances is that of
the first coordinate. Units of a panel are ordered by their identifiers, so the order of its rows does not matter.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching._line import Line, Sorted, sort_candidates
from clustereffects.matching._lists import Source, first_lists
from clustereffects.matching._search import DECIMALS, Lists, Stratum, strata_of
from clustereffects.matching._taken import Queue, Taken
from clustereffects.matching.tasks import Chosen, Points, Task

__all__ = ["Chosen", "Points", "Task", "match_nearest", "variable_ratio"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Order = Literal["turn", "closest", "farthest"]
Run = Callable[[Callable[[Stratum], Sorted | Lists], Sequence[Stratum]], Iterable[Sorted | Lists]]


def match_nearest(tasks: Sequence[Task], *, reuse: int | None, order: Order = "turn", run: Run = map) -> Chosen:
    """Match every treated unit to its nearest allowed controls.

    There are rounds: every treated unit gets its first control before any gets a second; a unit that finds none is
    out. Within a round tasks come in their order and treated units by ``turn``, or the closest (farthest) of all pairs
    of a treated unit with its nearest free control is made first. A unit whose control was taken is noticed when its
    turn comes, and queues again: with the farthest first it may then come later than its new distance says, as in MatchIt.

    Parameters
    ----------
    tasks : sequence of Task
    reuse : int or None
        Most treated units that one unit may serve in all tasks together: 1 for matching without replacement, ``None``
        for no limit.
    order : {"turn", "closest", "farthest"}
    run : callable
        How a function is applied to the strata, as by ``map``: their lists of candidates may be made in parallel.

    Returns
    -------
    Chosen

    Raises
    ------
    ValueError
        If ``reuse`` or a number of controls wanted is less than 1, or there is no such order.

    Notes
    -----
    Agrees pair for pair with ``matchit(method = "nearest")`` of MatchIt 4.7.2 in the reference tests, but for ties that
    MatchIt settles by rounding errors.

    Examples
    --------
    >>> none, same = np.empty((3, 0)), np.zeros((3, 1), dtype=np.int64)
    >>> control = Points(np.array([1, 2, 3]), np.array([[0.0], [1.0], [5.0]]), np.arange(3.0), same, none, none)
    >>> treated = Points(np.array([0]), np.array([[1.2]]), np.ones(1), same[:1], none[:1], none[:1])
    >>> zero = np.array([0])
    >>> task = Task(treated, control, np.inf, widths=np.empty(0), rung=zero, wanted=np.array([2]), turn=zero)
    >>> match_nearest([task], reuse=None).control.tolist()
    [1, 0]
    """
    _check(tasks, reuse, order)
    taken = Taken(tasks, reuse)
    queues = _queues(tasks, run)
    for number in range(1, max((queue.wanted for queue in queues), default=0) + 1):
        queues = [queue for queue in queues if queue.wanted >= number]
        if order == "turn":
            queues = [queue for queue in queues if taken.take(queue)]
        else:
            queues = _by_distance(queues, taken, 1.0 if order == "closest" else -1.0)
    return taken.chosen()


def variable_ratio(score: FloatArray, treated: BoolArray, *, mean: float, least: int, most: int) -> IntArray:
    """Controls wanted by each treated unit when those with the most candidates near them get the most.

    Parameters
    ----------
    score : array (n,)
        Propensity of all units, on any monotone scale.
    treated : array (n,) of bool
    mean : float
        Controls per treated unit on average.
    least, most : int
        Smallest and largest number of a treated unit.

    Returns
    -------
    array (n_treated,) of int
        Between ``least`` and ``most``: as many as possible get ``most``, at most one gets a number in between. Treated
        units that are least like the controls get ``least``.

    Raises
    ------
    ValueError
        Unless 1 ≤ least ≤ mean < most.

    Notes
    -----
    The numbers of MatchIt 4.7.2 if ``least`` is 1. For a larger ``least`` its formula can give one unit fewer than that;
    here no unit gets fewer.

    References
    ----------
    Ming & Rosenbaum (2000), *Biometrics* 56(1), 118–124, section 4.

    Examples
    --------
    >>> score = np.array([0.9, 0.5, 0.7, 0.1, 0.2])
    >>> variable_ratio(score, np.array([True, True, True, False, False]), mean=2, least=1, most=3).tolist()
    [1, 3, 2]
    """
    if not 1 <= least <= mean < most:
        raise ValueError(f"1 ≤ least ≤ mean < most is not true of least {least}, mean {mean} and most {most}")
    own = score[treated]
    total = round(mean * len(own))
    full, rest = divmod(total - least * len(own), most - least)
    numbers = np.full(len(own), least, dtype=np.int64)
    numbers[len(own) - full :] = most
    if rest:
        numbers[len(own) - full - 1] += rest
    sign = -1.0 if own.mean() > score[~treated].mean() else 1.0
    wanted = np.empty_like(numbers)
    wanted[np.argsort(sign * own, kind="stable")] = numbers
    return wanted


def _queues(tasks: Sequence[Task], run: Run) -> list[Queue]:
    """Queues of all treated units that have candidates, in the order in which they choose."""
    numbered = [(number, stratum) for number, task in enumerate(tasks) for stratum in strata_of(task)]
    prepared = run(_prepare, [stratum for _, stratum in numbered])
    ready: dict[tuple[int, int], Queue] = {}
    for (number, stratum), candidates in zip(numbered, prepared, strict=True):
        source = Line(stratum, candidates) if isinstance(candidates, Sorted) else Source(stratum, candidates)
        for position, row in enumerate(stratum.treated.tolist()):
            ready[number, row] = source.queue(number, position)
    order = ((number, row) for number, task in enumerate(tasks) for row in task.turn.tolist())
    return [ready[key] for key in order if key in ready]


def _prepare(stratum: Stratum) -> Sorted | Lists:
    return sort_candidates(stratum) if stratum.task.score else first_lists(stratum)


def _by_distance(queues: list[Queue], taken: Taken, sign: float) -> list[Queue]:
    """One round in the order of distance; a unit whose candidate was taken queues again with its next one.

    Of equal distances those that queue again come first when the closest go first, and last when the farthest do.
    """
    found = [queue.nearest(taken) for queue in queues]
    heap = [(sign * round(one[1], DECIMALS), place, place) for place, one in enumerate(found) if one is not None]
    heapq.heapify(heap)
    again, served = len(queues), []
    while heap:
        place = heapq.heappop(heap)[-1]
        now = queues[place].nearest(taken)
        if now is not None and now == found[place]:
            taken.take(queues[place])
            served.append(place)
        elif now is not None:
            again, found[place] = again + 1, now
            heapq.heappush(heap, (sign * round(now[1], DECIMALS), int(-sign * again), place))
    return [queues[place] for place in sorted(served)]


def _check(tasks: Sequence[Task], reuse: int | None, order: str) -> None:
    if reuse is not None and reuse < 1:
        raise ValueError(f"reuse must be at least 1 or None, not {reuse}")
    if order not in {"turn", "closest", "farthest"}:
        raise ValueError(f"order must be 'turn', 'closest' or 'farthest', not {order!r}")
    least = min((int(task.wanted.min()) for task in tasks if len(task.wanted)), default=1)
    if least < 1:
        raise ValueError(f"every treated unit must want at least 1 control, not {least}")
