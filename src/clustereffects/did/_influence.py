"""Influence of units on group-time effects, computed from the factors of the fits a few hundred units at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clustereffects.did._fit import Fit, odds_of
from clustereffects.did._layout import Layout, Piece, Segment, outcomes, pieces
from clustereffects.inference import Block

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_VALUES = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class GroupTimeInfluence:
    """Source of the influence function of all cells.

    ``rows`` (n_sorted,) is the place of each sorted unit among the units counted, −1 for those that enter no cell.
    ``memory`` keeps what each segment does once that has been found out.
    """

    layout: Layout
    fits: tuple[Fit, ...]
    rows: IntArray
    n_units: int
    n_columns: int
    memory: dict[int, list[_Use]] = field(default_factory=dict)

    def blocks(self) -> Iterator[Block]:
        """All units once, segment by segment."""
        for place, segment in enumerate(self.layout.segments):
            uses = self._uses(place, segment)
            width = sum(len(use.cells) for use in uses)
            columns = np.concatenate([use.columns for use in uses]) if uses else np.zeros(0, dtype=np.int64)
            # Where cells are many, a block leaves the cache, but calls for a few units each would cost more.
            size = max(512, _VALUES // max(width, 1))
            for begin in range(segment.begin, segment.end, size):
                units = slice(begin, min(begin + size, segment.end))
                yield self._block(uses, columns, units)

    def _uses(self, place: int, segment: Segment) -> list[_Use]:
        if place not in self.memory:
            found = (_use_of(fit, place, segment) for fit in self.fits)
            self.memory[place] = [use for use in found if use is not None]
        return self.memory[place]

    def _block(self, uses: Sequence[_Use], columns: IntArray, units: slice) -> Block:
        values = np.empty((len(columns), units.stop - units.start))
        done = 0
        for use in uses:
            part = next(pieces(self.layout, use.fit.comparison, [units], units.stop - units.start))
            residual = outcomes(self.layout, use.fit.comparison, units) - use.fit.beta.T @ part.x
            use.write(part, residual, values[done : done + len(use.cells)])
            done += len(use.cells)
        values *= self.n_units
        rows = self.rows[units]
        if rows.min(initial=0) < 0:
            return Block(rows[rows >= 0], columns, values[:, rows >= 0])
        return Block(rows, columns, values)


@dataclass(frozen=True, slots=True, eq=False)
class _Use:
    """Cells of a fit in which some units are treated, or compared with; their arms, and which of these each cell has."""

    fit: Fit
    cells: IntArray
    arms: IntArray
    arm: IntArray
    treated: bool

    @property
    def columns(self) -> IntArray:
        """Numbers of the cells."""
        return self.fit.comparison.cells[self.cells]

    def write(self, part: Piece, residual: FloatArray, out: FloatArray) -> None:
        """Influence of some units, up to the factor n."""
        fit, cells = self.fit, self.cells
        np.take(residual, fit.comparison.time[cells], axis=0, out=out)
        out -= residual[fit.comparison.base[cells]]
        scores = None if fit.theta is None else odds_of(fit.theta[self.arms], part, fit.trim)
        if self.treated:
            self._treat(part, scores, out)
        else:
            self._compare(part, scores, out)

    def _treat(self, part: Piece, scores: tuple[FloatArray, FloatArray] | None, out: FloatArray) -> None:
        fit, cells = self.fit, self.cells
        out -= fit.first[cells, None]
        out *= (part.w / fit.own[self.arms, None])[self.arm]
        if scores is not None and fit.slope is not None:
            out += (fit.slope[cells] @ part.x) * (part.w * (scores[1] - 1.0))[self.arm]

    def _compare(self, part: Piece, scores: tuple[FloatArray, FloatArray] | None, out: FloatArray) -> None:
        fit, cells = self.fit, self.cells
        factor = np.zeros((len(self.arms), len(part.w)))
        if fit.tilt is not None:
            factor = part.w * (fit.tilt[self.arms] @ part.x)
        if scores is None:
            out *= -factor[self.arm]
            return
        share = scores[0] / fit.other[self.arms, None]
        out *= -(factor + share)[self.arm]
        out += fit.second[cells, None] * share[self.arm]
        if fit.slope is not None:
            out += (fit.slope[cells] @ part.x) * (part.w * scores[1])[self.arm]


def _use_of(fit: Fit, place: int, segment: Segment) -> _Use | None:
    """What a segment does in a fit: it is an arm, or a control of all arms, or nothing."""
    comparison = fit.comparison
    compared = any(one.start <= segment.begin < one.stop for one in comparison.controls)
    if not compared and place not in comparison.arms:
        return None
    mine = fit.measured if compared else fit.measured & (comparison.arm == comparison.arms.index(place))
    cells = np.flatnonzero(mine)
    if not len(cells):
        return None
    arms, arm = np.unique(comparison.arm[cells], return_inverse=True)
    return _Use(fit, cells, arms, arm.ravel(), treated=not compared)
