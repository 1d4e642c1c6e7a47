"""Columns of a panel one period at a time, so that a reader of few periods never builds the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data._numbers import FloatArray, frozen, numeric, whole_numbers
from clustereffects.data._roles import same_within
from clustereffects.data._rows import Rows, blocks, coded_whole, increasing

_KEPT = 1 << 27
"""Bytes of values that are kept for whoever asks for them again: a period is often read at several lags."""

CodeArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column of any type as integers.

    Parameters
    ----------
    codes : array of int
        Position of each value in ``labels``; −1 where missing or not observed. Numbered in the order of the units.
    labels : Index
        The values.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Coded(np.array([0, -1, 1], dtype=np.int32), pd.Index(["J62", "C10"])).labels.tolist()
    ['J62', 'C10']
    """

    codes: CodeArray
    labels: pd.Index[Any]


class ByPeriod:
    """Reader of a panel's columns, one period at a time; ``Panel.by_period()`` makes it.

    Every answer has one entry per unit, in the order of ``Panel.units``. Where the rows of the frame are in order, a
    period costs what its own rows cost; otherwise the rows are put in the order of periods once, when they are first
    asked for.

    Parameters
    ----------
    rows : Rows
    column : callable
        From a name to the column.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.data.panel import Panel
    >>> frame = pd.DataFrame({"firm": [2, 1, 2], "year": [2004, 2004, 2005], "sales": [4, 5, 6], "county": list("bab")})
    >>> reader = Panel(frame, unit="firm", time="year").by_period()
    >>> reader.numbers("sales", 2005).tolist(), reader.codes("county", 2004).codes.tolist()
    ([nan, 6.0], [0, 1])
    """

    __slots__ = ("_coded", "_column", "_numbers", "_period", "_places", "_rows")

    def __init__(self, rows: Rows, column: Callable[[str], pd.Series[Any]]) -> None:
        self._rows = rows
        self._column = column
        self._places: list[tuple[NDArray[np.intp], NDArray[np.int64]]] | None = None
        self._period: int | None = None
        self._coded: dict[str, Coded] = {}
        self._numbers: dict[tuple[str, int], FloatArray] = {}

    @classmethod
    def once(cls, table: pd.DataFrame) -> ByPeriod:
        """Reader of a table with one row per unit, all in period 0."""
        n = len(table)
        return cls(Rows(pd.RangeIndex(n), np.array([0]), n, None, slice(None)), table.__getitem__)

    def numbers(self, column: str, period: int) -> FloatArray:
        """Values in one period (n_units,) as float64, read-only; NaN where missing, not observed, or no such period.

        Raises
        ------
        ColumnError
            If the column does not exist or is not numeric.
        """
        values = self._numbers.pop((column, period), None)
        if values is None:
            where, units = self._where(period)
            series = self._column(column)
            own = series.to_numpy()[where] if series.dtype == np.float64 else numeric(series.iloc[where])
            values = frozen(np.array(own) if units is None else self._spread(own, units, np.nan))
        self._numbers[column, period] = values
        while len(self._numbers) > max(_KEPT // max(values.nbytes, 1), 1):
            del self._numbers[next(iter(self._numbers))]
        return values

    def codes(self, column: str, period: int) -> Coded:
        """Values of any type in one period as codes (n_units,); −1 where missing, not observed, or no such period.

        Codes of the period that was asked for last are kept.

        Raises
        ------
        ColumnError
            If the column does not exist.
        """
        if period != self._period:
            self._period, self._coded = period, {}
        if column not in self._coded:
            where, units = self._where(period)
            codes, labels = _factorized(self._column(column).iloc[where])
            self._coded[column] = Coded(self._spread(codes.astype(np.int32), units, -1), pd.Index(labels))
        return self._coded[column]

    def table(self, column: str) -> Coded:
        """Values of any type in all periods as codes (n_units, n_periods), or (n_units, 1) if no unit changes.

        Raises
        ------
        ColumnError
            If the column does not exist.
        """
        values = self._column(column)
        if same_within(values, self._rows):
            codes, labels = pd.factorize(values.iloc[self._rows.one])
            return Coded(codes.astype(np.int32)[:, None], pd.Index(labels))
        codes, labels = pd.factorize(values)
        return Coded(self._rows.spread(codes.astype(np.int32), -1), pd.Index(labels))

    def present(self, period: int) -> BoolArray:
        """Which units have a row in a period (n_units,)."""
        units = self._where(period)[1]
        present = np.full(self._rows.shape[0], units is None)
        if units is not None:
            present[units] = True
        return present

    def _where(self, period: int) -> tuple[slice | NDArray[np.intp], NDArray[np.int64] | None]:
        """Rows of the frame in a period and their units; None for the units where all are there in order."""
        rows, column = self._rows, int(np.searchsorted(self._rows.times, period))
        if column == len(rows.times) or rows.times[column] != period:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64)
        if rows.cells is None:
            return slice(column, None, rows.shape[1]), None
        if self._places is None:
            self._places = _places(rows.cells, rows.shape[1])
        return self._places[column]

    def _spread(self, values: NDArray[Any], units: NDArray[np.int64] | None, fill: float) -> NDArray[Any]:
        if units is None:
            return values
        spread = np.full(self._rows.shape[0], fill, dtype=values.dtype)
        spread[units] = values
        return spread


def _places(cells: NDArray[np.int64], n_periods: int) -> list[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """Rows of the frame in each period, in the order of the units, and these units."""
    when = np.empty(len(cells), dtype=np.int16 if n_periods < 1 << 15 else np.int64)
    for block in blocks(len(cells)):
        when[block] = cells[block] % n_periods
    order = np.argsort(when, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(when, minlength=n_periods))[:-1])
    if not increasing(cells):
        parts = [part[np.argsort(cells[part])] for part in parts]
    return [(part, cells[part] // n_periods) for part in parts]


def _factorized(values: pd.Series[Any]) -> tuple[NDArray[Any], Any]:
    """Codes and labels of values; whole numbers that are close together by a lookup table instead of hashing."""
    whole = whole_numbers(values)
    return pd.factorize(values) if whole is None or not len(whole) else coded_whole(np.ascontiguousarray(whole))
