"""From a table, a panel or one row per unit, to what risk sets are made from, with the names of all parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._ladder as _ladder
import clustereffects.matching._rules as _rules
from clustereffects.data import Panel
from clustereffects.data.by_period import ByPeriod
from clustereffects.matching._rules import Reader, Source
from clustereffects.matching.history import Bound, History, Variable
from clustereffects.matching.rules import Rule

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
CodeArray = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Columns to match on by their parts; ``lags`` for all, or for each column."""

    on: tuple[str, ...] = ()
    growth: tuple[str, ...] = ()
    lags: tuple[int, ...] | Mapping[str, tuple[int, ...]] = (1, 2)
    exact: tuple[str, ...] = ()
    ladder: _ladder.Ladder = ()
    forbid: tuple[str, ...] = ()
    exclude: str | None = None
    bounds: Mapping[str, bool] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    active: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, each once."""
        plain = [name for name in self.exact if name not in dict(self.ladder)]
        others = [*_ladder.ladder_columns(self.ladder), *self.forbid, *([self.exclude] if self.exclude else [])]
        rules = [rule.column for rule in self.rules]
        return tuple(dict.fromkeys([*self.on, *self.growth, *plain, *others, *self.bounds, *rules]))

    def lags_of(self, column: str) -> tuple[int, ...]:
        """Lags at which a column is read."""
        return tuple(self.lags[column]) if isinstance(self.lags, Mapping) else tuple(self.lags)

    @property
    def own(self) -> tuple[Rule, ...]:
        """Rules between a candidate and the own treated unit."""
        return tuple(rule for rule in self.rules if rule.of == "own")

    @property
    def general(self) -> tuple[Rule, ...]:
        """Rules that take candidates from everybody."""
        return tuple(rule for rule in self.rules if rule.of != "own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Names of the columns of ``Units`` and of the steps of ``Tally``.

    ``columns`` are those from which the covariates come; ``forbid`` repeats the name of a rule that bars by several
    columns of codes; ``steps`` are those of ``Tally``, ``lacks`` the entries of ``Tally.missing``.
    """

    covariates: tuple[str, ...]
    columns: tuple[str, ...]
    exact: tuple[str, ...]
    forbid: tuple[str, ...]
    bounds: tuple[str, ...]
    steps: tuple[str, ...]
    rungs: tuple[str, ...]

    @property
    def idle(self) -> str:
        """The step that removes nobody because no periods of activity were asked for; empty if they were."""
        return self.steps[0] if self.steps[0].startswith("not observed in the 0 ") else ""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a unit can lack."""
        logs = tuple(f"{name} above 0" for name in self.bounds)
        exact = tuple(f"exact: {name}" for name in self.exact)
        return (*self.covariates, *exact, *self.bounds, *logs, self.steps[0])


def panel_history(panel: Panel, wanted: Wanted) -> tuple[History, Labels]:
    """What the risk sets of a panel are made from; reads nothing yet but names."""
    source = Source.of(panel)
    read = source.reader.numbers
    variables = [Variable(_reading(read, name), wanted.lags_of(name)) for name in wanted.on]
    variables += [Variable(_reading(read, name), wanted.lags_of(name), growth=True) for name in wanted.growth]
    levels = [(f"{name}[-{lag}]", name) for name in wanted.on for lag in wanted.lags_of(name)]
    changes = [(_growth_label(name, wanted.lags_of(name)), name) for name in wanted.growth]
    return _history(source, tuple(variables), wanted), _labels([*levels, *changes], wanted, source)


def frame_history(
    table: pd.DataFrame, x: FloatArray, names: Sequence[tuple[str, str]], roles: tuple[BoolArray, Wanted]
) -> tuple[History, Labels]:
    """What the risk set of a table with one row per unit is made from; ``names`` are covariate and column of ``x``.

    ``roles`` are who is treated, and what is wanted besides the covariates.
    """
    treated, wanted = roles
    # Seen once, a flag is a flag whenever it was given.
    wanted = replace(wanted, rules=tuple(replace(rule, window=None) for rule in wanted.rules))
    source = Source(ByPeriod.once(table), np.array([0]), np.where(treated, 1.0, np.nan))
    variables = tuple(Variable(_same(column), (1,)) for column in x.T)
    return _history(source, variables, wanted), _labels(names, wanted, source)


def _reading(read: Callable[[str, int], FloatArray], column: str) -> Callable[[int], FloatArray]:
    return partial(read, column)


def _same(values: FloatArray) -> Callable[[int], FloatArray]:
    return partial(_whenever, values)


def _whenever(values: FloatArray, period: int) -> FloatArray:  # noqa: ARG001  (seen once)
    return values


def _growth_label(name: str, lags: tuple[int, ...]) -> str:
    return f"{name} growth[-{max(lags)},-{min(lags)}]"


def _history(source: Source, variables: tuple[Variable, ...], wanted: Wanted) -> History:
    reader = source.reader
    excluded = [Rule(kind="flagged", column=wanted.exclude)] if wanted.exclude else []
    bars: list[Callable[[int], CodeArray]] = [_coding(reader, name) for name in wanted.forbid]
    for rule in wanted.own:
        bars += _rules.bars(rule, source)
    return History(
        cohorts=source.cohorts,
        variables=variables,
        exact=_ladder.level_readers(reader, wanted.exact, wanted.ladder),
        rungs=_ladder.rungs_of(wanted.exact, wanted.ladder),
        forbid=tuple(bars),
        bounds=tuple(Bound(_reading(reader.numbers, name), log) for name, log in wanted.bounds.items()),
        removals=tuple(_rules.removal(rule, source) for rule in [*excluded, *wanted.general]),
    )


def _coding(reader: Reader, column: str) -> Callable[[int], CodeArray]:
    return partial(_ladder.codes_in, reader, column)


def _labels(names: Sequence[tuple[str, str]], wanted: Wanted, source: Source) -> Labels:
    covariates, columns = zip(*names, strict=True) if names else ((), ())
    excluded = [f"exclude: {wanted.exclude}"] if wanted.exclude else []
    barred = [rule.name for rule in wanted.own for _ in _rules.bars(rule, source)]
    return Labels(
        covariates=tuple(covariates),
        columns=tuple(columns),
        exact=_ladder.exact_names(wanted.exact, wanted.ladder),
        forbid=(*(f"forbid: {name}" for name in wanted.forbid), *barred),
        bounds=tuple(wanted.bounds),
        steps=(
            f"not observed in the {wanted.active} periods before joining",
            *excluded,
            *(rule.name for rule in wanted.general),
        ),
        rungs=_ladder.rung_labels(wanted.ladder),
    )
