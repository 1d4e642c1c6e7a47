"""The first perspective of a study: panel, matched control firms, effects, partial pooling, and what is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from clustereffects.accounts import (
    GrowthComparison,
    PanelFrame,
    PanelOptions,
    build_panel_frame,
    compare_growth,
    evaluable_members,
)
from clustereffects.bayes import HierarchicalEffects, PosteriorEffects
from clustereffects.data import Panel
from clustereffects.did import DesignComparison, GroupTimeDiD, MatchedDiD, TwoWayFixedEffects
from clustereffects.errors import EstimationError
from clustereffects.matching import Match, Matching, exposed
from clustereffects.results import Check, Cluster, Effects
from clustereffects.study._diagnosis import compared_designs, dropped_from
from clustereffects.study._matching import REGION, lasting_rules, matching_with
from clustereffects.study.effect_sets import EffectSet, at_both_levels, effect_set
from clustereffects.study.growth import GROWS, mean_growth
from clustereffects.study.inputs import Inputs
from clustereffects.study.plan import Plan


@dataclass(frozen=True, kw_only=True, eq=False)
class FirmData:
    """Firm-years and who among the members can be evaluated.

    Parameters
    ----------
    table : PanelFrame
    panel : Panel
        Members that can be evaluated and all firms that were never members.
    barred : Index
        Firms that the rules of the plan keep from being a control of whatever member.
    evaluable : DataFrame
        One row per dated member with the reason if it cannot be evaluated.
    naive : GrowthComparison
        Members' growth against county and industry: what one would otherwise have believed.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> sorted(FirmData.__dataclass_fields__)
    ['barred', 'evaluable', 'naive', 'panel', 'table']
    """

    table: PanelFrame
    panel: Panel
    barred: pd.Index[Any]
    evaluable: pd.DataFrame
    naive: GrowthComparison


@dataclass(frozen=True, kw_only=True, eq=False)
class FirmEffects:
    """Effects on the member firms.

    Parameters
    ----------
    match : Match
    effects : mapping of (str, str) to EffectSet
        By estimator and outcome.
    two_way : mapping of str to Effects
        Two-way fixed effects by outcome.
    pooled : mapping of str to PosteriorEffects
        Organisations' effects partially pooled, by outcome.
    primary : str
        Estimator whose effects enter the triangulation.
    findings : tuple of Check
        What could not be estimated and why.
    dropped : DataFrame, optional
        Members without comparison firms beside the others; ``None`` if there are none.
    designs : DesignComparison, optional
        Other ways of matching on the years before joining, by the first outcome.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> "primary" in FirmEffects.__dataclass_fields__
    True
    """

    match: Match
    effects: Mapping[tuple[str, str], EffectSet]
    two_way: Mapping[str, Effects]
    pooled: Mapping[str, PosteriorEffects]
    primary: str
    findings: tuple[Check, ...] = ()
    dropped: pd.DataFrame | None = None
    designs: DesignComparison | None = None


def prepare(plan: Plan, inputs: Inputs) -> FirmData:
    """Firm-years from the files of a study.

    Parameters
    ----------
    plan : Plan
    inputs : Inputs

    Returns
    -------
    FirmData

    Raises
    ------
    InputError
        If the deflator does not cover the years or the panel is not valid.

    Examples
    --------
    >>> prepare.__name__
    'prepare'
    """
    years = inputs.accounts.frame["year"]
    base_year = plan.outcomes.base_year or int(years.max())
    options = PanelOptions(base_year=base_year, required_return=plan.outcomes.required_return)
    table = build_panel_frame(
        inputs.accounts, inputs.members, inputs.deflator, inputs.industry_key, options, inputs.supports
    )
    evaluable = _evaluable(plan, inputs, table.frame)
    others = ~table.frame["firm"].isin(evaluable.loc[evaluable["reason"] != "", "firm"])
    near = _of_the_region(plan, table.frame)
    frame = table.frame.assign(
        **{REGION: near & table.frame["cohort"].isna()},
        growth=mean_growth(table.frame, GROWS, plan.matching.lags - 1),
    )
    panel = Panel(
        frame[others], unit="firm", time="year", cohort="cohort", group="organisation", cluster="organisation"
    )
    near_members = exposed(panel, lasting_rules(plan.matching))
    return FirmData(
        table=table,
        panel=panel,
        barred=pd.Index(near_members.loc[near_members["rule"] != "", "unit"]),
        evaluable=evaluable,
        naive=compare_growth(table.frame, inputs.members, inputs.organisations.county, window=_window(years)),
    )


def _of_the_region(plan: Plan, frame: pd.DataFrame) -> pd.Series[bool]:
    """Firms that were ever in the study's counties, where the programme may have touched them; nobody if all were.

    Without counties in the plan: those of the members.
    """
    outside = frame["cohort"].isna()
    home = plan.study.counties or tuple(frame.loc[~outside, "county"].dropna().unique())
    near: pd.Series[bool] = frame["firm"].isin(frame.loc[frame["county"].isin(home), "firm"])
    elsewhere = plan.matching.donor_pool == "other counties" and bool((outside & ~near).any())
    return near if elsewhere else near & ~near


def _evaluable(plan: Plan, inputs: Inputs, frame: pd.DataFrame) -> pd.DataFrame:
    """Members with the years that the plan asks for, by its first outcome, and why the others are left out."""
    years = plan.population.minimum_pre_years
    lead, lookback = f"log_{plan.outcomes.names[0]}", max(plan.matching.lags, years)
    return evaluable_members(frame, inputs.members, lead, minimum_pre_years=years, lookback=lookback)


def matching_of(plan: Plan) -> Matching:
    """The matching that a plan describes: levels in the year before joining, and growth over the years before that.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Matching

    Raises
    ------
    OptionError
        If the plan asks for what the matching cannot do.

    Examples
    --------
    >>> from pathlib import Path
    >>> matching_of(Plan(folder=Path())).ratio
    5
    """
    return matching_with(plan.matching, plan.estimator.event_times[1])


def _window(years: pd.Series) -> tuple[int, int]:
    """The last year and the one five years before, or the first there is."""
    last = int(years.max())
    return max(int(years.min()), last - 5), last


def estimate(plan: Plan, data: FirmData, horizons: frozenset[int] = frozenset()) -> FirmEffects:
    """Match, estimate the effects on every outcome with every estimator, and pool over the organisations.

    Parameters
    ----------
    plan : Plan
    data : FirmData
    horizons : frozenset of int
        Years after joining from which the claims of the theory count.

    Returns
    -------
    FirmEffects

    Raises
    ------
    EstimationError
        If no member can be matched, or the plan's estimator cannot estimate its first outcome. What else cannot be
        estimated is a finding.

    Examples
    --------
    >>> estimate.__name__
    'estimate'
    """
    match = matching_of(plan).fit(data.panel)
    donors = _donor_panel(data.panel, data.barred)
    window = (plan.estimator.event_times[0], plan.estimator.event_times[1])
    estimator = MatchedDiD(variance=_variance(plan), window=window)
    fits: dict[str, Callable[[str], Effects]] = {
        "matched_did": partial(estimator.fit, match),
        "group_time_did": partial(group_time_of(plan).fit, donors),
    }
    outcomes = [f"log_{name}" for name in plan.outcomes.names]
    effects: dict[tuple[str, str], EffectSet] = {}
    two_way: dict[str, Effects] = {}
    pooled: dict[str, PosteriorEffects] = {}
    findings: list[Check] = []
    beside: dict[str, Any] = {}
    with _unless(False, "members without comparison firms", findings):
        beside["dropped"] = dropped_from(plan, match, estimator)
    with _unless(False, "other ways of matching", findings):
        beside["designs"] = compared_designs(plan, data.panel, estimator)
    for outcome in outcomes:
        for kind, fit in fits.items():
            with _unless((kind, outcome) == (plan.estimator.kind, outcomes[0]), f"{kind} of {outcome}", findings):
                effects[kind, outcome] = effect_set(fit(outcome), horizons, window)
        with _unless(False, f"two-way regression of {outcome}", findings):
            two_way[outcome] = TwoWayFixedEffects().fit(donors, outcome)
        with _unless(False, f"partial pooling of {outcome}", findings):
            if (plan.estimator.kind, outcome) in effects:
                per_organisation = effects[plan.estimator.kind, outcome].by["group"]
                pooled[outcome] = HierarchicalEffects().fit(per_organisation, rng=plan.study.seed)
    return FirmEffects(
        match=match,
        effects=effects,
        two_way=two_way,
        pooled=pooled,
        primary=plan.estimator.kind,
        findings=tuple(findings),
        **beside,
    )


@contextmanager
def _unless(essential: bool, what: str, findings: list[Check]) -> Iterator[None]:  # noqa: FBT001
    """Note what cannot be estimated among the findings, unless the study is about it."""
    try:
        yield
    except EstimationError as error:
        if essential:
            raise
        findings.append(Check(name=what, verdict="warn", message=str(error)))


def group_time_of(plan: Plan) -> GroupTimeDiD:
    """The group-time estimator of a plan: regression on growth before joining and what is matched exactly.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    GroupTimeDiD

    Raises
    ------
    OptionError
        If the plan asks for what the estimator cannot do.

    Examples
    --------
    >>> from pathlib import Path
    >>> group_time_of(Plan(folder=Path())).method
    'reg'
    """
    return GroupTimeDiD(
        control="not_yet_treated",
        method="reg",
        covariates=" + ".join(["growth", *(f"C({name})" for name in plan.matching.exact)]),
        by_group=plan.estimator.kind == "group_time_did",
        variance=_variance(plan),
    )


def _variance(plan: Plan) -> Cluster | None:
    """By firm where the plan says so; otherwise at the level at which treatment was assigned, the organisation."""
    return Cluster("firm") if plan.estimator.cluster == "firm" else None


def assignment_check(overall: Effects) -> Check:
    """The programme's standard error by firm and by organisation, side by side.

    Parameters
    ----------
    overall : Effects
        Effect on the whole programme.

    Returns
    -------
    Check

    Raises
    ------
    NotStoredError
        If the influence function was not stored.

    Examples
    --------
    >>> assignment_check.__name__
    'assignment_check'
    """
    by_firm, by_organisation = at_both_levels(overall)
    organisations = f"{by_organisation.std_errors.iloc[0]:.4f} ({by_organisation.uncertainty.convention})"
    return Check(
        name="standard error at the level of assignment",
        verdict="info",
        statistic=float(by_organisation.std_errors.iloc[0]),
        message=f"members join organisation by organisation: standard error {organisations}; by firm "
        f"{by_firm.std_errors.iloc[0]:.4f}, if nothing but membership moves an organisation's members together",
    )


def _donor_panel(panel: Panel, barred: pd.Index[Any]) -> Panel:
    """The members and the firms that may be their controls."""
    frame, roles = panel.frame, panel.roles
    return Panel(
        frame[~frame["firm"].isin(barred)],
        unit=str(roles["unit"]),
        time=str(roles["time"]),
        cohort=roles["cohort"],
        group=roles["group"],
        cluster=panel.cluster,
    )
