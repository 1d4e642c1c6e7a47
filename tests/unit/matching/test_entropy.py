import numpy as np
import pytest
from scipy import optimize

from clustereffects.errors import EstimationError
from clustereffects.matching.entropy import balance_arms, entropy_balance, with_squares

RNG = np.random.default_rng(4)
X = RNG.normal(size=(40, 3)) * [1.0, 50.0, 0.01] + [0.0, 1000.0, 5.0]
TARGET = X[:10].mean(axis=0)


def test_weights_solve_the_primal_problem():
    base = RNG.random(12) + 0.5
    x = RNG.normal(size=(12, 2))
    target = x[:4].mean(axis=0)
    share = base / base.sum()
    primal = optimize.minimize(
        lambda w: (w * np.log(w / share)).sum(),
        share,
        method="SLSQP",
        bounds=[(1e-9, 1)] * 12,
        constraints=[{"type": "eq", "fun": lambda w: np.append(w @ x - target, w.sum() - 1)}],
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    np.testing.assert_allclose(entropy_balance(x, target, base).weight, primal.x, atol=1e-6)


def test_weights_are_exponential_in_the_covariates():
    weight = entropy_balance(X, TARGET).weight
    design = np.column_stack([np.ones(40), (X - X.mean(axis=0)) / X.std(axis=0)])
    fit = design @ np.linalg.lstsq(design, np.log(weight), rcond=None)[0]
    np.testing.assert_allclose(fit, np.log(weight), atol=1e-9)


def test_reported_gap_is_the_difference_in_deviations():
    found = entropy_balance(X, TARGET, tolerance=1e-2)
    np.testing.assert_allclose(found.gap, np.abs((found.weight @ X - TARGET) / X.std(axis=0)).max(), rtol=1e-6)
    assert entropy_balance(X, TARGET).gap < 1e-10 < found.gap


def test_own_mean_leaves_base_weights():
    found = entropy_balance(X, X.mean(axis=0))
    assert found.iterations == 0
    np.testing.assert_allclose(found.weight, 1 / 40)


def test_no_covariates():
    np.testing.assert_allclose(entropy_balance(np.empty((4, 0)), np.empty(0)).weight, 0.25)


def test_collinear_covariates_change_nothing():
    wide = np.column_stack([X, X[:, 0] + X[:, 1], np.full(40, 7.0)])
    found = entropy_balance(wide, np.append(TARGET, [TARGET[0] + TARGET[1], 7.0]))
    np.testing.assert_allclose(found.weight, entropy_balance(X, TARGET).weight, rtol=1e-9)


def test_collinear_covariates_with_another_target():
    wide = np.column_stack([X, X[:, 0] + X[:, 1]])
    with pytest.raises(EstimationError, match="not collinear in the same way"):
        entropy_balance(wide, np.append(TARGET, TARGET[0] + TARGET[1] + 3.0))


def test_base_weight_zero_stays_zero():
    base = np.ones(40)
    base[::4] = 0
    found = entropy_balance(X, TARGET, base)
    assert (found.weight[::4] == 0).all()
    keep = base > 0
    np.testing.assert_allclose(found.weight[keep], entropy_balance(X[keep], TARGET).weight)


def test_target_beyond_a_range_names_the_covariate():
    target = TARGET.copy()
    target[1] = X[:, 1].max() + 1
    with pytest.raises(EstimationError, match="furthest: age"):
        entropy_balance(X, target, names=("size", "age", "wage"))
    with pytest.raises(EstimationError, match="furthest: covariate 2"):
        entropy_balance(X, target)


def test_target_outside_the_hull_but_within_all_ranges():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.2, 0.2]])
    with pytest.raises(EstimationError, match="standard deviations from the target"):
        entropy_balance(x, np.array([0.8, 0.8]))


def test_target_at_the_edge_of_a_covariate_uses_the_rows_there():
    x = np.array([[1.0, 0.0], [1.0, 3.0], [0.0, 1.0], [0.0, 2.0]])
    weight = entropy_balance(x, np.array([1.0, 1.0])).weight
    np.testing.assert_allclose(weight, [2 / 3, 1 / 3, 0, 0], atol=1e-10)


def test_target_at_a_corner_without_units():
    x = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    with pytest.raises(EstimationError, match="extreme values"):
        entropy_balance(x, np.array([1.0, 1.0]))


def test_long_data_are_computed_in_blocks():
    x = RNG.normal(size=(20_001, 2))
    found = entropy_balance(x, np.array([1.0, -0.7]))
    np.testing.assert_allclose(found.weight @ x, [1.0, -0.7], atol=1e-10)
    np.testing.assert_allclose(found.weight.sum(), 1.0)


def test_extreme_targets_do_not_overflow():
    x = np.linspace(-1, 1, 2001)[:, None] ** 3
    found = entropy_balance(x, np.array([0.999]))
    np.testing.assert_allclose(found.weight @ x[:, 0], 0.999, atol=1e-9)


@pytest.mark.parametrize(
    ("target", "base"), [(np.zeros(2), None), (TARGET, np.ones(3)), (TARGET, -np.ones(40)), (TARGET, np.zeros(40))]
)
def test_shapes_and_signs(target, base):
    with pytest.raises(ValueError, match="do not fit"):
        entropy_balance(X, target, base)


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE"])
def test_both_sides_get_the_means_of_the_target(estimand):
    treated, base = np.arange(40) % 3 == 0, RNG.random(40) + 0.5
    members = {"ATT": treated, "ATC": ~treated, "ATE": np.ones(40, bool)}[estimand]
    target, mass = np.average(X[members], axis=0, weights=base[members]), base[members].sum()
    weight = balance_arms(X, treated, estimand=estimand, base=base)
    for side in (treated, ~treated):
        np.testing.assert_allclose(np.average(X[side], axis=0, weights=weight[side]), target, rtol=1e-10)
        np.testing.assert_allclose(weight[side].sum(), mass)
    if estimand != "ATE":
        np.testing.assert_array_equal(weight[members], base[members])


def test_unknown_estimand():
    with pytest.raises(ValueError, match="ATO"):
        balance_arms(X, np.arange(40) < 9, estimand="ATO")


def test_squares_balance_variances():
    treated = np.arange(40) < 15
    weight = balance_arms(with_squares(X), treated)[~treated]
    mean = np.average(X[~treated], axis=0, weights=weight)
    variance = np.average((X[~treated] - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(variance, X[treated].var(axis=0), rtol=1e-8)


def test_binary_covariates_have_no_squares():
    assert with_squares(np.column_stack([X, np.arange(40) % 2])).shape == (40, 7)
