"""What reading a file finds: either a problem that stops it, or a repair that is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from clustereffects.data import shown
from clustereffects.errors import Problem

INTAKE_COLUMNS = ["file", "row", "column", "rule", "remedy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with some rows of a file, and what a repair does about it."""

    file: str
    column: str
    what: str
    rows: tuple[int, ...]
    cells: tuple[str, ...]
    expected: str
    remedy: str
    repair: str

    def problem(self) -> Problem:
        """The finding as a reason to stop."""
        places = [f"{cell!r} in row {row}" for cell, row in zip(self.cells, self.rows, strict=True)]
        return Problem(
            what=self.what,
            where=f"column {self.column}: {shown(places)}",
            expected=self.expected,
            remedy=f"{self.remedy}, or read with repair=True ({self.repair})",
            file=self.file,
            row=self.rows[0],
        )

    def notes(self) -> list[dict[str, object]]:
        """The finding as repairs, one for each row."""
        return [
            note(self.file, row, self.column, f"{self.what}: {cell!r}", self.repair)
            for row, cell in zip(self.rows, self.cells, strict=True)
        ]


def note(file: str, row: int | None, column: str, rule: str, remedy: str) -> dict[str, object]:
    """One line of the intake protocol."""
    return {"file": file, "row": row, "column": column, "rule": rule, "remedy": remedy}


def intake_frame(notes: Iterable[dict[str, object]]) -> pd.DataFrame:
    """Intake protocol as a table."""
    frame = pd.DataFrame(list(notes), columns=INTAKE_COLUMNS)
    return frame.astype({"row": "Int64"})
