"""Figures: functions that take a result and optional Axes, and return the Axes."""

from clustereffects.reporting.figures.alt import effects_alt
from clustereffects.reporting.figures.designs import designs_plot
from clustereffects.reporting.figures.effects import effects_plot, event_study, forest
from clustereffects.reporting.figures.panels import effect_panels
from clustereffects.reporting.figures.tables import love_plot, shrinkage_plot, survey_plot, verdict_matrix

__all__ = [
    "designs_plot",
    "effect_panels",
    "effects_alt",
    "effects_plot",
    "event_study",
    "forest",
    "love_plot",
    "shrinkage_plot",
    "survey_plot",
    "verdict_matrix",
]
