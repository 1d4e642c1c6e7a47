"""How the verdict of a cell depends on the bias that is assumed in each stream."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.sensitivity import scenarios

FloatArray = NDArray[np.float64]

_POINTS = 121
_BEYOND, _NEAR = 1.3, 3.0
_SDS, _DELTAS = 2.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BiasCurve:
    """Posterior probabilities of a cell as the mean bias of one stream's estimates varies.

    Parameters
    ----------
    stream : str
    bias : array, shape (points,)
        Mean additive bias of the stream's estimates, in units of the claim.
    probability : array, shape (points, 3)
        Of harm, negligible effect and benefit.
    current : float
        Mean bias as declared.
    declared : tuple of two floats
        Range of means that was declared; both the same as ``current`` if none was.
    tips_at : float
        Mean bias at which the verdict changes; NaN if none within reach does.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> curve = BiasCurve(stream="economic", bias=np.zeros(1), probability=np.array([[0.1, 0.2, 0.7]]), current=0.0,
    ...                   declared=(0.0, 0.0), tips_at=float("nan"))
    >>> curve.stream
    'economic'
    """

    stream: str
    bias: FloatArray
    probability: FloatArray
    current: float
    declared: tuple[float, float]
    tips_at: float


def bias_curves(cell: CellFinding) -> tuple[BiasCurve, ...]:
    """Posterior probabilities against the mean bias of each stream with estimates.

    Parameters
    ----------
    cell : CellFinding

    Returns
    -------
    tuple of BiasCurve
        All as wide as each other: far enough to show declared ranges, tipping points within six standard deviations of
        the most uncertain estimate, two of these and five smallest effects of interest to either side.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cell_finding import find_cell
    >>> from clustereffects.triangulation.options import Prior, Thresholds
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> did = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.015)
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> curve = bias_curves(find_cell(claim, "K01", CellEvidence(estimates=(did,)), prior, Thresholds()))[0]
    >>> round(curve.tips_at, 3), round(float(np.interp(curve.tips_at, curve.bias, curve.probability[:, 2])), 2)
    (0.029, 0.9)
    """
    model = cell.model
    streams = np.unique(model.estimates.stream).tolist()
    tips = {tip.stream: tip for tip in cell.tips if tip.quantity == "bias"}
    centre = {i: _mean_bias(model, i) for i in streams}
    found = []
    reach = _reach(cell, centre)
    for i in streams:
        current, low, high = centre[i]
        step = np.linspace(-reach, reach, _POINTS)
        shift = np.zeros((_POINTS, len(model.streams)))
        shift[:, i] = step
        name = model.streams[i]
        found.append(
            BiasCurve(
                stream=name,
                bias=current + step,
                probability=scenarios(model, shift=shift).probability,
                current=current,
                declared=(low, high),
                tips_at=tips[name].tips_at if name in tips else math.nan,
            )
        )
    return tuple(found)


def _mean_bias(model: CellModel, stream: int) -> tuple[float, float, float]:
    """Mean bias of a stream, weighted like its estimates, with the ends of the declared ranges."""
    own = model.estimates.stream == stream
    weight = own / np.diag(model.estimates.covariance)
    weight = weight / weight.sum()
    current = float(weight @ model.bias_mean)
    low, high = (current - float((ends @ weight).sum()) for ends in (model.ranges.low, model.ranges.high))
    return current, low, high


def _reach(cell: CellFinding, centre: dict[int, tuple[float, float, float]]) -> float:
    model = cell.model
    ends = [abs(end - current) for current, *ends in centre.values() for end in ends]
    now = {model.streams[i]: current for i, (current, *_) in centre.items()}
    tips = [abs(tip.tips_at - now[tip.stream]) for tip in cell.tips if tip.quantity == "bias" and tip.changes]
    widest = _SDS * float(np.sqrt(np.diag(model.estimates.covariance)).max(initial=0.0))
    near = [size for size in tips if size <= _NEAR * widest]
    return max(widest, _DELTAS * model.claim.delta, *(_BEYOND * size for size in (*ends, *near)))
