"""From the kept treated units to all of them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import clustereffects as ce
from clustereffects.did import MatchedDiD, MemberBounds, bounds_for_all, dropped_members, weighted_to_all
from clustereffects.errors import ColumnError, EstimationError, NotStoredError, OptionError

YEARS = np.arange(2000, 2008)


def world(rng=0, *, n=240, m=80, slope=0.2):
    """Members in large and small firms; large ones have no controls in one of two sectors."""
    rng = np.random.default_rng(rng)
    member = np.arange(n) < m
    large = rng.random(n) < np.where(member, 0.5, 0.5)
    sector = rng.integers(2, size=n)
    large &= member | (sector == 0)
    size = rng.normal(size=n) + large
    frame = pd.DataFrame({"firm": np.repeat(np.arange(n), 8), "year": np.tile(YEARS, n)})
    of = frame["firm"].to_numpy()
    frame["cohort"] = np.where(member, 2004.0, np.nan)[of]
    frame["group"] = np.where(member, np.array([f"G{i % 4}" for i in range(n)], dtype=object), None)[of]
    frame["large"], frame["sector"], frame["size"] = np.where(large, "yes", "no")[of], sector[of], size[of]
    effect = 0.1 + slope * large
    after = (frame["year"] >= 2004) & member[of]
    frame["y"] = rng.normal(size=n)[of] + 0.05 * rng.normal(size=len(frame)) + np.where(after, effect[of], 0.0)
    return frame


def effects(frame=None):
    panel = ce.Panel(world() if frame is None else frame, unit="firm", time="year", cohort="cohort", group="group")
    match = ce.Matching(on=["size"], exact=["large", "sector"], ratio=2, lags=(1,)).fit(panel)
    return MatchedDiD(window=(-2, 3)).fit(match, "y")


def test_dropped_and_kept_are_compared():
    found = effects()
    table = dropped_members(found).set_index("variable")
    assert list(table.index) == ["y[-1]", "y[-2]", "y[-3]", "size", "large: no", "large: yes", "sector: 0", "sector: 1"]
    units = found.sampling.panel.frame.groupby("firm").first().iloc[:80]
    kept = units.index.isin(found.unit_effects["unit"])
    assert (table["n_kept"] == kept.sum()).all()
    assert (table["n_dropped"] == (~kept).sum()).all()
    assert table.loc["large: yes", "dropped"] == 1.0
    size = units["size"]
    assert table.loc["size", "kept"] == pytest.approx(size[kept].mean())
    assert table.loc["size", "smd"] == pytest.approx((size[~kept].mean() - size[kept].mean()) / size.std())
    assert dropped_members(found, columns=["sector"], lags=1)["variable"].tolist() == [
        "y[-1]",
        "sector: 0",
        "sector: 1",
    ]


def test_missing_values_are_counted():
    frame = world()
    frame.loc[(frame["firm"] < 10) & (frame["year"] == 2002), "y"] = np.nan
    table = dropped_members(effects(frame)).set_index("variable")
    assert table.loc["y[-2]", "missing_kept"] + table.loc["y[-2]", "missing_dropped"] > 0
    assert table.loc["y[-1]", "missing_kept"] == 0


def test_bounds_mix_the_kept_and_the_range():
    found = effects()
    overall = found.aggregate("overall")
    bounds = bounds_for_all(found, between=(0.0, 0.4))
    kept = len(found.unit_effects.query("event_time >= 0")) / (80 * 4)
    assert bounds.kept == pytest.approx(kept)
    assert bounds.lower == pytest.approx(kept * overall.estimate[0])
    assert bounds.upper == pytest.approx(kept * overall.estimate[0] + (1 - kept) * 0.4)
    ranged = bounds_for_all(found)
    groups = found.aggregate("group").estimate
    assert (ranged.lowest, ranged.highest) == (groups.min(), groups.max())
    assert ranged.reason == "range of the 4 effects by group"
    by_size = bounds_for_all(found, by="large")
    assert by_size.lower <= 0.1 + 0.2 * 0.5 <= by_size.upper + 0.02
    assert bounds.to_frame().loc[0, "conf_high"] > bounds.upper


def test_interval_is_one_sided_for_wide_and_two_sided_for_narrow_bounds():
    shared = {"kept": 0.5, "estimate": 1.0, "std_error": 0.1, "reason": "given", "df": np.inf}
    wide = MemberBounds(lowest=-9.0, highest=9.0, **shared)
    assert wide.conf_int()[1] - wide.upper == pytest.approx(stats.norm.ppf(0.95) * 0.05, rel=1e-6)
    narrow = MemberBounds(lowest=0.0, highest=0.0, **shared)
    assert narrow.conf_int()[1] - narrow.upper == pytest.approx(stats.norm.ppf(0.975) * 0.05, rel=1e-6)
    few = MemberBounds(lowest=0.0, highest=0.0, **{**shared, "df": 4.0})
    assert few.conf_int()[1] - few.upper == pytest.approx(stats.t.ppf(0.975, 4) * 0.05, rel=1e-6)
    certain = MemberBounds(lowest=0.0, highest=1.0, **{**shared, "std_error": 0.0})
    assert certain.conf_int() == (certain.lower, certain.upper)


@pytest.mark.parametrize("between", [(1.0, 0.0), (0.0,), (np.nan, 1.0), (-np.inf, 1.0)])
def test_impossible_ranges_are_refused(between):
    with pytest.raises(OptionError, match="option between"):
        bounds_for_all(effects(), between=between)


def test_weights_reproduce_the_means_of_all():
    found = effects()
    weighted = weighted_to_all(found, columns=["large", "size"])
    table, members = found.unit_effects.query("event_time >= 0"), found.sampling.panel.frame.groupby("firm").first()
    large = members["large"] == "yes"
    share, plain = large.iloc[:80].mean(), large[table["unit"].unique()].mean()
    assert plain < share - 0.05
    by = weighted.aggregate("large")
    mass = by.sampling.membership.mass()
    assert mass[1] / mass.sum() == pytest.approx(share, abs=1e-8)
    one, other = found.aggregate("overall"), weighted.aggregate("overall")
    assert abs(other.estimate[0] - (0.1 + 0.2 * share)) < abs(one.estimate[0] - (0.1 + 0.2 * share))
    assert other.std_errors.iloc[0] > one.std_errors.iloc[0]
    assert "kept units weighted to the means of all 80 treated units with known large, size" in other.estimand


def test_weighting_by_nothing_new_changes_nothing():
    found = effects()
    frame = found.sampling.panel.frame.assign(one=1.0)
    again = effects(frame)
    same = weighted_to_all(again, columns=["one"]).aggregate("overall")
    np.testing.assert_allclose(same.estimate, again.aggregate("overall").estimate, rtol=1e-9)
    np.testing.assert_allclose(same.std_errors, again.aggregate("overall").std_errors, rtol=1e-9)


def test_what_cannot_be_weighted_is_refused():
    found = effects()
    with pytest.raises(OptionError, match="at least one column"):
        weighted_to_all(found, columns=[])
    with pytest.raises(ColumnError, match="'jobs' is missing"):
        weighted_to_all(found, columns=["jobs"])
    with pytest.raises(EstimationError):
        weighted_to_all(effects(world().assign(cell=lambda f: f["large"] + f["sector"].astype(str))), columns=["cell"])
    frame = world()
    frame["rank"] = frame["size"].mask(frame["firm"].between(3, 30))
    with pytest.raises(ColumnError, match="kept treated units have no value of a column"):
        weighted_to_all(effects(frame), columns=["rank"])


def test_stored_effects_know_no_single_units():
    stored = ce.Effects.from_dict(effects().to_dict(influence=True))
    for call in (dropped_members, bounds_for_all, weighted_to_all):
        with pytest.raises(NotStoredError):
            call(stored)
    with pytest.raises(NotStoredError, match="cannot be weighted anew"):
        weighted_to_all(effects().aggregate("overall"))
