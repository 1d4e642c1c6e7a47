"""Which cohort is compared when: periods, base periods and comparison cohorts of staggered treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Method = Literal["dr", "dr_improved", "ipw", "reg"]
Control = Literal["not_yet_treated", "never_treated"]
BasePeriod = Literal["varying", "universal"]
Convention = Literal["paper", "did_2.5.1"]


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
    covariates : array (n, T, k) or (n, k), optional
        The second if they do not change over time.
    weights : array (n, T) or (n,), optional
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTimeOptions:
    """Choices of the group-time estimator.

    Parameters
    ----------
    control : {"not_yet_treated", "never_treated"}
    method : {"dr", "dr_improved", "ipw", "reg"}
    base_period : {"varying", "universal"}
    anticipation : int
        Periods before treatment in which units may react already.
    trim : float
        Comparison units with a propensity score from here on get no weight.
    convention : {"paper", "did_2.5.1"}
        See ``plan_cells``.

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
    trim: float = 0.995
    convention: Convention = "paper"


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
    read : int
        Index of the period in which covariates and weights are read.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Cell(cohort=2004, group=-1, time=2, base=2, read=2).is_reference
    True
    """

    cohort: int
    group: int
    time: int
    base: int
    read: int

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
    present = _distinct(cohorts[np.isfinite(cohorts)])
    shown = present[(present > times[0] + anticipation) & (present <= times[-1])]
    if len(present) and not never_treated(cohorts, times, anticipation).any():
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
    csdid 0.4.3. Covariates and weights are read in the base period.

    With the convention ``"did_2.5.1"`` periods of anticipation are compared with the period before each, and early
    periods read covariates and weights in the earlier of their two periods, as that version of the R package does.

    Examples
    --------
    >>> cells = plan_cells(np.array([3.0, np.nan]), np.array([1, 2, 3]), GroupTimeOptions())
    >>> [(cell.time, cell.base) for cell in cells]
    [(1, 0), (2, 1)]
    """
    cells = []
    for cohort in estimated_cohorts(cohorts, times, options.anticipation):
        periods = [_periods(int(cohort), times, options, time) for time in range(len(times))]
        for group in [-1] if groups is None else _distinct(groups[cohorts == cohort]):
            cells += [
                Cell(cohort=int(cohort), group=int(group), time=time, base=base, read=read)
                for time, (base, read) in enumerate(periods)
                if base >= 0
            ]
    return tuple(cells)


def _periods(cohort: int, times: IntArray, options: GroupTimeOptions, time: int) -> tuple[int, int]:
    """Base period of a cohort's period, and the one in which covariates are read."""
    varying, old = options.base_period == "varying", options.convention == "did_2.5.1"
    last_before = int(np.flatnonzero(times + options.anticipation < cohort)[-1])
    ahead = 0 if old else options.anticipation
    if varying and times[time] < cohort - ahead:
        return time - 1, time - 1
    if varying and time == 0:
        return -1, -1
    return last_before, min(time, last_before) if old else last_before


def _distinct(values: FloatArray | IntArray) -> IntArray:
    """Distinct whole numbers in ascending order, by counting where their range allows it."""
    whole = values.astype(np.int64)
    low, high = whole.min(initial=2**62), whole.max(initial=-(2**62))
    if high - low > max(len(whole), 1024):
        return np.unique(whole)
    return np.asarray(np.flatnonzero(np.bincount(whole - low)) + low, dtype=np.int64)
