"""Balance of two weighted samples: means, standardised differences, variance ratios, Kolmogorov–Smirnov distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Observations with weights.

    Parameters
    ----------
    x : array (n, p)
    weight : array (n,)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Weighted(np.array([[1.0], [3.0]]), np.array([1.0, 3.0])).mean().tolist()
    [2.5]
    """

    x: FloatArray
    weight: FloatArray

    def mean(self) -> FloatArray:
        """Weighted means (p,)."""
        total = self.weight.sum()
        return self.weight @ self.x / total if total > 0 else np.full(self.x.shape[1], np.nan)

    def variance(self) -> FloatArray:
        """Weighted variances (p,) with divisor ``Σw − Σw²/Σw``, which is n − 1 for equal weights of 1."""
        total, squares = self.weight.sum(), (self.weight**2).sum()
        free = total - squares / total if total > 0 else 0.0
        if free <= 1e-12 * total or total <= 0:
            return np.full(self.x.shape[1], np.nan)
        return self.weight @ (self.x - self.mean()) ** 2 / free


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Treated against control observations, one entry per covariate.

    Parameters
    ----------
    mean_treated, mean_control : array (p,)
    difference : array (p,)
        Standardised mean difference: treated − control, over the standard deviation that was given.
    variance_ratio : array (p,)
        Treated over control; NaN for binary covariates.
    ks : array (p,)
        Largest distance of the two distribution functions.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Comparison.__slots__
    ('mean_treated', 'mean_control', 'difference', 'variance_ratio', 'ks')
    """

    mean_treated: FloatArray
    mean_control: FloatArray
    difference: FloatArray
    variance_ratio: FloatArray
    ks: FloatArray


def is_binary(*samples: FloatArray) -> BoolArray:
    """Which columns hold nothing but 0 and 1.

    Parameters
    ----------
    *samples : array (n, p)

    Returns
    -------
    array (p,) of bool

    Raises
    ------
    ValueError
        If the samples have different numbers of columns.

    Examples
    --------
    >>> is_binary(np.array([[0.0, 2.0], [1.0, 0.0]])).tolist()
    [True, False]
    """
    x = np.concatenate(samples)
    return np.asarray(np.all((x == 0) | (x == 1), axis=0))


def standard_deviation(x: FloatArray, binary: BoolArray) -> FloatArray:
    """Standard deviation that scales the mean differences: of the treated before matching.

    Parameters
    ----------
    x : array (n, p)
        Treated observations before matching.
    binary : array (p,) of bool

    Returns
    -------
    array (p,)
        Divisor n − 1; ``√(p(1−p))`` for binary covariates.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    The convention of MatchIt 4.7 and cobalt 4.6 (``s.d.denom = "treated"``) for the effect on the treated.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [1.0, 3.0]])
    >>> standard_deviation(x, np.array([True, False])).tolist()
    [0.5, 1.4142135623730951]
    """
    share = x.mean(axis=0) if len(x) else np.full(x.shape[1], np.nan)
    variance = Weighted(x, np.ones(len(x))).variance()
    return np.sqrt(np.where(binary, share * (1 - share), variance))


def compare(treated: Weighted, control: Weighted, scale: FloatArray, binary: BoolArray) -> Comparison:
    """Compare treated with control observations, covariate by covariate.

    Parameters
    ----------
    treated, control : Weighted
    scale : array (p,)
        Standard deviations from ``standard_deviation``; the same before and after matching.
    binary : array (p,) of bool

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Austin (2009), *Statistics in Medicine* 28(25); Stuart (2010), *Statistical Science* 25(1).

    Examples
    --------
    >>> one = Weighted(np.array([[1.0], [3.0]]), np.ones(2))
    >>> two = Weighted(np.array([[0.0], [2.0]]), np.ones(2))
    >>> compare(one, two, np.array([2.0]), np.array([False])).difference.tolist()
    [0.5]
    """
    mean_treated, mean_control = treated.mean(), control.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.where(scale > 0, (mean_treated - mean_control) / scale, np.nan)
        ratio = np.where(binary, np.nan, treated.variance() / control.variance())
    ks = np.array([_ks(treated, control, column) for column in range(len(scale))])
    return Comparison(mean_treated, mean_control, difference, ratio, ks)


def _ks(treated: Weighted, control: Weighted, column: int) -> float:
    if not (treated.weight.sum() > 0 and control.weight.sum() > 0):
        return float("nan")
    x = np.concatenate([treated.x[:, column], control.x[:, column]])
    step = np.concatenate([treated.weight / treated.weight.sum(), -control.weight / control.weight.sum()])
    order = np.argsort(x, kind="stable")
    gap = np.cumsum(step[order])
    last = np.append(np.diff(x[order]) > 0, True)
    return float(np.abs(gap[last]).max())


def pool_rows(keys: IntArray, x: FloatArray, weight: FloatArray) -> Weighted:
    """One observation per key with the sum of its weights: a control that is used often is still one observation.

    Parameters
    ----------
    keys : array (n,)
    x : array (n, p)
        Equal for equal keys.
    weight : array (n,)

    Returns
    -------
    Weighted

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> pool_rows(np.array([7, 7]), np.array([[1.0], [1.0]]), np.array([0.5, 1.0])).weight.tolist()
    [1.5]
    """
    _, first, code = np.unique(keys, return_index=True, return_inverse=True)
    return Weighted(x[first], np.bincount(code.ravel(), weights=weight, minlength=len(first)).astype(np.float64))
