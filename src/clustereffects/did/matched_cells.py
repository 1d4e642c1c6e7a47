"""Cells of a matched difference-in-differences: means of treated units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.matched_arrays import NO_CONTROL, REFERENCE, EventTime, MatchedSample, effects_at, reference

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchedCells:
    """Mean effects by cohort, group and event time.

    Parameters
    ----------
    cohort, group, event_time : array (k,) of int
    estimate : array (k,)
        NaN where no treated unit has a control left.
    mass : array (k,)
        What its treated units count together.
    member, member_cell : array (u,) of int
        Treated unit and cell of every effect that enters.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> MatchedCells.__slots__[:3]
    ('cohort', 'group', 'event_time')
    """

    cohort: IntArray
    group: IntArray
    event_time: IntArray
    estimate: FloatArray
    mass: FloatArray
    member: IntArray
    member_cell: IntArray


def event_times(sample: MatchedSample, window: tuple[int, int], *, bias_adjust: bool) -> tuple[EventTime, ...]:
    """Effects of all treated units at all event times of a window, the reference period included.

    Parameters
    ----------
    sample : MatchedSample
    window : tuple of two int
        First and last event time.
    bias_adjust : bool

    Returns
    -------
    tuple of EventTime

    Raises
    ------
    IndexError
        If positions lie outside the arrays.

    Examples
    --------
    >>> outcome = np.array([[1.0, 1.0, 4.0], [1.0, 2.0, 3.0]])
    >>> first, none = np.zeros(1, int), np.zeros((1, 0))
    >>> sample = MatchedSample(outcome=outcome, times=np.arange(3), joined=np.array([2, np.nan]), treated=first,
    ...     group=first, mass=np.ones(1), treated_set=first, control=np.ones(1, int), control_set=first, share=np.ones(1),
    ...     stratum=first, x_treated=none, x_control=none)
    >>> [(part.event_time, part.effect.item()) for part in event_times(sample, (-2, 0), bias_adjust=True)]
    [(-2, 1.0), (-1, 0.0), (0, 2.0)]
    """
    wanted = [time for time in range(window[0], window[1] + 1) if time != REFERENCE]
    parts = [effects_at(sample, time, bias_adjust=bias_adjust) for time in wanted]
    if window[0] <= REFERENCE:
        ever = np.logical_or.reduce([part.used for part in parts])
        parts.append(reference(sample, ever))
    return tuple(sorted(parts, key=lambda part: part.event_time))


def matched_cells(sample: MatchedSample, parts: Sequence[EventTime]) -> MatchedCells:
    """Average the effects of treated units within cohort, group and event time.

    Parameters
    ----------
    sample : MatchedSample
    parts : sequence of EventTime
        From ``event_times``.

    Returns
    -------
    MatchedCells

    Raises
    ------
    ValueError
        If there are no parts.

    Examples
    --------
    >>> outcome = np.array([[1.0, 1.0, 4.0], [1.0, 2.0, 3.0]])
    >>> first, none = np.zeros(1, int), np.zeros((1, 0))
    >>> sample = MatchedSample(outcome=outcome, times=np.arange(3), joined=np.array([2, np.nan]), treated=first,
    ...     group=first, mass=np.ones(1), treated_set=first, control=np.ones(1, int), control_set=first, share=np.ones(1),
    ...     stratum=first, x_treated=none, x_control=none)
    >>> cells = matched_cells(sample, event_times(sample, (-2, 0), bias_adjust=True))
    >>> cells.cohort.tolist(), cells.event_time.tolist(), cells.estimate.tolist()
    ([2, 2, 2], [-2, -1, 0], [1.0, 0.0, 2.0])
    """
    pieces = [_cells_at(sample, part) for part in parts]
    sizes = np.cumsum([0, *(len(piece.cohort) for piece in pieces)])[:-1]
    return MatchedCells(
        cohort=np.concatenate([piece.cohort for piece in pieces]),
        group=np.concatenate([piece.group for piece in pieces]),
        event_time=np.concatenate([piece.event_time for piece in pieces]),
        estimate=np.concatenate([piece.estimate for piece in pieces]),
        mass=np.concatenate([piece.mass for piece in pieces]),
        member=np.concatenate([piece.member for piece in pieces]),
        member_cell=np.concatenate([piece.member_cell + size for piece, size in zip(pieces, sizes, strict=True)]),
    )


def _cells_at(sample: MatchedSample, part: EventTime) -> MatchedCells:
    """Cells of one event time; a cell exists where a treated unit is observed, even if it has no control left."""
    keys = np.stack([sample.cohort, sample.group], axis=1)
    cells, codes = np.unique(keys[part.fate >= NO_CONTROL], axis=0, return_inverse=True)
    cell = np.zeros(len(keys), dtype=np.int64)
    cell[part.fate >= NO_CONTROL] = codes.ravel()
    used = np.flatnonzero(part.used)
    mass = np.bincount(cell[used], sample.mass[used], len(cells)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(cell[used], sample.mass[used] * part.effect[used], len(cells)) / mass
    return MatchedCells(
        cohort=cells[:, 0],
        group=cells[:, 1],
        event_time=np.full(len(cells), part.event_time),
        estimate=mean,
        mass=mass,
        member=used,
        member_cell=cell[used],
    )
