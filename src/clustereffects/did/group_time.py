"""Group-time average effects: every cohort in every period against units that are not treated yet.

Arrays only: one wide matrix per outcome, one row per unit. Each cell compares the change from a base period to the
current period of a cohort with that of its comparison units, among the units observed in both (complete pairs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.group_time_cell import (
    Basis,
    Comparison,
    ControlRegression,
    Method,
    basis_of,
    compare,
    regress_controls,
    regression_effect,
)
from clustereffects.did.group_time_plan import Cell, GroupTimeOptions, never_treated, plan_cells
from clustereffects.did.logit import Propensity, fit_propensity
from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NO_TREATED = "no treated unit is observed in both periods"
NO_CONTROL = "no comparison unit is observed in both periods"
NOT_COMPARABLE = "treated units have covariates that no comparison unit has"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupTimeData:
    """Wide data: one row per unit, one column per period.

    Parameters
    ----------
    outcome : array (n, T)
        NaN where not observed.
    cohorts : array (n,)
        First treated period; NaN = never.
    times : array (T,) of int
        Periods in ascending order.
    covariates : array (n, T, k), optional
    weights : array (n, T), optional
    groups : array (n,) of int, optional
        Group of each unit, −1 = none; if given, effects are estimated by cohort and group.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> data = GroupTimeData(outcome=np.zeros((2, 3)), cohorts=np.array([2.0, np.nan]), times=np.array([1, 2, 3]))
    >>> data.n_units
    2
    """

    outcome: FloatArray
    cohorts: FloatArray
    times: IntArray
    covariates: FloatArray | None = None
    weights: FloatArray | None = None
    groups: IntArray | None = None

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupTimeEffects:
    """Effects of all cells.

    Parameters
    ----------
    cells : tuple of Cell
    estimate : array (k,)
        NaN where the effect is not identified.
    influence : array (n, k)
        Scaled so that ``estimate − truth ≈ influence.mean(axis=0)``; zero where the effect is not identified.
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
    ('cells', 'estimate', 'influence')
    """

    cells: tuple[Cell, ...]
    estimate: FloatArray
    influence: FloatArray
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
    weights are those of the base period. A cell uses the units observed in both periods; its influence function is
    scaled by ``n / n_cell`` so that all cells share the same ``n``.

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
    cells = plan_cells(data.cohorts, data.times, options, data.groups)
    n, k = data.n_units, len(cells)
    estimate, reasons = np.zeros(k), [""] * k
    influence = np.zeros((n, k), order="F")
    counts = np.zeros((2, k), dtype=np.int64)
    used = np.zeros(data.outcome.shape, dtype=np.bool_)
    for c, (cell, rows, treated, result) in enumerate(_results(data, options, cells)):
        counts[:, c] = treated.sum(), len(rows) - treated.sum()
        if isinstance(result, str):
            estimate[c], reasons[c] = np.nan, result
            continue
        used[rows, cell.time] = used[rows, cell.base] = True
        if not cell.is_reference:
            estimate[c] = result[0]
            influence[rows, c] = result[1] * (n / len(rows))
    return GroupTimeEffects(
        cells=cells,
        estimate=estimate,
        influence=influence,
        reasons=tuple(reasons),
        n_treated=counts[0],
        n_control=counts[1],
        used=used,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Wide:
    """What all cells share: where pairs are complete, standardised designs, weights, comparison cohorts."""

    observed: BoolArray
    design: FloatArray
    complete: BoolArray
    weights: FloatArray
    starts: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """The last logit of a treated set and the comparison it belongs to."""

    rows: IntArray
    comparison: Comparison
    logit: Propensity

    def fits(self, rows: IntArray, comparison: Comparison) -> bool:
        """Whether the logit of another comparison would be the same."""
        return (
            np.array_equal(self.rows, rows)
            and np.array_equal(self.comparison.design, comparison.design)
            and np.array_equal(self.comparison.weights, comparison.weights)
        )


_Result = tuple[Cell, IntArray, BoolArray, tuple[float, FloatArray] | str]


def _results(data: GroupTimeData, options: GroupTimeOptions, cells: tuple[Cell, ...]) -> Iterator[_Result]:
    wide = _wide(data, options)
    if options.method == "reg" or wide.design.shape[2] == 1:
        yield from _regressions(data, options, wide, cells)
        return
    last: _Fitted | None = None
    previous: Cell | None = None
    for cell in cells:
        if previous is None or (previous.cohort, previous.group) != (cell.cohort, cell.group):
            last = None
        rows, treated = _units(data, options, wide, cell)
        missing = _missing(treated)
        if missing or cell.is_reference:
            yield cell, rows, treated, missing or (0.0, np.zeros(len(rows)))
        else:
            result, last = _estimate(data, options.method, wide, (cell, rows, treated), last)
            yield cell, rows, treated, result
        previous = cell


def _regressions(
    data: GroupTimeData, options: GroupTimeOptions, wide: _Wide, cells: tuple[Cell, ...]
) -> Iterator[_Result]:
    """Regression estimates; all groups of a cohort share the comparison units' regression of each period."""
    shared: dict[tuple[int, int, int], _Controls | str] = {}
    for cell in cells:
        if shared and next(iter(shared))[0] != cell.cohort:
            shared.clear()
        own, other = _sides(data, options, wide, cell)
        rows = np.concatenate([own, other])
        treated = np.arange(len(rows)) < len(own)
        missing = _missing(treated)
        if missing or cell.is_reference:
            yield cell, rows, treated, missing or (0.0, np.zeros(len(rows)))
            continue
        key = (cell.cohort, cell.time, cell.base)
        if key not in shared:
            shared[key] = _controls(data, wide, cell, other)
        regression = shared[key]
        found = regression if isinstance(regression, str) else regression.effect(data, wide, cell, own)
        yield cell, rows, treated, found


@dataclass(frozen=True, slots=True, eq=False)
class _Controls:
    """Regression of the comparison units' changes, on a basis of the covariates if these are collinear."""

    regression: ControlRegression
    basis: Basis | None = None

    def effect(self, data: GroupTimeData, wide: _Wide, cell: Cell, own: IntArray) -> tuple[float, FloatArray] | str:
        design, weights = wide.design[own, cell.base], wide.weights[own, cell.base]
        if self.basis is not None:
            if not self.basis.holds_for(weights @ design / weights.sum()):
                return NOT_COMPARABLE
            design = design[:, self.basis.columns]
        estimate, first, second = regression_effect(self.regression, _change(data, cell, own), design, weights)
        return estimate, np.concatenate([first, second]) * (len(first) + len(second))


def _controls(data: GroupTimeData, wide: _Wide, cell: Cell, other: IntArray) -> _Controls | str:
    change, design, weights = _change(data, cell, other), wide.design[other, cell.base], wide.weights[other, cell.base]
    try:
        return _Controls(regress_controls(change, design, weights))
    except EstimationError:
        basis = basis_of(design)
    try:
        return _Controls(regress_controls(change, design[:, basis.columns], weights), basis)
    except EstimationError as error:
        return str(error)


def _change(data: GroupTimeData, cell: Cell, rows: IntArray) -> FloatArray:
    return np.asarray(data.outcome[rows, cell.time] - data.outcome[rows, cell.base])


def _wide(data: GroupTimeData, options: GroupTimeOptions) -> _Wide:
    weights = np.ones_like(data.outcome) if data.weights is None else data.weights
    design = _designs(data)
    never = never_treated(data.cohorts, data.times, options.anticipation)
    starts = np.where(never, np.inf, data.cohorts)
    if options.control == "never_treated":
        starts = np.where(never, np.inf, -np.inf)
    return _Wide(np.isfinite(data.outcome), design, np.isfinite(design).all(axis=2) & (weights > 0), weights, starts)


def _designs(data: GroupTimeData) -> FloatArray:
    """Constant and covariates (n, T, 1 + k), centred and scaled: fitted values do not depend on it, rounding does."""
    constant = np.ones((*data.outcome.shape, 1))
    if data.covariates is None:
        return constant
    values = data.covariates
    centre, scale = np.nanmean(values, axis=(0, 1)), np.nanstd(values, axis=(0, 1))
    return np.concatenate([constant, (values - centre) / np.where(scale > 0, scale, 1.0)], axis=2)


def _units(data: GroupTimeData, options: GroupTimeOptions, wide: _Wide, cell: Cell) -> tuple[IntArray, BoolArray]:
    """Rows of the units compared, in their order, and which of them are treated."""
    own, other = _sides(data, options, wide, cell)
    treated = np.zeros(len(data.cohorts), dtype=np.bool_)
    treated[own] = True
    rows = np.sort(np.concatenate([own, other]))
    return rows, treated[rows]


def _sides(data: GroupTimeData, options: GroupTimeOptions, wide: _Wide, cell: Cell) -> tuple[IntArray, IntArray]:
    """Rows of the treated and of the comparison units."""
    own = data.cohorts == cell.cohort
    other = (wide.starts > data.times[max(cell.time, cell.base)] + options.anticipation) & ~own
    if data.groups is not None:
        own &= data.groups == cell.group
    pair = wide.observed[:, cell.time] & wide.observed[:, cell.base] & wide.complete[:, cell.base]
    return np.flatnonzero(own & pair), np.flatnonzero(other & pair)


def _missing(treated: BoolArray) -> str:
    if not treated.any():
        return NO_TREATED
    return NO_CONTROL if treated.all() else ""


def _estimate(
    data: GroupTimeData,
    method: Method,
    wide: _Wide,
    units: tuple[Cell, IntArray, BoolArray],
    last: _Fitted | None,
) -> tuple[tuple[float, FloatArray] | str, _Fitted | None]:
    cell, rows, treated = units
    comparison = Comparison(
        change=data.outcome[rows, cell.time] - data.outcome[rows, cell.base],
        treated=treated,
        design=wide.design[rows, cell.base],
        weights=wide.weights[rows, cell.base],
    )
    try:
        if method != "reg" and comparison.design.shape[1] > 1:
            last = _propensity(comparison, rows, last)
        effect = compare(comparison, method, last.logit if last else None)
    except EstimationError as error:
        return str(error), last
    return (effect.estimate, effect.influence), last


def _propensity(comparison: Comparison, rows: IntArray, last: _Fitted | None) -> _Fitted:
    """Logit of the comparison; taken over if nothing it depends on has changed since the cell before."""
    if last is not None and last.fits(rows, comparison):
        return last
    start = last.logit.coefficients if last else None
    logit = fit_propensity(comparison.design, comparison.treated, comparison.weights, start)
    return _Fitted(rows, comparison, logit)
