import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.errors import EstimationError
from clustereffects.matching.coarsened import bin_codes, coarsen
from clustereffects.matching.entropy import balance_arms, entropy_balance
from clustereffects.matching.subclass import subclasses
from support.matching_second import set_weights

seeds = st.integers(0, 2**32 - 1)


def sample(seed, n=60, p=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) ** rng.integers(1, 4, p)
    treated = rng.random(n) < 0.3
    treated[:4] = [True, True, False, False]
    return rng, x, treated


@settings(deadline=None)
@given(seeds, st.integers(1, 6))
def test_moment_conditions_hold_or_the_target_is_outside(seed, p):
    rng, x, treated = sample(seed, p=p)
    base = rng.random(len(x)) + 0.01
    target = x[treated].mean(axis=0)
    try:
        found = entropy_balance(x[~treated], target, base[~treated])
    except EstimationError:
        # The refusal is right: no convex combination comes near.
        from scipy.optimize import linprog

        others = x[~treated]
        feasible = linprog(
            np.zeros(len(others)),
            A_eq=np.vstack([others.T, np.ones(len(others))]),
            b_eq=np.append(target, 1.0),
            method="highs",
        )
        assert feasible.status == 2
        return
    np.testing.assert_allclose(found.weight.sum(), 1.0)
    assert (found.weight >= 0).all()
    np.testing.assert_allclose((found.weight @ x[~treated] - target) / x.std(axis=0), 0, atol=1e-8)


@settings(deadline=None)
@given(seeds, st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_entropy_weights_do_not_depend_on_units_of_measurement(seed, shift, scale):
    _, x, treated = sample(seed)
    target = 0.5 * x[treated].mean(axis=0) + 0.5 * x[~treated].mean(axis=0)
    moved = x * [scale, 1.0, -1.0] + [shift, 0.0, 0.0]
    goal = target * [scale, 1.0, -1.0] + [shift, 0.0, 0.0]
    try:
        weight = entropy_balance(x[~treated], target).weight
    except EstimationError:
        with pytest.raises(EstimationError):
            entropy_balance(moved[~treated], goal)
        return
    # A shift of 1e7 deviations leaves nine digits of the covariate.
    np.testing.assert_allclose(entropy_balance(moved[~treated], goal).weight, weight, rtol=1e-5, atol=1e-9)


@settings(deadline=None)
@given(seeds)
def test_order_of_rows_does_not_matter(seed):
    rng, x, treated = sample(seed)
    order = rng.permutation(len(x))
    columns = [bin_codes(column, 3) for column in x.T]
    strata, other = coarsen(columns, treated), coarsen([codes[order] for codes in columns], treated[order])
    np.testing.assert_array_equal(other >= 0, strata[order] >= 0)
    pairs = set(zip(strata[order].tolist(), other.tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs})
    np.testing.assert_allclose(set_weights(other, treated[order]), set_weights(strata, treated)[order])
    try:
        weight = balance_arms(x, treated, estimand="ATE")
    except EstimationError:
        return
    np.testing.assert_allclose(balance_arms(x[order], treated[order], estimand="ATE"), weight[order], rtol=1e-6)


@settings(deadline=None)
@given(seeds, st.integers(1, 8), st.sampled_from(["ATT", "ATC", "ATE"]))
def test_set_weights_sum_to_the_units_and_subclasses_have_both(seed, number, estimand):
    rng, x, treated = sample(seed)
    held = min(number, int(treated.sum()), int((~treated).sum()))
    sets = subclasses(x[:, 0], treated, number=held, estimand=estimand)
    assert sets.max() + 1 <= held
    for code in range(sets.max() + 1):
        assert len(set(treated[sets == code])) == 2
    sets = np.where(rng.random(len(sets)) < 0.1, -1, sets)
    try:
        weight = set_weights(sets, treated, estimand)
    except EstimationError:
        return
    for side in (treated, ~treated):
        np.testing.assert_allclose(weight[side].sum(), (side & (sets >= 0)).sum())
