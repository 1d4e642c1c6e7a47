"""Treated units and their candidates before matching, read again when somebody asks for the balance before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.matching.history import History
from clustereffects.matching.risk_set import RiskSet
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Complete treated units and candidates of one risk set; ``cohort`` is 1 in a cross-section."""

    cohort: int
    treated: IntArray
    control: IntArray

    @classmethod
    def of(cls, one: RiskSet) -> Members:
        """Members of a risk set."""
        cohort = 1 if np.isnan(one.cohort) else int(one.cohort)
        return cls(cohort, np.array(one.treated.unit), np.array(one.control.unit))


@dataclass(frozen=True, eq=False)
class Pool:
    """Risk sets with somebody on both sides, what they are made from, and the names of exact and barred columns."""

    history: History
    members: tuple[Members, ...]
    exact: tuple[str, ...]
    forbid: tuple[str, ...]

    def values(self, column: int) -> tuple[FloatArray, FloatArray]:
        """One covariate of treated units and of candidates, risk set after risk set."""
        own, others = [], []
        for one in self.members:
            everyone = _column(self.history, one.cohort, column)
            own.append(everyone[one.treated])
            others.append(everyone[one.control])
        return np.concatenate(own), np.concatenate(others)

    def candidate_weights(self) -> FloatArray | None:
        """Weights with which every risk set's candidates count as much as its treated units; none for one set."""
        if len(self.members) == 1:
            return None
        sizes = np.array([len(one.control) for one in self.members])
        return np.repeat([len(one.treated) for one in self.members] / sizes, sizes)

    def shares(self, sets: MatchedSets) -> pd.DataFrame:
        """How often a treated unit and its candidates, then its controls, have equal codes."""
        readers = {
            "exact": [levels[0] for levels in self.history.exact],
            "forbid": self.history.forbid[: len(self.forbid)],
        }
        rows = []
        for kind, labels in (("exact", self.exact), ("forbid", self.forbid)):
            for label, read in zip(labels, readers[kind], strict=True):
                codes = [np.asarray(read(one.cohort - 1)) for one in self.members]
                rows.append((label, kind, _equal_before(self.members, codes), self._equal_after(sets, codes)))
        return pd.DataFrame(rows, columns=["covariate", "kind", "share_equal_before", "share_equal_after"])

    def _equal_after(self, sets: MatchedSets, codes: Sequence[CodeArray]) -> float:
        total = 0.0
        cohort = np.where(np.isnan(sets.cohort), 1, sets.cohort)
        for one, known in zip(self.members, codes, strict=True):
            mine, theirs = (np.flatnonzero(cohort[code] == one.cohort) for code in (sets.treated_set, sets.control_set))
            if not len(mine):
                continue
            own, other = known[sets.treated[mine]], known[sets.control[theirs]]
            width = int(max(own.max(initial=0), other.max(initial=0))) + 1
            _, place = np.unique(np.concatenate([sets.treated_set[mine], sets.control_set[theirs]]), return_inverse=True)
            keys = place.ravel().astype(np.int64) * width
            left, right = own >= 0, other >= 0
            size = int(keys.max(initial=0)) + width
            a = np.bincount((keys[: len(mine)] + own)[left], sets.treated_share[mine][left], minlength=size)
            b = np.bincount((keys[len(mine) :] + other)[right], sets.share[theirs][right], minlength=size)
            mass = np.zeros(size // width)
            mass[place.ravel()[: len(mine)]] = sets.mass[sets.treated_set[mine]]
            total += float(mass @ (a * b).reshape(-1, width).sum(axis=1))
        return total / float(sets.mass.sum())


def _column(history: History, cohort: int, column: int) -> FloatArray:
    """One column of the matching variables for all units."""
    return next(islice(_columns(history, cohort, column), 1))


def _columns(history: History, cohort: int, column: int) -> Iterator[FloatArray]:
    for variable in history.variables:
        if column < variable.width:
            yield from islice(variable.before(cohort), column, None)
        column -= variable.width


def _equal_before(members: Sequence[Members], codes: Sequence[CodeArray]) -> float:
    total, n = 0.0, 0
    for one, known in zip(members, codes, strict=True):
        treated, pool = known[one.treated], known[one.control]
        counts = np.bincount(pool + 1, minlength=int(treated.max(initial=-1)) + 2)
        total += float(np.where(treated >= 0, counts[treated + 1] / len(pool), 0.0).sum())
        n += len(treated)
    return total / n
