"""What must hold for any judgements and any data on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.triangulation.elicitation import (
    LIKELIHOOD_SCALE,
    Elicitation,
    ElicitedTest,
    Judgement,
    cooke_scores,
    likelihood_ratio_range,
)
from clustereffects.triangulation.elicitation.latent import LatentTests, ReportsOnTest
from clustereffects.triangulation.elicitation.levels import kind_of_test, kinds_of_test
from clustereffects.triangulation.elicitation.rates import rate_interval, systematic_error, without_report_error
from clustereffects.triangulation.elicitation.unit_grid import NODES
from clustereffects.triangulation.likelihoods import contaminated

quick = settings(max_examples=40, derandomize=True, deadline=None)
few = settings(max_examples=15, derandomize=True, deadline=None)
words = st.sampled_from(LIKELIHOOD_SCALE.words)
chances = st.floats(0.01, 0.99)
ranges = st.tuples(chances, chances).map(lambda pair: (min(pair), max(pair)))
answers = st.lists(st.tuples(words, words), min_size=1, max_size=5)


def _elicited(drawn):
    judgements = tuple(
        Judgement(
            test="T", judge=f"J{i}", rival="boom", p_negligible=without, p_benefit=with_it, asked_first="p_negligible"
        )
        for i, (without, with_it) in enumerate(drawn)
    )
    return Elicitation(tests=(ElicitedTest(id="T", claim="c", code="M"),), judgements=judgements)


@quick
@given(answers, st.tuples(words, words))
def test_another_judge_never_narrows_a_range(drawn, more):
    before, after = _elicited(drawn).chances("T"), _elicited([*drawn, more]).chances("T")
    assert all(after[name][0] <= before[name][0] and before[name][1] <= after[name][1] for name in before)


@quick
@given(answers)
def test_order_of_judges_and_judges_who_agree_change_nothing(drawn):
    assert _elicited(drawn).chances("T") == _elicited(drawn[::-1]).chances("T") == _elicited(drawn + drawn).chances("T")


@quick
@given(ranges, ranges, st.floats(0, 1), st.floats(0, 1))
def test_ratio_and_kind_within_the_ranges_are_covered(s, t, u, v):
    inner = s[0] + u * (s[1] - s[0]), t[0] + v * (t[1] - t[0])
    low, high = likelihood_ratio_range(s, t)
    assert low * (1 - 1e-12) <= inner[0] / inner[1] <= high * (1 + 1e-12)
    assert kind_of_test(sum(s) / 2, sum(t) / 2) == kinds_of_test(s, t)[0]


@quick
@given(chances, st.floats(0, 0.9), st.floats(0, 1))
def test_freeing_of_report_error_undoes_the_engines_contamination(p, epsilon, noise):
    reported = contaminated(np.array([[p]]), np.array([True]), np.array([epsilon]), np.array([noise]))
    assert without_report_error(reported, epsilon, noise) == pytest.approx(p, abs=1e-9)


@quick
@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from(["jeffreys", "exact"]))
def test_intervals_hold_the_share_mirror_and_widen(seen, asked, method):
    seen = min(seen, asked)
    share, low, high = rate_interval([seen], [asked], method=method)[0]
    mirrored = rate_interval([asked - seen], [asked], method=method)[0]
    wider = rate_interval([seen], [asked], method=method, level=0.99)[0]
    assert 0 <= low <= share <= high <= 1
    assert mirrored[1:] == pytest.approx([1 - high, 1 - low], abs=1e-12)
    assert wider[1] <= low
    assert high <= wider[2]


@few
@given(st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(0.01, 0.1)), min_size=2, max_size=6), st.floats(-1, 1))
def test_bias_moves_with_the_controls_and_scales_with_them(drawn, shift):
    values, errors = (np.array(column) for column in zip(*drawn, strict=True))
    plain = systematic_error(values, errors, spread_sd=0.05)
    moved = systematic_error(values + shift, errors, spread_sd=0.05)
    scaled = systematic_error(7 * values, 7 * errors, spread_sd=0.35)
    assert moved.mean == pytest.approx(plain.mean + shift, abs=1e-8)
    assert (moved.sd, scaled.sd / 7, scaled.mean / 7) == pytest.approx((plain.sd, plain.sd, plain.mean), abs=1e-8)
    assert plain.sd >= plain.average_sd


@few
@given(st.integers(0, 1000))
def test_cooke_scores_do_not_depend_on_units_or_order(seed):
    rng = np.random.default_rng(seed)
    stated, true = np.sort(rng.normal(size=(3, 8, 3)), axis=2), rng.normal(size=8)
    found, moved = cooke_scores(stated, true), cooke_scores(3 * stated[::-1] + 5, 3 * true + 5)
    turned = cooke_scores(stated[:, ::-1], true[::-1])
    for other in (moved.calibration[::-1], turned.calibration):
        assert other == pytest.approx(found.calibration, abs=1e-12)
    for other in (moved.information[::-1], turned.information):
        assert other == pytest.approx(found.information, abs=1e-9)
    assert (found.information >= -1e-12).all()


def _reports(observed, organisation, elicited=(0.6, 0.3), epsilon=0.1):
    size = len(observed)
    return ReportsOnTest(
        organisation=np.asarray(organisation),
        observed=np.asarray(observed, dtype=bool),
        unreliability=np.full(size, epsilon),
        noise=np.full(size, 0.5),
        weight=np.ones(size),
        elicited=elicited,
    )


@few
@given(st.integers(0, 1000))
def test_one_more_sighting_where_there_is_a_benefit_raises_the_sensitivity(seed):
    rng = np.random.default_rng(seed)
    benefit, seen = rng.uniform(0.05, 0.95, 10), rng.random(10) < 0.5
    benefit[0], seen[0] = 1.0, False
    more = seen | (np.arange(10) == 0)
    before = LatentTests([_reports(seen, np.arange(10))], benefit, 1.0).posterior()
    after = LatentTests([_reports(more, np.arange(10))], benefit, 1.0).posterior()
    assert after.benefit[0] @ NODES > before.benefit[0] @ NODES


@few
@given(st.integers(0, 1000))
def test_swapping_benefit_and_its_absence_swaps_the_errors(seed):
    rng = np.random.default_rng(seed)
    benefit, seen = rng.uniform(0.05, 0.95, 10), rng.random(10) < 0.5
    found = LatentTests([_reports(seen, np.arange(10), (0.7, 0.2))], benefit, 1.0).posterior()
    swapped = LatentTests([_reports(seen, np.arange(10), (0.2, 0.7))], 1 - benefit, 1.0).posterior()
    assert swapped.without == pytest.approx(found.benefit, abs=1e-10)
    assert swapped.benefit == pytest.approx(found.without, abs=1e-10)


@few
@given(st.integers(0, 1000))
def test_order_of_organisations_and_reports_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    benefit, where = rng.uniform(0.05, 0.95, 8), rng.integers(0, 8, 20)
    seen, order, labels = rng.random(20) < 0.5, rng.permutation(20), rng.permutation(8)
    found = LatentTests([_reports(seen, where)], benefit, 1.0).posterior()
    relabelled = np.empty(8)
    relabelled[labels] = benefit
    again = LatentTests([_reports(seen[order], labels[where[order]])], relabelled, 1.0).posterior()
    assert again.benefit == pytest.approx(found.benefit, abs=1e-10)
