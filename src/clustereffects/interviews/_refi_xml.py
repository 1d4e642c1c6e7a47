"""The XML of a REFI-QDA project as plain records: users, codes, cases, sources and what was selected in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clustereffects.errors import FileError, Problem, UnsafeFileError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_CODE_DEPTH = 64
"""Levels of codes inside codes."""
_NAMESPACE = re.compile(r"\{(urn:QDA-XML:project:[^}]*)\}Project")
_VALUES = ("TextValue", "IntegerValue", "FloatValue", "BooleanValue", "DateValue", "DateTimeValue")
_HOLDERS = ("Representation", "TextDescription", "Transcript")


@dataclass(frozen=True, slots=True)
class Code:
    """A code and its place in the hierarchy, ``parent/child``."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case: its variables and what belongs to it."""

    guid: str
    name: str
    values: dict[str, str]
    sources: tuple[str, ...]
    selections: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """One code put on one selection by one coder."""

    code: str
    coder: str
    when: str


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection with its positions (NaN where it has none, such as a part of a picture) and its codes."""

    guid: str
    hint: str
    start: float
    end: float
    coder: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a source – the source itself, a transcript, the text of a PDF – and the selections in it."""

    path: str
    content: str
    selections: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """An interview, document or recording."""

    guid: str
    name: str
    values: dict[str, str]
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """Everything this library uses of a project."""

    origin: str
    codes: dict[str, Code] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    sources: tuple[Source, ...] = ()
    sets: dict[str, str] = field(default_factory=dict)
    codings: int = 0


def parse_project(content: bytes, name: str) -> Project:
    """Parse the project description without ever resolving a document type or an entity."""
    root = _root(content, name)
    match = _NAMESPACE.fullmatch(root.tag)
    if match is None:
        raise FileError(
            Problem(
                what="the project description is not REFI-QDA",
                where=f"root element {root.tag[:120]!r}",
                expected="Project in the namespace urn:QDA-XML:project:<version>",
                remedy="export the project again as REFI-QDA (.qdpx)",
                file=name,
            )
        )
    return _Parser(root, match.group(1), name).project()


def _root(content: bytes, name: str) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnsafeFileError(
            Problem(
                what="the project description declares a document type or entities",
                where=type(error).__name__,
                expected="plain XML",
                remedy="do not open it; ask whoever sent it for a fresh export",
                file=name,
            )
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise FileError(
            Problem(
                what="the project description is not well-formed XML",
                where=str(error)[:200],
                expected="XML as REFI-QDA prescribes",
                remedy="export the project again",
                file=name,
            )
        ) from error
    return root


class _Parser:
    """Walks the tree once; the namespace is the file's own, so that every version of the standard can be read."""

    def __init__(self, root: Element, namespace: str, name: str) -> None:
        self.root = root
        self.prefix = f"{{{namespace}}}"
        self.name = name
        self.users = {_guid(user): user.get("name") or _guid(user) for user in self._all(root, "Users", "User")}
        self.variables = {_guid(item): item.get("name", "") for item in self._all(root, "Variables", "Variable")}

    def project(self) -> Project:
        sources = self.root.find(f"{self.prefix}Sources")
        items = () if sources is None else tuple(sources)
        codings = 0 if sources is None else sum(1 for _ in sources.iter(f"{self.prefix}Coding"))
        return Project(
            origin=self.root.get("origin", ""),
            codes=dict(self._codes()),
            cases=tuple(self._case(case) for case in self._all(self.root, "Cases", "Case")),
            sources=tuple(self._source(item) for item in items if self._local(item).endswith("Source")),
            sets=self._sets(),
            codings=codings,
        )

    def _local(self, element: Element) -> str:
        return str(element.tag).removeprefix(self.prefix)

    def _all(self, element: Element, *path: str) -> list[Element]:
        return element.findall("/".join(self.prefix + step for step in path))

    def _codes(self) -> Iterator[tuple[str, Code]]:
        waiting = [(code, "", 1) for code in reversed(self._all(self.root, "CodeBook", "Codes", "Code"))]
        while waiting:
            element, above, depth = waiting.pop()
            if depth > MAX_CODE_DEPTH:
                raise UnsafeFileError(
                    Problem(
                        what="codes are nested too deeply",
                        where=f"more than {MAX_CODE_DEPTH} levels",
                        expected="a codebook made by people",
                        remedy="ask for a fresh export",
                        file=self.name,
                    )
                )
            name = (element.get("name") or "").strip()
            path = f"{above}/{name}" if above else name
            yield _guid(element), Code(name, path)
            waiting += [(child, path, depth + 1) for child in reversed(self._all(element, "Code"))]

    def _case(self, case: Element) -> Case:
        return Case(
            guid=_guid(case),
            name=(case.get("name") or "").strip(),
            values=self._values(case),
            sources=self._targets(case, "SourceRef"),
            selections=self._targets(case, "SelectionRef"),
            codes=self._targets(case, "CodeRef"),
        )

    def _targets(self, element: Element, reference: str) -> tuple[str, ...]:
        return tuple((item.get("targetGUID") or "").casefold() for item in self._all(element, reference))

    def _values(self, element: Element) -> dict[str, str]:
        values = {}
        for value in self._all(element, "VariableValue"):
            reference = next(iter(self._targets(value, "VariableRef")), "")
            content = next((item.text for item in value if self._local(item) in _VALUES), None)
            if reference in self.variables and content and content.strip():
                values[self.variables[reference]] = content.strip()
        return values

    def _sets(self) -> dict[str, str]:
        members: dict[str, str] = {}
        for group in self._all(self.root, "Sets", "Set"):
            for source in self._targets(group, "MemberSource"):
                members.setdefault(source, (group.get("name") or "").strip())
        return members

    def _source(self, source: Element) -> Source:
        holders = [source, *(child for child in source if self._local(child) in _HOLDERS)]
        texts = tuple(self._text(holder) for holder in holders)
        names = [holder.get("name") or "" for holder in holders]
        name = next((found.strip() for found in names if found.strip()), _guid(source))
        return Source(_guid(source), name, self._values(source), texts)

    def _text(self, holder: Element) -> Text:
        inline = holder.find(f"{self.prefix}PlainTextContent")
        points = {_guid(point): _number(point.get("position")) for point in self._all(holder, "SyncPoint")}
        selections = [self._selection(item, points) for item in holder if self._local(item).endswith("Selection")]
        whole = tuple(self._mark(item, "") for item in self._all(holder, "Coding"))
        if whole:
            selections.append(Selection("", "", math.nan, math.nan, "", whole))
        content = "" if inline is None else inline.text or ""
        return Text(holder.get("plainTextPath", ""), content, tuple(selections))

    def _selection(self, item: Element, points: dict[str, float]) -> Selection:
        start, end = _number(item.get("startPosition")), _number(item.get("endPosition"))
        if "fromSyncPoint" in item.attrib:
            start = points.get(item.get("fromSyncPoint", "").casefold(), math.nan)
            end = points.get(item.get("toSyncPoint", "").casefold(), math.nan)
        coder = self._coder(item)
        marks = tuple(self._mark(coding, coder) for coding in self._all(item, "Coding"))
        return Selection(_guid(item), item.get("name") or "", start, end, coder, marks)

    def _mark(self, coding: Element, coder: str) -> Mark:
        code = next(iter(self._targets(coding, "CodeRef")), "")
        when = coding.get("creationDateTime") or coding.get("modifiedDateTime") or ""
        return Mark(code, self._coder(coding) or coder, when)

    def _coder(self, element: Element) -> str:
        user = (element.get("creatingUser") or element.get("modifyingUser") or "").casefold()
        return self.users.get(user, user)


def _guid(element: Element) -> str:
    return (element.get("guid") or "").casefold()


def _number(text: str | None) -> float:
    try:
        return float(int(text)) if text is not None else math.nan
    except (ValueError, OverflowError):
        return math.nan
