from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from clustereffects.matching import nearest
from clustereffects.matching.nearest import Points, Task, match_nearest, variable_ratio
from support import nearest_oracle as oracle
from support.matching_second import allowed, count_allowed


def column(values, kind):
    values = np.asarray(values, kind)
    return values[:, None] if values.ndim == 1 else values


def points(unit, z, strata=None, forbid=None, bound=None):
    n = len(unit)
    z = column(z, float)
    strata = np.zeros((n, 1), np.int64) if strata is None else column(strata, np.int64)
    forbid = np.zeros((n, 0), np.int64) if forbid is None else column(forbid, np.int64)
    bound = np.zeros((n, 0)) if bound is None else column(bound, float)
    return Points(np.asarray(unit, np.int64), z, z[:, 0].copy(), strata, forbid, bound)


def task(treated, control, *, caliper=np.inf, widths=(), rung=0, wanted=1, turn=None, score=False):
    n = len(treated.unit)
    turn = np.arange(n) if turn is None else np.asarray(turn)
    rung, wanted = np.broadcast_to(rung, n).copy(), np.broadcast_to(wanted, n).copy()
    return Task(treated, control, caliper, np.asarray(widths, float), rung, wanted, turn, score)


def found(tasks, **options):
    chosen = match_nearest(tasks, **{"reuse": None} | options)
    return [
        (int(tasks[t].treated.unit[i]), int(tasks[t].control.unit[j]))
        for t, i, j in zip(chosen.task, chosen.treated, chosen.control, strict=True)
    ]


KINDS = pytest.mark.parametrize("score", [False, True])


@KINDS
def test_everybody_gets_a_first_control_before_anybody_gets_a_second(score):
    one = task(points([0, 1], [0.0, 0.1]), points([5, 6, 7], [0.0, 0.05, 9.0]), wanted=2, score=score)
    assert found([one], reuse=1) == [(0, 5), (0, 7), (1, 6)]


@KINDS
def test_turn_decides_who_chooses_first(score):
    treated, pool = points([0, 1], [0.2, 0.1]), points([5, 6], [0.0, 3.0])
    assert found([task(treated, pool, score=score)], reuse=1) == [(0, 5), (1, 6)]
    assert found([task(treated, pool, turn=[1, 0], score=score)], reuse=1) == [(0, 6), (1, 5)]


@KINDS
def test_a_control_serves_as_often_as_reuse_says_over_all_tasks(score):
    pool = points([5, 6], [0.0, 3.0])
    tasks = [task(points([unit], [0.0]), pool, score=score) for unit in range(4)]
    assert found(tasks, reuse=1) == [(0, 5), (1, 6)]
    assert found(tasks, reuse=2) == [(0, 5), (1, 5), (2, 6), (3, 6)]
    assert found(tasks, reuse=3) == [(0, 5), (1, 5), (2, 5), (3, 6)]
    assert found(tasks, reuse=None) == [(0, 5), (1, 5), (2, 5), (3, 5)]


@KINDS
def test_a_treated_unit_never_gets_the_same_control_twice(score):
    one = task(points([0], [0.0]), points([5, 6], [0.0, 3.0]), wanted=5, score=score)
    assert found([one], reuse=None) == found([one], reuse=2) == [(0, 5), (0, 6)]


@KINDS
def test_each_treated_unit_gets_as_many_as_it_wants(score):
    one = task(points([0, 1], [0.0, 9.0]), points([5, 6, 7, 8], [0.0, 1.0, 9.0, 8.0]), wanted=[1, 3], score=score)
    assert found([one], reuse=1) == [(0, 5), (1, 7), (1, 8), (1, 6)]


@KINDS
def test_caliper_and_widths_are_inclusive(score):
    pool = points([5, 6, 7, 8], [1.0, 1.5, -1.0, -0.5], bound=[[0.0], [0.0], [2.0], [2.1]])
    one = task(points([0], [0.0], bound=[[0.0]]), pool, caliper=1.0, widths=[2.0], wanted=4, score=score)
    assert sorted(found([one])) == [(0, 5), (0, 7)]
    assert allowed(one, 0).tolist() == [0, 2]


@KINDS
def test_each_treated_unit_is_matched_on_its_rung(score):
    treated = points([0, 1, 2], [0.0, 0.0, 0.0], strata=[[10, 1], [10, 1], [-1, 1]])
    pool = points([5, 6, 7], [0.1, 0.2, 0.3], strata=[[11, 1], [10, 1], [-1, 2]])
    one = task(treated, pool, rung=[0, 1, 0], wanted=3, score=score)
    assert found([one]) == [(0, 6), (1, 5), (1, 6)]
    assert count_allowed(one).tolist() == [1, 2, 0]
    assert [allowed(one, row).tolist() for row in range(3)] == [[1], [0, 1], []]


@KINDS
def test_missing_codes_never_collide(score):
    one = task(points([0], [0.0], forbid=[-1]), points([5, 6], [0.0, 1.0], forbid=[-1, 2]), score=score)
    assert found([one]) == [(0, 5)]
    one = task(points([0], [0.0], forbid=[2]), points([5, 6], [0.0, 1.0], forbid=[2, -1]), score=score)
    assert found([one]) == [(0, 6)]


@KINDS
def test_codes_of_any_size_are_strata(score):
    treated = points([0, 1], [0.0, 0.0], strata=[7, 1 << 40])
    pool = points([5, 6, 7], [0.0, 1.0, 2.0], strata=[1 << 40, 7, 8])
    assert found([task(treated, pool, score=score)]) == [(0, 6), (1, 5)]


def test_the_closest_pair_of_all_is_made_first():
    treated, pool = points([0, 1], [1.0, 0.1]), points([5, 6], [0.0, 3.0])
    one = task(treated, pool)
    assert found([one], reuse=1) == [(0, 5), (1, 6)]
    assert found([one], reuse=1, order="closest") == [(0, 6), (1, 5)]
    assert found([one], reuse=1, order="farthest") == [(0, 5), (1, 6)]


def test_closest_goes_over_all_tasks():
    pool = points([5, 6], [0.0, 3.0])
    tasks = [task(points([unit], [z]), pool) for unit, z in ((0, 1.0), (1, 0.1))]
    assert found(tasks, reuse=1, order="closest") == [(0, 6), (1, 5)]


def test_score_ties_go_left_then_to_the_closest_in_order():
    treated = points([3], [0.0])
    pool = points([1, 2, 4, 5], [1.0, -1.0, -1.0, 1.0])
    assert found([task(treated, pool, score=True, wanted=4)]) == [(3, 4), (3, 2), (3, 1), (3, 5)]


def test_equal_scores_are_left_of_a_unit_that_comes_later():
    pool = points([1, 2, 4, 5], [0.0, 0.0, 0.0, 0.0])
    assert found([task(points([3], [0.0]), pool, score=True, wanted=4)]) == [(3, 2), (3, 1), (3, 4), (3, 5)]


def test_covariate_ties_go_to_the_farthest_in_order_then_right():
    treated = points([3], [0.0])
    pool = points([1, 2, 4, 5], [1.0, -1.0, -1.0, 1.0])
    assert found([task(treated, pool, wanted=4)]) == [(3, 5), (3, 2), (3, 1), (3, 4)]


def test_differences_below_ten_decimals_are_ties():
    treated = points([3], [0.0])
    pool = points([1, 2], [1.0, 1.0 - 1e-12])
    assert found([task(treated, pool)]) == [(3, 2)]
    assert found([task(treated, pool, score=True)]) == [(3, 1)]
    pool = points([1, 2], [1.0 - 1e-12, -1.0])
    assert found([task(treated, pool, score=True)]) == [(3, 2)]


def test_distances_are_those_between_the_coordinates():
    treated, pool = points([0], [[0.0, 0.0]]), points([5, 6], [[3.0, 4.0], [6.0, 8.0]])
    assert match_nearest([task(treated, pool, wanted=2)], reuse=None).distance.tolist() == [5.0, 10.0]


@KINDS
def test_nothing_to_match_gives_no_pairs(score):
    assert found([]) == []
    empty = points([], [])
    assert found([task(empty, points([5], [0.0]), score=score)], reuse=1) == []
    assert found([task(points([5], [0.0]), empty, score=score)], reuse=1) == []
    assert found([task(points([0], [0.0], strata=[1]), points([5], [0.0], strata=[2]), score=score)], reuse=1) == []


@KINDS
def test_strata_may_be_searched_in_parallel(score):
    rng = np.random.default_rng(1)
    treated = points(np.arange(40), rng.normal(size=40), strata=rng.integers(0, 5, 40))
    pool = points(np.arange(100, 900), rng.normal(size=800), strata=rng.integers(0, 5, 800))
    one = task(treated, pool, wanted=3, score=score)
    with ThreadPoolExecutor(2) as executor:
        assert found([one], reuse=1, run=executor.map) == found([one], reuse=1)


@KINDS
def test_strata_may_be_searched_by_other_processes(score):
    """What comes back is a copy: the search must not depend on its identity."""
    one = task(points([0, 1], [0.0, 0.2]), points([5, 6, 7], [0.1, 0.3, 9.0]), wanted=2, score=score)

    def run(function, strata):
        return [function(deepcopy(each)) for each in strata]

    assert found([one], reuse=1, run=run) == found([one], reuse=1)


@KINDS
def test_the_same_task_may_come_twice(score):
    one = task(points([0], [0.0]), points([5, 6], [0.0, 3.0]), score=score)
    chosen = match_nearest([one, one], reuse=1)
    assert (chosen.task.tolist(), chosen.control.tolist()) == ([0, 1], [0, 1])


@KINDS
def test_columns_of_small_integers_will_do(score):
    rng = np.random.default_rng(1)
    treated = points(np.arange(20), rng.normal(size=20), rng.integers(-1, 3, 20), rng.integers(-1, 3, 20))
    pool = points(np.arange(100, 300), rng.normal(size=200), rng.integers(-1, 3, 200), rng.integers(-1, 3, 200))
    small = [
        replace(
            side, strata=side.strata.astype(np.int16), forbid=side.forbid.astype(np.int8), z=np.asfortranarray(side.z)
        )
        for side in (treated, pool)
    ]
    assert found([task(*small, score=score, wanted=3)], reuse=1) == found(
        [task(treated, pool, score=score, wanted=3)], reuse=1
    )


@pytest.mark.parametrize("limits", [{}, {"caliper": 0.5}, {"widths": [0.05]}, {"caliper": 0.7, "widths": [0.2]}])
@KINDS
def test_large_strata_equal_a_dense_search(score, limits):
    """Enough candidates for sampling, blocks and lists that are used up."""
    rng = np.random.default_rng(4)
    n, m = 80, 6000
    z, pool_z = rng.normal(1.0, 1.0, (n, 1 if score else 4)), rng.normal(size=(m, 1 if score else 4))
    bound, pool_bound = rng.random((n, 1)), rng.random((m, 1))
    one = task(
        points(np.arange(n), z, bound=bound),
        points(np.arange(n, n + m), pool_z, bound=pool_bound),
        wanted=4,
        score=score,
        turn=rng.permutation(n),
        **{"widths": [1.0]} | limits,
    )
    gap = np.sqrt(((z[:, None] - pool_z[None]) ** 2).sum(axis=2))
    gap[(gap > one.caliper) | (np.abs(bound - pool_bound.T) > one.widths)] = np.inf
    for reuse in (1, 3, None):
        left, expected, dense, active = np.full(m, reuse or n), set(), gap.copy(), one.turn.tolist()
        for _ in range(4):
            for row in list(active):
                open_to = np.where(left > 0, dense[row], np.inf)
                best = int(open_to.argmin())
                if not np.isfinite(open_to[best]):
                    active.remove(row)
                    continue
                left[best] -= 1
                dense[row, best] = np.inf
                expected.add((row, n + best))
        assert set(found([one], reuse=reuse)) == expected


def test_large_strata_full_of_ties_equal_the_literal_search():
    rng = np.random.default_rng(5)
    one = task(
        points(np.arange(1000, 1006), rng.integers(0, 3, (6, 2)) * 1.0),
        points(np.arange(2500), rng.integers(0, 6, (2500, 2)) * 1.0, forbid=rng.integers(0, 3, 2500)),
        wanted=3,
    )
    one = replace(one, treated=replace(one.treated, forbid=np.array([[0], [1], [2], [-1], [0], [1]])))
    chosen = match_nearest([one], reuse=1)
    pairs = set(zip(chosen.task.tolist(), chosen.treated.tolist(), chosen.control.tolist(), strict=True))
    assert pairs == oracle.match([one], 1)


def test_only_strata_with_treated_units_are_searched():
    treated = points([0], [0.0], strata=[1])
    pool = points([5, 6, 7], [0.0, 1.0, 2.0], strata=[0, 1, 2])
    seen = []

    def run(function, strata):
        seen.extend(stratum.control.tolist() for stratum in strata)
        return map(function, strata)

    assert found([task(treated, pool)], run=run) == [(0, 6)]
    assert seen == [[1]]


def test_many_that_are_refused_do_not_change_the_choice():
    n = 1000
    pool = points(np.arange(1, n + 1), np.linspace(-1, 1, n), bound=np.arange(n)[:, None] * 1.0)
    one = points([0], [0.0], bound=[[3.0]])
    for score in (False, True):
        assert found([task(one, pool, widths=[2.0], wanted=9, score=score)]) == [(0, u) for u in (6, 5, 4, 3, 2)]


def test_wrong_options_are_refused():
    one = task(points([0], [0.0]), points([5], [0.0]))
    with pytest.raises(ValueError, match="reuse must be at least 1 or None, not 0"):
        match_nearest([one], reuse=0)
    with pytest.raises(ValueError, match="order must be 'turn', 'closest' or 'farthest', not 'data'"):
        match_nearest([one], reuse=1, order="data")
    with pytest.raises(ValueError, match="every treated unit must want at least 1 control, not 0"):
        match_nearest([replace(one, wanted=np.array([0]))], reuse=1)


def test_variable_ratio_gives_extremes_and_the_wanted_mean():
    rng = np.random.default_rng(2)
    score, treated = rng.random(60), np.arange(60) < 20
    for mean, least, most in ((2, 1, 4), (2.55, 2, 3), (1, 1, 2), (4.95, 1, 5)):
        wanted = variable_ratio(score, treated, mean=mean, least=least, most=most)
        assert wanted.sum() == round(20 * mean)
        assert set(np.unique(wanted)) <= set(range(least, most + 1))
        assert ((least < wanted) & (wanted < most)).sum() <= 1
        order = np.argsort(score[treated])
        if score[treated].mean() > score[~treated].mean():
            order = order[::-1]
        assert (np.diff(wanted[order]) >= 0).all()


def test_variable_ratio_turns_with_the_score():
    score, treated = np.array([0.1, 0.3, 0.8, 0.9]), np.array([True, True, False, False])
    assert variable_ratio(score, treated, mean=1.5, least=1, most=2).tolist() == [1, 2]
    assert variable_ratio(-score, treated, mean=1.5, least=1, most=2).tolist() == [1, 2]


@pytest.mark.parametrize(("mean", "least", "most"), [(2, 0, 3), (1, 2, 3), (3, 1, 3)])
def test_variable_ratio_refuses_numbers_out_of_order(mean, least, most):
    with pytest.raises(ValueError, match="least ≤ mean < most is not true"):
        variable_ratio(np.zeros(3), np.array([True, False, False]), mean=mean, least=least, most=most)


def test_the_interface_is_what_it_says():
    assert all(hasattr(nearest, name) for name in nearest.__all__)
