"""Array parts of the simulated programme: firms, joining, effects, shocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNTIES = ("17", "20", "21", "01", "03", "05", "06", "08", "12", "14")
REGION_COUNTIES = 3
REGION_SHARE = 0.3
DIVISIONS = ("10", "16", "17", "24", "25", "28", "43", "46", "62", "71")
SIZE_CLASSES = ("1-9", "10-49", "50-249")
GROWTH_CLASSES = ("slow", "steady", "fast")
# Growth per year (log points) that an industry, a size class and a growth class bring with them.
DIVISION_TREND = np.array([0.0, -0.01, -0.015, -0.01, 0.0, 0.01, 0.0, 0.005, 0.025, 0.015])
SIZE_TREND = np.array([0.0, 0.004, 0.008])
GROWTH_TREND = np.array([-0.02, 0.0, 0.02])
# How much of an effect, trend or common shock reaches value added, employees and turnover.
REACH = np.array([1.0, 0.4, 0.8])
MINIMUM_ORGANISATION = 5
CRISIS = {2009: -0.08, 2010: 0.03}
VIOLATION_START, VIOLATION_YEARS = -4, 10
EXPOSING_MEMBERS = 5


@dataclass(frozen=True, slots=True)
class Firms:
    """Characteristics of the firms before the programme, one entry per firm."""

    county: Ints
    division: Ints
    size: Ints
    growth: Ints
    levels: Floats  # (firms, outcomes)

    @property
    def trend(self) -> Floats:
        """Log points per year of the firm's untreated growth beyond the common one."""
        return np.asarray(DIVISION_TREND[self.division] + SIZE_TREND[self.size] + GROWTH_TREND[self.growth])


@dataclass(frozen=True, slots=True)
class Joining:
    """Who joins which organisation when; −1 and NaN stand for never."""

    organisation: Ints
    cohort: Floats


def draw_firms(n: int, rng: np.random.Generator) -> Firms:
    """Draw counties, industries, sizes, growth classes and starting levels."""
    outside = len(COUNTIES) - REGION_COUNTIES
    shares = [REGION_SHARE / REGION_COUNTIES] * REGION_COUNTIES + [(1 - REGION_SHARE) / outside] * outside
    county = rng.choice(len(COUNTIES), size=n, p=shares)
    division = rng.integers(len(DIVISIONS), size=n)
    size = rng.choice(len(SIZE_CLASSES), size=n, p=[0.65, 0.27, 0.08])
    growth = rng.choice(len(GROWTH_CLASSES), size=n, p=[0.25, 0.5, 0.25])
    employees = np.log(np.array([4.0, 20.0, 90.0]))[size] + rng.normal(0, 0.4, n)
    value_added = employees + np.log(550) + 0.05 * (division - 4.5) / 4.5 + 0.03 * (county < REGION_COUNTIES)
    value_added += rng.normal(0, 0.35, n)
    turnover = value_added + np.log(2.2) + rng.normal(0, 0.2, n)
    return Firms(county, division, size, growth, np.column_stack([value_added, employees, turnover]))


def draw_sizes(n_members: int, n_organisations: int, rng: np.random.Generator) -> Ints:
    """Split the members over the organisations, unevenly, with at least five each."""
    shares = rng.dirichlet(np.full(n_organisations, 5.0))
    rest = n_members - MINIMUM_ORGANISATION * n_organisations
    return MINIMUM_ORGANISATION + rng.multinomial(rest, shares).astype(np.int64)


def draw_organisations(firms: Firms, sizes: Ints, selection: float, rng: np.random.Generator) -> Ints:
    """Let each organisation recruit: large, fast-growing firms of its county and industries come first."""
    organisation = np.full(firms.county.size, -1, dtype=np.int64)
    index = selection * (0.5 * firms.size + 0.6 * (firms.growth - 1.0))
    for number, size in enumerate(sizes):
        field = rng.choice(len(DIVISIONS), size=2, replace=False, p=_field_shares())
        weight = (
            index + 1.5 * selection * np.isin(firms.division, field) + 4.0 * (firms.county == number % REGION_COUNTIES)
        )
        weight = weight + rng.gumbel(size=weight.size)
        weight[(organisation >= 0) | (firms.county >= REGION_COUNTIES)] = -np.inf
        organisation[np.argpartition(-weight, size - 1)[:size]] = number
    return organisation


def draw_cohorts(organisation: Ints, span: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw joining years: an organisation starts in the first half of the span and recruits less each year."""
    first, last = span
    cohort = np.full(organisation.size, np.nan)
    for number in range(int(organisation.max(initial=-1)) + 1):
        start = rng.integers(first, (first + last) // 2 + 1)
        years = np.arange(start, last + 1)
        weights = 0.75 ** np.arange(years.size)
        members = np.flatnonzero(organisation == number)
        cohort[members] = rng.choice(years, size=members.size, p=weights / weights.sum())
    return cohort


def draw_year_effects(years: Ints, rng: np.random.Generator) -> Floats:
    """Common growth with the fall of 2009 and part of its recovery."""
    growth = 0.02 + rng.normal(0, 0.015, years.size)
    growth[0] = 0.0
    return np.cumsum(growth + np.array([CRISIS.get(int(year), 0.0) for year in years]))


def draw_ar1(shape: tuple[int, int], sd: float, persistence: float, rng: np.random.Generator) -> Floats:
    """Stationary first-order autoregression along the second axis with standard deviation ``sd``."""
    shocks = rng.normal(0, sd, shape)
    for year in range(1, shape[1]):
        shocks[:, year] = persistence * shocks[:, year - 1] + np.sqrt(1 - persistence**2) * shocks[:, year]
    return shocks


def draw_shocks(shape: tuple[int, int], sd: float, persistence: float, rng: np.random.Generator) -> Floats:
    """Shocks of the three outcomes, (firms, years, outcomes), correlated through a shared part."""
    shared = draw_ar1(shape, 0.8 * sd, persistence, rng)
    own = [draw_ar1(shape, 0.6 * sd * reach, persistence, rng) for reach in REACH]
    return np.stack([reach * shared + part for reach, part in zip(REACH, own, strict=True)], axis=-1)


def event_times(cohort: Floats, years: Ints) -> Floats:
    """Years since joining, (firms, years); NaN for never-members."""
    return years[None, :] - cohort[:, None]


def profile_at(event_time: Floats, profile: tuple[float, ...]) -> Floats:
    """Share of the long-run effect reached at each event time; zero before joining and for never-members."""
    steps = np.array([0.0, *profile])
    index = np.clip(np.nan_to_num(event_time, nan=-1.0) + 1, 0, len(profile)).astype(np.int64)
    return np.asarray(steps[index])


def violation_at(event_time: Floats, slope: float) -> Floats:
    """Deviation from parallel trends: grows by ``slope`` a year from event time −4 on, for ten years."""
    steps = np.clip(event_time - VIOLATION_START, 0, VIOLATION_YEARS)
    return slope * np.nan_to_num(steps, nan=0.0)


def exposed(firms: Firms, joining: Joining, years: Ints) -> NDArray[np.bool_]:
    """Never-members whose county and industry already has five members, (firms, years)."""
    cell = firms.county * len(DIVISIONS) + firms.division
    joined = joining.cohort[:, None] <= years[None, :]
    members = np.stack([np.bincount(cell[joined[:, t]], minlength=cell.max() + 1) for t in range(years.size)], axis=-1)
    never = np.isnan(joining.cohort)
    return np.asarray((members[cell] >= EXPOSING_MEMBERS) & never[:, None])


def _field_shares() -> Floats:
    """Cluster organisations form in the growing industries more often than in the others."""
    weight = np.exp(60 * DIVISION_TREND)
    return np.asarray(weight / weight.sum())
