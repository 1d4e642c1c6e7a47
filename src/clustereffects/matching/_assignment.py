"""Largest, then cheapest, assignment in a sparse bipartite graph: exact, without large penalties.

A largest matching splits a bipartite graph (Dulmage & Mendelsohn 1958). Rows that alternating paths reach from unmatched
rows compete for too few columns: every largest matching uses all of these columns, and for these rows only. All other
rows are matched in every largest matching, to the other columns. So the cheapest of the largest matchings consists of
two full assignments, and no penalty for unmatched rows has to be added to the costs, which would cost digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_DENSE = 8_000_000


def cheapest_largest(row: IntArray, column: IntArray, cost: FloatArray) -> IntArray:
    """Entries (row, column, cost) of a cheapest among the largest matchings; rows and columns numbered from 0."""
    if not len(row):
        return np.empty(0, dtype=np.int64)
    scarce_row, scarce_column = _scarce(row, column)
    parts = [
        np.flatnonzero(scarce_row[row] & scarce_column[column]),
        np.flatnonzero(~scarce_row[row] & ~scarce_column[column]),
    ]
    return np.concatenate([part[_full(row[part], column[part], cost[part])] for part in parts if len(part)])


def _scarce(row: IntArray, column: IntArray) -> tuple[BoolArray, BoolArray]:
    """Rows that alternating paths reach from rows a largest matching leaves out, and the columns on these paths."""
    graph = csr_array((np.ones(len(row), dtype=np.int8), (row, column)))
    to_column = maximum_bipartite_matching(graph, perm_type="column")
    to_row = np.full(graph.shape[1], -1, dtype=np.int64)
    matched = to_column >= 0
    to_row[to_column[matched]] = np.flatnonzero(matched)
    rows = ~matched
    columns = np.zeros(graph.shape[1], dtype=np.bool_)
    grown = bool(rows.any())
    while grown:
        reached = columns.copy()
        reached[column[rows[row]]] = True
        rows[to_row[reached & ~columns]] = True
        grown, columns = bool((reached & ~columns).any()), reached
    return rows, columns


def _full(row: IntArray, column: IntArray, cost: FloatArray) -> IntArray:
    """Entries of the cheapest matching of all rows or all columns, whichever are fewer."""
    row, column = _renumbered(row), _renumbered(column)
    shape = int(row.max()) + 1, int(column.max()) + 1
    if shape[0] * shape[1] <= _DENSE:
        dense = np.full(shape, np.inf)
        dense[row, column] = cost
        first, second = linear_sum_assignment(dense)
    else:
        # Entries of zero would be no edges; the smallest number instead changes no sum.
        graph = csr_array((np.maximum(cost, np.finfo(np.float64).tiny), (row, column)), shape=shape)
        first, second = (part.astype(np.int64) for part in min_weight_full_bipartite_matching(graph))
    partner = np.full(shape[0], -1, dtype=np.int64)
    partner[first] = second
    return np.flatnonzero(partner[row] == column)


def without_crossing(own: FloatArray, other: FloatArray) -> tuple[IntArray, IntArray]:
    """Places of both partners in the cheapest matching of points on a line, of all on the side that has fewer.

    Two pairs that cross are never shorter than the same points in order, so in the order of both sides it is enough to
    know which points stay out: for each number of own points the cheapest way to use only the first others.
    """
    if len(own) > len(other):
        second, first = without_crossing(other, own)
        return first, second
    rows, columns = np.argsort(own, kind="stable"), np.argsort(other, kind="stable")
    line = other[columns]
    better = np.zeros((len(own), len(other)), dtype=np.bool_)
    total = np.zeros(len(other) + 1)
    for k, point in enumerate(own[rows].tolist()):
        last = total[:-1] + np.abs(line - point)
        total[0], total[1:] = np.inf, np.minimum.accumulate(last)
        better[k] = last < total[:-1]
    partner, place = np.empty(len(own), dtype=np.int64), len(other) - 1
    for k in range(len(own) - 1, -1, -1):
        while not better[k, place]:
            place -= 1
        partner[k] = place
        place -= 1
    return rows, columns[partner]


def _renumbered(number: IntArray) -> IntArray:
    """Numbers without gaps, in the same order; without a sort, because there may be millions."""
    there = np.zeros(number.max() + 1, dtype=np.bool_)
    there[number] = True
    return np.asarray((np.cumsum(there) - 1)[number])
