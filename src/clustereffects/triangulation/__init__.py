"""Triangulation: theory of change, bias, the engine, verdicts with bounds, and what they hang on."""

from clustereffects.triangulation import bias
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.findings import VERDICT_COLUMNS, Findings
from clustereffects.triangulation.options import Prior, Thresholds
from clustereffects.triangulation.posterior import Posterior
from clustereffects.triangulation.sentences import Reasons, tipping_sentence
from clustereffects.triangulation.theory import Claim, Link, Node, Rival, Theory
from clustereffects.triangulation.tipping import Tip
from clustereffects.triangulation.triangulation import Triangulation
from clustereffects.triangulation.verdicts import VERDICTS

__all__ = [
    "VERDICTS",
    "VERDICT_COLUMNS",
    "CellFinding",
    "Claim",
    "Findings",
    "Link",
    "Node",
    "Posterior",
    "Prior",
    "Reasons",
    "Rival",
    "Theory",
    "Thresholds",
    "Tip",
    "Triangulation",
    "bias",
    "tipping_sentence",
]
