"""The panel: one row per unit and period, with the roles that the estimators need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.data._rules as rules
from clustereffects.data.account import SampleAccount
from clustereffects.errors import ColumnError, PanelError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Panel:
    """A validated panel of units over periods, with the first treated period of each unit.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table
        One row per unit and period; never modified.
    unit, time : str
        Columns of the unit (firm) and the integer period (year).
    cohort : str, optional
        Column with the first treated period; missing, infinite or 0 means never treated.
    group : str, optional
        Column with the cluster organisation of a treated unit; may be missing for never-treated units.
    cluster : str or sequence of str, optional
        Level(s) at which treatment was assigned or shocks are shared; missing values form clusters of one unit.
    weights : str, optional
        Sampling weights.

    Raises
    ------
    PanelError
        Lists every problem at once: missing columns, missing keys, duplicate unit-period rows, non-integer periods,
        a cohort or group that changes within a unit, infinite values, invalid weights, treated units without a group.
    TypeError
        If ``frame`` is not a data frame.

    Examples
    --------
    >>> frame = pd.DataFrame({"firm": [1, 1, 2, 2], "year": [2004, 2005] * 2, "sales": [5.0, 6.0, 4.0, 4.0],
    ...                       "joined": [2005, 2005, None, None]})
    >>> panel = Panel(frame, unit="firm", time="year", cohort="joined")
    >>> panel
    Panel(2 units × 2 periods, 1 treated in 1 cohort)
    >>> panel.wide("sales").tolist()
    [[5.0, 6.0], [4.0, 4.0]]
    """

    __slots__ = ("_cluster", "_codes", "_cohorts", "_columns", "_frame", "_groups", "_times", "_units")

    _cluster: tuple[str, ...]
    _codes: tuple[IntArray, IntArray]
    _cohorts: FloatArray
    _columns: dict[str, str | None]
    _frame: pd.DataFrame
    _groups: NDArray[np.object_]
    _times: IntArray
    _units: pd.Index[Any]

    def __init__(  # noqa: PLR0913  (the public contract names one argument per role)
        self,
        frame: Any,
        *,
        unit: str,
        time: str,
        cohort: str | None = None,
        group: str | None = None,
        cluster: str | Sequence[str] | None = None,
        weights: str | None = None,
    ) -> None:
        table = to_pandas(frame)
        clusters = (cluster,) if isinstance(cluster, str) else tuple(cluster or ())
        roles = {"unit": unit, "time": time, "cohort": cohort, "group": group, "weights": weights}
        named = [name for name in roles.values() if name] + list(clusters)
        present = list(table.columns)
        problems = rules.repeated_columns(present) + rules.missing_columns(named, present) or _problems(table, roles)
        if problems:
            raise PanelError(problems)
        self._set("_columns", roles)
        self._set("_cluster", clusters)
        self._index(table, unit, time)
        self._read_units(cohort, group)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Panel does not change; make a new one instead of setting {name!r}")

    def __reduce__(self) -> tuple[object, ...]:
        roles = {**{k: v for k, v in self._columns.items() if v}, "cluster": self._cluster or None}
        return _rebuild, (self._frame, roles)

    def __repr__(self) -> str:
        treated = np.isfinite(self._cohorts)
        cohorts = len(np.unique(self._cohorts[treated]))
        noun = "cohort" if cohorts == 1 else "cohorts"
        return (
            f"Panel({len(self._units):,} units × {len(self._times)} periods, "
            f"{int(treated.sum()):,} treated in {cohorts} {noun})"
        )

    def _index(self, table: pd.DataFrame, unit: str, time: str) -> None:
        unit_codes, units = pd.factorize(table[unit], sort=True)
        years = rules.as_numbers(table[time]).astype(np.int64)
        times, time_codes = np.unique(years, return_inverse=True)
        self._set("_frame", table)
        self._set("_units", pd.Index(units, name=unit))
        self._set("_times", times)
        self._set("_codes", (_frozen(unit_codes.astype(np.int64)), _frozen(time_codes.astype(np.int64).ravel())))

    def _read_units(self, cohort: str | None, group: str | None) -> None:
        cohorts = np.full(len(self._units), np.nan)
        groups = np.full(len(self._units), None, dtype=np.object_)
        if cohort:
            cohorts[self._codes[0]] = clean_cohorts(self._frame[cohort])
        if group:
            column = self._frame[group]
            groups[self._codes[0]] = column.astype(object).where(column.notna(), None).to_numpy()
        self._set("_cohorts", _frozen(cohorts))
        self._set("_groups", _frozen(groups))

    @property
    def frame(self) -> pd.DataFrame:
        """Copy of the data as a pandas frame, in the order in which it came."""
        return self._frame.copy()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(str(name) for name in self._frame.columns)

    @property
    def roles(self) -> dict[str, str | None]:
        """Which column plays which role: unit, time, cohort, group, weights."""
        return dict(self._columns)

    @property
    def cluster(self) -> tuple[str, ...]:
        """Columns of the assignment level."""
        return self._cluster

    @property
    def units(self) -> pd.Index[Any]:
        """Units in sorted order: the rows of every wide matrix."""
        return self._units

    @property
    def times(self) -> IntArray:
        """Observed periods in ascending order: the columns of every wide matrix."""
        return _frozen(self._times)

    @property
    def cohorts(self) -> FloatArray:
        """First treated period of each unit (n_units,); NaN = never treated."""
        return self._cohorts

    @property
    def groups(self) -> NDArray[np.object_]:
        """Group of each unit (n_units,); None where there is none."""
        return self._groups

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self._units)

    @property
    def row_codes(self) -> tuple[IntArray, IntArray]:
        """Unit index and time index of every row of ``frame``."""
        return self._codes

    def wide(self, column: str) -> FloatArray:
        """Column as a (n_units, n_periods) matrix of float64; NaN where missing or not observed.

        Raises
        ------
        ColumnError
            If the column does not exist or is not numeric.
        """
        rules.require_columns([column], list(self._frame.columns))
        matrix = np.full((len(self._units), len(self._times)), np.nan)
        matrix[self._codes] = _numeric(self._frame[column])
        return matrix

    def wide_objects(self, column: str) -> NDArray[np.object_]:
        """Column of any type as a (n_units, n_periods) matrix of objects; None where missing or not observed."""
        rules.require_columns([column], list(self._frame.columns))
        matrix = np.full((len(self._units), len(self._times)), None, dtype=np.object_)
        values = self._frame[column]
        matrix[self._codes] = values.astype(object).where(values.notna(), None).to_numpy()
        return matrix

    def wide_codes(self, column: str) -> IntArray:
        """Column of any type as a (n_units, n_periods) matrix of integer codes; −1 where missing or not observed."""
        rules.require_columns([column], list(self._frame.columns))
        matrix = np.full((len(self._units), len(self._times)), -1, dtype=np.int64)
        matrix[self._codes] = pd.factorize(self._frame[column])[0]
        return _by_first_place(matrix)

    def unit_codes(self, column: str) -> IntArray:
        """Integer code of a unit-constant column for each unit (n_units,), 0 … G−1; missing values stand alone.

        Raises
        ------
        ColumnError
            If the column does not exist.
        PanelError
            If it changes within a unit.
        """
        if column == self._columns["unit"]:
            return np.arange(len(self._units))
        rules.require_columns([column], list(self._frame.columns))
        values = self._frame[column]
        problems = rules.changes_within_unit(values, self._codes[0], self._units, "cluster")
        if problems:
            raise PanelError(problems)
        codes = np.full(len(self._units), -1, dtype=np.int64)
        codes[self._codes[0]] = pd.factorize(values)[0]
        codes = _by_first_place(codes)
        alone = codes < 0
        codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
        return codes

    def account(self) -> SampleAccount:
        """Account of the rows; a panel drops none."""
        treated = np.isfinite(self._cohorts)
        counts = {
            "units": len(self._units),
            "periods": len(self._times),
            "treated units": int(treated.sum()),
            "never-treated units": int((~treated).sum()),
            "cohorts": len(np.unique(self._cohorts[treated])),
        }
        return SampleAccount(rows_in=len(self._frame), rows_used=len(self._frame), counts=counts)

    def fingerprint(self, *columns: str) -> str:
        """Hash of keys, cohorts, groups, clusters, weights and the named columns, whatever the order of rows."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self._times.tobytes())
        digest.update(pd.util.hash_pandas_object(self._units, index=False).to_numpy().tobytes())
        digest.update(self._cohorts.tobytes())
        digest.update("\n".join("" if group is None else str(group) for group in self._groups).encode())
        for column in self._cluster:
            digest.update(self.unit_codes(column).tobytes())
        weights = self._columns["weights"]
        for column in (*columns, *([weights] if weights else [])):
            digest.update(self.wide(column).tobytes())
        return digest.hexdigest()


def to_pandas(frame: Any) -> pd.DataFrame:
    """Convert any eager data frame that narwhals knows to pandas with a plain index, without touching the original.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table

    Returns
    -------
    DataFrame

    Raises
    ------
    TypeError
        If ``frame`` is not a data frame.

    Examples
    --------
    >>> import pyarrow as pa
    >>> to_pandas(pa.table({"year": [2004]})).shape
    (1, 1)
    """
    if isinstance(frame, pd.DataFrame):
        return frame.reset_index(drop=True)
    try:
        table: pd.DataFrame = nw.from_native(frame, eager_only=True).to_pandas()
    except TypeError as error:
        raise TypeError(
            f"expected a pandas, polars or pyarrow table, got {type(frame).__name__} – convert it to one of these"
        ) from error
    return table.reset_index(drop=True)


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
    cohorts = _numeric(values)
    cohorts = np.where(np.isfinite(cohorts) & (cohorts != 0), cohorts, np.nan)
    fractions = np.isfinite(cohorts) & (cohorts != np.floor(cohorts))
    if fractions.any():
        raise ColumnError(
            Problem(
                what=f"{int(fractions.sum())} cohorts are not whole periods",
                where=f"column {values.name!r}: {rules.shown(cohorts[fractions][:3].tolist(), int(fractions.sum()))}",
                expected="the first treated period, such as 2004",
                remedy="convert joining dates to the period of joining",
            )
        )
    return cohorts


def _numeric(values: pd.Series) -> FloatArray:
    numbers = rules.as_numbers(values)
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


def _problems(table: pd.DataFrame, roles: dict[str, str | None]) -> list[Problem]:
    """Every problem of the rows and roles, found in one pass."""
    if not len(table):
        return [Problem(what="the frame has no rows", where="", expected="at least one row", remedy="check the filter")]
    unit, time, cohort, weights = (str(roles["unit"]), str(roles["time"]), roles["cohort"], roles["weights"])
    problems = rules.missing_keys(table, [unit, time]) + rules.not_integer(table[time])
    problems += rules.duplicate_rows(table, unit, time)
    problems += rules.infinite_values(table, [unit, time, *([cohort] if cohort else [])])
    problems += rules.bad_weights(table[weights]) if weights else []
    return problems + _role_problems(table, unit, cohort, roles["group"])


def _role_problems(table: pd.DataFrame, unit: str, cohort: str | None, group: str | None) -> list[Problem]:
    known = table[unit].notna()
    rows = table if known.all() else table[known]
    codes, units = pd.factorize(rows[unit])
    index = pd.Index(units, name=unit)
    problems: list[Problem] = []
    first = np.full(len(index), np.nan)
    if cohort:
        try:
            cleaned = pd.Series(clean_cohorts(rows[cohort]), name=cohort)
        except ColumnError as error:
            problems += error.problems
        else:
            problems += rules.changes_within_unit(cleaned, codes, index, "cohort")
            first[codes] = cleaned.to_numpy()
    if group:
        problems += rules.changes_within_unit(rows[group], codes, index, "group")
        groups = np.full(len(index), None, dtype=np.object_)
        groups[codes] = rows[group].astype(object).where(rows[group].notna(), None).to_numpy()
        problems += rules.treated_without_group(first, groups, index, group)
    return problems


def _by_first_place(codes: IntArray) -> IntArray:
    """Codes numbered by where they first stand among units and periods, whatever the order of rows; −1 stays."""
    known = codes >= 0
    codes[known] = pd.factorize(codes[known])[0]
    return codes


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _rebuild(frame: pd.DataFrame, roles: dict[str, Any]) -> Panel:
    return Panel(frame, **roles)
