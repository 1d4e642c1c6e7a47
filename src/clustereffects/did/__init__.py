"""Difference-in-differences on firm panels: group-time, matched, two-way fixed effects."""

from __future__ import annotations

from clustereffects.did.designs import DesignComparison, compare_designs
from clustereffects.did.group_time_estimator import GroupTimeDiD
from clustereffects.did.matched import MatchedDiD
from clustereffects.did.two_way import TwoWayFixedEffects

__all__ = ["DesignComparison", "GroupTimeDiD", "MatchedDiD", "TwoWayFixedEffects", "compare_designs"]
