"""Alpha where there is none, and what the options do; the numbers are tested against psych in tests/reference."""

import numpy as np
import pytest

from clustereffects.survey.reliability import cronbach_alpha, pairwise_moments

GOOD = np.array([[1.0, 2.0, 1.0], [2.0, 2.0, 3.0], [4.0, 3.0, np.nan], [5.0, 5.0, 4.0], [np.nan] * 3])


def test_pairwise_counts_those_with_an_answer_and_listwise_those_with_all():
    assert cronbach_alpha(GOOD).n == 4
    assert cronbach_alpha(GOOD, missing="listwise").n == 3


def test_level_widens_the_interval():
    narrow, wide = cronbach_alpha(GOOD, level=0.8), cronbach_alpha(GOOD, level=0.99)
    assert wide.low < narrow.low < narrow.alpha < narrow.high < wide.high


def test_two_items_leave_nothing_when_one_is_dropped():
    found = cronbach_alpha(GOOD[:, :2])
    assert np.isnan(found.dropped).all()
    assert np.isfinite(found.item_rest).all()


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (GOOD[:, :1], "a scale of one item has no alpha"),
        (GOOD[:2], "2 respondents are too few"),
        (np.full((5, 2), np.nan), "0 respondents are too few"),
        (np.array([[1, np.nan], [2, np.nan], [np.nan, 3], [np.nan, 5]]), "two items were never answered by the same"),
        (np.array([[1.0, 3.0], [2.0, 3.0], [5.0, 3.0]]), "an item does not vary, or the items cancel out"),
        (np.array([[1.0, 5.0], [3.0, 3.0], [5.0, 1.0]]), "an item does not vary, or the items cancel out"),
    ],
)
def test_no_alpha_without_a_reason(answers, reason):
    found = cronbach_alpha(answers)
    assert found.reason.startswith(reason)
    assert np.isnan([found.alpha, found.standardised, found.std_error, found.low, found.high]).all()
    assert len(found.item_rest) == len(found.dropped) == answers.shape[1]


def test_impossible_options():
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1, got 1"):
        cronbach_alpha(GOOD, level=1.0)
    with pytest.raises(ValueError, match="missing must be 'pairwise' or 'listwise', got 'median'"):
        cronbach_alpha(GOOD, missing="median")
    with pytest.raises(ValueError, match="expected a table of answers, got 1 dimensions"):
        pairwise_moments(np.ones(3))


def test_pairwise_moments_equal_a_slow_computation():
    covariance, correlation = pairwise_moments(GOOD)
    for i in range(3):
        for j in range(3):
            both = np.isfinite(GOOD[:, i]) & np.isfinite(GOOD[:, j])
            x, y = GOOD[both, i], GOOD[both, j]
            np.testing.assert_allclose(covariance[i, j], np.cov(x, y)[0, 1], rtol=1e-12)
            np.testing.assert_allclose(correlation[i, j], np.corrcoef(x, y)[0, 1], rtol=1e-12)


def test_item_rest_is_the_correlation_with_the_sum_of_the_others():
    complete = GOOD[[0, 1, 3]]
    rest = [np.corrcoef(complete[:, i], np.delete(complete, i, axis=1).sum(axis=1))[0, 1] for i in range(3)]
    np.testing.assert_allclose(cronbach_alpha(complete).item_rest, rest, rtol=1e-12)
