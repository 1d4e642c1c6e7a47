"""Choices of an aggregation that cannot be, all named at once."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.errors import OptionError, Problem


def require_choices(choices: dict[str, Any]) -> None:
    """Refuse choices of the wrong kind; whether these effects have what is asked for shows later."""
    rules = {
        "by": (_is_by, "'overall', 'event', 'cohort', 'calendar', 'group' or a list of these"),
        "window": (_is_window, "the first and the last event time, such as (-3, 5)"),
        "balance": (_is_balance, "a whole number of periods, 0 or more"),
        "weights": (_is_weights, "the name of a column, or a Series of numbers with each unit once in its index"),
        "total": (lambda value: isinstance(value, bool), "True or False"),
    }
    problems = [
        Problem(what=f"option {name}={_shown(value)}", where="", expected=expected, remedy=f"give {name} another value")
        for name, (holds, expected) in rules.items()
        if not holds(value := choices[name])
    ]
    if problems:
        raise OptionError(problems)


def _shown(value: object) -> str:
    text = repr(value)
    return f"<{type(value).__name__}>" if len(text) > 40 or "\n" in text else text


def _is_by(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(key, str) for key in value))


def _is_window(value: object) -> bool:
    if value is None:
        return True
    pair = isinstance(value, Sequence) and len(value) == 2 and all(isinstance(end, Real) for end in value)
    return pair and value[0] <= value[1]  # type: ignore[index]


def _is_balance(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, int | np.integer) and bool(value >= 0))


def _is_weights(value: object) -> bool:
    if isinstance(value, pd.Series):
        return value.index.is_unique and pd.api.types.is_numeric_dtype(value.dtype)
    return value is None or isinstance(value, str)
