"""Coordinates in which straight-line distance is the matching distance: Mahalanobis, scaled Euclidean, propensity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import expit

from clustereffects.errors import EstimationError, Problem

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_COLLINEAR = 1e-12
_SEPARATED = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Propensity:
    """Fitted propensity of being treated.

    Parameters
    ----------
    linear : array (n,)
        Linear predictor (log odds).
    probability : array (n,)
    iterations : int

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Propensity.__slots__
    ('linear', 'probability', 'iterations')
    """

    linear: FloatArray
    probability: FloatArray
    iterations: int


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
    centred = x.copy()
    for group in (treated, ~treated):
        if group.any():
            centred[group] -= x[group].mean(axis=0)
    return centred.T @ centred / max(len(x) - 1, 1)


def mahalanobis_coordinates(x: FloatArray, treated: BoolArray) -> FloatArray:
    """Coordinates whose Euclidean distance is the Mahalanobis distance.

    Parameters
    ----------
    x : array (n, p)
    treated : array (n,) of bool

    Returns
    -------
    array (n, r)
        ``r ≤ p`` is the rank of the covariance: collinear covariates add nothing, as with a generalised inverse.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Rubin (1980), *Biometrics* 36(2), 293–298; covariance as in ``within_covariance``.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [2.0, 4.0], [1.0, 2.0]])
    >>> mahalanobis_coordinates(x, np.array([False, False, True])).shape
    (3, 1)
    """
    scaled = scaled_coordinates(x, treated)
    values, vectors = eigh(within_covariance(scaled, treated))
    keep = values > _COLLINEAR * max(values.max(initial=0.0), 1e-300)
    return np.asarray(scaled @ (vectors[:, keep] / np.sqrt(values[keep])))


def scaled_coordinates(x: FloatArray, treated: BoolArray) -> FloatArray:
    """Covariates in standard deviations, centred: coordinates of the scaled Euclidean distance.

    Parameters
    ----------
    x : array (n, p)
    treated : array (n,) of bool

    Returns
    -------
    array (n, p)
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
    >>> scaled_coordinates(np.array([[0.0], [2.0], [7.0]]), np.array([False, False, True])).ravel().tolist()
    [-3.0, -1.0, 4.0]
    """
    sd = np.sqrt(np.diag(within_covariance(x, treated)))
    centred = x - x.mean(axis=0)
    varies = sd > _COLLINEAR * np.abs(x).max(axis=0, initial=0.0)
    return np.where(varies, centred / np.where(varies, sd, 1.0), 0.0)


def logit(x: FloatArray, treated: BoolArray, *, tolerance: float = 1e-10, limit: int = 50) -> Propensity:
    """Propensity scores from an unpenalised logistic regression, by iteratively reweighted least squares.

    Parameters
    ----------
    x : array (n, p)
        Design with its intercept(s); may be rank deficient, the fit is unique all the same.
    treated : array (n,) of bool
    tolerance : float
        Relative change of the deviance at which the iteration ends.
    limit : int
        Largest number of iterations.

    Returns
    -------
    Propensity

    Raises
    ------
    EstimationError
        If the covariates separate the treated from the controls or the iteration does not converge.

    References
    ----------
    McCullagh & Nelder (1989), *Generalized Linear Models*, section 2.5.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 1, 2, 3, 4, 5]])
    >>> fit = logit(x, np.array([False, False, True, False, True, True]))
    >>> bool(abs(fit.probability.sum() - 3) < 1e-9)
    True
    """
    y = treated.astype(np.float64)
    linear = np.log((y + 0.5) / (1.5 - y))
    last = np.inf
    for iteration in range(1, limit + 1):
        p = expit(linear)
        weight = np.maximum(p * (1 - p), 1e-300)
        target = linear + (y - p) / weight
        gram = x.T @ (weight[:, None] * x)
        linear = x @ _solve(gram, x.T @ (weight * target))
        deviance = 2.0 * np.logaddexp(0.0, np.where(treated, -linear, linear)).sum()
        _refuse_separation(deviance, len(y))
        if abs(last - deviance) <= tolerance * (deviance + 0.1):
            return Propensity(linear, expit(linear), iteration)
        last = deviance
    raise EstimationError(
        Problem(
            what="the propensity score did not converge",
            where=f"after {limit} iterations",
            expected="a finite maximum of the likelihood",
            remedy="use fewer covariates, or distance='mahalanobis'",
        )
    )


def _solve(gram: FloatArray, right: FloatArray) -> FloatArray:
    """Solve normal equations of any rank; scaling first makes the tolerance mean the same for every covariate."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    values, vectors = eigh(gram / np.outer(size, size))
    keep = values > _COLLINEAR * values.max()
    inverse = vectors[:, keep] / values[keep] @ vectors[:, keep].T
    return np.asarray(inverse @ (right / size) / size)


def _refuse_separation(deviance: float, n: int) -> None:
    if deviance <= _SEPARATED * n:
        raise EstimationError(
            Problem(
                what="the covariates separate treated units from controls completely",
                where=f"propensity score, deviance {deviance:.1e}",
                expected="overlap: treated units and controls with similar values",
                remedy="use fewer covariates, or distance='mahalanobis'",
            )
        )
