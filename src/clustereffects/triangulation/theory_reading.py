"""Plain data, TOML and JSON into the parts of a theory of change and back, and what may contradict what."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from clustereffects.errors import Problem, TheoryError
from clustereffects.triangulation.theory_parts import Claim, Link, Node, Rival

SECTIONS: dict[str, type[Any]] = {"nodes": Node, "links": Link, "claims": Claim, "rivals": Rival}
#: The organisation itself, where rivals may name it as something that they overlap with.
ORGANISATION = "organisation"
_FILE_NAMES = {"start": "from", "end": "to"}
_KINDS = ("activity", "intermediate", "outcome")
_STREAMS = ("economic", "survey", "interviews", "documents")
_REMEDY = "correct the theory"


def problem(what: str, where: str, expected: str, remedy: str = _REMEDY) -> Problem:
    """Problem of a theory, with the remedy that most of them have.

    Parameters
    ----------
    what, where, expected, remedy : str

    Returns
    -------
    Problem

    Raises
    ------
    TypeError
        If a text is missing.

    Examples
    --------
    >>> problem("no claims", "claims", "at least one").remedy
    'correct the theory'
    """
    return Problem(what=what, where=where, expected=expected, remedy=remedy)


def in_file(one: Problem, file: str) -> Problem:
    """The same problem, with the file it was found in and is to be mended in.

    Parameters
    ----------
    one : Problem
    file : str

    Returns
    -------
    Problem

    Raises
    ------
    AttributeError
        If it is no problem.

    Examples
    --------
    >>> in_file(problem("no claims", "claims", "at least one"), "theory.toml").file
    'theory.toml'
    """
    remedy = f"correct {file}" if file and one.remedy == _REMEDY else one.remedy
    return Problem(what=one.what, where=one.where, expected=one.expected, remedy=remedy, file=file)


def parse(text: str, kind: str) -> Mapping[str, Any]:
    """Plain data from TOML or JSON; like TOML, JSON may not have the same key twice.

    Parameters
    ----------
    text : str
    kind : {"TOML", "JSON"}

    Returns
    -------
    mapping

    Raises
    ------
    TheoryError
        If the text is not of that kind.

    Examples
    --------
    >>> parse('{"nodes": {}}', "JSON")
    {'nodes': {}}
    """
    try:
        data = tomllib.loads(text) if kind == "TOML" else json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise TheoryError(problem(f"not {kind}: {error}", "", f"valid {kind} in UTF-8")) from error
    if not isinstance(data, Mapping):
        raise TheoryError(problem("the top level is not an object", "", "an object with " + ", ".join(SECTIONS)))
    return data


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError("the same key twice: " + ", ".join(doubles))
    return dict(pairs)


def read_parts(data: Mapping[str, Any], file: str) -> dict[str, tuple[Any, ...]]:
    """Nodes, links, claims and rivals from plain data.

    Parameters
    ----------
    data : mapping
        In the layout of ``theory.toml``.
    file : str
        Name to show in messages.

    Returns
    -------
    dict of str to tuple

    Raises
    ------
    TheoryError
        With every problem at once.

    Examples
    --------
    >>> read_parts({"claims": {}}, "theory.toml")
    Traceback (most recent call last):
    ...
    clustereffects.errors.TheoryError: theory.toml: no claims – claims – expected at least one [claims.<id>] – correct theory.toml
    """
    problems: list[Problem] = []
    unknown = sorted(set(data) - set(SECTIONS))
    if unknown:
        problems.append(problem(f"unknown section {', '.join(unknown)}", "top level", ", ".join(SECTIONS)))
    parts = {name: _read_section(name, data.get(name, {}), problems) for name in SECTIONS}
    known = {name: data[name] for name in SECTIONS if isinstance(data.get(name), Mapping)}
    problems += contradictions(parts, declared=known)
    if problems:
        raise TheoryError([in_file(one, file) for one in problems])
    return parts


def _read_section(section: str, table: object, problems: list[Problem]) -> tuple[Any, ...]:
    if not isinstance(table, Mapping):
        problems.append(problem(f"{section} is not a table", section, f"[{section}.<id>] tables"))
        return ()
    entries = (_read_entry(section, str(name), entry, problems) for name, entry in table.items())
    return tuple(entry for entry in entries if entry is not None)


def _read_entry(section: str, name: str, entry: object, problems: list[Problem]) -> Any:
    where = f"{section}.{name}"
    if not isinstance(entry, Mapping):
        problems.append(problem("not a table", where, f"[{where}] with keys"))
        return None
    kind = SECTIONS[section]
    allowed = {_FILE_NAMES.get(f.name, f.name): f for f in fields(kind) if f.name != "id"}
    found = len(problems)
    surplus = sorted(set(entry) - set(allowed))
    problems += [problem(f"unknown key {key!r}", where, ", ".join(allowed)) for key in surplus]
    values: dict[str, Any] = {"id": name}
    for key, spec in allowed.items():
        if key in entry:
            values[spec.name] = _read_value(entry[key], str(spec.type), f"{where}.{key}", problems)
        elif spec.default is MISSING:
            problems.append(problem(f"no {key!r}", where, f"a value for {key!r}"))
    return kind(**values) if len(problems) == found else None


def _read_value(value: object, wanted: str, where: str, problems: list[Problem]) -> Any:
    kind, test = _TYPES[wanted]
    if not test(value):
        problems.append(problem(f"{value!r} has the wrong type", where, kind))
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


def contradictions(
    parts: Mapping[str, tuple[Any, ...]], *, declared: Mapping[str, Iterable[str]] | None = None
) -> list[Problem]:
    """Everything in a theory that cannot be.

    Parameters
    ----------
    parts : mapping of str to tuple
        Nodes, links, claims and rivals.
    declared : mapping of str to iterable of str, optional
        Identifiers that exist although their entries could not be read.

    Returns
    -------
    list of Problem

    Raises
    ------
    KeyError
        If a section is missing.

    Examples
    --------
    >>> parts = {"nodes": (), "links": (), "claims": (), "rivals": (Rival(id="boom", overlaps=("bust",)),)}
    >>> [one.what for one in contradictions(parts)]
    ['no claims', "unknown rival 'bust'"]
    """
    known = {section: {one.id for one in parts[section]} for section in SECTIONS}
    for section, extra in (declared or {}).items():
        known[section] = known[section] | set(extra)
    problems = [one for section in SECTIONS for one in _doubles(section, parts[section])]
    if not known["claims"]:
        problems.append(problem("no claims", "claims", "at least one [claims.<id>]"))
    odd = (node for node in parts["nodes"] if node.kind not in _KINDS)
    problems += [problem(f"kind {node.kind!r}", f"nodes.{node.id}", ", ".join(_KINDS)) for node in odd]
    for link in parts["links"]:
        problems += _link_problems(link, known["nodes"])
    for claim in parts["claims"]:
        problems += _claim_problems(claim, known["links"], known["rivals"])
    for rival in parts["rivals"]:
        problems += _rival_problems(rival, known["rivals"])
    return problems


def _doubles(section: str, entries: Iterable[Any]) -> list[Problem]:
    seen: set[str] = set()
    problems = []
    for entry in entries:
        if entry.id in seen:
            problems.append(problem(f"two entries {entry.id!r}", section, "one entry for each identifier"))
        seen.add(entry.id)
    return problems


def _unknown(names: Iterable[str], known: Iterable[str], where: str, kind: str) -> list[Problem]:
    return [problem(f"unknown {kind} {n!r}", where, ", ".join(sorted(known))) for n in names if n not in set(known)]


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
        problems.append(problem("no rival explanation", where, "at least one rival", remedy))
    if not (math.isfinite(claim.delta) and claim.delta > 0):
        problems.append(problem(f"delta {claim.delta}", where, "a number above 0"))
    if not (math.isfinite(claim.horizon) and claim.horizon >= 0):
        problems.append(problem(f"horizon {claim.horizon}", where, "a number of years, 0 or more"))
    problems += [problem(f"empty {key!r}", where, "text") for key in ("outcome", "scale") if not getattr(claim, key)]
    return problems


def _rival_problems(rival: Rival, rivals: set[str]) -> list[Problem]:
    where = f"rivals.{rival.id}"
    problems = _unknown(rival.overlaps, rivals | {ORGANISATION}, where, "rival")
    if rival.id in rival.overlaps:
        problems.append(problem("a rival that overlaps with itself", where, "other rivals"))
    if rival.id == ORGANISATION:
        problems.append(problem(f"a rival called {ORGANISATION!r}", where, "any other identifier"))
    return problems


def plain(parts: Mapping[str, tuple[Any, ...]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Plain data in the layout of ``theory.toml``; what has its default value is left out.

    Parameters
    ----------
    parts : mapping of str to tuple

    Returns
    -------
    dict

    Raises
    ------
    KeyError
        If a section is missing.

    Examples
    --------
    >>> plain({"nodes": (Node(id="a", kind="activity"),), "links": (), "claims": (), "rivals": ()})["nodes"]
    {'a': {'kind': 'activity'}}
    """
    return {name: {one.id: _entry(one) for one in parts[name]} for name in SECTIONS}


def toml_text(data: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Text of a ``theory.toml``.

    Parameters
    ----------
    data : mapping
        Plain data as ``plain`` gives it.

    Returns
    -------
    str

    Raises
    ------
    AttributeError
        If it has another layout.

    Examples
    --------
    >>> print(toml_text({"nodes": {"a": {"kind": "activity"}}}), end="")
    [nodes.a]
    kind = "activity"
    """
    tables = [
        "\n".join(
            [f"[{section}.{_toml_key(name)}]", *(f"{key} = {_toml_value(value)}" for key, value in entry.items())]
        )
        for section, entries in data.items()
        for name, entry in entries.items()
    ]
    return "\n\n".join(tables) + "\n"


def _entry(one: Any) -> dict[str, Any]:
    values = {f.name: getattr(one, f.name) for f in fields(one) if f.name != "id" and getattr(one, f.name) != f.default}
    return {_FILE_NAMES.get(name, name): _plain_value(value) for name, value in values.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    # Numbers of NumPy are numbers of Python, but neither TOML nor JSON would write them as such.
    return float(value) if isinstance(value, float) else value


def _toml_key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _toml_value(name)


def _toml_value(value: object) -> str:
    # JSON escapes all that TOML wants escaped, but for one control character.
    return repr(value) if _is_number(value) else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
