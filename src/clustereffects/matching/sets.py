"""What every kind of matching makes: sets of treated units and the weighted controls they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchedSets:
    """Sets of treated units and controls; a pair is a set of one and one.

    Parameters
    ----------
    treated, treated_set : array (m,) of int
        Positions of the matched treated units, and the set of each.
    treated_share : array (m,)
        Sums to one within each set.
    control, control_set : array (l,) of int
        Positions of controls, and the set of each; a control may be in several sets.
    share : array (l,)
        Sums to one within each set.
    distance : array (l,)
        Distance of a control from the one treated unit of its set; NaN where the set has several or the method knows
        no distance.
    mass : array (s,)
        What a set counts: the number of its treated units for the effect on the treated.
    cohort : array (s,)
        First treated period of the set's treated units; NaN without periods.
    stratum : array (s,) of int
        Exact stratum; sets of one stratum were made among the same candidates.

    Raises
    ------
    ValueError
        If the arrays do not fit together or a set has no treated unit or no control.

    Examples
    --------
    >>> two = MatchedSets.of_pairs(np.array([4, 4]), np.array([7, 9]))
    >>> two.share.tolist(), two.mass.tolist(), two.paired
    ([0.5, 0.5], [1.0], True)
    """

    treated: IntArray
    treated_set: IntArray
    treated_share: FloatArray
    control: IntArray
    control_set: IntArray
    share: FloatArray
    distance: FloatArray
    mass: FloatArray
    cohort: FloatArray
    stratum: IntArray

    def __post_init__(self) -> None:
        for name in self.__slots__:
            array = np.array(getattr(self, name))
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        for names in (("treated", "treated_set", "treated_share"), ("control", "control_set", "share", "distance")):
            if len({len(getattr(self, name)) for name in names}) > 1:
                raise ValueError(f"{', '.join(names)} differ in length")
        for side in (self.treated_set, self.control_set):
            if len(counts := np.bincount(side, minlength=len(self.mass))) > len(self.mass) or (counts == 0).any():
                raise ValueError(f"{len(self.mass)} sets, each with a treated unit and a control, were expected")

    @classmethod
    def of_pairs(
        cls,
        treated: IntArray,
        control: IntArray,
        *,
        distance: FloatArray | None = None,
        cohort: FloatArray | None = None,
        stratum: IntArray | None = None,
    ) -> MatchedSets:
        """One set per treated unit, with equal shares of its controls; arrays have one entry per pair.

        Sets are in the order in which their treated units first occur.
        """
        _, first, inverse = np.unique(treated, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        first, place = first[order], np.argsort(order, kind="stable")
        code = place[inverse.ravel()].astype(np.int64)
        units, counts = treated[first], np.bincount(code, minlength=len(first))
        return cls(
            treated=units,
            treated_set=np.arange(len(units)),
            treated_share=np.ones(len(units)),
            control=control,
            control_set=code,
            share=1.0 / counts[code],
            distance=np.full(len(control), np.nan) if distance is None else distance,
            mass=np.ones(len(units)),
            cohort=np.full(len(units), np.nan) if cohort is None else cohort[first],
            stratum=np.zeros(len(units), dtype=np.int64) if stratum is None else stratum[first],
        )

    @property
    def paired(self) -> bool:
        """Whether every set has exactly one treated unit."""
        return len(self.treated) == len(self.mass)

    @property
    def n_treated(self) -> int:
        """Number of distinct matched treated units."""
        return len(np.unique(self.treated))

    @property
    def n_controls(self) -> int:
        """Number of distinct controls."""
        return len(np.unique(self.control))

    def treated_weights(self) -> FloatArray:
        """Weight of each entry of ``treated`` (m,)."""
        return np.asarray(self.mass[self.treated_set] * self.treated_share)

    def control_weights(self) -> FloatArray:
        """Weight of each entry of ``control`` (l,)."""
        return np.asarray(self.mass[self.control_set] * self.share)

    def unit_weights(self, n_units: int) -> FloatArray:
        """Weight of each unit (n_units,), over all sets it is in; zero for who is in none."""
        total = np.bincount(self.treated, self.treated_weights(), minlength=n_units)
        return np.asarray(total + np.bincount(self.control, self.control_weights(), minlength=n_units))

    def links(self) -> tuple[IntArray, IntArray]:
        """Every treated unit with every control of its set: entries of ``treated`` and of ``control``."""
        order = np.argsort(self.control_set, kind="stable")
        sizes = np.bincount(self.control_set, minlength=len(self.mass))
        starts = np.cumsum(sizes) - sizes
        each = sizes[self.treated_set]
        of = np.repeat(np.arange(len(self.treated)), each)
        within = np.arange(len(of)) - np.repeat(np.cumsum(each) - each, each)
        return of, order[starts[self.treated_set[of]] + within]
