"""Critical values and multiplier draws against known distributions."""

import numpy as np
import pytest
from scipy import stats

from clustereffects.inference import (
    Influence,
    Multipliers,
    chi_square_p,
    critical_value,
    f_p,
    interquartile_scale,
    sup_t_critical_value,
    two_sided_p,
)


def test_critical_values_equal_scipy():
    assert critical_value(0.9) == pytest.approx(stats.norm.ppf(0.95), rel=1e-12)
    assert critical_value(0.95, df=7) == pytest.approx(stats.t.ppf(0.975, 7), rel=1e-10)
    statistic = np.array([-2.0, 0.3, np.nan])
    np.testing.assert_allclose(two_sided_p(statistic), 2 * stats.norm.sf(np.abs(statistic)), rtol=1e-12)
    np.testing.assert_allclose(two_sided_p(statistic, 5), 2 * stats.t.sf(np.abs(statistic), 5), rtol=1e-10)
    assert f_p(2.5, 3, 7) == pytest.approx(stats.f.sf(2.5, 3, 7), rel=1e-12)
    assert chi_square_p(3.3, 4) == pytest.approx(stats.chi2.sf(3.3, 4), rel=1e-12)


def test_sup_t_of_independent_terms_is_the_sidak_value():
    expected = stats.norm.ppf(0.5 + 0.95 ** (1 / 5) / 2)
    assert sup_t_critical_value(np.diag([1.0, 4.0, 9.0, 0.25, 1.0]), 0.95) == pytest.approx(expected, abs=0.03)


def test_sup_t_of_one_repeated_term_is_pointwise_and_leaves_out_references():
    cov = np.ones((4, 4))
    cov[3] = cov[:, 3] = 0.0
    assert sup_t_critical_value(cov, 0.95) == pytest.approx(1.96, abs=0.03)
    assert sup_t_critical_value(cov, 0.95) >= critical_value(0.95)
    assert np.isnan(sup_t_critical_value(np.zeros((2, 2)), 0.95))


@pytest.mark.parametrize("kind", ["rademacher", "mammen", "webb"])
def test_multipliers_reproduce_the_covariance(kind):
    rng = np.random.default_rng(3)
    psi = rng.normal(size=(300, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    draws = Influence(psi).draws(Multipliers(kind, 20_000, seed=4))
    expected = psi.T @ psi / 300**2
    np.testing.assert_allclose(draws.T @ draws / len(draws), expected, rtol=0.06)
    np.testing.assert_allclose(interquartile_scale(draws), np.sqrt(np.diag(expected)), rtol=0.05)


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        critical_value(1.0)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        sup_t_critical_value(np.eye(1), 0.0)
    with pytest.raises(ValueError, match="at least 1 degree"):
        chi_square_p(1.0, 0)
    with pytest.raises(ValueError, match="positive degrees of freedom, got 0 and 3"):
        f_p(1.0, 0, 3)
    with pytest.raises(ValueError, match="at least one draw"):
        interquartile_scale(np.zeros((0, 1)))
