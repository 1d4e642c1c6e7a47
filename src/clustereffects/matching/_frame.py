"""A table with one row per unit as a risk set."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import shown
from clustereffects.errors import ColumnError, InputError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def in_order(table: pd.DataFrame, unit: str | None) -> tuple[pd.DataFrame, pd.Index[Any]]:
    """Rows in the order of their identifiers, and the labels of the units."""
    if unit is None:
        return table, table.index
    problems = []
    if table[unit].isna().any():
        problems.append(_identifiers(unit, f"{int(table[unit].isna().sum())} identifiers are missing"))
    if table[unit].dropna().duplicated().any():
        twice = table.loc[table[unit].duplicated(), unit].unique()
        problems.append(_identifiers(unit, f"{len(twice)} identifiers occur more than once", shown(twice)))
    if problems:
        raise InputError(problems)
    try:
        table = table.sort_values(unit, kind="stable", ignore_index=True)
    except TypeError as error:
        raise InputError(_identifiers(unit, "identifiers are of several types and have no order")) from error
    return table, pd.Index(table[unit], name=unit)


def own_labels(frame: Any, places: pd.Index[Any]) -> pd.Index[Any]:
    """Index of a pandas frame if it tells rows apart, else their places."""
    index = frame.index if isinstance(frame, pd.DataFrame) else places
    return index if index.is_unique and not isinstance(index, pd.MultiIndex) else places


def flags(values: pd.Series, *, missing: bool | None = False) -> BoolArray:
    """A column of 0 and 1 as booleans; ``missing=None`` refuses missing values."""
    gone = values.isna().to_numpy()
    known = values[~gone]
    if not known.isin([0, 1]).all() or (missing is None and gone.any()):
        raise ColumnError(not_boolean(str(values.name)))
    result = np.full(len(values), bool(missing))
    result[~gone] = known.to_numpy() == 1
    return result


def not_boolean(column: str) -> Problem:
    """Problem of a column that should hold 0 and 1."""
    return Problem(
        what=f"column {column!r} is not 0 and 1",
        where="",
        expected="0 or 1, or booleans",
        remedy="recode the column",
    )


def covariates(table: pd.DataFrame, columns: list[str]) -> tuple[FloatArray, list[tuple[str, str]]]:
    """Matrix to match on, and for each covariate its name and the column from which it comes.

    Text and categories become one indicator per category; missing stays missing.
    """
    parts, names = [], []
    for column in columns:
        values = table[column]
        if pd.api.types.is_numeric_dtype(values.dtype):
            parts.append(values.to_numpy(dtype=np.float64, na_value=np.nan)[:, None])
            names.append((column, column))
        else:
            codes, categories = pd.factorize(values, sort=True)
            indicators = (codes[:, None] == np.arange(len(categories))).astype(np.float64)
            indicators[codes < 0] = np.nan
            parts.append(indicators)
            names += [(f"{column}_{category}", column) for category in categories]
    return np.concatenate(parts, axis=1), names


def fingerprint(table: pd.DataFrame) -> str:
    """Hash of the columns that were used."""
    hashed = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.blake2b(hashed.tobytes(), digest_size=16).hexdigest()


def _identifiers(unit: str, what: str, where: str = "") -> Problem:
    return Problem(
        what=what,
        where=f"column {unit!r}" + (f": {where}" if where else ""),
        expected="one row per unit",
        remedy="remove or aggregate the rows concerned",
    )
