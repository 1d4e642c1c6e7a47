"""What must not change an effect of two periods, and what must change it in a known way."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.did.cross_sections import CrossSections, two_cross_sections
from clustereffects.did.group_time_cell import Comparison
from clustereffects.did.two_periods import two_periods

CLOSE = {"rtol": 1e-7, "atol": 1e-8}
PANEL = ["dr", "dr_improved", "ipw", "ipw_unnormalised", "reg", "twfe"]
SECTIONS = ["dr", "dr_simple", "dr_improved", "dr_improved_simple", "ipw", "ipw_unnormalised", "reg", "twfe"]
constants = st.floats(-100, 100)
factors = st.floats(0.01, 100).flatmap(lambda size: st.sampled_from([size, -size]))


def _parts(seed, m):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(m), rng.uniform(-1, 1, (m, 2))])
    treated = rng.random(m) < 1 / (1 + np.exp(0.3 - x[:, 1]))
    # The corners hold comparison units of both periods, so that tilting has a solution whatever is drawn.
    corners = np.arange(16)
    x[corners, 1:] = 2.0 * np.column_stack([corners // 2 % 2 * 2.0 - 1.0, corners // 4 % 2 * 2.0 - 1.0])
    treated[corners] = False
    treated[16:40] = True
    return rng, x, treated, rng.uniform(0.5, 2.0, m)


def _pair(seed):
    rng, x, treated, weights = _parts(seed, 120)
    return Comparison(change=x.sum(axis=1) + rng.standard_normal(120), treated=treated, design=x, weights=weights)


def _sections(seed):
    rng, x, treated, weights = _parts(seed, 160)
    y = x.sum(axis=1) + rng.standard_normal(160)
    return CrossSections(outcome=y, treated=treated, current=np.arange(160) % 2 == 0, design=x, weights=weights)


def _with(cell, rows):
    names = [name for name in type(cell).__slots__ if isinstance(getattr(cell, name), np.ndarray)]
    return replace(cell, **{name: getattr(cell, name)[rows] for name in names})


pairs, sections = (st.builds(build, st.integers(0, 2**32 - 1)) for build in (_pair, _sections))


def _same(found, expected, factor=1.0):
    np.testing.assert_allclose(found.estimate, factor * expected.estimate, **CLOSE)
    np.testing.assert_allclose(found.influence, factor * expected.influence, **CLOSE)


@given(pairs, st.sampled_from([m for m in PANEL if m != "ipw_unnormalised"]), constants)
def test_period_constants_change_nothing_in_a_panel(cell, method, shift):
    _same(two_periods(replace(cell, change=cell.change + shift), method), two_periods(cell, method))


@given(sections, st.sampled_from([m for m in SECTIONS if m != "ipw_unnormalised"]), constants, constants)
def test_period_constants_change_nothing_in_cross_sections(cell, method, before, after):
    shifted = replace(cell, outcome=cell.outcome + np.where(cell.current, after, before))
    _same(two_cross_sections(shifted, method), two_cross_sections(cell, method))


@given(pairs, st.sampled_from(["dr", "dr_improved", "reg"]), constants)
def test_trends_in_covariates_change_nothing_in_a_panel(cell, method, slope):
    _same(two_periods(replace(cell, change=cell.change + slope * cell.design[:, 1]), method), two_periods(cell, method))


@given(sections, st.sampled_from([m for m in SECTIONS if m.startswith("dr")]), constants, constants)
def test_trends_in_covariates_change_nothing_in_cross_sections(cell, method, before, after):
    moved = replace(cell, outcome=cell.outcome + np.where(cell.current, after, before) * cell.design[:, 1])
    _same(two_cross_sections(moved, method), two_cross_sections(cell, method))


@given(pairs, st.sampled_from(PANEL), factors)
def test_scaling_the_outcome_scales_the_effect_in_a_panel(cell, method, factor):
    _same(two_periods(replace(cell, change=factor * cell.change), method), two_periods(cell, method), factor)


@given(sections, st.sampled_from(SECTIONS), factors)
def test_scaling_the_outcome_scales_the_effect_in_cross_sections(cell, method, factor):
    scaled = replace(cell, outcome=factor * cell.outcome)
    _same(two_cross_sections(scaled, method), two_cross_sections(cell, method), factor)


@given(pairs, st.sampled_from(PANEL), st.permutations(range(120)), st.floats(0.1, 10))
def test_order_of_rows_and_scale_of_weights_change_nothing_in_a_panel(cell, method, order, factor):
    effect = two_periods(cell, method)
    shuffled = _with(replace(cell, weights=factor * cell.weights), np.array(order))
    _same(two_periods(shuffled, method), replace(effect, influence=effect.influence[order]))


@given(sections, st.sampled_from(SECTIONS), st.permutations(range(160)), st.floats(0.1, 10))
def test_order_of_rows_and_scale_of_weights_change_nothing_in_cross_sections(cell, method, order, factor):
    effect = two_cross_sections(cell, method)
    shuffled = _with(replace(cell, weights=factor * cell.weights), np.array(order))
    _same(two_cross_sections(shuffled, method), replace(effect, influence=effect.influence[order]))


@given(sections, st.sampled_from(SECTIONS))
def test_exchanging_the_periods_reverses_the_effect(cell, method):
    _same(two_cross_sections(replace(cell, current=~cell.current), method), two_cross_sections(cell, method), -1.0)


@given(sections, st.sampled_from(SECTIONS), st.floats(0.2, 5), st.floats(-3, 3), st.floats(-1, 1))
def test_how_covariates_are_measured_changes_nothing(cell, method, scale, shift, mixture):
    x = cell.design
    other = np.column_stack([x[:, 0], scale * x[:, 1] + shift, x[:, 2] + mixture * x[:, 1]])
    _same(two_cross_sections(replace(cell, design=other), method), two_cross_sections(cell, method))


@given(sections, st.sampled_from(SECTIONS))
def test_every_observation_twice_changes_no_estimate_and_halves_the_variance(cell, method):
    twice = two_cross_sections(_with(cell, np.tile(np.arange(160), 2)), method)
    effect = two_cross_sections(cell, method)
    _same(twice, replace(effect, influence=np.tile(effect.influence, 2)))
