"""Whether bias alone could explain that two streams agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.conflict import shared_variance
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.verdicts import STATES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasAlone:
    """What the declared biases of two streams say about their agreement.

    Parameters
    ----------
    directions : tuple of two floats
        Direction of each stream's expected bias: 1 up, -1 down, 0 none declared.
    toward : bool
        Whether both biases point to where the two agree. For a negligible effect: both the same way, so that they
        could hide an effect of the opposite sign.
    p_other : float
        Probability, given both streams, that the effect is not in the state they agree on; NaN without a state.
    p_bias_only : float
        P-value of their estimates if there were no effect, only the declared biases and errors.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> BiasAlone(directions=(1.0, -1.0), toward=False, p_other=0.02, p_bias_only=0.001).opposing
    True
    """

    directions: tuple[float, float]
    toward: bool
    p_other: float
    p_bias_only: float

    @property
    def opposing(self) -> bool:
        """Whether the biases point in opposite directions."""
        return self.directions[0] * self.directions[1] < 0


def bias_alone(model: CellModel, pair: tuple[str, str], state: str) -> BiasAlone:
    """Ask whether bias alone could explain the agreement of two streams.

    Parameters
    ----------
    model : CellModel
    pair : tuple of two str
        Streams that both have estimates.
    state : str
        State that they agree on.

    Returns
    -------
    BiasAlone

    Raises
    ------
    ValueError
        If a stream is not among those of the cell.

    Notes
    -----
    Without an effect the estimates are normal around their mean biases; proportional bias then plays no part. With D,
    the covariance of errors and biases if dependence groups are left aside, and C, the same with the covariance
    ρ√(v_i v_j) of the own errors within a group, r'D⁻¹r is a sum of χ² variables weighted by the eigenvalues λ of D⁻¹C.
    It is referred to the scaled χ² with the same mean and variance (Satterthwaite 1946, *Biometrics Bulletin* 2(6)):
    exact without dependence groups, where it has as many degrees of freedom as estimates, and for estimates that repeat
    each other, which then count once. The direction of a stream's bias is the sign of what adjustment takes off its
    pooled estimate.

    Examples
    --------
    >>> from clustereffects.results.evidence import BiasTerm, Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> up = (BiasTerm(domain="optimism", mean=0.05, sd=0.03),)
    >>> two = tuple(Estimate(id=s, claim="growth", group="K01", stream=s, value=0.08, std_error=0.02, bias=up)
    ...             for s in ("economic", "survey"))
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=two), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> found = bias_alone(model, ("economic", "survey"), "benefit")
    >>> found.toward, round(found.p_bias_only, 2)
    (True, 0.5)
    """
    positions = [model.streams.index(name) for name in pair]
    chosen = np.flatnonzero(np.isin(model.estimates.stream, positions))
    first, second = (_direction(model, position) for position in positions)
    return BiasAlone(
        directions=(first, second),
        toward=first == second != 0 and first in _TOWARD.get(state, ()),
        p_other=_other(model, positions, state),
        p_bias_only=_p_without_effect(model, chosen),
    )


def _p_without_effect(model: CellModel, chosen: IntArray) -> float:
    estimates = model.estimates
    own, block, residual = estimates.own[chosen], estimates.block[chosen], estimates.residual[chosen]
    apart = np.diag(own) + shared_variance(model)[np.ix_(chosen, chosen)]
    within = np.where(block[:, None] == block, model.items.rho[block], 0.0) * np.sqrt(np.outer(own, own))
    weight = np.linalg.solve(apart, apart + within - np.diag(np.diag(within)))
    mean, square = float(np.trace(weight)), float(np.trace(weight @ weight))
    distance = float(residual @ np.linalg.solve(apart, residual))
    return float(chdtrc(mean**2 / square, distance * mean / square))


_TOWARD = {"benefit": (1.0,), "harm": (-1.0,), "negligible": (1.0, -1.0)}


def _direction(model: CellModel, stream: int) -> float:
    own = model.estimates.stream == stream
    taken_off = model.value - model.estimates.residual / np.exp(model.estimates.log_factor)
    weight = 1 / np.diag(model.estimates.covariance)[own]
    mean = float(weight @ taken_off[own] / weight.sum())
    # What rounding leaves of a bias of zero has no direction.
    return float(np.sign(mean)) if abs(mean) > 1e-12 * float(np.abs(model.value).max()) else 0.0


def _other(model: CellModel, positions: list[int], state: str) -> float:
    if state not in STATES:
        return float("nan")
    power = np.zeros((1, len(model.streams)))
    power[0, positions] = 1.0
    return float(1 - scenarios(model, power=power).probability[0, STATES.index(state)])
