"""Difference-in-differences on firm panels: group-time, two-way fixed effects."""

from __future__ import annotations

from clustereffects.did.group_time_estimator import GroupTimeDiD

__all__ = ["GroupTimeDiD"]
