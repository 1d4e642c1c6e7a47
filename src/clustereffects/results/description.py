"""What effects are, and the units behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data.panel import Panel
from clustereffects.inference.membership import Membership

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What an effect is: estimand, method, outcome, and how it was aggregated.

    Parameters
    ----------
    estimand, method, outcome : str
    aggregation : str
        ``"cell"``, or the aggregation as given to ``Effects.aggregate``.
    anticipation : int
        Periods before treatment in which units may react already.
    total : bool
        Whether effects are sums over treated units instead of means.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Description(estimand="ATT(g,t)", method="dr", outcome="sales").aggregation
    'cell'
    """

    estimand: str
    method: str
    outcome: str
    aggregation: str = "cell"
    anticipation: int = 0
    total: bool = False

    def aggregated(self, by: str, *, weights: str | None = None, total: bool = False) -> Description:
        """What an aggregate of these effects is."""
        counted = "treated units" if weights is None else f"treated units times {weights} before treatment"
        estimand = self.estimand
        if total:
            estimand = f"sum over {counted} and periods of the {self.estimand}; their numbers are taken as given"
        elif weights is not None:
            estimand = f"{self.estimand}; cells weighted by {weights} before treatment, summed over treated units"
        return replace(self, estimand=estimand, aggregation=by, total=total)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampling:
    """The units behind an influence function: who they are, their clusters, and where their treatment counts.

    Parameters
    ----------
    units : Index (n,)
    clusters : mapping of str to array (n,) of int
        Codes of the columns that the variance needs.
    membership : Membership
        Weight with which each unit's treatment counts in each term.
    assignment : tuple of str
        Columns at which treatment was assigned; empty if by unit.
    observed : Membership, optional
        Treated units whose outcomes enter each term, where units counted in a term may lack outcomes.
    panel : Panel, optional
        Where the units come from: its columns can weight aggregations.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Sampling(units=pd.Index([1]), clusters={}, membership=Membership.of([[1.0]])).assignment
    ()
    """

    units: pd.Index
    clusters: Mapping[str, IntArray]
    membership: Membership
    assignment: tuple[str, ...] = ()
    observed: Membership | None = None
    panel: Panel | None = None

    @property
    def treated(self) -> Membership:
        """Treated units behind each term."""
        return self.membership if self.observed is None else self.observed
