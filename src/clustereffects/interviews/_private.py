"""Helpers shared inside the package: errors in one grammar, and texts made comparable."""

from __future__ import annotations

from clustereffects.errors import CodingError, OptionError, Problem


def option_error(option: str, given: object, expected: str) -> OptionError:
    """Error for an option that has a value it cannot have."""
    return OptionError(
        Problem(what=f"{option} is {given!r}", where="", expected=expected, remedy=f"choose another {option}")
    )


def coding_error(what: str, expected: str, remedy: str, where: str = "ratings") -> CodingError:
    """Error for codings or ratings that cannot be used."""
    return CodingError(Problem(what=what, where=where, expected=expected, remedy=remedy))
