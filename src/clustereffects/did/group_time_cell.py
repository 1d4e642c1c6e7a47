"""One comparison of two periods: doubly robust, inverse-probability and regression estimators with influence functions.

Arrays only. A cell holds the units of one cohort and its comparison units, both observed in a base period and in a
current period. Weights enter everywhere, so that sampling weights and matching weights need nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from clustereffects.did._linear import COLLINEAR, factor_of, gram
from clustereffects.did.logit import NO_OVERLAP, Propensity, fit_propensity, odds_weights

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Method = Literal["dr", "ipw", "reg"]

TRIM = 0.995
_MIXED = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Units of one comparison of two periods.

    Parameters
    ----------
    change : array (m,)
        Outcome in the current period minus outcome in the base period.
    treated : array (m,) of bool
    design : array (m, k)
        Covariates at the base period; the first column is one.
    weights : array (m,)
        Positive weights; only their ratios matter.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Comparison(change=np.zeros(2), treated=np.array([True, False]), design=np.ones((2, 1)), weights=np.ones(2)).size
    2
    """

    change: FloatArray
    treated: BoolArray
    design: FloatArray
    weights: FloatArray

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.change)


@dataclass(frozen=True, slots=True, eq=False)
class CellEffect:
    """Average effect on the treated of one comparison.

    Parameters
    ----------
    estimate : float
    influence : array (m,)
        Scaled so that ``estimate − truth ≈ influence.mean()``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> CellEffect(0.5, np.zeros(2)).estimate
    0.5
    """

    estimate: float
    influence: FloatArray


def compare(cell: Comparison, method: Method, propensity: Propensity | None = None, trim: float = TRIM) -> CellEffect:
    """Average effect on the treated in a comparison of two periods.

    Parameters
    ----------
    cell : Comparison
    method : {"dr", "ipw", "reg"}
        Doubly robust (logit propensity score and linear outcome regression, normalised weights), inverse-probability
        weighting with normalised weights, or outcome regression. Without covariates all three are the difference of
        mean changes.
    propensity : Propensity, optional
        Logit of this very design, if it has been fitted already.
    trim : float
        Comparison units with a propensity score of this or more get no weight.

    Returns
    -------
    CellEffect

    Raises
    ------
    EstimationError
        If the covariates are collinear or treated and comparison units do not overlap.

    Notes
    -----
    With ``r = Δy − x'β`` (β = 0 for "ipw"), ``w₁ = wD`` and ``w₀ = w(1 − D) p/(1 − p)``, the estimate is
    ``E[w₁r]/E[w₁] − E[w₀r]/E[w₀]``; "reg" leaves the second mean out. The influence function adds the estimation error
    of β and of the logit to that of the two means.

    References
    ----------
    Sant'Anna & Zhao (2020), *Journal of Econometrics* 219(1), eq. 2.2 (reg), 3.1 and theorem 1 (dr); Abadie (2005) for
    "ipw", normalised as there. The numbers equal ``drdid_panel``, ``std_ipw_did_panel`` and ``reg_did_panel`` of the R
    package DRDID 1.2.3.

    Examples
    --------
    >>> cell = Comparison(change=np.array([3.0, 1.0, 0.0]), treated=np.array([True, True, False]),
    ...                   design=np.ones((3, 1)), weights=np.ones(3))
    >>> compare(cell, "dr").estimate
    2.0
    """
    weights = cell.weights / cell.weights.mean()
    if cell.design.shape[1] == 1:
        method = "reg"
    if method == "reg":
        return _regression(cell, weights)
    logit = propensity or fit_propensity(cell.design, cell.treated, cell.weights)
    return _reweighted(cell, weights, odds_weights(cell.treated, weights, logit, trim), logit, regress=method == "dr")


@dataclass(frozen=True, slots=True, eq=False)
class ControlRegression:
    """Weighted regression of the comparison units' changes, ready for any number of treated groups.

    Parameters
    ----------
    design : array (m, k)
    weighted_residual : array (m,)
        Weight times residual.
    coefficients : array (k,)
    factor : tuple
        Cholesky factor of ``X'WX``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> ControlRegression.__slots__
    ('design', 'weighted_residual', 'coefficients', 'factor')
    """

    design: FloatArray
    weighted_residual: FloatArray
    coefficients: FloatArray
    factor: tuple[FloatArray, bool]


def regress_controls(change: FloatArray, design: FloatArray, weights: FloatArray) -> ControlRegression:
    """Regress the changes of comparison units on their covariates.

    Parameters
    ----------
    change : array (m,)
    design : array (m, k)
        The first column is one.
    weights : array (m,)

    Returns
    -------
    ControlRegression

    Raises
    ------
    EstimationError
        If the covariates are collinear.

    Examples
    --------
    >>> regress_controls(np.array([1.0, 3.0]), np.ones((2, 1)), np.ones(2)).coefficients.tolist()
    [2.0]
    """
    # One matrix on both sides lets BLAS compute half of the symmetric product.
    root = design * np.sqrt(weights)[:, None]
    factor = factor_of(root.T @ root, COLLINEAR)
    coefficients = np.zeros(design.shape[1])
    residual = change
    # The second pass removes the rounding error that normal equations leave when covariates are almost collinear.
    for _ in range(2):
        step = linalg.cho_solve(factor, design.T @ (weights * residual))
        coefficients = coefficients + step
        residual = residual - design @ step
    return ControlRegression(design, weights * residual, coefficients, factor)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Columns of a design that are independent among the comparison units, and what the others are made of.

    Parameters
    ----------
    columns : array (r,) of int
    others : array (k − r,) of int
    mixture : array (r, k − r)
        Among the comparison units ``design[:, others] = design[:, columns] @ mixture``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Basis.__slots__
    ('columns', 'others', 'mixture')
    """

    columns: NDArray[np.int64]
    others: NDArray[np.int64]
    mixture: FloatArray

    def holds_for(self, mean: FloatArray) -> bool:
        """Whether treated units with these mean covariates (k,) can be predicted: the same mixture holds for them."""
        gap = np.abs(mean[self.others] - mean[self.columns] @ self.mixture)
        return bool((gap <= _MIXED * (1.0 + np.abs(mean).max())).all())


def basis_of(design: FloatArray) -> Basis:
    """Find columns that span a design.

    Parameters
    ----------
    design : array (m, k)

    Returns
    -------
    Basis

    Raises
    ------
    numpy.linalg.LinAlgError
        If the design is not finite.

    Notes
    -----
    Predictions from a regression on the columns found do not depend on which these are, as long as the units predicted
    are mixed alike (Searle 1971, *Linear Models*, section 5.4: estimable functions).

    Examples
    --------
    >>> dummies = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    >>> basis = basis_of(dummies)
    >>> len(basis.columns), basis.holds_for(np.array([1.0, 1.0, 0.0])), basis.holds_for(np.array([1.0, 0.0, 0.0]))
    (2, True, False)
    """
    _, r, order = linalg.qr(design, mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    rank = int((size > _MIXED * size.max(initial=0.0)).sum())
    mixture = linalg.solve_triangular(r[:rank, :rank], r[:rank, rank:])
    return Basis(order[:rank].astype(np.int64), order[rank:].astype(np.int64), mixture)


def regression_effect(
    controls: ControlRegression, change: FloatArray, design: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Mean residual of treated units from the comparison units' regression.

    Parameters
    ----------
    controls : ControlRegression
    change : array (t,)
    design : array (t, k)
    weights : array (t,)

    Returns
    -------
    estimate : float
    treated : array (t,)
        Influence of the treated units; with ``other`` it sums, not averages, to the error of the estimate.
    other : array (m,)
        Influence of the comparison units.

    Raises
    ------
    ValueError
        If the designs differ in width.

    References
    ----------
    Sant'Anna & Zhao (2020), *Journal of Econometrics* 219(1), eq. 2.2 and its influence function in theorem 1.

    Examples
    --------
    >>> controls = regress_controls(np.array([1.0, 3.0]), np.ones((2, 1)), np.ones(2))
    >>> regression_effect(controls, np.array([5.0]), np.ones((1, 1)), np.ones(1))[0]
    3.0
    """
    share = weights / weights.sum()
    residual = change - design @ controls.coefficients
    estimate = float(share @ residual)
    other = -controls.weighted_residual * (controls.design @ linalg.cho_solve(controls.factor, share @ design))
    return estimate, share * (residual - estimate), other


def _regression(cell: Comparison, weights: FloatArray) -> CellEffect:
    """Mean residual of the treated from the comparison units' regression."""
    own, other = cell.treated, ~cell.treated
    controls = regress_controls(cell.change[other], cell.design[other], weights[other])
    influence = np.empty(cell.size)
    estimate, influence[own], influence[other] = regression_effect(
        controls, cell.change[own], cell.design[own], weights[own]
    )
    return CellEffect(estimate, influence * cell.size)


def _reweighted(
    cell: Comparison, weights: FloatArray, other: FloatArray, logit: Propensity, *, regress: bool
) -> CellEffect:
    """Normalised inverse-probability weighting of changes or, if ``regress``, of regression residuals."""
    own = np.where(cell.treated, weights, 0.0)
    moments = None
    residual = cell.change
    if regress:
        residual, moments = _residuals(cell, weights)
    first, second = own @ residual / own.sum(), other @ residual / other.sum()
    error = other * (residual - second)
    influence = own * (residual - first) / own.mean() - error / other.mean()
    moved = linalg.cho_solve(factor_of(logit.information, NO_OVERLAP), error @ cell.design / other.sum())
    influence -= weights * (cell.treated - logit.probability) * (cell.design @ moved)
    if moments is not None:
        gap = own @ cell.design / own.sum() - other @ cell.design / other.sum()
        influence -= _regression_error(cell, weights, residual, moments, gap)
    return CellEffect(float(first - second), influence)


def _residuals(cell: Comparison, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals of all units from the weighted regression on the comparison units, and its mean Gram matrix."""
    other = np.where(cell.treated, 0.0, weights)
    moments = gram(cell.design, other)
    factor = factor_of(moments, COLLINEAR)
    residual = cell.change
    # The second pass removes the rounding error that normal equations leave when covariates are almost collinear.
    for _ in range(2):
        coefficients = linalg.cho_solve(factor, cell.design.T @ (other * residual) / cell.size)
        residual = residual - cell.design @ coefficients
    return residual, moments


def _regression_error(
    cell: Comparison, weights: FloatArray, residual: FloatArray, moments: FloatArray, direction: FloatArray
) -> FloatArray:
    """Influence of the estimated regression coefficients on ``direction @ coefficients``."""
    other = np.where(cell.treated, 0.0, weights)
    return np.asarray(other * residual * (cell.design @ linalg.cho_solve(factor_of(moments, COLLINEAR), direction)))
