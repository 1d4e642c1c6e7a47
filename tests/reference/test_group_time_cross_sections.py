"""Group-time effects from cross-sections against did (R), csdid and moderndid (Python) and a textbook oracle."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did.cross_section_cells import CrossSectionData, cross_section_effects
from clustereffects.did.group_time_plan import GroupTimeOptions
from support.cross_section_oracle import aggregations, group_time

HERE = Path(__file__).parent / "group_time_did"
DID = json.loads((HERE / "did_cross_sections.json").read_text(encoding="utf-8"))
CSDID = json.loads((HERE / "csdid_cross_sections.json").read_text(encoding="utf-8"))
CONTROL = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}
FAMILIES = ("unbalanced_allow", "repeated_cross_sections", "repeated_cross_sections_weights")
CASES = [(family, key) for family in FAMILIES for key in DID[family]]


def _arrays(family, formula):
    frame = ce.datasets.load_mpdta()
    if family == "unbalanced_allow":
        frame = frame[(frame["countyreal"] * 7 + frame["year"] * 13) % 10 != 0]
    times, time = np.unique(frame["year"], return_inverse=True)
    units = np.unique(frame["countyreal"], return_inverse=True)[1] if family == "unbalanced_allow" else None
    joined = frame["first.treat"].to_numpy(float)
    return {
        "outcome": frame["lemp"].to_numpy(float),
        "time": time,
        "cohorts": np.where(joined > 0, joined, np.nan),
        "units": np.arange(len(frame)) if units is None else units,
        "times": times,
        "covariates": None if formula == "~1" else frame[["lpop"]].to_numpy(float),
        "weights": (0.5 + frame["countyreal"] % 10 / 10).to_numpy(float) if family.endswith("weights") else None,
    }


def _options(key):
    control, method, formula = key.split("|")
    return {"control": CONTROL[control], "method": method}, formula


def _dense(found, n):
    """Influence and masses as matrices (n, c)."""
    pair = []
    for columns in (found.influence, found.members):
        matrix = np.zeros((n, len(columns)))
        for c, (units, values) in enumerate(columns):
            matrix[units, c] = values
        pair.append(matrix)
    return pair


def _errors(influence):
    """Standard errors; NaN where there is no influence at all, as in a period compared with itself."""
    found = np.sqrt((influence**2).sum(axis=0)) / len(influence)
    return np.where(found > 0.0, found, np.nan)


def _numbers(values):
    return np.array([np.nan if value is None else value for value in np.atleast_1d(values)], float)


def _close(found, expected, scale, exact=1e-8):
    """Equal to 1e-8 of the value, or of its standard error where the value is close to zero by chance."""
    expected = _numbers(expected)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    there = np.isfinite(expected)
    allowed = exact * np.maximum(np.abs(expected), np.nan_to_num(_numbers(scale)))
    assert np.all((np.abs(found - expected) <= allowed)[there])


def _cells(found, times):
    return [(cell.cohort, int(times[cell.time])) for cell in found.cells]


def _compare(cells, estimates, influence, masses, expected, *, exact=1e-8):
    assert cells == list(zip(expected["cohort"], expected["time"], strict=True))
    _close(estimates, expected["att"], expected["se"], exact)
    _close(_errors(influence), expected["se"], 0.0, exact)
    found = aggregations(cells, estimates, influence, masses)
    overall = {"simple": found["simple"]} | {kind: found[kind][3] for kind in ("dynamic", "group", "calendar")}
    for kind, (value, psi) in overall.items():
        wanted = expected[kind]
        _close(value, wanted["overall_att"], wanted["overall_se"], exact)
        _close(_errors(psi[:, None]), wanted["overall_se"], 0.0, exact)
        if kind != "simple":
            labels, values, columns, _ = found[kind]
            assert labels.tolist() == np.atleast_1d(wanted["egt"]).tolist()
            _close(values, wanted["att_egt"], wanted["se_egt"], exact)
            _close(_errors(columns), wanted["se_egt"], 0.0, exact)


@pytest.mark.parametrize(("family", "key"), [case for case in CASES if "dr|~lpop" not in case[1]])
def test_did(family, key):
    options, formula = _options(key)
    data = CrossSectionData(**_arrays(family, formula))
    found = cross_section_effects(data, GroupTimeOptions(**options))
    assert data.n_units == DID[family][key]["n"]
    _compare(_cells(found, data.times), found.estimate, *_dense(found, data.n_units), DID[family][key])


@pytest.mark.parametrize(("family", "key"), [case for case in CASES if "dr|~lpop" in case[1]])
def test_did_doubly_robust(family, key):
    """DRDID 1.2.3 has one term of the influence function with the wrong sign: the oracle has both signs."""
    options, formula = _options(key)
    arrays = _arrays(family, formula)
    found = cross_section_effects(CrossSectionData(**arrays), GroupTimeOptions(**options))
    _close(found.estimate, DID[family][key]["att"], DID[family][key]["se"])
    names = ("outcome", "time", "cohorts", "units", "times", "covariates", "weights")
    given = [arrays[name] for name in names]
    _compare(*group_time(*given, options=options, drdid=True), DID[family][key])
    ours = group_time(*given, options=options)
    np.testing.assert_allclose(found.estimate, ours[1], rtol=1e-8, atol=1e-12)
    named = cross_section_effects(CrossSectionData(**arrays), GroupTimeOptions(**options, convention="did_2.5.1"))
    dense = _dense(named, arrays["units"].max() + 1)
    _compare(_cells(named, arrays["times"]), named.estimate, *dense, DID[family][key])
    influence, masses = _dense(found, arrays["units"].max() + 1)
    np.testing.assert_allclose(influence, ours[2], rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(masses, ours[3])


def _holes(case):
    frame = pd.read_csv(HERE / "panel.csv")
    frame = frame[(7 * frame["firm"] + 13 * frame["year"]) % 10 != 0]
    times, time = np.unique(frame["year"], return_inverse=True)
    joined = frame["cohort"].to_numpy(float)
    units = np.unique(frame["firm"], return_inverse=True)[1]
    weight = (0.5 + frame["firm"] % 10 / 10) * (1 + (frame["year"] - 2001) / 10)
    return CrossSectionData(
        outcome=frame["y"].to_numpy(),
        time=time,
        cohorts=np.where(joined > 0, joined, np.nan),
        units=units if case["units"] == "unbalanced" else np.arange(len(frame)),
        times=times,
        covariates=frame[["size", "growth"]].to_numpy(),
        weights=weight.to_numpy() if case["weighted"] else None,
    )


def _name(case):
    return "-".join(str(case[part]) for part in ("units", "method", "weighted", "base"))


@pytest.mark.parametrize("case", CSDID["cases"], ids=_name)
def test_csdid_and_moderndid(case):
    """Firms with holes and true cross-sections, with weights and covariates that change over time."""
    data = _holes(case)
    options = GroupTimeOptions(
        control=CONTROL[case["control"]],
        method=case["method"],
        base_period=case["base"],
        anticipation=case["anticipation"],
    )
    found = cross_section_effects(data, options)
    influence, masses = _dense(found, data.n_units)
    cells = _cells(found, data.times)
    # The improved estimator is moderndid's, called by csdid; its minimiser stops before the odds have all digits.
    exact = 1e-6 if case["method"] == "dr_improved" else 1e-8
    _compare(cells, found.estimate, influence, masses, case["csdid"], exact=exact)
    if "moderndid" in case:
        theirs = case["moderndid"]
        assert cells == list(zip(theirs["cohort"], theirs["time"], strict=True))
        _close(found.estimate, theirs["att"], theirs["se"])
        _close(_errors(influence), theirs["se"], 0.0)


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw", "reg"])
@pytest.mark.parametrize("seed", range(4))
def test_textbook_oracle_on_random_data(method, seed):
    rng = np.random.default_rng(seed)
    times, n = np.array([2001, 2002, 2004, 2005, 2006]), 300
    cohort = rng.choice([2002, 2005, 2006, 2008, np.nan], n, p=[0.15, 0.25, 0.2, 0.1, 0.3])
    # Firms with 70 % of their years, or every row a unit of its own.
    rows = np.flatnonzero(rng.random(n * 5) < 0.7)
    firm, time = rows // 5, rows % 5
    x = rng.standard_normal((len(rows), 2))
    y = (1 + time) * x[:, 0] + rng.standard_normal(n)[firm] + rng.standard_normal(len(rows))
    arrays = {
        "outcome": y,
        "time": time,
        "cohorts": cohort[firm],
        "units": firm if seed % 2 else np.arange(len(rows)),
        "times": times,
        "covariates": x,
        "weights": rng.uniform(0.5, 2.0, len(rows)) if seed > 1 else None,
    }
    options = {
        "method": method,
        "control": ["not_yet_treated", "never_treated"][seed % 2],
        "base_period": ["varying", "universal"][seed // 2],
        "anticipation": seed % 2,
    }
    found = cross_section_effects(CrossSectionData(**arrays), GroupTimeOptions(**options))
    cells, estimates, influence, masses = group_time(*arrays.values(), options=options)
    assert _cells(found, times) == cells
    np.testing.assert_allclose(found.estimate, estimates, rtol=1e-8, atol=1e-12)
    ours = _dense(found, arrays["units"].max() + 1)
    np.testing.assert_allclose(ours[0], influence, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours[1], masses, rtol=1e-12)


@pytest.mark.parametrize(("family", "key"), CASES)
def test_did_from_panel_to_aggregates(family, key):
    """The estimator itself, with the convention of did where its errors depart."""
    frame = ce.datasets.load_mpdta()
    frame = frame.assign(w=0.5 + frame["countyreal"] % 10 / 10)
    holes = family == "unbalanced_allow"
    if holes:
        frame = frame[(frame["countyreal"] * 7 + frame["year"] * 13) % 10 != 0]
    options, formula = _options(key)
    panel = ce.Panel(
        frame,
        unit="countyreal" if holes else None,
        time="year",
        cohort="first.treat",
        weights="w" if family.endswith("weights") else None,
    )
    estimator = ce.GroupTimeDiD(
        **options,
        covariates=None if formula == "~1" else "lpop",
        incomplete="cross_sections" if holes else "pairs",
        convention="did_2.5.1",
    )
    effects, expected = estimator.fit(panel, "lemp"), DID[family][key]
    assert effects.sample.counts["units"] == expected["n"]
    _close(effects.params.to_numpy(), expected["att"], expected["se"])
    _close(effects.std_errors.to_numpy(), expected["se"], 0.0)
    overall = effects.aggregate("overall")
    _close(overall.params.to_numpy(), expected["simple"]["overall_att"], expected["simple"]["overall_se"])
    _close(overall.std_errors.to_numpy(), expected["simple"]["overall_se"], 0.0)
    for kind, by in {"dynamic": "event", "group": "cohort", "calendar": "calendar"}.items():
        found, wanted = effects.aggregate(by), expected[kind]
        _close(found.params.to_numpy(), wanted["att_egt"], wanted["se_egt"])
        _close(found.std_errors.to_numpy(), wanted["se_egt"], 0.0)
        _close(found.average().params.to_numpy(), wanted["overall_att"], wanted["overall_se"])
        _close(found.average().std_errors.to_numpy(), wanted["overall_se"], 0.0)
