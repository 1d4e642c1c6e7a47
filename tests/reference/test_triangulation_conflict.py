"""Q, I² and τ² of the trials of BCG vaccine, as computed by metafor (see the README of hierarchical_effects)."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from clustereffects.bayes.conditional import condition, spectrum_of
from clustereffects.triangulation.conflict import heterogeneity
from triangulation_cases import did, model

EXPECTED = Path(__file__).parent / "hierarchical_effects" / "expected.json"


@pytest.fixture(scope="module")
def trials():
    return json.loads(EXPECTED.read_text(encoding="utf-8"))["metafor"]["bcg"]


def _spread(trials):
    pairs = zip(trials["yi"], trials["vi"], strict=True)
    return heterogeneity(model([did(y, v**0.5, bias=(), id=str(i)) for i, (y, v) in enumerate(pairs)]))


def _printed(spectrum, tau2):
    """τ², mean and its standard error at four digits."""
    given = condition(spectrum, 0.0, np.sqrt([tau2]))
    return [round(float(x), 4) for x in (tau2, given.mean[0], given.precision[0] ** -0.5)]


def test_q_and_i_squared_of_the_bcg_trials(trials):
    found = _spread(trials)
    assert found.statistic == pytest.approx(152.2330, abs=5e-5)
    assert found.df == 12
    assert found.i_squared == pytest.approx(trials["DL"]["I2"] / 100, rel=1e-10)
    assert found.p_raw == found.p_adjusted < 1e-25


def test_dersimonian_laird_from_q(trials):
    """τ² = (Q − df)/(Σw − Σw²/Σw), DerSimonian & Laird (1986), on the Q of the table of conflicts."""
    found, weight = _spread(trials), 1 / np.array(trials["vi"])
    tau2 = (found.statistic - found.df) / (weight.sum() - (weight**2).sum() / weight.sum())
    spectrum = spectrum_of(np.array(trials["yi"]), np.diag(trials["vi"]))
    assert _printed(spectrum, tau2) == [0.3088, -0.7141, 0.1787]
    assert tau2 == pytest.approx(trials["DL"]["tau2"], rel=1e-10)


def test_restricted_likelihood_has_its_maximum_where_metafor_found_it(trials):
    """The marginal likelihood of τ under a flat prior of the mean is the restricted likelihood."""
    value, variance = np.array(trials["yi"]), np.array(trials["vi"])
    spectrum = spectrum_of(value, np.diag(variance))
    found = minimize_scalar(
        lambda t: -condition(spectrum, 0.0, np.sqrt([t])).log_likelihood[0],
        bounds=(0.01, 2.0),
        options={"xatol": 1e-10},
    )
    assert _printed(spectrum, found.x) == [0.3132, -0.7145, 0.1798]
    assert brentq(lambda t: _restricted_score(value, variance, t), 0.01, 2.0) == pytest.approx(found.x, rel=1e-6)
    assert found.x == pytest.approx(trials["REML"]["tau2"], rel=1e-4)  # as far as metafor iterates


def _restricted_score(value, variance, tau2):
    """Derivative of the restricted log-likelihood by τ²: ½(y'PPy − tr P), Harville (1977)."""
    weight = np.diag(1 / (variance + tau2))
    one = np.ones((value.size, 1))
    p = weight - weight @ one @ one.T @ weight / (one.T @ weight @ one)
    return (value @ p @ p @ value - np.trace(p)) / 2
