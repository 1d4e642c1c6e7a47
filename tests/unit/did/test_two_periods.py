"""All estimators of two periods of a panel: the influence function by differentiation, trimming, what is refused."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from clustereffects.did.group_time_cell import Comparison, compare
from clustereffects.did.logit import NO_OVERLAP, fit_propensity
from clustereffects.did.two_periods import PanelMethod, two_periods
from clustereffects.errors import EstimationError

METHODS = get_args(PanelMethod)


def _cell(seed=0, n=60, weighted=False):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(0.5 - 0.5 * x[:, 0]))
    return Comparison(
        change=x.sum(axis=1) + x[:, 0] ** 2 + treated + rng.standard_normal(n),
        treated=treated,
        design=np.column_stack([np.ones(n), x]),
        weights=rng.uniform(0.5, 2, n) if weighted else np.ones(n),
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_the_derivative_with_respect_to_weights(method, weighted):
    cell = _cell(5, weighted=weighted)
    effect = two_periods(cell, method)
    for unit in range(0, 60, 7):
        step = 1e-5 * cell.weights * (np.arange(60) == unit)
        up = two_periods(replace(cell, weights=cell.weights + step), method).estimate
        down = two_periods(replace(cell, weights=cell.weights - step), method).estimate
        np.testing.assert_allclose(effect.influence[unit], 60 * (up - down) / 2e-5, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_influence_has_mean_zero(method):
    assert abs(two_periods(_cell(), method).influence.mean()) < 1e-13


@pytest.mark.parametrize("method", METHODS)
def test_weights_replicate_units(method):
    cell = _cell()
    twice = np.random.default_rng(1).integers(1, 3, 60)
    rows = np.repeat(np.arange(60), twice)
    replicated = Comparison(
        change=cell.change[rows], treated=cell.treated[rows], design=cell.design[rows], weights=np.ones(len(rows))
    )
    weighted = two_periods(replace(cell, weights=twice.astype(float)), method)
    np.testing.assert_allclose(weighted.estimate, two_periods(replicated, method).estimate, rtol=1e-10)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_the_methods_of_compare_are_those_of_compare(method):
    cell = _cell(weighted=True)
    found, expected = two_periods(cell, method), compare(cell, method)
    assert found.estimate == expected.estimate
    np.testing.assert_array_equal(found.influence, expected.influence)


@pytest.mark.parametrize("method", METHODS)
def test_without_covariates_all_methods_are_the_difference_of_means(method):
    cell = replace(_cell(weighted=True), design=np.ones((60, 1)))
    own, other = (np.average(cell.change[side], weights=cell.weights[side]) for side in (cell.treated, ~cell.treated))
    effect = two_periods(cell, method)
    np.testing.assert_allclose(effect.estimate, own - other, rtol=1e-12)
    np.testing.assert_allclose(effect.influence, two_periods(cell, "reg").influence, rtol=1e-12)


def test_two_way_fixed_effects_leave_covariates_out():
    cell = _cell()
    bare = two_periods(replace(cell, design=np.ones((60, 1))), "reg")
    assert two_periods(cell, "twfe").estimate == bare.estimate


@pytest.mark.parametrize("method", ["dr_improved", "ipw_unnormalised"])
def test_balance_of_improved_and_not_of_unnormalised(method):
    """A constant added to all changes drops out of the one and not of the other, whose weights do not add up to one."""
    cell = _cell(1)
    gap = abs(
        two_periods(replace(cell, change=cell.change + 5.0), method).estimate - two_periods(cell, method).estimate
    )
    assert gap < 1e-12 if method == "dr_improved" else gap > 1e-3


@pytest.mark.parametrize("method", ["dr_improved", "ipw", "ipw_unnormalised"])
def test_comparison_units_above_the_bound_get_no_weight(method):
    cell = _cell(2, n=400)
    scores = fit_propensity(cell.design, cell.treated, cell.weights).probability
    bound = np.sort(scores[~cell.treated])[-20]
    top = np.flatnonzero(~cell.treated & (scores >= bound))
    moved = replace(cell, change=cell.change + 100.0 * np.isin(np.arange(400), top[scores[top] > bound + 0.05]))
    assert (moved.change != cell.change).sum() > 2
    gaps = [
        two_periods(moved, method, trim=t).estimate - two_periods(cell, method, trim=t).estimate for t in (bound, 1.0)
    ]
    assert abs(gaps[0]) < 1e-9
    assert abs(gaps[1]) > 0.1


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw", "ipw_unnormalised"])
def test_no_overlap_is_refused(method):
    cell = _cell()
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        two_periods(replace(cell, treated=cell.design[:, 1] > 0), method)
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        two_periods(cell, method, trim=1e-6)


def test_improved_keeps_one_of_two_models_wrong():
    """The outcome has a square that the regression lacks, the score is right; and the other way round."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(40_000)
    for index, square in ((x - 1.0, 1.0), (x + 0.4 * x**2 - 1.5, 0.0)):
        treated = rng.random(40_000) < 1 / (1 + np.exp(-index))
        cell = Comparison(
            change=x + square * x**2 + treated + rng.standard_normal(40_000),
            treated=treated,
            design=np.column_stack([np.ones_like(x), x]),
            weights=np.ones_like(x),
        )
        effect = two_periods(cell, "dr_improved")
        error = np.sqrt(np.sum(effect.influence**2)) / 40_000
        assert abs(effect.estimate - 1.0) < 3.5 * error < 0.2
