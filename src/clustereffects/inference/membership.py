"""Which treated units stand behind which term, as arms: units that stand behind the same terms share an arm.

A register has millions of units but few arms (cohorts, or organisations within cohorts), so that masses, counts and
corrections are computed on arms and spread over units only where a unit is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustereffects.inference.influence import read_only

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Weight with which the treatment of each unit counts in each term.

    Parameters
    ----------
    arms : array (n,) of int
        Arm of each unit, 0 … A−1; −1 for units that stand behind no term.
    weight : array (n,)
        Weight of each unit, the same in all terms of its arm; zero where there is no arm.
    incidence : array (A, k) of bool
        Whether an arm stands behind a term.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a unit has an arm that does not exist.

    Examples
    --------
    >>> cohorts = Membership(np.array([0, 0, 1, -1]), np.array([1.0, 1, 1, 0]), np.array([[True, True], [False, True]]))
    >>> cohorts.mass().tolist(), cohorts.counts().tolist()
    ([0.5, 0.75], [2, 3])
    """

    arms: IntArray
    weight: FloatArray
    incidence: BoolArray

    def __post_init__(self) -> None:
        if self.arms.shape != self.weight.shape or self.incidence.ndim != 2:
            raise ValueError("a membership needs one arm and one weight for each unit, and a matrix of arms by terms")
        if self.arms.max(initial=-1) >= len(self.incidence) or self.arms.min(initial=0) < -1:
            raise ValueError(f"arms are numbered 0 to {len(self.incidence) - 1}, −1 for none")
        for name in ("arms", "weight", "incidence"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @classmethod
    def of(cls, matrix: ArrayLike) -> Membership:
        """Membership from a matrix (n, k) of weights; zero where a unit does not stand behind a term.

        Raises
        ------
        ValueError
            If a unit has different weights in different terms.
        """
        dense = np.asarray(matrix, dtype=np.float64)
        units, terms = np.nonzero(dense)
        return cls.from_entries(units, terms, dense[units, terms], shape=(dense.shape[0], dense.shape[1]))

    @classmethod
    def from_entries(
        cls, units: IntArray, terms: IntArray, weights: FloatArray, *, shape: tuple[int, int]
    ) -> Membership:
        """Membership from the pairs of units and terms that belong together.

        Raises
        ------
        ValueError
            If a unit has different weights in different terms.
        """
        weight = np.zeros(shape[0])
        weight[units] = weights
        if (weight[units] != weights).any():
            raise ValueError("a unit counts with the same weight in all its terms")
        known, row = np.unique(units[weights != 0], return_inverse=True)
        patterns = np.zeros((len(known), shape[1]), dtype=np.bool_)
        patterns[row.ravel(), terms[weights != 0]] = True
        incidence, arm = distinct_rows(patterns)
        arms = np.full(shape[0], -1, dtype=np.int64)
        arms[known] = arm
        return cls(arms, weight, incidence)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.arms)

    @property
    def n_arms(self) -> int:
        """Number of arms."""
        return len(self.incidence)

    @property
    def n_terms(self) -> int:
        """Number of terms."""
        return int(self.incidence.shape[1])

    def arm_mass(self) -> FloatArray:
        """Mean weight over all units that falls to each arm (A,)."""
        there = self.arms >= 0
        total = np.bincount(self.arms[there], self.weight[there], minlength=self.n_arms)
        return np.asarray(total / self.n_units, dtype=np.float64)

    def mass(self) -> FloatArray:
        """Mean weight over all units that falls to each term (k,)."""
        return self.arm_mass() @ self.incidence

    def counts(self) -> IntArray:
        """Number of units with a weight behind each term (k,)."""
        there = self.weight > 0
        return np.asarray(np.bincount(self.arms[there], minlength=self.n_arms) @ self.incidence, dtype=np.int64)

    def clusters(self, codes: IntArray) -> IntArray:
        """Number of clusters with units behind each term (k,).

        Raises
        ------
        ValueError
            If there is not one code per unit.
        """
        if len(codes) != self.n_units:
            raise ValueError(f"{self.n_units} units need as many cluster codes, got {len(codes)}")
        there = self.weight > 0
        pairs = np.unique(codes[there] * self.n_arms + self.arms[there])
        of_cluster = np.unique(pairs // max(self.n_arms, 1), return_inverse=True)[1].ravel()
        met = np.zeros((of_cluster.max(initial=-1) + 1, self.n_arms))
        met[of_cluster, pairs % max(self.n_arms, 1)] = 1.0
        return np.asarray((met @ self.incidence > 0).sum(axis=0), dtype=np.int64)

    def treated(self) -> BoolArray:
        """Whether each unit stands behind any term (n,)."""
        some = np.append(self.incidence.any(axis=1), False)
        return np.asarray(some[self.arms] & (self.weight > 0))

    def select(self, terms: IntArray) -> Membership:
        """Membership in some of the terms."""
        return Membership(self.arms, self.weight, self.incidence[:, terms])

    def union(self, codes: IntArray, n_targets: int) -> Membership:
        """Membership in unions of terms: a unit counts once, however many of its terms a target has.

        ``codes`` (k,) holds the target of each term, −1 for none.
        """
        chosen = np.zeros((len(codes), n_targets))
        chosen[codes >= 0, codes[codes >= 0]] = 1.0
        return Membership(self.arms, self.weight, self.incidence @ chosen > 0)

    def reweighted(self, weight: FloatArray) -> Membership:
        """Membership with other weights (n,) of the units that stand behind a term."""
        return Membership(self.arms, np.where(self.arms >= 0, weight, 0.0), self.incidence)

    def spread(self, values: FloatArray) -> FloatArray:
        """Values of arms (A, m) times the weight of each of their units (n, m); zero for units without an arm."""
        padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
        return np.asarray(padded[self.arms] * self.weight[:, None])

    def to_matrix(self) -> FloatArray:
        """Weights (n, k)."""
        return self.spread(self.incidence.astype(np.float64))


def distinct_rows(flags: BoolArray) -> tuple[BoolArray, IntArray]:
    """Distinct rows of a matrix of flags, and which of them each row is.

    Parameters
    ----------
    flags : array (n, k) of bool

    Returns
    -------
    rows : array (r, k) of bool
    codes : array (n,) of int

    Raises
    ------
    numpy.exceptions.AxisError
        If it is not a matrix.

    Examples
    --------
    >>> rows, codes = distinct_rows(np.array([[True, False], [False, True], [True, False]]))
    >>> rows.tolist(), codes.tolist()
    ([[False, True], [True, False]], [1, 0, 1])
    """
    if not flags.shape[1]:
        return np.zeros((min(len(flags), 1), 0), dtype=np.bool_), np.zeros(len(flags), dtype=np.int64)
    packed = np.packbits(flags, axis=1)
    if packed.shape[1] <= 8:
        # Whole numbers sort much faster than strings of bytes.
        padded = np.zeros((len(packed), 8), dtype=np.uint8)
        padded[:, : packed.shape[1]] = packed
        keys: NDArray[Any] = padded.view(np.uint64).ravel()
    else:
        keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    return flags[first], codes.ravel().astype(np.int64)
