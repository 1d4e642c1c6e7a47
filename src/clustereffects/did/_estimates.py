"""From what a kernel found on one outcome to effects with labels, members, checks and provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.did._jackknife as _jackknife
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.did._private import cluster_columns
from clustereffects.did.group_time_checks import cluster_checks, identification_checks, lone_treated_check
from clustereffects.did.group_time_plan import Cell
from clustereffects.errors import EstimationError, Problem
from clustereffects.inference import FactoredInfluence, Membership, Source
from clustereffects.results import Check, Description, Effects, Provenance, Sampling, options_of, seed_of

if TYPE_CHECKING:
    from clustereffects.did.group_time_estimator import GroupTimeDiD

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_METHODS = {
    "dr": "doubly robust",
    "dr_improved": "improved doubly robust (calibrated scores, weighted regression)",
    "ipw": "normalised inverse-probability weighting",
    "reg": "outcome regression",
}
_INCOMPLETE = {
    "pairs": "",
    "drop": ", units observed in all periods only",
    "cross_sections": ", periods as cross-sections of the units",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimates:
    """What a kernel found on one outcome.

    ``rows`` holds the places in the panel of the units that enter any cell, in the order of ``source`` and ``membership``.
    ``without`` computes the cells without each of some clusters, from the codes of all units of the panel.
    """

    cells: tuple[Cell, ...]
    estimate: FloatArray
    reasons: tuple[str, ...]
    n_treated: IntArray
    rows: IntArray
    source: Source
    membership: Membership
    observed: Membership | None
    sample: SampleAccount
    notes: tuple[Check, ...]
    groups: tuple[str, ...]
    covariates: FloatArray | None
    without: Callable[[IntArray, IntArray], FloatArray]


def effects_from(model: GroupTimeDiD, panel: Panel, outcome: str, found: Estimates) -> Effects:
    """Effects of all cells on one outcome."""
    measured = np.array([not cell.is_reference for cell in found.cells], dtype=np.bool_)
    if not np.isfinite(found.estimate[measured]).any():
        raise EstimationError(_nothing_identified(found.reasons))
    labels = _labels(found, panel.times)
    codes = {column: panel.unit_codes(column) for column in cluster_columns(model.variance, panel.cluster)}
    clusters = {column: code[found.rows] for column, code in codes.items()}
    terms = list(labels.index)
    effects = Effects(
        labels=labels,
        estimate=found.estimate,
        influence_function=FactoredInfluence.of(found.source, found.membership),
        sampling=Sampling(
            units=panel.units[found.rows],
            clusters=clusters,
            membership=found.membership,
            assignment=panel.cluster,
            observed=found.observed,
            panel=panel,
        ),
        variance=model.variance,
        description=_description(model, panel, outcome),
        sample=found.sample,
        findings=(
            *identification_checks(terms, found.reasons),
            *lone_treated_check(terms, found.n_treated),
            *found.notes,
            *cluster_checks(clusters, found.membership.treated()),
        ),
        provenance=_provenance(model, panel, outcome, found),
    )
    column = _jackknife.jackknife_column(model.variance, panel.cluster)
    if column is None:
        return effects
    return _jackknife.with_replicates(effects, column, lambda clusters: found.without(codes[column], clusters))


def _nothing_identified(reasons: tuple[str, ...]) -> Problem:
    """Why there is no effect at all."""
    return Problem(
        what="no effect is identified",
        where="; ".join(sorted({reason for reason in reasons if reason})),
        expected="treated and comparison units observed in a base period and a later one",
        remedy="use fewer covariates, another control group, or check the outcome's missing values",
    )


def _labels(found: Estimates, times: IntArray) -> pd.DataFrame:
    cohort = np.array([cell.cohort for cell in found.cells])
    time = times[[cell.time for cell in found.cells]]
    columns: dict[str, Any] = {"cohort": cohort, "time": time, "event_time": time - cohort}
    suffix = [""] * len(cohort)
    if found.groups:
        columns["group"] = [found.groups[cell.group] for cell in found.cells]
        suffix = [f" | {group}" for group in columns["group"]]
    terms = [f"ATT({g}, {t}{text})" for g, t, text in zip(cohort, time, suffix, strict=True)]
    return pd.DataFrame(columns, index=pd.Index(terms))


def _description(model: GroupTimeDiD, panel: Panel, outcome: str) -> Description:
    given = f" given {model.covariates.strip(' ~')}" if model.covariates else ""
    ahead = f", {model.anticipation} periods of anticipation" if model.anticipation else ""
    trimmed = f", scores from {model.trim:g} on trimmed" if model.covariates and model.method != "reg" else ""
    kind = ", repeated cross-sections" if panel.cross_sections else _INCOMPLETE[model.incomplete]
    old = "" if model.convention == "paper" else ", conventions of did 2.5.1"
    return Description(
        estimand="average effect on the treated, ATT(g, t); aggregates weight cells by treated units",
        method=f"group-time difference-in-differences (Callaway & Sant'Anna 2021), {_METHODS[model.method]}{given}"
        f"{trimmed}, {model.control.replace('_', '-')} comparison units, {model.base_period} base period{ahead}{kind}{old}",
        outcome=outcome,
        anticipation=model.anticipation,
    )


def _provenance(model: GroupTimeDiD, panel: Panel, outcome: str, found: Estimates) -> Provenance:
    fingerprint = panel.fingerprint(outcome)
    if found.covariates is not None:
        digest = hashlib.blake2b(fingerprint.encode(), digest_size=16)
        digest.update(np.ascontiguousarray(found.covariates).data)
        fingerprint = digest.hexdigest()
    return Provenance.now(fingerprint=fingerprint, options=options_of(model), seed=seed_of(model.variance))
