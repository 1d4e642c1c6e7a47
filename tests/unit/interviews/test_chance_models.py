"""Edge cases of the kappas that differ in their model of chance, and every message."""

import numpy as np
import pytest

from clustereffects.errors import CodingError, OptionError
from clustereffects.interviews.chance_models import brennan_prediger, conger_kappa, generalised_fleiss_kappa

ALL = [generalised_fleiss_kappa, conger_kappa, brennan_prediger]


@pytest.mark.parametrize("coefficient", ALL)
def test_one_judgement_per_unit_is_refused(coefficient):
    with pytest.raises(CodingError, match="no unit was judged by two raters"):
        coefficient([[1, np.nan], [np.nan, 0]])


@pytest.mark.parametrize("coefficient", ALL)
def test_full_agreement_on_two_values_is_one(coefficient):
    found = coefficient([[1, 1, np.nan], [0, 0, 0]])
    assert found.value == 1.0
    assert (found.units, found.raters) == (2, 3)


def test_nothing_but_one_value_is_undefined_unless_others_were_possible():
    same = np.ones((4, 2))
    assert np.isnan(generalised_fleiss_kappa(same).value)
    assert np.isnan(conger_kappa(same).value)
    assert brennan_prediger(same).value == 1.0


def test_a_rater_who_judged_nothing_does_not_count():
    ratings = np.array([[1, 1, np.nan], [0, 1, np.nan], [0, 0, np.nan]])
    assert conger_kappa(ratings).value == conger_kappa(ratings[:, :2]).value


def test_fewer_categories_than_values_are_refused():
    with pytest.raises(OptionError, match="at least 3"):
        brennan_prediger([[1, 2], [3, 3]], categories=2)
