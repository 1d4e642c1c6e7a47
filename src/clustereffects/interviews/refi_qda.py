"""Interviews coded in NVivo, ATLAS.ti, MAXQDA, QualCoder and others, exchanged as REFI-QDA projects (.qdpx)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from clustereffects.data.account import SampleAccount
from clustereffects.interviews._archive import Archive, open_archive
from clustereffects.interviews._frames import (
    COLUMNS,
    SOURCE_COLUMNS,
    UNKNOWN_CODER,
    quote_hash,
    refuse_several_organisations,
)
from clustereffects.interviews._positions import Located, Place, Reading, read_places
from clustereffects.interviews._refi_checks import reading_checks
from clustereffects.interviews._refi_xml import Case, Project, Selection, Source, Text, parse_project
from clustereffects.interviews.codings import Codings

ORGANISATION = ("organisation", "organization", "cluster organisation", "klusterorganisation", "kluster", "cluster")
ROLE = ("role", "roll", "respondent role", "befattning", "position")
FIRM = ("orgnr", "organisation number", "organisationsnummer", "firm", "företag", "company")


@dataclass(frozen=True, slots=True)
class _Member:
    """Whom a source belongs to, from its cases, its own variables and the set it is in."""

    organisation: str
    respondent: str
    role: str
    firm: str
    named: bool


def read_refi_qda(
    path: str | Path,
    *,
    quotes: bool = True,
    organisation: str | None = None,
    role: str | None = None,
) -> Codings:
    r"""Read a REFI-QDA project (.qdpx).

    Parameters
    ----------
    path : str or Path
    quotes : bool
        Keep the quoted text. Without it only a fingerprint of each quote is kept.
    organisation, role : str, optional
        Variables of cases or sources that hold the organisation and the respondent's role. By default the first of
        the usual names (``organisation``, ``klusterorganisation``, …; ``role``, ``roll``, …); where no variable
        holds the organisation, the set (document group) that the source is in.

    Returns
    -------
    Codings
        Positions are those in the text with ``\n`` line breaks, whatever the program counted.
        ``codings.checks()`` reports what was found on the way.

    Raises
    ------
    FileError
        If the file is missing, no archive, not REFI-QDA, damaged or encrypted.
    UnsafeFileError
        If the archive points outside itself, is a decompression bomb, holds ambiguous names, or its XML declares a
        document type or entities.
    CodingError
        If the project holds no interview, or an interview belongs to several organisations.

    Notes
    -----
    Nothing is extracted to disk. Each source's line breaks are counted in the way (LF, CRLF as one character, CRLF as
    two) that recovers most of the quotes stored beside the positions. A quote found close by is followed; one found
    elsewhere keeps its positions and is counted. Codes that mark cases are case membership, not themes. A selection
    without a code is a comment: it is counted, and its author does not count as a coder of the interview.

    References
    ----------
    REFI-QDA standard 1.5, qdasoftware.org.

    Examples
    --------
    >>> read_refi_qda("missing.qdpx")
    Traceback (most recent call last):
    clustereffects.errors.FileError: missing.qdpx: the file cannot be opened as a REFI-QDA project – ...
    """
    with open_archive(path) as archive:
        project = parse_project(archive.project(), archive.name)
        return _Assembly(project, archive, quotes=quotes, variables=(organisation, role)).codings()


class _Assembly:
    """Brings project and texts together; counts what it leaves out."""

    def __init__(
        self, project: Project, archive: Archive, *, quotes: bool, variables: tuple[str | None, str | None]
    ) -> None:
        self.project = project
        self.archive = archive
        self.quotes = quotes
        self.variables = variables
        self.labels = _labels(project)
        self.case_codes = _case_codes(project)
        self.names = _source_names(project)
        self.torn: dict[str, list[str]] = {}
        self.members = self._members()
        self.counts: Counter[str] = Counter()

    def codings(self) -> Codings:
        refuse_several_organisations(self.torn, self.archive.name)
        rows: list[dict[str, object]] = []
        sources = []
        for source in self.project.sources:
            readings = [(text, self._reading(text)) for text in source.texts]
            rows += [row for text, reading in readings for row in self._rows(source, text, reading)]
            sources.append(self._source_row(source, readings))
        self.counts["elements that are not read"] = self.project.codings - self.counts["codings"]
        dropped = {
            reason: self.counts[reason]
            for reason in ("marks a case, not a theme", "code not in the codebook", "elements that are not read")
            if self.counts[reason]
        }
        account = SampleAccount(
            rows_in=self.project.codings,
            rows_used=len(rows),
            dropped=dropped,
            counts={"sources": len(sources), "cases": len(self.project.cases), "comments": self.counts["comments"]},
        )
        table = pd.DataFrame(sources, columns=list(SOURCE_COLUMNS))
        return Codings(
            pd.DataFrame(rows, columns=list(COLUMNS)),
            sources=table,
            codebook=tuple(label for guid, label in self.labels.items() if guid not in self.case_codes),
            origin=self.archive.name,
            account=account,
            reading=reading_checks(table, self.project, self.counts),
        )

    def _members(self) -> dict[str, _Member]:
        cases = _cases_of(self.project)
        return {source.guid: self._member(source, cases.get(source.guid, [])) for source in self.project.sources}

    def _member(self, source: Source, cases: list[Case]) -> _Member:
        values = [source.values] if source.values else []
        values += [case.values for case in cases]
        organisations = _all_values(values, ORGANISATION if self.variables[0] is None else (self.variables[0],))
        if not organisations and self.variables[0] is None:
            organisations = [self.project.sets[source.guid]] if source.guid in self.project.sets else []
        if len(organisations) > 1:
            self.torn[self.names[source.guid]] = organisations
        names = [case.name or f"case {case.guid[:8]}" for case in cases]
        return _Member(
            organisation="".join(organisations[:1]),
            respondent=" + ".join(dict.fromkeys(names)),
            role=" + ".join(_all_values(values, ROLE if self.variables[1] is None else (self.variables[1],))),
            firm=" + ".join(_all_values(values, FIRM)),
            named=all(case.name for case in cases),
        )

    def _reading(self, text: Text) -> Reading:
        places = [_place(selection) for selection in text.selections]
        content = self.archive.text(text.path) if text.path else None
        if content is None and not text.content:
            self.counts["texts not in the archive"] += bool(text.path)
            located = tuple(Located(place.start, place.end, "unverifiable") for place in places)
            return Reading("", "lf", located)
        return read_places(_decoded(content) if content is not None else text.content, places)

    def _rows(self, source: Source, text: Text, reading: Reading) -> Iterator[dict[str, object]]:
        member = self.members[source.guid]
        for selection, place in zip(text.selections, reading.places, strict=True):
            self.counts["comments"] += not selection.marks
            quote = reading.text[place.start : place.end] if _placed(selection) else ""
            for mark in selection.marks:
                self.counts["codings"] += 1
                reason = self._left_out(mark.code)
                if reason:
                    self.counts[reason] += 1
                    continue
                self.counts[place.status] += 1
                yield {
                    "source": self.names[source.guid],
                    "organisation": member.organisation,
                    "respondent": member.respondent,
                    "role": member.role,
                    "firm": member.firm,
                    "coder": mark.coder or UNKNOWN_CODER,
                    "code": self.labels[mark.code],
                    "start": place.start if _placed(selection) else None,
                    "end": place.end if _placed(selection) else None,
                    "quote": quote if self.quotes else "",
                    "quote_hash": quote_hash(quote),
                    "code_path": self.project.codes[mark.code].path,
                    "coded_at": mark.when,
                    "status": place.status,
                }

    def _left_out(self, code: str) -> str:
        if code in self.case_codes:
            return "marks a case, not a theme"
        return "" if code in self.labels else "code not in the codebook"

    def _source_row(self, source: Source, readings: list[tuple[Text, Reading]]) -> dict[str, object]:
        member = self.members[source.guid]
        selections = [selection for text, _ in readings for selection in text.selections]
        coders = {mark.coder for selection in selections for mark in selection.marks}
        status = Counter(place.status for _, reading in readings for place in reading.places)
        return {
            "source": self.names[source.guid],
            "organisation": member.organisation,
            "respondent": member.respondent,
            "role": member.role,
            "firm": member.firm,
            "newline": next((reading.convention for _, reading in readings if reading.text), ""),
            "coders": tuple(sorted(coders - {""})),
            "named": member.named,
            "comments": sum(not selection.marks for selection in selections),
            "moved": status["moved"],
            "mismatched": status["mismatch"] + status["outside"],
            "unverifiable": status["unverifiable"],
        }


def _labels(project: Project) -> dict[str, str]:
    """Names of codes; the whole path where a name occurs more than once."""
    often = Counter(code.name for code in project.codes.values())
    return {guid: code.name if often[code.name] == 1 else code.path for guid, code in project.codes.items()}


def _case_codes(project: Project) -> frozenset[str]:
    """Codes that are cases: some programs export cases as codes with the same identifier, or refer to a code."""
    return frozenset({case.guid for case in project.cases} | {code for case in project.cases for code in case.codes})


def _source_names(project: Project) -> dict[str, str]:
    """Names of sources; those that repeat (one file per survey answer) carry the start of their identifier."""
    often = Counter(source.name for source in project.sources)
    return {
        source.guid: source.name if often[source.name] == 1 else f"{source.name} [{source.guid[:8]}]"
        for source in project.sources
    }


def _cases_of(project: Project) -> dict[str, list[Case]]:
    """Cases of every source: by reference to it, to a selection in it, or by a code that marks the case."""
    by_selection: dict[str, list[str]] = {}
    by_code: dict[str, list[str]] = {}
    for source in project.sources:
        for selection in (selection for text in source.texts for selection in text.selections):
            by_selection.setdefault(selection.guid, []).append(source.guid)
            for mark in selection.marks:
                by_code.setdefault(mark.code, []).append(source.guid)
    found: dict[str, list[Case]] = {}
    for case in project.cases:
        guids = [*case.sources, *_looked_up(by_selection, case.selections)]
        for guid in dict.fromkeys([*guids, *_looked_up(by_code, (case.guid, *case.codes))]):
            found.setdefault(guid, []).append(case)
    return found


def _looked_up(index: dict[str, list[str]], keys: tuple[str, ...]) -> list[str]:
    return [guid for key in keys for guid in index.get(key, [])]


def _place(selection: Selection) -> Place:
    if not _placed(selection):
        return Place(0, 0)
    return Place(int(selection.start), int(selection.end), selection.hint)


def _placed(selection: Selection) -> bool:
    return not (math.isnan(selection.start) or math.isnan(selection.end))


def _all_values(values: list[dict[str, str]], names: tuple[str, ...]) -> list[str]:
    """Different values of the first of these variables that has any."""
    for name in names:
        found = [value for variables in values for key, value in variables.items() if key.casefold() == name.casefold()]
        if found:
            return list(dict.fromkeys(found))
    return []


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
