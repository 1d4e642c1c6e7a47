"""Influence of units on group-time effects, computed from the factors of the fits a few hundred units at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """

    layout: Layout
    fits: tuple[Fit, ...]
    rows: IntArray
    n_units: int
    n_columns: int

    def blocks(self) -> Iterator[Block]:
        """All units once, segment by segment."""
        for place, segment in enumerate(self.layout.segments):
            uses = [use for fit in self.fits for use in _uses(fit, place, segment)]
            width = sum(len(use.cells) for use in uses)
            columns = np.concatenate([use.columns for use in uses]) if uses else np.zeros(0, dtype=np.int64)
            size = max(128, _VALUES // max(width, 1))
            for begin in range(segment.begin, segment.end, size):
                units = slice(begin, min(begin + size, segment.end))
                yield self._block(uses, columns, units)

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
    """Cells of a fit in which some units are treated, or compared with; ``parts`` are the arms and their cells."""

    fit: Fit
    cells: IntArray
    parts: tuple[tuple[int, slice], ...]
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
        scores = None if fit.theta is None else odds_of(fit.theta[[arm for arm, _ in self.parts]], part, fit.trim)
        shift = None if fit.slope is None else fit.slope[cells] @ part.x
        for place, (arm, rows) in enumerate(self.parts):
            score = None if scores is None else (scores[0][place], scores[1][place])
            change = None if shift is None else shift[rows]
            if self.treated:
                self._write_treated(arm, part, score, (out[rows], change, cells[rows]))
            else:
                self._write_compared(arm, part, score, (out[rows], change, cells[rows]))
        if shift is not None:
            out += shift

    def _write_treated(
        self,
        arm: int,
        part: Piece,
        score: tuple[FloatArray, FloatArray] | None,
        into: tuple[FloatArray, FloatArray | None, IntArray],
    ) -> None:
        out, shift, cells = into
        out -= self.fit.first[cells, None]
        out *= part.w / self.fit.own[arm]
        if shift is not None and score is not None:
            shift *= part.w * (score[1] - 1.0)

    def _write_compared(
        self,
        arm: int,
        part: Piece,
        score: tuple[FloatArray, FloatArray] | None,
        into: tuple[FloatArray, FloatArray | None, IntArray],
    ) -> None:
        out, shift, cells = into
        factor = np.zeros_like(part.w)
        if self.fit.tilt is not None:
            factor = part.w * (self.fit.tilt[arm] @ part.x)
        if score is None:
            out *= -factor
            return
        share = score[0] / self.fit.other[arm]
        out *= -(factor + share)
        out += self.fit.second[cells, None] * share
        if shift is not None:
            shift *= part.w * score[1]


def _uses(fit: Fit, place: int, segment: Segment) -> Iterator[_Use]:
    """What a segment does in a fit: it is an arm, or a control of all arms."""
    comparison = fit.comparison
    compared = any(one.start <= segment.begin < one.stop for one in comparison.controls)
    chosen = [position for position, arm in enumerate(comparison.arms) if compared or arm == place]
    cells: list[IntArray] = []
    parts: list[tuple[int, slice]] = []
    done = 0
    for position in chosen:
        own = np.arange(len(comparison.cells))[comparison.arm_cells(position)]
        own = own[fit.measured[own]]
        if len(own):
            cells.append(own)
            parts.append((position, slice(done, done + len(own))))
            done += len(own)
    if parts:
        yield _Use(fit, np.concatenate(cells), tuple(parts), treated=not compared)
