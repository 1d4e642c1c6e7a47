"""Simulation: the posterior is calibrated, and pooling comes closer to the truth than separate estimates."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.bayes import HierarchicalEffects
from clustereffects.bayes.normal_normal import draw_posterior, normal_normal
from clustereffects.bayes.prior import EffectPrior
from clustereffects.inference.quantiles import chi_square_p

SIMULATIONS = [200, pytest.param(1000, marks=pytest.mark.slow)]
PRIOR = EffectPrior(effect_sd=0.5, mean_sd=1.0)
BINS = 10


def _errors(k, rng):
    """Covariance of estimates that share controls."""
    load = rng.uniform(0.05, 0.2, (k, 1))
    return np.diag(rng.uniform(0.1, 0.6, k) ** 2) + load @ load.T


def _uniform_p(positions):
    counts = np.bincount(np.minimum((positions * BINS).astype(int), BINS - 1), minlength=BINS)
    expected = len(positions) / BINS
    return chi_square_p(float(((counts - expected) ** 2 / expected).sum()), BINS - 1)


@pytest.mark.parametrize("simulations", SIMULATIONS)
def test_simulation_based_calibration(simulations):
    """Truth drawn from the prior lies at a uniform position in its posterior (Talts et al. 2018), also for draws."""
    rng, k = np.random.default_rng(31), 8
    positions = {name: np.empty(simulations) for name in ("mean", "tau", "effect", "new", "largest")}
    for index in range(simulations):
        cov = _errors(k, rng)
        tau, mean = abs(rng.normal(0, PRIOR.effect_sd)), rng.normal(0, PRIOR.mean_sd)
        effects = mean + tau * rng.standard_normal(k)
        found = normal_normal(effects + np.linalg.cholesky(cov) @ rng.standard_normal(k), cov, PRIOR)
        positions["mean"][index] = found.programme.cdf(mean)[0]
        positions["new"][index] = found.programme.cdf(mean + tau * rng.standard_normal())[1]
        positions["tau"][index] = found.tau.cdf(np.array([tau]))[0]
        positions["effect"][index] = found.effects.cdf(effects)[0]
        draws = draw_posterior(found, 99, rng)
        positions["largest"][index] = (draws.effects.max(axis=1) < effects.max()).mean() * 0.99 + 0.005
    assert {
        name: round(_uniform_p(values), 4) for name, values in positions.items() if _uniform_p(values) < 0.002
    } == {}


@pytest.mark.parametrize("simulations", SIMULATIONS)
@pytest.mark.parametrize("tau", [0.0, 0.05, 0.15])
def test_pooling_beats_separate_estimates_and_covers_on_average(simulations, tau):
    """At a fixed heterogeneity coverage need not be nominal; over the prior it is (calibration above)."""
    rng, k = np.random.default_rng(32), 12
    separate = pooled = covered = 0.0
    for _ in range(simulations):
        se = rng.uniform(0.04, 0.12, k)
        truth = 0.05 + tau * rng.standard_normal(k)
        y = truth + se * rng.standard_normal(k)
        found = normal_normal(y, np.diag(se**2), EffectPrior(effect_sd=0.1))
        separate += ((y - truth) ** 2).mean()
        pooled += ((found.effects.mean() - truth) ** 2).mean()
        low, high = found.effects.quantile(0.05), found.effects.quantile(0.95)
        covered += ((low <= truth) & (truth <= high)).mean()
    assert pooled < (1.0 if tau > 0.1 else 0.7) * separate
    assert covered / simulations > 0.9 - 4 * np.sqrt(0.09 / (simulations * k)) - 0.02


def test_errors_of_shared_controls_must_not_be_left_out():
    """Ignoring a strong correlation of the errors makes the mean look much better known than it is."""
    rng, k = np.random.default_rng(33), 10
    cov = np.diag(np.full(k, 0.05**2)) + 0.08**2
    covered = {"full": 0, "diagonal": 0}
    for _ in range(300):
        y = 0.05 + 0.03 * rng.standard_normal(k) + np.linalg.cholesky(cov) @ rng.standard_normal(k)
        for name, matrix in (("full", cov), ("diagonal", np.diag(np.diag(cov)))):
            found = normal_normal(y, matrix, EffectPrior(effect_sd=0.05))
            covered[name] += found.programme.quantile(0.05)[0] <= 0.05 <= found.programme.quantile(0.95)[0]
    assert covered["full"] > 300 * 0.85
    assert covered["diagonal"] < 300 * 0.75


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_provisional_prior_does_not_hide_strong_heterogeneity(seed):
    """Organisations that differ much and are measured precisely are hardly pooled."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.3, 12)
    table = pd.DataFrame(
        {"group": list("ABCDEFGHIJKL"), "estimate": truth + rng.normal(0, 0.02, 12), "std_error": 0.02}
    )
    result = HierarchicalEffects().fit(table, rng=1)
    assert (result.shrinkage()["weight_of_mean"] < 0.05).all()
    tau = result.heterogeneity().set_index("quantity").loc["tau"]
    assert tau["conf_low"] < np.std(truth, ddof=1) < tau["conf_high"]
