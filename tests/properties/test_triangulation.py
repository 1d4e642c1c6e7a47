"""What must hold for any evidence: vacuous items, duplicates, order, mirror, scale, variance, ranges, odds."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from clustereffects.results import BiasTerm
from clustereffects.triangulation import Prior, Thresholds, Triangulation
from clustereffects.triangulation.changes import Changes, evaluate, probabilities
from clustereffects.triangulation.engine import PriorMixture, combine, grid_cells, posterior_cells
from clustereffects.triangulation.estimates import LogQuadratic
from clustereffects.triangulation.sensitivity import cell_bounds, leave_one_out, scenarios
from clustereffects.triangulation.tipping import tipping_points, with_wide_weight
from clustereffects.triangulation.verdicts import class_word, decide
from triangulation_cases import closed_form, did, model, sign, survey, theory

quick = settings(max_examples=40, derandomize=True, deadline=None)
values = st.floats(-0.3, 0.3)
errors = st.floats(0.005, 0.3)
chances = st.floats(0.02, 0.98)
signs = st.lists(st.tuples(chances, chances, chances, st.booleans()), max_size=4)


def _signs(drawn, *, rho=0.4):
    return [
        sign(f"s{i}", row[:3], observed=row[3], dependence="respondents", rho=rho, unreliability=0.1)
        for i, row in enumerate(drawn)
    ]


def _evidence(value, error, other, drawn):
    return [did(value, error), survey(other, error), *_signs(drawn)]


def _posterior(evidence, **options):
    return scenarios(model(evidence, **options))


def _same(one, other, tolerance=1e-9):
    np.testing.assert_allclose(one.probability, other.probability, atol=tolerance)
    np.testing.assert_allclose([one.mean, one.sd], [other.mean, other.sd], atol=tolerance)


@quick
@given(values, errors, values, signs, chances)
def test_a_vacuous_item_changes_nothing(value, error, other, drawn, chance):
    evidence = _evidence(value, error, other, drawn)
    vacuous = sign("vacuous", (chance, chance, chance), dependence="respondents", rho=0.4)
    _same(_posterior([*evidence, vacuous]), _posterior(evidence))


@quick
@given(values, errors, values, signs)
def test_power_zero_is_the_stream_left_out(value, error, other, drawn):
    evidence = _evidence(value, error, other, drawn)
    built = model(evidence)
    power = 1 - np.eye(len(built.streams))
    found = scenarios(built, power=power)
    for i, stream in enumerate(built.streams):
        rest = _posterior([item for item in evidence if item.stream != stream])
        np.testing.assert_allclose(found.probability[i], rest.probability[0], atol=1e-9)


@quick
@given(values, errors, signs.filter(bool))
def test_duplicates_with_rho_one_change_nothing(value, error, drawn):
    once = [did(value, error), *_signs(drawn[:1], rho=1.0)]
    copies = [dataclasses.replace(once[1], id=f"copy {i}") for i in range(3)]
    _same(_posterior([*once, *copies]), _posterior(once))
    base = did(value, error, dependence="accounts")
    _same(_posterior([base, dataclasses.replace(base, id="copy")]), _posterior([base]))


@quick
@given(values, errors, st.floats(0.6, 0.98))
def test_duplicates_with_rho_zero_count(value, error, chance):
    item = sign("a", (chance, 1 - chance, 1 - chance))
    one = _posterior([did(value, error), item]).probability[0, 2]
    two = _posterior([did(value, error), item, dataclasses.replace(item, id="b")]).probability[0, 2]
    assert two >= one
    assert two > one or one > 1 - 1e-12


@quick
@given(values, errors, values, signs, st.randoms(use_true_random=False))
def test_order_and_labels_do_not_matter(value, error, other, drawn, random):
    evidence = _evidence(value, error, other, drawn)
    shuffled = list(evidence)
    random.shuffle(shuffled)
    one, two = (Triangulation(theory()).fit(items).verdicts() for items in (evidence, shuffled))
    assert one.equals(two)
    renamed = [dataclasses.replace(x, group="Å 7", id=f"z{i}") for i, x in enumerate(evidence)]
    three = Triangulation(theory()).fit(renamed).verdicts()
    np.testing.assert_allclose(three["p_benefit"].astype(float), one["p_benefit"].astype(float), atol=1e-10)


@quick
@given(values, errors, values, signs)
def test_mirror(value, error, other, drawn):
    here = _posterior([did(value, error), survey(other, error, bias_mean=0.05), *_signs(drawn)])
    turned = [(c, b, a, seen) for a, b, c, seen in drawn]
    there = _posterior([did(-value, error), survey(-other, error, bias_mean=-0.05), *_signs(turned)])
    np.testing.assert_allclose(here.probability[0], there.probability[0, ::-1], atol=1e-9)
    assert here.mean[0] == pytest.approx(-there.mean[0], abs=1e-9)


@quick
@given(values, errors, signs, st.floats(0.01, 100))
def test_rescaling_everything_rescales_the_effect_only(value, error, drawn, scale):
    one = _posterior([did(value, error), *_signs(drawn)])
    scaled = did(scale * value, scale * error, scale * 0.03)
    prior = Prior(sceptical_sd=0.05 * scale, wide_sd=0.15 * scale)
    other = _posterior([scaled, *_signs(drawn)], prior=prior, delta=0.01 * scale)
    np.testing.assert_allclose(other.probability, one.probability, atol=1e-9)
    assert other.mean[0] == pytest.approx(scale * one.mean[0], abs=1e-9 * scale)


@quick
@given(values, errors, values, st.floats(0, 0.3), st.floats(0, 0.3))
def test_more_bias_variance_never_adds_precision(value, error, other, narrow, more):
    """For a normal prior; with the mixture a conflict can move weight to its narrow part."""
    prior = Prior(sceptical_sd=0.05, wide_sd=0.15, wide_weight=0.0)
    one = _posterior([did(value, error, narrow), survey(other, error)], prior=prior)
    two = _posterior([did(value, error, narrow + more), survey(other, error)], prior=prior)
    assert two.sd[0] >= one.sd[0] - 1e-12


@quick
@given(values, errors, signs, st.floats(0, 0.05), st.floats(0, 0.05), st.floats(0, 0.2))
def test_widening_a_range_never_narrows_the_bounds(value, error, drawn, below, above, more):
    def bounds(low, high, spread):
        ranged = [
            dataclasses.replace(s, p_benefit=(max(0.01, s.p_benefit - spread), min(0.99, s.p_benefit + spread)))
            for s in _signs(drawn)
        ]
        ranged = [dataclasses.replace(s, rho=(max(0.0, 0.4 - spread), 0.4 + spread)) for s in ranged]
        built = model([did(value, error, 0.03, 0.0, (-low, high)), *ranged])
        return cell_bounds(built, scenarios(built))

    inner, outer = bounds(below, above, 0.0), bounds(below + more, above + more, more)
    assert (outer[:, 0] <= inner[:, 0] + 1e-9).all()
    assert (outer[:, 1] >= inner[:, 1] - 1e-9).all()


@quick
@given(values, errors, chances, chances)
def test_posterior_odds_are_prior_odds_times_the_ratio(value, error, benefit, rest):
    before = _posterior([did(value, error)]).probability[0]
    after = _posterior([did(value, error), sign("a", (benefit, rest, rest))]).probability[0]
    assert after[2] * before[:2].sum() == pytest.approx(before[2] * after[:2].sum() * benefit / rest, rel=1e-8)


@quick
@given(values, errors, values, errors, st.floats(0, 0.2), st.floats(0, 0.2))
def test_two_estimates_with_own_bias_have_a_closed_form(value, error, other, another, first, second):
    found = _posterior([did(value, error, first), survey(other, another, second, 0.0)])
    exact = closed_form([value, other], [error**2 + first**2, another**2 + second**2])
    np.testing.assert_allclose(found.probability[0], exact, atol=1e-9)


@quick
@given(values, errors, st.floats(0.01, 0.2), st.integers(1, 6))
def test_a_shared_bias_is_a_ceiling(value, error, spread, count):
    shared = (BiasTerm(domain="optimism", sd=spread, shared="respondents"),)
    prior = Prior(sceptical_sd=1e3, wide_sd=1e3)
    items = [survey(value, error, bias=shared, id=f"i{i}") for i in range(count)]
    assert _posterior(items, prior=prior).sd[0] == pytest.approx(np.sqrt(spread**2 + error**2 / count), rel=1e-6)


@quick
@given(
    st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(0.01, 0.5), st.floats(0.05, 1.0)), min_size=1, max_size=3),
    values,
    st.floats(0.003, 0.3),
    st.floats(0.003, 0.1),
)
def test_the_closed_form_is_the_integral_on_the_grid(parts, value, error, delta):
    mean, sd, weight = np.array(parts).T
    prior = PriorMixture(weight / weight.sum(), sd, mean)
    terms = LogQuadratic(np.array([error**-2]), np.array([value / error**2]), ())
    edges = np.array([-delta, delta])
    exact, grid = posterior_cells(prior, terms, edges), grid_cells(prior, terms, edges)
    np.testing.assert_allclose(exact.log_mass, grid.log_mass, rtol=0, atol=2e-8)
    one, other = combine(exact, np.zeros((1, 3))), combine(grid, np.zeros((1, 3)))
    np.testing.assert_allclose(one.probability, other.probability, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose([one.mean, one.sd], [other.mean, other.sd], rtol=1e-7, atol=1e-9)
    assert exact.error[0] < 1e-10


@quick
@given(values, errors, signs)
def test_leaving_out_equals_never_having_had(value, error, drawn):
    evidence = [did(value, error, dependence="respondents", rho=0.4), *_signs(drawn)]
    for one in leave_one_out(model(evidence), Thresholds()):
        gone = {"stream": "stream", "group": "dependence", "item": "id"}[one.kind]
        rest = _posterior([item for item in evidence if getattr(item, gone) != one.name])
        np.testing.assert_allclose(one.probability, rest.probability[0], atol=1e-10)


@quick
@given(values, errors, signs)
def test_a_tipping_point_tips(value, error, drawn):
    built = model([did(value, error), *_signs(drawn)])
    for tip in tipping_points(built, Thresholds()):
        if tip.quantity == "prior" and tip.changes:
            moved = with_wide_weight(built.prior, np.array([tip.tips_at]))
            found = decide(evaluate(built, Changes(prior=moved)).probability, Thresholds())
            assert class_word(int(found[0])) == tip.becomes != tip.verdict


@quick
@given(st.floats(0.02, 0.8), values, errors, signs, st.floats(0, 1), st.sampled_from([0.5, 1.0, 2.0]), st.booleans())
def test_coarse_rules_over_a_proportional_bias_are_as_accurate_as_they_say(
    sd, value, error, drawn, weight, width, ramp
):
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=sd)
    built = model([did(value, error, bias=(factor,)), survey(0.1, 0.05), *_signs(drawn)])
    prior = with_wide_weight(built.prior, np.array([weight]))
    changes = Changes(prior=PriorMixture(prior.weight, prior.sd * width))
    fine = evaluate(built, changes, ramp=ramp).probability
    for accuracy in (1e-4, 1e-6):
        found = probabilities(built, changes, ramp=ramp, accuracy=accuracy)
        np.testing.assert_allclose(found, fine, rtol=0, atol=accuracy)


@quick
@given(st.floats(0.02, 0.8), st.floats(-1, 1), st.floats(0.005, 0.3))
def test_the_fine_rule_against_a_grid_without_the_rule(sd, value, error):
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=sd)
    built = model([did(value, error, bias=(factor,))])
    found = evaluate(built, Changes())
    score = np.linspace(-16, 16, 3001)
    beta = np.exp(sd * score - sd**2 / 2)
    mass = np.zeros(3)
    for share, tau in zip(built.prior.weight, built.prior.sd, strict=True):
        variance = error**2 + (beta * tau) ** 2
        weight = share * np.exp(-0.5 * score**2 - 0.5 * value**2 / variance) / np.sqrt(variance)
        mean, spread = beta * tau**2 * value / variance, tau * error / np.sqrt(variance)
        below = ndtr((built.edges[:, None] - mean) / spread)
        mass += [(weight * below[0]).sum(), (weight * (below[1] - below[0])).sum(), (weight * (1 - below[1])).sum()]
    np.testing.assert_allclose(found.probability[0], mass / mass.sum(), rtol=0, atol=1e-9)
