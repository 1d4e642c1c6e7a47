"""Finding the table in a file: title rows above the header, question texts below it, headers in any language."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import TableFile, missing_columns, read_table, to_pandas
from clustereffects.errors import Problem
from clustereffects.survey._cells import header, numbers, plain, truth, unanswered
from clustereffects.survey._codebook_rules import ROLES
from clustereffects.survey._findings import note
from clustereffects.survey.codebook import Codebook

#: Columns that survey tools add; they decide which rows count and are not kept.
FINISHED, STATUS = "_finished", "_status"
_METADATA = {"finished": FINISHED, "status": STATUS}
_TRIALS = {"survey preview", "survey test", "spam", "1", "2", "8"}
_SEARCHED = 10
_DESCRIBING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table under its canonical column names, with the row each record has in the file."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    file: str
    dialect: str
    notes: tuple[dict[str, object], ...]

    def keep(self, kept: NDArray[np.bool_], rule: str) -> Sheet:
        """Sheet without some rows, each written down."""
        lost = [note(self.file, int(row), "", rule, "row left out") for row in self.rows[~kept]]
        frame = self.frame.loc[kept].reset_index(drop=True)
        return Sheet(
            frame=frame, rows=self.rows[kept], file=self.file, dialect=self.dialect, notes=(*self.notes, *lost)
        )


def read_sheet(source: Any, codebook: Codebook, required: tuple[str, ...]) -> tuple[Sheet, list[Problem]]:
    """Table of a file, or of a frame in memory, under canonical names, and what is wrong with its columns."""
    raw, file, dialect = _raw(source)
    names = _known_headers(codebook)
    table, first = _under_its_header(raw, names)
    canonical = [names.get(header(column), "") for column in table.columns]
    problems = _repeated_columns(table, canonical, file) + _missing(required, canonical, table, file)
    kept = [(position, name) for position, name in enumerate(canonical) if name and canonical.index(name) == position]
    frame = table.iloc[:, [position for position, _ in kept]].copy()
    frame.columns = pd.Index([name for _, name in kept])
    notes = [
        note(file, first - 1, plain(column), "column is not in the codebook", "column left out")
        for column, name in zip(table.columns, canonical, strict=True)
        if not name and plain(column)
    ]
    sheet = Sheet(
        frame=frame.reset_index(drop=True),
        rows=np.arange(first, first + len(frame), dtype=np.int64),
        file=file,
        dialect=dialect,
        notes=tuple(notes),
    )
    return _without_descriptions(sheet), problems


def without_trials(sheet: Sheet) -> tuple[Sheet, int]:
    """Sheet without previews and test answers of a survey tool, and how many there were."""
    if FINISHED not in sheet.frame or STATUS not in sheet.frame:
        return sheet, 0
    trial = sheet.frame[STATUS].map(header).isin(_TRIALS).to_numpy(dtype=bool)
    return sheet.keep(~trial, "preview or test answer"), int(trial.sum())


def without_unfinished(sheet: Sheet) -> tuple[Sheet, int]:
    """Sheet without answers that were never submitted, and how many there were."""
    if FINISHED not in sheet.frame:
        return sheet, 0
    unfinished = truth(sheet.frame[FINISHED]) == 0
    return sheet.keep(~unfinished, "unfinished"), int(unfinished.sum())


def without_empty(sheet: Sheet) -> tuple[Sheet, int]:
    """Sheet without rows in which no cell is filled, and how many there were."""
    empty = np.ones(len(sheet.frame), dtype=bool)
    for name in sheet.frame.columns:
        empty &= unanswered(sheet.frame[name])
    return sheet.keep(~empty, "empty row"), int(empty.sum())


def _raw(source: Any) -> tuple[pd.DataFrame, str, str]:
    if isinstance(source, str | Path):
        source = read_table(source)
    if isinstance(source, TableFile):
        return source.frame, source.name, source.dialect
    return to_pandas(source), "", "table in memory"


def _known_headers(codebook: Codebook) -> dict[str, str]:
    names = {header(name): name for name in (*ROLES, *codebook.item_names)}
    return names | _METADATA | {header(written): target for written, target in codebook.columns}


def _under_its_header(frame: pd.DataFrame, names: dict[str, str]) -> tuple[pd.DataFrame, int]:
    """The header is the row, among the first, in which most cells are known column names."""
    candidates = [list(frame.columns), *(frame.iloc[i].tolist() for i in range(min(_SEARCHED, len(frame))))]
    known = [sum(header(cell) in names for cell in cells) for cells in candidates]
    best = int(np.argmax(known))
    if best == 0:
        return frame, 2
    table = frame.iloc[best:].copy()
    table.columns = pd.Index([plain(cell) for cell in candidates[best]], dtype=object)
    return table, best + 2


def _repeated_columns(table: pd.DataFrame, canonical: list[str], file: str) -> list[Problem]:
    problems = []
    for name, count in Counter(name for name in canonical if name).items():
        if count > 1:
            written = [repr(plain(c)) for c, known in zip(table.columns, canonical, strict=True) if known == name]
            problems.append(
                Problem(
                    what=f"{count} columns stand for {name!r}",
                    where="headers " + ", ".join(written),
                    expected="one column for each",
                    remedy="remove or rename the others",
                    file=file,
                )
            )
    return problems


def _missing(required: tuple[str, ...], canonical: list[str], table: pd.DataFrame, file: str) -> list[Problem]:
    written = [plain(column) for column in table.columns]
    return [
        Problem(
            what=problem.what,
            where=problem.where,
            expected="a column of that name, or a header that [columns] of the codebook maps to it",
            remedy=problem.remedy,
            file=file,
        )
        for name in required
        if name not in canonical
        for problem in missing_columns([name], written, "the file")
    ]


def _without_descriptions(sheet: Sheet) -> Sheet:
    """Survey tools repeat the questions, and sometimes technical names, in rows below the header."""
    asked = [name for name in sheet.frame.columns if name not in {"respondent", "orgnr", "organisation", "role"}]
    leading = sheet.frame[asked].head(_DESCRIBING)
    if not asked:
        return sheet
    numeric = np.column_stack([np.isfinite(numbers(leading[name])) for name in asked]).any(axis=1)
    filled = np.column_stack([~unanswered(leading[name]) for name in asked]).mean(axis=1) > 0.5
    describing = np.logical_and.accumulate(filled & ~numeric)
    kept = np.ones(len(sheet.frame), dtype=bool)
    kept[: len(describing)] = ~describing
    return sheet.keep(kept, "question texts below the header")
