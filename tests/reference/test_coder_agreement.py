"""Coefficients of agreement against irr (R), irrCAC, statsmodels, published tables and literal definitions."""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from clustereffects.interviews import bootstrap_agreement, cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha

CASE = Path(__file__).parent / "coder_agreement"
EXPECTED = json.loads((CASE / "expected.json").read_text(encoding="utf-8"))
LEVELS = ["nominal", "ordinal", "interval", "ratio"]
IRR_WEIGHTS = {"unweighted": "none", "equal": "linear", "squared": "quadratic"}
FLEISS_10_14 = np.array([
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
])  # fmt: skip


@pytest.fixture(scope="module")
def krippendorff():
    return pd.read_csv(CASE / "krippendorff.csv", index_col="rater").to_numpy(dtype=float).T


@pytest.fixture(scope="module")
def diagnoses():
    return pd.read_csv(CASE / "diagnoses.csv").apply(lambda column: column.str[0].astype(float)).to_numpy()


@pytest.fixture(scope="module")
def anxiety():
    return pd.read_csv(CASE / "anxiety.csv").to_numpy(dtype=float)


def distance(a, b, level, pooled):
    if level == "nominal":
        return float(a != b)
    if level == "interval":
        return (a - b) ** 2
    if level == "ratio":
        return ((a - b) / (a + b)) ** 2 if a + b else 0.0
    low, high = min(a, b), max(a, b)
    between = sum(low <= value <= high for value in pooled)
    return (between - (pooled.count(a) + pooled.count(b)) / 2) ** 2


def literal_alpha(ratings, level):
    """Krippendorff's definition, pair by pair."""
    units = [[value for value in unit if not np.isnan(value)] for unit in ratings]
    units = [unit for unit in units if len(unit) >= 2]
    pooled = [value for unit in units for value in unit]
    total = len(pooled)
    observed = sum(
        sum(distance(a, b, level, pooled) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    expected = sum(distance(a, b, level, pooled) for a, b in permutations(pooled, 2)) / (total - 1)
    return 1 - observed / expected


def literal_ac1(ratings):
    """Gwet (2008, 2014): unit by unit, with his variance."""
    units = [[value for value in unit if not np.isnan(value)] for unit in ratings]
    units = [unit for unit in units if unit]
    values = sorted({value for unit in units for value in unit})
    share = {k: np.mean([unit.count(k) / len(unit) for unit in units]) for k in values}
    expected = sum(p * (1 - p) for p in share.values()) / (len(values) - 1)
    agreeing = [
        sum(unit.count(k) * (unit.count(k) - 1) for k in values) / (len(unit) * (len(unit) - 1))
        for unit in units
        if len(unit) >= 2
    ]
    ac1 = (np.mean(agreeing) - expected) / (1 - expected)
    parts = []
    for unit in units:
        own = 0.0
        if len(unit) >= 2:
            pairs = sum(unit.count(k) * (unit.count(k) - 1) for k in values) / (len(unit) * (len(unit) - 1))
            own = len(units) / len(agreeing) * (pairs - expected) / (1 - expected)
        chance = sum(unit.count(k) / len(unit) * (1 - share[k]) for k in values) / (len(values) - 1)
        parts.append(own - 2 * (1 - ac1) * (chance - expected) / (1 - expected))
    variance = sum((part - ac1) ** 2 for part in parts) / (len(units) * (len(units) - 1))
    return ac1, np.sqrt(variance)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_equals_irr_with_missing_judgements(krippendorff, level):
    value = krippendorff_alpha(krippendorff, level=level).value
    assert value == pytest.approx(EXPECTED["kripp_alpha"][level]["value"], rel=1e-8)
    assert value == pytest.approx(literal_alpha(krippendorff, level), rel=1e-10)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_equals_irr_on_complete_judgements_once_its_weight_is_corrected(anxiety, level):
    """With complete data and m > 2 raters irr forgets the weight 1/(m-1) of pairs within a unit; see the README."""
    value = krippendorff_alpha(anxiety, level=level).value
    total, pairs = anxiety.size, anxiety.shape[1] - 1
    corrected = (1 - EXPECTED["kripp_alpha_anxiety"][level]["value"]) * (total - 1) / (total - 1 / pairs)
    assert value == pytest.approx(1 - corrected, rel=1e-8)
    assert value == pytest.approx(literal_alpha(anxiety, level), rel=1e-10)


@pytest.mark.parametrize("data", ["diagnoses", "anxiety"])
@pytest.mark.parametrize("weights", list(IRR_WEIGHTS))
def test_cohen_kappa_equals_irr_and_statsmodels(request, data, weights):
    pair = request.getfixturevalue(data)[:, :2]
    found = cohen_kappa(pair, weights=IRR_WEIGHTS[weights])
    assert found.value == pytest.approx(EXPECTED["kappa2"][f"{data}12_{weights}"]["value"], rel=1e-8)
    _, codes = np.unique(pair, return_inverse=True)
    codes = codes.reshape(pair.shape)
    table = np.zeros((codes.max() + 1, codes.max() + 1))
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    peer = cohens_kappa(table, wt={"none": None, "linear": "linear", "quadratic": "quadratic"}[IRR_WEIGHTS[weights]])
    assert found.value == pytest.approx(peer.kappa, rel=1e-8)
    assert found.std_error == pytest.approx(peer.std_kappa, rel=1e-8)


def test_fleiss_kappa_equals_irr_and_statsmodels(diagnoses):
    value = fleiss_kappa(diagnoses).value
    assert value == pytest.approx(EXPECTED["fleiss"]["value"], rel=1e-8)
    assert value == pytest.approx(statsmodels_fleiss(aggregate_raters(diagnoses.astype(int))[0]), rel=1e-8)


def test_published_kappas():
    table = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [20, 5, 10, 15], axis=0)
    assert cohen_kappa(table).value == pytest.approx(EXPECTED["published"]["cohen_20_5_10_15"], rel=1e-12)
    ratings = np.array([np.repeat(np.arange(5), row) for row in FLEISS_10_14])
    assert fleiss_kappa(ratings).value == pytest.approx(EXPECTED["published"]["fleiss_10x14"], abs=5e-4)
    assert fleiss_kappa(ratings).value == pytest.approx(statsmodels_fleiss(FLEISS_10_14), rel=1e-8)


def test_ac1_equals_irrcac_and_the_definition(krippendorff, diagnoses):
    found = gwet_ac1(krippendorff)
    expected = EXPECTED["irrCAC_raw_4raters"]
    assert found.value == pytest.approx(expected["ac1"], abs=5e-6)
    assert found.std_error == pytest.approx(expected["ac1_std_error"], abs=5e-6)
    for ratings in (krippendorff, diagnoses):
        found = gwet_ac1(ratings)
        assert (found.value, found.std_error) == pytest.approx(literal_ac1(ratings), rel=1e-10)


def test_bootstrap_standard_error_agrees_with_the_closed_forms(diagnoses):
    drawn = bootstrap_agreement(diagnoses, "ac1", draws=4000, rng=1)
    assert drawn.std_error == pytest.approx(gwet_ac1(diagnoses).std_error, rel=0.1)
    drawn = bootstrap_agreement(diagnoses[:, :2], "kappa", draws=4000, rng=2)
    assert drawn.std_error == pytest.approx(cohen_kappa(diagnoses[:, :2]).std_error, rel=0.1)
