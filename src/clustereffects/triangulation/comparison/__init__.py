"""What other ways of joining the same evidence conclude, each with its assumption and its warning."""

from clustereffects.triangulation.comparison.case import Case, case_of
from clustereffects.triangulation.comparison.compare import COMPARISON_COLUMNS, ENGINES, compare
from clustereffects.triangulation.comparison.organisations import configurations, single_conditions
from clustereffects.triangulation.comparison.result import Engine, EngineResult

__all__ = [
    "COMPARISON_COLUMNS",
    "ENGINES",
    "Case",
    "Engine",
    "EngineResult",
    "case_of",
    "compare",
    "configurations",
    "single_conditions",
]
