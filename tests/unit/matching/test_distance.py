import tracemalloc

import numpy as np
import pytest
from scipy.stats import rankdata

from clustereffects.matching import distance
from clustereffects.matching.distance import mahalanobis, robust_mahalanobis, scaled_euclidean, within_covariance

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3)) @ np.array([[1.0, 40.0, 0.0], [0.0, 50.0, 3e-3], [0.0, 0.0, 2e-3]])
TREATED = RNG.random(60) < 0.4


def gaps(z):
    return np.sqrt(((z[:, None] - z[None]) ** 2).sum(axis=2))


def by_hand(x, covariance):
    delta = x[:, None] - x[None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", delta, np.linalg.inv(covariance), delta))


def pooled(x, treated):
    centred = x - np.where(treated[:, None], x[treated].mean(axis=0), x[~treated].mean(axis=0))
    return centred.T @ centred / (len(x) - 1)


def test_covariance_is_centred_within_groups():
    np.testing.assert_allclose(within_covariance(X, TREATED), pooled(X, TREATED))


def test_distance_between_coordinates_is_mahalanobis():
    np.testing.assert_allclose(gaps(mahalanobis(X, TREATED).of(X)), by_hand(X, pooled(X, TREATED)), rtol=1e-8)


def test_covariance_may_be_that_of_the_controls():
    z = mahalanobis(X, TREATED, covariance="control").of(X)
    np.testing.assert_allclose(gaps(z), by_hand(X, np.cov(X[~TREATED].T)), rtol=1e-8)
    with pytest.raises(ValueError, match="covariance must be 'within' or 'control', not 'all'"):
        mahalanobis(X, TREATED, covariance="all")


def test_the_first_coordinate_belongs_to_the_covariate_least_explained_by_the_others():
    standard = X / X.std(axis=0, ddof=1)
    inverse = np.linalg.inv(pooled(standard, TREATED))
    pivot = np.argmax(np.diag(inverse))
    expected = (standard - standard.mean(axis=0)) @ inverse[pivot] / np.sqrt(inverse[pivot, pivot])
    np.testing.assert_allclose(mahalanobis(X, TREATED).of(X)[:, 0], expected, rtol=1e-9, atol=1e-9)


def test_collinear_and_constant_columns_add_nothing():
    wide = np.column_stack([X, X @ [1.0, -2.0, 3.0], np.full(60, 7.0)])
    z = mahalanobis(wide, TREATED).of(wide)
    assert z.shape == (60, 3)
    np.testing.assert_allclose(gaps(z), by_hand(X, pooled(X, TREATED)), rtol=1e-7)


def test_distance_is_invariant_to_invertible_maps():
    standard = X / X.std(axis=0) @ RNG.normal(size=(3, 3)) + 5.0
    np.testing.assert_allclose(
        gaps(mahalanobis(standard, TREATED).of(standard)), gaps(mahalanobis(X, TREATED).of(X)), rtol=1e-8
    )


def test_scaled_coordinates_are_in_standard_deviations_within_groups():
    wide = np.column_stack([X, np.ones(60)])
    z = scaled_euclidean(wide, TREATED).of(wide)
    np.testing.assert_allclose(np.diag(within_covariance(z, TREATED)), [1, 1, 1, 0])
    np.testing.assert_allclose(z[:, 1], (X[:, 1] - X[:, 1].mean()) / np.sqrt(pooled(X, TREATED)[1, 1]))


def test_robust_distance_is_that_of_rosenbaum():
    x = X[:, :2].round(0)
    rank = np.column_stack([rankdata(column) for column in x.T])
    stretch = np.std(np.arange(60), ddof=1) / rank.std(axis=0, ddof=1)
    expected = by_hand(rank, np.cov(rank.T) * np.outer(stretch, stretch))
    np.testing.assert_allclose(gaps(robust_mahalanobis(x).of(x)), expected, rtol=1e-8)
    wide = np.column_stack([x, x[:, 0] * 2 + 1])
    np.testing.assert_allclose(gaps(robust_mahalanobis(wide).of(wide)), expected, rtol=1e-7)


def test_an_outlier_or_a_monotone_map_changes_no_robust_distance():
    other = X.copy()
    other[:, 0] = np.exp(X[:, 0])
    other[np.argmax(X[:, 1]), 1] = 1e9
    np.testing.assert_allclose(robust_mahalanobis(other).of(other), robust_mahalanobis(X).of(X), atol=1e-10)


MAPS = [
    lambda x: mahalanobis(x, TREATED),
    lambda x: scaled_euclidean(x, TREATED),
    robust_mahalanobis,
]


@pytest.mark.parametrize("make", MAPS)
def test_coordinates_of_some_rows_are_those_of_all(make):
    some = RNG.permutation(60)[:20]
    np.testing.assert_allclose(make(X).of(X[some]), make(X).of(X)[some], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", MAPS)
def test_chunks_change_nothing(make, monkeypatch):
    whole = make(X).of(X)
    monkeypatch.setattr(distance, "_CHUNK", 7)
    np.testing.assert_allclose(make(X).of(X), whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", MAPS)
def test_nothing_to_measure_gives_no_coordinates(make):
    constant = np.ones((60, 2))
    assert np.abs(make(constant).of(constant)).sum() == 0.0


def test_a_covariate_that_is_constant_within_groups_adds_nothing():
    wide = np.column_stack([X[:, :1], TREATED])
    np.testing.assert_allclose(
        gaps(mahalanobis(wide, TREATED).of(wide)), gaps(scaled_euclidean(X[:, :1], TREATED).of(X[:, :1]))
    )


def test_memory_is_that_of_the_result():
    x = RNG.normal(size=(200_000, 5))
    treated = RNG.random(200_000) < 0.01
    tracemalloc.start()
    mahalanobis(x, treated).of(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * x.nbytes
