"""Coverage of matched difference-in-differences where controls are re-used, and recovery of a simulated programme.

The full grid's table stands in docs/methods/matched-did.md.
"""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did import MatchedDiD
from matched_worlds import World, draw

WINDOW = (-3, 3)
SMALL = {
    "one control each, few of them": World(pool=20, controls=1, members=80),
    "five controls, few of them": World(pool=25, members=80, persistence=0.9),
}
GRID = {
    "k=5, 40 controls": World(members=120),
    "k=1, 40 controls": World(members=120, controls=1),
    "k=5, 15 controls": World(members=120, pool=15),
    "k=1, 15 controls": World(members=120, pool=15, controls=1),
    "k=5, 40 controls, rho=0.9": World(members=120, persistence=0.9),
    "k=5, 300 controls, trends differ between 12 strata": World(members=120, pool=300, strata=12, stratum_trend=0.03),
    "k=3, 20 thin strata with trends": World(members=120, pool=100, strata=20, controls=3, stratum_trend=0.03),
    "k=5, 1000 controls": World(members=120, pool=1000),
}


def naive_error(effects):
    """Standard error of the overall effect as if no control served twice."""
    table = effects.unit_effects[effects.unit_effects["event_time"] >= 0]
    mean = table["effect"].mean()
    sums = (table["effect"] - mean).groupby(table["unit"]).sum()
    return np.sqrt((sums**2).sum()) / len(table)


def replicate(world, seed):
    """Estimate − truth and standard error of overall, event and group effects, and of the naive overall effect."""
    effects = MatchedDiD(window=WINDOW).fit(draw(world, rng=seed).match, "y")
    rows = []
    for by in ("overall", "event", "group"):
        means = effects.aggregate(by)
        before = means.labels["event_time"] < 0 if by == "event" else False
        truth = np.where(before, 0.0, world.effect)
        rows.append(pd.DataFrame({"by": by, "gap": means.estimate - truth, "error": means.std_errors.to_numpy()}))
        if by == "overall":
            rows.append(rows[-1].assign(by="naive", error=naive_error(effects)))
        if by == "event":
            p_value = means.pretrends().statistic
            rows.append(pd.DataFrame({"by": "pre-test", "gap": [2 * (p_value < 0.05)], "error": 1.0}))
    return pd.concat(rows).dropna()


def coverage(world, replications, seed=1):
    """Coverage of 95 % intervals and ratio of the standard error to the spread, by kind of effect."""
    rows = pd.concat([replicate(world, seed * 100_000 + r) for r in range(replications)])
    rows["covered"] = rows["gap"].abs() <= 1.96 * rows["error"]
    table = rows.groupby("by").agg(covered=("covered", "mean"), bias=("gap", "mean"))
    table["ratio"] = np.sqrt((rows["error"] ** 2).groupby(rows["by"]).mean()) / rows.groupby("by")["gap"].std()
    return table


@pytest.mark.parametrize("name", SMALL)
def test_intervals_cover_with_reused_controls(name):
    table = coverage(SMALL[name], 50)
    assert abs(table.loc["overall", "bias"]) < 0.02
    for by in ("overall", "event", "group"):
        assert 0.88 < table.loc[by, "covered"] <= 1.0
        assert 0.85 < table.loc[by, "ratio"] < 1.2
    assert table.loc["naive", "covered"] < table.loc["overall", "covered"] - 0.03
    assert table.loc["naive", "ratio"] < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", GRID)
def test_intervals_cover_in_the_full_grid(name):
    table = coverage(GRID[name], 1000)
    few = GRID[name].pool < 30
    for by in ("overall", "event", "group"):
        assert (0.90 if few else 0.925) <= table.loc[by, "covered"] <= 0.98
    assert abs(table.loc["overall", "bias"]) < 0.005
    assert table.loc["pre-test", "covered"] > (0.84 if few else 0.89)


def programme(options, seed, exact, on=()):
    world = ce.datasets.simulate_programme(options, rng=seed)
    panel = ce.Panel(world.frame, unit="firm", time="year", cohort="cohort", group="organisation")
    match = ce.Matching(on=list(on), exact=exact, ratio=5, lags=(1,), rng=seed).fit(panel)
    effects = MatchedDiD(window=(-3, 5)).fit(match, "log_value_added")
    return effects, world.truth


PROGRAMME = {"n_firms": 3_000, "n_members": 300, "n_organisations": 6}
CELLS = ["industry_division", "size_class", "growth_class"]


def errors(scenario, seeds, exact=CELLS):
    """Errors in standard errors of the overall effect and of those by event time and by organisation."""
    rows = []
    for seed in seeds:
        options = ce.datasets.ProgrammeOptions(**PROGRAMME, scenario=scenario, exit_rate=0.02)
        effects, truth = programme(options, seed, exact, on=["log_value_added"])
        overall = effects.aggregate("overall")
        rows.append(("overall", overall.estimate[0] - truth.programme["log_value_added"].overall_0_5, overall))
        event = effects.aggregate("event", window=(0, 5))
        rows.append(("event", event.estimate - list(truth.programme["log_value_added"].by_event_time.values()), event))
        group = effects.aggregate("group")
        known = [truth.organisations[name]["log_value_added"].overall_0_5 for name in group.labels["group"]]
        rows.append(("group", group.estimate - known, group))
    return {
        by: np.concatenate([np.atleast_1d(gap) / part.std_errors.to_numpy() for kind, gap, part in rows if kind == by])
        for by in ("overall", "event", "group")
    }


@pytest.mark.parametrize("scenario", ["baseline", "null", "heterogeneous"])
def test_programme_effects_are_recovered(scenario):
    """Controls of the same industry, size and growth class, where trends are parallel by construction."""
    scores = errors(scenario, range(5))
    assert abs(scores["overall"].mean()) < 1.2
    assert (np.abs(scores["overall"]) < 3).all()
    for by in ("event", "group"):
        assert (np.abs(scores[by]) <= 1.96).mean() > 0.85
        assert 0.6 < np.sqrt((scores[by] ** 2).mean()) < 1.4


def test_leaving_out_what_drives_selection_and_growth_biases_upwards():
    """Members grow faster anyway: without the growth class the estimate is too large, and no error bar tells."""
    assert errors("null", range(4), exact=CELLS[:2])["overall"].mean() > 0.5


def test_diverging_trends_are_seen_before_joining():
    found = 0
    for seed in range(4):
        options = ce.datasets.ProgrammeOptions(**PROGRAMME, scenario="violated", violation=0.03)
        effects, _ = programme(options, seed, CELLS, on=["log_employees"])
        found += effects.aggregate("event").pretrends().verdict == "warn"
    assert found >= 3
