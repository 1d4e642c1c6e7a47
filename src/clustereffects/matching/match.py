"""The result of matching: pairs with weights, balance before and after, who stayed unmatched and why."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._checks as _checks
import clustereffects.matching.balance as balance
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.results import Check, Provenance, Summary, draw
from clustereffects.results.provenance import plain

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

UNMATCHED_COLUMNS = ("unit", "cohort", "reason", "constraint")
_ARRAYS = ("treated", "control", "weight", "distance", "x_treated", "x_control", "stratum")


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Before:
    """Treated units and their candidates before matching.

    Parameters
    ----------
    scale : array (p,)
        Standard deviation of each covariate among the treated.
    binary : array (p,) of bool
    comparison : Comparison
        Treated against candidates; each cohort's candidates weigh as much as its treated units.
    shares : DataFrame
        Columns ``covariate``, ``kind`` (``"exact"`` or ``"forbid"``), ``share_equal_before``, ``share_equal_after``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Before.__slots__
    ('scale', 'binary', 'comparison', 'shares')
    """

    scale: FloatArray
    binary: NDArray[np.bool_]
    comparison: balance.Comparison
    shares: pd.DataFrame


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Pairs(ABC):
    """What a match of a panel and a match of a cross-section have in common.

    Parameters
    ----------
    treated, control : array (n_pairs,) of int
        Positions in ``units``.
    weight : array (n_pairs,)
        Sums to 1 within each treated unit.
    distance : array (n_pairs,)
    covariates : tuple of str
        Names of the matching variables.
    x_treated, x_control : array (n_pairs, p)
        Their values for the two units of each pair.
    stratum : array (n_pairs,) of int
        Code of the exact stratum.
    design : Design
    before : Before, optional
    lost : DataFrame
        Treated units without a control, as ``unmatched`` shows them.
    sample : SampleAccount
        Account of the treated units.
    findings : tuple of Check
    provenance : Provenance

    Raises
    ------
    ValueError
        If the arrays do not have one row per pair.

    Examples
    --------
    >>> import clustereffects as ce
    >>> frame = pd.DataFrame({"member": [1, 0, 0], "size": [5.0, 4.0, 9.0]})
    >>> ce.Matching(on=["size"]).fit_frame(frame, treatment="member").pairs()["control"].tolist()
    [1]
    """

    treated: IntArray
    control: IntArray
    weight: FloatArray
    distance: FloatArray
    covariates: tuple[str, ...]
    x_treated: FloatArray
    x_control: FloatArray
    stratum: IntArray
    design: Design
    before: Before | None = None
    lost: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(UNMATCHED_COLUMNS)))
    sample: SampleAccount = field(default_factory=lambda: SampleAccount(rows_in=0, rows_used=0))
    findings: tuple[Check, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            array = np.array(getattr(self, name))
            if len(array) != len(self.treated):
                raise ValueError(f"{name} has {len(array)} rows for {len(self.treated)} pairs")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.n_treated:,} treated, {self.n_controls:,} controls, {len(self.treated):,} pairs)"

    @property
    @abstractmethod
    def units(self) -> pd.Index[Any]:
        """Units to which the positions ``treated`` and ``control`` refer."""

    @abstractmethod
    def _cohorts(self) -> FloatArray | None:
        """Cohort of each pair."""

    @property
    def estimand(self) -> str:
        """What the match is for, in words."""
        return self.design.estimand

    @property
    def n_treated(self) -> int:
        """Number of matched treated units."""
        return len(np.unique(self.treated))

    @property
    def n_controls(self) -> int:
        """Number of distinct controls."""
        return len(np.unique(self.control))

    @property
    def effective_controls(self) -> float:
        """Kish's effective number of controls, ``(Σw)² / Σw²``."""
        used = np.bincount(self.control, weights=self.weight)
        return float(used.sum() ** 2 / (used**2).sum()) if len(used) else 0.0

    @property
    def weights(self) -> pd.Series:
        """Weight of each unit: 1 if matched as treated, plus the sum of its pair weights as a control."""
        total = np.bincount(self.control, weights=self.weight, minlength=len(self.units))
        total[np.unique(self.treated)] += 1
        used = np.flatnonzero(total > 0)
        return pd.Series(total[used], index=self.units[used], name="weight")

    def pairs(self) -> pd.DataFrame:
        """One row per pair: treated, control, cohort (in a panel), weight, distance."""
        table = pd.DataFrame({"treated": self.units[self.treated], "control": self.units[self.control]})
        cohorts = self._cohorts()
        if cohorts is not None:
            table["cohort"] = cohorts.astype(np.int64)
        table["weight"] = self.weight
        table["distance"] = self.distance
        return table

    def unmatched(self) -> pd.DataFrame:
        """Treated units without a control: the reason, the constraint that removed the last candidate, the counts."""
        return self.lost.copy()

    def _after(self) -> balance.Comparison | None:
        if self.before is None:
            return None
        first = np.unique(self.treated, return_index=True)[1]
        treated = balance.Weighted(self.x_treated[first], np.ones(len(first)))
        cohorts = self._cohorts()
        period = np.zeros(len(self.control)) if cohorts is None else cohorts
        keys = self.control + (np.unique(period, return_inverse=True)[1].ravel() * len(self.units)).astype(np.int64)
        control = balance.pool_rows(keys, self.x_control, self.weight)
        return balance.compare(treated, control, self.before.scale, self.before.binary)

    def balance(self) -> pd.DataFrame:
        """Balance before and after matching, one row per covariate and per exact or forbidden column.

        Columns ``covariate``, ``kind`` (continuous, binary, exact, forbid), ``sd`` (of the treated before matching:
        the denominator of both standardised differences), then for *before* and *after* each ``mean_treated``,
        ``mean_control``, ``smd``, ``variance_ratio`` (treated over control), ``ks``, ``share_equal``.

        Before: all treated units with complete matching variables against all candidates of their risk set, before
        exact and forbid; each cohort's candidates weigh as much as its treated units. After: matched treated units
        with weight 1 against their controls, the same control in the same cohort being one observation.
        """
        after = self._after()
        if self.before is None or after is None:
            return pd.DataFrame(columns=["covariate", "kind", "sd", "smd_before", "smd_after"])
        kind = np.where(self.before.binary, "binary", "continuous")
        table = pd.DataFrame({"covariate": list(self.covariates), "kind": kind, "sd": self.before.scale})
        for side, values in (("before", self.before.comparison), ("after", after)):
            table[f"mean_treated_{side}"] = values.mean_treated
            table[f"mean_control_{side}"] = values.mean_control
            table[f"smd_{side}"] = values.difference
            table[f"variance_ratio_{side}"] = values.variance_ratio
            table[f"ks_{side}"] = values.ks
        table = table.assign(share_equal_before=np.nan, share_equal_after=np.nan)
        shares = self.before.shares.reindex(columns=table.columns)
        return pd.concat([table, shares.astype(table.dtypes.to_dict())], ignore_index=True) if len(shares) else table

    def checks(self) -> list[Check]:
        """Balance, unmatched units, reuse of controls, and what the estimator found (regression to the mean)."""
        return [*_checks.balance_checks(self.balance()), *_checks.use_checks(self), *self.findings]

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

    def plot(self, ax: Any = None) -> Any:
        """Draw standardised differences before and after matching (love plot); returns the Axes."""
        table = self.balance()
        return draw("love_plot", table[table["kind"].isin(["continuous", "binary"])], ax)

    def to_dict(self) -> dict[str, Any]:
        """Match as plain data: pairs, balance, unmatched units, checks, sample, design, provenance."""
        return {
            "pairs": _records(self.pairs()),
            "balance": _records(self.balance()),
            "unmatched": _records(self.unmatched()),
            "covariates": list(self.covariates),
            "design": plain(self.design),
            "sample": self.sample.to_dict(),
            "checks": [plain(check) for check in self.checks()],
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Match(Pairs):
    """Pairs from a panel: every treated unit matched in its own risk set.

    Parameters
    ----------
    panel : Panel
        Panel from which the match was made; positions refer to ``panel.units``.

    Raises
    ------
    ValueError
        If the arrays do not have one row per pair.

    Notes
    -----
    ``x_treated`` and ``x_control`` hold the matching variables at the calendar periods ``cohort − lag`` of the treated
    unit. The remaining parameters are those of ``Pairs``.

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

    @property
    def cohorts(self) -> FloatArray:
        """Cohort of the treated unit of each pair (n_pairs,)."""
        return self.panel.cohorts[self.treated]

    def _cohorts(self) -> FloatArray:
        return self.cohorts


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CrossSectionMatch(Pairs):
    """Pairs from a table with one row per unit.

    Parameters
    ----------
    labels : Index
        Units in the order in which the positions count them.

    Raises
    ------
    ValueError
        If the arrays do not have one row per pair.

    Notes
    -----
    The remaining parameters are those of ``Pairs``.

    Examples
    --------
    >>> import clustereffects as ce
    >>> frame = pd.DataFrame({"member": [1, 0, 0], "size": [5.0, 4.0, 9.0]})
    >>> ce.Matching(on=["size"]).fit_frame(frame, treatment="member")
    CrossSectionMatch(1 treated, 1 controls, 1 pairs)
    """

    labels: pd.Index[Any]

    @property
    def units(self) -> pd.Index[Any]:
        """Units of the table."""
        return self.labels

    def _cohorts(self) -> None:
        return None


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    cells = table.astype(object).where(table.notna(), None)
    return [{str(key): _python(value) for key, value in row.items()} for row in cells.to_dict("records")]


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
