"""Group-time effects against csdid, moderndid and StatsPAI; what was asked of them is in group_time_did/make_peers.py."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce

HERE = Path(__file__).parent / "group_time_did"
FILES = {"csdid": "csdid_more.json", "moderndid": "moderndid.json", "statspai": "statspai.json"}
CONTROL = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}
INCOMPLETE = {"complete": "drop", "cross_sections": "cross_sections"}
AGGREGATIONS = {"dynamic": "event", "group": "cohort", "calendar": "calendar"}
PARTS = ("data", "sample", "control", "method", "formula", "base", "anticipation", "weights", "cluster")


def _cases():
    for package, file in FILES.items():
        for case in json.loads((HERE / file).read_text(encoding="utf-8"))["cases"]:
            yield {"package": package, **case}


CASES = list(_cases())
DRAWN = [case for case in CASES if case.get("bootstrap")]
BY_ORGANISATION = [case for case in CASES if case.get("organisation")]
ANALYTIC = [case for case in CASES if not (case.get("bootstrap") or case.get("organisation"))]


def _name(case):
    return "-".join([case["package"], *(str(case[part]) for part in PARTS)])


def _frame(case):
    frame = pd.read_csv(HERE / f"{case['data']}.csv")
    return frame if case["sample"] == "balanced" else frame[frame["observed"] == 1]


def _panel(case, **roles):
    unit = None if case["sample"] == "repeated" else "firm"
    return ce.Panel(_frame(case), unit=unit, time="year", cohort="cohort", weights=case["weights"], **roles)


def _of_did_2_5_1(case):
    """Where these packages follow did 2.5.1 rather than the paper; csdid does so in its covariates only."""
    late = case["base"] == "varying" and case["anticipation"] > 1 and case["package"] != "csdid"
    return late or (case["base"] == "universal" and "growth" in case["formula"])


def _options(case):
    options = {
        "control": CONTROL[case["control"]],
        "method": case["method"],
        "covariates": None if case["formula"] == "1" else case["formula"],
        "base_period": case["base"],
        "anticipation": case["anticipation"],
    }
    if case["sample"] in INCOMPLETE:
        options["incomplete"] = INCOMPLETE[case["sample"]]
    if _of_did_2_5_1(case):
        options["convention"] = "did_2.5.1"
    return options


def _exact(case):
    return {"rtol": 1e-6 if case["method"] == "dr_improved" else 1e-8, "atol": 1e-14}


def _numbers(values):
    return np.array([np.nan if value is None else value for value in np.atleast_1d(np.array(values, object))], float)


def _compare_cells(effects, case):
    """Every cell of theirs is one of ours; ours that they lack are reference periods."""
    keys = list(zip(case["cohort"], case["time"], strict=True))
    found = effects.tidy().set_index(["cohort", "time"])
    rest = found.drop(index=keys)
    assert (rest["estimate"] == 0).all()
    assert rest["std_error"].isna().all()
    np.testing.assert_allclose(found.loc[keys, "estimate"], _numbers(case["att"]), **_exact(case))
    np.testing.assert_allclose(found.loc[keys, "std_error"], _numbers(case["se"]), **_exact(case))


def _compare_terms(effects, theirs, case):
    """One aggregation by label; the same for reference periods as for cells."""
    found = effects.tidy().set_index(effects.labels.columns[0])
    assert found.drop(index=theirs["egt"])["std_error"].isna().all()
    np.testing.assert_allclose(found.loc[theirs["egt"], "estimate"], _numbers(theirs["att_egt"]), **_exact(case))
    np.testing.assert_allclose(found.loc[theirs["egt"], "std_error"], _numbers(theirs["se_egt"]), **_exact(case))


def _compare_overall(effects, theirs, case):
    np.testing.assert_allclose(effects.params, [theirs["overall_att"]], **_exact(case))
    np.testing.assert_allclose(effects.std_errors, [theirs["overall_se"]], **_exact(case))


def _compare_aggregations(effects, case):
    _compare_overall(effects.aggregate("overall"), case["simple"], case)
    for kind, by in AGGREGATIONS.items():
        if kind in case:
            _compare_terms(effects.aggregate(by), case[kind], case)
            _compare_overall(effects.aggregate(by).average(), case[kind], case)


@pytest.mark.parametrize("case", ANALYTIC, ids=_name)
def test_cells_and_aggregations(case):
    variance = ce.Cluster(case["cluster"]) if case["cluster"] else None
    effects = ce.GroupTimeDiD(**_options(case), variance=variance).fit(_panel(case), "y")
    _compare_cells(effects, case)
    _compare_aggregations(effects, case)


@pytest.mark.parametrize("case", [case for case in ANALYTIC if "windows" in case], ids=_name)
def test_event_windows(case):
    """Cohorts that are observed long enough (balance_e), and first and last event times (min_e, max_e)."""
    effects = ce.GroupTimeDiD(**_options(case)).fit(_panel(case), "y")
    for theirs in case["windows"]:
        if "balance_e" in theirs:
            event = effects.aggregate("event", balance=theirs["balance_e"])
        else:
            event = effects.aggregate("event", window=(theirs["min_e"], theirs["max_e"]))
        _compare_terms(event, theirs, case)
        _compare_overall(event.average(), theirs, case)


@pytest.mark.parametrize("case", BY_ORGANISATION, ids=lambda case: f"{case['package']}-{case['organisation']}")
def test_cells_of_one_organisation(case):
    """They saw the members of one organisation and the firms that never join; here all are estimated together."""
    frame = _frame(case)
    frame["organisation"] = frame["organisation"].where(frame["organisation"] > 0).astype("Int64").astype("string")
    panel = ce.Panel(frame, unit="firm", time="year", cohort="cohort", group="organisation")
    effects = ce.GroupTimeDiD(**_options(case), by_group=True).fit(panel, "y")
    own = effects.tidy().query("group == @name", local_dict={"name": str(case["organisation"])})
    keys = list(zip(case["cohort"], case["time"], strict=True))
    own = own.set_index(["cohort", "time"]).loc[keys]
    np.testing.assert_allclose(own["estimate"], case["att"], **_exact(case))
    np.testing.assert_allclose(own["std_error"], case["se"], **_exact(case))
    group = effects.aggregate("group").tidy().set_index("group").loc[str(case["organisation"])]
    np.testing.assert_allclose(group["estimate"], case["simple"]["overall_att"], **_exact(case))
    np.testing.assert_allclose(group["std_error"], case["simple"]["overall_se"], **_exact(case))


@pytest.mark.parametrize("case", DRAWN, ids=_name)
def test_multiplier_bootstrap(case):
    """Standard errors and simultaneous critical values within the error of 100,000 draws there and 20,000 here."""
    variance = ce.MultiplierBootstrap(draws=20_000, rng=20, cluster=case["cluster"])
    effects = ce.GroupTimeDiD(**_options(case), variance=variance).fit(_panel(case), "y")
    np.testing.assert_allclose(effects.params, case["att"], **_exact(case))
    np.testing.assert_allclose(effects.std_errors, case["se"], rtol=0.035)
    assert effects.uncertainty.simultaneous(0.95)[0] == pytest.approx(case["critical"], rel=0.02)
    for kind, by in AGGREGATIONS.items():
        found, theirs = effects.aggregate(by), case[kind]
        np.testing.assert_allclose(found.params, theirs["att_egt"], **_exact(case))
        np.testing.assert_allclose(found.std_errors, theirs["se_egt"], rtol=0.035)
        assert found.uncertainty.simultaneous(0.95)[0] == pytest.approx(theirs["critical"], rel=0.02)
        np.testing.assert_allclose(found.average().std_errors, [theirs["overall_se"]], rtol=0.035)


@pytest.mark.parametrize("file", FILES.values())
def test_nothing_was_refused_and_versions_are_stored(file):
    stored = json.loads((HERE / file).read_text(encoding="utf-8"))
    assert stored["refused"] == []
    assert {"numpy", "pandas"} < set(stored["versions"])
    assert len(stored["cases"]) > 90


CLUSTERED = json.loads((HERE / "clustered.json").read_text(encoding="utf-8"))["data"]
SUMS = ("csdid", "moderndid", "statspai")


def _clustered(name):
    """Estimates (overall, one period after joining), their influence functions, and each unit's cluster."""
    if name == "panel":
        frame = pd.read_csv(HERE / "panel.csv").rename(columns={"region": "cluster"})
    else:
        roles = {"countyreal": "firm", "first.treat": "cohort", "lemp": "y"}
        frame = ce.datasets.load_mpdta().rename(columns=roles).assign(cluster=lambda f: f["firm"] // 1000)
    fit = _never_treated(frame)
    overall, event = fit.aggregate("overall"), fit.aggregate("event")
    column = event.labels["event_time"].tolist().index(1)
    influence = np.column_stack([overall.influence, event.influence[:, column]])
    clusters = frame.drop_duplicates("firm").set_index("firm")["cluster"].reindex(overall.units).to_numpy()
    return frame, np.array([overall.params.iloc[0], event.params.iloc[column]]), influence, clusters


def _never_treated(frame, variance=None):
    panel = ce.Panel(frame, unit="firm", time="year", cohort="cohort")
    return ce.GroupTimeDiD(control="never_treated", variance=variance).fit(panel, "y")


def _printed(name, package):
    stored = CLUSTERED[name][package]
    return np.array([stored["overall_se"], stored["event_1_se"]])


@pytest.mark.parametrize("name", CLUSTERED)
def test_clustered_errors_of_each_package(name):
    """What each package prints, from the same influence function; docs/explanation/clustered-errors.md says why."""
    frame, estimates, influence, clusters = _clustered(name)
    sums = pd.DataFrame(influence).groupby(clusters).sum().to_numpy()
    n, n_clusters = len(influence), len(sums)
    errors = np.sqrt((sums**2).sum(axis=0)) / n
    for package in SUMS:
        np.testing.assert_allclose(_printed(name, package), errors, rtol=1e-8)
        stored = [CLUSTERED[name][package][term] for term in ("overall", "event_1")]
        np.testing.assert_allclose(stored, estimates, rtol=1e-8)
    centred = ((sums - sums.mean(axis=0)) ** 2).sum(axis=0)
    factor = n_clusters / (n_clusters - 1)
    np.testing.assert_allclose(_printed(name, "diff-diff"), np.sqrt(factor * centred) / n, rtol=1e-8)
    draws = np.random.default_rng(1).choice([-1.0, 1.0], size=(100_000, n_clusters)) @ sums / n
    spread = np.subtract(*np.quantile(draws, [0.75, 0.25], axis=0)) / 1.3489795
    np.testing.assert_allclose(_printed(name, "csdid, bootstrap"), spread, rtol=0.02)
    without = [_never_treated(frame[frame["cluster"] != c]).aggregate("overall") for c in np.unique(clusters)]
    moved = np.array([one.params.iloc[0] for one in without]) - estimates[0]
    jackknife = np.sqrt((moved**2).sum() / factor)
    np.testing.assert_allclose(CLUSTERED[name]["statspai cs_jackknife"]["overall_se"], jackknife, rtol=1e-8)


@pytest.mark.parametrize("name", CLUSTERED)
@pytest.mark.parametrize(
    ("variance", "package"),
    [
        (lambda: ce.Cluster("cluster"), "csdid"),
        (lambda: ce.Cluster("cluster", small_sample="stata"), "diff-diff"),
        (lambda: ce.Jackknife("cluster", df="clusters"), "statspai cs_jackknife"),
    ],
    ids=["sums", "stata", "jackknife"],
)
def test_clustered_errors_by_option(name, variance, package):
    """The option that prints what the package prints, degrees of freedom included."""
    frame = _clustered(name)[0]
    row = _never_treated(frame, variance()).aggregate("overall").tidy().loc[0]
    stored = CLUSTERED[name][package]
    np.testing.assert_allclose(row["std_error"], stored["overall_se"], rtol=1e-8)
    if "conf_int" in stored:
        np.testing.assert_allclose(row[["conf_low", "conf_high"]].astype(float), stored["conf_int"], rtol=1e-6)
