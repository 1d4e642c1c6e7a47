"""The propensity is the maximum of the likelihood, wherever the search starts and however the design is written."""

from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit as log_odds

from clustereffects.errors import EstimationError
from clustereffects.matching import propensity


def world(seed, n, *, rare, heavy):
    """A design with a category, a rare category and perhaps covariates with heavy tails."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    category = np.eye(3)[rng.integers(0, 3, n)]
    treated = rng.random(n) < 1 / (1 + np.exp(3 - x[:, 0] - category[:, 1]))
    treated[:2] = True, False
    columns = [category, np.exp(2 * x) if heavy else x]
    if rare:
        some = rng.random(n) < 0.02
        some[np.flatnonzero(treated)[:1]] = True
        columns.append(some)
    return np.column_stack(columns).astype(float), treated


def attempt(fit, x, treated):
    try:
        return fit(x, treated)
    except EstimationError:
        return None


def agree(one, other):
    """Probabilities are equal; so are predictors, except towards 0 and 1, where there may be no finite ones."""
    np.testing.assert_allclose(other.probability, one.probability, rtol=0, atol=1e-9)
    inner = np.abs(one.probability - 0.5) < 0.5 - 1e-3
    np.testing.assert_allclose(other.linear[inner], one.linear[inner], rtol=1e-9, atol=1e-7)


CASES = {
    "seed": st.integers(0, 100_000),
    "n": st.integers(30, 400),
    "rare": st.booleans(),
    "heavy": st.booleans(),
    "fit": st.sampled_from([propensity.logit, propensity.probit]),
}


@settings(max_examples=200)
@given(**CASES)
def test_where_the_search_starts_changes_nothing(seed, n, rare, heavy, fit):
    x, treated = world(seed, n, rare=rare, heavy=heavy)
    cold = attempt(fit, x, treated)
    with mock.patch.object(propensity, "_ENOUGH", 10):
        warm = attempt(fit, x, treated)
    assert (cold is None) == (warm is None)
    if cold is not None:
        agree(cold, warm)


@settings(max_examples=100)
@given(**CASES)
def test_the_likelihood_equations_hold(seed, n, rare, heavy, fit):
    x, treated = world(seed, n, rare=rare, heavy=heavy)
    found = attempt(fit, x, treated)
    if found is not None and fit is propensity.logit:
        score = (x / np.abs(x).max(axis=0)).T @ (treated - found.probability)
        np.testing.assert_allclose(score, 0.0, atol=1e-9)
        inner = np.abs(found.probability - 0.5) < 0.5 - 1e-6
        np.testing.assert_allclose(log_odds(found.probability[inner]), found.linear[inner], rtol=1e-8, atol=1e-9)


@settings(max_examples=60)
@given(**CASES)
def test_an_invertible_map_or_an_order_of_rows_changes_nothing(seed, n, rare, heavy, fit):
    x, treated = world(seed, n, rare=rare, heavy=heavy)
    one = attempt(fit, x, treated)
    if one is None or np.abs(one.probability - 0.5).max() > 0.5 - 1e-6:
        return  # Towards perfect prediction the information vanishes, and with it what is left after rounding.
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    mixed = x @ (np.eye(x.shape[1]) + 0.3 * np.triu(rng.normal(size=(x.shape[1],) * 2), 1))
    agree(one, fit(mixed, treated))
    other, back = fit(x[order], treated[order]), np.argsort(order)
    agree(one, propensity.Propensity(other.linear[back], other.probability[back], other.coefficients, other.iterations))
