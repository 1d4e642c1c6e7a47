"""Coordinates in which straight-line distance is the matching distance: Mahalanobis, robust Mahalanobis, scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, lapack

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Groups = Literal["within", "control"]

_COLLINEAR = 1e-12
_CHUNK = 1 << 13


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """A linear map of covariates to coordinates.

    Parameters
    ----------
    centre : array (p,)
    factor : array (p, r)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Coordinates(np.array([1.0]), np.array([[0.5]])).of(np.array([[3.0], [1.0]])).ravel().tolist()
    [1.0, 0.0]
    """

    centre: FloatArray
    factor: FloatArray

    def of(self, x: FloatArray) -> FloatArray:
        """Coordinates of some rows.

        Parameters
        ----------
        x : array (n, p)

        Returns
        -------
        array (n, r)

        Raises
        ------
        ValueError
            If the number of covariates is another.
        """
        z = np.empty((len(x), self.factor.shape[1]))
        for rows in _chunks(len(x)):
            np.matmul(x[rows] - self.centre, self.factor, out=z[rows])
        return z


@dataclass(frozen=True, slots=True, eq=False)
class RankCoordinates:
    """A linear map of the ranks of covariates to coordinates.

    Parameters
    ----------
    ordered : array (p, n)
        Values of each covariate in ascending order, among which ranks are taken.
    linear : Coordinates

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> RankCoordinates.__slots__
    ('ordered', 'linear')
    """

    ordered: FloatArray
    linear: Coordinates

    def of(self, x: FloatArray) -> FloatArray:
        """Coordinates of some rows.

        Parameters
        ----------
        x : array (n, p)

        Returns
        -------
        array (n, r)

        Raises
        ------
        ValueError
            If the number of covariates is another.
        """
        return self.linear.of(_ranks(self.ordered, x))


def within_covariance(x: FloatArray, treated: BoolArray) -> FloatArray:
    """Covariance of covariates that are centred within the treated and within the controls.

    Parameters
    ----------
    x : array (n, p)
    treated : array (n,) of bool

    Returns
    -------
    array (p, p)
        Divisor n − 1 of both groups together.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    The convention of MatchIt since version 4.4. Centring within groups keeps the difference between the groups, which
    matching is to remove, out of the measure of nearness.

    Examples
    --------
    >>> within_covariance(np.array([[0.0], [2.0], [9.0]]), np.array([False, False, True])).tolist()
    [[1.0]]
    """
    group = treated.astype(np.int64)
    means = np.array([_mean(x, treated == side) for side in (False, True)])
    total = np.zeros((x.shape[1], x.shape[1]))
    for rows in _chunks(len(x)):
        centred = x[rows] - means[group[rows]]
        total += centred.T @ centred
    return total / max(len(x) - 1, 1)


def mahalanobis(x: FloatArray, treated: BoolArray, *, covariance: Groups = "within") -> Coordinates:
    """Coordinates whose Euclidean distance is the Mahalanobis distance.

    Parameters
    ----------
    x : array (n, p)
    treated : array (n,) of bool
    covariance : {"within", "control"}
        Covariance within both groups together (Rubin, 1980; MatchIt) or of the controls only.

    Returns
    -------
    Coordinates
        Their number ``r ≤ p`` is the rank of the covariance: collinear covariates add nothing, as with a generalised
        inverse. The first is the one along which MatchIt orders units (pivoted Cholesky factor of the inverse).

    Raises
    ------
    ValueError
        If the shapes do not fit or ``covariance`` is neither.

    References
    ----------
    Rubin (1980), *Biometrics* 36(2), 293–298; covariance as in ``within_covariance``.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [2.0, 4.0], [1.0, 2.0]])
    >>> mahalanobis(x, np.array([False, False, True])).of(x).shape
    (3, 1)
    """
    if covariance not in {"within", "control"}:
        raise ValueError(f"covariance must be 'within' or 'control', not {covariance!r}")
    everyone = np.ones(len(x), dtype=np.bool_)
    matrix = within_covariance(x, treated) if covariance == "within" else _covariance(x, ~treated)
    centre = _mean(x, everyone)
    scale = np.sqrt(np.diag(_covariance(x, everyone)))
    return Coordinates(centre, _factor(matrix, _some(scale, centre)))


def scaled_euclidean(x: FloatArray, treated: BoolArray) -> Coordinates:
    """Covariates in standard deviations, centred: coordinates of the scaled Euclidean distance.

    Parameters
    ----------
    x : array (n, p)
    treated : array (n,) of bool

    Returns
    -------
    Coordinates
        A covariate that does not vary within the groups becomes 0.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Standard deviations are the square roots of the diagonal of ``within_covariance``, as in MatchIt.

    Examples
    --------
    >>> x = np.array([[0.0], [2.0], [7.0]])
    >>> scaled_euclidean(x, np.array([False, False, True])).of(x).ravel().tolist()
    [-3.0, -1.0, 4.0]
    """
    centre = _mean(x, np.ones(len(x), dtype=np.bool_))
    sd = _some(np.sqrt(np.diag(within_covariance(x, treated))), np.abs(x).max(axis=0, initial=0.0))
    return Coordinates(centre, np.diag(np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)))


def robust_mahalanobis(x: FloatArray) -> RankCoordinates:
    """Coordinates whose Euclidean distance is the rank-based Mahalanobis distance.

    Parameters
    ----------
    x : array (n, p)

    Returns
    -------
    RankCoordinates

    Raises
    ------
    ValueError
        If ``x`` is not a matrix.

    Notes
    -----
    Covariates become ranks, equal values their mean rank, so that one outlier cannot stretch a covariate; the
    covariance of the ranks is scaled to the variance of ranks without ties, so that a rare binary covariate does not
    count for more than the others.

    References
    ----------
    Rosenbaum (2010), *Design of Observational Studies*, section 8.3.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [900.0]])
    >>> robust_mahalanobis(x).of(x).ravel().tolist()
    [-1.0, 0.0, 1.0]
    """
    n = len(x)
    ordered = np.sort(x.T, axis=1)
    rank = _ranks(ordered, x)
    everyone = np.ones(n, dtype=np.bool_)
    matrix = _covariance(rank, everyone)
    sd = np.sqrt(np.diag(matrix))
    untied = np.sqrt(n * (n + 1) / 12.0)
    stretch = np.divide(untied, sd, out=np.zeros_like(sd), where=sd > 0)
    factor = _factor(matrix * np.outer(stretch, stretch), np.ones(len(sd)))
    return RankCoordinates(ordered, Coordinates(_mean(rank, everyone), factor))


def _chunks(n: int) -> Iterator[slice]:
    """Rows in chunks that stay in the cache."""
    return (slice(start, start + _CHUNK) for start in range(0, n, _CHUNK))


def _mean(x: FloatArray, rows: BoolArray) -> FloatArray:
    total = np.zeros(x.shape[1])
    for part in _chunks(len(x)):
        total += rows[part].astype(np.float64) @ x[part]
    return total / max(int(rows.sum()), 1)


def _covariance(x: FloatArray, rows: BoolArray) -> FloatArray:
    centre, total = _mean(x, rows), np.zeros((x.shape[1], x.shape[1]))
    for part in _chunks(len(x)):
        centred = (x[part] - centre) * rows[part, None]
        total += centred.T @ centred
    return total / max(int(rows.sum()) - 1, 1)


def _some(sd: FloatArray, size: FloatArray) -> FloatArray:
    """Standard deviations, those that are nothing but rounding set to zero."""
    return np.where(sd > _COLLINEAR * np.abs(size), sd, 0.0)


def _factor(covariance: FloatArray, scale: FloatArray) -> FloatArray:
    """Factor F of a generalised inverse F F' of a covariance, taken in units of ``scale``."""
    one = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    values, vectors = eigh(covariance * np.outer(one, one))
    keep = values > _COLLINEAR * max(values.max(initial=0.0), 1e-300)
    inverse = vectors[:, keep] / values[keep] @ vectors[:, keep].T
    upper, pivot, _, _ = lapack.dpstrf(inverse)
    factor = np.zeros((len(scale), int(keep.sum())))
    factor[pivot - 1] = np.triu(upper)[: factor.shape[1]].T
    return factor * one[:, None]


def _ranks(ordered: FloatArray, x: FloatArray) -> FloatArray:
    """Ranks among ordered values, equal ones sharing their mean rank."""
    rank = np.empty_like(x)
    for column, values in enumerate(ordered):
        # In ascending order neighbours are looked up next to each other, which is many times as fast.
        order = np.argsort(x[:, column])
        own = x[order, column]
        below, through = np.searchsorted(values, own, "left"), np.searchsorted(values, own, "right")
        rank[order, column] = (below + through + 1) / 2.0
    return rank
