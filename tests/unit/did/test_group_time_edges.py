"""The kernel where data are thin or extreme: what one part of the sample is like must not decide about another."""

import dataclasses

import numpy as np
import pytest

from clustereffects.did._layout import compare_cells, lay_out
from clustereffects.did._scores import fit_scores, frame_of
from clustereffects.did.group_time import NO_CONTROL, NO_TREATED, GroupTimeData, group_time_effects
from clustereffects.did.group_time_cell import Comparison
from clustereffects.did.group_time_plan import GroupTimeOptions, plan_cells
from clustereffects.did.logit import fit_propensity
from clustereffects.did.two_periods import two_periods
from support.dense_influence import dense_influence

TIMES = np.arange(1, 5)
METHODS = ["dr", "dr_improved", "ipw", "reg"]


def _data(seed=0, n=90, **parts):
    rng = np.random.default_rng(seed)
    covariates = rng.standard_normal((n, 2))
    cohorts = np.where(rng.random(n) < 1 / (1 + np.exp(-covariates[:, 0])), rng.choice([2.0, 4.0], n), np.nan)
    outcome = rng.standard_normal((n, len(TIMES))) + covariates[:, :1]
    given = {"outcome": outcome, "cohorts": cohorts, "covariates": covariates}
    return GroupTimeData(times=TIMES, **(given | parts))


@pytest.mark.parametrize("method", METHODS)
def test_covariates_without_and_weights_with_periods_may_both_have_gaps(method):
    data = _data()
    data.covariates[:5] = np.nan
    weights = np.random.default_rng(1).uniform(0.5, 2.0, data.outcome.shape)
    weights[10:20, 1] = 0.0
    over_time = np.repeat(data.covariates[:, None], len(TIMES), axis=1)
    options = GroupTimeOptions(method=method)
    found, wide = (
        group_time_effects(dataclasses.replace(data, weights=weights, covariates=x), options)
        for x in (data.covariates, over_time)
    )
    assert np.isfinite(found.estimate).all()
    np.testing.assert_allclose(found.estimate, wide.estimate, rtol=1e-10)
    np.testing.assert_array_equal(found.used, wide.used)


@pytest.mark.parametrize("method", METHODS)
def test_comparisons_that_lack_one_side_are_named_and_leave_the_others_alone(method):
    data = _data()
    data.outcome[data.cohorts == 4, 2] = np.nan
    data.outcome[np.isnan(data.cohorts), 3] = np.nan
    found = group_time_effects(data, GroupTimeOptions(method=method, control="never_treated"))
    reasons = {(cell.cohort, TIMES[cell.time]): why for cell, why in zip(found.cells, found.reasons, strict=True)}
    assert reasons == {
        (2, 2): "",
        (2, 3): "",
        (2, 4): NO_CONTROL,
        (4, 2): "",
        (4, 3): NO_TREATED,
        (4, 4): NO_TREATED,
    }


def test_a_comparison_does_not_depend_on_coefficients_of_another():
    """Coefficients of another comparison only say where to start; from far away Newton's method may not get back."""
    data, options = _data(), GroupTimeOptions(control="never_treated")
    cells = plan_cells(data.cohorts, data.times, options)
    layout = lay_out(data, options, cells)
    (comparison,) = compare_cells(layout, options, cells, data.times)
    frame = frame_of(layout, comparison)
    alone = fit_scores(layout, comparison, frame, {})
    far = {arm: np.array([-46.0, 11.0, -57.0]) for arm in comparison.arms}
    found = fit_scores(layout, comparison, frame, far)
    assert found.reasons == alone.reasons == ("", "")
    np.testing.assert_allclose(found.theta, alone.theta, rtol=1e-6)
    own = data.cohorts == layout.segments[comparison.arms[0]].cohort
    rows = own | np.isnan(data.cohorts)
    design = layout.design[0][:, np.argsort(layout.order)].T
    expected = fit_propensity(design[rows], own[rows], np.ones(rows.sum()))
    np.testing.assert_allclose(alone.theta[0], expected.coefficients, rtol=1e-6)


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw"])
@pytest.mark.parametrize("trim", [0.5, 0.7, 0.995])
def test_trimmed_comparison_units_have_no_weight_in_any_part(method, trim):
    data = _data()
    options = GroupTimeOptions(method=method, control="never_treated", trim=trim)
    found = group_time_effects(data, options)
    place = next(i for i, cell in enumerate(found.cells) if (cell.cohort, cell.time, cell.base) == (2, 3, 0))
    own = data.cohorts == 2
    rows = own | np.isnan(data.cohorts)
    cell = Comparison(
        change=(data.outcome[:, 3] - data.outcome[:, 0])[rows],
        treated=own[rows],
        design=np.column_stack([np.ones(rows.sum()), data.covariates[rows]]),
        weights=np.ones(rows.sum()),
    )
    expected = two_periods(cell, method, trim)
    np.testing.assert_allclose(found.estimate[place], expected.estimate, rtol=1e-8)
    influence = dense_influence(found)[rows, place] * rows.sum() / len(rows)
    np.testing.assert_allclose(influence, expected.influence, rtol=1e-6, atol=1e-8)


def test_a_reference_cell_uses_nobody():
    """A unit observed in the base period alone says nothing about any effect and counts in no weight."""
    data = _data()
    early, never = np.flatnonzero(data.cohorts == 4)[0], np.flatnonzero(np.isnan(data.cohorts))[0]
    for unit in (early, never):
        data.outcome[unit] = [np.nan, np.nan, 1.0, np.nan]
    for base in ("varying", "universal"):
        found = group_time_effects(data, GroupTimeOptions(base_period=base, method="reg"))
        assert not found.used[[early, never]].any()
        assert found.source.n_units == data.n_units - 2
