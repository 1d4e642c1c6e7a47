"""Validation rules of a panel: each looks at one thing and reports what it finds; none raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data._columns import shown
from clustereffects.data._numbers import FloatArray, as_numbers, clean_cohorts, periods, to_objects
from clustereffects.errors import ColumnError, Problem

_SHOWN = 3


def find_problems(table: pd.DataFrame, roles: Mapping[str, str | None]) -> list[Problem]:
    """Every problem of the rows and roles of a panel or, where there is no unit, of repeated cross-sections."""
    if not len(table):
        return [Problem(what="the frame has no rows", where="", expected="at least one row", remedy="check the filter")]
    unit, time, cohort, weights = roles["unit"], str(roles["time"]), roles["cohort"], roles["weights"]
    problems = missing_keys(table, [unit, time] if unit else [time]) + not_integer(table[time])
    problems += duplicate_rows(table, unit, time) if unit else []
    problems += infinite_values(table, [unit, time, cohort])
    problems += bad_weights(table[weights]) if weights else []
    return problems + _role_problems(table, unit, cohort, roles["group"])


def _role_problems(table: pd.DataFrame, unit: str | None, cohort: str | None, group: str | None) -> list[Problem]:
    rows = table if unit is None or table[unit].notna().all() else table[table[unit].notna()]
    codes, units = pd.factorize(rows[unit]) if unit else (np.arange(len(rows)), rows.index)
    index = pd.Index(units, name=unit)
    problems: list[Problem] = []
    first = np.full(len(index), np.nan)
    if cohort:
        try:
            cleaned = pd.Series(clean_cohorts(rows[cohort]), name=cohort)
        except ColumnError as error:
            problems += error.problems
        else:
            problems += changes_within_unit(cleaned, codes, index, "cohort")
            first[codes] = cleaned.to_numpy()
    if group:
        problems += changes_within_unit(rows[group], codes, index, "group")
        groups = np.full(len(index), None, dtype=np.object_)
        groups[codes] = to_objects(rows[group])
        problems += treated_without_group(first, groups, index, group, "unit" if unit else "row")
    return problems


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
    when = periods(frame[time])
    keys = frame if when is None else pd.DataFrame({unit: frame[unit], time: when})
    repeated = keys.duplicated([unit, time], keep="first").to_numpy()
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


def infinite_values(frame: pd.DataFrame, except_columns: Iterable[str | None]) -> list[Problem]:
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
    cohorts: FloatArray, groups: NDArray[np.object_], units: pd.Index, column: str, noun: str = "unit"
) -> list[Problem]:
    """Treated units (rows of cross-sections) that belong to no group."""
    bad = np.flatnonzero(np.isfinite(cohorts) & pd.isna(groups))
    if not len(bad):
        return []
    return [
        Problem(
            what=f"{len(bad)} treated {noun}s have no group",
            where=f"column {column!r}: {noun}s {shown(units[bad[:_SHOWN]].tolist(), len(bad))}",
            expected=f"the cluster organisation of every treated {noun}",
            remedy=f"fill in the group, or set the cohort to missing if the {noun} was never a member",
        )
    ]
