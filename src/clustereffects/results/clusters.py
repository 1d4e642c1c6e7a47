"""How many clusters of treated units each effect rests on: what limits its standard error, and when there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.inference.factored import FactoredInfluence
from clustereffects.inference.influence import Influence
from clustereffects.inference.membership import Membership
from clustereffects.inference.wild import Scores
from clustereffects.results.checks import Check
from clustereffects.results.description import Sampling
from clustereffects.results.variance import Jackknife, Variance, named_columns

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
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
    columns = named_columns(variance)
    # Effects that a jackknife cannot estimate without their cluster have no standard error at all.
    if sampling is None or not columns or isinstance(variance, Jackknife):
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


def cluster_scores(influence: Influence | FactoredInfluence, treated: Membership, codes: IntArray | None) -> Scores:
    """Cluster sums of an influence function and the share of each cluster in its arm.

    Parameters
    ----------
    influence : Influence or FactoredInfluence (n, k)
    treated : Membership
        Treated units behind each term.
    codes : array (n,) of int, optional
        Cluster of each unit; none if each stands alone.

    Returns
    -------
    Scores
        Treated clusters share the treated mass behind a term, the others their units.

    Raises
    ------
    ValueError
        If there is not one code per unit.

    Examples
    --------
    >>> psi = Influence(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    >>> found = cluster_scores(psi, Membership.of([[1.0], [1.0], [0.0], [0.0]]), np.array([0, 1, 2, 2]))
    >>> found.sums.ravel().tolist(), found.treated.ravel().tolist(), found.other.ravel().tolist()
    ([0.25, -0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0])
    """
    place = np.arange(influence.n_units) if codes is None else np.unique(codes, return_inverse=True)[1].ravel()
    count = int(place.max(initial=-1)) + 1
    there = treated.arms >= 0
    entries = place[there] * treated.n_arms + treated.arms[there]
    arms = np.bincount(entries, treated.weight[there], minlength=count * treated.n_arms)
    mass = arms.reshape(count, treated.n_arms) @ treated.incidence
    units = np.where(mass > 0, 0.0, np.bincount(place, minlength=count)[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [np.where(part > 0, part / part.sum(axis=0), 0.0) for part in (mass, units)]
    return Scores(influence.sums(None if codes is None else place) / influence.n_units, *shares)


def assigned_by(sampling: Sampling, columns: tuple[str, ...]) -> str:
    """At which level treatment was assigned, and whether standard errors respect it, in words.

    Parameters
    ----------
    sampling : Sampling
    columns : tuple of str
        Columns by which the standard errors are clustered; empty if by unit.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the codes of a column are missing.

    Examples
    --------
    >>> town = {"town": np.array([0, 0, 1, 2])}
    >>> sampling = Sampling(units=np.arange(4), clusters=town, membership=Membership.of([[1.0], [1.0], [0.0], [0.0]]),
    ...                     assignment=("town",))
    >>> assigned_by(sampling, ("town",))
    'town (1 treated, 2 other clusters); errors respect it'
    """
    if not sampling.assignment:
        return "unit, as the panel declares no clusters"
    treated = sampling.treated.treated()
    levels, missed = [], []
    for column in sampling.assignment:
        codes = sampling.clusters[column]
        reached = len(np.unique(codes[treated]))
        levels.append(f"{column} ({reached} treated, {len(np.unique(codes)) - reached:,} other clusters)")
        if not any(_within(codes, sampling.clusters[wider]) for wider in columns):
            missed.append(column)
    if not missed:
        return f"{' and '.join(levels)}; errors respect it"
    own = f"errors by {' and '.join(columns) or 'unit'}"
    return f"{' and '.join(levels)}; {own} do not respect {' and '.join(missed)}"


def _within(codes: IntArray, wider: IntArray) -> bool:
    """Whether each cluster lies in one of the wider clusters."""
    pairs = np.unique(np.column_stack([codes, wider]), axis=0)
    return len(pairs) == len(np.unique(codes))
