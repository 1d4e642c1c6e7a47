"""Checks of a match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clustereffects.matching.reversion import Mirror
from clustereffects.results import Check
from clustereffects.results.checks import Verdict

if TYPE_CHECKING:
    from clustereffects.matching.match import Matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How large a statistic of balance may be after matching; ``low`` and ``high`` bound it, one sign or ratio."""

    name: str
    column: str
    words: str
    low: float
    high: float
    beyond: Verdict
    remedy: str


# Differences of a tenth of a standard deviation and ratios between a half and two: Stuart (2010), Rubin (2001).
# Distances of distribution functions have no accepted limit, and in small samples chance alone exceeds a tenth.
LIMITS = (
    Limit(
        name="balance after matching",
        column="smd_after",
        words="largest standardised mean difference",
        low=-0.1,
        high=0.1,
        beyond="warn",
        remedy="match with fewer controls, a caliper, or adjust for this covariate",
    ),
    Limit(
        name="variance ratio after matching",
        column="variance_ratio_after",
        words="variance ratio furthest from one",
        low=0.5,
        high=2.0,
        beyond="warn",
        remedy="look at plot(kind='density') of this covariate; match on its logarithm, or with a caliper on it",
    ),
    Limit(
        name="distributions after matching",
        column="ks_after",
        words="largest distance of distribution functions",
        low=-0.1,
        high=0.1,
        beyond="info",
        remedy="",
    ),
)


def balance_checks(table: pd.DataFrame) -> list[Check]:
    """For each limit the covariate that is furthest from balance, and which others are beyond the limit."""
    found = (_against(table.set_index("covariate"), limit) for limit in LIMITS if limit.column in table.columns)
    return [check for check in found if check is not None]


def _against(table: pd.DataFrame, limit: Limit) -> Check | None:
    values = table[limit.column].dropna().astype(float)
    if values.empty:
        return None
    ratio = limit.low > 0
    size = pd.Series(np.abs(np.log(values.clip(lower=1e-300)) if ratio else values), index=values.index)
    order = size.sort_values(ascending=False, kind="stable").index
    worst = float(values[order[0]])
    beyond = [str(name) for name in order if not limit.low <= values[name] <= limit.high]
    shown = f"{worst:.2f}" if ratio else f"{abs(worst):.3f}"
    others = f"; also beyond the limit: {', '.join(beyond[1:])}" if len(beyond) > 1 else ""
    return Check(
        name=limit.name,
        verdict=limit.beyond if beyond else "pass",
        statistic=worst if ratio else abs(worst),
        threshold=limit.low if ratio and worst < 1 else limit.high,
        message=f"{limit.words} {shown} ({order[0]}){others}",
        remedy=limit.remedy if beyond else "",
    )


def use_checks(match: Matches) -> list[Check]:
    """Unmatched units, units with too few controls, reuse of controls."""
    return [_unmatched_check(match), *_untreated_checks(match), *_control_checks(match)]


def _unmatched_check(match: Matches) -> Check:
    side, lost = match.design.side, len(match.lost)
    kept = match.n_treated if side == "treated" else match.n_controls
    other = "control" if side == "treated" else "treated unit"
    effect = "the effect leaves them out" if _of_untreated(match) else f"the effect is that on the {kept} others"
    message = f"{lost} of {lost + kept} {side} units have no {other}; {effect}"
    return Check(
        name=f"unmatched {side} units",
        verdict="warn" if lost else "pass",
        statistic=lost / max(lost + kept, 1),
        threshold=0.0,
        message=message if lost else f"all {kept} {side} units have a {other}",
        remedy="see unmatched() for the constraint that removed the last candidate" if lost else "",
    )


def _of_untreated(match: Matches) -> bool:
    """Whether sets or weights are for an effect to which untreated units belong."""
    return match.design.side == "treated" and match.estimand.endswith(("(ATC)", "(ATE)"))


def _untreated_checks(match: Matches) -> list[Check]:
    """How many untreated units are left out of an effect to which they belong."""
    everyone = match.sample.counts.get("candidates", 0)
    if not everyone or not _of_untreated(match):
        return []
    lost = everyone - match.n_controls
    message = f"{lost} of {everyone} untreated units are in no set with treated units; the effect leaves them out"
    return [
        Check(
            name="unmatched untreated units",
            verdict="warn" if lost else "pass",
            statistic=lost / everyone,
            threshold=0.0,
            message=message if lost else f"all {everyone} untreated units have treated units to compare with",
            remedy="see missing(), and effective_sizes() for how many are matched" if lost else "",
        )
    ]


def _control_checks(match: Matches) -> list[Check]:
    sets, ratio = match.sets, match.design.ratio
    if match.design.side == "untreated":
        return [_reuse_of_treated(match, int((np.bincount(sets.treated_set) < ratio).sum()))]
    short = int((np.bincount(sets.control_set) < ratio).sum())
    times = np.bincount(sets.control, np.bincount(sets.treated_set)[sets.control_set]).max(initial=0)
    return [
        Check(
            name="controls per treated unit",
            verdict="info",
            statistic=float(short),
            threshold=float(ratio),
            message=f"{short} treated units have fewer than {ratio} controls",
        ),
        Check(
            name="reuse of controls",
            verdict="info",
            statistic=match.effective_controls,
            message=f"{match.n_controls} controls count as {match.effective_controls:.1f}; "
            f"one serves up to {times:.0f} treated units",
        ),
    ]


def _reuse_of_treated(match: Matches, short: int) -> Check:
    """What there is to say of treated units that serve the untreated."""
    sets = match.sets
    weight = np.bincount(sets.treated, sets.treated_weights())
    worth, times = float(weight.sum() ** 2 / (weight**2).sum()), int(np.bincount(sets.treated).max(initial=0))
    return Check(
        name="reuse of treated units",
        verdict="info",
        statistic=worth,
        message=f"{match.n_treated} treated units count as {worth:.1f}; one serves up to {times} untreated units; "
        f"{short} untreated units have fewer than {match.design.ratio}",
    )


def rank_check(ranks: dict[str, int], n_variables: int) -> list[Check]:
    """Say when the Mahalanobis distance has fewer dimensions than variables: collinear, or a risk set too small."""
    largest = max(ranks.values())
    small = [cohort for cohort, rank in ranks.items() if rank < largest]
    if small:
        return [
            Check(
                name="risk sets too small for the distance",
                verdict="warn",
                statistic=float(min(ranks.values())),
                threshold=float(largest),
                message=f"too few units to measure nearness in all variables: cohorts {', '.join(small)}",
                remedy="match these on fewer variables, or with distance='scaled_euclidean'",
            )
        ]
    if largest == n_variables:
        return []
    if not largest:
        return [
            Check(
                name="nothing to measure nearness by",
                verdict="warn",
                statistic=0.0,
                threshold=float(n_variables),
                message="within treated units and candidates the matching variables vary by no more than rounding: all "
                "candidates are equally near",
                remedy="subtract what all values have in common, or match on other variables",
            )
        ]
    message = f"{n_variables} matching variables span {largest} dimensions; collinear ones add nothing"
    return [
        Check(
            name="collinear matching variables",
            verdict="info",
            statistic=float(largest),
            threshold=float(n_variables),
            message=message,
        )
    ]


def reversion_check(column: str, mirror: Mirror, lag: int) -> Check:
    """What the change at the far end of the matched window says about regression to the mean."""
    name = f"regression to the mean: {column}"
    if not np.isfinite(mirror.statistic):
        message = f"the change from -{lag} back to -{lag + 1} is not observed, so that this cannot be checked"
        return Check(name=name, verdict="info", threshold=1.96, message=message)
    large = abs(mirror.statistic) > 1.96
    return Check(
        name=name,
        verdict="warn" if large else "pass",
        statistic=mirror.statistic,
        threshold=1.96,
        message=f"from -{lag} back to -{lag + 1}, which nobody was matched on, treated units differ from their controls "
        f"by {mirror.difference:.4f} (standard error {mirror.std_error:.4f}, {mirror.n_treated} units): expect a bias of "
        "this size at joining, of the same sign if it is a return to the mean, of the opposite sign if trends differ",
        remedy="match on more lags or on what does not change, and report the unmatched estimate beside it"
        if large
        else "",
    )
