"""Small REFI-QDA projects in the styles of several programs, written from scratch for the tests."""

import zipfile
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr

PROJECT = "urn:QDA-XML:project:1.0"


def guid(*parts):
    return str(uuid5(NAMESPACE_URL, "/".join(parts))).upper()


@dataclass
class Marked:
    """A selection: the quote, the codes put on it, and by whom. ``shift`` moves its positions, ``name`` replaces the
    stored quote."""

    quote: str
    codes: tuple = ()
    coder: str = "AL"
    shift: int = 0
    name: str | None = None


@dataclass
class Doc:
    """A text source. ``counted`` says how many characters a line break counts for in the positions."""

    name: str
    text: str
    marks: list = field(default_factory=list)
    newline: str = "\n"
    counted: int = 1
    bom: bool = False
    case: str | None = ""
    values: dict = field(default_factory=dict)
    key: str = ""

    @property
    def guid(self):
        return guid("source", self.key or self.name)


def positions(doc, mark):
    start = doc.text.index(mark.quote)
    lengths = [
        before + (doc.counted - 1) * doc.text[:before].count("\n") for before in (start, start + len(mark.quote))
    ]
    return [length + mark.shift for length in lengths]


def selection(doc, mark):
    start, end = positions(doc, mark)
    name = mark.quote[:60] if mark.name is None else mark.name
    user = f'creatingUser="{guid("user", mark.coder)}" creationDateTime="2013-06-01T12:00:00Z"'
    codings = "".join(
        f'<Coding guid="{guid(doc.guid, mark.quote, code, mark.coder)}" {user}>'
        f'<CodeRef targetGUID="{guid("code", code)}"/></Coding>'
        for code in mark.codes
    )
    inner = codings or "<Description>fråga igen</Description>"
    return (
        f'<PlainTextSelection guid="{guid(doc.guid, mark.quote, mark.coder)}" name={quoteattr(name)} '
        f'startPosition="{start}" endPosition="{end}" {user}>{inner}</PlainTextSelection>'
    )


def source(doc):
    return (
        f'<TextSource guid="{doc.guid}" name={quoteattr(doc.name)} plainTextPath="internal://{doc.guid}.txt">'
        + "".join(selection(doc, mark) for mark in doc.marks)
        + "</TextSource>"
    )


def values(pairs):
    return "".join(
        f'<VariableValue><VariableRef targetGUID="{guid("variable", name)}"/>'
        f"<TextValue>{escape(value)}</TextValue></VariableValue>"
        for name, value in pairs.items()
    )


def case(doc):
    if doc.case == "":
        return ""
    name = "" if doc.case is None else f" name={quoteattr(doc.case)}"
    return (
        f'<Case guid="{guid("case", doc.guid)}"{name}>{values(doc.values)}<SourceRef targetGUID="{doc.guid}"/></Case>'
    )


def codebook(codes):
    """Codes as nested dictionaries: name → children."""
    return "".join(
        f'<Code guid="{guid("code", name)}" name={quoteattr(name)} isCodable="true">{codebook(children)}</Code>'
        for name, children in codes.items()
    )


def project_xml(docs, codes, *, namespace=PROJECT, extra_sources="", extra_cases="", sets="", origin="test"):
    users = {mark.coder for doc in docs for mark in doc.marks} | {"AL", "BK"}
    variables = {name for doc in docs for name in doc.values} | {"organisation", "roll"}
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Project name="p" origin="{origin}" xmlns="{namespace}"><Users>'
        + "".join(f'<User guid="{guid("user", user)}" name="{user}"/>' for user in sorted(users))
        + f"</Users><CodeBook><Codes>{codebook(codes)}</Codes></CodeBook><Variables>"
        + "".join(
            f'<Variable guid="{guid("variable", v)}" name="{v}" typeOfVariable="Text"/>' for v in sorted(variables)
        )
        + f"</Variables><Cases>{''.join(case(doc) for doc in docs)}{extra_cases}</Cases>"
        + f"<Sources>{''.join(source(doc) for doc in docs)}{extra_sources}</Sources>{sets}</Project>"
    )


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path


def write_project(path, docs, codes, *, qde="project.qde", folder="sources", members=None, **xml):
    """Write a project; ``members`` are added to the archive."""
    texts = {}
    for doc in docs:
        content = doc.text.replace("\n", doc.newline).encode("utf-8-sig" if doc.bom else "utf-8")
        texts[f"{folder}/{doc.guid}.txt"] = content
    return write_zip(path, {qde: project_xml(docs, codes, **xml), **texts, **(members or {})})
