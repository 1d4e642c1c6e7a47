"""From a panel to the arrays of the group-time estimator, with everything refused that cannot be estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import clustereffects.did._covariates as _covariates
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.did.group_time import GroupTimeData, GroupTimeEffects
from clustereffects.did.group_time_plan import already_treated, estimated_cohorts, never_treated
from clustereffects.errors import EstimationError, OptionError, Problem
from clustereffects.results import Check

if TYPE_CHECKING:
    from clustereffects.did.group_time_estimator import GroupTimeDiD

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Arrays for the kernel and which units of the panel they hold."""

    data: GroupTimeData
    kept: BoolArray
    covariates: _covariates.Covariates | None
    group_names: tuple[str, ...]


def take_sample(model: GroupTimeDiD, panel: Panel, outcome: str) -> Sample:
    """Arrays for the kernel: units with a period before treatment, outcome, covariates and weights in wide form."""
    _require_roles(model, panel)
    kept = ~already_treated(panel.cohorts, panel.times, model.anticipation)
    _require_comparison(model, panel, panel.cohorts[kept])
    wide = panel.wide(outcome)
    if not np.isfinite(wide[kept]).any():
        raise EstimationError(f"the outcome {outcome!r} is missing in all rows of the units that can be compared")
    covariates = _covariates.evaluate(panel, model.covariates) if model.covariates else None
    cube = covariates.wide(panel)[kept] if covariates and covariates.names else None
    if cube is not None and not np.isfinite(cube).all(axis=2).any():
        raise EstimationError(f"the covariates {model.covariates!r} are missing in all rows that can be compared")
    codes, names = _group_codes(panel, panel.cohorts) if model.by_group else (None, ())
    weights = panel.roles["weights"]
    data = GroupTimeData(
        outcome=wide[kept],
        cohorts=panel.cohorts[kept],
        times=panel.times,
        covariates=cube,
        weights=panel.wide(weights)[kept] if weights else None,
        groups=None if codes is None else codes[kept],
    )
    return Sample(data, kept, covariates, names)


def _require_roles(model: GroupTimeDiD, panel: Panel) -> None:
    if panel.roles["cohort"] is None:
        raise EstimationError(
            Problem(
                what="the panel has no cohort",
                where="",
                expected="the first treated period of every unit",
                remedy="name its column: Panel(..., cohort=...)",
            )
        )
    if model.by_group and panel.roles["group"] is None:
        raise OptionError(
            Problem(
                what="by_group=True, but the panel has no group",
                where="",
                expected="the cluster organisation of every treated unit",
                remedy="name its column: Panel(..., group=...)",
            )
        )


def _require_comparison(model: GroupTimeDiD, panel: Panel, cohorts: FloatArray) -> None:
    never = never_treated(cohorts, panel.times, model.anticipation)
    if model.control == "never_treated" and not never.any():
        raise EstimationError(
            Problem(
                what="there is no never-treated unit",
                where=f"{len(cohorts):,} units, all treated by {int(panel.times[-1]) + model.anticipation}",
                expected="units that are never treated, for control='never_treated'",
                remedy="use control='not_yet_treated'; the last cohort then serves as comparison only",
            )
        )
    if not len(estimated_cohorts(cohorts, panel.times, model.anticipation)):
        raise EstimationError(
            Problem(
                what="no cohort can be compared",
                where=f"{int(np.isfinite(panel.cohorts).sum()):,} treated units, {int(never.sum()):,} never treated, "
                f"periods {int(panel.times[0])}–{int(panel.times[-1])}, anticipation {model.anticipation}",
                expected="a cohort treated after the first period, and units treated later or never",
                remedy="add earlier periods or untreated units",
            )
        )


def nothing_identified(found: GroupTimeEffects) -> Problem:
    """Why there is no effect at all."""
    reasons = sorted({reason for reason in found.reasons if reason})
    return Problem(
        what="no effect is identified",
        where="; ".join(reasons),
        expected="treated and comparison units observed in a base period and a later one",
        remedy="use fewer covariates, another control group, or check the outcome's missing values",
    )


def _group_codes(panel: Panel, cohorts: FloatArray) -> tuple[IntArray, tuple[str, ...]]:
    """Group of each treated unit as a code, −1 for the others."""
    treated = np.isfinite(cohorts)
    names, codes = np.unique(panel.groups[treated].astype(str), return_inverse=True)
    result = np.full(panel.n_units, -1, dtype=np.int64)
    result[treated] = codes.ravel()
    return result, tuple(str(name) for name in names)


def notes(sample: Sample, panel: Panel, model: GroupTimeDiD) -> tuple[Check, ...]:
    """What a reader should know but nobody needs to repair."""
    data = sample.data
    last = np.nanmax(data.cohorts)
    alone = last <= panel.times[-1] and not never_treated(data.cohorts, panel.times, model.anticipation).any()
    gaps = int((np.isfinite(data.outcome).any(axis=1) & ~np.isfinite(data.outcome).all(axis=1)).sum())
    early = int((~sample.kept).sum())
    constant = sample.covariates.constant if sample.covariates else ()
    notes = {
        "units treated from the start": (early, f"{early:,} units were treated in the first period already: left out"),
        "last cohort": (alone, f"nobody is never treated: cohort {last:.0f} serves as comparison only"),
        "complete pairs": (
            gaps,
            f"{gaps:,} units are not observed in all periods: they enter where they have both periods of a comparison",
        ),
        "covariates": (constant, f"constant, left out: {', '.join(constant)}"),
    }
    return tuple(Check(name=name, verdict="info", message=text) for name, (found, text) in notes.items() if found)


def account(panel: Panel, sample: Sample, found: GroupTimeEffects) -> SampleAccount:
    """Every row of the panel: used, or dropped for one reason."""
    units, times = panel.row_codes
    kept = sample.kept[units]
    position = np.cumsum(sample.kept)[units] - 1
    observed = np.isfinite(sample.data.outcome)[position, times] & kept
    used = found.used[position, times] & kept
    complete = np.ones_like(kept)
    if sample.covariates is not None:
        complete = np.asarray(np.isfinite(sample.covariates.rows).all(axis=1))
    dropped = {
        "treated in the first period already": ~kept,
        "outcome missing": kept & ~observed,
        "covariates missing": observed & ~used & ~complete,
        "in no comparison": observed & ~used & complete,
    }
    cohorts = sample.data.cohorts[found.used.any(axis=1)]
    shown = np.isin(cohorts, [cell.cohort for cell in found.cells])
    counts = {
        "units": len(cohorts),
        "treated units": int(shown.sum()),
        "never-treated units": int(np.isnan(cohorts).sum()),
        "cohorts": len(np.unique(cohorts[shown])),
        "periods": len(panel.times),
    }
    reasons = {why: int(rows.sum()) for why, rows in dropped.items() if rows.any()}
    return SampleAccount(rows_in=len(units), rows_used=int(used.sum()), dropped=reasons, counts=counts)
