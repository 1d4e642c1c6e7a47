"""What a match says about balance: by group, in other units, of scores, paths and densities."""

import pickle

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import ColumnError, EstimationError, OptionError, PanelError
from clustereffects.matching import Design, Match, MatchedSets
from clustereffects.matching._checks import balance_checks
from clustereffects.matching.prognosis import prognosis
from clustereffects.matching.trajectories import candidate_path, matched_path

YEARS = np.arange(2000, 2008)


def world(n=120, missing=0.0, seed=3):
    rng = np.random.default_rng(seed)
    treated = np.arange(n) < 30
    level = rng.normal(size=n) + 0.7 * treated
    size = level[:, None] + rng.normal(0, 0.3, (n, len(YEARS))).cumsum(axis=1)
    size[rng.random(size.shape) < missing] = np.nan
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(YEARS)),
            "year": np.tile(YEARS, n),
            "joined": np.repeat(np.where(treated, rng.choice([2004, 2006], n), np.nan), len(YEARS)),
            "cluster": np.repeat(
                np.where(treated, rng.choice(["A", "B", "C"], n, p=[0.5, 0.4, 0.1]), None), len(YEARS)
            ),
            "size": size.ravel(),
            "age": np.repeat(rng.gamma(2.0, 5.0, n), len(YEARS)),
            "exports": np.repeat(rng.random(n) < 0.4, len(YEARS)).astype(float),
            "sector": np.repeat(rng.choice(["x", "y"], n), len(YEARS)),
        }
    )


@pytest.fixture(scope="module")
def match():
    panel = ce.Panel(world(), unit="firm", time="year", cohort="joined", group="cluster")
    return ce.Matching(on=["size", "age", "exports"], lags=(1,), ratio=2).fit(panel)


FRAME = pd.DataFrame(
    {"d": [1, 1, 1, 0, 0, 0, 0], "x": [1.0, 2.0, 4.0, 1.1, 2.3, 9.0, 0.0], "y": [5.0, 4, 3, 2.2, 4.6, 18.0, 0.0]}
)


@pytest.fixture(scope="module")
def section():
    return ce.Matching(on=["x"]).fit_frame(FRAME, treatment="d")


def test_denominators_divide_the_same_differences(match):
    tables = {name: match.balance(name) for name in ("treated", "control", "pooled", "all", "raw")}
    raw = tables["raw"]
    assert (raw["sd"] == 1).all()
    for table in tables.values():
        for side in ("before", "after"):
            np.testing.assert_allclose(table[f"smd_{side}"] * table["sd"], raw[f"smd_{side}"], atol=1e-12)
            pd.testing.assert_series_equal(table[f"ks_{side}"], raw[f"ks_{side}"])
    squares = (tables["treated"]["sd"] ** 2 + tables["control"]["sd"] ** 2) / 2
    np.testing.assert_allclose(tables["pooled"]["sd"] ** 2, squares)
    with pytest.raises(OptionError, match="denominator 'none'"):
        match.balance("none")


def test_the_table_is_computed_once_and_is_the_callers_own(match):
    first = match.balance()
    first["smd_after"] = 99.0
    assert (match.balance()["smd_after"] < 99).all()
    again = pickle.loads(pickle.dumps(match))  # noqa: S301  (our own)
    pd.testing.assert_frame_equal(again.balance(), match.balance())


def test_overlap_and_squares_when_asked(match):
    table = match.balance(overlap=True, squares=True).set_index("covariate")
    assert "size[-1]²" in table.index
    assert "age[-1] * exports[-1]_0" in table.index
    assert table[["overlap_before", "overlap_after"]].min().min() >= 0
    assert table.loc["exports[-1]", "overlap_before"] == table.loc["exports[-1]", "ks_before"]
    assert "overlap_before" not in match.balance().columns
    x = match.x_treated[:, 0] ** 2
    assert table.loc["size[-1]²", "mean_treated_after"] == pytest.approx(x.mean())


def test_weighting_has_no_pairs_but_balance(match):
    weighted = ce.Matching(on=["size", "age"], lags=(1,), method="entropy").fit(match.panel)
    table = weighted.balance()
    assert table["pair_distance"].isna().all()
    np.testing.assert_allclose(table["smd_after"], 0.0, atol=1e-6)
    by_group = weighted.balance(by="group")
    assert by_group["smd_after"].abs().max() > 0.01
    assert match.balance()["pair_distance"].notna().all()


def test_balance_by_group_by_hand(match):
    table = match.balance(by="group")
    assert table["group"].unique().tolist() == ["A", "B", "C"]
    assert len(table) == 9
    pairs, groups = match.pairs(), pd.Series(match.panel.groups, index=match.panel.units)
    values = match.panel.wide("size")
    sd = match.balance().set_index("covariate").loc["size[-1]", "sd"]
    for name in "ABC":
        own = pairs[groups[pairs["treated"]].to_numpy() == name]
        column = np.searchsorted(YEARS, own["cohort"] - 1)
        gap = values[own["treated"], column] - values[own["control"], column]
        row = table[(table["group"] == name) & (table["covariate"] == "size[-1]")].iloc[0]
        assert row["smd_after"] == pytest.approx(np.average(gap, weights=own["weight"]) / sd)
        assert row["n_treated"] == own["treated"].nunique()
        assert row["small"] == (own["treated"].nunique() < 10)
        weights = own.groupby("control")["weight"].sum()
        assert row["effective_controls"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    largest = table.loc[table["smd_after"].abs().groupby(table["group"]).idxmax(), "worst"]
    assert largest.all()
    assert table["worst"].sum() == 3


def test_groups_weighted_together_are_everyone(match):
    table, whole = match.balance(by="group"), match.balance().set_index("covariate")
    for name, part in table.groupby("covariate"):
        for side in ("before", "after"):
            together = np.average(part[f"smd_{side}"], weights=part["n_treated"])
            assert together == pytest.approx(whole.loc[name, f"smd_{side}"], abs=1e-12)


def test_groups_of_any_constant_column(match):
    assert set(match.balance(by="sector")["group"]) == {"x", "y"}
    with pytest.raises(ColumnError):
        match.balance(by="nothing")
    with pytest.raises(PanelError):
        match.balance(by="size")
    panel = ce.Panel(world(), unit="firm", time="year", cohort="joined")
    with pytest.raises(OptionError, match="no groups"):
        ce.Matching(on=["size"]).fit(panel).balance(by="group")


def test_a_cross_section_knows_no_groups_and_no_paths(section):
    with pytest.raises(OptionError, match="no groups"):
        section.balance(by="group")
    with pytest.raises(OptionError, match="no trajectories"):
        section.plot(kind="trajectories", column="x")


def test_effective_sizes(match, section):
    table = match.effective_sizes().set_index("side")
    assert table.loc["treated", ["before", "matched", "effective"]].tolist() == [30, 30, 30]
    assert table.loc["control", "effective"] == pytest.approx(match.effective_controls)
    assert table.loc["control", "matched"] == match.n_controls
    assert table.loc["control", "before"] == 90
    assert section.effective_sizes()["before"].tolist() == [3, 4]


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_paths_are_means_over_pairs(missing):
    frame = world(missing=missing)
    panel = ce.Panel(frame, unit="firm", time="year", cohort="joined")
    match = ce.Matching(on=["age"], ratio=3).fit(panel)
    table = match.trajectories("size", periods=5).set_index("event_time")
    assert table.index.tolist() == [-5, -4, -3, -2, -1]
    wide, pairs = pd.DataFrame(panel.wide("size"), columns=YEARS), match.pairs()
    for event in table.index:
        rows = [(wide.get(c + event, pd.Series(dtype=float)), t, o) for t, o, c in pairs.iloc[:, :3].to_numpy()]
        pairs["one"] = [year.get(int(t), np.nan) for year, t, _ in rows]
        pairs["other"] = [year.get(int(o), np.nan) for year, _, o in rows]
        known = pairs.dropna().groupby("treated")[["one", "other"]].mean()
        row = table.loc[event]
        assert row["n_treated"] == len(known)
        assert [row["mean_treated"], row["mean_control"]] == pytest.approx(known.mean().tolist())
        assert row["smd"] == pytest.approx((known["one"] - known["other"]).mean() / known["one"].std())


def test_path_of_candidates_and_of_what_is_not_observed():
    values, times = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 8.0]]), np.array([2003, 2004])
    pools = [(2005.0, np.array([0, 1]), 1.0), (2004.0, np.array([2]), 3.0)]
    found = candidate_path(values, times, pools, (-3, -2, -1))
    np.testing.assert_allclose(found, [np.nan, 2.0, (2.0 + 3 * 5.0) / 4])
    sets = MatchedSets.of_pairs(np.array([0, 1]), np.array([2, 2]), cohort=np.array([2005.0, 2005.0]))
    path = matched_path(values, times, sets, (-3, -2, -1))
    assert path.n_treated.tolist() == [0, 2, 1]
    np.testing.assert_allclose(path.treated, [np.nan, 2.0, 2.0])
    np.testing.assert_allclose(path.control, [np.nan, 5.0, 8.0])
    assert np.isnan(path.smd[[0, 2]]).all()


def test_refusals_of_paths(match):
    with pytest.raises(OptionError, match="number of periods"):
        match.trajectories("size", periods=0)
    with pytest.raises(ColumnError):
        match.trajectories("nothing")
    with pytest.raises(OptionError, match="no column"):
        match.plot(kind="trajectories")


def test_the_prognostic_score_of_a_perfect_covariate_is_the_covariate(section):
    outcome = pd.Series(FRAME["y"].to_numpy(), index=FRAME.index)
    score, table = section.prognostic_balance(outcome).iloc[0], section.balance().iloc[0]
    for name in ("smd_before", "smd_after", "ks_before", "variance_ratio_after"):
        assert score[name] == pytest.approx(table[name])
    again = section.prognostic_balance(outcome.sample(frac=1, random_state=1)).iloc[0]
    assert again["smd_after"] == pytest.approx(score["smd_after"])
    with pytest.raises(OptionError, match="7 numbers"):
        section.prognostic_balance([1.0, 2.0])
    with pytest.raises(EstimationError, match="prognostic score"):
        section.prognostic_balance(np.full(7, np.nan))
    with pytest.raises(OptionError, match="denominator"):
        section.prognostic_balance(outcome, denominator="none")


def test_the_prognostic_score_of_a_panel_is_that_of_least_squares_with_cohort_constants(match):
    found = match.prognostic_balance("size", event_time=1).iloc[0]
    panel, rows = match.panel, []
    wide, cohorts = panel.wide("size"), panel.cohorts
    x = [panel.wide(name) for name in ("size", "age", "exports")]
    for cohort in (2004, 2006):
        base = int(np.searchsorted(YEARS, cohort)) - 1
        for unit in np.flatnonzero(~(cohorts <= cohort + match.design.horizon)):
            values = [column[unit, base] for column in x]
            rows.append([*values, cohort == 2004, cohort == 2006, wide[unit, base + 2] - wide[unit, base]])
    table = np.array(rows, dtype=float)
    beta = np.linalg.lstsq(table[:, :5], table[:, 5], rcond=None)[0][:3]
    treated = match.x_treated @ beta
    assert found["sd"] == pytest.approx(treated.std(ddof=1))
    control = np.average(match.x_control @ beta, weights=match.sets.control_weights())
    assert found["smd_after"] == pytest.approx((treated.mean() - control) / treated.std(ddof=1))
    with pytest.raises(EstimationError, match="prognostic score of size"):
        match.prognostic_balance("size", event_time=50)


def test_prognosis_with_collinear_and_constant_covariates():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    doubled = np.column_stack([x, x[:, 0], np.ones(50)])
    y = x @ np.array([2.0, -1.0])
    np.testing.assert_allclose(doubled @ prognosis([(doubled, y)]), y, atol=1e-9)


def test_densities_integrate_to_one_and_are_on_one_grid(match):
    table = match.densities("size[-1]")
    assert table.columns.tolist() == ["value", "treated", "candidates", "controls"]
    for name in ("treated", "candidates", "controls"):
        assert np.trapezoid(table[name], table["value"]) == pytest.approx(1.0, abs=0.01)
    with pytest.raises(ColumnError, match="no matching variable"):
        match.densities("size")


def test_a_match_without_candidates_has_no_balance_before(match):
    bare = Match(
        sets=match.sets,
        covariates=match.covariates,
        x_treated=match.x_treated,
        x_control=match.x_control,
        design=Design(estimand="", method="", distance="", candidates=""),
        panel=match.panel,
    )
    assert bare.balance().empty
    assert bare.effective_sizes()["before"].isna().all()
    assert bare.trajectories("size")["mean_candidates"].isna().all()
    with pytest.raises(EstimationError, match="without candidates"):
        bare.densities("size[-1]")
    with pytest.raises(EstimationError, match="without candidates"):
        bare.balance(by="group")


def test_checks_name_the_covariates():
    table = pd.DataFrame(
        {
            "covariate": ["a", "b", "c", "sector"],
            "smd_after": [0.05, -0.3, 0.2, np.nan],
            "variance_ratio_after": [0.3, np.nan, 2.5, np.nan],
            "ks_after": [0.05, 0.3, 0.2, np.nan],
        }
    )
    means, ratios, distances = balance_checks(table)
    assert (means.verdict, means.statistic, means.threshold) == ("warn", 0.3, 0.1)
    assert means.message == "largest standardised mean difference 0.300 (b); also beyond the limit: c"
    assert (ratios.verdict, ratios.statistic, ratios.threshold) == ("warn", 0.3, 0.5)
    assert ratios.message == "variance ratio furthest from one 0.30 (a); also beyond the limit: c"
    assert (distances.verdict, distances.remedy) == ("info", "")
    fine = balance_checks(table.iloc[[0, 3]].assign(variance_ratio_after=1.9))
    assert [check.verdict for check in fine] == ["pass", "pass", "pass"]
    assert balance_checks(table.iloc[[3]]) == []


@pytest.mark.parametrize(
    "options", [{}, {"by": "group"}, {"kind": "density"}, {"kind": "trajectories", "column": "size"}]
)
def test_every_figure_of_a_match(match, options):
    from matplotlib.figure import Figure

    ax = Figure(layout="constrained").subplots()
    assert match.plot(ax, **options) is ax
    ax.figure.draw_without_rendering()
    assert ax.get_xlabel()
    with pytest.raises(OptionError, match="kind of figure"):
        match.plot(kind="pie")
