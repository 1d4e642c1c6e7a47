import numpy as np
import pytest

from clustereffects.accounts.indicators import competitiveness, growth, log_positive, ratio, size_class


def test_competitiveness_is_value_added_over_processing_cost():
    found = competitiveness([1000.0, 500.0], [700.0, 400.0], [80.0, 20.0], [2000.0, 1000.0], 0.06)
    np.testing.assert_allclose(found, [1000 / 900, 500 / 480])


@pytest.mark.parametrize("cells", [(0.0, 0.0, 0.0), (np.nan, 10.0, 10.0), (-50.0, 10.0, 10.0)])
def test_competitiveness_without_a_positive_cost_is_unknown(cells):
    assert np.isnan(competitiveness([100.0], [cells[0]], [cells[1]], [cells[2]], 0.06)).all()


def test_the_rate_is_not_negative():
    with pytest.raises(ValueError, match=r"the required return is -0\.1, expected a rate of at least 0"):
        competitiveness([1.0], [1.0], [1.0], [1.0], -0.1)


def test_negative_value_added_gives_negative_ratios():
    assert ratio([-10.0], [4.0]).tolist() == [-2.5]


def test_logarithms_say_what_they_lost():
    logs, counts = log_positive([np.e, 0.0, -1.0, np.nan, -2.0])
    np.testing.assert_allclose(logs, [1.0, np.nan, np.nan, np.nan, np.nan])
    assert counts == {"missing": 1, "zero": 1, "negative": 2}


def test_size_classes_at_their_limits():
    found = size_class([0, 9, 9.99, 10, 49.9, 50, 249, 250, 10_000, np.nan])
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, -1]


def test_growth_needs_the_year_before_and_the_same_firm():
    firm, year = [2, 1, 1, 2, 1], [2005, 2006, 2004, 2006, 2005]
    found = growth(firm, year, [1.0, 3.0, 1.0, 5.0, 1.5])
    np.testing.assert_allclose(found, [np.nan, 1.5, np.nan, 4.0, 0.5])
    assert growth([], [], []).tolist() == []
