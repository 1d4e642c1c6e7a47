"""Who joins which cluster organisation, why, and what it does to the firm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clustereffects.datasets._catalogue import Organisation
from clustereffects.datasets._firms import REACH, Bools, Floats, Ints, World
from clustereffects.datasets._programme import event_times, profile_at, violation_at

SELECTION = {"growing": 1.2, "neutral": 0.0, "declining": -0.9}
EXPOSING_MEMBERS = 4
MILL_EMPLOYEES = 800
SUPPORT_SHARE = (0.10, 0.25)


@dataclass(frozen=True, slots=True)
class Programme:
    """Membership of every firm (−1 and NaN = none) and the parameters of the organisations."""

    started: Ints
    organisation: Ints
    joined: Floats
    left: Floats
    participation: Floats
    mu: Floats  # (organisations, 3)
    theta: Floats  # (firms, 3)
    roles: tuple[str, ...]  # "null", "negative" or "" by organisation
    mill: int

    @property
    def member(self) -> Bools:
        """Firms that ever joined."""
        return self.organisation >= 0


@dataclass(frozen=True, slots=True)
class Contributions:
    """What was added to the untreated paths, each (firms, years) or (firms, years, 3)."""

    event_time: Floats
    membership: Floats
    spillover: Floats
    violation: Floats
    support: Floats
    support_year: Floats

    @property
    def total(self) -> Floats:
        """All parts together, by outcome."""
        rest = self.spillover + self.violation + self.support
        return np.asarray(self.membership + rest[:, :, None] * REACH)


@dataclass(frozen=True, slots=True)
class Effects:
    """Parameters of the effects, resolved from the options of the region."""

    mean: float
    between: float
    within: float
    null: int
    negative: int
    profile: tuple[float, ...]
    spillover: float
    violation: float
    support: float


def draw_programme(
    world: World, organisations: tuple[Organisation, ...], n_members: int, effects: Effects, rng: np.random.Generator
) -> Programme:
    """Let the organisations recruit year by year, then draw what membership does."""
    n = len(organisations)
    started = rng.integers(world.years[0] + 2, world.years[0] + 7, size=n)
    started[n // 2] = world.years[0]  # one organisation is older than the accounts allow to evaluate
    plan = _recruiting_plan(started, n_members, int(world.years[-1]) - 2, rng)
    organisation, joined = _recruit(world, organisations, plan, rng)
    left = _draw_leaving(joined, int(world.years[-1]), rng)
    participation = np.clip(rng.normal(5, 2, joined.size), 0, 10).round(1)
    mu, roles = _draw_mu(n, effects, rng)
    member = organisation >= 0
    noise = rng.normal(0, effects.within, joined.size)[:, None] * REACH
    working = member & np.array([role != "null" for role in roles])[organisation]
    theta = mu[organisation] * (0.6 + 0.08 * participation)[:, None] + noise
    theta = np.where(working[:, None], theta, 0.0)
    mill = _mill(world, organisation, joined)
    return Programme(started, organisation, joined, left, participation, mu, theta, roles, mill)


def with_mill(world: World, mill: int) -> World:
    """Make one member so large that it decides every total of its organisation."""
    untreated = world.untreated.copy()
    untreated[mill] += np.log(MILL_EMPLOYEES) - untreated[mill, -1, 1]
    return replace(world, untreated=untreated)


def draw_contributions(world: World, programme: Programme, effects: Effects, rng: np.random.Generator) -> Contributions:
    """Compute what membership, neighbours, violations and other support add to each firm-year."""
    event_time = event_times(programme.joined, world.years)
    share = profile_at(event_time, effects.profile)
    supported = rng.random(world.orgnr.size) < np.where(programme.member, SUPPORT_SHARE[1], SUPPORT_SHARE[0])
    year = np.where(supported, rng.integers(world.years[0], world.years[-1] + 1, world.orgnr.size), np.nan)
    return Contributions(
        event_time=event_time,
        membership=programme.theta[:, None, :] * share[:, :, None],
        spillover=np.where(_exposed(world, programme), effects.spillover, 0.0),
        violation=violation_at(event_time, effects.violation),
        support=np.where(world.years[None, :] >= year[:, None], effects.support, 0.0),
        support_year=year,
    )


def _recruiting_plan(started: Ints, n_members: int, last: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Year, organisation and number of recruits: a third at the start, the rest spread over the following years."""
    sizes = 8 + rng.multinomial(n_members - 8 * started.size, rng.dirichlet(np.full(started.size, 5.0)))
    plan = []
    for number, (size, start) in enumerate(zip(sizes, started, strict=True)):
        weights = np.ones(last - start + 1)
        weights[0] = 0.4 * weights[1:].sum()
        recruits = rng.multinomial(size, weights / weights.sum())
        plan += [(int(start) + step, number, int(n)) for step, n in enumerate(recruits) if n]
    return sorted(plan)


def _recruit(
    world: World, organisations: tuple[Organisation, ...], plan: list[tuple[int, int, int]], rng: np.random.Generator
) -> tuple[Ints, Floats]:
    organisation = np.full(world.orgnr.size, -1, dtype=np.int64)
    joined = np.full(world.orgnr.size, np.nan)
    fields = [np.isin(world.division, row.divisions) for row in organisations]
    for year, number, n in plan:
        row = organisations[number]
        column = int(year - world.years[0])
        score = 2.0 * fields[number] + 4.0 * (world.county == row.county) + _appeal(world, column, row.selection)
        score = score + rng.gumbel(size=score.size)
        score[(organisation >= 0) | ~world.in_region | ~world.alive[:, column]] = -np.inf
        chosen = np.argpartition(-score, n - 1)[:n]
        organisation[chosen] = number
        joined[chosen] = year
    return organisation, joined


def _appeal(world: World, column: int, selection: str) -> Floats:
    """Larger firms join more often; past growth attracts or repels, depending on the organisation."""
    size = world.lasting[:, max(column - 1, 0)]
    growth = size - world.lasting[:, max(column - 4, 0)]
    spread = growth.std() or 1.0
    return np.asarray(
        0.4 * (size - size.mean()) / size.std() + SELECTION[selection] * (growth - growth.mean()) / spread
    )


def _draw_leaving(joined: Floats, last: int, rng: np.random.Generator) -> Floats:
    left = joined + rng.geometric(0.035, size=joined.size)
    return np.where(left <= last, left, np.nan)


def _draw_mu(n: int, effects: Effects, rng: np.random.Generator) -> tuple[Floats, tuple[str, ...]]:
    order = rng.permutation(n)
    roles = np.full(n, "", dtype=object)
    roles[order[: effects.null]] = "null"
    roles[order[effects.null : effects.null + effects.negative]] = "negative"
    first = rng.normal(effects.mean, effects.between, n)
    first = np.where(roles == "negative", -np.abs(first), first) - np.where(roles == "negative", effects.between / 3, 0)
    mu = first[:, None] * REACH + rng.normal(0, effects.between / 8, (n, 3)) * np.array([0.0, 1.0, 1.0])
    mu[roles == "null"] = 0.0
    return mu + 0.0, tuple(str(role) for role in roles)


def _mill(world: World, organisation: Ints, joined: Floats) -> int:
    """Choose the largest early member of the first organisation that lives to the end."""
    lives = world.alive[:, -1] & (organisation == 0)
    early = lives & (joined == np.min(joined[lives], initial=np.inf)) if lives.any() else organisation == 0
    return int(np.argmax(np.where(early, world.lasting[:, -1], -np.inf)))


def _exposed(world: World, programme: Programme) -> Bools:
    """Never-members of a county and industry division that already has some members."""
    cell = np.unique([f"{a}{b}" for a, b in zip(world.county, world.division, strict=True)], return_inverse=True)[1]
    joined = programme.joined[:, None] <= world.years[None, :]
    counts = np.stack([np.bincount(cell[joined[:, t]], minlength=cell.max() + 1) for t in range(world.years.size)], 1)
    return np.asarray((counts[cell] >= EXPOSING_MEMBERS) & ~programme.member[:, None])
