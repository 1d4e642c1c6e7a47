"""Quadrature, mixtures, ranks and predictions on arrays."""

import numpy as np
import pytest

from clustereffects.bayes.conditional import spectrum_of
from clustereffects.bayes.heterogeneity import integrate_positive
from clustereffects.bayes.mixtures import NormalMixture
from clustereffects.bayes.normal_normal import draw_posterior, normal_normal, typical_variance
from clustereffects.bayes.posterior import exact_posterior
from clustereffects.bayes.predictive import leave_one_out
from clustereffects.bayes.prior import EffectPrior
from clustereffects.bayes.ranking import rank_draws
from clustereffects.errors import EstimationError


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_quadrature_knows_the_exponential_distribution_wherever_it_lies(scale):
    found = integrate_positive(lambda x: -x / scale, 1.0)
    np.testing.assert_allclose(np.exp(found.log_normaliser), scale, rtol=1e-12)
    np.testing.assert_allclose(found.mean(found.nodes), scale, rtol=1e-12)
    p = np.array([1e-6, 0.025, 0.5, 0.975, 1 - 1e-6])
    np.testing.assert_allclose(found.quantile(p), -scale * np.log1p(-p), rtol=1e-8)
    np.testing.assert_allclose(found.cdf(-scale * np.log1p(-p)), p, rtol=1e-9, atol=1e-14)


def test_quadrature_finds_a_narrow_peak_and_a_heavy_tail():
    peak = integrate_positive(lambda x: -0.5 * ((x - 3.0) / 0.01) ** 2, 1e-3)
    np.testing.assert_allclose(peak.quantile(np.array([0.025, 0.975])), 3 + 0.01 * np.array([-1.96, 1.96]), rtol=1e-6)
    tail = integrate_positive(lambda x: -2.0 * np.log1p(x), 1.0)
    np.testing.assert_allclose(tail.quantile(np.array([0.5, 0.999])), [1.0, 999.0], rtol=1e-8)


def test_the_distribution_function_is_zero_below_and_one_beyond():
    found = integrate_positive(lambda x: -0.5 * x**2, 1.0)
    assert found.cdf(np.array([-1.0, 0.0, 1e9])).tolist() == [0.0, 0.0, 1.0]
    assert found.error < 1e-10


def test_an_improper_density_is_refused():
    with pytest.raises(EstimationError, match="cannot be integrated – use a proper prior"):
        integrate_positive(np.zeros_like, 1.0)
    with pytest.raises(EstimationError, match="zero or undefined everywhere"):
        integrate_positive(lambda x: np.full_like(x, np.nan), 1.0)


def test_quantiles_of_mixtures_invert_the_distribution_function_also_between_far_peaks():
    mixture = NormalMixture(
        np.array([0.5, 0.5]), np.array([[-50.0, 0.0], [50.0, 0.0]]), np.array([[1.0, 1.0], [1e-3, 3.0]])
    )
    for p in (1e-8, 0.3, 0.5, 0.7, 0.999):
        np.testing.assert_allclose(mixture.cdf(mixture.quantile(p)), [p, p], rtol=1e-7)
    assert mixture.density(0.0)[1] == pytest.approx(0.5 * (1 + 1 / 3) / np.sqrt(2 * np.pi))


def test_prior_densities_integrate_to_one_and_say_whether_they_are_proper():
    for family in ("half_normal", "half_cauchy"):
        prior = EffectPrior(effect_sd=0.3, mean_sd=1.0, family=family)
        assert np.exp(integrate_positive(prior.log_density, 1.0).log_normaliser) == pytest.approx(1.0, abs=1e-9)
        assert prior.proper
    assert not EffectPrior(effect_sd=0.3).proper
    assert not EffectPrior(effect_sd=0.3, mean_sd=1.0, family="uniform").proper
    assert EffectPrior(effect_sd=0.3, mean_sd=0.5).mean_precision == 4.0


def test_linearly_dependent_errors_do_not_break_the_posterior():
    cov = np.ones((3, 3)) + np.diag([0.0, 0.0, 1.0])
    assert spectrum_of(np.zeros(3), cov).variances.min() > 0
    found = normal_normal(np.array([0.0, 0.4, 1.0]), cov, EffectPrior(effect_sd=1.0))
    assert np.isfinite(found.effects.mean()).all()
    # The first two estimates have the same error, so that their difference is known.
    difference = found.cov()[0, 0] + found.cov()[1, 1] - 2 * found.cov()[0, 1]
    assert difference == pytest.approx(0.0, abs=1e-6)


def test_a_tiny_prior_pools_completely_and_a_wide_one_hardly():
    y, cov = np.array([0.0, 1.0, 5.0]), np.diag([0.04, 0.04, 0.01])
    weights = 1 / np.diag(cov)
    together = normal_normal(y, cov, EffectPrior(effect_sd=1e-6))
    np.testing.assert_allclose(together.effects.mean(), np.full(3, weights @ y / weights.sum()), rtol=1e-6)
    apart = normal_normal(y, cov, EffectPrior(effect_sd=1e3))
    np.testing.assert_allclose(apart.effects.mean(), y, atol=0.05)


def test_draws_are_those_of_the_posterior():
    rng = np.random.default_rng(3)
    load = rng.normal(size=(4, 2))
    y = np.array([0.3, np.nan, 1.0, -0.5])
    found = normal_normal(y, np.eye(4) + load @ load.T, EffectPrior(effect_sd=0.7, mean_sd=1.0))
    draws = draw_posterior(found, 40_000, np.random.default_rng(4))
    error = found.effects.sd() / np.sqrt(40_000)
    assert (np.abs(draws.effects.mean(axis=0) - found.effects.mean()) < 4 * error).all()
    np.testing.assert_allclose(np.cov(draws.effects.T), found.cov(), atol=0.03 * found.cov().max())
    np.testing.assert_allclose(np.quantile(draws.tau, 0.9), found.tau.quantile(np.array([0.9]))[0], rtol=0.03)
    np.testing.assert_allclose(draws.mean.std(), found.programme.sd()[0], rtol=0.03)
    again = draw_posterior(found, 40_000, np.random.default_rng(4))
    assert (again.effects == draws.effects).all()


def test_typical_variance_needs_two_estimates():
    with pytest.raises(ValueError, match="at least two estimates"):
        typical_variance(spectrum_of(np.zeros(1), np.eye(1)))


def test_ranks_count_one_for_the_largest_effect():
    ranks = rank_draws(np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [3.0, 1.0, 2.0]]))
    assert ranks.probabilities.tolist() == [[0.75, 0.0, 0.25], [0.0, 0.5, 0.5], [0.25, 0.5, 0.25]]
    assert ranks.quantile(0.5).tolist() == [1, 2, 2]
    assert ranks.quantile(0.975).tolist() == [3, 3, 3]
    assert ranks.mean().tolist() == [1.5, 2.5, 2.0]
    assert ranks.sucra().tolist() == [0.75, 0.25, 0.5]
    assert ranks.monte_carlo_error()[0, 0] == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    with pytest.raises(ValueError, match="at least one draw"):
        rank_draws(np.zeros((0, 3)))


def test_an_organisation_unlike_the_others_is_predicted_badly():
    y = np.array([0.0, 0.1, -0.1, np.nan, 2.0])
    found = leave_one_out(y, np.diag([0.01] * 5), EffectPrior(effect_sd=0.2))
    assert np.isnan(found.p_value()[3])
    assert found.p_value()[4] < 1e-3
    assert found.position[4] > 0.999
    assert (found.p_value()[:3] > 0.1).all()
    assert found.sd[4] < found.sd[0]


def test_marginals_of_the_exact_posterior():
    fitted = exact_posterior(np.array([0.0, 1.0, 3.0]), np.eye(3), EffectPrior(effect_sd=2.0), draws=200, seed=1)
    share = fitted.marginal("i_squared")
    tau = fitted.marginal("tau")
    for p in (0.1, 0.9):
        assert share.quantile(p) == pytest.approx(tau.quantile(p) ** 2 / (1 + tau.quantile(p) ** 2))
        assert share.above(share.quantile(p)) == pytest.approx(1 - p)
    assert (share.above(-1.0), share.above(0.0), share.above(1.0)) == (1.0, 1.0, 0.0)
    assert tau.above(-1.0) == 1.0
    new, mean = fitted.marginal("new organisation"), fitted.marginal("mean")
    assert new.mean == mean.mean
    assert new.sd > mean.sd
    assert new.above(new.quantile(0.3)) == pytest.approx(0.7)
