"""Comparisons of two periods: what is refused, what does not matter, and the influence function by differentiation."""

import numpy as np
import pytest

from clustereffects.did._linear import COLLINEAR
from clustereffects.did.group_time_cell import Comparison, compare
from clustereffects.did.logit import NO_OVERLAP, Propensity, fit_propensity
from clustereffects.errors import EstimationError


def _cell(seed=0, n=60, k=2, weights=None):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, k))
    treated = rng.random(n) < 0.4
    return Comparison(
        change=x.sum(axis=1) + treated + rng.standard_normal(n),
        treated=treated,
        design=np.column_stack([np.ones(n), x]),
        weights=np.ones(n) if weights is None else weights,
    )


def _changed(cell, **parts):
    fields = ("change", "treated", "design", "weights")
    return Comparison(**({name: getattr(cell, name) for name in fields} | parts))


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_the_derivative_with_respect_to_weights(method, weighted):
    base = np.random.default_rng(5).uniform(0.5, 2, 60) if weighted else np.ones(60)
    cell = _cell(weights=base)
    effect = compare(cell, method)
    for unit in range(0, 60, 7):
        step = 1e-5 * base * (np.arange(60) == unit)
        up = compare(_changed(cell, weights=base + step), method).estimate
        down = compare(_changed(cell, weights=base - step), method).estimate
        slope = (up - down) / 2e-5
        np.testing.assert_allclose(effect.influence[unit], 60 * slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_influence_has_mean_zero(method):
    assert abs(compare(_cell(), method).influence.mean()) < 1e-13


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_weights_replicate_units(method):
    cell = _cell()
    twice = np.random.default_rng(1).integers(1, 3, 60)
    rows = np.repeat(np.arange(60), twice)
    replicated = Comparison(
        change=cell.change[rows], treated=cell.treated[rows], design=cell.design[rows], weights=np.ones(len(rows))
    )
    weighted = compare(_changed(cell, weights=twice.astype(float)), method)
    np.testing.assert_allclose(weighted.estimate, compare(replicated, method).estimate, rtol=1e-10)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_units_of_measurement_of_covariates_do_not_matter(method):
    cell = _cell()
    # Shifts stay in proportion to the scales: a column of -2 ± 0.001 is almost the constant, and normal equations lose
    # (2 / 0.001)² ε of it here. The estimator centres and scales before it comes to this; its own test shifts freely.
    other = cell.design * [1.0, 1e4, 1e-3] + [0.0, 5.0, -0.002]
    np.testing.assert_allclose(
        compare(_changed(cell, design=other), method).influence, compare(cell, method).influence, rtol=1e-8, atol=1e-9
    )


def test_without_covariates_all_methods_are_the_difference_of_means():
    cell = _changed(_cell(), design=np.ones((60, 1)))
    difference = cell.change[cell.treated].mean() - cell.change[~cell.treated].mean()
    for method in ("dr", "ipw", "reg"):
        np.testing.assert_allclose(compare(cell, method).estimate, difference, rtol=1e-12)


def test_dr_is_consistent_when_only_one_model_is_right():
    """A covariate that enters the outcome by its square: the regression is wrong, the propensity score is right."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(40_000)
    treated = rng.random(40_000) < 1 / (1 + np.exp(1.0 - x))
    cell = Comparison(
        change=x**2 + treated + rng.standard_normal(40_000),
        treated=treated,
        design=np.column_stack([np.ones_like(x), x]),
        weights=np.ones_like(x),
    )
    assert abs(compare(cell, "reg").estimate - 1) > 0.15
    assert abs(compare(cell, "dr").estimate - 1) < 0.1


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize("column", ["constant", "copy"])
def test_collinear_covariates_are_refused(method, column):
    cell = _cell()
    extra = np.full(60, 3.0) if column == "constant" else 2 * cell.design[:, 1] + 1
    with pytest.raises(EstimationError, match=COLLINEAR):
        compare(_changed(cell, design=np.column_stack([cell.design, extra])), method)


@pytest.mark.parametrize("method", ["dr", "ipw"])
def test_separation_is_refused(method):
    cell = _cell()
    separated = _changed(cell, treated=cell.design[:, 1] > 0)
    with pytest.raises(EstimationError, match="do not overlap"):
        compare(separated, method)
    assert np.isfinite(compare(separated, "reg").estimate)


def test_a_score_of_nearly_one_is_refused():
    x = np.concatenate([np.linspace(-3, 3, 199), [60.0]])
    treated = np.random.default_rng(0).random(200) < 1 / (1 + np.exp(-x))
    treated[-1] = True
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        fit_propensity(np.column_stack([np.ones(200), x]), treated, np.ones(200))


def test_comparison_units_with_a_score_above_the_trimming_level_get_no_weight():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.standard_normal(4000), [4.35]])
    treated = rng.random(4001) < 1 / (1 + np.exp(-1.4 * x))
    treated[-1] = False
    cell = Comparison(
        change=rng.standard_normal(4001),
        treated=treated,
        design=np.column_stack([np.ones(4001), x]),
        weights=np.ones(4001),
    )
    score = fit_propensity(cell.design, treated, cell.weights).probability[-1]
    assert 0.995 <= score < 0.999
    moved = _changed(cell, change=cell.change + 1000.0 * (np.arange(4001) == 4000))
    np.testing.assert_allclose(compare(moved, "ipw").estimate, compare(cell, "ipw").estimate, rtol=1e-9)


def test_without_any_comparison_weight_there_is_no_overlap():
    score = np.array([0.9985, 0.9985])
    cell = Comparison(
        change=np.zeros(2),
        treated=np.array([True, False]),
        design=np.column_stack([np.ones(2), [0.0, 1.0]]),
        weights=np.ones(2),
    )

    with pytest.raises(EstimationError, match="do not overlap"):
        compare(cell, "ipw", Propensity(np.zeros(2), score, np.eye(2)))


def test_logit_does_not_depend_on_its_start():
    cell = _cell(n=200)
    cold = fit_propensity(cell.design, cell.treated, cell.weights)
    warm = fit_propensity(cell.design, cell.treated, cell.weights, np.array([3.0, -2.0, 2.5]))
    np.testing.assert_allclose(warm.coefficients, cold.coefficients, rtol=1e-10)


def test_logit_solves_its_score_equations():
    cell = _cell(n=200, weights=np.random.default_rng(3).uniform(0.1, 3, 200))
    logit = fit_propensity(cell.design, cell.treated, cell.weights)
    score = cell.design.T @ (cell.weights * (cell.treated - logit.probability))
    np.testing.assert_allclose(score, 0.0, atol=1e-10)
