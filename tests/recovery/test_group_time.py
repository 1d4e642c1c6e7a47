"""Group-time effects recover the known truth of simulated worlds: bias, coverage, size and power of the pre-test.

The small grid runs always and only catches gross faults. The full one (`slow`) holds coverage to 94–96 % in a plain world
and to 91–97 % in simulated programmes, where 60 firms per cohort meet a dozen dummies and normal quantiles are a little
too short.
"""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.datasets import ProgrammeOptions, simulate_programme

OUTCOME = "log_value_added"
CELLS = "C(industry_division) + C(size_class) + C(growth_class)"
SIZE = {"n_firms": 1500, "n_members": 200, "n_organisations": 5, "last_cohort": 2006, "last_year": 2010}


def _fits(estimator, n_worlds, roles=None, **options):
    for seed in range(n_worlds):
        world = simulate_programme(ProgrammeOptions(**(SIZE | options)), rng=seed)
        panel = ce.Panel(world.frame, unit="firm", time="year", cohort="cohort", **(roles or {}))
        yield world.truth, estimator.fit(panel, OUTCOME)


def _errors(effects, truth):
    """Errors in units of the critical value (below one = covered) and raw."""
    gap = effects.params - truth
    return np.abs(gap / effects.std_errors) / effects.critical_value(), gap


def _coverage(fits):
    overall, events, gaps = [], [], []
    for truth, effects in fits:
        programme = truth.programme[OUTCOME]
        size, gap = _errors(effects.aggregate("overall"), programme.overall)
        overall.append(size.item())
        gaps.append(gap.item())
        wanted = {f"event_time[{time}]": value for time, value in programme.by_event_time.items()}
        event = effects.aggregate("event")
        known = event.params.index.isin(wanted)
        events.extend(_errors(event, event.params.index.map(wanted).to_numpy(float))[0][known])
    return np.mean(np.array(overall) < 1), np.mean(np.array(events) < 1), np.array(gaps)


def _unbiased(gaps):
    return abs(gaps.mean()) < 4 * gaps.std(ddof=1) / np.sqrt(len(gaps))


@pytest.mark.parametrize("method", ["dr", "reg"])
def test_effects_are_recovered(method):
    overall, events, gaps = _coverage(_fits(ce.GroupTimeDiD(method=method, covariates=CELLS), 24))
    assert overall >= 0.83
    assert events >= 0.86
    assert _unbiased(gaps)


def test_without_covariates_the_selection_of_members_shows():
    gaps = _coverage(_fits(ce.GroupTimeDiD(), 30))[2]
    assert not _unbiased(gaps)
    assert gaps.mean() > 0.01


def test_shocks_shared_by_organisations_need_clustered_errors():
    estimator = ce.GroupTimeDiD(method="reg", covariates=CELLS)
    options = {"organisation_shock_sd": 0.1, "n_organisations": 10, "n_members": 220}
    alone = _coverage(_fits(estimator, 20, **options))[0]
    clustered = _coverage(_fits(estimator, 20, {"cluster": "cluster"}, **options))[0]
    assert alone < 0.8
    assert clustered >= 0.85


def test_organisations_are_recovered():
    estimator = ce.GroupTimeDiD(method="reg", covariates=CELLS, by_group=True)
    covered = []
    for truth, effects in _fits(estimator, 15, {"group": "organisation"}):
        by_group = effects.aggregate("group")
        wanted = [truth.organisations[name][OUTCOME].overall for name in by_group.labels["group"]]
        covered.extend(_errors(by_group, np.array(wanted))[0] < 1)
    assert np.mean(covered) >= 0.88


def test_the_pretest_sees_a_violation():
    estimator = ce.GroupTimeDiD(method="reg", covariates=CELLS, base_period="universal")
    fits = _fits(estimator, 10, scenario="violated", violation=0.03)
    assert np.mean([effects.aggregate("event").pretrends().verdict == "warn" for _, effects in fits]) >= 0.7


def _plain_world(seed, n=600):
    """Random walks, random cohorts, a covariate without meaning, no effect."""
    rng = np.random.default_rng(seed)
    years = np.arange(2001, 2009)
    joined = np.repeat([2003.0, 2005.0, 2007.0, np.nan], [n // 6] * 3 + [n // 2])
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(years)),
            "year": np.tile(years, n),
            "joined": np.repeat(joined, len(years)),
            "size": np.repeat(rng.standard_normal(n), len(years)),
            "y": rng.standard_normal((n, len(years))).cumsum(axis=1).ravel(),
        }
    )


def _plain_rates(n_worlds):
    """Coverage of the overall effect and of event effects, and size of the pre-test."""
    overall, events, rejected = [], [], []
    for seed in range(n_worlds):
        panel = ce.Panel(_plain_world(seed), unit="firm", time="year", cohort="joined")
        effects = ce.GroupTimeDiD(covariates="size").fit(panel, "y")
        event = effects.aggregate("event")
        overall.extend(_errors(effects.aggregate("overall"), 0.0)[0] < 1)
        events.extend(_errors(event, 0.0)[0][event.labels["event_time"] >= 0] < 1)
        rejected.append(event.pretrends().verdict == "warn")
    return np.mean(overall), np.mean(events), np.mean(rejected)


def test_coverage_and_size_in_a_plain_world():
    overall, events, rejected = _plain_rates(100)
    assert overall >= 0.88
    assert events >= 0.9
    assert rejected <= 0.13


@pytest.mark.slow
def test_coverage_and_size_in_a_plain_world_in_full():
    overall, events, rejected = _plain_rates(2000)
    assert 0.94 <= overall <= 0.96
    assert 0.94 <= events <= 0.96
    assert 0.035 <= rejected <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize("base_period", ["varying", "universal"])
@pytest.mark.parametrize("scenario", ["baseline", "null"])
def test_coverage_in_full(method, base_period, scenario):
    estimator = ce.GroupTimeDiD(method=method, covariates=CELLS, base_period=base_period)
    overall, events, gaps = _coverage(_fits(estimator, 1000, scenario=scenario, n_firms=3000, n_members=300))
    assert 0.91 <= overall <= 0.97
    assert 0.91 <= events <= 0.97
    assert _unbiased(gaps)
