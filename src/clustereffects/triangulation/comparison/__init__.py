"""What other ways of joining the same evidence conclude, each with its assumption and its warning."""

from clustereffects.triangulation.comparison.case import Case, case_of
from clustereffects.triangulation.comparison.result import Engine, EngineResult

__all__ = ["Case", "Engine", "EngineResult", "case_of"]
