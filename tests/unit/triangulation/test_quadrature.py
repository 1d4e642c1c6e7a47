import numpy as np
import pytest
from scipy import stats

from clustereffects.errors import EstimationError
from clustereffects.triangulation import quadrature
from clustereffects.triangulation.quadrature import integrate_cells


@pytest.mark.parametrize("power", range(24))
def test_the_rule_integrates_polynomials_up_to_degree_23(power):
    exact = (1 - (-1) ** (power + 1)) / (power + 1)
    assert quadrature._KRONROD @ quadrature._NODES**power == pytest.approx(exact, abs=1e-14)
    if power < 14:
        assert quadrature._GAUSS @ quadrature._NODES**power == pytest.approx(exact, abs=1e-14)


def _normal(mean, sd):
    return lambda index, x: stats.norm.logpdf(x, mean[index][:, None], sd[index][:, None])


def test_many_densities_at_once_far_apart_and_of_different_width():
    mean, sd = np.array([0.0, 5.0, -3.0]), np.array([1.0, 0.01, 30.0])
    edges = np.array([-1.0, 1.0])
    ladder = mean[:, None] + sd[:, None] * np.linspace(-10, 10, 11)
    outer = np.broadcast_to([-400.0, -1.0, 1.0, 400.0], (3, 4))
    cells = integrate_cells(_normal(mean, sd), np.sort(np.concatenate([ladder, outer], axis=1)), edges, mean)
    exact = np.diff(stats.norm.cdf([[-np.inf], [-1.0], [1.0], [np.inf]], mean, sd), axis=0).T
    np.testing.assert_allclose(np.exp(cells.log_mass), exact, rtol=1e-9, atol=1e-300)
    assert (cells.error < 1e-8).all()


def test_a_narrow_peak_inside_a_wide_panel_is_found_by_halving():
    mean, sd = np.array([0.3]), np.array([0.02])
    cells = integrate_cells(_normal(mean, sd), np.array([[-4.0, 0.0, 4.0]]), np.array([0.0]), mean)
    assert np.exp(cells.log_mass).sum() == pytest.approx(1.0, rel=1e-9)


def test_moments_within_a_cell():
    cells = integrate_cells(_normal(np.zeros(1), np.ones(1)), np.array([[-10.0, 0.0, 10.0]]), np.zeros(1), np.zeros(1))
    np.testing.assert_allclose(cells.first, [[-np.sqrt(2 / np.pi), np.sqrt(2 / np.pi)]], rtol=1e-10)
    np.testing.assert_allclose(cells.second, [[1.0, 1.0]], rtol=1e-10)


def test_a_density_that_cannot_be_integrated_is_refused():
    with pytest.raises(EstimationError, match="did not converge"):
        integrate_cells(lambda _, x: 5 * np.sin(1e8 * x), np.array([[0.0, 1.0]]), np.zeros(0), np.zeros(1))
