"""The kernel on small panels: reasons, units used, reuse of the logit."""

import dataclasses

import numpy as np
import pytest

from clustereffects.did import group_time
from clustereffects.did._linear import COLLINEAR
from clustereffects.did.group_time import (
    NO_CONTROL,
    NO_TREATED,
    NOT_COMPARABLE,
    GroupTimeData,
    group_time_effects,
    group_time_effects_of,
)
from clustereffects.did.group_time_plan import GroupTimeOptions
from clustereffects.did.logit import NO_OVERLAP
from support.dense_influence import dense_influence

TIMES = np.arange(1, 6)


def _data(seed=0, n=80, k=0, **parts):
    rng = np.random.default_rng(seed)
    cohorts = rng.choice([3.0, 4.0, np.nan], n)
    covariates = rng.standard_normal((n, 1, k)).repeat(len(TIMES), axis=1) if k else None
    given = {"outcome": rng.standard_normal((n, len(TIMES))), "cohorts": cohorts, "covariates": covariates}
    return GroupTimeData(times=TIMES, **(given | parts))


def _cell(found, cohort, time):
    return next(i for i, c in enumerate(found.cells) if (c.cohort, TIMES[c.time]) == (cohort, time))


def test_a_cell_is_a_difference_of_mean_changes_among_complete_pairs():
    data = _data()
    data.outcome[np.random.default_rng(1).random(data.outcome.shape) < 0.2] = np.nan
    found = group_time_effects(data, GroupTimeOptions())
    change = data.outcome[:, 3] - data.outcome[:, 1]
    own, other = data.cohorts == 3, np.isnan(data.cohorts)
    c = _cell(found, 3, 4)
    np.testing.assert_allclose(found.estimate[c], np.nanmean(change[own]) - np.nanmean(change[other]), rtol=1e-12)
    pairs = np.isfinite(change)
    assert (found.n_treated[c], found.n_control[c]) == ((own & pairs).sum(), (other & pairs).sum())


def test_influence_has_the_scale_of_the_whole_sample():
    data = _data()
    found = group_time_effects(data, GroupTimeOptions())
    c = _cell(found, 3, 4)
    change = data.outcome[:, 3] - data.outcome[:, 1]
    parts = [change[data.cohorts == 3], change[np.isnan(data.cohorts)]]
    expected = np.sqrt(sum(part.var() / len(part) for part in parts))
    np.testing.assert_allclose(np.sqrt((dense_influence(found)[:, c] ** 2).sum()) / data.n_units, expected, rtol=1e-12)


def test_not_yet_treated_units_are_compared_until_they_are_treated():
    found = group_time_effects(_data(), GroupTimeOptions())
    cohorts = _data().cohorts
    later, never = (cohorts == 4).sum(), np.isnan(cohorts).sum()
    assert found.n_control[_cell(found, 3, 3)] == later + never
    assert found.n_control[_cell(found, 3, 4)] == never
    assert group_time_effects(_data(), GroupTimeOptions(control="never_treated")).n_control[0] == never


def test_anticipating_units_are_no_comparison():
    found = group_time_effects(_data(), GroupTimeOptions(anticipation=1))
    assert found.n_control[_cell(found, 3, 3)] == np.isnan(_data().cohorts).sum()


def test_cells_without_units_have_reasons():
    data = _data()
    data.outcome[data.cohorts == 3, 4] = np.nan
    data.outcome[np.isnan(data.cohorts), 3] = np.nan
    found = group_time_effects(data, GroupTimeOptions(control="never_treated"))
    assert found.reasons[_cell(found, 3, 5)] == NO_TREATED
    assert found.reasons[_cell(found, 4, 4)] == NO_CONTROL
    assert found.reasons[_cell(found, 3, 3)] == ""
    lost = np.array([bool(reason) for reason in found.reasons])
    np.testing.assert_array_equal(np.isnan(found.estimate), lost)
    assert not dense_influence(found)[:, lost].any()


def test_cells_with_impossible_covariates_have_reasons():
    data = _data(k=1)
    data.covariates[data.cohorts == 3] += 100
    found = group_time_effects(data, GroupTimeOptions())
    assert set(np.array(found.reasons)[[c.cohort == 3 for c in found.cells]]) == {NO_OVERLAP}
    assert np.isfinite(found.estimate[[c.cohort == 4 for c in found.cells]]).any()
    data = _data(k=1)
    data.covariates[np.isnan(data.cohorts)] = 1.0
    found = group_time_effects(data, GroupTimeOptions(method="reg", control="never_treated"))
    assert set(found.reasons) == {NOT_COMPARABLE}
    found = group_time_effects(data, GroupTimeOptions(control="never_treated"))
    assert COLLINEAR in set(found.reasons)


def _with_kinds(kinds, categories):
    """One covariate and indicators of all categories but the first."""
    data = _data(k=1)
    indicators = (kinds[:, None] == np.array(categories[1:])).astype(float)
    wide = np.repeat(indicators[:, None, :], len(TIMES), axis=1)
    return dataclasses.replace(data, covariates=np.concatenate([data.covariates, wide], axis=2))


@pytest.mark.parametrize("categories", [(0, 1, 2, 9), (9, 0, 1, 2)])
def test_kinds_without_any_unit_compared_cost_nothing(categories):
    """Neither an indicator that is zero throughout nor the lack of the reference kind makes an effect unknown."""
    options = GroupTimeOptions(method="reg", control="never_treated")
    kinds = np.arange(80) % 3
    plain, found = (group_time_effects(_with_kinds(kinds, which), options) for which in ((0, 1, 2), categories))
    assert not any(found.reasons)
    np.testing.assert_allclose(found.estimate, plain.estimate, rtol=1e-9)
    np.testing.assert_allclose(dense_influence(found), dense_influence(plain), rtol=1e-7, atol=1e-9)


def test_a_kind_that_no_comparison_unit_has_makes_the_effect_unknown():
    kinds, cohorts = np.arange(80) % 3, _data().cohorts
    kinds[np.flatnonzero(cohorts == 3)[0]] = 9
    found = group_time_effects(
        _with_kinds(kinds, (0, 1, 2, 9)), GroupTimeOptions(method="reg", control="never_treated")
    )
    reasons = {(c.cohort, reason) for c, reason in zip(found.cells, found.reasons, strict=True)}
    assert reasons == {(3, NOT_COMPARABLE), (4, "")}


def test_units_without_covariates_in_the_base_period_are_left_out():
    data = _data(k=1)
    first = int(np.flatnonzero(data.cohorts == 3)[0])
    data.covariates[first, 1] = np.nan
    found = group_time_effects(data, GroupTimeOptions())
    assert dense_influence(found)[first, _cell(found, 3, 4)] == 0.0
    assert dense_influence(found)[first, _cell(found, 3, 2)] != 0.0
    assert found.used[first].tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
def test_a_logit_is_fitted_once_for_comparisons_of_equal_units(monkeypatch, control):
    fitted = []
    real = group_time.fit_scores
    monkeypatch.setattr(
        group_time, "fit_scores", lambda *args, **more: fitted.append(len(args[1].arms)) or real(*args, **more)
    )
    found = group_time_effects(_data(k=1), GroupTimeOptions(control=control))
    assert sum(fitted) == (2 if control == "never_treated" else 4)
    assert len(found.cells) == 8


def test_outcomes_observed_in_the_same_places_share_the_logits(monkeypatch):
    fitted = []
    real = group_time.fit_scores
    monkeypatch.setattr(group_time, "fit_scores", lambda *args, **more: fitted.append(1) or real(*args, **more))
    data, options = _data(k=1), GroupTimeOptions(control="never_treated")
    other = np.random.default_rng(5).normal(size=data.outcome.shape)
    gaps = np.where(np.random.default_rng(6).random(data.outcome.shape) < 0.1, np.nan, other)
    several = group_time_effects_of([data.outcome, other, gaps], data, options)
    calls = len(fitted)
    alone = [group_time_effects(dataclasses.replace(data, outcome=y), options) for y in (data.outcome, other, gaps)]
    assert calls == len(fitted) - calls - 1
    for one, same in zip(several, alone, strict=True):
        np.testing.assert_allclose(one.estimate, same.estimate, rtol=1e-10)
        np.testing.assert_allclose(dense_influence(one), dense_influence(same), rtol=1e-8, atol=1e-10)
    with pytest.raises(ValueError, match=r"the shape \(3, 5\), expected \(80, 5\)"):
        group_time_effects_of([np.zeros((3, 5))], data, options)


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw", "reg"])
def test_covariates_and_weights_that_do_not_change_may_come_without_periods(method):
    data = _data(k=2, weights=np.random.default_rng(2).uniform(0.5, 2, 80)[:, None].repeat(len(TIMES), axis=1))
    flat = dataclasses.replace(data, covariates=data.covariates[:, 0], weights=data.weights[:, 0])
    one, other = (group_time_effects(some, GroupTimeOptions(method=method)) for some in (data, flat))
    np.testing.assert_array_equal(one.estimate, other.estimate)


@pytest.mark.parametrize("part", ["covariates", "weights"])
def test_a_logit_is_fitted_anew_when_anything_it_depends_on_changes(part):
    data = _data(k=1, weights=np.ones((80, len(TIMES))))
    options = GroupTimeOptions(control="never_treated")
    before = group_time_effects(data, options)
    factor = np.random.default_rng(4).uniform(0.5, 1.5, 80)
    getattr(data, part)[:, 1] *= factor[:, None] if part == "covariates" else factor
    after = group_time_effects(data, options)
    changed = np.array([c.base == 1 for c in before.cells])
    np.testing.assert_allclose(after.estimate[~changed], before.estimate[~changed], rtol=1e-8)
    assert not np.isclose(after.estimate[changed], before.estimate[changed], rtol=1e-6).any()


def test_reference_cells_are_zero():
    found = group_time_effects(_data(), GroupTimeOptions(base_period="universal"))
    reference = [c.is_reference for c in found.cells]
    assert sum(reference) == 2
    assert not found.estimate[reference].any()
    assert not dense_influence(found)[:, reference].any()
