"""Checks that every kind of evidence shares: one grammar for what cannot be an item."""

from __future__ import annotations

from clustereffects.errors import EvidenceError, Problem


def require(condition: bool, what: str, expected: str) -> None:  # noqa: FBT001
    """Refuse an item unless the condition holds."""
    if not condition:
        raise EvidenceError(Problem(what=what, where="", expected=expected, remedy="correct the item"))


def require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those known."""
    require(value in known, f"{what} {value!r}", "one of " + ", ".join(known))


def require_chance(name: str, chance: float | tuple[float, float]) -> None:
    """Refuse what is neither a probability nor an increasing range of them."""
    low, high = chance if isinstance(chance, tuple) else (chance, chance)
    require(0 <= low <= high <= 1, f"{name} is {chance}", "a probability, or a range lower–upper within 0–1")
