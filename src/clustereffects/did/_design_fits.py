"""The designs that are compared: how each is matched, its effects, placebos, and balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.data import Panel
from clustereffects.did._design_paths import Paths, own_lags
from clustereffects.did.matched import MatchedDiD
from clustereffects.errors import EstimationError, OptionError
from clustereffects.matching import Design, Match, MatchedSets, Matching
from clustereffects.results import Effects

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WORDS = {
    "covariates": "covariates only",
    "level": "level at −1",
    "lags": "levels at −1 … −{last}",
    "growth": "growth from −{last} to −1",
}


def design_lags(last: int) -> dict[str, tuple[int, ...]]:
    """Lags of the outcome that each design matches on."""
    every = tuple(range(1, last + 1))
    return {"covariates": (), "level": (1,), "lags": every, "growth": (1, last)}


def matchings(matching: Matching, outcome: str, last: int) -> dict[str, Matching | None]:
    """Each design as a way of matching; none where nothing is left to be near in."""
    rest = own_lags(matching, outcome)
    growth = tuple(name for name in matching.growth if name != outcome)
    kept = {name: lags for name, lags in dict(_named(matching)).items() if name in growth}
    near = tuple(name for name in matching.near if name != outcome)
    result: dict[str, Matching | None] = {}
    for name, lags in design_lags(last).items():
        on = (*rest, outcome) if name in {"level", "lags"} else tuple(rest)
        grown = (*growth, outcome) if name == "growth" else growth
        own = {outcome: lags} if lags else {}
        columns = {**rest, **kept, **own}
        result[name] = replace(matching, on=on, growth=grown, near=near, lags=columns) if on or grown else None
    return result


def _named(matching: Matching) -> dict[str, tuple[int, ...]]:
    lags: Any = matching.lags
    if lags and isinstance(lags[0], tuple):
        return {name: (own,) if isinstance(own, int) else tuple(own) for name, own in lags}
    return dict.fromkeys((*matching.on, *matching.growth), tuple(lags))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A design, its match and its effects."""

    match: Match
    effects: Effects


def fit(panel: Panel, paths: Paths, matching: Matching | None, estimator: MatchedDiD) -> Fitted | None:
    """Match and estimate; nothing where no pair or no effect is possible."""
    try:
        match = all_alike(paths) if matching is None else matching.fit(panel)
        return Fitted(match, estimator.fit(match, paths.outcome))
    except (EstimationError, OptionError):
        return None


def all_alike(paths: Paths) -> Match:
    """Every treated unit with all candidates of its exact stratum, each with the same weight."""
    sets = _strata(replace(paths, periods=1))
    return Match(
        panel=paths.panel,
        sets=sets,
        covariates=(),
        x_treated=np.empty((len(sets.treated), 0)),
        x_control=np.empty((len(sets.control), 0)),
        design=Design(
            estimand="average effect on the matched treated units (ATT)",
            method=f"all candidates, exact on {', '.join(paths.matching.exact) or 'nothing'}",
            distance="none",
            candidates=f"never treated, or treated later than {paths.matching.horizon} periods after the cohort",
            horizon=paths.matching.horizon,
        ),
    )


def _strata(paths: Paths) -> MatchedSets:
    """One set for each stratum of each cohort that has both sides."""
    parts: dict[str, list[Any]] = {name: [] for name in ("treated", "treated_set", "control", "control_set", "cohort")}
    count = 0
    for cohort in paths.cohorts():
        own, others = (cohort.stratum[side & (cohort.stratum >= 0)] for side in (cohort.treated, ~cohort.treated))
        met = np.intersect1d(own, others)
        for name, side in (("treated", cohort.treated), ("control", ~cohort.treated)):
            there = side & np.isin(cohort.stratum, met)
            parts[name].append(cohort.unit[there])
            parts[f"{name}_set"].append(count + np.searchsorted(met, cohort.stratum[there]))
        parts["cohort"].append(np.full(len(met), paths.panel.cohorts[cohort.unit[cohort.treated]][0]))
        count += len(met)
    if not count:
        raise EstimationError("no treated unit has a candidate in its exact stratum")
    held: dict[str, NDArray[Any]] = {name: np.concatenate(values) for name, values in parts.items()}
    sizes, controls = (np.bincount(held[f"{name}_set"], minlength=count) for name in ("treated", "control"))
    return MatchedSets(
        **held,
        treated_share=1.0 / sizes[held["treated_set"]],
        share=1.0 / controls[held["control_set"]],
        distance=np.full(len(held["control"]), np.nan),
        mass=sizes.astype(np.float64),
        stratum=np.arange(count),
    )


def outcome_gap(match: Match, outcome: str) -> float:
    """Standardised difference of the outcome in the period before joining, after matching."""
    sets, panel = match.sets, match.panel
    values = panel.wide(outcome)
    sides = []
    for unit, cohort, weight in (
        (sets.treated, sets.cohort[sets.treated_set], sets.treated_weights()),
        (sets.control, sets.cohort[sets.control_set], sets.control_weights()),
    ):
        column = np.clip(np.searchsorted(panel.times, cohort - 1), 0, len(panel.times) - 1)
        found = values[unit, column]
        known = np.isfinite(found)
        sides.append((np.average(found[known], weights=weight[known]), found[known]))
    scale = float(np.std(sides[0][1], ddof=1)) if len(sides[0][1]) > 1 else float("nan")
    return float((sides[0][0] - sides[1][0]) / scale) if scale > 0 else float("nan")


def row(fitted: Fitted, outcome: str, last: int) -> Mapping[str, float]:
    """Figures of a design that come from its match and its effects."""
    effects, sets = fitted.effects, fitted.match.sets
    overall, event = effects.aggregate("overall"), effects.aggregate("event").tidy().set_index("event_time")
    balance = fitted.match.balance()["smd_after"].abs().max()
    return {
        "treated": float(effects.sample.counts["treated units with effects"]),
        "controls": float(sets.n_controls),
        "estimate": float(overall.estimate[0]),
        "std_error": float(overall.std_errors.iloc[0]),
        "placebo": _value(event, -2, "estimate"),
        "placebo_std_error": _value(event, -2, "std_error"),
        "placebo_beyond": _value(event, -last - 1, "estimate"),
        "placebo_beyond_std_error": _value(event, -last - 1, "std_error"),
        "balance": float(balance),
        "outcome_gap": outcome_gap(fitted.match, outcome),
    }


def _value(table: Any, event: int, column: str) -> float:
    return float(table.loc[event, column]) if event in table.index else float("nan")
