"""Group-time effects from cross-sections: which observations are compared, what is not identified, a panel as a case."""

from dataclasses import replace

import numpy as np
import pytest

from clustereffects.did._linear import COLLINEAR
from clustereffects.did.cross_section_cells import (
    NOT_COMPARABLE,
    CrossSectionData,
    cross_section_effects,
)
from clustereffects.did.cross_sections import NO_CONTROL, NO_TREATED
from clustereffects.did.group_time import group_time_effects
from clustereffects.did.group_time_plan import GroupTimeData, GroupTimeOptions
from clustereffects.did.logit import NO_OVERLAP
from support.dense_influence import dense_influence

TIMES = np.array([2001, 2002, 2003, 2004])
METHODS = ("dr", "dr_improved", "ipw", "reg")


def _data(seed=0, n=160, share=1.0, **parts):
    """Firms with a share of their years as long rows; one time-constant covariate."""
    rng = np.random.default_rng(seed)
    size = rng.standard_normal(n)
    cohorts = rng.choice([2003.0, 2004.0, np.nan], n, p=[0.3, 0.2, 0.5])
    rows = np.flatnonzero(rng.random(n * 4) < share)
    firm, time = rows // 4, rows % 4
    y = size[firm] * time + (TIMES[time] >= cohorts[firm]) + rng.standard_normal(len(rows))
    arrays = {
        "outcome": y,
        "time": time,
        "cohorts": cohorts[firm],
        "units": firm,
        "times": TIMES,
        "covariates": size[firm, None],
    }
    return CrossSectionData(**(arrays | parts))


def _rows(data, keep):
    names = ("outcome", "time", "cohorts", "units", "covariates", "weights", "groups")
    parts = {name: getattr(data, name) for name in names}
    return replace(data, **{name: None if part is None else part[keep] for name, part in parts.items()})


def _fit(data, method="reg", **options):
    return cross_section_effects(data, GroupTimeOptions(method=method, **options))


def _reasons(found, data):
    return {(c.cohort, int(data.times[c.time])): r for c, r in zip(found.cells, found.reasons, strict=True)}


def _dense(found, n):
    matrix = np.zeros((n, len(found.cells)))
    for column, (units, values) in enumerate(found.influence):
        matrix[units, column] = values
    return matrix


def _same(found, expected, rtol=1e-12):
    assert found.reasons == expected.reasons
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=rtol, atol=1e-12)
    for (units, values), (other, wanted) in zip(found.influence, expected.influence, strict=True):
        np.testing.assert_array_equal(units, other)
        np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("base", ["varying", "universal"])
def test_a_balanced_panel_gives_the_same_as_the_estimator_for_panels(method, control, base):
    """With covariates that do not change, levels and changes tell the same story, unit by unit."""
    data = _data(1)
    shape = (data.n_units, 4)
    panel = GroupTimeData(
        outcome=data.outcome.reshape(shape),
        cohorts=data.cohorts.reshape(shape)[:, 0],
        times=TIMES,
        covariates=data.covariates.reshape(*shape, 1),
    )
    options = GroupTimeOptions(method=method, control=control, base_period=base)
    expected, found = group_time_effects(panel, options), cross_section_effects(data, options)
    assert found.cells == expected.cells
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(_dense(found, data.n_units), dense_influence(expected), rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(found.n_treated, expected.n_treated)
    np.testing.assert_array_equal(found.n_control, expected.n_control)
    np.testing.assert_array_equal(found.used.reshape(shape), expected.used)


@pytest.mark.parametrize("method", METHODS)
def test_rows_that_cannot_be_used_are_as_good_as_absent(method):
    data = _data(2, share=0.8)
    data = replace(data, weights=np.random.default_rng(0).uniform(0.5, 2.0, len(data.outcome)))
    bad = np.arange(len(data.outcome)) % 7
    broken = replace(
        data,
        outcome=np.where(bad == 1, np.nan, data.outcome),
        covariates=np.where(bad[:, None] == 2, np.nan, data.covariates),
        weights=np.select([bad == 3, bad == 4], [0.0, np.nan], data.weights),
    )
    unusable = (bad > 0) & (bad < 5)
    found = _fit(broken, method)
    _same(found, _fit(_rows(data, ~unusable), method), rtol=1e-9)
    assert not (found.used & unusable).any()


@pytest.mark.parametrize("method", METHODS)
def test_groups_are_compared_with_all_comparison_cohorts(method):
    data = _data(3, n=400, share=0.8)
    groups = np.where(np.isfinite(data.cohorts), data.units % 2, -1)
    found = _fit(replace(data, groups=groups), method)
    for group in (0, 1):
        alone = _rows(data, (groups == group) | np.isnan(data.cohorts))
        # Without the other group's cohorts as comparisons only never-treated units are the same in both.
        expected = _fit(alone, method, control="never_treated")
        ours = _fit(replace(data, groups=groups), method, control="never_treated")
        pick = [c for c, cell in enumerate(ours.cells) if cell.group == group]
        np.testing.assert_allclose(ours.estimate[pick], expected.estimate, rtol=1e-9)
    assert [cell.group for cell in found.cells] == [0] * 3 + [1] * 3 + [0] * 3 + [1] * 3
    assert np.isfinite(found.estimate).all()
    for cell, (units, weight) in zip(found.cells, found.members, strict=True):
        there = (data.cohorts == cell.cohort) & (groups == cell.group)
        np.testing.assert_array_equal(units, np.unique(data.units[there]))
        np.testing.assert_array_equal(weight, 1.0)


def test_comparison_cohorts_are_those_not_treated_by_then():
    """2003 in 2003 against 2004 and never, in 2004 against never only; anticipation moves both by a year."""
    data = _data(4, share=0.9)
    for anticipation, cohort in ((0, 2004.0), (1, 2005.0)):
        cohorts = np.where(data.cohorts == 2004.0, cohort, data.cohorts)
        part = replace(data, cohorts=cohorts)
        shifted = replace(part, outcome=part.outcome + 1000.0 * (cohorts == cohort) * (part.time == 3))
        found, moved = _fit(part, anticipation=anticipation), _fit(shifted, anticipation=anticipation)
        own = [c for c, cell in enumerate(found.cells) if cell.cohort == 2003]
        times = [found.cells[c].time for c in own]
        np.testing.assert_allclose(moved.estimate[own], found.estimate[own], rtol=1e-9)
        assert times[-2:] == [2, 3]
        assert found.n_control[own[-2]] > found.n_control[own[-1]]


def test_a_reference_period_is_zero_and_needs_observations():
    data = _data(5)
    found = _fit(data, base_period="universal")
    for c, cell in enumerate(found.cells):
        assert (found.estimate[c] == 0.0) == cell.is_reference == (len(found.influence[c][0]) == 0)
    gone = _fit(_rows(data, ~((data.time == 1) & (data.cohorts == 2003))), base_period="universal")
    assert all(_reasons(gone, data)[2003, year] == NO_TREATED for year in TIMES)


def test_a_reference_period_uses_no_observation():
    data = _data()
    twice = np.repeat(data.covariates, 2, axis=1)
    found = _fit(replace(data, covariates=twice), "dr", base_period="universal")
    assert {cell.is_reference for cell, why in zip(found.cells, found.reasons, strict=True) if not why} == {True}
    assert not found.used.any()


def test_missing_sides_have_a_reason_and_the_rest_goes_on():
    data = _data(6)
    found = _fit(_rows(data, ~((data.time == 2) & (data.cohorts == 2004))))
    reasons = _reasons(found, data)
    assert reasons[2004, 2003] == reasons[2004, 2004] == NO_TREATED
    assert reasons[2004, 2002] == reasons[2003, 2003] == ""
    assert np.isfinite(found.estimate).sum() == 4
    late = _rows(data, (data.time != 3) | np.isfinite(data.cohorts))
    found = _fit(late)
    reasons = _reasons(found, data)
    assert reasons[2003, 2004] == reasons[2004, 2004] == NO_CONTROL
    lost = [c for c, reason in enumerate(found.reasons) if reason]
    assert np.isnan(found.estimate[lost]).all()
    assert all(len(found.influence[c][0]) == 0 for c in lost)
    assert not found.used[late.time == 3].any()


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw"])
def test_no_overlap_has_a_reason(method):
    data = _data(7)
    apart = replace(data, covariates=np.where(np.isfinite(data.cohorts), 1.0, -1.0)[:, None] + 0.1 * data.covariates)
    assert set(_fit(apart, method, control="never_treated").reasons) == {NO_OVERLAP}


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw"])
def test_collinear_covariates_have_a_reason(method):
    data = _data(8)
    twice = replace(data, covariates=np.column_stack([data.covariates, 2.0 * data.covariates]))
    assert set(_fit(twice, method).reasons) == {COLLINEAR}


def test_regression_ignores_covariates_that_say_nothing():
    """Industries without any observation, or without treated ones, do not matter to what can be predicted."""
    data = _data(9)
    twice = replace(data, covariates=np.column_stack([data.covariates, data.covariates + 1.0]))
    _same(_fit(twice), _fit(data), rtol=1e-9)
    rare = (data.cohorts == 2003) & (data.units % 5 == 0)
    only_treated = replace(data, covariates=np.column_stack([data.covariates, rare]))
    reasons = _reasons(_fit(only_treated), data)
    assert reasons[2003, 2003] == NOT_COMPARABLE
    assert reasons[2004, 2004] == ""


def test_regression_needs_covariates_that_vary_in_both_periods():
    data = _data(10)
    late = np.isnan(data.cohorts) & (data.units % 5 == 0) & (data.time == 3)
    found = _fit(replace(data, covariates=np.column_stack([data.covariates, late])), control="never_treated")
    assert _reasons(found, data)[2003, 2004] == COLLINEAR


@pytest.mark.parametrize("method", METHODS)
def test_influence_is_sparse_and_sums_within_units(method):
    data = _data(11, share=0.7)
    found = _fit(data, method)
    alone = _fit(replace(data, units=np.arange(len(data.outcome))), method)
    np.testing.assert_array_equal(found.estimate, alone.estimate)
    for (units, values), (rows, parts) in zip(found.influence, alone.influence, strict=True):
        np.testing.assert_array_equal(units, np.unique(data.units[rows]))
        scale = data.n_units / len(data.outcome)
        sums = np.bincount(data.units[rows], parts * scale, data.n_units)[units]
        np.testing.assert_allclose(values, sums, rtol=1e-10, atol=1e-12)


def test_members_weigh_their_mean_weight_and_cells_share_them():
    data = _data(12, share=0.7)
    data = replace(data, weights=np.random.default_rng(1).uniform(0.5, 2.0, len(data.outcome)))
    found = _fit(data)
    first = found.members[0]
    assert all(pair is first for cell, pair in zip(found.cells, found.members, strict=True) if cell.cohort == 2003)
    for unit, weight in zip(*first, strict=True):
        np.testing.assert_allclose(weight, data.weights[data.units == unit].mean(), rtol=1e-12)


def test_trimming_reaches_the_cells():
    data = _data(13)
    assert set(_fit(data, "ipw", trim=1e-6).reasons) == {NO_OVERLAP}
    assert not np.allclose(_fit(data, "ipw", trim=0.45).estimate, _fit(data, "ipw").estimate)


def test_anticipation_as_in_did_2_5_1_compares_with_the_period_before():
    data = replace(_data(15), time=_data(15).time + 2, times=np.arange(1999, 2005))
    bases = {
        convention: {(c.cohort, c.time): c.base for c in _fit(data, anticipation=2, convention=convention).cells}
        for convention in ("paper", "did_2.5.1")
    }
    assert (bases["paper"][2004, 4], bases["did_2.5.1"][2004, 4]) == (2, 3)


def test_no_usable_row_leaves_reasons_only():
    data = _data(14)
    found = _fit(replace(data, outcome=np.full(len(data.outcome), np.nan)))
    assert set(found.reasons) == {NO_TREATED}
    assert np.isnan(found.estimate).all()
    assert not found.used.any()
    assert all(len(units) == 0 for units, _ in found.members)
