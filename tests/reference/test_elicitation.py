"""Elicitation against a published table, the package anduryl, and statsmodels."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from clustereffects.triangulation.elicitation import LIKELIHOOD_SCALE, cooke_scores
from clustereffects.triangulation.elicitation.rates import rate_interval

HERE = Path(__file__).parent


def test_levels_are_the_inner_five_of_the_published_table():
    table = pd.read_csv(HERE / "elicitation_levels" / "ipcc_2007.csv").iloc[1:-1]
    assert [(one.word, one.low, one.high) for one in LIKELIHOOD_SCALE.levels] == list(table.itertuples(index=False))


def test_calibration_and_information_against_anduryl():
    expected = json.loads((HERE / "elicitation_cooke" / "anduryl.json").read_text(encoding="utf-8"))
    found = cooke_scores(expected["quantiles"], expected["answers"], levels=tuple(expected["levels"]))
    assert found.calibration == pytest.approx(expected["calibration"], abs=1e-8)
    assert found.information == pytest.approx(expected["information"], rel=1e-12)
    weight = np.array(expected["calibration"]) * np.array(expected["information"])
    weight[np.array(expected["calibration"]) < 0.05] = 0
    assert found.weights(cut=0.05) == pytest.approx(weight / weight.sum(), abs=1e-8)


@pytest.mark.parametrize(("method", "name"), [("jeffreys", "jeffreys"), ("exact", "beta")])
def test_intervals_of_shares_against_statsmodels(method, name):
    seen, asked = np.array([1, 3, 7, 19, 45]), np.array([4, 20, 8, 20, 200])
    found = rate_interval(seen, asked, level=0.9, method=method)
    expected = proportion_confint(seen, asked, alpha=0.1, method=name)
    assert found[:, 1] == pytest.approx(expected[0], abs=1e-10)
    assert found[:, 2] == pytest.approx(expected[1], abs=1e-10)
