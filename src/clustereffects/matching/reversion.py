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


def mirror_difference(values: FloatArray, times: IntArray, sets: MatchedSets, lag: int) -> Mirror:
    """Compare the change between the two periods at the far end of the matched window.

    With ``lag`` the farthest matched lag, it is the change from ``−lag`` back to ``−(lag + 1)``. Whoever is matched at
    an extreme level returns to the own mean in both directions of time: if the transitory part of the series is
    stationary and reversible in time, as a Gaussian autoregression is, then in the absence of an effect the difference
    in this change has the same expectation as the difference in the change from −1 to 0, which is the bias at joining. If
    treated units are on another linear trend instead, that bias has the same size and the opposite sign.

    Parameters
    ----------
    values : array (n_units, T)
    times : array (T,) of int
    sets : MatchedSets
        With cohorts.
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
    >>> mirror_difference(values, np.array([2004, 2005]), sets, lag=1).difference
    -1.5
    """
    own = _change(values, times, (sets.treated, sets.cohort[sets.treated_set]), lag)
    theirs = _change(values, times, (sets.control, sets.cohort[sets.control_set]), lag)
    # Treated units of a set share its controls, so that the mean of these is all that is needed of them.
    share = np.where(np.isfinite(theirs), sets.share, 0.0)
    total = np.bincount(sets.control_set, share, minlength=len(sets.mass))
    mean = np.bincount(sets.control_set, share * np.nan_to_num(theirs), minlength=len(sets.mass))
    gap = own - (mean / np.where(total > 0, total, np.nan))[sets.treated_set]
    gap = gap[np.isfinite(gap)]
    n = len(gap)
    if n == 0:
        return Mirror(float("nan"), float("nan"), 0)
    return Mirror(float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), n)


def _change(values: FloatArray, times: IntArray, units: tuple[IntArray, FloatArray], lag: int) -> FloatArray:
    """Change from the lag back to the period before it, of units with their cohorts."""
    return _at(values, times, units, lag + 1) - _at(values, times, units, lag)


def _at(values: FloatArray, times: IntArray, units: tuple[IntArray, FloatArray], lag: int) -> FloatArray:
    """Values at the lag; NaN where the period does not exist."""
    rows, cohort = units
    period = cohort - lag
    column = np.minimum(np.searchsorted(times, period), len(times) - 1)
    return np.where(times[column] == period, values[rows, column], np.nan)
