"""What other ways of joining the same evidence conclude, each with its assumption and its warning."""

from clustereffects.triangulation.comparison.belief_functions import belief_and_plausibility, dempster
from clustereffects.triangulation.comparison.case import Case, case_of
from clustereffects.triangulation.comparison.causal_types import CausalTypes, causal_types
from clustereffects.triangulation.comparison.compare import COMPARISON_COLUMNS, ENGINES, agreement_by_engine, compare
from clustereffects.triangulation.comparison.opinions import averaging, compromise, cumulative, weighted
from clustereffects.triangulation.comparison.organisations import configurations, single_conditions
from clustereffects.triangulation.comparison.p_values import cauchy, fisher, harmonic_mean, stouffer
from clustereffects.triangulation.comparison.pools import linear_pool, log_pool
from clustereffects.triangulation.comparison.process_tracing import (
    TracedTest,
    posterior_after,
    probative_value,
    rubric_grade,
)
from clustereffects.triangulation.comparison.result import Engine, EngineResult
from clustereffects.triangulation.comparison.set_relations import (
    SetRelation,
    TruthTable,
    necessity,
    sufficiency,
    truth_table,
)
from clustereffects.triangulation.comparison.tallies import binomial_factor, omega_needed, urn_factor

__all__ = [
    "COMPARISON_COLUMNS",
    "ENGINES",
    "Case",
    "CausalTypes",
    "Engine",
    "EngineResult",
    "SetRelation",
    "TracedTest",
    "TruthTable",
    "agreement_by_engine",
    "averaging",
    "belief_and_plausibility",
    "binomial_factor",
    "case_of",
    "cauchy",
    "causal_types",
    "compare",
    "compromise",
    "configurations",
    "cumulative",
    "dempster",
    "fisher",
    "harmonic_mean",
    "linear_pool",
    "log_pool",
    "necessity",
    "omega_needed",
    "posterior_after",
    "probative_value",
    "rubric_grade",
    "single_conditions",
    "stouffer",
    "sufficiency",
    "truth_table",
    "urn_factor",
    "weighted",
]
