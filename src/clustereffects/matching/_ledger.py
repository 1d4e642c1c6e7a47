"""Ledgers of risk sets: whom each constraint removed, for which cohort and for which treated unit, and why none is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data.by_period import Coded
from clustereffects.matching._history import Labels
from clustereffects.matching.ladder import Rungs
from clustereffects.matching.risk_set import RiskSet, Tally

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MISSING = "missing values"


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What is kept of a risk set when it is let go: its treated units, complete and lacking, and all counts."""

    cohort: float
    unit: IntArray
    lacking: IntArray
    lacks: BoolArray
    tally: Tally
    rungs: Rungs

    @classmethod
    def of(cls, one: RiskSet, rungs: Rungs) -> Trace:
        """The trace of a risk set that ``risk_sets`` made; ``rungs`` are those of its treated units."""
        return cls(one.cohort, one.treated.unit, one.lacking, one.lacks, one.tally, rungs)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """A table with years as whole numbers, or without them where there are none."""
    if table["cohort"].notna().all():
        return table.astype({"cohort": np.int64})
    return table.drop(columns="cohort")


def cohort_ledger(traces: Sequence[Trace], labels: Labels) -> pd.DataFrame:
    """Candidates of each cohort: ``before`` each step, ``removed`` by it, ``left``.

    ``concerned`` counts whom the step concerns among all that could have been candidates, ``only`` whom nothing but
    this step removes. For missing values both count those that the other steps leave.
    """
    rows: list[tuple[object, ...]] = []
    for trace in traces:
        tally, before = trace.tally, trace.tally.candidates
        gone = before - int(tally.removed.sum()) - tally.complete
        steps = zip(
            (*labels.steps, MISSING),
            (*tally.concerned.tolist(), gone),
            (*tally.removed.tolist(), gone),
            (*tally.only.tolist(), gone),
            strict=True,
        )
        for label, concerned, removed, only in steps:
            rows.append((trace.cohort, label, before, concerned, removed, only, before - removed))
            before -= removed
    return pd.DataFrame(rows, columns=["cohort", "step", "before", "concerned", "removed", "only", "left"])


def missing_table(traces: Sequence[Trace], labels: Labels) -> pd.DataFrame:
    """Of each cohort, how many treated units and how many candidates lack a value; what nobody lacks is left out."""
    rows = [
        (trace.cohort, label, int(trace.lacks[:, place].sum()), int(trace.tally.missing[place]))
        for trace in traces
        for place, label in enumerate(labels.lacks)
    ]
    table = pd.DataFrame(rows, columns=["cohort", "missing", "treated", "candidates"])
    return table[table[["treated", "candidates"]].gt(0).any(axis=1)].reset_index(drop=True)


def unit_stages(labels: Labels) -> tuple[str, ...]:
    """Constraints in the order in which they are counted for a treated unit."""
    exact = f"exact: {', '.join(labels.exact)}" if labels.exact else "exact"
    forbid = ", ".join(dict.fromkeys(labels.forbid)) or "forbid"
    bounds = f"bounds: {', '.join(labels.bounds)}" if labels.bounds else "bounds"
    return ("risk set", exact, *labels.steps, MISSING, forbid, bounds, "caliper")


def unit_left(trace: Trace) -> IntArray:
    """Candidates of each treated unit on its rung (m, stages): all, with its exact values, after each constraint."""
    m = len(trace.unit)
    start = np.full((m, 1), trace.tally.candidates, dtype=np.int64)
    alike = trace.tally.alike[np.arange(m), trace.rungs.rung]
    return np.concatenate([start, alike, trace.rungs.stages[:, 1:]], axis=1)


def unit_ledger(traces: Sequence[Trace], labels: Labels, units: pd.Index) -> pd.DataFrame:
    """Candidates of each complete treated unit ``before`` each constraint, ``removed`` by it, ``left``.

    Exact values come first, so that the other constraints say what they take from those who could serve this unit.
    Constraints that are not in force are left out.
    """
    stages = unit_stages(labels)
    used = ["risk set", *(stages[1:2] if labels.exact else ()), *labels.steps, MISSING]
    used += [*(stages[-3:-2] if labels.forbid else ()), *(stages[-2:-1] if labels.bounds else ()), "caliper"]
    parts = []
    for trace in traces:
        left = unit_left(trace)
        before = np.concatenate([left[:, :1], left[:, :-1]], axis=1)
        parts.append(
            pd.DataFrame(
                {
                    "unit": units[np.repeat(trace.unit, len(stages))],
                    "cohort": trace.cohort,
                    "step": np.tile(np.array(stages, dtype=object), len(trace.unit)),
                    "before": before.ravel(),
                    "removed": (before - left).ravel(),
                    "left": left.ravel(),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table[table["step"].isin(used)].reset_index(drop=True)


def rung_table(traces: Sequence[Trace], labels: Labels, units: pd.Index) -> pd.DataFrame:
    """Rung of each complete treated unit, its candidates there, and on every rung that was tried."""
    parts = []
    for trace in traces:
        allowed = trace.rungs.counts[:, :, -1]
        tried = {label: pd.array(allowed[:, rung], dtype="Int64") for rung, label in enumerate(labels.rungs)}
        part = pd.DataFrame(
            {
                "unit": units[trace.unit],
                "cohort": trace.cohort,
                "rung": np.array(labels.rungs, dtype=object)[trace.rungs.rung],
                "candidates": trace.rungs.allowed,
                **tried,
            }
        )
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    for label in labels.rungs:
        table[label] = table[label].mask(table[label] < 0)
    return table


def last_constraint(trace: Trace, labels: Labels) -> list[str]:
    """For each complete treated unit the constraint that removed its last candidate; empty if it has one."""
    empty = unit_left(trace) == 0
    first = np.argmax(empty, axis=1)
    stages = unit_stages(labels)
    return [stages[stage] if none else "" for stage, none in zip(first, empty.any(axis=1), strict=True)]


def lacking_reasons(trace: Trace, labels: Labels) -> list[str]:
    """For each treated unit that is left out, what it lacks."""
    return [", ".join(label for label, lack in zip(labels.lacks, row, strict=True) if lack) for row in trace.lacks]


def alone_table(
    traces: Sequence[Trace], columns: Sequence[str], units: pd.Index, codes: Callable[[str, int], Coded]
) -> pd.DataFrame:
    """Treated units whose exact values nobody else has on any rung, with these values as of the period before joining.

    ``columns`` are those of the finest rung, ``codes`` reads them from a period.
    """
    parts = []
    for trace in traces:
        alone = trace.unit[(trace.tally.alike[:, :, 0] == 0).all(axis=1)]
        if len(alone):
            before = 0 if np.isnan(trace.cohort) else int(trace.cohort) - 1
            read = {column: codes(column, before) for column in columns}
            values = {column: coded.labels.take(coded.codes[alone]) for column, coded in read.items()}
            parts.append(pd.DataFrame({"unit": units[alone], "cohort": trace.cohort, **values}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["unit", "cohort", *columns])
