"""Exact aggregation of effects: weighted means of cells whose weights are estimated from the same sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.inference.factored import FactoredInfluence
from clustereffects.inference.influence import Influence
from clustereffects.inference.membership import Membership

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Averaging = Literal["mass", "equal", "total"]
KEYS = {"event": "event_time", "cohort": "cohort", "calendar": "time", "group": "group"}


@dataclass(frozen=True, slots=True, eq=False)
class Aggregated:
    """Weighted means of cells.

    Parameters
    ----------
    labels : DataFrame (m, …)
        Label columns, indexed by term.
    estimate : array (m,)
    influence : Influence or FactoredInfluence
        Of shape (n_units, m), with the estimation error of the weights.
    membership : Membership
        Weight with which each unit's treatment counts in each term.
    codes : array (k,)
        Target of each cell, −1 for cells that entered none.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Aggregated.__slots__
    ('labels', 'estimate', 'influence', 'membership', 'codes')
    """

    labels: pd.DataFrame
    estimate: FloatArray
    influence: Influence | FactoredInfluence
    membership: Membership
    codes: IntArray


def target_codes(
    labels: pd.DataFrame, by: tuple[str, ...], window: tuple[int, int] | None, balance: int | None = None
) -> tuple[IntArray, pd.DataFrame]:
    """Which target term each cell belongs to.

    Parameters
    ----------
    labels : DataFrame (k, …)
        Cells with the columns ``cohort``, ``time``, ``event_time`` and, if there are groups, ``group``.
    by : tuple of str
        ``("overall",)`` or any of ``"event"``, ``"cohort"``, ``"calendar"``, ``"group"`` and further columns of the labels.
    window : tuple of two int, optional
        First and last event time to include.
    balance : int, optional
        Only cohorts that have a cell so many periods after treatment, and event times up to there: all event times from
        treatment on then average the same cohorts.

    Returns
    -------
    codes : array (k,)
        Index of the target, −1 for cells that enter none: all before treatment, unless effects are wanted by event
        time.
    targets : DataFrame (m, …)
        Label columns of the targets, indexed by term.

    Raises
    ------
    OptionError
        If ``by`` names an unknown or unavailable aggregation, or nothing is left to aggregate.

    Examples
    --------
    >>> cells = pd.DataFrame({"cohort": [2004, 2004], "time": [2003, 2004], "event_time": [-1, 0]})
    >>> target_codes(cells, ("overall",), None)[0].tolist()
    [-1, 0]
    """
    columns = _columns(labels, by)
    event_time = labels["event_time"].to_numpy()
    low, high = window or (-np.inf, np.inf)
    keep = (event_time >= low) & (event_time <= high)
    if balance is not None:
        keep &= _balanced(labels, balance)
    if "event" not in by:
        keep &= event_time >= 0
    _require_cells(event_time, keep, window, balance)
    codes = np.full(len(labels), -1, dtype=np.int64)
    if not columns:
        codes[keep] = 0
        return codes, pd.DataFrame(index=pd.Index(["overall"]))
    targets = labels.loc[keep, columns].drop_duplicates().sort_values(columns).reset_index(drop=True)
    lookup = pd.MultiIndex.from_frame(targets)
    codes[keep] = lookup.get_indexer(pd.MultiIndex.from_frame(labels.loc[keep, columns]))
    terms = [
        ", ".join(f"{c}[{v}]" for c, v in zip(columns, row, strict=True)) for row in targets.itertuples(index=False)
    ]
    return codes, targets.set_axis(pd.Index(terms), axis=0)


def _balanced(labels: pd.DataFrame, balance: int) -> NDArray[np.bool_]:
    """Cells of the cohorts that can be followed so long, as long as all of them are."""
    last = labels["cohort"].map(labels.groupby("cohort")["event_time"].max())
    return np.asarray((last >= balance) & (labels["event_time"] <= balance))


def aggregate_cells(
    estimate: FloatArray,
    influence: Influence | FactoredInfluence,
    membership: Membership,
    codes: IntArray,
    labels: pd.DataFrame,
    *,
    how: Averaging = "mass",
) -> Aggregated:
    """Means of cells weighted by their treated mass, or sums.

    With mass ``m_c = mean_i M_ic`` the target is ``θ = Σ m_c τ_c / Σ m_c`` and its influence function
    ``ψ_i = Σ m_c ψ_ic / Σ m_c + Σ (M_ic − m_c)(τ_c − θ) / Σ m_c``; the second sum is the error of the weights.

    Parameters
    ----------
    estimate : array (k,)
        NaN for cells that are not identified: they enter no mean.
    influence : Influence or FactoredInfluence (n, k)
    membership : Membership
    codes : array (k,)
        Target of each cell, −1 for none.
    labels : DataFrame (m, …)
        Labels of the targets.
    how : {"mass", "equal", "total"}
        Weighted by mass; all cells alike; or the sum over cells of mass times units times effect. The weights of the last
        two are taken as known and have no error.

    Returns
    -------
    Aggregated

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Callaway & Sant'Anna (2021), *Journal of Econometrics* 225(2), section 3.2 and theorem 4.

    Examples
    --------
    >>> psi = Influence(np.array([[2.0, 0.0], [0.0, 2.0]]))
    >>> cells = aggregate_cells(np.array([1.0, 3.0]), psi, Membership.of(np.eye(2)), np.array([0, 0]),
    ...                         pd.DataFrame(index=["overall"]))
    >>> cells.estimate.tolist(), cells.influence.values.tolist()
    ([2.0], [[0.0], [2.0]])
    """
    used = (codes >= 0) & np.isfinite(estimate)
    mass = np.ones(len(estimate)) if how == "equal" else membership.mass()
    chosen = np.zeros((len(estimate), len(labels)))
    chosen[np.flatnonzero(used), codes[used]] = mass[used]
    total = chosen.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = chosen / total
        if how == "total":
            weights = np.where(total > 0, chosen * membership.n_units, np.nan)
    value = np.where(np.isfinite(estimate), estimate, 0.0)
    theta = value @ weights
    known = np.where(np.isfinite(weights), weights, 0.0)
    if how != "mass":
        psi = influence.combine(known)
    else:
        gaps = np.where(known > 0, (value[:, None] - theta) / total, 0.0)
        psi = influence.means(known, membership, np.asarray(membership.incidence @ gaps, dtype=np.float64))
    entered = np.where(used, codes, -1)
    return Aggregated(labels, theta, psi, membership.union(entered, len(labels)), entered)


def _columns(labels: pd.DataFrame, by: tuple[str, ...]) -> list[str]:
    further = set(labels.columns) - set(KEYS.values())
    unknown = not by or any(key not in {*KEYS, "overall", *further} for key in by)
    if unknown or len(set(by)) < len(by) or ("overall" in by and len(by) > 1):
        raise OptionError(
            Problem(
                what=f"aggregation by {list(by)}",
                where="",
                expected="'overall', or 'event', 'cohort', 'calendar', 'group' or a list of these",
                remedy="name one of these",
            )
        )
    columns = [KEYS.get(key, key) for key in by if key != "overall"]
    absent = [column for column in columns if column not in labels.columns]
    if absent:
        raise OptionError(
            Problem(
                what=f"these effects have no {', '.join(absent)}",
                where=f"labels: {', '.join(labels.columns)}",
                expected="effects that were estimated with that label",
                remedy="give the panel a group column and fit with by_group=True, or aggregate by another label",
            )
        )
    return columns


def _require_cells(
    event_time: NDArray[Any], keep: NDArray[np.bool_], window: tuple[int, int] | None, balance: int | None
) -> None:
    if keep.any():
        return
    present = f"event times {event_time.min()} to {event_time.max()}" if len(event_time) else "no effects at all"
    raise OptionError(
        Problem(
            what="there is no effect to aggregate"
            + (f" in the window {window}" if window else "")
            + (f" of cohorts observed {balance} periods after treatment" if balance is not None else ""),
            where=present,
            expected="effects from joining on, or by event time any effect, within first and last event time",
            remedy="widen the window" if balance is None else "balance at an earlier period, or widen the window",
        )
    )
