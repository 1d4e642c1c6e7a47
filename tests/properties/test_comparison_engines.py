"""Laws that the comparison algorithms obey whatever goes in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.triangulation.comparison.belief_functions import dempster, discounted
from clustereffects.triangulation.comparison.opinions import (
    averaging,
    compromise,
    cumulative,
    degree_of_conflict,
    opinion_of,
    projected,
    projected_sets,
    weighted,
)
from clustereffects.triangulation.comparison.p_values import cauchy, fisher, harmonic_mean, stouffer
from clustereffects.triangulation.comparison.pools import linear_pool, log_pool
from clustereffects.triangulation.comparison.process_tracing import TracedTest, posterior_after, probative_value
from clustereffects.triangulation.comparison.set_relations import necessity, sufficiency, truth_table
from clustereffects.triangulation.comparison.tallies import binomial_factor, urn_factor

CHECKED = settings(derandomize=True, deadline=None, max_examples=60)
SHARE = st.floats(0.01, 0.99)


@st.composite
def distributions(draw, states=3):
    count = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(SHARE, min_size=states, max_size=states), min_size=count, max_size=count))
    values = np.array(rows)
    return values / values.sum(axis=1, keepdims=True)


@st.composite
def opinions(draw):
    rows = draw(distributions(states=4))
    return rows[:, :3], rows[:, 3]


@CHECKED
@given(distributions())
def test_pools_are_distributions_and_respect_unanimity(rows):
    for pool in (linear_pool, log_pool):
        weight = np.full(len(rows), 1 / len(rows))
        assert abs(pool(rows, weight).sum() - 1) < 1e-12
        same = np.tile(rows[0], (3, 1))
        np.testing.assert_allclose(pool(same, np.full(3, 1 / 3)), rows[0], rtol=1e-10)
    pooled = linear_pool(rows, np.ones(len(rows)))
    assert (pooled <= rows.max(axis=0) + 1e-12).all()
    assert (pooled >= rows.min(axis=0) - 1e-12).all()


@CHECKED
@given(distributions(), st.lists(SHARE, min_size=3, max_size=3))
def test_the_log_pool_is_externally_bayesian(rows, likelihood):
    def updated(p):
        raised = p * np.array(likelihood)
        return raised / raised.sum(axis=-1, keepdims=True)

    weight = np.full(len(rows), 1 / len(rows))
    np.testing.assert_allclose(log_pool(updated(rows), weight), updated(log_pool(rows, weight)), rtol=1e-9)


@CHECKED
@given(opinions())
def test_fused_opinions_are_opinions_and_do_not_depend_on_order(given_opinions):
    belief, uncertainty = given_opinions
    for fuse in (cumulative, averaging, weighted):
        fused, backwards = fuse(belief, uncertainty), fuse(belief[::-1], uncertainty[::-1])
        assert abs(fused[0].sum() + fused[1] - 1) < 1e-12
        np.testing.assert_allclose([*backwards[0], backwards[1]], [*fused[0], fused[1]], rtol=1e-10)
    assert cumulative(belief, uncertainty)[1] <= uncertainty.min() + 1e-12
    assert uncertainty.min() - 1e-12 <= averaging(belief, uncertainty)[1] <= uncertainty.max() + 1e-12


@CHECKED
@given(opinions())
def test_compromise_is_an_opinion_and_does_not_depend_on_order(given_opinions):
    belief, uncertainty = given_opinions
    mass, doubt = compromise(belief, uncertainty)
    assert abs(sum(mass.values()) + doubt - 1) < 1e-9
    base = np.array([0.3, 0.3, 0.4])
    probability = projected_sets(mass, doubt, base)
    assert (probability >= -1e-12).all()
    backwards = projected_sets(*compromise(belief[::-1], uncertainty[::-1]), base)
    np.testing.assert_allclose(backwards, probability, atol=1e-9)


@CHECKED
@given(distributions(), st.floats(0, 5), st.lists(SHARE, min_size=3, max_size=3))
def test_an_opinion_projects_to_its_probability(rows, gain, weights):
    base = np.array(weights) / np.sum(weights)
    opinion = opinion_of(rows[0], gain, base)
    np.testing.assert_allclose(projected(opinion, base), rows[0], atol=1e-12)
    assert 0 <= opinion[1] <= 1
    assert abs(opinion[0].sum() + opinion[1] - 1) < 1e-9


@CHECKED
@given(opinions())
def test_dempster_keeps_mass_and_ignores_vacuous_sources(given_opinions):
    belief, uncertainty = given_opinions
    mass, conflict = dempster(discounted(belief, uncertainty))
    assert abs(sum(mass.values()) - 1) < 1e-12
    assert 0 <= conflict < 1
    again, same = dempster(
        discounted(np.concatenate([belief, np.zeros((1, 3))]), np.concatenate([uncertainty, np.ones(1)]))
    )
    assert abs(same - conflict) < 1e-12
    assert all(abs(again[which] - value) < 1e-12 for which, value in mass.items())


@CHECKED
@given(opinions())
def test_conflict_lies_between_zero_and_one(given_opinions):
    found = degree_of_conflict(*given_opinions, np.full(3, 1 / 3))
    assert np.isnan(found) == (len(given_opinions[1]) < 2)
    assert not found < 0
    assert not found > 1


@CHECKED
@given(st.lists(st.floats(1e-12, 1.0), min_size=2, max_size=6))
def test_combined_p_values_are_p_values_and_rise_with_each_of_them(values):
    p = np.array(values)
    for combine in (fisher, stouffer, cauchy, harmonic_mean):
        found = combine(p)
        assert 0 <= found <= 1
        assert combine(np.minimum(p, p * 0.5)) <= found + 1e-9


@CHECKED
@given(st.floats(0.001, 0.999), SHARE, SHARE)
def test_a_test_moves_belief_as_bayes_rule_says(prior, s, t):
    after = [posterior_after(prior, TracedTest(s, t, seen=seen)) for seen in (True, False)]
    chance = prior * s + (1 - prior) * t
    assert abs(chance * after[0] + (1 - chance) * after[1] - prior) < 1e-12
    assert abs(probative_value(t, s) + probative_value(1 - t, 1 - s)) < 1e-12 or s == t
    assert (probative_value(t, s) > 0) == (s > t) or abs(s - t) < 1e-9


@CHECKED
@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.2, 5))
def test_bias_towards_favour_weakens_favour(favour, against, omega):
    assert binomial_factor(favour, against, omega) <= binomial_factor(favour, against, omega / 2) * (1 + 1e-8)
    if against <= favour + 1:
        assert urn_factor(favour, against) > 0


@CHECKED
@given(st.lists(st.tuples(SHARE, SHARE, SHARE), min_size=2, max_size=8))
def test_set_relations_are_shares_and_mirror_each_other(cases):
    x, z, y = np.array(cases).T
    enough, needed = sufficiency(x, y), necessity(x, y)
    assert 0 <= enough.consistency <= 1 + 1e-12
    assert enough.consistency == needed.coverage
    assert not enough.pri > enough.consistency + 1e-12
    table = truth_table(np.column_stack([x, z]), y)
    assert table.cases.sum() == (table.member >= 0).sum()
