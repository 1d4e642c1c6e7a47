"""Covariates from a formula, evaluated row by row on a panel; nothing is dropped without being counted."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import missing_columns, shown
from clustereffects.data.panel import Panel
from clustereffects.errors import ColumnError, OptionError, Problem

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
_ONE = "Intercept"
"""What formulas call their constant."""


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """Covariates of a formula without its constant.

    Parameters
    ----------
    names : tuple of str
    columns : tuple of array (n_rows,)
        One per name, in the order of the panel's rows; NaN in all of them where a variable of the formula is missing.
        May be views of the panel.
    constant : tuple of str
        Left out, because they are the same in all rows.
    n_rows : int
    """

    names: tuple[str, ...]
    columns: tuple[FloatArray, ...]
    constant: tuple[str, ...]
    n_rows: int

    @property
    def rows(self) -> FloatArray:
        """Covariates as (n_rows, k)."""
        return _beside(self.columns, self.n_rows)

    @property
    def complete(self) -> BoolArray:
        """Rows (n_rows,) that have covariates; they have all or none."""
        return np.isfinite(self.columns[0]) if self.columns else np.ones(self.n_rows, dtype=np.bool_)

    def wide(self, panel: Panel) -> FloatArray:
        """Covariates as (n_units, n_periods, k)."""
        return panel.spread(self.rows)

    def by_unit(self, panel: Panel) -> FloatArray | None:
        """Covariates as (n_units, k), if all are the same, bit for bit, in all rows of every unit; None otherwise."""
        found: list[FloatArray] = []
        for column in self.columns:
            values = panel.by_unit(column)
            if values is None:
                return None
            found.append(values)
        return _beside(found, panel.n_units)


def check_formula(formula: str | None) -> list[Problem]:
    """Problems of a formula that show without data."""
    if formula is None or (isinstance(formula, str) and formula.strip(" ~")):
        return []
    return [_bad(formula, "the option is empty")]


def evaluate(panel: Panel, formula: str) -> Covariates:
    """Evaluate a one-sided formula on all rows of a panel at once, so that factor levels agree in all periods."""
    names = _summed_names(formula)
    taken = _take(panel, names) if names and set(names) <= set(panel.columns) else None
    return _build(panel, formula) if taken is None else taken


def _summed_names(formula: str) -> tuple[str, ...] | None:
    """Names in a formula that is nothing but their sum; None for every other formula."""
    names = [part.strip() for part in formula.strip().removeprefix("~").split("+")]
    plain = all(name.isidentifier() and not keyword.iskeyword(name) and name != _ONE for name in names)
    return tuple(dict.fromkeys(names)) if plain else None


def _take(panel: Panel, names: tuple[str, ...]) -> Covariates | None:
    """Columns as they are; None where one is no number or is infinite, which is for the formula to judge."""
    if not all(_is_number(panel.series(name)) for name in names):
        return None
    columns = [panel.column(name) for name in names]
    missing: BoolArray | None = None
    for values in columns:
        finite = np.isfinite(values)
        if finite.all():
            continue
        if np.isinf(values).any():
            return None
        missing = ~finite if missing is None else missing | ~finite
    varies = [_varies(values if missing is None else values[~missing]) for values in columns]
    kept = [values if missing is None else np.where(missing, np.nan, values) for values in columns]
    return Covariates(
        names=tuple(name for name, wanted in zip(names, varies, strict=True) if wanted),
        columns=tuple(values for values, wanted in zip(kept, varies, strict=True) if wanted),
        constant=tuple(name for name, wanted in zip(names, varies, strict=True) if not wanted),
        n_rows=len(columns[0]),
    )


def _is_number(values: pd.Series) -> bool:
    plain = pd.api.types.is_numeric_dtype(values.dtype) and not isinstance(values.dtype, pd.SparseDtype)
    return plain and not pd.api.types.is_complex_dtype(values.dtype)


def _varies(values: FloatArray) -> bool:
    """Whether values are not all the same; a look at the first ones mostly tells. No values count as varying."""
    if not len(values):
        return True
    return bool((values[:1000] != values[0]).any() or (values != values[0]).any())


def _build(panel: Panel, formula: str) -> Covariates:
    from formulaic import Formula, ModelMatrix, model_matrix
    from formulaic.errors import FormulaicError

    frame = panel.frame
    try:
        parsed = Formula(formula.strip().removeprefix("~"))
        needed = _variables(parsed, panel)
        with np.errstate(all="ignore"):
            matrix = model_matrix(parsed, frame, na_action="drop", context={}, output="pandas")
    except FormulaicError as error:
        raise OptionError(_bad(formula, str(error).splitlines()[0])) from error
    if not isinstance(matrix, ModelMatrix):
        raise OptionError(_bad(formula, "a left-hand side or several parts"))
    _refuse_undefined(frame, needed, matrix, formula)
    return _collected(pd.DataFrame(matrix), len(frame))


def _variables(parsed: object, panel: Panel) -> list[str]:
    from formulaic.transforms import TRANSFORMS

    wanted = [str(name) for name in sorted(parsed.required_variables)]  # type: ignore[attr-defined]
    needed = [name for name in wanted if name in panel.columns or name not in TRANSFORMS]
    problems = missing_columns(needed, panel.columns, "the panel")
    if problems:
        raise ColumnError(problems)
    return needed


def _refuse_undefined(frame: pd.DataFrame, needed: list[str], matrix: pd.DataFrame, formula: str) -> None:
    """Rows whose variables are all there must have finite covariates."""
    complete = frame[needed].notna().all(axis=1).to_numpy()
    defined = np.zeros(len(frame), dtype=np.bool_)
    defined[matrix.index[np.isfinite(matrix.to_numpy(dtype=np.float64)).all(axis=1)]] = True
    bad = np.flatnonzero(complete & ~defined)
    if len(bad):
        raise ColumnError(
            Problem(
                what=f"the formula {formula!r} has no finite value in {len(bad)} rows",
                where=f"rows {shown(bad[:3].tolist(), len(bad))}",
                expected="a number wherever all its variables are there",
                remedy="look for logarithms of zero or negative values, divisions by zero, or lags",
            )
        )


def _collected(matrix: pd.DataFrame, n_rows: int) -> Covariates:
    values = matrix.to_numpy(dtype=np.float64)
    spread = np.ptp(values, axis=0) if len(values) else np.ones(values.shape[1])
    intercept = matrix.columns == _ONE
    keep = (spread > 0) & ~intercept
    rows = np.full((int(keep.sum()), n_rows), np.nan)
    rows[:, matrix.index] = values[:, keep].T
    names = [str(name) for name in matrix.columns]
    constant = tuple(name for name, flat, one in zip(names, spread == 0, intercept, strict=True) if flat and not one)
    return Covariates(
        tuple(name for name, kept in zip(names, keep, strict=True) if kept), tuple(rows), constant, n_rows
    )


def _beside(columns: Sequence[FloatArray], count: int) -> FloatArray:
    """Columns (count,) as (count, k), also if there are none."""
    return np.column_stack(columns) if columns else np.empty((count, 0))


def _bad(formula: object, what: str) -> Problem:
    return Problem(
        what=f"option covariates={formula!r}: {what}",
        where="",
        expected="the right-hand side of a formula, such as 'lpop + C(industry)'",
        remedy="write one, or leave covariates out",
    )
