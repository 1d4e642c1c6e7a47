"""From arrays of pairs to the parts of a match: values, balance before, who stayed unmatched and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data.account import SampleAccount
from clustereffects.errors import EstimationError, Problem
from clustereffects.matching.engine import Matched, Rules
from clustereffects.matching.nearest import count_candidates, free_controls
from clustereffects.matching.risk_set import RiskSet, Units
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_INCOMPLETE = "missing values"
_TRIMMED = "outside common support"
_ALONE = "no candidate left"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of what is matched on: covariates with the column from which each comes, exact and forbidden columns."""

    covariates: tuple[str, ...]
    columns: tuple[str, ...]
    exact: tuple[str, ...]
    forbid: tuple[str, ...]


def require_candidates(sets: Sequence[RiskSet]) -> None:
    """Raise if there is nobody treated or nobody to match with."""
    if not sum(len(one.treated.unit) for one in sets):
        raise EstimationError(_nobody("no unit is treated", "a cohort or treatment column with treated units"))
    if not sum(len(one.control.unit) for one in sets):
        where = "never treated, or treated after the horizon, and not excluded: 0 units"
        raise EstimationError(_nobody("no unit can serve as a control", "units that are never treated", where))


def require_variation(sets: Sequence[RiskSet], names: Names) -> None:
    """Raise if no risk set has complete units on both sides, or a column to match on is constant in all of them."""
    complete = [one for one in (each.complete() for each in sets) if one.live]
    if not complete:
        missing = sorted({name for one in sets for name in _missing(one.treated, names)})
        where = f"missing among treated units: {', '.join(missing)}" if missing else "risk sets without complete units"
        raise EstimationError(_nobody("no treated unit and candidate have complete values", "observed values", where))
    low = np.stack([one.x.min(axis=0) for one in complete]).min(axis=0)
    high = np.stack([one.x.max(axis=0) for one in complete]).max(axis=0)
    varying = {column for column, varies in zip(names.columns, (low < high).tolist(), strict=True) if varies}
    constant = [column for column in dict.fromkeys(names.columns) if column not in varying]
    if constant:
        raise EstimationError(
            Problem(
                what="matching variables do not vary",
                where=f"constant: {', '.join(constant)}",
                expected="values that differ between units",
                remedy="leave them out of `on`",
            )
        )


def require_pairs(matched: Matched, lost: pd.DataFrame) -> None:
    """Raise if nobody was matched, with the constraints that removed the last candidates."""
    if len(matched.chosen.task):
        return
    counts = lost["constraint"].value_counts()
    where = "; ".join(f"{constraint}: {count} units" for constraint, count in counts.items())
    raise EstimationError(_nobody("no treated unit could be matched", "at least one pair", where))


def set_fields(matched: Matched) -> dict[str, Any]:
    """Sets of a match with the values of the matching variables for their units."""
    treated, control = matched.units()
    one = _gather(matched, treated, treated=True)
    other = _gather(matched, control, treated=False)
    keys = np.column_stack([matched.chosen.task, one.exact])
    cohort = np.array([each.cohort for each in matched.sets])[matched.chosen.task]
    sets = MatchedSets.of_pairs(
        treated,
        control,
        distance=matched.chosen.distance,
        cohort=cohort,
        stratum=np.unique(keys, axis=0, return_inverse=True)[1].ravel(),
    )
    first = np.sort(np.unique(treated, return_index=True)[1])
    return {"sets": sets, "x_treated": one.x[first], "x_control": other.x}


def _gather(matched: Matched, units: IntArray, *, treated: bool) -> Units:
    """What the units of all pairs were matched on."""
    parts = []
    for index, one in enumerate(matched.sets):
        side = one.treated if treated else one.control
        parts.append(side.take(np.searchsorted(side.unit, units[matched.chosen.task == index])))
    return _stack(parts)


def _stack(parts: Sequence[Units]) -> Units:
    names = ("unit", "x", "exact", "forbid")
    return Units(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def unmatched_table(sets: Sequence[RiskSet], matched: Matched, names: Names, rules: Rules) -> pd.DataFrame:
    """One row per treated unit without a control: reason, constraint, candidates left after each step."""
    live = {place: index for index, place in enumerate(matched.position)}
    stages = _stages(names, rules)
    rows: list[list[object]] = []
    for place, one in enumerate(sets):
        counts = _Counts(one, matched, live.get(place))
        without = np.flatnonzero(~np.isin(one.treated.unit, matched.units()[0])).tolist()
        rows += [[one.treated.unit[row], one.cohort, *_reason(counts, row, names, stages)] for row in without]
    columns = ["unit", "cohort", "reason", "constraint"]
    table = pd.DataFrame(rows, columns=[*columns, *stages]).astype(dict.fromkeys(stages, "Int64"))
    return table[[*columns, *(label for label, used in stages.items() if used)]]


def _stages(names: Names, rules: Rules) -> dict[str, bool]:
    """Constraints in the order in which they are counted, and whether each is in force."""
    codes = [*(f"exact: {name}" for name in names.exact), *(f"forbid: {name}" for name in names.forbid)]
    return {
        "risk set": True,
        _INCOMPLETE: True,
        "trim": rules.trim is not None,
        **dict.fromkeys(codes, True),
        "caliper": rules.caliper is not None,
        "taken by other treated units": not rules.replace,
    }


class _Counts:
    """Candidates of the unmatched units of one risk set, counted constraint by constraint."""

    def __init__(self, one: RiskSet, matched: Matched, index: int | None) -> None:
        self.one = one
        self.sizes = [len(one.control.unit), int(one.control.complete.sum())]
        self.task = None if index is None else matched.tasks[index]
        self.free = None if self.task is None else free_controls(self.task, matched.units()[1])

    def left(self, unit: int, n_stages: int) -> list[int]:
        """Candidates left after each stage; all that follows an empty stage is empty."""
        later = [] if self.task is None else count_candidates(self.task, _find(self.task.treated.unit, unit), self.free)
        return [*self.sizes, *later, *([0] * n_stages)][:n_stages]

    def trimmed(self, unit: int) -> bool:
        """Whether the unit was left out because of its propensity."""
        return self.task is not None and unit not in self.task.treated.unit


def _reason(counts: _Counts, row: int, names: Names, stages: dict[str, bool]) -> list[object]:
    unknown: list[object] = [pd.NA] * len(stages)
    if not counts.one.treated.complete[row]:
        return [_INCOMPLETE, ", ".join(_missing(counts.one.treated.take(np.array([row])), names)), *unknown]
    unit = int(counts.one.treated.unit[row])
    if counts.trimmed(unit):
        return [_TRIMMED, "trim", *unknown]
    left = counts.left(unit, len(stages))
    return [_ALONE, next(label for label, count in zip(stages, left, strict=True) if count == 0), *left]


def _missing(units: Units, names: Names) -> list[str]:
    """Names of variables and exact columns that are missing for any of the units."""
    labels = [*names.covariates, *(f"exact: {name}" for name in names.exact)]
    absent = np.flatnonzero(np.concatenate([~np.isfinite(units.x), units.exact < 0], axis=1).any(axis=0))
    return [labels[place] for place in absent]


def _find(units: IntArray, unit: int) -> int:
    return int(np.searchsorted(units, unit))


def account(sets: Sequence[RiskSet], matched: Matched, lost: pd.DataFrame) -> SampleAccount:
    """Account of the treated units, with counts of controls and candidates."""
    treated, control = matched.units()
    total = sum(len(one.treated.unit) for one in sets)
    candidates = np.unique(np.concatenate([one.control.unit for one in sets]))
    complete = np.unique(np.concatenate([one.control.unit[one.control.complete] for one in sets]))
    return SampleAccount(
        rows_in=total,
        rows_used=len(np.unique(treated)),
        dropped={str(reason): int(count) for reason, count in lost["reason"].value_counts().items()},
        counts={
            "treated units": total,
            "matched treated units": len(np.unique(treated)),
            "controls": len(np.unique(control)),
            "pairs": len(treated),
            "candidates": len(candidates),
            "candidates with complete values": len(complete),
        },
    )


def _nobody(what: str, expected: str, where: str = "") -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy="widen the candidates or loosen the constraints")
