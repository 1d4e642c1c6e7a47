import dataclasses
import re

import numpy as np
import pytest
from scipy import integrate, stats

from clustereffects.errors import OptionError
from clustereffects.triangulation import Thresholds
from clustereffects.triangulation.comparison.binomial_map import binomial_map
from clustereffects.triangulation.comparison.borrowing import (
    commensurate,
    discounted,
    map_prior,
    power_prior,
    robust_map,
)
from clustereffects.triangulation.comparison.case import case_of
from clustereffects.triangulation.comparison.mixtures import (
    BetaMixture,
    beta_sample_size,
    normal_sample_size,
    robust_normal,
    update_beta,
    update_normal,
)
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.sorting import sort_evidence
from triangulation_cases import did, interviews, model, survey, theory

WIDE = PriorMixture(np.ones(1), np.array([0.15]))


def _case(evidence):
    built = model(evidence)
    cell = sort_evidence(theory(), evidence)["growth", "K01"]
    return case_of(built, cell, scenarios(built).probability[0])


def test_power_one_pools_and_power_zero_ignores():
    pooled = update_normal(discounted(WIDE, 0.12, 0.02, 1.0), 0.06, 0.03)
    precision = np.array([1 / 0.15**2, 1 / 0.02**2, 1 / 0.03**2])
    assert pooled.mean[0] == pytest.approx(precision @ [0, 0.12, 0.06] / precision.sum())
    assert discounted(WIDE, 0.12, 0.02, 0.0) is WIDE


def test_power_prior_engine_is_the_declared_power_of_the_survey():
    """The triangulation's own powers give the same number once the survey has no declared bias."""
    case = _case([did(), survey()])
    bare = model([did(), survey(bias_sd=0.0, bias_mean=0.0)])
    expected = scenarios(bare, power=np.array([[1.0, 0.5]])).probability[0, 2]
    found = power_prior(case, Thresholds())
    assert found.score == pytest.approx(expected, abs=1e-9)
    assert found.verdict == "probably beneficial"
    assert found.conflict == pytest.approx(2 * stats.norm.cdf(0.06 / np.sqrt(0.025**2 + 0.03**2 + 0.02**2)) - 1)


def test_robust_map_engine_by_integration():
    """Simpson's rule over τ and θ, densities as they are defined."""
    case, error = _case([did(), survey()]), np.hypot(0.025, 0.03)
    tau = np.linspace(0.0, 0.4, 801)
    own = 0.02**2 + tau**2
    weight = stats.norm.pdf(tau, 0, 0.05) * stats.norm.pdf(0.12, 0, np.sqrt(own + 0.15**2))
    total = 1 / own + 1 / 0.15**2
    theta = np.concatenate([np.linspace(-0.39, 0.01, 2001), np.linspace(0.01, 0.41, 2001)])
    given = stats.norm.pdf(theta[:, None], 0.12 / own / total, np.sqrt(1 / total + tau**2))
    informative = integrate.simpson(given * weight, x=tau) / integrate.simpson(weight, x=tau)
    prior = 0.8 * informative + 0.2 * stats.norm.pdf(theta, 0, 0.15)
    below, above = (integrate.simpson((prior * stats.norm.pdf(0.06, theta, error)).reshape(2, -1), dx=0.0002)).tolist()
    assert robust_map(case, Thresholds()).score == pytest.approx(above / (below + above), abs=2e-6)


def test_conflict_moves_weight_to_the_vague_part():
    near, far = (_case([did(bias_sd=0.0), survey(value, bias_sd=0, bias_mean=0)]) for value in (0.06, 0.6))
    fits, clash = (robust_map(case, Thresholds()) for case in (near, far))
    assert fits.conflict < 0.2 < clash.conflict
    assert any("contradicts" in one for one in clash.warnings)
    assert any("more than their errors" in one for one in power_prior(far, Thresholds()).warnings)


@pytest.mark.parametrize("engine", [power_prior, robust_map])
def test_engines_do_not_read_interviews_and_are_silent_without_both_estimates(engine):
    full, pair = _case([did(), survey(), *interviews()]), _case([did(), survey()])
    assert engine(full, Thresholds()) == engine(pair, Thresholds())
    for evidence in ([did()], [survey()], interviews()):
        found = engine(_case(evidence), Thresholds())
        assert found.verdict == "silent"
        assert np.isnan(found.score)


def test_economic_bias_is_kept_and_the_survey_bias_is_not_used():
    case = _case([did(bias_mean=0.02), survey()])
    same = _case([did(bias_mean=0.02), survey(bias_mean=0.9, bias_sd=0.4)])
    assert robust_map(case, Thresholds()) == robust_map(same, Thresholds())
    assert robust_map(case, Thresholds()).score < robust_map(_case([did(), survey()]), Thresholds()).score


def test_commensurate_prior_is_the_predictive_one_of_a_single_source():
    """Both effects lie τ around their mean, hence √2 τ around each other."""
    tau = np.linspace(0.0, 0.3, 4001)
    weight = stats.norm.pdf(tau, 0, 0.05)
    found = commensurate(0.12, 0.02, np.sqrt(2) * tau, weight / weight.sum())
    exact = map_prior(np.array([0.12]), np.array([0.02]), mean_sd=1e3, heterogeneity_sd=0.05)
    for x in (0.0, 0.1, 0.15, 0.3):
        cdf = [one.weight @ stats.norm.cdf(x, one.mean, one.sd) for one in (found, exact)]
        assert cdf[0] == pytest.approx(cdf[1], abs=5e-4)


def test_spike_and_slab_keeps_the_spike_where_sources_agree():
    prior = commensurate(0.06, 0.02, np.array([0.0, 0.2]), np.array([0.5, 0.5]))
    assert update_normal(prior, 0.06, 0.02).weight[0] > 0.5 > update_normal(prior, 0.3, 0.02).weight[0]


def test_beta_update_by_integration():
    prior = BetaMixture(np.array([0.7, 0.3]), np.array([4.0, 1.0]), np.array([9.0, 1.0]))
    found = update_beta(prior, 5, 6)

    def density(x, power=0):
        return x**power * x**5 * (1 - x) * (prior.weight @ stats.beta.pdf(x, prior.a, prior.b))

    first = [integrate.quad(density, 0, 1, args=(k,), epsabs=1e-14)[0] for k in (0, 1, 2)]
    mean = first[1] / first[0]
    assert found.mean() == pytest.approx(mean, rel=1e-9)
    assert found.sd() == pytest.approx(np.sqrt(first[2] / first[0] - mean**2), rel=1e-8)


def test_size_of_a_conjugate_prior_is_its_own_by_both_measures():
    np.testing.assert_allclose(normal_sample_size(PriorMixture(np.ones(1), np.array([0.5])), 2.0), 16.0, rtol=1e-10)
    np.testing.assert_allclose(
        beta_sample_size(BetaMixture(np.ones(1), np.array([3.0]), np.array([1.5]))), 4.5, rtol=1e-9
    )


def test_expected_local_information_ratio_is_predictively_consistent():
    """Mean size after data from the prior predictive = size before + number of observations."""
    prior = BetaMixture(np.array([0.6, 0.4]), np.array([6.0, 2.0]), np.array([14.0, 3.0]))
    trials, expected = 7, 0.0
    for r in range(trials + 1):
        chance = stats.betabinom.pmf(r, trials, prior.a, prior.b) @ prior.weight
        expected += chance * beta_sample_size(update_beta(prior, r, trials))[0]
    assert expected == pytest.approx(beta_sample_size(prior)[0] + trials, rel=1e-8)


def test_a_robust_part_lowers_the_size():
    sizes = [
        normal_sample_size(robust_normal(PriorMixture(np.ones(1), np.array([0.1])), w, WIDE), 1.0)[0]
        for w in (0, 0.2, 0.6)
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_share_seen_nowhere_or_everywhere():
    found = binomial_map(np.array([0, 0, 1]), np.array([20, 30, 25]), mean_sd=2.0, heterogeneity_sd=0.5)
    mirror = binomial_map(np.array([20, 30, 24]), np.array([20, 30, 25]), mean_sd=2.0, heterogeneity_sd=0.5)
    assert 0.0 < found.quantile(0.025) < found.mean() < 0.1
    assert found.mean() == pytest.approx(1 - mirror.mean(), abs=1e-9)
    assert found.sd() == pytest.approx(mirror.sd(), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discounted(WIDE, 0.1, 0.1, 1.2), "power 1.2"),
        (lambda: update_normal(WIDE, 0.1, 0.0), "standard error 0.0"),
        (lambda: robust_normal(WIDE, -0.1, WIDE), "weight -0.1"),
        (lambda: update_beta(BetaMixture(np.ones(1), np.ones(1), np.ones(1)), 4, 3), "4 successes in 3 trials"),
        (lambda: beta_sample_size(BetaMixture(np.ones(1), np.array([0.5]), np.ones(1))), "parameter below 1"),
        (lambda: normal_sample_size(WIDE, 0.0), "standard deviation 0.0 of one observation"),
        (lambda: commensurate(0.1, 0.1, np.ones(2), np.ones(2)), "commensurate prior"),
        (lambda: binomial_map(np.array([4]), np.array([3]), mean_sd=0.0, heterogeneity_sd=1.0), "successes outside"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        call()


def test_results_are_plain_records():
    found = power_prior(_case([did(), survey()]), Thresholds())
    assert dataclasses.asdict(found)["engine"] == "power_prior"
    assert found.assumption
    assert found.score_means == "probability of benefit"
