"""From influence functions and a variance choice to standard errors, covariance, and a stated convention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from clustereffects.errors import NotStoredError
from clustereffects.inference.bands import interquartile_scale, sup_t_critical_value
from clustereffects.inference.factored import FactoredInfluence
from clustereffects.inference.influence import Influence, clustered_covariance, intersections, read_only
from clustereffects.inference.jackknife import jackknife_covariance, welch_df
from clustereffects.inference.multipliers import Multipliers
from clustereffects.inference.quantiles import critical_value, two_sided_p
from clustereffects.inference.wild import drawn_critical_value, drawn_p, wild_t
from clustereffects.results._levels import Level, assignment, lone_note
from clustereffects.results._rounding import without_cancelled
from clustereffects.results.clusters import cluster_scores, require_clusters
from clustereffects.results.description import Sampling
from clustereffects.results.replicates import Replicates
from clustereffects.results.variance import Cluster, Jackknife, MultiplierBootstrap, Variance, WildBootstrap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
AnyInfluence = Influence | FactoredInfluence
Kind = Literal["analytic", "jackknife", "multiplier", "wild"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Uncertainty:
    """Covariance of estimates with everything that is needed to state an interval.

    Parameters
    ----------
    covariance : array (k, k) or callable
        Covariance of the estimates, or what computes it once it is asked for: of thousands of effects it takes longer than
        all their standard errors.
    std_error : array (k,)
    df : float
        Degrees of freedom of the reference distribution; infinite means normal.
    convention : str
        Which standard error, with which factor, over how many units or clusters.
    draws : array (b, k), optional
        Bootstrap draws of ``estimate* − estimate``.
    term_df : array (k,), optional
        Degrees of freedom of each term, where they differ.
    studentised : array (b, k), optional
        Magnitudes of bootstrap t statistics; if given, their quantiles take the place of those of t.
    columns : tuple of str
        Columns by which the errors are clustered; empty if units are independent.
    kind : {"analytic", "jackknife", "multiplier", "wild"}
        What the standard errors, or with ``"wild"`` the critical values, come from.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Uncertainty(covariance=np.eye(1), std_error=np.ones(1), df=np.inf, convention="by firm").reference
    'normal'
    """

    covariance: FloatArray | Callable[[], FloatArray]
    std_error: FloatArray
    df: float
    convention: str
    draws: FloatArray | None = None
    term_df: FloatArray | None = None
    studentised: FloatArray | None = None
    columns: tuple[str, ...] = ()
    kind: Kind = "analytic"

    def __post_init__(self) -> None:
        for name in ("std_error", "draws", "term_df", "studentised"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, read_only(getattr(self, name)))

    @cached_property
    def cov(self) -> FloatArray:
        """Covariance matrix (k, k) of the estimates."""
        return read_only(self.covariance() if callable(self.covariance) else self.covariance)

    @property
    def dfs(self) -> FloatArray:
        """Degrees of freedom of each term (k,)."""
        return np.full(len(self.std_error), self.df) if self.term_df is None else self.term_df

    @property
    def references(self) -> list[str]:
        """Reference distribution of each term in words."""
        if self.studentised is not None:
            return [self.reference] * len(self.std_error)
        return ["normal" if np.isinf(df) else f"t({df:.4g})" for df in self.dfs]

    @property
    def reference(self) -> str:
        """Reference distribution in words; where terms differ, the range."""
        if self.studentised is not None:
            return f"wild bootstrap t, {len(self.studentised)} draws"
        if self.term_df is None or not np.isfinite(self.term_df).any():
            return "normal" if np.isinf(self.df) else f"t({self.df:.4g})"
        low, high = (f"t({df:.4g})" for df in (np.nanmin(self.term_df), np.nanmax(self.term_df)))
        return low if low == high else f"{low} to {high}"

    def critical_values(self, level: float) -> FloatArray:
        """Pointwise critical values (k,); NaN for terms without a reference distribution."""
        if self.studentised is not None:
            return np.array([drawn_critical_value(drawn, level) for drawn in self.studentised.T])
        return np.array([critical_value(level, df) if df > 0 else np.nan for df in self.dfs])

    def p_values(self, statistic: FloatArray) -> FloatArray:
        """Two-sided p-values (k,) of statistics with these standard errors."""
        if self.studentised is not None:
            return np.array([drawn_p(drawn, t) for drawn, t in zip(self.studentised.T, statistic, strict=True)])
        pairs = zip(statistic, self.dfs, strict=True)
        return np.array([two_sided_p(t, df).item() if df > 0 else np.nan for t, df in pairs])

    def largest(self, terms: BoolArray) -> FloatArray | None:
        """Draws (b,) of the largest magnitude of t among some terms; nothing where t is not what was drawn."""
        if self.studentised is None:
            return None
        varying = terms & ~np.isnan(self.studentised).any(axis=0)
        return np.asarray(self.studentised[:, varying].max(axis=1, initial=0.0)) if varying.any() else None

    def simultaneous(self, level: float) -> tuple[FloatArray, str]:
        """Critical values (k,) that cover all terms at once, and where they come from.

        With t distributions, the normal sup-t value is replaced by the t quantile of the same marginal coverage.
        """
        if self.studentised is not None:
            largest = self.largest(self.std_error > 0)
            value = float("nan") if largest is None else drawn_critical_value(largest, level)
            return np.full(len(self.std_error), value), self.reference
        if self.draws is None:
            value = sup_t_critical_value(self.cov, level)
            source = "Gaussian limit"
        else:
            value = _largest(self.draws, self.std_error, level)
            source = f"multiplier bootstrap, {len(self.draws)} draws"
        wide = [value if np.isinf(df) else _t_value(value, df) for df in self.dfs]
        return np.array(wide, dtype=np.float64), source


def uncertainty(
    influence: AnyInfluence, variance: Variance | None, sampling: Sampling, replicates: Replicates | None = None
) -> Uncertainty:
    """Uncertainty of estimates under a variance choice.

    Parameters
    ----------
    influence : Influence or FactoredInfluence (n, k)
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
        ``None``: at the assignment level if one is declared, a jackknife if there are replicates, else clustered; without
        one, independent units.
    sampling : Sampling
    replicates : Replicates, optional
        Estimates without one cluster at a time, which a jackknife needs.

    Returns
    -------
    Uncertainty

    Raises
    ------
    KeyError
        If the codes of a cluster column were not supplied.
    EstimationError
        If all units are in one cluster.

    Notes
    -----
    Where treatment was assigned to clusters, what limits the information is the number of *treated* clusters ``G`` behind
    an effect; never treated units usually stand alone and are many. Hence without replicates the default variance at the
    assignment level takes the factor ``G/(G−1)`` and t(G−1), with each effect's own ``G``; the jackknife takes the degrees
    of freedom of Welch from the treated and the other clusters. An effect whose treated units all belong to one
    cluster cannot be clustered: its influence sums to nearly zero within the cluster, and without the cluster it is not
    identified. Where all effects are of that kind, such as those by organisation, their errors are by unit; where only
    some are, these have no standard error. The convention says so.

    Examples
    --------
    >>> import pandas as pd
    >>> from clustereffects.inference import Membership
    >>> psi = Influence(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    >>> sampling = Sampling(units=pd.RangeIndex(4), clusters={}, membership=Membership.of(np.ones((4, 1))))
    >>> uncertainty(psi, None, sampling).convention
    'influence function, independent units (4 units)'
    """
    by_unit = influence.variances()
    found = _chosen(influence, variance, sampling, replicates, by_unit)
    return without_cancelled(found, by_unit) if found.columns else found


def _chosen(
    influence: AnyInfluence,
    variance: Variance | None,
    sampling: Sampling,
    replicates: Replicates | None,
    by_unit: FloatArray,
) -> Uncertainty:
    """Uncertainty under a variance choice; ``by_unit`` (k,) are the variances with independent units."""
    if isinstance(variance, Cluster):
        return _clustered(influence, variance, sampling)
    assigned = variance is None and replicates is not None and replicates.column in sampling.assignment
    if replicates is not None and (assigned or isinstance(variance, Jackknife)):
        choice = variance if isinstance(variance, Jackknife) else Jackknife()
        return _jackknife(influence, choice, sampling, replicates, by_unit)
    if isinstance(variance, Jackknife):
        raise NotStoredError("these effects hold no estimates without a cluster – fit with variance=Jackknife(...)")
    level = assignment(sampling, by_unit > 0, first_only=variance is not None)
    if isinstance(variance, MultiplierBootstrap):
        return _bootstrap(influence, variance, sampling, level)
    if isinstance(variance, WildBootstrap):
        return _wild(influence, variance, sampling, level)
    if not level.columns:
        return _by_unit(influence, by_unit, level.note)
    return _at_assignment(influence, sampling, level)


def _by_unit(influence: AnyInfluence, variances: FloatArray, note: str) -> Uncertainty:
    return Uncertainty(
        covariance=influence.covariance,
        std_error=np.sqrt(variances),
        df=np.inf,
        convention=f"influence function, independent units ({influence.n_units:,} units){note}",
    )


def _at_assignment(influence: AnyInfluence, sampling: Sampling, level: Level) -> Uncertainty:
    codes = [sampling.clusters[column] for column in level.columns]
    counts = [*level.counts]
    if len(codes) == 2:
        counts.append(sampling.treated.clusters(intersections(*codes)))
    keep = ~level.lone
    factors = [np.where(count > 1, count / np.maximum(count - 1, 1), 1.0)[keep] for count in counts]
    cov = np.full((influence.n_terms, influence.n_terms), np.nan)
    cov[np.ix_(keep, keep)] = clustered_covariance(influence.select(np.flatnonzero(keep)), codes, factors)
    treated = sampling.treated.treated()
    totals = [len(np.unique(code[treated])) for code in codes]
    parts = [f"{column} ({total} treated clusters)" for column, total in zip(level.columns, totals, strict=True)]
    least = np.min(level.counts, axis=0)
    return Uncertainty(
        covariance=cov,
        std_error=_root(cov),
        df=float(min(totals) - 1),
        convention=f"influence function, clustered at the assignment level: {' and '.join(parts)}, factor G/(G−1) and "
        f"t(G−1) with the G treated clusters of each effect{level.note}",
        term_df=np.where(keep, np.where(least > 1, least - 1.0, min(totals) - 1.0), np.nan),
        columns=level.columns,
    )


def _jackknife(
    influence: AnyInfluence, variance: Jackknife, sampling: Sampling, replicates: Replicates, by_unit: FloatArray
) -> Uncertainty:
    column = replicates.column
    measured = np.isfinite(replicates.whole) & (by_unit > 0)
    lone = replicates.lone() & measured
    note, all_lone = lone_note(column, lone, measured)
    if all_lone:
        return _by_unit(influence, by_unit, note)
    found = replicates.deviations(influence, sampling)
    require_clusters(column, found.n_clusters)
    cov = jackknife_covariance(found)
    cov[~measured] = cov[:, ~measured] = 0.0
    cov[lone] = cov[:, lone] = np.nan
    keep = measured & ~lone
    everyone = float(found.n_clusters - 1)
    df = np.where(keep, welch_df(found) if variance.df == "welch" else everyone, np.where(lone, np.nan, everyone))
    reached = int(found.treated.any(axis=1).sum())
    approximate = f", {found.n_alone:,} of them single units that enter by their influence" if found.n_alone else ""
    words = "Welch–Satterthwaite degrees of freedom" if variance.df == "welch" else f"t({everyone:g})"
    return Uncertainty(
        covariance=cov,
        std_error=_root(cov),
        df=everyone if variance.df == "clusters" else float(np.nanmin(df[keep])),
        convention=f"cluster jackknife (CV3) by {column}: {reached} treated and {found.n_clusters - reached:,} other "
        f"clusters{approximate}, {words}{note}",
        term_df=df,
        columns=(column,),
        kind="jackknife",
    )


def _clustered(influence: AnyInfluence, variance: Cluster, sampling: Sampling) -> Uncertainty:
    codes = [sampling.clusters[column] for column in variance.columns]
    counts = [len(np.unique(code)) for code in codes]
    for column, count in zip(variance.columns, counts, strict=True):
        require_clusters(column, count)
    sizes = counts if len(codes) == 1 else [*counts, len(np.unique(intersections(*codes)))]
    factors = [variance.factor(size, influence.n_units) for size in sizes]
    cov = clustered_covariance(influence, codes, factors)
    parts = [
        f"{column} ({count:,} clusters, factor {factor:.4g})"
        for column, count, factor in zip(variance.columns, counts, factors, strict=False)
    ]
    convention = f"influence function, clustered by {' and '.join(parts)}, small_sample={variance.small_sample!r}"
    return Uncertainty(
        covariance=cov,
        std_error=_root(cov),
        df=variance.df(min(counts)),
        convention=convention,
        columns=variance.columns,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Clusters that share a multiplier, terms that rest on one of them, and how a convention says so."""

    column: str | None
    codes: IntArray | None
    lone: BoolArray
    words: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,) if self.column else ()


def _drawn(influence: AnyInfluence, named: str | None, sampling: Sampling, level: Level) -> _Drawn:
    column = named or (level.columns[0] if level.columns else None)
    lone = level.lone if named is None else np.zeros(influence.n_terms, dtype=np.bool_)
    codes = sampling.clusters[column] if column else None
    count = influence.n_units if codes is None else len(np.unique(codes))
    if column:
        require_clusters(column, count)
    return _Drawn(column, codes, lone, f"{f'clustered by {column}' if column else 'independent units'} ({count:,})")


def _bootstrap(influence: AnyInfluence, variance: MultiplierBootstrap, sampling: Sampling, level: Level) -> Uncertainty:
    which = _drawn(influence, variance.cluster, sampling, level)
    draws = influence.draws(Multipliers(variance.multiplier, variance.draws, variance.rng), which.codes)
    cov = influence.covariance(which.codes)
    cov[which.lone] = cov[:, which.lone] = np.nan
    convention = (
        f"multiplier bootstrap, {variance.draws} {variance.multiplier} draws, seed {variance.rng}, {which.words}, "
        f"interquartile range{'' if variance.cluster else level.note}"
    )
    error = np.where(which.lone, np.nan, interquartile_scale(draws))
    return Uncertainty(
        covariance=cov,
        std_error=error,
        df=np.inf,
        convention=convention,
        draws=draws,
        columns=which.columns,
        kind="multiplier",
    )


def _wild(influence: AnyInfluence, variance: WildBootstrap, sampling: Sampling, level: Level) -> Uncertainty:
    which = _drawn(influence, variance.column, sampling, level)
    cov = influence.covariance(which.codes)
    cov[which.lone] = cov[:, which.lone] = np.nan
    multipliers = Multipliers(variance.multiplier, variance.draws, variance.rng)
    drawn = np.abs(wild_t(cluster_scores(influence, sampling.treated, which.codes), multipliers))
    drawn[:, which.lone] = np.nan
    return Uncertainty(
        covariance=cov,
        std_error=_root(cov),
        df=np.inf,
        convention=f"influence function, {which.words}, factor 1; t values from a studentised wild bootstrap, "
        f"{variance.draws} {variance.multiplier} draws, seed {variance.rng}{'' if variance.column else level.note}",
        studentised=drawn,
        columns=which.columns,
        kind="wild",
    )


def _largest(draws: FloatArray, std_error: FloatArray, level: float) -> float:
    """Quantile of the largest t value of each draw, never below the pointwise one; NaN if no term varies."""
    keep = std_error > 0
    pointwise = critical_value(level)
    if not keep.any():
        return float("nan")
    largest = np.abs(draws[:, keep] / std_error[keep]).max(axis=1)
    return max(float(np.quantile(largest, level, method="inverted_cdf")), pointwise)


def _t_value(normal: float, df: float) -> float:
    """Quantile of t with the coverage of a normal one, from the tail so that extreme values keep their digits."""
    return float(-special.stdtrit(df, float(special.ndtr(-normal)))) if df > 0 else float("nan")


def _root(cov: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(np.diag(cov), 0.0)), dtype=np.float64)
