"""The propensity score of a comparison: a logit by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from clustereffects.did._linear import COLLINEAR, factor_of, gram
from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NO_OVERLAP = "treated and comparison units do not overlap: a propensity score of 0.999 or more, or no finite logit"

_OVERLAP = 0.999
_LARGEST_SCORE = 1.0 - 1e-6
_LONGEST_STEP = 1.5
_CONVERGED = 1e-10
_ITERATIONS = 100


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
    factor_of(gram(design, scaled), COLLINEAR)
    share = float(scaled[treated].sum() / scaled.sum())
    beta = np.zeros(design.shape[1]) if start is None else start
    if start is None:
        beta[0] = special.logit(share)
    for _ in range(_ITERATIONS):
        probability = special.expit(design @ beta)
        information = gram(design, scaled * probability * (1.0 - probability))
        score = design.T @ (scaled * (treated - probability)) / len(design)
        step = linalg.cho_solve(factor_of(information, NO_OVERLAP), score)
        longest = float(np.abs(design @ step).max())
        beta = beta + step * min(1.0, _LONGEST_STEP / max(longest, _CONVERGED))
        if longest < _CONVERGED:
            return _checked(design, scaled, beta)
    raise EstimationError(NO_OVERLAP)


def odds_weights(treated: BoolArray, weights: FloatArray, score: Propensity, trim: float) -> FloatArray:
    """Weight comparison units by their odds of being treated, ``w p/(1 − p)``.

    Parameters
    ----------
    treated : array (m,) of bool
    weights : array (m,)
    score : Propensity
    trim : float
        Comparison units with a score of this or more get no weight.

    Returns
    -------
    array (m,)
        Zero for treated units.

    Raises
    ------
    EstimationError
        If no comparison unit has any weight.

    Examples
    --------
    >>> score = Propensity(np.zeros(1), np.array([0.5, 0.8, 0.5]), np.eye(1))
    >>> odds_weights(np.array([True, False, False]), np.ones(3), score, 0.75).tolist()
    [0.0, 0.0, 1.0]
    """
    p = np.minimum(score.probability, _LARGEST_SCORE)
    other = np.where(~treated & (p < trim), weights * p / (1.0 - p), 0.0)
    if not other.any():
        raise EstimationError(NO_OVERLAP)
    return other


def _checked(design: FloatArray, weights: FloatArray, beta: FloatArray) -> Propensity:
    probability = special.expit(design @ beta)
    if probability.max() >= _OVERLAP:
        raise EstimationError(NO_OVERLAP)
    return Propensity(beta, probability, gram(design, weights * probability * (1.0 - probability)))
