"""Does further evidence tell as much as was expected of it, and is conflict with the prior as rare as it says?"""

import numpy as np
import pytest
from scipy import stats

from clustereffects.triangulation.information import preview_component, preview_sign
from clustereffects.triangulation.prior_conflict import density_tail, prior_conflict
from clustereffects.triangulation.sensitivity import scenarios
from triangulation_cases import did, model, sign

DRAWS = 4000


def _effects(rng, size):
    sd = np.where(rng.random(size) < 0.2, 0.15, 0.05)
    return rng.normal(0, sd)


def test_conflict_with_the_prior_is_uniform_when_the_prior_is_right():
    rng = np.random.default_rng(1)
    parts = np.array([0.8, 0.2]), np.zeros(2), np.sqrt(np.array([0.05, 0.15]) ** 2 + 0.02**2 + 0.03**2)
    estimates = _effects(rng, DRAWS) + rng.normal(0, 0.03, DRAWS) + rng.normal(0, 0.02, DRAWS)
    p_values = [density_tail(*parts, float(value)) for value in estimates[:1000]]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert p_values[0] == pytest.approx(prior_conflict(model([did(float(estimates[0]), 0.02)])).p_adjusted, rel=1e-9)


def test_new_data_tell_on_average_what_was_expected():
    """Worlds that agree with a first estimate near .05; the second one has a third of its variance and the same bias."""
    rng = np.random.default_rng(2)
    worlds = 400_000
    effect, bias = _effects(rng, worlds), rng.normal(0, 0.03, worlds)
    first = effect + bias + rng.normal(0, 0.04, worlds)
    near = np.flatnonzero(np.abs(first - 0.05) < 0.002)[:1500]
    second = effect[near] + bias[near] + rng.normal(0, 0.04 / np.sqrt(3), near.size)
    pooled = (first[near] + 3 * second) / 4
    built, later = model([did(0.05, 0.04, 0.03)]), model([did(0.05, 0.02, 0.03)])
    shift = (later.estimates.residual[0] - pooled)[:, None]
    after = scenarios(later, shift=shift).probability[:, 2]
    found = preview_component(built, later.estimates.covariance)
    before = found.now[2] * (1 - found.now[2])
    realised = before - after * (1 - after)
    error = realised.std() / np.sqrt(near.size)
    assert realised.mean() == pytest.approx(found.reduction, abs=4 * error)
    assert (effect[near] > 0.01).mean() == pytest.approx(found.now[2], abs=4 * np.sqrt(0.25 / near.size))


def test_a_sign_tells_on_average_what_was_expected():
    rng = np.random.default_rng(3)
    now = scenarios(model([did(0.05, 0.04, 0.03)])).probability[0]
    chance = np.array([0.2, 0.4, 0.8])
    seen = rng.random(DRAWS) < chance[rng.choice(3, DRAWS, p=now)]
    posteriors = [
        scenarios(model([did(0.05, 0.04, 0.03), sign("s", chance[::-1], observed=one)])).probability[0, 2]
        for one in (False, True)
    ]
    after = np.array(posteriors)[seen.astype(int)]
    found = preview_sign(now, chance)
    realised = now[2] * (1 - now[2]) - after * (1 - after)
    assert realised.mean() == pytest.approx(found.reduction, abs=4 * realised.std() / np.sqrt(DRAWS))
