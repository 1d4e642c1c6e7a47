"""The cluster jackknife: covariance and degrees of freedom from estimates without one cluster at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Deviations:
    """How far estimates move without one cluster at a time.

    Parameters
    ----------
    values : array (R, k)
        Estimate without each cluster that was left out, minus that with all clusters.
    treated : array (R, k) of bool
        Whether the cluster holds treated units behind the term.
    alone : array (k, k)
        Covariance contributed by comparison units that are clusters of their own and were not left out: the sum of
        ``ψψ'/n²`` over them.
    n_alone : int
        Number of these.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Deviations(np.zeros((3, 1)), np.ones((3, 1), dtype=bool), np.zeros((1, 1)), 7).n_clusters
    10
    """

    values: FloatArray
    treated: BoolArray
    alone: FloatArray
    n_alone: int

    @property
    def n_clusters(self) -> int:
        """Number of clusters, left out or not."""
        return len(self.values) + self.n_alone


def jackknife_covariance(deviations: Deviations) -> FloatArray:
    """Covariance of estimates from leaving out one cluster at a time (CV3).

    Parameters
    ----------
    deviations : Deviations

    Returns
    -------
    array (k, k)
        ``(G−1)/G · (Σ_h d_h d_h' + alone)``, around the estimate with all clusters.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    MacKinnon, Nielsen & Webb (2023), *Journal of Applied Econometrics* 38(5), on CV3; Karim, Nielsen, MacKinnon & Webb
    (2026), who apply it to the estimator of Callaway & Sant'Anna (2021).

    Examples
    --------
    >>> moved = Deviations(np.array([[1.0], [-1.0]]), np.ones((2, 1), dtype=bool), np.zeros((1, 1)), 0)
    >>> jackknife_covariance(moved).tolist()
    [[1.0]]
    """
    factor = (deviations.n_clusters - 1) / deviations.n_clusters
    return np.asarray(factor * (deviations.values.T @ deviations.values + deviations.alone), dtype=np.float64)


def welch_df(deviations: Deviations) -> FloatArray:
    """Degrees of freedom of a variance that is the sum of that of treated and that of other clusters.

    Parameters
    ----------
    deviations : Deviations

    Returns
    -------
    array (k,)
        ``(V₁ + V₀)² / (V₁²/(G₁−1) + V₀²/(G₀−1))`` where ``V₁`` is the part of the ``G₁`` clusters that hold treated units
        behind the term and ``V₀`` that of the ``G₀`` others on which the term depends; a single one counts as two.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Welch (1947), *Biometrika* 34(1–2); Satterthwaite (1946), *Biometrics Bulletin* 2(6), eq. 17.

    Examples
    --------
    >>> values = np.array([[1.0], [-1.0], [0.0], [2.0], [-1.0], [-1.0]])
    >>> treated = np.array([[True], [True], [True], [False], [False], [False]])
    >>> welch_df(Deviations(values, treated, np.zeros((1, 1)), 0)).tolist()
    [3.2]
    """
    squares = deviations.values**2
    own = np.where(deviations.treated, squares, 0.0).sum(axis=0)
    others = squares.sum(axis=0) - own
    alone = np.maximum(np.diag(deviations.alone), 0.0)
    n_own, n_others = _numbers(deviations, alone)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(own > 0, own**2 / np.maximum(n_own - 1, 1), 0.0)
        rest = others + alone
        parts += np.where(rest > _ROUNDING * own, rest**2 / np.maximum(n_others - 1, 1), 0.0)
        return np.asarray((own + rest) ** 2 / parts, dtype=np.float64)


def _numbers(deviations: Deviations, alone: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Clusters with treated units behind each term, and others without which it would be another."""
    size = np.abs(deviations.values)
    moved = size > _ROUNDING * size.max(axis=0, initial=0.0)
    own = deviations.treated.sum(axis=0)
    others = (moved & ~deviations.treated).sum(axis=0) + np.where(alone > 0, deviations.n_alone, 0)
    return np.asarray(own, dtype=np.float64), np.asarray(others, dtype=np.float64)
