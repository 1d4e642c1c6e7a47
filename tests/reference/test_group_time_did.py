"""Group-time effects against did (R), csdid (Python) and a textbook oracle; see the READMEs beside the data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.inference import chi_square_p
from support.group_time_oracle import group_time, weighted_mean

HERE = Path(__file__).parent
DID = json.loads((HERE / "group_time_did" / "did.json").read_text(encoding="utf-8"))
CSDID = json.loads((HERE / "group_time_did" / "csdid.json").read_text(encoding="utf-8"))
EXACT = {"rtol": 1e-8, "atol": 1e-15}
CONTROL = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}
AGGREGATIONS = {"dynamic": "event", "group": "cohort", "calendar": "calendar"}


def _numbers(values):
    return np.array(
        [np.nan if value is None else value for value in np.atleast_1d(np.array(values, dtype=object))], float
    )


def _same(found, expected):
    np.testing.assert_allclose(np.asarray(found, float), _numbers(expected), **EXACT)


def _mpdta():
    frame = ce.datasets.load_mpdta()
    county = frame["countyreal"]
    weight = 0.5 + county % 10 / 10
    varying = weight * (1 + 0.1 * (frame["year"] - 2003))
    return frame.assign(state=county // 1000, w=weight, wt_tv=varying, lpop2=county % 7 / 7)


def _panel(frame, **roles):
    return ce.Panel(frame, unit="countyreal", time="year", cohort="first.treat", **roles)


def _estimator(key, **extra):
    control, method, formula, *rest = key.split("|")
    options = {"control": CONTROL[control], "method": method, "covariates": None if formula == "~1" else formula}
    if rest:
        options |= {"base_period": rest[0], "anticipation": int(rest[1].removeprefix("anticip"))}
    return ce.GroupTimeDiD(**(options | extra))


def _compare_cells(effects, expected):
    assert effects.labels["cohort"].tolist() == expected["cohort"]
    assert effects.labels["time"].tolist() == expected["time"]
    _same(effects.params, expected["att"])
    _same(effects.std_errors, expected["se"])


def _compare_aggregations(effects, expected):
    overall = effects.aggregate("overall")
    _same(overall.params, expected["simple"]["overall_att"])
    _same(overall.std_errors, expected["simple"]["overall_se"])
    for kind, by in AGGREGATIONS.items():
        found, wanted = effects.aggregate(by), expected[kind]
        assert found.labels.iloc[:, 0].tolist() == np.atleast_1d(wanted["egt"]).tolist()
        _same(found.params, wanted["att_egt"])
        _same(found.std_errors, wanted["se_egt"])
        _same(found.average().params, wanted["overall_att"])
        _same(found.average().std_errors, wanted["overall_se"])


@pytest.mark.parametrize("key", DID["configurations"])
def test_did_mpdta_all_configurations(key):
    expected = DID["configurations"][key]
    effects = _estimator(key).fit(_panel(_mpdta()), "lemp")
    assert effects.sample.counts["units"] == expected["n"]
    _compare_cells(effects, expected)
    _compare_aggregations(effects, expected)
    # did 2.5.1 tests the periods of declared anticipation too; did has left them out since its pull request 276.
    tested = ((effects.labels["event_time"] < 0) & effects.std_errors.notna()).sum()
    p_value = effects.pretrends(include_anticipation=True).statistic
    np.testing.assert_allclose(p_value, chi_square_p(expected["W"], int(tested)), **EXACT)


@pytest.mark.parametrize("key", DID["variants"]["cluster_state"])
def test_did_clustered(key):
    estimator = _estimator(key, variance=ce.Cluster("state"))
    effects = estimator.fit(_panel(_mpdta()), "lemp")
    _compare_cells(effects, DID["variants"]["cluster_state"][key])
    _compare_aggregations(effects, DID["variants"]["cluster_state"][key])


@pytest.mark.parametrize("key", DID["variants"]["weights"])
def test_did_weighted(key):
    effects = _estimator(key).fit(_panel(_mpdta(), weights="w"), "lemp")
    _compare_cells(effects, DID["variants"]["weights"][key])
    _compare_aggregations(effects, DID["variants"]["weights"][key])


def test_did_weights_that_vary_over_time():
    """With a varying base, did's default and its fix_weights = "base_period" are the same, and ours."""
    effects = ce.GroupTimeDiD(control="never_treated", covariates="lpop").fit(_panel(_mpdta(), weights="wt_tv"), "lemp")
    _compare_cells(effects, DID["time_varying_weights"])
    _compare_aggregations(effects, DID["time_varying_weights"])
    _same(effects.params, DID["time_varying_weights_base_period"]["att"])
    _same(effects.std_errors, DID["time_varying_weights_base_period"]["se"])


@pytest.mark.parametrize("key", DID["variants"]["two_covariates"])
def test_did_two_covariates(key):
    effects = _estimator(key, covariates="lpop + lpop2").fit(_panel(_mpdta()), "lemp")
    _compare_cells(effects, DID["variants"]["two_covariates"][key])
    _compare_aggregations(effects, DID["variants"]["two_covariates"][key])


@pytest.mark.parametrize("key", DID["variants"]["unbalanced_dropped_to_balanced"])
def test_did_after_dropping_incomplete_units(key):
    frame = _mpdta()
    frame = frame[(frame["countyreal"] * 7 + frame["year"] * 13) % 10 != 0]
    frame = frame[frame.groupby("countyreal")["year"].transform("size") == 5]
    effects = _estimator(key).fit(_panel(frame), "lemp")
    _compare_cells(effects, DID["variants"]["unbalanced_dropped_to_balanced"][key])
    _compare_aggregations(effects, DID["variants"]["unbalanced_dropped_to_balanced"][key])


@pytest.mark.parametrize("key", DID["variants"]["no_never_treated"])
def test_did_without_never_treated(key):
    """did leaves out the periods in which nobody is untreated any more; here their cells are there, not identified."""
    expected = DID["variants"]["no_never_treated"][key]
    frame = _mpdta()
    effects = _estimator(key).fit(_panel(frame[frame["first.treat"] > 0]), "lemp")
    identified = effects.params.notna()
    assert effects.labels.loc[~identified, "time"].unique().tolist() == [2007]
    assert effects.labels.loc[identified, ["cohort", "time"]].to_numpy().T.tolist() == [
        expected["cohort"],
        expected["time"],
    ]
    _same(effects.params[identified], expected["att"])
    _same(effects.std_errors[identified], expected["se"])
    overall = effects.aggregate("overall")
    _same(overall.params, expected["simple"]["overall_att"])
    _same(overall.std_errors, expected["simple"]["overall_se"])


def test_did_always_treated_units_are_left_out():
    frame = _mpdta()
    early = (frame["countyreal"] % 50 == 0) & (frame["first.treat"] == 0)
    panel = _panel(frame.assign(**{"first.treat": frame["first.treat"].mask(early, 2003)}))
    effects = ce.GroupTimeDiD(control="never_treated").fit(panel, "lemp")
    _compare_cells(effects, DID["always_treated_row"])
    _compare_aggregations(effects, DID["always_treated_row"])


def test_did_windows_of_event_time():
    effects = ce.GroupTimeDiD(control="never_treated").fit(_panel(_mpdta()), "lemp")
    wanted = DID["aggregation_windows"]
    event = effects.aggregate("event", window=(-1, 2))
    _same(event.params, wanted["min_e_m1_max_e2"]["att_egt"])
    _same(event.std_errors, wanted["min_e_m1_max_e2"]["se_egt"])
    _same(event.average().std_errors, wanted["min_e_m1_max_e2"]["overall_se"])
    overall = effects.aggregate("overall", window=(0, 1))
    _same(overall.params, wanted["simple_max_e1"]["overall_att"])
    _same(overall.std_errors, wanted["simple_max_e1"]["overall_se"])
    cohort = effects.aggregate("cohort", window=(0, 1))
    _same(cohort.params, wanted["group_max_e1"]["att_egt"])
    _same(cohort.average().std_errors, wanted["group_max_e1"]["overall_se"])


def test_did_covariance_matrices():
    effects = ce.GroupTimeDiD(control="never_treated").fit(_panel(_mpdta()), "lemp")
    np.testing.assert_allclose(effects.cov, DID["cell_covariance"]["vcov"]["values"], rtol=1e-8, atol=1e-18)
    event = effects.aggregate("event")
    np.testing.assert_allclose(event.cov, DID["event_covariance"]["vcov"]["values"], rtol=1e-8, atol=1e-18)
    universal = ce.GroupTimeDiD(control="never_treated", base_period="universal").fit(_panel(_mpdta()), "lemp")
    expected = _numbers(np.array(DID["event_covariance_universal"]["vcov"]["values"], dtype=object).ravel())
    np.testing.assert_allclose(universal.aggregate("event").cov.to_numpy().ravel(), expected, rtol=1e-8, atol=1e-18)


@pytest.mark.parametrize("balance", [0, 1])
def test_did_event_times_of_the_same_cohorts(balance):
    effects = ce.GroupTimeDiD(control="never_treated").fit(_panel(_mpdta()), "lemp")
    wanted = DID["balanced"][f"balance_e{balance}"]
    event = effects.aggregate("event", balance=balance)
    assert event.labels["event_time"].tolist() == wanted["egt"]
    _same(event.params, wanted["att_egt"])
    _same(event.std_errors, wanted["se_egt"])
    _same(event.average().params, wanted["overall_att"])
    _same(event.average().std_errors, wanted["overall_se"])


@pytest.mark.parametrize(("column", "key"), [(None, "bootstrap_100000"), ("state", "bootstrap_cluster_state_100000")])
def test_did_bootstrap_within_its_monte_carlo_error(column, key):
    """Interquartile ranges and sup-t values of 20,000 draws against those of 100,000: 1 % and .02 (one standard error)."""
    choice = ce.MultiplierBootstrap(draws=20_000, rng=7, cluster=column)
    effects = ce.GroupTimeDiD(control="never_treated", variance=choice).fit(_panel(_mpdta()), "lemp")
    wanted = DID["bootstrap"][key]
    np.testing.assert_allclose(effects.std_errors, wanted["se"], rtol=0.035)
    np.testing.assert_allclose(effects.uncertainty.simultaneous(0.95)[0], wanted["crit_val"]["95%"], atol=0.06)
    if "dynamic" in wanted:
        event = effects.aggregate("event")
        np.testing.assert_allclose(event.std_errors, wanted["dynamic"]["se"], rtol=0.035)
        np.testing.assert_allclose(
            event.uncertainty.simultaneous(0.95)[0], wanted["dynamic"]["crit_val"]["95%"], atol=0.06
        )
        np.testing.assert_allclose(event.average().std_errors, wanted["dynamic"]["overall_se"], rtol=0.035)


def _simulated():
    return pd.read_csv(HERE / "group_time_did" / "panel.csv")


def _csdid_effects(case):
    panel = ce.Panel(_simulated(), unit="firm", time="year", cohort="cohort")
    formula = case["formula"].split("~")[1].strip()
    estimator = ce.GroupTimeDiD(
        control=CONTROL[case["control"]],
        method=case["method"],
        covariates=None if formula == "1" else formula,
        base_period=case["base"],
        anticipation=case["anticipation"],
        variance=ce.Cluster(case["cluster"]) if case["cluster"] else None,
    )
    return estimator.fit(panel, "y")


def _name(case):
    return "-".join(str(case[part]) for part in ("control", "method", "formula", "base", "anticipation", "cluster"))


def _other_covariate_period(case):
    return case["base"] == "universal" and "growth" in case["formula"]


@pytest.mark.parametrize("case", [c for c in CSDID["cases"] if not _other_covariate_period(c)], ids=_name)
def test_csdid(case):
    effects = _csdid_effects(case)
    _compare_cells(effects, case)
    _compare_aggregations(effects, case)


@pytest.mark.parametrize("case", [c for c in CSDID["cases"] if _other_covariate_period(c)], ids=_name)
def test_csdid_reads_covariates_in_the_earlier_period(case):
    """With a universal base, csdid and did read covariates of early periods there; here always in the base period."""
    effects = _csdid_effects(case)
    after = np.array(case["time"]) >= np.array(case["cohort"])
    _same(effects.params[after], np.array(case["att"])[after])
    _same(effects.std_errors[after], np.array(case["se"])[after])
    y, cohorts, times, x = _arrays(_simulated())
    options = {"method": case["method"], "control": CONTROL[case["control"]], "base_period": "universal"}
    theirs = group_time(y, cohorts, times, x, covariate_period="earlier", **options)
    np.testing.assert_allclose(theirs[1], case["att"], **EXACT)
    ours = group_time(y, cohorts, times, x, **options)
    np.testing.assert_allclose(effects.params, ours[1], **EXACT)
    np.testing.assert_allclose(effects.influence, ours[2], rtol=1e-8, atol=1e-9)


def _arrays(frame):
    wide = {name: frame.pivot_table(index="firm", columns="year", values=name).to_numpy() for name in frame.columns[2:]}
    cohorts = np.where(wide["cohort"][:, 0] > 0, wide["cohort"][:, 0], np.nan)
    return wide["y"], cohorts, np.unique(frame["year"]), np.stack([wide["size"], wide["growth"]], axis=2)


@pytest.mark.parametrize("seed", range(6))
def test_textbook_oracle_on_random_panels(seed):
    rng = np.random.default_rng(seed)
    n, times = 160, np.array([2001, 2002, 2004, 2005, 2006])
    x = rng.standard_normal((n, len(times), 2))
    cohorts = rng.choice([2002, 2005, 2006, 2007, np.nan], n, p=[0.15, 0.25, 0.2, 0.1, 0.3])
    y = (x[:, :, 0] + rng.standard_normal((n, len(times)))).cumsum(axis=1)
    y[rng.random(y.shape) < 0.08 * (seed % 2)] = np.nan
    options = {
        "method": ["dr", "ipw", "reg"][seed % 3],
        "control": ["not_yet_treated", "never_treated"][seed % 2],
        "base_period": ["varying", "universal"][seed // 2 % 2],
        "anticipation": seed // 3,
    }
    cells, estimates, influence = group_time(y, cohorts, times, x, **options)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(times)),
            "year": np.tile(times, n),
            "joined": np.repeat(cohorts, len(times)),
            "y": y.ravel(),
            "a": x[:, :, 0].ravel(),
            "b": x[:, :, 1].ravel(),
        }
    )
    panel = ce.Panel(frame, unit="firm", time="year", cohort="joined")
    effects = ce.GroupTimeDiD(covariates="a + b", **options).fit(panel, "y")
    assert [tuple(row) for row in effects.labels[["cohort", "time"]].itertuples(index=False)] == cells
    np.testing.assert_allclose(effects.params, estimates, rtol=1e-8, atol=1e-13)
    errors = np.sqrt((influence**2).sum(axis=0)) / n
    np.testing.assert_allclose(effects.std_errors, np.where(errors > 0, errors, np.nan), **EXACT)
    # A cohort weighs as many units as enter any of its comparisons.
    entered = (influence != 0).any(axis=1)
    influence, cohorts = influence[entered] * entered.mean(), cohorts[entered]
    for e in np.unique(effects.labels["event_time"]):
        chosen = [c for c, (g, t) in enumerate(cells) if t - g == e]
        if any(errors[c] > 0 for c in chosen):
            value, error = weighted_mean(chosen, cells, estimates, influence, cohorts)
            found = effects.aggregate("event")
            np.testing.assert_allclose(found.params[f"event_time[{e}]"], value, rtol=1e-8, atol=1e-13)
            np.testing.assert_allclose(found.std_errors[f"event_time[{e}]"], error, **EXACT)
