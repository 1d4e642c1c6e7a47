"""Matching: risk sets, distances, nearest neighbours, balance."""

from clustereffects.matching.match import CrossSectionMatch, Design, Match
from clustereffects.matching.matching import Matching

__all__ = ["CrossSectionMatch", "Design", "Match", "Matching"]
