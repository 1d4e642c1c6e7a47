import numpy as np
import pytest

from clustereffects.matching.nearest import Points, Task, count_candidates, free_controls, match_nearest


def points(unit, z, exact=None, forbid=None):
    z = np.asarray(z, float).reshape(len(unit), -1)
    none = np.zeros((len(unit), 0), np.int64)
    codes = [none if c is None else np.asarray(c, np.int64).reshape(len(unit), -1) for c in (exact, forbid)]
    return Points(np.asarray(unit, np.int64), z, z[:, 0].copy(), *codes)


def task(treated, control, *, caliper=np.inf, turn=None, score=False):
    turn = np.arange(len(treated.unit)) if turn is None else np.asarray(turn)
    return Task(treated, control, caliper, turn, score)


def found(tasks, **options):
    chosen = match_nearest(tasks, **{"ratio": 1, "replace": True} | options)
    return [
        (int(tasks[t].treated.unit[i]), int(tasks[t].control.unit[j]))
        for t, i, j in zip(chosen.task, chosen.treated, chosen.control, strict=True)
    ]


def brute_rounds(tasks, ratio):
    """Literal matching without replacement, in rounds; distances have no ties."""
    free = set(np.concatenate([t.control.unit for t in tasks]).tolist())
    active = [(t, int(i)) for t in tasks for i in t.turn]
    pairs = []
    for _ in range(ratio):
        still = []
        for t, i in active:
            options = [
                (np.sqrt(((t.treated.z[i] - t.control.z[j]) ** 2).sum()), int(u))
                for j, u in enumerate(t.control.unit)
                if int(u) in free
                and (t.treated.exact[i] == t.control.exact[j]).all()
                and not ((t.treated.forbid[i] == t.control.forbid[j]) & (t.treated.forbid[i] >= 0)).any()
            ]
            options = [option for option in options if option[0] <= t.caliper]
            if options:
                free.remove(min(options)[1])
                pairs.append((int(t.treated.unit[i]), min(options)[1]))
                still.append((t, i))
        active = still
    return pairs


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("ratio", [1, 3])
def test_without_replacement_equals_literal_rounds(seed, ratio):
    rng = np.random.default_rng(seed)

    def side(units):
        n = len(units)
        return points(units, rng.normal(size=(n, 2)), rng.integers(0, 2, n), rng.integers(-1, 3, (n, 2)))

    tasks = [
        task(side(np.arange(a, a + 6)), side(np.sort(rng.choice(np.arange(20, 60), 25, replace=False))), caliper=1.5)
        for a in (0, 10)
    ]
    tasks = [Task(t.treated, t.control, t.caliper, rng.permutation(6), t.score) for t in tasks]
    assert sorted(found(tasks, ratio=ratio, replace=False)) == sorted(brute_rounds(tasks, ratio))


def test_everybody_gets_a_first_control_before_anybody_gets_a_second():
    one = task(points([0, 1], [0.0, 0.1]), points([5, 6, 7], [0.0, 0.05, 9.0]))
    assert sorted(found([one], ratio=2, replace=False)) == [(0, 5), (0, 7), (1, 6)]


def test_turn_decides_who_chooses_first():
    pool = points([5, 6], [0.0, 3.0])
    treated = points([0, 1], [0.2, 0.1])
    assert sorted(found([task(treated, pool)], replace=False)) == [(0, 5), (1, 6)]
    assert sorted(found([task(treated, pool, turn=[1, 0])], replace=False)) == [(0, 6), (1, 5)]


def test_a_control_serves_once_over_all_tasks():
    one = task(points([0], [0.0]), points([5, 6], [0.0, 3.0]))
    two = task(points([1], [0.0]), points([5, 6], [0.0, 3.0]))
    assert found([one, two], replace=False) == [(0, 5), (1, 6)]
    assert found([one, two], replace=True) == [(0, 5), (1, 5)]


def test_caliper_is_inclusive():
    one = task(points([0], [0.0]), points([5, 6], [1.0, 1.5]), caliper=1.0)
    assert found([one], ratio=2) == [(0, 5)]


def test_score_ties_go_left_then_to_the_closest_in_order():
    treated = points([3], [0.0])
    pool = points([1, 2, 4, 5], [1.0, -1.0, -1.0, 1.0])
    assert found([task(treated, pool, score=True)], ratio=4) == [(3, 4), (3, 2), (3, 1), (3, 5)]


def test_covariate_ties_go_to_the_farthest_in_order_then_right():
    treated = points([3], [0.0])
    pool = points([1, 2, 4, 5], [1.0, -1.0, -1.0, 1.0])
    assert found([task(treated, pool)], ratio=4) == [(3, 5), (3, 2), (3, 1), (3, 4)]


def test_differences_below_ten_decimals_are_ties():
    treated = points([3], [0.0])
    pool = points([1, 2], [1.0, 1.0 - 1e-12])
    assert found([task(treated, pool, score=True)]) == [(3, 2)]
    pool = points([1, 2], [1.0 - 1e-12, -1.0])
    assert found([task(treated, pool, score=True)]) == [(3, 2)]


def test_missing_codes_never_collide():
    one = task(points([0], [0.0], forbid=[-1]), points([5, 6], [0.0, 1.0], forbid=[-1, 2]))
    assert found([one]) == [(0, 5)]


def test_counts_say_which_constraint_removed_the_last_candidate():
    treated = points([0], [0.0], exact=[[1, 1]], forbid=[[7, -1]])
    pool = points(
        [4, 5, 6, 7],
        [0.0, 5.0, 1.0, 0.5],
        exact=[[1, 1], [1, 1], [1, 2], [2, 1]],
        forbid=[[7, -1], [8, -1], [8, -1], [8, -1]],
    )
    one = task(treated, pool, caliper=2.0)
    assert count_candidates(one, 0) == [4, 3, 2, 1, 1, 0, 0]
    wide = task(treated, pool)
    assert count_candidates(wide, 0, free_controls(wide, np.array([5]))) == [4, 3, 2, 1, 1, 1, 0]


def test_nothing_to_match_gives_no_pairs():
    assert found([]) == []
    assert found([task(points([0], [0.0], exact=[1]), points([5], [0.0], exact=[2]))], replace=False) == []


def test_a_ratio_below_one_is_refused():
    with pytest.raises(ValueError, match="ratio must be at least 1, not 0"):
        match_nearest([], ratio=0, replace=True)
