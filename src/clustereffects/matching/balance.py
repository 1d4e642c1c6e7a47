"""Balance of one covariate at a time: standardised differences, variance ratios, distances of distributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.distribution import Sample, Steps, gaps, pooled_points, steps
from clustereffects.matching.overlap import Frame, frame, non_overlap
from clustereffects.matching.sets import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

DENOMINATORS = ("treated", "control", "pooled", "all", "raw")
STATISTICS = ("mean_treated", "mean_control", "smd", "variance_ratio", "ks", "ecdf_mean", "overlap")


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """One covariate of the treated and of those they are compared with.

    Parameters
    ----------
    treated, control : Sample

    Raises
    ------
    TypeError
        If a side is missing.

    Examples
    --------
    >>> Sides(Sample(np.array([1.0])), Sample(np.array([0.0, 2.0]))).control.mean()
    1.0
    """

    treated: Sample
    control: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Treated against control observations of one covariate.

    Parameters
    ----------
    mean_treated, mean_control : float
    smd : float
        Treated minus control, over the standard deviation before matching.
    variance_ratio : float
        Treated over control; NaN for binary covariates.
    ks, ecdf_mean : float
        Largest and mean distance of the distribution functions.
    overlap : float
        Complement of the overlap coefficient; NaN where it was not asked for.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Statistics.__slots__ == STATISTICS
    True
    """

    mean_treated: float
    mean_control: float
    smd: float
    variance_ratio: float
    ks: float
    ecdf_mean: float
    overlap: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateBalance:
    """Balance of one covariate before and after matching, in one unit of measurement.

    Parameters
    ----------
    binary : bool
        Whether the covariate is 0 or 1 throughout.
    scale : float
        Standard deviation that divides the mean differences, before and after.
    before, after : Statistics, optional

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> CovariateBalance.__slots__
    ('binary', 'scale', 'before', 'after')
    """

    binary: bool
    scale: float
    before: Statistics | None
    after: Statistics | None


def is_binary(*values: FloatArray) -> bool:
    """Whether there is nothing but 0 and 1.

    Parameters
    ----------
    *values : array (n,)

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If these are no arrays.

    Examples
    --------
    >>> is_binary(np.array([0.0, 1.0])), is_binary(np.array([0.0, 2.0]))
    (True, False)
    """
    # Most covariates show within a few rows that they are not binary; a million rows need then not be read.
    return all(bool(np.all((part == 0) | (part == 1))) for value in values for part in (value[:1000], value[1000:]))


def standard_deviation(sides: Sides, denominator: str, *, binary: bool) -> float:
    """Standard deviation that divides the mean differences.

    Parameters
    ----------
    sides : Sides
        Before matching, so that the unit of measurement does not change with the match.
    denominator : {"treated", "control", "pooled", "all", "raw"}
        Of the treated, as usual for the effect on the treated; of the controls; the root of the mean of both
        variances; of both groups together with their weights; or 1, for differences in units of the covariate.
    binary : bool
        Whether the variance is ``p(1 − p)``.

    Returns
    -------
    float

    Raises
    ------
    KeyError
        If the denominator is unknown.

    Notes
    -----
    Conventions of MatchIt 4.7 and cobalt 4.6. The latter's ``s.d.denom = "weighted"`` is "all" with the weights after
    adjustment.

    References
    ----------
    Austin (2009), *Statistics in Medicine* 28(25); Stuart (2010), *Statistical Science* 25(1).

    Examples
    --------
    >>> sides = Sides(Sample(np.array([1.0, 3.0])), Sample(np.array([0.0, 4.0])))
    >>> [round(standard_deviation(sides, name, binary=False), 3) for name in ("treated", "control", "pooled")]
    [1.414, 2.828, 2.236]
    """
    one, other = sides.treated, sides.control
    squares = {
        "treated": lambda: one.variance(binary=binary),
        "control": lambda: other.variance(binary=binary),
        "pooled": lambda: (one.variance(binary=binary) + other.variance(binary=binary)) / 2.0,
        "all": lambda: _together(sides).variance(binary=binary),
        "raw": lambda: 1.0,
    }
    return float(np.sqrt(squares[denominator]()))


def _together(sides: Sides) -> Sample:
    both = (sides.treated, sides.control)
    weights = [np.ones(len(side.value)) if side.weight is None else side.weight for side in both]
    equal = all(side.weight is None for side in both)
    return Sample(np.concatenate([side.value for side in both]), None if equal else np.concatenate(weights))


def covariate_balance(
    before: Sides | None, after: Sides | None, *, denominator: str = "treated", overlap: bool = False
) -> CovariateBalance:
    """Balance of one covariate before and after matching.

    Parameters
    ----------
    before, after : Sides
        Without the first, the second is its own unit of measurement.
    denominator : str
        As for ``standard_deviation``.
    overlap : bool
        Whether to estimate densities for the overlap coefficient.

    Returns
    -------
    CovariateBalance

    Raises
    ------
    ValueError
        If both are missing.

    Examples
    --------
    >>> before = Sides(Sample(np.array([1.0, 3.0])), Sample(np.array([0.0, 1.0, 2.0])))
    >>> found = covariate_balance(before, Sides(before.treated, Sample(np.array([1.0, 2.0]))))
    >>> round(found.before.smd, 3), round(found.after.smd, 3)
    (0.707, 0.354)
    """
    first = before or after
    if first is None:
        raise ValueError("a covariate needs values before or after matching")
    binary = is_binary(first.treated.value, first.control.value)
    curves = (steps(first.treated), steps(first.control))
    points = pooled_points(*curves)
    yardstick = _Yardstick(
        binary=binary,
        scale=standard_deviation(first, denominator, binary=binary),
        points=points,
        common=frame(first.treated, first.control) if overlap and not binary and len(points) else None,
        overlap=overlap,
    )
    whole = yardstick.measure(first, *curves)
    if before is None:
        return CovariateBalance(binary=binary, scale=yardstick.scale, before=None, after=whole)
    matched = None if after is None else yardstick.measure(after, steps(after.treated), steps(after.control))
    return CovariateBalance(binary=binary, scale=yardstick.scale, before=whole, after=matched)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Yardstick:
    """What is the same before and after matching."""

    binary: bool
    scale: float
    points: FloatArray
    common: Frame | None
    overlap: bool

    def measure(self, sides: Sides, one: Steps, other: Steps) -> Statistics:
        mean_treated, mean_control = sides.treated.mean(), sides.control.mean()
        difference = mean_treated - mean_control
        # Distribution functions of a binary variable differ at one value, by the difference of the means.
        largest, mean = (abs(difference),) * 2 if self.binary else gaps(one, other, self.points)
        below = float("nan") if self.binary else sides.control.variance()
        return Statistics(
            mean_treated=mean_treated,
            mean_control=mean_control,
            smd=difference / self.scale if self.scale > 0 else 0.0 if difference == 0 else float("nan"),
            variance_ratio=sides.treated.variance() / below if below > 0 else float("nan"),
            ks=largest,
            ecdf_mean=mean,
            overlap=self._apart(sides, abs(difference)),
        )

    def _apart(self, sides: Sides, difference: float) -> float:
        if self.binary and self.overlap:
            return difference
        if self.common is None or not (sides.treated.total > 0 and sides.control.total > 0):
            return float("nan")
        return non_overlap(sides.treated, sides.control, self.common)


def pair_distance(treated: FloatArray, treated_set: IntArray, control: FloatArray, control_set: IntArray) -> float:
    """Mean absolute difference between a treated unit and a control of the same set.

    Parameters
    ----------
    treated, treated_set : array (m,)
        Values and sets.
    control, control_set : array (l,)

    Returns
    -------
    float
        Every pair of a treated unit and a control counts alike; NaN without pairs.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ``Std. Pair Dist.`` of MatchIt 4.7, before the division by a standard deviation. In a set of m treated units and l
    controls the m·l differences are not formed: between two neighbouring values, the length of the gap counts once for
    every pair that it separates.

    Examples
    --------
    >>> pair_distance(np.array([1.0, 5.0]), np.array([0, 1]), np.array([2.0, 3.0, 5.0]), np.array([0, 0, 1]))
    1.0
    """
    value, code = np.concatenate([treated, control]), np.concatenate([treated_set, control_set])
    order = np.lexsort((value, code))
    mine = (order < len(treated)).astype(np.float64)
    value, code = value[order], code[order]
    size = int(code.max(initial=-1)) + 1
    n_treated, n_control = (np.bincount(side, minlength=size).astype(np.float64) for side in (treated_set, control_set))
    pairs = float(n_treated @ n_control)
    if pairs == 0:
        return float("nan")
    start = np.searchsorted(code, np.arange(size))[code]
    below = [np.cumsum(side) - np.concatenate([[0.0], np.cumsum(side)])[start] for side in (mine, 1.0 - mine)]
    apart = below[0] * (n_control[code] - below[1]) + below[1] * (n_treated[code] - below[0])
    length = np.where(code[1:] == code[:-1], np.diff(value), 0.0)
    return float(length @ apart[:-1]) / pairs


def effective_size(weight: FloatArray, unit: IntArray | None = None) -> float:
    """Number of equally weighted units that would tell as much, ``(Σw)² / Σw²``.

    Parameters
    ----------
    weight : array (n,)
    unit : array (n,) of int, optional
        Weights of the same unit are summed first.

    Returns
    -------
    float
        Zero without weight.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Kish (1965), *Survey Sampling*, section 11.7.

    Examples
    --------
    >>> effective_size(np.array([1.0, 1.0, 2.0]), np.array([4, 4, 5]))
    2.0
    """
    if unit is None:
        return Sample(weight, weight).effective_size()
    total = np.bincount(np.unique(unit, return_inverse=True)[1].ravel(), weight).astype(np.float64)
    return Sample(total, total).effective_size()


def group_weights(sets: MatchedSets, members: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Weights of some of the treated units and of what their sets contribute as controls to them.

    Parameters
    ----------
    sets : MatchedSets
    members : array (m,) of bool
        Which entries of ``sets.treated``, for instance those of one organisation.

    Returns
    -------
    tuple of array (m,) and (l,)
        In a set of treated units of several groups each group has its part of the controls.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> sets = MatchedSets.of_pairs(np.array([1, 2, 2]), np.array([7, 8, 9]))
    >>> [weight.tolist() for weight in group_weights(sets, np.array([False, True]))]
    [[0.0, 1.0], [0.0, 0.5, 0.5]]
    """
    weight = np.where(members, sets.treated_weights(), 0.0)
    mass = np.bincount(sets.treated_set, weight, minlength=len(sets.mass))
    return weight, mass[sets.control_set] * sets.share
