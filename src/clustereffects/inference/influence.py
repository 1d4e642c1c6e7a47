"""Covariances from influence functions.

An influence function has one row per unit and one column per term, scaled so that ``estimate - truth`` is
approximately the mean of its rows. Hence ``cov = ψ'ψ / n²`` for independent units and ``cov = S'S / n²`` for clusters,
where ``S`` are the cluster sums of ``ψ``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from clustereffects.inference.factored import FactoredInfluence
    from clustereffects.inference.membership import Membership
    from clustereffects.inference.multipliers import Multipliers

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Influence function of a vector of estimates, held as a matrix.

    Parameters
    ----------
    values : array (n_units, n_terms)
        Scaled so that ``estimate - truth ≈ values.mean(axis=0)``.
    order : array (n_units,) of int, optional
        Order in which units draw their multipliers in a bootstrap; default: as they stand.

    Raises
    ------
    ValueError
        If ``values`` is not a matrix with at least one row.

    See Also
    --------
    clustereffects.inference.factored.FactoredInfluence : the same without the matrix.

    Examples
    --------
    >>> psi = Influence(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    >>> psi.covariance().tolist()
    [[0.625]]
    """

    values: FloatArray
    order: IntArray | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not len(self.values):
            raise ValueError(f"an influence function is a matrix with rows, got shape {self.values.shape}")
        object.__setattr__(self, "values", read_only(self.values))

    @property
    def n_units(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def n_terms(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    def combine(self, weights: FloatArray) -> Influence:
        """Influence function of the linear combinations ``estimate @ weights`` with known weights."""
        return Influence(self.values @ weights, self.order)

    def means(self, weights: FloatArray, membership: Membership, gaps: FloatArray) -> Influence:
        """Influence function of means of terms whose weights ``weights`` (k, m) are estimated.

        ``gaps`` (A, m) is the derivative of each mean with respect to the mass of each arm.
        """
        error = membership.spread(gaps) - membership.arm_mass() @ gaps
        return Influence(self.values @ weights + error, self.order)

    def select(self, terms: IntArray) -> Influence:
        """Influence function of some of the terms."""
        return Influence(self.values[:, terms], self.order)

    def sums(self, codes: IntArray | None = None) -> FloatArray:
        """Cluster sums, or the rows themselves when every unit stands alone."""
        return self.values if codes is None else cluster_sums(self.values, codes)

    def covariance(self, codes: IntArray | None = None) -> FloatArray:
        """Covariance matrix of the estimates, clustered by ``codes`` if given, without small-sample factor.

        Units with a negative code contribute nothing.
        """
        rows = self.values
        if codes is not None:
            rows = cluster_sums(rows[codes >= 0], codes[codes >= 0])
        return np.asarray(rows.T @ rows / self.n_units**2, dtype=np.float64)

    def variances(self, codes: IntArray | None = None) -> FloatArray:
        """Diagonal of ``covariance``, without forming the matrix."""
        rows = self.sums(codes)
        return np.asarray(np.einsum("ij,ij->j", rows, rows) / self.n_units**2, dtype=np.float64)

    def draws(self, multipliers: Multipliers, codes: IntArray | None = None) -> FloatArray:
        """Multiplier-bootstrap draws (b, k) of ``estimate* − estimate``; a cluster shares its multiplier."""
        several = codes_of_several(codes, self.n_units)
        alone = several < 0 if self.order is None else self.order[several[self.order] < 0]
        rows = np.concatenate([self.values[alone], cluster_sums(self.values[several >= 0], several[several >= 0])])
        generator = multipliers.generator()
        result = np.zeros((multipliers.draws, self.n_terms))
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            result += multipliers.sample(generator, len(part)) @ part
        return result / self.n_units


def codes_of_several(codes: IntArray | None, n_units: int) -> IntArray:
    """Consecutive codes of the clusters with more than one unit; −1 for units that stand alone or are left out.

    Parameters
    ----------
    codes : array (n,) of int, optional
        Negative for units that are left out; without codes all stand alone.
    n_units : int

    Returns
    -------
    array (n,) of int

    Raises
    ------
    IndexError
        If a code is not whole.

    Examples
    --------
    >>> codes_of_several(np.array([5, 3, 3, -1, 5, 4]), 6).tolist()
    [1, 0, 0, -1, 1, -1]
    """
    if codes is None:
        return np.full(n_units, -1, dtype=np.int64)
    sizes = np.bincount(codes[codes >= 0], minlength=int(codes.max(initial=-1)) + 1)
    number = np.where(sizes > 1, np.cumsum(sizes > 1) - 1, -1)
    return np.where(codes >= 0, number[codes], -1)


def read_only(values: FloatArray) -> FloatArray:
    """View of an array that cannot be written to; the array itself is left as it is.

    Parameters
    ----------
    values : array

    Returns
    -------
    array

    Raises
    ------
    AttributeError
        If it is not an array.

    Examples
    --------
    >>> read_only(np.zeros(2)).flags.writeable
    False
    """
    view = values.view()
    view.flags.writeable = False
    return view


def cluster_sums(values: FloatArray, codes: IntArray) -> FloatArray:
    """Sums of rows within clusters.

    Parameters
    ----------
    values : array (n, k)
    codes : array (n,) of int
        Cluster of each row, 0 … G−1.

    Returns
    -------
    array (G, k)

    Raises
    ------
    ValueError
        If there is not one code per row, or a code is negative.

    Examples
    --------
    >>> cluster_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0])).tolist()
    [[5.0], [2.0]]
    """
    if codes.shape != (len(values),):
        raise ValueError(f"{len(values)} rows need as many cluster codes, got {codes.shape}")
    if codes.min(initial=0) < 0:
        raise ValueError("cluster codes start at 0; a unit without a cluster needs a code of its own")
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0), dtype=np.float64)


def clustered_covariance(
    influence: Influence | FactoredInfluence, clusters: Sequence[IntArray], factors: Sequence[float | FloatArray]
) -> FloatArray:
    """Covariance clustered in one or two dimensions.

    Two-way clustering adds the two one-way matrices and subtracts the one of the intersections, each with its own
    factor; negative eigenvalues, possible in small samples, are set to zero.

    Parameters
    ----------
    influence : Influence or FactoredInfluence
    clusters : sequence of one or two arrays (n,) of int
    factors : sequence of one or three float or array (k,)
        Small-sample factor of each dimension and, in two dimensions, of their intersections; one for all terms, or one
        for each.

    Returns
    -------
    array (k, k)

    Raises
    ------
    ValueError
        If there are not one or two dimensions.

    References
    ----------
    Cameron, Gelbach & Miller (2011), *Journal of Business & Economic Statistics* 29(2), eq. 2.12–2.13.

    Examples
    --------
    >>> psi = Influence(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    >>> clustered_covariance(psi, [np.array([0, 0, 1, 1])], [1.0]).tolist()
    [[0.0]]
    """
    if len(clusters) not in {1, 2} or len(factors) != (1 if len(clusters) == 1 else 3):
        raise ValueError(
            f"clustering is one-way with 1 factor or two-way with 3, got {len(clusters)} dimensions, {len(factors)} factors"
        )
    codes = clusters if len(clusters) == 1 else [*clusters, intersections(*clusters)]
    parts = [_scaled(influence.covariance(code), factor) for code, factor in zip(codes, factors, strict=True)]
    return parts[0] if len(parts) == 1 else _positive_part(parts[0] + parts[1] - parts[2])


def intersections(first: IntArray, second: IntArray) -> IntArray:
    """Codes of the clusters in which both clusters agree.

    Parameters
    ----------
    first, second : array (n,) of int

    Returns
    -------
    array (n,) of int

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> intersections(np.array([0, 0, 1]), np.array([0, 0, 0])).tolist()
    [0, 0, 1]
    """
    pairs = np.column_stack([first, second])
    return np.asarray(np.unique(pairs, axis=0, return_inverse=True)[1].ravel(), dtype=np.int64)


def _scaled(cov: FloatArray, factor: float | FloatArray) -> FloatArray:
    root = np.sqrt(np.broadcast_to(np.asarray(factor, dtype=np.float64), len(cov)))
    return np.asarray(cov * np.outer(root, root), dtype=np.float64)


def _positive_part(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    if values.min(initial=0.0) >= 0.0:
        return matrix
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T, dtype=np.float64)
