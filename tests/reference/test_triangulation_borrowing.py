"""Borrowing against figures that RBesT and tipmap print, and against integrals written out for the test."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, special, stats

from clustereffects.bayes.normal_normal import normal_normal
from clustereffects.bayes.prior import EffectPrior
from clustereffects.triangulation.comparison.binomial_map import binomial_map
from clustereffects.triangulation.comparison.borrowing import map_prior
from clustereffects.triangulation.comparison.mixtures import (
    BetaMixture,
    beta_sample_size,
    normal_sample_size,
    robust_normal,
    update_beta,
    update_normal,
)
from clustereffects.triangulation.engine import PriorMixture

HERE = Path(__file__).parent / "triangulation_borrowing"
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
BINARY, NORMAL, TIPMAP = EXPECTED["binary"], EXPECTED["normal"], EXPECTED["tipmap"]
ARMS = pd.read_csv(HERE / "ankylosing_spondylitis.csv").astype({"n": int, "r": int})
CROHN = pd.read_csv(HERE / "crohn.csv")
BCG = json.loads((HERE.parent / "hierarchical_effects" / "expected.json").read_text(encoding="utf-8"))["metafor"]["bcg"]


def _one(sd, mean=0.0):
    return PriorMixture(np.ones(1), np.array([sd]), np.array([mean]))


def _normal(printed):
    return PriorMixture(*(np.array(printed[name]) for name in ("weight", "sd", "mean")))


def _cdf(mixture, x):
    return mixture.weight @ stats.norm.cdf(x, mixture.mean, mixture.sd)


def _quantile(mixture, level):
    ends = mixture.mean + stats.norm.ppf(level) * mixture.sd
    return optimize.brentq(lambda x: _cdf(mixture, x) - level, ends.min() - 1e-9, ends.max() + 1e-9, xtol=1e-13)


def _moments(mixture):
    mean = mixture.weight @ mixture.mean
    return mean, np.sqrt(mixture.weight @ (mixture.sd**2 + (mixture.mean - mean) ** 2))


def _tau(found):
    mean = found.tau_weight @ found.tau
    return [mean, np.sqrt(found.tau_weight @ (found.tau - mean) ** 2)]


def _arms(heterogeneity_sd):
    return binomial_map(ARMS["r"].to_numpy(), ARMS["n"].to_numpy(), mean_sd=2.0, heterogeneity_sd=heterogeneity_sd)


@pytest.mark.parametrize("scale", BINARY["sampled"])
def test_predictive_prior_of_a_share_is_within_the_error_of_the_sampler(scale):
    found, printed = _arms(float(scale)), BINARY["sampled"][scale]
    np.testing.assert_allclose(_tau(found), printed["tau"], atol=0.015)
    np.testing.assert_allclose([found.mean(), found.sd()], printed["share"], atol=0.015)
    for level, value in printed["quantiles"].items():
        assert found.quantile(float(level)) == pytest.approx(value, abs=0.015)


def test_predictive_prior_of_a_share_meets_an_independent_quadrature():
    found, printed = _arms(1.0), BINARY["quadrature"]
    assert [round(x, 3) for x in (found.mean(), found.sd())] == [printed["share"][0], 0.087]
    assert round(_tau(found)[1], 3) == printed["tau"][1]
    assert _tau(found)[0] == pytest.approx(printed["tau"][0], abs=0.002)
    for level, value in printed["quantiles"].items():
        assert round(found.quantile(float(level)), 3) == value


def test_predictive_prior_of_a_share_by_sums_over_dense_grids():
    """Even grids of τ, μ and scores of the effects, every node of one with every node of the others."""
    score = np.linspace(-8.5, 8.5, 341)
    weight = np.exp(-0.5 * score**2) / np.exp(-0.5 * score**2).sum()
    mu = np.linspace(-5, 3, 161)
    parts = []
    for tau in (np.arange(125) + 0.5) * 0.04:
        theta = mu[:, None] + tau * score
        log_joint = stats.norm.logpdf(mu, 0, 2) + stats.norm.logpdf(tau)
        for r, n in zip(ARMS["r"], ARMS["n"], strict=True):
            peak = r * np.log(r / n) + (n - r) * np.log(1 - r / n)
            log_joint += np.log(np.exp(r * theta - n * np.logaddexp(0, theta) - peak) @ weight)
        share = special.expit(theta)
        joint = np.exp(log_joint)
        parts.append([joint.sum(), tau * joint.sum(), joint @ share @ weight, joint @ share**2 @ weight])
    total, *moments = np.sum(parts, axis=0)
    tau, mean, square = np.array(moments) / total
    found = _arms(1.0)
    assert _tau(found)[0] == pytest.approx(tau, abs=5e-5)
    assert found.mean() == pytest.approx(mean, abs=1e-7)
    assert found.sd() == pytest.approx(np.sqrt(square - mean**2), abs=1e-7)


def _beta():
    return BetaMixture(*(np.array(BINARY["mixture"][name]) for name in ("weight", "a", "b")))


def _robust_beta():
    one = _beta()
    return BetaMixture(np.append(0.8 * one.weight, 0.2), np.append(one.a, 1.0), np.append(one.b, 1.0))


def test_moments_of_the_printed_beta_mixture():
    assert round(_beta().mean(), 8) == BINARY["mixture"]["mean"]
    assert round(_beta().sd(), 8) == BINARY["mixture"]["sd"]


def test_effective_sample_sizes_of_beta_mixtures():
    elir, moment = beta_sample_size(_beta())
    robust, _ = beta_sample_size(_robust_beta())
    assert (round(elir), round(moment), round(robust)) == tuple(BINARY["sizes"].values())
    assert (round(elir, 2), round(moment, 2), round(robust, 2)) == (37.61, 24.35, 26.50)


def test_probability_that_the_treatment_beats_placebo():
    placebo = update_beta(_robust_beta(), 1, 6)
    treated = update_beta(BetaMixture(np.ones(1), np.array([0.5]), np.array([1.0])), 14, 24)

    def integrand(x):
        return stats.beta.pdf(x, treated.a[0], treated.b[0]) * (
            placebo.weight @ stats.beta.cdf(x, placebo.a, placebo.b)
        )

    found = integrate.quad(integrand, 0, 1, epsabs=1e-12, epsrel=1e-12)[0]
    assert round(found, 7) == BINARY["trial"]["probability"]
    assert round(placebo.weight[-1], 3) == 0.097


def _crohn_map():
    return map_prior(CROHN["y"].to_numpy(float), 88 / np.sqrt(CROHN["n"].to_numpy()), mean_sd=88, heterogeneity_sd=44)


def test_normal_predictive_prior_is_within_the_error_of_the_sampler():
    printed, found = NORMAL["sampled"], _crohn_map()
    mean, sd = _moments(found)
    assert mean == pytest.approx(printed["mean"], abs=0.5)
    assert sd == pytest.approx(printed["sd"], abs=0.6)
    for level, value in printed["quantiles"].items():
        assert _quantile(found, float(level)) == pytest.approx(value, abs=2.5 if level != "0.5" else 0.3)


def test_effective_sample_sizes_of_normal_mixtures():
    prior = _normal(NORMAL["mixture"])
    elir, moment = normal_sample_size(prior, 88.0)
    robust, _ = normal_sample_size(robust_normal(prior, 0.2, _one(88.0, -50.0)), 88.0)
    assert (round(elir), round(moment), round(robust)) == tuple(NORMAL["sizes"].values())


def test_two_arms_with_a_robust_normal_prior():
    placebo = update_normal(robust_normal(_normal(NORMAL["mixture"]), 0.2, _one(88.0, -50.0)), -63.1, 13.9)
    active = update_normal(_one(88.0, -50.0), -29.2, 14.0)
    for limit, printed in NORMAL["trial"]["below"].items():
        sd = np.hypot(active.sd, placebo.sd)
        found = placebo.weight @ stats.norm.cdf(float(limit), active.mean - placebo.mean, sd)
        assert found == pytest.approx(printed, rel=2e-7)


def _after_trial(weight):
    informative = _normal(TIPMAP["mixture"])
    prior = robust_normal(informative, 1 - weight, _one(5.42))
    return update_normal(prior, 1.02, 1.4)


@pytest.mark.parametrize("weight", TIPMAP["quantiles"])
def test_quantiles_after_the_trial_by_weight_of_the_informative_part(weight):
    """Up to the tolerance of the root search in R (``uniroot``: fourth root of the machine precision, 1.2e-4)."""
    posterior = _after_trial(float(weight))
    found = [_quantile(posterior, level) for level in TIPMAP["levels"]]
    np.testing.assert_allclose(found, TIPMAP["quantiles"][weight], atol=1.2e-4, rtol=0)


def test_probabilities_after_the_trial():
    posterior = _after_trial(TIPMAP["above"]["weight"])
    for limit in ("0", "0.5", "1"):
        assert round(1 - _cdf(posterior, float(limit)), 3) == TIPMAP["above"][limit]


@pytest.mark.parametrize("level", TIPMAP["tipping"])
def test_tipping_weight(level):
    """tipmap prints the nearest of 201 weights."""
    found = optimize.brentq(lambda w: _quantile(_after_trial(w), float(level)), 0.0, 1.0)
    assert found == pytest.approx(TIPMAP["tipping"][level], abs=0.005)


def test_predictive_prior_of_the_three_earlier_trials():
    given, printed = TIPMAP["earlier"], TIPMAP["sampled"]
    value, error = np.array(given["value"]), np.array(given["std_error"])
    found = map_prior(value, error, mean_sd=5.42, heterogeneity_sd=5.42 / 16)
    np.testing.assert_allclose(_moments(found), [printed["mean"], printed["sd"]], atol=0.015)
    for level, quantile in printed["quantiles"].items():
        assert _quantile(found, float(level)) == pytest.approx(quantile, abs=0.07 if level != "0.5" else 0.015)


def _predictive_by_quad(value, error, mean_sd, scale, x):
    def given(tau):
        precision = 1 / (error**2 + tau**2)
        total = precision.sum() + mean_sd**-2.0
        mean = (precision * value).sum() / total
        log = 0.5 * np.log(precision).sum() - 0.5 * np.log(total) - 0.5 * (precision * value**2).sum()
        likelihood = np.exp(log + 0.5 * total * mean**2 - 0.5 * (tau / scale) ** 2)
        return likelihood, stats.norm.cdf(x, mean, np.sqrt(1 / total + tau**2))

    parts = [
        integrate.quad(lambda t, k=k: given(t)[0] * given(t)[1] ** k, 0, 12 * scale, epsabs=0, epsrel=1e-11, limit=200)[
            0
        ]
        for k in (0, 1)
    ]
    return parts[1] / parts[0]


@pytest.mark.parametrize("case", ["earlier", "readme"])
def test_predictive_prior_meets_adaptive_quadrature(case):
    value, error = (np.array(TIPMAP[case][name]) for name in ("value", "std_error"))
    scale = 30**0.5 * 0.95 / 16
    found = map_prior(value, error, mean_sd=16 * scale, heterogeneity_sd=scale)
    for x in (0.0, 0.7, 1.2, 1.4, 2.0):
        expected = _predictive_by_quad(value, error, 16 * scale, scale, x)
        assert _cdf(found, x) == pytest.approx(expected, abs=2e-6)


def test_predictive_prior_of_the_bcg_trials_meets_the_hierarchical_model():
    value, variance = np.array(BCG["yi"]), np.array(BCG["vi"])
    found = map_prior(value, np.sqrt(variance), mean_sd=4.0, heterogeneity_sd=0.5)
    exact = normal_normal(value, np.diag(variance), EffectPrior(effect_sd=0.5, mean_sd=4.0)).programme
    for x in np.linspace(-3, 1.5, 10):
        assert _cdf(found, x) == pytest.approx(exact.cdf(x)[1], abs=2e-6)


def test_equal_effects_of_the_bcg_trials():
    posterior = _one(1e6)
    for value, variance in zip(BCG["yi"], BCG["vi"], strict=True):
        posterior = update_normal(posterior, value, variance**0.5)
    assert round(posterior.mean[0], 4) == -0.4303
