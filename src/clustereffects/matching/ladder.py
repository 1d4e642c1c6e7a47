"""Ladder of strata from narrow to wide: how many candidates each treated unit has on a rung, and which rung it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.signedinteger[Any]]
BoolArray = NDArray[np.bool_]

_WIDER = 1 + 1e-9
"""Those who are left aside early are farther than the caliper by more than rounding."""

STAGES = ("same exact values", "forbid", "bounds", "caliper")


class Side(Protocol):
    """What is known of treated units or candidates: a ``Points`` of matching.

    Raises
    ------
    TypeError
        If it is instantiated: it only says what is needed.

    Examples
    --------
    >>> sorted(name for name in vars(Side) if not name.startswith("_"))
    ['bound', 'forbid', 'strata', 'z']
    """

    @property
    def z(self) -> FloatArray:
        """Coordinates (n, r)."""

    @property
    def strata(self) -> CodeArray:
        """Joint exact codes (n, R), finest first; −1 equals nothing."""

    @property
    def forbid(self) -> CodeArray:
        """Codes (n, f) that must differ; −1 never collides."""

    @property
    def bound(self) -> FloatArray:
        """Values (n, b) whose difference is bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What a candidate must keep to besides its stratum; all inclusive.

    Parameters
    ----------
    widths : array (b,)
        Largest absolute difference in each column of ``bound``.
    caliper : float
        Largest distance; infinite for none.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Limits(np.array([0.5]), np.inf).caliper
    inf
    """

    widths: FloatArray
    caliper: float


@dataclass(frozen=True, slots=True, eq=False)
class Rungs:
    """Rung of each treated unit.

    Parameters
    ----------
    rung : array (m,) of int
        Column of ``strata``.
    counts : array (m, R, 4) of int
        On each rung, candidates with the same exact values, of these without a forbidden value, of these within the
        bounds, of these within the caliper; −1 on rungs that were not tried.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Rungs.__slots__
    ('rung', 'counts')
    """

    rung: IntArray
    counts: IntArray

    @property
    def allowed(self) -> IntArray:
        """Candidates of each treated unit on its rung (m,), before others compete for them."""
        return np.asarray(self.counts[np.arange(len(self.rung)), self.rung, -1])

    @property
    def stages(self) -> IntArray:
        """Candidates of each treated unit on its rung (m, 4) after each stage."""
        return np.asarray(self.counts[np.arange(len(self.rung)), self.rung])


def ladder_rungs(levels: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Levels of every column on each rung: the first is loosened step by step to its end, then the second, ….

    Parameters
    ----------
    levels : sequence of int
        How many levels each column has.

    Returns
    -------
    tuple of tuple of int

    Raises
    ------
    TypeError
        If ``levels`` is no sequence.

    Examples
    --------
    >>> ladder_rungs([3, 2])
    ((0, 0), (1, 0), (2, 0), (2, 1))
    """
    rungs = [[0] * len(levels)]
    for column, count in enumerate(levels):
        for level in range(1, count):
            rungs.append([*rungs[-1]])
            rungs[-1][column] = level
    return tuple(tuple(rung) for rung in rungs)


def choose_rungs(treated: Side, control: Side, limits: Limits, enough: IntArray | int) -> Rungs:
    """Give every treated unit the finest rung that leaves it enough candidates.

    A unit that has enough on none takes the coarsest rung that leaves it any, and the coarsest of all if none does.

    Parameters
    ----------
    treated, control : Side
        With the same number of rungs.
    limits : Limits
    enough : int or array (m,)

    Returns
    -------
    Rungs

    Raises
    ------
    IndexError
        If the two sides have different columns.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> none = np.empty((4, 0))
    >>> pool = SimpleNamespace(z=none, strata=np.array([[0, 0], [1, 0], [2, 0], [3, 1]]), forbid=none, bound=none)
    >>> unit = SimpleNamespace(z=none[:1], strata=np.array([[2, 0]]), forbid=none[:1], bound=none[:1])
    >>> chosen = choose_rungs(unit, pool, Limits(np.empty(0), np.inf), enough=2)
    >>> chosen.rung.tolist(), chosen.counts[0, :, -1].tolist()
    ([1], [1, 3])
    """
    m, n_rungs = treated.strata.shape
    wanted = np.broadcast_to(np.asarray(enough), m)
    counts = np.full((m, n_rungs, len(STAGES)), -1, dtype=np.int64)
    rung = np.full(m, n_rungs - 1, dtype=np.int64)
    waiting = np.arange(m)
    for level in range(n_rungs):
        counts[waiting, level] = count_stages(treated, control, limits, (waiting, level))
        done = counts[waiting, level, -1] >= wanted[waiting]
        rung[waiting[done]] = level
        waiting = waiting[~done]
    some = counts[waiting, :, -1] > 0
    last = n_rungs - 1 - np.argmax(some[:, ::-1], axis=1)
    rung[waiting] = np.where(some.any(axis=1), last, n_rungs - 1)
    return Rungs(rung, counts)


def count_stages(treated: Side, control: Side, limits: Limits, which: tuple[IntArray, int]) -> IntArray:
    """Count the candidates that some treated units have on one rung after each stage.

    Parameters
    ----------
    treated, control : Side
    limits : Limits
    which : rows of ``treated`` (k,), and the rung

    Returns
    -------
    array (k, 4) of int
        As in ``Rungs.counts``.

    Raises
    ------
    IndexError
        If the two sides have different columns.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> none = np.empty((2, 0))
    >>> pool = SimpleNamespace(z=np.array([[1.0], [3.0]]), strata=np.zeros((2, 1), int), forbid=none, bound=none)
    >>> count_stages(pool, pool, Limits(np.empty(0), 1.0), (np.array([0]), 0)).tolist()
    [[2, 2, 2, 1]]
    """
    rows, rung = which
    counts = np.zeros((len(rows), len(STAGES)), dtype=np.int64)
    only = _only_limit(treated, control, limits)
    for places, pool in _strata(treated.strata[rows, rung], control.strata[:, rung]):
        if only is not None:
            counts[places, : only.stage] = len(pool)
            counts[places, only.stage :] = _within(only, rows[places], pool)[:, None]
        elif control.forbid.shape[1] or len(limits.widths) or limits.caliper < np.inf:
            members = _Members(control, pool, limits)
            for place in places:
                counts[place] = members.count(treated, int(rows[place]))
        else:
            counts[places] = len(pool)
    return counts


class _Only(NamedTuple):
    """The only limit there is: values of both sides, how far apart they may be, and the stage that counts it."""

    own: FloatArray
    others: FloatArray
    width: float
    stage: int


def _only_limit(treated: Side, control: Side, limits: Limits) -> _Only | None:
    """One bound or a caliper on one coordinate, where nothing else limits."""
    if control.forbid.shape[1]:
        return None
    bounded = np.flatnonzero(limits.widths < np.inf)
    if limits.caliper == np.inf and len(bounded) == 1:
        column = int(bounded[0])
        return _Only(treated.bound[:, column], control.bound[:, column], float(limits.widths[column]), 2)
    if limits.caliper < np.inf and not len(bounded) and control.z.shape[1] == 1:
        return _Only(treated.z[:, 0], control.z[:, 0], limits.caliper, 3)
    return None


def _within(only: _Only, rows: IntArray, pool: IntArray) -> IntArray:
    """How many candidates are within the limit of each unit: counted in the sorted values, exact where rounding decides."""
    values = np.sort(only.others[pool])
    own = only.own[rows]
    slack = _WIDER * only.width
    low, high = np.searchsorted(values, own - slack, "left"), np.searchsorted(values, own + slack, "right")
    for place, value in enumerate(own.tolist()):
        while low[place] < high[place] and abs(values[low[place]] - value) > only.width:
            low[place] += 1
        while low[place] < high[place] and abs(values[high[place] - 1] - value) > only.width:
            high[place] -= 1
    return high - low


def _strata(own: CodeArray, others: CodeArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Places of the units and of the candidates of each stratum that holds both."""
    present = np.zeros(int(max(own.max(initial=-1), others.max(initial=-1))) + 2, dtype=np.bool_)
    present[own[own >= 0]] = True
    rows = np.flatnonzero(present[others])
    codes = others[rows]
    order = np.argsort(codes, kind="stable")
    rows, codes = rows[order], codes[order]
    places = np.argsort(own, kind="stable")
    seen, starts = np.unique(own[places], return_index=True)
    low, high = np.searchsorted(codes, seen, side="left"), np.searchsorted(codes, seen, side="right")
    for stratum, group in enumerate(np.split(places, starts)[1:]):
        if low[stratum] < high[stratum]:
            yield group, rows[low[stratum] : high[stratum]]


class _Members:
    """Candidates of one stratum, gathered once for all treated units in it, in the order of their first coordinate."""

    def __init__(self, control: Side, rows: IntArray, limits: Limits) -> None:
        self.n, self.limits = len(rows), limits
        if limits.caliper < np.inf:
            rows = rows[np.argsort(control.z[rows, 0], kind="stable")]
        self.forbid = [column[rows] for column in control.forbid.T]
        self.bound = [column[rows] for column in control.bound.T[: len(limits.widths)]]
        self.z = [column[rows] for column in control.z.T] if limits.caliper < np.inf else []

    def count(self, treated: Side, row: int) -> tuple[int, int, int, int]:
        """Candidates of one treated unit after each stage."""
        good = np.ones(self.n, dtype=np.bool_)
        for codes, code in zip(self.forbid, treated.forbid[row].tolist(), strict=True):
            if code >= 0:
                good &= codes != code
        free = int(np.count_nonzero(good)) if self.forbid else self.n
        own, widths = treated.bound[row].tolist(), self.limits.widths.tolist()
        for values, value, width in zip(self.bound, own, widths, strict=False):
            good &= np.abs(values - value) <= width
        within = int(np.count_nonzero(good)) if self.bound else free
        return self.n, free, within, self._near(treated.z[row].tolist(), good) if self.z else within

    def _near(self, z: list[float], good: BoolArray) -> int:
        """How many of the good candidates are within the caliper; every coordinate spares the next some of them."""
        caliper = self.limits.caliper
        low, high = np.searchsorted(self.z[0], [z[0] - _WIDER * caliper, z[0] + _WIDER * caliper])
        rows = low + np.flatnonzero(good[low:high])
        total = np.zeros(len(rows))
        for values, value in zip(self.z, z, strict=True):
            total += (values[rows] - value) ** 2
            near = total <= _WIDER * caliper**2
            rows, total = rows[near], total[near]
        if len(self.z) == 1:
            return int(np.count_nonzero(np.abs(self.z[0][rows] - z[0]) <= caliper))
        return int(np.count_nonzero(np.sqrt(total) <= caliper))
