"""Where every row of a frame stands among units and periods, found without hashing where the rows are in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data._numbers import IntArray, as_text, frozen, periods, whole_numbers

_BLOCK = 1 << 16
"""Rows looked at in one go: what is worked on stays in the processor's cache."""
_ROOM = 8
"""A lookup table may have this many places per row."""
_SAMPLE = 1000
_MOST_CHANGES = 0.75
"""Runs are worth looking for unless this share of the first rows starts one."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Place of every row in a matrix of units and periods.

    Parameters
    ----------
    units : Index
        Rows of the matrix, sorted.
    times : array (n_periods,)
        Columns of the matrix, sorted.
    count : int
        Number of rows of the frame.
    cells : array (count,), optional
        Place of each row in the flattened matrix; None where the rows are the matrix: sorted by unit and period, with
        the same periods in every unit.
    one : slice or array (n_units,)
        One row of each unit, to read what is the same in all of them.
    """

    units: pd.Index[Any]
    times: IntArray
    count: int
    cells: IntArray | None
    one: slice | IntArray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of units and of periods."""
        return len(self.units), len(self.times)

    def codes(self) -> tuple[IntArray, IntArray]:
        """Unit and period of every row, as positions in ``units`` and ``times``."""
        n_units, n_periods = self.shape
        if self.cells is None:
            units, times = np.arange(n_units, dtype=np.int64), np.arange(n_periods, dtype=np.int64)
            return np.repeat(units, n_periods), np.tile(times, n_units)
        return np.divmod(self.cells, n_periods)

    def spread(self, values: NDArray[Any], fill: object) -> NDArray[Any]:
        """Values of all rows (count, …) as (n_units, n_periods, …): a view of them where the rows are in order."""
        shape = (*self.shape, *values.shape[1:])
        if self.cells is None:
            return values.reshape(shape)
        width = int(np.prod(values.shape[1:], dtype=np.int64))
        flat = np.full(len(self.units) * len(self.times) * width, fill, dtype=values.dtype)
        if values.ndim == 1:
            flat[self.cells] = values
            return flat.reshape(shape)
        columns = values.reshape(self.count, width)
        for block in blocks(self.count, _BLOCK // 4):
            place = self.cells[block] * width
            for column in range(width):
                flat[place + column] = columns[block, column]
        return flat.reshape(shape)

    def constant(self, values: NDArray[Any]) -> bool:
        """Whether values (count,) are the same in all rows of every unit; stops where they differ for the first time."""
        width = self.shape[1]
        if len(self.units) == self.count:
            return True
        if self.cells is None:
            step = max(_BLOCK // width, 1) * width
            return not any(_changes_within(values[block], width) for block in blocks(self.count, step))
        own = values[self.one]
        return all(np.array_equal(own[self.cells[block] // width], values[block]) for block in blocks(self.count))


def _changes_within(values: NDArray[Any], width: int) -> bool:
    """Whether a value differs from the one before in the same unit, for units of ``width`` rows each."""
    changed = values[1:] != values[:-1]
    changed[width - 1 :: width] = False
    return bool(changed.any())


def blocks(count: int, step: int = _BLOCK) -> Iterator[slice]:
    """Consecutive stretches of rows, small enough for the cache."""
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def read_rows(units: pd.Series, times: pd.Series) -> Rows | None:
    """Place of every row; None where a key is missing, a period is no whole number or a unit has a period twice."""
    when = periods(times)
    if when is None or not len(when):
        return None
    starts = _run_starts(units)
    codes, index = _coded(units if starts is None else units.iloc[starts])
    if codes.min() < 0:
        return None
    if starts is None:
        return _placed(codes, index, when, _one_each(codes, len(index), np.arange(len(codes), dtype=np.int64)))
    width = len(when) // len(starts)
    if len(index) == len(starts) and increasing(codes) and _same_periods(starts, when, width):
        return Rows(index, frozen(when[:width].copy()), len(when), None, slice(None, None, width))
    one = _one_each(codes, len(index), starts)
    return _placed(np.repeat(codes, np.diff(starts, append=len(when))), index, when, one)


def separate_rows(times: pd.Series) -> Rows | None:
    """Every row as a unit of its own; None where a period is missing or no whole number."""
    when = periods(times)
    if when is None or not len(when):
        return None
    codes, seen = coded_whole(when)
    cells = np.arange(len(when), dtype=np.int64) * len(seen) + codes
    return Rows(pd.RangeIndex(len(when)), frozen(seen.astype(np.int64)), len(when), frozen(cells), slice(None))


def _one_each(codes: IntArray, n_units: int, rows: IntArray) -> IntArray:
    one = np.empty(n_units, dtype=np.int64)
    one[codes] = rows
    return one


def _placed(codes: IntArray, index: pd.Index[Any], when: IntArray, one: IntArray) -> Rows | None:
    """Rows in any order; uses up ``codes``."""
    time_codes, seen = coded_whole(when)
    codes *= len(seen)
    codes += time_codes
    if _repeats(codes, len(index) * len(seen)):
        return None
    return Rows(index, frozen(seen.astype(np.int64)), len(when), frozen(codes), one)


def _repeats(cells: IntArray, size: int) -> bool:
    """Whether a cell of ``size`` occurs twice."""
    if increasing(cells):
        return False
    if size > _ROOM * len(cells):
        return bool(len(np.unique(cells)) < len(cells))
    seen = np.zeros(size, dtype=np.bool_)
    seen[cells] = True
    return int(np.count_nonzero(seen)) < len(cells)


def _same_periods(starts: IntArray, when: IntArray, width: int) -> bool:
    """Whether runs of ``width`` rows each go through the same increasing periods."""
    evenly = len(starts) * width == len(when) and np.array_equal(starts, np.arange(len(starts)) * width)
    return bool(evenly and increasing(when[:width]) and np.array_equal(when[width:], when[:-width]))


def increasing(values: Any) -> bool:
    """Whether each value exceeds the one before, apart from missing ones; False where they cannot be compared."""
    try:
        return all(bool((part[1:] > part[:-1]).all()) for part in (values[:_SAMPLE], values))
    except (TypeError, NotImplementedError):
        return False


def _run_starts(keys: pd.Series) -> IntArray | None:
    """First row of every run of equal keys; None where most runs are single rows or keys cannot be compared quickly."""
    sample = _changes(keys.iloc[:_SAMPLE])
    if sample is None or np.count_nonzero(sample) > _MOST_CHANGES * len(sample):
        return None
    changed = _changes(keys)
    return None if changed is None else np.append(0, np.flatnonzero(changed) + 1)


def _changes(keys: pd.Series) -> NDArray[np.bool_] | None:
    """Whether each key differs from the one before (n − 1,); where they are missing it does not matter.

    A missing key starts a run or continues a run of missing keys, so one look at the runs finds it.
    """
    text = None if pd.api.types.is_object_dtype(keys.dtype) else as_text(keys)
    if text is not None:
        import pyarrow.compute as pc

        return np.asarray(pc.fill_null(pc.not_equal(text[1:], text[:-1]), fill_value=True))
    values = whole_numbers(keys)
    if values is None and isinstance(keys.dtype, pd.CategoricalDtype):
        values = keys.cat.codes.to_numpy()
    if values is None and isinstance(keys.dtype, np.dtype):
        values = keys.to_numpy()
    try:
        return None if values is None else np.asarray(values[1:] != values[:-1], dtype=np.bool_)
    except (TypeError, ValueError):
        return None


def _coded(keys: pd.Series) -> tuple[IntArray, pd.Index[Any]]:
    """Position of each key among the sorted keys, −1 where it is missing, and the sorted keys."""
    whole = whole_numbers(keys)
    if increasing(keys.array if whole is None else whole) and not keys.hasnans:
        return np.arange(len(keys), dtype=np.int64), pd.Index(keys, name=keys.name)
    if whole is not None:
        codes, seen = coded_whole(whole)
        return codes, pd.Index(seen, dtype=keys.dtype, name=keys.name)
    codes, found = pd.factorize(keys)
    ranks, index = _ranked(pd.Index(found, name=keys.name))
    return np.append(ranks, -1)[codes], index


def _ranked(keys: pd.Index[Any]) -> tuple[IntArray, pd.Index[Any]]:
    """Position of each of several different keys among the sorted ones, and those."""
    text = as_text(keys)
    if text is None:
        codes, index = pd.factorize(keys, sort=True)
        return codes.astype(np.int64, copy=False), pd.Index(index, name=keys.name)
    # Sorting Python's strings takes longer than finding them among ten million rows; arrow's order is the same.
    import pyarrow.compute as pc

    order = np.asarray(pc.sort_indices(text))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks, keys.take(order)


def coded_whole(values: NDArray[Any]) -> tuple[IntArray, NDArray[Any]]:
    """Position of each integer among the sorted ones, and those; by a lookup table unless they are far apart."""
    low, high = values.min(), values.max()
    size = int(high) - int(low) + 1
    if size > _ROOM * len(values) + _SAMPLE:
        codes, seen = pd.factorize(values, sort=True)
        return codes.astype(np.int64, copy=False), np.asarray(seen)
    start = low.astype(np.int64)
    present = np.zeros(size, dtype=np.bool_)
    for block in blocks(len(values)):
        present[values[block].astype(np.int64) - start] = True
    table, codes = np.cumsum(present, dtype=np.int64) - 1, np.empty(len(values), dtype=np.int64)
    for block in blocks(len(values)):
        codes[block] = table[values[block].astype(np.int64) - start]
    return codes, (np.flatnonzero(present) + start).astype(values.dtype)
