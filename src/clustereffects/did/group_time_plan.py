"""Which cohort is compared when: periods, base periods and comparison cohorts of staggered treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.group_time_cell import Method

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Control = Literal["not_yet_treated", "never_treated"]
BasePeriod = Literal["varying", "universal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTimeOptions:
    """Choices of the group-time estimator.

    Parameters
    ----------
    control : {"not_yet_treated", "never_treated"}
    method : {"dr", "ipw", "reg"}
    base_period : {"varying", "universal"}
    anticipation : int
        Periods before treatment in which units may react already.

    Raises
    ------
    TypeError
        If an option is unknown.

    Examples
    --------
    >>> GroupTimeOptions().base_period
    'varying'
    """

    control: Control = "not_yet_treated"
    method: Method = "dr"
    base_period: BasePeriod = "varying"
    anticipation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Which cohort is compared when.

    Parameters
    ----------
    cohort : int
    group : int
        −1 = all groups.
    time, base : int
        Indices of the current and the base period; equal for a reference cell, whose effect is zero by construction.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Cell(cohort=2004, group=-1, time=2, base=2).is_reference
    True
    """

    cohort: int
    group: int
    time: int
    base: int

    @property
    def is_reference(self) -> bool:
        """Whether the cell is its own base period."""
        return self.time == self.base


def already_treated(cohorts: FloatArray, times: IntArray, anticipation: int) -> BoolArray:
    """Units without a period before treatment and anticipation: they show no effect and are no comparison.

    Parameters
    ----------
    cohorts : array (n,)
    times : array (T,) of int
    anticipation : int

    Returns
    -------
    array (n,) of bool

    Raises
    ------
    IndexError
        If there are no periods.

    Examples
    --------
    >>> already_treated(np.array([2003.0, 2004.0, np.nan]), np.array([2003, 2004]), 0).tolist()
    [True, False, False]
    """
    return np.asarray(cohorts <= times[0] + anticipation)


def never_treated(cohorts: FloatArray, times: IntArray, anticipation: int) -> BoolArray:
    """Units that are neither treated nor anticipate treatment in any period.

    Parameters
    ----------
    cohorts : array (n,)
        NaN = never.
    times : array (T,) of int
    anticipation : int

    Returns
    -------
    array (n,) of bool

    Raises
    ------
    IndexError
        If there are no periods.

    Examples
    --------
    >>> never_treated(np.array([2004.0, 2006.0, np.nan]), np.array([2003, 2004]), 0).tolist()
    [False, True, True]
    """
    return np.asarray(np.isnan(cohorts) | (cohorts > times[-1] + anticipation))


def estimated_cohorts(cohorts: FloatArray, times: IntArray, anticipation: int) -> IntArray:
    """Cohorts whose effects are estimated.

    Cohorts treated after the last period have no effect to show. Without never-treated units the last cohort serves as
    comparison only, since it has no comparison itself once it is treated.

    Parameters
    ----------
    cohorts : array (n,)
    times : array (T,) of int
    anticipation : int

    Returns
    -------
    array of int
        In ascending order.

    Raises
    ------
    IndexError
        If there are no periods.

    Examples
    --------
    >>> estimated_cohorts(np.array([2004.0, 2005.0]), np.array([2003, 2004, 2005]), 0).tolist()
    [2004]
    """
    present = np.unique(cohorts[np.isfinite(cohorts)])
    shown = present[(present > times[0] + anticipation) & (present <= times[-1])]
    if not never_treated(cohorts, times, anticipation).any():
        shown = shown[shown < present[-1]]
    return np.asarray(shown, dtype=np.int64)


def plan_cells(
    cohorts: FloatArray, times: IntArray, options: GroupTimeOptions, groups: IntArray | None = None
) -> tuple[Cell, ...]:
    """Cells of all estimated cohorts (and groups), in the order cohort, group, period.

    Parameters
    ----------
    cohorts : array (n,)
        NaN = never treated.
    times : array (T,) of int
    options : GroupTimeOptions
    groups : array (n,) of int, optional

    Returns
    -------
    tuple of Cell

    Raises
    ------
    IndexError
        If there are no periods.

    Notes
    -----
    The base period is the last one before treatment and anticipation; with ``"varying"`` the periods before these are
    compared with the period before each instead. Comparisons then start in the second period. Periods of anticipation
    are compared with the last unaffected period in both cases, as in did since August 2026 (pull request 276) and in
    csdid 0.4.3; did 2.5.1 compared the later ones with the period before each.

    Examples
    --------
    >>> cells = plan_cells(np.array([3.0, np.nan]), np.array([1, 2, 3]), GroupTimeOptions())
    >>> [(cell.time, cell.base) for cell in cells]
    [(1, 0), (2, 1)]
    """
    varying = options.base_period == "varying"
    cells = []
    for cohort in estimated_cohorts(cohorts, times, options.anticipation):
        last_before = int(np.flatnonzero(times + options.anticipation < cohort)[-1])
        for group in [-1] if groups is None else np.unique(groups[cohorts == cohort]):
            for time in range(1 if varying else 0, len(times)):
                short = varying and times[time] < cohort - options.anticipation
                base = time - 1 if short else last_before
                cells.append(Cell(cohort=int(cohort), group=int(group), time=time, base=base))
    return tuple(cells)
