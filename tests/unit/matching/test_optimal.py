import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from clustereffects.matching import _assignment, optimal
from clustereffects.matching.nearest import match_nearest
from clustereffects.matching.optimal import match_optimal
from support.matching_tasks import admissible, best_pairs, points, random_tasks, task

NEAR = {"rtol": 1e-9, "atol": 1e-12}


def pairs(tasks, reuse=1):
    chosen = match_optimal(tasks, reuse=reuse)
    return list(zip(chosen.task.tolist(), chosen.treated.tolist(), chosen.control.tolist(), strict=True))


def crowd(seed, n=40, m=600):
    """Treated units in one place, candidates spread out: the nearest of one are the nearest of all."""
    rng = np.random.default_rng(seed)
    treated, control = (
        points(np.arange(n), rng.normal(2.0, 0.2, (n, 2))),
        points(n + np.arange(m), rng.normal(size=(m, 2))),
    )
    return task(treated, control, wanted=3)


def distances(one):
    return np.sqrt(((one.treated.z[:, None] - one.control.z) ** 2).sum(axis=2))


def test_total_counts_not_who_comes_first():
    one = task(points([0, 1], [0.9, 1.2]), points([2, 3, 4], [0.0, 1.0, 9.0]))
    assert pairs([one]) == [(0, 0, 0), (0, 1, 1)]


def test_one_more_pair_counts_more_than_any_distance():
    one = task(points([0, 1], [0.0, 5.0]), points([2, 3], [0.1, 100.0]), caliper=99.9)
    assert pairs([one]) == [(0, 0, 0), (0, 1, 1)]


def test_treated_unit_without_candidates_harms_nobody():
    one = task(
        points([0, 1, 2], [0.0, 50.0, 0.3], strata=[0, 0, -1]), points([3, 4], [0.1, 0.2], strata=[0, -1]), caliper=1
    )
    assert pairs([one]) == [(0, 0, 0)]


def test_tasks_share_controls():
    early = task(points([0], [0.0]), points([5, 6], [0.0, 1.0]))
    late = task(points([1], [0.0]), points([5, 7], [0.1, 9.0]))
    assert pairs([early, late]) == [(0, 0, 1), (1, 0, 0)]
    assert pairs([early, late], reuse=2) == [(0, 0, 0), (1, 0, 0)]


def test_pairs_are_listed_by_task_treated_unit_and_distance():
    two = task(
        points([0, 1], [5.0, 0.0], strata=[1, 0]), points([3, 4, 5], [0.3, 0.1, 5.0], strata=[0, 0, 1]), wanted=2
    )
    chosen = match_optimal([two, two], reuse=2)
    assert chosen.task.tolist() == [0, 0, 0, 1, 1, 1]
    assert chosen.treated.tolist() == [0, 1, 1, 0, 1, 1]
    assert chosen.control.tolist() == [2, 1, 0, 2, 1, 0]
    np.testing.assert_allclose(chosen.distance, [0.0, 0.1, 0.3] * 2)


@pytest.mark.parametrize("z", [[0.0, 0.0], [0.0, 1.0]])
def test_a_pair_occurs_once_however_often_the_control_may_serve(z):
    one = task(points([0, 1, 2], [0.0, 0.0, 0.0]), points([3, 4], z), wanted=2)
    chosen = pairs([one], reuse=2)
    assert len(chosen) == len(set(chosen)) == 4
    assert np.bincount([control for _, _, control in chosen]).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(20))
def test_without_a_limit_and_with_one_that_does_not_bind_everyone_takes_its_nearest(seed):
    tasks = random_tasks(seed)
    nearest = match_nearest(tasks, reuse=None)
    for reuse in (None, 1000):
        chosen = match_optimal(tasks, reuse=reuse)
        for part in ("task", "treated", "control", "distance"):
            np.testing.assert_array_equal(getattr(chosen, part), getattr(nearest, part))


@pytest.mark.parametrize("seed", range(3))
def test_optimum_over_all_candidates_though_few_are_looked_at(seed, monkeypatch):
    one = crowd(seed)
    whole = np.repeat(distances(one), 3, axis=0)
    rounds = []
    fetch = optimal._Market.fetch
    monkeypatch.setattr(optimal, "_SMALL", 0)
    monkeypatch.setattr(
        optimal._Market, "fetch", lambda market, asked: (rounds.append(len(asked)), fetch(market, asked))
    )
    chosen = match_optimal([one], reuse=1)
    assert len(rounds) > 1
    assert len(chosen.task) == 120
    np.testing.assert_allclose(chosen.distance.sum(), whole[linear_sum_assignment(whole)].sum(), **NEAR)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("wanted", [1, 3])
def test_points_on_a_line_are_matched_in_order(seed, wanted, monkeypatch):
    """The order of a score is used where all pairs are allowed; elsewhere and with ties the total is the same."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 30), rng.integers(2, 120)
    decimals = rng.integers(1, 8)
    own, other = rng.normal(1.0, 0.3, n).round(decimals), rng.normal(size=m).round(decimals)
    one = task(points(np.arange(n), own), points(n + np.arange(m), other), wanted=wanted)
    cost = np.repeat(distances(one), wanted, axis=0)
    monkeypatch.setattr(optimal, "_SMALL", 0)
    for line in (0, 1 << 20):
        monkeypatch.setattr(optimal, "_LINE", line)
        chosen = match_optimal([one], reuse=1)
        assert len(chosen.task) == min(wanted * n, m)
        np.testing.assert_allclose(chosen.distance.sum(), cost[linear_sum_assignment(cost)].sum(), **NEAR)


@pytest.mark.parametrize("bounded", [True, False])
def test_optimum_where_most_of_what_is_near_is_barred(bounded):
    """First the search expects nothing to be in its way, and may come back with fewer candidates than asked for."""
    rng = np.random.default_rng(3)
    n, m = 30, 5000
    own, other = rng.normal(2.0, 0.1, (n, 2)), rng.normal(size=(m, 2))
    barred = (np.abs(other - 2.0) < 1.5).all(axis=1) & (np.arange(m) % 50 > 0)
    rule = "bound" if bounded else "forbid"
    treated = points(np.arange(n), own, **{rule: np.full(n, 1)})
    control = points(n + np.arange(m), other, **{rule: np.where(barred, 5, 2) if bounded else np.where(barred, 1, 2)})
    one = task(treated, control, wanted=4)
    cost = np.repeat(np.where(barred, np.inf, distances(one)), 4, axis=0)
    chosen = match_optimal([one], reuse=1)
    assert not barred[chosen.control].any()
    np.testing.assert_allclose(chosen.distance.sum(), cost[linear_sum_assignment(cost)].sum(), **NEAR)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("reuse", [1, 2])
def test_sparse_solver_finds_the_same_total(seed, reuse, monkeypatch):
    tasks = random_tasks(seed)
    dense = match_optimal(tasks, reuse=reuse)
    monkeypatch.setattr(_assignment, "_DENSE", 0)
    sparse = match_optimal(tasks, reuse=reuse)
    assert len(sparse.task) == len(dense.task)
    np.testing.assert_allclose(sparse.distance.sum(), dense.distance.sum(), **NEAR)


@pytest.mark.parametrize("far", [1e6, 1e9])
def test_what_is_far_away_costs_no_digits(far):
    """More wanted than there are, one control equally far from all: a penalty for lone units would swallow the rest."""
    rng = np.random.default_rng(1)
    own, other = rng.random(12) * 1e-3, rng.random(9) * 1e-3
    treated = points(np.arange(12), np.column_stack([own, np.zeros(12)]))
    control = points(20 + np.arange(10), np.column_stack([[*other, 0.0], [0.0] * 9 + [far]]))
    chosen = match_optimal([task(treated, control)], reuse=1)
    cost = np.abs(own[:, None] - other)
    assert len(chosen.task) == 10
    np.testing.assert_allclose(
        chosen.distance[chosen.control < 9].sum(), cost[linear_sum_assignment(cost)].sum(), rtol=1e-9
    )


@pytest.mark.parametrize("reuse", [1, 2, 3])
def test_optimum_of_small_tasks(reuse):
    for seed in range(20):
        tasks = random_tasks(seed)
        chosen = match_optimal(tasks, reuse=reuse)
        number, total = best_pairs(tasks, reuse)
        assert len(chosen.task) == number
        np.testing.assert_allclose(chosen.distance.sum(), total, **NEAR)


def test_every_pair_is_admissible_and_its_distance_right():
    for seed in range(20):
        tasks = random_tasks(seed)
        rules = {pair[:3]: pair[4] for pair in admissible(tasks)}
        chosen = match_optimal(tasks, reuse=1)
        expected = [rules[pair] for pair in pairs(tasks)]
        np.testing.assert_allclose(chosen.distance, expected, **NEAR)


def test_nothing_to_match():
    assert pairs([]) == []
    nobody = task(points([], []), points([1, 2], [0.0, 1.0]))
    alone = task(points([0], [0.0]), points([], []))
    apart = task(points([0], [0.0], strata=[1]), points([2], [0.0], strata=[2]))
    assert pairs([nobody, alone, apart]) == []


def test_numbers_below_one_are_no_numbers_of_controls():
    one = task(points([0], [0.0]), points([1], [0.0]), wanted=0)
    with pytest.raises(ValueError, match="reuse must be at least 1 or None, not 0"):
        match_optimal([], reuse=0)
    with pytest.raises(ValueError, match="at least 1 control"):
        match_optimal([one], reuse=1)
