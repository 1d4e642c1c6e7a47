"""Coverage of matched difference-in-differences where controls are re-used, and recovery of a simulated programme.

The full grid's table stands in docs/methods/matched-did.md.
"""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did import MatchedDiD
from matched_worlds import World, as_match, draw
from support.links import links

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


ORGANISATIONS = {
    "8 organisations with common shocks": World(members=120, pool=600, groups=8, group_shock=0.05),
    "3 organisations with common shocks": World(members=60, pool=300, groups=3, group_shock=0.05),
    "8 organisations, few controls": World(members=120, groups=8),
    "3 organisations, few controls": World(members=60, groups=3),
}
APART = World(members=80, pool=160, strata=1)


def assigned(world, seed):
    """The match of a world whose treatment was assigned by organisation."""
    drawn = draw(world, rng=seed)
    panel = ce.Panel(drawn.frame, unit="firm", time="year", cohort="cohort", group="group", cluster="group")
    units, held = drawn.frame.groupby("firm").first(), links(drawn.match)
    pairs = list(zip(held.treated, held.control, held.weight, strict=True))
    return as_match(panel, pairs, units["x"].to_numpy(), units["stratum"].to_numpy())


def apart(seed):
    """Two controls for each treated unit that serve nobody else, matched one after the other."""
    drawn = draw(APART, rng=seed)
    units = drawn.frame.groupby("firm").first()
    x, left, pairs = units["x"].to_numpy(), list(range(80, 240)), []
    for unit in range(80):
        nearest = sorted(left, key=lambda control: abs(x[control] - x[unit]))[:2]
        left = [control for control in left if control not in nearest]
        pairs += [(unit, control, 0.5) for control in nearest]
    return as_match(drawn.panel, pairs, x, units["stratum"].to_numpy())


def overall_coverage(matches, truth, variance=None):
    """Share of overall effects whose 95 % interval holds the truth, and standard error over spread."""
    rows = []
    for match in matches:
        overall = MatchedDiD(window=(0, 3), variance=variance).fit(match, "y").aggregate("overall")
        low, high = overall.conf_int().iloc[0]
        rows.append((low <= truth <= high, overall.estimate[0], overall.std_errors.iloc[0]))
    covered, estimate, error = np.array(rows, dtype=float).T
    return covered.mean(), np.sqrt((error**2).mean()) / estimate.std(ddof=1)


@pytest.mark.filterwarnings("ignore::clustereffects.errors.FewClustersWarning")
@pytest.mark.parametrize("name", ORGANISATIONS)
def test_jackknife_covers_with_few_organisations(name):
    world = ORGANISATIONS[name]
    covered, _ = overall_coverage((assigned(world, seed) for seed in range(40)), world.effect)
    assert covered >= 0.86


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::clustereffects.errors.FewClustersWarning")
@pytest.mark.parametrize("name", ORGANISATIONS)
def test_jackknife_covers_with_few_organisations_in_many_draws(name):
    world = ORGANISATIONS[name]
    covered, _ = overall_coverage((assigned(world, seed) for seed in range(1000)), world.effect)
    assert 0.925 <= covered <= 0.985  # long with three organisations


@pytest.mark.parametrize("variance", [None, ce.Cluster("matched_set"), ce.Cluster("matched_set", "firm")])
def test_intervals_cover_without_reuse(variance):
    covered, ratio = overall_coverage((apart(seed) for seed in range(60)), APART.effect, variance)
    assert covered >= 0.88
    assert 0.8 < ratio < 1.25


@pytest.mark.slow
@pytest.mark.parametrize("variance", [None, ce.Cluster("matched_set"), ce.Cluster("matched_set", "firm")])
def test_intervals_cover_without_reuse_in_many_draws(variance):
    covered, ratio = overall_coverage((apart(seed) for seed in range(1000)), APART.effect, variance)
    assert 0.93 <= covered <= 0.97
    assert 0.93 < ratio < 1.07


@pytest.mark.slow
@pytest.mark.parametrize("name", ["k=5, 40 controls", "k=1, 40 controls"])
def test_two_way_clustering_by_set_and_unit_covers_with_reuse(name):
    draws = (draw(GRID[name], rng=seed).match for seed in range(1000))
    covered, _ = overall_coverage(draws, GRID[name].effect, ce.Cluster("matched_set", "firm"))
    assert 0.91 <= covered <= 0.98


def growth_beyond_others(panel, outcome):
    """What a report would say: members' growth since the year before joining, less that of all others."""
    wide, never, gaps = panel.wide(outcome), np.isnan(panel.cohorts), []
    for unit in np.flatnonzero(~never):
        base = int(panel.cohorts[unit] - 1 - panel.times[0])
        late = range(base + 1, min(base + 7, len(panel.times)))
        gaps += [wide[unit, t] - wide[unit, base] - np.nanmean(wide[never, t] - wide[never, base]) for t in late]
    return np.nanmean(gaps)


def test_bias_of_the_programme_effect_is_small_where_growth_misleads():
    matched, naive = [], []
    for seed in range(12):
        options = ce.datasets.ProgrammeOptions(**PROGRAMME)
        effects, truth = programme(options, seed, CELLS, on=["log_value_added"])
        known = truth.programme["log_value_added"].overall_0_5
        matched.append(effects.aggregate("overall").estimate[0] - known)
        naive.append(growth_beyond_others(effects.sampling.panel, "log_value_added") - known)
    assert abs(np.mean(matched)) < 0.01
    assert np.mean(naive) > 0.015
    assert np.mean(naive) > 3 * abs(np.mean(matched))


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
