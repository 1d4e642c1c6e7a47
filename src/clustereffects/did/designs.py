"""Designs side by side: what matching on the outcome before joining would cost or save, and what to match on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.did._design_fits as fits
from clustereffects.data import Panel, require_columns
from clustereffects.did._design_paths import Paths
from clustereffects.did._private import bad_option
from clustereffects.did.design_bias import Diagnosis, diagnose, matched_functions
from clustereffects.did.matched import MatchedDiD
from clustereffects.did.path_moments import path_moments
from clustereffects.errors import EstimationError, OptionError, Problem
from clustereffects.matching import Matching
from clustereffects.matching.reliability import Guideline, guideline
from clustereffects.results import Check, Effects, draw

FloatArray = NDArray[np.float64]

_MORE = 2
_EQUAL = 1.05
# Of designs as good as each other, the one that leaves most of the outcome's past to the second difference.
_ORDER = ("covariates", "growth", "lags", "level")


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignComparison:
    """Designs that match on nothing, the level, several levels or the growth of the outcome before joining.

    Parameters
    ----------
    outcome : str
    rows : DataFrame
        As ``table`` shows them.
    biases : DataFrame
        Estimated bias of each design (columns) by event time (index).
    effects : mapping of str to Effects
    matchings : mapping of str to Matching
        Each design that can be had by options of ``Matching``.
    diagnosis : Diagnosis
    rule : Guideline
        What Ham & Miratrix would do.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> import clustereffects as ce
    >>> from clustereffects.did import compare_designs
    >>> options = ce.datasets.ProgrammeOptions(n_firms=2_000, n_members=150, n_organisations=5)
    >>> world = ce.datasets.simulate_programme(options, rng=1)
    >>> panel = ce.Panel(world.frame, unit="firm", time="year", cohort="cohort", group="organisation")
    >>> matching = ce.Matching(on=["log_value_added"], exact=["industry_division", "size_class", "growth_class"], ratio=5)
    >>> found = compare_designs(panel, matching, "log_value_added", lags=2)
    >>> found.table()["design"].tolist(), found.recommended in found.effects
    (['covariates', 'level', 'lags', 'growth'], True)
    """

    outcome: str
    rows: pd.DataFrame
    biases: pd.DataFrame
    effects: Mapping[str, Effects]
    matchings: Mapping[str, Matching]
    diagnosis: Diagnosis
    rule: Guideline

    def table(self) -> pd.DataFrame:
        """One row per design.

        Columns: ``design``, ``matches_on``, ``treated`` and ``controls`` with effects, ``estimate`` and ``std_error`` of
        the overall effect; ``placebo`` at event time −2 and ``placebo_beyond`` in the first period that nobody was
        matched on, with their errors (the first is near zero by construction where −2 was matched on); ``balance``, the
        largest standardised difference of the matching variables, and ``outcome_gap``, that of the outcome at −1;
        ``estimated_bias`` of the overall effect and ``bias_std_error``; ``loss``, the root of squared bias plus squared
        standard error; ``recommended``.
        """
        return self.rows.copy()

    @property
    def recommended(self) -> str:
        """Design with the smallest estimated loss among those that options of ``Matching`` can express.

        Of designs within 5 % of the smallest, the one that matches on least of the outcome: covariates only, growth, levels.
        """
        loss = self.rows.set_index("design")["loss"].loc[list(self.matchings)]
        good = loss.index[loss <= _EQUAL * loss.min()]
        return next(name for name in _ORDER if name in set(good))

    @property
    def matching(self) -> Matching:
        """The recommended design, to be fitted to a panel."""
        return self.matchings[self.recommended]

    def reliability(self, periods: int = 1) -> float:
        """Share of the variance of a mean of so many successive outcomes that is stable."""
        return self.diagnosis.stability.reliability(periods)

    def checks(self) -> list[Check]:
        """How stable the outcome is, how treated units differed before joining, and what follows for the design."""
        return [self._reliability_check(), self._path_check(), self._rule_check(), self._choice_check()]

    def _reliability_check(self) -> Check:
        found, several = self.diagnosis, len(self.diagnosis.moments.gap)
        return Check(
            name="reliability of the outcome before joining",
            verdict="info",
            statistic=self.reliability(),
            message=f"{self.reliability():.2f} of the variance of {self.outcome} in one period is stable (standard error "
            f"{found.reliability_std_error:.2f}), {self.reliability(several):.2f} of that of a mean of {several}; the rest "
            f"has autocorrelation {found.stability.persistence:.2f} and fades after joining if it is matched on",
        )

    def _path_check(self) -> Check:
        path = self.diagnosis.path
        words = {
            "parallel": f"treated units differed by {path.level:.3f} in all periods: nothing speaks against parallel trends",
            "dip": f"treated units joined {path.dip:.3f} away from what is usual for them, which fades after joining",
            "trend": f"treated units moved away from controls by {path.trend:.3f} per period",
            "dip and trend": f"treated units moved away by {path.trend:.3f} per period and joined {path.dip:.3f} away from "
            "what is usual for them",
        }
        return Check(
            name="differences before joining",
            verdict="pass" if path.kind == "parallel" else "warn",
            statistic=path.statistic,
            message=words[path.kind],
            remedy="" if path.kind == "parallel" else "match on what drives the difference; report the estimated bias",
        )

    def _rule_check(self) -> Check:
        rule = self.rule
        known = bool(np.isfinite(rule.slope_after))
        advice = "match" if known and rule.match else "do not match"
        return Check(
            name="rule of Ham & Miratrix",
            verdict="info",
            statistic=rule.reliability,
            threshold=1.0 - abs(1.0 - rule.slope_before / rule.slope_after) if known else float("nan"),
            message=f"{advice} on outcomes before joining: estimated bias {rule.bias_without:.4f} without, "
            f"{rule.bias_with:.4f} with (white noise assumed)",
        )

    def _choice_check(self) -> Check:
        chosen: dict[Any, Any] = self.rows.set_index("design").loc[self.recommended].to_dict()
        large = abs(chosen["estimated_bias"]) > chosen["std_error"]
        return Check(
            name="recommended design",
            verdict="warn" if large else "info",
            statistic=float(chosen["estimated_bias"]),
            threshold=float(chosen["std_error"]),
            message=f"match on {chosen['matches_on']}: estimated bias {chosen['estimated_bias']:.4f} beside a standard error "
            f"of {chosen['std_error']:.4f}",
            remedy="no design here removes the bias: say so beside the estimate" if large else "",
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the estimates of all designs with intervals, and each less its estimated bias; returns the Axes."""
        return draw("designs_plot", self.rows, ax)


def compare_designs(
    panel: Panel, matching: Matching, outcome: str, *, lags: int = 3, estimator: MatchedDiD | None = None
) -> DesignComparison:
    """Fit designs that differ in what of the outcome before joining they match on, and estimate the bias of each.

    Parameters
    ----------
    panel : Panel
    matching : Matching
        What all designs have in common: covariates, exact columns, rules, ratio. Its use of the outcome is ignored.
    outcome : str
    lags : int
        Periods before joining that the designs on several levels and on growth match on; at least 2.
    estimator : MatchedDiD, optional
        Its window is extended to the periods before those.

    Returns
    -------
    DesignComparison

    Raises
    ------
    OptionError
        If there are fewer than two lags.
    ColumnError
        If the outcome does not exist or is not numeric.
    EstimationError
        If the panel has too few periods before joining, nobody can be compared, or no design can be estimated.

    Notes
    -----
    The periods before joining decide, together with the outcomes of *controls* afterwards; no outcome of a treated unit
    from joining on enters the estimated bias. From the controls of the same strata come the stable and the transitory
    part of the outcome and the slopes of later changes on what a design matches on, from the treated the differences
    before joining. The simplest description of these that the data do not contradict (constant; a dip that fades; a
    diverging trend) is carried forward. A design's bias is what remains of it after matching: with a constant
    difference, matching on levels has one, because controls that happened to be as high or as low as the treated return
    to their own mean (Daw & Hatfield 2018); with a dip, matching on nothing has the largest. Designs are ranked by the root
    of squared bias plus squared standard error (Ge & Ham 2025 rank by mean squared error too).

    Candidates for the diagnosis share the exact columns and the horizon of the matching; other rules are not applied there.

    References
    ----------
    Ham & Miratrix (2024), arXiv 2205.08644v5; Ge & Ham (2025), arXiv 2510.20191; Daw & Hatfield (2018), *Health Services
    Research* 53(6); Chabé-Ferret (2017), TSE working paper 17-824.

    Examples
    --------
    >>> compare_designs.__name__
    'compare_designs'
    """
    if not isinstance(lags, int) or lags < 2:
        raise OptionError(bad_option("lags", lags, "a whole number of at least 2"))
    require_columns([outcome], panel.columns)
    estimator = _extended(MatchedDiD() if estimator is None else estimator, lags)
    paths = Paths(panel, matching, outcome, _periods(panel, lags), estimator.window[1])
    diagnosis = _diagnosis(paths)
    options = fits.matchings(matching, outcome, lags)
    fitted = {name: fits.fit(panel, paths, one, estimator) for name, one in options.items()}
    return _comparison(paths, lags, diagnosis, (options, fitted))


def _comparison(paths: Paths, lags: int, diagnosis: Diagnosis, made: tuple[Any, Any]) -> DesignComparison:
    options, fitted = made
    there = {name: one for name, one in fitted.items() if one is not None}
    matchings = {name: one for name, one in options.items() if one is not None and name in there}
    if not matchings:
        raise EstimationError("no design can be estimated: fit the matching and see match.unmatched() for the reasons")
    functions = matched_functions(fits.design_lags(lags), len(diagnosis.moments.gap))
    biases = {name: diagnosis.bias(functions[name]) for name in there}
    rows = pd.DataFrame(
        [
            {
                "design": name,
                "matches_on": fits.WORDS[name].format(last=lags),
                **fits.row(one, paths.outcome, lags),
                "estimated_bias": float(biases[name][0].mean()),
                "bias_std_error": float(biases[name][1][0]),
            }
            for name, one in there.items()
        ]
    )
    rows = rows.astype({"treated": np.int64, "controls": np.int64})
    rows["loss"] = np.hypot(rows["estimated_bias"], rows["std_error"].fillna(0.0))
    result = DesignComparison(
        outcome=paths.outcome,
        rows=rows,
        biases=pd.DataFrame({name: one[0] for name, one in biases.items()}).rename_axis("event_time"),
        effects={name: one.effects for name, one in there.items()},
        matchings=matchings,
        diagnosis=diagnosis,
        rule=_rule(diagnosis),
    )
    return replace(result, rows=rows.assign(recommended=rows["design"] == result.recommended))


def _extended(estimator: MatchedDiD, lags: int) -> MatchedDiD:
    first, last = estimator.window
    return replace(estimator, window=(min(first, -lags - 1), last))


def _periods(panel: Panel, lags: int) -> int:
    """Periods before joining to diagnose from: some more than are matched on, as far as there are any."""
    cohorts = panel.cohorts[np.isfinite(panel.cohorts)]
    seen = int(cohorts.max(initial=0) - panel.times[0]) if len(cohorts) else 0
    if seen < lags:
        raise EstimationError(
            Problem(
                what=f"{seen} periods before the last joining",
                where=f"the panel begins in {panel.times[0]}",
                expected=f"at least {lags}, to match on {lags} lags",
                remedy="compare designs with fewer lags",
            )
        )
    return min(lags + _MORE, seen)


def _diagnosis(paths: Paths) -> Diagnosis:
    try:
        return diagnose(path_moments(paths.cohorts()))
    except ValueError as error:
        raise EstimationError(
            Problem(
                what=str(error),
                where=f"outcome {paths.outcome!r}, {paths.periods} periods before joining",
                expected="treated units and candidates of the same exact strata that are observed before joining",
                remedy="match exactly on fewer columns, or compare designs with fewer lags",
            )
        ) from error


def _rule(diagnosis: Diagnosis) -> Guideline:
    """Mean over event times of what the rule says, as one: the slope after joining is the mean one."""
    moments = diagnosis.moments
    return guideline(moments.covariance, moments.cross[0].mean(axis=0), float(moments.gap[-1]))
