"""From a comparison and its propensity scores to the effects of its cells and the factors of their influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from clustereffects.did._layout import Comparison, Layout, Piece, outcomes, pieces
from clustereffects.did._linear import COLLINEAR, factor_of
from clustereffects.did._scores import Frame, Scores, arm_rows, chunk, probabilities, regular
from clustereffects.did.group_time_cell import Basis, basis_of
from clustereffects.did.group_time_plan import GroupTimeOptions
from clustereffects.did.logit import NO_OVERLAP

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NOT_COMPARABLE = "treated units have covariates that no comparison unit has"
OVERLAP = 0.999


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Effects of the cells of a comparison, and what their influence is made of.

    For a treated unit of arm ``l`` the influence on cell ``c`` is ``w (r_c − first_c) / own_l − w (1 − p_l) x'slope_c``; for
    a comparison unit ``−odds_l (r_c − second_c) / other_l + w p_l x'slope_c − w r_c x'tilt_l``, with ``r_c`` the difference
    of residuals ``y − x'beta`` between two periods, and ``odds = w p / (1 − p)``, zero from the trimming bound on.
    ``reasons`` (C,) are empty where the effect is identified. ``theta`` is None where no scores are used.
    """

    comparison: Comparison
    estimate: FloatArray
    reasons: tuple[str, ...]
    beta: FloatArray
    theta: FloatArray | None
    first: FloatArray
    second: FloatArray
    own: FloatArray
    other: FloatArray
    slope: FloatArray | None
    tilt: FloatArray | None
    trim: float

    @property
    def measured(self) -> BoolArray:
        """Cells whose effect is identified and not zero by construction (C,)."""
        identified = np.array([not reason for reason in self.reasons], dtype=np.bool_)
        return np.asarray(identified & (self.comparison.time != self.comparison.base))


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Weighted sums of residuals and covariates.

    Of the arms ``residual`` (L, q), ``covariates`` (L, k); of the comparison units, reweighted by the odds of each arm,
    ``other_residual`` (L, k, q), ``other_covariates`` (L, k). ``information`` (L, k, k) of the logits, ``largest`` (L,) scores.
    """

    residual: FloatArray
    covariates: FloatArray
    other_residual: FloatArray
    other_covariates: FloatArray
    information: FloatArray
    largest: FloatArray


def fit_cells(
    layout: Layout, comparison: Comparison, options: GroupTimeOptions, frame: Frame, scores: Scores | None
) -> Fit:
    """Effects of all cells of a comparison."""
    missing = [frame.missing(position) for position in range(len(comparison.arms))]
    reasons = missing
    if scores is not None:
        reasons = [one or other for one, other in zip(reasons, scores.reasons, strict=True)]
    theta = None if scores is None else scores.theta
    regression = _regress(layout, comparison, options, frame, theta)
    sums = _sums(layout, comparison, regression.beta, theta, options.trim)
    reasons = [one or other for one, other in zip(reasons, _no_overlap(sums, theta), strict=True)]
    if regression.factor is None:
        reasons = [reason or COLLINEAR for reason in reasons]
    if regression.basis is not None:
        holds = [regression.basis.holds_for(row / max(row[0], 1e-300)) for row in sums.covariates]
        reasons = [reason or ("" if held else NOT_COMPARABLE) for reason, held in zip(reasons, holds, strict=True)]
    reference = comparison.time == comparison.base
    by_cell = [
        missing[position] if nothing else reasons[position]
        for position, nothing in zip(comparison.arm, reference, strict=True)
    ]
    return _cells(comparison, options, regression, (sums, theta), (reasons, by_cell))


def _no_overlap(sums: Sums, theta: FloatArray | None) -> list[str]:
    if theta is None:
        return [""] * len(sums.residual)
    lost = (sums.largest >= OVERLAP) | (sums.other_covariates[:, 0] <= 0)
    return [NO_OVERLAP if one else "" for one in lost]


@dataclass(frozen=True, slots=True, eq=False)
class _Regression:
    """Coefficients (k, q) of the comparison units' outcomes on some columns of the design, the others zero.

    ``factor`` is that of the columns' Gram matrix; None if nothing can be said. ``basis`` is there if the columns span a
    collinear design; ``adjusts`` says whether the regression takes covariates into account.
    """

    beta: FloatArray
    columns: IntArray
    factor: tuple[FloatArray, bool] | None
    basis: Basis | None
    adjusts: bool

    def solve(self, right: FloatArray) -> FloatArray:
        """Inverse Gram matrix times (k, m), zero outside the columns."""
        result = np.zeros_like(right)
        if self.factor is not None:
            result[self.columns] = linalg.cho_solve(self.factor, right[self.columns])
        return result


def _regress(
    layout: Layout, comparison: Comparison, options: GroupTimeOptions, frame: Frame, theta: FloatArray | None
) -> _Regression:
    """Regression of the levels of all periods at once: every change follows by linearity."""
    improved = theta if options.method == "dr_improved" else None
    gram = frame.gram if improved is None else _weighted_gram(layout, comparison, improved, options.trim)
    regression = _unfitted(layout, comparison, options, gram)
    # The second pass removes the rounding error that normal equations leave when covariates are almost collinear.
    for _ in range(min(2, len(regression.columns))):
        right = np.zeros_like(regression.beta)
        for part in pieces(layout, comparison, comparison.controls, chunk(layout, sum(right.shape))):
            weights = part.w if improved is None else odds_of(improved, part, options.trim)[0][0]
            residual = outcomes(layout, comparison, part.units) - regression.beta.T @ part.x
            right += (part.x * weights) @ residual.T
        regression = replace(regression, beta=regression.beta + regression.solve(right))
    return regression


def _unfitted(layout: Layout, comparison: Comparison, options: GroupTimeOptions, gram: FloatArray) -> _Regression:
    """Columns and their factor: all; the constant alone for "ipw"; for "reg" a basis, if the covariates are collinear."""
    columns, basis = np.arange(1 if options.method == "ipw" else len(gram)), None
    if options.method == "reg" and gram[0, 0] > 0 and not regular(gram):
        basis = _basis(layout, comparison)
        columns = basis.columns
    chosen = gram[np.ix_(columns, columns)]
    factor = factor_of(chosen, COLLINEAR) if regular(chosen) else None
    beta = np.zeros((len(gram), len(comparison.periods)))
    return _Regression(beta, columns, factor, basis, adjusts=options.method in {"reg", "dr"})


def _basis(layout: Layout, comparison: Comparison) -> Basis:
    parts = [part.x[:, part.w > 0] for part in pieces(layout, comparison, comparison.controls, 1 << 16)]
    return basis_of(np.concatenate([np.zeros((layout.design.shape[1], 0)), *parts], axis=1).T)


def _weighted_gram(layout: Layout, comparison: Comparison, theta: FloatArray, trim: float) -> FloatArray:
    k = layout.design.shape[1]
    total = np.zeros((k, k))
    for part in pieces(layout, comparison, comparison.controls, chunk(layout, k)):
        total += (part.x * odds_of(theta, part, trim)[0][0]) @ part.x.T
    return total


def odds_of(theta: FloatArray, part: Piece, trim: float) -> tuple[FloatArray, FloatArray]:
    """Weights times odds (L, c), zero from the trimming bound on, and scores (L, c)."""
    score = probabilities(theta, part.x)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = score / (1.0 - score) * part.w
    if trim < 1.0 or not np.isfinite(odds).all():
        odds[score >= trim] = 0.0
    return odds, score


def _sums(layout: Layout, comparison: Comparison, beta: FloatArray, theta: FloatArray | None, trim: float) -> Sums:
    (k, q), arms = beta.shape, len(comparison.arms)
    sums = Sums(
        np.zeros((arms, q)),
        np.zeros((arms, k)),
        np.zeros((arms, k, q)),
        np.zeros((arms, k)),
        np.zeros((arms, k, k)),
        np.zeros(arms),
    )
    for position in range(arms):
        for part in pieces(layout, comparison, arm_rows(layout, comparison, position), chunk(layout, k + q)):
            residual = outcomes(layout, comparison, part.units) - beta.T @ part.x
            sums.residual[position] += residual @ part.w
            sums.covariates[position] += part.x @ part.w
            if theta is not None:
                _add_scores(sums, slice(position, position + 1), theta, part)
    if theta is not None:
        for part in pieces(layout, comparison, comparison.controls, chunk(layout, arms * k)):
            odds = _add_scores(sums, slice(0, arms), theta, part, trim)
            residual = outcomes(layout, comparison, part.units) - beta.T @ part.x
            spread = (odds[:, None, :] * part.x).reshape(arms * k, -1)
            sums.other_residual[...] += (spread @ residual.T).reshape(arms, k, q)
            sums.other_covariates[...] += odds @ part.x.T
    return sums


def _add_scores(sums: Sums, arms: slice, theta: FloatArray, part: Piece, trim: float = 1.0) -> FloatArray:
    """Add some units to the information of the logits and look for the largest score; returns their odds."""
    odds, score = odds_of(theta[arms], part, trim)
    spread = score * (1.0 - score) * part.w
    k = len(part.x)
    information = (spread[:, None, :] * part.x).reshape(-1, part.x.shape[1]) @ part.x.T
    sums.information[arms] += information.reshape(-1, k, k)
    largest = np.where(part.w > 0, score, 0.0).max(axis=1, initial=0.0)
    sums.largest[arms] = np.maximum(sums.largest[arms], largest)
    return odds


def _cells(
    comparison: Comparison,
    options: GroupTimeOptions,
    regression: _Regression,
    found: tuple[Sums, FloatArray | None],
    reasons: tuple[Sequence[str], Sequence[str]],
) -> Fit:
    """Means of residuals over arms and reweighted comparison units, cell by cell."""
    sums, theta = found
    arm, time, base = comparison.arm, comparison.time, comparison.base
    with np.errstate(invalid="ignore", divide="ignore"):
        first = (sums.residual[arm, time] - sums.residual[arm, base]) / sums.covariates[arm, 0]
        moment = (sums.other_residual[arm, :, time] - sums.other_residual[arm, :, base]) / sums.other_covariates[
            arm, :1
        ]
        mean = sums.covariates / sums.covariates[:, :1]
        other_mean = sums.other_covariates / sums.other_covariates[:, :1]
    second = np.zeros_like(first) if theta is None else moment[:, 0]
    slope = None
    if theta is not None and options.method != "dr_improved":
        slope = _slopes(sums, comparison, moment - second[:, None] * other_mean[arm], reasons[0])
    tilt = None
    if regression.adjusts:
        gap = mean if theta is None else mean - other_mean
        tilt = regression.solve(np.nan_to_num(gap).T).T
    lost = np.array([bool(reason) for reason in reasons[1]], dtype=np.bool_)
    effect = np.where(time == base, 0.0, first - second)
    return Fit(
        comparison=comparison,
        estimate=np.where(lost, np.nan, effect),
        reasons=tuple(reasons[1]),
        beta=regression.beta,
        theta=theta,
        first=first,
        second=second,
        own=sums.covariates[:, 0],
        other=sums.other_covariates[:, 0],
        slope=slope,
        tilt=tilt,
        trim=options.trim,
    )


def _slopes(sums: Sums, comparison: Comparison, error: FloatArray, reasons: Sequence[str]) -> FloatArray:
    """Inverse information of the logit times the derivative of each effect's second mean (C, k)."""
    result = np.zeros_like(error)
    for position, reason in enumerate(reasons):
        if not reason:
            cells = comparison.arm_cells(position)
            factor = factor_of(sums.information[position], NO_OVERLAP)
            result[cells] = linalg.cho_solve(factor, error[cells].T).T
    return result
