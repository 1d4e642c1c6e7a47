"""The panel: one row per unit and period, with the roles that the estimators need."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.data._fingerprint as _fingerprint
from clustereffects.data._columns import cluster_columns, missing_columns, repeated_columns, require_columns
from clustereffects.data._numbers import FloatArray, IntArray, frozen, to_objects, view_of
from clustereffects.data._roles import read_roles, same_within
from clustereffects.data._rows import Rows, read_rows, separate_rows
from clustereffects.data._rules import changes_within_unit, find_problems
from clustereffects.data.account import SampleAccount
from clustereffects.data.by_period import ByPeriod
from clustereffects.errors import EstimationError, PanelError, Problem


class Panel:
    """Validated units over periods, or repeated cross-sections, with the first treated period of each unit.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table
        One row per unit and period, in any order; fastest where sorted by unit and period. Never modified. A panel
        shares memory with the frame where it can and does not change when the frame does: pandas 3 gives whoever
        writes to the frame a copy, for earlier versions the panel takes one. Arrays or buffers that a frame was built
        on with ``copy=False`` are beyond that protection.
    unit : str, optional
        Column of the unit (firm). Without it every row is a unit of its own: repeated cross-sections.
    time : str
        Column of the integer period (year).
    cohort : str, optional
        Column with the first treated period; missing, infinite or 0 means never treated.
    group : str, optional
        Column with the cluster organisation of a treated unit; may be missing for never-treated units.
    cluster : str or list of two str, optional
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
    >>> Panel(frame, time="year", cohort="joined")
    Panel(repeated cross-sections, 4 rows in 2 periods, 2 treated in 1 cohort)
    """

    __slots__ = ("_cluster", "_cohorts", "_columns", "_frame", "_groups", "_rows")

    _cluster: tuple[str, ...]
    _cohorts: FloatArray
    _columns: dict[str, str | None]
    _frame: pd.DataFrame
    _groups: NDArray[np.object_]
    _rows: Rows

    def __init__(  # noqa: PLR0913  (the public contract names one argument per role)
        self,
        frame: Any,
        *,
        unit: str | None = None,
        time: str,
        cohort: str | None = None,
        group: str | None = None,
        cluster: str | Sequence[str] | None = None,
        weights: str | None = None,
    ) -> None:
        table = to_pandas(frame)
        clusters = cluster_columns(cluster)
        roles = {"unit": unit, "time": time, "cohort": cohort, "group": group, "weights": weights}
        named = [name for name in roles.values() if name is not None] + list(clusters)
        present = list(table.columns)
        problems = repeated_columns(present) + missing_columns(named, present)
        if problems:
            raise PanelError(problems)
        rows = separate_rows(table[time]) if unit is None else read_rows(table[unit], table[time])
        found = None if rows is None else read_roles(table, roles, rows)
        if rows is None or found is None:
            raise PanelError(find_problems(table, roles))
        self._set("_frame", table)
        self._set("_columns", roles)
        self._set("_cluster", clusters)
        self._set("_rows", rows)
        self._set("_cohorts", frozen(found[0]))
        self._set("_groups", frozen(found[1]))

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
        size = f"{self.n_units:,} units × {len(self.times)} periods"
        if self.cross_sections:
            size = f"repeated cross-sections, {self.n_units:,} rows in {len(self.times)} periods"
        noun = "cohort" if cohorts == 1 else "cohorts"
        return f"Panel({size}, {int(treated.sum()):,} treated in {cohorts} {noun})"

    @property
    def frame(self) -> pd.DataFrame:
        """Copy of the data as a pandas frame, in the order in which it came; pandas 3 copies once it is written to."""
        return self._frame.reset_index(drop=True)

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
    def cross_sections(self) -> bool:
        """Whether every row is a unit of its own."""
        return self._columns["unit"] is None

    @property
    def balanced(self) -> bool:
        """Whether every unit has a row in every period."""
        return self._rows.count == self.n_units * len(self.times)

    @property
    def units(self) -> pd.Index[Any]:
        """Units in sorted order, the rows of every wide matrix; positions of rows in repeated cross-sections."""
        return self._rows.units

    @property
    def times(self) -> IntArray:
        """Observed periods in ascending order: the columns of every wide matrix."""
        return self._rows.times

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
        return len(self._rows.units)

    @property
    def row_codes(self) -> tuple[IntArray, IntArray]:
        """Unit index and time index of every row of ``frame``; computed anew each time."""
        units, times = self._rows.codes()
        return frozen(units), frozen(times)

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Which unit has a row in which period (n_units, n_periods), read-only.

        Raises
        ------
        EstimationError
            If the panel consists of repeated cross-sections.
        """
        rows = self._followed()
        if self.balanced:
            return np.broadcast_to(np.True_, rows.shape)
        return frozen(rows.spread(np.ones(rows.count, dtype=np.bool_), fill=False))

    def column(self, column: str) -> FloatArray:
        """Column as float64 (n_rows,), in the order of ``row_codes``; read-only, NaN where missing.

        Raises
        ------
        ColumnError
            If the column does not exist or is not numeric.
        """
        return view_of(self._column(column))

    def series(self, column: str) -> pd.Series[Any]:
        """Column as it came (n_rows,), in the order of ``row_codes``; pandas 3 copies it once it is written to.

        Raises
        ------
        ColumnError
            If the column does not exist.
        """
        return self._column(column).reset_index(drop=True)

    def wide(self, column: str) -> FloatArray:
        """Column as (n_units, n_periods) float64; read-only, NaN where missing or not observed.

        A view of the data, without copying, where rows are sorted by unit and period and all units have the same
        periods.

        Raises
        ------
        ColumnError
            If the column does not exist or is not numeric.
        EstimationError
            If the panel consists of repeated cross-sections.
        """
        return self.spread(self.column(column))

    def spread(self, values: FloatArray) -> FloatArray:
        """Values of all rows (n_rows, …) as (n_units, n_periods, …); NaN where not observed, read-only.

        Raises
        ------
        EstimationError
            If the panel consists of repeated cross-sections.
        """
        return frozen(self._followed().spread(values, np.nan))

    def by_unit(self, values: FloatArray) -> FloatArray | None:
        """Values of all rows (n_rows,) as (n_units,); None if they are not the same, bit for bit, within every unit."""
        # The search ends at the first unit that changes, so a covariate that varies costs next to nothing.
        return values[self._rows.one] if self._rows.constant(values.view(np.int64)) else None

    def by_period(self) -> ByPeriod:
        """Reader of columns one period at a time, for whoever needs few of the periods.

        Raises
        ------
        EstimationError
            If the panel consists of repeated cross-sections.
        """
        return ByPeriod(self._followed(), self._column)

    def wide_objects(self, column: str) -> NDArray[np.object_]:
        """Column of any type as a (n_units, n_periods) matrix of objects; None where missing or not observed."""
        rows = self._followed()
        return rows.spread(to_objects(self._column(column)), None)

    def wide_codes(self, column: str) -> IntArray:
        """Column of any type as a (n_units, n_periods) matrix of integer codes; −1 where missing or not observed."""
        rows = self._followed()
        codes = rows.spread(pd.factorize(self._column(column))[0].astype(np.int64), -1)
        # Numbered by where they first stand among units and periods, whatever the order of rows.
        known = codes >= 0
        codes[known] = pd.factorize(codes[known])[0]
        return codes

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
            return np.arange(self.n_units, dtype=np.int64)
        values = self._column(column)
        if not same_within(values, self._rows):
            raise PanelError(changes_within_unit(values, self._rows.codes()[0], self.units, "cluster"))
        codes = pd.factorize(values.iloc[self._rows.one])[0].astype(np.int64)
        alone = codes < 0
        codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
        return codes

    def account(self) -> SampleAccount:
        """Account of the rows; a panel drops none."""
        treated = np.isfinite(self._cohorts)
        counts = {
            "units": self.n_units,
            "periods": len(self.times),
            "treated units": int(treated.sum()),
            "never-treated units": int((~treated).sum()),
            "cohorts": len(np.unique(self._cohorts[treated])),
        }
        return SampleAccount(rows_in=self._rows.count, rows_used=self._rows.count, counts=counts)

    def fingerprint(self, *columns: str) -> str:
        """Hash of keys, cohorts, groups, clusters, weights and the named columns, whatever the order of rows."""
        weights = self._columns["weights"]
        names = (*columns, *([weights] if weights else []))
        if self.cross_sections:
            numbers: list[NDArray[Any]] = [self.times[self._rows.codes()[1]], self._cohorts, *map(self.column, names)]
            labels = [*([pd.Series(self._groups)] if self._columns["group"] else []), *map(self._column, self._cluster)]
            return _fingerprint.of_rows(numbers, labels)
        clusters = (self.unit_codes(column) for column in self._cluster)
        arrays = chain([self.times, self._cohorts], clusters, map(self.wide, names))
        return _fingerprint.of_units(self.units, self._groups if self._columns["group"] else None, arrays)

    def _column(self, column: str) -> pd.Series[Any]:
        if column not in self._frame.columns:
            require_columns([column], list(self._frame.columns))
        return self._frame[column]

    def _followed(self) -> Rows:
        """Rows of units that are followed over periods."""
        if self.cross_sections:
            raise EstimationError(
                Problem(
                    what="repeated cross-sections have no matrix of units and periods",
                    where=f"{self._rows.count:,} rows, each a unit of its own",
                    expected="units that are followed over periods",
                    remedy="name their column: Panel(..., unit=...), or use an estimator for repeated cross-sections",
                )
            )
        return self._rows


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


def _rebuild(frame: pd.DataFrame, roles: dict[str, Any]) -> Panel:
    return Panel(frame, **roles)
