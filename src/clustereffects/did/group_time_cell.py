"""One comparison of two periods: doubly robust, inverse-probability and regression estimators with influence functions.

Arrays only. A cell holds the units of one cohort and its comparison units, both observed in a base period and in a
current period. Weights enter everywhere, so that sampling weights and matching weights need nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Method = Literal["dr", "ipw", "reg"]

COLLINEAR = "covariates are collinear or constant among the units compared"
NO_OVERLAP = "treated and comparison units do not overlap: a propensity score of 0.999 or more, or no finite logit"

_TRIM = 0.995
_OVERLAP = 0.999
_LARGEST_SCORE = 1.0 - 1e-6
_SINGULAR = 1e-11
_LONGEST_STEP = 1.5
_CONVERGED = 1e-10
_ITERATIONS = 100


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


@dataclass(frozen=True, slots=True, eq=False)
class Propensity:
    """Logit of being treated.

    Parameters
    ----------
    coefficients : array (k,)
    probability : array (m,)
    information : array (k, k)
        Mean of ``w p (1 − p) x x'``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Propensity.__slots__
    ('coefficients', 'probability', 'information')
    """

    coefficients: FloatArray
    probability: FloatArray
    information: FloatArray


def compare(cell: Comparison, method: Method, propensity: Propensity | None = None) -> CellEffect:
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
    ``E[w₁r]/E[w₁] − E[w₀r]/E[w₀]``; "reg" leaves the second mean out. Comparison units with ``p ≥ 0.995`` get no weight.
    The influence function adds the estimation error of β and of the logit to that of the two means.

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
    return _reweighted(cell, weights, logit, regress=method == "dr")


def fit_propensity(
    design: FloatArray, treated: BoolArray, weights: FloatArray, start: FloatArray | None = None
) -> Propensity:
    """Fit a logit by Newton's method.

    Parameters
    ----------
    design : array (m, k)
        The first column is one.
    treated : array (m,) of bool
    weights : array (m,)
    start : array (k,), optional
        Where to start; the result does not depend on it.

    Returns
    -------
    Propensity

    Raises
    ------
    EstimationError
        If the design is singular, the likelihood has no finite maximum, or a score reaches 0.999.

    Notes
    -----
    Steps are shortened until no linear predictor moves by more than 1.5. Within that range the curvature of the
    log-likelihood changes by so little that every step ascends, so no likelihood has to be computed. The rule of 0.999
    is that of the R package did.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]])
    >>> logit = fit_propensity(x, np.array([True, False, True, False]), np.ones(4))
    >>> logit.probability.round(6).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    scaled = weights / weights.mean()
    _factor(_gram(design, scaled), COLLINEAR)
    share = float(scaled[treated].sum() / scaled.sum())
    beta = np.zeros(design.shape[1]) if start is None else start
    if start is None:
        beta[0] = special.logit(share)
    for _ in range(_ITERATIONS):
        probability = special.expit(design @ beta)
        information = _gram(design, scaled * probability * (1.0 - probability))
        score = design.T @ (scaled * (treated - probability)) / len(design)
        step = linalg.cho_solve(_factor(information, NO_OVERLAP), score)
        longest = float(np.abs(design @ step).max())
        beta = beta + step * min(1.0, _LONGEST_STEP / max(longest, _CONVERGED))
        if longest < _CONVERGED:
            return _checked(design, scaled, beta)
    raise EstimationError(NO_OVERLAP)


def _checked(design: FloatArray, weights: FloatArray, beta: FloatArray) -> Propensity:
    probability = special.expit(design @ beta)
    if probability.max() >= _OVERLAP:
        raise EstimationError(NO_OVERLAP)
    return Propensity(beta, probability, _gram(design, weights * probability * (1.0 - probability)))


def _regression(cell: Comparison, weights: FloatArray) -> CellEffect:
    """Mean residual of the treated from the comparison units' regression."""
    residual, gram = _residuals(cell, weights)
    own = np.where(cell.treated, weights, 0.0)
    mass = own.mean()
    estimate = own @ residual / own.sum()
    slope = _regression_error(cell, weights, residual, gram, own @ cell.design / own.sum())
    return CellEffect(float(estimate), own * (residual - estimate) / mass - slope)


def _reweighted(cell: Comparison, weights: FloatArray, logit: Propensity, *, regress: bool) -> CellEffect:
    """Normalised inverse-probability weighting of changes or, if ``regress``, of regression residuals."""
    score = np.minimum(logit.probability, _LARGEST_SCORE)
    own = np.where(cell.treated, weights, 0.0)
    other = np.where(~cell.treated & (score < _TRIM), weights * score / (1.0 - score), 0.0)
    if not other.any():
        raise EstimationError(NO_OVERLAP)
    gram = None
    residual = cell.change
    if regress:
        residual, gram = _residuals(cell, weights)
    first, second = own @ residual / own.sum(), other @ residual / other.sum()
    error = other * (residual - second)
    influence = own * (residual - first) / own.mean() - error / other.mean()
    moved = linalg.cho_solve(_factor(logit.information, NO_OVERLAP), error @ cell.design / other.sum())
    influence -= weights * (cell.treated - score) * (cell.design @ moved)
    if gram is not None:
        gap = own @ cell.design / own.sum() - other @ cell.design / other.sum()
        influence -= _regression_error(cell, weights, residual, gram, gap)
    return CellEffect(float(first - second), influence)


def _residuals(cell: Comparison, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals of all units from the weighted regression on the comparison units, and its mean Gram matrix."""
    other = np.where(cell.treated, 0.0, weights)
    gram = _gram(cell.design, other)
    factor = _factor(gram, COLLINEAR)
    residual = cell.change
    # The second pass removes the rounding error that normal equations leave when covariates are almost collinear.
    for _ in range(2):
        coefficients = linalg.cho_solve(factor, cell.design.T @ (other * residual) / cell.size)
        residual = residual - cell.design @ coefficients
    return residual, gram


def _regression_error(
    cell: Comparison, weights: FloatArray, residual: FloatArray, gram: FloatArray, direction: FloatArray
) -> FloatArray:
    """Influence of the estimated regression coefficients on ``direction @ coefficients``."""
    other = np.where(cell.treated, 0.0, weights)
    return np.asarray(other * residual * (cell.design @ linalg.cho_solve(_factor(gram, COLLINEAR), direction)))


def _gram(design: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray((design * weights[:, None]).T @ design / len(design), dtype=np.float64)


def _factor(matrix: FloatArray, reason: str) -> tuple[FloatArray, bool]:
    """Cholesky factor of a matrix that must be clearly positive definite in units of its own diagonal."""
    scale = np.sqrt(np.diag(matrix))
    if not (np.isfinite(scale).all() and (scale > 0.0).all()):
        raise EstimationError(reason)
    if np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] < _SINGULAR:
        raise EstimationError(reason)
    return linalg.cho_factor(matrix)
