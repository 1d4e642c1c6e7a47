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
from clustereffects.reporting.figures.triangulation import posterior_with_bounds, tipping_curves
from clustereffects.reporting.figures.triangulation_alt import (
    convergence_alt,
    posterior_alt,
    theory_alt,
    tipping_alt,
    waterfall_alt,
)
from clustereffects.reporting.figures.triangulation_graph import theory_graph
from clustereffects.reporting.figures.triangulation_matrix import convergence_matrix
from clustereffects.reporting.figures.triangulation_waterfall import evidence_waterfall

__all__ = [
    "convergence_alt",
    "convergence_matrix",
    "density_alt",
    "density_plot",
    "designs_plot",
    "effect_panels",
    "effects_alt",
    "effects_plot",
    "event_study",
    "evidence_waterfall",
    "forest",
    "love_alt",
    "love_plot",
    "posterior_alt",
    "posterior_with_bounds",
    "shrinkage_plot",
    "survey_plot",
    "theory_alt",
    "theory_graph",
    "tipping_alt",
    "tipping_curves",
    "trajectory_alt",
    "trajectory_plot",
    "verdict_matrix",
    "waterfall_alt",
]
