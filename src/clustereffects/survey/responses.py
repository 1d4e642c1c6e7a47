"""Answers from files: three waves in three formats become one table, and everything left out is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import SampleAccount, TableFile
from clustereffects.errors import Problem, SurveyError
from clustereffects.survey._answers import decode, decode_keys, missing_table
from clustereffects.survey._findings import Finding, intake_frame, note
from clustereffects.survey._sheet import Sheet, read_sheet, without_empty, without_trials, without_unfinished
from clustereffects.survey.codebook import Codebook

KEYS = ("respondent", "orgnr", "organisation", "wave", "role")
_IDENTITY = ["respondent", "organisation", "wave"]
_REQUIRED = ("respondent", "orgnr", "organisation", "wave")


@dataclass(frozen=True, eq=False)
class Responses:
    """Answers of all waves under canonical names.

    Parameters
    ----------
    frame : DataFrame
        One row per respondent, organisation and wave: ``respondent``, ``orgnr`` (ten digits as text), ``organisation``
        (empty for a non-member), ``wave`` (year), ``role``, then one column per item: the code, NaN if none was given.
    missing : DataFrame
        ``wave, item`` and how many were ``answered``, ``dont_know``, ``not_applicable``, ``not_answered``,
        ``not_asked`` (the item is not in the file of that wave) and ``invalid`` (set to missing by a repair).
    account : SampleAccount
        Rows in, used and left out by reason.
    intake : DataFrame
        Every row and cell that was left out or repaired: ``file, row, column, rule, remedy``.
    sources : tuple of str
        Files and what kind they were.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.survey import Codebook, Scale
    >>> growth = Scale(name="growth", items=("g1", "g2"), minimum=1, maximum=5)
    >>> answers = pd.DataFrame({"respondent": ["R1"], "orgnr": ["556123-4567"], "organisation": ["K01"],
    ...                         "wave": [2012], "g1": [4], "g2": [98]})
    >>> responses = read_responses(answers, Codebook(scales=(growth,), dont_know=(98,)))
    >>> responses.frame[["orgnr", "g1", "g2"]].values.tolist()
    [['5561234567', 4.0, nan]]
    """

    frame: pd.DataFrame
    missing: pd.DataFrame
    account: SampleAccount
    intake: pd.DataFrame
    sources: tuple[str, ...]

    @property
    def waves(self) -> tuple[int, ...]:
        """Waves that have answers, in order."""
        return tuple(int(wave) for wave in sorted(self.frame["wave"].unique()))

    @property
    def organisations(self) -> tuple[str, ...]:
        """Organisations that have answers, in order, without the non-members."""
        return tuple(sorted(name for name in self.frame["organisation"].unique() if name))


def read_responses(
    sources: Any, codebook: Codebook, *, repair: bool = False, keep_unfinished: bool = False
) -> Responses:
    """Read the answers of one or more waves.

    Understood are plain tables (CSV of any dialect, XLSX, Parquet, a frame in memory), tables with a title above the
    header, headers in any language that ``[columns]`` of the codebook maps, and exports of survey tools with question
    texts below the header and a ``Finished`` column. Previews, test answers and (by default) answers that were never
    submitted are left out and counted; identical repeated rows are counted once.

    Parameters
    ----------
    sources : path, TableFile, data frame, or sequence of these
    codebook : Codebook
    repair : bool
        What to do with a code outside its scale, a row without firm or wave, and a respondent who answered twice with
        different answers. By default all of them are listed in one error; with ``repair=True`` the code becomes
        missing, the row is left out, the later answer counts, and each repair is written to ``intake``.
    keep_unfinished : bool
        Whether answers that were begun and never submitted count.

    Returns
    -------
    Responses

    Raises
    ------
    SurveyError
        Listing everything that does not fit the codebook, with file, first row and column.
    FileError
        If a file cannot be read.

    Examples
    --------
    >>> from clustereffects.survey import Scale
    >>> growth = Scale(name="growth", items=("g1",), minimum=1, maximum=5)
    >>> answers = pd.DataFrame({"respondent": ["R1"], "orgnr": [5561234567], "organisation": [None],
    ...                         "wave": [2012], "g1": [7]})
    >>> read_responses(answers, Codebook(scales=(growth,)), repair=True).intake["rule"].tolist()
    ["a code outside the scale: '7'"]
    """
    parts, problems = [], []
    for source in _listed(sources):
        part, found = _read_one(source, codebook, keep_unfinished=keep_unfinished)
        problems += found
        parts += [part] if part else []
    if not repair:
        problems += [finding.problem() for finding in _findings(parts)]
    if problems:
        raise SurveyError(problems)
    return _together(parts, codebook, repair=repair)


@dataclass(frozen=True, eq=False)
class _Part:
    """One file, read and decoded."""

    frame: pd.DataFrame
    states: NDArray[np.int8]
    rows: NDArray[np.int64]
    sheet: Sheet
    findings: tuple[Finding, ...]
    rows_in: int
    dropped: dict[str, int]


def _listed(sources: Any) -> list[Any]:
    several = isinstance(sources, Sequence) and not isinstance(sources, str | Path | TableFile)
    found = list(sources) if several else [sources]
    if found:
        return found
    raise SurveyError(_no_answers("no file or table was given", "the files of the waves"))


def _no_answers(where: str, remedy: str) -> Problem:
    return Problem(what="there are no answers", where=where, expected="at least one answer", remedy=f"give {remedy}")


def _read_one(source: Any, codebook: Codebook, *, keep_unfinished: bool) -> tuple[_Part | None, list[Problem]]:
    sheet, problems = read_sheet(source, codebook, _REQUIRED)
    problems += _without_items(sheet, codebook)
    if problems:
        return None, problems
    rows_in = len(sheet.frame)
    dropped: dict[str, int] = {}
    sheet, dropped["empty row"] = without_empty(sheet)
    sheet, dropped["preview or test answer"] = without_trials(sheet)
    if not keep_unfinished:
        sheet, dropped["unfinished"] = without_unfinished(sheet)
    keys, usable, findings = decode_keys(sheet)
    answers, states, more = decode(sheet, codebook)
    dropped["no firm or no wave"] = int((~usable).sum())
    part = _Part(
        frame=pd.concat([keys, answers], axis=1).loc[usable].reset_index(drop=True),
        states=states[usable],
        rows=sheet.rows[usable],
        sheet=sheet,
        findings=(*findings, *more),
        rows_in=rows_in,
        dropped=dropped,
    )
    return part, []


def _without_items(sheet: Sheet, codebook: Codebook) -> list[Problem]:
    if any(item in sheet.frame for item in codebook.item_names):
        return []
    return [
        Problem(
            what="the file has none of the items of the codebook",
            where=f"items: {', '.join(codebook.item_names[:8])}",
            expected="one column per item",
            remedy="rename the columns, or map their headers under [columns] of the codebook",
            file=sheet.file,
        )
    ]


def _together(parts: list[_Part], codebook: Codebook, *, repair: bool) -> Responses:
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    if frame.empty:
        raise SurveyError(_no_answers("every row was left out", "the rows that count"))
    states = np.concatenate([part.states for part in parts])
    places = [(part.sheet.file, int(row)) for part in parts for row in part.rows]
    again = frame.duplicated([*_IDENTITY, "orgnr", *codebook.item_names]).to_numpy()
    first = frame.loc[~again]
    replaced = frame.index.isin(first.index[first.duplicated(_IDENTITY, keep="last")])
    twice = _answered_twice(frame, replaced, places)
    if twice and not repair:
        raise SurveyError([finding.problem() for finding in twice])
    kept = ~(again | replaced)
    notes = [line for part in parts for line in part.sheet.notes]
    notes += [line for part in parts for line in _items_not_asked(part.sheet, codebook)]
    notes += [line for finding in (*_findings(parts), *twice) for line in finding.notes()]
    notes += [note(*places[i], "", "repeated row", "row left out") for i in np.flatnonzero(again)]
    return Responses(
        frame=frame.loc[kept].reset_index(drop=True),
        missing=missing_table(frame.loc[kept, "wave"], states[kept], codebook),
        account=_account(parts, frame, again, replaced),
        intake=intake_frame(notes),
        sources=tuple(f"{part.sheet.file}: {part.sheet.dialect}".removeprefix(": ") for part in parts),
    )


def _findings(parts: list[_Part]) -> list[Finding]:
    return [finding for part in parts for finding in part.findings]


def _answered_twice(frame: pd.DataFrame, replaced: NDArray[np.bool_], places: list[tuple[str, int]]) -> list[Finding]:
    rows = np.flatnonzero(replaced)
    files = dict.fromkeys(places[i][0] for i in rows)
    return [
        Finding(
            file=file,
            column="respondent",
            what="a respondent answered twice in a wave, with different answers",
            rows=tuple(places[i][1] for i in rows if places[i][0] == file),
            cells=tuple(frame["respondent"].iloc[i] for i in rows if places[i][0] == file),
            expected="one row per respondent, organisation and wave",
            remedy="keep the answers that count",
            repair="the later answers count",
        )
        for file in files
    ]


def _items_not_asked(sheet: Sheet, codebook: Codebook) -> list[dict[str, object]]:
    return [
        note(sheet.file, None, item, "item is not in the file", "counted as not asked")
        for item in codebook.item_names
        if item not in sheet.frame
    ]


def _account(
    parts: list[_Part], frame: pd.DataFrame, again: NDArray[np.bool_], replaced: NDArray[np.bool_]
) -> SampleAccount:
    dropped: dict[str, int] = {}
    for part in parts:
        for reason, count in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    dropped |= {"repeated row": int(again.sum()), "replaced by later answers": int(replaced.sum())}
    used = frame.loc[~(again | replaced)]
    members = used["organisation"] != ""
    return SampleAccount(
        rows_in=sum(part.rows_in for part in parts),
        rows_used=len(used),
        dropped={reason: count for reason, count in dropped.items() if count},
        counts={
            "waves": used["wave"].nunique(),
            "organisations": used.loc[members, "organisation"].nunique(),
            "member firms": used.loc[members, "orgnr"].nunique(),
            "non-member firms": used.loc[~members, "orgnr"].nunique(),
        },
    )
