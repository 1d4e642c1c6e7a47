"""Weights and effects against MatchIt, WeightIt, Stata and StatsPAI; see the README of matching_weights."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from clustereffects.matching.abadie_imbens import MatchRule, nearest_effect, sample_coordinates, score_effect
from clustereffects.matching.coarsened import bin_codes, coarsen, group_codes, pair_within
from clustereffects.matching.distance import mahalanobis
from clustereffects.matching.effect import Sample, g_computation, weighted_difference
from clustereffects.matching.entropy import balance_arms, entropy_balance, with_squares
from clustereffects.matching.subclass import subclasses
from clustereffects.matching.weights import calibration_model, propensity_model, propensity_weights
from support.matching_second import set_weights

HERE = Path(__file__).parent / "matching_weights"
MATCHIT, WEIGHTIT, STATSPAI = (
    json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    for name in ("matchit", "weightit", "statspai")
)
PUBLISHED = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
WEIGHTS = pd.read_csv(HERE / "weights.csv", index_col="id")
SETS = pd.read_csv(HERE / "sets.csv", index_col="id")
DATA = pd.read_csv(HERE.parent / "matching_lalonde" / "data.csv")
NUMBERS = ["age", "educ", "married", "nodegree", "re74", "re75"]
TREATED = DATA["treat"].to_numpy() == 1
OUTCOME = DATA["re78"].to_numpy(float)
RACE = DATA["race"].to_numpy(str)
X = np.column_stack([DATA[NUMBERS], RACE == "hispan", RACE == "white"]).astype(float)
DESIGN = np.column_stack([np.ones(len(X)), X])
EXACT = {"rtol": 1e-8, "atol": 1e-12}
NUMERICAL = {"rtol": 1e-6}
UNEXPLAINED = {"subclass6"}
TIED = {"NSW29", "NSW31", "NSW53", "NSW104"}


def stored(case):
    return WEIGHTS[case].to_numpy(float)


def target(estimand):
    return {"ATT": TREATED, "ATC": ~TREATED}.get(estimand, np.ones(len(X))).astype(float)


def scaled(weight, like):
    result = weight.copy()
    for side in (TREATED, ~TREATED):
        result[side] *= like[side].sum() / weight[side].sum()
    return result


def partition(codes):
    """Sets of rows, without those in none."""
    return {frozenset(np.flatnonzero(codes == code)) for code in np.unique(codes[codes >= 0])}


def bins(cuts, groups=()):
    numeric = [bin_codes(DATA[name].to_numpy(float), cuts.get(name, "sturges")) for name in NUMBERS]
    return coarsen([*numeric, group_codes(RACE, groups)], TREATED)


def exact():
    columns = [bin_codes(DATA[name].to_numpy(float), 0) for name in ("married", "nodegree")]
    return coarsen([*columns, group_codes(RACE)], TREATED)


STRATA = {
    "cem": lambda: bins({}),
    "cem_cut": lambda: bins({"age": 4, "educ": 3, "re74": 5, "re75": 5}, [["black", "hispan"]]),
    "exact": exact,
    "subclass6": lambda: subclasses(stored("subclass6_score"), TREATED),
    "subclass8_ATE": lambda: subclasses(stored("subclass8_ATE_score"), TREATED, number=8, estimand="ATE"),
}


@pytest.mark.parametrize("case", STRATA)
def test_strata(case):
    assert partition(STRATA[case]()) == partition(SETS[case].to_numpy())


@pytest.mark.parametrize("case", [*STRATA, "cem_k2k", "full", "full_ATE"])
def test_weights_of_sets(case):
    estimand = "ATE" if case.endswith("ATE") else "ATT"
    np.testing.assert_allclose(set_weights(SETS[case].to_numpy(), TREATED, estimand), stored(case), **EXACT)


def test_pairs_within_strata():
    x = np.column_stack([X, RACE == "black"])
    z = mahalanobis(x, TREATED).of(x)
    pairs = pair_within(z, TREATED, bins({}))
    theirs = SETS["cem_k2k"].to_numpy()
    np.testing.assert_array_equal(pairs >= 0, theirs >= 0)
    differing = sorted(map(sorted, partition(theirs) - partition(pairs)))
    assert {DATA["id"][treated] for treated, _ in differing} == TIED
    for treated, control in differing:
        np.testing.assert_allclose(z[control], z[treated], atol=1e-10)


@pytest.mark.parametrize("case", sorted(set(MATCHIT) - UNEXPLAINED))
def test_effects_of_matchit(case):
    weight, theirs = stored(case), MATCHIT[case]["estimate"]
    sample = Sample(OUTCOME, TREATED, weight)
    mean = weighted_difference(sample)
    ours, expected = [mean.value], [theirs["simple"]["estimate"]]
    for errors in ("HC0", "HC1", "HC3"):
        ours.append(mean.standard_error(errors))
        expected.append(theirs["simple"][f"se_{errors}"])
    estimand = theirs["gcomp"]["call"].split("newdata=")[1][:3]
    regression = g_computation(sample, X, target(estimand) * weight)
    clusters = SETS[case].to_numpy() if case in SETS else None
    ours += [regression.value, regression.standard_error("HC3" if clusters is None else "CR1", clusters)]
    expected += [theirs["gcomp"]["estimate"], theirs["gcomp"]["se"]]
    if clusters is not None:
        ours += [mean.standard_error("CR0", clusters), mean.standard_error("CR1", clusters)]
        expected += [theirs["simple"][f"se_CR_subclass_{errors}"] for errors in ("HC0", "HC1")]
    np.testing.assert_allclose(ours, expected, rtol=1e-8)


def test_effects_in_six_subclasses_against_statsmodels():
    weight, theirs = stored("subclass6"), MATCHIT["subclass6"]["estimate"]
    sample, sets = Sample(OUTCOME, TREATED, weight), SETS["subclass6"].to_numpy()
    simple = weighted_difference(sample)
    np.testing.assert_allclose(simple.standard_error("CR1", sets), theirs["simple"]["se_CR_subclass_HC1"], rtol=1e-8)
    effect = g_computation(sample, X, target("ATT") * weight)
    np.testing.assert_allclose(effect.value, theirs["gcomp"]["estimate"], rtol=1e-8)
    centred = X - X[TREATED].mean(axis=0)
    design = np.column_stack([np.ones(len(X)), TREATED, centred, centred * TREATED[:, None]])
    fit = sm.WLS(OUTCOME, design, weights=weight).fit(cov_type="cluster", cov_kwds={"groups": sets})
    np.testing.assert_allclose(effect.standard_error("CR1", sets), fit.bse[1], rtol=1e-8)


ENTROPY = {
    "ebal_ATT": ("ATT", X, False),
    "ebal_ATE": ("ATE", X, False),
    "ebal_ATT_moments2": ("ATT", with_squares(X), False),
    "cbps_ATT": ("ATT", X, True),
    "ipt_ATT": ("ATT", X, True),
}


@pytest.mark.parametrize("case", ENTROPY)
def test_entropy_weights(case):
    estimand, moments, sampled = ENTROPY[case]
    weight = balance_arms(moments, TREATED, estimand=estimand)
    np.testing.assert_allclose(scaled(weight, stored(case)), stored(case), rtol=1e-8)
    model = calibration_model(moments, TREATED, weight, estimand=estimand, sampled=sampled)
    compare_errors(case, weight, model, estimand)


@pytest.mark.parametrize("estimand", ["ATT", "ATE", "ATC", "ATO"])
def test_propensity_weights(estimand):
    score, case = stored("glm_score"), f"glm_{estimand}"
    weight = propensity_weights(score, TREATED, estimand)
    np.testing.assert_allclose(weight, stored(case), rtol=1e-8)
    # WeightIt's g-computation was averaged over all units unless the estimand was ATT.
    average = estimand if estimand == "ATT" else "ATE"
    compare_errors(case, weight, propensity_model(DESIGN, score, TREATED, estimand), average)


def compare_errors(case, weight, model, average):
    theirs, sample = WEIGHTIT[case], Sample(OUTCOME, TREATED, weight)
    simple = weighted_difference(sample, model)
    np.testing.assert_allclose(
        [simple.value, simple.standard_error("M"), simple.standard_error("HC0"), simple.standard_error("HC3")],
        [theirs["lm_weightit"]["est"], theirs["lm_weightit"]["se"], theirs["lm_weightit_HC0"]["se"], theirs["lm_HC3"]],
        rtol=1e-8,
    )
    regression = g_computation(sample, X, target(average), model=model)
    np.testing.assert_allclose(regression.value, theirs["gcomp"]["est"], rtol=1e-8)
    np.testing.assert_allclose(regression.standard_error("M"), theirs["gcomp"]["se"], **NUMERICAL)


@pytest.mark.parametrize("case", ["cbps_ATT_over", "ipt_ATE"])
def test_other_weights_as_known(case):
    theirs, sample = WEIGHTIT[case], Sample(OUTCOME, TREATED, stored(case))
    simple, estimand = weighted_difference(sample), case.split("_")[1]
    np.testing.assert_allclose(
        [simple.value, simple.standard_error("HC0"), simple.standard_error("HC3")],
        [theirs["lm_weightit"]["est"], theirs["lm_weightit_HC0"]["se"], theirs["lm_HC3"]],
        rtol=1e-8,
    )
    np.testing.assert_allclose(g_computation(sample, X, target(estimand)).value, theirs["gcomp"]["est"], rtol=1e-8)


def test_effective_size_at_the_exact_optimum():
    weight = entropy_balance(X[~TREATED], X[TREATED].mean(axis=0)).weight
    np.testing.assert_allclose(1 / (weight @ weight), 98.45783442, rtol=1e-9)
    np.testing.assert_allclose(OUTCOME[TREATED].mean() - weight @ OUTCOME[~TREATED], 1273.26181391, rtol=1e-10)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("estimand", ["ATT", "ATE"])
def test_entropy_against_statspai(estimand, degree):
    moments = with_squares(X) if degree == 2 else X
    weight = balance_arms(moments, TREATED, estimand=estimand)
    model = calibration_model(moments, TREATED, weight, estimand=estimand)
    effect = weighted_difference(Sample(OUTCOME, TREATED, weight), model)
    theirs = STATSPAI[f"entropy_{estimand}_{degree}"]
    np.testing.assert_allclose(
        [effect.value, effect.standard_error("M")], [theirs["estimate"], theirs["se"]], rtol=1e-8
    )


PSID = pd.read_csv(HERE / "psid.csv")
IN_PROGRAMME = PSID["treated"].to_numpy() == 1
EARNINGS = PSID["re78"].to_numpy(float)
PSID_X = PSID[["age", "educ", "black", "hisp", "married", "nodegree", "re74", "re75"]].to_numpy(float)


def test_entropy_where_groups_are_far_apart():
    weight = balance_arms(PSID_X, IN_PROGRAMME)
    effect = weighted_difference(
        Sample(EARNINGS, IN_PROGRAMME, weight), calibration_model(PSID_X, IN_PROGRAMME, weight)
    )
    theirs = STATSPAI["entropy_psid"]
    np.testing.assert_allclose(
        [effect.value, effect.standard_error("M")], [theirs["estimate"], theirs["se"]], rtol=1e-8
    )
    np.testing.assert_allclose(effect.value, 2058.096761, rtol=1e-8)
    others = weight[~IN_PROGRAMME]
    np.testing.assert_allclose(others.sum() ** 2 / (others @ others), 43.215311, rtol=1e-7)


BIRTHS = pd.read_csv(HERE / "cattaneo2.csv")
SMOKES, GRAMS = BIRTHS["mbsmoke"].to_numpy() == 1, BIRTHS["bweight"].to_numpy(float)
MOTHER = BIRTHS[["mage", "prenatal1", "mmarried", "fbaby"]].to_numpy(float)
SCORE_DESIGN = np.column_stack(
    [np.ones(len(BIRTHS)), BIRTHS["mmarried"], BIRTHS["mage"], BIRTHS["mage"] ** 2, BIRTHS["fbaby"], BIRTHS["medu"]]
).astype(float)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_stata_nnmatch(estimand):
    effect = nearest_effect(GRAMS, SMOKES, sample_coordinates(MOTHER), MatchRule(estimand=estimand))
    theirs = PUBLISHED[f"nnmatch_{estimand}"]
    np.testing.assert_allclose([effect.value, effect.standard_error], [theirs["estimate"], theirs["se"]], atol=6e-7)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_stata_psmatch(estimand):
    effect = score_effect(GRAMS, SMOKES, SCORE_DESIGN, MatchRule(estimand=estimand, own=2))
    theirs = PUBLISHED[f"psmatch_{estimand}"]
    np.testing.assert_allclose(effect.value, theirs["estimate"], atol=6e-7)
    np.testing.assert_allclose(effect.standard_error, theirs.get("se", effect.standard_error), atol=6e-7)


@pytest.mark.parametrize("matches", [1, 3])
@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_estimated_score_against_statspai(estimand, matches):
    effect = score_effect(GRAMS, SMOKES, SCORE_DESIGN, MatchRule(estimand=estimand, matches=matches, own=2))
    theirs = STATSPAI[f"score_{estimand}_{matches}"]
    np.testing.assert_allclose([effect.value, effect.standard_error], [theirs["estimate"], theirs["se"]], rtol=1e-8)


@pytest.mark.parametrize("matches", [1, 4])
@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_bias_adjustment_against_statspai(estimand, matches):
    rule = MatchRule(estimand=estimand, matches=matches)
    effect = nearest_effect(GRAMS, SMOKES, sample_coordinates(MOTHER), rule, adjust=MOTHER)
    np.testing.assert_allclose(effect.value, STATSPAI[f"adjusted_{estimand}_{matches}"]["estimate"], rtol=1e-8)


def test_matching_with_replacement_of_distant_groups():
    x = np.column_stack([PSID_X, PSID["re74"] == 0, PSID["re75"] == 0])
    z, rule = sample_coordinates(x), MatchRule(estimand="ATT")
    plain = nearest_effect(EARNINGS, IN_PROGRAMME, z, rule)
    adjusted = nearest_effect(EARNINGS, IN_PROGRAMME, z, rule, adjust=x)
    np.testing.assert_allclose(plain.value, PUBLISHED["psid_M1"]["estimate"], atol=6e-5)
    np.testing.assert_allclose(adjusted.value, PUBLISHED["psid_M1_adjusted"]["estimate"], atol=6e-5)
