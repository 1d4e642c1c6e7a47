"""Ladders by name: which are possible, the columns and digits of their steps, and what a rung is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import shown
from clustereffects.data.by_period import Coded
from clustereffects.errors import ColumnError, Problem
from clustereffects.matching._rules import Reader
from clustereffects.matching._text import as_texts, leading
from clustereffects.matching.ladder import ladder_rungs

CodeArray = NDArray[np.signedinteger[Any]]
_SMALL = np.iinfo(np.int16).max

Step = int | str
Ladder = tuple[tuple[str, tuple[Step, ...]], ...]


def as_ladder(value: Any) -> Any:
    """A mapping of names to steps as pairs, which can be hashed; anything else is left for validation."""
    items = value.items() if isinstance(value, Mapping) else value
    try:
        return tuple((name, tuple(steps) if isinstance(steps, list | tuple) else steps) for name, steps in items)
    except (TypeError, ValueError):
        return value


def ladder_problems(ladder: Any) -> list[Problem]:
    """Everything that is impossible in a ladder, given as ``as_ladder`` leaves it."""
    if not isinstance(ladder, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in ladder):
        return [_bad(ladder, 'steps for each column, such as {"industry": (5, 4, 3, 2)}')]
    return [problem for name, steps in ladder for problem in _bad_steps(name, steps)]


def _bad_steps(name: object, steps: object) -> list[Problem]:
    given = {name: steps}
    if not isinstance(name, str):
        return [_bad(given, "the name of a column")]
    if not isinstance(steps, tuple) or not steps:
        return [_bad(given, "at least one step: numbers of leading digits, or columns")]
    if all(isinstance(step, str) for step in steps):
        return [] if len(set(steps)) == len(steps) else [_bad(given, "each column once")]
    if not all(type(step) is int and step > 0 for step in steps):
        return [_bad(given, "either whole numbers of at least 1 (leading digits) or names of columns")]
    if list(steps) != sorted(set(steps), reverse=True):
        return [_bad(given, "numbers of digits that fall from step to step")]
    return []


def exact_names(exact: Sequence[str], ladder: Ladder) -> tuple[str, ...]:
    """Names of all exact columns: those of a ladder take the place of the column of that name, or come last."""
    return (*exact, *(name for name, _ in ladder if name not in exact))


def ladder_columns(ladder: Ladder) -> list[str]:
    """Columns that the steps of a ladder read."""
    return [step if isinstance(step, str) else name for name, steps in ladder for step in steps]


def finest_columns(exact: Sequence[str], ladder: Ladder) -> tuple[str, ...]:
    """Column of each exact one on the finest rung."""
    first = {name: steps[0] for name, steps in ladder}
    return tuple(
        str(step) if isinstance(step := first.get(name, name), str) else name for name in exact_names(exact, ladder)
    )


def rungs_of(exact: Sequence[str], ladder: Ladder) -> tuple[tuple[int, ...], ...]:
    """Level of each exact column on each rung; ladders are loosened in the order in which they are written."""
    names, place = exact_names(exact, ladder), {name: number for number, (name, _) in enumerate(ladder)}
    rungs = ladder_rungs([len(steps) for _, steps in ladder])
    return tuple(tuple(rung[place[name]] if name in place else 0 for name in names) for rung in rungs)


def rung_labels(ladder: Ladder) -> tuple[str, ...]:
    """What each rung is called."""
    rungs = ladder_rungs([len(steps) for _, steps in ladder])
    return tuple(
        ", ".join(_said(name, steps[level]) for (name, steps), level in zip(ladder, rung, strict=True)) or "exact"
        for rung in rungs
    )


def _said(name: str, step: Step) -> str:
    if isinstance(step, str):
        return step
    return f"{name} {step} digit" + ("s" if step > 1 else "")


def level_readers(
    reader: Reader, exact: Sequence[str], ladder: Ladder
) -> tuple[tuple[Callable[[int], CodeArray], ...], ...]:
    """For every exact column its levels, finest first, each from a period to codes."""
    steps = dict(ladder)
    return tuple(
        tuple(_level(reader, name, step) for step in steps.get(name, (name,))) for name in exact_names(exact, ladder)
    )


def _level(reader: Reader, name: str, step: Step) -> Callable[[int], CodeArray]:
    if isinstance(step, str):
        return partial(codes_in, reader, step)
    return partial(_leading_in, reader, name, step)


def codes_in(reader: Reader, column: str, period: int) -> CodeArray:
    """Codes of a column in one period."""
    return reader.codes(column, period).codes


def _leading_in(reader: Reader, name: str, digits: int, period: int) -> CodeArray:
    return _leading(name, reader.codes(name, period), digits)


def _leading(name: str, coded: Coded, digits: int) -> CodeArray:
    """Codes of the first digits; −1 for values that have fewer."""
    texts = as_texts(coded.labels)
    if pd.api.types.is_numeric_dtype(coded.labels.dtype):
        _require_one_length(name, texts)
    first = [leading(text, digits) for text in texts]
    number = {text: code for code, text in enumerate(dict.fromkeys(text for text in first if text is not None))}
    table = [number.get(text, -1) if text is not None else -1 for text in first]
    codes = np.array([*table, -1], dtype=np.int32)
    return (codes if len(number) > _SMALL else codes.astype(np.int16))[coded.codes]


def _require_one_length(name: str, texts: Iterable[str]) -> None:
    """Numbers of different lengths have lost leading zeros, or nobody can tell whether they have."""
    by_length = {len(text): text for text in texts}
    if len(by_length) > 1:
        raise ColumnError(
            Problem(
                what=f"column {name!r} has numbers of different lengths, so that leading digits mean nothing",
                where=f"for example {shown(by_length.values())}",
                expected="codes of one length, or text with leading zeros",
                remedy="read the column as text, or restore the leading zeros",
            )
        )


def _bad(value: object, expected: str) -> Problem:
    return Problem(what=f"option ladder={value!r}", where="", expected=expected, remedy="give ladder another value")
