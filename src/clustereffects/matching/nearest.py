"""Nearest-neighbour matching on arrays: with and without replacement, within exact strata, never across a bar.

Ties
----
Distances that agree to ten decimals are equal, so that rounding decides nothing. All units are put in one ascending
order of ``line``, the score or the first covariate, equal values in the order of the units. For a score the control to
the left of the treated unit wins, then the one closest in that order. For covariates the one farthest in that order
wins, then the one to the right: a search that walks outwards and keeps the last of equals. These are the ties of
MatchIt 4.7.2. Units of a panel are ordered by their identifiers, so the order of its rows does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_DECIMALS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Treated units or candidates of one risk set.

    Parameters
    ----------
    unit : array (n,) of int
        Identity of each unit, ascending; the same in every risk set.
    z : array (n, r)
        Coordinates in which Euclidean distance is the matching distance.
    line : array (n,)
        What settles ties: the score, or the first covariate.
    exact : array (n, e) of int
        Codes that must be equal.
    forbid : array (n, f) of int
        Codes that must differ; −1 never collides.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Points.__slots__
    ('unit', 'z', 'line', 'exact', 'forbid')
    """

    unit: IntArray
    z: FloatArray
    line: FloatArray
    exact: IntArray
    forbid: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One risk set to be matched.

    Parameters
    ----------
    treated, control : Points
    caliper : float
        Largest distance of a pair, in the units of the distance; infinite for none.
    turn : array (n_treated,) of int
        Order in which treated units choose when controls are not replaced.
    score : bool
        Whether the distance is the difference of a score along ``line``; settles ties.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Task.__slots__
    ('treated', 'control', 'caliper', 'turn', 'score')
    """

    treated: Points
    control: Points
    caliper: float
    turn: IntArray
    score: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Pairs, in the order of tasks, treated units, and distance.

    Parameters
    ----------
    task : array (n_pairs,) of int
    treated, control : array (n_pairs,) of int
        Rows within the task.
    distance : array (n_pairs,)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Chosen.__slots__
    ('task', 'treated', 'control', 'distance')
    """

    task: IntArray
    treated: IntArray
    control: IntArray
    distance: FloatArray


def match_nearest(tasks: Sequence[Task], *, ratio: int, replace: bool) -> Chosen:
    """Match every treated unit to its nearest allowed controls.

    Without replacement a control serves once in all tasks together. There are ``ratio`` rounds: every treated unit
    gets its first control before any gets a second; within a round tasks come in their order and treated units by
    ``turn``; a unit that finds none is out.

    Parameters
    ----------
    tasks : sequence of Task
    ratio : int
        Controls wanted per treated unit; fewer if there are not enough.
    replace : bool

    Returns
    -------
    Chosen

    Raises
    ------
    ValueError
        If ``ratio`` is less than 1.

    Notes
    -----
    Agrees pair for pair with ``matchit(method = "nearest")`` of MatchIt 4.7.2 on the cases in the reference tests.

    Examples
    --------
    >>> none = np.empty((3, 0), dtype=np.int64)
    >>> control = Points(np.array([1, 2, 3]), np.array([[0.0], [1.0], [5.0]]), np.arange(3.0), none, none)
    >>> treated = Points(np.array([0]), np.array([[1.2]]), np.ones(1), none[:1], none[:1])
    >>> task = Task(treated, control, caliper=np.inf, turn=np.array([0]))
    >>> match_nearest([task], ratio=2, replace=True).control.tolist()
    [1, 0]
    """
    if ratio < 1:
        raise ValueError(f"ratio must be at least 1, not {ratio}")
    searches = [_Search(task) for task in tasks]
    if replace:
        found = [
            (s, t, *search.nearest(t, ratio)) for s, search in enumerate(searches) for t in range(search.n_treated)
        ]
    else:
        found = _in_rounds(searches, ratio)
    return _collect(found)


def count_candidates(task: Task, treated: int, free: BoolArray | None = None) -> list[int]:
    """How many candidates of one treated unit are left after each constraint.

    Parameters
    ----------
    task : Task
    treated : int
        Row of the treated unit.
    free : array (n_control,) of bool, optional
        Controls that no other treated unit has taken.

    Returns
    -------
    list of int
        All, after each exact code, after each forbidden code, after the caliper, and of these the free ones.

    Raises
    ------
    IndexError
        If there is no such treated unit.

    Examples
    --------
    >>> none = np.empty((2, 0), dtype=np.int64)
    >>> control = Points(np.array([1, 2]), np.array([[0.0], [5.0]]), np.zeros(2), none, np.array([[7], [8]]))
    >>> treated = Points(np.array([0]), np.array([[0.0]]), np.zeros(1), none[:1], np.array([[7]]))
    >>> count_candidates(Task(treated, control, caliper=1.0, turn=np.array([0])), 0)
    [2, 1, 0, 0]
    """
    one, pool = task.treated, task.control
    allowed = np.ones(len(pool.unit), dtype=np.bool_)
    counts = [len(allowed)]
    for column in range(one.exact.shape[1]):
        allowed &= pool.exact[:, column] == one.exact[treated, column]
        counts.append(int(allowed.sum()))
    for column in range(one.forbid.shape[1]):
        code = one.forbid[treated, column]
        allowed &= (pool.forbid[:, column] != code) | (code < 0)
        counts.append(int(allowed.sum()))
    allowed &= _distances(one.z[treated], pool.z) <= task.caliper
    counts.append(int(allowed.sum()))
    return [*counts, int((allowed if free is None else allowed & free).sum())]


def free_controls(task: Task, taken: IntArray) -> BoolArray:
    """Which candidates of a task are not among the units that were taken.

    Parameters
    ----------
    task : Task
    taken : array of int
        Units.

    Returns
    -------
    array (n_control,) of bool

    Raises
    ------
    TypeError
        If ``task`` is not a task.

    Examples
    --------
    >>> none = np.empty((2, 0), dtype=np.int64)
    >>> control = Points(np.array([1, 2]), np.zeros((2, 1)), np.zeros(2), none, none)
    >>> task = Task(control, control, caliper=np.inf, turn=np.array([0]))
    >>> free_controls(task, np.array([2])).tolist()
    [True, False]
    """
    return ~np.isin(task.control.unit, taken)


class _Search:
    """Candidates of one task, sorted into exact strata, ready to be asked for the nearest."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.n_treated = len(task.treated.unit)
        stratum = _strata(np.concatenate([task.treated.exact, task.control.exact]))
        self.stratum, pool = stratum[: self.n_treated], stratum[self.n_treated :]
        self.members = np.argsort(pool, kind="stable")
        self.starts = np.searchsorted(pool[self.members], np.arange(stratum.max(initial=-1) + 2))
        self.place_treated, self.place_control = _line_order(task)

    def nearest(self, treated: int, k: int, free: BoolArray | None = None) -> tuple[IntArray, FloatArray]:
        """The k nearest allowed candidates and their distances, nearest first; fewer if there are not as many."""
        code = self.stratum[treated]
        rows = self.members[self.starts[code] : self.starts[code + 1]]
        if free is not None:
            rows = rows[free[self.task.control.unit[rows]]]
        rows = rows[~self._barred(treated, rows)]
        distance = _distances(self.task.treated.z[treated], self.task.control.z[rows])
        rows, distance = rows[distance <= self.task.caliper], distance[distance <= self.task.caliper]
        rounded = distance.round(_DECIMALS)
        if len(rows) > k:
            near = rounded <= np.partition(rounded, k - 1)[k - 1]
            rows, distance, rounded = rows[near], distance[near], rounded[near]
        order = np.lexsort((self._tie(treated, rows), rounded))[:k]
        return rows[order], distance[order]

    def _barred(self, treated: int, rows: IntArray) -> BoolArray:
        codes = self.task.treated.forbid[treated]
        return np.asarray(((self.task.control.forbid[rows] == codes) & (codes >= 0)).any(axis=1))

    def _tie(self, treated: int, rows: IntArray) -> IntArray:
        gap = self.place_control[rows] - self.place_treated[treated]
        if self.task.score:
            return np.asarray(np.where(gap < 0, -gap, gap + len(self.place_treated) + len(self.place_control)))
        return np.asarray(-2 * np.abs(gap) - (gap > 0))


def _distances(point: FloatArray, pool: FloatArray) -> FloatArray:
    """Euclidean distances, summed coordinate by coordinate so that equal points are exactly equally far."""
    if pool.shape[1] == 1:
        return np.asarray(np.abs(pool[:, 0] - point[0]))
    total = np.zeros(len(pool))
    for column in range(pool.shape[1]):
        total += (pool[:, column] - point[column]) ** 2
    return np.asarray(np.sqrt(total))


def _strata(codes: IntArray) -> IntArray:
    """One code per distinct row."""
    stratum = np.zeros(len(codes), dtype=np.int64)
    for column in range(codes.shape[1]):
        value = np.unique(codes[:, column], return_inverse=True)[1].ravel()
        stratum = np.unique(stratum * (value.max(initial=0) + 1) + value, return_inverse=True)[1].ravel()
    return stratum


def _line_order(task: Task) -> tuple[IntArray, IntArray]:
    """Place of treated units and candidates in the joint order of line and unit."""
    n = len(task.treated.unit)
    line = np.concatenate([task.treated.line, task.control.line])
    unit = np.concatenate([task.treated.unit, task.control.unit])
    place = np.empty(len(line), dtype=np.int64)
    place[np.lexsort((unit, line))] = np.arange(len(line))
    return place[:n], place[n:]


def _in_rounds(searches: list[_Search], ratio: int) -> list[tuple[int, int, IntArray, FloatArray]]:
    units = [search.task.control.unit.max(initial=-1) for search in searches]
    free = np.ones(max(units, default=-1) + 1, dtype=np.bool_)
    found = []
    active = [(s, int(t)) for s, search in enumerate(searches) for t in search.task.turn]
    for _ in range(ratio):
        still = []
        for s, t in active:
            rows, distance = searches[s].nearest(t, 1, free)
            if len(rows):
                free[searches[s].task.control.unit[rows]] = False
                found.append((s, t, rows, distance))
                still.append((s, t))
        active = still
    return sorted(found, key=lambda item: item[:2])


def _collect(found: list[tuple[int, int, IntArray, FloatArray]]) -> Chosen:
    sizes = [len(rows) for _, _, rows, _ in found]
    return Chosen(
        np.repeat(np.array([s for s, _, _, _ in found], dtype=np.int64), sizes),
        np.repeat(np.array([t for _, t, _, _ in found], dtype=np.int64), sizes),
        np.concatenate([np.empty(0, dtype=np.int64), *(rows for _, _, rows, _ in found)]),
        np.concatenate([np.empty(0), *(distance for _, _, _, distance in found)]),
    )
