"""Inverse-probability tilting: what the odds balance, what the result does not depend on, when there is none."""

import numpy as np
import pytest

from clustereffects.did._linear import COLLINEAR
from clustereffects.did.calibrated import fit_calibrated
from clustereffects.did.logit import NO_OVERLAP
from clustereffects.errors import EstimationError


def _units(seed=0, n=300, weighted=True):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.standard_normal((n, 2))])
    treated = rng.random(n) < 1 / (1 + np.exp(0.5 - x[:, 1]))
    return x, treated, rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)


@pytest.mark.parametrize("seed", range(5))
def test_the_odds_of_comparison_units_reproduce_the_means_of_the_treated(seed):
    x, treated, w = _units(seed)
    score = fit_calibrated(x, treated, w)
    odds = w * np.where(treated, 0.0, np.exp(x @ score.coefficients))
    np.testing.assert_allclose(odds @ x, w[treated] @ x[treated], rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(score.probability, 1 / (1 + np.exp(-x @ score.coefficients)), rtol=1e-14)
    np.testing.assert_allclose(score.information, (x.T * odds) @ x / w.sum(), rtol=1e-12, atol=1e-12)


def test_the_start_and_the_scale_of_weights_do_not_matter():
    x, treated, w = _units()
    cold = fit_calibrated(x, treated, w)
    for start in (np.array([3.0, -2.0, 2.5]), np.array([-9.0, 1.0, 0.0])):
        warm = fit_calibrated(x, treated, 7.0 * w, start)
        np.testing.assert_allclose(warm.coefficients, cold.coefficients, rtol=1e-11, atol=1e-12)


def test_units_of_measurement_of_covariates_do_not_matter():
    x, treated, w = _units()
    other = fit_calibrated(x * [1.0, 1e4, 1e-3] + [0.0, 5.0, 0.002], treated, w)
    np.testing.assert_allclose(other.probability, fit_calibrated(x, treated, w).probability, rtol=1e-9)


def test_a_saturated_design_gives_the_shares_of_the_cells():
    """With one dummy the tilting score is the logit: treated over all units of each kind."""
    x = np.column_stack([np.ones(9), [0, 0, 0, 0, 1, 1, 1, 1, 1]])
    treated = np.array([1, 0, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
    score = fit_calibrated(x, treated, np.ones(9))
    np.testing.assert_allclose(score.probability, [0.25] * 4 + [0.6] * 5, rtol=1e-12)


def test_treated_units_outside_the_comparison_units_are_refused():
    x = np.column_stack([np.ones(40), np.linspace(-1, 1, 40)])
    with pytest.raises(EstimationError, match=NO_OVERLAP[:30]):
        fit_calibrated(x, x[:, 1] > 0, np.ones(40))


def test_overlap_of_means_is_enough():
    """A treated unit beyond all comparison units is no obstacle as long as the means can be reproduced."""
    x = np.column_stack([np.ones(41), np.append(np.linspace(-1, 1, 40), 5.0)])
    treated = np.arange(41) % 2 == 0
    score = fit_calibrated(x, treated, np.ones(41))
    odds = np.where(treated, 0.0, np.exp(x @ score.coefficients))
    np.testing.assert_allclose(odds @ x, x[treated].sum(axis=0), rtol=1e-12)


def test_collinear_covariates_are_refused():
    x, treated, w = _units()
    with pytest.raises(EstimationError, match=COLLINEAR):
        fit_calibrated(np.column_stack([x, 2 * x[:, 1] + 1]), treated, w)
