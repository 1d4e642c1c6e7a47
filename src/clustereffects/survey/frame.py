"""The frame of the survey: which firms belong to the register of each wave, and which of them were asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.errors import Problem, SurveyError
from clustereffects.survey._cells import organisation_number, text, truth, whole
from clustereffects.survey._findings import intake_frame, note
from clustereffects.survey._sheet import Sheet, read_sheet, without_empty
from clustereffects.survey.codebook import Codebook

_KEYS = ["organisation", "orgnr", "wave"]
_REQUIRED = ("orgnr", "organisation", "wave", "asked")


@dataclass(frozen=True, eq=False)
class SurveyFrame:
    """Register of firms per organisation and wave: the population of the survey.

    Parameters
    ----------
    firms : DataFrame
        ``organisation`` (empty for non-members), ``orgnr``, ``wave``, ``asked`` (bool), one row each.
    intake : DataFrame
        Rows left out: ``file, row, column, rule, remedy``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.survey import Scale
    >>> codebook = Codebook(scales=(Scale(name="growth", items=("g1",), minimum=1, maximum=5),))
    >>> table = pd.DataFrame({"orgnr": ["556123-4567"], "organisation": ["K01"], "wave": [2012], "asked": [1]})
    >>> read_frame(table, codebook).firms.values.tolist()
    [['K01', '5561234567', 2012, True]]
    """

    firms: pd.DataFrame
    intake: pd.DataFrame

    @property
    def organisations(self) -> tuple[str, ...]:
        """Organisations in the frame, in order, without the non-members."""
        return tuple(sorted(name for name in self.firms["organisation"].unique() if name))


def read_frame(source: Any, codebook: Codebook) -> SurveyFrame:
    """Read the frame of a survey: ``orgnr, organisation, wave, asked``, one row per firm, organisation and wave.

    Firms listed with ``asked`` 0 belong to the population and not to the sample.

    Parameters
    ----------
    source : path, TableFile or data frame
    codebook : Codebook
        For the headers of ``[columns]``.

    Returns
    -------
    SurveyFrame

    Raises
    ------
    SurveyError
        Listing every row without firm or wave, every ``asked`` that is neither 0 nor 1, and firms listed twice with
        different ``asked``.
    FileError
        If the file cannot be read.

    Examples
    --------
    >>> from clustereffects.survey import Scale
    >>> codebook = Codebook(scales=(Scale(name="growth", items=("g1",), minimum=1, maximum=5),))
    >>> table = pd.DataFrame({"orgnr": [5561234567] * 2, "organisation": [""] * 2, "wave": [2012] * 2, "asked": [1, 1]})
    >>> read_frame(table, codebook).intake["rule"].tolist()
    ['repeated row']
    """
    sheet, problems = read_sheet(source, codebook, _REQUIRED)
    if problems:
        raise SurveyError(problems)
    sheet, _ = without_empty(sheet)
    wave, asked = whole(sheet.frame["wave"]), truth(sheet.frame["asked"])
    firms = pd.DataFrame(
        {
            "organisation": text(sheet.frame["organisation"]).astype(str),
            "orgnr": text(sheet.frame["orgnr"]).map(organisation_number).astype(str),
            "wave": np.nan_to_num(wave).astype(np.int64),
            "asked": asked == 1,
        }
    )
    again = firms.duplicated().to_numpy()
    clash = firms.loc[~again].duplicated(_KEYS).reindex(firms.index, fill_value=False).to_numpy(dtype=bool)
    no_firm = (firms["orgnr"] == "").to_numpy(dtype=bool)
    problems = [
        *_problem(sheet, no_firm, "a firm has no organisation number", "orgnr", "the number of every firm"),
        *_problem(sheet, np.isnan(wave), "a row has no wave", "wave", "the year of the wave"),
        *_problem(sheet, np.isnan(asked), "it is not said whether the firm was asked", "asked", "0 or 1"),
        *_problem(
            sheet, clash, "a firm is listed both as asked and as not asked", "asked", "one row per firm and wave"
        ),
    ]
    if problems:
        raise SurveyError(problems)
    notes = [note(sheet.file, int(row), "", "repeated row", "row left out") for row in sheet.rows[again]]
    return SurveyFrame(firms=firms.loc[~again].reset_index(drop=True), intake=intake_frame([*sheet.notes, *notes]))


def _problem(sheet: Sheet, bad: Any, what: str, column: str, expected: str) -> list[Problem]:
    rows = sheet.rows[bad]
    if not len(rows):
        return []
    cells = text(sheet.frame[column])[bad].tolist()
    return [
        Problem(
            what=what,
            where=f"column {column}: {len(rows)} rows, first {cells[0]!r}",
            expected=expected,
            remedy="correct the frame of the survey",
            file=sheet.file,
            row=int(rows[0]),
        )
    ]
