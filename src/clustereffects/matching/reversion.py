"""Regression to the mean after matching on levels: what the period before the matched window gives away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mirror:
    """Difference of treated and matched controls in a change that nobody was matched on.

    Parameters
    ----------
    difference, std_error : float
    n_treated : int
        Treated units for which the change is known on both sides.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Mirror(difference=0.1, std_error=0.05, n_treated=9).statistic
    2.0
    """

    difference: float
    std_error: float
    n_treated: int

    @property
    def statistic(self) -> float:
        """Difference over its standard error."""
        return self.difference / self.std_error if self.std_error > 0 else float("nan")


def mirror_of_sets(values: FloatArray, times: IntArray, sets: MatchedSets, lag: int) -> Mirror:
    """Compare the change between the two periods at the far end of the matched window.

    With ``lag`` the farthest matched lag, it is the change from ``−lag`` back to ``−(lag + 1)``. Whoever is matched at
    an extreme level returns to the own mean in both directions of time: if the transitory part of the series is
    stationary and reversible in time, as a Gaussian autoregression is, then in the absence of an effect the difference
    in this change has the same expectation as the difference in the change from −1 to 0, which is the bias at joining. If
    treated units are on another linear trend instead, that bias has the same size and the opposite sign.

    The controls that treated units of a set share are averaged once per set.

    Parameters
    ----------
    values : array (n_units, T)
    times : array (T,) of int
    sets : MatchedSets
    lag : int

    Returns
    -------
    Mirror
        The standard error treats treated units as independent and ignores that they may share controls.

    Raises
    ------
    IndexError
        If a set refers to a unit without values.

    References
    ----------
    Daw & Hatfield (2018), *Health Services Research* 53(6); Chabé-Ferret (2017), TSE working paper 17-824.

    Examples
    --------
    >>> values = np.array([[1.0, 3.0], [2.5, 3.0]])
    >>> sets = MatchedSets.of_pairs(np.array([0]), np.array([1]), cohort=np.array([2006.0]))
    >>> mirror_of_sets(values, np.array([2004, 2005]), sets, lag=1).difference
    -1.5
    """
    own, theirs = (
        _value(values, times, unit, sets.cohort[code] - lag - 1) - _value(values, times, unit, sets.cohort[code] - lag)
        for unit, code in ((sets.treated, sets.treated_set), (sets.control, sets.control_set))
    )
    known, n_sets = np.isfinite(theirs), len(sets.mass)
    share = np.where(known, sets.share, 0.0)
    total = np.bincount(sets.control_set, share, n_sets)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(sets.control_set, share * np.where(known, theirs, 0.0), n_sets) / total
    gap = own - mean[sets.treated_set]
    return _mirror(gap[np.isfinite(gap)])


def _mirror(gap: FloatArray) -> Mirror:
    n = len(gap)
    if n == 0:
        return Mirror(float("nan"), float("nan"), 0)
    return Mirror(float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), n)


def _value(values: FloatArray, times: IntArray, unit: IntArray, period: FloatArray) -> FloatArray:
    """Values of units in a period of their own; NaN where it does not exist."""
    column = np.minimum(np.searchsorted(times, period), len(times) - 1)
    return np.where(times[column] == period, values[unit, column], np.nan)
