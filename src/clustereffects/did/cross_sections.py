"""Every estimator of a comparison of two periods on two cross-sections: different units in each period.

Arrays only. Both cross-sections are drawn from the same population: whoever is treated, and with which covariates, does
not change between the periods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from clustereffects.did._means import Part, combine, mean_row, score_error, unnormalised
from clustereffects.did.calibrated import fit_calibrated
from clustereffects.did.group_time_cell import TRIM, CellEffect, Comparison, ControlRegression, regress_controls
from clustereffects.did.logit import NO_OVERLAP, Propensity, fit_propensity, odds_weights
from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
SectionConvention = Literal["paper", "drdid_1.2.3"]
SectionMethod = Literal[
    "dr", "dr_simple", "dr_improved", "dr_improved_simple", "ipw", "ipw_unnormalised", "reg", "twfe"
]

NO_TREATED = "no treated observation in the base or in the current period"
NO_CONTROL = "no comparison observation in the base or in the current period"
ALIKE = "treated observations are too few, or too much alike, for a regression on the covariates in each period"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossSections:
    """Observations of one comparison of two periods.

    Parameters
    ----------
    outcome : array (m,)
    treated : array (m,) of bool
        Whether the unit belongs to the treated, in both periods.
    current : array (m,) of bool
        Whether the observation is from the current period; otherwise it is from the base period.
    design : array (m, k)
        Covariates; the first column is one.
    weights : array (m,)
        Positive weights; only their ratios matter.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> one = np.ones(4)
    >>> cell = CrossSections(outcome=one, treated=one > 0, current=one > 0, design=one[:, None], weights=one)
    >>> cell.size
    4
    """

    outcome: FloatArray
    treated: BoolArray
    current: BoolArray
    design: FloatArray
    weights: FloatArray

    @property
    def size(self) -> int:
        """Number of observations."""
        return len(self.outcome)

    @property
    def counts(self) -> tuple[int, int]:
        """Treated and comparison observations in the period in which there are fewer of them."""
        treated = int(self.treated.sum())
        current = int(self.current.sum())
        both = int((self.treated & self.current).sum())
        return min(both, treated - both), min(current - both, self.size - treated - current + both)


def two_cross_sections(
    cell: CrossSections, method: SectionMethod, trim: float = TRIM, *, convention: SectionConvention = "paper"
) -> CellEffect:
    """Average effect on the treated in a comparison of two cross-sections.

    Parameters
    ----------
    cell : CrossSections
    method : str
        "dr", doubly robust and locally efficient; "dr_simple" without regressions of the treated; both as
        "dr_improved" and "dr_improved_simple" with a calibrated propensity score and regressions weighted by its odds;
        "ipw" and "ipw_unnormalised", inverse-probability weighting; "reg", outcome regression; "twfe", two-way fixed
        effects, for comparison only.
    trim : float
        Comparison observations with a propensity score of this or more get no weight.
    convention : {"paper", "drdid_1.2.3"}
        The second gives the standard errors of "dr" and "dr_simple" of that version of the R package, see below.

    Returns
    -------
    CellEffect

    Raises
    ------
    EstimationError
        If one of the four groups is empty, covariates are collinear or treated and comparison units do not overlap.

    Notes
    -----
    With ``w₁ = wD``, ``w₀ = w(1 − D) p/(1 − p)``, ``m(a; b)`` the mean of b weighted by a, Δ the difference of current
    and base period and μ₁, μ₀ regressions of treated and comparison observations in each period:
    "ipw" is ``Δ m(w₁; y) − Δ m(w₀; y)``; "dr_simple" is that of ``y − μ₀``; "dr" is
    ``m(w₁; Δ(μ₁ − μ₀)) − Δ m(w₀; y − μ₀)``, the first mean over treated observations of both periods; "reg" is
    ``Δ m(w₁; y) − m(w₁; Δμ₀)``. "ipw_unnormalised" is that of ``two_periods`` for ``y (T − λ)/(λ(1 − λ))`` with λ the
    share of the current period. Influence functions are derivatives of the estimate with respect to the weights, with
    one exception: those of the improved estimators leave out, as in the paper, the errors of regressions and score, which
    vanish when treated units have the same mean covariates in both periods. Without covariates all but
    "ipw_unnormalised" are the difference of differences of means.

    References
    ----------
    Sant'Anna & Zhao (2020), *Journal of Econometrics* 219(1), eq. 2.2 ("reg"), 3.3 ("dr_simple"), 3.4 ("dr") and
    section 3.2; Abadie (2005), *Review of Economic Studies* 72(1), lemma 3.2 ("ipw_unnormalised"). The numbers equal
    those of the R package DRDID, except standard errors of "dr" and "dr_simple": its version 1.2.3 adds the error of
    the base period's comparison regression with the wrong sign; the convention of that name does so too.

    Examples
    --------
    >>> cell = CrossSections(outcome=np.array([1.0, 5.0, 0.0, 1.0]), treated=np.array([True, True, False, False]),
    ...                      current=np.array([False, True, False, True]), design=np.ones((4, 1)), weights=np.ones(4))
    >>> two_cross_sections(cell, "reg").estimate
    3.0
    """
    _require_groups(cell)
    cell = replace(cell, weights=cell.weights / cell.weights.mean())
    if method == "twfe":
        return _two_way(cell)
    if method == "ipw_unnormalised":
        return _unnormalised(cell, trim)
    if method == "reg" or cell.design.shape[1] == 1:
        return _regression(cell)
    if method == "ipw":
        return _weighting(cell, trim)
    return _doubly_robust(cell, method, trim, -1.0 if convention == "drdid_1.2.3" else 1.0)


def missing_group(cell: CrossSections) -> str:
    """Which of the four groups of treated and comparison observations is empty.

    Parameters
    ----------
    cell : CrossSections

    Returns
    -------
    str
        ``NO_TREATED``, ``NO_CONTROL`` or empty.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> one = np.ones(2)
    >>> both = np.array([True, False])
    >>> missing_group(CrossSections(outcome=one, treated=one > 0, current=both, design=one[:, None], weights=one))
    'no comparison observation in the base or in the current period'
    """
    treated, control = cell.counts
    if not treated:
        return NO_TREATED
    return "" if control else NO_CONTROL


def _require_groups(cell: CrossSections) -> None:
    reason = missing_group(cell)
    if reason:
        raise EstimationError(reason)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Regression of some rows of a cell."""

    rows: IntArray
    regression: ControlRegression

    def predict(self, design: FloatArray) -> FloatArray:
        return np.asarray(design @ self.regression.coefficients)

    def add_error(self, influence: FloatArray, direction: FloatArray) -> None:
        """Add the influence (m,) of ``direction @ coefficients``."""
        line = self.regression
        moved = line.design @ linalg.cho_solve(line.factor, direction)
        influence[self.rows] += line.weighted_residual * moved * len(influence)


_Lines = tuple[_Line, _Line]


def _lines(cell: CrossSections, weights: FloatArray) -> _Lines:
    """Regressions on the rows with weight in the current and in the base period."""
    return _line(cell, weights, cell.current), _line(cell, weights, ~cell.current)


def _treated_lines(cell: CrossSections, own: FloatArray) -> _Lines:
    try:
        return _lines(cell, own)
    except EstimationError as error:
        raise EstimationError(ALIKE) from error


def _line(cell: CrossSections, weights: FloatArray, period: BoolArray) -> _Line:
    rows = np.flatnonzero(period & (weights > 0.0))
    return _Line(rows, regress_controls(cell.outcome[rows], cell.design[rows], weights[rows]))


def _fitted(cell: CrossSections, lines: _Lines) -> FloatArray:
    """Each observation's prediction by the regression of its own period."""
    return np.where(cell.current, lines[0].predict(cell.design), lines[1].predict(cell.design))


def _difference(cell: CrossSections, sign: float, weights: FloatArray, values: FloatArray) -> tuple[Part, Part]:
    """Mean in the current period minus mean in the base period."""
    return Part(sign, weights * cell.current, values), Part(-sign, weights * ~cell.current, values)


def _own(cell: CrossSections) -> FloatArray:
    return np.where(cell.treated, cell.weights, 0.0)


def _odds(cell: CrossSections, score: Propensity, trim: float) -> FloatArray:
    other = odds_weights(cell.treated, cell.weights, score, trim)
    if not (other[cell.current].any() and other[~cell.current].any()):
        raise EstimationError(NO_OVERLAP)
    return other


def _regression(cell: CrossSections) -> CellEffect:
    own = _own(cell)
    lines = _lines(cell, cell.weights - own)
    change = lines[0].predict(cell.design) - lines[1].predict(cell.design)
    effect = combine([*_difference(cell, 1.0, own, cell.outcome), Part(-1.0, own, change)])
    mean = mean_row(cell.design, own)
    for sign, line in zip((1.0, -1.0), lines, strict=True):
        line.add_error(effect.influence, -sign * mean)
    return effect


def _weighting(cell: CrossSections, trim: float) -> CellEffect:
    score = fit_propensity(cell.design, cell.treated, cell.weights)
    parts = [
        *_difference(cell, 1.0, _own(cell), cell.outcome),
        *_difference(cell, -1.0, _odds(cell, score, trim), cell.outcome),
    ]
    effect = combine(parts)
    error = score_error(effect.influence, cell.treated, cell.design, cell.weights, score)
    return CellEffect(effect.estimate, effect.influence + error)


def _unnormalised(cell: CrossSections, trim: float) -> CellEffect:
    score = fit_propensity(cell.design, cell.treated, cell.weights)
    share = float(cell.weights @ cell.current / cell.size)
    contrast = (cell.current - share) / (share * (1.0 - share))
    pair = Comparison(change=cell.outcome * contrast, treated=cell.treated, design=cell.design, weights=cell.weights)
    effect = unnormalised(pair, score, trim)
    # The derivative of the contrast with respect to the share is minus its square.
    slope = -unnormalised(replace(pair, change=pair.change * contrast), score, trim).estimate
    return CellEffect(effect.estimate, effect.influence + slope * cell.weights * (cell.current - share))


def _two_way(cell: CrossSections) -> CellEffect:
    """Coefficient of treated × current in one regression with covariates."""
    both = cell.treated & cell.current
    design = np.column_stack([cell.design, cell.treated, cell.current, both])
    line = _Line(np.arange(cell.size), regress_controls(cell.outcome, design, cell.weights))
    influence = np.zeros(cell.size)
    line.add_error(influence, np.eye(design.shape[1])[-1])
    return CellEffect(float(line.regression.coefficients[-1]), influence)


def _doubly_robust(cell: CrossSections, method: SectionMethod, trim: float, before: float) -> CellEffect:
    """Doubly robust effect; ``before`` is the sign with which the error of the base period's comparison regression counts."""
    improved = method in {"dr_improved", "dr_improved_simple"}
    fit = fit_calibrated if improved else fit_propensity
    score = fit(cell.design, cell.treated, cell.weights)
    own, other = _own(cell), _odds(cell, score, trim)
    controls = _lines(cell, other if improved else cell.weights - own)
    residual = cell.outcome - _fitted(cell, controls)
    parts = [*_difference(cell, -1.0, other, residual)]
    treated = None if method in {"dr_simple", "dr_improved_simple"} else _treated_lines(cell, own)
    parts += _difference(cell, 1.0, own, residual) if treated is None else _efficient(cell, own, controls, treated)
    effect = combine(parts)
    if not improved:
        influence = effect.influence
        influence += score_error(influence, cell.treated, cell.design, cell.weights, score)
        _add_line_errors(influence, cell, (own, other), (controls, treated), before)
    return effect


def _efficient(cell: CrossSections, own: FloatArray, controls: _Lines, treated: _Lines) -> list[Part]:
    """Predicted effect of all treated observations, and their residuals, whose means are zero but for rounding."""
    one, zero = (lines[0].regression.coefficients - lines[1].regression.coefficients for lines in (treated, controls))
    residual = cell.outcome - _fitted(cell, treated)
    return [Part(1.0, own, cell.design @ (one - zero)), *_difference(cell, 1.0, own, residual)]


def _add_line_errors(
    influence: FloatArray,
    cell: CrossSections,
    weights: tuple[FloatArray, FloatArray],
    lines: tuple[_Lines, _Lines | None],
    before: float,
) -> None:
    """Add the errors of all regressions to the influence with known coefficients."""
    (own, other), (controls, treated) = weights, lines
    everyone = mean_row(cell.design, own)
    for place, (sign, period) in enumerate(((1.0, cell.current), (-1.0, ~cell.current))):
        here = mean_row(cell.design, own * period)
        target = here if treated is None else everyone
        gap = (before if place else 1.0) * (here - mean_row(cell.design, other * period))
        controls[place].add_error(influence, -sign * (gap + target - here))
        if treated is not None:
            treated[place].add_error(influence, sign * (everyone - here))
