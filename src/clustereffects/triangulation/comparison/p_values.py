"""p-values of one null hypothesis become one: combinations that assume independence, and two that do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr, ndtri

from clustereffects.errors import EvidenceError, Problem

FloatArray = NDArray[np.float64]

_LEFT, _STEP = -4.0, 0.005


def fisher(p: FloatArray) -> float:
    """Fisher's combination of independent p-values.

    Parameters
    ----------
    p : array, shape (n,)

    Returns
    -------
    float
        Tail of χ² with 2n degrees of freedom beyond ``−2 Σ log p``.

    Raises
    ------
    EvidenceError
        If there is no p-value, or one is not a number from 0 to 1.

    Notes
    -----
    Fisher (1932, *Statistical Methods for Research Workers*, 4th ed., §21.1).

    Examples
    --------
    >>> round(fisher(np.array([0.01, 0.2, 0.3])), 4)
    0.0216
    """
    _check(p)
    with np.errstate(divide="ignore"):
        return float(chdtrc(2 * p.size, -2 * np.log(p).sum()))


def stouffer(p: FloatArray) -> float:
    """Stouffer's combination of independent one-sided p-values.

    Parameters
    ----------
    p : array, shape (n,)

    Returns
    -------
    float
        ``Φ(Σ Φ⁻¹(p)/√n)``.

    Raises
    ------
    EvidenceError
        If there is no p-value, or one is not a number from 0 to 1.

    Notes
    -----
    Stouffer et al. (1949, *The American Soldier*, vol. 1, p. 45, footnote 15).

    Examples
    --------
    >>> round(stouffer(np.array([0.01, 0.2, 0.3])), 4)
    0.0165
    """
    _check(p)
    return float(ndtr(ndtri(p).sum() / np.sqrt(p.size)))


def cauchy(p: FloatArray) -> float:
    """Cauchy combination of p-values, in the small-p tail valid under any dependence.

    Parameters
    ----------
    p : array, shape (n,)

    Returns
    -------
    float
        Upper tail of the standard Cauchy distribution beyond the mean of ``cot(πp)``.

    Raises
    ------
    EvidenceError
        If there is no p-value, or one is not a number from 0 to 1.

    Notes
    -----
    Liu & Xie (2020, *JASA* 115(529), eq. 1 with equal weights). A p-value near 1 cancels one near 0. Written with cotangent and ``atan2`` so that tiny p-values
    keep their digits.

    Examples
    --------
    >>> round(cauchy(np.array([0.01, 0.2, 0.3])), 4)
    0.0281
    """
    _check(p)
    with np.errstate(divide="ignore"):
        statistic = float((1 / np.tan(np.pi * p)).mean())
    return float(np.arctan2(1.0, statistic) / np.pi)


def harmonic_mean(p: FloatArray) -> float:
    """Combination of p-values by their harmonic mean, robust to positive dependence.

    Parameters
    ----------
    p : array, shape (n,)

    Returns
    -------
    float
        Tail of the Landau law that ``1/harmonic mean`` tends to; at least as large as the harmonic mean itself. A single
        p-value is returned as it is.

    Raises
    ------
    EvidenceError
        If there is no p-value, or one is not a number from 0 to 1.

    Notes
    -----
    Wilson (2019, *PNAS* 116(4), eq. 4: Landau with location ``log n + 0.874`` and scale π/2). The raw harmonic mean is too
    small: Vovk & Wang (2020, *Biometrika* 107(4)) bound the p-value by ``e·log n`` times it under any dependence.

    Examples
    --------
    >>> round(harmonic_mean(np.array([0.01, 0.2, 0.3])), 4)
    0.0316
    """
    _check(p)
    if p.size == 1:
        return float(p[0])
    if (p == 0).any():
        return 0.0
    # Location log n + 1 − γ + log(π/2) and scale π/2 of Wilson's density, in units of the standard Landau law.
    return landau_tail(float((1 / p).mean() - np.log(p.size) - 1 + np.euler_gamma))


def _check(p: FloatArray) -> None:
    if p.ndim == 1 and p.size and np.issubdtype(p.dtype, np.number) and bool(((p >= 0) & (p <= 1)).all()):
        return
    expected = "at least one number from 0 to 1 in one dimension"
    raise EvidenceError(Problem(what=f"p-values {p}", where="", expected=expected, remedy="correct the p-values"))


def landau_tail(x: float) -> float:
    """Upper tail of the standard Landau distribution.

    Parameters
    ----------
    x : float

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``x`` is not a number.

    Notes
    -----
    The density is ``(1/π) ∫₀^∞ exp(−t log t − xt) sin(πt) dt`` (Landau 1944), hence the tail ``(1/π) ∫₀^∞ exp(−t log t − xt)
    sin(πt)/t dt``. Below −4 the integrand grows too large to be summed; there the tail is one to ten digits.
    Summed by the trapezoidal rule in log t.

    Examples
    --------
    >>> round(landau_tail(1000.0), 6), landau_tail(-20.0)
    (0.001007, 1.0)
    """
    if x < _LEFT:
        return 1.0
    scale = max(x, 1.0)
    log_t = np.arange(-np.log(scale) - 36, np.log(100.0 / scale) if x > 1 else np.log(100.0), _STEP)
    t = np.exp(log_t)
    value = float((np.exp(log_t - t * (log_t + x)) * np.sinc(t)).sum()) * _STEP
    return min(max(value, 0.0), 1.0)
