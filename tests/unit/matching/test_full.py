import numpy as np
import pytest

from clustereffects.matching import _assignment
from clustereffects.matching.full import match_full
from support.matching_tasks import admissible, best_cover, best_limited_cover, points, random_tasks, task, total_of_sets

NEAR = {"rtol": 1e-9, "atol": 1e-12}


def sets(grouped):
    return [
        (grouped.treated[grouped.treated_set == s].tolist(), grouped.control[grouped.control_set == s].tolist())
        for s in range(grouped.treated_set.max(initial=-1) + 1)
    ]


def test_sets_have_one_treated_unit_or_one_control():
    one = task(points([0, 1, 2], [0.0, 5.0, 6.0]), points([3, 4, 5], [0.2, 0.1, 5.0]))
    grouped = match_full(one)
    assert sets(grouped) == [([0], [1, 0]), ([1, 2], [2])]
    np.testing.assert_allclose(grouped.distance, [0.1, 0.2, 0.5])
    np.testing.assert_allclose(total_of_sets(grouped), 1.3)


def test_pair_is_given_up_if_others_gain_more():
    """Each nearest pair first would leave the outer units to each other's partners at 1 + 1 + 0.9."""
    one = task(points([0, 1], [0.0, 1.9]), points([2, 3], [1.0, 2.9]))
    assert sets(match_full(one)) == [([0], [0]), ([1], [1])]


def test_units_without_a_partner_are_in_no_set():
    treated = points([0, 1, 2, 3], [0.0, 0.1, 9.0, 0.0], strata=[0, 0, 0, -1])
    one = task(treated, points([4, 5, 6], [0.05, 3.0, 0.0], strata=[0, 0, -1]), caliper=1.0)
    assert sets(match_full(one)) == [([0, 1], [0])]


def test_equal_units_make_sets_too():
    grouped = match_full(task(points([0, 1, 2], [1.0, 1.0, 1.0]), points([3, 4], [1.0, 1.0])))
    assert sorted(grouped.treated.tolist()) == [0, 1, 2]
    assert sorted(grouped.control.tolist()) == [0, 1]
    assert total_of_sets(grouped) == 0.0


def test_rungs_may_overlap():
    treated = points([0, 1], [0.0, 1.0], strata=[[0, 7], [1, 7]])
    control = points([2, 3, 4], [0.1, 0.9, 0.8], strata=[[0, 7], [1, 7], [0, 7]])
    assert sets(match_full(task(treated, control, rung=[0, 0]))) == [([0], [0, 2]), ([1], [1])]
    assert sets(match_full(task(treated, control, rung=[0, 1]))) == [([0], [0]), ([1], [1, 2])]


@pytest.mark.parametrize("seed", range(40))
def test_cheapest_cover_with_either_solver(seed, monkeypatch):
    one = random_tasks(seed, n_tasks=1)[0]
    expected = best_cover(one)
    np.testing.assert_allclose(total_of_sets(match_full(one)), expected, **NEAR)
    monkeypatch.setattr(_assignment, "_DENSE", 0)
    np.testing.assert_allclose(total_of_sets(match_full(one)), expected, **NEAR)


@pytest.mark.parametrize("limits", [(1, None), (2, None), (None, 1), (None, 3), (1, 1), (2, 1), (2, 2), (3, 2)])
def test_cheapest_cover_with_limits(limits):
    for seed in range(30):
        one = random_tasks(seed, n_tasks=1)[0]
        grouped = match_full(one, most_controls=limits[0], most_treated=limits[1])
        number, total = best_limited_cover(one, *limits)
        assert len(grouped.treated) + len(grouped.control) == number
        np.testing.assert_allclose(total_of_sets(grouped), total, **NEAR)
        for treated, control in sets(grouped):
            assert min(len(treated), len(control)) == 1
            assert len(control) <= (limits[0] or np.inf)
            assert len(treated) <= (limits[1] or np.inf)


def test_limits_that_do_not_bind_change_nothing():
    for seed in range(20):
        one = random_tasks(seed, n_tasks=1)[0]
        free, limited = match_full(one), match_full(one, most_controls=50, most_treated=50)
        np.testing.assert_allclose(total_of_sets(limited), total_of_sets(free), **NEAR)
        assert len(limited.control) == len(free.control)


def test_a_set_has_at_least_one_of_each_side():
    one = task(points([0], [0.0]), points([1], [0.0]))
    with pytest.raises(ValueError, match="at least 1 unit of each side, not at most 0"):
        match_full(one, most_controls=0)


@pytest.mark.parametrize("seed", range(40))
def test_sets_are_stars_of_admissible_pairs_and_hold_everyone(seed):
    one = random_tasks(seed, n_tasks=1)[0]
    rules = {pair[1:3]: pair[4] for pair in admissible([one])}
    grouped = match_full(one)
    assert sorted(grouped.treated.tolist()) == sorted({i for i, _ in rules})
    assert sorted(grouped.control.tolist()) == sorted({j for _, j in rules})
    distance = iter(grouped.distance.tolist())
    for treated, control in sets(grouped):
        assert min(len(treated), len(control)) == 1
        for j in control:
            np.testing.assert_allclose(next(distance), np.mean([rules[i, j] for i in treated]), **NEAR)


def test_sets_are_numbered_by_their_first_treated_unit_and_listed_in_order():
    for seed in range(20):
        grouped = match_full(random_tasks(seed, n_tasks=1)[0])
        firsts = [treated[0] for treated, _ in sets(grouped)]
        assert firsts == sorted(firsts)
        assert (np.diff(grouped.treated_set) >= 0).all()
        assert (np.diff(grouped.control_set) >= 0).all()


def test_nobody_to_group():
    for one in (task(points([], []), points([1], [0.0])), task(points([0], [0.0]), points([], []))):
        for limit in (None, 2):
            grouped = match_full(one, most_controls=limit)
            assert [len(getattr(grouped, part)) for part in grouped.__slots__] == [0] * 5
