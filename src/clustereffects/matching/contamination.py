"""Who is close to treated units: in one group, region or neighbourhood with one of them. Arrays only.

A unit reaches the values it has and the neighbours of these values. Units that have a value which another treated unit
reaches are exposed to it. Missing values (−1) reach nothing and are reached by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.signedinteger[Any]]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """For every code, itself and its neighbours, one after the other.

    Parameters
    ----------
    start : array (K + 1,) of int
        Where the neighbourhood of each code begins in ``codes``.
    codes : array of int

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Neighbourhoods.alone(2).of(np.array([1, 0, 1]))[1].tolist()
    [1, 0, 1]
    """

    start: IntArray
    codes: IntArray

    @classmethod
    def alone(cls, n: int) -> Neighbourhoods:
        """Codes without neighbours."""
        return cls(np.arange(n + 1), np.arange(n))

    @classmethod
    def between(cls, labels: Sequence[str], neighbours: Mapping[str, Sequence[str]]) -> Neighbourhoods:
        """Codes are positions in ``labels``; a neighbour named on one side only is one on both."""
        place = {label: code for code, label in enumerate(labels)}
        found = {(code, code) for code in range(len(labels))}
        for one, others in neighbours.items():
            for other in others:
                if one in place and other in place:
                    found |= {(place[one], place[other]), (place[other], place[one])}
        pairs = np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
        return cls(np.searchsorted(pairs[:, 0], np.arange(len(labels) + 1)), pairs[:, 1])

    def of(self, codes: IntArray) -> tuple[IntArray, IntArray]:
        """Neighbourhoods of some codes: which of them (position), and the codes in its neighbourhood."""
        size = self.start[codes + 1] - self.start[codes]
        which = np.repeat(np.arange(len(codes)), size)
        within = np.arange(len(which)) - np.repeat(np.cumsum(size) - size, size)
        return which, self.codes[self.start[codes][which] + within]


def exposed_units(codes: CodeArray, treated: BoolArray, around: Neighbourhoods) -> BoolArray:
    """Units with a value that a treated unit, other than themselves, reaches.

    Parameters
    ----------
    codes : array (n, k) of int
        Values of each unit; −1 = missing.
    treated : array (n,) of bool
    around : Neighbourhoods

    Returns
    -------
    array (n,) of bool

    Raises
    ------
    IndexError
        If a code has no neighbourhood.

    Examples
    --------
    >>> group = np.array([[0], [0], [1], [1], [2], [-1]])
    >>> exposed_units(group, np.array([True, False, True, True, True, False]), Neighbourhoods.alone(3)).tolist()
    [False, True, True, True, False, False]
    """
    n_codes = len(around.start) - 1
    unit, code = _reached(codes, np.flatnonzero(treated), around)
    pairs = np.unique(unit * n_codes + code)
    # A treated unit reaches its own values itself: somebody else must reach them too.
    times = np.append(np.bincount(pairs % max(n_codes, 1), minlength=n_codes), 0)
    exposed = np.asarray((times > 0)[codes].any(axis=1))
    exposed[treated] = (times > 1)[codes[treated]].any(axis=1)
    return exposed


def first_exposure(codes: CodeArray, cohorts: FloatArray, around: Neighbourhoods) -> FloatArray:
    """First joining period among the treated units that reach a value of each unit that is never treated.

    Parameters
    ----------
    codes : array (n, k) of int
    cohorts : array (n,)
        NaN = never treated.
    around : Neighbourhoods

    Returns
    -------
    array (n,)
        Infinite for whom nobody reaches, and for treated units.

    Raises
    ------
    IndexError
        If a code has no neighbourhood.

    Examples
    --------
    >>> group = np.array([[0], [0], [1], [1], [1], [-1]])
    >>> joined = np.array([2005.0, np.nan, 2007.0, 2006.0, np.nan, np.nan])
    >>> first_exposure(group, joined, Neighbourhoods.alone(2)).tolist()
    [inf, 2005.0, inf, inf, 2006.0, inf]
    """
    first = np.full(len(around.start), np.inf)
    unit, code = _reached(codes, np.flatnonzero(np.isfinite(cohorts)), around)
    np.minimum.at(first, code, cohorts[unit])
    return np.where(np.isfinite(cohorts), np.inf, first[codes].min(axis=1, initial=np.inf))


def _reached(codes: CodeArray, units: IntArray, around: Neighbourhoods) -> tuple[IntArray, IntArray]:
    """Every value that each of some units reaches: unit, code."""
    own = codes[units].astype(np.int64)
    place, column = np.nonzero(own >= 0)
    which, code = around.of(own[place, column])
    return units[place[which]], code


def bar_codes(labels: Sequence[str], neighbours: Mapping[str, Sequence[str]]) -> IntArray:
    """Codes that two labels share, in some column, just where they are equal or neighbours.

    So bars between neighbours are bars between equal codes. Each column holds groups of labels that are all
    neighbours of each other; few columns suffice for a map.

    Parameters
    ----------
    labels : sequence of str
    neighbours : mapping of str to sequence of str

    Returns
    -------
    array (len(labels), f) of int
        −1 where a label is in no group of a column.

    Raises
    ------
    TypeError
        If labels are not text.

    Examples
    --------
    >>> bar_codes(["a", "b", "c"], {"a": ["b"], "b": ["c"]}).tolist()
    [[0, -1], [0, 0], [-1, 0]]
    """
    around = Neighbourhoods.between(labels, neighbours)
    near = {code: set(part.tolist()) - {code} for code, part in enumerate(np.split(around.codes, around.start[1:-1]))}
    near = near if labels else {}
    open_edges = {(one, other) for one, others in near.items() for other in others if one < other}
    columns = [np.full(len(labels), -1, dtype=np.int64)]
    columns += _columns(near, open_edges, len(labels))
    alone = [code for code, others in near.items() if not others]
    target = columns[1] if len(columns) > 1 else columns[0]
    target[alone] = int(target.max(initial=-1)) + 1 + np.arange(len(alone))
    return np.stack(columns[1:] or columns, axis=1)


def _columns(near: Mapping[int, set[int]], open_edges: set[tuple[int, int]], n: int) -> list[IntArray]:
    """Columns of groups of mutual neighbours until every pair of neighbours is together in one."""
    columns = []
    while open_edges:
        column, used = np.full(n, -1, dtype=np.int64), set[int]()
        for edge in sorted(open_edges):
            if edge in open_edges and not used & set(edge):
                group = _grown(edge, near, open_edges, used)
                column[group] = int(column.max()) + 1
                used |= set(group)
                open_edges -= {(one, other) for one in group for other in group}
        columns.append(column)
    return columns


def _grown(
    edge: tuple[int, int], near: Mapping[int, set[int]], open_edges: set[tuple[int, int]], used: set[int]
) -> list[int]:
    """A pair of neighbours with as many further mutual neighbours as still bring a pair that is not together yet."""
    group = list(edge)
    others = (near[edge[0]] & near[edge[1]]) - used
    while others:
        gains = {
            other: sum((min(one, other), max(one, other)) in open_edges for one in group) for other in sorted(others)
        }
        best = max(gains, key=lambda other: gains[other])
        if not gains[best]:
            break
        group.append(best)
        others = (others & near[best]) - {best}
    return group
