"""Effects against statsmodels, and errors M against a sandwich of stacked equations with numerical derivatives."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit

from clustereffects.errors import EstimationError
from clustereffects.matching.effect import Sample, g_computation, weighted_difference
from clustereffects.matching.entropy import balance_arms
from clustereffects.matching.propensity import logit
from clustereffects.matching.weights import calibration_model, propensity_model, propensity_weights

RNG = np.random.default_rng(12)
N = 120
X = RNG.normal(size=(N, 2)) * [1.0, 30.0] + [0.0, 200.0]
TREATED = RNG.random(N) < expit(0.8 * X[:, 0])
Y = X @ [1.0, 0.05] + TREATED * (1 + X[:, 0]) + RNG.normal(size=N)
WEIGHT = RNG.random(N) + 0.2
CLUSTERS = RNG.integers(0, 15, N)
DESIGN = np.column_stack([np.ones(N), X])


def wls(design):
    return sm.WLS(Y, design, weights=WEIGHT)


def compare(effect, model, term):
    fit = model.fit()
    np.testing.assert_allclose(effect.value, fit.params[term], rtol=1e-10)
    for errors in ("HC0", "HC1", "HC3"):
        np.testing.assert_allclose(effect.standard_error(errors), getattr(fit, f"{errors}_se")[term], rtol=1e-8)
    for errors, corrected in (("CR0", False), ("CR1", True)):
        options = {"groups": CLUSTERS, "use_correction": corrected}
        clustered = model.fit(cov_type="cluster", cov_kwds=options)
        np.testing.assert_allclose(effect.standard_error(errors, CLUSTERS), clustered.bse[term], rtol=1e-8)


def test_difference_is_weighted_least_squares():
    compare(weighted_difference(Sample(Y, TREATED, WEIGHT)), wls(sm.add_constant(TREATED.astype(float))), 1)


def test_g_computation_is_a_centred_interacted_regression():
    target = TREATED * WEIGHT
    centred = X - np.average(X, axis=0, weights=target)
    design = np.column_stack([np.ones(N), TREATED, centred, centred * TREATED[:, None]])
    effect = g_computation(Sample(Y, TREATED, WEIGHT), X, target)
    compare(effect, wls(design), 1)
    assert effect.rank == 6


def test_units_without_weight_take_no_part():
    weight = WEIGHT.copy()
    weight[::5] = 0
    keep = weight > 0
    whole = g_computation(Sample(Y, TREATED, weight), X, weight)
    part = g_computation(Sample(Y[keep], TREATED[keep], weight[keep]), X[keep], weight[keep])
    np.testing.assert_allclose(whole.value, part.value)
    for errors in ("HC0", "HC1", "HC3", "M"):
        np.testing.assert_allclose(whole.standard_error(errors), part.standard_error(errors))
    np.testing.assert_allclose(whole.standard_error("CR1", CLUSTERS), part.standard_error("CR1", CLUSTERS[keep]))


def test_collinear_covariates_change_nothing():
    sample, wide = Sample(Y, TREATED, WEIGHT), np.column_stack([X, X[:, 0] - X[:, 1], np.full(N, 3.0)])
    thin, thick = g_computation(sample, X, WEIGHT), g_computation(sample, wide, WEIGHT)
    np.testing.assert_allclose(thick.value, thin.value)
    np.testing.assert_allclose(thick.standard_error("HC3"), thin.standard_error("HC3"))
    assert thick.rank == thin.rank


def test_target_that_cannot_be_predicted():
    only_controls = np.column_stack([X, np.where(TREATED, 1.0, np.arange(N) % 2)])
    sample = Sample(Y, TREATED, WEIGHT)
    assert np.isfinite(g_computation(sample, only_controls, TREATED.astype(float)).value)
    with pytest.raises(EstimationError, match="covariate 3 does not vary"):
        g_computation(sample, only_controls, np.ones(N))


def test_a_unit_that_fixes_a_coefficient_has_no_part_in_hc3():
    x = np.zeros((N, 1))
    x[np.flatnonzero(TREATED)[0]] = 1.0
    x[np.flatnonzero(~TREATED)[0]] = 1.0
    effect = g_computation(Sample(Y, TREATED, WEIGHT), x, 1.0 - x[:, 0])
    assert np.isfinite(effect.standard_error("HC3"))


def numerical_sandwich(equations, theta, term):
    """Standard error of ``theta[term]``, the root of the mean of ``equations(theta)`` (n, k)."""
    rows, step = equations(theta), 1e-6 * np.maximum(np.abs(theta), 1e-2)
    np.testing.assert_allclose(rows.mean(axis=0) / np.abs(rows).max(axis=0).clip(1), 0, atol=1e-7)
    jacobian = np.column_stack(
        [(equations(theta + d) - equations(theta - d)).mean(axis=0) / (2 * d.sum()) for d in np.diag(step)]
    )
    inverse = np.linalg.inv(jacobian)
    return np.sqrt((inverse @ (rows.T @ rows) @ inverse.T)[term, term]) / len(rows)


def stacked(parameter_rows, weight, parameters, *, target=None):
    """Equations of parameters, regression with interactions, target means and effect; and their root."""
    k, members = len(parameters), np.ones(N) if target is None else target
    design = np.column_stack([np.ones(N), TREATED, X, X * TREATED[:, None]])

    def split(theta):
        return theta[:k], theta[k : k + 6], theta[k + 6 : k + 8], theta[-1]

    def equations(theta):
        first, beta, mean, effect = split(theta)
        residual = (weight(first) * (Y - design @ beta))[:, None] * design
        effect_row = np.full(N, beta[1] + mean @ beta[4:] - effect)
        return np.column_stack([parameter_rows(first), residual, members[:, None] * (X - mean), effect_row])

    w = weight(parameters)
    beta = np.linalg.solve(design.T @ (w[:, None] * design), design.T @ (w * Y))
    mean = members @ X / members.sum()
    return equations, np.concatenate([parameters, beta, mean, [beta[1] + mean @ beta[4:]]])


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE", "ATO"])
def test_errors_of_estimated_propensities(estimand):
    fit = logit(DESIGN, TREATED)
    beta = np.linalg.lstsq(DESIGN, fit.linear, rcond=None)[0]
    equations, theta = stacked(
        lambda b: (TREATED - expit(DESIGN @ b))[:, None] * DESIGN,
        lambda b: propensity_weights(expit(DESIGN @ b), TREATED, estimand),
        beta,
    )
    weight = propensity_weights(fit.probability, TREATED, estimand)
    model = propensity_model(DESIGN, fit.probability, TREATED, estimand)
    effect = g_computation(Sample(Y, TREATED, weight), X, np.ones(N), model=model, sampled=True)
    np.testing.assert_allclose(effect.value, theta[-1], rtol=1e-8)
    np.testing.assert_allclose(effect.standard_error("M"), numerical_sandwich(equations, theta, -1), rtol=1e-5)


def test_errors_of_sampled_entropy_weights():
    weight = balance_arms(X, TREATED)
    tilt = np.linalg.lstsq(DESIGN[~TREATED], np.log(weight[~TREATED]), rcond=None)[0]

    def tilted(b):
        return np.where(TREATED, 1.0, np.exp(np.minimum(DESIGN @ b, 30)))

    equations, theta = stacked(
        lambda b: (TREATED - ~TREATED * tilted(b))[:, None] * DESIGN, tilted, tilt, target=TREATED.astype(float)
    )
    model = calibration_model(X, TREATED, weight)
    effect = g_computation(Sample(Y, TREATED, weight), X, TREATED.astype(float), model=model, sampled=True)
    np.testing.assert_allclose(effect.standard_error("M"), numerical_sandwich(equations, theta, -1), rtol=1e-5)


def test_errors_of_entropy_weights_near_base_weights():
    weight = balance_arms(X, TREATED, base=WEIGHT)
    tilt = np.linalg.lstsq(DESIGN[~TREATED], np.log(weight / WEIGHT)[~TREATED], rcond=None)[0]

    def tilted(b):
        return WEIGHT * np.where(TREATED, 1.0, np.exp(np.minimum(DESIGN @ b, 30)))

    def moments(b):
        return (TREATED * WEIGHT - ~TREATED * tilted(b))[:, None] * DESIGN

    equations, theta = stacked(moments, tilted, tilt, target=TREATED * WEIGHT)
    model = calibration_model(X, TREATED, weight, base=WEIGHT)
    effect = g_computation(Sample(Y, TREATED, weight), X, TREATED * WEIGHT, model=model, sampled=True)
    np.testing.assert_allclose(effect.standard_error("M"), numerical_sandwich(equations, theta, -1), rtol=1e-5)


def test_no_degrees_of_freedom():
    effect = weighted_difference(Sample(Y[:2], np.array([True, False]), WEIGHT[:2]))
    with pytest.raises(EstimationError, match="2 units with weight, 2 coefficients"):
        effect.standard_error("HC1")


def test_clustered_m_errors_sum_influence_and_correction():
    weight = balance_arms(X, TREATED, estimand="ATE")
    model = calibration_model(X, TREATED, weight, estimand="ATE")
    effect = weighted_difference(Sample(Y, TREATED, weight), model)
    sums = np.bincount(CLUSTERS, effect.influence + effect.correction)
    np.testing.assert_allclose(effect.standard_error("M", CLUSTERS), np.linalg.norm(sums) / N)


def test_influence_is_the_derivative_with_respect_to_a_units_share():
    effect = g_computation(Sample(Y, TREATED, WEIGHT), X, WEIGHT)
    step, weight = 1e-6, WEIGHT.copy()
    weight[7] *= 1 + step
    moved = g_computation(Sample(Y, TREATED, weight), X, WEIGHT)
    np.testing.assert_allclose((moved.value - effect.value) / step, effect.influence[7] / N, rtol=1e-4)


@pytest.mark.parametrize(
    ("errors", "clusters", "message"),
    [
        ("CR1", None, "need clusters"),
        ("HC1", CLUSTERS, "need clusters"),
        ("HC2", None, "errors are one of"),
        ("CR0", np.zeros(N, int), "at least two"),
    ],
)
def test_errors_that_do_not_fit(errors, clusters, message):
    with pytest.raises(ValueError, match=message):
        weighted_difference(Sample(Y, TREATED, WEIGHT)).standard_error(errors, clusters)


@pytest.mark.parametrize(
    ("treated", "weight", "message"),
    [(TREATED[1:], WEIGHT, "shapes"), (TREATED, -WEIGHT, "negative"), (np.ones(N, bool), WEIGHT, "have some")],
)
def test_samples(treated, weight, message):
    with pytest.raises(ValueError, match=message):
        Sample(Y, treated, weight)


def test_target_without_weight():
    with pytest.raises(ValueError, match="target some weight"):
        g_computation(Sample(Y, TREATED, WEIGHT), X, np.zeros(N))
