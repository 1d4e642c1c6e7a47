"""Figures: functions that take a result and optional Axes, and return the Axes."""

from clustereffects.reporting.figures.alt import effects_alt
from clustereffects.reporting.figures.balance import (
    density_alt,
    density_plot,
    love_alt,
    love_plot,
    trajectory_alt,
    trajectory_plot,
)
from clustereffects.reporting.figures.designs import designs_plot
from clustereffects.reporting.figures.effects import effects_plot, event_study, forest
from clustereffects.reporting.figures.panels import effect_panels
from clustereffects.reporting.figures.tables import shrinkage_plot, survey_plot, verdict_matrix

__all__ = [
    "density_alt",
    "density_plot",
    "designs_plot",
    "effect_panels",
    "effects_alt",
    "effects_plot",
    "event_study",
    "forest",
    "love_alt",
    "love_plot",
    "shrinkage_plot",
    "survey_plot",
    "trajectory_alt",
    "trajectory_plot",
    "verdict_matrix",
]
