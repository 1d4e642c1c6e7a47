"""From a panel to the arrays of the group-time estimator and back, with everything refused that cannot be estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import clustereffects.did._covariates as _covariates
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.did._estimates import Estimates
from clustereffects.did._jackknife import leave_out
from clustereffects.did._roles import group_codes, options_for, require_comparison, sample_counts
from clustereffects.did.group_time import GroupTimeData, GroupTimeEffects, group_time_effects, group_time_effects_of
from clustereffects.did.group_time_plan import already_treated, never_treated
from clustereffects.errors import EstimationError
from clustereffects.inference import Membership
from clustereffects.inference.membership import distinct_rows
from clustereffects.results import Check

if TYPE_CHECKING:
    from clustereffects.did.group_time_estimator import GroupTimeDiD

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Arrays for the kernel, which units of the panel they hold, and which of the others were incomplete."""

    data: GroupTimeData
    kept: BoolArray
    incomplete: BoolArray
    covariates: _covariates.Covariates | None
    group_names: tuple[str, ...]


def estimate_panel(model: GroupTimeDiD, panel: Panel, outcomes: Sequence[str]) -> list[Estimates]:
    """Effects on some outcomes of a panel; several are estimated from the same units."""
    sample = _take_sample(model, panel, outcomes)
    wide = [_kept(panel.wide(outcome), sample.kept) for outcome in outcomes]
    for outcome, values in zip(outcomes, wide, strict=True):
        if not np.isfinite(values).any():
            raise EstimationError(f"the outcome {outcome!r} is missing in all rows of the units that can be compared")
    results = group_time_effects_of(wide, sample.data, options_for(model))
    return [
        _estimates(model, panel, replace(sample, data=replace(sample.data, outcome=values)), found)
        for values, found in zip(wide, results, strict=True)
    ]


def _kept(values: Any, kept: BoolArray) -> Any:
    """Rows that are kept; the array itself if these are all."""
    return values if kept.all() else values[kept]


def _take_sample(model: GroupTimeDiD, panel: Panel, outcomes: Sequence[str]) -> Sample:
    """Units with a period before treatment; outcome, covariates and weights in wide form."""
    kept = ~already_treated(panel.cohorts, panel.times, model.anticipation)
    covariates = _covariates.evaluate(panel, model.covariates) if model.covariates else None
    values = _values(panel, covariates)
    incomplete = np.zeros_like(kept)
    if model.incomplete == "drop":
        incomplete = kept & ~_complete(panel, outcomes, values)
        kept &= ~incomplete
    require_comparison(model, panel, panel.cohorts[kept])
    if values is not None:
        values = _kept(values, kept)
        if not np.isfinite(values).all(axis=-1).any():
            raise EstimationError(f"the covariates {model.covariates!r} are missing in all rows that can be compared")
    codes, names = group_codes(panel) if model.by_group else (None, ())
    weights = panel.roles["weights"]
    data = GroupTimeData(
        outcome=_kept(panel.wide(outcomes[0]), kept),
        cohorts=panel.cohorts[kept],
        times=panel.times,
        covariates=values,
        weights=_kept(panel.wide(weights), kept) if weights else None,
        groups=None if codes is None else codes[kept],
    )
    return Sample(data, kept, incomplete, covariates, names)


def _values(panel: Panel, covariates: _covariates.Covariates | None) -> FloatArray | None:
    """Covariates (n, k) if they do not change within units, else (n, T, k)."""
    if covariates is None or not covariates.names:
        return None
    fixed = covariates.by_unit(panel)
    return covariates.wide(panel) if fixed is None else fixed


def _complete(panel: Panel, outcomes: Sequence[str], covariates: FloatArray | None) -> BoolArray:
    """Units with outcomes, covariates and a weight in every period."""
    complete = np.asarray(panel.observed.all(axis=1))
    for outcome in outcomes:
        complete &= np.isfinite(panel.wide(outcome)).all(axis=1)
    if covariates is not None:
        complete &= np.isfinite(covariates).reshape(panel.n_units, -1).all(axis=1)
    return complete


def _estimates(model: GroupTimeDiD, panel: Panel, sample: Sample, found: GroupTimeEffects) -> Estimates:
    active = np.flatnonzero(found.used.any(axis=1))
    membership = _membership(sample.data, found, active)
    return Estimates(
        cells=found.cells,
        estimate=found.estimate,
        reasons=found.reasons,
        n_treated=found.n_treated,
        rows=np.flatnonzero(sample.kept)[active],
        source=found.source,
        membership=membership,
        observed=_observed(membership, found, active),
        sample=_account(panel, sample, found),
        notes=_notes(sample, panel, model),
        groups=sample.group_names,
        covariates=sample.data.covariates,
        without=partial(_without, model, sample, found),
    )


def _without(
    model: GroupTimeDiD, sample: Sample, found: GroupTimeEffects, codes: IntArray, clusters: IntArray
) -> FloatArray:
    """Estimates without one cluster at a time."""
    own, options = codes[sample.kept], options_for(model)
    return leave_out(
        found.cells, clusters, lambda cluster: group_time_effects(_rows(sample.data, own != cluster), options)
    )


def _rows(data: GroupTimeData, keep: BoolArray) -> GroupTimeData:
    parts = {item.name: getattr(data, item.name) for item in fields(data) if item.name != "times"}
    return replace(data, **{name: part[keep] for name, part in parts.items() if part is not None})


def _membership(data: GroupTimeData, found: GroupTimeEffects, active: IntArray) -> Membership:
    """Units of each cohort (and group) that enter any comparison, with the weight of their first period."""
    keys = [(cell.cohort, cell.group) for cell in found.cells]
    order = {key: arm for arm, key in enumerate(dict.fromkeys(keys))}
    cohorts = data.cohorts[active]
    groups = None if data.groups is None else data.groups[active]
    arms = np.full(len(cohorts), -1, dtype=np.int64)
    for (cohort, group), arm in order.items():
        own = cohorts == cohort
        arms[own if groups is None else own & (groups == group)] = arm
    incidence = np.arange(len(order))[:, None] == np.array([order[key] for key in keys])
    weight = np.ones(len(arms)) if data.weights is None else _first_weights(data.weights)[active]
    return Membership(arms, np.where(arms >= 0, weight, 0.0), incidence)


def _first_weights(weights: FloatArray) -> FloatArray:
    """Weight of each unit in its first observed period."""
    first = np.isfinite(weights).argmax(axis=1)
    return np.asarray(weights[np.arange(len(weights)), first])


def _observed(membership: Membership, found: GroupTimeEffects, active: IntArray) -> Membership | None:
    """Members of each cell whose outcome is used in both of its periods; nothing where these are all members."""
    there = np.flatnonzero(membership.arms >= 0)
    used, arms = found.used[active[there]], membership.arms[there]
    if used.all():
        return None
    patterns, code = distinct_rows(np.column_stack([used, arms[:, None] == np.arange(membership.n_arms)]))
    periods, own = np.split(patterns, [used.shape[1]], axis=1)
    members = membership.incidence[own.argmax(axis=1)]
    times, bases = (np.array([getattr(cell, name) for cell in found.cells]) for name in ("time", "base"))
    incidence = members & periods[:, times] & periods[:, bases]
    if np.array_equal(incidence, members):
        return None
    observed = np.full(membership.n_units, -1, dtype=np.int64)
    observed[there] = code
    return Membership(observed, membership.weight, incidence)


def _notes(sample: Sample, panel: Panel, model: GroupTimeDiD) -> tuple[Check, ...]:
    """What a reader should know but nobody needs to repair."""
    data = sample.data
    last = np.nanmax(data.cohorts)
    alone = last <= panel.times[-1] and not never_treated(data.cohorts, panel.times, model.anticipation).any()
    seen = np.isfinite(data.outcome)
    gaps = 0 if seen.all() else int((seen.any(axis=1) & ~seen.all(axis=1)).sum())
    early = int((~sample.kept & ~sample.incomplete).sum())
    dropped = int(sample.incomplete.sum())
    constant = sample.covariates.constant if sample.covariates else ()
    notes = {
        "units treated from the start": (early, f"{early:,} units were treated in the first period already: left out"),
        "incomplete units": (dropped, f"{dropped:,} units are not observed in all periods: left out"),
        "last cohort": (alone, f"nobody is never treated: cohort {last:.0f} serves as comparison only"),
        "complete pairs": (
            gaps,
            f"{gaps:,} units are not observed in all periods: they enter where they have both periods of a comparison",
        ),
        "covariates": (constant, f"constant, left out: {', '.join(constant)}"),
    }
    return tuple(Check(name=name, verdict="info", message=text) for name, (found, text) in notes.items() if found)


def _account(panel: Panel, sample: Sample, found: GroupTimeEffects) -> SampleAccount:
    """Every row of the panel: used, or dropped for one reason. Rows are counted as units in periods."""
    data, total = sample.data, panel.account().rows_in
    seen, used = np.isfinite(data.outcome), found.used
    present = panel.observed
    kept, incomplete = (int(np.count_nonzero(_kept(present, rows))) for rows in (sample.kept, sample.incomplete))
    observed = int(np.count_nonzero(seen))
    unused = seen & ~used
    bare = 0
    if data.covariates is not None and unused.any():
        known = np.asarray(np.isfinite(data.covariates).all(axis=-1))
        bare = int(np.count_nonzero(unused & ~(known if known.ndim == 2 else known[:, None])))
    dropped = {
        "treated in the first period already": total - kept - incomplete,
        "unit not observed in all periods": incomplete,
        "outcome missing": kept - observed,
        "covariates missing": bare,
        "in no comparison": int(np.count_nonzero(unused)) - bare,
    }
    counts = sample_counts(data.cohorts[used.any(axis=1)], found.cells, len(panel.times))
    reasons = {why: count for why, count in dropped.items() if count}
    return SampleAccount(rows_in=total, rows_used=int(np.count_nonzero(used)), dropped=reasons, counts=counts)
