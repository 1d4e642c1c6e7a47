"""What the estimators of this package share."""

from __future__ import annotations

from clustereffects.errors import Problem
from clustereffects.results import Variance, named_columns


def cluster_columns(variance: Variance | None, assignment: tuple[str, ...]) -> tuple[str, ...]:
    """Columns whose codes the variance needs: those it names and those at which treatment was assigned."""
    return tuple(dict.fromkeys((*named_columns(variance), *assignment)))


def bad_option(option: str, value: object, expected: str) -> Problem:
    """Problem of an option with an impossible value."""
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
