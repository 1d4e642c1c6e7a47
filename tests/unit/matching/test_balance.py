import numpy as np
import pytest

from clustereffects.matching.balance import Weighted, compare, is_binary, pool_rows, standard_deviation


def brute_ks(x, w, y, v):
    points = np.concatenate([x, y])
    return max(abs(w[x <= p].sum() / w.sum() - v[y <= p].sum() / v.sum()) for p in points)


def test_weighted_moments_equal_repeated_rows_for_equal_weights():
    x = np.array([[1.0, 2.0], [3.0, 2.0], [8.0, 5.0]])
    for scale in (1.0, 4.0):
        sample = Weighted(x, np.full(3, scale))
        np.testing.assert_allclose(sample.mean(), x.mean(axis=0))
        np.testing.assert_allclose(sample.variance(), x.var(axis=0, ddof=1))


def test_variance_of_one_observation_is_unknown():
    assert np.isnan(Weighted(np.array([[1.0]]), np.array([2.0])).variance()).all()
    empty = Weighted(np.empty((0, 2)), np.empty(0))
    assert np.isnan(empty.mean()).all()
    assert np.isnan(empty.variance()).all()


def test_ks_with_weights_and_ties_is_the_brute_force_one():
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.integers(0, 5, (9, 1)).astype(float), rng.integers(1, 6, (7, 1)).astype(float)
        w, v = rng.random(9), rng.random(7)
        found = compare(Weighted(x, w), Weighted(y, v), np.ones(1), np.array([False])).ks
        assert found[0] == pytest.approx(brute_ks(x[:, 0], w, y[:, 0], v))


def test_binary_covariates_have_their_own_deviation_and_no_variance_ratio():
    x = np.array([[1.0, 1.0], [0.0, 3.0], [1.0, 2.0]])
    binary = is_binary(x)
    assert binary.tolist() == [True, False]
    np.testing.assert_allclose(standard_deviation(x, binary), [np.sqrt(2 / 9), 1.0])
    found = compare(Weighted(x, np.ones(3)), Weighted(x, np.ones(3)), np.ones(2), binary)
    assert np.isnan(found.variance_ratio[0])
    assert found.variance_ratio[1] == 1.0


def test_no_difference_is_claimed_without_a_deviation():
    one, two = Weighted(np.array([[1.0], [1.0]]), np.ones(2)), Weighted(np.array([[2.0], [4.0]]), np.ones(2))
    found = compare(one, two, np.array([0.0]), np.array([False]))
    assert np.isnan(found.difference[0])
    assert found.mean_control[0] == 3.0
    assert np.isnan(standard_deviation(np.empty((0, 1)), np.array([False])))[0]


def test_ks_without_observations_is_unknown():
    one, none = Weighted(np.ones((2, 1)), np.ones(2)), Weighted(np.empty((0, 1)), np.empty(0))
    assert np.isnan(compare(one, none, np.ones(1), np.array([False])).ks[0])


def test_equal_keys_are_one_observation():
    pooled = pool_rows(np.array([3, 1, 3]), np.array([[5.0], [2.0], [5.0]]), np.array([0.5, 1.0, 0.25]))
    assert pooled.x.ravel().tolist() == [2.0, 5.0]
    assert pooled.weight.tolist() == [1.0, 0.75]
