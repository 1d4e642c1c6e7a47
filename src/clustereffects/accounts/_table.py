"""What the readers of this package share: opening a table, checking its columns, typing its cells, wording problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data.files import TableFile, read_table, to_number
from clustereffects.data.panel import to_pandas
from clustereffects.errors import ColumnError, InputError, Problem

HEADER_ROWS = 2  # the first data row is row 2 of a spreadsheet


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns a file must have, may have, and what they are called in it."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    renamed: Mapping[str, str] | None = None


def open_table(source: Any, name: str, layout: Layout) -> TableFile:
    """Read a path or take a frame, with canonical column names and only the known columns."""
    table = read_table(source) if isinstance(source, (str, Path)) else TableFile(as_pandas(source), name, "frame", "")
    names = _names(table.frame.columns, layout)
    frame = table.frame.rename(columns=names)
    missing = [column for column in layout.required if column not in frame.columns]
    if missing:
        found = ", ".join(str(column) for column in table.frame.columns)
        raise ColumnError([_missing_column(column, found, table.name) for column in missing])
    twice = [names.get(name, name) for name in table.repeated]
    known = [*layout.required, *layout.optional]
    repeated = [*frame.columns[frame.columns.duplicated()].unique(), *(name for name in twice if name in known)]
    if repeated:
        raise ColumnError([_repeated_column(str(column), table.name) for column in repeated])
    there = [column for column in known if column in frame.columns]
    return replace(table, frame=frame[there].reset_index(drop=True))


def as_pandas(source: Any) -> pd.DataFrame:
    """Frame of any library as a pandas frame."""
    try:
        return to_pandas(source)
    except TypeError as error:
        raise InputError(
            Problem(
                what="the table is not a path and not a frame",
                where=f"type {type(source).__name__}",
                expected="a path or a pandas, polars or pyarrow table",
                remedy="give the name of the file",
            )
        ) from error


def sheet_rows(positions: NDArray[np.bool_] | NDArray[np.intp]) -> NDArray[np.int64]:
    """Spreadsheet rows of positions or of a mask."""
    found = np.flatnonzero(positions) if positions.dtype == np.bool_ else positions
    return np.asarray(found, dtype=np.int64) + HEADER_ROWS


def is_empty(column: pd.Series) -> NDArray[np.bool_]:
    """Whether cells are missing or hold nothing but blanks."""
    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.isna(), dtype=bool)
    return np.asarray((column.astype("string").str.strip() == "").fillna(value=True), dtype=bool)


def numbers(frame: pd.DataFrame, column: str, file: str, problems: list[Problem]) -> NDArray[np.float64]:
    """Column as numbers; cells that hold something else become a problem."""
    cells = frame[column]
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        odd = np.isnan(values) & ~is_empty(cells)
        if odd.any():
            values = values.copy()
            values[odd] = to_number(cells[odd]).to_numpy()
    bad = (np.isnan(values) & ~is_empty(cells)) | np.isinf(values)
    if bad.any():
        what = f"column {column!r} holds something that is not a number"
        problems.append(cell_problem(what, bad, cells, "numbers or empty cells", file))
    return values


def whole_numbers(
    frame: pd.DataFrame, column: str, file: str, problems: list[Problem], *, required: bool = True
) -> NDArray[np.float64]:
    """Column as integers held in floats, NaN for empty cells; anything else is a problem."""
    values = numbers(frame, column, file, problems)
    broken = ~np.isnan(values) & (values != np.floor(values)) & np.isfinite(values)
    empty = is_empty(frame[column])
    if broken.any():
        what = f"column {column!r} holds fractions"
        problems.append(cell_problem(what, broken, frame[column], "whole numbers", file))
    if required and empty.any():
        what = f"column {column!r} has empty cells"
        problems.append(cell_problem(what, empty, frame[column], "a value in every row", file))
    return values


def cell_problem(what: str, bad: NDArray[np.bool_], cells: pd.Series, expected: str, file: str) -> Problem:
    """Problem with cells of one column, showing how many and the first of them."""
    rows = sheet_rows(bad)
    shown = ", ".join(f"row {row}: {_quoted(cells.iloc[row - HEADER_ROWS])}" for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return Problem(
        what=what,
        where=shown + more,
        expected=expected,
        remedy="correct the cells in the file",
        file=file,
        row=int(rows[0]),
    )


def _quoted(cell: Any) -> str:
    if isinstance(cell, str):
        return repr(cell)
    return "empty" if pd.isna(cell) else str(cell)


def row_list(rows: Sequence[int] | NDArray[np.int64]) -> str:
    """The first rows in words."""
    shown = ", ".join(str(int(row)) for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"


def _names(columns: pd.Index, layout: Layout) -> dict[Any, str]:
    """From the file's names to the canonical ones: the user's mapping first, then names equal but for case and blanks."""
    chosen = {theirs: ours for ours, theirs in (layout.renamed or {}).items()}
    folded = {column.casefold(): column for column in (*layout.required, *layout.optional)}
    taken = set(chosen.values())
    guessed = {name: folded.get(str(name).strip().casefold(), str(name)) for name in columns}
    return {**{name: ours for name, ours in guessed.items() if ours not in taken}, **chosen}


def _missing_column(column: str, found: str, file: str) -> Problem:
    return Problem(
        what=f"column {column!r} is missing",
        where=f"columns found: {found}",
        expected=f"a column {column!r}",
        remedy=f"add it, or say in the plan which column it is (columns.{column})",
        file=file,
        row=1,
    )


def _repeated_column(column: str, file: str) -> Problem:
    return Problem(
        what=f"column {column!r} occurs twice",
        where="header",
        expected="every column once",
        remedy="delete or rename one of them",
        file=file,
        row=1,
    )
