"""Reverse coding and the rule on missing items."""

import numpy as np
import pytest

from clustereffects.errors import OptionError
from clustereffects.survey.scores import items_needed, key_answers, scale_scores


def test_reverse_coding_turns_the_range_round():
    keyed = key_answers(np.array([[1.0, 5.0, np.nan]]), np.array([False, True, True]), 1, 5)
    np.testing.assert_array_equal(keyed, [[1.0, 1.0, np.nan]])


def test_answers_outside_the_range_are_refused():
    with pytest.raises(ValueError, match="1 answers lie outside 1 to 5"):
        key_answers(np.array([[98.0]]), np.array([True]), 1, 5)


@pytest.mark.parametrize(("rule", "needed"), [("half", [1, 1, 2, 2, 3]), ("all", [1, 2, 3, 4, 5]), ("any", [1] * 5)])
def test_rules(rule, needed):
    assert [items_needed(rule, k) for k in range(1, 6)] == needed


def test_unknown_rule():
    with pytest.raises(OptionError, match="unknown rule 'most' – scores – expected one of 'half', 'all', 'any'"):
        items_needed("most", 4)


def test_score_is_the_mean_of_the_answered_items():
    keyed = np.array([[5.0, 4.0, np.nan], [5.0, np.nan, np.nan], [np.nan] * 3])
    np.testing.assert_array_equal(scale_scores(keyed, needed=2), [4.5, np.nan, np.nan])
    np.testing.assert_array_equal(scale_scores(keyed, needed=1), [4.5, 5.0, np.nan])


def test_no_item_is_not_enough():
    with pytest.raises(ValueError, match="at least one item must be answered, not 0"):
        scale_scores(np.ones((1, 2)), needed=0)
