"""Summary of effects: what is estimated, how, from which rows, with which errors, and what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clustereffects.data.account import SampleAccount
from clustereffects.results.checks import Check
from clustereffects.results.clusters import assigned_by
from clustereffects.results.pretrends import NAME
from clustereffects.results.summary import Summary

if TYPE_CHECKING:
    from clustereffects.results.effects import Effects

FloatArray = NDArray[np.float64]

_SHOWN = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
_MOST_DECIMALS = 6


def summarise(effects: Effects, level: float) -> Summary:
    """Summary of effects as a table in a paper."""
    table, name, checks = effects.tidy(level), effects.description, effects.checks()
    columns = [*(effects.labels.columns if effects.labels.shape[1] else ["term"]), *_SHOWN]
    facts = [
        ("Estimand", effects.estimand),
        ("Method", effects.method),
        ("Standard errors", effects.uncertainty.convention),
    ]
    if effects.sampling is not None:
        facts.append(("Treatment assigned by", assigned_by(effects.sampling, effects.uncertainty.columns)))
    facts += [("Sample", _counts(effects.sample)), ("Rows", _rows(effects.sample))]
    return Summary(
        title=f"Effects on {name.outcome}: {name.aggregation}",
        facts=tuple(fact for fact in facts if fact[1]),
        table=table[columns],
        notes=(*_intervals(effects, level), *_findings(checks)),
        digits=_decimals(effects.std_errors.to_numpy()),
    )


def _counts(sample: SampleAccount) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sample.counts.items())


def _rows(sample: SampleAccount) -> str:
    lost = ", ".join(f"{count:,} {why}" for why, count in sample.dropped.items())
    return f"{sample.rows_in:,} in, {sample.rows_used:,} used{f'; dropped: {lost}' if lost else ''}"


def _intervals(effects: Effects, level: float) -> tuple[str, ...]:
    """Reference distribution, and by event time what would cover all at once."""
    spread = effects.uncertainty
    pointwise = f"{level:.0%} intervals: pointwise {spread.reference}."
    known = spread.std_error > 0
    if effects.description.aggregation != "event" or not known.any():
        return (pointwise,)
    values, source = spread.simultaneous(level)
    both = (_span(spread.critical_values(level)[known]), _span(values[known]))
    return (pointwise, f"Critical values: pointwise {both[0]}; simultaneous {both[1]} (sup-t, {source}).")


def _span(values: FloatArray) -> str:
    """Smallest and largest value, or the one there is."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "unknown"
    low, high = (f"{value:.2f}" for value in (finite.min(), finite.max()))
    return low if low == high else f"{low} to {high}"


def _findings(checks: list[Check]) -> tuple[str, ...]:
    """The test before treatment, whatever it says, then every warning."""
    before = [check for check in checks if check.name == NAME]
    warnings = [check for check in checks if check.name != NAME and not check.ok]
    return tuple(f"{check.verdict}: {check.name}: {check.message}" for check in [*before, *warnings])


def _decimals(std_error: FloatArray) -> int:
    """Decimals with which a usual standard error has three digits and the smallest one two."""
    known = std_error[std_error > 0]
    if not len(known):
        return 4
    usual, smallest = (int(np.floor(np.log10(value))) for value in (np.median(known), known.min()))
    return int(np.clip(max(2 - usual, 1 - smallest), 0, _MOST_DECIMALS))
