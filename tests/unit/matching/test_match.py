import dataclasses
import json
import pickle

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.matching import CrossSectionMatch, Design, Match, MatchedSets

FRAME = pd.DataFrame(
    {
        "d": [1, 1, 0, 0, 0, 0],
        "x": [1.0, 2.0, 1.1, 2.3, 9.0, 0.0],
        "b": [1.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        "e": list("uvuvvu"),
        "f": [1, 2, 2, 1, 2, 1],
    }
)


def fit(**options):
    return ce.Matching(**{"on": ["x", "b"], "exact": ["e"], "forbid": ["f"]} | options).fit_frame(FRAME, treatment="d")


def panel_match(ratio=1):
    rng = np.random.default_rng(0)
    n = 30
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), 6),
            "year": np.tile(np.arange(2000, 2006), n),
            "joined": np.repeat(np.where(np.arange(n) < 8, 2002 + np.arange(n) % 2, np.nan), 6),
            "x": rng.normal(size=6 * n),
        }
    )
    return ce.Matching(on=["x"], ratio=ratio).fit(ce.Panel(frame, unit="firm", time="year", cohort="joined"))


def test_balance_of_a_small_match_by_hand():
    table = fit(lags=1).balance().set_index("covariate")
    x = table.loc["x"]
    treated, pool = np.array([1.0, 2.0]), np.array([1.1, 2.3, 9.0, 0.0])
    assert x["sd"] == pytest.approx(treated.std(ddof=1))
    assert x["mean_control_before"] == pytest.approx(pool.mean())
    assert x["smd_before"] == pytest.approx((treated.mean() - pool.mean()) / treated.std(ddof=1))
    assert x["variance_ratio_before"] == pytest.approx(treated.var(ddof=1) / pool.var(ddof=1))
    assert x["smd_after"] == pytest.approx((1.5 - 1.7) / treated.std(ddof=1))
    assert x["ks_after"] == 0.5
    assert table.loc["b", "kind"] == "binary"
    assert np.isnan(table.loc["b", "variance_ratio_after"])
    assert table.loc["e", ["kind", "share_equal_before", "share_equal_after"]].tolist() == ["exact", 0.5, 1.0]
    assert table.loc["f", ["kind", "share_equal_before", "share_equal_after"]].tolist() == ["forbid", 0.5, 0.0]


def test_before_weighs_each_cohort_like_its_treated_units():
    match = panel_match()
    panel, pool = match.panel, np.flatnonzero(np.isnan(match.panel.cohorts))
    wide, years = panel.wide("x"), panel.times.tolist()
    means = [wide[pool, years.index(2001)].mean(), wide[pool, years.index(2002)].mean()]
    assert match.balance()["mean_control_before"][0] == pytest.approx(np.mean(means))


def test_a_control_of_two_cohorts_is_two_observations():
    match = panel_match(ratio=20)
    after = match.balance()
    by_observation = match.pairs().groupby(["control", "cohort"])["weight"].sum()
    values = pd.Series(match.x_control[:, 0], index=pd.MultiIndex.from_frame(match.pairs()[["control", "cohort"]]))
    values = values[~values.index.duplicated()].loc[by_observation.index]
    assert after["mean_control_after"][0] == pytest.approx(np.average(values, weights=by_observation))


def test_pairs_weights_and_counts_agree():
    match = panel_match(ratio=3)
    pairs = match.pairs()
    assert pairs.columns.tolist() == ["treated", "control", "cohort", "weight", "distance"]
    assert (match.n_treated, match.n_controls) == (8, pairs["control"].nunique())
    expected = pairs.groupby("control")["weight"].sum()
    controls = match.weights.drop(index=pairs["treated"].unique())
    pd.testing.assert_series_equal(controls, expected, check_names=False, check_index_type=False)
    assert match.weights.loc[pairs["treated"].unique()].eq(1.0).all()
    assert match.effective_controls == pytest.approx(expected.sum() ** 2 / (expected**2).sum())
    assert repr(match) == f"Match(8 treated, {match.n_controls} controls, 24 pairs)"
    assert match.sets.cohort[match.sets.control_set].tolist() == pairs["cohort"].tolist()


def test_strata_are_cohort_and_exact_values():
    match = fit()
    assert match.sets.stratum.tolist() == [0, 1]
    assert len(np.unique(panel_match(ratio=2).sets.stratum)) == 2


def test_match_is_frozen_and_pickles():
    match = panel_match()
    with pytest.raises(dataclasses.FrozenInstanceError):
        match.sets = None
    with pytest.raises(ValueError, match="read-only"):
        match.sets.share[0] = 2.0
    again = pickle.loads(pickle.dumps(match))  # noqa: S301
    pd.testing.assert_frame_equal(again.pairs(), match.pairs())
    unmatched = match.unmatched()
    unmatched["more"] = 1
    assert "more" not in match.unmatched().columns


def test_plain_data_is_json_and_complete():
    match = fit()
    data = json.loads(json.dumps(match.to_dict(), allow_nan=True))
    assert data["pairs"][0] == {"treated": 0, "control": 2, "weight": 1.0, "distance": match.sets.distance[0]}
    assert [row["covariate"] for row in data["balance"]] == ["x", "b", "e", "f"]
    assert data["balance"][2]["smd_after"] is None
    assert data["design"]["type"] == "Design"
    assert data["sample"]["rows_used"] == 2


def test_summary_and_plot_show_the_covariates():
    match = fit()
    assert "unmatched" not in str(match.summary())
    axes = match.plot()
    shown = {label.get_text() for label in axes.get_yticklabels()}
    assert shown == {"x", "b"}


def test_checks_name_the_largest_difference_and_the_reuse():
    checks = {check.name: check for check in fit().checks()}
    assert checks["balance after matching"].verdict == "warn"
    assert checks["balance after matching"].message == "largest standardised mean difference 0.283 (x)"
    assert checks["unmatched treated units"].message == "all 2 treated units have a control"
    assert checks["controls per treated unit"].statistic == 0.0
    assert checks["reuse of controls"].message == "2 controls count as 2.0; one serves up to 1 treated units"
    short = {check.name: check for check in fit(ratio=2).checks()}
    assert short["controls per treated unit"].message == "2 treated units have fewer than 2 controls"


DESIGN = Design(estimand="effect on the treated", method="by hand", distance="none", candidates="all")
PARTS = {
    "labels": pd.Index(["a", "b"]),
    "design": DESIGN,
    "sets": MatchedSets.of_pairs(np.array([0]), np.array([1]), distance=np.zeros(1)),
    "covariates": ("x",),
    "x_treated": [[1.0]],
    "x_control": [[2.0]],
}


def test_a_match_by_hand_has_no_balance_but_everything_else():
    match = CrossSectionMatch(**PARTS)
    assert match.pairs().iloc[0].tolist() == ["a", "b", 1.0, 0.0]
    assert match.balance().empty
    assert match.checks()[0].name == "unmatched treated units"
    assert "by hand" in str(match.summary())


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"x_control has shape \(2, 1\) for 1 rows"):
        CrossSectionMatch(**PARTS | {"x_control": [[2.0], [3.0]]})
    with pytest.raises(ValueError, match="control, control_set, share, distance differ in length"):
        MatchedSets.of_pairs(np.array([0]), np.array([1]), distance=np.zeros(2))


def test_a_set_needs_both_sides():
    none = np.array([], dtype=np.int64)
    one = PARTS["sets"]
    with pytest.raises(ValueError, match="1 sets, each with a treated unit and a control"):
        dataclasses.replace(one, control=none, control_set=none, share=[], distance=[])


def test_treated_units_of_one_set_share_its_controls():
    sets = MatchedSets(
        treated=[0, 1, 2],
        treated_set=[0, 1, 1],
        treated_share=[1.0, 0.5, 0.5],
        control=[3, 4, 5],
        control_set=[1, 0, 1],
        share=[0.25, 1.0, 0.75],
        distance=[np.nan] * 3,
        mass=[1.0, 2.0],
        cohort=[np.nan] * 2,
        stratum=[0, 1],
    )
    of, link = sets.links()
    assert of.tolist() == [0, 1, 1, 2, 2]
    assert sets.control[link].tolist() == [4, 3, 5, 3, 5]
    assert sets.unit_weights(6).tolist() == [1.0, 1.0, 1.0, 0.5, 1.0, 1.5]
    assert not sets.paired
    match = CrossSectionMatch(
        **PARTS
        | {"labels": pd.Index(list("abcdef")), "sets": sets, "x_treated": np.ones((3, 1)), "x_control": np.ones((3, 1))}
    )
    assert match.pairs().to_numpy()[:, :3].tolist() == [
        ["a", "e", 1.0],
        ["b", "d", 0.25],
        ["b", "f", 0.75],
        ["c", "d", 0.25],
        ["c", "f", 0.75],
    ]
    members = match.members()
    assert members["weight"].sum() == 6.0
    assert members.groupby("side")["weight"].sum().to_dict() == {"control": 3.0, "treated": 3.0}
    assert repr(match) == "CrossSectionMatch(3 treated, 3 controls, 2 sets)"


def test_both_kinds_of_match_have_the_same_verbs():
    verbs = {"pairs", "members", "weights", "balance", "unmatched", "checks", "summary", "plot", "to_dict", "estimand"}
    assert verbs <= set(dir(Match)) & set(dir(CrossSectionMatch))
