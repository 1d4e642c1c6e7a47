"""Tables inside the section on matching of a plan: ladder of strata and rules against contamination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from clustereffects.errors import OptionError
from clustereffects.matching import Rule

Ladder = tuple[tuple[str, tuple[int | str, ...]], ...]

COLUMNS = (
    "industry",
    "industry_division",
    "size_class",
    "county",
    "group_orgnr",
    "member_group",
    "other_support",
    "status",
    "organisation",
)
"""Columns of the firm-years that rules and steps of a ladder may name."""
_KEYS = tuple(item.name for item in fields(Rule))


def read_ladder(value: object) -> tuple[Ladder, str]:
    """Ladder from a table of lists: numbers of leading digits, or columns."""
    expected = "a table of lists, such as {industry = [5, 4, 3, 2]}"
    if not isinstance(value, Mapping):
        return (), expected
    ladder = tuple((str(name), tuple(steps) if isinstance(steps, list) else (steps,)) for name, steps in value.items())
    for name, steps in ladder:
        texts = [step for step in steps if isinstance(step, str)]
        if not all(isinstance(step, int | str) and not isinstance(step, bool) for step in steps):
            return (), expected
        unknown = [column for column in (texts or [name]) if column not in COLUMNS]
        if unknown:
            return (), f"columns among {', '.join(COLUMNS)}, not {unknown[0]!r}"
    return ladder, ""


def read_rules(value: object) -> tuple[tuple[Rule, ...], str]:
    """Rules from a list of tables ``[[matching.rules]]``."""
    if not isinstance(value, list) or not all(isinstance(table, Mapping) for table in value):
        return (), "tables [[matching.rules]] with kind and column"
    rules = []
    for number, table in enumerate(value, 1):
        complaint = _complaint(table)
        if complaint:
            return (), f"in rule {number} {complaint}"
        try:
            rules.append(Rule(**table))
        except OptionError as error:
            return (), f"in rule {number} " + "; ".join(f"{one.what}: {one.expected}" for one in error.problems)
    return tuple(rules), ""


def _complaint(table: Mapping[str, Any]) -> str:
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        return f"no key {unknown[0]!r}, but only {', '.join(_KEYS)}"
    lacking = [key for key in ("kind", "column") if key not in table]
    if lacking:
        return f"the key {lacking[0]!r}"
    return "" if table["column"] in COLUMNS else f"a column among {', '.join(COLUMNS)}"
