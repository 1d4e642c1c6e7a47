"""From a match and an outcome to the arrays of the matched estimator, and from its work to tables and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.did.matched_arrays import (
    JOINED,
    MISSING,
    NO_BASE,
    NO_CONTROL,
    NO_OUTCOME,
    OUTSIDE,
    REFERENCE,
    USED,
    EventTime,
    MatchedSample,
)
from clustereffects.errors import EstimationError, InputError, Problem
from clustereffects.matching import Match
from clustereffects.results import Check

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

UNEQUAL_LOSS = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """Arrays of the units involved, where they stand in the panel, and the labels behind the codes of their groups."""

    arrays: MatchedSample
    rows: IntArray
    labels: pd.DataFrame
    observations: bool

    @property
    def treated_rows(self) -> IntArray:
        """Positions of the matched treated units in the panel."""
        return self.rows[self.arrays.treated]

    @property
    def positions(self) -> IntArray:
        """Position in the panel of the unit of each row of the influence function."""
        if not self.observations:
            return self.rows
        return np.asarray(self.rows[np.concatenate([self.arrays.treated, self.arrays.control])], dtype=np.int64)

    def regrouped(self, panel: Panel, by: tuple[str, ...]) -> Taken:
        """The same sample with cells that are split further by columns of the panel."""
        group, labels = groups(panel, self.treated_rows, by)
        return replace(self, arrays=replace(self.arrays, group=group), labels=labels)


def take_sample(match: Match, outcome: str, *, observations: bool = False) -> Taken:
    """Outcomes of the units involved and their sets; only these units enter the influence function.

    It has one row per unit, or with ``observations`` one for each unit in each set that it is in.
    """
    _require_sets(match)
    panel, sets = match.panel, match.sets
    rows = np.unique(np.concatenate([sets.treated, sets.control]))
    group, labels = groups(panel, sets.treated, ())
    m, links = len(sets.treated), len(sets.control)
    arrays = MatchedSample(
        outcome=panel.wide(outcome)[rows],
        times=panel.times,
        joined=panel.cohorts[rows],
        treated=np.searchsorted(rows, sets.treated),
        group=group,
        mass=_mass(panel, sets.treated) * sets.treated_weights(),
        treated_set=sets.treated_set,
        control=np.searchsorted(rows, sets.control),
        control_set=sets.control_set,
        share=sets.share,
        stratum=sets.stratum,
        x_treated=match.x_treated,
        x_control=match.x_control,
        **({"treated_row": np.arange(m), "control_row": m + np.arange(links)} if observations else {}),
    )
    return Taken(arrays, rows, labels, observations)


def _require_sets(match: Match) -> None:
    if not isinstance(match, Match):
        raise InputError(
            Problem(
                what=f"a {type(match).__name__} has no periods before and after joining",
                where="",
                expected="a match of a panel",
                remedy="match with Matching(...).fit(panel)",
            )
        )
    if not len(match.sets.control):
        raise EstimationError("the match holds no pair: see match.unmatched() for the reasons")
    if not (np.isfinite(match.x_treated).all() and np.isfinite(match.x_control).all()):
        raise InputError(
            Problem(
                what="matching covariates are missing or infinite",
                where=f"covariates {', '.join(match.covariates)}",
                expected="finite values for both units of every pair",
                remedy="match on variables that are known for both",
            )
        )


def groups(panel: Panel, members: IntArray, by: tuple[str, ...]) -> tuple[IntArray, pd.DataFrame]:
    """Codes of the groups of treated units, and the labels of each code: organisation, and columns of the panel.

    A column is read in the period before joining.
    """
    columns: dict[str, Any] = {}
    if panel.roles["group"] is not None:
        columns["group"] = panel.groups[members].astype(str)
    for column in by:
        columns[column] = _known(panel.wide_objects(column)[members, _base(panel, members)])
    table = pd.DataFrame(columns, index=range(len(members)))
    if not columns:
        return np.zeros(len(members), dtype=np.int64), pd.DataFrame(index=range(1))
    codes: IntArray = np.asarray(table.groupby(list(columns), sort=True).ngroup(), dtype=np.int64)
    first = np.unique(codes, return_index=True)[1]
    return codes, table.iloc[first].reset_index(drop=True)


def _known(values: NDArray[np.object_]) -> Any:
    """Labels that can be sorted: text with a word for what is missing, where anything is."""
    missing = pd.isna(values)
    if missing.any():
        return np.array(["missing" if none else str(value) for value, none in zip(values, missing, strict=True)])
    return pd.Series(list(values)).to_numpy()


def _base(panel: Panel, members: IntArray) -> IntArray:
    """Column of the period before joining; the last one if the panel does not have it."""
    base = np.searchsorted(panel.times, panel.cohorts[members] + REFERENCE)
    return np.minimum(base, len(panel.times) - 1).astype(np.int64)


def _mass(panel: Panel, members: IntArray) -> FloatArray:
    """Sampling weight of each treated unit in the period before joining; one if the panel has none."""
    column = panel.roles["weights"]
    if column is None:
        return np.ones(len(members))
    return np.nan_to_num(panel.wide(column)[members, _base(panel, members)])


def nothing_left(parts: Sequence[EventTime]) -> Problem:
    """Why no treated unit has an effect."""
    fates = np.concatenate([part.fate for part in parts])
    reasons = {
        "outside the panel": OUTSIDE,
        "not observed in the period before joining": NO_BASE,
        "not observed themselves": NO_OUTCOME,
        "without a control left": NO_CONTROL,
    }
    found = [f"{int((fates == code).sum())} {why}" for why, code in reasons.items() if (fates == code).any()]
    return Problem(
        what="no treated unit has an effect at any event time",
        where=f"treated unit-periods: {', '.join(found)}",
        expected="treated units and controls observed before and after joining",
        remedy="check the outcome's missing values, the window, and match.pairs()",
    )


def account(match: Match, taken: Taken, parts: Sequence[EventTime]) -> SampleAccount:
    """Account of the treated unit-periods in the window, the reference period left out."""
    measured = [part for part in parts if part.event_time != REFERENCE]
    fates = np.concatenate([part.fate for part in measured])
    cohorts = match.panel.cohorts
    everyone = cohorts[np.isfinite(cohorts)]
    offered = sum(int(np.isin(everyone + part.event_time, match.panel.times).sum()) for part in measured)
    dropped = {
        "treated unit not matched": offered - int((fates != OUTSIDE).sum()),
        "outcome missing in the period before treatment": int((fates == NO_BASE).sum()),
        "outcome missing": int((fates == NO_OUTCOME).sum()),
        "no control left": int((fates == NO_CONTROL).sum()),
    }
    return SampleAccount(
        rows_in=offered,
        rows_used=int((fates == USED).sum()),
        dropped={why: count for why, count in dropped.items() if count},
        counts={"treated units": len(everyone), **_counts(taken.arrays, measured)},
    )


def _counts(arrays: MatchedSample, parts: Sequence[EventTime]) -> dict[str, int]:
    use = np.zeros(len(arrays.outcome))
    served = np.zeros(len(arrays.outcome), dtype=bool)
    lost = {MISSING: 0, JOINED: 0}
    for part in parts:
        served[arrays.control[part.weight > 0]] = True
        if part.event_time >= 0:
            weight = part.weight * arrays.set_mass(part.used)[arrays.control_set]
            use += np.bincount(arrays.control, weight, len(use))
        there = np.bincount(arrays.treated_set, part.fate >= NO_CONTROL, arrays.n_sets) > 0
        for why in lost:
            lost[why] += int(((part.lost == why) & there[arrays.control_set]).sum())
    ever = np.logical_or.reduce([part.used for part in parts])
    after = sum(int(part.used.sum()) for part in parts if part.event_time >= 0)
    return {
        "matched treated units": len(arrays.treated),
        "treated units with effects": int(ever.sum()),
        "treated unit-periods from treatment on": after,
        "controls": int(served.sum()),
        "effective controls": round(float(use.sum() ** 2 / (use**2).sum())) if use.any() else 0,
        "control unit-periods missing": lost[MISSING],
        "control unit-periods after their own treatment": lost[JOINED],
    }


def unit_table(match: Match, taken: Taken, parts: Sequence[EventTime]) -> pd.DataFrame:
    """Effect of every treated unit at every event time but the reference, with the controls that were left."""
    tables = []
    for part in parts:
        if part.event_time == REFERENCE:
            continue
        used = np.flatnonzero(part.used)
        counts = taken.arrays.sums((part.weight > 0).astype(np.float64))[taken.arrays.treated_set]
        cohort = taken.arrays.cohort[used]
        columns = {
            "unit": match.panel.units[taken.treated_rows[used]],
            "cohort": cohort,
            "time": cohort + part.event_time,
            "event_time": part.event_time,
            "effect": part.effect[used],
            "n_controls": counts[used].astype(np.int64),
        }
        table = pd.DataFrame(columns)
        for place, (name, values) in enumerate(taken.labels.items()):
            table.insert(1 + place, str(name), values.to_numpy()[taken.arrays.group[used]])
        tables.append(table)
    return pd.concat(tables, ignore_index=True).sort_values(["unit", "event_time"], ignore_index=True)


def adjustment_check(parts: Sequence[EventTime], covariates: Sequence[str], *, wanted: bool) -> tuple[Check, ...]:
    """How the bias adjustment was done and what it moved."""
    measured = [part for part in parts if part.event_time != REFERENCE and part.used.any()]
    if not wanted or not covariates:
        return ()
    without = [part.event_time for part in measured if part.level == "none"]
    within = sorted({part.level for part in measured} - {"none"})
    moved = np.concatenate([part.adjustment[part.used] for part in measured if part.event_time >= 0] or [np.zeros(1)])
    done = f"regression of the controls' changes on {', '.join(covariates)} within {' or '.join(within) or 'nothing'}"
    return (
        Check(
            name="bias adjustment",
            verdict="warn" if without else "info",
            statistic=float(moved.mean()),
            message=f"{done}; it moved the mean effect by {-moved.mean():.4g}"
            + (f"; too few controls at event times {without}: not adjusted there" if without else ""),
            remedy="match on fewer covariates or with more controls" if without else "",
        ),
    )


def loss_check(arrays: MatchedSample, parts: Sequence[EventTime]) -> tuple[Check, ...]:
    """Whether treated units and their controls disappear from the data equally often after joining."""
    after = [part for part in parts if part.event_time >= 0]
    inside = np.concatenate([part.fate != OUTSIDE for part in after])
    gone = np.concatenate([np.isin(part.fate, [NO_BASE, NO_OUTCOME]) for part in after])
    if not inside.any():
        return ()
    sizes = [np.bincount(arrays.treated_set, part.fate != OUTSIDE, arrays.n_sets) for part in after]
    weight = np.concatenate([arrays.share * size[arrays.control_set] for size in sizes])
    lost = np.concatenate([part.lost for part in after])
    treated = float(gone.sum() / inside.sum())
    at_risk = float(weight[lost != JOINED].sum())
    controls = float(weight[lost == MISSING].sum()) / at_risk if at_risk else 0.0
    unequal = abs(treated - controls) > UNEQUAL_LOSS
    return (
        Check(
            name="loss of units after joining",
            verdict="warn" if unequal else "pass",
            statistic=treated - controls,
            threshold=UNEQUAL_LOSS,
            message=f"outcome missing from joining on: {treated:.1%} of treated unit-periods, {controls:.1%} of their "
            "controls'",
            remedy="effects hold for units that stay; report the loss, study exit as an outcome" if unequal else "",
        ),
    )
