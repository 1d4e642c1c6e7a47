"""Group-time average effects from repeated cross-sections: other units in every period, or a panel with holes.

Arrays only: one row per observation. Each cell compares a cohort's observations in a base and in the current period
with those of its comparison cohorts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.did._linear import COLLINEAR
from clustereffects.did._means import mean_row
from clustereffects.did.cross_sections import CrossSections, SectionConvention, missing_group, two_cross_sections
from clustereffects.did.group_time_cell import CellEffect, basis_of
from clustereffects.did.group_time_plan import Cell, GroupTimeOptions, never_treated, plan_cells
from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
UnitValues = tuple[IntArray, FloatArray]

NOT_COMPARABLE = "treated observations have covariates that no comparison observation has"

_NOTHING: UnitValues = (np.empty(0, dtype=np.int64), np.empty(0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossSectionData:
    """Long data: one row per observation.

    Parameters
    ----------
    outcome : array (r,)
        NaN where not observed.
    time : array (r,) of int
        Index of the observation's period in ``times``.
    cohorts : array (r,)
        First treated period of the observation's unit; NaN = never.
    units : array (r,) of int
        Independent unit of each observation, 0 … n − 1: a number of its own for every row of true cross-sections, the
        firm for a panel with holes. Cohort and group are constant within units.
    times : array (T,) of int
        Periods in ascending order.
    covariates : array (r, k), optional
        Without constant, as observed in the row's own period.
    weights : array (r,), optional
    groups : array (r,) of int, optional
        Group of each unit, −1 = none; if given, effects are estimated by cohort and group.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> data = CrossSectionData(outcome=np.zeros(3), time=np.array([0, 1, 1]), cohorts=np.full(3, np.nan),
    ...                         units=np.array([0, 0, 1]), times=np.array([2003, 2004]))
    >>> data.n_units
    2
    """

    outcome: FloatArray
    time: IntArray
    cohorts: FloatArray
    units: IntArray
    times: IntArray
    covariates: FloatArray | None = None
    weights: FloatArray | None = None
    groups: IntArray | None = None

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.units.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossSectionEffects:
    """Effects of all cells.

    Parameters
    ----------
    cells : tuple of Cell
    estimate : array (c,)
        NaN where the effect is not identified.
    influence : tuple of (array of int, array)
        Units and their influence in each cell, scaled so that ``estimate − truth`` is about their sum divided by the
        number of all units; empty where the effect is not identified or zero by construction.
    members : tuple of (array of int, array)
        Units of each cell's cohort (and group) and their mean weight: the mass with which the cell enters aggregates is
        their sum divided by the number of all units. Cells of the same cohort share these arrays.
    reasons : tuple of str
        Why a cell is not identified, empty otherwise.
    n_treated, n_control : array (c,) of int
        Observations compared, in the period in which there are fewer.
    used : array (r,) of bool
        Observations that entered at least one cell.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> CrossSectionEffects.__slots__[:3]
    ('cells', 'estimate', 'influence')
    """

    cells: tuple[Cell, ...]
    estimate: FloatArray
    influence: tuple[UnitValues, ...]
    members: tuple[UnitValues, ...]
    reasons: tuple[str, ...]
    n_treated: IntArray
    n_control: IntArray
    used: BoolArray


def cross_section_effects(data: CrossSectionData, options: GroupTimeOptions) -> CrossSectionEffects:
    """Average effect on each cohort (and group) in each period, from repeated cross-sections.

    Parameters
    ----------
    data : CrossSectionData
        Without units treated from the start, see ``clustereffects.did.group_time_plan.already_treated``.
    options : GroupTimeOptions
        Its method is "dr", "dr_improved", "ipw" or "reg", each as in ``two_cross_sections``.

    Returns
    -------
    CrossSectionEffects

    Raises
    ------
    EstimationError
        Never for a single cell: its reason is recorded and the rest goes on.

    Notes
    -----
    Cells, base periods and comparison cohorts are those of ``group_time_effects``; each cell is a
    ``two_cross_sections`` of the observations in its two periods, with covariates and weights of the observation's own
    period. The influence of a unit is the sum of that of its observations, scaled by units / observations of the cell.
    Assumes that the composition of cohorts does not change: holes in a panel must be unrelated to changes of the
    outcome.

    References
    ----------
    Callaway & Sant'Anna (2021), *Journal of Econometrics* 225(2), appendix B (repeated cross-sections); Sant'Anna &
    Zhao (2020), *Journal of Econometrics* 219(1). The numbers equal ``att_gt(..., panel = FALSE)`` and
    ``att_gt(..., allow_unbalanced_panel = TRUE)`` of the R package did, but for DRDID 1.2.3's standard errors of "dr"
    with covariates, see ``two_cross_sections``.

    Examples
    --------
    >>> data = CrossSectionData(outcome=np.array([1.0, 5.0, 0.0, 1.0]), time=np.array([0, 1, 0, 1]),
    ...                         cohorts=np.array([2.0, 2.0, np.nan, np.nan]), units=np.arange(4), times=np.array([1, 2]))
    >>> cross_section_effects(data, GroupTimeOptions()).estimate.round(9).tolist()
    [3.0]
    """
    cells = plan_cells(data.cohorts, data.times, options, data.groups)
    sections = _Sections(data, options)
    estimate, counts = np.zeros(len(cells)), np.zeros((2, len(cells)), dtype=np.int64)
    influence, reasons = [_NOTHING] * len(cells), [""] * len(cells)
    used = np.zeros(len(data.outcome), dtype=np.bool_)
    for c, cell in enumerate(cells):
        rows, comparison = sections.take(cell)
        counts[:, c] = comparison.counts
        try:
            found = _effect(comparison, options, reference=cell.is_reference)
        except EstimationError as error:
            estimate[c], reasons[c] = np.nan, str(error)
            continue
        if not cell.is_reference:
            used[rows] = True
            estimate[c] = found.estimate
            influence[c] = _by_unit(data, rows, found.influence)
    return CrossSectionEffects(
        cells=cells,
        estimate=estimate,
        influence=tuple(influence),
        members=tuple(sections.members(cells)),
        reasons=tuple(reasons),
        n_treated=counts[0],
        n_control=counts[1],
        used=used,
    )


def _effect(cell: CrossSections, options: GroupTimeOptions, *, reference: bool) -> CellEffect:
    if reference:
        reason = missing_group(cell)
        if reason:
            raise EstimationError(reason)
        return CellEffect(0.0, np.zeros(cell.size))
    try:
        convention: SectionConvention = "drdid_1.2.3" if options.convention == "did_2.5.1" else "paper"
        return two_cross_sections(cell, options.method, options.trim, convention=convention)
    except EstimationError as error:
        if options.method != "reg" or str(error) != COLLINEAR:
            raise
    return _on_basis(cell)


def _on_basis(cell: CrossSections) -> CellEffect:
    """Regression on covariates that are independent among the comparison observations, if it can predict the treated."""
    basis = basis_of(cell.design[~cell.treated])
    if not basis.holds_for(mean_row(cell.design[cell.treated], cell.weights[cell.treated])):
        raise EstimationError(NOT_COMPARABLE)
    return two_cross_sections(replace(cell, design=cell.design[:, basis.columns]), "reg")


def _by_unit(data: CrossSectionData, rows: IntArray, influence: FloatArray) -> UnitValues:
    """Sums within units, scaled so that their sum over all units is that of means over the cell's observations."""
    units, place = np.unique(data.units[rows], return_inverse=True)
    scaled = influence * (data.n_units / len(rows))
    return units, np.asarray(np.bincount(place, scaled, len(units)), dtype=np.float64)


class _Sections:
    """Usable observations, sorted once by period and cohort, so that every side of a cell is a few slices."""

    def __init__(self, data: CrossSectionData, options: GroupTimeOptions) -> None:
        self.data, self.options = data, options
        weights = np.ones_like(data.outcome) if data.weights is None else data.weights
        never = never_treated(data.cohorts, data.times, options.anticipation)
        start = np.where(never, np.inf, data.cohorts)
        usable = np.isfinite(data.outcome) & (weights > 0.0)
        if data.covariates is not None:
            usable &= np.isfinite(data.covariates).all(axis=1)
        order = np.lexsort((start, data.time))
        self.rows = order[usable[order]]
        self.starts = np.unique(start)
        self.outcome, self.weights = data.outcome[self.rows], weights[self.rows]
        self.design = _design(data, self.rows)
        key = data.time[self.rows] * len(self.starts) + np.searchsorted(self.starts, start[self.rows])
        #: Position of the first observation of each period and cohort.
        self.first = np.searchsorted(key, np.arange(len(data.times) * len(self.starts) + 1))

    def take(self, cell: Cell) -> tuple[IntArray, CrossSections]:
        """Rows of a cell in the data and their comparison; both periods twice if they are the same."""
        cohort = int(np.searchsorted(self.starts, cell.cohort))
        sides = [
            (own, now, part)
            for now, period in ((False, cell.base), (True, cell.time))
            for own, part in self._sides(cell, period, cohort)
        ]
        lengths = [len(part) for _, _, part in sides]
        place = np.concatenate([part for _, _, part in sides])
        comparison = CrossSections(
            outcome=self.outcome[place],
            treated=np.repeat([own for own, _, _ in sides], lengths),
            current=np.repeat([now for _, now, _ in sides], lengths),
            design=self.design[place],
            weights=self.weights[place],
        )
        return self.rows[place], comparison

    def _sides(self, cell: Cell, period: int, cohort: int) -> Iterator[tuple[bool, IntArray]]:
        """Positions of the treated, then of the comparison cohorts before and after theirs in the order of cohorts."""
        own = self._slice(period, cohort, cohort + 1)
        groups = self.data.groups
        yield True, own if groups is None else own[groups[self.rows[own]] == cell.group]
        last = len(self.starts)
        if self.options.control == "never_treated":
            first = int(np.searchsorted(self.starts, np.inf))
        else:
            late = self.data.times[max(cell.time, cell.base)] + self.options.anticipation
            first = int(np.searchsorted(self.starts, late, side="right"))
        yield False, self._slice(period, first, max(first, cohort))
        yield False, self._slice(period, max(first, cohort + 1), last)

    def _slice(self, period: int, first: int, last: int) -> IntArray:
        offset = period * len(self.starts)
        return np.arange(self.first[offset + first], self.first[offset + last])

    def members(self, cells: Sequence[Cell]) -> Iterator[UnitValues]:
        """Units of each cell's cohort (and group) with their mean weight."""
        data, units = self.data, self.data.units[self.rows]
        with np.errstate(invalid="ignore"):
            mean = np.bincount(units, self.weights, data.n_units) / np.bincount(units, minlength=data.n_units)
        cohorts = data.cohorts[self.rows]
        found: dict[tuple[int, int], UnitValues] = {}
        for cell in cells:
            key = (cell.cohort, cell.group)
            if key not in found:
                own = cohorts == cell.cohort
                if data.groups is not None:
                    own &= data.groups[self.rows] == cell.group
                there = np.unique(units[own])
                found[key] = there, mean[there]
            yield found[key]


def _design(data: CrossSectionData, rows: IntArray) -> FloatArray:
    """Constant and covariates, centred and scaled: fitted values do not depend on it, rounding does."""
    constant = np.ones((len(rows), 1))
    if data.covariates is None or not len(rows):
        return constant
    values = data.covariates[rows]
    scale = values.std(axis=0)
    return np.column_stack([constant, (values - values.mean(axis=0)) / np.where(scale > 0.0, scale, 1.0)])
