"""Nearest matching on arrays against a literal oracle, with everything that can be asked for, and with many ties."""

from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.matching import _line, _lists, _search
from clustereffects.matching.nearest import Points, Task, match_nearest
from support import nearest_oracle as oracle
from support.matching_second import allowed, count_allowed

SMALL = {
    _search: {"_FEW": 3, "_SAMPLE": 4, "_LARGEST_SAMPLE": 6, "_BLOCK": 12, "_PAIRS": 30, "_TABLE": 0},
    _lists: {"_depth": mock.Mock(return_value=1), "_TIMES": 2, "_DEEP": 3, "_OFTEN": 1, "_BATCH": 3},
    _line: {"_PATIENCE": 1},
}


def as_if_large(stack):
    """Let few candidates be treated as many: sampled, in blocks, in parts, with short lists."""
    for module, values in SMALL.items():
        stack.enter_context(mock.patch.multiple(module, **values))


def side(rng, units, *, score, coarse):
    n = len(units)
    z = rng.normal(size=(n, 1 if score else 2))
    z = z.round(0 if coarse else 12)
    return Points(
        np.asarray(units, np.int64),
        z,
        z[:, 0].copy(),
        np.column_stack([rng.integers(-1, 3, n), rng.integers(0, 2, n)]).astype(np.int64),
        rng.integers(-1, 4, (n, 2)).astype(np.int64),
        rng.normal(size=(n, 1)).round(1 if coarse else 12),
    )


def world(seed, *, score, coarse, tight):
    """Two risk sets that share candidates; half of the treated units are matched on the second rung."""
    rng = np.random.default_rng(seed)
    tasks = []
    for first in (0, 100):
        treated = side(rng, np.arange(first, first + rng.integers(1, 9)), score=score, coarse=coarse)
        pool = np.sort(rng.choice(np.arange(20, 90), rng.integers(1, 60), replace=False))
        n = len(treated.unit)
        tasks.append(
            Task(
                treated,
                side(rng, pool, score=score, coarse=coarse),
                caliper=1.0 if tight else np.inf,
                widths=np.array([1.5 if tight else np.inf]),
                rung=rng.integers(0, 2, n),
                wanted=rng.integers(1, 5, n),
                turn=rng.permutation(n),
                score=score,
            )
        )
    return tasks


def pairs(chosen):
    return set(zip(chosen.task.tolist(), chosen.treated.tolist(), chosen.control.tolist(), strict=True))


@settings(max_examples=300)
@given(
    seed=st.integers(0, 100_000),
    score=st.booleans(),
    coarse=st.booleans(),
    tight=st.booleans(),
    reuse=st.sampled_from([1, 2, None]),
    order=st.sampled_from(["turn", "closest", "farthest"]),
    large=st.booleans(),
)
def test_pairs_are_those_of_the_oracle(seed, score, coarse, tight, reuse, order, large):
    tasks = world(seed, score=score, coarse=coarse, tight=tight)
    with ExitStack() as stack:
        if large:
            as_if_large(stack)
        chosen = match_nearest(tasks, reuse=reuse, order=order)
    assert len(pairs(chosen)) == len(chosen.task)
    assert pairs(chosen) == oracle.match(tasks, reuse, order)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 100_000),
    score=st.booleans(),
    coarse=st.booleans(),
    reuse=st.sampled_from([1, 2, None]),
    order=st.sampled_from(["turn", "closest", "farthest"]),
)
def test_no_pair_breaks_a_rule(seed, score, coarse, reuse, order):
    tasks = world(seed, score=score, coarse=coarse, tight=True)
    chosen = match_nearest(tasks, reuse=reuse, order=order)
    units = []
    for t, i, j, distance in zip(chosen.task, chosen.treated, chosen.control, chosen.distance, strict=True):
        task = tasks[t]
        assert oracle.same_stratum(task, i, j)
        assert not oracle.breaks_a_rule(task, i, j)
        assert distance == pytest.approx(oracle.distance(task, i, j), rel=1e-14, abs=1e-14)
        units.append(int(task.control.unit[j]))
    assert reuse is None or max(np.bincount(units), default=0) <= reuse
    for t, task in enumerate(tasks):
        served = np.bincount(chosen.treated[chosen.task == t], minlength=len(task.wanted))
        assert (served <= task.wanted).all()
    keys = list(zip(chosen.task.tolist(), chosen.treated.tolist(), chosen.distance.round(10).tolist(), strict=True))
    assert keys == sorted(keys)


@settings(max_examples=50)
@given(seed=st.integers(0, 100_000), score=st.booleans(), tight=st.booleans())
def test_allowed_are_all_that_break_no_rule(seed, score, tight):
    for task in world(seed, score=score, coarse=True, tight=tight):
        n, m = len(task.treated.unit), len(task.control.unit)
        expected = [
            [j for j in range(m) if oracle.same_stratum(task, i, j) and not oracle.breaks_a_rule(task, i, j)]
            for i in range(n)
        ]
        assert [allowed(task, i).tolist() for i in range(n)] == expected
        assert count_allowed(task).tolist() == [len(rows) for rows in expected]


def shuffled(task, rng):
    """The same risk set with its units numbered in another order."""
    number = rng.permutation(200)

    def moved(points):
        order = np.argsort(number[points.unit])
        parts = [getattr(points, name)[order] for name in ("z", "line", "strata", "forbid", "bound")]
        return Points(number[points.unit][order], *parts), order

    treated, order = moved(task.treated)
    control, _ = moved(task.control)
    place = np.argsort(order)
    other = Task(
        treated,
        control,
        task.caliper,
        task.widths,
        task.rung[order],
        task.wanted[order],
        place[task.turn],
        task.score,
    )
    return other, np.argsort(number)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 100_000),
    score=st.booleans(),
    reuse=st.sampled_from([1, 2, None]),
    order=st.sampled_from(["turn", "closest", "farthest"]),
)
def test_the_order_of_units_does_not_matter_where_distances_differ(seed, score, reuse, order):
    rng = np.random.default_rng(seed)
    task = world(seed, score=score, coarse=False, tight=False)[0]
    other, name = shuffled(task, rng)

    def units(one, names):
        chosen = match_nearest([one], reuse=reuse, order=order)
        treated, control = one.treated.unit[chosen.treated], one.control.unit[chosen.control]
        return {(int(names[a]), int(names[b])) for a, b in zip(treated, control, strict=True)}

    assert units(other, name) == units(task, np.arange(200))
