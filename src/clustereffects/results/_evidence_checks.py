"""Checks that every kind of evidence shares: one grammar for what cannot be an item."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, TypeAlias

from clustereffects.errors import EvidenceError, Problem

_Chance: TypeAlias = float | tuple[float, float]


def require(condition: bool, what: str, expected: str) -> None:  # noqa: FBT001
    """Refuse an item unless the condition holds."""
    if not condition:
        raise EvidenceError(Problem(what=what, where="", expected=expected, remedy="correct the item"))


def require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those known."""
    require(isinstance(value, str) and value in known, f"{what} {value!r}", "one of " + ", ".join(known))


def is_number(value: object) -> bool:
    """Whether a value is a finite number; text and integers beyond every float are not."""
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:
        return False


def require_number(what: str, value: object) -> None:
    """Refuse what is not a finite number."""
    require(is_number(value), f"{what} {value!r}", "a finite number")


def require_sd(what: str, value: float) -> None:
    """Refuse what cannot be a standard deviation."""
    require(is_number(value) and value >= 0, f"{what} has sd {value!r}", "a finite sd ≥ 0")


def require_texts(kind: str, item: Any, names: tuple[str, ...]) -> None:
    """Refuse names that are not text, such as numbers of a table's column."""
    for name in names:
        value = getattr(item, name)
        require(isinstance(value, str), f"{kind} has the {name} {value!r}", f"text, such as {str(value)!r}")


def require_probability(name: str, chance: float) -> None:
    """Refuse what is not a probability."""
    require(is_number(chance) and 0 <= chance <= 1, f"{name} is {chance}", "one probability within 0–1")


def is_chance(chance: object) -> bool:
    """Whether a value is a probability or an increasing range of them."""
    ends = tuple(chance) if isinstance(chance, list | tuple) else (chance, chance)
    return len(ends) == 2 and all(is_number(end) for end in ends) and 0 <= ends[0] <= ends[1] <= 1


def set_chance(kind: str, item: Any, name: str) -> None:
    """Refuse what is neither a probability nor an increasing range of them; make the range a tuple."""
    chance = getattr(item, name)
    require(is_chance(chance), f"{name} of {kind} is {chance}", "a probability, or a range lower–upper within 0–1")
    set_tuple(item, name)


def set_members(what: str, item: Any, name: str, kind: type) -> None:
    """Refuse what is not a sequence of this kind – a text is no sequence of texts – and make it a tuple."""
    members = getattr(item, name)
    fine = isinstance(members, list | tuple) and all(isinstance(one, kind) for one in members)
    require(fine, f"{what} has the {name} {members!r}", f"a tuple of {kind.__name__}, also for a single one")
    set_tuple(item, name)


def set_tuple(item: Any, name: str) -> None:
    """Make a list of a frozen item a tuple."""
    value: _Chance | list[Any] = getattr(item, name)
    if isinstance(value, list):
        object.__setattr__(item, name, tuple(value))
