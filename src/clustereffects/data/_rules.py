"""Validation rules of a panel: each looks at one thing and reports what it finds; none raises."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.errors import ColumnError, Problem

FloatArray = NDArray[np.float64]
_SHOWN = 3


def missing_columns(wanted: Iterable[str], present: Sequence[Hashable], what: str = "the frame") -> list[Problem]:
    """Problems for columns that are not there, with close matches as a hint.

    Parameters
    ----------
    wanted : iterable of str
    present : sequence of column names
    what : str
        What was searched, for the message.

    Returns
    -------
    list of Problem

    Raises
    ------
    TypeError
        If ``wanted`` is not iterable.

    Examples
    --------
    >>> missing_columns(["yaer"], ["firm", "year"])[0].remedy
    "did you mean 'year'?"
    """
    names = [str(name) for name in present]
    problems = []
    for column in wanted:
        if column in present:
            continue
        close = difflib.get_close_matches(column, names, n=2)
        hint = " or ".join(repr(name) for name in close)
        problems.append(
            Problem(
                what=f"column {column!r} is missing",
                where=f"columns of {what}: {', '.join(names[:12])}" + (" …" if len(names) > 12 else ""),
                expected="a column of that name",
                remedy=f"did you mean {hint}?" if hint else "add the column or name another",
            )
        )
    return problems


def require_columns(wanted: Iterable[str], present: Sequence[Hashable], what: str = "the panel") -> None:
    """Raise one error that lists all missing columns.

    Parameters
    ----------
    wanted : iterable of str
    present : sequence of column names
    what : str

    Raises
    ------
    ColumnError
        If any column is missing.

    Examples
    --------
    >>> require_columns(["year"], ["firm", "year"])
    """
    problems = missing_columns(wanted, present, what)
    if problems:
        raise ColumnError(problems)


def as_numbers(values: pd.Series) -> FloatArray:
    """Values as float64; NaN where there is none or no number. Dates are no numbers.

    Parameters
    ----------
    values : Series

    Returns
    -------
    array (n,)

    Raises
    ------
    AttributeError
        If ``values`` is not a Series.

    Examples
    --------
    >>> as_numbers(pd.Series(["2004", "soon", None])).tolist(), as_numbers(pd.to_datetime(pd.Series(["2004"]))).tolist()
    ([2004.0, nan, nan], [nan])
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return as_numbers(values.astype(values.cat.categories.dtype))
    if not (pd.api.types.is_object_dtype(values.dtype) or pd.api.types.is_string_dtype(values.dtype)):
        return np.full(len(values), np.nan)
    dates = values.map(lambda value: isinstance(value, date | np.datetime64 | pd.Period | pd.Timedelta)).astype(bool)
    numbers = pd.to_numeric(values.mask(dates, None), errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def repeated_columns(present: Sequence[Hashable]) -> list[Problem]:
    """Column names that occur more than once."""
    names = [str(name) for name in present]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not twice:
        return []
    return [
        Problem(
            what=f"{len(twice)} column names occur more than once",
            where=shown(twice),
            expected="every column under a name of its own",
            remedy="rename or drop the repeated columns",
        )
    ]


def shown(values: Iterable[object], total: int | None = None) -> str:
    """First few values for a message, with the count of the rest.

    Parameters
    ----------
    values : iterable
    total : int, optional
        How many there are in all, if ``values`` holds only the first.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If ``values`` is not iterable.

    Examples
    --------
    >>> shown([1, 2, 3, 4])
    '1, 2, 3 and 1 more'
    """
    items = [str(value) for value in values]
    rest = (len(items) if total is None else total) - min(len(items), _SHOWN)
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def missing_keys(frame: pd.DataFrame, columns: Sequence[str]) -> list[Problem]:
    """Rows whose unit or time is missing."""
    problems = []
    for column in columns:
        rows = np.flatnonzero(frame[column].isna().to_numpy())
        if len(rows):
            problems.append(
                Problem(
                    what=f"{column!r} is missing in {len(rows)} rows",
                    where=f"rows {shown(rows[:_SHOWN].tolist(), len(rows))}",
                    expected="a value in every row",
                    remedy="fill in or remove these rows",
                )
            )
    return problems


def not_integer(times: pd.Series) -> list[Problem]:
    """Periods that are not whole numbers."""
    numeric = as_numbers(times)
    bad = np.flatnonzero(times.notna().to_numpy() & ~(np.isfinite(numeric) & (numeric == np.floor(numeric))))
    if not len(bad):
        return []
    return [
        Problem(
            what=f"{len(bad)} periods are not whole numbers",
            where=f"column {times.name!r}: {shown(times.iloc[bad[:_SHOWN]].tolist(), len(bad))}",
            expected="integer periods such as calendar years",
            remedy="convert dates to years first",
        )
    ]


def duplicate_rows(frame: pd.DataFrame, unit: str, time: str) -> list[Problem]:
    """Unit-time pairs that occur more than once."""
    repeated = frame.duplicated([unit, time], keep="first").to_numpy()
    if not repeated.any():
        return []
    pairs = frame.loc[repeated, [unit, time]].drop_duplicates()
    first = [f"({u}, {t})" for u, t in pairs.head(_SHOWN).itertuples(index=False)]
    return [
        Problem(
            what=f"{int(repeated.sum())} rows repeat a unit and period",
            where=f"columns {unit!r}, {time!r}: {shown(first, len(pairs))}",
            expected="one row per unit and period",
            remedy="aggregate or remove the repeated rows",
        )
    ]


def changes_within_unit(values: pd.Series, unit_codes: NDArray[np.int64], units: pd.Index, noun: str) -> list[Problem]:
    """Units in which a value that must be constant changes."""
    codes = pd.factorize(values, use_na_sentinel=True)[0]
    order = np.argsort(unit_codes, kind="stable")
    same_unit = np.diff(unit_codes[order]) == 0
    differs = same_unit & (np.diff(codes[order]) != 0)
    bad = np.unique(unit_codes[order][1:][differs])
    if not len(bad):
        return []
    return [
        Problem(
            what=f"the {noun} changes within {len(bad)} units",
            where=f"column {values.name!r}: units {shown(units[bad[:_SHOWN]].tolist(), len(bad))}",
            expected=f"one {noun} per unit, the same in all its rows",
            remedy="keep the first one, or split the unit where treatment really changed",
        )
    ]


def infinite_values(frame: pd.DataFrame, except_columns: Iterable[str]) -> list[Problem]:
    """Numeric columns that hold infinite values."""
    problems = []
    skip = set(except_columns)
    for column in frame.columns:
        if column in skip or not pd.api.types.is_float_dtype(frame[column].dtype):
            continue
        values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        rows = np.flatnonzero(np.isinf(values))
        if len(rows):
            problems.append(
                Problem(
                    what=f"{len(rows)} infinite values",
                    where=f"column {column!r}: rows {shown(rows[:_SHOWN].tolist(), len(rows))}",
                    expected="finite numbers; missing where there is none",
                    remedy="look for logarithms of zero or divisions by zero",
                )
            )
    return problems


def bad_weights(weights: pd.Series) -> list[Problem]:
    """Weights that are missing, negative or infinite."""
    values = as_numbers(weights)
    rows = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if not len(rows):
        return []
    return [
        Problem(
            what=f"{len(rows)} weights are missing, negative or infinite",
            where=f"column {weights.name!r}: rows {shown(rows[:_SHOWN].tolist(), len(rows))}",
            expected="finite weights of at least 0",
            remedy="correct the weights or leave them out",
        )
    ]


def treated_without_group(
    cohorts: FloatArray, groups: NDArray[np.object_], units: pd.Index, noun: str
) -> list[Problem]:
    """Treated units that belong to no group."""
    bad = np.flatnonzero(np.isfinite(cohorts) & pd.isna(groups))
    if not len(bad):
        return []
    return [
        Problem(
            what=f"{len(bad)} treated units have no group",
            where=f"column {noun!r}: units {shown(units[bad[:_SHOWN]].tolist(), len(bad))}",
            expected="the cluster organisation of every treated unit",
            remedy="fill in the group, or set the cohort to missing if the unit was never a member",
        )
    ]
