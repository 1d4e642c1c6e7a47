"""Tables of balance, from a match: one covariate at a time, before and after, for everyone or by group."""

from __future__ import annotations

from collections.abc import Iterator
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
    effective_size,
    group_weights,
    is_binary,
    pair_distance,
    standard_deviation,
)
from clustereffects.matching.distribution import Sample
from clustereffects.matching.overlap import density, frame
from clustereffects.matching.products import products

if TYPE_CHECKING:
    from clustereffects.matching._before import Columns, Pool, Take
    from clustereffects.matching.match import Matches

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SMALL_GROUP = 10
_UNKNOWN = Statistics(**dict.fromkeys(STATISTICS, float("nan")))
_SHARES = ("share_equal_before", "share_equal_after")


@dataclass(frozen=True, eq=False)
class Matched:
    """Matched units of a match; the same unit in the same cohort is one observation."""

    match: Matches

    @cached_property
    def _pooled(self) -> tuple[tuple[IntArray, IntArray], ...]:
        """First entry of each unit in each cohort, and which of these each entry is: of treated units, of controls."""
        sets, n = self.match.sets, len(self.match.units)
        period = np.unique(sets.cohort, return_inverse=True)[1].ravel()
        found = []
        for unit, of in ((sets.treated, sets.treated_set), (sets.control, sets.control_set)):
            _, first, code = np.unique(unit + period[of] * n, return_index=True, return_inverse=True)
            found.append((first, code.ravel()))
        return tuple(found)

    def sides(self, take: Take, weights: tuple[FloatArray, FloatArray]) -> Sides:
        """One variable of treated units and controls, with the weights of their entries."""
        samples = []
        for x, (first, code), weight in zip(
            (self.match.x_treated, self.match.x_control), self._pooled, weights, strict=True
        ):
            total = np.bincount(code, weight, minlength=len(first)).astype(np.float64)
            kept = total > 0
            samples.append(Sample(take(_columns(x))[first[kept]], total[kept]))
        return Sides(*samples)

    def everyone(self) -> tuple[FloatArray, FloatArray]:
        """Weights of all matched units."""
        return self.match.sets.treated_weights(), self.match.sets.control_weights()

    def distance(self, take: Take, scale: float) -> float:
        """Mean absolute difference within pairs, over the standard deviation; NaN where there are only weights."""
        sets = self.match.sets
        if not sets.paired and len(sets.mass) == len(np.unique(sets.cohort)):
            return float("nan")
        one, other = take(_columns(self.match.x_treated)), take(_columns(self.match.x_control))
        apart = pair_distance(one, sets.treated_set, other, sets.control_set)
        return apart / scale if scale > 0 else float("nan")


def column(place: int) -> Take:
    """What takes one covariate."""
    return lambda at: at(place)


def _columns(x: FloatArray) -> Columns:
    return lambda place: x[:, place]


def balance_table(match: Matches, pool: Pool, denominator: str, *, overlap: bool, squares: bool) -> pd.DataFrame:
    """Balance before and after matching, one row per covariate and per exact or forbidden column."""
    matched, rows = Matched(match), []
    weights = matched.everyone()
    for name, take in _variables(match, pool, squares=squares):
        found = covariate_balance(
            pool.sides(take), matched.sides(take, weights), denominator=denominator, overlap=overlap
        )
        rows.append({**_row(name, found), "pair_distance": matched.distance(take, found.scale)})
    table = pd.DataFrame(rows).assign(**dict.fromkeys(_SHARES, np.nan))
    if not overlap:
        table = table.drop(columns=["overlap_before", "overlap_after"])
    shares = pool.shares(match.sets).reindex(columns=table.columns)
    return pd.concat([table, shares.astype(table.dtypes.to_dict())], ignore_index=True) if len(shares) else table


def after_table(match: Matches, pool: Pool) -> pd.DataFrame:
    """What the checks look at: differences after matching, in the same unit as in the whole table, which takes longer."""
    matched, rows = Matched(match), []
    weights = matched.everyone()
    for place, name in enumerate(match.covariates):
        take = column(place)
        own, after = pool.treated(take), matched.sides(take, weights)
        # What is binary among these may not be so among all candidates, whose values are read in that case only.
        rare = is_binary(own, after.control.value) and not pool.binary(place)
        before = pool.sides(take) if rare else Sides(Sample(own), after.control)
        rows.append(_row(name, covariate_balance(before, after)))
    columns = ["covariate", "kind", "smd_after", "variance_ratio_after", "ks_after"]
    return pd.DataFrame(rows, columns=[*columns])


def _variables(match: Matches, pool: Pool, *, squares: bool) -> Iterator[tuple[str, Take]]:
    names = match.covariates
    for place, name in enumerate(names):
        yield name, column(place)
    if squares:
        sources = pool.columns or names
        for name, one, other in products(names, sources, [pool.binary(place) for place in range(len(names))]):
            yield name, lambda at, a=one, b=other: a.of(at(a.column)) * b.of(at(b.column))  # type: ignore[misc]


def _row(name: str, found: CovariateBalance) -> dict[str, object]:
    row: dict[str, object] = {
        "covariate": name,
        "kind": "binary" if found.binary else "continuous",
        "sd": found.scale,
    }
    for side, values in (("before", found.before), ("after", found.after)):
        row |= {f"{key}_{side}": getattr(values or _UNKNOWN, key) for key in STATISTICS}
    return row


def group_table(match: Matches, pool: Pool, groups: NDArray[np.object_], denominator: str) -> pd.DataFrame:
    """Balance of each group's treated units, in the standard deviations of everyone."""
    matched, sets, rows = Matched(match), match.sets, []
    own = groups[sets.treated]
    parts = [(name, *group_weights(sets, own == name)) for name in _names(own)]
    before = pool.group_means(groups)
    for place, covariate in enumerate(match.covariates):
        take = column(place)
        binary = pool.binary(place)
        scale = standard_deviation(pool.sides(take), denominator, binary=binary)
        for name, treated, control in parts:
            row = {
                "group": name,
                "covariate": covariate,
                "kind": "binary" if binary else "continuous",
                "n_treated": int((treated > 0).sum()),
                "effective_controls": effective_size(control[control > 0], sets.control[control > 0]),
            }
            sides = matched.sides(take, (treated, control))
            rows.append(row | _group_row(before[name][:, place], sides, scale, binary=binary))
    return _flagged(pd.DataFrame(rows))


def _group_row(mean: FloatArray, after: Sides, scale: float, *, binary: bool) -> dict[str, object]:
    found = covariate_balance(None, after, denominator="raw").after or _UNKNOWN
    return {
        "mean_treated_before": mean[0],
        "mean_control_before": mean[1],
        "smd_before": _over(mean[0] - mean[1], scale),
        "mean_treated_after": found.mean_treated,
        "mean_control_after": found.mean_control,
        "smd_after": _over(found.smd, scale),
        "variance_ratio_after": float("nan") if binary else found.variance_ratio,
        "ks_after": found.ks,
    }


def _names(values: NDArray[np.object_]) -> list[object]:
    known = values[[value is not None and value == value for value in values]]  # noqa: PLR0124  (NaN)
    return sorted(set(known.tolist()), key=str)


def _over(difference: float, scale: float) -> float:
    return float(difference / scale) if scale > 0 else float("nan")


def _flagged(table: pd.DataFrame) -> pd.DataFrame:
    """Group by group, with two flags: of small groups, and of the worst covariate of each."""
    if table.empty:
        return table
    size = table["smd_after"].abs()
    worst = size.groupby(table["group"], sort=False).transform("max")
    table = table.assign(small=table["n_treated"] < SMALL_GROUP, worst=(size == worst) & (size > 0))
    return table.sort_values("group", key=lambda values: values.astype(str), kind="stable", ignore_index=True)


def size_table(match: Matches, pool: Pool | None) -> pd.DataFrame:
    """Units before and after matching on both sides, and how many equally weighted ones they are worth."""
    sets = match.sets
    rows = []
    for side, units, weight in (
        ("treated", sets.treated, sets.treated_weights()),
        ("control", sets.control, sets.control_weights()),
    ):
        rows.append(
            {
                "side": side,
                "before": pd.NA if pool is None else pool.size(side),
                "matched": len(np.unique(units)),
                "effective": effective_size(weight, units),
                "largest_weight": float(np.bincount(units, weight).max(initial=0.0)),
            }
        )
    return pd.DataFrame(rows).astype({"before": "Int64"})


def density_table(match: Matches, pool: Pool, covariate: str) -> pd.DataFrame:
    """Densities of one covariate: treated units and candidates before matching, matched controls after."""
    take = column(match.covariates.index(covariate))
    matched = Matched(match)
    before, after = pool.sides(take), matched.sides(take, matched.everyone())
    common = frame(before.treated, before.control)
    limits = (min(common.treated[0], common.control[0]), max(common.treated[1], common.control[1]))
    found = {
        name: density(side, common.bandwidth, limits)
        for name, side in (("treated", before.treated), ("candidates", before.control), ("controls", after.control))
    }
    return pd.DataFrame({"value": found["treated"].node, **{name: one.height for name, one in found.items()}})


def prognostic_table(match: Matches, pool: Pool, coefficients: FloatArray, denominator: str) -> pd.DataFrame:
    """Balance of the prognostic score, before and after."""
    matched = Matched(match)

    def score(at: Columns) -> FloatArray:
        return np.asarray(np.sum([slope * at(place) for place, slope in enumerate(coefficients)], axis=0))

    after = matched.sides(score, matched.everyone())
    found = covariate_balance(pool.sides(score), after, denominator=denominator, overlap=True)
    return pd.DataFrame([_row("prognostic score", found)])
