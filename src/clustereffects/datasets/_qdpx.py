"""A REFI-QDA project as analysis programs export it: one XML file and the texts, zipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from uuid import UUID

import numpy as np

from clustereffects.datasets._catalogue import codes
from clustereffects.datasets._interviews import CODERS, Interview

STAMP = "2013-06-01T12:00:00Z"
NAMESPACE = "urn:QDA-XML:project:1.0"
SCHEMA = f"{NAMESPACE} http://schema.qdasoftware.org/versions/Project/v1.0/Project.xsd"
NAME_LENGTH = 60
UNCODED_EVERY, NAMELESS = 20, 4


@dataclass(slots=True)
class _Guids:
    """Identifiers by name, drawn once."""

    rng: np.random.Generator
    known: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str = "") -> str:
        if not name or name not in self.known:
            guid = str(UUID(bytes=self.rng.bytes(16), version=4)).upper()
            self.known[name] = guid
        return self.known[name]


def project_files(interviews: tuple[Interview, ...], rng: np.random.Generator) -> dict[str, bytes]:
    """Path inside the archive → content."""
    guids = _Guids(rng)
    files = {"project.qde": _project(interviews, guids).encode()}
    for interview in interviews:
        text = interview.text if interview.newline == "lf" else interview.text.replace("\n", "\r\n")
        files[f"sources/{guids(interview.source)}.txt"] = text.encode()
    return files


def uncoded_selections(interviews: tuple[Interview, ...]) -> list[str]:
    """Sources in which a coder marked a passage and gave it no code."""
    return [interview.source for interview in interviews[UNCODED_EVERY // 2 :: UNCODED_EVERY]]


def nameless_case(interviews: tuple[Interview, ...]) -> str:
    """The source whose respondent has no name in the project."""
    return interviews[len(interviews) // NAMELESS].source


def _project(interviews: tuple[Interview, ...], guids: _Guids) -> str:
    nameless = nameless_case(interviews)
    uncoded = set(uncoded_selections(interviews))
    users = "".join(f'<User guid="{guids(coder)}" name="{coder}"/>\n' for coder in CODERS)
    book = "".join(
        f'<Code guid="{guids(code.code)}" name="{code.code}" isCodable="true">'
        f"<Description>{escape(code.label)}</Description></Code>\n"
        for code in codes()
    )
    variables = "".join(
        f'<Variable guid="{guids("variable " + name)}" name="{name}" typeOfVariable="Text"/>\n'
        for name in ("organisation", "role")
    )
    cases = "".join(_case(interview, guids, named=interview.source != nameless) for interview in interviews)
    sources = "".join(_source(interview, guids, loose=interview.source in uncoded) for interview in interviews)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<Project name="Klustersamtal" origin="clustereffects" creatingUserGUID="{guids(CODERS[0])}" '
        f'creationDateTime="{STAMP}" xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{SCHEMA}">\n'
        f"<Users>\n{users}</Users>\n<CodeBook>\n<Codes>\n{book}</Codes>\n</CodeBook>\n"
        f"<Variables>\n{variables}</Variables>\n<Cases>\n{cases}</Cases>\n<Sources>\n{sources}</Sources>\n</Project>\n"
    )


def _case(interview: Interview, guids: _Guids, *, named: bool) -> str:
    values = {"organisation": interview.organisation, "role": interview.role}
    body = "".join(
        f'<VariableValue><VariableRef targetGUID="{guids("variable " + name)}"/>'
        f"<TextValue>{escape(value)}</TextValue></VariableValue>\n"
        for name, value in values.items()
    )
    name = f' name="{escape(interview.respondent)}"' if named else ""
    reference = f'<SourceRef targetGUID="{guids(interview.source)}"/>'
    return f'<Case guid="{guids("case " + interview.source)}"{name}>\n{body}{reference}</Case>\n'


def _source(interview: Interview, guids: _Guids, *, loose: bool) -> str:
    guid = guids(interview.source)
    made = f'creatingUser="{guids(CODERS[0])}" creationDateTime="{STAMP}"'
    body = "".join(
        _selection(interview, (passage.start, passage.end), (coder, passage.code), guids)
        for coder, passage in interview.codings
    )
    if loose:
        first = interview.passages[0]
        body += _selection(interview, (first.start, first.end), (CODERS[0], ""), guids)
    path = f'plainTextPath="internal://{guid}.txt"'
    return f'<TextSource guid="{guid}" name="{escape(interview.source)}" {path} {made}>\n{body}</TextSource>\n'


def _selection(interview: Interview, span: tuple[int, int], coding: tuple[str, str], guids: _Guids) -> str:
    coder, code = coding
    made = f'creatingUser="{guids(coder)}" creationDateTime="{STAMP}"'
    start, end = (_position(interview, position) for position in span)
    quote = escape(interview.text[span[0] : span[1]][:NAME_LENGTH]).replace("\n", "&#10;")
    inner = f'<Coding guid="{guids()}" {made}><CodeRef targetGUID="{guids(code)}"/></Coding>' if code else ""
    place = f'name="{quote}" startPosition="{start}" endPosition="{end}"'
    return f'<PlainTextSelection guid="{guids()}" {place} {made}>{inner}</PlainTextSelection>\n'


def _position(interview: Interview, position: int) -> int:
    """Some programs count the two characters of a Windows line end as two, others as one."""
    extra = interview.text.count("\n", 0, position) if interview.newline == "crlf_as_two" else 0
    return position + extra
