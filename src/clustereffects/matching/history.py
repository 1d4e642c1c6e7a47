"""What risk sets are made from: variables, codes, bounds and removals, each read one period at a time. Arrays only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
CodeArray = NDArray[np.signedinteger[Any]]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A variable to match on.

    Parameters
    ----------
    read : callable
        From a period to the values of all units in it (n,); NaN where missing.
    lags : tuple of int
        Periods before joining at which it is read, each a column of ``Units.x``.
    growth : bool
        Instead of the values, one column: their mean yearly change from the largest lag to the smallest.

    Raises
    ------
    ValueError
        If a lag is less than 1 (the design must not see periods of treatment), or growth has no two lags.

    Examples
    --------
    >>> Variable(lambda period: np.array([float(period)]), (1, 2)).lags
    (1, 2)
    """

    read: Callable[[int], FloatArray]
    lags: tuple[int, ...]
    growth: bool = False

    def __post_init__(self) -> None:
        if min(self.lags) < 1:
            raise ValueError(f"lags must be at least 1, not {self.lags}: matching sees only periods before joining")
        if self.growth and len(set(self.lags)) < 2:
            raise ValueError(f"growth needs two lags, not {self.lags}")

    @property
    def width(self) -> int:
        """Number of columns."""
        return 1 if self.growth else len(self.lags)

    def before(self, cohort: int) -> Iterator[FloatArray]:
        """Columns of the variable, for units that join in ``cohort``."""
        if self.growth:
            near, far = min(self.lags), max(self.lags)
            yield (self.read(cohort - near) - self.read(cohort - far)) / (far - near)
        else:
            yield from (self.read(cohort - lag) for lag in self.lags)


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A value that must not differ by more than a width.

    Parameters
    ----------
    read : callable
        From a period to the values of all units in it.
    log : bool
        Whether the width is a factor, so that logarithms are compared; values of 0 or less have none.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Bound(lambda period: np.array([1.0, 0.0]), log=True).before(2004).tolist()
    [0.0, nan]
    """

    read: Callable[[int], FloatArray]
    log: bool = False

    def before(self, cohort: int) -> FloatArray:
        """Values to compare, as of the period before ``cohort``."""
        values = self.read(cohort - 1)
        return np.log(np.where(values > 0, values, np.nan)) if self.log else values


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class History:
    """Everything from which risk sets are made.

    Parameters
    ----------
    cohorts : array (n,)
        First treated period; NaN = never.
    variables : tuple of Variable
    exact : tuple of tuple of callable
        For each exact column its levels, finest first: each from a period to codes (n,), −1 where missing.
    rungs : tuple of tuple of int
        For each rung of the ladder, finest first, the level of each exact column.
    forbid : tuple of callable
        From a period to codes (n,); −1 where missing.
    bounds : tuple of Bound
    removals : tuple of callable
        From a cohort to the units (n,) that cannot be candidates of it. These are rules of the design and may know
        who is treated or supported later; variables, exact columns, bars and bounds never do.
    present : callable, optional
        From a period to the units observed in it; by default those with any variable.

    Raises
    ------
    TypeError
        If a part is unknown.

    Examples
    --------
    >>> History(cohorts=np.array([2004.0, np.nan]), variables=()).rungs
    ((),)
    """

    cohorts: FloatArray
    variables: tuple[Variable, ...]
    exact: tuple[tuple[Callable[[int], CodeArray], ...], ...] = ()
    rungs: tuple[tuple[int, ...], ...] = ()
    forbid: tuple[Callable[[int], CodeArray], ...] = ()
    bounds: tuple[Bound, ...] = ()
    removals: tuple[Callable[[int], BoolArray], ...] = ()
    present: Callable[[int], BoolArray] | None = None

    def __post_init__(self) -> None:
        if not self.rungs:
            object.__setattr__(self, "rungs", ((0,) * len(self.exact),))

    def observed(self, period: int) -> BoolArray:
        """Which units are observed in a period."""
        if self.present is not None:
            return self.present(period)
        seen = np.zeros(len(self.cohorts), dtype=np.bool_)
        for variable in self.variables:
            if seen.all():
                break
            seen |= np.isfinite(variable.read(period))
        return seen
