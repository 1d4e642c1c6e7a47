"""How stable an outcome is, and the rule of Ham & Miratrix."""

import numpy as np
import pytest

from clustereffects.matching.reliability import Guideline, Stability, guideline, stability


def covariance(permanent, transitory, persistence, periods):
    lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    return permanent + transitory * persistence**lag


@pytest.mark.parametrize("persistence", [0.0, 0.35, 0.7])
@pytest.mark.parametrize("periods", [3, 4, 6])
def test_parts_are_recovered_from_exact_covariances(persistence, periods):
    found = stability(covariance(0.8, 0.3, persistence, periods))
    assert found.permanent == pytest.approx(0.8, abs=0.01)
    assert found.transitory == pytest.approx(0.3, abs=0.01)
    assert found.persistence == pytest.approx(persistence, abs=0.006)


def test_two_periods_are_read_as_white_noise():
    found = stability(covariance(0.8, 0.3, 0.0, 2))
    assert (found.permanent, found.transitory, found.persistence) == pytest.approx((0.8, 0.3, 0.0))


def test_variances_are_never_negative():
    alternating = np.array([[1.0, -0.4, 0.1], [-0.4, 1.0, -0.4], [0.1, -0.4, 1.0]])
    found = stability(alternating)
    assert found.permanent == 0.0
    assert found.transitory > 0
    assert stability(np.ones((3, 3))).transitory == pytest.approx(0.0, abs=1e-9)


def test_reliability_of_a_mean_counts_the_persistence():
    white, persistent = Stability(1.0, 1.0, 0.0), Stability(1.0, 1.0, 0.7)
    assert white.reliability(1) == persistent.reliability(1) == 0.5
    assert white.reliability(4) == pytest.approx(0.8)
    assert persistent.reliability(4) < 0.65
    assert np.isnan(Stability(0.0, 0.0, 0.0).reliability())


def test_one_period_is_not_enough():
    with pytest.raises(ValueError, match="at least two periods"):
        stability(np.ones((1, 1)))
    with pytest.raises(ValueError, match="at least two periods"):
        guideline(np.ones((1, 1)), np.ones(1), 0.1)


def test_rule_recovers_the_population_of_its_authors_example():
    """Their simulation: slopes 0.5 and 1.5, noise 0.8, four periods, confounder given a covariate correlated 0.2."""
    slope_before, slope_after, noise, periods, correlation = 0.5, 1.5, 0.8, 4, 0.2
    variance = 1 - correlation**2
    imbalance = 0.9 - correlation * 0.2
    before = slope_before**2 * variance + noise**2 * np.eye(periods)
    found = guideline(before, np.full(periods, slope_before * slope_after * variance), slope_before * imbalance)
    reliability = periods * slope_before**2 * variance / (periods * slope_before**2 * variance + noise**2)
    assert found.reliability == pytest.approx(reliability, rel=1e-12)
    assert found.bias_without == pytest.approx((slope_after - slope_before) * imbalance, rel=1e-12)
    assert found.bias_with == pytest.approx(slope_after * imbalance * (1 - reliability), rel=1e-12)
    assert found.match
    assert abs(found.bias_with) < abs(found.bias_without)


@pytest.mark.parametrize(("slope_after", "reliability"), [(0.5, 0.9), (0.7, 0.6), (1.5, 0.5), (1.5, 0.2), (0.2, 0.3)])
def test_rule_is_the_comparison_of_the_two_biases(slope_after, reliability):
    found = Guideline(reliability=reliability, slope_before=0.5, slope_after=slope_after, imbalance=-0.4)
    assert found.match == (abs(found.bias_with) <= abs(found.bias_without))


def test_nothing_stable_gives_no_advice():
    found = guideline(np.eye(3), np.zeros(3), 0.1)
    assert found.reliability == 0.0
    assert not np.isfinite(found.slope_after)
