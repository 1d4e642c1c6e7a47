"""What a codebook may contain and what would contradict itself; every rule reports, none raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clustereffects.errors import Problem

if TYPE_CHECKING:
    from clustereffects.survey.codebook import Item, Scale

#: Columns of the answers and of the frame that are not items.
ROLES = ("respondent", "orgnr", "organisation", "wave", "role", "asked")
_TABLES = ("missing", "columns", "scales", "items")
_MISSING = ("dont_know", "not_applicable")
_SCALE = {
    "claim": (str, "text"),
    "items": (list, "a list of item names"),
    "reversed": (list, "a list of item names"),
    "minimum": (int, "a whole number"),
    "maximum": (int, "a whole number"),
    "neutral": ((int, float), "a number"),
    "negative_control": (bool, "true or false"),
}
_REQUIRED = ("items", "minimum", "maximum")
_LANGUAGES = ("sv", "en")


def parse(data: Mapping[str, Any], file: str) -> tuple[dict[str, Any], list[Problem]]:
    """Parts of a codebook from plain data, and what is wrong with their keys and types."""
    problems = _unknown(data, _TABLES, "the codebook", file)
    tables = {name: _table(data, name, file, problems) for name in _TABLES}
    problems += _unknown(tables["missing"], _MISSING, "[missing]", file)
    codes = {name: _codes(tables["missing"].get(name, []), name, file, problems) for name in _MISSING}
    scales = [_scale(name, table, file, problems) for name, table in tables["scales"].items()]
    items = [_item(name, table, file, problems) for name, table in tables["items"].items()]
    columns = tuple((str(header), str(target)) for header, target in tables["columns"].items())
    return {"scales": [s for s in scales if s], "items": [i for i in items if i], "columns": columns, **codes}, problems


def contradictions(
    scales: tuple[Scale, ...],
    items: tuple[Item, ...],
    dont_know: tuple[int, ...],
    not_applicable: tuple[int, ...],
    columns: tuple[tuple[str, str], ...],
    file: str,
) -> list[Problem]:
    """Everything in a codebook that contradicts something else in it."""
    problems = [] if scales else [_problem(file, "the codebook has no scale", "", "at least one", "add [scales.*]")]
    for scale in scales:
        problems += _range(scale, file) + _members(scale, file)
        problems += _codes_inside(scale, (*dont_know, *not_applicable), file)
    problems += _shared_codes(dont_know, not_applicable, file) + _used_twice(scales, file)
    return problems + _orphans(scales, items, file) + _targets(scales, columns, file)


def _problem(file: str, what: str, where: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy=remedy, file=file)


def _unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str, file: str) -> list[Problem]:
    return [
        _problem(file, f"unknown key {key!r}", where, "one of " + ", ".join(known), "correct or remove the key")
        for key in table
        if key not in known
    ]


def _table(data: Mapping[str, Any], name: str, file: str, problems: list[Problem]) -> Mapping[str, Any]:
    table = data.get(name, {})
    if isinstance(table, Mapping):
        return table
    problems.append(_problem(file, f"{name!r} is not a table", f"[{name}]", "a table", "write it as a table"))
    return {}


def _codes(value: object, name: str, file: str, problems: list[Problem]) -> tuple[int, ...]:
    codes = value if isinstance(value, list) else [value]
    if all(isinstance(code, int) and not isinstance(code, bool) for code in codes):
        return tuple(codes)
    problems.append(
        _problem(file, f"{name} is {value!r}", "[missing]", "a whole number or a list of them", "correct the code")
    )
    return ()


def _scale(name: str, table: object, file: str, problems: list[Problem]) -> dict[str, Any] | None:
    where = f"[scales.{name}]"
    if not isinstance(table, Mapping):
        problems.append(_problem(file, f"scale {name!r} is not a table", where, "a table", "write it as a table"))
        return None
    found = _unknown(table, tuple(_SCALE), where, file)
    found += [
        _problem(file, f"{key!r} is missing", where, _SCALE[key][1], "add it") for key in _REQUIRED if key not in table
    ]
    wrong = [key for key in _SCALE if key in table and not _fits(table[key], key)]
    found += [_problem(file, f"{key} is {table[key]!r}", where, _SCALE[key][1], "correct the value") for key in wrong]
    problems += found
    if any(key not in table or key in wrong for key in _REQUIRED):
        return None
    kept = {key: table[key] for key in _SCALE if key in table and key not in wrong}
    return {"name": name, **{key: tuple(v) if isinstance(v, list) else v for key, v in kept.items()}}


def _fits(value: object, key: str) -> bool:
    kind = _SCALE[key][0]
    if isinstance(value, bool) and kind is not bool:
        return False
    if isinstance(value, list) and not all(isinstance(name, str) for name in value):
        return False
    return isinstance(value, kind)  # type: ignore[arg-type]


def _item(name: str, table: object, file: str, problems: list[Problem]) -> dict[str, Any] | None:
    where = f"[items.{name}]"
    if not isinstance(table, Mapping) or not all(isinstance(text, str) for text in table.values()):
        problems.append(_problem(file, f"item {name!r} has no wording", where, "sv and en as text", "correct the item"))
        return None
    problems += _unknown(table, _LANGUAGES, where, file)
    return {"name": name, **{key: table[key] for key in _LANGUAGES if key in table}}


def _range(scale: Scale, file: str) -> list[Problem]:
    where = f"scale {scale.name!r}"
    if scale.minimum >= scale.maximum:
        found = f"minimum {scale.minimum} is not below maximum {scale.maximum}"
        return [_problem(file, found, where, "minimum < maximum", "correct the range of the answer codes")]
    if not scale.minimum <= scale.neutral <= scale.maximum:
        found = f"the neutral answer {scale.neutral:g} is outside the range"
        return [_problem(file, found, where, f"{scale.minimum} to {scale.maximum}", "correct the neutral answer")]
    return []


def _members(scale: Scale, file: str) -> list[Problem]:
    where = f"scale {scale.name!r}"
    problems = []
    if scale.name in ROLES:
        problems.append(_problem(file, "the scale has a reserved name", where, "another name", "rename the scale"))
    if not scale.items:
        problems.append(_problem(file, "the scale has no item", where, "at least one item", "list its items"))
    for item, count in Counter(scale.items).items():
        if count > 1:
            problems.append(
                _problem(file, f"item {item!r} is listed {count} times", where, "once", "remove the repeat")
            )
    problems += [
        _problem(file, f"reversed item {item!r} is not an item of the scale", where, "one of its items", "correct it")
        for item in scale.reversed
        if item not in scale.items
    ]
    return problems


def _codes_inside(scale: Scale, codes: tuple[int, ...], file: str) -> list[Problem]:
    inside = [code for code in codes if scale.minimum <= code <= scale.maximum]
    return [
        _problem(
            file,
            f"missing code {code} is also an answer",
            f"scale {scale.name!r} runs from {scale.minimum} to {scale.maximum}",
            "missing codes outside every scale",
            "recode the answers that mean missing",
        )
        for code in inside
    ]


def _shared_codes(dont_know: tuple[int, ...], not_applicable: tuple[int, ...], file: str) -> list[Problem]:
    shared = sorted(set(dont_know) & set(not_applicable))
    return [
        _problem(
            file, f"code {code} means both don't know and not applicable", "[missing]", "one meaning", "correct it"
        )
        for code in shared
    ]


def _used_twice(scales: tuple[Scale, ...], file: str) -> list[Problem]:
    owners: dict[str, list[str]] = {}
    for scale in scales:
        for item in dict.fromkeys(scale.items):
            owners.setdefault(item, []).append(scale.name)
    problems = [
        _problem(
            file, f"item {item!r} is in {len(names)} scales", ", ".join(names), "one scale per item", "keep it in one"
        )
        for item, names in owners.items()
        if len(names) > 1
    ]
    reserved = [item for item in owners if item in ROLES]
    problems += [
        _problem(file, f"item {item!r} has a reserved name", owners[item][0], "another name", "rename the item")
        for item in reserved
    ]
    claims = Counter(scale.claim for scale in scales if scale.claim and not scale.negative_control)
    return problems + [
        _problem(file, f"claim {claim!r} has {count} scales", "", "one scale per claim", "keep one of them")
        for claim, count in claims.items()
        if count > 1
    ]


def _orphans(scales: tuple[Scale, ...], items: tuple[Item, ...], file: str) -> list[Problem]:
    used = {item for scale in scales for item in scale.items}
    return [
        _problem(file, f"item {item.name!r} is in no scale", f"[items.{item.name}]", "a scale that lists it", "add it")
        for item in items
        if item.name not in used
    ]


def _targets(scales: tuple[Scale, ...], columns: tuple[tuple[str, str], ...], file: str) -> list[Problem]:
    known = {item for scale in scales for item in scale.items} | set(ROLES)
    return [
        _problem(
            file,
            f"header {header!r} stands for the unknown column {target!r}",
            "[columns]",
            "an item or one of " + ", ".join(ROLES),
            "correct the column",
        )
        for header, target in columns
        if target not in known
    ]
