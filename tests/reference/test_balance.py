"""Balance against MatchIt, cobalt and WeightIt; see the README of matching_balance."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from clustereffects.matching.balance import Sides, covariate_balance, effective_size, pair_distance
from clustereffects.matching.distribution import Sample
from clustereffects.matching.overlap import density, frame
from clustereffects.matching.products import products
from clustereffects.matching.prognosis import prognosis

HERE = Path(__file__).parent
DATA = pd.read_csv(HERE / "matching_lalonde" / "data.csv")
TREATED = DATA["treat"].to_numpy() == 1
X = pd.DataFrame(
    {
        "age": DATA["age"],
        "educ": DATA["educ"],
        **{f"race_{level}": DATA["race"] == level for level in ("black", "hispan", "white")},
        **{name: DATA[name] for name in ("married", "nodegree", "re74", "re75")},
    }
).astype(float)
EXACT = {"rtol": 1e-8, "atol": 1e-12}
ESTIMANDS = {"ATE": "pooled", "ATC": "control"}
TOLERANCE_OF_R = np.finfo(float).eps ** 0.25


def _cases(name):
    return json.loads((HERE / "matching_balance" / f"{name}.json").read_text(encoding="utf-8"))["cases"]


MATCHIT, COBALT, WEIGHTIT = _cases("matchit"), _cases("cobalt"), _cases("weightit")
SOURCES = {"nearest": "nearest", "caliper": "nearest_caliper02", "full": "full"}


def _sides(value, weight=None):
    """Treated and controls of positive weight."""
    if weight is None:
        return Sides(Sample(value[TREATED]), Sample(value[~TREATED]))
    return Sides(*(Sample(value[rows], weight[rows]) for rows in (TREATED & (weight > 0), ~TREATED & (weight > 0))))


def _numbers(column):
    return np.array([np.nan if value is None else value for value in column], dtype=float)


def _values(case):
    """Covariates with the distance, by MatchIt's names."""
    found = X.rename(columns=lambda name: name.replace("race_", "race"))
    distance = case["distance"]
    distance = MATCHIT[distance]["distance"] if isinstance(distance, str) else distance
    return found if distance is None else found.assign(distance=distance)


def _pair_distance(case, value):
    if "pairs" in case:
        treated, control = np.array(case["pairs"]).T
        first, code = np.unique(treated, return_inverse=True)
        return pair_distance(value[first], np.arange(len(first)), value[control], code.ravel())
    code, names = pd.factorize(pd.Series(case["subclass"]))
    one, other = TREATED & (code >= 0), ~TREATED & (code >= 0)
    assert len(names)
    return pair_distance(value[one], code[one], value[other], code[other])


@pytest.mark.parametrize("name", sorted(MATCHIT))
def test_summary_of_matchit(name):
    case = MATCHIT[name]
    sampling = 0.5 + np.arange(1, len(DATA) + 1) % 10 / 10 if name == "nearest_sweights" else np.ones(len(DATA))
    weight = np.array(case["weights"], dtype=float) * sampling
    plain = None if name != "nearest_sweights" else sampling
    before, after = case["summary"]["all"], case["summary"]["matched"]
    before = MATCHIT[before]["summary"]["all"] if isinstance(before, str) else before
    values, denominator = _values(case), ESTIMANDS.get(name[-3:], "treated")
    columns = {
        "Means Treated": "mean_treated",
        "Means Control": "mean_control",
        "Std. Mean Diff.": "smd",
        "Var. Ratio": "variance_ratio",
        "eCDF Mean": "ecdf_mean",
        "eCDF Max": "ks",
    }
    for label in before["rowname"]:
        value = values[label].to_numpy()
        found = covariate_balance(_sides(value, plain), _sides(value, weight), denominator=denominator)
        for expected, ours in ((before, found.before), (after, found.after)):
            if expected is None or label not in expected["rowname"]:
                continue
            row = expected["rowname"].index(label)
            theirs = _numbers([expected[column][row] for column in columns])
            np.testing.assert_allclose([getattr(ours, key) for key in columns.values()], theirs, **EXACT)
        if after is None or label not in after["rowname"]:
            continue
        expected = after["Std. Pair Dist."][after["rowname"].index(label)]
        if expected is not None:
            undivided = abs(found.after.smd) < 1e-10
            apart = _pair_distance(case, value) / (1.0 if undivided else found.scale)
            np.testing.assert_allclose(apart, expected, **EXACT)


@pytest.mark.parametrize("name", sorted(MATCHIT))
def test_effective_sizes_of_matchit(name):
    case = MATCHIT[name]
    sampling = 0.5 + np.arange(1, len(DATA) + 1) % 10 / 10 if name == "nearest_sweights" else 1.0
    weight = np.array(case["weights"], dtype=float) * sampling
    counts = pd.DataFrame(case["summary"]["nn"]).set_index("rowname")
    found = [effective_size(weight[~TREATED]), effective_size(weight[TREATED])]
    np.testing.assert_allclose(found, counts.loc["Matched (ESS)", ["Control", "Treated"]], **EXACT)


def _integrals_of_cobalt(value, before, sides):
    """One minus the integral of the lower of our densities, by the two methods of cobalt."""
    common = frame(before.treated, before.control)
    one = density(sides.treated, common.bandwidth, common.treated)
    other = density(sides.control, common.bandwidth, common.control)
    low, high = value.min() - 4 * common.bandwidth, value.max() + 4 * common.bandwidth

    def lower(point):
        return float(np.minimum(one.at(point), other.at(point)))

    options = {"epsabs": TOLERANCE_OF_R, "epsrel": TOLERANCE_OF_R, "limit": 100, "full_output": 1}
    area, *rest = quad(lower, low, high, **options)
    if len(rest) > 2:  # a message: not converged
        edges = np.linspace(low, high, 1001)
        middle = (edges[1:] + edges[:-1]) / 2
        area = np.minimum(one.at(middle), other.at(middle)).sum() * (edges[1] - edges[0])
    return 1.0 - area


def _check(table, values, weight, denominator="treated", scale_weight=None):
    """Every column of a table of cobalt, with differences in the table's units."""
    for row, label in enumerate(table["rowname"]):
        value = values[label].to_numpy()
        before = _sides(value)
        unit = before if scale_weight is None else _sides(value, scale_weight)
        scale = covariate_balance(unit, None, denominator=denominator).scale
        after = before if weight is None else _sides(value, weight)
        found = covariate_balance(before, after, overlap=True)
        for suffix, ours, sides in (("Un", found.before, before), ("Adj", found.after, after)):
            if f"Diff.{suffix}" not in table or (weight is None and suffix == "Adj"):
                continue
            _check_row({key: column[row] for key, column in table.items()}, suffix, ours, scale)
            overlap = table.get(f"OVL.{suffix}", [None] * (row + 1))[row]
            if overlap is not None:
                exact = ours.overlap if found.binary else _integrals_of_cobalt(value, before, sides)
                np.testing.assert_allclose(exact, overlap, **EXACT)
                np.testing.assert_allclose(ours.overlap, overlap, rtol=0, atol=TOLERANCE_OF_R)


def _check_row(row, suffix, ours, scale):
    difference = ours.mean_treated - ours.mean_control
    divided = difference if abs(difference) < 1.5e-8 else difference / scale
    atol = 1e-9 if abs(difference) < 1.5e-8 else 1e-12
    np.testing.assert_allclose(divided, row[f"Diff.{suffix}"], rtol=1e-8, atol=atol)
    for key, name in (("V.Ratio", "variance_ratio"), ("KS", "ks")):
        if f"{key}.{suffix}" in row:
            np.testing.assert_allclose(getattr(ours, name), _numbers([row[f"{key}.{suffix}"]])[0], **EXACT)


@pytest.mark.parametrize("name", ["nearest_std", "nearest_raw", "nearest_pooled_sd", "caliper_std", "full_std"])
def test_tables_of_cobalt(name):
    case = MATCHIT[SOURCES[name.split("_")[0]]]
    values = _values(case).rename(columns=lambda label: label.replace("race", "race_"))
    weight = np.array(case["weights"], dtype=float)
    denominator = {"nearest_raw": "raw", "nearest_pooled_sd": "pooled"}.get(name, "treated")
    _check(COBALT[name]["balance"], values, weight, denominator)
    sizes = COBALT[name]["observations"]
    found = [effective_size(weight[~TREATED]), effective_size(weight[TREATED])]
    row = sizes["rowname"].index("Matched (ESS)")
    np.testing.assert_allclose(found, [sizes["Control"][row], sizes["Treated"][row]], **EXACT)


def test_table_of_cobalt_without_adjustment():
    _check(COBALT["unadjusted"]["balance"], X, None)


def test_default_table_of_cobalt_leaves_binary_differences_undivided():
    case, table = MATCHIT["nearest"], COBALT["nearest_default"]["balance"]
    values = _values(case).rename(columns=lambda label: label.replace("race", "race_"))
    binary = np.array(table["Type"]) == "Binary"
    for rows, denominator in ((binary, "raw"), (~binary, "treated")):
        part = {key: [column[row] for row in np.flatnonzero(rows)] for key, column in table.items()}
        _check(part, values, np.array(case["weights"], dtype=float), denominator)


def test_squares_and_products_of_cobalt():
    case, table = MATCHIT["nearest"], COBALT["nearest_int_poly"]["balance"]
    weight = np.array(case["weights"], dtype=float)
    sources = ["race" if name.startswith("race") else name for name in X]
    binary = [set(X[name]) == {0.0, 1.0} for name in X]
    made = {
        name: one.of(X.iloc[:, one.column]) * other.of(X.iloc[:, other.column])
        for name, one, other in products(list(X), sources, binary)
    }
    assert [*_values(case)[["distance"]], *X, *made] == table["rowname"]
    values = _values(case).rename(columns=lambda label: label.replace("race", "race_")).assign(**made)
    _check(table, values, weight)


def test_columns_of_cobalt():
    expected = COBALT["col_w"]
    weight = np.array(MATCHIT["nearest"]["weights"], dtype=float)
    for row, label in enumerate(expected["vars"]):
        value = X[label].to_numpy()
        before, after = _sides(value), _sides(value, weight)
        found = covariate_balance(before, after)
        for suffix, ours, sides in (("un", found.before, before), ("adj", found.after, after)):
            one, other = (side.variance(binary=found.binary) for side in (sides.treated, sides.control))
            theirs = [expected[f"{name}_{suffix}"][row] for name in ("smd", "vr", "ks")]
            np.testing.assert_allclose([ours.smd, one / other, ours.ks], theirs, **EXACT)
            overlap = ours.ks if found.binary else _integrals_of_cobalt(value, before, sides)
            np.testing.assert_allclose(overlap, expected[f"ovl_{suffix}"][row], **EXACT)


@pytest.mark.parametrize("name", sorted(WEIGHTIT))
def test_balance_of_weighting(name):
    case = WEIGHTIT[name]
    weight = np.array(case["weights"], dtype=float)
    values = X if case["ps"] is None else X.assign(**{"prop.score": case["ps"]})
    estimand = next(part for part in name.split("_") if part.startswith("AT"))
    if estimand == "ATO":
        _check(case["bal"]["balance"], values, weight, "all", scale_weight=weight)
    else:
        _check(case["bal"]["balance"], values, weight, ESTIMANDS.get(estimand, "treated"))
    sizes = case["bal"]["observations"]
    found = [effective_size(weight[~TREATED]), effective_size(weight[TREATED])]
    np.testing.assert_allclose(found, [sizes["Control"][1], sizes["Treated"][1]], **EXACT)


def test_prognostic_score():
    """Standardised difference before matching, computed in R; six digits."""
    x = X.to_numpy()
    score = x @ prognosis([(x[~TREATED], DATA["re78"].to_numpy(float)[~TREATED])])
    np.testing.assert_allclose(covariate_balance(_sides(score), None).before.smd, -0.815007, rtol=0, atol=5e-7)
