"""A complete study on disk – accounts, lists, survey, interviews, plan – whose truth is written beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import clustereffects.datasets._accounts as _accounts
import clustereffects.datasets._files as _files
import clustereffects.datasets._firms as _firms
import clustereffects.datasets._interviews as _interviews
import clustereffects.datasets._lists as _lists
import clustereffects.datasets._members as _members
import clustereffects.datasets._qdpx as _qdpx
import clustereffects.datasets._survey as _survey
from clustereffects.datasets._catalogue import IndustryKey, industry_key, organisations, resource
from clustereffects.datasets._options import Rule, refuse
from clustereffects.datasets._region_truth import Region, claim_states, region_truth
from clustereffects.datasets.simulate import SCENARIOS

SMALLEST_ORGANISATION = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOptions:
    """Options of `simulate_region`.

    Parameters
    ----------
    n_firms, n_organisations, n_members, n_interviews : int
        Sizes; at most twelve organisations, at least fifteen members each, at most a third of the 30 % of the firms
        that are in the region.
    first_year, last_year : int
        Years of the accounts; the survey waves are the last three.
    scenario : {"baseline", "null", "violated", "heterogeneous", "spillover"}
        ``null``: nothing has an effect. ``violated``: members' untreated value added deviates from event time −4 on.
        ``heterogeneous``: effects scatter twice as much. ``spillover``: the spillover is three times as large.
    effect_mean, effect_sd, firm_effect_sd : float
        Long-run effect on log value added: mean and spread over organisations, spread over their members.
    null_organisations, negative_organisations : int
        Organisations without any effect, and with a negative mean effect.
    profile : tuple of float
        Share of the long-run effect at event times 0, 1, …
    spillover : float
        Effect, in log points, on never-members of a county and industry division with members; zero switches it off.
    violation : float
        Deviation per year in the scenario ``violated``.
    support : float
        Effect of other public support, which members receive more often.
    dirty : bool
        Spoil lists and accounts as real ones are; ``False`` leaves only missing cells and losses.
    seed : int
        Seed written into the plan, for the analysis; the data depend on ``rng``.

    Raises
    ------
    OptionError
        If options contradict each other; all problems are listed.

    Examples
    --------
    >>> RegionOptions(n_firms=3_000, n_members=150).n_organisations
    8
    """

    n_firms: int = 6_000
    n_organisations: int = 8
    n_members: int = 300
    n_interviews: int = 60
    first_year: int = 2000
    last_year: int = 2013
    scenario: str = "baseline"
    effect_mean: float = 0.06
    effect_sd: float = 0.06
    firm_effect_sd: float = 0.03
    null_organisations: int = 1
    negative_organisations: int = 1
    profile: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    spillover: float = -0.01
    violation: float = 0.015
    support: float = 0.02
    dirty: bool = True
    seed: int = 2013

    def __post_init__(self) -> None:
        refuse(_rules(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRegion:
    """A study that was written to a folder.

    Parameters
    ----------
    folder : Path
        Where it lies.
    files : tuple of str
        Names of all files written.
    truth : mapping
        Content of ``truth.json``.
    options : RegionOptions
        What it was made with.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     region = simulate_region(folder, RegionOptions(n_firms=2_000, n_members=120, n_interviews=8), rng=1)
    >>> region.study.name
    'study.toml'
    """

    folder: Path
    files: tuple[str, ...]
    truth: Mapping[str, Any] = field(repr=False)
    options: RegionOptions

    @property
    def study(self) -> Path:
        """The plan."""
        return self.folder / "study.toml"


def simulate_region(
    folder: str | Path, options: RegionOptions | None = None, *, rng: int | np.random.Generator | None = None
) -> SimulatedRegion:
    """Write a complete study with known truth to a folder.

    Parameters
    ----------
    folder : str or Path
        Created if it does not exist; files of the same names are overwritten.
    options : RegionOptions, optional
        Sizes, scenario, effects.
    rng : int or Generator, optional
        Seed; the same seed gives the same bytes.

    Returns
    -------
    SimulatedRegion

    Raises
    ------
    OptionError
        From `RegionOptions`, before anything is written.
    OSError
        If the folder cannot be written.

    Notes
    -----
    Growth follows industry trends and a random walk, so growth that has happened stays and says nothing about the
    future. Most organisations recruit firms that have just grown: comparing growth over a fixed window with the
    county's misleads, while comparing with firms of the same industry, size and past growth outside the region does
    not (scenario ``violated`` excepted). Effects stay after a member leaves.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     region = simulate_region(folder, RegionOptions(n_firms=2_000, n_members=120, n_interviews=8), rng=1)
    >>> len(region.files), region.truth["programme"]["members"]
    (17, 120)
    """
    options = RegionOptions() if options is None else options
    seeds = np.random.default_rng(rng).integers(2**63, size=5)
    economy, lists, answers, talks, identifiers = (np.random.default_rng(int(seed)) for seed in seeds)
    key = industry_key()
    region = _draw_region(options, key, economy, lists)
    n_asked = round(0.6 * options.n_members)
    survey = _survey.draw_survey(region.world, region.programme, n_asked, answers)
    interviews = _draw_interviews(region, survey, options, talks)
    truth = _settings(options) | region_truth(region, survey, interviews)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_accounts(folder, region, key, options, lists)
    names = _write_survey(folder, survey)
    _write_interviews(folder, interviews, identifiers)
    _write_plan(folder, options, names)
    _files.write_json(folder / "truth.json", truth)
    return SimulatedRegion(folder=folder, files=_names(names), truth=truth, options=options)


def _draw_region(
    options: RegionOptions, key: IndustryKey, economy: np.random.Generator, lists: np.random.Generator
) -> Region:
    effects = _effects(options)
    chosen = organisations()[: options.n_organisations]
    world = _firms.draw_world(options.n_firms, (options.first_year, options.last_year), key, economy)
    programme = _members.draw_programme(world, chosen, options.n_members, effects, economy)
    world = _members.with_mill(world, programme.mill)
    parts = _members.draw_contributions(world, programme, effects, economy)
    index = _accounts.price_index(world.years, min(2010, options.last_year))
    logs = world.untreated + parts.total
    accounts = _accounts.draw_accounts(world, logs, key, index, dirty=options.dirty, rng=economy)
    members = _lists.member_list(world, programme, dirty=options.dirty, rng=lists)
    return Region(world, chosen, programme, parts, accounts, members)


def _effects(options: RegionOptions) -> _members.Effects:
    """What the scenario makes of the options."""
    working = 0.0 if options.scenario == "null" else 1.0
    return _members.Effects(
        mean=working * options.effect_mean,
        between=working * options.effect_sd * (2.0 if options.scenario == "heterogeneous" else 1.0),
        within=working * options.firm_effect_sd,
        null=options.null_organisations,
        negative=options.negative_organisations,
        profile=options.profile,
        spillover=working * options.spillover * (3.0 if options.scenario == "spillover" else 1.0),
        violation=options.violation if options.scenario == "violated" else 0.0,
        support=working * options.support,
    )


def _draw_interviews(
    region: Region, survey: _survey.Survey, options: RegionOptions, rng: np.random.Generator
) -> tuple[_interviews.Interview, ...]:
    states = []
    for number, mu in enumerate(region.programme.mu):
        own = {scale: float(values[number]) for scale, values in survey.response.own.items()}
        states.append({claim: str(entry["state"]) for claim, entry in claim_states(mu, own).items()})
    return _interviews.draw_interviews(region.organisations, states, options.n_interviews, rng)


def _settings(options: RegionOptions) -> dict[str, Any]:
    settings = asdict(options) | {"profile": list(options.profile)}
    years = [settings.pop("first_year"), settings.pop("last_year")]
    scenario, n_firms = settings.pop("scenario"), settings.pop("n_firms")
    head = {"schema": 1, "scenario": scenario, "settings": settings, "n_firms": n_firms, "years": years}
    return head | {"profile": list(options.profile)}


def _write_accounts(
    folder: Path, region: Region, key: IndustryKey, options: RegionOptions, rng: np.random.Generator
) -> None:
    years = region.world.years
    index = _accounts.price_index(years, min(2010, options.last_year))
    _files.write_parquet(folder / "accounts.parquet", region.accounts.frame)
    organisation = _lists.organisation_table(region.organisations, region.programme.started)
    _files.write_csv(folder / "organisations.csv", organisation)
    _files.write_csv(folder / "members.csv", region.members.frame, separator=";", mark=True)
    _files.write_csv(folder / "deflator.csv", pd.DataFrame({"year": years, "index": index}))
    _files.write_csv(folder / "industry_key.csv", _lists.industry_table(key))
    _files.write_csv(folder / "supports.csv", _lists.supports_table(region.world, region.contributions, rng))


def _write_survey(folder: Path, survey: _survey.Survey) -> list[str]:
    """One wave in each format: semicolons, spreadsheet, online service with two header rows."""
    (first, plain), (second, sheet), (third, online) = survey.waves.items()
    names = [f"survey_{first}.csv", f"survey_{second}.xlsx", f"survey_{third}.csv"]
    _files.write_csv(folder / names[0], plain, separator=";")
    title = f"Medlemsenkät {second} – svar per den 30 november"
    _files.write_spreadsheet(folder / names[1], title, sheet.set_axis(list(_survey.spreadsheet_headers()), axis=1))
    texts = ["Start Date", "Finished", *_survey.ONLINE_HEADERS, *(item.text for item in _survey.items())]
    online = online.astype(object)
    online.insert(0, "StartDate", f"{third}-10-14 09:00:00")
    online.insert(1, "Finished", 1)
    heading = pd.DataFrame([texts], columns=online.columns, dtype=object)
    _files.write_csv(folder / names[2], pd.concat([heading, online], ignore_index=True), mark=True)
    _files.write_csv(folder / "survey_frame.csv", survey.frame)
    return names


def _write_interviews(folder: Path, interviews: tuple[_interviews.Interview, ...], rng: np.random.Generator) -> None:
    _files.write_zip(folder / "interviews.qdpx", _qdpx.project_files(interviews, rng))
    _files.write_csv(folder / "codings.csv", _interviews.coding_table(interviews))


def _write_plan(folder: Path, options: RegionOptions, survey: list[str]) -> None:
    _files.write_csv(folder / "bridge.csv", _lists.bridge_table(options.last_year))
    _files.write_text(folder / "codebook.toml", _lists.codebook_text(_survey.spreadsheet_headers()))
    _files.write_text(folder / "theory.toml", resource("theory.toml"))
    plan = _lists.study_text(options.first_year, options.last_year, options.seed, survey)
    _files.write_text(folder / "study.toml", plan)


def _names(survey: list[str]) -> tuple[str, ...]:
    accounts = (
        "accounts.parquet",
        "organisations.csv",
        "members.csv",
        "deflator.csv",
        "industry_key.csv",
        "supports.csv",
    )
    talks = ("interviews.qdpx", "codings.csv", "bridge.csv")
    return (*accounts, *survey, "survey_frame.csv", *talks, "codebook.toml", "theory.toml", "study.toml", "truth.json")


def _rules(options: RegionOptions) -> list[Rule]:
    smallest = SMALLEST_ORGANISATION * options.n_organisations
    largest = int(_firms.REGION_SHARE * options.n_firms / 3)
    special = options.null_organisations + options.negative_organisations
    known = len(organisations())
    spreads = min(options.effect_sd, options.firm_effect_sd)
    return [
        (options.scenario in SCENARIOS, "scenario", options.scenario, "one of " + ", ".join(SCENARIOS)),
        (1 <= options.n_organisations <= known, "n_organisations", options.n_organisations, f"1 to {known}"),
        (smallest <= options.n_members <= largest, "n_members", options.n_members, f"{smallest} to {largest}"),
        (options.n_interviews >= 1, "n_interviews", options.n_interviews, "at least 1"),
        (options.last_year - options.first_year >= 11, "last_year", options.last_year, "twelve years or more"),
        (special <= options.n_organisations, "null_organisations", special, "at most all, with the negative ones"),
        (len(options.profile) > 0, "profile", options.profile, "at least one share"),
        (spreads >= 0, "effect_sd, firm_effect_sd", spreads, "zero or more"),
    ]
