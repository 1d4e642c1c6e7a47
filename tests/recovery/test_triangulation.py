"""Simulation-based calibration: with effects, biases and reports drawn from the model, the posterior is calibrated."""

import numpy as np
import pytest
from scipy import stats

from clustereffects.triangulation.posterior import posterior_curve
from clustereffects.triangulation.sensitivity import scenarios
from triangulation_cases import PRIOR, did, model, sign, survey

CHANCES = {"hoop": (0.5, 0.5, 0.9), "gun": (0.02, 0.05, 0.3), "trace": (0.6, 0.4, 0.1)}
UNRELIABILITY = 0.1


def _world(rng):
    wide = rng.random() < PRIOR.wide_weight
    effect = rng.normal(0, PRIOR.wide_sd if wide else PRIOR.sceptical_sd)
    state = int(np.searchsorted([-0.01, 0.01], effect))
    measured = effect + rng.normal(0, 0.03) + rng.normal(0, 0.025)
    told = effect + rng.normal(0.05, 0.05) + rng.normal(0, 0.02)
    seen = {
        name: rng.random() < (0.5 if rng.random() < UNRELIABILITY else chance[state])
        for name, chance in CHANCES.items()
    }
    signs = [
        sign(name, CHANCES[name][::-1], observed=bool(found), unreliability=UNRELIABILITY)
        for name, found in seen.items()
    ]
    return effect, state, [did(measured), survey(told), *signs]


def _calibration(draws, seed):
    rng = np.random.default_rng(seed)
    ranks, states, stated = [], [], []
    for _ in range(draws):
        effect, state, evidence = _world(rng)
        curve = posterior_curve(model(evidence))
        ranks.append(np.interp(effect, curve.theta, curve.cdf))
        states.append(state)
        stated.append([curve.p_harm, curve.p_negligible, curve.p_benefit])
    return np.array(ranks), np.array(states), np.array(stated)


def _assert_calibrated(draws, seed):
    ranks, states, stated = _calibration(draws, seed)
    assert stats.kstest(ranks, "uniform").pvalue > 0.01
    for state in range(3):
        expected, found = stated[:, state].sum(), (states == state).sum()
        spread = np.sqrt((stated[:, state] * (1 - stated[:, state])).sum())
        assert abs(found - expected) < 3.3 * spread
    sure = stated[:, 2] >= 0.9
    assert abs((states[sure] == 2).mean() - stated[sure, 2].mean()) < 3.3 * np.sqrt(0.09 / sure.sum())


def test_calibrated_when_the_model_is_right():
    _assert_calibrated(400, seed=20)


@pytest.mark.slow
def test_calibrated_when_the_model_is_right_in_full_size():
    _assert_calibrated(5_000, seed=21)


def test_ignoring_a_bias_that_is_there_is_seen_as_miscalibration():
    rng = np.random.default_rng(5)
    ranks = []
    for _ in range(300):
        effect = rng.normal(0, PRIOR.sceptical_sd)
        told = effect + rng.normal(0.05, 0.05) + rng.normal(0, 0.02)
        curve = posterior_curve(model([survey(told, bias_sd=0.0, bias_mean=0.0)]))
        ranks.append(np.interp(effect, curve.theta, curve.cdf))
    assert stats.kstest(ranks, "uniform").pvalue < 1e-6


def test_verdict_errors_are_at_most_what_the_threshold_allows():
    rng = np.random.default_rng(9)
    wrong = right = 0
    for _ in range(600):
        _, state, evidence = _world(rng)
        if scenarios(model(evidence)).probability[0, 2] >= 0.9:
            right += state == 2
            wrong += state != 2
    assert right + wrong > 100
    assert wrong / (right + wrong) < 0.1
