"""Arrays only: quantiles, covariance from influence functions, simultaneous bands."""

from clustereffects.inference._blas import one_thread
from clustereffects.inference.bands import interquartile_scale, sup_t_critical_value
from clustereffects.inference.factored import Block, FactoredInfluence, Source, SparseInfluence
from clustereffects.inference.influence import Influence, cluster_sums, clustered_covariance, intersections
from clustereffects.inference.membership import Membership
from clustereffects.inference.multipliers import Multipliers
from clustereffects.inference.quantiles import chi_square_p, critical_value, f_p, two_sided_p

__all__ = [
    "Block",
    "FactoredInfluence",
    "Influence",
    "Membership",
    "Multipliers",
    "Source",
    "SparseInfluence",
    "chi_square_p",
    "cluster_sums",
    "clustered_covariance",
    "critical_value",
    "f_p",
    "interquartile_scale",
    "intersections",
    "one_thread",
    "sup_t_critical_value",
    "two_sided_p",
]
