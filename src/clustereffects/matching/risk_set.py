"""Risk sets of staggered joining: who could have joined when, as they were before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Units of one side of a risk set with what they are matched on.

    Parameters
    ----------
    unit : array (n,) of int
        Identity, ascending.
    x : array (n, p)
        Matching variables; NaN = missing.
    exact, forbid : array (n, e), (n, f) of int
        Codes that must be equal, that must differ; −1 = missing.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> units = Units(np.array([4, 7]), np.array([[1.0], [np.nan]]), np.zeros((2, 1), int), np.zeros((2, 0), int))
    >>> units.complete.tolist()
    [True, False]
    """

    unit: IntArray
    x: FloatArray
    exact: IntArray
    forbid: IntArray

    @property
    def complete(self) -> BoolArray:
        """Whether all matching variables and exact codes are known."""
        return np.asarray(np.isfinite(self.x).all(axis=1) & (self.exact >= 0).all(axis=1))

    def take(self, rows: IntArray | BoolArray) -> Units:
        """Some of the units."""
        return Units(self.unit[rows], self.x[rows], self.exact[rows], self.forbid[rows])


@dataclass(frozen=True, slots=True, eq=False)
class RiskSet:
    """Treated units of one cohort and everybody who could have been in their place.

    Parameters
    ----------
    cohort : float
        First treated period; NaN in a cross-section.
    treated, control : Units

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> RiskSet.__slots__
    ('cohort', 'treated', 'control')
    """

    cohort: float
    treated: Units
    control: Units

    @property
    def x(self) -> FloatArray:
        """Matching variables of treated and controls, stacked."""
        return np.concatenate([self.treated.x, self.control.x])

    @property
    def is_treated(self) -> BoolArray:
        """Which rows of ``x`` are treated."""
        return np.arange(len(self.treated.unit) + len(self.control.unit)) < len(self.treated.unit)

    def complete(self) -> RiskSet:
        """The risk set without units whose matching variables are missing."""
        return RiskSet(self.cohort, self.treated.take(self.treated.complete), self.control.take(self.control.complete))

    @property
    def live(self) -> bool:
        """Whether there is somebody on both sides."""
        return len(self.treated.unit) > 0 and len(self.control.unit) > 0


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Everything from which risk sets are made.

    Parameters
    ----------
    cohorts : array (n,)
        First treated period; NaN = never.
    times : array (T,) of int
        Ascending.
    values : tuple of array (n, T)
        Variables to match on.
    exact, forbid : tuple of array (n, T) of int
        Codes; −1 = missing.
    excluded : array (n,) of bool
        Units that can never be a control.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> History.__slots__
    ('cohorts', 'times', 'values', 'exact', 'forbid', 'excluded')
    """

    cohorts: FloatArray
    times: IntArray
    values: tuple[FloatArray, ...]
    exact: tuple[IntArray, ...]
    forbid: tuple[IntArray, ...]
    excluded: BoolArray


def risk_sets(history: History, *, lags: tuple[int, ...], horizon: int) -> list[RiskSet]:
    """Risk set of every cohort, in the order of time.

    Candidates of cohort g are the units that are never treated or first treated after ``g + horizon``, and not
    excluded. Everything is read before g: the variables at ``g − lag`` (for each variable, each lag), the codes at
    ``g − 1``. Periods that the panel does not have are missing.

    Parameters
    ----------
    history : History
    lags : tuple of int
        At least 1.
    horizon : int

    Returns
    -------
    list of RiskSet
        With incomplete units.

    Raises
    ------
    ValueError
        If a lag is less than 1: the design must not see periods of treatment.

    References
    ----------
    Li, Propert & Rosenbaum (2001), *JASA* 96(455), 870–882; Lu (2005), *Biometrics* 61(3), 721–728.

    Examples
    --------
    >>> size = np.array([[1.0, 2.0, 9.0], [1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    >>> history = History(np.array([2006.0, np.nan, 2007.0]), np.array([2004, 2005, 2006]), (size,), (), (),
    ...                   np.zeros(3, bool))
    >>> first = risk_sets(history, lags=(1, 2), horizon=1)[0]
    >>> first.treated.x.tolist(), first.control.unit.tolist()
    ([[2.0, 1.0]], [1])
    """
    if min(lags) < 1:
        raise ValueError(f"lags must be at least 1, not {lags}: matching sees only periods before joining")
    cohorts = np.unique(history.cohorts[np.isfinite(history.cohorts)])
    return [_risk_set(history, float(cohort), lags, horizon) for cohort in cohorts]


def _risk_set(history: History, cohort: float, lags: tuple[int, ...], horizon: int) -> RiskSet:
    treated = np.flatnonzero(history.cohorts == cohort)
    later = ~(history.cohorts <= cohort + horizon)
    control = np.flatnonzero(later & ~history.excluded)
    before = {int(time): column for column, time in enumerate(history.times) if time < cohort}
    return RiskSet(cohort, *(_units(history, rows, cohort, lags, before) for rows in (treated, control)))


def _units(history: History, rows: IntArray, cohort: float, lags: tuple[int, ...], before: dict[int, int]) -> Units:
    n, last = len(rows), before.get(int(cohort) - 1)
    x = np.full((n, len(history.values) * len(lags)), np.nan)
    columns = [before.get(int(cohort) - lag) for lag in lags]
    for place, (values, column) in enumerate((v, c) for v in history.values for c in columns):
        if column is not None:
            x[:, place] = values[rows, column]
    return Units(rows, x, _codes(history.exact, rows, last), _codes(history.forbid, rows, last))


def _codes(columns: tuple[IntArray, ...], rows: IntArray, period: int | None) -> IntArray:
    codes = np.full((len(rows), len(columns)), -1, dtype=np.int64)
    if period is not None:
        for place, values in enumerate(columns):
            codes[:, place] = values[rows, period]
    return codes
