"""From a panel to cross-sections for the group-time estimator, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import clustereffects.did._covariates as _covariates
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.did._estimates import Estimates
from clustereffects.did._jackknife import leave_out
from clustereffects.did._roles import group_codes, options_for, require_comparison, sample_counts
from clustereffects.did.cross_section_cells import CrossSectionData, CrossSectionEffects, cross_section_effects
from clustereffects.did.group_time_plan import already_treated, never_treated
from clustereffects.errors import EstimationError
from clustereffects.inference import Membership, SparseInfluence
from clustereffects.results import Check

if TYPE_CHECKING:
    from clustereffects.did.group_time_estimator import GroupTimeDiD

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Arrays for the kernel, the panel's units behind them, and how many rows were left out before."""

    data: CrossSectionData
    units: IntArray
    early: int
    constant: tuple[str, ...]
    group_names: tuple[str, ...]


def estimate_cross_sections(model: GroupTimeDiD, panel: Panel, outcome: str) -> Estimates:
    """Effects on one outcome, each period being a cross-section."""
    sample = _take_sample(model, panel, outcome)
    found = cross_section_effects(sample.data, options_for(model))
    active = np.unique(sample.data.units[found.used])
    source, membership = _influence(sample.data, found, active)
    return Estimates(
        cells=found.cells,
        estimate=found.estimate,
        reasons=found.reasons,
        n_treated=found.n_treated,
        rows=sample.units[active],
        source=source,
        membership=membership,
        observed=None,
        sample=_account(panel, sample, found),
        notes=_notes(sample, panel, model),
        groups=sample.group_names,
        covariates=_in_order(sample.data),
        without=partial(_without, model, sample, found),
    )


def _in_order(data: CrossSectionData) -> FloatArray | None:
    """Covariates in an order that does not depend on that of the rows, for the fingerprint of the data."""
    if data.covariates is None:
        return None
    return data.covariates[np.lexsort((*data.covariates.T, data.outcome, data.cohorts, data.time))]


def _take_sample(model: GroupTimeDiD, panel: Panel, outcome: str) -> _Sample:
    kept = ~already_treated(panel.cohorts, panel.times, model.anticipation)
    require_comparison(model, panel, panel.cohorts[kept])
    units, times = panel.row_codes
    rows = np.flatnonzero(kept[units])
    rows = rows[np.lexsort((times[rows], units[rows]))]  # results do not depend on the order of rows
    values = panel.column(outcome)[rows]
    if not np.isfinite(values).any():
        raise EstimationError(f"the outcome {outcome!r} is missing in all rows of the units that can be compared")
    covariates = _covariates.evaluate(panel, model.covariates) if model.covariates else None
    codes, names = group_codes(panel) if model.by_group else (None, ())
    weights, unit = panel.roles["weights"], units[rows]
    data = CrossSectionData(
        outcome=values,
        time=times[rows],
        cohorts=panel.cohorts[unit],
        units=(np.cumsum(kept) - 1)[unit],
        times=panel.times,
        covariates=covariates.rows[rows] if covariates is not None and covariates.names else None,
        weights=panel.column(weights)[rows] if weights else None,
        groups=None if codes is None else codes[unit],
    )
    constant = () if covariates is None else covariates.constant
    return _Sample(data, np.flatnonzero(kept), len(units) - len(rows), constant, names)


def _influence(
    data: CrossSectionData, found: CrossSectionEffects, active: IntArray
) -> tuple[SparseInfluence, Membership]:
    """Influence and membership of the units that enter any cell."""
    place = np.full(data.n_units, -1, dtype=np.int64)
    place[active] = np.arange(len(active))
    shape = (len(active), len(found.cells))
    entries = [(place[units], values * (len(active) / data.n_units)) for units, values in found.influence]
    members = [(place[units], weights) for units, weights in found.members]
    source = SparseInfluence.of(entries, n_units=len(active))
    there = [(units[units >= 0], weights[units >= 0]) for units, weights in members]
    terms = np.repeat(np.arange(shape[1]), [len(units) for units, _ in there])
    units, weights = (np.concatenate(parts) for parts in zip(*there, strict=True))
    return source, Membership.from_entries(units, terms, weights, shape=shape)


def _without(
    model: GroupTimeDiD, sample: _Sample, found: CrossSectionEffects, codes: IntArray, clusters: IntArray
) -> FloatArray:
    """Estimates without one cluster at a time."""
    own, options = codes[sample.units][sample.data.units], options_for(model)
    return leave_out(
        found.cells,
        clusters,
        lambda cluster: cross_section_effects(_rows(sample.data, own != cluster), options),
    )


def _rows(data: CrossSectionData, keep: BoolArray) -> CrossSectionData:
    names = ("outcome", "time", "cohorts", "units", "covariates", "weights", "groups")
    parts = {name: getattr(data, name) for name in names}
    return replace(data, **{name: part[keep] for name, part in parts.items() if part is not None})


def _notes(sample: _Sample, panel: Panel, model: GroupTimeDiD) -> tuple[Check, ...]:
    """What a reader should know but nobody needs to repair."""
    data = sample.data
    last = np.nanmax(data.cohorts)
    alone = last <= panel.times[-1] and not never_treated(data.cohorts, panel.times, model.anticipation).any()
    notes = {
        "rows treated from the start": (
            sample.early,
            f"{sample.early:,} rows were treated in the first period already",
        ),
        "last cohort": (alone, f"nobody is never treated: cohort {last:.0f} serves as comparison only"),
        "cross-sections": (
            True,
            "periods are compared as cross-sections: the composition of each cohort must not change over time",
        ),
        "covariates": (sample.constant, f"constant, left out: {', '.join(sample.constant)}"),
    }
    return tuple(Check(name=name, verdict="info", message=text) for name, (given, text) in notes.items() if given)


def _account(panel: Panel, sample: _Sample, found: CrossSectionEffects) -> SampleAccount:
    """Every row of the panel: used, or dropped for one reason."""
    data, used = sample.data, found.used
    seen = np.isfinite(data.outcome)
    known = np.ones_like(seen) if data.covariates is None else np.isfinite(data.covariates).all(axis=1)
    dropped = {
        "treated in the first period already": sample.early,
        "outcome missing": int(np.count_nonzero(~seen)),
        "covariates missing": int(np.count_nonzero(seen & ~used & ~known)),
        "in no comparison": int(np.count_nonzero(seen & ~used & known)),
    }
    active, first = np.unique(data.units[used], return_index=True)
    counts = sample_counts(data.cohorts[used][first], found.cells, len(panel.times))
    counts["units"] = len(active)
    reasons = {why: count for why, count in dropped.items() if count}
    total = sample.early + len(data.outcome)
    return SampleAccount(rows_in=total, rows_used=int(np.count_nonzero(used)), dropped=reasons, counts=counts)
