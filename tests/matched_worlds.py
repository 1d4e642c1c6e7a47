"""Small worlds and pairs for the tests of matched difference-in-differences."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

import clustereffects as ce
from clustereffects.matching import Design, Match, MatchedSets

DESIGN = Design(estimand="effect on the treated", method="nearest", distance="absolute", candidates="never treated")


@dataclass(frozen=True, kw_only=True)
class World:
    """Firms in strata with serially correlated errors; members are matched with replacement."""

    members: int = 60
    pool: int = 40
    controls: int = 5
    strata: int = 3
    persistence: float = 0.5
    stratum_trend: float = 0.0
    heterogeneity: float = 0.05
    slope: float = 0.03
    periods: int = 12
    cohorts: tuple[int, ...] = (4, 6, 8)
    groups: int = 4
    group_shock: float = 0.0
    effect: float = 0.05


@dataclass(frozen=True)
class Drawn:
    frame: pd.DataFrame
    match: Match
    panel: ce.Panel


def pair_up(x, stratum, treated, donors, controls):
    """Nearest donors on x within the stratum, with replacement."""
    pairs = []
    for unit in treated:
        candidates = donors[stratum[donors] == stratum[unit]]
        order = np.argsort(np.abs(x[candidates] - x[unit]), kind="stable")[:controls]
        pairs += [(unit, control, 1 / len(order)) for control in candidates[order]]
    return pairs


def as_sets(panel, pairs, stratum):
    """Sets of pairs with weights that sum to one within each treated unit."""
    treated, control = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
    units, code = np.unique(treated, return_inverse=True)
    return MatchedSets(
        treated=units,
        treated_set=np.arange(len(units)),
        treated_share=np.ones(len(units)),
        control=control,
        control_set=code.ravel(),
        share=np.array([pair[2] for pair in pairs], dtype=float),
        distance=np.zeros(len(pairs)),
        mass=np.ones(len(units)),
        cohort=panel.cohorts[units],
        stratum=np.asarray(stratum)[units],
    )


def as_match(panel, pairs, x, stratum, names=("x",)):
    sets = as_sets(panel, pairs, stratum)
    columns = np.reshape(x, (len(stratum), -1)).astype(float)
    return Match(
        panel=panel,
        sets=sets,
        covariates=names,
        x_treated=columns[sets.treated],
        x_control=columns[sets.control],
        design=DESIGN,
    )


def draw(world=None, *, rng=0, **columns):
    """Panel and match of a world; further columns (callables of the frame) may be added."""
    world = World() if world is None else world
    rng = np.random.default_rng(rng)
    n = world.members + world.pool
    stratum = rng.integers(world.strata, size=n)
    x = rng.normal(size=n) + 0.3 * (np.arange(n) < world.members)
    errors = rng.normal(0, 0.2, (n, world.periods))
    for t in range(1, world.periods):
        errors[:, t] = world.persistence * errors[:, t - 1] + np.sqrt(1 - world.persistence**2) * errors[:, t]
    trend = world.stratum_trend * rng.normal(size=world.strata)[stratum] + world.slope * x
    years = np.cumsum(rng.normal(0.02, 0.03, world.periods))
    y = rng.normal(size=n)[:, None] + years + trend[:, None] * np.arange(world.periods) + errors
    cohort = np.full(n, np.nan)
    cohort[: world.members] = rng.choice(world.cohorts, world.members)
    group = np.full(n, None, dtype=object)
    codes = rng.integers(world.groups, size=world.members)
    group[: world.members] = np.array([f"G{code}" for code in range(world.groups)], dtype=object)[codes]
    effect = world.effect + world.heterogeneity * rng.normal(size=world.members)
    effect = effect + world.group_shock * rng.normal(size=world.groups)[codes]
    after = np.arange(world.periods) >= cohort[:, None]
    y[: world.members] += after[: world.members] * effect[:, None]
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), world.periods),
            "year": np.tile(np.arange(world.periods), n),
            "y": y.ravel(),
            "cohort": np.repeat(cohort, world.periods),
            "group": np.repeat(group, world.periods),
            "x": np.repeat(x, world.periods),
            "stratum": np.repeat(stratum, world.periods),
        }
    ).assign(**columns)
    return build(frame, world.controls)


def build(frame, controls, **roles):
    """Panel of a frame with the columns x and stratum, and its pairs."""
    roles = {"cohort": "cohort", "group": "group"} | roles
    panel = ce.Panel(frame, unit="firm", time="year", **roles)
    units = frame.groupby("firm").first()
    x, stratum = units["x"].to_numpy(), units["stratum"].to_numpy()
    treated = np.flatnonzero(np.isfinite(panel.cohorts))
    pairs = pair_up(x, stratum, treated, np.flatnonzero(np.isnan(panel.cohorts)), controls)
    return Drawn(frame, as_match(panel, pairs, x, stratum), panel)
