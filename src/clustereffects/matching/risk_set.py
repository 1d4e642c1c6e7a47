"""Risk sets of staggered joining: who could have joined when, as they were before. Arrays only, one cohort at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching._sides import Codes, Side, Steps, alike, inactive, joint_codes, read
from clustereffects.matching.history import History

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.signedinteger[Any]]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Units of one side of a risk set with what they are matched on.

    Parameters
    ----------
    unit : array (n,) of int
        Identity, ascending.
    x : array (n, p)
        Matching variables, stored by column; NaN = missing.
    exact : array (n, e) of int
        Codes of the exact columns at their finest level; −1 = missing, never equal.
    forbid : array (n, f) of int
        Codes that must differ; −1 = missing, never collides.
    strata : array (n, R) of int, optional
        Joint code of all exact columns at each rung of the ladder, finest first; −1 where one is missing. Without
        it, as if there were one stratum where ``exact`` is known.
    bound : array (n, b), optional
        Values whose difference is bounded; NaN = missing.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> units = Units(np.array([4, 7]), np.array([[1.0], [np.nan]]), np.zeros((2, 1), int), np.zeros((2, 0), int))
    >>> units.complete.tolist(), units.strata.shape
    ([True, False], (2, 1))
    """

    unit: IntArray
    x: FloatArray
    exact: CodeArray
    forbid: CodeArray
    strata: CodeArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    bound: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def __post_init__(self) -> None:
        n = len(self.unit)
        if len(self.strata) != n or not self.strata.shape[1]:
            object.__setattr__(self, "strata", joint_codes(list(self.exact.T), n)[:, None])
        if len(self.bound) != n:
            object.__setattr__(self, "bound", np.empty((n, 0)))

    @property
    def complete(self) -> BoolArray:
        """Whether all matching variables, all bounds and, at one rung at least, all exact columns are known."""
        known = np.isfinite(self.x).all(axis=1) & np.isfinite(self.bound).all(axis=1)
        return np.asarray(known & (self.strata >= 0).any(axis=1))

    def take(self, rows: IntArray | BoolArray) -> Units:
        """Some of the units."""
        codes = (self.exact[rows], self.forbid[rows], self.strata[rows])
        return Units(self.unit[rows], self.x[rows], *codes, self.bound[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How many units each step removed from a risk set.

    Steps are, in order: not observed in the active periods, then the removals of the history in their order.

    Parameters
    ----------
    candidates : int
        Units that are not treated within the horizon: what the steps start from.
    concerned : array (S,) of int
        Of these, whom each step concerns.
    removed : array (S,) of int
        Whom each step removed that no earlier step had.
    only : array (S,) of int
        Whom each step removed and no other step would have.
    missing : array (p + e + 2 b,) of int
        Candidates left by the steps that lack a variable, an exact column, a bound, or have a bound without logarithm.
    complete : int
        Candidates left that lack nothing.
    alike : array (m, R, S + 2) of int
        For each complete treated unit and rung: candidates with the same exact values at the start, after each step,
        and after those with missing values are gone.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Tally.__slots__
    ('candidates', 'concerned', 'removed', 'only', 'missing', 'complete', 'alike')
    """

    candidates: int
    concerned: IntArray
    removed: IntArray
    only: IntArray
    missing: IntArray
    complete: int
    alike: IntArray


def _nothing() -> Tally:
    none = np.empty(0, dtype=np.int64)
    return Tally(0, none, none, none, none, 0, np.empty((0, 1, 2), dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class RiskSet:
    """Treated units of one cohort and everybody who could have been in their place.

    Parameters
    ----------
    cohort : float
        First treated period; NaN in a cross-section.
    treated, control : Units
        Complete units only, where ``risk_sets`` made them.
    lacking : array (q,) of int, optional
        Treated units of the cohort that are left out because values are missing.
    lacks : array (q, p + e + 2 b) of bool, optional
        What each of them lacks, in the order of ``Tally.missing``.
    tally : Tally, optional

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> RiskSet.__slots__
    ('cohort', 'treated', 'control', 'lacking', 'lacks', 'tally')
    """

    cohort: float
    treated: Units
    control: Units
    lacking: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    lacks: BoolArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.bool_))
    tally: Tally = field(default_factory=_nothing)

    @property
    def x(self) -> FloatArray:
        """Matching variables of treated and controls, stacked."""
        return np.concatenate([self.treated.x, self.control.x])

    @property
    def is_treated(self) -> BoolArray:
        """Which rows of ``x`` are treated."""
        return np.arange(len(self.treated.unit) + len(self.control.unit)) < len(self.treated.unit)

    def complete(self) -> RiskSet:
        """The risk set without units whose matching variables are missing."""
        one, other = (side if (ok := side.complete).all() else side.take(ok) for side in (self.treated, self.control))
        return replace(self, treated=one, control=other)

    @property
    def live(self) -> bool:
        """Whether there is somebody on both sides."""
        return len(self.treated.unit) > 0 and len(self.control.unit) > 0


def risk_sets(
    history: History, *, horizon: int, active: int = 0, candidates: str = "not_yet_treated"
) -> Iterator[RiskSet]:
    """Risk sets of all cohorts in the order of time, one after the other.

    Candidates of cohort g are the units that are never treated or, unless ``candidates="never_treated"``, first
    treated after ``g + horizon``; that are observed in each of the ``active`` periods before g; and that no removal
    of the history concerns. Everything they are matched on is read before g: variables at ``g − lag``, codes and
    bounds at ``g − 1``. Periods that the panel does not have are missing. Units with missing values are left out and
    counted.

    Parameters
    ----------
    history : History
    horizon : int
    active : int
    candidates : {"not_yet_treated", "never_treated"}

    Returns
    -------
    iterator of RiskSet
        Each is as large as its candidates; let go of one before asking for the next.

    Raises
    ------
    ValueError
        If ``candidates`` is neither.

    References
    ----------
    Li, Propert & Rosenbaum (2001), *JASA* 96(455), 870–882; Lu (2005), *Biometrics* 61(3), 721–728.

    Examples
    --------
    >>> from clustereffects.matching.history import Variable
    >>> size = {2004: [1.0, 1.0, 2.0], 2005: [2.0, 3.0, 2.0], 2006: [9.0, 3.0, 2.0]}
    >>> read = lambda period: np.array(size.get(period, [np.nan] * 3))
    >>> history = History(cohorts=np.array([2006.0, np.nan, 2007.0]), variables=(Variable(read, (1, 2)),))
    >>> first = next(risk_sets(history, horizon=1))
    >>> first.treated.x.tolist(), first.control.unit.tolist()
    ([[2.0, 1.0]], [1])
    """
    if candidates not in {"not_yet_treated", "never_treated"}:
        raise ValueError(f"candidates must be 'not_yet_treated' or 'never_treated', not {candidates!r}")
    last = np.inf if candidates == "never_treated" else horizon
    cohorts = np.unique(history.cohorts[np.isfinite(history.cohorts)])
    return (_risk_set(history, int(cohort), last, active) for cohort in cohorts)


def cross_section(history: History) -> RiskSet:
    """The one risk set of units that are seen once: readers are asked for period 0 and nothing else.

    Parameters
    ----------
    history : History
        ``cohorts`` is finite for treated units; lags are all 1.

    Returns
    -------
    RiskSet
        With NaN as its cohort.

    Raises
    ------
    TypeError
        If ``history`` is none.

    Examples
    --------
    >>> from clustereffects.matching.history import Variable
    >>> size = Variable(lambda period: np.array([1.0, 2.0, np.nan]), (1,))
    >>> cross_section(History(cohorts=np.array([1.0, np.nan, np.nan]), variables=(size,))).control.unit.tolist()
    [1]
    """
    once = np.where(np.isfinite(history.cohorts), 1.0, np.nan)
    one = _risk_set(replace(history, cohorts=once), 1, np.inf, 0)
    return replace(one, cohort=float("nan"))


def _risk_set(history: History, cohort: int, horizon: float, active: int) -> RiskSet:
    at_risk = ~(history.cohorts <= cohort + horizon)
    absent = inactive(history, cohort, active)
    steps = Steps(at_risk, [absent, *(removal(cohort) for removal in history.removals)])
    codes = Codes(history, cohort)
    treated, control = (
        Side(history, codes, rows) for rows in (np.flatnonzero(history.cohorts == cohort), np.flatnonzero(steps.left))
    )
    read(history, cohort, (treated, control))
    treated.lacks[-1] = absent[treated.rows]
    able, complete = treated.complete, control.complete
    tally = Tally(
        candidates=int(np.count_nonzero(at_risk)),
        concerned=steps.concerned,
        removed=np.array([len(rows) for rows in steps.removed], dtype=np.int64),
        only=steps.only,
        missing=np.array([np.count_nonzero(lack) for lack in control.lacks], dtype=np.int64),
        complete=int(np.count_nonzero(complete)),
        alike=alike(codes.strata, treated.rows[able], at_risk, [*steps.removed, control.rows[~complete]]),
    )
    lost = (treated.rows[~able], treated.lacks[:, ~able].T)
    return RiskSet(float(cohort), Units(*treated.kept(able)), Units(*control.kept(complete)), *lost, tally)
