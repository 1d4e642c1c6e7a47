"""The result of matching: pairs with weights, balance before and after, who stayed unmatched and why."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._checks as _checks
import clustereffects.matching._ledger as _ledger
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.errors import EstimationError, OptionError, Problem
from clustereffects.matching._balance_methods import BalanceMethods, FrameBalanceMethods, PanelBalanceMethods
from clustereffects.matching._before import Pool
from clustereffects.matching._cross_effect import EffectMethods
from clustereffects.matching._history import Labels
from clustereffects.matching._ledger import Trace
from clustereffects.matching.sets import MatchedSets
from clustereffects.results import Check, Provenance, Summary
from clustereffects.results.provenance import plain

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

UNMATCHED_COLUMNS = ("unit", "cohort", "reason", "constraint")
_MOST_PAIRS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a match was made, in words and in the figures that later stages need.

    Parameters
    ----------
    estimand, method, distance, candidates : str
        What the match is for, how pairs were chosen, what near means, who could be a control.
    ratio : int
        Controls wanted per treated unit.
    replace : bool
        Whether a control may serve several treated units.
    horizon : int, optional
        Last event time for which every control is still untreated; ``None`` without periods.
    side : {"treated", "untreated"}
        Whose counterparts were sought; the untreated for pairs for the effect on them.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Design(estimand="effect on the treated", method="nearest", distance="Mahalanobis", candidates="all").ratio
    1
    """

    estimand: str
    method: str
    distance: str
    candidates: str
    ratio: int = 1
    replace: bool = True
    horizon: int | None = None
    side: Literal["treated", "untreated"] = "treated"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Matches(BalanceMethods, ABC):
    """What a match of a panel and a match of a cross-section have in common.

    Parameters
    ----------
    sets : MatchedSets
        Who is compared with whom; positions refer to ``units``.
    covariates : tuple of str
        Names of the matching variables.
    x_treated, x_control : array (m, p), (l, p)
        Their values for every entry of ``sets.treated`` and of ``sets.control``.
    design : Design
    pool : Pool, optional
        Treated units and candidates before matching.
    lost : DataFrame
        Treated units without a control, as ``unmatched`` shows them.
    traces : tuple of Trace
        Counts of candidates, risk set by risk set, for ``ledger`` and ``rungs``.
    labels_of_steps : Labels, optional
        What the counted steps are called.
    sample : SampleAccount
        Account of the treated units.
    findings : tuple of Check
    provenance : Provenance

    Raises
    ------
    ValueError
        If the covariates do not have one row per entry of the sets.

    Examples
    --------
    >>> import clustereffects as ce
    >>> frame = pd.DataFrame({"member": [1, 0, 0], "size": [5.0, 4.0, 9.0]})
    >>> ce.Matching(on=["size"]).fit_frame(frame, treatment="member").pairs()["control"].tolist()
    [1]
    """

    sets: MatchedSets
    covariates: tuple[str, ...]
    x_treated: FloatArray
    x_control: FloatArray
    design: Design
    pool: Pool | None = None
    lost: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(UNMATCHED_COLUMNS)))
    traces: tuple[Trace, ...] = ()
    labels_of_steps: Labels | None = None
    sample: SampleAccount = field(default_factory=lambda: SampleAccount(rows_in=0, rows_used=0))
    findings: tuple[Check, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        for name, units in (("x_treated", self.sets.treated), ("x_control", self.sets.control)):
            array = np.array(getattr(self, name))
            if array.shape != (len(units), len(self.covariates)):
                raise ValueError(f"{name} has shape {array.shape} for {len(units)} rows of {self.covariates}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        name, sets = type(self).__name__, self.sets
        what = f"{len(sets.control):,} pairs" if sets.paired else f"{len(sets.mass):,} sets"
        return f"{name}({self.n_treated:,} treated, {self.n_controls:,} controls, {what})"

    @property
    @abstractmethod
    def units(self) -> pd.Index[Any]:
        """Units to which the positions in ``sets`` refer."""

    @property
    def estimand(self) -> str:
        """What the match is for, in words."""
        return self.design.estimand

    @property
    def n_treated(self) -> int:
        """Number of matched treated units."""
        return self.sets.n_treated

    @property
    def n_controls(self) -> int:
        """Number of distinct controls."""
        return self.sets.n_controls

    @property
    def effective_controls(self) -> float:
        """Kish's effective number of controls, ``(Σw)² / Σw²``."""
        used = np.bincount(self.sets.control, weights=self.sets.control_weights())
        return float(used.sum() ** 2 / (used**2).sum()) if len(used) else 0.0

    @property
    def weights(self) -> pd.Series:
        """Weight of each unit that is used, over all sets it is in: a treated unit counts 1 for the effect on them."""
        total = self.sets.unit_weights(len(self.units))
        used = np.flatnonzero(total > 0)
        return pd.Series(total[used], index=self.units[used], name="weight")

    def pairs(self) -> pd.DataFrame:
        """One row per treated unit and control of its set: treated, control, cohort (in a panel), weight, distance.

        The weights of a treated unit's controls sum to one. Where treated units share their controls, as with
        ``method="entropy"``, every treated unit is listed with all of them; ``members`` lists each unit once.

        Raises
        ------
        EstimationError
            If there are more than ten million rows.
        """
        of, link = self._links()
        sets = self.sets
        table = pd.DataFrame({"treated": self.units[sets.treated[of]], "control": self.units[sets.control[link]]})
        if np.isfinite(sets.cohort).any():
            table["cohort"] = sets.cohort[sets.treated_set[of]].astype(np.int64)
        table["weight"] = sets.share[link]
        table["distance"] = sets.distance[link]
        return table

    def _links(self) -> tuple[IntArray, IntArray]:
        sets = self.sets
        sizes = np.bincount(sets.control_set, minlength=len(sets.mass))
        rows = int(sizes[sets.treated_set].sum())
        if rows > _MOST_PAIRS:
            raise EstimationError(
                Problem(
                    what=f"{rows:,} pairs of {self.n_treated:,} treated units with all controls of their sets",
                    where=self.design.method,
                    expected=f"at most {_MOST_PAIRS:,}",
                    remedy="use members(), which lists every unit once per set",
                )
            )
        return sets.links()

    def members(self) -> pd.DataFrame:
        """One row per unit and set: set, unit, side ("treated" or "control"), cohort (in a panel), weight, distance.

        Weights are those of the estimand: with ``method="nearest"`` a treated unit has 1 and its controls share 1.
        """
        sets = self.sets
        code = np.concatenate([sets.treated_set, sets.control_set])
        unit = np.concatenate([sets.treated, sets.control])
        table = pd.DataFrame({"set": code, "unit": self.units[unit]})
        table["side"] = np.repeat(["treated", "control"], [len(sets.treated), len(sets.control)])
        if np.isfinite(sets.cohort).any():
            table["cohort"] = sets.cohort[code].astype(np.int64)
        table["weight"] = np.concatenate([sets.treated_weights(), sets.control_weights()])
        table["distance"] = np.concatenate([np.full(len(sets.treated), np.nan), sets.distance])
        return table.sort_values("set", kind="stable", ignore_index=True)

    def ledger(self, by: str = "cohort") -> pd.DataFrame:
        """How many candidates each rule and constraint removed, for whom.

        Parameters
        ----------
        by : {"cohort", "unit"}
            One row per cohort and step, with how many a step ``concerned``, ``removed`` and alone (``only``) removed;
            or one per treated unit and step, exact values first, with ``before``, ``removed`` and ``left``.

        Raises
        ------
        OptionError
            If ``by`` is neither.
        """
        if by not in {"cohort", "unit"}:
            raise OptionError(Problem(what=f"ledger by {by!r}", where="", expected="'cohort' or 'unit'", remedy=""))
        if self.labels_of_steps is None:
            return pd.DataFrame(columns=[by, "step", "before", "removed", "left"])
        if by == "cohort":
            table = _ledger.cohort_ledger(self.traces, self.labels_of_steps)
        else:
            table = _ledger.unit_ledger(self.traces, self.labels_of_steps, self.units)
        return _ledger.shown(table[table["step"] != self.labels_of_steps.idle].reset_index(drop=True))

    def rungs(self) -> pd.DataFrame:
        """Rung of the ladder on which each treated unit was matched, and its candidates on every rung that was tried."""
        if self.labels_of_steps is None:
            return pd.DataFrame(columns=["unit", "cohort", "rung", "candidates"])
        return _ledger.shown(_ledger.rung_table(self.traces, self.labels_of_steps, self.units))

    def missing(self) -> pd.DataFrame:
        """How many treated units and candidates of each cohort lack which value, and were left out for it."""
        if self.labels_of_steps is None:
            return pd.DataFrame(columns=["cohort", "missing", "treated", "candidates"])
        return _ledger.shown(_ledger.missing_table(self.traces, self.labels_of_steps))

    def unmatched(self) -> pd.DataFrame:
        """Treated units without a control: the reason, the constraint that removed the last candidate, the counts.

        With pairs for the effect on the untreated, untreated units without a treated one.
        """
        return self.lost.copy()

    def checks(self) -> list[Check]:
        """Balance, unmatched units, reuse of controls, and what the estimator found (regression to the mean)."""
        return [*self._balance_checks(), *_checks.use_checks(self), *self.findings]

    def summary(self) -> Summary:
        """Summary: how the match was made, balance before and after, warnings."""
        columns = ["covariate", "mean_treated_after", "mean_control_after", "smd_before", "smd_after"]
        table = self.balance()
        shown = [name for name in [*columns, "variance_ratio_after", "ks_after"] if name in table.columns]
        facts = (
            ("Estimand", self.estimand),
            ("Method", self.design.method),
            ("Distance", self.design.distance),
            ("Candidates", self.design.candidates),
            ("Sample", ", ".join(f"{count:,} {name}" for name, count in self.sample.counts.items())),
        )
        notes = ("Mean differences in standard deviations of the treated before matching.",)
        warnings = tuple(f"{c.verdict}: {c.name}: {c.message}" for c in self.checks() if not c.ok)
        continuous = table[table["kind"].isin(["continuous", "binary"])]
        return Summary(title="Match", facts=facts, table=continuous[shown], notes=notes + warnings)

    def to_dict(self) -> dict[str, Any]:
        """Match as plain data: pairs, balance, unmatched units, checks, sample, design, provenance."""
        return {
            "pairs" if self.sets.paired else "members": _records(self.pairs() if self.sets.paired else self.members()),
            "balance": _records(self.balance()),
            "unmatched": _records(self.unmatched()),
            "covariates": list(self.covariates),
            "design": plain(self.design),
            "sample": self.sample.to_dict(),
            "checks": [plain(check) for check in self.checks()],
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Match(PanelBalanceMethods, Matches):
    """Pairs from a panel: every treated unit matched in its own risk set.

    Parameters
    ----------
    panel : Panel
        Panel from which the match was made; positions refer to ``panel.units``.

    Raises
    ------
    ValueError
        If the covariates do not have one row per entry of the sets.

    Notes
    -----
    ``x_treated`` and ``x_control`` hold the matching variables at the calendar periods ``cohort − lag`` of the treated
    unit. The remaining parameters are those of ``Matches``.

    Examples
    --------
    >>> import clustereffects as ce
    >>> frame = pd.DataFrame({"firm": [1, 1, 2, 2, 3, 3], "year": [2004, 2005] * 3, "joined": [2005, 2005] + [None] * 4,
    ...                       "size": [5.0, 6.0, 4.0, 4.0, 9.0, 9.0]})
    >>> match = ce.Matching(on=["size"], lags=(1,)).fit(ce.Panel(frame, unit="firm", time="year", cohort="joined"))
    >>> match.pairs()[["treated", "control", "cohort"]].to_numpy().tolist()
    [[1, 2, 2005]]
    """

    panel: Panel

    @property
    def units(self) -> pd.Index[Any]:
        """Units of the panel."""
        return self.panel.units


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CrossSectionMatch(FrameBalanceMethods, EffectMethods, Matches):
    """Pairs from a table with one row per unit.

    Parameters
    ----------
    labels : Index
        Units in the order in which the positions count them.
    table : DataFrame
        The frame that was matched, in the same order, from which outcomes are read.
    options : Matching, optional
        How it was matched.

    Raises
    ------
    ValueError
        If the covariates do not have one row per entry of the sets.

    Notes
    -----
    The remaining parameters are those of ``Matches``.

    Examples
    --------
    >>> import clustereffects as ce
    >>> frame = pd.DataFrame({"member": [1, 0, 0], "size": [5.0, 4.0, 9.0]})
    >>> ce.Matching(on=["size"]).fit_frame(frame, treatment="member")
    CrossSectionMatch(1 treated, 1 controls, 1 pairs)
    """

    labels: pd.Index[Any]
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    options: Matching | None = None

    @property
    def units(self) -> pd.Index[Any]:
        """Units of the table."""
        return self.labels


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    cells = table.astype(object).where(table.notna(), None)
    return [{str(key): _python(value) for key, value in row.items()} for row in cells.to_dict("records")]


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
