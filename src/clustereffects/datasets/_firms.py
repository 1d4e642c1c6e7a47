"""The firms of the simulated region before any membership: numbers, places, industries, lives, untreated paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.datasets._catalogue import IndustryKey

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.object_]

REGION = ("17", "20", "21")
OTHER_COUNTIES = ("01", "03", "05", "06", "08", "12", "14")
REGION_SHARE = 0.3
# How much of an effect, trend or common shock reaches value added, employees and turnover.
REACH = np.array([1.0, 0.45, 0.8])
CRISIS = {2009: -0.09, 2010: 0.04}
LIMITED_COMPANY = 49


@dataclass(frozen=True, slots=True)
class World:
    """Firms (first axis) and years (second axis) without any membership."""

    years: Ints
    orgnr: Ints
    county: Words
    municipality: Words
    pair: Ints
    division: Words
    legal_form: Ints
    parent: Ints
    alive: Bools
    lasting: Floats  # persistent part of log value added, (firms, years)
    untreated: Floats  # log value added, employees, turnover in fixed prices, (firms, years, 3)
    exposure: dict[str, float]

    @property
    def in_region(self) -> Bools:
        """Firms registered in the three counties."""
        return np.isin(self.county, REGION)


def draw_world(n_firms: int, span: tuple[int, int], key: IndustryKey, rng: np.random.Generator) -> World:
    """Draw all firms."""
    years = np.arange(span[0], span[1] + 1)
    county = _draw_counties(n_firms, rng)
    pair = rng.choice(key.frequency.size, size=n_firms, p=key.frequency)
    orgnr = organisation_numbers(n_firms, rng)
    exposure = {code: round(float(rng.normal(1.0, 0.12)), 3) for code in (*REGION, *OTHER_COUNTIES)}
    fall = np.array([exposure[code] for code in county])
    lasting = _draw_lasting(years, key.trend[pair], fall, rng)
    return World(
        years=years,
        orgnr=orgnr,
        county=county,
        municipality=np.array(
            [f"{code}{number:02d}" for code, number in zip(county, _local(n_firms, rng), strict=True)]
        ),
        pair=pair,
        division=key.division[pair],
        legal_form=np.where(rng.random(n_firms) < 0.02, rng.choice([31, 51, 95], n_firms), LIMITED_COMPANY),
        parent=np.where(rng.random(n_firms) < 0.09, rng.permutation(orgnr), -1),
        alive=_draw_lives(n_firms, years, rng),
        lasting=lasting,
        untreated=_draw_paths(lasting, rng),
        exposure=exposure,
    )


def organisation_numbers(n: int, rng: np.random.Generator, series: tuple[int, int] = (552_000_000, 2_900_000)) -> Ints:
    """Distinct ten-digit organisation numbers with a valid check digit, from a first number and a length."""
    return with_check_digit(series[0] + rng.choice(series[1], size=n, replace=False).astype(np.int64))


def with_check_digit(base: Ints) -> Ints:
    """Append the modulo-10 check digit (Luhn) to nine-digit numbers."""
    digits = base[:, None] // 10 ** np.arange(8, -1, -1) % 10
    doubled = digits * np.array([2, 1, 2, 1, 2, 1, 2, 1, 2])
    total = np.where(doubled > 9, doubled - 9, doubled).sum(axis=1)
    return np.asarray(base * 10 + (10 - total % 10) % 10)


def _draw_counties(n: int, rng: np.random.Generator) -> Words:
    shares = [REGION_SHARE / len(REGION)] * len(REGION)
    shares += [(1 - REGION_SHARE) / len(OTHER_COUNTIES)] * len(OTHER_COUNTIES)
    return np.array((*REGION, *OTHER_COUNTIES), dtype=object)[rng.choice(len(shares), size=n, p=shares)]


def _local(n: int, rng: np.random.Generator) -> Ints:
    return rng.integers(60, 85, size=n)


def _draw_lives(n: int, years: Ints, rng: np.random.Generator) -> Bools:
    """Entry in any year, exit for good; the crisis doubles the risk."""
    entry = np.where(rng.random(n) < 0.65, years[0], rng.integers(years[0] + 1, years[-1], size=n))
    hazard = np.where(years == 2009, 0.05, 0.025)
    gone = (rng.random((n, years.size)) < hazard) & (years[None, :] > entry[:, None] + 1)
    return (years[None, :] >= entry[:, None]) & ~np.logical_or.accumulate(gone, axis=1)


def _draw_lasting(years: Ints, trend: Floats, exposure: Floats, rng: np.random.Generator) -> Floats:
    """Level, industry trend, business cycle and a random walk: growth that has happened stays and does not continue."""
    n = trend.size
    size = np.log(np.array([4.0, 17.0, 75.0]))[rng.choice(3, size=n, p=[0.62, 0.3, 0.08])] + rng.normal(0, 0.4, n)
    level = size + np.log(560) + rng.normal(0, 0.3, n)
    growth = np.full(years.size, 0.02) + rng.normal(0, 0.01, years.size)
    cycle = np.array([CRISIS.get(int(year), 0.0) for year in years])
    common = (
        growth[None, :] + cycle[None, :] * exposure[:, None] + trend[:, None] + rng.normal(0, 0.09, (n, years.size))
    )
    common[:, 0] = 0.0
    return np.asarray(level[:, None] + np.cumsum(common, axis=1))


def _draw_paths(lasting: Floats, rng: np.random.Generator) -> Floats:
    """Three outcomes from the lasting part: levels of their own and passing shocks."""
    n, n_years = lasting.shape
    start = lasting[:, :1]
    employees = start - np.log(560) + rng.normal(0, 0.15, (n, 1)) + REACH[1] * (lasting - start)
    turnover = start + np.log(2.3) + rng.normal(0, 0.25, (n, 1)) + REACH[2] * (lasting - start)
    own = np.cumsum(rng.normal(0, [0.0, 0.03, 0.03], (n, n_years, 3)), axis=1)
    passing = rng.normal(0, [0.02, 0.02, 0.03], (n, n_years, 3))
    return np.asarray(np.stack([lasting, employees, turnover], axis=-1) + own + passing)
