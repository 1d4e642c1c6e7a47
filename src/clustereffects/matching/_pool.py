"""Treated units and their candidates before matching, from which balance before matching is computed when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.matching.balance import Sides, is_binary
from clustereffects.matching.distribution import Sample
from clustereffects.matching.risk_set import RiskSet
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """Complete risk sets with somebody on both sides; names of the exact and forbidden columns, sources of covariates."""

    sets: tuple[RiskSet, ...]
    exact: tuple[str, ...]
    forbid: tuple[str, ...]
    columns: tuple[str, ...] = ()

    def sides(self, take: Callable[[FloatArray], FloatArray]) -> Sides:
        """One variable of treated units and candidates; every cohort's candidates weigh as much as its treated units.

        ``take`` makes the variable from the matching variables, cohort by cohort: they are never all in one matrix.
        """
        treated = np.concatenate([take(one.treated.x) for one in self.sets])
        if len(self.sets) == 1:
            return Sides(Sample(treated), Sample(take(self.sets[0].control.x)))
        # Candidates of one cohort weigh alike, so that each cohort can be sorted by itself: all together then sort faster.
        control = np.concatenate([np.sort(take(one.control.x)) for one in self.sets])
        return Sides(Sample(treated), Sample(control, self._candidate_weights))

    def binary(self, place: int) -> bool:
        """Whether a covariate is 0 or 1 throughout."""
        return all(is_binary(side.x[:, place]) for one in self.sets for side in (one.treated, one.control))

    def size(self, side: str) -> int:
        """Number of distinct treated units or candidates."""
        units = [getattr(one, side).unit for one in self.sets]
        seen = np.zeros(1 + max(int(each.max(initial=-1)) for each in units), dtype=np.bool_)
        for each in units:
            seen[each] = True
        return int(seen.sum())

    def candidates(self) -> list[tuple[float, IntArray, float]]:
        """Cohort, positions of candidates, number of treated units."""
        return [(one.cohort, one.control.unit, float(len(one.treated.unit))) for one in self.sets]

    def group_means(self, groups: NDArray[np.object_]) -> dict[object, FloatArray]:
        """Means of each group's treated units and of candidates of the same cohorts, in the same proportions, (2, p)."""
        total: dict[object, FloatArray] = {}
        count: dict[object, int] = {}
        for one in self.sets:
            candidates = one.control.x.mean(axis=0)
            own = groups[one.treated.unit]
            for name in dict.fromkeys(own.tolist()):
                rows = np.array([value == name for value in own], dtype=np.bool_)
                n = int(rows.sum())
                part = np.stack([one.treated.x[rows].sum(axis=0), n * candidates])
                total[name] = total.get(name, np.zeros_like(part)) + part
                count[name] = count.get(name, 0) + n
        return {name: part / max(count[name], 1) for name, part in total.items()}

    @cached_property
    def _candidate_weights(self) -> FloatArray:
        sizes = [len(one.control.unit) for one in self.sets]
        return np.repeat([len(one.treated.unit) for one in self.sets] / np.array(sizes, dtype=np.float64), sizes)

    def shares(self, sets: MatchedSets) -> pd.DataFrame:
        """How often a treated unit and its candidates, then its controls, have equal codes."""
        of, link = sets.links()
        weight = sets.share[link] * sets.mass[sets.treated_set[of]] * sets.treated_share[of]
        place = np.searchsorted([one.cohort for one in self.sets], sets.cohort[sets.treated_set[of]])
        place = np.minimum(place, len(self.sets) - 1)
        rows = []
        for kind, labels in (("exact", self.exact), ("forbid", self.forbid)):
            for column, label in enumerate(labels):
                a = self._codes(kind, column, place, sets.treated[of], treated=True)
                b = self._codes(kind, column, place, sets.control[link], treated=False)
                equal = float(weight[(a == b) & (a >= 0)].sum() / weight.sum())
                rows.append((label, kind, _share_before(self.sets, kind, column), equal))
        return pd.DataFrame(rows, columns=["covariate", "kind", "share_equal_before", "share_equal_after"])

    def _codes(self, kind: str, column: int, place: IntArray, units: IntArray, *, treated: bool) -> IntArray:
        codes = np.empty(len(units), dtype=np.int64)
        for index, one in enumerate(self.sets):
            side = one.treated if treated else one.control
            rows = place == index
            codes[rows] = getattr(side, kind)[np.searchsorted(side.unit, units[rows]), column]
        return codes


def _share_before(sets: Sequence[RiskSet], kind: str, column: int) -> float:
    total, n = 0.0, 0
    for one in sets:
        treated, pool = getattr(one.treated, kind)[:, column], getattr(one.control, kind)[:, column]
        counts = np.bincount(pool + 1, minlength=int(treated.max(initial=-1)) + 2)
        total += float(np.where(treated >= 0, counts[treated + 1] / len(pool), 0.0).sum())
        n += len(treated)
    return total / n
