"""Coarsened exact matching: bins of numbers, groups of categories, strata with treated units and controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Bins = int | str | Sequence[float] | None

_LARGEST = 2**62
_SMALLEST_TAIL = 1 / 512
_FD_DIGITS = 5
_RULES = ("sturges", "fd", "scott")


def bin_edges(values: FloatArray, bins: Bins = "sturges") -> FloatArray:
    """Inner cutpoints of a numeric covariate.

    Parameters
    ----------
    values : array (n,)
        Without missing values.
    bins : int, {"sturges", "fd", "scott"}, "q" with a number, or sequence of float
        Number of bins of equal width between the smallest and the largest value; a rule for that number; quantiles
        (``"q5"``: quintiles); or the cutpoints themselves. A sequence of one number is one cutpoint.

    Returns
    -------
    array (b - 1,)
        A value on a cutpoint belongs to the higher bin.

    Raises
    ------
    ValueError
        If the rule is unknown, the number of bins is below one or a cutpoint is not finite.

    Notes
    -----
    Rules as in R's ``nclass.Sturges``, ``nclass.scott`` and ``nclass.FD``; the numbers of bins, not of cutpoints, as in
    MatchIt (the package cem counts cutpoints and puts values on a cutpoint into the lower bin).

    References
    ----------
    Sturges (1926), *Journal of the American Statistical Association* 21(153), 65–66; Scott (1979), *Biometrika* 66(3),
    605–610; Freedman & Diaconis (1981), *Zeitschrift für Wahrscheinlichkeitstheorie* 57, 453–476.

    Examples
    --------
    >>> bin_edges(np.array([0.0, 1.0, 10.0]), 5).tolist()
    [2.0, 4.0, 6.0, 8.0]
    >>> bin_edges(np.array([0.0, 1.0, 10.0]), [5.0]).tolist()
    [5.0]
    """
    if isinstance(bins, str) and bins[:1] == "q" and bins[1:].isdigit() and int(bins[1:]) > 0:
        number = int(bins[1:])
        return np.unique(np.quantile(values, np.arange(1, number) / number))
    if bins is None or isinstance(bins, (str, int, np.integer)):
        number = _number(values, bins)
        if number < 1:
            raise ValueError(f"at least one bin is needed, got {number}")
        return np.linspace(values.min(), values.max(), number + 1)[1:-1]
    edges = np.unique(np.asarray(bins, dtype=np.float64))
    if not np.isfinite(edges).all():
        raise ValueError(f"cutpoints are finite numbers, got {edges.tolist()}")
    return edges


def bin_codes(values: FloatArray, bins: Bins = "sturges") -> IntArray:
    """Bin of each value of a numeric covariate.

    Parameters
    ----------
    values : array (n,)
        A missing value gets −1.
    bins : int, str or sequence of float
        See ``bin_edges``; 0 leaves the values as they are (exact matching), 1 ignores the covariate.

    Returns
    -------
    array (n,) of int

    Raises
    ------
    ValueError
        As ``bin_edges``.

    Examples
    --------
    >>> bin_codes(np.array([0.0, 4.0, 5.0, 10.0]), [5.0]).tolist()
    [0, 0, 1, 1]
    """
    codes = np.full(len(values), -1, dtype=np.int64)
    known = ~np.isnan(values)
    if not known.any():
        return codes
    if isinstance(bins, (int, np.integer)) and bins == 0:
        codes[known] = np.unique(values[known], return_inverse=True)[1]
    else:
        codes[known] = np.searchsorted(bin_edges(values[known], bins), values[known], side="right")
    return codes


def group_codes(values: NDArray[Any], groups: Sequence[Sequence[Any]] = ()) -> IntArray:
    """Code of each category, with some categories taken together.

    Parameters
    ----------
    values : array (n,)
        Categories of one type that can be sorted.
    groups : sequence of sequences
        Categories that become one. Those in no group stay as they are.

    Returns
    -------
    array (n,) of int

    Raises
    ------
    ValueError
        If a category stands in two groups.

    Examples
    --------
    >>> group_codes(np.array(["north", "east", "south"]), [["east", "south"]]).tolist()
    [1, 0, 0]
    """
    levels, codes = np.unique(values, return_inverse=True)
    place = {level: number for number, level in enumerate(levels.tolist())}
    joint = np.arange(len(levels))
    seen: set[Any] = set()
    for group in groups:
        if twice := seen.intersection(group):
            raise ValueError(f"a category belongs to one group, but {sorted(twice)} belong to two")
        seen.update(group)
        members = [place[level] for level in group if level in place]
        joint[members] = min(members, default=0)
    return np.unique(joint[codes], return_inverse=True)[1].astype(np.int64)


def coarsen(columns: Sequence[IntArray], treated: BoolArray) -> IntArray:
    """Strata of equal codes that hold treated units and controls.

    Parameters
    ----------
    columns : sequence of array (n,) of int
        Codes from ``bin_codes`` and ``group_codes``; negative: missing, equal to nothing.
    treated : array (n,) of bool

    Returns
    -------
    array (n,) of int
        Stratum, counted from 0; −1 for units in a stratum with only one of both sides.

    Raises
    ------
    EstimationError
        If no stratum has both.

    References
    ----------
    Iacus, King & Porro (2012), *Political Analysis* 20(1), section 3.

    Examples
    --------
    >>> bins = bin_codes(np.array([1.0, 2.0, 8.0, 9.0, 50.0]), [5.0, 10.0])
    >>> coarsen([bins], np.array([True, False, True, False, True])).tolist()
    [0, 0, 1, 1, -1]
    """
    joint, bound = np.zeros(len(treated), dtype=np.int64), 1
    known = np.ones(len(treated), dtype=np.bool_)
    for codes in columns:
        known &= codes >= 0
        levels = int(codes.max(initial=0)) + 1
        if bound * levels > _LARGEST:
            joint = np.unique(joint, return_inverse=True)[1]
            bound = int(joint.max()) + 1
        joint, bound = joint * levels + np.maximum(codes, 0), bound * levels
    joint = np.unique(joint, return_inverse=True)[1]
    size = int(joint.max(initial=0)) + 1
    both = np.bincount(joint[known & treated], minlength=size) > 0
    both &= np.bincount(joint[known & ~treated], minlength=size) > 0
    if not both.any():
        raise EstimationError(
            Problem(
                what="no stratum holds treated units and controls",
                where=f"coarsened exact matching on {len(columns)} covariates, {len(np.unique(joint[known]))} strata",
                expected="treated units and controls in the same bins",
                remedy="use fewer bins or covariates, or group categories",
            )
        )
    number = np.where(both, np.cumsum(both) - 1, -1)
    return np.where(known, number[joint], -1)


def pair_within(z: FloatArray, treated: BoolArray, strata: IntArray) -> IntArray:
    """Pairs of one treated unit and one control within strata.

    Parameters
    ----------
    z : array (n, r)
        Coordinates of the distance, such as ``distance.mahalanobis`` of the covariates before coarsening.
    treated : array (n,) of bool
        Treated units choose in the order of the data.
    strata : array (n,) of int
        Negative: in none.

    Returns
    -------
    array (n,) of int
        Pair, −1 for units left over.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ``k2k = TRUE`` of MatchIt: without replacement; the first of equally near controls. Distances that agree to ten
    decimals are equal.

    Examples
    --------
    >>> z = np.array([[0.0], [3.0], [1.0], [2.9]])
    >>> pair_within(z, np.array([True, True, False, False]), np.zeros(4, dtype=int)).tolist()
    [0, 1, 0, 1]
    """
    pairs = np.full(len(z), -1, dtype=np.int64)
    order = np.argsort(strata, kind="stable")
    order = order[strata[order] >= 0]
    number = 0
    for rows in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1):
        free = rows[~treated[rows]]
        for unit in rows[treated[rows]][: len(free)]:
            nearest = int(np.argmin(np.linalg.norm(z[free] - z[unit], axis=1).round(10)))
            pairs[[unit, free[nearest]]] = number
            free = np.delete(free, nearest)
            number += 1
    return pairs


def _number(values: FloatArray, rule: int | str | None) -> int:
    if isinstance(rule, (int, np.integer)):
        return int(rule)
    n = len(values)
    if rule is None or rule == "sturges":
        return int(np.ceil(np.log2(n) + 1))
    if rule not in _RULES:
        raise ValueError(f"unknown rule for bins {rule!r}: one of {', '.join(_RULES)}, 'q' with a number, or numbers")
    width = _scott(values) if rule == "scott" else _freedman_diaconis(values)
    return max(1, int(np.ceil(np.ptp(values) / width * n ** (1 / 3)))) if width > 0 else 1


def _scott(values: FloatArray) -> float:
    return 3.5 * float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _freedman_diaconis(values: FloatArray) -> float:
    """Twice the interquartile range or, where that is zero, a wider range between quantiles, as R does."""
    exponent = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values))))
    unit = 10.0 ** (_FD_DIGITS - 1 - exponent)
    rounded = np.round(values * unit) / unit
    low, high = np.quantile(rounded, [0.25, 0.75])
    width, tail = 2.0 * (high - low), 0.25
    while width == 0 and tail / 2 >= _SMALLEST_TAIL:
        tail /= 2
        low, high = np.quantile(rounded, [tail, 1 - tail])
        width = (high - low) / (1 - 2 * tail)
    return float(width) if width > 0 else _scott(values)
