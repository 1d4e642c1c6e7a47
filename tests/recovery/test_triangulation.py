"""Simulation-based calibration: with effects, biases and reports drawn from the model, the posterior is calibrated.

The rank of the true effect in its posterior is uniform, whatever was observed (Talts et al. 2018, arXiv:1804.06788). A
posterior that ignores the data passes that, so ranks must also be independent of what was observed (Modrák et al. 2023,
*Bayesian Analysis*, doi:10.1214/23-BA1404). Controls declare less than there is and have to fail.
"""

from functools import partial

import numpy as np
import pytest
from scipy import stats

from clustereffects.results import Diagnostic, Estimate
from clustereffects.triangulation.posterior import posterior_curve
from clustereffects.triangulation.sensitivity import scenarios
from support.model_worlds import about_bias, dependent, plain, proportional, shared
from triangulation_cases import model

WORLDS = [plain, shared, dependent, about_bias]
BANDS = np.array([0.1, 0.3, 0.5, 0.7, 0.8, 0.9])
#: Smallest variance of a count that is still treated as normal.
EXPECTED = 5


def _observed(evidence):
    """Mean of the estimates and number of signs seen."""
    values = [item.value for item in evidence if isinstance(item, Estimate)]
    return np.mean(values), sum(item.observed for item in evidence if isinstance(item, Diagnostic))


def _calibration(world, draws, seed):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(draws):
        effect, evidence = world(rng)
        curve = posterior_curve(model(evidence))
        rank = np.interp(effect, curve.theta, curve.cdf)
        state = np.searchsorted([-0.01, 0.01], effect)
        rows.append([rank, state, curve.p_harm, curve.p_negligible, curve.p_benefit, *_observed(evidence)])
    table = np.array(rows)
    return {"rank": table[:, 0], "state": table[:, 1], "stated": table[:, 2:5], "observed": table[:, 5:].T}


def _uniformity(found):
    """p-values of uniform ranks, and of ranks that do not depend on what was observed."""
    rank = found["rank"]
    varied = [column for column in found["observed"] if np.ptp(column) > 0]
    return [stats.kstest(rank, "uniform").pvalue, *(stats.spearmanr(rank, column).pvalue for column in varied)]


def _surprise(found):
    """Largest difference between stated and true number of states, overall and by band, in standard deviations."""
    surprise = []
    for state in range(3):
        stated, true = found["stated"][:, state], found["state"] == state
        band = np.digitize(stated, BANDS)
        for inside in (np.full(true.size, fill_value=True), *(band == b for b in np.unique(band))):
            variance = (stated[inside] * (1 - stated[inside])).sum()
            if variance > EXPECTED:
                surprise.append((true[inside].sum() - stated[inside].sum()) / np.sqrt(variance))
    return np.abs(surprise).max(initial=0.0)


def _assert_calibrated(found):
    assert min(_uniformity(found)) > 0.01 / 3
    assert _surprise(found) < 3.5


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_calibrated_when_the_model_is_right(world):
    _assert_calibrated(_calibration(world, 250, seed=20))


def test_states_are_calibrated_with_a_proportional_bias():
    rng = np.random.default_rng(20)
    drawn = [proportional(rng) for _ in range(200)]
    stated = np.array([scenarios(model(evidence)).probability[0] for _, evidence in drawn])
    state = np.searchsorted([-0.01, 0.01], [effect for effect, _ in drawn])
    assert _surprise({"stated": stated, "state": state}) < 3.5


@pytest.mark.slow
@pytest.mark.parametrize("world", [*WORLDS, proportional], ids=lambda world: world.__name__)
def test_calibrated_when_the_model_is_right_in_full_size(world):
    _assert_calibrated(_calibration(world, 3_000 if world is not proportional else 600, seed=21))


CONTROLS = {
    "a shared bias declared as each scale's own": partial(shared, name=""),
    "dependence not declared": partial(dependent, rho=0.0),
    "a sign of selection not handed in": partial(about_bias, told=False),
    "effects three times as far apart as the prior says": partial(plain, spread=3.0),
}


@pytest.mark.parametrize("world", CONTROLS.values(), ids=CONTROLS.keys())
def test_what_is_not_declared_is_seen_as_miscalibration(world):
    found = _calibration(world, 400, seed=22)
    assert min(_uniformity(found)) < 1e-4 or _surprise(found) > 5


def test_verdict_errors_are_at_most_what_the_threshold_allows():
    rng = np.random.default_rng(9)
    wrong = right = 0
    for _ in range(600):
        effect, evidence = plain(rng)
        if scenarios(model(evidence)).probability[0, 2] >= 0.9:
            right += effect > 0.01
            wrong += effect <= 0.01
    assert right + wrong > 100
    assert wrong / (right + wrong) < 0.1
