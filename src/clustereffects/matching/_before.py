"""Treated units and their candidates before matching, read again when somebody asks for the balance before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.matching.balance import Sides, is_binary
from clustereffects.matching.distribution import Sample
from clustereffects.matching.history import History
from clustereffects.matching.risk_set import RiskSet
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[Any]
Columns = Callable[[int], FloatArray]
"""From the place of a covariate to its values."""
Take = Callable[[Columns], FloatArray]
"""Makes one variable from covariates."""


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Complete treated units, with what they are matched on, and candidates; ``cohort`` is NaN in a cross-section."""

    cohort: float
    treated: IntArray
    control: IntArray
    x_treated: FloatArray

    @classmethod
    def of(cls, one: RiskSet) -> Members:
        """Members of a risk set."""
        return cls(one.cohort, np.array(one.treated.unit), np.array(one.control.unit), np.array(one.treated.x))

    @property
    def period(self) -> int:
        """Joining year for the readers of a history; 1 in a cross-section."""
        return 1 if np.isnan(self.cohort) else int(self.cohort)


@dataclass(frozen=True, eq=False)
class Pool:
    """Risk sets with somebody on both sides, what they are made from, and names.

    ``columns`` are the columns from which the covariates come; ``exact`` and ``forbid`` name the codes that are compared.
    """

    history: History
    members: tuple[Members, ...]
    columns: tuple[str, ...]
    exact: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()

    def swapped(self) -> Pool:
        """The same where untreated units chose among the treated, with each side under its own name."""
        members = [Members(one.cohort, one.control, one.treated, self.matrix(one, one.control)) for one in self.members]
        return replace(self, members=tuple(members))

    def values(self, one: Members, place: int) -> FloatArray:
        """One covariate of all units as of the joining of one risk set."""
        return _column(self.history, one.period, place)

    def treated(self, take: Take) -> FloatArray:
        """One variable of the treated units before matching."""
        return np.concatenate([take(lambda place, one=one: one.x_treated[:, place]) for one in self.members])  # type: ignore[misc]

    def sides(self, take: Take) -> Sides:
        """One variable of treated units and candidates; every cohort's candidates weigh as much as its treated units."""
        own, others = [], []
        for one in self.members:
            everyone = take(lambda place, one=one: self.values(one, place))  # type: ignore[misc]
            own.append(everyone[one.treated])
            others.append(everyone[one.control])
        if len(others) == 1:
            return Sides(Sample(own[0]), Sample(others[0]))
        # Candidates of one cohort weigh alike, so that each cohort can be sorted by itself: all together then sort faster.
        for values in others:
            values.sort()
        return Sides(Sample(np.concatenate(own)), Sample(np.concatenate(others), self._candidate_weights()))

    def binary(self, place: int) -> bool:
        """Whether a covariate is 0 or 1 throughout."""
        return all(
            is_binary(self.values(one, place)[units]) for one in self.members for units in (one.treated, one.control)
        )

    def size(self, side: str) -> int:
        """Number of distinct treated units or candidates."""
        seen = np.zeros(len(self.history.cohorts), dtype=np.bool_)
        for one in self.members:
            seen[getattr(one, side)] = True
        return int(np.count_nonzero(seen))

    def candidates(self) -> list[tuple[float, IntArray, float]]:
        """Cohort, positions of candidates, number of treated units."""
        return [(one.cohort, one.control, float(len(one.treated))) for one in self.members]

    def matrix(self, one: Members, units: IntArray) -> FloatArray:
        """All covariates of some units as of the joining of one risk set."""
        return np.column_stack([self.values(one, place)[units] for place in range(len(self.columns))])

    def group_means(self, groups: NDArray[np.object_]) -> dict[object, FloatArray]:
        """Means of each group's treated units and of candidates of the same cohorts, in the same proportions, (2, p)."""
        total: dict[object, FloatArray] = {}
        count: dict[object, int] = {}
        for one in self.members:
            candidates = np.array([self.values(one, place)[one.control].mean() for place in range(len(self.columns))])
            own, x = groups[one.treated], self.matrix(one, one.treated)
            for name in dict.fromkeys(own.tolist()):
                rows = np.array([value == name for value in own], dtype=np.bool_)
                n = int(rows.sum())
                part = np.stack([x[rows].sum(axis=0), n * candidates])
                total[name] = total.get(name, np.zeros_like(part)) + part
                count[name] = count.get(name, 0) + n
        return {name: part / max(count[name], 1) for name, part in total.items()}

    def _candidate_weights(self) -> FloatArray:
        sizes = np.array([len(one.control) for one in self.members])
        return np.repeat([len(one.treated) for one in self.members] / sizes, sizes)

    def shares(self, sets: MatchedSets) -> pd.DataFrame:
        """How often a treated unit and its candidates, then its controls, have equal codes."""
        exact = [levels[0] for levels in self.history.exact]
        rows = []
        for kind, labels, readers in (("exact", self.exact, exact), ("forbid", self.forbid, self.history.forbid)):
            for label, read in zip(labels, readers, strict=False):
                codes = [np.asarray(read(one.period - 1)) for one in self.members]
                rows.append((label, kind, _equal_before(self.members, codes), self._equal_after(sets, codes)))
        return pd.DataFrame(rows, columns=["covariate", "kind", "share_equal_before", "share_equal_after"])

    def _equal_after(self, sets: MatchedSets, codes: Sequence[CodeArray]) -> float:
        """Share of equal codes among treated units and their controls, without listing every pair."""
        total = 0.0
        for one, known in zip(self.members, codes, strict=True):
            here = np.isnan(sets.cohort) if np.isnan(one.cohort) else sets.cohort == one.cohort
            place = np.cumsum(here) - 1
            sides = []
            width = int(known.max(initial=0)) + 1
            for units, of, share in (
                (sets.treated, sets.treated_set, sets.treated_share),
                (sets.control, sets.control_set, sets.share),
            ):
                rows = np.flatnonzero(here[of] & (known[units] >= 0))
                sides.append((place[of[rows]].astype(np.int64) * width + known[units[rows]], share[rows]))
            keys, inverse = np.unique(np.concatenate([key for key, _ in sides]), return_inverse=True)
            split = len(sides[0][0])
            mine = np.bincount(inverse.ravel()[:split], sides[0][1], minlength=len(keys))
            theirs = np.bincount(inverse.ravel()[split:], sides[1][1], minlength=len(keys))
            total += float((sets.mass[here][keys // width] * mine * theirs).sum())
        return total / float(sets.mass.sum())


def _column(history: History, cohort: int, place: int) -> FloatArray:
    """One column of the matching variables for all units."""
    for variable in history.variables:
        if place < variable.width:
            return next(islice(variable.before(cohort), place, None))
        place -= variable.width
    raise IndexError(f"no matching variable {place}")


def _equal_before(members: Sequence[Members], codes: Sequence[CodeArray]) -> float:
    total, n = 0.0, 0
    for one, known in zip(members, codes, strict=True):
        treated, pool = known[one.treated], known[one.control]
        counts = np.bincount(pool + 1, minlength=int(treated.max(initial=-1)) + 2)
        total += float(np.where(treated >= 0, counts[treated + 1] / len(pool), 0.0).sum())
        n += len(treated)
    return total / n
