"""Checks that every kind of evidence shares: one grammar for what cannot be an item."""

from __future__ import annotations

from numbers import Real

from clustereffects.errors import EvidenceError, Problem


def require(condition: bool, what: str, expected: str) -> None:  # noqa: FBT001
    """Refuse an item unless the condition holds."""
    if not condition:
        raise EvidenceError(Problem(what=what, where="", expected=expected, remedy="correct the item"))


def require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those known."""
    require(value in known, f"{what} {value!r}", "one of " + ", ".join(known))


def require_chance(name: str, chance: object) -> None:
    """Refuse what is neither a probability nor an increasing range of them."""
    ends = chance if isinstance(chance, tuple) else (chance, chance)
    ordered = len(ends) == 2 and all(_is_probability(end) for end in ends) and ends[0] <= ends[1]
    require(ordered, f"{name} is {chance}", "a probability, or a range lower–upper within 0–1")


def require_probability(name: str, chance: object) -> None:
    """Refuse what is not one probability; a range is not either."""
    require(_is_probability(chance), f"{name} is {chance}", "one probability within 0–1")


def _is_probability(chance: object) -> bool:
    return isinstance(chance, Real) and bool(0 <= float(chance) <= 1)
