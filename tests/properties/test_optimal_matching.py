"""Optimal and full matching against integer programming, and what must hold whatever the input."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.matching.full import match_full
from clustereffects.matching.nearest import match_nearest
from clustereffects.matching.optimal import match_optimal
from support.matching_tasks import (
    admissible,
    best_cover,
    best_limited_cover,
    best_pairs,
    permuted,
    random_tasks,
    total_of_sets,
)

SEEDS = st.integers(0, 100_000)
REUSE = st.integers(1, 3)
NEAR = {"rtol": 1e-9, "atol": 1e-12}


@settings(max_examples=60)
@given(seed=SEEDS, reuse=REUSE)
def test_most_pairs_then_least_distance(seed, reuse):
    tasks = random_tasks(seed)
    chosen = match_optimal(tasks, reuse=reuse)
    number, total = best_pairs(tasks, reuse)
    assert len(chosen.task) == number
    np.testing.assert_allclose(chosen.distance.sum(), total, **NEAR)


@given(seed=SEEDS, reuse=REUSE)
def test_no_rule_is_broken(seed, reuse):
    tasks = random_tasks(seed, pool=60)
    chosen = match_optimal(tasks, reuse=reuse)
    pairs = list(zip(chosen.task.tolist(), chosen.treated.tolist(), chosen.control.tolist(), strict=True))
    unit = {pair[:3]: pair[3] for pair in admissible(tasks)}
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) <= set(unit)
    assert np.bincount([unit[pair] for pair in pairs], minlength=1).max() <= reuse
    for s, one in enumerate(tasks):
        number = np.bincount(chosen.treated[chosen.task == s], minlength=len(one.wanted))
        assert (number <= one.wanted).all()


@given(seed=SEEDS, reuse=REUSE)
def test_no_worse_than_greedy(seed, reuse):
    tasks = random_tasks(seed, pool=60)
    best, greedy = match_optimal(tasks, reuse=reuse), match_nearest(tasks, reuse=reuse)
    assert len(best.task) >= len(greedy.task)
    if len(best.task) == len(greedy.task):
        assert best.distance.sum() <= greedy.distance.sum() + 1e-9


@given(seed=SEEDS, reuse=REUSE, order=SEEDS)
def test_order_of_tasks_and_rows_does_not_matter(seed, reuse, order):
    """With one task rows are renamed as well; with several their units must stay the same, so only tasks change place."""
    tasks = random_tasks(seed, pool=60)
    for before, after in ((tasks, tasks[::-1]), (tasks[:1], [permuted(tasks[0], order)])):
        one, other = match_optimal(before, reuse=reuse), match_optimal(after, reuse=reuse)
        assert len(one.task) == len(other.task)
        np.testing.assert_allclose(one.distance.sum(), other.distance.sum(), **NEAR)


@settings(max_examples=60)
@given(seed=SEEDS, order=SEEDS)
def test_full_matching_is_the_cheapest_edge_cover(seed, order):
    one = random_tasks(seed, n_tasks=1)[0]
    expected = best_cover(one)
    np.testing.assert_allclose(total_of_sets(match_full(one)), expected, **NEAR)
    np.testing.assert_allclose(total_of_sets(match_full(permuted(one, order))), expected, **NEAR)


@settings(max_examples=60)
@given(seed=SEEDS, controls=st.none() | st.integers(1, 4), treated=st.none() | st.integers(1, 4))
def test_limited_full_matching_has_most_units_then_least_distance(seed, controls, treated):
    one = random_tasks(seed, n_tasks=1)[0]
    grouped = match_full(one, most_controls=controls, most_treated=treated)
    number, total = best_limited_cover(one, controls, treated)
    assert len(grouped.treated) + len(grouped.control) == number
    np.testing.assert_allclose(total_of_sets(grouped), total, **NEAR)
    assert np.bincount(grouped.control_set, minlength=1).max() <= (controls or np.inf)
    assert np.bincount(grouped.treated_set, minlength=1).max() <= (treated or np.inf)


@given(seed=SEEDS)
def test_full_matching_has_everyone_with_a_partner_once(seed):
    one = random_tasks(seed, n_tasks=1, pool=60)[0]
    grouped, pairs = match_full(one), admissible([one])
    assert sorted(grouped.treated.tolist()) == sorted({pair[1] for pair in pairs})
    assert sorted(grouped.control.tolist()) == sorted({pair[2] for pair in pairs})
    number = np.bincount(grouped.treated_set), np.bincount(grouped.control_set)
    assert ((number[0] == 1) | (number[1] == 1)).all()
