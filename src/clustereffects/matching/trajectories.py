"""Paths of a variable before joining: treated units, their controls, and all candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.distribution import Sample
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """Means by event time.

    Parameters
    ----------
    event_time : array (k,) of int
    n_treated : array (k,) of int
        Treated units that are observed and have an observed control.
    treated, control : array (k,)
        Weighted means of these and of their controls.
    smd : array (k,)
        Their difference over the standard deviation of these treated units.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Path.__slots__
    ('event_time', 'n_treated', 'treated', 'control', 'smd')
    """

    event_time: IntArray
    n_treated: IntArray
    treated: FloatArray
    control: FloatArray
    smd: FloatArray


def matched_path(values: FloatArray, times: IntArray, sets: MatchedSets, event_times: Sequence[int]) -> Path:
    """Means of treated units and their controls at each event time.

    Parameters
    ----------
    values : array (n, T)
        One row per unit; NaN = not observed.
    times : array (T,) of int
        Ascending.
    sets : MatchedSets
        With cohorts; positions refer to rows of ``values``.
    event_times : sequence of int
        −1 is the period before joining.

    Returns
    -------
    Path

    Raises
    ------
    IndexError
        If positions and rows do not fit.

    Notes
    -----
    At every event time sets without an observed unit on either side are left out and the shares of the observed sum to
    one again, so that the two lines are of the same sets.

    Examples
    --------
    >>> sets = MatchedSets.of_pairs(np.array([0]), np.array([1]), cohort=np.array([2005.0]))
    >>> path = matched_path(np.array([[1.0, 2.0], [0.0, 2.5]]), np.array([2003, 2004]), sets, (-2, -1))
    >>> path.treated.tolist(), path.control.tolist()
    ([1.0, 2.0], [0.0, 2.5])
    """
    steps = [_step(values, times, sets, int(event)) for event in event_times]
    n, treated, control, smd = (np.array(column) for column in zip(*steps, strict=True))
    return Path(
        event_time=np.asarray(event_times, dtype=np.int64),
        n_treated=n.astype(np.int64),
        treated=treated,
        control=control,
        smd=smd,
    )


def _step(values: FloatArray, times: IntArray, sets: MatchedSets, event: int) -> tuple[int, float, float, float]:
    one = _at(values, times, sets.treated, sets.cohort[sets.treated_set] + event)
    other = _at(values, times, sets.control, sets.cohort[sets.control_set] + event)
    n = len(sets.mass)
    seen = [
        np.bincount(code, np.where(np.isfinite(value), share, 0.0), minlength=n)
        for code, value, share in (
            (sets.treated_set, one, sets.treated_share),
            (sets.control_set, other, sets.share),
        )
    ]
    live = (seen[0] > 0) & (seen[1] > 0)
    weight = np.where(live[sets.treated_set] & np.isfinite(one), sets.treated_weights(), 0.0)
    mass = np.bincount(sets.treated_set, weight, minlength=n) / np.where(live, seen[1], 1.0)
    counted = np.where(np.isfinite(other), sets.share * mass[sets.control_set], 0.0)
    treated = Sample(np.where(weight > 0, one, 0.0), weight)
    mean, difference = treated.mean(), treated.mean() - Sample(np.where(counted > 0, other, 0.0), counted).mean()
    scale = float(np.sqrt(treated.variance()))
    smd = difference / scale if scale > 0 else 0.0 if difference == 0 else float("nan")
    return int((weight > 0).sum()), mean, mean - difference, smd


def _at(values: FloatArray, times: IntArray, units: IntArray, period: FloatArray) -> FloatArray:
    """Values of units in their periods; NaN outside the panel."""
    place = np.minimum(np.searchsorted(times, period), len(times) - 1)
    found = values[units, place]
    return np.where(times[place] == period, found, np.nan)


def candidate_path(
    values: FloatArray, times: IntArray, pools: Sequence[tuple[float, IntArray, float]], event_times: Sequence[int]
) -> FloatArray:
    """Means of candidates at each event time, every cohort's candidates weighing as much as its treated units.

    Parameters
    ----------
    values : array (n, T)
    times : array (T,) of int
    pools : sequence of tuple of float, array of int, float
        Cohort, positions of its candidates, its weight.
    event_times : sequence of int

    Returns
    -------
    array (k,)
        NaN where no candidate is observed.

    Raises
    ------
    IndexError
        If positions and rows do not fit.

    Examples
    --------
    >>> candidate_path(np.array([[1.0, 2.0], [3.0, np.nan]]), np.array([2003, 2004]),
    ...                [(2005.0, np.array([0, 1]), 1.0)], (-2, -1)).tolist()
    [2.0, 2.0]
    """
    found = []
    for event in event_times:
        total = weight = 0.0
        for cohort, units, mass in pools:
            place = int(np.searchsorted(times, cohort + event))
            value = values[units, place] if place < len(times) and times[place] == cohort + event else np.empty(0)
            value = value[np.isfinite(value)]
            if len(value):
                total, weight = total + mass * float(value.mean()), weight + mass
        found.append(total / weight if weight > 0 else np.nan)
    return np.array(found)
