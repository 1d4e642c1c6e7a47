"""Variance choices as frozen objects, so that every table can say which one it used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clustereffects.errors import OptionError, Problem
from clustereffects.inference.multipliers import MultiplierKind

SmallSample = Literal["none", "stata", "nested"]


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
        if not isinstance(self.draws, int) or self.draws < 99:
            raise OptionError(_bad("draws", self.draws, "a whole number, at least 99"))
        if self.multiplier not in {"rademacher", "mammen", "webb"}:
            raise OptionError(_bad("multiplier", self.multiplier, "'rademacher', 'mammen' or 'webb'"))
        if not (self.cluster is None or isinstance(self.cluster, str)):
            raise OptionError(_bad("cluster", self.cluster, "one column name"))
        object.__setattr__(self, "rng", _seed(self.rng))


def _seed(rng: object) -> int:
    if rng is None or isinstance(rng, np.random.Generator):
        return int(np.random.default_rng(rng).integers(2**32))
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise OptionError(_bad("rng", rng, "a whole number of at least 0, a Generator or None"))
    return int(rng)


Variance = Cluster | MultiplierBootstrap


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
