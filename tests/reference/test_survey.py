"""Reliability against psych, design-based means against survey; see the README of each case."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clustereffects.inference.quantiles import critical_value
from clustereffects.survey import Codebook, Scale, Survey, cronbach_alpha
from clustereffects.survey.design import simple_mean, stratified_mean
from clustereffects.survey.scores import key_answers

HERE = Path(__file__).parent
ALPHA = json.loads((HERE / "scale_reliability" / "expected.json").read_text(encoding="utf-8"))
MEANS = json.loads((HERE / "survey_means" / "expected.json").read_text(encoding="utf-8"))
EXACT = {"rtol": 1e-8, "atol": 0.0}


def _answers(case):
    if case == "attitude":
        return pd.read_csv(HERE / "scale_reliability" / "attitude.csv").to_numpy(float)
    raw = pd.read_csv(HERE / "scale_reliability" / "bfi_agreeableness.csv").to_numpy(float)
    return key_answers(raw, np.array([True, False, False, False, False]), 1, 6)


@pytest.mark.parametrize(
    ("case", "missing", "n"), [("attitude", "pairwise", 30), ("A", "pairwise", 2800), ("A_complete", "listwise", 2709)]
)
def test_alpha_equals_psych(case, missing, n):
    expected, found = ALPHA[case], cronbach_alpha(_answers(case), missing=missing)
    assert found.n == n
    np.testing.assert_allclose(found.alpha, expected["raw_alpha"], **EXACT)
    np.testing.assert_allclose(found.standardised, expected["std_alpha"], **EXACT)
    np.testing.assert_allclose(found.mean_correlation, expected["average_r"], **EXACT)
    np.testing.assert_allclose(found.std_error, expected["ase"], **EXACT)
    np.testing.assert_allclose([found.low, found.high], expected["feldt"], **EXACT)
    np.testing.assert_allclose(found.item_rest, expected["r_drop"], **EXACT)
    np.testing.assert_allclose(found.dropped, expected["alpha_drop"], **EXACT)


def test_listwise_alpha_equals_an_independent_computation():
    independent = ALPHA["listwise_independent"]
    found = cronbach_alpha(_answers("A"), missing="listwise")
    assert found.n == independent["n"]
    assert round(found.alpha, 4) == independent["alpha_A"]


def test_alpha_is_hoyts_ratio_of_mean_squares():
    """Hoyt (1941): alpha of complete data is (MS between respondents − MS residual) / MS between respondents."""
    answers = _answers("attitude")
    n, k = answers.shape
    grand, rows, columns = answers.mean(), answers.mean(axis=1), answers.mean(axis=0)
    between = k * ((rows - grand) ** 2).sum() / (n - 1)
    residual = ((answers - rows[:, None] - columns + grand) ** 2).sum() / ((n - 1) * (k - 1))
    np.testing.assert_allclose(cronbach_alpha(answers).alpha, (between - residual) / between, **EXACT)


def test_item_table_of_a_survey_equals_psych():
    items = tuple(ALPHA["A"]["items"])
    raw = pd.read_csv(HERE / "scale_reliability" / "bfi_agreeableness.csv")
    keys = {"respondent": range(len(raw)), "orgnr": range(5560000000, 5560000000 + len(raw)), "organisation": "K01"}
    scale = Scale(name="agreeableness", items=items, reversed=("A1",), minimum=1, maximum=6)
    survey = Survey(raw.assign(**keys, wave=2010), codebook=Codebook(scales=(scale,)))
    table = survey.reliability("item").query("wave == 'all'")
    assert table["n"].tolist() == ALPHA["A"]["item_n"]
    np.testing.assert_allclose(table["mean"], ALPHA["A"]["item_mean"], **EXACT)
    np.testing.assert_allclose(table["sd"], ALPHA["A"]["item_sd"], **EXACT)
    np.testing.assert_allclose(table["item_rest"], ALPHA["A"]["r_drop"], **EXACT)


@pytest.mark.parametrize("outcome", ["api00", "api99", "enroll"])
def test_simple_mean_equals_svymean(outcome):
    data, expected = pd.read_csv(HERE / "survey_means" / "api_srs.csv"), MEANS["srs"]
    found = simple_mean(data[outcome].to_numpy(float), float(data["fpc"].iloc[0]))
    np.testing.assert_allclose(found.mean, expected["est"][outcome], **EXACT)
    np.testing.assert_allclose(found.std_error, expected["se"][outcome], **EXACT)
    assert found.df == expected["degf"]
    half = critical_value(0.95, found.df) * found.std_error
    limits = expected["df_ci"]["values"][expected["df_ci"]["rows"].index(outcome)]
    np.testing.assert_allclose([found.mean - half, found.mean + half], limits, **EXACT)


@pytest.mark.parametrize("outcome", ["api00", "api99", "enroll"])
def test_stratified_mean_equals_svymean(outcome):
    data, expected = pd.read_csv(HERE / "survey_means" / "api_strat.csv"), MEANS["strat"]
    # The weights of the data set are single-precision numbers (44.209999… for 44.21); the README says more.
    strata = [simple_mean(g[outcome].to_numpy(float), float(g["pw"].sum())) for _, g in data.groupby("stype")]
    found = stratified_mean(strata)
    np.testing.assert_allclose(found.mean, expected["est"][outcome], **EXACT)
    np.testing.assert_allclose(found.std_error, expected["se"][outcome], **EXACT)
    assert found.df == expected["degf"]
    half = critical_value(0.95, found.df) * found.std_error
    limits = expected["df_ci"]["values"][expected["df_ci"]["rows"].index(outcome)]
    np.testing.assert_allclose([found.mean - half, found.mean + half], limits, **EXACT)


def test_mean_of_each_stratum_equals_svyby():
    data, expected = pd.read_csv(HERE / "survey_means" / "api_strat.csv"), MEANS["strat_by"]
    for name, group in data.groupby("stype"):
        found = simple_mean(group["api00"].to_numpy(float), float(group["fpc"].iloc[0]))
        np.testing.assert_allclose(found.mean, expected["coef"][name], **EXACT)
        np.testing.assert_allclose(found.std_error, expected["se"][name], **EXACT)


def test_a_stratum_with_one_answer_has_a_mean_and_no_standard_error():
    data = pd.read_csv(HERE / "survey_means" / "api_strat.csv")
    lonely = pd.concat([data.iloc[[0]], data.loc[data["stype"] != "E"]])
    strata = [simple_mean(g["api00"].to_numpy(float), float(g["pw"].sum())) for _, g in lonely.groupby("stype")]
    found = stratified_mean(strata)
    np.testing.assert_allclose(found.mean, MEANS["lonely_psu"]["est"], **EXACT)
    assert np.isnan(found.std_error)
    assert found.reason == "1 strata have one answer only"
