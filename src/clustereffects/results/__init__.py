"""What every estimator returns: effects, tidy tables, summaries, checks, evidence, provenance."""

from clustereffects.results.checks import Check
from clustereffects.results.description import Description, Sampling
from clustereffects.results.drawing import draw
from clustereffects.results.effects import Effects
from clustereffects.results.evidence import (
    BiasEvidence,
    BiasTerm,
    Diagnostic,
    Estimate,
    Evidence,
    Silence,
)
from clustereffects.results.evidence_provenance import EvidenceProvenance
from clustereffects.results.provenance import Provenance, options_of, versions
from clustereffects.results.pseudonyms import pseudonym, pseudonyms
from clustereffects.results.replicates import Replicates
from clustereffects.results.summary import Summary
from clustereffects.results.tidy import TIDY_COLUMNS, tidy_frame
from clustereffects.results.variance import (
    Cluster,
    Jackknife,
    MultiplierBootstrap,
    Variance,
    WildBootstrap,
    named_columns,
    seed_of,
)

__all__ = [
    "TIDY_COLUMNS",
    "BiasEvidence",
    "BiasTerm",
    "Check",
    "Cluster",
    "Description",
    "Diagnostic",
    "Effects",
    "Estimate",
    "Evidence",
    "EvidenceProvenance",
    "Jackknife",
    "MultiplierBootstrap",
    "Provenance",
    "Replicates",
    "Sampling",
    "Silence",
    "Summary",
    "Variance",
    "WildBootstrap",
    "draw",
    "named_columns",
    "options_of",
    "pseudonym",
    "pseudonyms",
    "seed_of",
    "tidy_frame",
    "versions",
]
