"""Contamination rules as data: who cannot be a control because treatment may have reached it too, and the reverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

import clustereffects.matching._rules as _rules
from clustereffects.data import Panel, require_columns
from clustereffects.errors import EstimationError, OptionError, Problem

_ANY, _OWN = "any treated unit", "the own treated unit"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A reason for which a unit cannot be a control.

    Parameters
    ----------
    kind : {"flagged", "shares", "neighbours"}
        The unit is flagged; has a value that a treated unit has; or is in a place where a treated unit is or next to
        it.
    column : str
        Column of 0 and 1 (or booleans) for flags; of any type otherwise. Missing is no flag and shares nothing.
    of : {"any", "own"}
        With whom values are compared: any treated unit, of whatever cohort and apart from the unit itself, so that the
        unit is no candidate for anybody; or the treated unit for which it would be a control.
    when : {"ever", "before"}, optional
        Whether values of any period count, on both sides, or those of the period before joining; by default
        ``"ever"`` for ``of="any"``. For ``of="own"`` it is always the period before joining.
    window : pair of int, optional
        Flags in these periods only, relative to joining: ``(-3, 5)`` is from three before to five after. By default
        flags of any period.
    neighbours : mapping of value to values, optional
        For ``kind="neighbours"``: which values are next to which. Compared as text; being next to each other goes both
        ways, and every value is in its own neighbourhood.
    name : str, optional
        What tables call the rule.

    Raises
    ------
    OptionError
        Lists every impossible choice.

    Notes
    -----
    Rules may look at periods after joining: a firm that joins or is supported later is no good control. Nothing that
    units are matched on does.

    Examples
    --------
    >>> Rule(kind="shares", column="parent").name
    'shares parent with any treated unit'
    >>> Rule(kind="flagged", column="support", window=[-3, 5]).name
    'support from -3 to 5'
    >>> Rule(kind="neighbours", column="county", of="own", neighbours={"03": ["01", "19"]}).neighbours
    (('03', ('01', '19')),)
    """

    kind: Literal["flagged", "shares", "neighbours"]
    column: str
    of: Literal["any", "own"] = "any"
    when: Literal["ever", "before"] | None = None
    window: Sequence[int] | None = None
    neighbours: Mapping[Any, Sequence[Any]] | Sequence[tuple[Any, Sequence[Any]]] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        problems = _rules.problems_of(self)
        if problems:
            raise OptionError(problems)
        if self.neighbours is not None:
            object.__setattr__(self, "neighbours", _rules.as_pairs(self.neighbours))
        if self.window is not None:
            object.__setattr__(self, "window", tuple(self.window))
        if self.when is None:
            object.__setattr__(self, "when", "before" if self.of == "own" else "ever")
        if not self.name:
            object.__setattr__(self, "name", self._said())

    @property
    def pairs(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Neighbours as text."""
        return () if self.neighbours is None else _rules.as_pairs(self.neighbours)

    def _said(self) -> str:
        if self.kind == "flagged":
            return self.column + ("" if self.window is None else f" from {self.window[0]} to {self.window[1]}")
        whom = _ANY if self.of == "any" else _OWN
        when = " before joining" if (self.of, self.when) == ("any", "before") else ""
        return (
            f"shares {self.column} with {whom}{when}"
            if self.kind == "shares"
            else (f"in or next to {self.column} of {whom}{when}")
        )


def exposed(panel: Panel, rules: Sequence[Rule]) -> pd.DataFrame:
    """Contamination rules the other way round: from when on each never-treated unit is exposed, for a spillover study.

    A unit is exposed by a rule of flags from its first flagged period on; by a rule of values from the first joining
    year of a treated unit with which it shares them (for ``when="before"``, and for ``of="own"``, as of the period
    before that unit joins). Units that a rule with ``of="any"`` and ``when="ever"``, or of flags without a window,
    leaves as candidates are never exposed by it, and the others are.

    Parameters
    ----------
    panel : Panel
    rules : sequence of Rule

    Returns
    -------
    DataFrame
        One row for each unit that is never treated: ``unit``; ``exposed_from``, NaN if never; ``rule``, the name of
        the first rule by which it is exposed then, empty if never. ``exposed_from`` serves as the cohort of a panel
        without the treated units.

    Raises
    ------
    ColumnError
        If a column is missing, or flags are not 0 and 1.
    OptionError
        If there are no rules, or two of one name.
    EstimationError
        If nobody is treated, or the panel consists of repeated cross-sections.

    References
    ----------
    Cerqua & Pellegrini (2017), *Small Business Economics* 49(3), 671–683, for firms near the treated as an arm of
    their own.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "firm": [1, 1, 2, 2, 3, 3], "year": [2004, 2005] * 3, "joined": [2005, 2005] + [None] * 4,
    ...     "region": ["a", "a", "a", "a", "b", "b"], "sales": [5.0, 6.0, 4.0, 5.0, 4.0, 4.0],
    ... })
    >>> near = exposed(Panel(frame, unit="firm", time="year", cohort="joined"), [Rule(kind="shares", column="region")])
    >>> near["exposed_from"].tolist()
    [2005.0, nan]
    >>> others = frame[frame["joined"].isna()].merge(near, left_on="firm", right_on="unit")
    >>> Panel(others, unit="firm", time="year", cohort="exposed_from")
    Panel(2 units × 2 periods, 1 treated in 1 cohort)
    """
    require_rules(rules)
    if not rules:
        raise OptionError(_rules.bad("rules", (), "at least one rule"))
    require_columns([rule.column for rule in rules], panel.columns)
    never = np.isnan(panel.cohorts)
    if never.all():
        raise EstimationError(_nobody_treated())
    first = [_rules.first_period(rule, panel) for rule in rules]
    best = np.argmin(first, axis=0)[never]
    when = np.min(first, axis=0)[never]
    names = np.array([rule.name for rule in rules], dtype=object)[best]
    return pd.DataFrame(
        {
            "unit": panel.units[never],
            "exposed_from": np.where(np.isfinite(when), when, np.nan),
            "rule": np.where(np.isfinite(when), names, ""),
        }
    )


def require_rules(rules: Sequence[Rule]) -> None:
    """Raise if something is no rule, or two rules have one name.

    Parameters
    ----------
    rules : sequence of Rule

    Raises
    ------
    OptionError
        Lists both.

    Examples
    --------
    >>> require_rules([Rule(kind="flagged", column="member")])
    """
    problems = [_rules.bad("rules", rule, "Rule(kind=..., column=...)") for rule in rules if not isinstance(rule, Rule)]
    names = [rule.name for rule in rules if isinstance(rule, Rule)]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [_rules.bad("rules", f"two rules called {name}", "a name of its own for each rule") for name in twice]
    if problems:
        raise OptionError(problems)


def _nobody_treated() -> Problem:
    return Problem(
        what="no unit is treated",
        where="",
        expected="treated units, to whom others can be close",
        remedy="name the column of joining: Panel(..., cohort=...)",
    )
