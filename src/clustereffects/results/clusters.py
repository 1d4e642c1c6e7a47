"""How many clusters of treated units each effect rests on: what limits its standard error, and when there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.results.checks import Check
from clustereffects.results.description import Sampling
from clustereffects.results.variance import Cluster, Variance

FloatArray = NDArray[np.float64]


def require_clusters(column: str, count: int) -> None:
    """Refuse to cluster where all units are in one cluster.

    Parameters
    ----------
    column : str
    count : int
        Number of clusters.

    Raises
    ------
    EstimationError
        If there is only one: influences sum to zero, and standard errors would be zero.

    Examples
    --------
    >>> require_clusters("county", 20)
    """
    if count < 2:
        raise EstimationError(
            Problem(
                what=f"standard errors cannot be clustered by {column!r}",
                where="all units are in one cluster",
                expected="at least two clusters",
                remedy="cluster by another column, or by unit",
            )
        )


def lone_cluster_check(
    variance: Variance | None, sampling: Sampling | None, std_error: FloatArray
) -> tuple[Check, ...]:
    """Warn of effects whose treated units all belong to one cluster although errors are clustered.

    Parameters
    ----------
    variance : Cluster or MultiplierBootstrap, optional
    sampling : Sampling, optional
    std_error : array (k,)

    Returns
    -------
    tuple of Check
        One warning, or none.

    Raises
    ------
    KeyError
        If the codes of a cluster column are missing.

    Notes
    -----
    The influence of the treated units then sums to about zero within their cluster: the clustered standard error shows
    the comparison units' variation only.

    Examples
    --------
    >>> lone_cluster_check(None, None, np.ones(1))
    ()
    """
    columns = _columns(variance)
    if sampling is None or not columns:
        return ()
    counts = [sampling.treated.clusters(sampling.clusters[column]) for column in columns]
    lone = int(((np.min(counts, axis=0) == 1) & (std_error > 0)).sum())
    if not lone:
        return ()
    return (
        Check(
            name="clusters per effect",
            verdict="warn",
            statistic=1.0,
            threshold=2.0,
            message=f"the treated units behind {lone} of {len(std_error)} effects belong to one cluster of "
            f"{' or '.join(columns)}: their clustered standard errors show the comparison units' variation only",
            remedy="read them with standard errors by unit, or only in aggregates",
        ),
    )


def _columns(variance: Variance | None) -> tuple[str, ...]:
    if variance is None:
        return ()
    if isinstance(variance, Cluster):
        return variance.columns
    return () if variance.cluster is None else (variance.cluster,)
