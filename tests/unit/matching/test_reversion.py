import numpy as np
import pytest

from clustereffects.matching.reversion import Mirror, mirror_of_sets
from clustereffects.matching.sets import MatchedSets
from support.matching_second import MatchedPairs, mirror_difference

TIMES = np.array([2000, 2001, 2003])


def pairs(treated, control, weight, cohort):
    return MatchedPairs(np.array(treated), np.array(control), np.array(weight, float), np.array(cohort, float))


def test_mean_and_error_over_treated_units():
    values = np.array([[1.0, 2.0, 0.0], [4.0, 2.0, 0.0], [0.0, 1.0, 9.0], [3.0, 1.0, 9.0]])
    found = mirror_difference(values, TIMES, pairs([0, 0, 1], [2, 3, 3], [0.5, 0.5, 1.0], [2002] * 3), lag=1)
    changes = np.array([-1.0 - (0.5 * -1.0 + 0.5 * 2.0), 2.0 - 2.0])
    assert found.difference == pytest.approx(changes.mean())
    assert found.std_error == pytest.approx(changes.std(ddof=1) / np.sqrt(2))
    assert found.n_treated == 2


def test_missing_controls_leave_the_weight_to_the_others():
    values = np.array([[1.0, 2.0, 0.0], [0.0, np.nan, 0.0], [5.0, 1.0, 0.0]])
    found = mirror_difference(values, TIMES, pairs([0, 0], [1, 2], [0.5, 0.5], [2002] * 2), lag=1)
    assert found.difference == pytest.approx(-1.0 - 4.0)
    assert np.isnan(found.std_error)
    assert np.isnan(found.statistic)


@pytest.mark.parametrize(("cohort", "lag"), [(2001, 1), (2003, 1), (2004, 1), (2001, 5)])
def test_periods_that_do_not_exist_give_no_answer(cohort, lag):
    values = np.ones((2, 3))
    found = mirror_difference(values, TIMES, pairs([0], [1], [1.0], [cohort]), lag=lag)
    assert found.n_treated == 0
    assert np.isnan(found.difference)


def test_statistic_needs_an_error():
    assert np.isnan(Mirror(difference=1.0, std_error=0.0, n_treated=3).statistic)


def test_sets_are_as_their_pairs_and_shared_controls_are_averaged_once():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(30, 8))
    values[rng.random(values.shape) < 0.1] = np.nan
    times, treated = np.arange(8), np.repeat(np.arange(6), 4)
    control = rng.integers(6, 30, size=24)
    cohort = np.repeat([3.0, 5.0], 12)
    sets = MatchedSets.of_pairs(treated, control, cohort=cohort)
    pairs = MatchedPairs(treated, control, np.full(24, 0.25), cohort)
    for lag in (1, 2, 3, 6):
        one, other = mirror_difference(values, times, pairs, lag), mirror_of_sets(values, times, sets, lag)
        np.testing.assert_allclose(
            [other.difference, other.std_error, other.n_treated], [one.difference, one.std_error, one.n_treated]
        )
    shared = MatchedSets(
        treated=np.arange(6),
        treated_set=np.zeros(6, dtype=int),
        treated_share=np.full(6, 1 / 6),
        control=np.arange(6, 30),
        control_set=np.zeros(24, dtype=int),
        share=np.full(24, 1 / 24),
        distance=np.full(24, np.nan),
        mass=np.array([6.0]),
        cohort=np.array([5.0]),
        stratum=np.zeros(1, dtype=int),
    )
    of, link = shared.links()
    every = MatchedPairs(shared.treated[of], shared.control[link], shared.share[link], np.full(len(of), 5.0))
    one, other = mirror_difference(values, times, every, 2), mirror_of_sets(values, times, shared, 2)
    np.testing.assert_allclose([other.difference, other.std_error], [one.difference, one.std_error])
