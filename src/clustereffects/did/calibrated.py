"""A propensity score that balances: inverse-probability tilting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from clustereffects.did._linear import COLLINEAR, factor_of, gram
from clustereffects.did.logit import NO_OVERLAP, Propensity
from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_LONGEST_STEP = 1.5
_CONVERGED = 1e-10
_ITERATIONS = 100


def fit_calibrated(
    design: FloatArray, treated: BoolArray, weights: FloatArray, start: FloatArray | None = None
) -> Propensity:
    """Fit the logit whose odds give the comparison units exactly the covariate means of the treated.

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
        Its information is the curvature of the loss, the mean of ``w (1 − D) exp(x'γ) x x'``.

    Raises
    ------
    EstimationError
        If the design is singular, or no weights on comparison units reproduce the means of the treated: these lie
        outside the convex hull of the comparison units.

    Notes
    -----
    γ minimises ``E[w((1 − D) exp(x'γ) − D x'γ)]``, whose first-order condition is ``E[w(1 − D) exp(x'γ) x] = E[wDx]``.
    The loss is convex. Newton steps are shortened until no comparison unit's linear predictor moves by more than
    m = 1.5: with (eᵐ − 1 − m)/m² = 0.88 below one, every such step descends, so no loss has to be computed. The last
    step is below 1e-10 and convergence quadratic, so the condition holds to rounding. A comparison unit's odds are
    bounded by the treated units' total weight, hence no rule on the largest score.

    References
    ----------
    Graham, Pinto & Egel (2012), *Review of Economic Studies* 79(3), 1053–1079; Sant'Anna & Zhao (2020), *Journal of
    Econometrics* 219(1), section 3.1. It is the score of ``drdid_imp_panel`` and ``drdid_imp_rc`` in the R package DRDID.

    Examples
    --------
    >>> x = np.column_stack([np.ones(5), [0.0, 1.0, 0.0, 1.0, 1.0]])
    >>> score = fit_calibrated(x, np.array([True, True, False, False, False]), np.ones(5))
    >>> (score.probability / (1 - score.probability)).round(6).tolist()[2:]
    [1.0, 0.5, 0.5]
    """
    scaled = weights / weights.mean()
    factor_of(gram(design, scaled), COLLINEAR)
    x, w = design[~treated], scaled[~treated]
    target = scaled[treated] @ design[treated]
    gamma = np.zeros(design.shape[1]) if start is None else start
    if start is None:
        gamma[0] = np.log(scaled[treated].sum() / w.sum())
    for _ in range(_ITERATIONS):
        odds = w * np.exp(x @ gamma)
        step = linalg.cho_solve(factor_of(_half(x, odds), NO_OVERLAP), target - odds @ x)
        longest = float(np.abs(x @ step).max())
        gamma = gamma + step * min(1.0, _LONGEST_STEP / max(longest, _CONVERGED))
        if longest < _CONVERGED:
            information = _half(x, w * np.exp(x @ gamma)) / len(design)
            return Propensity(gamma, special.expit(design @ gamma), information)
    raise EstimationError(NO_OVERLAP)


def _half(design: FloatArray, weights: FloatArray) -> FloatArray:
    """``X'WX`` as a product of one matrix with itself, of which BLAS computes half."""
    root = design * np.sqrt(weights)[:, None]
    return np.asarray(root.T @ root, dtype=np.float64)
