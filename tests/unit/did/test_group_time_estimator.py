"""GroupTimeDiD on panels: options, labels, account, findings, errors, conventions."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import clustereffects as ce
from clustereffects.errors import ColumnError, EstimationError, FewClustersWarning, OptionError

YEARS = np.arange(2001, 2007)


def _frame(seed=0, n=120, cohorts=(2001, 2003, 2005, 0)):
    rng = np.random.default_rng(seed)
    joined = rng.choice(cohorts, n)
    treated = joined > 0
    organisation = np.where(treated, np.array(["K1", "K2", "K3"])[rng.integers(3, size=n)], None)
    frame = pd.DataFrame(
        {"firm": np.arange(n), "joined": joined, "organisation": organisation, "town": np.arange(n) % 30}
    )
    frame = frame.loc[frame.index.repeat(len(YEARS))].reset_index(drop=True)
    frame["year"] = np.tile(YEARS, n)
    frame["size"] = rng.standard_normal(len(frame)).round(3)
    frame["y"] = rng.standard_normal(len(frame)).cumsum()
    return frame


def _panel(frame=None, **roles):
    frame = _frame() if frame is None else frame
    return ce.Panel(frame, unit="firm", time="year", cohort="joined", **roles)


# Options


def test_options_are_frozen_comparable_and_in_the_provenance():
    estimator = ce.GroupTimeDiD(covariates="size", variance=ce.Cluster("town"))
    assert estimator == ce.GroupTimeDiD(covariates="size", variance=ce.Cluster("town"))
    assert hash(estimator) == hash(ce.GroupTimeDiD(covariates="size", variance=ce.Cluster("town")))
    assert "covariates='size'" in repr(estimator)
    options = estimator.fit(_panel(), "y").provenance.options
    assert options["covariates"] == "size"
    assert options["variance"]["columns"] == ["town"]


def test_all_bad_options_are_listed_at_once():
    with pytest.raises(OptionError, match="6 problems") as caught:
        ce.GroupTimeDiD(control="never", method="or", base_period="fixed", anticipation=-1, by_group=1, variance="firm")
    text = str(caught.value)
    assert "option control='never' – expected 'not_yet_treated' or 'never_treated' – give control another value" in text
    assert "option method='or' – expected 'dr' or 'dr_improved' or 'ipw' or 'reg'" in text
    assert "option base_period='fixed'" in text
    assert "option anticipation=-1 – expected a whole number of periods, 0 or more" in text
    assert "option by_group=1 – expected True or False" in text
    assert "option variance='firm' – expected Cluster(...), MultiplierBootstrap(...), Jackknife(...), Wild" in text


@pytest.mark.parametrize("formula", ["", "~", 3])
def test_empty_formulas_are_refused(formula):
    with pytest.raises(OptionError, match=r"the option is empty.*leave covariates out"):
        ce.GroupTimeDiD(covariates=formula)


@pytest.mark.parametrize("value", [True, 1.0])
def test_anticipation_is_a_whole_number(value):
    with pytest.raises(OptionError, match="anticipation"):
        ce.GroupTimeDiD(anticipation=value)


# Labels and text


def test_labels_and_terms():
    effects = ce.GroupTimeDiD().fit(_panel(), "y")
    assert effects.labels.columns.tolist() == ["cohort", "time", "event_time"]
    assert effects.labels.loc["ATT(2003, 2005)"].tolist() == [2003, 2005, 2]
    assert effects.tidy().columns[:4].tolist() == ["cohort", "time", "event_time", "term"]
    assert effects.labels.dtypes.map(lambda d: d.kind).tolist() == ["i", "i", "i"]


def test_labels_by_group():
    effects = ce.GroupTimeDiD(by_group=True).fit(_panel(group="organisation"), "y")
    assert effects.labels.columns.tolist() == ["cohort", "time", "event_time", "group"]
    assert effects.labels.loc["ATT(2003, 2004 | K2)", "group"] == "K2"
    assert len(effects.labels) == 2 * 5 * 3


def test_the_description_names_every_choice():
    estimator = ce.GroupTimeDiD(
        control="never_treated", method="ipw", covariates="~ size", base_period="universal", anticipation=1
    )
    effects = estimator.fit(_panel(), "y")
    for text in (
        "Callaway & Sant'Anna",
        "inverse-probability",
        "given size",
        "never-treated comparison",
        "universal base",
        "1 periods of anticipation",
    ):
        assert text in effects.method
    assert "ATT(g, t)" in effects.estimand
    assert "independent units" in effects.summary().to_markdown()


# Account


def test_every_row_is_accounted_for():
    frame = _frame()
    rng = np.random.default_rng(1)
    frame["y"] = frame["y"].mask(rng.random(len(frame)) < 0.1)
    frame["size"] = frame["size"].mask(rng.random(len(frame)) < 0.2)
    early = frame["joined"] == 2001
    sample = ce.GroupTimeDiD(covariates="size", base_period="universal").fit(_panel(frame), "y").sample
    assert sample.rows_in == len(frame)
    assert sample.dropped["treated in the first period already"] == early.sum()
    assert sample.dropped["outcome missing"] == (frame["y"].isna() & ~early).sum()
    assert sample.dropped["covariates missing"] > 0
    assert sample.dropped["in no comparison"] > 0
    assert sample.rows_used == len(frame) - sum(sample.dropped.values())


def test_counts_of_a_balanced_panel():
    frame = _frame()
    units = frame.drop_duplicates("firm")["joined"]
    effects = ce.GroupTimeDiD().fit(_panel(frame), "y")
    assert dict(effects.sample.counts) == {
        "units": int((units != 2001).sum()),
        "treated units": int(units.isin([2003, 2005]).sum()),
        "never-treated units": int((units == 0).sum()),
        "cohorts": 2,
        "periods": 6,
    }
    assert effects.influence.shape == (effects.sample.counts["units"], len(effects.params))
    assert effects.units.tolist() == np.flatnonzero(units != 2001).tolist()


def test_units_that_enter_nothing_leave_the_influence_function():
    frame = _frame()
    frame = frame[(frame["firm"] != frame.loc[frame["joined"] == 0, "firm"].iloc[0]) | (frame["year"] == 2004)]
    full = ce.GroupTimeDiD().fit(_panel(frame), "y")
    without = ce.GroupTimeDiD().fit(_panel(frame[frame.groupby("firm")["year"].transform("size") > 1]), "y")
    assert full.units.tolist() == without.units.tolist()
    np.testing.assert_allclose(full.influence, without.influence, rtol=1e-10, atol=1e-12)
    assert full.sample.dropped["in no comparison"] == 1


# Findings


def _check(effects, name):
    return next(check for check in effects.checks() if check.name == name)


def test_findings_on_the_sample():
    frame = _frame()
    gap = frame.index[(frame["joined"] == 0) & (frame["year"] == 2004)][:3]
    effects = ce.GroupTimeDiD(covariates="size + one").fit(_panel(frame.drop(gap).assign(one=1)), "y")
    early = frame.drop_duplicates("firm")["joined"].eq(2001).sum()
    assert _check(effects, "units treated from the start").message.startswith(f"{early} units were treated")
    assert _check(effects, "complete pairs").message.startswith("3 units are not observed in all periods")
    assert _check(effects, "covariates").message == "constant, left out: one"


def test_only_constant_covariates_are_no_covariates():
    effects = ce.GroupTimeDiD(covariates="one").fit(_panel(_frame().assign(one=1)), "y")
    plain = ce.GroupTimeDiD().fit(_panel(), "y")
    np.testing.assert_array_equal(effects.params, plain.params)


def test_without_never_treated_the_last_cohort_is_the_comparison():
    frame = _frame(cohorts=(2003, 2005))
    effects = ce.GroupTimeDiD().fit(_panel(frame), "y")
    assert effects.labels["cohort"].unique().tolist() == [2003]
    assert "cohort 2005 serves as comparison only" in _check(effects, "last cohort").message
    lost = _check(effects, "identified cells")
    assert (
        lost.message == "2 effects: no comparison unit is observed in both periods – ATT(2003, 2005), ATT(2003, 2006)"
    )
    overall = effects.aggregate("overall").params["overall"]
    np.testing.assert_allclose(overall, effects.params[["ATT(2003, 2003)", "ATT(2003, 2004)"]].mean())


def test_lone_treated_units_are_named():
    frame = _frame()
    first = frame.loc[frame["joined"] == 2005, "firm"].iloc[0]
    frame = frame[(frame["joined"] != 2005) | (frame["firm"] == first)]
    effects = ce.GroupTimeDiD().fit(_panel(frame), "y")
    assert _check(effects, "treated units per effect").message.startswith("5 effects rest on one treated unit")


def test_a_lone_treated_unit_beside_an_exact_fit_has_no_standard_error():
    """Four comparison units and four coefficients: what is left of their residuals is rounding, and no evidence."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(5), 4), "year": np.tile(YEARS[:4], 5)})
    frame["joined"] = np.where(frame["firm"] == 0, 2003, 0)
    frame[["a", "b", "c"]] = rng.standard_normal((5, 3)).repeat(4, axis=0)
    frame["y"] = rng.standard_normal(20)
    effects = ce.GroupTimeDiD(method="reg", covariates="a + b + c").fit(_panel(frame), "y")
    for found in (effects, effects.aggregate("overall"), effects.aggregate("event")):
        assert np.isfinite(found.params).all()
        assert found.tidy()[["std_error", "p_value", "conf_low"]].isna().all(axis=None)
        assert not found.cov.to_numpy().any()
    assert effects.aggregate("event").pretrends().verdict == "info"


def test_groups_too_small_for_covariates_lose_their_cells_only():
    frame = _frame()
    lone = (frame["joined"] == 2005) & (frame["organisation"] == "K3")
    frame.loc[lone, "size"] += 100.0
    effects = ce.GroupTimeDiD(by_group=True, covariates="size").fit(_panel(frame, group="organisation"), "y")
    lost = effects.params.isna()
    assert set(effects.labels.loc[lost, "group"]) == {"K3"}
    assert "do not overlap" in _check(effects, "identified cells").message
    assert effects.aggregate("overall").params.notna().all()


# Clusters


def test_few_treated_clusters_warn():
    with pytest.warns(FewClustersWarning, match="reached 3 clusters of 'organisation', fewer than 8"):
        effects = ce.GroupTimeDiD().fit(_panel(cluster="organisation"), "y")
    assert _check(effects, "treated clusters").verdict == "warn"
    assert "cluster jackknife (CV3) by organisation: 3 treated and" in effects.uncertainty.convention


def test_enough_treated_clusters_pass():
    effects = ce.GroupTimeDiD().fit(_panel(cluster="town"), "y")
    assert _check(effects, "treated clusters").verdict == "pass"
    treated = effects.units[effects.sampling.membership.treated()] % 30
    assert f"by town: {treated.nunique()} treated and" in effects.uncertainty.convention


def test_the_variance_option_wins_over_the_assignment_level():
    effects = ce.GroupTimeDiD(variance=ce.Cluster("firm")).fit(_panel(cluster="town"), "y")
    plain = ce.GroupTimeDiD().fit(_panel(), "y")
    np.testing.assert_allclose(effects.std_errors, plain.std_errors, rtol=1e-12)


def test_bootstrap_by_cluster():
    variance = ce.MultiplierBootstrap(draws=199, rng=3, cluster="town")
    effects = ce.GroupTimeDiD(variance=variance).fit(_panel(), "y")
    assert "clustered by town" in effects.uncertainty.convention
    assert effects.provenance.seed == 3


def test_two_way_clusters():
    effects = ce.GroupTimeDiD(variance=ce.Cluster("town", "size_class")).fit(
        _panel(_frame().assign(size_class=lambda f: f["firm"] % 11)), "y"
    )
    assert "town (30 clusters" in effects.uncertainty.convention
    assert "size_class (11 clusters" in effects.uncertainty.convention


# Errors


def test_a_panel_without_cohort():
    panel = ce.Panel(_frame(), unit="firm", time="year")
    with pytest.raises(EstimationError, match=r"the panel has no cohort.*Panel\(..., cohort=...\)"):
        ce.GroupTimeDiD().fit(panel, "y")


def test_by_group_without_group():
    with pytest.raises(OptionError, match="by_group=True, but the panel has no group"):
        ce.GroupTimeDiD(by_group=True).fit(_panel(), "y")


def test_never_treated_control_without_never_treated_units():
    panel = _panel(_frame(cohorts=(2003, 2005)))
    with pytest.raises(EstimationError, match=r"no never-treated unit.*use control='not_yet_treated'; the last cohort"):
        ce.GroupTimeDiD(control="never_treated").fit(panel, "y")


@pytest.mark.parametrize("cohorts", [(0,), (2001, 0), (2001,), (2003,), (2009, 0)])
def test_nothing_to_compare(cohorts):
    with pytest.raises(EstimationError, match=r"no cohort can be compared.*add earlier periods or untreated units"):
        ce.GroupTimeDiD().fit(_panel(_frame(cohorts=cohorts)), "y")


def test_an_outcome_that_is_always_missing():
    with pytest.raises(EstimationError, match="the outcome 'y' is missing in all rows"):
        ce.GroupTimeDiD().fit(_panel(_frame().assign(y=np.nan)), "y")


def test_covariates_that_are_always_missing():
    with pytest.raises(EstimationError, match="the covariates 'size' are missing in all rows"):
        ce.GroupTimeDiD(covariates="size").fit(_panel(_frame().assign(size=np.nan)), "y")
    early = _frame().assign(size=lambda f: f["size"].where(f["joined"] == 2001))
    with pytest.raises(EstimationError, match="the covariates 'size' are missing in all rows"):
        ce.GroupTimeDiD(covariates="size").fit(_panel(early), "y")


def test_no_cell_is_identified():
    frame = _frame()
    frame["y"] = frame["y"].mask(frame["joined"] == 0)
    with pytest.raises(EstimationError, match="no effect is identified – no comparison unit"):
        ce.GroupTimeDiD(control="never_treated").fit(_panel(frame), "y")


@pytest.mark.parametrize("incomplete", ["pairs", "drop", "cross_sections"])
def test_no_cell_but_references_is_identified(incomplete):
    """A reference cell is zero by construction: where nothing else is known, there is no effect."""
    frame = _frame().assign(twin=lambda f: f["size"])
    with pytest.raises(EstimationError, match="no effect is identified – covariates are collinear"):
        ce.GroupTimeDiD(covariates="size + twin", base_period="universal", incomplete=incomplete).fit(
            _panel(frame), "y"
        )


@pytest.mark.parametrize("outcome", [[], None, 3, ["y", 1], {"y", "size"}, ["y", "size", "y"]])
def test_outcomes_are_named_once_each(outcome):
    with pytest.raises(OptionError, match=r"the outcome.*expected the name of a column, or a list of different names"):
        ce.GroupTimeDiD().fit(_panel(), outcome)


def test_all_missing_outcomes_are_listed_at_once():
    with pytest.raises(ColumnError, match=r"(?s)2 problems.*'sales' is missing.*'staff' is missing"):
        ce.GroupTimeDiD().fit(_panel(), ["y", "sales", "staff"])


def test_a_frame_is_no_panel():
    with pytest.raises(TypeError, match=r"expected a Panel, got DataFrame – make one: Panel\(frame"):
        ce.GroupTimeDiD().fit(_frame(), "y")


def test_missing_and_textual_outcomes():
    with pytest.raises(ColumnError, match="column 'sales' is missing"):
        ce.GroupTimeDiD().fit(_panel(), "sales")
    with pytest.raises(ColumnError, match="column 'y' is not numeric"):
        ce.GroupTimeDiD().fit(_panel(_frame().assign(y="a")), "y")
    with pytest.raises(ColumnError, match="column 'y' is not numeric"):
        ce.GroupTimeDiD().fit(_panel(_frame().assign(y=lambda f: f["y"] + 1j)), "y")


# The door


def test_polars_gives_the_same_numbers():
    effects = ce.GroupTimeDiD(covariates="size").fit(_panel(), "y")
    other = ce.GroupTimeDiD(covariates="size").fit(_panel(pl.from_pandas(_frame())), "y")
    np.testing.assert_array_equal(other.params, effects.params)
    np.testing.assert_array_equal(other.influence, effects.influence)
    assert other.provenance.fingerprint == effects.provenance.fingerprint


def test_the_fingerprint_covers_covariates():
    first = ce.GroupTimeDiD(covariates="size").fit(_panel(), "y").provenance.fingerprint
    second = ce.GroupTimeDiD(covariates="size").fit(_panel(_frame().assign(size=lambda f: f["size"] + f["year"])), "y")
    assert first != second.provenance.fingerprint


@pytest.mark.parametrize("unit", ["firm", None])
def test_the_fingerprint_does_not_depend_on_the_order_of_rows(unit):
    frame, roles = _frame(), {"unit": unit, "time": "year", "cohort": "joined"}
    first, second = (
        ce.GroupTimeDiD(covariates="size").fit(ce.Panel(rows, **roles), "y").provenance.fingerprint
        for rows in (frame, frame.sample(frac=1.0, random_state=1))
    )
    assert first == second


def test_round_trip_through_plain_data():
    effects = ce.GroupTimeDiD(anticipation=1).fit(_panel(), "y")
    again = ce.Effects.from_dict(effects.to_dict(influence=True))
    pd.testing.assert_frame_equal(again.aggregate("event").tidy(), effects.aggregate("event").tidy(), check_dtype=False)
    assert again.pretrends() == effects.pretrends()
    assert again.description.anticipation == 1


def test_the_pretest_leaves_declared_anticipation_out():
    effects = ce.GroupTimeDiD(anticipation=1).fit(_panel(), "y")
    before = (effects.labels["event_time"] < -1).sum()
    assert f"of {before} effects before joining" in effects.pretrends().message
    assert f"of {before + 2} effects" in effects.pretrends(include_anticipation=True).message


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_units_and_origins_of_covariates_do_not_matter(method):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(200), 4), "year": np.tile(np.arange(2001, 2005), 200)})
    frame["joined"] = np.repeat(np.where(rng.random(200) < 0.4, 2003.0, np.nan), 4)
    frame["age"], frame["share"] = np.repeat(rng.normal(size=200), 4), np.repeat(rng.normal(size=200), 4)
    frame["y"] = rng.normal(size=800) + 0.3 * frame["age"] * (frame["year"] - 2000)
    moved = frame.assign(age=1e4 * frame["age"] + 5.0, share=1e-3 * frame["share"] - 2.0)
    fits = [
        ce.GroupTimeDiD(method=method, covariates="age + share").fit(
            ce.Panel(data, unit="firm", time="year", cohort="joined"), "y"
        )
        for data in (frame, moved)
    ]
    np.testing.assert_allclose(fits[1].params, fits[0].params, rtol=1e-8)
    np.testing.assert_allclose(fits[1].std_errors, fits[0].std_errors, rtol=1e-8)
