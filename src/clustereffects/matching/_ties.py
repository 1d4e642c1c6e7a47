"""Nearest units with all their ties, in any number of dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TIE = 1e-9
_ROUNDING = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Sets of nearest units, held as links to cells of units at the same place.

    ``row`` and ``cell`` (l,) are the links, ``count`` (c,) the units of each cell, ``size`` (m,) the units of each set,
    ``cell_of`` (n,) the cell of each unit.
    """

    row: IntArray
    cell: IntArray
    count: FloatArray
    size: FloatArray
    cell_of: IntArray

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum of values (n,) over each set."""
        cells = np.bincount(self.cell_of, values, minlength=len(self.count))
        return np.asarray(np.bincount(self.row, cells[self.cell], minlength=len(self.size)), dtype=np.float64)

    def means(self, values: FloatArray) -> FloatArray:
        """Mean of values (n,) over each set."""
        return np.asarray(self.sums(values) / self.size)

    def covariances(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Covariance of two variables (n,) within each set, divisor size − 1."""
        # Deviations from the mean of all keep digits; what is left of it within sets is subtracted.
        left, right = left - left.mean(), right - right.mean()
        product = self.sums(left * right) - self.sums(left) * self.sums(right) / self.size
        return np.asarray(product / np.maximum(self.size - 1.0, 1.0))

    def usage(self, power: int = 1) -> FloatArray:
        """How much each unit (n,) serves: the sum of ``1 / size ** power`` over the sets that hold it."""
        share = 1.0 / self.size**power
        cells = np.bincount(self.cell, share[self.row], minlength=len(self.count))
        return np.asarray(cells[self.cell_of], dtype=np.float64)


def nearest_with_ties(points: FloatArray, among: FloatArray, number: int) -> Nearest:
    """The ``number`` nearest of ``among`` (n, r) for each of ``points`` (m, r), and all as near as the last of them."""
    first, cell_of, count = _cells(among)
    places = among[first]
    tree = KDTree(places)
    slack = _ROUNDING * float(np.abs(places).max(initial=0.0))
    rows, cells = [], []
    pending, ask = np.arange(len(points)), number + 1
    while len(pending):
        ask = min(ask, len(places))
        distance, index = (np.asarray(part) for part in tree.query(points[pending], k=np.arange(1, ask + 1)))
        held = np.cumsum(count[index], axis=1) >= min(number, len(among))
        reach = distance[np.arange(len(pending)), np.argmax(held, axis=1)]
        within = distance <= (reach * (1.0 + _TIE) + slack)[:, None]
        ready = ~within[:, -1] | (ask == len(places))
        link, column = np.nonzero(within & ready[:, None])
        rows.append(pending[link])
        cells.append(index[link, column])
        pending, ask = pending[~ready], 4 * ask
    row, cell = np.concatenate(rows), np.concatenate(cells)
    size = np.asarray(np.bincount(row, count[cell], minlength=len(points)), dtype=np.float64)
    return Nearest(row, cell, count.astype(np.float64), size, cell_of)


def _cells(among: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """First row, membership and count of equal rows. Sorting one sum of the columns is far faster than sorting rows."""
    key = np.zeros(len(among))
    for number, column in enumerate(among.T):
        key += column * np.sqrt(number + 2.0)
    _, first, cell_of, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    if not np.array_equal(among[first][cell_of], among):
        _, first, cell_of, count = np.unique(among, axis=0, return_index=True, return_inverse=True, return_counts=True)
    return first, cell_of.ravel(), count
