import numpy as np
import pytest

from clustereffects.matching.engine import Rules, match_sets
from clustereffects.matching.risk_set import RiskSet, Units


def units(unit, x):
    none = np.zeros((len(unit), 0), np.int64)
    return Units(np.array(unit, np.int64), np.array(x, float)[:, None], none, none)


def test_trimming_leaves_out_what_is_outside_the_range_of_the_others():
    one = RiskSet(1.0, units([0, 1, 2], [0.0, 2.0, 9.0]), units([3, 4, 5, 6], [-3.0, 1.0, 3.0, 0.5]))
    both = match_sets([one], Rules(distance="propensity", trim="both"))
    assert both.tasks[0].treated.unit.tolist() == [0, 1]
    assert both.tasks[0].control.unit.tolist() == [4, 5, 6]
    treated = match_sets([one], Rules(distance="propensity", trim="treated"))
    assert treated.tasks[0].control.unit.tolist() == [3, 4, 5, 6]


def test_caliper_counts_standard_deviations_of_the_score_of_its_risk_set():
    rng = np.random.default_rng(1)
    sets = [
        RiskSet(float(g), units([g, g + 2], rng.normal(size=2)), units(range(10, 30), scale * rng.normal(size=20)))
        for g, scale in ((0, 1.0), (1, 3.0))
    ]
    matched = match_sets(sets, Rules(distance="propensity", caliper=0.5))
    for task in matched.tasks:
        score = np.concatenate([task.treated.z, task.control.z])
        assert task.caliper == pytest.approx(0.5 * score.std(ddof=1))
    raw = match_sets(sets, Rules(distance="mahalanobis", caliper=0.5))
    assert [task.caliper for task in raw.tasks] == [0.5, 0.5]


def test_propensity_has_an_intercept_per_cohort():
    rng = np.random.default_rng(2)
    sets = [
        RiskSet(0.0, units([0, 1], rng.normal(size=2)), units(range(10, 20), rng.normal(size=10))),
        RiskSet(1.0, units([2, 3, 4], rng.normal(size=3)), units(range(10, 15), rng.normal(size=5))),
    ]
    matched = match_sets(sets, Rules(distance="propensity", propensity_scale="probability"))
    for task in matched.tasks:
        assert np.concatenate([task.treated.z, task.control.z]).sum() == pytest.approx(len(task.treated.unit))


def test_random_order_is_reproducible_and_an_order():
    one = RiskSet(1.0, units(range(8), np.zeros(8)), units(range(10, 30), np.arange(20.0)))
    rules = Rules(distance="scaled_euclidean", replace=False, order="random", rng=5)
    turns = [match_sets([one], rules).tasks[0].turn for _ in range(2)]
    assert turns[0].tolist() == turns[1].tolist()
    assert sorted(turns[0].tolist()) == list(range(8))
    assert turns[0].tolist() != list(range(8))


def test_sets_without_anybody_on_one_side_are_left_out():
    empty = RiskSet(1.0, units([0], [1.0]), units([], []))
    full = RiskSet(2.0, units([1], [1.0]), units([5, 6], [2.0, 3.0]))
    matched = match_sets([empty, full], Rules(distance="mahalanobis"))
    assert matched.position == (1,)
    assert match_sets([empty], Rules(distance="propensity")).units()[0].tolist() == []
