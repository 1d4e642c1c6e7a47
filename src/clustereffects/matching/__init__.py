"""Matching: risk sets, distances, pairs and sets, weights, balance."""

from clustereffects.matching.match import CrossSectionMatch, Design, Match
from clustereffects.matching.matching import Matching
from clustereffects.matching.options import Caliper, Coarsening, Score, VariableRatio
from clustereffects.matching.rules import Rule, exposed
from clustereffects.matching.sets import MatchedSets

__all__ = [
    "Caliper",
    "Coarsening",
    "CrossSectionMatch",
    "Design",
    "Match",
    "MatchedSets",
    "Matching",
    "Rule",
    "Score",
    "VariableRatio",
    "exposed",
]
