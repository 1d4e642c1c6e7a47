"""Checks of a match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clustereffects.matching.reversion import Mirror
from clustereffects.results import Check

if TYPE_CHECKING:
    from clustereffects.matching.match import Pairs


def balance_checks(table: pd.DataFrame) -> list[Check]:
    """Largest standardised mean difference after matching."""
    sizes = table.set_index("covariate")["smd_after"].abs().dropna()
    if not len(sizes):
        return []
    worst, difference = sizes.idxmax(), sizes.max()
    return [
        Check(
            name="balance after matching",
            verdict="pass" if difference <= 0.1 else "warn",
            statistic=float(difference),
            threshold=0.1,
            message=f"largest standardised mean difference {difference:.3f} ({worst})",
            remedy="" if difference <= 0.1 else "match with fewer controls, a caliper, or adjust for this covariate",
        )
    ]


def use_checks(match: Pairs) -> list[Check]:
    """Unmatched units, units with too few controls, reuse of controls."""
    lost, kept = len(match.lost), match.n_treated
    share = lost / max(lost + kept, 1)
    times = np.bincount(match.control).max(initial=0)
    short = int((np.bincount(match.treated)[np.unique(match.treated)] < match.design.ratio).sum()) if kept else 0
    return [
        Check(
            name="unmatched treated units",
            verdict="warn" if lost else "pass",
            statistic=share,
            threshold=0.0,
            message=f"{lost} of {lost + kept} treated units have no control; the effect is that on the {kept} others",
            remedy="see unmatched() for the constraint that removed the last candidate" if lost else "",
        ),
        Check(
            name="controls per treated unit",
            verdict="info",
            statistic=float(short),
            threshold=float(match.design.ratio),
            message=f"{short} treated units have fewer than {match.design.ratio} controls",
        ),
        Check(
            name="reuse of controls",
            verdict="info",
            statistic=match.effective_controls,
            message=f"{match.n_controls} controls count as {match.effective_controls:.1f}; "
            f"one serves up to {times} treated units",
        ),
    ]


def rank_check(rank: int, n_variables: int) -> list[Check]:
    """Say when collinear variables made the Mahalanobis distance use fewer dimensions than variables."""
    if rank == n_variables:
        return []
    return [
        Check(
            name="collinear matching variables",
            verdict="info",
            statistic=float(rank),
            threshold=float(n_variables),
            message=f"{n_variables} matching variables span {rank} dimensions in at least one risk set",
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
        f"by {mirror.difference:.4f} (standard error {mirror.std_error:.4f}, {mirror.n_treated} units); for a "
        "stationary series the bias at joining has the same expectation",
        remedy="match on more lags or on what does not change, and report the unmatched estimate beside it"
        if large
        else "",
    )
