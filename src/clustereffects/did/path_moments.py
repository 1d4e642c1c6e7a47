"""Outcomes before and after joining of treated units and candidates of the same kind, as sums of products. Arrays only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

BLOCKS = 20


@dataclass(frozen=True, slots=True, eq=False)
class CohortPaths:
    """Outcomes of the treated units of a cohort and of their candidates, by event time.

    Parameters
    ----------
    before : array (n, K)
        Periods −K … −1.
    after : array (n, H + 1)
        Periods 0 … H; NaN where not observed.
    covariates : array (n, p)
    treated : array (n,) of bool
    stratum : array (n,) of int
        Negative where it is not known.
    unit : array (n,) of int

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> CohortPaths.__slots__
    ('before', 'after', 'covariates', 'treated', 'stratum', 'unit')
    """

    before: FloatArray
    after: FloatArray
    covariates: FloatArray
    treated: BoolArray
    stratum: IntArray
    unit: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class PathMoments:
    """Second moments of the controls' outcomes within strata, and how far treated units are from them.

    Parameters
    ----------
    before : array (B, K, K)
        Of periods −K … −1, given covariates, without one block of controls at a time; the first of B is with all.
    own : array (B, H + 1, K, K)
        The same of those controls that are observed at each event time …
    cross : array (B, H + 1, K)
        … and the products with the outcome then.
    gap : array (K,)
        Mean difference of treated units and controls of their stratum, given covariates.
    spread : float
        Variance of the gap in terms of that of one unit.
    n_treated, n_controls : int
        Units with known values on which this rests; a control counts once per cohort.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> PathMoments.__slots__[:4]
    ('before', 'own', 'cross', 'gap')
    """

    before: FloatArray
    own: FloatArray
    cross: FloatArray
    gap: FloatArray
    spread: float
    n_treated: int
    n_controls: int

    @property
    def covariance(self) -> FloatArray:
        """Covariance (K, K) of the outcome before joining."""
        return np.asarray(self.before[0], dtype=np.float64)

    @property
    def gap_covariance(self) -> FloatArray:
        """Covariance (K, K) of the gap, with treated units as variable as controls."""
        return np.asarray(self.before[0] * self.spread, dtype=np.float64)


@dataclass(slots=True)
class _Sums:
    """Sums over cohorts: products by block, their weights, gaps, and what the variance of the gap needs."""

    before: FloatArray
    after: FloatArray
    weight: FloatArray
    observed: FloatArray
    gap: FloatArray
    served: float = 0.0
    n_treated: int = 0
    n_controls: int = 0


def path_moments(cohorts: Iterable[CohortPaths]) -> PathMoments:
    """Sum what is needed over cohorts and hold covariates equal.

    Parameters
    ----------
    cohorts : iterable of CohortPaths

    Returns
    -------
    PathMoments

    Raises
    ------
    ValueError
        If there are no cohorts, or no treated unit has a control of its stratum with all values before joining.

    Notes
    -----
    Controls count as much as the treated units of their stratum. Covariates are held equal by linear regression among the
    controls within strata, as Ham & Miratrix (2024) do.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=(400, 1)) + rng.normal(size=(400, 3))
    >>> paths = CohortPaths(y[:, :2], y[:, 2:], np.empty((400, 0)), np.arange(400) < 20, np.zeros(400, int), np.arange(400))
    >>> path_moments([paths]).covariance.round(1).tolist()
    [[1.9, 1.1], [1.1, 2.1]]
    """
    sums: _Sums | None = None
    periods = 0
    for paths in cohorts:
        periods = paths.before.shape[1]
        if sums is None:
            width, horizon = periods + paths.covariates.shape[1], paths.after.shape[1]
            shape = (BLOCKS, horizon, width + 1, width + 1)
            sums = _Sums(
                np.zeros((BLOCKS, width, width)),
                np.zeros(shape),
                np.zeros(BLOCKS),
                np.zeros(shape[:2]),
                np.zeros(width),
            )
        _add(sums, paths)
    if sums is None or not sums.n_treated:
        raise ValueError("no treated unit has a control of its stratum with all values before joining")
    before = _without_blocks(sums.before, sums.weight)
    after = _without_blocks(sums.after, sums.observed)
    slope, own = _given(before, periods)
    late = np.stack([_given_last(after[:, event], periods) for event in range(after.shape[1])], axis=1)
    gap = sums.gap / sums.n_treated
    return PathMoments(
        before=own,
        own=late[:, :, :periods, :periods],
        cross=late[:, :, :periods, periods],
        gap=gap[:periods] - slope[0] @ gap[periods:],
        spread=1.0 / sums.n_treated + sums.served / sums.n_treated**2,
        n_treated=sums.n_treated,
        n_controls=sums.n_controls,
    )


def _add(sums: _Sums, paths: CohortPaths) -> None:
    known = np.isfinite(paths.before).all(axis=1) & np.isfinite(paths.covariates).all(axis=1) & (paths.stratum >= 0)
    codes = np.unique(paths.stratum[known], return_inverse=True)[1].ravel()
    treated = paths.treated[known]
    n_codes = int(codes.max(initial=-1)) + 1
    n_treated, n_controls = (np.bincount(codes[side], minlength=n_codes) for side in (treated, ~treated))
    met = (n_treated > 0) & (n_controls > 0)
    values = np.column_stack([paths.before[known], paths.covariates[known]])
    after, block = paths.after[known], paths.unit[known] % BLOCKS
    own = ~treated & met[codes] & (n_controls[codes] > 1)
    served = ~treated & met[codes]
    mean = _means(values[served], codes[served], n_codes)
    mine = treated & met[codes]
    sums.gap += (values[mine] - mean[codes[mine]]).sum(axis=0)
    sums.n_treated += int(mine.sum())
    sums.n_controls += int(served.sum())
    sums.served += float((n_treated[met] ** 2 / n_controls[met]).sum())
    weight = n_treated[codes[own]] / (n_controls[codes[own]] - 1.0)
    _products(sums.before, sums.weight, values[own] - mean[codes[own]], weight, block[own])
    for event in range(after.shape[1]):
        _add_after(sums, event, (values[own], after[own, event]), (codes[own], block[own]), n_treated)


def _add_after(
    sums: _Sums, event: int, values: tuple[FloatArray, FloatArray], codes: tuple[IntArray, IntArray], treated: IntArray
) -> None:
    there = np.isfinite(values[1])
    stacked, code = np.column_stack(values)[there], codes[0][there]
    count = np.bincount(code, minlength=len(treated))
    several = count[code] > 1
    stacked, code, block = stacked[several], code[several], codes[1][there][several]
    mean = _means(stacked, code, len(treated))
    weight = treated[code] / (count[code] - 1.0)
    _products(sums.after[:, event], sums.observed[:, event], stacked - mean[code], weight, block)


def _means(values: FloatArray, codes: IntArray, count: int) -> FloatArray:
    size = np.maximum(np.bincount(codes, minlength=count), 1)
    return np.column_stack([np.bincount(codes, column, count) / size for column in values.T])


def _products(total: FloatArray, mass: FloatArray, values: FloatArray, weight: FloatArray, block: IntArray) -> None:
    """Add weighted products, and the weights, block by block."""
    for number in range(BLOCKS):
        rows = block == number
        total[number] += (values[rows] * weight[rows, None]).T @ values[rows]
        mass[number] += weight[rows].sum()


def _without_blocks(total: FloatArray, mass: FloatArray) -> FloatArray:
    """Means of products with all blocks, then without each of them."""
    products = np.concatenate([total.sum(axis=0)[None], total.sum(axis=0) - total])
    weights = np.concatenate([mass.sum(axis=0)[None], mass.sum(axis=0) - mass])
    shape = (*weights.shape, *(1,) * (products.ndim - weights.ndim))
    return np.asarray(products / np.maximum(weights, 1e-300).reshape(shape), dtype=np.float64)


def _given(moments: FloatArray, periods: int) -> tuple[FloatArray, FloatArray]:
    """Slopes on the covariates (B, K, p), and moments (B, K, K) given these."""
    cross, inner = moments[:, :periods, periods:], moments[:, periods:, periods:]
    slope = cross @ np.linalg.pinv(inner, hermitian=True) if inner.shape[1] else cross
    return slope, moments[:, :periods, :periods] - slope @ np.swapaxes(cross, 1, 2)


def _given_last(moments: FloatArray, periods: int) -> FloatArray:
    """Moments (B, K + 1, K + 1) of the periods before joining and the last column, given the covariates between them."""
    order = np.r_[np.arange(periods), moments.shape[1] - 1, np.arange(periods, moments.shape[1] - 1)]
    return _given(moments[:, order][:, :, order], periods + 1)[1]
