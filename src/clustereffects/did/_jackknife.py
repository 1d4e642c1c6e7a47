"""Group-time effects without one cluster at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.group_time_plan import Cell
from clustereffects.errors import OptionError, Problem
from clustereffects.inference import Membership
from clustereffects.results import Effects, Jackknife, Replicates, Variance
from clustereffects.results.clusters import require_clusters

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_TREATED = 50
MOST_LEFT_OUT = 200


def jackknife_column(variance: Variance | None, assignment: tuple[str, ...]) -> str | None:
    """Column whose clusters may have to be left out, if any.

    Parameters
    ----------
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
    assignment : tuple of str
        Columns at which treatment was assigned.

    Returns
    -------
    str or None
        That of a jackknife; without a choice, the level at which treatment was assigned, if it is one.

    Raises
    ------
    OptionError
        If a jackknife names no column and treatment was assigned by unit.

    Examples
    --------
    >>> jackknife_column(Jackknife("town"), ()), jackknife_column(None, ("organisation",))
    ('town', 'organisation')
    """
    if variance is None:
        return assignment[0] if len(assignment) == 1 else None
    if not isinstance(variance, Jackknife):
        return None
    if variance.column or assignment:
        return variance.column or assignment[0]
    raise OptionError(
        Problem(
            what="option variance=Jackknife() without a column",
            where="the panel declares no level at which treatment was assigned",
            expected="clusters to leave out",
            remedy="name them: Jackknife('organisation'), or Panel(..., cluster='organisation')",
        )
    )


def left_out(codes: IntArray, membership: Membership) -> IntArray:
    """Clusters to leave out: all with treated units, and others of more than one unit.

    Parameters
    ----------
    codes : array (n,) of int
    membership : Membership

    Returns
    -------
    array (R,) of int
        In ascending order.

    Raises
    ------
    ValueError
        If there is not one code per unit.

    Examples
    --------
    >>> left_out(np.array([0, 0, 1, 2]), Membership.of([[0.0], [0.0], [1.0], [0.0]])).tolist()
    [0, 1]
    """
    several = np.bincount(codes) > 1
    several[codes[membership.treated()]] = True
    return np.flatnonzero(several)


def few(codes: IntArray, membership: Membership) -> bool:
    """Whether treatment reached so few clusters that leaving them out is needed, and so few are left out that it is cheap.

    Parameters
    ----------
    codes : array (n,) of int
    membership : Membership

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If there is not one code per unit.

    Examples
    --------
    >>> few(np.array([0, 0, 1, 2]), Membership.of([[0.0], [0.0], [1.0], [0.0]]))
    False
    """
    treated = len(np.unique(codes[membership.treated()]))
    return 1 < treated <= MOST_TREATED and len(left_out(codes, membership)) <= MOST_LEFT_OUT


def with_replicates(effects: Effects, column: str, without: Callable[[IntArray], FloatArray]) -> Effects:
    """Effects with estimates without one cluster at a time; as they are where no jackknife is wanted or needed.

    Parameters
    ----------
    effects : Effects
        Cells, with the codes of the column.
    column : str
    without : callable
        Estimates (R, k) without each of the clusters (R,) it is given.

    Returns
    -------
    Effects

    Raises
    ------
    EstimationError
        If all units are in one cluster.

    Examples
    --------
    >>> with_replicates.__name__
    'with_replicates'
    """
    sampling = effects.sampling
    if sampling is None:
        return effects
    codes = sampling.clusters[column]
    if effects.variance is None and not few(codes, sampling.membership):
        return effects
    require_clusters(column, len(np.unique(codes)))
    clusters = left_out(codes, sampling.membership)
    replicates = Replicates(
        column=column,
        left_out=clusters,
        whole=effects.estimate,
        without=without(clusters),
        alone=np.where(np.isin(codes, clusters), -1, codes),
    )
    return replace(effects, replicates=replicates)


class Found(Protocol):
    """Result of a kernel."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Cells that were looked for."""

    @property
    def estimate(self) -> FloatArray:
        """Effect of each, NaN where it is not identified."""


def leave_out(cells: tuple[Cell, ...], clusters: IntArray, without: Callable[[int], Found]) -> FloatArray:
    """Effects of all cells without one cluster at a time.

    Parameters
    ----------
    cells : tuple of Cell
        Those with all clusters.
    clusters : array (R,) of int
        Clusters to leave out.
    without : callable
        Result without a cluster; its cells may be fewer.

    Returns
    -------
    array (R, k)
        NaN where an effect is not identified without the cluster.
    """
    place = {cell: number for number, cell in enumerate(cells)}
    result = np.full((len(clusters), len(cells)), np.nan)
    for row, cluster in enumerate(clusters):
        found = without(int(cluster))
        for cell, value in zip(found.cells, found.estimate, strict=True):
            if cell in place:
                result[row, place[cell]] = value
    return result
