"""Matched difference-in-differences: sets that share controls, finer cells, clusters, and leaving clusters out."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import clustereffects as ce
from clustereffects.did import MatchedDiD
from clustereffects.did import matched_influence as influence_module
from clustereffects.did.matched_arrays import MatchedSample
from clustereffects.did.matched_cells import event_times, matched_cells
from clustereffects.did.matched_influence import matched_influence, membership_of
from clustereffects.errors import ColumnError, EstimationError, OptionError
from clustereffects.inference import Influence
from matched_worlds import World, as_match, draw
from support.links import links

WINDOW = (-3, 3)
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def pairs_of(match):
    held = links(match)
    return list(zip(held.treated, held.control, held.weight, strict=True))


def with_roles(drawn, **roles):
    """The match of a world on a panel with further roles."""
    panel = ce.Panel(drawn.frame, unit="firm", time="year", cohort="cohort", group="group", **roles)
    units = drawn.frame.groupby("firm").first()
    pairs = pairs_of(drawn.match)
    return as_match(panel, pairs, units["x"].to_numpy(), units["stratum"].to_numpy())


def apart(drawn, controls=1):
    """Each control once, so that matched sets have nothing in common."""
    n = int(np.isfinite(drawn.panel.cohorts).sum())
    pairs = [(i, n + i * controls + k, 1 / controls) for i in range(n) for k in range(controls)]
    units = drawn.frame.groupby("firm").first()
    return as_match(drawn.panel, pairs, units["x"].to_numpy(), np.zeros(len(units), dtype=int))


def shared_sets(rng, *, holes=0.1):
    """Two cohorts whose treated units share all controls of their cohort, and the same as one set per treated unit."""
    n, m, times = 40, 12, np.arange(8)
    outcome = rng.normal(size=(n, 8)).cumsum(axis=1)
    outcome[rng.random(outcome.shape) < holes] = np.nan
    joined = np.r_[np.repeat([3.0, 5.0], 6), np.full(n - m, np.nan)]
    x = rng.normal(size=(n, 2))
    treated, controls = np.arange(m), np.arange(m, n)
    share = rng.random((2, n - m))
    share /= share.sum(axis=1, keepdims=True)
    common = {"outcome": outcome, "times": times, "joined": joined, "treated": treated, "group": treated % 2}
    common |= {"mass": rng.random(m), "x_treated": x[treated]}
    together = MatchedSample(
        **common,
        treated_set=treated // 6,
        control=np.tile(controls, 2),
        control_set=np.repeat([0, 1], n - m),
        share=share.ravel(),
        stratum=np.zeros(2, int),
        x_control=np.tile(x[controls], (2, 1)),
    )
    one_each = MatchedSample(
        **common,
        treated_set=treated,
        control=np.tile(controls, m),
        control_set=np.repeat(treated, n - m),
        share=share[treated // 6].ravel(),
        stratum=np.zeros(m, int),
        x_control=np.tile(x[controls], (m, 1)),
    )
    return together, one_each


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("adjust", [True, False])
def test_shared_controls_are_as_one_set_for_each_treated_unit(seed, adjust):
    results = []
    for sample in shared_sets(np.random.default_rng(seed)):
        parts = event_times(sample, (-2, 2), bias_adjust=adjust)
        cells = matched_cells(sample, parts)
        results.append((cells.estimate, matched_influence(sample, parts, cells).values, parts[-1].effect))
    for together, one_each in zip(*results, strict=True):
        np.testing.assert_allclose(together, one_each, rtol=1e-9, atol=1e-11)


def test_a_large_influence_function_stays_in_factors(monkeypatch):
    sample, _ = shared_sets(np.random.default_rng(1))
    parts = event_times(sample, (-2, 2), bias_adjust=True)
    cells = matched_cells(sample, parts)
    dense = matched_influence(sample, parts, cells)
    monkeypatch.setattr(influence_module, "LARGEST", 0)
    factored = matched_influence(sample, parts, cells)
    assert isinstance(dense, Influence)
    assert not isinstance(factored, Influence)
    np.testing.assert_allclose(factored.values, dense.values, **CLOSE)
    np.testing.assert_allclose(factored.covariance(), dense.covariance(), **CLOSE)
    codes = np.arange(sample.n_rows) // 3
    np.testing.assert_allclose(factored.covariance(codes), dense.covariance(codes), **CLOSE)
    assert membership_of(sample, cells).counts().max() == 3


def test_all_aggregates_agree_between_matrix_and_factors(monkeypatch):
    match = with_roles(draw(World(groups=9), rng=3), cluster="group")
    dense = MatchedDiD(window=WINDOW).fit(match, "y")
    monkeypatch.setattr(influence_module, "LARGEST", 0)
    factored = MatchedDiD(window=WINDOW).fit(match, "y")
    for by in ("overall", "event", "cohort", "stratum"):
        one, other = dense.aggregate(by), factored.aggregate(by)
        np.testing.assert_allclose(other.estimate, one.estimate, **CLOSE)
        np.testing.assert_allclose(other.std_errors, one.std_errors, **CLOSE)
        np.testing.assert_allclose(other.uncertainty.dfs, one.uncertainty.dfs, rtol=1e-8)


def test_effects_by_any_column_of_the_panel():
    drawn = draw(rng=1, size=lambda frame: np.where(frame["firm"] % 3 == 0, "small", "large"))
    effects = MatchedDiD(window=WINDOW).fit(drawn.match, "y")
    table = effects.unit_effects[effects.unit_effects["event_time"] >= 0]
    size = drawn.frame.groupby("firm")["size"].first()
    means = table.groupby(table["unit"].map(size))["effect"].mean()
    by_size = effects.aggregate("size")
    assert list(by_size.params.index) == ["size[large]", "size[small]"]
    np.testing.assert_allclose(by_size.estimate, means, **CLOSE)
    assert by_size.description.aggregation == "size"
    both = effects.aggregate(["size", "event"])
    assert list(both.labels.columns) == ["size", "event_time"]
    np.testing.assert_allclose(effects.aggregate(["size", "group"]).estimate.shape, (8,))


def test_a_finer_split_leaves_the_overall_effect_and_its_error():
    drawn = draw(rng=1, size=lambda frame: frame["firm"] % 3)
    effects = MatchedDiD(window=WINDOW).fit(drawn.match, "y")
    finer = effects.remake.split(("size",))
    one, other = effects.aggregate("overall"), finer.aggregate("overall")
    np.testing.assert_allclose(other.estimate, one.estimate, **CLOSE)
    np.testing.assert_allclose(other.std_errors, one.std_errors, **CLOSE)


def test_columns_are_read_in_the_period_before_joining():
    drawn = draw(rng=1, phase=lambda frame: np.where(frame["year"] == frame["cohort"] - 1, "before", "other"))
    assert list(MatchedDiD(window=WINDOW).fit(drawn.match, "y").aggregate("phase").labels["phase"]) == ["before"]
    holed = draw(rng=1, phase=lambda frame: np.where(frame["firm"] < 5, np.nan, 1.0))
    assert list(MatchedDiD(window=WINDOW).fit(holed.match, "y").aggregate("phase").labels["phase"]) == [
        "1.0",
        "missing",
    ]


def test_unknown_columns_are_refused():
    effects = MatchedDiD(window=WINDOW).fit(draw(rng=1).match, "y")
    with pytest.raises(ColumnError, match="'size' is missing"):
        effects.aggregate("size")
    stored = ce.Effects.from_dict(effects.to_dict(influence=True))
    with pytest.raises(OptionError, match="aggregation by"):
        stored.aggregate("x")


@pytest.mark.parametrize("controls", [1, 2])
def test_clustering_by_set_takes_the_spread_of_the_sets_differences(controls):
    """Without common controls and covariates: the sum of squares of each treated unit's own effect (Abadie & Spiess)."""
    drawn = draw(World(members=40, pool=80, cohorts=(6,)), rng=2)
    match = apart(drawn, controls)
    model = MatchedDiD(window=(0, 0), bias_adjust=False, variance=ce.Cluster("matched_set"))
    overall = model.fit(match, "y").aggregate("overall")
    gaps = model.fit(match, "y").unit_effects["effect"]
    assert overall.std_errors.iloc[0] == pytest.approx(np.sqrt(((gaps - gaps.mean()) ** 2).sum()) / 40, rel=1e-10)
    assert overall.uncertainty.convention.startswith("influence function, clustered by matched_set (40 clusters")
    two = replace(model, variance=ce.Cluster("matched_set", "firm")).fit(match, "y").aggregate("overall")
    assert two.std_errors.iloc[0] == pytest.approx(overall.std_errors.iloc[0], rel=1e-10)


def test_sets_that_share_controls_are_merged_or_refused():
    drawn = draw(World(pool=60, members=20, controls=2, strata=6), rng=3)
    effects = MatchedDiD(window=WINDOW, variance=ce.Cluster("matched_set")).fit(drawn.match, "y")
    check = next(c for c in effects.checks() if c.name == "matched sets as clusters")
    assert check.verdict == "warn"
    assert check.statistic < 20
    assert "matched sets share controls and make" in check.message
    joined = draw(World(pool=8, members=30, strata=1), rng=3)
    with pytest.raises(EstimationError, match="controls that serve several sets join all 30 sets into one cluster"):
        MatchedDiD(window=WINDOW, variance=ce.Cluster("matched_set")).fit(joined.match, "y")


@pytest.mark.parametrize("columns", [("matched_set",), ("matched_set", "firm")])
def test_one_set_per_cohort_is_no_cluster(columns):
    """Deviations from the mean of a cohort sum to zero over its only set: the error would be that of nothing."""
    drawn = draw()
    match = ce.Matching(on=["x"], lags=(1,), horizon=0, method="entropy").fit(drawn.panel)
    with pytest.raises(EstimationError, match="all treated units of a cohort are one set"):
        MatchedDiD(variance=ce.Cluster(*columns)).fit(match, "y")


def test_two_way_clustering_by_set_and_unit():
    """Variance by set plus by unit minus by unit within set, from the differences themselves."""
    drawn = draw(World(pool=12, members=40, controls=2, cohorts=(6,), strata=1), rng=2)
    model = MatchedDiD(window=(0, 0), bias_adjust=False, variance=ce.Cluster("matched_set", "firm"))
    pairs = pairs_of(drawn.match)
    match = as_match(drawn.panel, pairs, np.zeros((52, 0)), np.zeros(52, dtype=int), names=())
    effects = model.fit(match, "y")
    change = drawn.panel.wide("y")[:, 6] - drawn.panel.wide("y")[:, 5]
    held = links(match)
    weight, control = held.weight / 40, held.control
    use = np.bincount(control, weight, len(change))
    # One stratum and cohort, no covariates: the model of the controls' changes is their mean.
    residual = np.where(use > 0, change - change[use > 0].mean(), 0.0)
    tau = np.bincount(held.treated, held.weight * (change[held.treated] - change[held.control]))[:40]
    own = (tau + np.bincount(held.treated, held.weight * residual[control])[:40] - tau.mean()) / 40
    noise = -weight * residual[control]
    by_set = own + np.bincount(held.treated, noise)[:40]
    by_unit = np.bincount(control, noise)
    expected = (by_set**2).sum() + (by_unit**2).sum() - (noise**2).sum()
    assert effects.aggregate("overall").std_errors.iloc[0] == pytest.approx(np.sqrt(expected), rel=1e-10)
    assert effects.checks()


def test_jackknife_leaves_out_rows_and_their_weight():
    drawn = draw(World(groups=9), rng=3)
    match = with_roles(drawn, cluster="group")
    effects = MatchedDiD(window=WINDOW, variance=ce.Jackknife()).fit(match, "y")
    overall = effects.aggregate("overall")
    codes = overall.sampling.clusters["group"]
    psi, mass = overall.influence[:, 0], overall.sampling.membership.weight * (overall.sampling.membership.arms >= 0)
    events = effects.unit_effects[effects.unit_effects["event_time"] >= 0].groupby("unit").size()
    count = events.reindex(overall.units).fillna(0).to_numpy()
    treated = np.unique(codes[mass > 0])
    moved = [-psi[codes == h].sum() / len(psi) / (1 - count[codes == h].sum() / count.sum()) for h in treated]
    alone = (psi[~np.isin(codes, treated)] ** 2).sum() / len(psi) ** 2
    clusters = len(np.unique(codes))
    expected = (clusters - 1) / clusters * (np.square(moved).sum() + alone)
    assert overall.std_errors.iloc[0] == pytest.approx(np.sqrt(expected), rel=1e-9)
    default = MatchedDiD(window=WINDOW).fit(match, "y").aggregate("overall")
    assert default.std_errors.iloc[0] == overall.std_errors.iloc[0]
    assert "Welch–Satterthwaite" in overall.uncertainty.convention


def test_jackknife_needs_clusters():
    with pytest.raises(OptionError, match=r"variance=Jackknife\(\) without a column"):
        MatchedDiD(variance=ce.Jackknife()).fit(draw(rng=3).match, "y")


def test_stored_effects_keep_what_leaving_rows_out_needs():
    match = with_roles(draw(World(groups=9), rng=3), cluster="group")
    effects = MatchedDiD(window=WINDOW).fit(match, "y")
    again = ce.Effects.from_dict(effects.to_dict(influence=True))
    for by in ("overall", "event", "cohort"):
        one, other = effects.aggregate(by), again.aggregate(by)
        np.testing.assert_allclose(other.std_errors, one.std_errors, rtol=1e-12)
        np.testing.assert_allclose(other.uncertainty.dfs, one.uncertainty.dfs, rtol=1e-12)
    mean, part = effects.aggregate("event").average(), effects.aggregate("event").select([True] * 7).average()
    np.testing.assert_allclose(mean.std_errors, part.std_errors, rtol=1e-12)


def test_totals_are_means_times_their_number():
    match = with_roles(draw(World(groups=9), rng=3), cluster="group")
    effects = MatchedDiD(window=WINDOW).fit(match, "y")
    mean, total = effects.aggregate("overall"), effects.aggregate("overall", total=True)
    count = (effects.unit_effects["event_time"] >= 0).sum()
    assert total.estimate[0] == pytest.approx(count * mean.estimate[0], rel=1e-12)
    assert total.std_errors.iloc[0] == pytest.approx(count * mean.std_errors.iloc[0], rel=1e-8)


def test_equal_weights_change_nothing_and_other_weights_weight_the_clusters():
    drawn = draw(World(groups=9), rng=3, jobs=lambda frame: 1.0 + frame["firm"] % 7, one=1.0)
    effects = MatchedDiD(window=WINDOW).fit(with_roles(drawn, cluster="group"), "y")
    same, plain = effects.aggregate("overall", weights="one"), effects.aggregate("overall")
    np.testing.assert_allclose(same.std_errors, plain.std_errors, rtol=1e-10)
    jobs = effects.aggregate("overall", weights="jobs")
    assert 0.7 < jobs.std_errors.iloc[0] / plain.std_errors.iloc[0] < 1.5


METHODS = {
    "nearest": {},
    "optimal": {"method": "optimal"},
    "full": {"method": "full"},
    "coarsened exact": {"method": "coarsened_exact"},
    "subclasses": {"method": "subclass", "distance": "propensity", "exact": ()},
    "entropy": {"method": "entropy"},
    "propensity weighting": {"method": "propensity_weighting", "distance": "propensity", "exact": ()},
    "matched, then weighted": {"weigh": "entropy", "ratio": 3},
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_matching_leads_to_effects(name):
    """Slopes of the trend on x bias an unmatched comparison; every method of matching on x takes the bias away."""
    drawn = draw(World(members=60, pool=400, controls=1, slope=0.1, heterogeneity=0.0), rng=8)
    match = ce.Matching(**{"on": ["x"], "exact": ["stratum"], "lags": (1,), **METHODS[name]}).fit(drawn.panel)
    effects = MatchedDiD(window=(-2, 2)).fit(match, "y")
    overall = effects.aggregate("overall")
    assert abs(overall.estimate[0] - 0.05) < 4 * overall.std_errors.iloc[0]
    assert 0.01 < overall.std_errors.iloc[0] < 0.08
    sets, wide, cohorts = match.sets, drawn.panel.wide("y"), drawn.panel.cohorts
    plain = MatchedDiD(window=(0, 0), bias_adjust=False).fit(match, "y").aggregate("overall").estimate[0]
    change = np.full(len(wide), np.nan)
    total, count = 0.0, 0
    for number, cohort in enumerate(sets.cohort.astype(int)):
        change = wide[:, cohort] - wide[:, cohort - 1]
        controls = sets.control_set == number
        expected = sets.share[controls] @ change[sets.control[controls]]
        own = change[sets.treated[sets.treated_set == number]]
        total, count = total + (own - expected).sum(), count + len(own)
    assert plain == pytest.approx(total / count, rel=1e-9)
    assert effects.sample.counts["matched treated units"] == count
    assert np.isfinite(cohorts[sets.treated]).all()


def test_effects_from_another_process_can_still_be_split():
    effects = MatchedDiD(window=WINDOW).fit(draw(rng=6).match, "y")
    again = pickle.loads(pickle.dumps(effects))  # noqa: S301  (our own)
    np.testing.assert_array_equal(again.aggregate("stratum").estimate, effects.aggregate("stratum").estimate)
