"""Columns of a frame as arrays: numbers, whole numbers, and forms that can be compared without hashing."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data._columns import shown
from clustereffects.errors import ColumnError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def as_numbers(values: pd.Series) -> FloatArray:
    """Values as float64; NaN where there is none or no number. Dates are no numbers.

    Parameters
    ----------
    values : Series

    Returns
    -------
    array (n,)
        The memory of ``values`` itself if it holds float64.

    Raises
    ------
    AttributeError
        If ``values`` is not a Series.

    Examples
    --------
    >>> as_numbers(pd.Series(["2004", "soon", None])).tolist(), as_numbers(pd.to_datetime(pd.Series(["2004"]))).tolist()
    ([2004.0, nan, nan], [nan])
    """
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return values.to_numpy(dtype=np.float64)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(dtype, pd.CategoricalDtype):
        return _looked_up(values.cat.codes.to_numpy(), pd.Series(values.cat.categories))
    if pd.api.types.is_object_dtype(dtype):
        return _parsed(values)
    if pd.api.types.is_string_dtype(dtype):
        codes, seen = pd.factorize(values)
        return _looked_up(codes, pd.Series(seen))
    return np.full(len(values), np.nan)


def _looked_up(codes: NDArray[Any], seen: pd.Series) -> FloatArray:
    """Numbers of a few different values, taken by code; −1 is missing."""
    numbers = _parsed(seen) if pd.api.types.is_string_dtype(seen.dtype) else as_numbers(seen)
    return np.asarray(np.append(numbers, np.nan)[codes])


def _parsed(values: pd.Series) -> FloatArray:
    dates = values.map(lambda value: isinstance(value, date | np.datetime64 | pd.Period | pd.Timedelta)).astype(bool)
    numbers = pd.to_numeric(values.mask(dates, None), errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def numeric(values: pd.Series) -> FloatArray:
    """Values as float64; an error if one is there but no number."""
    numbers = as_numbers(values)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        return numbers
    wrong = np.isnan(numbers) & values.notna().to_numpy()
    if wrong.any():
        raise ColumnError(
            Problem(
                what=f"column {values.name!r} is not numeric",
                where=f"for example {values[wrong].iloc[0]!r}",
                expected="numbers, missing where there is none",
                remedy="convert the column before building the panel",
            )
        )
    return numbers


def clean_cohorts(values: pd.Series) -> FloatArray:
    """First treated periods as floats; missing, infinite and 0 become NaN, which means never treated.

    Parameters
    ----------
    values : Series

    Returns
    -------
    array (n,)

    Raises
    ------
    ColumnError
        If the column holds text or fractions.

    Examples
    --------
    >>> clean_cohorts(pd.Series([2004, 0, None, float("inf")])).tolist()
    [2004.0, nan, nan, nan]
    """
    cohorts = numeric(values)
    cohorts = np.where(np.isfinite(cohorts) & (cohorts != 0), cohorts, np.nan)
    fractions = cohorts[np.isfinite(cohorts) & (cohorts != np.floor(cohorts))]
    if len(fractions):
        raise ColumnError(
            Problem(
                what=f"{len(fractions)} cohorts are not whole periods",
                where=f"column {values.name!r}: {shown(fractions[:3].tolist(), len(fractions))}",
                expected="the first treated period, such as 2004",
                remedy="convert joining dates to the period of joining",
            )
        )
    return cohorts


def whole_numbers(values: pd.Series) -> NDArray[Any] | None:
    """Values of an integer column as a plain array; None where one is missing or the column is of another type."""
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy() if values.dtype.kind in "iu" else None
    if not pd.api.types.is_integer_dtype(values.dtype) or values.hasnans:
        return None
    return values.to_numpy(dtype=np.uint64 if pd.api.types.is_unsigned_integer_dtype(values.dtype) else np.int64)


def periods(values: pd.Series) -> IntArray | None:
    """Periods as int64; None where one is missing or no whole number."""
    whole = whole_numbers(values)
    if whole is not None:
        return whole.astype(np.int64, copy=False)
    numbers = as_numbers(values)
    if not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        return None
    return numbers.astype(np.int64)


def bits(values: pd.Series) -> NDArray[Any]:
    """Integers that are the same where values are the same: their bits if they are numbers or dates, codes otherwise.

    Two floats that are equal but differ in their bits (0 and −0, two kinds of NaN) get different integers.
    """
    whole = whole_numbers(values)
    if whole is not None:
        return whole
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "bfmM" and values.dtype.itemsize <= 8:
        return values.to_numpy().view(f"i{values.dtype.itemsize}")
    if pd.api.types.is_float_dtype(values.dtype) and not isinstance(values.dtype, np.dtype):
        return as_numbers(values).view(np.int64)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy()
    return pd.factorize(values)[0]


def as_text(values: pd.Series | pd.Index) -> Any:
    """Values as an arrow array of text, without copying where they are one already; None if they are no text."""
    if not (pd.api.types.is_object_dtype(values.dtype) or pd.api.types.is_string_dtype(values.dtype)):
        return None
    if pd.api.types.infer_dtype(values) != "string":
        return None
    import pyarrow as pa

    return pa.array(values, from_pandas=True)


def to_objects(values: pd.Series) -> NDArray[np.object_]:
    """Values as objects, in memory of their own; None where missing."""
    return values.astype(object).where(values.notna(), None).to_numpy(copy=True)


class _Kept:
    """Memory of a column that pandas goes on counting as in use: whoever writes to the frame then gets a copy."""

    def __init__(self, numbers: FloatArray, column: pd.Series) -> None:
        self.__array_interface__ = numbers.__array_interface__
        self.held = (numbers, column)


def view_of(values: pd.Series) -> FloatArray:
    """Column as read-only float64, without copying if it is float64 already.

    A plain view would change with the user's frame once the panel is gone: pandas copies on write only while another
    pandas object holds the memory.

    Raises
    ------
    ColumnError
        If the column is not numeric.
    """
    return frozen(np.asarray(_Kept(numeric(values), values)))


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Array that can be read only."""
    array.flags.writeable = False
    return array
