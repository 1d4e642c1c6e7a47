"""Bias of designs that match on the outcome before joining: moments, paths of differences, formulae."""

import numpy as np
import pytest

from clustereffects.did.design_bias import Diagnosis, GapPath, diagnose, gap_path, matched_functions
from clustereffects.did.path_moments import CohortPaths, PathMoments, path_moments
from clustereffects.matching.reliability import Stability


def ar_covariance(permanent, transitory, persistence, periods):
    lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    return permanent + transitory * persistence**lag


def exact(permanent, transitory, persistence, periods, gap, loading=1.0, dip=0.0):
    """Diagnosis with the moments of a population."""
    horizon = 3
    ahead = np.arange(horizon)[:, None] + np.arange(periods, 0, -1)
    before = ar_covariance(permanent, transitory, persistence, periods)
    cross = loading * permanent + transitory * persistence**ahead
    path = GapPath("dip" if dip else "parallel", gap, dip, 0.0, np.zeros((3, 3)), persistence, 0.0)
    moments = PathMoments(
        before=np.repeat(before[None], 21, axis=0),
        own=np.broadcast_to(before, (21, horizon, periods, periods)),
        cross=np.repeat(cross[None], 21, axis=0),
        gap=path.at(np.arange(-periods, 0)),
        spread=1e-4,
        n_treated=100,
        n_controls=1000,
    )
    return Diagnosis(Stability(permanent, transitory, persistence), 0.0, np.full(horizon, loading), path, moments)


@pytest.mark.parametrize("loading", [1.0, 1.4, 0.7])
@pytest.mark.parametrize("periods", [2, 3, 5])
def test_white_noise_gives_the_formulae_of_ham_and_miratrix(loading, periods):
    """Bias (β₁ − β₀)δ without outcomes, β₁δ(1 − r) with all of them."""
    found = exact(0.6, 0.4, 0.0, periods, 0.3, loading)
    functions = matched_functions({"covariates": (), "lags": tuple(range(1, periods + 1))}, periods)
    without, _ = found.bias(functions["covariates"])
    with_all, _ = found.bias(functions["lags"])
    reliability = found.stability.reliability(periods)
    np.testing.assert_allclose(without, 0.3 * (loading - 1), atol=1e-12)
    np.testing.assert_allclose(with_all, 0.3 * loading * (1 - reliability), rtol=1e-10)


def test_a_level_that_is_matched_returns_to_the_mean():
    """Stationary noise: the controls' change given their level is −(1 − ρ^(h+1)) (1 − r) times its deviation."""
    found = exact(0.6, 0.4, 0.7, 4, 0.5)
    bias, _ = found.bias(matched_functions({"level": (1,)}, 4)["level"])
    np.testing.assert_allclose(bias, 0.5 * 0.4 * (1 - 0.7 ** np.array([1, 2, 3])), rtol=1e-10)


def test_growth_costs_nothing_with_a_constant_difference():
    found = exact(0.6, 0.4, 0.7, 4, 0.5)
    bias, _ = found.bias(matched_functions({"growth": (1, 3)}, 4)["growth"])
    np.testing.assert_allclose(bias, 0, atol=1e-12)


def test_a_dip_reverses_the_order():
    found = exact(0.6, 0.4, 0.7, 6, 0.0, dip=-0.4)
    lags = {"covariates": (), "level": (1,), "lags": (1, 2, 3, 4, 5, 6), "growth": (1, 3)}
    size = {name: found.bias(one)[0].mean() for name, one in matched_functions(lags, 6).items()}
    assert size["covariates"] == pytest.approx(0.4 * np.mean(1 - 0.7 ** np.arange(1, 4)))
    assert size["covariates"] == max(size.values())
    assert size["lags"] == min(size.values()) > 0


def test_functions_of_a_design():
    found = matched_functions({"covariates": (), "level": (1,), "lags": (1, 2), "growth": (1, 3)}, 3)
    assert found["covariates"].shape == (0, 3)
    assert found["level"].tolist() == [[0, 0, 1]]
    assert found["lags"].tolist() == [[0, 0, 1], [0, 1, 0]]
    assert found["growth"].tolist() == [[-0.5, 0, 0.5]]


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ((0.3, 0.0, 0.0), "parallel"),
        ((0.3, -0.6, 0.0), "dip"),
        ((0.8, 0.0, 0.2), "trend"),
        ((1.2, -0.8, 0.3), "dip and trend"),
    ],
)
def test_the_simplest_path_that_fits_is_chosen(parts, kind):
    times = np.arange(-5, 0)
    truth = GapPath("dip", *parts, np.zeros((3, 3)), 0.4, 0.0).at(times)
    found = gap_path(truth + 0.01 * np.array([1, -1, 0, 1, -1]), 4e-4 * np.eye(5), 0.4)
    assert found.kind == kind
    np.testing.assert_allclose(found.at(times), truth, atol=0.03)


def test_two_periods_know_a_dip_but_no_trend():
    assert gap_path(np.array([0.0, 1.0]), 0.01 * np.eye(2), 0.5).kind == "dip"
    assert gap_path(np.array([0.0, 0.1]), 0.01 * np.eye(2), 0.5).kind == "parallel"


def test_constant_differences_are_mostly_called_so():
    rng = np.random.default_rng(1)
    covariance = ar_covariance(0.2, 0.04, 0.7, 5) / 300
    draws = rng.multivariate_normal(np.full(5, 0.4), covariance, size=400)
    kinds = [gap_path(draw, covariance, 0.7).kind for draw in draws]
    assert 0.93 < np.mean([kind == "parallel" for kind in kinds]) < 0.99


def paths(rng, *, n=400, missing=0.0, strata=3, covariates=1, m=60):
    """Outcomes with a permanent part, strata with their own level, and covariates that move it."""
    stratum = rng.integers(strata, size=n)
    x = rng.normal(size=(n, covariates))
    treated = np.arange(n) < m
    y = rng.normal(size=(n, 1)) + stratum[:, None] + x @ np.ones((covariates, 1)) + 0.5 * rng.normal(size=(n, 6))
    y[treated] += 0.3
    y[rng.random(y.shape) < missing] = np.nan
    return CohortPaths(y[:, :4], y[:, 4:], x, treated, stratum, np.arange(n))


def plainly(one, event):
    """Gap and covariances by regressions and loops, of controls that are observed at the event time."""
    known = np.isfinite(one.before).all(axis=1)
    weight, rows, gaps = [], [], []
    for code in np.unique(one.stratum):
        inside = known & (one.stratum == code)
        controls = inside & ~one.treated
        seen = controls & np.isfinite(one.after[:, event])
        count = (inside & one.treated).sum()
        stacked = np.column_stack([one.before, one.after[:, event], one.covariates])
        rows.append(stacked[seen] - stacked[seen].mean(axis=0))
        weight.append(np.full(seen.sum(), count / (seen.sum() - 1)))
        own = np.column_stack([one.before, one.covariates])
        gaps.append(own[inside & one.treated] - own[controls].mean(axis=0))
    rows, weight, gap = np.concatenate(rows), np.concatenate(weight), np.concatenate(gaps).mean(axis=0)
    y, x = rows[:, :5], rows[:, 5:]
    slope = np.linalg.solve(x.T @ (weight[:, None] * x), x.T @ (weight[:, None] * y))
    left = y - x @ slope
    return left.T @ (weight[:, None] * left) / weight.sum(), gap[:4], gap[4:], slope[:, :4]


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_moments_are_those_of_plain_regressions(missing):
    one = paths(np.random.default_rng(3), missing=missing)
    found = path_moments([one])
    for event in range(2):
        expected, gap, shift, slope = plainly(one, event)
        np.testing.assert_allclose(found.own[0, event], expected[:4, :4], rtol=1e-9)
        np.testing.assert_allclose(found.cross[0, event], expected[4, :4], rtol=1e-9)
        if not missing:
            np.testing.assert_allclose(found.gap, gap - shift @ slope, rtol=1e-9)
            np.testing.assert_allclose(found.covariance, expected[:4, :4], rtol=1e-9)


def test_blocks_are_left_out_one_at_a_time():
    one = paths(np.random.default_rng(3), strata=1, covariates=0)
    found = path_moments([one])
    assert found.before.shape == (21, 4, 4)
    controls = ~one.treated
    centred = one.before[controls] - one.before[controls].mean(axis=0)
    for block in (0, 7):
        keep = one.unit[controls] % 20 != block
        expected = centred[keep].T @ centred[keep] / keep.sum()
        np.testing.assert_allclose(found.before[1 + block], expected, rtol=1e-9)


def test_cohorts_add_up_and_strata_without_controls_drop():
    rng = np.random.default_rng(3)
    one, other = paths(rng), paths(rng)
    both = path_moments([one, other])
    assert both.n_treated == path_moments([one]).n_treated + path_moments([other]).n_treated
    alone = CohortPaths(
        one.before, one.after, one.covariates, one.treated, np.where(one.treated, 9, one.stratum), one.unit
    )
    with pytest.raises(ValueError, match="no treated unit has a control of its stratum"):
        path_moments([alone])
    with pytest.raises(ValueError, match="no treated unit"):
        path_moments([])


def test_variance_of_the_gap_is_that_of_its_draws():
    gaps, spreads = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        found = path_moments([paths(rng, n=150, m=20, covariates=0, strata=2)])
        gaps.append(found.gap)
        spreads.append(np.diag(found.gap_covariance))
    ratio = np.mean(spreads, axis=0) / np.var(gaps, axis=0)
    assert (np.abs(ratio - 1) < 0.25).all()


def test_a_diagnosis_of_a_population_with_a_growing_confounder():
    rng = np.random.default_rng(5)
    theta = rng.normal(size=(20_000, 1))
    treated = np.arange(20_000) < 1000
    theta[treated] += 0.4
    y = theta * np.r_[1.0, 1.0, 1.0, 1.0, 1.5] + 0.5 * rng.normal(size=(20_000, 5))
    one = CohortPaths(y[:, :4], y[:, 4:], np.empty((20_000, 0)), treated, np.zeros(20_000, int), np.arange(20_000))
    found = diagnose(path_moments([one]))
    assert found.loading[0] == pytest.approx(1.5, abs=0.03)
    assert found.stability.reliability() == pytest.approx(0.8, abs=0.02)
    assert found.reliability_std_error < 0.01
    bias, error = found.bias(np.empty((0, 4)))
    assert bias[0] == pytest.approx(0.2, abs=0.06)
    assert 0 < error[0] < 0.05
