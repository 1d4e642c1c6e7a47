"""From risk sets and sets of rows to the parts of a match: sets by unit, who stayed unmatched and why, accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._checks as _checks
import clustereffects.matching._ladder as _ladder
import clustereffects.matching._ledger as _ledger
import clustereffects.matching._pieces as _pieces
from clustereffects.data.account import SampleAccount
from clustereffects.data.by_period import Coded
from clustereffects.errors import EstimationError
from clustereffects.matching._before import Members, Pool
from clustereffects.matching._history import Labels
from clustereffects.matching._ledger import Trace
from clustereffects.matching._options import LINKS, PAIRS, ladder_of, pairs_untreated
from clustereffects.matching._pieces import Piece
from clustereffects.matching._prepare import Prepared
from clustereffects.matching._refusals import Overlap, without_candidates
from clustereffects.matching.history import History
from clustereffects.matching.ladder import STAGES, Rungs
from clustereffects.matching.risk_set import RiskSet
from clustereffects.results import Check

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NOBODY = np.empty(0, dtype=np.int64)
_TRIMMED = "outside common support"
_ALONE = "no candidate left"
_TAKEN = "taken by other treated units"
_NO_CLASS = "no set with candidates"


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """What is kept of risk sets that pass by: who was in them, what was counted, whether there is ground for matching."""

    labels: Labels
    overlap: Overlap
    passed: list[tuple[Members, RiskSet]] = field(default_factory=list)

    def over(self, sets: Iterable[RiskSet]) -> Iterator[RiskSet]:
        """The same risk sets, noted before they are let go."""
        for one in sets:
            self.overlap.add(one)
            nobody = replace(one, treated=one.treated.take(_NOBODY), control=one.control.take(_NOBODY))
            self.passed.append((Members.of(one), nobody))
            yield one

    @property
    def members(self) -> tuple[Members, ...]:
        """Members of the risk sets with somebody on both sides."""
        return tuple(one for one, _ in self.passed if len(one.treated) and len(one.control))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Everything that was found, by rows of tasks."""

    options: Matching
    history: History
    labels: Labels
    watch: Watch
    tasks: Sequence[Prepared]
    pieces: Sequence[Piece]

    def parts(self, units: pd.Index[Any], codes: Callable[[str, int], Coded]) -> dict[str, Any]:
        """Fields of a match; ``codes`` reads a column in a period.

        Raises ``EstimationError`` if nobody is matched.
        """
        traces = self._traces()
        if not any(len(piece.mass) for piece in self.pieces):
            columns = _ladder.finest_columns(self.options.exact, ladder_of(self.options))
            alone = _ledger.alone_table(traces, columns, units, codes)
            raise EstimationError(without_candidates(traces, self.labels, alone))
        sets, x_treated, x_control = _pieces.joined(self.pieces, self.tasks)
        lost = self._lost(traces, sets.treated)
        sample = self._account(sets.treated, sets.control, lost)
        if pairs_untreated(self.options):
            sets, x_treated, x_control = _pieces.swapped(sets), x_control, x_treated
        return {
            "sets": sets,
            "x_treated": x_treated,
            "x_control": x_control,
            "covariates": self.labels.covariates,
            "pool": self._pool(),
            "lost": lost.assign(unit=units[lost["unit"].to_numpy(dtype=np.int64)]),
            "traces": tuple(traces),
            "labels_of_steps": self.labels,
            "sample": sample,
            "findings": self._rank_check(),
        }

    def _pool(self) -> Pool:
        """The risk sets before matching, with no more of their history than balance needs."""
        names = self.options.forbid
        history = replace(
            self.history,
            exact=tuple(levels[:1] for levels in self.history.exact),
            rungs=((0,) * len(self.history.exact),),
            forbid=self.history.forbid[: len(names)],
            bounds=(),
            removals=(),
            present=None,
        )
        pool = Pool(history, self.watch.members, self.labels.columns, self.labels.exact, tuple(names))
        return pool.swapped() if pairs_untreated(self.options) else pool

    def _traces(self) -> list[Trace]:
        """Counts of every risk set, for the treated units that could be matched."""
        waiting = iter(self.tasks)
        traces = []
        for members, one in self.watch.passed:
            live = len(members.treated) and len(members.control)
            task = next(waiting) if live else None
            unit = members.treated if task is None else task.treated.unit
            kept = np.isin(members.treated, unit)
            tally = replace(one.tally, alike=one.tally.alike[kept])
            rungs = _nobody(len(unit), tally.alike.shape[1]) if task is None else task.rungs
            traces.append(Trace(members.cohort, unit, one.lacking, one.lacks, tally, rungs))
        return traces

    def _lost(self, traces: Sequence[Trace], matched: IntArray) -> pd.DataFrame:
        """One row per treated unit without a control: reason, constraint, candidates left after each step."""
        stages = [*_ledger.unit_stages(self.labels), self._last]
        tables = []
        for (members, _), trace in zip(self.watch.passed, traces, strict=True):
            outside = np.setdiff1d(members.treated, trace.unit)
            rows = np.flatnonzero(~np.isin(trace.unit, matched))
            constraint = np.array(_ledger.last_constraint(trace, self.labels), dtype=object)[rows]
            left = np.concatenate([_ledger.unit_left(trace)[rows], np.zeros((len(rows), 1), dtype=np.int64)], axis=1)
            unit = np.concatenate([trace.lacking, outside, trace.unit[rows]])
            table = pd.DataFrame({"unit": unit, "cohort": members.cohort})
            table["reason"] = np.repeat(
                [_ledger.MISSING, _TRIMMED, _ALONE], [len(trace.lacking), len(outside), len(rows)]
            )
            table["constraint"] = [
                *_ledger.lacking_reasons(trace, self.labels),
                *["trim"] * len(outside),
                *np.where(constraint == "", self._last, constraint),
            ]
            counts = pd.DataFrame(left, columns=stages, index=range(len(unit) - len(rows), len(unit)))
            tables.append(table.join(counts.astype("Int64")))
        table = pd.concat(tables, ignore_index=True)
        known = table["cohort"].notna().all() and not np.isnan(self.watch.passed[0][0].cohort)
        table = table.astype({"cohort": np.int64}) if known else table.drop(columns="cohort")
        return _without_unused(table.astype(dict.fromkeys(stages, "Int64")), self.labels, self.options)

    @property
    def _last(self) -> str:
        return _TAKEN if self.options.method in PAIRS else _NO_CLASS

    def _account(self, treated: IntArray, control: IntArray, lost: pd.DataFrame) -> SampleAccount:
        """Account of the treated units, with counts of controls and candidates."""
        total = sum(len(members.treated) + len(one.lacking) for members, one in self.watch.passed)
        able = np.zeros(len(self.history.cohorts), dtype=np.bool_)
        for members, _ in self.watch.passed:
            able[members.control] = True
        side, others = ("untreated", "treated units") if pairs_untreated(self.options) else ("treated", "controls")
        left = [one.tally.candidates - int(one.tally.removed.sum()) for _, one in self.watch.passed]
        return SampleAccount(
            rows_in=total,
            rows_used=len(np.unique(treated)),
            dropped={str(reason): int(count) for reason, count in lost["reason"].value_counts().items()},
            counts={
                f"{side} units": total,
                f"matched {side} units": len(np.unique(treated)),
                others: len(np.unique(control)),
                "pairs": len(control),
                "candidates": max(left),
                "candidates with complete values": int(np.count_nonzero(able)),
            },
        )

    def _rank_check(self) -> tuple[Check, ...]:
        if self.options.distance != "mahalanobis" or self.options.method not in LINKS:
            return ()
        ranks = {f"{task.cohort:g}": task.task.treated.z.shape[1] for task in self.tasks}
        wanted = self.options.near
        n = sum(name in wanted for name in self.labels.columns) if wanted else len(self.labels.covariates)
        return tuple(_checks.rank_check(ranks, n))


def _nobody(n: int, levels: int) -> Rungs:
    """Rungs of treated units in a risk set without candidates."""
    return Rungs(np.zeros(n, dtype=np.int64), np.zeros((n, levels, len(STAGES)), dtype=np.int64))


def _without_unused(table: pd.DataFrame, labels: Labels, options: Matching) -> pd.DataFrame:
    """The table without columns of constraints that are not in force."""
    stages = _ledger.unit_stages(labels)
    exact, (forbid, bounds, caliper) = stages[1], stages[-3:]
    used = {
        exact: bool(labels.exact),
        labels.steps[0]: options.active > 0,
        forbid: bool(labels.forbid),
        bounds: bool(labels.bounds),
        caliper: options.caliper is not None,
        _TAKEN: not options.replace or options.reuse is not None,
    }
    return table.drop(columns=[name for name, here in used.items() if not here and name in table.columns])
