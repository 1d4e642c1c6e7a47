"""Influence functions that are never a matrix of units by terms.

A source computes the influence of a few hundred units at a time from the factors it holds; what is asked for most, the
covariance of any linear combination of its columns, needs only their second moments, which are accumulated once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clustereffects.inference._blas import one_thread
from clustereffects.inference.influence import codes_of_several, read_only
from clustereffects.inference.membership import Membership
from clustereffects.inference.multipliers import Multipliers

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROWS = 512
# With more columns, the second moments of all of them cost more than a pass over the units for the terms asked for.
_FEW_COLUMNS = 256
_DERIVED = "derived"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Influence of some units on the columns on which they have any.

    Parameters
    ----------
    units : array (c,) of int
    columns : array (p,) of int
        The same object for successive blocks with the same columns.
    values : array (p, c)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Block(np.arange(2), np.arange(1), np.zeros((1, 2))).values.shape
    (1, 2)
    """

    units: IntArray
    columns: IntArray
    values: FloatArray


class Source(Protocol):
    """What computes influence block by block; each unit occurs in exactly one block.

    Raises
    ------
    TypeError
        If it is instantiated.

    Examples
    --------
    >>> issubclass(Source, Protocol)
    True
    """

    @property
    def n_units(self) -> int:
        """Number of units."""

    @property
    def n_columns(self) -> int:
        """Number of columns."""

    def blocks(self) -> Iterator[Block]:
        """All units once, block by block, always in the same order."""


@dataclass(frozen=True, slots=True, eq=False)
class SparseInfluence:
    """Source that holds the influence of the units on each column, where there is any.

    Parameters
    ----------
    matrix : sparse array (n, p)
        By rows.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> source = SparseInfluence.of([(np.array([1, 0]), np.array([2.0, 1.0]))], n_units=3)
    >>> next(source.blocks()).values.tolist()
    [[1.0, 2.0, 0.0]]
    """

    matrix: Any

    @classmethod
    def of(cls, columns: Sequence[tuple[IntArray, FloatArray]], *, n_units: int) -> SparseInfluence:
        """Source from the units and their influence on each column."""
        from scipy.sparse import csc_array

        starts = np.cumsum([0, *(len(units) for units, _ in columns)])
        units, values = (np.concatenate([column[part] for column in columns]) for part in (0, 1))
        return cls(csc_array((values, units, starts), shape=(n_units, len(columns))).tocsr())

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.matrix.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self.matrix.shape[1])

    def blocks(self) -> Iterator[Block]:
        """All units once, some at a time."""
        for begin in range(0, self.n_units, _ROWS):
            part = self.matrix[begin : begin + _ROWS]
            columns = np.unique(part.indices).astype(np.int64)
            yield Block(np.arange(begin, begin + part.shape[0]), columns, part[:, columns].toarray().T)


@dataclass(frozen=True, slots=True, eq=False)
class FactoredInfluence:
    """Influence function as linear combinations of the columns of a source and of the masses of arms.

    Parameters
    ----------
    source : Source
        Scaled so that ``estimate − truth`` is approximately the mean over units.
    membership : Membership
        Arms and weights of the units.
    loadings : array (p + A + 1, k)
        Coefficients of the columns of the source, of the weights of the arms, and of one.
    memory : dict
        Second moments and draws that were computed once; shared with all that is derived from this influence function.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.inference.factored import FactoredInfluence
    >>> sorted(name for name in FactoredInfluence.__slots__)
    ['loadings', 'membership', 'memory', 'source']
    """

    source: Source
    membership: Membership
    loadings: FloatArray
    memory: dict[Hashable, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Source, membership: Membership) -> FactoredInfluence:
        """Influence function of the columns of a source."""
        width = source.n_columns + membership.n_arms + 1
        return cls(source, membership, np.eye(width, source.n_columns))

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.source.n_units

    @property
    def n_terms(self) -> int:
        """Number of terms."""
        return int(self.loadings.shape[1])

    @property
    def values(self) -> FloatArray:
        """The matrix (n_units, n_terms), computed each time it is asked for."""
        result = np.zeros((self.n_units, self.n_terms))
        for units, columns, values in self._augmented():
            result[units] = values.T @ self.loadings[columns]
        return read_only(result)

    @property
    def order(self) -> IntArray:
        """Order in which units draw their multipliers in a bootstrap."""
        return np.concatenate([block.units for block in self.source.blocks()])

    def combine(self, weights: FloatArray) -> FactoredInfluence:
        """Influence function of the linear combinations ``estimate @ weights`` with known weights."""
        return self._derived(self.loadings @ weights)

    def means(self, weights: FloatArray, membership: Membership, gaps: FloatArray) -> FactoredInfluence:
        """Influence function of means of terms whose weights ``weights`` (k, m) are estimated.

        ``gaps`` (A, m) is the derivative of each mean with respect to the mass of each arm of ``membership``, which has
        the arms of this influence function.
        """
        loadings = self.loadings @ weights
        first = self.source.n_columns
        loadings[first:-1] += gaps
        loadings[-1] -= membership.arm_mass() @ gaps
        if np.array_equal(membership.weight, self.membership.weight):
            return self._derived(loadings)
        return FactoredInfluence(self.source, membership, loadings)

    def select(self, terms: IntArray) -> FactoredInfluence:
        """Influence function of some of the terms."""
        return self._derived(self.loadings[:, terms])

    def sums(self, codes: IntArray | None = None) -> FloatArray:
        """Cluster sums, or the rows themselves when every unit stands alone."""
        if codes is None:
            return self.values
        result = np.zeros((int(codes.max(initial=-1)) + 1, self.n_terms))
        for units, columns, values in self._augmented():
            np.add.at(result, codes[units], values.T @ self.loadings[columns])
        return result

    @one_thread()
    def covariance(self, codes: IntArray | None = None) -> FloatArray:
        """Covariance matrix of the estimates, clustered by ``codes`` if given, without small-sample factor.

        Units with a negative code contribute nothing.
        """
        if self._few_terms(("moments", _mark(codes))):
            return np.asarray(self._moments_of_terms(codes) / self.n_units**2, dtype=np.float64)
        moments = self._remembered(("moments", _mark(codes)), lambda: self._moments(codes))
        return np.asarray(self.loadings.T @ moments @ self.loadings / self.n_units**2, dtype=np.float64)

    def variances(self, codes: IntArray | None = None) -> FloatArray:
        """Diagonal of ``covariance``."""
        plain = codes is None and len(self.loadings) > _FEW_COLUMNS and self._is_plain()
        if not plain:
            return np.asarray(np.maximum(np.diag(self.covariance(codes)), 0.0))
        result = np.zeros(self.n_terms)
        for block in self.source.blocks():
            result[block.columns] += np.einsum("ij,ij->i", block.values, block.values)
        return result / self.n_units**2

    def _is_plain(self) -> bool:
        """Whether the terms are the columns of the source themselves."""
        if self.n_terms != self.source.n_columns or np.count_nonzero(self.loadings) != self.n_terms:
            return False
        return bool((self.loadings.diagonal() == 1.0).all())

    def _few_terms(self, key: Hashable) -> bool:
        """Whether a pass over the units for these terms alone is cheaper than one for all columns, for good."""
        width = len(self.loadings)
        return width > _FEW_COLUMNS and 4 * self.n_terms < width and key not in self.memory

    def _moments_of_terms(self, codes: IntArray | None) -> FloatArray:
        """Second moments of these terms, and in the same pass of those derived before whose moments are not known yet."""
        known: dict[str, FloatArray] = self._remembered(("terms", _mark(codes)), dict)
        own = _mark(self.loadings)
        if own not in known:
            derived = dict(self.memory.get(_DERIVED, {}))  # a copy: another thread may derive more meanwhile
            asked = {own: self.loadings, **{mark: one for mark, one in derived.items() if mark not in known}}
            together = list(asked.values())
            stacked = np.concatenate(together, axis=1)
            moments = self._scatter(codes, self._projected(stacked), stacked.shape[1])
            ends = np.cumsum([one.shape[1] for one in together])
            for (mark, one), end in zip(asked.items(), ends, strict=True):
                part = slice(end - one.shape[1], end)
                known[mark] = moments[part, part]
        return known[own]

    def _projected(self, loadings: FloatArray) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """Blocks of linear combinations of the augmented columns."""
        everything = np.arange(loadings.shape[1])
        for units, columns, values in self._augmented():
            yield units, everything, loadings[columns].T @ values

    def _derived(self, loadings: FloatArray) -> FactoredInfluence:
        """Other terms of the same source; remembered, so that moments of many are found in one pass over the units."""
        if len(loadings) > _FEW_COLUMNS and 4 * loadings.shape[1] < len(loadings):
            self.memory.setdefault(_DERIVED, {})[_mark(loadings)] = loadings
        return replace(self, loadings=loadings)

    @one_thread()
    def draws(self, multipliers: Multipliers, codes: IntArray | None = None) -> FloatArray:
        """Multiplier-bootstrap draws (b, k) of ``estimate* − estimate``; a cluster shares its multiplier."""
        drawn = self._remembered(("draws", multipliers, _mark(codes)), lambda: self._draws(multipliers, codes))
        return np.asarray(drawn @ self.loadings / self.n_units)

    def _remembered(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        if key not in self.memory:
            self.memory[key] = compute()
        return self.memory[key]

    def _augmented(self) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """Blocks with the weights of their units' arms and a one appended."""
        first, last = self.source.n_columns, len(self.loadings) - 1
        columns, known = None, None
        for block in self.source.blocks():
            arms = self.membership.arms[block.units]
            present = np.unique(arms[arms >= 0])
            own = (arms == present[:, None]) * self.membership.weight[block.units]
            if block.columns is not known or columns is None or len(columns) != len(known) + len(present) + 1:
                known = block.columns
                columns = np.concatenate([known, first + present, [last]])
            elif (columns[len(known) : -1] != first + present).any():
                columns = np.concatenate([known, first + present, [last]])
            yield block.units, columns, np.concatenate([block.values, own, np.ones((1, len(arms)))])

    def _moments(self, codes: IntArray | None) -> FloatArray:
        """Second moments of the cluster sums of the augmented columns."""
        return self._scatter(codes, self._augmented(), len(self.loadings))

    def _scatter(
        self, codes: IntArray | None, blocks: Iterator[tuple[IntArray, IntArray, FloatArray]], width: int
    ) -> FloatArray:
        """Second moments of cluster sums."""
        total = np.zeros((width, width))
        several = codes_of_several(codes, self.n_units)
        sums = np.zeros((int(several.max(initial=-1)) + 1, width))
        # Successive blocks mostly have the same columns: they are added up before they are put in their place.
        known, own = np.zeros(0, dtype=np.int64), np.zeros((0, 0))
        for units, columns, values in blocks:
            alone = values
            if codes is not None:
                _add_to_clusters(sums, several[units], columns, values)
                alone = values[:, (several[units] < 0) & (codes[units] >= 0)]
            if columns is not known:
                total[np.ix_(known, known)] += own
                known, own = columns, np.zeros((len(columns),) * 2)
            own += alone @ alone.T
        total[np.ix_(known, known)] += own
        return np.asarray(total + sums.T @ sums)

    def _draws(self, multipliers: Multipliers, codes: IntArray | None) -> FloatArray:
        generator = multipliers.generator()
        result = np.zeros((multipliers.draws, len(self.loadings)))
        several = codes_of_several(codes, self.n_units)
        sums = np.zeros((int(several.max(initial=-1)) + 1, len(self.loadings)))
        for units, columns, values in self._augmented():
            alone = values
            if codes is not None:
                _add_to_clusters(sums, several[units], columns, values)
                alone = values[:, several[units] < 0]
            result[:, columns] += multipliers.sample(generator, alone.shape[1]) @ alone.T
        return result + multipliers.sample(generator, len(sums)) @ sums


def _mark(values: NDArray[Any] | None) -> str:
    """What an array is remembered by: one that comes again, from a file or in another process, is the same."""
    return "" if values is None else hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def _add_to_clusters(sums: FloatArray, codes: IntArray, columns: IntArray, values: FloatArray) -> None:
    from scipy.sparse import csr_array

    there = np.flatnonzero(codes >= 0)
    if not len(there):
        return
    met, place = np.unique(codes[there], return_inverse=True)
    chosen = csr_array((np.ones(len(there)), (place.ravel(), there)), shape=(len(met), len(codes)))
    sums[np.ix_(met, columns)] += np.asarray(chosen @ values.T)
