"""From a match and an outcome to the arrays of the matched estimator, and from its work to tables and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """Arrays of the units involved and where they stand in the panel."""

    arrays: MatchedSample
    rows: IntArray
    group_names: tuple[str, ...]

    @property
    def treated_rows(self) -> IntArray:
        """Positions of the matched treated units in the panel."""
        return self.rows[self.arrays.treated]


def take_sample(match: Match, outcome: str) -> Taken:
    """Outcomes of the units involved and their pairs; only these units enter the influence function."""
    _require_pairs(match)
    panel = match.panel
    sets = match.sets
    member, link = sets.links()
    members, control = sets.treated, sets.control[link]
    rows = np.unique(np.concatenate([members, control]))
    group, names = _groups(panel, members)
    arrays = MatchedSample(
        outcome=panel.wide(outcome)[rows],
        times=panel.times,
        joined=panel.cohorts[rows],
        treated=np.searchsorted(rows, members),
        group=group,
        mass=_mass(panel, members),
        member=member,
        control=np.searchsorted(rows, control),
        weight=sets.share[link],
        stratum=sets.stratum[sets.treated_set[member]],
        x_member=match.x_treated[member],
        x_control=match.x_control[link],
    )
    return Taken(arrays, rows, names)


def _require_pairs(match: Match) -> None:
    if not isinstance(match, Match):
        raise InputError(
            Problem(
                what=f"a {type(match).__name__} has no periods before and after joining",
                where="",
                expected="a match of a panel",
                remedy="match with Matching(...).fit(panel)",
            )
        )
    if not len(match.sets.treated):
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


def _groups(panel: Panel, members: IntArray) -> tuple[IntArray, tuple[str, ...]]:
    if panel.roles["group"] is None:
        return np.zeros(len(members), dtype=np.int64), ()
    names, codes = np.unique(panel.groups[members].astype(str), return_inverse=True)
    return codes.ravel(), tuple(str(name) for name in names)


def _mass(panel: Panel, members: IntArray) -> FloatArray:
    """Sampling weight of each treated unit in the period before joining; one if the panel has none."""
    column = panel.roles["weights"]
    if column is None:
        return np.ones(len(members))
    base = np.searchsorted(panel.times, panel.cohorts[members] + REFERENCE)
    return np.nan_to_num(panel.wide(column)[members, np.minimum(base, len(panel.times) - 1)])


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
    for part in parts:
        served[arrays.control[part.weight > 0]] = True
        if part.event_time >= 0:
            use += np.bincount(arrays.control, part.weight * arrays.mass[arrays.member], len(use))
    ever = np.logical_or.reduce([part.used for part in parts])
    after = sum(int(part.used.sum()) for part in parts if part.event_time >= 0)
    lost = np.concatenate([part.lost[(part.fate >= NO_CONTROL)[arrays.member]] for part in parts])
    return {
        "matched treated units": len(arrays.treated),
        "treated units with effects": int(ever.sum()),
        "treated unit-periods from treatment on": after,
        "controls": int(served.sum()),
        "effective controls": round(float(use.sum() ** 2 / (use**2).sum())) if use.any() else 0,
        "control unit-periods missing": int((lost == MISSING).sum()),
        "control unit-periods after their own treatment": int((lost == JOINED).sum()),
    }


def unit_table(match: Match, taken: Taken, parts: Sequence[EventTime]) -> pd.DataFrame:
    """Effect of every treated unit at every event time but the reference, with the controls that were left."""
    tables = []
    for part in parts:
        if part.event_time == REFERENCE:
            continue
        used = np.flatnonzero(part.used)
        counts = taken.arrays.sums((part.weight > 0).astype(np.float64))
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
        if taken.group_names:
            table.insert(1, "group", [taken.group_names[code] for code in taken.arrays.group[used]])
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
    weight = np.concatenate([arrays.weight * (part.fate != OUTSIDE)[arrays.member] for part in after])
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
