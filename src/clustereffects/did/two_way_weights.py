"""How a two-way fixed effects regression weights the effects of treated observations.

Arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreatmentWeights:
    """Weights with which the effects of treated observations enter the coefficient of treatment.

    Parameters
    ----------
    weights : array (m,)
        One per treated observation; they sum to one.
    n_negative : int
    sum_negative : float
        Zero or below.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> TreatmentWeights(weights=np.array([1.5, -0.5]), n_negative=1, sum_negative=-0.5).share_negative
    0.5
    """

    weights: FloatArray
    n_negative: int
    sum_negative: float

    @property
    def share_negative(self) -> float:
        """Share of treated observations with a negative weight."""
        return self.n_negative / len(self.weights)


def treatment_weights(residual: FloatArray, treated: BoolArray, weights: FloatArray | None = None) -> TreatmentWeights:
    """Weights of the treated observations' effects in a two-way fixed effects coefficient.

    Parameters
    ----------
    residual : array (n,)
        Residuals of treatment on unit effects, time effects and covariates.
    treated : array (n,) of bool
        Treated observations.
    weights : array (n,), optional
        Weights of the regression.

    Returns
    -------
    TreatmentWeights

    Raises
    ------
    ValueError
        If the residuals of the treated observations do not sum to a positive number: treatment does not vary.

    Notes
    -----
    Under parallel trends the coefficient equals ``Σ w_it τ_it`` over treated observations with
    ``w_it = ε_it / Σ ε_it``. Weights below a hundred-millionth of the largest count as zero.

    References
    ----------
    de Chaisemartin & D'Haultfœuille (2020), *American Economic Review* 110(9), theorem 1.

    Examples
    --------
    >>> treatment_weights(np.array([0.75, -0.25, -0.5]), np.array([True, True, False])).weights.tolist()
    [1.5, -0.5]
    """
    own = residual[treated] if weights is None else (residual * weights)[treated]
    total = own.sum()
    if not total > 0.0:
        raise ValueError("treatment does not vary once unit and time effects are removed")
    share = own / total
    negative = share < -1e-8 * np.abs(share).max()
    return TreatmentWeights(weights=share, n_negative=int(negative.sum()), sum_negative=float(share[negative].sum()))
