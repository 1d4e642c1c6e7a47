"""Influence function of a matched difference-in-differences, as a matrix or, where that would be large, in factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.matched_arrays import EventTime, MatchedSample
from clustereffects.did.matched_cells import MatchedCells
from clustereffects.inference import Influence, Membership
from clustereffects.inference.factored import Block, FactoredInfluence

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A matrix of up to 400 MB.
LARGEST = 50_000_000
_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """Influence on the cells of one event time: ``own − serves · served − slope_noise · tilt'``.

    Parameters
    ----------
    columns : array (k,) of int
        Numbers of the cells.
    own : sparse array (n, k)
        Deviations of the treated units.
    serves : sparse array (n, s)
        Noise of each row times the weight with which it serves each set.
    served : sparse array (s, k)
        Share of each set in each cell.
    slope_noise : array (n, q)
    tilt : array (k, q)
        Mean covariate difference of each cell.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Factors.__slots__
    ('columns', 'own', 'serves', 'served', 'slope_noise', 'tilt')
    """

    columns: IntArray
    own: Any
    serves: Any
    served: Any
    slope_noise: FloatArray
    tilt: FloatArray

    def values(self, rows: slice | IntArray) -> FloatArray:
        """Influence of some rows (c, k)."""
        sparse = self.own[rows] - self.serves[rows] @ self.served
        return np.asarray(sparse.toarray() - self.slope_noise[rows] @ self.tilt.T, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class FactorSource:
    """Source that multiplies the factors of some hundred rows at a time.

    Parameters
    ----------
    parts : tuple of Factors
    n_units : int
        Number of rows.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> FactorSource((), 3).n_columns
    0
    """

    parts: tuple[Factors, ...]
    n_units: int

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return sum(len(part.columns) for part in self.parts)

    def rows(self, rows: slice | IntArray) -> FloatArray:
        """Influence of some rows on all cells (c, k)."""
        return np.concatenate([part.values(rows) for part in self.parts], axis=1)

    def blocks(self) -> Iterator[Block]:
        """All rows once, some at a time."""
        columns = np.arange(self.n_columns)
        for begin in range(0, self.n_units, _ROWS):
            rows = slice(begin, min(begin + _ROWS, self.n_units))
            yield Block(np.arange(rows.start, rows.stop), columns, self.rows(rows).T)


def matched_influence(
    sample: MatchedSample, parts: Sequence[EventTime], cells: MatchedCells, *, scaled: bool = True
) -> Influence | FactoredInfluence:
    """Influence function of the cells, scaled so that ``estimate − truth`` is about the mean over rows.

    Parameters
    ----------
    sample : MatchedSample
    parts : sequence of EventTime
    cells : MatchedCells
        Of these parts.
    scaled : bool
        Whether residuals of controls are scaled to the variance of their changes.

    Returns
    -------
    Influence or FactoredInfluence
        A matrix if it is small.

    Raises
    ------
    ValueError
        If there are no parts.

    Notes
    -----
    With ``N_c`` the mass of cell ``c``, row ``i`` of the influence function is ``n / N_c`` times

    * ``m_i (τ_i + Σ_j w_ij r_j − θ_c)`` if ``i`` is treated: its change minus the predicted one, heterogeneity included;
    * ``−Σ_i m_i w_ij r_j / √v_j`` if it serves as a control, summed over all treated units, cohorts and strata it
      serves, minus its share in the error of the slopes times the mean covariate difference of the cell.

    ``r_j`` is the residual of the model of the controls' changes and ``v_j`` its variance if all changes had variance
    one. A unit that is treated and was a control before has both. Treated units of a set have the same weights ``w_ij``, so
    that nothing of the size of treated times controls is ever formed.

    References
    ----------
    Abadie & Imbens (2006), *Econometrica* 74(1), theorem 7; Abadie & Imbens (2012), *Journal of the American
    Statistical Association* 107(498), section 2 (the same terms as a martingale).

    Examples
    --------
    >>> from clustereffects.did.matched_cells import event_times, matched_cells
    >>> outcome = np.array([[1.0, 4.0], [1.0, 8.0], [1.0, 2.0], [1.0, 4.0]])
    >>> sample = MatchedSample(outcome=outcome, times=np.arange(2), joined=np.array([1, 1, np.nan, np.nan]),
    ...     treated=np.arange(2), group=np.zeros(2, int), mass=np.ones(2), treated_set=np.zeros(2, int),
    ...     control=np.array([2, 3]), control_set=np.zeros(2, int), share=np.full(2, 0.5), stratum=np.zeros(1, int),
    ...     x_treated=np.zeros((2, 0)), x_control=np.zeros((2, 0)))
    >>> parts = event_times(sample, (0, 0), bias_adjust=False)
    >>> psi = matched_influence(sample, parts, matched_cells(sample, parts), scaled=False)
    >>> psi.values.ravel().tolist()
    [-4.0, 4.0, 2.0, -2.0]
    """
    factors = (_factors(sample, part, cells, part.noise if scaled else part.residual) for part in parts)
    source = FactorSource(tuple(factors), sample.n_rows)
    if sample.n_rows * len(cells.estimate) <= LARGEST:
        return Influence(source.rows(slice(None)))
    return FactoredInfluence.of(source, membership_of(sample, cells))


def membership_of(sample: MatchedSample, cells: MatchedCells) -> Membership:
    """Rows of the treated units behind each cell, with what they count.

    Parameters
    ----------
    sample : MatchedSample
    cells : MatchedCells

    Returns
    -------
    Membership

    Raises
    ------
    IndexError
        If the cells are of another sample.

    Examples
    --------
    >>> membership_of.__name__
    'membership_of'
    """
    shape = (sample.n_rows, len(cells.estimate))
    rows = sample.treated_row[cells.member]
    return Membership.from_entries(rows, cells.member_cell, sample.mass[cells.member], shape=shape)


def _factors(sample: MatchedSample, part: EventTime, cells: MatchedCells, noise: FloatArray) -> Factors:
    from scipy.sparse import csr_array

    columns = np.flatnonzero(cells.event_time == part.event_time)
    here = np.isin(cells.member_cell, columns) & (sample.mass[cells.member] > 0)
    member, cell = cells.member[here], np.searchsorted(columns, cells.member_cell[here])
    n, k = sample.n_rows, len(columns)
    share = n * sample.mass[member] / cells.mass[columns][cell]
    deviation = share * (part.own[member] - cells.estimate[columns][cell])
    links = np.flatnonzero(part.weight)
    error = noise[links] * part.weight[links]
    tilt = np.zeros((k, part.shift.shape[1]))
    np.add.at(tilt, cell, share[:, None] * part.shift[member])
    return Factors(
        columns,
        csr_array((deviation, (sample.treated_row[member], cell)), shape=(n, k)),
        csr_array((error, (sample.control_row[links], sample.control_set[links])), shape=(n, sample.n_sets)),
        csr_array((share, (sample.treated_set[member], cell)), shape=(sample.n_sets, k)),
        part.slope_noise,
        tilt,
    )
