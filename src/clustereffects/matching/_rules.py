"""What the rules of contamination say about a table: whom they remove, which codes they bar, who is exposed since when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clustereffects.data import Panel, shown
from clustereffects.data.by_period import Coded
from clustereffects.errors import ColumnError, Problem
from clustereffects.matching._text import as_texts, text_of
from clustereffects.matching.contamination import Neighbourhoods, bar_codes, exposed_units, first_exposure

if TYPE_CHECKING:
    from clustereffects.matching.rules import Rule

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.signedinteger[Any]]
BoolArray = NDArray[np.bool_]


_CHOICES: dict[str, tuple[str | None, ...]] = {
    "kind": ("flagged", "shares", "neighbours"),
    "of": ("any", "own"),
    "when": (None, "ever", "before"),
}


class Reader(Protocol):
    """Columns one period at a time, one entry per unit; see ``ByPeriod``."""

    def numbers(self, column: str, period: int) -> FloatArray:
        """Values in one period; NaN where missing."""

    def codes(self, column: str, period: int) -> Coded:
        """Codes in one period; −1 where missing."""

    def table(self, column: str) -> Coded:
        """Codes of all periods (n_units, k)."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table as rules see it: its reader, its periods, and who is treated when."""

    reader: Reader
    times: IntArray
    cohorts: FloatArray
    checked: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, panel: Panel) -> Source:
        """A panel as rules see it."""
        return cls(panel.by_period(), panel.times, panel.cohorts)

    @property
    def treated(self) -> BoolArray:
        """Who is treated."""
        return np.isfinite(self.cohorts)


def removal(rule: Rule, source: Source) -> Callable[[int], BoolArray]:
    """From a cohort to the units that the rule keeps from being a candidate of any of its treated units."""
    if rule.kind == "flagged":
        flags = _flags(rule.column, source.reader)
        if rule.window is None:
            return _once(lambda: _any(flags, source.times.tolist(), len(source.cohorts)))
        first, last = rule.window
        return lambda cohort: _any(flags, range(cohort + first, cohort + last + 1), len(source.cohorts))
    if rule.when == "ever":
        return _once(lambda: _exposed(rule, _coded(rule, source, None), source.treated))
    return lambda cohort: _exposed(rule, _coded(rule, source, cohort - 1), source.treated)


def bars(rule: Rule, source: Source) -> tuple[Callable[[int], CodeArray], ...]:
    """Columns of codes in which candidates must differ from the own treated unit, each read from a period."""
    if rule.kind == "shares":
        return (lambda period: source.reader.codes(rule.column, period).codes,)
    places = sorted({label for one, others in rule.pairs for label in (one, *others)})
    table = bar_codes(places, dict(rule.pairs))
    return tuple(_bar(rule, source, (places, column)) for column in table.T)


def _bar(rule: Rule, source: Source, groups: tuple[list[str], IntArray]) -> Callable[[int], CodeArray]:
    """One column of codes; a value without neighbours bars only itself."""
    places, column = groups
    known = dict(zip(places, column.tolist(), strict=True))

    def read(period: int) -> CodeArray:
        coded = _coded(rule, source, period)
        labels = as_texts(coded.labels)
        codes = [known.get(label, len(places) + code) for code, label in enumerate(labels)]
        return np.array([*codes, -1], dtype=np.int32)[coded.codes[:, 0]]

    return read


def first_period(rule: Rule, panel: Panel) -> FloatArray:
    """First period in which each never-treated unit is exposed by the rule; infinite if never."""
    source = Source.of(panel)
    first = np.full(panel.n_units, np.inf)
    if rule.kind == "flagged":
        flags = _flags(rule.column, source.reader)
        for period in reversed(source.times.tolist()):
            first[flags(period)] = period
    elif rule.when == "ever":
        coded = _coded(rule, source, None)
        first = first_exposure(coded.codes, source.cohorts, _around(rule, coded))
    else:
        for cohort in np.unique(source.cohorts[source.treated]).tolist():
            coded = _coded(rule, source, int(cohort) - 1)
            own = np.where(source.cohorts == cohort, cohort, np.nan)
            first = np.minimum(first, first_exposure(coded.codes, own, _around(rule, coded)))
    return np.where(source.treated, np.inf, first)


def _exposed(rule: Rule, coded: Coded, treated: BoolArray) -> BoolArray:
    return exposed_units(coded.codes, treated, _around(rule, coded))


def _around(rule: Rule, coded: Coded) -> Neighbourhoods:
    if rule.kind == "shares":
        return Neighbourhoods.alone(len(coded.labels))
    return Neighbourhoods.between(as_texts(coded.labels), dict(rule.pairs))


def _coded(rule: Rule, source: Source, period: int | None) -> Coded:
    """Codes (n, 1) in one period, or (n, k) of all; an error if the column holds no neighbour that was named."""
    if rule.kind == "neighbours":
        _require_places(rule, source)
    if period is None:
        return source.reader.table(rule.column)
    coded = source.reader.codes(rule.column, period)
    return Coded(coded.codes[:, None], coded.labels)


def _require_places(rule: Rule, source: Source) -> None:
    """Look once whether anything of what was named occurs in any period."""
    if rule.name in source.checked:
        return
    source.checked.add(rule.name)
    labels = as_texts(source.reader.table(rule.column).labels)
    places = {label for one, others in rule.pairs for label in (one, *others)}
    if places.isdisjoint(labels):
        raise ColumnError(
            Problem(
                what=f"no value of column {rule.column!r} is among the neighbours named by rule {rule.name!r}",
                where=f"values {shown(labels)}; neighbours of {shown(sorted(places))}",
                expected="values written as in the neighbours",
                remedy="write both alike, with leading zeros or without",
            )
        )


def _flags(column: str, reader: Reader) -> Callable[[int], BoolArray]:
    """From a period to the units that are flagged in it; each period is read once."""
    read: dict[int, BoolArray] = {}

    def flags(period: int) -> BoolArray:
        if period not in read:
            values = reader.numbers(column, period)
            read[period] = values == 1.0
            if not (read[period] | (values == 0.0) | np.isnan(values)).all():
                raise ColumnError(not_boolean(column))
        return read[period]

    return flags


def not_boolean(column: str) -> Problem:
    """Problem of a column that should hold 0 and 1."""
    return Problem(
        what=f"column {column!r} is not 0 and 1",
        where="",
        expected="0 or 1, or booleans",
        remedy="recode the column",
    )


def _any(flags: Callable[[int], BoolArray], periods: Iterable[int], n: int) -> BoolArray:
    flagged = np.zeros(n, dtype=np.bool_)
    for period in periods:
        flagged |= flags(period)
    return flagged


def _once(work: Callable[[], BoolArray]) -> Callable[[int], BoolArray]:
    """The same answer for every cohort, worked out when it is first asked for."""
    done: list[BoolArray] = []

    def answer(cohort: int) -> BoolArray:  # noqa: ARG001  (one signature for all removals)
        if not done:
            done.append(work())
        return done[0]

    return answer


def as_pairs(neighbours: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Neighbours as text, in an order of their own, so that rules are equal when they say the same."""
    items = neighbours.items() if isinstance(neighbours, Mapping) else neighbours
    texts = {text_of(one): tuple(text_of(other) for other in others) for one, others in items}
    return tuple(sorted(texts.items()))


def problems_of(rule: Rule) -> list[Problem]:
    """Everything that is impossible in a rule."""
    problems = [
        bad(name, getattr(rule, name), " or ".join(repr(choice) for choice in choices))
        for name, choices in _CHOICES.items()
        if getattr(rule, name) not in choices
    ]
    if not (isinstance(rule.column, str) and rule.column):
        problems.append(bad("column", rule.column, "the name of a column"))
    return problems + _bad_flags(rule) + _bad_values(rule)


def _bad_flags(rule: Rule) -> list[Problem]:
    problems = []
    if rule.window is not None and rule.kind != "flagged":
        problems.append(bad("window", rule.window, "none, unless kind='flagged'"))
    elif rule.window is not None and not _is_window(rule.window):
        problems.append(bad("window", rule.window, "two whole numbers, the first not above the second"))
    if rule.kind == "flagged" and (rule.of != "any" or rule.when == "before"):
        problems.append(bad("kind", rule.kind, "of='any' and no when, but a window, for flags"))
    return problems


def _bad_values(rule: Rule) -> list[Problem]:
    problems = []
    if rule.of == "own" and rule.when == "ever":
        problems.append(bad("when", rule.when, "'before', or none, for of='own'"))
    if rule.kind == "neighbours" and not _is_map(rule.neighbours):
        problems.append(bad("neighbours", rule.neighbours, "which values are next to which, such as {'03': ['01']}"))
    if rule.kind != "neighbours" and rule.neighbours is not None:
        problems.append(bad("neighbours", rule.neighbours, "none, unless kind='neighbours'"))
    return problems


def _is_window(value: object) -> bool:
    whole = isinstance(value, list | tuple) and all(type(number) is int for number in value)
    return bool(whole and len(value) == 2 and value[0] <= value[1])  # type: ignore[arg-type, index]


def _is_map(value: Any) -> bool:
    items = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(items, list | tuple) or not items:
        return False
    return all(
        isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[1], list | tuple) for item in items
    )


def bad(option: str, value: object, expected: str) -> Problem:
    """Problem of an option that has an impossible value."""
    return Problem(what=f"option {option}={value!r}", where="rule", expected=expected, remedy=f"change {option}")
