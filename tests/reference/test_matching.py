"""Matching and weighting through the estimator against MatchIt, WeightIt and cobalt; see the READMEs of matching_*."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import coo_array

import clustereffects as ce
from clustereffects.matching.distance import mahalanobis
from clustereffects.matching.propensity import logit
from support.links import links

ROOT = Path(__file__).parent
HERE = ROOT / "matching_lalonde"


def _cases(path):
    return json.loads((ROOT / path).read_text(encoding="utf-8"))["cases"]


MATCHIT = {**_cases("matching_lalonde/matchit.json"), **_cases("matching_lalonde/matchit_more.json")}
COBALT = _cases("matching_lalonde/cobalt.json")
SUMMARIES = _cases("matching_balance/matchit.json")
WEIGHTIT = _cases("matching_balance/weightit.json")
WEIGHTS = pd.read_csv(ROOT / "matching_weights" / "weights.csv", index_col="id")
SETS = pd.read_csv(ROOT / "matching_weights" / "sets.csv", index_col="id")
STORED_SETS = _cases("optimal_matching/matchit.json")
DATA = pd.read_csv(HERE / "data.csv")
TREATED = DATA["treat"].to_numpy() == 1
ON = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
EXACT = {"rtol": 1e-8, "atol": 1e-12}

# Sampling weights are not offered, cardinality matching neither.
NOT_OFFERED = {"nearest_sweights", "cardinality"}
# Persons one or two years older and younger, whom MatchIt settles by rounding errors; the README says more.
TIED_BY_ROUNDING = {
    "nearest_mahalanobis": {"NSW89", "NSW96"},
    "nearest_mahvars_caliper": {"NSW60", "NSW68", "NSW89"},
}
# Two controls with the very same covariates each: MatchIt takes one or the other by rounding.
TWINS = {"NSW29", "NSW31", "NSW53", "NSW104"}
# optmatch rounds distances, and optimal sets are not unique: the objective is compared, weights of given sets elsewhere.
NOT_UNIQUE = {"optimal", "optimal_ratio2", "full", "full_ATE"}

SCORED = {"distance": "propensity", "propensity_scale": "probability", "replace": False}
CEM = {"method": "coarsened_exact"}
CASES = {
    "nearest": SCORED,
    "nearest_m.order_data": {**SCORED, "order": "data"},
    "nearest_m.order_largest": {**SCORED, "order": "largest"},
    "nearest_m.order_smallest": {**SCORED, "order": "smallest"},
    "nearest_m.order_closest": {**SCORED, "order": "closest"},
    "nearest_m.order_farthest": {**SCORED, "order": "farthest"},
    "nearest_probit": {**SCORED, "link": "probit"},
    "nearest_linear_logit": {**SCORED, "propensity_scale": "linear"},
    "nearest_ratio2": {**SCORED, "ratio": 2},
    "nearest_ratio2_var": {**SCORED, "ratio": ce.VariableRatio(mean=2, least=1, most=4)},
    "nearest_ratio3_replace": {**SCORED, "ratio": 3, "replace": True},
    "nearest_replace": {**SCORED, "replace": True},
    "nearest_caliper02": {**SCORED, "caliper": 0.2},
    "nearest_caliper005_raw": {**SCORED, "caliper": ce.Caliper(distance=0.05, units="raw")},
    "nearest_caliper_vars": {**SCORED, "caliper": ce.Caliper(distance=0.2, columns={"age": 5, "educ": 2})},
    "nearest_exact_race": {**SCORED, "exact": ["race"]},
    "nearest_exact_race_caliper": {**SCORED, "exact": ["race"], "caliper": 0.2, "ratio": 2, "replace": True},
    "nearest_discard_both": {**SCORED, "trim": "both"},
    "nearest_mahalanobis": {"distance": "mahalanobis", "replace": False},
    "nearest_robust_mahalanobis": {"distance": "robust_mahalanobis", "replace": False},
    "nearest_scaled_euclidean": {"distance": "scaled_euclidean", "replace": False},
    "nearest_mahvars_caliper": {
        **SCORED,
        "distance": "mahalanobis",
        "near": ["age", "re74", "re75"],
        "caliper": ce.Caliper(score=0.2),
    },
    "nearest_ATC": {**SCORED, "estimand": "ATC", "replace": True, "order": "data"},
    "optimal": {**SCORED, "method": "optimal"},
    "optimal_ratio2": {**SCORED, "method": "optimal", "ratio": 2},
    "full": {**SCORED, "method": "full"},
    "full_ATE": {**SCORED, "method": "full", "estimand": "ATE"},
    "cem": CEM,
    "cem_cut": {
        **CEM,
        "coarsening": ce.Coarsening(
            cutpoints={"age": 4, "educ": 3, "re74": 5, "re75": 5},
            grouping={"race": [["white"], ["black", "hispan"]]},
        ),
    },
    "cem_k2k": {**CEM, "coarsening": ce.Coarsening(one_to_one=True)},
    "exact": {**CEM, "on": ["race", "married", "nodegree"]},
    "subclass6": {**SCORED, "method": "subclass"},
    "subclass8_ATE": {**SCORED, "method": "subclass", "subclasses": 8, "estimand": "ATE"},
}
SUBCLASSES = {"subclass6", "subclass8_ATE"}
PAIRED = sorted(set(MATCHIT) - NOT_OFFERED - set(TIED_BY_ROUNDING))
GROUPED = ["cem", "cem_cut", "exact", "subclass6", "subclass8_ATE"]
WEIGHED = sorted(set(CASES) - NOT_UNIQUE - set(TIED_BY_ROUNDING))


def _design():
    race = [DATA["race"] == level for level in ("black", "hispan", "white")]
    numbers = DATA[["age", "educ", "married", "nodegree", "re74", "re75"]].to_numpy(float)
    return np.column_stack([numbers[:, :2], *race, numbers[:, 2:]]).astype(float), TREATED


def _propensity():
    x, treated = _design()
    return logit(np.column_stack([np.ones(len(x)), x]), treated)


def _fit(case):
    return ce.Matching(**{"on": ON, **CASES[case]}).fit_frame(DATA, treatment="treat")


def _pairs(match):
    ids = DATA["id"].to_numpy()
    found = {}
    for treated, control in zip(links(match).treated, links(match).control, strict=True):
        found.setdefault(ids[treated], []).append(ids[control])
    return found


def _focal(case):
    """Pairs by the unit that was matched: with ATC that is the control."""
    found = _pairs(_fit(case))
    if not case.endswith("ATC"):
        return found
    turned = {}
    for treated, controls in found.items():
        for control in controls:
            turned.setdefault(control, []).append(treated)
    return turned


def _unit_weights(match):
    """Weight of each row; MatchIt and WeightIt scale each side to its number of matched units, so ours are scaled."""
    weight = match.weights.reindex(DATA.index, fill_value=0.0).to_numpy(copy=True)
    for side in (TREATED, ~TREATED):
        weight[side] *= np.count_nonzero(weight[side]) / weight[side].sum()
    return weight


def _like(weight, theirs):
    """Stored weights, of which some are odds or inverse probabilities, on the scale of ours."""
    theirs = theirs.astype(float).copy()
    for side in (TREATED, ~TREATED):
        theirs[side] *= weight[side].sum() / theirs[side].sum()
    return theirs


def test_every_call_is_compared():
    stored = {name for name in WEIGHTS if not name.endswith("_score")} - set(WEIGHTIT)
    assert set(CASES) | NOT_OFFERED == stored
    assert set(MATCHIT) - NOT_OFFERED < set(CASES)


@pytest.mark.parametrize("case", PAIRED)
def test_pairs_are_those_of_matchit(case):
    found, expected = _focal(case), MATCHIT[case]["pairs"]
    assert {unit: sorted(controls) for unit, controls in found.items()} == {
        unit: sorted(controls) for unit, controls in expected.items()
    }


@pytest.mark.parametrize("case", sorted(TIED_BY_ROUNDING))
def test_pairs_are_those_of_matchit_but_for_ties_that_it_settles_by_rounding(case):
    found, expected = _pairs(_fit(case)), MATCHIT[case]["pairs"]
    assert set(found) == set(expected)
    assert {unit for unit in expected if found[unit] != expected[unit]} == TIED_BY_ROUNDING[case]


def test_controls_that_rounding_gave_to_others_are_nearest_too():
    expected = MATCHIT["nearest_mahalanobis"]["pairs"]
    x, treated = _design()
    z = pd.DataFrame(mahalanobis(x, treated).of(x), index=DATA["id"])
    free = z[~treated]
    for unit, (control,) in expected.items():
        distance = np.sqrt(((free - z.loc[unit]) ** 2).sum(axis=1))
        np.testing.assert_allclose(distance[control], distance.min(), rtol=1e-9, atol=1e-9)
        free = free.drop(control)


def _stored_sets(case):
    """Sets of the package as sets of persons."""
    return {frozenset(rows) for code, rows in SETS.index.groupby(SETS[case]).items() if code >= 0}


def _sets(match):
    members = match.members()
    return {frozenset(DATA["id"][rows]) for _, rows in members["unit"].groupby(members["set"])}


@pytest.mark.parametrize("case", GROUPED)
def test_sets_are_those_of_matchit(case):
    assert _sets(_fit(case)) == _stored_sets(case)


def test_pairs_in_classes_are_those_of_matchit_but_for_twins():
    ours, theirs = _sets(_fit("cem_k2k")), _stored_sets("cem_k2k")
    differing = theirs - ours
    assert len(ours) == len(theirs) == 50
    assert {unit for pair in differing for unit in pair if unit.startswith("NSW")} == TWINS
    covariates = DATA.set_index("id")[ON]
    assert all(covariates.loc[sorted(pair)].duplicated(keep=False).all() for pair in differing)


@pytest.mark.parametrize("case", WEIGHED)
def test_weights_are_those_of_matchit(case):
    match = _fit(case)
    weight, counts = _unit_weights(match), pd.DataFrame(SUMMARIES[case]["summary"]["nn"]).set_index("rowname")
    np.testing.assert_allclose(weight, WEIGHTS[case], **EXACT)
    effective = counts.loc["Matched (ESS)", "Control"]
    np.testing.assert_allclose(match.effective_controls, effective, **EXACT)


@pytest.mark.parametrize("case", sorted(set(CASES) - NOT_UNIQUE - {"subclass8_ATE", "nearest_ATC"}))
def test_a_treated_unit_counts_one_and_its_controls_share_it(case):
    match = _fit(case)
    weights = match.weights
    treated = weights[TREATED[weights.index]]
    np.testing.assert_allclose(treated, 1.0, rtol=1e-12)
    np.testing.assert_allclose(weights.sum(), 2 * len(treated), rtol=1e-12)


DENOMINATORS = {"ATE": "pooled", "ATC": "control"}
COLUMNS = {
    "Means Treated": "mean_treated",
    "Means Control": "mean_control",
    "Std. Mean Diff.": "smd",
    "Var. Ratio": "variance_ratio",
    "eCDF Mean": "ecdf_mean",
    "eCDF Max": "ks",
}


def _summary(case, which):
    """Summary of MatchIt without the rows of the distance and of what we do not match on."""
    table = SUMMARIES[case]["summary"][which]
    table = SUMMARIES[table]["summary"][which] if isinstance(table, str) else table
    if table is None:  # MatchIt summarises subclasses one by one
        return None
    table = pd.DataFrame(table).set_index("rowname").drop(index="distance", errors="ignore").astype(float)
    return table.rename(index=lambda name: name.replace("race", "race_"))


@pytest.mark.parametrize("case", WEIGHED)
def test_balance_is_that_of_matchit(case):
    table = _fit(case).balance(DENOMINATORS.get(case[-3:], "treated")).set_index("covariate")
    for which, side in (("all", "before"), ("matched", "after")):
        expected = _summary(case, which)
        if expected is None:
            assert case in SUBCLASSES
            return
        for theirs, ours in COLUMNS.items():
            np.testing.assert_allclose(table.loc[expected.index, f"{ours}_{side}"], expected[theirs], **EXACT)
    apart, expected = table.loc[expected.index], expected["Std. Pair Dist."]
    # MatchIt leaves the distance undivided where the means are equal but for rounding; see matching_balance.
    unit = np.where(np.abs(apart["smd_after"]) < 1e-10, apart["sd"], 1.0)
    pairs = apart["pair_distance"] * unit
    known = expected.notna().to_numpy()
    np.testing.assert_allclose(pairs[known], expected[known], **EXACT)


@pytest.mark.parametrize(("case", "ours"), [("nearest_std", "nearest"), ("caliper_std", "nearest_caliper02")])
def test_balance_before_and_after_is_that_of_cobalt(case, ours):
    _compare_with_cobalt(_fit(ours), pd.DataFrame(COBALT[case]["balance"]), EXACT)


def _compare_with_cobalt(match, expected, tolerance, denominator="treated"):
    table = match.balance(denominator).set_index("covariate")
    expected = expected.set_index("rowname").drop(index=["distance", "prop.score"], errors="ignore")
    columns = {"smd": "Diff", "variance_ratio": "V.Ratio", "ks": "KS"}
    for side, suffix in (("before", "Un"), ("after", "Adj")):
        for name, theirs in columns.items():
            found, wanted = table.loc[expected.index, f"{name}_{side}"], expected[f"{theirs}.{suffix}"].astype(float)
            known = wanted.notna()
            np.testing.assert_allclose(found[known], wanted[known], **tolerance)
    kinds = expected["Type"].map({"Contin.": "continuous", "Binary": "binary"})
    assert table.loc[expected.index, "kind"].tolist() == kinds.tolist()


OPTMATCH_TOLERANCE = 1e-3
# Differences of R's score to the maximum, 3e-9 at most, in all 613 pairs of 614 persons.
OPTIMA = {"optimal": 39.692798721, "optimal_ratio2": 136.547456141, "full": 2.141616234, "full_ATE": 2.141616234}
SCORES_OF_R = 613 * 2 * 3e-9


def _distances():
    score = _propensity().probability
    return np.abs(score[TREATED][:, None] - score[~TREATED])


def _stored_total(case):
    """Objective of optmatch's sets, and the number of persons in them."""
    code = SETS[case].to_numpy()
    pairs = (code[TREATED][:, None] == code[~TREATED]) & (code[TREATED][:, None] >= 0)
    return _distances()[pairs].sum(), int((code >= 0).sum())


@pytest.mark.parametrize(("case", "ratio"), [("optimal", 1), ("optimal_ratio2", 2)])
def test_total_of_optimal_pairs(case, ratio):
    pairs = _fit(case).pairs()
    assert len(pairs) == ratio * TREATED.sum()
    assert not pairs["control"].duplicated().any()
    cost = np.repeat(_distances(), ratio, axis=0)
    _compare_totals(case, pairs["distance"].sum(), cost[linear_sum_assignment(cost)].sum())


@pytest.mark.parametrize("case", ["full", "full_ATE"])
def test_total_of_full_matching(case):
    match, distance = _fit(case), _distances()
    members = match.members()
    assert sorted(members["unit"]) == list(range(len(DATA)))
    score = pd.Series(_propensity().probability)
    total = 0.0
    for _, rows in members.groupby("set"):
        one, other = (score[rows.loc[rows["side"] == side, "unit"]].to_numpy() for side in ("treated", "control"))
        assert min(len(one), len(other)) == 1
        total += np.abs(one[:, None] - other).sum()
    n, m = distance.shape
    i, j = np.divmod(np.arange(n * m), m)
    rows, columns = np.concatenate([i, n + j]), np.tile(np.arange(n * m), 2)
    covered = coo_array((np.ones(2 * n * m), (rows, columns)), shape=(n + m, n * m)).tocsr()
    found = linprog(distance.ravel(), A_ub=-covered, b_ub=-np.ones(n + m), bounds=(0, 1))
    _compare_totals(case, total, found.fun)


def _compare_totals(case, ours, independent):
    stored, persons = _stored_total(case)
    np.testing.assert_allclose(ours, independent, rtol=1e-9)
    np.testing.assert_allclose(ours, OPTIMA[case], rtol=0, atol=SCORES_OF_R)
    assert 0.0 <= stored - ours <= OPTMATCH_TOLERANCE * persons


@pytest.mark.parametrize("case", sorted(NOT_UNIQUE))
def test_weights_of_the_sets_that_were_found(case):
    """Each treated unit (with ATE: each unit) counts the same; the other side of its set shares that."""
    match = _fit(case)
    members = match.members()
    for _, rows in members.groupby("set"):
        weight = rows.groupby("side")["weight"].sum()
        number = len(rows) if case.endswith("ATE") else (rows["side"] == "treated").sum()
        np.testing.assert_allclose(weight, number, rtol=1e-12)
        assert rows.groupby("side")["weight"].nunique().max() == 1


ENTROPY = {"method": "entropy"}
CHANCE = {**SCORED, "method": "propensity_weighting", "replace": True}
WEIGHTINGS = {
    "ebal_ATT": ENTROPY,
    "ebal_ATE": {**ENTROPY, "estimand": "ATE"},
    "ebal_ATT_moments2": {**ENTROPY, "moments": 2},
    # Exactly identified covariate balancing and inverse tilting have the weights of entropy balancing for the ATT.
    "cbps_ATT": ENTROPY,
    "ipt_ATT": ENTROPY,
    **{f"glm_{estimand}": {**CHANCE, "estimand": estimand} for estimand in ("ATT", "ATE", "ATC", "ATO")},
}
# R's glm ends with linear predictors up to 5e-8 from the maximum. Weights are at most proportional to the odds, and the
# division by their sum adds as much again; differences of balanced means, near zero, move by as much absolutely.
GLM = {"rtol": 1e-7, "atol": 1e-7}


def _weigh(case):
    return ce.Matching(on=ON, **WEIGHTINGS[case]).fit_frame(DATA, treatment="treat")


def test_every_weighting_that_is_offered_is_compared():
    assert set(WEIGHTIT) - set(WEIGHTINGS) == {"cbps_ATT_over", "ipt_ATE"}


@pytest.mark.parametrize("case", WEIGHTINGS)
def test_weights_are_those_of_weightit(case):
    weight = _unit_weights(_weigh(case))
    tolerance = GLM if case.startswith("glm") else EXACT
    np.testing.assert_allclose(weight, _like(weight, WEIGHTS[case].to_numpy()), rtol=tolerance["rtol"])


# For the overlap cobalt divides by the deviation of the weighted sample, which `balance` does not offer.
@pytest.mark.parametrize("case", sorted(set(WEIGHTINGS) - {"glm_ATO"}))
def test_balance_of_weights_is_that_of_weightit(case):
    denominator = DENOMINATORS.get(case[-3:], "treated")
    tolerance = GLM if case.startswith("glm") else {"rtol": 1e-8, "atol": 1e-8}
    _compare_with_cobalt(_weigh(case), pd.DataFrame(WEIGHTIT[case]["bal"]["balance"]), tolerance, denominator)


@pytest.mark.parametrize("case", ["ebal_ATT", "ebal_ATT_moments2", "ebal_ATE"])
def test_weights_of_entropy_balancing_meet_the_moments(case):
    match = _weigh(case)
    table = match.balance("raw")
    np.testing.assert_allclose(table["mean_treated_after"], table["mean_control_after"], rtol=1e-8, atol=1e-8)
    if case.endswith("moments2"):
        squares = match.balance(squares=True).set_index("covariate")["smd_after"]
        np.testing.assert_allclose(squares[["age²", "educ²", "re74²", "re75²"]], 0.0, atol=1e-8)


def test_effect_of_entropy_balancing_is_the_published_one():
    weight = _unit_weights(_weigh("ebal_ATT"))
    outcome = DATA["re78"].to_numpy()
    effect = np.average(outcome[TREATED], weights=weight[TREATED]) - np.average(
        outcome[~TREATED], weights=weight[~TREATED]
    )
    np.testing.assert_allclose(effect, 1273.26181391, rtol=1e-8)


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


EFFECTS = _cases("matching_weights/matchit.json")


def _effect(match, *covariates, errors):
    row = match.effect(DATA["re78"], list(covariates), errors=errors).tidy().iloc[0]
    return [row["estimate"], row["std_error"]]


@pytest.mark.parametrize("case", WEIGHED)
def test_effects_are_those_of_matchit(case):
    match, theirs = _fit(case), EFFECTS[case]["estimate"]
    kinds = {errors: f"se_{errors}" for errors in ("HC0", "HC1", "HC3")}
    # MatchIt has sets to cluster by unless controls serve several treated units; for twins its sets are others.
    clustered = case in SETS and case != "cem_k2k"
    if clustered:
        kinds |= {"CR0": "se_CR_subclass_HC0", "CR1": "se_CR_subclass_HC1"}
    for errors, name in kinds.items():
        expected = [theirs["simple"]["estimate"], theirs["simple"][name]]
        np.testing.assert_allclose(_effect(match, errors=errors), expected, rtol=1e-8)
    # The clustered error of subclass6 is unexplained (see matching_weights). For ATE predictions are averaged over all
    # persons, each counting once; the stored call weighted them. The functions on arrays do both, see test_weighting.
    if case in {"subclass6", "subclass8_ATE", "cem_k2k"}:
        return
    expected = [theirs["gcomp"]["estimate"], theirs["gcomp"]["se"]]
    found = _effect(match, *ON, errors="CR1" if clustered else "HC3")
    np.testing.assert_allclose(found, expected, rtol=1e-8)
