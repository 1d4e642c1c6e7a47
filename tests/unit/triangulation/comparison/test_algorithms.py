"""Edge cases of the comparison algorithms, and every message."""

import math

import numpy as np
import pytest

from clustereffects.errors import EvidenceError, InputError, OptionError
from clustereffects.triangulation.comparison.belief_functions import belief_and_plausibility, dempster
from clustereffects.triangulation.comparison.causal_types import causal_types
from clustereffects.triangulation.comparison.opinions import (
    averaging,
    compromise,
    cumulative,
    degree_of_conflict,
    opinion_of,
    projected_sets,
    weighted,
)
from clustereffects.triangulation.comparison.p_values import cauchy, fisher, harmonic_mean, landau_tail, stouffer
from clustereffects.triangulation.comparison.pools import linear_pool, log_pool
from clustereffects.triangulation.comparison.process_tracing import TracedTest, posterior_after, rubric_grade
from clustereffects.triangulation.comparison.rubric import rank_flips, strength_classes, weight_space
from clustereffects.triangulation.comparison.set_relations import necessity, sufficiency, truth_table
from clustereffects.triangulation.comparison.tallies import binomial_factor, omega_needed, urn_factor
from clustereffects.triangulation.comparison.votes import estimate_votes, plurality, report_votes

UP, DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])


@pytest.mark.parametrize("pool", [linear_pool, log_pool])
@pytest.mark.parametrize("weight", [[0.0, 0.0], [1.0, -0.5]])
def test_pools_refuse_weights(pool, weight):
    with pytest.raises(OptionError, match="weights"):
        pool(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array(weight))


def test_a_zero_is_a_veto_in_the_log_pool_only():
    sources = np.array([[0.0, 0.1, 0.9], [0.9, 0.1, 0.0]])
    assert log_pool(sources, np.full(2, 0.5)).tolist() == [0.0, 1.0, 0.0]
    assert linear_pool(sources, np.ones(2)).round(12).tolist() == [0.45, 0.1, 0.45]
    assert log_pool(sources, np.array([1.0, 0.0])).round(12).tolist() == [0.0, 0.1, 0.9]
    with pytest.raises(EvidenceError, match="every state is ruled out"):
        log_pool(np.stack([UP, DOWN]), np.ones(2))


@pytest.mark.parametrize("fuse", [cumulative, averaging, weighted])
def test_certain_sources_overrule_the_others_and_share_equally(fuse):
    belief = np.stack([UP, DOWN, 0.5 * UP])
    fused = fuse(belief, np.array([0.0, 0.0, 0.5]))
    assert fused[0].tolist() == [0.5, 0.5]
    assert fused[1] == 0.0


@pytest.mark.parametrize("fuse", [cumulative, averaging, weighted])
def test_vacuous_sources_say_nothing(fuse):
    fused = fuse(np.zeros((2, 2)), np.ones(2))
    assert fused[0].tolist() == [0.0, 0.0]
    assert fused[1] == 1.0


def test_the_same_opinion_twice():
    belief, uncertainty = np.array([[0.5, 0.2], [0.5, 0.2]]), np.array([0.3, 0.3])
    for fuse in (averaging, weighted):
        fused = fuse(belief, uncertainty)
        np.testing.assert_allclose([*fused[0], fused[1]], [0.5, 0.2, 0.3], rtol=1e-12)
    mass, doubt = compromise(belief, uncertainty)
    np.testing.assert_allclose([*mass.values(), doubt], [0.5, 0.2, 0.3], rtol=1e-12)
    assert cumulative(belief, uncertainty)[1] < 0.3


def test_certain_contradiction_becomes_full_uncertainty_in_the_compromise():
    mass, doubt = compromise(np.stack([UP, DOWN]), np.zeros(2))
    assert doubt == 1.0
    assert sum(mass.values()) == 0.0


def test_certain_opinions_without_a_compromise_leave_uncertainty_not_nan():
    """Two certain sources and one that shares part of their belief: nothing of the rest can be joined."""
    mass, doubt = compromise(np.array([[0.5, 0.5], [0.5, 0.5], [0.3, 0.5]]), np.array([0.0, 0.0, 0.2]))
    assert mass == {frozenset({0}): pytest.approx(0.3), frozenset({1}): pytest.approx(0.5)}
    assert doubt == pytest.approx(0.2)


def test_compromise_leaves_belief_on_two_of_three_states():
    belief = np.array([[0.0, 0.0, 0.9], [0.0, 0.8, 0.0]])
    mass, doubt = compromise(belief, np.array([0.1, 0.2]))
    assert mass[frozenset({1, 2})] > 0.6
    assert sum(mass.values()) + doubt == pytest.approx(1.0)
    base = np.array([0.4, 0.2, 0.4])
    assert projected_sets(mass, doubt, base).sum() == pytest.approx(1.0)
    assert doubt < 0.05


def test_balanced_evidence_is_not_ignorance():
    base = np.array([0.5, 0.5])
    assert opinion_of(base, 0.0, base)[1] == 1.0
    assert opinion_of(base, 1.5, base)[1] == pytest.approx(np.exp(-1.5))


def test_conflict_needs_two_opinions_with_something_to_say():
    base = np.array([0.5, 0.5])
    assert math.isnan(degree_of_conflict(np.stack([UP]), np.zeros(1), base))
    assert degree_of_conflict(np.stack([UP, DOWN]), np.zeros(2), base) == 1.0
    assert degree_of_conflict(np.stack([UP, 0 * DOWN]), np.array([0.0, 1.0]), base) == 0.0


def test_dempster_refuses_complete_contradiction():
    with pytest.raises(EvidenceError, match="contradict each other completely"):
        dempster([{frozenset({0}): 1.0}, {frozenset({1}): 1.0}])


def test_plausibility_is_what_does_not_speak_against():
    mass = {frozenset({0}): 0.5, frozenset({1, 2}): 0.3, frozenset({0, 1, 2}): 0.2}
    assert belief_and_plausibility(mass, 3).round(12).tolist() == [[0.5, 0.7], [0.0, 0.5], [0.0, 0.5]]


def test_one_p_value_stays_what_it_is():
    p = np.array([0.03])
    for combine in (fisher, cauchy, harmonic_mean):
        assert combine(p) == pytest.approx(0.03, rel=1e-12)


def test_a_p_value_near_one_cancels_a_tiny_one_in_cauchys_combination_only():
    p = np.array([1e-6, 1 - 1e-6])
    assert cauchy(p) > 0.49
    assert harmonic_mean(p) < 1e-5


def test_impossible_p_values():
    p = np.array([0.0, 0.5])
    assert (fisher(p), cauchy(p), harmonic_mean(p)) == (0.0, 0.0, 0.0)
    assert harmonic_mean(np.array([1.0, 1.0])) > 0.7
    assert landau_tail(-10.0) == 1.0


def test_tallies_refuse_impossible_counts():
    with pytest.raises(OptionError, match="3 problems"):
        binomial_factor(-1, -2, omega=0.0)
    with pytest.raises(OptionError, match="favour -1"):
        urn_factor(-1, 2)
    with pytest.raises(OptionError, match="factor 0"):
        omega_needed(7, 3, factor=0.0)


def test_no_bias_overturns_unanimous_reports():
    assert math.isnan(omega_needed(5, 0))
    assert omega_needed(3, 7) == pytest.approx(1 / omega_needed(7, 3), rel=1e-8)
    assert binomial_factor(0, 0) == pytest.approx(1.0)


def test_large_counts_do_not_underflow():
    assert binomial_factor(3000, 2900) == pytest.approx(1 / binomial_factor(2900, 3000), rel=1e-6)
    assert urn_factor(400, 300) > 1


def test_a_sign_that_speaks_against_is_read_from_its_absence():
    assert TracedTest(0.05, 0.4, seen=True).kind == "hoop"
    assert TracedTest(0.7, 0.98, seen=True).kind == "smoking gun"
    assert TracedTest(0.05, 0.4, seen=False).passed
    assert rubric_grade([TracedTest(0.05, 0.4, seen=True)]) == "failed"


def test_only_tests_that_tell_something_count():
    assert not TracedTest(0.05, 0.045, seen=True).telling
    assert [TracedTest(p, p, seen=True).telling for p in (0.0, 0.5, 1.0)] == [False] * 3
    assert TracedTest(0.1, 0.0, seen=True).telling
    assert TracedTest(1.0, 0.9, seen=True).telling
    assert rubric_grade([TracedTest(0.05, 0.045, seen=True)]) == "mixed"


@pytest.mark.parametrize(
    ("tests", "grade"),
    [
        ([], "mixed"),
        ([(0.6, 0.4, True)], "mixed"),
        ([(0.6, 0.4, True), (0.6, 0.4, True)], "some"),
        ([(0.6, 0.4, True), (0.6, 0.4, True), (0.6, 0.4, False)], "mixed"),
        ([(0.3, 0.02, True), (0.6, 0.4, False)], "strong"),
        ([(0.95, 0.05, True)], "strong"),
        ([(0.95, 0.05, False), (0.3, 0.02, True)], "failed"),
        ([(0.5, 0.5, True), (0.3, 0.02, False)], "mixed"),
    ],
)
def test_grades(tests, grade):
    assert rubric_grade([TracedTest(s, t, seen) for s, t, seen in tests]) == grade


def test_tests_need_probabilities():
    with pytest.raises(OptionError, match=r"probability 1\.2"):
        TracedTest(1.2, 0.1, seen=True)
    with pytest.raises(OptionError, match=r"probability -0\.1"):
        posterior_after(-0.1, TracedTest(0.5, 0.1, seen=True))


def test_an_impossible_report_leaves_the_prior():
    assert posterior_after(0.3, TracedTest(0.0, 0.0, seen=True)) == 0.3


def test_monotone_effects_are_never_negative():
    flat = causal_types(np.zeros((2, 2), dtype=int), monotone=True)
    assert flat.effect_interval() == flat.positive_interval()
    assert flat.effect_interval()[0] > 0


def test_truth_tables_refuse_what_is_not_calibrated():
    with pytest.raises(InputError, match="outside 0–1"):
        truth_table(np.array([[1.2]]), np.array([0.5]))
    with pytest.raises(InputError, match="2 problems"):
        truth_table(np.full((2, 13), np.nan), np.array([0.5, 0.5]))


def test_a_case_on_the_fence_belongs_nowhere():
    table = truth_table(np.array([[0.5], [0.9]]), np.array([1.0, 0.0]))
    assert table.member.tolist() == [-1, 1]
    assert table.cases.tolist() == [0, 1]
    assert table.outcome(consistency=0.3).tolist() == [-1, 1]
    assert table.outcome(cases=2).tolist() == [-1, -1]


def test_empty_sets_have_no_relation():
    none, some = np.zeros(2), np.array([0.2, 0.8])
    assert math.isnan(sufficiency(none, some).consistency)
    assert math.isnan(necessity(some, none).consistency)


def test_strength_classes_have_five_steps():
    rows = np.array([[0.95, 0, 0.05], [0.7, 0.1, 0.2], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7], [0.0, 0.1, 0.9]])
    assert strength_classes(rows).tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]


def test_weight_space_of_agreeing_streams_is_whole():
    assert weight_space(np.full(3, 0.5), 0.5) == (0.5, 0.5, 1.0)


def test_rank_flips_only_between_organisations_that_both_speak():
    assert rank_flips(np.array([1.0, 0.0]), np.array([[0.0, np.nan], [0.5, -0.5], [0.5, 1.0]])) == 1


def test_votes():
    assert estimate_votes(np.array([0.1, -0.1, 0.1]), np.array([0.04, 0.04, 0.06])).tolist() == [2, 0, 1]
    assert report_votes(np.array([[0.9, 0.1, 0.9], [0.9, 0.9, 0.1], [0.9, 0.2, 0.1]])).tolist() == [-1, 1, 0]
    assert plurality(np.array([0, 2]))[0] == 3
    assert plurality(np.array([-1]))[0] == 3


@pytest.mark.parametrize("p", [[], [np.nan], [1.2], [-0.1, 0.5], [0.2, np.nan], ["a"], 0.3])
@pytest.mark.parametrize("combine", [fisher, stouffer, cauchy, harmonic_mean])
def test_what_is_no_p_value_is_refused(combine, p):
    with pytest.raises(EvidenceError, match="correct the p-values"):
        combine(np.array(p))


def test_nothing_cannot_be_combined():
    with pytest.raises(EvidenceError, match="no source"):
        dempster([])
