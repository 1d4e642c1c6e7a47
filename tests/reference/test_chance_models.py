"""Models of chance agreement against irrCAC, and against pair-by-pair counting."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clustereffects.interviews.agreement import cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha
from clustereffects.interviews.chance_models import brennan_prediger, conger_kappa, generalised_fleiss_kappa

CASE = Path(__file__).parent / "coder_agreement"
EXPECTED = json.loads((CASE / "expected.json").read_text(encoding="utf-8"))["irrCAC_raw_4raters"]
WAYS = {
    "ac1": gwet_ac1,
    "alpha": krippendorff_alpha,
    "fleiss": generalised_fleiss_kappa,
    "conger": conger_kappa,
    "brennan_prediger": brennan_prediger,
}


@pytest.fixture(scope="module")
def four_raters():
    return pd.read_csv(CASE / "krippendorff.csv", index_col="rater").to_numpy(dtype=float).T


@pytest.fixture(scope="module")
def diagnoses():
    return pd.read_csv(CASE / "diagnoses.csv").apply(lambda column: column.str[0].astype(float)).to_numpy()


@pytest.mark.parametrize("name", WAYS)
def test_coefficients_equal_irrcac(four_raters, name):
    assert round(WAYS[name](four_raters).value, 5) == EXPECTED[name]


def test_complete_data_give_fleiss_kappa(diagnoses):
    assert generalised_fleiss_kappa(diagnoses).value == pytest.approx(fleiss_kappa(diagnoses).value, rel=1e-12)


def test_two_raters_give_cohens_kappa(diagnoses):
    assert conger_kappa(diagnoses[:, :2]).value == pytest.approx(cohen_kappa(diagnoses[:, :2]).value, rel=1e-12)


def test_conger_is_the_mean_over_pairs_of_raters(diagnoses):
    pairs = [cohen_kappa(diagnoses[:, list(pair)]) for pair in combinations(range(diagnoses.shape[1]), 2)]
    observed, expected = (np.mean([getattr(one, name) for one in pairs]) for name in ("observed", "expected"))
    assert conger_kappa(diagnoses).value == pytest.approx((observed - expected) / (1 - expected), rel=1e-12)


def test_brennan_prediger_counts_possible_values(four_raters):
    observed = brennan_prediger(four_raters).observed
    assert brennan_prediger(four_raters, categories=8).value == pytest.approx((observed - 1 / 8) / (1 - 1 / 8))
