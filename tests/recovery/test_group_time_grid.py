"""Group-time effects in worlds with known effects: bias, pointwise and simultaneous coverage of every method.

Effects differ between units and grow with event time; untreated trends depend on a covariate that also decides who joins;
designs have few treated units, missing rows or sampling weights. The small grid catches gross faults; ``slow`` holds bias
within two Monte-Carlo errors and coverage within binomial bounds.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce

YEARS = np.arange(2001, 2008)
COHORTS = np.array([2003, 2005, 2006])
SLOPE = 0.2


@dataclass(frozen=True)
class Design:
    """A population of units and how it is seen."""

    units: int = 400
    intercept: float = -1.1
    missing: float = 0.0
    weighted: bool = False


DESIGNS = {
    "plain": Design(),
    "few treated": Design(units=300, intercept=-3.2),
    "rows missing": Design(missing=0.15),
    "weighted": Design(units=600, weighted=True),
}


def _joined(rng, x, intercept):
    """Cohort of each unit: the larger the covariate, the earlier it joins, if at all."""
    utility = np.column_stack([np.zeros(len(x)), *(intercept + 0.5 * x * tilt for tilt in (1.0, 0.6, -0.4))])
    return np.append(np.inf, COHORTS)[(utility + rng.gumbel(size=utility.shape)).argmax(axis=1)]


@cache
def _shares(intercept):
    """Share of each cohort in the population, from two million units."""
    rng = np.random.default_rng(99)
    joined = _joined(rng, rng.standard_normal(2_000_000), intercept)
    return np.array([(joined == cohort).mean() for cohort in COHORTS])


def _truth(design):
    """Effect at each event time and over all of them."""
    event = {e: 0.5 + SLOPE * e for e in range(YEARS[-1] - COHORTS[0] + 1)}
    cells = [
        (share, event[year - cohort])
        for share, cohort in zip(_shares(design.intercept), COHORTS, strict=True)
        for year in YEARS
        if year >= cohort
    ]
    weight, effect = np.array(cells).T
    return event, weight @ effect / weight.sum()


def _world(design, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(design.units)
    joined = _joined(rng, x, design.intercept)
    since = YEARS - joined[:, None]
    effect = np.where(since >= 0, 0.5 + SLOPE * since + rng.normal(0, 0.5, (design.units, 1)), 0.0)
    trend = 0.3 * (YEARS - 2001) * x[:, None]
    y = rng.standard_normal((design.units, 1)) + trend + np.where(np.isfinite(effect), effect, 0.0)
    y += rng.normal(0, 0.7, y.shape)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(design.units), len(YEARS)),
            "year": np.tile(YEARS, design.units),
            "joined": np.repeat(joined, len(YEARS)),
            "x": np.repeat(x, len(YEARS)),
            "y": y.ravel(),
        }
    )
    if design.weighted:
        # Units are sampled with chances that differ; those with half the chance count twice.
        chance = np.where(rng.random(design.units) < 0.5, 0.5, 1.0)
        frame["w"] = np.repeat(1 / chance, len(YEARS))
        frame = frame[np.repeat(rng.random(design.units) < chance, len(YEARS))]
    return frame[rng.random(len(frame)) >= design.missing]


def _rates(name, method, worlds, control="not_yet_treated"):
    """Errors of the overall effect, shares of intervals and of whole bands that cover."""
    design = DESIGNS[name]
    event, overall = _truth(design)
    estimator = ce.GroupTimeDiD(method=method, covariates="x", control=control)
    errors, pointwise, joint, level = [], [], [], []
    for seed in range(worlds):
        roles = {"weights": "w"} if design.weighted else {}
        panel = ce.Panel(_world(design, seed), unit="firm", time="year", cohort="joined", **roles)
        effects = estimator.fit(panel, "y")
        whole, study = effects.aggregate("overall"), effects.aggregate("event")
        errors.append(whole.params["overall"] - overall)
        level.append(abs(errors[-1]) <= 1.959964 * whole.std_errors["overall"])
        truth = study.labels["event_time"].map(lambda e: event.get(e, 0.0)).to_numpy()
        inside = [
            ((band["conf_low"] <= truth) & (truth <= band["conf_high"])).to_numpy()
            for band in (study.conf_int(), study.conf_int(simultaneous=True))
        ]
        pointwise.append(inside[0].mean())
        joint.append(inside[1].all())
    return np.array(errors), np.mean(level), np.mean(pointwise), np.mean(joint)


def _bias(errors):
    """Mean error in units of its Monte-Carlo standard error."""
    return errors.mean() / (errors.std(ddof=1) / np.sqrt(len(errors)))


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw", "reg"])
def test_effects_are_recovered_in_a_small_grid(name, method):
    errors, overall, pointwise, joint = _rates(name, method, 24)
    assert abs(_bias(errors)) < 4
    least = 0.75 if name == "few treated" else 0.82
    assert min(overall, pointwise) >= least
    assert joint >= least - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_effects_are_recovered_in_full(name):
    worlds, biases = 600, []
    for method in ("dr", "dr_improved", "ipw", "reg"):
        errors, overall, pointwise, joint = _rates(name, method, worlds)
        biases.append(abs(_bias(errors)))
        found = (
            f"{name}, {method}: bias {_bias(errors):.2f}, covers {overall:.3f}, {pointwise:.3f}, jointly {joint:.3f}"
        )
        # Three binomial standard errors; with few treated units normal quantiles are known to be too short.
        least = 0.90 if name == "few treated" else 0.95 - 3 * np.sqrt(0.95 * 0.05 / worlds)
        assert least <= overall <= 0.967, found
        assert least <= pointwise <= 0.967, found
        assert joint >= (0.85 if name == "few treated" else 0.925), found
    # The four methods see the same worlds; two Monte-Carlo errors, exceeded by chance once in twenty.
    assert np.sort(biases)[-1] < 3
    assert np.median(biases) < 2
