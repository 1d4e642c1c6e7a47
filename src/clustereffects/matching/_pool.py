"""Treated units and their candidates before matching, from which balance before matching is computed when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.matching.balance import Sides
from clustereffects.matching.distribution import Sample
from clustereffects.matching.risk_set import RiskSet
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """Complete risk sets with somebody on both sides, and the names of the exact and forbidden columns."""

    sets: tuple[RiskSet, ...]
    exact: tuple[str, ...]
    forbid: tuple[str, ...]

    def sides(self, column: int) -> Sides:
        """One covariate of treated units and candidates; every cohort's candidates weigh as much as its treated units."""
        treated = np.concatenate([one.treated.x[:, column] for one in self.sets])
        control = np.concatenate([one.control.x[:, column] for one in self.sets])
        return Sides(Sample(treated), Sample(control, self._candidate_weights))

    @cached_property
    def _candidate_weights(self) -> FloatArray | None:
        if len(self.sets) == 1:
            return None
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
