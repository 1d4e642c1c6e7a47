"""Effects of cluster organisations on their member firms, from accounts, surveys and interviews, triangulated.

Everything below loads on first use, so that importing the package costs little more than importing pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_MODULES = ("bayes", "datasets", "interviews", "matching", "triangulation", "errors")
_NAMES = {
    "Panel": "data",
    "SampleAccount": "data",
    "Check": "results",
    "Cluster": "results",
    "MultiplierBootstrap": "results",
    "Jackknife": "results",
    "WildBootstrap": "results",
    "Effects": "results",
    "BiasTerm": "results",
    "BiasEvidence": "results",
    "Diagnostic": "results",
    "Estimate": "results",
    "Silence": "results",
    "GroupTimeDiD": "did",
    "MatchedDiD": "did",
    "TwoWayFixedEffects": "did",
    "Matching": "matching",
    "Caliper": "matching",
    "Coarsening": "matching",
    "Rule": "matching",
    "Score": "matching",
    "VariableRatio": "matching",
    "HierarchicalEffects": "bayes",
    "Codebook": "survey",
    "Survey": "survey",
    "DependenceGroup": "triangulation",
    "OrganisationPrior": "triangulation",
    "Override": "triangulation",
    "Theory": "triangulation",
    "Triangulation": "triangulation",
    "Study": "study",
}

__all__ = [
    "BiasEvidence",
    "BiasTerm",
    "Caliper",
    "Check",
    "Cluster",
    "Coarsening",
    "Codebook",
    "DependenceGroup",
    "Diagnostic",
    "Effects",
    "Estimate",
    "GroupTimeDiD",
    "HierarchicalEffects",
    "Jackknife",
    "MatchedDiD",
    "Matching",
    "MultiplierBootstrap",
    "OrganisationPrior",
    "Override",
    "Panel",
    "Rule",
    "SampleAccount",
    "Score",
    "Silence",
    "Study",
    "Survey",
    "Theory",
    "Triangulation",
    "TwoWayFixedEffects",
    "VariableRatio",
    "WildBootstrap",
    "__version__",
    "bayes",
    "datasets",
    "errors",
    "interviews",
    "matching",
    "triangulation",
]

if TYPE_CHECKING:
    from clustereffects import bayes, datasets, errors, interviews, matching, triangulation
    from clustereffects.bayes import HierarchicalEffects
    from clustereffects.data import Panel, SampleAccount
    from clustereffects.did import GroupTimeDiD, MatchedDiD, TwoWayFixedEffects
    from clustereffects.matching import Caliper, Coarsening, Matching, Rule, Score, VariableRatio
    from clustereffects.results import (
        BiasEvidence,
        BiasTerm,
        Check,
        Cluster,
        Diagnostic,
        Effects,
        Estimate,
        Jackknife,
        MultiplierBootstrap,
        Silence,
        WildBootstrap,
    )
    from clustereffects.study import Study
    from clustereffects.survey import Codebook, Survey
    from clustereffects.triangulation import DependenceGroup, OrganisationPrior, Override, Theory, Triangulation


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
