"""Which values the options of matching can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clustereffects.errors import OptionError, Problem

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "method": ("nearest",),
    "distance": ("mahalanobis", "propensity", "scaled_euclidean"),
    "trim": (None, "treated", "both"),
    "order": (None, "data", "largest", "smallest", "random"),
    "propensity_scale": ("linear", "probability"),
}


def as_tuple(value: Any) -> Any:
    """A single name as a tuple of one, a list as a tuple; anything else is left for validation."""
    if isinstance(value, str | int):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple | set | np.ndarray) else value


def validate(options: Matching) -> None:
    """Raise one error that lists every impossible option."""
    problems = [
        _bad(name, getattr(options, name), " or ".join(repr(choice) for choice in choices))
        for name, choices in _CHOICES.items()
        if getattr(options, name) not in choices
    ]
    problems += _bad_columns(options) + _bad_numbers(options) + _bad_combinations(options)
    if problems:
        raise OptionError(problems)


def _bad_columns(options: Matching) -> list[Problem]:
    problems = [] if options.on else [_bad("on", options.on, "at least one column to match on")]
    for name in ("on", "exact", "forbid"):
        value = getattr(options, name)
        if not isinstance(value, tuple) or not all(isinstance(column, str) for column in value):
            problems.append(_bad(name, value, "names of columns"))
        elif len(set(value)) < len(value):
            problems.append(_bad(name, value, "each column once"))
    return problems


def _bad_numbers(options: Matching) -> list[Problem]:
    problems = []
    lags = options.lags
    if not (isinstance(lags, tuple) and lags and all(_whole(lag, 1) for lag in lags) and len(set(lags)) == len(lags)):
        problems.append(_bad("lags", lags, "different whole numbers of at least 1, periods before joining"))
    if not _whole(options.ratio, 1):
        problems.append(_bad("ratio", options.ratio, "a whole number of at least 1"))
    if not _whole(options.horizon, 0):
        problems.append(_bad("horizon", options.horizon, "a whole number of at least 0"))
    if options.caliper is not None and not (np.isfinite(options.caliper) and options.caliper > 0):
        problems.append(_bad("caliper", options.caliper, "a positive number"))
    return problems


def _bad_combinations(options: Matching) -> list[Problem]:
    problems = []
    if options.distance != "propensity":
        if options.trim is not None:
            problems.append(_bad("trim", options.trim, "None, unless distance='propensity'"))
        if options.order in {"largest", "smallest"}:
            problems.append(_bad("order", options.order, "'data' or 'random', unless distance='propensity'"))
    if options.order == "random" and options.rng is None:
        problems.append(_bad("rng", None, "a seed or generator for order='random'"))
    return problems


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
