"""The cluster jackknife: covariance as a loop has it, degrees of freedom as Welch has them."""

import numpy as np
import pytest
from scipy import stats

from clustereffects.inference.jackknife import Deviations, jackknife_covariance, welch_df

RNG = np.random.default_rng(12)


def _means(*samples):
    """Deviations whose squares sum to the variance s²/n of the mean of each sample."""
    parts = [(sample - sample.mean()) / np.sqrt(len(sample) * (len(sample) - 1)) for sample in samples]
    return np.concatenate(parts)[:, None]


def test_covariance_is_that_of_a_loop():
    values, psi = RNG.normal(size=(7, 3)), RNG.normal(size=(5, 3))
    expected = sum(np.outer(row, row) for row in [*values, *psi]) * 11 / 12
    found = jackknife_covariance(Deviations(values, np.ones((7, 3), dtype=bool), psi.T @ psi, 5))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(("first", "second", "scale"), [(3, 10, 1.0), (8, 12, 4.0), (25, 25, 0.1), (5, 300, 2.0)])
def test_degrees_of_freedom_are_those_of_the_test_of_welch(first, second, scale):
    one, other = RNG.normal(size=first), scale * RNG.normal(size=second)
    treated = np.arange(first + second)[:, None] < first
    found = welch_df(Deviations(_means(one, other), treated, np.zeros((1, 1)), 0))
    expected = stats.ttest_ind(one, other, equal_var=False).df
    np.testing.assert_allclose(found, [expected], rtol=1e-12)


def test_single_comparison_units_count_as_clusters():
    one, other = RNG.normal(size=4), RNG.normal(size=200)
    alone = np.array([[other.var(ddof=1) / 200]])
    found = welch_df(Deviations(_means(one), np.ones((4, 1), dtype=bool), alone, 200))
    np.testing.assert_allclose(found, [stats.ttest_ind(one, other, equal_var=False).df], rtol=1e-12)


def test_degrees_of_freedom_depend_on_the_two_variances_and_numbers_only():
    first, second = 1.21 / 6, 8.41 / 11
    expected = (first + second) ** 2 / (first**2 / 5 + second**2 / 10)
    values = np.concatenate([np.full(6, np.sqrt(first / 6)), np.full(11, np.sqrt(second / 11))])[:, None]
    found = welch_df(Deviations(values, np.arange(17)[:, None] < 6, np.zeros((1, 1)), 0))
    np.testing.assert_allclose(found, [expected], rtol=1e-12)


def test_clusters_on_which_a_term_does_not_depend_do_not_count():
    values = np.array([[1.0], [-1.0], [0.5], [-0.5], [0.0], [1e-17]])
    treated = np.array([[True], [True], [False], [False], [False], [False]])
    few = welch_df(Deviations(values[:4], treated[:4], np.zeros((1, 1)), 0))
    np.testing.assert_allclose(welch_df(Deviations(values, treated, np.zeros((1, 1)), 0)), few, rtol=1e-9)


def test_treated_clusters_alone_leave_one_less_than_their_number():
    values = RNG.normal(size=(6, 2)) * [1.0, 0.0]
    found = welch_df(Deviations(values, np.ones((6, 2), dtype=bool), np.zeros((2, 2)), 0))
    assert found[0] == pytest.approx(5.0)
    assert np.isnan(found[1])


def test_one_other_cluster_counts_as_two():
    values = np.array([[1.0], [-1.0], [2.0]])
    treated = np.array([[True], [True], [False]])
    found = welch_df(Deviations(values, treated, np.zeros((1, 1)), 0))
    np.testing.assert_allclose(found, [36 / (4 / 1 + 16 / 1)], rtol=1e-12)
