"""Tables of balance, from a match: one covariate at a time, before and after, for everyone or by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.matching.balance import (
    STATISTICS,
    CovariateBalance,
    Sides,
    Statistics,
    covariate_balance,
    group_weights,
    pair_distance,
)
from clustereffects.matching.distribution import Sample

if TYPE_CHECKING:
    from clustereffects.matching.match import Matches

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LIKE_NOBODY = Statistics(**dict.fromkeys(STATISTICS, float("nan")))
SMALL_GROUP = 10


@dataclass(frozen=True, eq=False)
class Matched:
    """Matched units of a match, each control once per cohort."""

    match: Matches

    @cached_property
    def _pooled(self) -> tuple[IntArray, IntArray]:
        """First entry of each control in each cohort, and which of these each entry is."""
        sets, n = self.match.sets, len(self.match.units)
        period = np.unique(sets.cohort, return_inverse=True)[1].ravel()[sets.control_set]
        _, first, code = np.unique(sets.control + period * n, return_index=True, return_inverse=True)
        return first, code.ravel()

    def sides(self, column: int, weights: tuple[FloatArray, FloatArray]) -> Sides:
        """One covariate of treated units and controls, with the weights of their entries."""
        first, code = self._pooled
        treated, control = weights
        total = np.bincount(code, control, minlength=len(first))
        used, kept = treated > 0, total > 0
        return Sides(
            Sample(self.match.x_treated[used, column], treated[used]),
            Sample(self.match.x_control[first[kept], column], total[kept]),
        )

    def everyone(self) -> tuple[FloatArray, FloatArray]:
        """Weights of all matched units."""
        return self.match.sets.treated_weights(), self.match.sets.control_weights()

    def distance(self, column: int, scale: float) -> float:
        """Mean absolute difference within pairs, over the standard deviation; NaN where sets hold no pairs."""
        sets = self.match.sets
        one, other = self.match.x_treated[:, column], self.match.x_control[:, column]
        apart = pair_distance(one, sets.treated_set, other, sets.control_set)
        return apart / scale if scale > 0 else float("nan")


def balance_table(match: Matches, denominator: str, *, overlap: bool) -> pd.DataFrame:
    """Balance before and after matching, one row per covariate and per exact or forbidden column."""
    if match.pool is None:
        return pd.DataFrame(columns=["covariate", "kind", "sd", "smd_before", "smd_after"])
    matched, rows = Matched(match), []
    weights = matched.everyone()
    for column, name in enumerate(match.covariates):
        found = covariate_balance(
            match.pool.sides(column), matched.sides(column, weights), denominator=denominator, overlap=overlap
        )
        rows.append({**_row(name, found, overlap), "pair_distance": matched.distance(column, found.scale)})
    table = pd.DataFrame(rows)
    shares = match.pool.shares(match.sets).reindex(columns=table.columns.union(_SHARES, sort=False))
    table = table.assign(**dict.fromkeys(_SHARES, np.nan))
    return pd.concat([table, shares.astype(table.dtypes.to_dict())], ignore_index=True) if len(shares) else table


_SHARES = ["share_equal_before", "share_equal_after"]


def _row(name: str, found: CovariateBalance, overlap: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "covariate": name,
        "kind": "binary" if found.binary else "continuous",
        "sd": found.scale,
    }
    for side, values in (("before", found.before), ("after", found.after)):
        row |= {f"{key}_{side}": getattr(values or LIKE_NOBODY, key) for key in _columns(overlap)}
    return row


def _columns(overlap: bool) -> Sequence[str]:
    return STATISTICS if overlap else STATISTICS[:-1]
