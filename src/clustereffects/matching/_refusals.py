"""When risk sets are no ground for matching: everything that is wrong, in one error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import shown
from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._history import Labels
from clustereffects.matching._ledger import Trace, lacking_reasons, last_constraint
from clustereffects.matching.risk_set import RiskSet

BoolArray = NDArray[np.bool_]


class Overlap:
    """Whether there is anybody to match and anything to match on, looked at while risk sets pass by."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.treated = self.candidates = self.left = self.live = self.sets = 0
        self.first: NDArray[np.float64] | None = None
        self.varies: BoolArray = np.zeros(len(labels.covariates), dtype=np.bool_)
        self.lacks = Counter[str]()
        self.steps = Counter[str]()

    def add(self, one: RiskSet) -> None:
        """Take a risk set into account."""
        self.sets += 1
        self.treated += len(one.treated.unit) + len(one.lacking)
        self.candidates += one.tally.candidates
        self.left += one.tally.candidates - int(one.tally.removed.sum())
        self.steps.update(dict(zip(self.labels.steps, one.tally.removed.tolist(), strict=True)))
        self.lacks.update(dict(zip(self.labels.lacks, one.lacks.sum(axis=0).tolist(), strict=True)))
        if one.live:
            self.live += 1
            self._look(one)

    def _look(self, one: RiskSet) -> None:
        """Note which variables take more than one value; most do among the first few units."""
        if self.first is None:
            self.first = one.treated.x[0]
        for column in np.flatnonzero(~self.varies).tolist():
            sides = (side.x[rows, column] for side in (one.treated, one.control) for rows in _RANGES)
            self.varies[column] = any((values != self.first[column]).any() for values in sides)

    def problems(self) -> list[Problem]:
        """Everything that is wrong."""
        if not self.treated:
            return [_nobody("no unit is treated", "a cohort or treatment column with treated units")]
        found = (
            []
            if self.left
            else [_nobody("no unit can serve as a control", "units that are never treated", self._removed())]
        )
        if self.left and not self.live:
            found.append(
                _nobody("no treated unit and candidate have complete values", "observed values", self._lacking())
            )
        return found + self._constant()

    def require(self) -> None:
        """Raise one error with everything that is wrong."""
        problems = self.problems()
        if problems:
            raise EstimationError(problems)

    def _removed(self) -> str:
        if not self.candidates:
            return "never treated, or treated after the horizon: 0 units"
        return "; ".join(f"{label}: {count} removed" for label, count in self.steps.items() if count)

    def _lacking(self) -> str:
        names = [f"{label} ({count})" for label, count in self.lacks.items() if count]
        return (
            f"missing among {self.treated} treated units: {', '.join(names)}"
            if names
            else ("risk sets without complete units on both sides")
        )

    def _constant(self) -> list[Problem]:
        if not self.live:
            return []
        pairs = zip(self.labels.columns, self.varies.tolist(), strict=True)
        varying = {column for column, varies in pairs if varies}
        constant = [column for column in dict.fromkeys(self.labels.columns) if column not in varying]
        if not constant:
            return []
        return [
            Problem(
                what="matching variables do not vary",
                where=f"constant: {', '.join(constant)}",
                expected="values that differ between units",
                remedy="leave them out of `on`",
            )
        ]


_RANGES = (slice(0, 100), slice(100, None))


def without_candidates(traces: Sequence[Trace], labels: Labels, alone: pd.DataFrame) -> list[Problem]:
    """What to say where no treated unit has a candidate: the constraints that removed the last ones, strata of members.

    ``alone`` is the table of ``alone_table``.
    """
    ends = Counter(label for trace in traces for label in last_constraint(trace, labels) if label)
    ends.update(reason for trace in traces for reason in lacking_reasons(trace, labels))
    where = "; ".join(f"{label}: {count} units" for label, count in ends.most_common())
    where = f"last removed by {where}" if where else "no pair is possible at any distance"
    problems = [_nobody("no treated unit has a candidate", "a candidate for at least one", where)]
    if len(alone):
        problems.append(_alone(alone))
    return problems


def _alone(alone: pd.DataFrame) -> Problem:
    columns = [column for column in alone.columns if column not in {"unit", "cohort"}]
    strata = alone[columns].drop_duplicates()
    texts = [", ".join(str(value) for value in row) for row in strata.itertuples(index=False)]
    return Problem(
        what=f"strata that hold treated units and nobody else: {len(strata)}",
        where=f"{', '.join(columns)}: {'; '.join(texts[:10])}"
        + (f" and {len(texts) - 10} more" if len(texts) > 10 else ""),
        expected="candidates with the same values",
        remedy=f"loosen them by a ladder; units {shown(alone['unit'].tolist())}",
    )


def _nobody(what: str, expected: str, where: str = "") -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy="widen the candidates or loosen the constraints")
