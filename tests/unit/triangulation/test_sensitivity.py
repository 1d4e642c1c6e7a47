"""What a verdict was tested against: tipping points, weights of streams, other models, what data could show."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from clustereffects.errors import OptionError
from clustereffects.results import BiasTerm, Silence
from clustereffects.triangulation import Prior, Thresholds
from clustereffects.triangulation.bounds import probability_bounds
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.changes import Changes, evaluate
from clustereffects.triangulation.likelihoods import tempering
from clustereffects.triangulation.multiverse import multiverse
from clustereffects.triangulation.reach import reachable
from clustereffects.triangulation.sensitivity import cell_bounds, leave_one_out, scenarios
from clustereffects.triangulation.smaa import acceptability, stream_weights
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.tipping import tipping_points
from triangulation_cases import KEY, PRIOR, did, interviews, model, sign, survey, theory, worked_example

LIMITS = Thresholds()


def _tip(built, quantity, thresholds=LIMITS):
    (tip,) = [one for one in tipping_points(built, thresholds) if one.quantity == quantity]
    return tip


def test_the_likelihood_ratio_tips_where_odds_say():
    before, after = scenarios(model([did()])).probability[0], 0.9
    signs = [sign("a", (0.8, 0.2, 0.2))]
    tip = _tip(model([did(), *signs]), "ratio")
    assert tip.current == pytest.approx(4.0)
    assert tip.tips_at == pytest.approx(after / (1 - after) * (1 - before[2]) / before[2], rel=1e-5)


def test_observation_bias_tips_where_the_reports_would_have_tipped():
    reports = [sign(f"s{i}", (0.8, 0.3, 0.3), unreliability=0.1) for i in range(3)]
    tip = _tip(model([did(), *reports]), "observation")
    assert tip.current == 1
    assert tip.tips_at > 1
    chances = [tip.tips_at * p / (1 + (tip.tips_at - 1) * p) for p in (0.8, 0.3, 0.3)]
    biased = [sign(f"s{i}", tuple(chances), unreliability=0.1) for i in range(3)]
    assert scenarios(model([did(), *biased])).probability[0, 2] == pytest.approx(0.9, abs=1e-6)


def test_a_sign_against_benefit_is_reported_too_seldom():
    built = model([sign("for", (0.8, 0.2, 0.2)), sign("against", (0.2, 0.6, 0.6), observed=False)])
    (middle,) = built.reports.over(log_odds=np.log([3.0]))
    against, for_ = (0.2, 0.6, 0.6), (0.8, 0.2, 0.2)
    q = np.array([p / 3 / (1 + (1 / 3 - 1) * p) for p in reversed(against)])
    np.testing.assert_allclose(middle[0], np.log(1 - q))
    np.testing.assert_allclose(middle[1], np.log([3 * p / (1 + 2 * p) for p in reversed(for_)]))


def test_the_weight_of_the_wide_prior_tips():
    tip = _tip(model([did(value=0.075)]), "prior")
    wide = Prior(sceptical_sd=0.05, wide_sd=0.15, wide_weight=tip.tips_at)
    assert tip.changes
    assert tip.current == 0.2
    assert scenarios(model([did(value=0.075)], wide)).probability[0, 2] == pytest.approx(0.9, abs=1e-6)


def test_without_diagnostics_nothing_is_said_about_them():
    assert {tip.quantity for tip in tipping_points(model([did()]), LIMITS)} == {"bias", "power", "prior"}


def test_everything_that_can_be_left_out_is():
    evidence = [did(dependence="g", rho=0.5), *interviews(), sign("also", dependence="g", rho=0.5)]
    found = leave_one_out(model(evidence), LIMITS)
    assert [(one.kind, one.name) for one in found if one.kind != "item"] == [
        ("stream", "economic"),
        ("stream", "interviews"),
        ("group", "g"),
        ("group", "respondents"),
    ]
    for one in found:
        gone = {"stream": "stream", "group": "dependence", "item": "id"}[one.kind]
        rest = scenarios(model([item for item in evidence if getattr(item, gone) != one.name]))
        np.testing.assert_allclose(one.probability, rest.probability[0], rtol=1e-9)


def test_estimates_and_diagnostics_that_say_the_same_count_as_one():
    share = {"dependence": "persons", "rho": 1.0}
    alone = [survey(**share)]
    built = model([*alone, sign("said", stream="survey", **share)])
    assert built.estimates.covariance[0, 0] == pytest.approx(2 * model(alone).estimates.covariance[0, 0])
    twice = [sign(f"{i}", stream="survey", **share) for i in range(2)]
    one = scenarios(model([sign("0", stream="survey", **share)])).probability
    np.testing.assert_allclose(scenarios(model(twice)).probability, one, rtol=1e-12)


def test_ten_witnesses_with_half_a_correlation_are_worth_less_than_two():
    """n/(1 + (n − 1)ρ): 1.818 for ten with ρ = ½, never more than two (Clemen & Winkler 1985)."""
    for count, worth in ((10, 1.818), (10**6, 2.0)):
        built = tempering(np.array([[float(count)]]), np.ones((1, 1)), np.array([0.5]))
        assert count * built[0, 0, 0] == pytest.approx(worth, abs=5e-4)
    signs = [sign(f"{i}", (0.8, 0.4, 0.4), dependence="respondents", rho=0.5) for i in range(10)]
    before, after = scenarios(model([])).probability[0], scenarios(model(signs)).probability[0]
    ratio = after[2] / after[1] / (before[2] / before[1])
    assert ratio == pytest.approx(2 ** (10 / 5.5), rel=1e-10)


def test_a_stream_without_power_no_longer_counts_in_a_group_of_both():
    share = {"dependence": "persons", "rho": 0.7}
    built = model([survey(**share), sign("said", **share)])
    found = scenarios(built, power=np.array([[1.0, 0.0], [0.0, 1.0]])).probability
    np.testing.assert_allclose(found[0], scenarios(model([survey(**share)])).probability[0], rtol=1e-10)
    np.testing.assert_allclose(found[1], scenarios(model([sign("said", **share)])).probability[0], rtol=1e-10)


def test_bounds_over_the_correlation_of_estimates_with_diagnostics():
    def evidence(rho):
        share = {"dependence": "persons", "rho": rho}
        return [did(), survey(**share), *(sign(n, (0.8, 0.3, 0.5), **share) for n in "ab")]

    bounds = cell_bounds(built := model(evidence((0.0, 1.0))), scenarios(built))
    exact = np.array([scenarios(model(evidence(float(rho)))).probability[0] for rho in np.linspace(0, 1, 81)])
    np.testing.assert_allclose(bounds, np.stack([exact.min(axis=0), exact.max(axis=0)], axis=1), atol=2e-4)
    assert (bounds[:, 0] <= exact[::10].min(axis=0) + 1e-12).all()
    assert probability_bounds(built.prior, built.estimates, built.ranges, built.items, 0.01).shape == (3, 2)


def test_share_of_weight_space_of_the_worked_example():
    found = stream_weights(model(worked_example()), LIMITS)
    assert [(one.verdict, one.share) for one in found] == [("probably beneficial", 0.775), ("undecided", 0.225)]
    for one in found:
        assert sum(weight for _, weight in one.central) == pytest.approx(1)


def test_acceptability_with_two_criteria():
    """A(1, .2) beats B(.3, .8) where its first weight exceeds 6/13: acceptability 7/13, central weight 19/26."""
    weights = np.random.default_rng(0).dirichlet(np.ones(2), 40_000)
    share, central = acceptability(np.array([[1.0, 0.2], [0.3, 0.8]]), weights)
    assert abs(share[0] - 7 / 13) < 4 * np.sqrt(7 * 6) / 13 / 200
    assert abs(central[0, 0] - 19 / 26) < 4 * (7 / 13) / np.sqrt(12 * 40_000 * 7 / 13)
    assert share.sum() == pytest.approx(1)


def test_acceptability_with_two_criteria_is_exact_on_a_dense_grid():
    """Midpoints of 13 000 equal parts: the limit of 6/13 lies between two of them, so that no error is left."""
    first = (np.arange(13_000) + 0.5) / 13_000
    share, central = acceptability(np.array([[1.0, 0.2], [0.3, 0.8]]), np.column_stack([first, 1 - first]))
    assert [round(one, 4) for one in share.tolist()] == [0.5385, 0.4615]
    assert [round(one, 4) for one in central.ravel().tolist()] == [0.7308, 0.2692, 0.2308, 0.7692]
    np.testing.assert_allclose(share, [7 / 13, 6 / 13], rtol=1e-12)
    np.testing.assert_allclose(central[:, 0], [19 / 26, 3 / 13], rtol=1e-12)


def test_an_alternative_that_is_never_best_has_no_central_weights():
    share, central = acceptability(np.array([[1.0], [0.5]]), np.ones((3, 1)))
    assert share.tolist() == [1, 0]
    assert np.isnan(central[1]).all()
    with pytest.raises(OptionError, match="2 criteria with values, 1 with weights"):
        acceptability(np.ones((1, 2)), np.ones((1, 1)))


def test_the_multiverse_of_the_worked_example():
    found = multiverse(model(worked_example()), LIMITS)
    rows = found.rows()
    assert len(rows) == 3 * 3 * 3 * 3 * 2
    (declared,) = [
        row
        for row in rows
        if (row["prior_width"], row["wide_weight"], row["likelihood"]) == (1.0, 0.2, "steps")
        and (row["rho"], row["unreliability"]) == ("declared", "declared")
    ]
    assert declared["p_benefit"] == pytest.approx(scenarios(model(worked_example())).probability[0, 2])
    for row in rows[::7]:
        if row["likelihood"] == "steps":
            epsilon = {"declared": 0.1, "0": 0.0, "doubled": 0.2}[row["unreliability"]]
            rho = 0.5 if row["rho"] == "declared" else float(row["rho"])
            prior = Prior(
                sceptical_sd=0.05 * row["prior_width"],
                wide_sd=0.15 * row["prior_width"],
                wide_weight=row["wide_weight"],
            )
            other = model([did(), survey(), *interviews(epsilon, rho)], prior)
            assert row["p_benefit"] == pytest.approx(scenarios(other).probability[0, 2], rel=1e-10)
    assert found.same == pytest.approx(np.mean([row["verdict"] == "probably beneficial" for row in rows]))


def test_settings_that_cannot_matter_enter_once():
    assert len(multiverse(model([did()]), LIMITS).verdicts) == 9
    certain = [sign("a", (0.9, 0.5, 0.5), unreliability=0.6)]
    assert len(multiverse(model([did(), *certain]), LIMITS).verdicts) == 9 * 3 * 2


def test_a_ramp_against_quadrature():
    built = model([*interviews(), did()])
    harm, negligible, benefit = (float(x) for x in _constants(built))

    def density(x):
        part = np.interp(x, [-0.02, 0, 0.02], [harm, negligible, benefit])
        prior = 0.8 * stats.norm.pdf(x, 0, 0.05) + 0.2 * stats.norm.pdf(x, 0, 0.15)
        return prior * stats.norm.pdf(0.06, x, np.hypot(0.025, 0.03)) * np.exp(part)

    ends = [-1, -0.02, -0.01, 0, 0.01, 0.02, 0.1, 1]
    parts = [integrate.quad(density, *pair, epsrel=1e-12)[0] for pair in itertools.pairwise(ends)]
    expected = np.array([parts[0] + parts[1], parts[2] + parts[3], sum(parts[4:])]) / sum(parts)
    np.testing.assert_allclose(evaluate(built, Changes(), ramp=True).probability[0], expected, rtol=1e-9)


def _constants(built):
    """Log-likelihoods as the weight of evidence of the diagnostics alone."""
    flat = scenarios(model(interviews())).probability[0] / scenarios(model([])).probability[0]
    return np.log(flat)


def test_what_large_samples_could_show():
    harm, negligible, benefit = reachable(model([did()]), LIMITS)
    assert harm.possible
    assert benefit.possible
    assert not negligible.possible
    exact = scenarios(model([did(value=0.0, std_error=1e-5)])).probability[0, 1]
    assert negligible.largest == pytest.approx(exact, abs=1e-6)
    assert abs(negligible.at) < 1e-4
    narrow = reachable(model([did(bias_sd=0.002)]), LIMITS)
    assert narrow[1].possible
    assert reachable(model(interviews()), LIMITS) == ()


def test_with_a_proportional_bias_everything_else_is_still_found():
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=0.3)
    cell = CellEvidence(estimates=(did(bias=(factor,)),))
    found = find_cell(theory().claim("growth"), "K01", cell, PRIOR, LIMITS)
    assert found.reach == ()
    assert found.tips
    assert found.smaa
    assert found.multiverse is not None


def test_shared_biases_limit_what_many_estimates_could_show():
    shared = (BiasTerm(domain="optimism", sd=0.05, shared="respondents"),)
    many = [survey(id=f"item {i}", bias=shared) for i in range(20)]
    one = [survey(id="item", bias=shared)]
    np.testing.assert_allclose(
        [x.largest for x in reachable(model(many), LIMITS)],
        [x.largest for x in reachable(model(one), LIMITS)],
        atol=1e-5,
    )


def test_searches_are_items():
    silence = Silence(stream="documents", reason="searched_not_found", p_detect=0.5, **KEY)
    found = leave_one_out(model([silence]), LIMITS)
    assert [(one.kind, one.name) for one in found] == [("stream", "documents"), ("item", "search 1: documents")]
    assert found[0].probability == pytest.approx(found[1].probability)
