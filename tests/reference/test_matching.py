"""Matching against MatchIt, balance against cobalt; see the README of matching_lalonde."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.matching.distance import mahalanobis
from clustereffects.matching.propensity import logit
from support.links import links

HERE = Path(__file__).parent / "matching_lalonde"
MATCHIT = json.loads((HERE / "matchit.json").read_text(encoding="utf-8"))["cases"]
COBALT = json.loads((HERE / "cobalt.json").read_text(encoding="utf-8"))["cases"]
DATA = pd.read_csv(HERE / "data.csv")
ON = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
EXACT = {"rtol": 1e-8, "atol": 1e-12}
TIED_BY_ROUNDING = {"NSW89", "NSW96"}

PROBABILITY = {"distance": "propensity", "propensity_scale": "probability", "replace": False}
CASES = {
    "nearest": PROBABILITY,
    "nearest_m.order_data": {**PROBABILITY, "order": "data"},
    "nearest_m.order_largest": {**PROBABILITY, "order": "largest"},
    "nearest_m.order_smallest": {**PROBABILITY, "order": "smallest"},
    "nearest_linear_logit": {**PROBABILITY, "propensity_scale": "linear"},
    "nearest_ratio2": {**PROBABILITY, "ratio": 2},
    "nearest_ratio3_replace": {**PROBABILITY, "ratio": 3, "replace": True},
    "nearest_replace": {**PROBABILITY, "replace": True},
    "nearest_caliper02": {**PROBABILITY, "caliper": 0.2},
    "nearest_caliper005_raw": {**PROBABILITY, "caliper": "raw 0.05"},
    "nearest_exact_race": {**PROBABILITY, "exact": ["race"]},
    "nearest_exact_race_caliper": {
        **PROBABILITY,
        "exact": ["race"],
        "caliper": 0.2,
        "ratio": 2,
        "replace": True,
    },
    "nearest_discard_both": {**PROBABILITY, "trim": "both"},
    "nearest_mahalanobis": {"distance": "mahalanobis", "replace": False},
    "nearest_scaled_euclidean": {"distance": "scaled_euclidean", "replace": False},
}


def _design():
    race = [DATA["race"] == level for level in ("black", "hispan", "white")]
    numbers = DATA[["age", "educ", "married", "nodegree", "re74", "re75"]].to_numpy(float)
    return np.column_stack([numbers[:, :2], *race, numbers[:, 2:]]).astype(float), DATA["treat"].to_numpy() == 1


def _propensity():
    x, treated = _design()
    return logit(np.column_stack([np.ones(len(x)), x]), treated)


def _fit(case):
    options = dict(CASES[case])
    if options.get("caliper") == "raw 0.05":
        options["caliper"] = 0.05 / np.std(_propensity().probability, ddof=1)
    return ce.Matching(on=ON, **options).fit_frame(DATA, treatment="treat")


def _pairs(match):
    ids = DATA["id"].to_numpy()
    found = {}
    for treated, control in zip(links(match).treated, links(match).control, strict=True):
        found.setdefault(ids[treated], []).append(ids[control])
    return found


@pytest.mark.parametrize("case", sorted(set(CASES) - {"nearest_mahalanobis"}))
def test_pairs_are_those_of_matchit(case):
    found, expected = _pairs(_fit(case)), MATCHIT[case]["pairs"]
    assert {unit: sorted(controls) for unit, controls in found.items()} == {
        unit: sorted(controls) for unit, controls in expected.items()
    }


def test_mahalanobis_pairs_are_those_of_matchit_but_for_ties_that_it_settles_by_rounding():
    found, expected = _pairs(_fit("nearest_mahalanobis")), MATCHIT["nearest_mahalanobis"]["pairs"]
    assert {unit for unit in expected if found[unit] != expected[unit]} == TIED_BY_ROUNDING
    x, treated = _design()
    z = pd.DataFrame(mahalanobis(x, treated).of(x), index=DATA["id"])
    free = z[~treated]
    for unit, (control,) in expected.items():
        distance = np.sqrt(((free - z.loc[unit]) ** 2).sum(axis=1))
        np.testing.assert_allclose(distance[control], distance.min(), rtol=1e-9, atol=1e-9)
        free = free.drop(control)


@pytest.mark.parametrize("case", sorted(set(CASES) - {"nearest_mahalanobis"}))
def test_control_weights_are_those_of_matchit(case):
    match, expected = _fit(case), pd.Series(MATCHIT[case]["control_weights"])
    weights = match.weights.set_axis(DATA["id"].to_numpy()[match.weights.index])
    controls = weights[weights.index.str.startswith("PSID")]
    scaled = controls * len(controls) / controls.sum()
    np.testing.assert_allclose(scaled[expected.index], expected, **EXACT)
    assert len(scaled) == len(expected)
    assert (weights[~weights.index.isin(controls.index)] == 1).all()
    effective = dict(zip(MATCHIT[case]["nn"]["rowname"], MATCHIT[case]["nn"]["Control"], strict=True))
    np.testing.assert_allclose(match.effective_controls, effective["Matched (ESS)"], **EXACT)


@pytest.mark.parametrize("case", sorted(set(CASES) - {"nearest_mahalanobis"}))
def test_balance_after_matching_is_that_of_matchit(case):
    table = _fit(case).balance().set_index("covariate")
    expected = pd.DataFrame(MATCHIT[case]["summary"]).set_index("rowname").drop(index="distance", errors="ignore")
    expected.index = expected.index.str.replace("race", "race_", regex=False)
    ours = table.loc[expected.index]
    np.testing.assert_allclose(ours["smd_after"], expected["Std. Mean Diff."], **EXACT)
    np.testing.assert_allclose(ours["variance_ratio_after"], expected["Var. Ratio"].astype(float), **EXACT)
    np.testing.assert_allclose(ours["ks_after"], expected["eCDF Max"], **EXACT)


@pytest.mark.parametrize(("case", "ours"), [("nearest_std", "nearest"), ("caliper_std", "nearest_caliper02")])
def test_balance_before_and_after_is_that_of_cobalt(case, ours):
    table = _fit(ours).balance().set_index("covariate")
    expected = pd.DataFrame(COBALT[case]["balance"]).set_index("rowname").drop(index="distance")
    columns = {"smd": "Diff", "variance_ratio": "V.Ratio", "ks": "KS"}
    for side, suffix in (("before", "Un"), ("after", "Adj")):
        for name, theirs in columns.items():
            found = table.loc[expected.index, f"{name}_{side}"]
            np.testing.assert_allclose(found, expected[f"{theirs}.{suffix}"].astype(float), **EXACT)
    kinds = expected["Type"].map({"Contin.": "continuous", "Binary": "binary"})
    assert table.loc[expected.index, "kind"].tolist() == kinds.tolist()


def test_propensity_is_that_of_glm():
    fit, expected = _propensity(), MATCHIT["nearest"]["distance"]
    np.testing.assert_allclose(fit.probability, [expected[unit] for unit in DATA["id"]], rtol=0, atol=5e-9)
    linear = MATCHIT["nearest_linear_logit"]["distance"]
    np.testing.assert_allclose(fit.linear, [linear[unit] for unit in DATA["id"]], rtol=0, atol=5e-8)


def test_propensity_solves_the_likelihood_equations():
    x, treated = _design()
    fit = _propensity()
    score = np.column_stack([np.ones(len(x)), x / x.max(axis=0)]).T @ (treated - fit.probability)
    np.testing.assert_allclose(score, 0.0, atol=1e-7)
