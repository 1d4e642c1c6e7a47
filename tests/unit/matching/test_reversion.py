import numpy as np
import pytest

from clustereffects.matching.reversion import MatchedPairs, Mirror, mirror_difference

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
