"""Weighted samples of one variable: moments, distribution functions and their distances, effective sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Observations of one variable with weights.

    Parameters
    ----------
    value : array (n,)
    weight : array (n,), optional
        Not negative; without weights all count alike, which is faster on a million rows.

    Raises
    ------
    TypeError
        If the values are missing.

    Examples
    --------
    >>> Sample(np.array([1.0, 3.0]), np.array([1.0, 3.0])).mean()
    2.5
    """

    value: FloatArray
    weight: FloatArray | None = None

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(len(self.value) if self.weight is None else self.weight.sum())

    def mean(self) -> float:
        """Weighted mean; NaN without observations."""
        if not self.total > 0:
            return float("nan")
        return float(self.value.mean() if self.weight is None else self.weight @ self.value / self.total)

    def variance(self, *, binary: bool = False) -> float:
        """Weighted variance with divisor ``Σw − Σw²/Σw`` (n − 1 for equal weights), or ``p(1 − p)`` if ``binary``."""
        mean, total = self.mean(), self.total
        if binary:
            return mean * (1.0 - mean)
        free = total - (1.0 if self.weight is None else float(self.weight @ self.weight) / total) if total > 0 else 0.0
        if free <= 1e-12 * total:
            return float("nan")
        gap = self.value - mean
        gap *= gap
        return float((gap.sum() if self.weight is None else self.weight @ gap) / free)

    def effective_size(self) -> float:
        """Number of equally weighted observations that would tell as much: ``(Σw)² / Σw²`` (Kish 1965)."""
        if self.weight is None:
            return float(len(self.value))
        squares = float(self.weight @ self.weight)
        return self.total**2 / squares if squares > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Distribution function of a sample.

    Parameters
    ----------
    value : array (m,)
        Distinct values, ascending.
    share : array (m,)
        Share of the weight at or below each of them.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Steps(np.array([1.0, 2.0]), np.array([0.5, 1.0])).at(np.array([0.0, 1.0, 9.0])).tolist()
    [0.0, 0.5, 1.0]
    """

    value: FloatArray
    share: FloatArray

    def at(self, points: FloatArray) -> FloatArray:
        """Share of the weight at or below each of some points."""
        return np.concatenate([[0.0], self.share])[np.searchsorted(self.value, points, side="right")]


def steps(sample: Sample) -> Steps:
    """Distribution function of a sample.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    Steps

    Raises
    ------
    ValueError
        If weights and values differ in number.

    Examples
    --------
    >>> found = steps(Sample(np.array([3.0, 1.0, 3.0])))
    >>> found.value.tolist(), found.share.round(3).tolist()
    ([1.0, 3.0], [0.333, 1.0])
    """
    if sample.weight is None:
        value = np.sort(sample.value)
        last = _last_of_equals(value)
        return Steps(value[last], (np.flatnonzero(last) + 1.0) / len(value))
    if not sample.total > 0:
        return Steps(sample.value[:0], sample.value[:0])
    order = np.argsort(sample.value, kind="stable")  # fast on values that are sorted in pieces
    value, reached = sample.value[order], np.cumsum(sample.weight[order])
    last = _last_of_equals(value)
    return Steps(value[last], reached[last] / reached[-1])


def _last_of_equals(value: FloatArray) -> NDArray[np.bool_]:
    last = np.ones(len(value), dtype=np.bool_)
    last[:-1] = value[1:] != value[:-1]
    return last


def pooled_points(one: Steps, other: Steps) -> FloatArray:
    """Distinct values of two samples together.

    Parameters
    ----------
    one, other : Steps

    Returns
    -------
    array (m,)
        Ascending.

    Raises
    ------
    TypeError
        If these are no distribution functions.

    Examples
    --------
    >>> pooled_points(Steps(np.array([2.0]), np.ones(1)), Steps(np.array([1.0, 2.0]), np.ones(2))).tolist()
    [1.0, 2.0]
    """
    few, many = (one, other) if len(one.value) < len(other.value) else (other, one)
    place = np.searchsorted(many.value, few.value)
    new = ~_among(few.value, many.value, place)
    return np.insert(many.value, place[new], few.value[new])


def gaps(one: Steps, other: Steps, points: FloatArray) -> tuple[float, float]:
    """Largest and mean distance of two distribution functions over some points.

    Parameters
    ----------
    one, other : Steps
    points : array (m,)
        Ascending; those of the samples before matching, also for what is left after matching, so that both means are
        over the same values.

    Returns
    -------
    tuple of float
        The largest is the statistic of Kolmogorov and Smirnov. NaN without observations.

    Raises
    ------
    TypeError
        If these are no distribution functions.

    Notes
    -----
    ``eCDF Max`` and ``eCDF Mean`` of MatchIt 4.7, the mean being over the distinct values of the whole sample.

    Examples
    --------
    >>> one, other = steps(Sample(np.array([1.0, 2.0]))), steps(Sample(np.array([2.0, 3.0])))
    >>> gaps(one, other, pooled_points(one, other))
    (0.5, 0.3333333333333333)
    """
    if not (len(one.value) and len(other.value)):
        return float("nan"), float("nan")
    few, many = (one, other) if len(one.value) < len(other.value) else (other, one)
    place = np.searchsorted(many.value, few.value)
    at_many = np.repeat(np.concatenate([[0.0], few.share]), np.diff(place, prepend=0, append=len(many.value)))
    np.abs(np.subtract(at_many, many.share, out=at_many), out=at_many)
    at_few = np.abs(few.share - many.at(few.value))
    largest = float(max(at_many.max(), at_few.max()))
    new = ~_among(few.value, many.value, place)
    if len(points) == len(many.value) + int(new.sum()):
        return largest, float((at_many.sum() + at_few[new].sum()) / len(points))
    # The functions jump at some of the points only: their distance holds from each jump up to the next one.
    jumps = pooled_points(one, other)
    gap = np.abs(one.at(jumps) - other.at(jumps))
    reach = np.diff(np.searchsorted(points, jumps), append=len(points))
    return largest, float(gap @ reach / len(points))


def _among(value: FloatArray, others: FloatArray, place: IntArray) -> NDArray[np.bool_]:
    """Which values are among others, from where they would be inserted."""
    found = place < len(others)
    found[found] = others[place[found]] == value[found]
    return found
