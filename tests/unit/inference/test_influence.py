"""Covariances from influence functions against their definitions and against statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.inference import Influence, cluster_sums, clustered_covariance, intersections

RNG = np.random.default_rng(11)


def test_covariance_is_the_mean_of_squares_over_n():
    psi = RNG.normal(size=(50, 3))
    expected = sum(np.outer(row, row) for row in psi) / 50**2
    np.testing.assert_allclose(Influence(psi).covariance(), expected, rtol=1e-12)
    np.testing.assert_allclose(Influence(psi).variances(), np.diag(expected), rtol=1e-12)


def test_cluster_sums_equal_a_loop():
    psi, codes = RNG.normal(size=(40, 2)), RNG.integers(0, 7, 40)
    codes = np.unique(codes, return_inverse=True)[1]
    expected = np.array([psi[codes == g].sum(axis=0) for g in range(codes.max() + 1)])
    np.testing.assert_allclose(cluster_sums(psi, codes), expected, rtol=1e-12)


def test_clustered_covariance_equals_statsmodels_for_a_regression():
    import statsmodels.api as sm

    x = sm.add_constant(RNG.normal(size=(200, 2)))
    codes = np.repeat(np.arange(20), 10)
    y = x @ [1.0, 2.0, -1.0] + RNG.normal(size=20)[codes] + RNG.normal(size=200)
    options = {"groups": codes, "use_correction": False}
    reference = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds=options)
    psi = 200 * (x * reference.resid[:, None]) @ np.linalg.inv(x.T @ x)
    np.testing.assert_allclose(clustered_covariance(Influence(psi), [codes], [1.0]), reference.cov_params(), rtol=1e-8)


@pytest.mark.parametrize("corrected", [False, True])
def test_two_way_clustering_equals_statsmodels_for_a_regression(corrected):
    import statsmodels.api as sm

    x = sm.add_constant(RNG.normal(size=(300, 1)))
    first, second = RNG.integers(0, 15, 300), RNG.integers(0, 12, 300)
    y = x @ [1.0, 2.0] + RNG.normal(size=15)[first] + RNG.normal(size=12)[second] + RNG.normal(size=300)
    options = {"groups": np.column_stack([first, second]), "use_correction": corrected}
    reference = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds=options)
    psi = 300 * (x * reference.resid[:, None]) @ np.linalg.inv(x.T @ x)
    sizes = [15, 12, len(np.unique(intersections(first, second)))]
    factors = [g / (g - 1) * 299 / 298 if corrected else 1.0 for g in sizes]
    ours = clustered_covariance(Influence(psi), [first, second], factors)
    np.testing.assert_allclose(ours, reference.cov_params(), rtol=1e-8)


def test_two_way_covariance_is_positive_semidefinite_even_where_the_formula_is_not():
    psi = Influence(np.array([[1.0], [-1.0], [-1.0], [1.0]]))
    ours = clustered_covariance(psi, [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])], [1.0, 1.0, 1.0])
    assert ours.tolist() == [[0.0]]


def test_factors_may_differ_by_term():
    psi, codes = Influence(RNG.normal(size=(30, 2))), np.arange(30) % 6
    plain = clustered_covariance(psi, [codes], [1.0])
    ours = clustered_covariance(psi, [codes], [np.array([1.0, 4.0])])
    np.testing.assert_allclose(ours, plain * [[1.0, 2.0], [2.0, 4.0]], rtol=1e-12)


@given(st.permutations(range(12)))
def test_clusters_of_one_unit_are_units_in_any_order(order):
    psi = np.arange(24.0).reshape(12, 2) - 11.5
    codes = np.array(order)
    np.testing.assert_allclose(Influence(psi).covariance(codes), Influence(psi).covariance(), rtol=1e-12)


def test_what_cannot_be_an_influence_function_is_refused():
    with pytest.raises(ValueError, match="matrix with rows"):
        Influence(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="as many cluster codes"):
        cluster_sums(np.zeros((3, 1)), np.array([0, 1]))
    with pytest.raises(ValueError, match="codes start at 0"):
        cluster_sums(np.zeros((2, 1)), np.array([0, -1]))
    with pytest.raises(ValueError, match="one-way with 1 factor or two-way with 3, got 0 dimensions"):
        clustered_covariance(Influence(np.ones((2, 1))), [], [])
    with pytest.raises(ValueError, match="got 2 dimensions, 2 factors"):
        clustered_covariance(Influence(np.ones((2, 1))), [np.zeros(2, int), np.zeros(2, int)], [1.0, 1.0])
