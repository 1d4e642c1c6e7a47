"""Cronbach's alpha with its interval and standard error, and what each item contributes; arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
Missing = Literal["pairwise", "listwise"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alpha:
    """Reliability of a scale.

    Parameters
    ----------
    n : int
        Respondents: with at least one answer (pairwise) or with all (listwise).
    alpha, standardised : float
        From the covariances, and from the correlations.
    mean_correlation : float
        Mean correlation between items.
    std_error : float
        Duhachek–Iacobucci standard error of alpha.
    low, high : float
        Feldt interval.
    item_rest : array (k,)
        Correlation of each item with the sum of the others.
    dropped : array (k,)
        Alpha without the item; NaN if only one would remain.
    reason : str
        Why there is no number; empty if there is one.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> answers = np.array([[1.0, 2.0, 1.0], [2.0, 2.0, 3.0], [4.0, 3.0, 4.0], [5.0, 5.0, 4.0]])
    >>> round(cronbach_alpha(answers).alpha, 4)
    0.931
    """

    n: int
    alpha: float
    standardised: float
    mean_correlation: float
    std_error: float
    low: float
    high: float
    item_rest: FloatArray
    dropped: FloatArray
    reason: str = ""


def cronbach_alpha(answers: FloatArray, *, missing: Missing = "pairwise", level: float = 0.95) -> Alpha:
    """Cronbach's alpha of keyed answers.

    Parameters
    ----------
    answers : array (n, k)
        Answers in the direction of the scale, NaN where none was given.
    missing : {"pairwise", "listwise"}
        Covariances from the respondents who answered both items, with ``n`` counting everybody who answered at least
        one; or only respondents who answered all items.
    level : float
        Coverage of the interval.

    Returns
    -------
    Alpha

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1 or ``missing`` is unknown.

    Notes
    -----
    With ``C`` the item covariances and ``k`` items, alpha is ``k/(k−1) · (1 − tr C / 1ᵀC1)`` (Cronbach 1951). The
    standard error is the root of ``Q/n`` with ``Q = 2k²/((k−1)²(1ᵀC1)³) · [(1ᵀC1)(tr C² + tr²C) − 2 tr C · 1ᵀC²1]``,
    exact in large normal samples; the interval is ``1 − (1−α)·F`` with the quantiles of ``F(n−1, (n−1)(k−1))``. These
    are the conventions of ``alpha()`` in the R package psych.

    References
    ----------
    Cronbach, L. J. (1951). *Psychometrika*, 16, 297–334. Feldt, L. S., Woodruff, D. J. & Salih, F. A. (1987). *Applied
    Psychological Measurement*, 11, 93–103. Duhachek, A. & Iacobucci, D. (2004). *Journal of Applied Psychology*, 89,
    792–808 (the variance Q).

    Examples
    --------
    >>> answers = np.array([[1.0, 2.0], [2.0, 2.0], [4.0, np.nan], [5.0, 5.0]])
    >>> pairwise, listwise = (cronbach_alpha(answers, missing=m) for m in ("pairwise", "listwise"))
    >>> pairwise.n, listwise.n
    (4, 3)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    if missing not in {"pairwise", "listwise"}:
        raise ValueError(f"missing must be 'pairwise' or 'listwise', got {missing!r}")
    given = np.isfinite(answers)
    used = answers[given.all(axis=1) if missing == "listwise" else given.any(axis=1)]
    n, k = used.shape
    reason = _reason(used)
    if reason:
        return _no_alpha(n, k, reason)
    covariance, correlation = pairwise_moments(used)
    alpha = _alpha(covariance)
    tails = np.array([0.5 + level / 2, 0.5 - level / 2])
    low, high = 1 - (1 - alpha) * special.fdtri(n - 1, (n - 1) * (k - 1), tails)
    return Alpha(
        n=n,
        alpha=alpha,
        standardised=_alpha(correlation),
        mean_correlation=float((correlation.sum() - k) / (k * (k - 1))),
        std_error=_standard_error(covariance, n),
        low=float(low),
        high=float(high),
        item_rest=_item_rest(covariance),
        dropped=_alpha_without_each(covariance),
    )


def pairwise_moments(answers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Covariances and correlations of columns, each from the rows in which both are given (divisor ``n − 1``).

    Parameters
    ----------
    answers : array (n, k)

    Returns
    -------
    covariance, correlation : array (k, k)
        NaN where fewer than two rows have both columns; the correlation also where one does not vary.

    Raises
    ------
    ValueError
        If the array is not two-dimensional.

    Examples
    --------
    >>> covariance, _ = pairwise_moments(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, np.nan]]))
    >>> covariance.tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    if answers.ndim != 2:
        raise ValueError(f"expected a table of answers, got {answers.ndim} dimensions")
    given = np.isfinite(answers).astype(np.float64)
    centre = np.where(given > 0, answers, 0.0).sum(axis=0) / np.maximum(given.sum(axis=0), 1.0)
    centred = np.where(given > 0, answers - centre, 0.0)
    n, total = given.T @ given, centred.T @ given
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = (centred.T @ centred - total * total.T / n) / (n - 1)
        variance = ((centred**2).T @ given - total**2 / n) / (n - 1)
        covariance = np.where(n >= 2, covariance, np.nan)
        correlation = covariance / np.sqrt(variance * variance.T)
    return covariance, np.where(np.isfinite(correlation), correlation, np.nan)


def _reason(used: FloatArray) -> str:
    n, k = used.shape
    if k < 2:
        return "a scale of one item has no alpha"
    if n < 3:
        return f"{n} respondents are too few"
    covariance, _ = pairwise_moments(used)
    if np.isnan(covariance).any():
        return "two items were never answered by the same respondents"
    if (np.diag(covariance) <= 0).any() or covariance.sum() <= 0:
        return "an item does not vary, or the items cancel out"
    return ""


def _no_alpha(n: int, k: int, reason: str) -> Alpha:
    nothing, each = np.nan, np.full(k, np.nan)
    return Alpha(
        n=n,
        alpha=nothing,
        standardised=nothing,
        mean_correlation=nothing,
        std_error=nothing,
        low=nothing,
        high=nothing,
        item_rest=each,
        dropped=each,
        reason=reason,
    )


def _alpha(matrix: FloatArray) -> float:
    k = len(matrix)
    return float(k / (k - 1) * (1 - np.trace(matrix) / matrix.sum())) if k > 1 else np.nan


def _standard_error(covariance: FloatArray, n: int) -> float:
    k, total, trace = len(covariance), covariance.sum(), np.trace(covariance)
    squared = covariance @ covariance
    bracket = total * (np.trace(squared) + trace**2) - 2 * trace * squared.sum()
    return float(np.sqrt(2 * k**2 / ((k - 1) ** 2 * total**3) * bracket / n))


def _item_rest(covariance: FloatArray) -> FloatArray:
    variance = np.diag(covariance)
    with_rest = covariance.sum(axis=1) - variance
    rest = covariance.sum() - 2 * covariance.sum(axis=1) + variance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(with_rest / np.sqrt(variance * rest), dtype=np.float64)


def _alpha_without_each(covariance: FloatArray) -> FloatArray:
    others = [np.delete(np.delete(covariance, i, axis=0), i, axis=1) for i in range(len(covariance))]
    return np.array([_alpha(matrix) for matrix in others])
