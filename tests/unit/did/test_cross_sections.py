"""Estimators of two cross-sections: the influence function by differentiation, what is refused, the panel as a case."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from clustereffects.did._linear import COLLINEAR
from clustereffects.did.cross_sections import (
    ALIKE,
    NO_CONTROL,
    NO_TREATED,
    CrossSections,
    SectionMethod,
    missing_group,
    two_cross_sections,
)
from clustereffects.did.group_time_cell import Comparison
from clustereffects.did.logit import NO_OVERLAP
from clustereffects.did.two_periods import two_periods
from clustereffects.errors import EstimationError

METHODS = get_args(SectionMethod)
IMPROVED = ("dr_improved", "dr_improved_simple")


def _cell(seed=0, m=90, weighted=False):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, 2))
    treated = rng.random(m) < 1 / (1 + np.exp(0.5 - 0.5 * x[:, 0]))
    current = rng.random(m) < 0.55
    return CrossSections(
        outcome=x[:, 0] ** 2 + current * (x.sum(axis=1) + 1 + treated) + rng.standard_normal(m),
        treated=treated,
        current=current,
        design=np.column_stack([np.ones(m), x]),
        weights=rng.uniform(0.5, 2, m) if weighted else np.ones(m),
    )


def _panel(seed=0, n=50):
    """A balanced panel, as a comparison of changes and as two cross-sections, base period first."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(0.5 - 0.5 * x[:, 0]))
    before = rng.standard_normal(n) + x[:, 1]
    after = before + x[:, 0] ** 2 + treated + rng.standard_normal(n)
    design, weights = np.column_stack([np.ones(n), x]), rng.uniform(0.5, 2, n)
    pair = Comparison(change=after - before, treated=treated, design=design, weights=weights)
    sections = CrossSections(
        outcome=np.concatenate([before, after]),
        treated=np.tile(treated, 2),
        current=np.repeat([False, True], n),
        design=np.tile(design, (2, 1)),
        weights=np.tile(weights, 2),
    )
    return pair, sections


def _assert_derivative(cell, method):
    effect = two_cross_sections(cell, method)
    for row in range(0, cell.size, 7):
        step = 1e-5 * cell.weights * (np.arange(cell.size) == row)
        up = two_cross_sections(replace(cell, weights=cell.weights + step), method).estimate
        down = two_cross_sections(replace(cell, weights=cell.weights - step), method).estimate
        slope = cell.size * (up - down) / 2e-5
        np.testing.assert_allclose(effect.influence[row], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in IMPROVED])
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_the_derivative_with_respect_to_weights(method, weighted):
    _assert_derivative(_cell(5, weighted=weighted), method)


@pytest.mark.parametrize("method", IMPROVED)
def test_influence_of_improved_is_the_derivative_when_covariates_do_not_change(method):
    """The error of their regressions and score vanishes when both cross-sections have the same covariates."""
    _assert_derivative(_panel()[1], method)


@pytest.mark.parametrize("method", METHODS)
def test_influence_has_mean_zero(method):
    assert abs(two_cross_sections(_cell(), method).influence.mean()) < 1e-12


@pytest.mark.parametrize("method", ["dr", "dr_simple", "dr_improved", "dr_improved_simple", "ipw", "reg", "twfe"])
def test_a_balanced_panel_gives_the_same_effect_and_unit_influence(method):
    pair, sections = _panel(3)
    expected = two_periods(pair, method.removesuffix("_simple"))
    found = two_cross_sections(sections, method)
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-11)
    by_unit = found.influence.reshape(2, -1).sum(axis=0) / 2
    np.testing.assert_allclose(by_unit, expected.influence, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_weights_replicate_observations(method):
    cell = _cell()
    twice = np.random.default_rng(1).integers(1, 3, 90)
    rows = np.repeat(np.arange(90), twice)
    replicated = CrossSections(
        outcome=cell.outcome[rows],
        treated=cell.treated[rows],
        current=cell.current[rows],
        design=cell.design[rows],
        weights=np.ones(len(rows)),
    )
    weighted = two_cross_sections(replace(cell, weights=twice.astype(float)), method)
    np.testing.assert_allclose(weighted.estimate, two_cross_sections(replicated, method).estimate, rtol=1e-10)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "ipw_unnormalised"])
def test_without_covariates_it_is_the_difference_of_differences(method):
    cell = replace(_cell(weighted=True), design=np.ones((90, 1)))
    mean = {
        (own, now): np.average(
            cell.outcome[(cell.treated == own) & (cell.current == now)],
            weights=cell.weights[(cell.treated == own) & (cell.current == now)],
        )
        for own in (True, False)
        for now in (True, False)
    }
    expected = mean[True, True] - mean[True, False] - (mean[False, True] - mean[False, False])
    np.testing.assert_allclose(two_cross_sections(cell, method).estimate, expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("own", "reason"), [(True, NO_TREATED), (False, NO_CONTROL)])
@pytest.mark.parametrize("now", [True, False])
def test_an_empty_group_is_refused(method, own, reason, now):
    cell = _cell()
    rows = ~((cell.treated == own) & (cell.current == now))
    part = CrossSections(
        outcome=cell.outcome[rows],
        treated=cell.treated[rows],
        current=cell.current[rows],
        design=cell.design[rows],
        weights=cell.weights[rows],
    )
    assert missing_group(part) == reason
    with pytest.raises(EstimationError, match=reason):
        two_cross_sections(part, method)


def test_counts_are_those_of_the_smaller_period():
    cell = _cell()
    treated, control = cell.counts
    assert treated == min((cell.treated & cell.current).sum(), (cell.treated & ~cell.current).sum())
    assert control == min((~cell.treated & cell.current).sum(), (~cell.treated & ~cell.current).sum())
    assert missing_group(cell) == ""


@pytest.mark.parametrize("method", ["dr", "dr_improved"])
def test_too_few_treated_observations_are_no_collinearity(method):
    """What the covariates are like among comparison observations is not what is wrong here."""
    cell = _cell()
    before = np.flatnonzero(cell.treated & ~cell.current)
    keep = np.setdiff1d(np.arange(cell.size), before[2:])
    few = CrossSections(**{name: getattr(cell, name)[keep] for name in cell.__slots__})
    with pytest.raises(EstimationError, match=ALIKE):
        two_cross_sections(few, method)
    assert np.isfinite(two_cross_sections(few, f"{method}_simple").estimate)


@pytest.mark.parametrize("method", METHODS)
def test_collinear_covariates_are_refused(method):
    cell = _cell()
    with pytest.raises(EstimationError, match=COLLINEAR):
        two_cross_sections(replace(cell, design=np.column_stack([cell.design, cell.design[:, 1] + 1])), method)


@pytest.mark.parametrize("method", ["dr", "dr_simple", *IMPROVED, "ipw", "ipw_unnormalised"])
def test_no_overlap_is_refused(method):
    cell = _cell()
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        two_cross_sections(replace(cell, treated=cell.design[:, 1] > 0), method)
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        two_cross_sections(cell, method, trim=1e-6)


@pytest.mark.parametrize("method", ["dr", "dr_simple", *IMPROVED, "ipw"])
def test_trimming_may_leave_a_period_without_comparison(method):
    """All comparison observations of the base period are like the treated, and above the bound."""
    rng = np.random.default_rng(0)
    m = 400
    treated, current = np.arange(m) % 2 == 0, np.arange(m) % 4 < 2
    x = rng.standard_normal(m) + np.where(treated, 1.0, np.where(current, -1.0, 1.5))
    cell = CrossSections(
        outcome=x,
        treated=treated,
        current=current,
        design=np.column_stack([np.ones(m), x]),
        weights=np.ones(m),
    )
    score_of_the_lowest = 0.2
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        two_cross_sections(cell, method, trim=score_of_the_lowest)


def test_doubly_robust_is_more_precise_with_regressions_of_the_treated():
    """Levels vary much more with covariates than effects do: predicting the treated takes that out."""
    rng = np.random.default_rng(4)
    m = 2000
    x = rng.standard_normal(m)
    treated, current = rng.random(m) < 1 / (1 + np.exp(-x)), rng.random(m) < 0.5
    cell = CrossSections(
        outcome=20 * x * (1 + treated) + current * treated + rng.standard_normal(m),
        treated=treated,
        current=current,
        design=np.column_stack([np.ones(m), x]),
        weights=np.ones(m),
    )
    for simple, efficient in (("dr_simple", "dr"), ("dr_improved_simple", "dr_improved")):
        errors = [np.sqrt(np.sum(two_cross_sections(cell, name).influence ** 2)) / m for name in (simple, efficient)]
        assert errors[1] < 0.3 * errors[0]
        assert abs(two_cross_sections(cell, efficient).estimate - 1.0) < 4 * errors[1]
