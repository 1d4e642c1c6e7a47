"""From influence functions and a variance choice to standard errors, covariance, and a stated convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.inference.bands import interquartile_scale, multiplier_draws, sup_t_critical_value
from clustereffects.inference.influence import Influence, clustered_covariance
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


def uncertainty(
    influence: Influence, variance: Variance | None, clusters: Mapping[str, IntArray], assignment: tuple[str, ...] = ()
) -> Uncertainty:
    """Uncertainty of estimates under a variance choice.

    Parameters
    ----------
    influence : Influence (n, k)
    variance : Cluster or MultiplierBootstrap, optional
        ``None``: clustered at the assignment level if one is declared (factor ``G/(G−1)``, t(G−1)), else independent
        units.
    clusters : mapping of str to array (n,) of int
    assignment : tuple of str
        Columns at which treatment was assigned.

    Returns
    -------
    Uncertainty

    Raises
    ------
    KeyError
        If the codes of a cluster column were not supplied.

    Examples
    --------
    >>> psi = Influence(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    >>> uncertainty(psi, None, {}).convention
    'influence function, independent units (4 units)'
    """
    if isinstance(variance, MultiplierBootstrap):
        return _bootstrap(influence, variance, clusters, assignment)
    if variance is None and assignment:
        variance = Cluster(*assignment, small_sample="stata")
    if variance is None:
        cov = influence.covariance()
        convention = f"influence function, independent units ({influence.n_units:,} units)"
        return Uncertainty(cov=cov, std_error=_root(cov), df=np.inf, convention=convention)
    return _clustered(influence, variance, clusters)


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
