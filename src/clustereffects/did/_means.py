"""Weighted means with their influence functions, of which all estimators of two periods are sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from clustereffects.did._linear import factor_of
from clustereffects.did.group_time_cell import CellEffect, Comparison
from clustereffects.did.logit import NO_OVERLAP, Propensity, odds_weights

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A weighted mean of values (m,) that enters with a sign."""

    sign: float
    weights: FloatArray
    values: FloatArray


def combine(parts: Sequence[Part]) -> CellEffect:
    """Signed sum of weighted means; weights and values are taken as known."""
    estimate, influence = 0.0, np.zeros(len(parts[0].values))
    for part in parts:
        mean = float(part.weights @ part.values / part.weights.sum())
        estimate += part.sign * mean
        influence += part.sign * part.weights * (part.values - mean) / part.weights.mean()
    return CellEffect(estimate, influence)


def mean_row(design: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted mean (k,) of the rows of a design."""
    return np.asarray(weights @ design / weights.sum())


def score_error(
    influence: FloatArray, treated: BoolArray, design: FloatArray, weights: FloatArray, score: Propensity
) -> FloatArray:
    """Influence of the estimated logit on an estimate whose comparison units are weighted by its odds.

    ``influence`` is that of the estimate with known odds. The derivative of odds with respect to the coefficients is
    odds times covariates, so the mean of the comparison units' influence times covariates is that of the estimate.
    """
    slope = np.where(treated, 0.0, influence) @ design / len(design)
    moved = linalg.cho_solve(factor_of(score.information, NO_OVERLAP), slope)
    return np.asarray(weights * (treated - score.probability) * (design @ moved))


def unnormalised(cell: Comparison, score: Propensity, trim: float) -> CellEffect:
    """Inverse-probability weighting whose two sides are both divided by the treated units' weight (Abadie 2005)."""
    own = np.where(cell.treated, cell.weights, 0.0)
    signed = own - odds_weights(cell.treated, cell.weights, score, trim)
    estimate = float(signed @ cell.change / own.sum())
    influence = signed * cell.change / own.mean()
    error = score_error(influence, cell.treated, cell.design, cell.weights, score)
    return CellEffect(estimate, influence - own * estimate / own.mean() + error)
