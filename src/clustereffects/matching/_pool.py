"""Treated units and their candidates before matching, from which balance before matching is computed when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.matching.balance import Comparison, Weighted, compare, is_binary, standard_deviation
from clustereffects.matching.risk_set import RiskSet
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Before:
    """Balance before matching: scale and kind of each covariate, treated units against candidates."""

    scale: FloatArray
    binary: NDArray[np.bool_]
    comparison: Comparison


@dataclass(frozen=True, eq=False)
class Pool:
    """Complete risk sets with somebody on both sides, and the names of the exact and forbidden columns."""

    sets: tuple[RiskSet, ...]
    exact: tuple[str, ...]
    forbid: tuple[str, ...]

    @cached_property
    def _before(self) -> Before:
        treated = np.concatenate([one.treated.x for one in self.sets])
        control = np.concatenate([one.control.x for one in self.sets])
        weight = np.concatenate(
            [np.full(len(one.control.unit), len(one.treated.unit) / len(one.control.unit)) for one in self.sets]
        )
        binary = is_binary(treated, control)
        scale = standard_deviation(treated, binary)
        comparison = compare(Weighted(treated, np.ones(len(treated))), Weighted(control, weight), scale, binary)
        return Before(scale=scale, binary=binary, comparison=comparison)

    def before(self) -> Before:
        """Every cohort's candidates weigh as much as its treated units."""
        return self._before

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
