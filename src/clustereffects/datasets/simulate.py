"""A firm panel with staggered membership in cluster organisations and effects that are known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

import clustereffects.datasets._programme as parts
from clustereffects.datasets._options import Rule, refuse
from clustereffects.datasets._programme import Floats, Ints
from clustereffects.datasets.truth import OUTCOMES, ProgrammeTruth, true_effect

SCENARIOS = ("baseline", "null", "violated", "heterogeneous", "spillover")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeOptions:
    """Options of `simulate_programme`.

    Parameters
    ----------
    n_firms, n_organisations, n_members : int
        Sizes; at least five members per organisation, at most half of the 30 % of the firms that are in the region.
    first_year, last_year : int
        Years of the panel, both included.
    first_cohort, last_cohort : int
        Joining years; equal values make a single cohort.
    scenario : {"baseline", "null", "violated", "heterogeneous", "spillover"}
        ``baseline``: parallel trends hold within industry division × size class × growth class, not across them.
        ``null``: membership does nothing. ``violated``: members' untreated growth deviates from event time −4 on.
        ``heterogeneous``: effects scatter twice as much between organisations, are larger in small firms and fade from
        early to late cohorts. ``spillover``: never-members next to members (same county and division) lose.
    effect_mean, effect_sd : float
        Mean and standard deviation over organisations of the long-run effect on log value added; employees get 0.4 and
        turnover 0.8 of it.
    firm_effect_sd : float
        Standard deviation of the members' effects around their organisation's.
    null_organisations : int
        The last so many organisations have no effect on any member.
    profile : tuple of float
        Share of the long-run effect reached at event times 0, 1, …; the last entry holds afterwards.
    selection : float
        Strength of the selection of members on size, growth and industry; 0 = random joining within the region.
    shock_sd, shock_persistence : float
        Standard deviation and first-order autocorrelation of the firms' shocks.
    organisation_shock_sd : float
        Standard deviation of a yearly shock shared by all members of an organisation and, for never-members, by all
        firms of one of ``n_comparison_clusters`` clusters (column ``cluster``).
    n_comparison_clusters : int
        Clusters of never-members.
    violation : float
        Deviation per year in the scenario ``violated``.
    spillover : float
        Log points in the scenario ``spillover``.
    exit_rate : float
        Yearly probability that a firm leaves the panel for good, at random.

    Raises
    ------
    OptionError
        If options contradict each other; all problems are listed.

    Examples
    --------
    >>> ProgrammeOptions(scenario="null").effects
    (0.0, 0.0, 0.0)
    """

    n_firms: int = 10_000
    n_organisations: int = 12
    n_members: int = 600
    first_year: int = 2000
    last_year: int = 2013
    first_cohort: int = 2004
    last_cohort: int = 2010
    scenario: str = "baseline"
    effect_mean: float = 0.05
    effect_sd: float = 0.06
    firm_effect_sd: float = 0.03
    null_organisations: int = 0
    profile: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    selection: float = 1.0
    shock_sd: float = 0.2
    shock_persistence: float = 0.5
    organisation_shock_sd: float = 0.0
    n_comparison_clusters: int = 20
    violation: float = 0.015
    spillover: float = -0.03
    exit_rate: float = 0.0

    def __post_init__(self) -> None:
        refuse(_size_rules(self) + _value_rules(self))

    @property
    def effects(self) -> tuple[float, float, float]:
        """Mean, standard deviation between organisations and between members that the scenario implies."""
        if self.scenario == "null":
            return 0.0, 0.0, 0.0
        factor = 2.0 if self.scenario == "heterogeneous" else 1.0
        return self.effect_mean, factor * self.effect_sd, self.firm_effect_sd


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedProgramme:
    """A simulated panel and the truth behind it.

    Parameters
    ----------
    frame : DataFrame
        One row per firm and year, sorted: ``firm, year, cohort`` (NaN = never), ``organisation`` (missing = never),
        ``cluster, county, industry_division, size_class, growth_class, log_value_added, log_employees, log_turnover,
        value_added`` (kSEK, constant prices)``, employees, turnover``.
    truth : ProgrammeTruth
        Realised effects.
    untreated : DataFrame
        The three log outcomes without membership (spillovers and violations included), row by row as ``frame``.
    options : ProgrammeOptions
        What it was made with.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> world = simulate_programme(ProgrammeOptions(n_firms=500, n_members=50, n_organisations=3), rng=0)
    >>> world.frame.shape, len(world.untreated)
    ((7000, 15), 7000)
    """

    frame: pd.DataFrame = field(repr=False)
    truth: ProgrammeTruth = field(repr=False)
    untreated: pd.DataFrame = field(repr=False)
    options: ProgrammeOptions


def simulate_programme(
    options: ProgrammeOptions | None = None, *, rng: int | np.random.Generator | None = None
) -> SimulatedProgramme:
    """Simulate firms, of which some join cluster organisations, with known effects.

    Parameters
    ----------
    options : ProgrammeOptions, optional
        Sizes, scenario, effects; the default is a baseline programme of 10,000 firms.
    rng : int or Generator, optional
        Seed.

    Returns
    -------
    SimulatedProgramme

    Raises
    ------
    OptionError
        From `ProgrammeOptions`, before anything is drawn.

    Notes
    -----
    The outcome ``k`` of firm ``i`` in year ``t`` is ``y = level + reach_k · (λ_t + trend_x · (t − t0)) + shock +
    reach_k · θ_i · profile(t − cohort_i)`` with ``trend_x`` fixed by industry division, size class and growth class, all
    three observed. Members are selected on the same three and on the county, so that comparing growth with the
    county's other firms misleads although trends are parallel within the cells. ``reach`` is 1, 0.4 and 0.8.

    Examples
    --------
    >>> world = simulate_programme(ProgrammeOptions(n_firms=2_000, n_members=200), rng=1)
    >>> world.frame[["firm", "year", "cohort"]].shape
    (28000, 3)
    >>> round(world.truth.programme["log_value_added"].overall_0_5, 3) != 0
    True
    """
    options = ProgrammeOptions() if options is None else options
    rng = np.random.default_rng(rng)
    years = np.arange(options.first_year, options.last_year + 1)
    firms = parts.draw_firms(options.n_firms, rng)
    joining = _draw_joining(firms, options, rng)
    mu, theta = _draw_effects(firms, joining, options, rng)
    event_time = parts.event_times(joining.cohort, years)
    violation = parts.violation_at(event_time, options.violation if options.scenario == "violated" else 0.0)
    spill = parts.exposed(firms, joining, years) * (options.spillover if options.scenario == "spillover" else 0.0)
    cluster = _draw_clusters(joining, options, rng)
    untreated = _untreated(firms, years, options, rng)
    untreated += (violation + spill + _cluster_shocks(cluster, years.size, options, rng))[:, :, None] * parts.REACH
    effect = (theta[:, None] * parts.profile_at(event_time, options.profile))[:, :, None] * parts.REACH
    kept = _observed(options, years.size, rng)
    index = _index_frame(firms, joining, cluster, years)[kept.ravel()].reset_index(drop=True)
    contributions = _contributions(index, effect[kept], event_time[kept])
    truth = _truth(contributions, mu, event_time[kept], violation[kept], spill[kept])
    return SimulatedProgramme(
        frame=_with_outcomes(index, (untreated + effect)[kept]),
        truth=truth,
        untreated=pd.DataFrame(untreated[kept], columns=list(OUTCOMES)),
        options=options,
    )


def _draw_joining(firms: parts.Firms, options: ProgrammeOptions, rng: np.random.Generator) -> parts.Joining:
    sizes = parts.draw_sizes(options.n_members, options.n_organisations, rng)
    organisation = parts.draw_organisations(firms, sizes, options.selection, rng)
    return parts.Joining(
        organisation, parts.draw_cohorts(organisation, (options.first_cohort, options.last_cohort), rng)
    )


def _draw_effects(
    firms: parts.Firms, joining: parts.Joining, options: ProgrammeOptions, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    mean, between, within = options.effects
    mu = rng.normal(mean, between, options.n_organisations)
    effective = np.arange(options.n_organisations) < options.n_organisations - options.null_organisations
    mu[~effective] = 0.0
    member = joining.organisation >= 0
    theta = np.where(member, mu[joining.organisation], 0.0) + rng.normal(0, within, member.size)
    if options.scenario == "heterogeneous":
        age = (options.last_cohort - np.nan_to_num(joining.cohort)) / max(1, options.last_cohort - options.first_cohort)
        theta = theta * np.array([1.5, 0.8, 0.4])[firms.size] * (0.5 + age)
    return mu, np.where(member & effective[joining.organisation], theta, 0.0)


def _draw_clusters(joining: parts.Joining, options: ProgrammeOptions, rng: np.random.Generator) -> Ints:
    comparison = options.n_organisations + rng.integers(options.n_comparison_clusters, size=joining.organisation.size)
    return np.where(joining.organisation >= 0, joining.organisation, comparison)


def _cluster_shocks(cluster: Ints, n_years: int, options: ProgrammeOptions, rng: np.random.Generator) -> Floats:
    n_clusters = options.n_organisations + options.n_comparison_clusters
    return np.asarray(rng.normal(0, options.organisation_shock_sd, (n_clusters, n_years))[cluster])


def _untreated(firms: parts.Firms, years: Ints, options: ProgrammeOptions, rng: np.random.Generator) -> Floats:
    common = parts.draw_year_effects(years, rng)
    growth = common[None, :] + firms.trend[:, None] * (years - years[0])
    shocks = parts.draw_shocks((options.n_firms, years.size), options.shock_sd, options.shock_persistence, rng)
    return np.asarray(firms.levels[:, None, :] + growth[:, :, None] * parts.REACH + shocks)


def _observed(options: ProgrammeOptions, n_years: int, rng: np.random.Generator) -> np.ndarray:
    left = rng.random((options.n_firms, n_years)) < options.exit_rate
    left[:, 0] = False
    return ~np.logical_or.accumulate(left, axis=1)


def _index_frame(firms: parts.Firms, joining: parts.Joining, cluster: Ints, years: Ints) -> pd.DataFrame:
    n_organisations = int(joining.organisation.max()) + 1
    names = np.array([*(f"O{number:02d}" for number in range(1, n_organisations + 1)), None], dtype=object)
    clusters = [f"C{number:02d}" for number in range(1, int(cluster.max()) - n_organisations + 2)]
    columns: dict[str, np.ndarray] = {
        "cohort": joining.cohort,
        "organisation": names[joining.organisation],
        "cluster": np.array([*names[:-1], *clusters], dtype=object)[cluster],
        "county": np.array(parts.COUNTIES, dtype=object)[firms.county],
        "industry_division": np.array(parts.DIVISIONS, dtype=object)[firms.division],
        "size_class": np.array(parts.SIZE_CLASSES, dtype=object)[firms.size],
        "growth_class": np.array(parts.GROWTH_CLASSES, dtype=object)[firms.growth],
    }
    index = pd.DataFrame({"firm": np.arange(1, cluster.size + 1)}).assign(**columns)
    index = index.loc[index.index.repeat(years.size)].reset_index(drop=True)
    index.insert(1, "year", np.tile(years, cluster.size))
    return index


def _with_outcomes(index: pd.DataFrame, outcomes: Floats) -> pd.DataFrame:
    logs = dict(zip(OUTCOMES, outcomes.T, strict=True))
    levels = {name.removeprefix("log_"): np.exp(values) for name, values in logs.items()}
    return index.assign(**logs, **levels)


def _contributions(index: pd.DataFrame, effect: Floats, event_time: Floats) -> pd.DataFrame:
    after = event_time >= 0
    rows = index.loc[after, ["firm", "year", "cohort", "organisation"]].reset_index(drop=True)
    columns = dict(zip(OUTCOMES, effect[after].T, strict=True))
    return rows.assign(event_time=event_time[after].astype(np.int64), **columns)


def _truth(
    contributions: pd.DataFrame, mu: Floats, event_time: Floats, violation: Floats, spill: Floats
) -> ProgrammeTruth:
    names = [f"O{number:02d}" for number in range(1, mu.size + 1)]
    groups = {name: contributions[contributions["organisation"] == name] for name in names}
    near = {time: violation[event_time == time] for time in range(parts.VIOLATION_START, 6)}
    return ProgrammeTruth(
        programme=MappingProxyType({name: true_effect(contributions, name) for name in OUTCOMES}),
        organisations=MappingProxyType(
            {
                name: MappingProxyType({outcome: true_effect(rows, outcome) for outcome in OUTCOMES})
                for name, rows in groups.items()
            }
        ),
        mu=MappingProxyType(dict(zip(names, mu.tolist(), strict=True))),
        contributions=contributions,
        violation=MappingProxyType({time: float(part.mean()) for time, part in near.items() if part.size}),
        spillover=float(spill[spill != 0].mean()) if np.any(spill != 0) else 0.0,
    )


def _size_rules(options: ProgrammeOptions) -> list[Rule]:
    smallest = parts.MINIMUM_ORGANISATION * options.n_organisations
    largest = math.floor(0.5 * parts.REGION_SHARE * options.n_firms)
    years = (options.first_year, options.first_cohort, options.last_cohort, options.last_year)
    calendar = years[0] < years[1] <= years[2] <= years[3]
    named = "first_year, first_cohort, last_cohort, last_year"
    nulls = options.null_organisations
    return [
        (options.n_organisations >= 1, "n_organisations", options.n_organisations, "at least 1"),
        (options.n_comparison_clusters >= 1, "n_comparison_clusters", options.n_comparison_clusters, "at least 1"),
        (smallest <= options.n_members <= largest, "n_members", options.n_members, f"{smallest} to {largest}"),
        (calendar, named, years, "rising years, at least one before the first cohort"),
        (0 <= nulls <= options.n_organisations, "null_organisations", nulls, f"0 to {options.n_organisations}"),
    ]


def _value_rules(options: ProgrammeOptions) -> list[Rule]:
    spreads = ("effect_sd", "firm_effect_sd", "shock_sd", "organisation_shock_sd", "selection")
    return [
        (options.scenario in SCENARIOS, "scenario", options.scenario, "one of " + ", ".join(SCENARIOS)),
        (len(options.profile) > 0, "profile", options.profile, "at least one share"),
        (abs(options.shock_persistence) < 1, "shock_persistence", options.shock_persistence, "a value inside (−1, 1)"),
        (0 <= options.exit_rate < 1, "exit_rate", options.exit_rate, "a probability below 1"),
        *((getattr(options, name) >= 0, name, getattr(options, name), "zero or more") for name in spreads),
    ]
