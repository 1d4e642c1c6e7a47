import numpy as np
import pytest
import statsmodels.api as sm

from clustereffects.errors import EstimationError
from clustereffects.matching.distance import logit, mahalanobis_coordinates, scaled_coordinates, within_covariance

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3)) @ np.array([[1.0, 40.0, 0.0], [0.0, 50.0, 3e-3], [0.0, 0.0, 2e-3]])
TREATED = RNG.random(60) < 0.4


def gaps(z):
    return np.sqrt(((z[:, None] - z[None]) ** 2).sum(axis=2))


def brute_mahalanobis(x, treated):
    centred = x - np.where(treated[:, None], x[treated].mean(axis=0), x[~treated].mean(axis=0))
    inverse = np.linalg.inv(centred.T @ centred / (len(x) - 1))
    delta = x[:, None] - x[None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", delta, inverse, delta))


def test_covariance_is_centred_within_groups():
    rows = np.concatenate([X[TREATED] - X[TREATED].mean(axis=0), X[~TREATED] - X[~TREATED].mean(axis=0)])
    np.testing.assert_allclose(within_covariance(X, TREATED), rows.T @ rows / 59)


def test_distance_between_coordinates_is_mahalanobis():
    np.testing.assert_allclose(gaps(mahalanobis_coordinates(X, TREATED)), brute_mahalanobis(X, TREATED), rtol=1e-8)


def test_collinear_and_constant_columns_add_nothing():
    wide = np.column_stack([X, X @ [1.0, -2.0, 3.0], np.full(60, 7.0)])
    z = mahalanobis_coordinates(wide, TREATED)
    assert z.shape == (60, 3)
    np.testing.assert_allclose(gaps(z), brute_mahalanobis(X, TREATED), rtol=1e-7)


def test_distance_is_invariant_to_invertible_maps():
    standard = X / X.std(axis=0)
    found = gaps(mahalanobis_coordinates(standard @ RNG.normal(size=(3, 3)) + 5.0, TREATED))
    np.testing.assert_allclose(found, gaps(mahalanobis_coordinates(X, TREATED)), rtol=1e-8)


def test_scaled_coordinates_are_in_standard_deviations_within_groups():
    z = scaled_coordinates(np.column_stack([X, np.ones(60)]), TREATED)
    np.testing.assert_allclose(np.diag(within_covariance(z, TREATED)), [1, 1, 1, 0])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_logit_is_that_of_statsmodels():
    design = np.column_stack([np.ones(60), X])
    reference = sm.Logit(TREATED.astype(float), design).fit(disp=0, method="newton", tol=1e-12)
    fit = logit(design, TREATED)
    np.testing.assert_allclose(fit.probability, reference.predict(), rtol=1e-8)
    np.testing.assert_allclose(fit.linear, np.log(fit.probability / (1 - fit.probability)), rtol=1e-8, atol=1e-10)


def test_logit_of_a_rank_deficient_design_has_the_same_fit():
    design = np.column_stack([np.ones(60), X])
    more = np.column_stack([design, X[:, 0] + 2 * X[:, 1], np.zeros(60)])
    np.testing.assert_allclose(logit(more, TREATED).linear, logit(design, TREATED).linear, rtol=1e-7, atol=1e-8)


def test_separation_is_refused():
    with pytest.raises(EstimationError, match="separate treated units from controls completely"):
        logit(np.column_stack([np.ones(60), TREATED * 2.0 + 0.1 * RNG.random(60)]), TREATED)


def test_an_iteration_without_end_is_refused():
    with pytest.raises(EstimationError, match="did not converge – after 2 iterations"):
        logit(np.column_stack([np.ones(60), X]), TREATED, limit=2)
