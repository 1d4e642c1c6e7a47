"""Overlap of the distributions of one variable in two groups, from kernel densities on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.distribution import Sample

FloatArray = NDArray[np.float64]

_NODES = 512
_TAIL = 3.0  # bandwidths that a density reaches beyond the data
_MARGIN = 4.0  # further bandwidths, so that what the transform wraps around does not come back


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """Density that is linear between nodes and zero beyond them.

    Parameters
    ----------
    node : array (m,)
    height : array (m,)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Density(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0])).at(np.array([0.5, 3.0])).tolist()
    [0.5, 0.0]
    """

    node: FloatArray
    height: FloatArray

    def at(self, points: FloatArray) -> FloatArray:
        """Height at some points."""
        return np.asarray(np.interp(points, self.node, self.height, left=0.0, right=0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Frame:
    """What densities before and after matching have in common.

    Parameters
    ----------
    bandwidth : float
    treated, control : tuple of float
        Smallest and largest value of each group before matching.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Frame(0.5, (0.0, 1.0), (0.0, 2.0)).control
    (0.0, 2.0)
    """

    bandwidth: float
    treated: tuple[float, float]
    control: tuple[float, float]


def bandwidth(value: FloatArray) -> float:
    """Rule-of-thumb bandwidth of a Gaussian kernel, ``1.06 min(s, IQR / 1.34) n^(−1/5)``.

    Parameters
    ----------
    value : array (n,)

    Returns
    -------
    float
        With quartiles that coincide, from the standard deviation alone; 1 if nothing varies.

    Raises
    ------
    IndexError
        If there is no value.

    References
    ----------
    Scott (1992), *Multivariate Density Estimation*, section 6.5; ``bw.nrd`` in R.

    Examples
    --------
    >>> round(bandwidth(np.arange(10.0)), 4)
    2.0249
    """
    low, high = np.quantile(value, [0.25, 0.75])
    deviation = float(value.std(ddof=1)) if len(value) > 1 else 0.0
    spread = min((size for size in (deviation, float(high - low) / 1.34) if size > 0), default=0.0)
    return 1.06 * spread * len(value) ** -0.2 if spread > 0 else 1.0


def frame(treated: Sample, control: Sample) -> Frame:
    """Bandwidth, from the smaller group, and the range of each group.

    Parameters
    ----------
    treated, control : Sample
        Before matching.

    Returns
    -------
    Frame

    Raises
    ------
    ValueError
        If a group is empty.

    Examples
    --------
    >>> frame(Sample(np.array([1.0, 2.0])), Sample(np.array([0.0, 1.0, 4.0]))).control
    (0.0, 4.0)
    """
    smaller = treated if len(treated.value) <= len(control.value) else control
    low_high = [(float(side.value.min()), float(side.value.max())) for side in (treated, control)]
    return Frame(bandwidth(smaller.value), *low_high)


def density(sample: Sample, width: float, limits: tuple[float, float] | None = None) -> Density:
    """Gaussian kernel density of a weighted sample, at a cost that hardly grows with its size.

    Parameters
    ----------
    sample : Sample
    width : float
        Bandwidth.
    limits : tuple of float, optional
        The nodes reach from the smallest to the largest value and three bandwidths beyond; with limits at least so far.

    Returns
    -------
    Density
        Integrates to 1, but for what the tails lose.

    Raises
    ------
    ValueError
        If there is no value.

    Notes
    -----
    Each observation is divided between the two nearest nodes of a grid, which is then convolved with the kernel by a
    fast Fourier transform, as ``density`` in R does.

    References
    ----------
    Silverman (1982), Algorithm AS 176, *Applied Statistics* 31(1).

    Examples
    --------
    >>> found = density(Sample(np.array([0.0, 1.0])), 0.5)
    >>> round(float(np.trapezoid(found.height, found.node)), 2)
    1.0
    """
    low, high = (float(limit) for limit in (sample.value.min(), sample.value.max()))
    if limits is not None:
        low, high = min(low, limits[0]), max(high, limits[1])
    start, end = low - _TAIL * width, high + _TAIL * width
    first, last = start - _MARGIN * width, end + _MARGIN * width
    place = (sample.value - first) * ((_NODES - 1) / (last - first))
    cell = place.astype(np.int64)
    weight = np.ones(len(place)) if sample.weight is None else sample.weight
    right = (place - cell) * weight
    mass = np.bincount(cell, weight - right, 2 * _NODES) + np.bincount(cell + 1, right, 2 * _NODES)
    lag = np.linspace(0.0, 2.0 * (last - first), 2 * _NODES)
    lag[_NODES + 1 :] = -lag[_NODES - 1 : 0 : -1]
    kernel = np.exp(-0.5 * (lag / width) ** 2) / (width * np.sqrt(2.0 * np.pi))
    smooth = np.fft.irfft(np.fft.rfft(mass) * np.conj(np.fft.rfft(kernel)), 2 * _NODES)[:_NODES] / sample.total
    node = np.linspace(start, end, _NODES)
    return Density(node, np.interp(node, np.linspace(first, last, _NODES), np.maximum(smooth, 0.0)))


def shared_area(one: Density, other: Density) -> float:
    """Area below the lower of two densities.

    Parameters
    ----------
    one, other : Density

    Returns
    -------
    float
        Exact for densities that are linear between nodes.

    Raises
    ------
    TypeError
        If these are no densities.

    Examples
    --------
    >>> one = Density(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0]))
    >>> shared_area(one, Density(one.node + 1.0, one.height))
    0.25
    """
    low, high = max(one.node[0], other.node[0]), min(one.node[-1], other.node[-1])
    if low >= high:
        return 0.0
    inner = np.concatenate([one.node, other.node])
    points = np.unique(np.concatenate([[low, high], inner[(inner > low) & (inner < high)]]))
    gap = one.at(points) - other.at(points)
    cross = np.flatnonzero(gap[1:] * gap[:-1] < 0)
    part = gap[cross] / (gap[cross] - gap[cross + 1])
    points = np.sort(np.concatenate([points, points[cross] + part * (points[cross + 1] - points[cross])]))
    return float(np.trapezoid(np.minimum(one.at(points), other.at(points)), points))


def non_overlap(treated: Sample, control: Sample, within: Frame) -> float:
    """Complement of the overlap coefficient: 0 if two distributions are equal, 1 if they share no value.

    Parameters
    ----------
    treated, control : Sample
    within : Frame
        From the samples before matching, also for those after matching.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a sample is empty.

    Notes
    -----
    One minus the area below both densities. The densities are those of ``col_w_ovl`` in cobalt 4.6; that function
    integrates them numerically, here the integral is exact, so that results differ by up to the tolerance of
    R's ``integrate``, 1.2e-4.

    References
    ----------
    Inman & Bradley (1989), *Communications in Statistics* 18(10); Franklin et al. (2014), *Statistics in Medicine*
    33(10).

    Examples
    --------
    >>> one = Sample(np.array([1.0, 2.0, 4.0]))
    >>> round(abs(non_overlap(one, one, frame(one, one))), 2)
    0.0
    """
    if within.treated[0] > within.control[1] or within.control[0] > within.treated[1]:
        return 1.0
    one = density(treated, within.bandwidth, within.treated)
    other = density(control, within.bandwidth, within.control)
    return min(max(1.0 - shared_area(one, other), 0.0), 1.0)
