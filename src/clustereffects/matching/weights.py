"""Weights from propensity scores and matched sets, and what their estimation adds to the error of an effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._symmetric import pseudo_inverse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_ESTIMANDS = ("ATT", "ATC", "ATE", "ATO")


@dataclass(frozen=True, slots=True, eq=False)
class WeightModel:
    """How weights depend on estimated parameters, and the error of those parameters.

    Parameters
    ----------
    slope : array (n, k)
        Derivative of each unit's weight with respect to the parameters.
    influence : array (n, k)
        Influence function of the parameters: estimate − truth ≈ mean of its rows.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> WeightModel(np.zeros((3, 2)), np.zeros((3, 2))).slope.shape
    (3, 2)
    """

    slope: FloatArray
    influence: FloatArray

    def __post_init__(self) -> None:
        if self.slope.ndim != 2 or self.slope.shape != self.influence.shape:
            raise ValueError(f"slope {self.slope.shape} and influence {self.influence.shape} must be equal matrices")


def propensity_weights(probability: FloatArray, treated: BoolArray, estimand: str = "ATT") -> FloatArray:
    """Weights from the probability of being treated.

    Parameters
    ----------
    probability : array (n,)
    treated : array (n,) of bool
    estimand : {"ATT", "ATC", "ATE", "ATO"}
        Effect on the treated, on the controls, on all, or on the overlap (in proportion to ``p (1 − p)``).

    Returns
    -------
    array (n,)
        Not normalised: ATT treated 1, controls ``p/(1 − p)``; ATC treated ``(1 − p)/p``, controls 1; ATE ``1/p`` and
        ``1/(1 − p)``; ATO ``1 − p`` and ``p``.

    Raises
    ------
    ValueError
        If the estimand is unknown.
    EstimationError
        If a weight is infinite: a treated unit with probability 0 or a control with probability 1.

    References
    ----------
    Hirano, Imbens & Ridder (2003), *Econometrica* 71(4), 1161–1189; Li, Morgan & Zaslavsky (2018), *Journal of the
    American Statistical Association* 113(521), table 1.

    Examples
    --------
    >>> propensity_weights(np.array([0.8, 0.25, 0.5]), np.array([True, False, False])).round(4).tolist()
    [1.0, 0.3333, 1.0]
    """
    numerator = _tilt(probability, estimand)
    chance = np.where(treated, probability, 1.0 - probability)
    # Of the four only ATO stays finite, because its tilt vanishes with the chance.
    if estimand == "ATO":
        return 1.0 - chance
    sure = (chance <= 0) & (numerator > 0)
    if sure.any():
        raise EstimationError(
            Problem(
                what="a propensity score of 0 or 1 gives an infinite weight",
                where=f"{int(sure.sum())} units, the first in row {int(np.argmax(sure))}",
                expected="treated units and controls with similar covariates",
                remedy="trim to the common support, use fewer covariates, or estimand='ATO'",
            )
        )
    return np.asarray(numerator / np.where(chance > 0, chance, 1.0))


def propensity_model(
    design: FloatArray, probability: FloatArray, treated: BoolArray, estimand: str = "ATT"
) -> WeightModel:
    """What the estimation of a logistic propensity score adds.

    Parameters
    ----------
    design : array (n, k)
        With its intercept; may be rank deficient.
    probability : array (n,)
        Fitted by maximum likelihood.
    treated : array (n,) of bool
    estimand : {"ATT", "ATC", "ATE", "ATO"}

    Returns
    -------
    WeightModel

    Raises
    ------
    ValueError
        If the estimand is unknown.
    EstimationError
        As ``propensity_weights``.

    References
    ----------
    Newey & McFadden (1994), *Handbook of Econometrics* 4, section 6.1; Lunceford & Davidian (2004), *Statistics in
    Medicine* 23(19), section 3.

    Examples
    --------
    >>> design, treated = np.ones((4, 1)), np.array([True, True, False, False])
    >>> propensity_model(design, np.full(4, 0.5), treated).slope.ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    spread = probability * (1.0 - probability)
    weight = propensity_weights(probability, treated, estimand)
    rate = {
        "ATT": np.where(treated, 0.0, weight),
        "ATC": np.where(treated, -weight, 0.0),
        "ATE": np.where(treated, 1.0 - weight, weight - 1.0),
        "ATO": np.where(treated, -spread, spread),
    }[estimand]
    inverse = pseudo_inverse(design.T @ (spread[:, None] * design) / len(design))
    score = (treated - probability)[:, None] * design
    return WeightModel(rate[:, None] * design, score @ inverse)


def calibration_model(
    moments: FloatArray,
    treated: BoolArray,
    weight: FloatArray,
    *,
    estimand: str = "ATT",
    base: FloatArray | None = None,
    sampled: bool = True,
) -> WeightModel:
    """What the estimation of entropy weights adds.

    Parameters
    ----------
    moments : array (n, p)
        What was balanced, without intercept.
    treated : array (n,) of bool
    weight : array (n,)
        From ``entropy.balance_arms``.
    estimand : {"ATT", "ATC", "ATE"}
    base : array (n,), optional
        Base weights, taken as known; default: equal.
    sampled : bool
        Whether the target means are those of a sample from a population (the error of the effect on the treated of
        the population) or given (on the treated of the sample).

    Returns
    -------
    WeightModel

    Raises
    ------
    ValueError
        If the estimand is unknown.

    Notes
    -----
    For the ATT these weights are odds of a logit fitted by another loss than the likelihood, so entropy balancing,
    just-identified CBPS and inverse-probability tilting have the same weights. WeightIt 1.5.1 takes the target of its
    ``ebal`` as given and that of its ``cbps`` and ``ipt`` as sampled: two standard errors for one estimate.

    References
    ----------
    Zhao & Percival (2017), *Journal of Causal Inference* 5(1), theorem 1 and section 3; Källberg & Waernbaum (2023),
    *Econometrics and Statistics*, for the ATE.

    Examples
    --------
    >>> x, treated = np.array([[1.0], [0.0], [2.0]]), np.array([True, False, False])
    >>> calibration_model(x, treated, np.array([1.0, 0.5, 0.5]), sampled=False).slope.shape
    (3, 2)
    """
    if estimand not in _ESTIMANDS[:3]:
        raise ValueError(f"estimand is ATT, ATC or ATE, got {estimand!r}")
    member = {"ATT": treated, "ATC": ~treated, "ATE": np.ones_like(treated)}[estimand].astype(np.float64)
    if base is not None:
        member *= base
    centred = moments - member @ moments / member.sum()
    # The intercept is part of the model: each side sums to the mass of the target.
    design = np.column_stack([np.ones(len(centred)), centred])
    slopes, influences = [], []
    for side, of_target in ((treated, estimand == "ATT"), (~treated, estimand == "ATC")):
        if of_target:
            continue
        used = np.where(side, weight * (member.sum() / weight[side].sum()), 0.0)
        slopes.append(np.where(side, weight, 0.0)[:, None] * design)
        gap = (member - used if sampled else -used)[:, None] * design
        influences.append(gap @ pseudo_inverse(design.T @ (used[:, None] * design) / len(design)))
    return WeightModel(np.hstack(slopes), np.hstack(influences))


def _tilt(probability: FloatArray, estimand: str) -> FloatArray:
    """Weight of a place in the covariate space, in the sense of Li, Morgan & Zaslavsky."""
    if estimand not in _ESTIMANDS:
        raise ValueError(f"estimand is one of {', '.join(_ESTIMANDS)}, got {estimand!r}")
    return {
        "ATT": probability,
        "ATC": 1.0 - probability,
        "ATE": np.ones_like(probability),
        "ATO": probability * (1.0 - probability),
    }[estimand]
