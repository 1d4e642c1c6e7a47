"""Covariates from a formula, evaluated row by row on a panel; nothing is dropped without being counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import missing_columns, shown
from clustereffects.data.panel import Panel
from clustereffects.errors import ColumnError, OptionError, Problem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """Columns of a formula, one row per row of the panel; NaN where a variable is missing, no constant."""

    names: tuple[str, ...]
    rows: FloatArray
    constant: tuple[str, ...]

    def wide(self, panel: Panel) -> FloatArray:
        """Covariates as (n_units, n_periods, k)."""
        units, times = panel.row_codes
        cube = np.full((panel.n_units, len(panel.times), len(self.names)), np.nan)
        cube[units, times] = self.rows
        return cube


def check_formula(formula: str | None) -> list[Problem]:
    """Problems of a formula that show without data."""
    if formula is None or (isinstance(formula, str) and formula.strip(" ~")):
        return []
    return [_bad(formula, "the option is empty")]


def evaluate(panel: Panel, formula: str) -> Covariates:
    """Evaluate a one-sided formula on all rows of a panel at once, so that factor levels agree in all periods."""
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
    intercept = matrix.columns == "Intercept"
    keep = (spread > 0) & ~intercept
    rows = np.full((n_rows, int(keep.sum())), np.nan)
    rows[matrix.index] = values[:, keep]
    names = [str(name) for name in matrix.columns]
    constant = tuple(name for name, flat, one in zip(names, spread == 0, intercept, strict=True) if flat and not one)
    return Covariates(tuple(name for name, kept in zip(names, keep, strict=True) if kept), rows, constant)


def _bad(formula: object, what: str) -> Problem:
    return Problem(
        what=f"option covariates={formula!r}: {what}",
        where="",
        expected="the right-hand side of a formula, such as 'lpop + C(industry)'",
        remedy="write one, or leave covariates out",
    )
