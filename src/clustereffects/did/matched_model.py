"""Model of the controls' outcome changes: slopes for the bias adjustment, residuals for the variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Level = Literal["stratum", "cohort", "none"]

ROWS_PER_SLOPE = 5
_SINGULAR = 1e-10
_OWN = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class ControlRows:
    """Changes of distinct controls, each once per cohort and exact stratum that it serves.

    Parameters
    ----------
    change : array (r,)
    covariates : array (r, p)
        The control's values of the matching covariates.
    weight : array (r,)
        Total weight with which it serves the treated units of the stratum; positive.
    stratum, cohort : array (r,) of int
        Strata are nested in cohorts.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> ControlRows(np.ones(1), np.ones((1, 0)), np.ones(1), np.zeros(1, int), np.zeros(1, int)).change.tolist()
    [1.0]
    """

    change: FloatArray
    covariates: FloatArray
    weight: FloatArray
    stratum: IntArray
    cohort: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class ChangeModel:
    """Fitted model of the controls' changes.

    Parameters
    ----------
    slope : array (p,)
        Zero where it is not identified.
    level : {"stratum", "cohort", "none"}
        Within what the slopes were estimated.
    residual : array (r,)
        Change minus prediction.
    noise : array (r,)
        Residual scaled so that its square is unbiased for the variance of the change if all have the same.
    slope_noise : array (r, p)
        Contribution of each row to the error of ``slope``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> ChangeModel.__slots__
    ('slope', 'level', 'residual', 'noise', 'slope_noise')
    """

    slope: FloatArray
    level: Level
    residual: FloatArray
    noise: FloatArray
    slope_noise: FloatArray


def fit_change_model(rows: ControlRows) -> ChangeModel:
    """Fit ``change = intercept(stratum) + covariates · slope`` to the controls.

    Slopes are weighted least squares within strata, or within cohorts when the strata leave fewer than five rows per
    covariate, or zero when the cohorts do too. Intercepts are means of strata shrunk towards those of their cohort.

    Parameters
    ----------
    rows : ControlRows

    Returns
    -------
    ChangeModel

    Raises
    ------
    ValueError
        If there are no rows.

    References
    ----------
    Abadie & Imbens (2011), *Journal of Business & Economic Statistics* 29(1), section 3 (bias adjustment by a
    regression among the controls, weighted by their use); MacKinnon & White (1985), *Journal of Econometrics* 29(3)
    (HC2, here for a weighted fit).

    Examples
    --------
    >>> x = np.arange(40.0)
    >>> rows = ControlRows(1 + 2 * x, x[:, None], np.ones(40), np.repeat([0, 1], 20), np.zeros(40, int))
    >>> model = fit_change_model(rows)
    >>> model.slope.round(6).tolist(), model.level, bool(abs(model.residual).max() < 1e-9)
    ([2.0], 'stratum', True)
    """
    if not len(rows.change):
        raise ValueError("a model of changes needs at least one control")
    level, codes = _level(rows)
    within = _demeaned(rows.covariates, rows.weight, codes)
    weighted = within * rows.weight[:, None]
    bread = _inverse(within.T @ weighted) * (level != "none")
    slope = bread @ (weighted.T @ _demeaned(rows.change[:, None], rows.weight, codes)[:, 0])
    means = shrunken_means(rows.change - rows.covariates @ slope, rows.stratum, rows.cohort)
    residual = means.deviations((rows.change - rows.covariates @ slope)[:, None])[:, 0]
    noise = _unbiased(residual, _share_of_noise(means, rows.covariates, weighted @ bread))
    return ChangeModel(slope, level, residual, noise, (weighted @ bread) * noise[:, None])


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkenMeans:
    """Means of strata, shrunk towards those of their cohorts: a linear smoother.

    Parameters
    ----------
    stratum, cohort : array (r,) of int
        Strata are nested in cohorts.
    share : array (r,)
        Weight ``λ`` of the mean of the stratum; that of the cohort has ``1 − λ``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> means = ShrunkenMeans(np.array([0, 0, 1]), np.zeros(3, int), np.array([0.5, 0.5, 0.0]))
    >>> means.deviations(np.array([[1.0], [3.0], [5.0]])).ravel().tolist()
    [-1.5, 0.5, 2.0]
    """

    stratum: IntArray
    cohort: IntArray
    share: FloatArray

    def deviations(self, values: FloatArray) -> FloatArray:
        """Columns (r, q) minus their shrunken means."""
        near, far = _group_means(values, self.stratum), _group_means(values, self.cohort)
        return np.asarray(values - self.share[:, None] * near - (1 - self.share[:, None]) * far, dtype=np.float64)

    def per_row(self) -> tuple[FloatArray, FloatArray]:
        """Weight that the mean of a row gives each row of its stratum, and in addition each row of its cohort."""
        return self.share / _sizes(self.stratum), (1 - self.share) / _sizes(self.cohort)


def shrunken_means(values: FloatArray, stratum: IntArray, cohort: IntArray) -> ShrunkenMeans:
    """Choose how far means of strata are shrunk towards those of their cohort: as far as strata do not differ.

    Parameters
    ----------
    values : array (r,)
    stratum, cohort : array (r,) of int
        Strata are nested in cohorts.

    Returns
    -------
    ShrunkenMeans
        With ``λ = n ω² / (n ω² + σ²)`` for a stratum of ``n`` rows.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    ``σ²`` is the variance within and ``ω²`` that between strata, by the analysis of variance (unbalanced one-way
    random effects, Searle, Casella & McCulloch 1992, section 3.6); without two values in any stratum ``ω² = 0``.

    Examples
    --------
    >>> same = np.array([0, 0, 0, 0])
    >>> shrunken_means(np.array([1.0, 2.0, 3.0, 6.0]), same, same).share.tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    near, far = (_group_means(values[:, None], codes)[:, 0] for codes in (stratum, cohort))
    size, n_strata, n_cohorts = _sizes(stratum), len(np.unique(stratum)), len(np.unique(cohort))
    free = len(values) - n_strata
    room = len(values) - float((size / _sizes(cohort)).sum())
    if not free or room <= _OWN:
        return ShrunkenMeans(stratum, cohort, np.zeros(len(values)))
    inner = float(((values - near) ** 2).sum()) / free
    outer = (float(((near - far) ** 2).sum()) - (n_strata - n_cohorts) * inner) / room
    share = size * outer / (size * outer + inner) if outer > 0 else np.zeros(len(values))
    return ShrunkenMeans(stratum, cohort, share)


def _level(rows: ControlRows) -> tuple[Level, IntArray]:
    """Finest level that leaves enough rows per covariate; ``none`` if neither does or there is nothing to fit."""
    p = rows.covariates.shape[1]
    choices: tuple[tuple[Level, IntArray], ...] = (("stratum", rows.stratum), ("cohort", rows.cohort))
    for level, codes in choices:
        if p and len(rows.change) - len(np.unique(codes)) - p >= ROWS_PER_SLOPE * p:
            return level, codes
    return "none", rows.cohort


def _demeaned(values: FloatArray, weight: FloatArray, codes: IntArray) -> FloatArray:
    """Columns minus their weighted mean within each code."""
    total = _group_sums(weight[:, None], codes)
    return values - _group_sums(weight[:, None] * values, codes) / np.where(total > 0, total, 1.0)


def _sizes(codes: IntArray) -> FloatArray:
    return np.bincount(codes)[codes].astype(np.float64)


def _group_sums(values: FloatArray, codes: IntArray) -> FloatArray:
    """Sums of columns within the group of each row."""
    sums = np.zeros((codes.max(initial=-1) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return np.asarray(sums[codes], dtype=np.float64)


def _group_means(values: FloatArray, codes: IntArray) -> FloatArray:
    return _group_sums(values, codes) / _sizes(codes)[:, None]


def _inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a covariance on its own scale; directions without variation get zero."""
    scale = np.sqrt(np.diag(matrix))
    unit = np.where(scale > 0, 1.0 / np.where(scale > 0, scale, 1.0), 0.0)
    inverse = np.linalg.pinv(matrix * np.outer(unit, unit), rcond=_SINGULAR, hermitian=True)
    return np.asarray(inverse * np.outer(unit, unit), dtype=np.float64)


def _share_of_noise(means: ShrunkenMeans, covariates: FloatArray, slope_rows: FloatArray) -> FloatArray:
    """Variance of each residual if all changes had variance one: squared length of its row of the residual maker.

    The maker is ``(I − S)(I − X V')`` with the smoother ``S`` of the intercepts and rows ``V`` of the slopes.
    """
    left = means.deviations(covariates)
    near, far = means.per_row()
    own = near + far
    smoother = means.share * (near + 2 * far) + (1 - means.share) * far
    spread = np.einsum("ij,jk,ik->i", left, slope_rows.T @ slope_rows, left)
    cross = near[:, None] * _group_sums(slope_rows, means.stratum) + far[:, None] * _group_sums(
        slope_rows, means.cohort
    )
    return np.asarray(1 - 2 * own + smoother + spread + 2 * (left * (cross - slope_rows)).sum(axis=1))


def _unbiased(residual: FloatArray, share: FloatArray) -> FloatArray:
    """Residuals scaled to the variance of the change; rows that predict themselves get the size of the others."""
    known = share > _OWN
    scaled = residual / np.sqrt(np.where(known, share, 1.0))
    typical = np.sqrt(np.mean(scaled[known] ** 2)) if known.any() else 0.0
    return np.where(known, scaled, typical)
