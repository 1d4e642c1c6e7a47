"""The level at which treatment was assigned, and effects whose treated units belong to one of its clusters alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.results.description import Sampling

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The level of assignment, empty if errors are by unit; treated clusters per term; terms that rest on one."""

    columns: tuple[str, ...]
    counts: tuple[IntArray, ...]
    lone: BoolArray
    note: str = ""


def assignment(sampling: Sampling, measured: BoolArray, *, first_only: bool) -> Level:
    """Where treatment was assigned; nowhere if each of the terms that vary rests on one cluster."""
    nobody = np.zeros_like(measured)
    columns = sampling.assignment[:1] if first_only else sampling.assignment
    if not columns:
        return Level((), (), nobody)
    counts = tuple(sampling.treated.clusters(sampling.clusters[column]) for column in columns)
    lone = measured & (np.min(counts, axis=0) < 2)
    note, all_lone = lone_note(" and ".join(columns), lone, measured)
    return Level((), (), nobody, note) if all_lone else Level(columns, counts, lone, note)


def lone_note(name: str, lone: BoolArray, measured: BoolArray) -> tuple[str, bool]:
    """What the convention says of effects that rest on one cluster, and whether no other effect is left."""
    if not (measured & ~lone).any():
        note = f"; treatment was assigned by {name}, but each effect rests on one {name} alone"
        return (note if lone.any() else ""), True
    count = int(lone.sum())
    rest = "1 effect rests" if count == 1 else f"{count} effects rest"
    return (f"; {rest} on one {name} alone: no standard error" if count else ""), False
