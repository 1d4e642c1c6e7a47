"""What a match says about balance: methods that matches of panels and of cross-sections share."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._balance_table as tables
import clustereffects.matching._checks as _checks
import clustereffects.matching._paths as paths
from clustereffects.data.panel import Panel
from clustereffects.errors import ColumnError, EstimationError, OptionError, Problem
from clustereffects.matching._before import Pool
from clustereffects.matching.balance import DENOMINATORS
from clustereffects.results import Check, draw

FloatArray = NDArray[np.float64]

_KINDS = ("love", "density", "trajectories")


class BalanceMethods:
    """Balance of a match, computed when asked, one covariate at a time."""

    pool: Pool | None
    covariates: tuple[str, ...]

    def balance(
        self, denominator: str = "treated", *, by: str | None = None, overlap: bool = False, squares: bool = False
    ) -> pd.DataFrame:
        """Balance before and after matching, one row per covariate and per exact or forbidden column.

        Columns ``covariate``, ``kind`` (continuous, binary, exact, forbid), ``sd`` (before matching: the denominator
        of both standardised differences), then for *before* and *after* each ``mean_treated``, ``mean_control``,
        ``smd``, ``variance_ratio`` (treated over control), ``ks`` and ``ecdf_mean`` (largest and mean distance of the
        distribution functions, the mean over all values before matching), ``pair_distance`` (mean absolute difference
        within pairs, in standard deviations; NaN for weighting, which has none), and ``share_equal``.

        Before: all treated units with complete matching variables against all candidates of their risk set, before
        exact and forbid; each cohort's candidates weigh as much as its treated units. After: matched treated units
        against their controls, with their weights, the same control in the same cohort being one observation.

        Parameters
        ----------
        denominator : {"treated", "control", "pooled", "all", "raw"}
            Whose standard deviation: of the treated (for the effect on them), of the candidates, the root of the mean
            of both variances, of everybody, or none. MatchIt takes "control" for the effect on the untreated and
            "pooled" for the average effect.
        by : str, optional
            ``"group"`` or a column of the panel that is constant within units: one row per group and covariate with
            the group's numbers, its balance in everybody's standard deviations, ``small`` (fewer than ten treated
            units), ``worst`` (whether this is its largest difference).
        overlap : bool
            Also ``overlap``: one minus the area below both densities.
        squares : bool
            Also squares and products of covariates.

        Raises
        ------
        OptionError
            If the denominator or the groups are unknown.
        """
        if denominator not in DENOMINATORS:
            raise _unknown("denominator", denominator, DENOMINATORS)
        if by is not None:
            return tables.group_table(self._own, self._candidates(), self._groups(by), denominator)
        if self.pool is None:
            return pd.DataFrame(columns=["covariate", "kind", "sd", "smd_before", "smd_after"])
        if denominator == "treated" and not overlap and not squares:
            return self._balance.copy()
        return tables.balance_table(self._own, self.pool, denominator, overlap=overlap, squares=squares)

    @cached_property
    def _balance(self) -> pd.DataFrame:
        return tables.balance_table(self._own, self._candidates(), "treated", overlap=False, squares=False)

    @property
    def _own(self) -> Any:
        return self

    def _candidates(self) -> Pool:
        if self.pool is None:
            raise EstimationError("the match was made by hand, without candidates: nothing is known before matching")
        return self.pool

    @abstractmethod
    def _groups(self, by: str) -> NDArray[np.object_]:
        """Group of each unit."""

    @abstractmethod
    def _prognosis(self, outcome: Any, event_time: int) -> FloatArray:
        """Coefficients of the prognostic score."""

    def effective_sizes(self) -> pd.DataFrame:
        """Numbers of treated units and controls: before, matched, effective (Kish), and the largest weight of one."""
        return tables.size_table(self._own, self.pool)

    def densities(self, covariate: str) -> pd.DataFrame:
        """Densities of a covariate: columns value, treated and candidates (before matching), controls (after).

        Raises
        ------
        ColumnError
            If this is no matching variable.
        """
        if covariate not in self.covariates:
            raise ColumnError(_problem(f"no matching variable {covariate!r}", self.covariates))
        return tables.density_table(self._own, self._candidates(), covariate)

    def prognostic_balance(self, outcome: Any, *, event_time: int = 0, denominator: str = "treated") -> pd.DataFrame:
        """Balance of the prognostic score: of what the matching variables predict for the untreated.

        Parameters
        ----------
        outcome : str, or array of numbers for a cross-section
            Column of the panel, whose change from the period before joining to ``event_time`` is predicted; or the
            outcome of every unit in ``units``.
        event_time : int
            Without meaning in a cross-section.
        denominator : str
            As for ``balance``.

        Raises
        ------
        EstimationError
            If no candidate has an outcome.

        References
        ----------
        Hansen (2008), *Biometrika* 95(2); Stuart, Lee & Leacy (2013), *Journal of Clinical Epidemiology* 66(8).
        """
        if denominator not in DENOMINATORS:
            raise _unknown("denominator", denominator, DENOMINATORS)
        coefficients = self._prognosis(outcome, event_time)
        return tables.prognostic_table(self._own, self._candidates(), coefficients, denominator)

    def _balance_checks(self) -> list[Check]:
        return [] if self.pool is None else _checks.balance_checks(tables.after_table(self._own, self.pool))

    def plot(self, ax: Any = None, *, kind: str = "love", column: str | None = None, by: str | None = None) -> Any:
        """Draw the match; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        kind : {"love", "density", "trajectories"}
            Standardised differences before and after matching; densities of a covariate of treated units, candidates
            and controls; a variable before joining.
        column : str, optional
            The covariate of densities, the first if not given; the variable of trajectories.
        by : str, optional
            Love plot by group, as for ``balance``.

        Raises
        ------
        OptionError
            If the kind is unknown.
        """
        if kind not in _KINDS:
            raise _unknown("kind of figure", kind, _KINDS)
        if kind == "density":
            covariate = self.covariates[0] if column is None else column
            return draw("density_plot", self.densities(covariate), ax, label=covariate)
        if kind == "trajectories":
            return self._plot_trajectories(ax, column)
        table = self.balance(by=by)
        return draw("love_plot", table[table["kind"].isin(["continuous", "binary"])], ax)

    def _plot_trajectories(self, ax: Any, column: str | None) -> Any:  # noqa: ARG002  (panels use them)
        raise OptionError(_problem("a cross-section has no trajectories", ("love", "density")))


class PanelBalanceMethods(BalanceMethods):
    """Balance of a match of a panel."""

    panel: Panel

    def trajectories(self, column: str, *, periods: int = 5) -> pd.DataFrame:
        """Means of a column in the periods before joining, of treated units, their controls and all candidates.

        Columns ``event_time``, ``n_treated`` (observed, with an observed control), ``mean_treated``, ``mean_control``,
        ``smd`` (in standard deviations of these treated units), ``mean_candidates`` (each cohort's candidates weigh as
        much as its treated units). Periods that were not matched on tell whether the match holds there too.

        Parameters
        ----------
        column : str
        periods : int
            How many.

        Raises
        ------
        OptionError
            If there is to be no period.
        """
        if periods < 1:
            raise _unknown("number of periods", str(periods), ("at least 1",))
        return paths.trajectory_table(self._own, column, periods)

    def _plot_trajectories(self, ax: Any, column: str | None) -> Any:
        if column is None:
            raise OptionError(_problem("trajectories of no column", self.panel.columns))
        return draw("trajectory_plot", self.trajectories(column), ax, label=column)

    def _groups(self, by: str) -> NDArray[np.object_]:
        if by == "group":
            if self.panel.roles["group"] is None:
                raise OptionError(_problem("the panel has no groups", ("a panel with group=", "by=<column>")))
            return self.panel.groups
        codes, values = self.panel.unit_codes(by), self.panel.series(by)
        first = pd.Series(np.asarray(values, dtype=object)).groupby(codes[self.panel.row_codes[0]]).first()
        return cast("NDArray[np.object_]", first.reindex(codes).to_numpy(dtype=object))

    def _prognosis(self, outcome: Any, event_time: int) -> FloatArray:
        return paths.panel_prognosis(self._own, self._candidates(), outcome, event_time)


class FrameBalanceMethods(BalanceMethods):
    """Balance of a match of a cross-section."""

    labels: pd.Index[Any]

    def _groups(self, by: str) -> NDArray[np.object_]:
        raise OptionError(_problem(f"a match of a cross-section knows no groups: by={by!r}", ("by=None",)))

    def _prognosis(self, outcome: Any, event_time: int) -> FloatArray:  # noqa: ARG002  (has no periods)
        values = outcome.reindex(self.labels) if isinstance(outcome, pd.Series) else outcome
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (len(self.labels),):
            raise OptionError(_problem(f"an outcome of shape {numbers.shape}", (f"{len(self.labels)} numbers",)))
        return paths.frame_prognosis(self._candidates(), numbers)


def _problem(what: str, expected: tuple[str, ...]) -> Problem:
    return Problem(what=what, where="", expected=", ".join(expected), remedy="choose one of these")


def _unknown(name: str, value: str, known: tuple[str, ...]) -> OptionError:
    return OptionError(_problem(f"{name} {value!r}", known))
