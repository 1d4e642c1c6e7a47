from itertools import product

import numpy as np
import pytest

from clustereffects.errors import EvidenceError
from clustereffects.triangulation.exact_pair import exact_pair
from clustereffects.triangulation.sensitivity import scenarios
from triangulation_cases import did, model, sign


def _probability(evidence):
    return scenarios(model(evidence)).probability[0]


def test_without_correlation_a_pair_says_what_its_two_parts_say():
    parts = [sign("a", (0.8, 0.4, 0.2), unreliability=0.1), sign("b", (0.3, 0.1, 0.2), observed=False, noise=0.3)]
    together = exact_pair(*parts, 0.0)
    np.testing.assert_allclose(_probability([did(), together]), _probability([did(), *parts]), rtol=1e-12)


def test_the_same_clue_twice_changes_nothing():
    once = sign("a", (0.8, 0.4, 0.2))
    pair = exact_pair(once, sign("b", (0.8, 0.4, 0.2)), 1.0)
    assert (pair.p_benefit, pair.p_negligible, pair.p_harm) == pytest.approx((0.8, 0.4, 0.2))
    np.testing.assert_allclose(_probability([pair]), _probability([once]), rtol=1e-12)


def test_the_four_pairs_of_reports_exhaust_what_can_be_reported():
    total = np.zeros(3)
    for one, other in product((True, False), repeat=2):
        first = sign("a", (0.8, 0.4, 0.2), observed=one, unreliability=0.2, noise=0.7)
        second = sign("b", (0.6, 0.5, 0.1), observed=other, unreliability=0.1)
        pair = exact_pair(first, second, {"benefit": 0.3, "negligible": -0.2})
        assert pair.observed
        assert pair.unreliability == 0
        total += [pair.p_benefit, pair.p_negligible, pair.p_harm]
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def test_what_the_pair_keeps_of_its_parts():
    more = {"dependence": "g", "rho": 0.3, "test": "T01"}
    first = sign("a", respondents=("P-1",), elicitation="e1", note="seen", **more)
    pair = exact_pair(first, sign("b", respondents=("P-2", "P-1"), suggested_by="a", **more), 0.1)
    assert (pair.id, pair.dependence, pair.rho, pair.test) == ("a + b", "g", 0.3, "T01")
    assert (pair.respondents, pair.elicitation, pair.suggested_by) == (("P-1", "P-2"), "e1", "")
    assert pair.note == "seen; exact pair of a and b, correlation benefit 0.1, negligible 0.1, harm 0.1"


def test_everything_that_is_in_the_way_at_once():
    first = sign("a", ((0.2, 0.4), 0.9, 0.2))
    second = sign("b", (0.3, 0.1, 0.2), stream="documents")
    with pytest.raises(EvidenceError) as caught:
        exact_pair(first, second, {"negligible": 0.9, "harm": 2.0, "gain": 0.1})
    text = str(caught.value)
    for part in (
        "stream is 'interviews' and 'documents'",
        "p_benefit is a range",
        "the correlation under negligible is 0.9",
        "between -1.000 and 0.111 with 0.9 and 0.1",
        "the correlation under harm is 2.0",
        "a correlation under 'gain'",
    ):
        assert part in text
    with pytest.raises(EvidenceError, match="the same diagnostic twice"):
        exact_pair(second, second, 0.0)
