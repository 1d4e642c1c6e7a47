"""Checks of simulation options, in the grammar of all messages."""

from __future__ import annotations

from collections.abc import Iterable

from clustereffects.errors import OptionError, Problem

Rule = tuple[bool, str, object, str]


def refuse(rules: Iterable[Rule]) -> None:
    """Raise for all rules (right, option, value, expected) that do not hold, at once."""
    problems = [_problem(name, value, expected) for right, name, value, expected in rules if not right]
    if problems:
        raise OptionError(problems)


def _problem(name: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"{name} cannot be {value!r}",
        where="options of the simulation",
        expected=expected,
        remedy="change the option, or the sizes it depends on",
    )
