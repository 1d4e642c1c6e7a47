"""Designs side by side: table, recommendation, checks, refusals."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did import MatchedDiD, compare_designs
from clustereffects.errors import ColumnError, EstimationError, OptionError

YEARS = np.arange(2000, 2010)


def world(rng=1, *, n=1500, m=150, dip=0.0, gap=0.4, persistence=0.6):
    """Firms with a permanent level and persistent noise; members differ in level, or join at a dip."""
    rng = np.random.default_rng(rng)
    noise = np.empty((n, len(YEARS)))
    noise[:, 0] = 0.25 * rng.normal(size=n)
    for t in range(1, len(YEARS)):
        noise[:, t] = persistence * noise[:, t - 1] + 0.25 * np.sqrt(1 - persistence**2) * rng.normal(size=n)
    member, sector, age = np.arange(n) < m, rng.integers(3, size=n), rng.normal(size=n)
    cohort = np.where(member, rng.choice([2005, 2006], size=n), np.nan)
    level = 0.4 * rng.normal(size=n) + 0.2 * sector + 0.2 * age + gap * member
    away = np.where(member[:, None], dip * persistence ** np.abs(YEARS - (cohort[:, None] - 1)), 0.0)
    after = (cohort[:, None] <= YEARS) & member[:, None]
    y = level[:, None] + noise + away + np.where(after, 0.1, 0.0)
    of, year = np.repeat(np.arange(n), len(YEARS)), np.tile(YEARS, n)
    frame = pd.DataFrame({"firm": of, "year": year, "cohort": cohort[of], "y": y.ravel()})
    frame["sector"], frame["age"], frame["hq"] = sector[of], age[of], (np.arange(n) % 50 == 3)[of]
    return ce.Panel(frame, unit="firm", time="year", cohort="cohort")


def comparison(panel=None, **options):
    matching = ce.Matching(**{"on": ["age"], "exact": ["sector"], "ratio": 2, "lags": (1,), "horizon": 3, **options})
    estimator = MatchedDiD(window=(-2, 3))
    return compare_designs(world() if panel is None else panel, matching, "y", lags=3, estimator=estimator)


@pytest.fixture(scope="module")
def parallel():
    return comparison()


def test_every_design_has_its_figures(parallel):
    table = parallel.table()
    assert table["design"].tolist() == ["covariates", "level", "lags", "growth"]
    assert table["matches_on"].tolist()[1:] == ["level at −1", "levels at −1 … −3", "growth from −3 to −1"]
    assert (table["treated"] == 150).all()
    assert np.isfinite(table.drop(columns=["design", "matches_on"]).to_numpy(dtype=float)).all()
    assert table["recommended"].sum() == 1
    for name, effects in parallel.effects.items():
        row = table.set_index("design").loc[name]
        assert row["estimate"] == effects.aggregate("overall").estimate[0]
        assert row["placebo"] == effects.aggregate("event").params["event_time[-2]"]
        assert row["placebo_beyond"] == effects.aggregate("event").params["event_time[-4]"]
    assert parallel.biases.shape == (4, 4)
    np.testing.assert_allclose(parallel.biases.mean(), table["estimated_bias"], rtol=1e-12)
    table.loc[0, "estimate"] = 9.0
    assert parallel.table().loc[0, "estimate"] != 9.0


def test_designs_are_ways_of_matching(parallel):
    found = parallel.matchings
    assert found["covariates"].on == ("age",)
    assert found["level"].on == ("age", "y")
    assert dict(found["lags"].lags)["y"] == (1, 2, 3)
    assert found["growth"].growth == ("y",)
    assert all(one.exact == ("sector",) and one.ratio == 2 for one in found.values())
    assert parallel.matching == found[parallel.recommended]
    panel = world()
    again = MatchedDiD(window=(-4, 3)).fit(parallel.matching.fit(panel), "y").aggregate("overall")
    assert again.estimate[0] == parallel.effects[parallel.recommended].aggregate("overall").estimate[0]


def test_a_constant_difference_speaks_against_levels(parallel):
    bias = parallel.table().set_index("design")["estimated_bias"]
    assert parallel.diagnosis.path.kind == "parallel"
    assert bias["level"] > bias["lags"] > 0.005
    assert abs(bias["covariates"]) < 0.002
    assert abs(bias["growth"]) < 0.005
    assert parallel.recommended in {"covariates", "growth"}
    assert parallel.reliability() == pytest.approx(0.4**2 / (0.4**2 + 0.25**2), abs=0.06)
    assert parallel.reliability(3) > parallel.reliability()


def test_a_dip_speaks_for_levels():
    found = comparison(world(dip=-0.4, gap=0.0))
    bias = found.table().set_index("design")["estimated_bias"]
    assert found.diagnosis.path.kind == "dip"
    assert bias.idxmax() == "covariates"
    assert found.recommended in {"lags", "level"}
    checks = {check.name: check for check in found.checks()}
    assert checks["differences before joining"].verdict == "warn"
    assert checks["recommended design"].verdict == "warn"
    assert "no design here removes the bias" in checks["recommended design"].remedy


def test_checks_say_what_was_found(parallel):
    checks = {check.name: check for check in parallel.checks()}
    assert list(checks) == [
        "reliability of the outcome before joining",
        "differences before joining",
        "rule of Ham & Miratrix",
        "recommended design",
    ]
    assert "in one period is stable (standard error" in checks["reliability of the outcome before joining"].message
    assert checks["differences before joining"].verdict == "pass"
    assert checks["rule of Ham & Miratrix"].message.startswith("do not match on outcomes before joining")
    assert checks["recommended design"].verdict == "info"


def test_without_other_covariates_all_alike_are_compared():
    panel = world()
    found = comparison(panel, on=["y"], lags=(1, 2))
    assert "covariates" in found.effects
    assert "covariates" not in found.matchings
    assert found.recommended == "growth"
    wide, sector = panel.wide("y"), panel.wide("sector")[:, 0]
    never, gaps = np.isnan(panel.cohorts), []
    for unit in np.flatnonzero(~never):
        base = int(panel.cohorts[unit]) - 2001
        alike = never & (sector == sector[unit])
        gaps.append(wide[unit, base + 1] - wide[unit, base] - (wide[alike, base + 1] - wide[alike, base]).mean())
    first = found.effects["covariates"].aggregate("event").params["event_time[0]"]
    assert first == pytest.approx(np.mean(gaps), rel=1e-9)
    assert np.isnan(found.table().set_index("design").loc["covariates", "balance"])


def test_options_of_the_matching_are_kept():
    found = comparison(
        on=["age"], lags={"age": (1, 2), "y": (1, 4)}, exclude="hq", candidates="never_treated", growth=["y"]
    )
    assert dict(found.matchings["level"].lags) == {"age": (1, 2), "y": (1,)}
    assert found.matchings["covariates"].growth == ()
    assert all(one.exclude == "hq" for one in found.matchings.values())
    named = comparison(on=["age", "y"], lags={"y": (1, 2, 3)}, near=["y", "age"])
    assert dict(named.matchings["covariates"].lags) == {"age": (1,)}
    assert named.matchings["growth"].near == ("age",)


def test_figure_has_one_row_per_design(parallel):
    ax = parallel.plot()
    assert len(ax.get_yticks()) == 4
    plt.close("all")


def test_what_cannot_be_compared_is_refused():
    panel = world(n=200, m=20)
    matching = ce.Matching(on=["age"], exact=["sector"], lags=(1,))
    with pytest.raises(OptionError, match="option lags=1"):
        compare_designs(panel, matching, "y", lags=1)
    with pytest.raises(ColumnError, match="'sales' is missing"):
        compare_designs(panel, matching, "sales")
    with pytest.raises(EstimationError, match="6 periods before the last joining"):
        compare_designs(panel, matching, "y", lags=7)
    alone = ce.Panel(
        panel.frame.assign(sector=lambda f: f["sector"].where(f["cohort"].isna(), 9)),
        unit="firm",
        time="year",
        cohort="cohort",
    )
    with pytest.raises(EstimationError, match="no treated unit has a control of its stratum"):
        compare_designs(alone, matching, "y")


def test_a_matching_that_is_possible_for_no_design_is_refused():
    flat = ce.Panel(world(n=300, m=40).frame.assign(age=1.0), unit="firm", time="year", cohort="cohort")
    with pytest.raises(EstimationError, match="no design can be estimated"):
        comparison(flat)


def test_designs_may_weight_instead_of_pair():
    found = comparison(method="entropy", ratio=1)
    assert set(found.matchings) == {"covariates", "level", "lags", "growth"}
    table = found.table().set_index("design")
    assert (table["balance"] < 1e-6).all()
    assert abs(table.loc["lags", "outcome_gap"]) < 1e-6
    assert table.loc["covariates", "outcome_gap"] > 0.5
