"""Leaving out clusters: replicates and everything aggregated from them are those of panels without the cluster."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import EstimationError, NotStoredError, OptionError

YEARS = np.arange(2001, 2009)
AGGREGATIONS = ["overall", "event", "cohort", "calendar", ["cohort", "event"]]
pytestmark = pytest.mark.filterwarnings("ignore::clustereffects.errors.FewClustersWarning")


def _frame(seed=3, *, incomplete=False):
    """Six organisations whose members join in three years, three others without treatment, 40 firms that stand alone."""
    rng = np.random.default_rng(seed)
    sizes = np.array([9, 14, 8, 17, 11, 12, 10, 13, 9])
    organisation = np.r_[np.repeat(np.arange(9), sizes), 100 + np.arange(40)]
    n = len(organisation)
    # Organisation 5 is the only one whose members join in 2006.
    joined = np.where(organisation < 5, rng.choice([2003.0, 2005.0], n), np.where(organisation == 5, 2006.0, np.nan))
    shock = rng.normal(size=(141, len(YEARS)))[organisation] * 0.4
    y = shock + rng.normal(size=(n, len(YEARS))).cumsum(axis=1) * 0.3
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(YEARS)),
            "year": np.tile(YEARS, n),
            "joined": np.repeat(joined, len(YEARS)),
            "organisation": np.repeat(organisation, len(YEARS)),
            "size": np.repeat(rng.normal(size=n), len(YEARS)),
            "weight": np.repeat(rng.uniform(0.5, 2.0, n), len(YEARS)),
            "y": y.ravel(),
        }
    )
    return frame[rng.random(len(frame)) > 0.1] if incomplete else frame


def _panel(frame, **roles):
    named = {"unit": "firm", "time": "year", "cohort": "joined", "cluster": "organisation", "group": "organisation"}
    return ce.Panel(frame, **(named | roles))


CONFIGURATIONS = {
    "plain": ({}, {}),
    "dr": ({"method": "dr", "covariates": "size"}, {}),
    "ipw never": ({"method": "ipw", "covariates": "size", "control": "never_treated"}, {}),
    "reg weighted": ({"method": "reg", "covariates": "size"}, {"weights": "weight"}),
    "universal": ({"base_period": "universal", "anticipation": 1}, {}),
    "by group": ({"by_group": True}, {}),
    "cross-sections": ({"incomplete": "cross_sections", "method": "reg", "covariates": "size"}, {}),
    "improved": ({"method": "dr_improved", "covariates": "size"}, {}),
    "complete": ({"incomplete": "drop"}, {}),
}


@pytest.mark.parametrize(("name", "incomplete"), [("plain", False), *((name, True) for name in CONFIGURATIONS)])
def test_replicates_are_fits_without_the_cluster(name, incomplete):
    options, roles = CONFIGURATIONS[name]
    frame = _frame(incomplete=incomplete)
    effects = ce.GroupTimeDiD(variance=ce.Jackknife(), **options).fit(_panel(frame, **roles), "y")
    codes = effects.sampling.clusters["organisation"]
    by = [*AGGREGATIONS, "group"] if options.get("by_group") else AGGREGATIONS
    found = {str(key): effects.aggregate(key) for key in by}
    assert len(effects.replicates.left_out) == 9
    for row, code in enumerate(effects.replicates.left_out):
        gone = frame["firm"].isin(effects.units[codes == code])
        again = ce.GroupTimeDiD(**options).fit(_panel(frame[~gone], cluster=None, **roles), "y")
        _same_terms(effects, row, again)
        for key in by:
            _same_terms(found[str(key)], row, again.aggregate(key))
        for key in ("event", "calendar", "cohort"):
            average = found[key].average()
            np.testing.assert_allclose(
                average.replicates.without[row], again.aggregate(key).average().params, rtol=1e-8, atol=1e-12
            )


def _same_terms(effects, row, again):
    expected = again.params.reindex(effects.params.index)
    np.testing.assert_allclose(effects.replicates.without[row], expected, rtol=1e-8, atol=1e-12)


def test_the_covariance_is_that_of_a_loop_over_clusters():
    effects = ce.GroupTimeDiD(variance=ce.Jackknife()).fit(_panel(_frame()), "y").aggregate("event")
    codes, replicates = effects.sampling.clusters["organisation"], effects.replicates
    alone = ~np.isin(codes, replicates.left_out)
    assert alone.sum() == 40
    total = np.zeros_like(effects.cov)
    for row in replicates.without:
        total += np.outer(row - effects.estimate, row - effects.estimate)
    for psi in effects.influence[alone] / len(codes):
        total += np.outer(psi, psi)
    known = np.isfinite(effects.cov.to_numpy())
    np.testing.assert_allclose(effects.cov.to_numpy()[known], (48 / 49 * total)[known], rtol=1e-8, atol=1e-14)


def test_influence_of_single_units_is_close_to_leaving_them_out():
    frame = _frame()
    effects = ce.GroupTimeDiD().fit(_panel(frame), "y").aggregate("overall")
    codes = effects.sampling.clusters["organisation"]
    alone = np.flatnonzero(~np.isin(codes, effects.replicates.left_out))[:8]
    psi = effects.influence[alone, 0] / len(codes)
    exact = [effects.estimate[0] - _overall_without(frame, effects.units[row]) for row in alone]
    np.testing.assert_allclose(psi, exact, rtol=0.06)


def _overall_without(frame, firm):
    return (
        ce.GroupTimeDiD().fit(_panel(frame[frame["firm"] != firm], cluster=None), "y").aggregate("overall").estimate[0]
    )


def test_the_default_is_the_jackknife_where_organisations_are_few():
    panel = _panel(_frame())
    default = ce.GroupTimeDiD().fit(panel, "y")
    chosen = ce.GroupTimeDiD(variance=ce.Jackknife("organisation")).fit(panel, "y")
    pd.testing.assert_frame_equal(default.tidy(), chosen.tidy())
    assert default.variance is None
    overall = default.aggregate("overall")
    assert overall.uncertainty.convention == (
        "cluster jackknife (CV3) by organisation: 6 treated and 43 other clusters, 40 of them single units that enter by "
        "their influence, Welch–Satterthwaite degrees of freedom"
    )
    assert 5 <= overall.uncertainty.dfs[0] < 48
    assert overall.tidy()["interval"].iloc[0] == f"pointwise t({overall.uncertainty.dfs[0]:.4g})"


def test_effects_that_need_a_cluster_have_no_standard_error_beside_others():
    """Cohort 2006 is one organisation: without it there is no such effect."""
    effects = ce.GroupTimeDiD().fit(_panel(_frame()), "y")
    alone = effects.labels["cohort"] == 2006
    assert effects.std_errors[alone].isna().all()
    assert effects.std_errors[~alone].notna().all()
    assert effects.uncertainty.convention.endswith("7 effects rest on one organisation alone: no standard error")
    assert effects.aggregate("overall").std_errors.notna().all()


def test_effects_by_organisation_have_errors_by_unit():
    effects = ce.GroupTimeDiD(by_group=True).fit(_panel(_frame()), "y").aggregate("group")
    assert effects.uncertainty.convention.startswith("influence function, independent units")
    assert "each effect rests on one organisation alone" in effects.uncertainty.convention
    by_unit = ce.GroupTimeDiD(by_group=True).fit(_panel(_frame(), cluster=None), "y").aggregate("group")
    np.testing.assert_allclose(effects.std_errors, by_unit.std_errors, rtol=1e-12)


def test_one_treated_organisation_has_errors_by_unit():
    frame = _frame()
    frame = frame[frame["joined"].isna() | (frame["organisation"] == 0)]
    effects = ce.GroupTimeDiD().fit(_panel(frame), "y").aggregate("overall")
    assert effects.replicates is None
    assert "each effect rests on one organisation alone" in effects.uncertainty.convention


def test_many_treated_clusters_are_not_left_out_by_default():
    frame = _frame()
    effects = ce.GroupTimeDiD().fit(_panel(frame, cluster="firm"), "y")
    assert effects.replicates is None
    assert "clustered at the assignment level: firm (71 treated clusters)" in effects.uncertainty.convention


def test_the_other_degrees_of_freedom_are_one_less_than_all_clusters():
    found = ce.GroupTimeDiD(variance=ce.Jackknife(df="clusters")).fit(_panel(_frame()), "y").aggregate("overall")
    assert found.uncertainty.reference == "t(48)"
    assert found.uncertainty.convention.endswith("t(48)")
    default = ce.GroupTimeDiD().fit(_panel(_frame()), "y").aggregate("overall")
    np.testing.assert_allclose(found.std_errors, default.std_errors, rtol=1e-12)


def test_another_column_than_the_assignment_level_can_be_left_out():
    frame = _frame().assign(town=lambda f: f["firm"] % 12)
    found = ce.GroupTimeDiD(variance=ce.Jackknife("town")).fit(_panel(frame, cluster=None), "y").aggregate("overall")
    assert found.uncertainty.columns == ("town",)
    assert "by town: 12 treated and 0 other clusters, Welch" in found.uncertainty.convention


def test_what_cannot_be_left_out_is_refused():
    frame = _frame().assign(one=1)
    with pytest.raises(OptionError, match=r"Jackknife\(\) without a column – the panel declares no level"):
        ce.GroupTimeDiD(variance=ce.Jackknife()).fit(_panel(frame, cluster=None), "y")
    with pytest.raises(EstimationError, match="clustered by 'one' – all units are in one cluster"):
        ce.GroupTimeDiD(variance=ce.Jackknife("one")).fit(_panel(frame), "y")


def test_two_levels_of_assignment_are_clustered_without_leaving_out():
    frame = _frame().assign(town=lambda f: f["firm"] % 12)
    effects = ce.GroupTimeDiD().fit(_panel(frame, cluster=("organisation", "town")), "y")
    assert effects.replicates is None
    assert effects.uncertainty.columns == ("organisation", "town")
    first = ce.GroupTimeDiD(variance=ce.Jackknife()).fit(_panel(frame, cluster=("organisation", "town")), "y")
    assert first.uncertainty.columns == ("organisation",)


def test_a_jackknife_needs_replicates():
    effects = ce.GroupTimeDiD().fit(_panel(_frame()), "y")
    with pytest.raises(NotStoredError, match="estimates without a cluster"):
        _ = replace(effects, replicates=None, variance=ce.Jackknife()).std_errors


def test_selected_and_stored_effects_keep_their_replicates():
    effects = ce.GroupTimeDiD().fit(_panel(_frame()), "y").aggregate("event")
    few = effects.select(effects.labels["event_time"] >= 0)
    pd.testing.assert_series_equal(few.std_errors, effects.std_errors[few.params.index])
    again = ce.Effects.from_dict(effects.to_dict(influence=True))
    np.testing.assert_array_equal(again.replicates.without, effects.replicates.without)
    pd.testing.assert_frame_equal(again.average().tidy(), effects.average().tidy())
