"""Matching: risk sets, distances, nearest neighbours, balance."""

from clustereffects.matching.match import CrossSectionMatch, Design, Match

__all__ = ["CrossSectionMatch", "Design", "Match"]
