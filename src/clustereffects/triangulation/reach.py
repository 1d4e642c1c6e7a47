"""What estimates of the declared quality could show at best, however large the samples behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.changes import Changes, evaluate
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import STATES

FloatArray = NDArray[np.float64]

_PRECISE = 1e-3
_GRID, _FINER, _ROUNDS = 81, 21, 4
_PRIOR_SPANS = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The largest probability of one state that infinitely precise estimates could give.

    Parameters
    ----------
    state : {"harm", "negligible", "benefit"}
    largest : float
    at : float
        Effect that all estimates would have to show, after their mean biases.
    threshold : float
    possible : bool
        Whether the largest probability reaches the threshold.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Reach(state="negligible", largest=0.3, at=0.0, threshold=0.9, possible=False).possible
    False
    """

    state: str
    largest: float
    at: float
    threshold: float
    possible: bool


def reachable(model: CellModel, thresholds: Thresholds) -> tuple[Reach, ...]:
    """Largest probability of each state if every estimate were infinitely precise and had the most favourable value.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds

    Returns
    -------
    tuple of Reach
        Empty without estimates, and where an estimate has an uncertain proportional bias: in the limit its likelihood is
        too sharp for the steps in which that bias is integrated.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Declared biases keep their variances, standard errors shrink to a thousandth of δ, and all estimates show the same
    effect v, which runs over eight of the widest standard deviations of the prior on either side of zero, plus that of
    the bias. Diagnostics stay as they are. Where biases are wider than δ, no amount of data shows a negligible effect
    (Welton et al. 2009, *JRSS A* 172(1): information from biased studies has a limit).

    Examples
    --------
    With δ = 1 % and a bias of 3 %, no sample is large enough to show that an effect is negligible:

    >>> from clustereffects.results.evidence import BiasTerm, Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> bias = (BiasTerm(domain="selection", sd=0.03),)
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.02, bias=bias)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> [(one.state, round(one.largest, 2), one.possible) for one in reachable(model, Thresholds())]
    [('harm', 1.0, True), ('negligible', 0.3, False), ('benefit', 1.0, True)]
    """
    if not model.value.size or model.estimates.loading.size:
        return ()
    estimates = model.estimates
    precise = np.minimum(model.std_error, _PRECISE * model.claim.delta)
    # Rounding of a large standard error may leave less than nothing of the bias.
    own = np.maximum(estimates.own - model.std_error**2, 0.0) + precise**2
    spread = np.abs(model.prior.mean).max() + _PRIOR_SPANS * float(np.hypot(model.prior.sd.max(), _largest_sd(model)))

    def probability(effect: FloatArray) -> FloatArray:
        shown = effect[:, None] * np.exp(estimates.log_factor)
        return evaluate(model, Changes(residual=shown, own=np.broadcast_to(own, shown.shape))).probability

    start = np.sinh(np.linspace(-6, 6, _GRID)) / np.sinh(6) * spread
    at, largest = _highest(probability, start[None])
    return tuple(
        Reach(state=state, largest=float(p), at=float(v), threshold=limit, possible=bool(p >= limit))
        for state, p, v, limit in zip(STATES, largest, at, thresholds.by_state, strict=True)
    )


def _largest_sd(model: CellModel) -> float:
    return float(np.sqrt(np.diag(model.estimates.covariance).max()))


def _highest(probability: Callable[[FloatArray], FloatArray], points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each state the point, and the largest probability, on a grid that closes in on it."""
    state = np.arange(len(STATES))
    for _ in range(_ROUNDS):
        value = probability(points.ravel()).reshape(*points.shape, len(STATES))
        value, points = value[state % len(points), :, state], points[state % len(points)]
        top = value.argmax(axis=1)
        at, largest = points[state, top], value[state, top]
        low = points[state, np.maximum(top - 1, 0)]
        high = points[state, np.minimum(top + 1, points.shape[1] - 1)]
        points = np.linspace(low, high, _FINER, axis=1)
    return at, largest
