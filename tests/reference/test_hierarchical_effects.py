"""Partial pooling against bayesmeta, metafor and brute force; see the README of the case for what agrees how far."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import logsumexp, ndtr

from clustereffects.bayes import HierarchicalEffects
from clustereffects.bayes.conditional import condition, spectrum_of
from clustereffects.bayes.mixtures import NormalMixture
from clustereffects.bayes.normal_normal import normal_normal, typical_variance
from clustereffects.bayes.predictive import leave_one_out
from clustereffects.bayes.prior import EffectPrior

HERE = Path(__file__).parent / "hierarchical_effects"
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
CASES = EXPECTED["bayesmeta"]
BCG = EXPECTED["metafor"]["bcg"]
SCHOOLS = pd.read_csv(HERE / "eight_schools.csv")
PROBABILITIES = ("0.025", "0.05", "0.25", "0.5", "0.75", "0.95", "0.975")


def _case(name):
    case = CASES[name]
    family, scale, mean_sd = case["prior"]
    prior = EffectPrior(effect_sd=scale, mean_sd=np.inf if mean_sd is None else mean_sd, family=family)
    rows = dict(zip(case["theta"]["rows"], map(np.array, case["theta"]["values"]), strict=True))
    y, se = (BCG["yi"], np.sqrt(BCG["vi"])) if name.startswith("bcg") else (rows["y"], rows["sigma"])
    summary = dict(zip(case["summary"]["rows"], case["summary"]["values"], strict=True))
    return case, normal_normal(np.array(y), np.diag(np.array(se) ** 2), prior), summary, rows


@pytest.mark.parametrize("name", CASES)
def test_heterogeneity_equals_bayesmeta(name):
    case, found, summary, _ = _case(name)
    tau = found.tau
    mean = tau.mean(tau.nodes)
    np.testing.assert_allclose(mean, summary["mean"][0], rtol=1e-10)
    np.testing.assert_allclose(np.sqrt(tau.mean((tau.nodes - mean) ** 2)), summary["sd"][0], rtol=1e-10)
    quantiles = [case["tau_quantiles"][p] for p in PROBABILITIES]
    np.testing.assert_allclose(tau.quantile(np.array(list(map(float, PROBABILITIES)))), quantiles, rtol=1e-8)
    np.testing.assert_allclose(tau.cdf(np.array([5.0]))[0], case["p_tau_lt5"], rtol=1e-10)
    median = summary["median"][0]
    np.testing.assert_allclose(
        median**2 / (median**2 + typical_variance(found.spectrum)), case["I2_at_median"], rtol=1e-10
    )
    if case["marginal_likelihood"] is not None:
        assert found.prior.proper
        np.testing.assert_allclose(np.exp(tau.log_normaliser), case["marginal_likelihood"], rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_effects_on_the_grid_of_bayesmeta_equal_bayesmeta(name):
    """Means, standard deviations and limits agree to 1e-9 once the same coarse grid of tau is used."""
    case, found, summary, rows = _case(name)
    mixture = _divergence_grid(found)
    new, schools = mixture.mean()[1], slice(2, None)
    np.testing.assert_allclose(mixture.mean()[0], summary["mean"][1], rtol=1e-9)
    np.testing.assert_allclose(new, summary["mean"][2], rtol=1e-9)
    np.testing.assert_allclose(mixture.sd()[:2], summary["sd"][1:], rtol=1e-9)
    np.testing.assert_allclose(mixture.mean()[schools], rows["mean"], rtol=1e-9)
    np.testing.assert_allclose(mixture.sd()[schools], rows["sd"], rtol=1e-9)
    np.testing.assert_allclose(1 - mixture.cdf(0.0)[0], case["p_mu_gt0"], rtol=1e-9)
    for p in PROBABILITIES:
        expected = [case["mu_quantiles"][p], case["pred_quantiles"][p]]
        np.testing.assert_allclose(mixture.quantile(float(p))[:2], expected, rtol=1e-8)
    np.testing.assert_allclose(mixture.quantile(0.025)[schools], rows["95% lower"], rtol=1e-8)
    np.testing.assert_allclose(mixture.quantile(0.975)[schools], rows["95% upper"], rtol=1e-8)


def _conditional(found, tau):
    """Means and standard deviations of μ, of a new effect and of the effects, given ``tau``, for diagonal ``V``."""
    variance = (found.spectrum.rotation**2 @ found.spectrum.variances)[:, None]
    y = found.spectrum.rotation @ found.spectrum.data
    given = condition(found.spectrum, found.prior.mean_precision, tau)
    share = variance / (variance + tau**2)
    of_mean = 1.0 / given.precision
    means = np.vstack([given.mean, given.mean, (1 - share) * y[:, None] + share * given.mean])
    spread = np.vstack([of_mean, of_mean + tau**2, share * tau**2 + share**2 * of_mean])
    return means.T, np.sqrt(spread.T)


def _divergence(found, a, b):
    means, sds = _conditional(found, np.array([a, b]))
    first, second = sds[0] ** 2, sds[1] ** 2
    apart = 0.5 * (means[0] - means[1]) ** 2 * (1 / first + 1 / second)
    return float((apart + (first - second) ** 2 / (2 * first * second)).max())


def _next(found, start, delta=0.01):
    upper = 2 * max(start, 1e-3)
    while _divergence(found, start, upper) <= delta:
        upper *= 2
    return brentq(lambda t: _divergence(found, start, t) - delta, start, upper, xtol=1e-13)


def _divergence_grid(found, epsilon=1e-4):
    """Grid of Röver & Friede (2017): points and bin edges alternate at the divergence delta, from zero on."""
    last = found.tau.quantile(np.array([1 - epsilon]))[0]
    points, edges = [0.0], [_next(found, 0.0)]
    while edges[-1] <= last:
        points.append(_next(found, edges[-1]))
        edges.append(_next(found, points[-1]))
    weights = np.diff(np.concatenate([[0.0], found.tau.cdf(np.array(edges))]))
    return NormalMixture(weights / weights.sum(), *_conditional(found, np.array(points)))


# Values of an independent adaptive quadrature, and of posteriordb within its Monte Carlo error (below).
EXACT = {
    "half_cauchy, 25, mean N(0, 50)": (
        EffectPrior(effect_sd=25.0, mean_sd=50.0, family="half_cauchy"),
        ("effect", "stderr"),
        {"mean": 7.986042, "tau": 5.884511, "quantiles": [4.758539, 15.165894], "A": (11.098054, 7.896712)},
    ),
    "half_cauchy, 5, mean N(0, 5)": (
        EffectPrior(effect_sd=5.0, mean_sd=5.0, family="half_cauchy"),
        ("effect_rounded", "stderr_rounded"),
        {"mean": 4.3968, "tau": 3.5977, "A": (6.2119, None)},
    ),
    "half_normal, 10, mean N(0, 10)": (
        EffectPrior(effect_sd=10.0, mean_sd=10.0),
        ("effect_rounded", "stderr_rounded"),
        {"mean": 6.4720, "tau": 4.7531, "A": (8.9333, None)},
    ),
    "uniform, flat": (
        EffectPrior(effect_sd=1.0, family="uniform"),
        ("effect_rounded", "stderr_rounded"),
        {"mean": 7.9324, "tau": 6.5755, "A": (11.4003, None)},
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_eight_schools_equal_independent_quadrature_at_the_digits_given(name):
    prior, columns, expected = EXACT[name]
    y, se = (SCHOOLS[column].to_numpy(float) for column in columns)
    found = normal_normal(y, np.diag(se**2), prior)
    within = {"abs": 6e-7 if "25" in name else 6e-5}  # half a unit of the last digit given
    assert found.programme.mean()[0] == pytest.approx(expected["mean"], **within)
    assert found.tau.mean(found.tau.nodes) == pytest.approx(expected["tau"], **within)
    mean, sd = expected["A"]
    assert found.effects.mean()[0] == pytest.approx(mean, **within)
    if sd:
        assert found.effects.sd()[0] == pytest.approx(sd, **within)
        assert found.tau.quantile(np.array([0.5, 0.95])) == pytest.approx(expected["quantiles"], **within)


def test_eight_schools_agree_with_the_reference_draws_of_posteriordb():
    """posteriordb, eight_schools_noncentered: mean 4.4105 ± 0.033, tau 3.6021 ± 0.032 (Monte Carlo errors)."""
    table = SCHOOLS.rename(columns={"school": "group", "effect_rounded": "estimate", "stderr_rounded": "std_error"})
    prior = EffectPrior(effect_sd=5.0, mean_sd=5.0, family="half_cauchy")
    found = normal_normal(table["estimate"].to_numpy(float), np.diag(table["std_error"].to_numpy(float) ** 2), prior)
    assert abs(found.programme.mean()[0] - 4.4105) < 2 * 0.033
    assert abs(found.tau.mean(found.tau.nodes) - 3.6021) < 2 * 0.032


@pytest.mark.parametrize("method", ["REML", "DL"])
def test_mean_given_the_heterogeneity_equals_metafor(method):
    expected = BCG[method]
    spectrum = spectrum_of(np.array(BCG["yi"]), np.diag(BCG["vi"]))
    given = condition(spectrum, 0.0, np.sqrt([expected["tau2"]]))
    np.testing.assert_allclose(given.mean[0], expected["b"], rtol=1e-10)
    np.testing.assert_allclose(given.precision[0] ** -0.5, expected["se"], rtol=1e-10)
    share = 100 * expected["tau2"] / (expected["tau2"] + typical_variance(spectrum))
    np.testing.assert_allclose(share, expected["I2"], rtol=1e-10)
    if method == "REML":
        restricted = given.log_likelihood[0] + 0.5 * np.log(len(BCG["yi"]))
        np.testing.assert_allclose(restricted, expected["logLik"]["REML"], rtol=1e-10)


def test_effects_given_the_heterogeneity_equal_the_blups_of_metafor():
    """A prior that puts all its mass at the REML estimate: a grid of one point."""
    tau = np.sqrt([BCG["REML"]["tau2"]])
    found = normal_normal(np.array(BCG["yi"]), np.diag(BCG["vi"]), EffectPrior(effect_sd=1.0))
    means, sds = _conditional(found, tau)
    np.testing.assert_allclose(means[0, 2:], BCG["blup"]["pred"], rtol=1e-9)
    np.testing.assert_allclose(sds[0, 2:], BCG["blup"]["se"], rtol=1e-9)


def test_leaving_one_out_equals_metafor():
    y, v = np.array(BCG["yi"]), np.array(BCG["vi"])
    for left in range(len(y)):
        keep = np.arange(len(y)) != left
        given = condition(spectrum_of(y[keep], np.diag(v[keep])), 0.0, np.sqrt([BCG["leave1out"]["tau2"][left]]))
        np.testing.assert_allclose(given.mean[0], BCG["leave1out"]["estimate"][left], rtol=1e-9)
        np.testing.assert_allclose(given.precision[0] ** -0.5, BCG["leave1out"]["se"][left], rtol=1e-9)


def test_a_full_error_covariance_equals_the_three_level_model_of_metafor():
    data = pd.read_csv(HERE / "konstantopoulos2011.csv")
    expected = EXPECTED["metafor"]["konstantopoulos"]
    same = data["district"].to_numpy()[:, None] == data["district"].to_numpy()
    between, within = expected["sigma2"]
    spectrum = spectrum_of(data["yi"].to_numpy(), np.diag(data["vi"]) + between * same)
    given = condition(spectrum, 0.0, np.sqrt([within]))
    np.testing.assert_allclose(given.mean[0], expected["b"], rtol=1e-9)
    np.testing.assert_allclose(given.precision[0] ** -0.5, expected["se"], rtol=1e-9)
    np.testing.assert_allclose(given.log_likelihood[0] + 0.5 * np.log(len(data)), expected["logLik"], rtol=1e-9)


def _correlated():
    rng = np.random.default_rng(5)
    se = rng.uniform(0.5, 1.5, 5)
    load = rng.normal(size=(5, 2))
    return rng.normal(0.3, 1.2, 5), np.diag(se**2) + 0.4 * load @ load.T


def _brute_force(y, cov, prior, tau_max, points=40_001):
    """Simpson sums over a dense grid of tau with literal inverses: no eigenvectors, no transformation, no mixtures."""
    tau = np.linspace(0.0, tau_max, points)
    simpson = np.ones(points)
    simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
    k, ones = len(y), np.ones(len(y))
    total = cov + tau[:, None, None] ** 2 * np.eye(k)
    inverse = np.linalg.inv(total)
    precision = np.einsum("i,gij,j->g", ones, inverse, ones) + prior.mean_precision
    mean = np.einsum("i,gij,j->g", ones, inverse, y) / precision
    residual = y - mean[:, None]
    quadratic = np.einsum("gi,gij,gj->g", residual, inverse, residual) + prior.mean_precision * mean**2
    log_weight = (
        -0.5 * (np.linalg.slogdet(total)[1] + np.log(precision) + quadratic) - 0.5 * (tau / prior.effect_sd) ** 2
    )
    weight = np.exp(log_weight - logsumexp(log_weight, b=simpson)) * simpson
    share = np.einsum("ij,gjk->gik", cov, inverse)  # V(V + τ²I)⁻¹
    loading = share @ ones
    effects = y - np.einsum("gij,gj->gi", share, residual)
    within = tau[:, None, None] ** 2 * share
    joint = within + loading[:, :, None] * loading[:, None, :] / precision[:, None, None]
    return tau, weight, mean, precision, effects, joint


@pytest.mark.parametrize("mean_sd", [np.inf, 0.8])
def test_full_covariance_equals_brute_force(mean_sd):
    y, cov = _correlated()
    prior = EffectPrior(effect_sd=0.9, mean_sd=mean_sd)
    found = normal_normal(y, cov, prior)
    tau, weight, mean, precision, effects, joint = _brute_force(y, cov, prior, 9.0)
    exact = {"rtol": 1e-8, "atol": 1e-10}
    np.testing.assert_allclose(found.tau.mean(found.tau.nodes), weight @ tau, **exact)
    np.testing.assert_allclose(found.programme.mean()[0], weight @ mean, **exact)
    centre = weight @ effects
    np.testing.assert_allclose(found.effects.mean(), centre, **exact)
    spread = np.einsum("g,gij->ij", weight, joint) + (effects - centre).T * weight @ (effects - centre)
    np.testing.assert_allclose(found.cov(), spread, **exact)
    sds = np.sqrt(np.einsum("gii->gi", joint))
    np.testing.assert_allclose(found.effects.cdf(0.25), weight @ ndtr((0.25 - effects) / sds), **exact)
    new = np.sqrt(1 / precision + tau**2)
    np.testing.assert_allclose(found.programme.cdf(0.25)[1], weight @ ndtr((0.25 - mean) / new), **exact)
    for p in (0.01, 0.4, 0.975):
        np.testing.assert_allclose(weight @ ndtr((found.effects.quantile(p) - effects) / sds), np.full(5, p), **exact)
        limit = float(found.tau.quantile(np.array([p]))[0])
        cells = np.concatenate([[0.0], np.cumsum(_trapezoids(tau, weight))])
        assert np.interp(limit, tau, cells) == pytest.approx(p, abs=1e-6)


def _trapezoids(tau, weight):
    simpson = np.ones(len(tau))
    simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
    density = weight / simpson
    cells = 0.5 * (density[1:] + density[:-1])
    return cells / cells.sum()


def test_leave_one_out_with_correlated_errors_equals_brute_force():
    """Predictive density as a ratio of two marginal likelihoods, p(y) / p(y without one)."""
    y, cov = _correlated()
    prior = EffectPrior(effect_sd=0.9, mean_sd=0.8)
    found = leave_one_out(y, cov, prior)
    everything = normal_normal(y, cov, prior).tau.log_normaliser
    for left in range(5):
        keep = np.arange(5) != left
        others = normal_normal(y[keep], cov[np.ix_(keep, keep)], prior).tau.log_normaliser
        np.testing.assert_allclose(found.log_density[left], everything - others, rtol=1e-9)


def test_an_organisation_without_estimate_equals_a_new_one_in_brute_force():
    y, cov = _correlated()
    prior = EffectPrior(effect_sd=0.9)
    keep = np.array([True, True, False, True, True])
    found = normal_normal(np.where(keep, y, np.nan), cov, prior)
    tau, weight, mean, precision, effects, _ = _brute_force(y[keep], cov[np.ix_(keep, keep)], prior, 9.0)
    np.testing.assert_allclose(found.effects.mean()[keep], weight @ effects, rtol=1e-8)
    np.testing.assert_allclose(found.effects.mean()[2], weight @ mean, rtol=1e-8)
    centre = weight @ mean
    variance = weight @ (1 / precision + tau**2 + (mean - centre) ** 2)
    np.testing.assert_allclose(found.cov()[2, 2], variance, rtol=1e-8)
    loading = np.einsum("gij->gi", np.einsum("ij,gjk->gik", cov[np.ix_(keep, keep)], _inverses(cov, keep, tau)))
    across = (weight / precision) @ loading + weight @ ((effects - weight @ effects) * (mean - centre)[:, None])
    np.testing.assert_allclose(found.cov()[2, keep], across, rtol=1e-8)


def _inverses(cov, keep, tau):
    return np.linalg.inv(cov[np.ix_(keep, keep)] + tau[:, None, None] ** 2 * np.eye(int(keep.sum())))


def test_the_estimator_says_the_same_as_its_engine():
    table = SCHOOLS.rename(columns={"school": "group", "effect_rounded": "estimate", "stderr_rounded": "std_error"})
    pooled = HierarchicalEffects(effect_sd=10, mean_sd=10).fit(table[["group", "estimate", "std_error"]], rng=1)
    assert pooled.params.round(4).tolist() == [8.9333, 6.8086, 5.5237, 6.5979, 4.8422, 5.5519, 8.7755, 6.9656]
    heterogeneity = pooled.heterogeneity().set_index("quantity")
    spread = heterogeneity.loc["tau", ["estimate", "std_error"]].astype(float)
    assert spread.round(4).tolist() == [4.7531, 3.6838]
    programme = pooled.programme().set_index("quantity")
    assert programme.loc["mean", ["estimate", "std_error"]].astype(float).round(4).tolist() == [6.472, 4.1912]
