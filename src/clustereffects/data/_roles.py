"""What is the same in all rows of a unit, read in passes over columns; nothing here words what is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data._numbers import FloatArray, as_numbers, bits, clean_cohorts, to_objects
from clustereffects.data._rows import Rows, blocks
from clustereffects.errors import ColumnError


def read_roles(
    table: pd.DataFrame, roles: Mapping[str, str | None], rows: Rows
) -> tuple[FloatArray, NDArray[np.object_]] | None:
    """Cohort and group of each unit; None where ``find_problems`` has something to say."""
    cohort, group, weights = roles["cohort"], roles["group"], roles["weights"]
    if not _finite(table, {roles["unit"], roles["time"], cohort}) or (weights and not _usable(table[weights])):
        return None
    cohorts = _cohorts(table[cohort], rows) if cohort else np.full(rows.shape[0], np.nan)
    groups = _groups(table[group], rows) if group else np.full(rows.shape[0], None, dtype=np.object_)
    if cohorts is None or groups is None or (group and (np.isfinite(cohorts) & pd.isna(groups)).any()):
        return None
    return cohorts, groups


def same_within(values: pd.Series, rows: Rows) -> bool:
    """Whether a column is the same in all rows of every unit; missing values count as the same."""
    return rows.constant(bits(values)) or (
        pd.api.types.is_float_dtype(values.dtype) and rows.constant(pd.factorize(values)[0])
    )


def _cohorts(values: pd.Series, rows: Rows) -> FloatArray | None:
    try:
        if not rows.constant(bits(values)):
            values = pd.Series(clean_cohorts(values))
            if not rows.constant(bits(values)):
                return None
        return clean_cohorts(values.iloc[rows.one])
    except ColumnError:
        return None


def _groups(values: pd.Series, rows: Rows) -> NDArray[np.object_] | None:
    return to_objects(values.iloc[rows.one]) if same_within(values, rows) else None


def _finite(table: pd.DataFrame, skip: set[str | None]) -> bool:
    """Whether no column of floats holds an infinite value."""
    for name in table.columns:
        if name not in skip and pd.api.types.is_float_dtype(table[name].dtype):
            values = as_numbers(table[name])
            if any(np.isinf(values[block]).any() for block in blocks(len(values))):
                return False
    return True


def _usable(weights: pd.Series) -> bool:
    values = as_numbers(weights)
    return bool(values.min() >= 0 and values.max() < np.inf)
