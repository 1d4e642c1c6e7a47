"""Optimal matching: of the largest number of pairs the smallest total distance, with controls shared between risk sets.

The problem is a flow: every treated unit wants some controls, every unit serves at most ``reuse`` treated units, a pair
occurs once (Rosenbaum 1989). It is solved on the nearest candidates of each treated unit only, in the connected
components of that graph, and then proved on all candidates: a shortest path in the residual graph says how much a
treated unit could save if one more control were free. A candidate farther away than that cannot improve the matching
(Ahuja, Magnanti & Orlin 1993, theorem 9.3). Where the nearest candidates end before that distance, more are fetched and
the component is solved again. The result is the optimum over all candidates, at the price of a few. Differences of a
score that nothing limits are matched in the order of the score instead, where an assignment would be slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from clustereffects.matching._assignment import cheapest_largest, without_crossing
from clustereffects.matching._search import DECIMALS, nearest_lists, strata_of
from clustereffects.matching.nearest import match_nearest
from clustereffects.matching.tasks import Chosen, Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_GROWTH = 4
_SMALL = 1 << 18
_LINE = 1 << 27
_ROUNDING = 1e-13
_MANY = np.iinfo(np.int64).max
# Candidates at distances that agree to this may come in any order.
_TIE = 2 * 10.0**-DECIMALS


def match_optimal(tasks: Sequence[Task], *, reuse: int | None) -> Chosen:
    """Match as many pairs as wanted and possible, with the smallest total distance.

    Parameters
    ----------
    tasks : sequence of Task
        Their treated units share the controls, which are recognised by ``unit``. ``turn`` plays no role.
    reuse : int or None
        Most treated units a unit may serve in all tasks together; without a limit everyone takes its nearest.

    Returns
    -------
    Chosen
        Pairs in the order of tasks, treated units, and distance.

    Raises
    ------
    ValueError
        If ``reuse`` or a number of controls wanted is less than 1.

    Notes
    -----
    The optimum itself, where optmatch (Hansen & Klopfer 2006) stops within a tolerance; and a treated unit without
    candidates does not make the others fail. Distances that agree to ten decimals are equal, as in nearest matching.
    Which of several optima is found depends on the order of units only. As many pairs as possible may mean that one
    treated unit has all it wanted and another none, if both compete for the same few controls.

    References
    ----------
    Rosenbaum, P. R. (1989). Optimal matching for observational studies. Journal of the American Statistical Association
    84, 1024–1032.

    Hansen, B. B. & Klopfer, S. O. (2006). Optimal full matching and related designs via network flows. Journal of
    Computational and Graphical Statistics 15, 609–627.

    Ahuja, R. K., Magnanti, T. L. & Orlin, J. B. (1993). Network Flows. Prentice Hall.

    Examples
    --------
    Greedy matching gives 1.0 to the first treated unit, and 9.0 to the second.

    >>> def points(unit, z):
    ...     none = np.empty((len(z), 0))
    ...     codes = np.zeros((len(z), 1), dtype=np.int64)
    ...     return Points(np.array(unit), np.array(z)[:, None], np.array(z), codes, none.astype(int), none)
    >>> from clustereffects.matching.tasks import Points
    >>> treated, control = points([0, 1], [0.9, 1.2]), points([2, 3, 4], [0.0, 1.0, 9.0])
    >>> one = np.ones(2, dtype=np.int64)
    >>> task = Task(treated, control, np.inf, np.empty(0), rung=0 * one, wanted=one, turn=np.arange(2))
    >>> match_optimal([task], reuse=1).control.tolist()
    [0, 1]
    """
    if reuse is None:
        return match_nearest(tasks, reuse=None)
    if reuse < 1:
        raise ValueError(f"reuse must be at least 1 or None, not {reuse}")
    if any((task.wanted < 1).any() for task in tasks):
        raise ValueError("every treated unit must want at least 1 control")
    market = _Market(tasks, reuse)
    asked = np.arange(len(market.row))
    while len(asked):
        market.fetch(asked)
        asked = market.settle(asked)
    return market.chosen()


class _Pairs(NamedTuple):
    """Pairs that may be taken: by treated unit and distance."""

    treated: IntArray
    unit: IntArray
    distance: FloatArray


class _Found(NamedTuple):
    """Nearest candidates of one treated unit, nearest first."""

    row: IntArray
    unit: IntArray
    distance: FloatArray


class _Market:
    """Treated units of all strata, the nearest candidates fetched for each so far, and which of them are taken."""

    def __init__(self, tasks: Sequence[Task], reuse: int) -> None:
        self.reuse = reuse
        held = [(number, stratum) for number, task in enumerate(tasks) for stratum in strata_of(task)]
        self.strata = [stratum for _, stratum in held]
        sizes = [len(stratum.treated) for stratum in self.strata]
        self.stratum, self.position = _copies(np.array(sizes, dtype=np.int64))
        self.task = np.repeat(np.array([number for number, _ in held], dtype=np.int64), sizes)
        self.row = _joined([stratum.treated for stratum in self.strata])
        self.wanted = _joined([stratum.task.wanted[stratum.treated] for stratum in self.strata])
        self.line = np.array([reuse == 1 and _is_free_line(stratum.task) for stratum in self.strata], dtype=np.bool_)
        self.depth = self._first_depth()
        self.whole = np.zeros(len(self.row), dtype=np.bool_)
        self.found: list[_Found] = [_Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))] * len(self.row)
        self.taken: list[IntArray] = [np.empty(0, np.int64)] * len(self.row)

    def fetch(self, asked: IntArray) -> None:
        """Fetch more candidates of some treated units."""
        self.depth[asked] *= _GROWTH
        for part in np.split(asked, np.flatnonzero(np.diff(self.stratum[asked])) + 1):
            stratum = self.strata[self.stratum[part[0]]]
            everyone = np.arange(len(stratum.control))
            lists = nearest_lists(stratum, self.position[part], everyone, int(self.depth[part].max()))
            unit = stratum.task.control.unit[lists.row]
            for k, g in enumerate(part.tolist()):
                here = slice(lists.start[k], lists.start[k + 1])
                self.found[g] = _Found(lists.row[here], unit[here], lists.distance[here])
            self.whole[part] = lists.whole
            self.wanted[part] = np.minimum(self.wanted[part], np.where(lists.whole, np.diff(lists.start), _MANY))

    def settle(self, changed: IntArray) -> IntArray:
        """Solve the components in which candidates were added; treated units whose candidates may not be enough."""
        pairs = self._pairs()
        short = [changed[~self.whole[changed] & ~np.isin(changed, pairs.treated)]]
        for part in _components(pairs, changed):
            owners, treated = np.unique(pairs.treated[part], return_inverse=True)
            units, unit = np.unique(pairs.unit[part], return_inverse=True)
            one, wanted = _Pairs(treated, unit, pairs.distance[part]), self.wanted[owners]
            taken, unsure = self._decide(one, wanted, owners, units)
            ends = np.cumsum(np.bincount(treated))
            for g, places in zip(owners.tolist(), np.split(taken, ends[:-1]), strict=True):
                self.taken[g] = np.flatnonzero(places)
            short.append(owners[unsure & ~self.whole[owners]])
        return np.sort(_joined(short))

    def _decide(
        self, pairs: _Pairs, wanted: IntArray, owners: IntArray, units: IntArray
    ) -> tuple[BoolArray, BoolArray]:
        """Which pairs of a component to take, and of which treated units the candidates may not be enough."""
        taken = _nearest(pairs, wanted, self.reuse)
        if taken is None and self._is_line(owners, int(wanted.sum()) * len(units)):
            taken = self._along_line(pairs, wanted, owners, units)
            if taken.sum() < min(wanted.sum(), len(units)):
                return taken, np.bincount(pairs.treated, taken) < wanted
        elif taken is None:
            taken = _solve(pairs, wanted, self.reuse)
        if self.whole[owners].all():
            return taken, np.zeros(len(owners), dtype=np.bool_)
        last = pairs.distance[np.cumsum(np.bincount(pairs.treated)) - 1]
        return taken, last - _TIE < _savings(pairs, taken, wanted, self.reuse)

    def _is_line(self, owners: IntArray, size: int) -> bool:
        """Whether a component is points on a line of which all may be paired, each once."""
        stratum = self.stratum[owners]
        return bool(self.line[stratum].all() and (stratum == stratum[0]).all()) and size <= _LINE

    def _along_line(self, pairs: _Pairs, wanted: IntArray, owners: IntArray, units: IntArray) -> BoolArray:
        """Which pairs to take; those that are not among the candidates yet are left out."""
        task = self.strata[self.stratum[owners[0]]].task
        own, other = task.treated.z[self.row[owners], 0], task.control.z[np.searchsorted(task.control.unit, units), 0]
        owner = np.repeat(np.arange(len(owners)), wanted)
        first, second = without_crossing(own[owner], other)
        return np.isin(pairs.treated * len(units) + pairs.unit, owner[first] * len(units) + second)

    def chosen(self) -> Chosen:
        """Pairs taken."""
        sizes = [len(taken) for taken in self.taken]
        task, treated = np.repeat(self.task, sizes), np.repeat(self.row, sizes)
        control = _joined([found.row[taken] for found, taken in zip(self.found, self.taken, strict=True)])
        distance = [found.distance[taken] for found, taken in zip(self.found, self.taken, strict=True)]
        order = np.lexsort((treated, task))
        return Chosen(task[order], treated[order], control[order], np.concatenate([np.empty(0), *distance])[order])

    def _first_depth(self) -> IntArray:
        """As many as wanted; all where there are fewer than wanted, since all are needed, or few and most are needed."""
        size = np.array([len(stratum.control) for stratum in self.strata], dtype=np.int64)[self.stratum]
        wanted = np.bincount(self.stratum, self.wanted)[self.stratum]
        few = wanted * size <= np.where(self.line[self.stratum], _LINE // 16, _SMALL)
        crowded = few & (_GROWTH * wanted > self.reuse * size)
        return np.where((wanted > self.reuse * size) | crowded, size, self.wanted)

    def _pairs(self) -> _Pairs:
        return _Pairs(
            np.repeat(np.arange(len(self.found)), [len(found.row) for found in self.found]),
            _joined([found.unit for found in self.found]),
            np.concatenate([np.empty(0), *(found.distance for found in self.found)]),
        )


def _is_free_line(task: Task) -> bool:
    """Whether distances are differences of a score and nothing but strata keeps pairs apart."""
    limited = task.caliper < np.inf or len(task.widths) > 0 or task.treated.forbid.shape[1] > 0
    return task.treated.z.shape[1] == 1 and not limited


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _components(pairs: _Pairs, changed: IntArray) -> list[IntArray]:
    """Places of the pairs of each connected component that has one of the changed treated units."""
    if not len(pairs.treated):
        return []
    n, unit = int(pairs.treated.max()) + 1, np.unique(pairs.unit, return_inverse=True)[1]
    size = n + int(unit.max()) + 1
    graph = csr_array((np.ones(len(unit), dtype=np.int8), (pairs.treated, n + unit)), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    label, asked = label[pairs.treated], np.unique(label[changed[changed < n]])
    places = np.flatnonzero(np.isin(label, asked))
    places = places[np.argsort(label[places], kind="stable")]
    return np.split(places, np.flatnonzero(np.diff(label[places])) + 1)


def _nearest(pairs: _Pairs, wanted: IntArray, reuse: int) -> BoolArray | None:
    """The nearest of each treated unit, unless a unit would serve too many."""
    first = np.searchsorted(pairs.treated, np.arange(len(wanted)))
    nearest = np.arange(len(pairs.treated)) - first[pairs.treated] < wanted[pairs.treated]
    return nearest if np.bincount(pairs.unit[nearest], minlength=1).max() <= reuse else None


def _solve(pairs: _Pairs, wanted: IntArray, reuse: int) -> BoolArray:
    """Which pairs of a component to take."""
    graph = _as_assignment(pairs, wanted, reuse)
    used = cheapest_largest(graph.row, graph.column, graph.cost)
    done = np.bincount(graph.pair[used], graph.share[used], minlength=len(pairs.treated))
    return np.asarray(done == 1)


class _Graph(NamedTuple):
    """Entries of an assignment, and what share in taking a pair each of them has."""

    row: IntArray
    column: IntArray
    cost: FloatArray
    pair: IntArray
    share: FloatArray


def _as_assignment(pairs: _Pairs, wanted: IntArray, reuse: int) -> _Graph:
    """The flow as an assignment of rows to columns.

    A treated unit is as many rows as it wants controls, a unit as many columns as it may serve. That the same pair does
    not occur twice needs more where both are several: the pair is then a column that the treated unit may take, and a
    row that takes this column if the treated unit does not, and one of the unit if it does. It costs nothing that this
    row be left out instead of one of the treated unit, nor does it gain anything; then the pair is not taken.
    """
    n = len(pairs.treated)
    many = np.bincount(pairs.unit)[pairs.unit] > reuse
    tied = many & (wanted[pairs.treated] > 1) & (reuse > 1)
    whole = many & ~tied
    pair, copy = _copies(np.where(whole, reuse, 1))
    column = np.where(whole[pair], n + pairs.unit[pair] * reuse + copy, pair)
    place, copy = _copies(wanted[pairs.treated[pair]])
    pair, column = pair[place], column[place]
    row = (np.cumsum(wanted) - wanted)[pairs.treated[pair]] + copy
    own = np.flatnonzero(tied)
    lender, copy = _copies(np.full(len(own), reuse))
    return _Graph(
        np.concatenate([row, wanted.sum() + own, wanted.sum() + own[lender]]),
        np.concatenate([column, own, n + pairs.unit[own[lender]] * reuse + copy]),
        np.concatenate([pairs.distance[pair], np.zeros(len(own) + len(lender))]),
        np.concatenate([pair, own, own[lender]]),
        np.concatenate([np.where(tied[pair], 0.5, 1.0), np.zeros(len(own)), np.full(len(lender), 0.5)]),
    )


def _copies(times: IntArray) -> tuple[IntArray, IntArray]:
    """Every place as often as asked, and the number of the copy."""
    place = np.repeat(np.arange(len(times)), times)
    return place, np.arange(len(place)) - (np.cumsum(times) - times)[place]


def _savings(pairs: _Pairs, taken: BoolArray, wanted: IntArray, reuse: int) -> FloatArray:
    """What each treated unit could save if it had one more free control at no cost; infinite if that adds a pair.

    Shortest paths in the residual graph, from the place where units hand in what is free: a unit that serves as many as
    it may is worth the most that someone who has to give it up in exchange would save.
    """
    spent = np.bincount(pairs.unit, taken) >= reuse
    back, out = np.flatnonzero(taken), np.flatnonzero(~taken & spent[pairs.unit])
    saving = np.where(np.bincount(pairs.treated, taken) < wanted, np.inf, -np.inf)
    worth = np.zeros(len(spent))
    rounding = _ROUNDING * pairs.distance[back].max(initial=0.0)
    while True:
        new = saving.copy()
        np.maximum.at(new, pairs.treated[back], worth[pairs.unit[back]] + pairs.distance[back])
        if not (new > saving + rounding).any():
            return new
        saving = new
        np.maximum.at(worth, pairs.unit[out], saving[pairs.treated[out]] - pairs.distance[out])
