"""Options of a plan: declared once as dataclass fields, read and checked from TOML tables."""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from clustereffects.errors import Problem

Parse = Callable[[object], tuple[Any, str]]


def option(
    default: Any,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
    parse: Parse | None = None,
) -> Any:
    """Field of a plan section with its default and permitted values.

    ``parse`` reads what TOML has as a table or a list of tables: it gives the value and, if it cannot, what was expected.
    """
    return field(default=default, metadata={"choices": choices, "low": low, "high": high, "parse": parse})


def read_section(kind: Any, table: object, *, section: str, file: str) -> tuple[Any, list[Problem]]:
    """Section from a TOML table, with the problems found; defaults stand in for what is wrong."""
    if not isinstance(table, Mapping):
        return kind(), [_problem(f"[{section}] is not a table", f"a section [{section}]", file)]
    known = {item.name: item for item in fields(kind)}
    hints = get_type_hints(kind)
    problems = [_unknown(section, key, known, file) for key in table if key not in known]
    values: dict[str, Any] = {}
    for key, item in known.items():
        if key not in table:
            continue
        value, expected = _convert(table[key], hints[key], item)
        if expected:
            problems.append(_problem(f"[{section}] {key} = {table[key]!r}", expected, file))
        else:
            values[key] = value
    return kind(**values), problems


def _convert(value: Any, hint: Any, item: Field[Any]) -> tuple[Any, str]:
    """Value in the type of the field and, if it does not fit, what was expected."""
    if item.metadata["parse"] is not None:
        parsed: tuple[Any, str] = item.metadata["parse"](value)
        return parsed
    kind, many = _kind(hint)
    items = value if many and isinstance(value, list) else [value]
    converted = []
    for entry in items:
        good = _scalar(entry, kind)
        if good is MISSING:
            noun = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}[kind]
            return None, f"a list of {noun}" if many else noun
        converted.append(good)
    complaint = next((text for entry in converted if (text := _outside(entry, item))), "")
    return (tuple(converted) if many else converted[0]), complaint


def _kind(hint: Any) -> tuple[type, bool]:
    if get_origin(hint) in {Union, types.UnionType}:
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    return hint, False


def _scalar(value: Any, kind: type) -> Any:
    if kind is bool:
        return value if isinstance(value, bool) else MISSING
    if isinstance(value, bool):
        return MISSING
    if kind is float and isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, kind) else MISSING


def _outside(value: Any, item: Field[Any]) -> str:
    choices, low, high = (item.metadata[key] for key in ("choices", "low", "high"))
    if choices and value not in choices:
        return "one of " + ", ".join(repr(choice) for choice in choices)
    if (low is not None and value < low) or (high is not None and value > high):
        return f"at least {low:g}" if high is None else f"a value from {low:g} to {high:g}"
    return "a number" if isinstance(value, float) and math.isnan(value) else ""


def _unknown(section: str, key: str, known: Mapping[str, Any], file: str) -> Problem:
    close = difflib.get_close_matches(key, known, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else "remove it"
    return Problem(
        what=f"unknown key {key!r} in [{section}]",
        where="",
        expected="one of " + ", ".join(known),
        remedy=remedy,
        file=file,
    )


def _problem(what: str, expected: str, file: str) -> Problem:
    return Problem(what=what, where="", expected=expected, remedy="correct the plan", file=file)
