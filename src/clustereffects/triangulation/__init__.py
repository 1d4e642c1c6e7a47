"""Triangulation: theory of change, bias, the engine, verdicts with bounds, and what they hang on."""

from clustereffects.triangulation import bias, comparison, elicitation
from clustereffects.triangulation.attribution import Attribution
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.comparison import ENGINES, EngineResult
from clustereffects.triangulation.convergence import ConvergenceRules
from clustereffects.triangulation.curves import BiasCurve
from clustereffects.triangulation.dependence import DependenceGroup
from clustereffects.triangulation.exact_pair import exact_pair
from clustereffects.triangulation.findings import VERDICT_COLUMNS, Findings
from clustereffects.triangulation.given import Given
from clustereffects.triangulation.options import OrganisationPrior, Prior, Thresholds
from clustereffects.triangulation.overrides import Override
from clustereffects.triangulation.paths import LinkChance, PathFinding
from clustereffects.triangulation.posterior import Posterior
from clustereffects.triangulation.scale_map import ScaleMap
from clustereffects.triangulation.scorecard import RunFacts, Scorecard, effect_word
from clustereffects.triangulation.sentences import Reasons, tipping_sentence
from clustereffects.triangulation.theory import Claim, Link, Node, Rival, Theory
from clustereffects.triangulation.tipping import Tip
from clustereffects.triangulation.triangulation import Triangulation
from clustereffects.triangulation.verdicts import VERDICTS
from clustereffects.triangulation.waterfall import Step

__all__ = [
    "ENGINES",
    "VERDICTS",
    "VERDICT_COLUMNS",
    "Attribution",
    "BiasCurve",
    "CellFinding",
    "Claim",
    "ConvergenceRules",
    "DependenceGroup",
    "EngineResult",
    "Findings",
    "Given",
    "Link",
    "LinkChance",
    "Node",
    "OrganisationPrior",
    "Override",
    "PathFinding",
    "Posterior",
    "Prior",
    "Reasons",
    "Rival",
    "RunFacts",
    "ScaleMap",
    "Scorecard",
    "Step",
    "Theory",
    "Thresholds",
    "Tip",
    "Triangulation",
    "bias",
    "comparison",
    "effect_word",
    "elicitation",
    "exact_pair",
    "tipping_sentence",
]
