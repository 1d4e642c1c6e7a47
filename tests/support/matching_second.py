"""Second implementations that the tests compare the matching with: pair by pair, unit by unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError
from clustereffects.matching._search import distances, fits, strata_of
from clustereffects.matching.nearest import Task
from clustereffects.matching.reversion import Mirror
from clustereffects.matching.weights import propensity_weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPairs:
    """Pairs with the period in which the treated unit joins."""

    treated: IntArray
    control: IntArray
    weight: FloatArray
    cohort: FloatArray


def mirror_difference(values: FloatArray, times: IntArray, pairs: MatchedPairs, lag: int) -> Mirror:
    """Compare the change between the two periods at the far end of the matched window."""
    change = _at(values, times, pairs, lag + 1) - _at(values, times, pairs, lag)
    known = np.isfinite(change).all(axis=0)
    code = np.unique(pairs.treated[known], return_inverse=True)[1].ravel()
    weight = pairs.weight[known]
    total = np.bincount(code, weights=weight)
    gap = np.bincount(code, weights=weight * (change[0] - change[1])[known]) / total
    n = len(gap)
    if n == 0:
        return Mirror(float("nan"), float("nan"), 0)
    return Mirror(float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), n)


def _at(values: FloatArray, times: IntArray, pairs: MatchedPairs, lag: int) -> FloatArray:
    """Values of both units of each pair (2, n) at the lag; NaN where the period does not exist."""
    column = np.minimum(np.searchsorted(times, pairs.cohort - lag), len(times) - 1)
    there = times[column] == pairs.cohort - lag
    return np.stack([np.where(there, values[unit, column], np.nan) for unit in (pairs.treated, pairs.control)])


def allowed(task: Task, treated: int) -> IntArray:
    """Candidates of one treated unit within its stratum that break no rule, however many others want them."""
    rung = task.rung[treated]
    code = task.treated.strata[treated, rung]
    row = np.array(treated)
    near = np.flatnonzero((task.control.strata[:, rung] == code) & (code >= 0))
    near = near[fits(task, row, near)]
    return near[distances(task, row, near) <= task.caliper]


def count_allowed(task: Task) -> IntArray:
    """Number of candidates that ``allowed`` would give each treated unit, for all of them at once."""
    count = np.zeros(len(task.treated.unit), dtype=np.int64)
    free = not len(task.widths) and not task.treated.forbid.shape[1] and task.caliper == np.inf
    for stratum in strata_of(task):
        if free:
            count[stratum.treated] = len(stratum.control)
            continue
        for row in stratum.treated:
            near = stratum.control[fits(task, row, stratum.control)]
            count[row] = len(near) if task.caliper == np.inf else (distances(task, row, near) <= task.caliper).sum()
    return count


def set_weights(sets: IntArray, treated: BoolArray, estimand: str = "ATT") -> FloatArray:
    """Weights of units in strata, subclasses or matched sets."""
    inside = sets >= 0
    weight = np.zeros(len(sets))
    count = np.bincount(sets[inside])
    share = np.bincount(sets[inside & treated], minlength=len(count)) / np.maximum(count, 1)
    weight[inside] = propensity_weights(share[sets[inside]], treated[inside], estimand)
    for side in (inside & treated, inside & ~treated):
        if side.any() and not weight[side].sum() > 0:
            raise EstimationError("no set has treated units and controls")
        weight[side] /= weight[side].mean() if side.any() else 1.0
    return weight
