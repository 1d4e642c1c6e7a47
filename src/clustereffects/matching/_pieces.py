"""Sets of one risk set by rows of its task, and their union over risk sets by units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching._prepare import Prepared
from clustereffects.matching.nearest import Chosen
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Sets of one risk set; like ``MatchedSets``, with rows of the task in place of units."""

    treated: IntArray
    treated_set: IntArray
    treated_share: FloatArray
    control: IntArray
    control_set: IntArray
    share: FloatArray
    distance: FloatArray
    mass: FloatArray


def of_pairs(chosen: Chosen, tasks: Sequence[Prepared]) -> list[Piece]:
    """One set per treated unit, for every task."""
    bounds = np.searchsorted(chosen.task, np.arange(len(tasks) + 1))
    pieces = []
    for low, high in pairwise(bounds.tolist()):
        treated, code = np.unique(chosen.treated[low:high], return_inverse=True)
        code = code.ravel()
        counts = np.bincount(code, minlength=len(treated))
        pieces.append(
            Piece(
                treated=treated,
                treated_set=np.arange(len(treated)),
                treated_share=np.ones(len(treated)),
                control=chosen.control[low:high],
                control_set=code,
                share=1.0 / counts[code],
                distance=chosen.distance[low:high],
                mass=np.ones(len(treated)),
            )
        )
    return pieces


def of_groups(
    rows: tuple[IntArray, IntArray], codes: tuple[IntArray, IntArray], distance: FloatArray, estimand: str
) -> Piece:
    """Sets in which every unit of a side counts the same; ``rows`` and ``codes`` are of treated and controls."""
    n_sets = int(codes[0].max(initial=-1)) + 1
    n_treated, n_control = (np.bincount(code, minlength=n_sets) for code in codes)
    mass = {"ATT": n_treated, "ATC": n_control}.get(estimand, n_treated + n_control)
    return Piece(
        treated=rows[0],
        treated_set=codes[0],
        treated_share=1.0 / n_treated[codes[0]],
        control=rows[1],
        control_set=codes[1],
        share=1.0 / n_control[codes[1]],
        distance=np.where(n_treated[codes[1]] == 1, distance, np.nan),
        mass=mass.astype(np.float64),
    )


def of_codes(codes: IntArray, treated: BoolArray, estimand: str) -> Piece:
    """Sets of equal codes, −1 being none; ``codes`` are of treated units, then of controls."""
    inside = np.flatnonzero(codes >= 0)
    number = np.full(len(codes), -1, dtype=np.int64)
    number[inside] = np.unique(codes[inside], return_inverse=True)[1].ravel()
    n = int(treated.sum())
    rows = inside[inside < n], inside[inside >= n]
    distance = np.full(len(rows[1]), np.nan)
    return of_groups((rows[0], rows[1] - n), (number[rows[0]], number[rows[1]]), distance, estimand)


def of_weights(weight: FloatArray, treated: BoolArray, estimand: str) -> Piece:
    """One set of all units with weight; ``weight`` is of treated units, then of controls."""
    n = int(treated.sum())
    own, others = weight[:n], weight[n:]
    mass = {"ATT": np.count_nonzero(own), "ATC": np.count_nonzero(others), "ATE": np.count_nonzero(weight)}
    rows, controls = np.flatnonzero(own), np.flatnonzero(others)
    piece = one_set(rows, controls, others[controls])
    share = own[rows] / own.sum()
    return replace(piece, treated_share=share, mass=np.array([float(mass.get(estimand, own.sum()))]))


def one_set(treated: IntArray, control: IntArray, weight: FloatArray) -> Piece:
    """One set of treated units that count the same and weighted controls."""
    return Piece(
        treated=treated,
        treated_set=np.zeros(len(treated), dtype=np.int64),
        treated_share=np.full(len(treated), 1.0 / max(len(treated), 1)),
        control=control,
        control_set=np.zeros(len(control), dtype=np.int64),
        share=weight / weight.sum(),
        distance=np.full(len(control), np.nan),
        mass=np.array([float(len(treated))]),
    )


def joined(pieces: Sequence[Piece], tasks: Sequence[Prepared]) -> tuple[MatchedSets, FloatArray, FloatArray]:
    """Sets of all risk sets by units, with the matching variables of treated units and of controls."""
    sizes = [len(piece.mass) for piece in pieces]
    offset = np.cumsum([0, *sizes])[:-1]

    def stacked(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(piece, name) for piece in pieces])

    sets = MatchedSets(
        treated=np.concatenate([task.treated.unit[piece.treated] for piece, task in zip(pieces, tasks, strict=True)]),
        treated_set=np.concatenate([piece.treated_set + at for piece, at in zip(pieces, offset, strict=True)]),
        treated_share=stacked("treated_share"),
        control=np.concatenate([task.control.unit[piece.control] for piece, task in zip(pieces, tasks, strict=True)]),
        control_set=np.concatenate([piece.control_set + at for piece, at in zip(pieces, offset, strict=True)]),
        share=stacked("share"),
        distance=stacked("distance"),
        mass=stacked("mass"),
        cohort=np.repeat([task.cohort for task in tasks], sizes),
        stratum=_strata(pieces, tasks),
    )
    own = [task.treated.x[piece.treated] for piece, task in zip(pieces, tasks, strict=True)]
    others = [task.control.x[piece.control] for piece, task in zip(pieces, tasks, strict=True)]
    return sets, np.concatenate(own), np.concatenate(others)


def swapped(sets: MatchedSets) -> MatchedSets:
    """The same sets when untreated units were matched with treated ones."""
    # Distances are those of treated units now; a set has one of its own only where it has one pair.
    alone = np.bincount(sets.control_set, minlength=len(sets.mass)) == 1
    apart = np.where(alone, np.bincount(sets.control_set, sets.distance, minlength=len(sets.mass)), np.nan)
    return MatchedSets(
        treated=sets.control,
        treated_set=sets.control_set,
        treated_share=sets.share,
        control=sets.treated,
        control_set=sets.treated_set,
        share=sets.treated_share,
        distance=apart[sets.treated_set],
        mass=sets.mass,
        cohort=sets.cohort,
        stratum=sets.stratum,
    )


def _strata(pieces: Sequence[Piece], tasks: Sequence[Prepared]) -> IntArray:
    """Stratum of each set: the exact one where all its treated units share it, numbered over all risk sets."""
    keys = []
    for number, (piece, task) in enumerate(zip(pieces, tasks, strict=True)):
        rung = task.task.rung[piece.treated]
        code = task.task.treated.strata[piece.treated, rung]
        low = np.full(len(piece.mass), np.iinfo(np.int64).max)
        np.minimum.at(low, piece.treated_set, code)
        high = np.full(len(piece.mass), -1)
        np.maximum.at(high, piece.treated_set, code)
        step = np.zeros(len(piece.mass), dtype=np.int64)
        step[piece.treated_set] = rung
        one = low == high
        keys.append(np.column_stack([np.full(len(one), number), np.where(one, step, -1), np.where(one, low, -1)]))
    return np.unique(np.concatenate(keys), axis=0, return_inverse=True)[1].ravel().astype(np.int64)
