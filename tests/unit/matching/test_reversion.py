import numpy as np
import pytest

from clustereffects.matching.reversion import Mirror, mirror_difference
from clustereffects.matching.sets import MatchedSets

TIMES = np.array([2000, 2001, 2003])


def sets(treated, control, cohort, share=None):
    """Sets of one treated unit each; or, with shares, one set of all of them."""
    if share is None:
        return MatchedSets.of_pairs(np.array(treated), np.array(control), cohort=np.array(cohort, float))
    return MatchedSets(
        treated=np.array(treated),
        treated_set=np.zeros(len(treated), dtype=int),
        treated_share=np.full(len(treated), 1 / len(treated)),
        control=np.array(control),
        control_set=np.zeros(len(control), dtype=int),
        share=np.array(share),
        distance=np.full(len(control), np.nan),
        mass=np.array([float(len(treated))]),
        cohort=np.array([float(cohort)]),
        stratum=np.zeros(1, dtype=int),
    )


def test_mean_and_error_over_treated_units():
    values = np.array([[1.0, 2.0, 0.0], [4.0, 2.0, 0.0], [0.0, 1.0, 9.0], [3.0, 1.0, 9.0]])
    found = mirror_difference(values, TIMES, sets([0, 0, 1], [2, 3, 3], [2002] * 3), lag=1)
    changes = np.array([-1.0 - (0.5 * -1.0 + 0.5 * 2.0), 2.0 - 2.0])
    assert found.difference == pytest.approx(changes.mean())
    assert found.std_error == pytest.approx(changes.std(ddof=1) / np.sqrt(2))
    assert found.n_treated == 2


def test_missing_controls_leave_the_weight_to_the_others():
    values = np.array([[1.0, 2.0, 0.0], [0.0, np.nan, 0.0], [5.0, 1.0, 0.0]])
    found = mirror_difference(values, TIMES, sets([0, 0], [1, 2], [2002] * 2), lag=1)
    assert found.difference == pytest.approx(-1.0 - 4.0)
    assert np.isnan(found.std_error)
    assert np.isnan(found.statistic)


def test_treated_units_of_a_set_are_compared_with_the_weighted_mean_of_its_controls():
    values = np.array([[1.0, 2.0, 0.0], [4.0, 2.0, 0.0], [0.0, 1.0, 9.0], [3.0, 1.0, 9.0], [np.nan, 1.0, 9.0]])
    found = mirror_difference(values, TIMES, sets([0, 1], [2, 3, 4], 2002, [0.3, 0.1, 0.6]), lag=1)
    mean = (0.3 * -1.0 + 0.1 * 2.0) / 0.4
    assert found.difference == pytest.approx(np.mean([-1.0 - mean, 2.0 - mean]))
    assert found.n_treated == 2


@pytest.mark.parametrize(("cohort", "lag"), [(2001, 1), (2003, 1), (2004, 1), (2001, 5)])
def test_periods_that_do_not_exist_give_no_answer(cohort, lag):
    values = np.ones((2, 3))
    found = mirror_difference(values, TIMES, sets([0], [1], [cohort]), lag=lag)
    assert found.n_treated == 0
    assert np.isnan(found.difference)


def test_statistic_needs_an_error():
    assert np.isnan(Mirror(difference=1.0, std_error=0.0, n_treated=3).statistic)
