from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import clustereffects.matching._ladder as named
from clustereffects.data.by_period import ByPeriod
from clustereffects.errors import ColumnError
from clustereffects.matching.ladder import Limits, choose_rungs, count_stages, ladder_rungs

FREE = Limits(np.empty(0), np.inf)
LADDER = (("industry", (4, 2)), ("region", ("region", "type")))


def side(rng, n, *, rungs=3, bars=2, bounds=1, dims=2):
    fine = rng.integers(-1, 12, n)
    strata = np.stack([np.where(fine < 0, fine, fine // 2**rung) for rung in range(rungs)], axis=1)
    return SimpleNamespace(
        z=rng.normal(size=(n, dims)),
        strata=strata.astype(np.int16),
        forbid=rng.integers(-1, 3, (n, bars)),
        bound=rng.normal(size=(n, bounds)),
    )


def literal(treated, control, limits, row, rung):
    """Count one by one."""
    counts = [0, 0, 0, 0]
    for other in range(len(control.strata)):
        own = treated.strata[row, rung]
        tests = (
            own >= 0 and own == control.strata[other, rung],
            all(a < 0 or a != b for a, b in zip(treated.forbid[row], control.forbid[other], strict=True)),
            all(np.abs(treated.bound[row] - control.bound[other]) <= limits.widths),
            np.sqrt(((treated.z[row] - control.z[other]) ** 2).sum()) <= limits.caliper,
        )
        for stage in range(4):
            counts[stage] += all(tests[: stage + 1])
    return counts


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("caliper", [np.inf, 1.0])
@pytest.mark.parametrize("dims", [1, 2])
def test_counts_are_those_of_counting_one_by_one(seed, caliper, dims):
    rng = np.random.default_rng(seed)
    treated, control = side(rng, 12, dims=dims), side(rng, 80, dims=dims)
    limits = Limits(np.array([0.8]), caliper)
    for rung in range(3):
        counts = count_stages(treated, control, limits, (np.arange(12), rung))
        assert counts.tolist() == [literal(treated, control, limits, row, rung) for row in range(12)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("enough", [1, 3, 50])
def test_the_rung_is_the_finest_with_enough_or_the_coarsest_with_any(seed, enough):
    rng = np.random.default_rng(seed)
    treated, control = side(rng, 12), side(rng, 80)
    limits = Limits(np.array([0.6]), 1.0)
    found = choose_rungs(treated, control, limits, enough)
    for row in range(12):
        allowed = [literal(treated, control, limits, row, rung)[-1] for rung in range(3)]
        sufficient = [rung for rung in range(3) if allowed[rung] >= enough]
        some = [rung for rung in range(3) if allowed[rung]]
        expected = sufficient[0] if sufficient else some[-1] if some else 2
        assert found.rung[row] == expected
        assert found.allowed[row] == allowed[expected]
        tried = found.counts[row, :, -1].tolist()
        assert tried == (allowed[: expected + 1] + [-1] * (2 - expected) if sufficient else allowed)
        assert found.stages[row].tolist() == literal(treated, control, limits, row, expected)


def test_each_unit_may_want_another_number():
    none = np.empty((6, 0))
    control = SimpleNamespace(z=none, strata=np.array([[0, 0], [1, 0], [2, 0], [3, 0]]), forbid=none, bound=none)
    treated = SimpleNamespace(z=none, strata=np.array([[0, 0], [0, 0]]), forbid=none[:2], bound=none[:2])
    found = choose_rungs(treated, control, FREE, np.array([1, 2]))
    assert found.rung.tolist() == [0, 1]
    assert found.counts[:, :, 0].tolist() == [[1, -1], [1, 4]]


def test_missing_codes_equal_nothing_and_nobody_is_no_error():
    none = np.empty((2, 0))
    empty = SimpleNamespace(z=none[:0], strata=np.empty((0, 1), int), forbid=none[:0], bound=none[:0])
    gone = SimpleNamespace(z=none, strata=np.array([[-1], [-1]]), forbid=none, bound=none)
    assert choose_rungs(gone, gone, FREE, 1).allowed.tolist() == [0, 0]
    assert choose_rungs(gone, empty, FREE, 1).allowed.tolist() == [0, 0]
    assert choose_rungs(empty, gone, FREE, 1).rung.tolist() == []


def test_one_step_is_loosened_at_a_time_in_the_order_written():
    assert ladder_rungs([]) == ((),)
    assert ladder_rungs([2, 3]) == ((0, 0), (1, 0), (1, 1), (1, 2))
    assert named.rungs_of(("size", "region"), LADDER) == ((0, 0, 0), (0, 0, 1), (0, 1, 1))
    assert named.exact_names(("size", "region"), LADDER) == ("size", "region", "industry")
    assert named.finest_columns(("size", "region"), LADDER) == ("size", "region", "industry")


def test_rungs_are_called_by_digits_and_columns():
    assert named.rung_labels(LADDER) == (
        "industry 4 digits, region",
        "industry 2 digits, region",
        "industry 2 digits, type",
    )
    assert named.rung_labels((("industry", (1,)),)) == ("industry 1 digit",)
    assert named.rung_labels(()) == ("exact",)


def levels(values, steps=(5, 4, 2)):
    reader = ByPeriod.once(pd.DataFrame({"industry": values}))
    (found,) = named.level_readers(reader, (), (("industry", steps),))
    return [read(0).tolist() for read in found]


def test_leading_digits_are_those_of_text_without_separators():
    assert levels(["01.110", "01.120", "01110", None, "01"]) == [[0, 1, 0, -1, -1], [0, 1, 0, -1, -1], [0, 0, 0, -1, 0]]


def test_numbers_are_read_as_text_too():
    assert levels([62010.0, np.nan, 62020.0], (5, 2)) == [[0, -1, 1], [0, -1, 0]]


def test_numbers_of_different_lengths_are_refused():
    with pytest.raises(ColumnError, match=r"numbers of different lengths.*read the column as text"):
        levels([1110, 62010])


def test_columns_are_levels_as_they_are():
    reader = ByPeriod.once(
        pd.DataFrame({"size": [1, 1], "region": ["a", "b"], "type": ["x", "x"], "industry": [6201, 6202]})
    )
    found = named.level_readers(reader, ("size", "region"), LADDER)
    assert [[read(0).tolist() for read in column] for column in found] == [[[0, 0]], [[0, 1], [0, 0]], [[0, 1], [0, 0]]]


@pytest.mark.parametrize(
    ("ladder", "message"),
    [
        ({"industry": (2, 4)}, "fall from step to step"),
        ({"industry": (4, 4)}, "fall from step to step"),
        ({"industry": (0,)}, "at least 1"),
        ({"industry": (4, "region")}, "either whole numbers"),
        ({"industry": ()}, "at least one step"),
        ({"industry": 4}, "at least one step"),
        ({"region": ("a", "a")}, "each column once"),
        ({3: (4, 2)}, "the name of a column"),
        (5, "steps for each column"),
        ("industry", "steps for each column"),
    ],
)
def test_impossible_ladders_are_told(ladder, message):
    problems = named.ladder_problems(named.as_ladder(ladder))
    assert len(problems) == 1
    assert message in problems[0].expected


def test_possible_ladders_are_pairs():
    ladder = named.as_ladder({"industry": [4, 2], "region": ("region", "type")})
    assert ladder == LADDER
    assert hash(ladder) == hash(LADDER)
    assert named.ladder_problems(ladder) == []
    assert named.ladder_columns(ladder) == ["industry", "industry", "region", "type"]


@pytest.mark.parametrize("kind", ["caliper", "bound"])
def test_one_limit_alone_is_counted_as_among_others(kind):
    rng = np.random.default_rng(3)

    def side(n):
        values = rng.integers(0, 20, (n, 1)) / 10.0
        return SimpleNamespace(
            z=values, strata=rng.integers(0, 3, (n, 1)), forbid=np.empty((n, 0), dtype=np.int64), bound=values
        )

    treated, control = side(30), side(400)
    limits = Limits(np.empty(0), 0.3) if kind == "caliper" else Limits(np.array([0.3]), np.inf)
    counts = count_stages(treated, control, limits, (np.arange(30), 0))
    for row in range(30):
        same = control.strata[:, 0] == treated.strata[row, 0]
        near = same & (np.abs(control.z[:, 0] - treated.z[row, 0]) <= 0.3)
        assert counts[row, 0] == same.sum()
        assert counts[row, -1] == near.sum()
        assert counts[row, 2] == (near.sum() if kind == "bound" else same.sum())
