"""Matching: risk sets, distances, nearest neighbours, balance."""

from clustereffects.matching.match import CrossSectionMatch, Design, Match
from clustereffects.matching.matching import Matching
from clustereffects.matching.sets import MatchedSets

__all__ = ["CrossSectionMatch", "Design", "Match", "MatchedSets", "Matching"]
