"""Options of the group-time estimator that change who is compared: incomplete units, trimming, conventions, outcomes."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import EstimationError, OptionError

YEARS = np.arange(2001, 2008)


def _frame(n=90, missing=0.1, seed=2):
    rng = np.random.default_rng(seed)
    joined = rng.choice([2003.0, 2005.0, 2006.0, np.nan], n, p=[0.2, 0.2, 0.2, 0.4])
    size = rng.normal(size=(n, len(YEARS)))
    size += np.nan_to_num(joined - 2005, nan=0.0)[:, None] / 4
    y = (size + rng.normal(size=(n, len(YEARS)))).cumsum(axis=1)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(YEARS)),
            "year": np.tile(YEARS, n),
            "joined": np.repeat(joined, len(YEARS)),
            "organisation": np.repeat(np.where(np.isfinite(joined), np.arange(n) % 4, np.nan), len(YEARS)),
            "size": size.ravel(),
            "y": y.ravel(),
            "z": rng.normal(size=n * len(YEARS)),
        }
    )
    return frame[rng.random(len(frame)) >= missing].reset_index(drop=True)


def _panel(frame, **roles):
    return ce.Panel(frame, unit="firm", time="year", cohort="joined", **roles)


def _whole(frame):
    return frame[frame.groupby("firm")["year"].transform("size") == len(YEARS)]


def test_dropping_incomplete_units_is_fitting_the_others():
    frame = _frame()
    found = ce.GroupTimeDiD(incomplete="drop", covariates="size").fit(_panel(frame), "y")
    alone = ce.GroupTimeDiD(covariates="size").fit(_panel(_whole(frame)), "y")
    pd.testing.assert_frame_equal(found.tidy().drop(columns="method"), alone.tidy().drop(columns="method"))
    lost = len(frame) - len(_whole(frame))
    assert found.sample.dropped["unit not observed in all periods"] == lost
    assert found.sample.rows_in == found.sample.rows_used + sum(found.sample.dropped.values())
    assert "units observed in all periods only" in found.method
    assert any(check.name == "incomplete units" for check in found.checks())


def test_a_missing_outcome_or_covariate_makes_a_unit_incomplete():
    frame = _frame(missing=0.0)
    frame.loc[frame.index[3], "y"] = np.nan
    frame.loc[frame.index[30], "size"] = np.nan
    found = ce.GroupTimeDiD(incomplete="drop", covariates="size").fit(_panel(frame), "y")
    assert found.sample.dropped["unit not observed in all periods"] == 2 * len(YEARS)


def test_no_complete_unit_is_refused():
    frame = _frame(missing=0.0)
    frame.loc[frame["year"] == 2002, "y"] = np.nan
    with pytest.raises(EstimationError, match="no cohort can be compared"):
        ce.GroupTimeDiD(incomplete="drop").fit(_panel(frame), "y")


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw", "reg"])
def test_a_complete_panel_gives_the_same_as_cross_sections(method):
    """Estimates and errors by unit are equal if covariates do not change and nobody is missing."""
    frame = _frame(missing=0.0)
    frame["size"] = frame.groupby("firm")["size"].transform("first")
    options = {"method": method, "covariates": "size"}
    panel = ce.GroupTimeDiD(**options).fit(_panel(frame), "y")
    sections = ce.GroupTimeDiD(incomplete="cross_sections", **options).fit(_panel(frame), "y")
    np.testing.assert_allclose(sections.params, panel.params, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(sections.std_errors, panel.std_errors, rtol=1e-6)
    np.testing.assert_allclose(sections.aggregate("event").cov, panel.aggregate("event").cov, rtol=1e-6, atol=1e-10)


def test_cross_sections_account_for_their_rows_and_say_what_they_are():
    frame = _frame()
    frame.loc[frame.index[:4], "y"] = np.nan
    found = ce.GroupTimeDiD().fit(ce.Panel(frame, time="year", cohort="joined"), "y")
    assert found.sample.rows_in == len(frame) == found.sample.rows_used + sum(found.sample.dropped.values())
    assert found.sample.dropped["outcome missing"] == 4
    assert "repeated cross-sections" in found.method
    assert found.sample.counts["units"] == found.sample.rows_used == len(found.units)
    assert any(check.name == "cross-sections" for check in found.checks())


def test_cross_sections_by_group_and_clustered():
    frame = _frame(n=200)
    frame["town"] = frame["firm"] % 17
    panel = ce.Panel(frame, time="year", cohort="joined", group="organisation", cluster="town")
    found = ce.GroupTimeDiD(by_group=True).fit(panel, "y")
    by_group = found.aggregate("group")
    assert len(by_group.params) == 4
    assert by_group.std_errors.notna().all()
    overall = found.aggregate("overall")
    assert "jackknife" in overall.uncertainty.convention
    whole = ce.GroupTimeDiD(variance=ce.Jackknife("town")).fit(panel, "y")
    left = frame["town"] != 3
    less = ce.GroupTimeDiD(variance=ce.Cluster("town")).fit(ce.Panel(frame[left], time="year", cohort="joined"), "y")
    np.testing.assert_allclose(whole.replicates.without[3], less.params, rtol=1e-9)


def test_trimming_takes_weight_from_comparison_units_with_high_scores():
    panel = _panel(_frame(n=200, missing=0.0))
    options = {"method": "ipw", "covariates": "size"}
    usual, all_in = (ce.GroupTimeDiD(trim=trim, **options).fit(panel, "y") for trim in (0.995, 1.0))
    np.testing.assert_array_equal(usual.params, all_in.params)
    low = ce.GroupTimeDiD(trim=0.35, **options).fit(panel, "y")
    assert not np.allclose(low.params, usual.params, equal_nan=True)
    assert "scores from 0.35 on trimmed" in low.method
    none = ce.GroupTimeDiD(trim=1e-4, **options)
    with pytest.raises(EstimationError, match=r"no effect is identified.*do not overlap"):
        none.fit(panel, "y")


@pytest.mark.parametrize("bad", [0, -0.1, 1.5, True, "high"])
def test_impossible_bounds_are_refused(bad):
    with pytest.raises(OptionError, match=r"option trim=.*a score above 0, at most 1"):
        ce.GroupTimeDiD(trim=bad)


def test_unknown_choices_are_listed_at_once():
    with pytest.raises(OptionError, match=r"2 problems[\s\S]*incomplete='ignore'[\s\S]*convention='did'"):
        ce.GroupTimeDiD(incomplete="ignore", convention="did")


def test_conventions_of_did():
    """Periods of anticipation against the period before each; early covariates in the earlier period."""
    frame = _frame(missing=0.0)
    old = ce.GroupTimeDiD(anticipation=2, convention="did_2.5.1").fit(_panel(frame), "y")
    new = ce.GroupTimeDiD(anticipation=2).fit(_panel(frame), "y")
    ahead = new.labels["event_time"] == -1
    np.testing.assert_allclose(old.params[~ahead], new.params[~ahead], rtol=1e-10)
    assert not np.isclose(old.params[ahead], new.params[ahead]).any()
    wide = frame.pivot_table(index="firm", columns="year", values="y").to_numpy()
    joined = frame.groupby("firm")["joined"].first().to_numpy()
    change = wide[:, 4] - wide[:, 3]
    waiting = ~(joined <= 2007)
    expected = change[joined == 2006].mean() - change[waiting].mean()
    assert old.params["ATT(2006, 2005)"] == pytest.approx(expected, rel=1e-10)
    options = {"base_period": "universal", "covariates": "size"}
    old, new = (ce.GroupTimeDiD(convention=c, **options).fit(_panel(frame), "y") for c in ("did_2.5.1", "paper"))
    after = new.labels["event_time"] >= 0
    np.testing.assert_allclose(old.params[after], new.params[after], rtol=1e-10)
    assert not np.isclose(old.params[~after], new.params[~after]).all()
    assert "conventions of did 2.5.1" in old.method


def test_several_outcomes_are_each_what_they_are_alone():
    frame = _frame().assign(town=lambda f: f["firm"] % 30)
    panel = _panel(frame, group="organisation", cluster="town")
    estimator = ce.GroupTimeDiD(covariates="size", by_group=True)
    found = estimator.fit(panel, ["y", "z"])
    assert list(found) == ["y", "z"]
    for name, effects in found.items():
        alone = estimator.fit(panel, name)
        pd.testing.assert_frame_equal(effects.tidy(), alone.tidy())
        pd.testing.assert_frame_equal(effects.aggregate("group").tidy(), alone.aggregate("group").tidy())
        assert effects.provenance.fingerprint == alone.provenance.fingerprint
    assert found["y"].provenance.fingerprint != found["z"].provenance.fingerprint
    both = ce.GroupTimeDiD(incomplete="drop").fit(panel, ("y", "z"))
    pd.testing.assert_frame_equal(both["z"].tidy(), ce.GroupTimeDiD(incomplete="drop").fit(panel, "z").tidy())
