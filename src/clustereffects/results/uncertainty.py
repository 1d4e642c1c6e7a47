"""From influence functions and a variance choice to standard errors, covariance, and a stated convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.inference.bands import interquartile_scale, multiplier_draws, sup_t_critical_value
from clustereffects.inference.influence import Influence, clustered_covariance
from clustereffects.results.description import Sampling
from clustereffects.results.variance import Cluster, MultiplierBootstrap, Variance

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uncertainty:
    """Covariance of estimates with everything that is needed to state an interval.

    Parameters
    ----------
    cov : array (k, k)
    std_error : array (k,)
    df : float
        Degrees of freedom of the reference distribution; infinite means normal.
    convention : str
        Which standard error, with which factor, over how many units or clusters.
    draws : array (b, k), optional
        Bootstrap draws of ``estimate* − estimate``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Uncertainty(cov=np.eye(1), std_error=np.ones(1), df=np.inf, convention="by firm").reference
    'normal'
    """

    cov: FloatArray
    std_error: FloatArray
    df: float
    convention: str
    draws: FloatArray | None = None

    @property
    def reference(self) -> str:
        """Reference distribution in words."""
        return "normal" if np.isinf(self.df) else f"t({self.df:g})"

    def simultaneous(self, level: float) -> tuple[float, str]:
        """Critical value that covers all terms at once, and where it comes from."""
        if self.draws is None:
            return sup_t_critical_value(self.cov, level), "Gaussian limit"
        with np.errstate(invalid="ignore", divide="ignore"):
            t_values = np.abs(self.draws / np.where(self.std_error > 0, self.std_error, np.nan))
        largest = np.nanmax(t_values, axis=1)
        return float(np.quantile(largest, level, method="inverted_cdf")), f"multiplier bootstrap, {len(largest)} draws"


def uncertainty(influence: Influence, variance: Variance | None, sampling: Sampling) -> Uncertainty:
    """Uncertainty of estimates under a variance choice.

    Parameters
    ----------
    influence : Influence (n, k)
    variance : Cluster or MultiplierBootstrap, optional
        ``None``: clustered at the assignment level if one is declared, else independent units.
    sampling : Sampling

    Returns
    -------
    Uncertainty

    Raises
    ------
    KeyError
        If the codes of a cluster column were not supplied.

    Notes
    -----
    Where treatment was assigned to clusters, what limits the information is the number of *treated* clusters ``G``; never
    treated units usually stand alone and are many. Hence the default variance at the assignment level takes the factor
    ``G/(G−1)`` and t(G−1) from them. A term whose treated units all belong to one cluster cannot be clustered: its
    influence sums to nearly zero within the cluster. If there is such a term, all terms keep the errors by unit, and the
    convention says so.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_array
    >>> psi = Influence(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    >>> sampling = Sampling(units=pd.RangeIndex(4), clusters={}, membership=csc_array(np.ones((4, 1))))
    >>> uncertainty(psi, None, sampling).convention
    'influence function, independent units (4 units)'
    """
    if isinstance(variance, MultiplierBootstrap):
        return _bootstrap(influence, variance, sampling.clusters, sampling.assignment)
    if isinstance(variance, Cluster):
        return _clustered(influence, variance, sampling.clusters)
    if not sampling.assignment:
        return _by_unit(influence)
    level = " and ".join(sampling.assignment)
    counts = [_treated_clusters(sampling.membership, sampling.clusters[column]) for column in sampling.assignment]
    if min(int(count.min()) if len(count) else 0 for count in counts) < 2:
        return _by_unit(influence, f"; treatment was assigned by {level}, but some effects rest on one {level} alone")
    codes = [sampling.clusters[column] for column in sampling.assignment]
    groups = [len(np.unique(code[_treated(sampling.membership)])) for code in codes]
    factors = [group / (group - 1) for group in groups]
    cov = clustered_covariance(influence, codes, factors)
    parts = [
        f"{c} ({g} treated clusters, factor {f:.4g})"
        for c, g, f in zip(sampling.assignment, groups, factors, strict=True)
    ]
    convention = f"influence function, clustered at the assignment level: {' and '.join(parts)}"
    return Uncertainty(cov=cov, std_error=_root(cov), df=float(min(groups) - 1), convention=convention)


def _by_unit(influence: Influence, note: str = "") -> Uncertainty:
    cov = influence.covariance()
    convention = f"influence function, independent units ({influence.n_units:,} units){note}"
    return Uncertainty(cov=cov, std_error=_root(cov), df=np.inf, convention=convention)


def _treated(membership: Any) -> NDArray[np.bool_]:
    return np.asarray((membership > 0).sum(axis=1)).ravel() > 0


def _treated_clusters(membership: Any, codes: IntArray) -> IntArray:
    """Number of clusters with treated units behind each term that has any."""
    from scipy.sparse import csc_array

    rows, columns = membership.nonzero()
    met = csc_array((np.ones(len(rows)), (codes[rows], columns)), shape=(codes.max(initial=0) + 1, membership.shape[1]))
    count = np.asarray((met > 0).sum(axis=0)).ravel()
    return count[count > 0]


def _clustered(influence: Influence, variance: Cluster, clusters: Mapping[str, IntArray]) -> Uncertainty:
    codes = [clusters[column] for column in variance.columns]
    counts = [len(np.unique(code)) for code in codes]
    factors = [variance.factor(count, influence.n_units) for count in counts]
    cov = clustered_covariance(influence, codes, factors)
    parts = [f"{c} ({g:,} clusters, factor {f:.4g})" for c, g, f in zip(variance.columns, counts, factors, strict=True)]
    convention = f"influence function, clustered by {' and '.join(parts)}, small_sample={variance.small_sample!r}"
    return Uncertainty(cov=cov, std_error=_root(cov), df=variance.df(min(counts)), convention=convention)


def _bootstrap(
    influence: Influence, variance: MultiplierBootstrap, clusters: Mapping[str, IntArray], assignment: tuple[str, ...]
) -> Uncertainty:
    column = variance.cluster or (assignment[0] if assignment else None)
    codes = clusters[column] if column else None
    rows = influence.sums(codes)
    generator = np.random.default_rng(variance.rng)
    draws = multiplier_draws(
        rows, n_units=influence.n_units, draws=variance.draws, kind=variance.multiplier, rng=generator
    )
    level = f"clustered by {column}" if column else "independent units"
    convention = (
        f"multiplier bootstrap, {variance.draws} {variance.multiplier} draws, seed {variance.rng}, {level} "
        f"({len(rows):,}), interquartile range"
    )
    error = interquartile_scale(draws)
    return Uncertainty(cov=influence.covariance(codes), std_error=error, df=np.inf, convention=convention, draws=draws)


def _root(cov: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(np.diag(cov), 0.0)), dtype=np.float64)
