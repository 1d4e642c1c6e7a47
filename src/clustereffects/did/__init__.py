"""Difference-in-differences on firm panels: group-time, matched, two-way fixed effects."""

from __future__ import annotations

from clustereffects.did.all_members import MemberBounds, bounds_for_all, dropped_members, weighted_to_all
from clustereffects.did.designs import DesignComparison, compare_designs
from clustereffects.did.group_time_estimator import GroupTimeDiD
from clustereffects.did.matched import MatchedDiD
from clustereffects.did.two_way import TwoWayFixedEffects

__all__ = [
    "DesignComparison",
    "GroupTimeDiD",
    "MatchedDiD",
    "MemberBounds",
    "TwoWayFixedEffects",
    "bounds_for_all",
    "compare_designs",
    "dropped_members",
    "weighted_to_all",
]
