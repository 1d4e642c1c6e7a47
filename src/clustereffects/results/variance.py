"""Variance choices as frozen objects, so that every table can say which one it used."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, get_args

import numpy as np

from clustereffects.errors import OptionError, Problem
from clustereffects.inference.multipliers import MultiplierKind

SmallSample = Literal["none", "stata", "nested"]
JackknifeDf = Literal["welch", "clusters"]


@dataclass(frozen=True, init=False)
class Cluster:
    """Standard errors clustered by one or two columns.

    Parameters
    ----------
    *columns : str
        One or two columns that are constant within units.
    small_sample : {"none", "stata", "nested"}
        ``"none"``: factor 1, normal quantiles (the convention of the R package did).
        ``"stata"``: factor ``G/(G−1) · (N−1)/(N−K)``, t(G−1) quantiles; for influence functions ``N`` is the number of
        units and ``K = 1``. With two columns each part of the sum has the factor of its own ``G``, and t that of the
        smaller one.
        ``"nested"``: as ``"stata"``, but fixed effects nested in clusters are not counted in ``K``.

    Raises
    ------
    OptionError
        If there are not one or two different columns or the factor is unknown.

    Examples
    --------
    >>> Cluster("organisation", small_sample="stata")
    Cluster('organisation', small_sample='stata')
    """

    columns: tuple[str, ...]
    small_sample: SmallSample

    def __init__(self, *columns: str, small_sample: SmallSample = "none") -> None:
        if not 1 <= len(columns) <= 2:
            raise OptionError(_bad("columns", columns, "one or two column names"))
        if not all(isinstance(column, str) and column for column in columns) or len(set(columns)) < len(columns):
            raise OptionError(_bad("columns", columns, "different column names as text, such as Cluster('county')"))
        if small_sample not in {"none", "stata", "nested"}:
            raise OptionError(_bad("small_sample", small_sample, "'none', 'stata' or 'nested'"))
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "small_sample", small_sample)

    def __repr__(self) -> str:
        return f"Cluster({', '.join(map(repr, self.columns))}, small_sample={self.small_sample!r})"

    def factor(self, n_clusters: int, n_obs: int, n_params: int = 1) -> float:
        """Small-sample factor for ``n_clusters`` clusters, ``n_obs`` rows and ``n_params`` counted parameters."""
        if self.small_sample == "none":
            return 1.0
        if n_clusters < 2:
            return float("nan")
        return n_clusters / (n_clusters - 1) * (n_obs - 1) / (n_obs - n_params)

    def df(self, n_clusters: int) -> float:
        """Degrees of freedom of the reference distribution."""
        return float("inf") if self.small_sample == "none" else float(n_clusters - 1)


@dataclass(frozen=True, kw_only=True)
class MultiplierBootstrap:
    """Standard errors and simultaneous bands from a multiplier bootstrap of the influence function.

    Parameters
    ----------
    draws : int
    rng : int, Generator or None
        Seed; the same seed gives the same numbers. A Generator or ``None`` draws a seed, which is kept and shown.
    cluster : str, optional
        Column whose clusters share a multiplier; default: the panel's assignment level, else the unit.
    multiplier : {"rademacher", "mammen", "webb"}

    Raises
    ------
    OptionError
        If there are fewer than 99 draws, the multiplier is unknown or the seed is none.

    Notes
    -----
    Standard errors are the interquartile range of the draws divided by that of the standard normal (Callaway &
    Sant'Anna 2021, algorithm 1).

    Examples
    --------
    >>> MultiplierBootstrap(draws=999, rng=1).multiplier
    'rademacher'
    """

    draws: int = 999
    rng: Any = 0
    cluster: str | None = None
    multiplier: MultiplierKind = "rademacher"

    def __post_init__(self) -> None:
        _check_draws(self.draws, self.multiplier)
        _check_column("cluster", self.cluster)
        object.__setattr__(self, "rng", _seed(self.rng))


@dataclass(frozen=True)
class Jackknife:
    """Standard errors from leaving out one cluster at a time (CV3), for treatment assigned to few clusters.

    Parameters
    ----------
    column : str, optional
        Column whose clusters are left out; default: the panel's assignment level.
    df : {"welch", "clusters"}
        Degrees of freedom of the t distribution. ``"welch"``: those of Welch and Satterthwaite for the sum of two
        variances, that of the ``G₁`` clusters that hold treated units and that of the ``G₀`` others. ``"clusters"``:
        ``G − 1`` with all clusters, the convention of the R package didjack, which is too short where treated clusters
        are few and others many.

    Raises
    ------
    OptionError
        If the column is no name or the degrees of freedom are unknown.

    Notes
    -----
    ``V = (G−1)/G · Σ_h (θ_(h) − θ)(θ_(h) − θ)'`` around the estimate with all clusters. Every effect and every
    aggregation weight is estimated again without the cluster. Clusters of a single unit are not left out: their
    influence stands in for the difference, of which it is the first-order approximation.

    References
    ----------
    MacKinnon, Nielsen & Webb (2023), *Journal of Applied Econometrics* 38(5), eq. 11; Welch (1947), *Biometrika* 34(1–2).

    Examples
    --------
    >>> Jackknife("organisation").df
    'welch'
    """

    column: str | None = None
    _: KW_ONLY
    df: JackknifeDf = "welch"

    def __post_init__(self) -> None:
        _check_column("column", self.column)
        if self.df not in get_args(JackknifeDf):
            raise OptionError(_bad("df", self.df, "'welch' or 'clusters'"))


@dataclass(frozen=True)
class WildBootstrap:
    """Intervals and p-values from a studentised wild bootstrap of cluster sums of the influence function.

    Parameters
    ----------
    column : str, optional
        Column whose clusters share a multiplier; default: the panel's assignment level, else the unit.
    draws : int
    rng : int, Generator or None
        Seed; the same seed gives the same numbers. A Generator or ``None`` draws a seed, which is kept and shown.
    multiplier : {"webb", "rademacher", "mammen"}

    Raises
    ------
    OptionError
        If the column is no name, there are fewer than 99 draws, the multiplier is unknown or the seed is none.

    Notes
    -----
    Standard errors are those clustered by the column with factor 1. What is drawn is the t statistic, whose standard
    error is computed again in every draw; intervals are symmetric, with quantiles of its magnitude.

    References
    ----------
    Kline & Santos (2012), *Journal of Econometric Methods* 1(1); Cameron, Gelbach & Miller (2008), *Review of Economics
    and Statistics* 90(3); Webb (2023), *Canadian Journal of Economics* 56(3), six-point weights.

    Examples
    --------
    >>> WildBootstrap("organisation", draws=1999).multiplier
    'webb'
    """

    column: str | None = None
    _: KW_ONLY
    draws: int = 999
    rng: Any = 0
    multiplier: MultiplierKind = "webb"

    def __post_init__(self) -> None:
        _check_column("column", self.column)
        _check_draws(self.draws, self.multiplier)
        object.__setattr__(self, "rng", _seed(self.rng))


def _check_draws(draws: Any, multiplier: Any) -> None:
    if not isinstance(draws, int) or draws < 99:
        raise OptionError(_bad("draws", draws, "a whole number, at least 99"))
    if multiplier not in get_args(MultiplierKind):
        raise OptionError(_bad("multiplier", multiplier, "'rademacher', 'mammen' or 'webb'"))


def _check_column(option: str, column: Any) -> None:
    if not (column is None or (isinstance(column, str) and column)):
        raise OptionError(_bad(option, column, "one column name"))


def _seed(rng: object) -> int:
    if rng is None or isinstance(rng, np.random.Generator):
        return int(np.random.default_rng(rng).integers(2**32))
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise OptionError(_bad("rng", rng, "a whole number of at least 0, a Generator or None"))
    return int(rng)


Variance = Cluster | MultiplierBootstrap | Jackknife | WildBootstrap


def named_columns(variance: Variance | None) -> tuple[str, ...]:
    """Columns that a variance choice names itself; none where it follows the panel's assignment level.

    Parameters
    ----------
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional

    Returns
    -------
    tuple of str

    Raises
    ------
    AttributeError
        If it is no variance choice.

    Examples
    --------
    >>> named_columns(Cluster("county")), named_columns(Jackknife())
    (('county',), ())
    """
    if variance is None:
        return ()
    if isinstance(variance, Cluster):
        return variance.columns
    column = variance.cluster if isinstance(variance, MultiplierBootstrap) else variance.column
    return () if column is None else (column,)


def seed_of(variance: Variance | None) -> int | None:
    """Seed of a variance choice that draws at random.

    Parameters
    ----------
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional

    Returns
    -------
    int or None

    Raises
    ------
    TypeError
        Never.

    Examples
    --------
    >>> seed_of(WildBootstrap(rng=3)), seed_of(Jackknife())
    (3, None)
    """
    return variance.rng if isinstance(variance, MultiplierBootstrap | WildBootstrap) else None


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
