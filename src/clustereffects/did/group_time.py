"""Group-time average effects: every cohort in every period against units that are not treated yet.

Arrays only: one wide matrix per outcome, one row per unit. Each cell compares the change from a base period to the
current period of a cohort with that of its comparison units, among the units observed in both (complete pairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.did._fit import NOT_COMPARABLE, Fit, fit_cells
from clustereffects.did._influence import GroupTimeInfluence
from clustereffects.did._layout import Comparison, Layout, compare_cells, lay_out
from clustereffects.did._scores import NO_CONTROL, NO_TREATED, Frame, Scores, fit_scores, frame_of
from clustereffects.did.group_time_plan import Cell, GroupTimeData, GroupTimeOptions, plan_cells
from clustereffects.inference import one_thread

__all__ = [
    "NOT_COMPARABLE",
    "NO_CONTROL",
    "NO_TREATED",
    "GroupTimeData",
    "GroupTimeEffects",
    "group_time_effects",
    "group_time_effects_of",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupTimeEffects:
    """Effects of all cells.

    Parameters
    ----------
    cells : tuple of Cell
    estimate : array (k,)
        NaN where the effect is not identified.
    source : GroupTimeInfluence
        Influence of the units that enter any cell, block by block; zero where an effect is not identified.
    reasons : tuple of str
        Why a cell is not identified, empty otherwise.
    n_treated, n_control : array (k,) of int
        Units compared.
    used : array (n, T) of bool
        Outcomes that entered at least one cell.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> GroupTimeEffects.__slots__[:3]
    ('cells', 'estimate', 'source')
    """

    cells: tuple[Cell, ...]
    estimate: FloatArray
    source: GroupTimeInfluence
    reasons: tuple[str, ...]
    n_treated: IntArray
    n_control: IntArray
    used: BoolArray


def group_time_effects(data: GroupTimeData, options: GroupTimeOptions) -> GroupTimeEffects:
    """Average effect on each cohort (and group) in each period.

    Parameters
    ----------
    data : GroupTimeData
        Without units treated from the start, see ``clustereffects.did.group_time_plan.already_treated``.
    options : GroupTimeOptions

    Returns
    -------
    GroupTimeEffects

    Raises
    ------
    EstimationError
        Never for a single cell: its reason is recorded and the rest goes on.

    Notes
    -----
    ``ATT(g, t)`` compares ``y_t − y_base`` of cohort ``g`` with that of units never treated or, with
    ``"not_yet_treated"``, of all units whose treatment starts after ``max(t, base)`` plus anticipation. Covariates and
    weights are those of the base period. A cell uses the units observed in both periods.

    Cells that share comparison units and covariates are computed together: one regression of the levels of all periods
    gives every change by linearity, one logit per cohort serves all its periods. The cost is linear in units.

    References
    ----------
    Callaway & Sant'Anna (2021), *Journal of Econometrics* 225(2), eq. 2.2–2.9 and theorem 1.

    Examples
    --------
    >>> data = GroupTimeData(outcome=np.array([[0.0, 3.0], [0.0, 1.0]]), cohorts=np.array([2.0, np.nan]),
    ...                      times=np.array([1, 2]))
    >>> group_time_effects(data, GroupTimeOptions()).estimate.round(9).tolist()
    [2.0]
    """
    return group_time_effects_of([data.outcome], data, options)[0]


@one_thread()
def group_time_effects_of(
    outcomes: Sequence[FloatArray], data: GroupTimeData, options: GroupTimeOptions
) -> list[GroupTimeEffects]:
    """Effects on several outcomes; those observed in the same places share propensity scores.

    Parameters
    ----------
    outcomes : sequence of arrays (n, T)
    data : GroupTimeData
        Its own outcome is not used.
    options : GroupTimeOptions

    Returns
    -------
    list of GroupTimeEffects

    Raises
    ------
    ValueError
        If an outcome has another shape.

    Examples
    --------
    >>> wide = np.array([[0.0, 3.0], [0.0, 1.0]])
    >>> data = GroupTimeData(outcome=wide, cohorts=np.array([2.0, np.nan]), times=np.array([1, 2]))
    >>> [found.estimate.round(9).tolist() for found in group_time_effects_of([wide, 2 * wide], data, GroupTimeOptions())]
    [[2.0], [4.0]]
    """
    if data.covariates is None or not data.covariates.shape[-1]:
        options = replace(options, method="reg")  # without covariates all methods are the difference of mean changes
    cells = plan_cells(data.cohorts, data.times, options, data.groups)
    results, shared = [], None
    for outcome in outcomes:
        if outcome.shape != (data.n_units, len(data.times)):
            raise ValueError(f"an outcome has the shape {outcome.shape}, expected {(data.n_units, len(data.times))}")
        layout = lay_out(replace(data, outcome=outcome), options, cells)
        if shared is None or not _same_places(shared[0], layout):
            shared = layout, _prepared(layout, options, cells, data.times)
        fits = tuple(fit_cells(layout, one, options, frame, scores) for one, frame, scores in shared[1])
        results.append(_collected(layout, cells, fits, [frame for _, frame, _ in shared[1]]))
    return results


def _same_places(one: Layout, other: Layout) -> bool:
    if one.seen is None or other.seen is None:
        return one.seen is other.seen
    return np.array_equal(one.seen, other.seen)


def _prepared(
    layout: Layout, options: GroupTimeOptions, cells: Sequence[Cell], times: IntArray
) -> list[tuple[Comparison, Frame, Scores | None]]:
    """Comparisons with their propensity scores, which do not depend on the outcome."""
    scored, calibrated = options.method != "reg", options.method == "dr_improved"
    known: dict[int, FloatArray] = {}
    prepared = []
    for comparison in compare_cells(layout, options, cells, times):
        frame = frame_of(layout, comparison)
        scores = fit_scores(layout, comparison, frame, known, calibrated=calibrated) if scored else None
        prepared.append((comparison, frame, scores))
    return prepared


def _collected(
    layout: Layout, cells: tuple[Cell, ...], fits: tuple[Fit, ...], frames: Sequence[Frame]
) -> GroupTimeEffects:
    k = len(cells)
    estimate, reasons, counts = np.empty(k), np.empty(k, dtype=object), np.zeros((2, k), dtype=np.int64)
    for fit, frame in zip(fits, frames, strict=True):
        numbers = fit.comparison.cells
        estimate[numbers], reasons[numbers] = fit.estimate, fit.reasons
        counts[0, numbers], counts[1, numbers] = frame.counts[fit.comparison.arm], frame.control
    used = _used(layout, fits)
    rows = np.full(layout.n_units, -1, dtype=np.int64)
    active = used.any(axis=1)
    rows[...] = np.where(active, np.cumsum(active) - 1, -1)[layout.order]
    return GroupTimeEffects(
        cells=cells,
        estimate=estimate,
        source=GroupTimeInfluence(layout, fits, rows, int(active.sum()), k),
        reasons=tuple(reasons),
        n_treated=counts[0],
        n_control=counts[1],
        used=used,
    )


def _used(layout: Layout, fits: Sequence[Fit]) -> BoolArray:
    """Outcomes that enter at least one identified cell, in the order of the data."""
    shape = (len(layout.outcome), layout.n_units)
    everywhere = np.zeros((shape[0], len(layout.segments)), dtype=np.bool_)
    partly = np.zeros(shape, dtype=np.bool_)
    for fit in fits:
        for segment, periods in _periods_used(layout, fit):
            if fit.comparison.usable is None:
                everywhere[periods, segment] = True
                continue
            rows = slice(layout.segments[segment].begin, layout.segments[segment].end)
            for period in periods:
                partly[period, rows] |= fit.comparison.usable[rows]
    sizes = [one.end - one.begin for one in layout.segments]
    result = np.zeros((shape[1], shape[0]), dtype=np.bool_)
    result[layout.order] = (partly | np.repeat(everywhere, sizes, axis=1)).T
    return result


def _periods_used(layout: Layout, fit: Fit) -> list[tuple[int, IntArray]]:
    """Segments with the periods in which their outcomes enter a fit; reference cells ask for none."""
    comparison, measured = fit.comparison, fit.measured
    found = []
    for position, arm in enumerate(comparison.arms):
        cells = measured & (comparison.arm == position)
        found.append((arm, comparison.periods[np.unique([comparison.time[cells], comparison.base[cells]])]))
    everything = comparison.periods[np.unique([comparison.time[measured], comparison.base[measured]])]
    for place, segment in enumerate(layout.segments):
        if any(one.start <= segment.begin < one.stop for one in comparison.controls):
            found.append((place, everything))
    return found
