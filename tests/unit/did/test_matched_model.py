"""Model of the controls' changes: slopes, shrunken intercepts, and residuals of the right size."""

import numpy as np
import pytest

from clustereffects.did.matched_arrays import MatchedSample, effects_at, reference
from clustereffects.did.matched_model import ControlRows, fit_change_model, shrunken_means

NOBODY = np.zeros(0, dtype=int)


def rows(n=80, p=2, strata=8, rng=0, between=0.5):
    rng = np.random.default_rng(rng)
    stratum = np.sort(rng.integers(strata, size=n))
    x = rng.normal(size=(n, p)) + 0.2 * stratum[:, None]
    change = x @ np.arange(1, p + 1) + between * rng.normal(size=strata)[stratum] + rng.normal(size=n)
    return ControlRows(change, x, rng.exponential(size=n), stratum, stratum // 4)


def test_slopes_are_weighted_least_squares_with_stratum_effects():
    data = rows()
    dummies = (data.stratum[:, None] == np.unique(data.stratum)).astype(float)
    root = np.sqrt(data.weight)[:, None]
    design = np.hstack([data.covariates, dummies])
    expected = np.linalg.lstsq(design * root, data.change * root[:, 0], rcond=None)[0][:2]
    model = fit_change_model(data)
    assert model.level == "stratum"
    np.testing.assert_allclose(model.slope, expected, rtol=1e-10)


def test_thin_strata_fall_back_to_cohorts_and_then_to_nothing():
    data = rows(n=60, strata=8)
    thin = ControlRows(data.change, data.covariates, data.weight, np.arange(60), data.cohort)
    model = fit_change_model(thin)
    assert model.level == "cohort"
    dummies = (data.cohort[:, None] == np.unique(data.cohort)).astype(float)
    root = np.sqrt(data.weight)[:, None]
    design = np.hstack([data.covariates, dummies])
    np.testing.assert_allclose(
        model.slope, np.linalg.lstsq(design * root, data.change * root[:, 0], rcond=None)[0][:2], rtol=1e-10
    )
    few = ControlRows(*(part[:12] for part in (data.change, data.covariates, data.weight, data.stratum, data.cohort)))
    assert fit_change_model(few).level == "none"
    assert fit_change_model(few).slope.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("own", [True, False])
def test_noise_has_the_size_of_the_changes(own):
    """The scaling equals the length of each row of the residual maker, built explicitly."""
    data = rows(strata=8 if own else 60)
    if not own:
        data = ControlRows(data.change, data.covariates, data.weight, np.arange(80) // 2, np.arange(80) // 40)
    model = fit_change_model(data)
    n = len(data.change)
    at = np.linalg.inv
    centre = np.eye(n)
    codes = data.stratum if model.level == "stratum" else data.cohort
    for code in np.unique(codes):
        inside = codes == code
        centre[inside] -= inside * data.weight / data.weight[inside].sum()
    within, weight = centre @ data.covariates, np.diag(data.weight)
    slopes = at(within.T @ weight @ within) @ within.T @ weight
    means = shrunken_means(data.change - data.covariates @ model.slope, data.stratum, data.cohort)
    maker = means.deviations(np.eye(n)) @ (np.eye(n) - data.covariates @ slopes)
    np.testing.assert_allclose(model.residual, maker @ data.change, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(model.noise * np.sqrt((maker**2).sum(axis=1)), model.residual, rtol=1e-9, atol=1e-11)


def test_noise_is_unbiased_under_heavy_and_unequal_use():
    rng = np.random.default_rng(3)
    base = rows(n=30, p=2, strata=1, rng=4)
    weight = rng.exponential(size=30) ** 3
    square = np.zeros(30)
    for _ in range(4000):
        change = base.covariates @ np.array([0.5, -1.0]) + rng.normal(size=30)
        square += fit_change_model(ControlRows(change, base.covariates, weight, base.stratum, base.cohort)).noise ** 2
    np.testing.assert_allclose(square / 4000, 1.0, atol=0.12)


def test_equal_strata_shrink_to_the_cohort_and_different_ones_do_not():
    same = rows(n=4000, p=0, strata=40, between=0.0)
    assert shrunken_means(same.change, same.stratum, same.cohort).share.max() < 0.35
    apart = rows(n=4000, p=0, strata=40, between=3.0)
    assert shrunken_means(apart.change, apart.stratum, apart.cohort).share.min() > 0.95


def test_variance_between_strata_is_recovered():
    values = rows(n=6000, p=0, strata=400, between=0.7, rng=8)
    cohort = np.zeros(6000, dtype=int)
    means = shrunken_means(values.change, values.stratum, cohort)
    size = np.bincount(values.stratum)[values.stratum]
    ratio = means.share / (1 - means.share) / size
    assert ratio.mean() == pytest.approx(0.49, rel=0.15)


def test_a_lone_control_gets_the_typical_noise():
    alone = np.array([0] * 20 + [1])
    data = ControlRows(
        np.r_[np.random.default_rng(0).normal(size=20), 7.0], np.zeros((21, 0)), np.ones(21), alone, alone
    )
    model = fit_change_model(data)
    assert model.residual[-1] == 0
    assert model.noise[-1] == pytest.approx(np.sqrt((model.noise[:-1] ** 2).mean()))


def test_a_constant_covariate_has_no_slope():
    data = rows()
    model = fit_change_model(
        ControlRows(
            data.change, np.column_stack([data.covariates, np.ones(80)]), data.weight, data.stratum, data.cohort
        )
    )
    np.testing.assert_allclose(model.slope, [*fit_change_model(data).slope, 0.0], rtol=1e-8, atol=1e-10)


def test_collinear_covariates_predict_as_one():
    data = rows(p=1)
    twice = ControlRows(data.change, np.hstack([data.covariates] * 2), data.weight, data.stratum, data.cohort)
    assert fit_change_model(twice).slope.sum() == pytest.approx(fit_change_model(data).slope[0], rel=1e-8)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="needs at least one control"):
        fit_change_model(ControlRows(np.zeros(0), np.zeros((0, 1)), np.zeros(0), NOBODY, NOBODY))


def sample():
    return MatchedSample(
        outcome=np.array([[1.0, 4.0], [1.0, 2.0]]),
        times=np.array([4, 5]),
        joined=np.array([5.0, np.nan]),
        treated=np.zeros(1, int),
        group=np.zeros(1, int),
        mass=np.ones(1),
        treated_set=np.zeros(1, int),
        control=np.ones(1, int),
        control_set=np.zeros(1, int),
        share=np.ones(1),
        stratum=np.zeros(1, int),
        x_treated=np.zeros((1, 0)),
        x_control=np.zeros((1, 0)),
    )


def test_event_times_outside_the_panel_have_no_effect():
    part = effects_at(sample(), 3, bias_adjust=True)
    assert not part.used.any()
    assert np.isnan(part.effect).all()


def test_the_reference_is_zero_for_units_that_are_used():
    part = reference(sample(), np.array([True]))
    assert (part.event_time, part.effect.tolist(), part.weight.tolist()) == (-1, [0.0], [0.0])
    assert np.isnan(reference(sample(), np.array([False])).effect).all()
