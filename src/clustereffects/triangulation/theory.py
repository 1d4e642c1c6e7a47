"""Theory of change: nodes, links between them, claims about links, and the rival explanations of each claim."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from clustereffects.errors import FileError, Problem, TheoryError

_T = TypeVar("_T")
_STREAMS = ("economic", "survey", "interviews", "documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box of the theory of change.

    Parameters
    ----------
    id, kind : str
        Identifier, and what it is: ``"activity"``, ``"intermediate"`` or ``"outcome"``.
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if the kind is unknown.

    Examples
    --------
    >>> Node(id="gaps", kind="intermediate", en="Narrower innovation gaps").en
    'Narrower innovation gaps'
    """

    id: str
    kind: str
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An arrow of the theory of change.

    Parameters
    ----------
    id, start, end : str
        Identifier and the two nodes; the file calls the nodes ``from`` and ``to``.
    perspectives : tuple of str
        Streams that are expected to speak about the link.
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if a node or stream is unknown.

    Examples
    --------
    >>> Link(id="growth", start="behaviour", end="result", perspectives=("economic", "survey")).end
    'result'
    """

    id: str
    start: str
    end: str
    perspectives: tuple[str, ...] = ()
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that can be right or wrong: an effect on an outcome, with its scale, horizon and smallest size of interest.

    Parameters
    ----------
    id, outcome, scale : str
        Identifier, outcome, and the scale of the effect, such as ``"log"`` or ``"survey"``.
    horizon : float
        Years after joining at which the effect is meant.
    delta : float
        Smallest effect of interest, in units of the scale.
    rivals : tuple of str
        At least one other explanation of the same observation.
    link : str
        The link of the theory that the claim is about.
    survey_scale : str
        Scale of the questionnaire that speaks to the claim, empty for none.
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if delta is not positive or no rival is named.

    Examples
    --------
    >>> Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01,
    ...       rivals=("export_boom",), link="growth").delta
    0.01
    """

    id: str
    outcome: str
    scale: str
    horizon: float
    delta: float
    rivals: tuple[str, ...]
    link: str
    survey_scale: str = ""
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another explanation of what a claim observes.

    Parameters
    ----------
    id : str
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if two rivals have the same identifier.

    Examples
    --------
    >>> Rival(id="export_boom", en="Export boom").id
    'export_boom'
    """

    id: str
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theory:
    """A theory of change with its claims.

    Parameters
    ----------
    nodes, links, claims, rivals : tuple of Node, Link, Claim, Rival

    Raises
    ------
    TheoryError
        With every problem at once: unknown nodes, links and rivals, claims without a rival, impossible numbers.

    Examples
    --------
    >>> theory = Theory.from_dict({
    ...     "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}},
    ...     "claims": {"growth": {"outcome": "value_added", "scale": "log", "horizon": 3, "delta": 0.01,
    ...                           "rivals": ["boom"], "link": "ab"}},
    ...     "rivals": {"boom": {"en": "Export boom"}},
    ... })
    >>> theory.claim("growth").delta
    0.01
    >>> Theory.from_dict(theory.to_dict()) == theory
    True
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    claims: tuple[Claim, ...]
    rivals: tuple[Rival, ...] = field(default=())

    def __post_init__(self) -> None:
        if problems := _contradictions(self.nodes, self.links, self.claims, self.rivals):
            raise TheoryError(problems)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, file: str = "") -> Theory:
        """Theory from plain data in the layout of ``theory.toml``."""
        problems: list[Problem] = []
        unknown = sorted(set(data) - set(_SECTIONS))
        if unknown:
            problems.append(_problem(f"unknown section {', '.join(unknown)}", "top level", ", ".join(_SECTIONS)))
        parts = {name: _read_section(name, data.get(name, {}), problems) for name in _SECTIONS}
        known = {name: data[name] for name in _SECTIONS if isinstance(data.get(name), Mapping)}
        problems += _contradictions(*(parts[name] for name in _SECTIONS), declared=known)
        if problems:
            raise TheoryError([_in_file(problem, file) for problem in problems])
        return cls(**parts)

    @classmethod
    def from_toml(cls, path: str | Path) -> Theory:
        """Theory from a file ``theory.toml``."""
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileError(_problem(f"no theory can be read ({error})", str(path), "a TOML file")) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise TheoryError(_in_file(_problem(f"not TOML in UTF-8: {error}", "", "valid TOML"), path.name)) from error
        return cls.from_dict(data, file=path.name)

    def to_dict(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Plain data in the layout of ``theory.toml``; what has its default value is left out."""
        return {name: {one.id: _entry(one) for one in getattr(self, name)} for name in _SECTIONS}

    def to_toml(self) -> str:
        """Text of a ``theory.toml`` with the same content."""
        lines = []
        for section, entries in self.to_dict().items():
            for name, entry in entries.items():
                lines.append(f"[{section}.{_toml_key(name)}]")
                lines += [f"{key} = {_toml_value(value)}" for key, value in entry.items()]
                lines.append("")
        return "\n".join(lines)

    def claim(self, name: str) -> Claim:
        """Claim with this identifier."""
        return _pick(self.claims, name, "claim")

    def rival(self, name: str) -> Rival:
        """Rival explanation with this identifier."""
        return _pick(self.rivals, name, "rival")

    def link(self, name: str) -> Link:
        """Link with this identifier."""
        return _pick(self.links, name, "link")


_SECTIONS: dict[str, type[Any]] = {"nodes": Node, "links": Link, "claims": Claim, "rivals": Rival}
_FILE_NAMES = {"start": "from", "end": "to"}
_KINDS = ("activity", "intermediate", "outcome")


def _problem(what: str, where: str, expected: str, remedy: str = "correct theory.toml") -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy=remedy)


def _in_file(problem: Problem, file: str) -> Problem:
    return Problem(what=problem.what, where=problem.where, expected=problem.expected, remedy=problem.remedy, file=file)


def _pick(entries: Iterable[_T], name: str, kind: str) -> _T:
    known = {entry.id: entry for entry in entries}  # type: ignore[attr-defined]
    if name not in known:
        raise TheoryError(_problem(f"no {kind} {name!r}", "theory", ", ".join(known), "use one of these identifiers"))
    return known[name]


def _read_section(section: str, table: object, problems: list[Problem]) -> tuple[Any, ...]:
    if not isinstance(table, Mapping):
        problems.append(_problem(f"{section} is not a table", section, f"[{section}.<id>] tables"))
        return ()
    entries = (_read_entry(section, str(name), entry, problems) for name, entry in table.items())
    return tuple(entry for entry in entries if entry is not None)


def _read_entry(section: str, name: str, entry: object, problems: list[Problem]) -> Any:
    where = f"{section}.{name}"
    if not isinstance(entry, Mapping):
        problems.append(_problem("not a table", where, f"[{where}] with keys"))
        return None
    kind = _SECTIONS[section]
    allowed = {_FILE_NAMES.get(f.name, f.name): f for f in fields(kind) if f.name != "id"}
    found = len(problems)
    surplus = sorted(set(entry) - set(allowed))
    problems += [_problem(f"unknown key {key!r}", where, ", ".join(allowed)) for key in surplus]
    values: dict[str, Any] = {"id": name}
    for key, spec in allowed.items():
        if key in entry:
            values[spec.name] = _read_value(entry[key], str(spec.type), f"{where}.{key}", problems)
        elif spec.default is MISSING:
            problems.append(_problem(f"no {key!r}", where, f"a value for {key!r}"))
    return kind(**values) if len(problems) == found else None


def _read_value(value: object, wanted: str, where: str, problems: list[Problem]) -> Any:
    kind, test = _TYPES[wanted]
    if not test(value):
        problems.append(_problem(f"{value!r} has the wrong type", where, kind))
        return None
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


_TYPES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "str": ("text", lambda value: isinstance(value, str)),
    "float": ("a number", _is_number),
    "tuple[str, ...]": ("a list of texts", _is_list_of_text),
}


def _contradictions(
    nodes: tuple[Node, ...],
    links: tuple[Link, ...],
    claims: tuple[Claim, ...],
    rivals: tuple[Rival, ...],
    *,
    declared: Mapping[str, Iterable[str]] | None = None,
) -> list[Problem]:
    names: dict[str, tuple[Any, ...]] = {"nodes": nodes, "links": links, "claims": claims, "rivals": rivals}
    known = {section: {one.id for one in entries} for section, entries in names.items()}
    for section, extra in (declared or {}).items():
        known[section] = known[section] | set(extra)
    problems = [problem for section, entries in names.items() for problem in _doubles(section, entries)]
    if not known["claims"]:
        problems.append(_problem("no claims", "claims", "at least one [claims.<id>]"))
    odd = (node for node in nodes if node.kind not in _KINDS)
    problems += [_problem(f"kind {node.kind!r}", f"nodes.{node.id}", ", ".join(_KINDS)) for node in odd]
    for link in links:
        problems += _link_problems(link, known["nodes"])
    for claim in claims:
        problems += _claim_problems(claim, known["links"], known["rivals"])
    return problems


def _doubles(section: str, entries: Iterable[Any]) -> list[Problem]:
    seen: set[str] = set()
    problems = []
    for entry in entries:
        if entry.id in seen:
            problems.append(_problem(f"two entries {entry.id!r}", section, "one entry for each identifier"))
        seen.add(entry.id)
    return problems


def _unknown(names: Iterable[str], known: Iterable[str], where: str, kind: str) -> list[Problem]:
    return [_problem(f"unknown {kind} {n!r}", where, ", ".join(sorted(known))) for n in names if n not in set(known)]


def _link_problems(link: Link, nodes: set[str]) -> list[Problem]:
    where = f"links.{link.id}"
    return _unknown((link.start, link.end), nodes, where, "node") + _unknown(
        link.perspectives, _STREAMS, where, "perspective"
    )


def _claim_problems(claim: Claim, links: set[str], rivals: set[str]) -> list[Problem]:
    where = f"claims.{claim.id}"
    problems = _unknown((claim.link,), links, where, "link") + _unknown(claim.rivals, rivals, where, "rival")
    if not claim.rivals:
        remedy = "name what else could explain the observation"
        problems.append(_problem("no rival explanation", where, "at least one rival", remedy))
    if not (math.isfinite(claim.delta) and claim.delta > 0):
        problems.append(_problem(f"delta {claim.delta}", where, "a number above 0"))
    if not (math.isfinite(claim.horizon) and claim.horizon >= 0):
        problems.append(_problem(f"horizon {claim.horizon}", where, "a number of years, 0 or more"))
    problems += [_problem(f"empty {key!r}", where, "text") for key in ("outcome", "scale") if not getattr(claim, key)]
    return problems


def _entry(one: Any) -> dict[str, Any]:
    values = {f.name: getattr(one, f.name) for f in fields(one) if f.name != "id" and getattr(one, f.name) != f.default}
    return {_FILE_NAMES.get(k, k): list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def _toml_key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def _toml_value(value: object) -> str:
    return repr(value) if _is_number(value) else json.dumps(value, ensure_ascii=False)
