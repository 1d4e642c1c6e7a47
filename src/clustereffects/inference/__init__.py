"""Arrays only: quantiles, covariance from influence functions, simultaneous bands."""

from clustereffects.inference.bands import interquartile_scale, multiplier_draws, sup_t_critical_value
from clustereffects.inference.influence import Influence, cluster_sums, clustered_covariance, intersections
from clustereffects.inference.quantiles import chi_square_p, critical_value, f_p, two_sided_p

__all__ = [
    "Influence",
    "chi_square_p",
    "cluster_sums",
    "clustered_covariance",
    "critical_value",
    "f_p",
    "interquartile_scale",
    "intersections",
    "multiplier_draws",
    "sup_t_critical_value",
    "two_sided_p",
]
