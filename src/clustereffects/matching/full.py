"""Optimal full matching: sets of one treated unit and several controls, or the reverse, with everyone in a set.

Rosenbaum (1991) showed that the best stratification is a full matching: no set with several of both sides is ever needed.
Without limits on the size of sets the full matching with the smallest total distance is the cheapest edge cover of the
graph of admissible pairs. That reduces to an assignment (Schrijver 2003, section 19.3): if m(v) is the distance of v to
its nearest admissible partner, a pair of distance c gains m(i) + m(j) − c over each of the two going to its nearest
partner; take the matching with the largest gain, and let all others go to their nearest partner. Pairs that gain
nothing play no role, so a register of many controls leaves a small assignment. It is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching._assignment import cheapest_largest
from clustereffects.matching._search import fits, strata_of
from clustereffects.matching.tasks import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Matched sets with one treated unit and several controls, or several treated units and one control.

    Parameters
    ----------
    treated : array (m,) of int
        Rows of the matched treated units within the task, by set.
    treated_set : array (m,) of int
        Their sets, numbered from 0 in the order of the first treated unit of each.
    control : array (l,) of int
        Rows of the matched controls within the task, by set and distance.
    control_set : array (l,) of int
    distance : array (l,)
        Distance of each control to the treated unit of its set, the mean if there are several. The total distance of
        all pairs is the sum of these times the number of treated units in the set.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Grouped.__slots__
    ('treated', 'treated_set', 'control', 'control_set', 'distance')
    """

    treated: IntArray
    treated_set: IntArray
    control: IntArray
    control_set: IntArray
    distance: FloatArray


def match_full(task: Task, *, most_controls: int | None = None, most_treated: int | None = None) -> Grouped:
    """Put all units into sets with one treated unit or one control, with the smallest total distance.

    Parameters
    ----------
    task : Task
        ``wanted`` and ``turn`` play no role.
    most_controls : int, optional
        Most controls of one treated unit (Hansen 2004). With a limit all pairs are weighed at once: for thousands of
        candidates, not for a register.
    most_treated : int, optional
        Most treated units of one control; 1 for sets with one treated unit each.

    Returns
    -------
    Grouped
        Units without any admissible partner are in no set. If the limits do not leave room for all others, as many as
        possible are in sets.

    Raises
    ------
    ValueError
        If a limit is less than 1.

    References
    ----------
    Rosenbaum, P. R. (1991). A characterization of optimal designs for observational studies. Journal of the Royal
    Statistical Society, Series B 53, 597–610.

    Hansen, B. B. (2004). Full matching in an observational study of coaching for the SAT. Journal of the American
    Statistical Association 99, 609–618.

    Hansen, B. B. & Klopfer, S. O. (2006). Optimal full matching and related designs via network flows. Journal of
    Computational and Graphical Statistics 15, 609–627.

    Schrijver, A. (2003). Combinatorial Optimization. Springer. Section 19.3.

    Examples
    --------
    >>> from clustereffects.matching.tasks import Points
    >>> def points(unit, z):
    ...     none = np.empty((len(z), 0))
    ...     codes = np.zeros((len(z), 1), dtype=np.int64)
    ...     return Points(np.array(unit), np.array(z)[:, None], np.array(z), codes, none.astype(int), none)
    >>> one = np.ones(3, dtype=np.int64)
    >>> treated, control = points([0, 1, 2], [0.0, 5.0, 6.0]), points([3, 4, 5], [0.1, 0.2, 5.0])
    >>> grouped = match_full(Task(treated, control, np.inf, np.empty(0), rung=0 * one, wanted=one, turn=0 * one))
    >>> grouped.treated_set.tolist(), grouped.control_set.tolist()
    ([0, 1, 1], [0, 0, 1])
    """
    for limit in (most_controls, most_treated):
        if limit is not None and limit < 1:
            raise ValueError(f"a set has at least 1 unit of each side, not at most {limit}")
    best = near = _nearest_partners(task)
    if most_treated is not None:
        near = near._replace(to_treated=np.full_like(best.to_treated, np.inf))
    if most_controls is not None:
        near = near._replace(to_control=np.full_like(best.to_control, np.inf))
    if near is best:
        pairs = _matched(_gaining(task, best), best)
    else:
        pairs = _limited(_admissible(task), near, most_controls or 1, most_treated or 1)
    return _grouped(_stars(_covering(pairs, near)))


class _Pairs(NamedTuple):
    treated: IntArray
    control: IntArray
    distance: FloatArray


def _part(pairs: _Pairs, places: IntArray) -> _Pairs:
    return _Pairs(pairs.treated[places], pairs.control[places], pairs.distance[places])


class _Nearest(NamedTuple):
    """Nearest admissible partner of each treated unit and each control, and its distance; infinite if there is none."""

    of_treated: IntArray
    to_treated: FloatArray
    of_control: IntArray
    to_control: FloatArray


def _candidates(task: Task) -> Iterator[tuple[int, IntArray, FloatArray]]:
    """All admissible candidates of each treated unit that has any, and their distances."""
    free = task.caliper == np.inf and not len(task.widths) and not task.treated.forbid.shape[1]
    for stratum in strata_of(task):
        control, coordinates = stratum.control, np.ascontiguousarray(task.control.z[stratum.control].T)
        for row in stratum.treated:
            distance = _distances(task.treated.z[row], coordinates) if task.table is None else task.table[row, control]
            if free:
                yield int(row), control, distance
            else:
                good = np.flatnonzero((distance <= task.caliper) & fits(task, row, control))
                if len(good):
                    yield int(row), control[good], distance[good]


def _distances(point: FloatArray, coordinates: FloatArray) -> FloatArray:
    """Distances summed coordinate by coordinate, as in nearest matching, from values that lie side by side."""
    if len(coordinates) == 1:
        return np.asarray(np.abs(coordinates[0] - point[0]))
    total = np.zeros(coordinates.shape[1])
    for own, values in zip(point.tolist(), coordinates, strict=True):
        total += (values - own) ** 2
    return np.asarray(np.sqrt(total, out=total))


def _nearest_partners(task: Task) -> _Nearest:
    n, m = len(task.treated.unit), len(task.control.unit)
    best = _Nearest(np.full(n, -1), np.full(n, np.inf), np.full(m, -1), np.full(m, np.inf))
    for i, rows, distance in _candidates(task):
        place = int(np.argmin(distance))
        best.of_treated[i], best.to_treated[i] = rows[place], distance[place]
        closer = np.flatnonzero(distance < best.to_control[rows])
        best.of_control[rows[closer]], best.to_control[rows[closer]] = i, distance[closer]
    return best


def _gaining(task: Task, best: _Nearest) -> _Pairs:
    """Pairs that gain over the nearest partners of both; of each treated unit as many as there are treated units.

    More are not needed: the others can take at most all but one of them.
    """
    found = [_Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    n = len(best.to_treated)
    for i, rows, distance in _candidates(task):
        gain = best.to_treated[i] + best.to_control[rows] - distance
        places = np.flatnonzero(gain > 0.0)
        if len(places) > n:
            places = places[np.argsort(-gain[places], kind="stable")[:n]]
        found.append(_Pairs(np.full(len(places), i), rows[places], distance[places]))
    return _Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _matched(pairs: _Pairs, best: _Nearest) -> _Pairs:
    """Pairs of the matching with the largest gain. Every treated unit may also stay alone, on a column of its own."""
    gain = best.to_treated[pairs.treated] + best.to_control[pairs.control] - pairs.distance
    most = np.zeros(len(best.to_treated))
    np.maximum.at(most, pairs.treated, gain)
    owner = np.unique(pairs.treated)
    used = cheapest_largest(
        np.concatenate([pairs.treated, owner]),
        np.concatenate([pairs.control, len(best.to_control) + owner]),
        np.concatenate([most[pairs.treated] - gain, most[owner]]),
    )
    return _part(pairs, used[used < len(gain)])


def _covering(pairs: _Pairs, near: _Nearest) -> _Pairs:
    """Matched pairs, and all others with their nearest partners."""
    treated, control = _others(near.to_treated, pairs.treated), _others(near.to_control, pairs.control)
    return _Pairs(
        np.concatenate([pairs.treated, treated, near.of_control[control]]),
        np.concatenate([pairs.control, near.of_treated[treated], control]),
        np.concatenate([pairs.distance, near.to_treated[treated], near.to_control[control]]),
    )


def _others(nearest: FloatArray, matched: IntArray) -> IntArray:
    """Units that have a partner but are not matched."""
    alone = np.isfinite(nearest)
    alone[matched] = False
    return np.flatnonzero(alone)


def _admissible(task: Task) -> _Pairs:
    found = [_Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    found += [_Pairs(np.full(len(rows), i), rows, distance) for i, rows, distance in _candidates(task)]
    return _Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _limited(pairs: _Pairs, near: _Nearest, copies: int, others: int) -> _Pairs:
    """Pairs of the cheapest cover in which a treated unit or a control occurs in a limited number of pairs.

    A unit is as many nodes as pairs it may be in, of which the first has to be matched. The graph is doubled and every
    other node tied to its double at no cost, so the cheapest largest matching holds the cheapest cover twice. A first
    node that may go to its nearest partner, because that has no limit, is tied too, at this price in both halves. Only
    first nodes need partners, so two others are never a pair.
    """
    n, m = copies * len(near.to_treated), others * len(near.to_control)
    copy = np.append(np.arange(copies), np.zeros(others - 1, dtype=np.int64))[:, None]
    other = np.append(np.zeros(copies, dtype=np.int64), np.arange(1, others))[:, None]
    i, j = (pairs.treated * copies + copy).ravel(), (pairs.control * others + other).ravel()
    distance = np.tile(pairs.distance, copies + others - 1)
    treated, alone = _tied(near.to_treated, copies)
    control, apart = _tied(near.to_control, others)
    used = cheapest_largest(
        np.concatenate([i, n + j, treated, n + control]),
        np.concatenate([j, m + i, m + treated, control]),
        np.concatenate([distance, distance, alone, apart]),
    )
    return _part(pairs, used[used < len(i)] % len(pairs.treated))


def _tied(nearest: FloatArray, copies: int) -> tuple[IntArray, FloatArray]:
    """Nodes that are tied to their doubles, and the price of both."""
    node = np.arange(copies * len(nearest))
    price = np.where(node % copies, 0.0, 2.0 * nearest[node // copies])
    return node[np.isfinite(price)], price[np.isfinite(price)]


def _stars(cover: _Pairs) -> _Pairs:
    """The cover without pairs that it does not need.

    A pair of which both ends occur in other pairs could be left out, so in a cheapest cover its distance is zero.
    """
    cover = _part(cover, _first(cover))
    of_treated, of_control = np.bincount(cover.treated), np.bincount(cover.control)
    keep = np.ones(len(cover.treated), dtype=np.bool_)
    for place in np.flatnonzero((of_treated[cover.treated] > 1) & (of_control[cover.control] > 1)).tolist():
        i, j = cover.treated[place], cover.control[place]
        if of_treated[i] > 1 and of_control[j] > 1:
            keep[place] = False
            of_treated[i] -= 1
            of_control[j] -= 1
    return _part(cover, np.flatnonzero(keep))


def _first(cover: _Pairs) -> IntArray:
    """Places of the different pairs, by treated unit and control."""
    key = cover.treated * (cover.control.max(initial=0) + 1) + cover.control
    return np.unique(key, return_index=True)[1]


def _grouped(stars: _Pairs) -> Grouped:
    """Numbered sets of pairs ordered by treated unit."""
    alone = np.bincount(stars.control)[stars.control] == 1
    centre = np.where(alone, stars.treated, -1 - stars.control)
    _, first, code = np.unique(centre, return_index=True, return_inverse=True)
    number = np.argsort(np.argsort(first))[code]
    treated, place = np.unique(stars.treated, return_index=True)
    order = np.lexsort((treated, number[place]))
    total = np.bincount(stars.control, stars.distance) / np.maximum(np.bincount(stars.control), 1)
    control, where = np.unique(stars.control, return_index=True)
    turn = np.lexsort((control, total[control], number[where]))
    return Grouped(treated[order], number[place][order], control[turn], number[where][turn], total[control[turn]])
