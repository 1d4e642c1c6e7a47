"""Records of pair matching on arrays: points, tasks, and the pairs that were chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Treated units or candidates of one risk set, all complete.

    Parameters
    ----------
    unit : array (n,) of int
        Identity of each unit, ascending; the same in every risk set.
    z : array (n, r)
        Coordinates in which Euclidean distance is the matching distance.
    line : array (n,)
        What settles ties: the score, or the first coordinate.
    strata : array (n, rungs) of int
        Joint code of what must be equal, on each rung of a ladder from narrow to wide; −1 is missing and equals nothing.
    forbid : array (n, f) of int
        Codes that must differ; −1 never collides.
    bound : array (n, b)
        Values whose difference is bounded.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Points.__slots__
    ('unit', 'z', 'line', 'strata', 'forbid', 'bound')
    """

    unit: IntArray
    z: FloatArray
    line: FloatArray
    strata: IntArray
    forbid: IntArray
    bound: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One risk set to be matched.

    Parameters
    ----------
    treated, control : Points
    caliper : float
        Largest distance of a pair; infinite for none. Inclusive, as are the widths.
    widths : array (b,)
        Largest absolute difference in each column of ``bound``.
    rung : array (n_treated,) of int
        Column of ``strata`` in which each treated unit is matched.
    wanted : array (n_treated,) of int
        Controls wanted by each treated unit.
    turn : array (n_treated,) of int
        Order in which treated units choose.
    score : bool
        Whether the distance is the difference of a score along ``line``; settles ties.
    table : array (n_treated, n_control), optional
        Distances of all pairs where they are not Euclidean; infinite where a pair is impossible.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Task.__slots__
    ('treated', 'control', 'caliper', 'widths', 'rung', 'wanted', 'turn', 'score', 'table')
    """

    treated: Points
    control: Points
    caliper: float
    widths: FloatArray
    rung: IntArray
    wanted: IntArray
    turn: IntArray
    score: bool = False
    table: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Pairs, in the order of tasks, treated units, and distance.

    Parameters
    ----------
    task : array (n_pairs,) of int
    treated, control : array (n_pairs,) of int
        Rows within the task.
    distance : array (n_pairs,)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Chosen.__slots__
    ('task', 'treated', 'control', 'distance')
    """

    task: IntArray
    treated: IntArray
    control: IntArray
    distance: FloatArray
