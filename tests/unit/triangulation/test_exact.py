"""Closed form against the grid, against long decimals, and against a model built anew."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from clustereffects.results import BiasTerm, Estimate
from clustereffects.triangulation.changes import Changes, evaluate, probabilities
from clustereffects.triangulation.engine import PriorMixture, grid_cells, posterior_cells, prior_masses
from clustereffects.triangulation.estimates import LogQuadratic, likelihood_terms
from clustereffects.triangulation.exact import mixture_cells, mixture_masses, weighted_masses
from triangulation_cases import KEY, PRIOR, did, interviews, model, survey

EDGES = np.array([-0.01, 0.01])


def _terms(built):
    power = np.ones((1, len(built.streams)))
    return likelihood_terms(built.estimates, built.estimates.residual[None, :], power)


def _agree(exact, grid, tolerance=1e-10):
    np.testing.assert_allclose(exact.log_mass - grid.log_mass, 0, atol=tolerance)
    np.testing.assert_allclose(exact.centre[:, None] + exact.first, grid.centre[:, None] + grid.first, atol=tolerance)


def test_a_mixture_off_zero_against_the_grid():
    prior = PriorMixture(np.array([0.5, 0.3, 0.2]), np.array([0.02, 0.05, 0.15]), np.array([0.03, -0.02, 0.0]))
    terms = _terms(model([did(), survey()]))
    _agree(posterior_cells(prior, terms, EDGES), grid_cells(prior, terms, EDGES))


def test_slopes_against_the_grid():
    prior, terms = PriorMixture(np.array([0.8, 0.2]), np.array([0.05, 0.15])), _terms(model([did()]))
    slope = np.array([[0.0, 40.0, -70.0]])
    _agree(posterior_cells(prior, terms, EDGES, slope), grid_cells(prior, terms, EDGES, slope))


def test_a_proportional_bias_against_the_grid():
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=0.4, mean=0.1)
    item = Estimate(id="a", stream="economic", value=0.2, std_error=0.03, bias=(factor,), **KEY)
    built = model([item, survey()])
    _agree(posterior_cells(built.prior, _terms(built), EDGES), grid_cells(built.prior, _terms(built), EDGES))


def test_many_components_are_integrated_in_parts(monkeypatch):
    built = model([did(), survey()])
    shift = np.random.default_rng(5).normal(0, 0.1, (30, 2))
    whole = evaluate(built, Changes(shift=shift))
    monkeypatch.setattr("clustereffects.triangulation.engine._CHUNK", 50)
    np.testing.assert_array_equal(evaluate(built, Changes(shift=shift)).probability, whole.probability)


def test_thousands_of_components_go_to_the_grid(monkeypatch):
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=0.3)
    built = model([Estimate(id=n, stream="economic", value=0.1, std_error=0.05, bias=(factor,), **KEY) for n in "ab"])
    grid = evaluate(built, Changes(), ramp=True)
    monkeypatch.setattr("clustereffects.triangulation.engine._COMPONENTS", 10**9)
    np.testing.assert_allclose(evaluate(built, Changes(), ramp=True).probability, grid.probability, atol=1e-9)


def _upper_tail(z):
    """P(Z > z) for z ≥ 0, to 200 digits: one half less the power series of the distribution function."""
    z, term, total, k = Decimal(z), Decimal(z), Decimal(z), 0
    while abs(term) > Decimal(10) ** -280:
        k += 1
        term *= -z * z / (2 * k)
        total += term / (2 * k + 1)
    return Decimal("0.5") - total / (2 * _pi()).sqrt()


def _pi():
    def inverse_tangent(n):
        term = total = 1 / Decimal(n)
        k = 1
        while abs(term) > Decimal(10) ** -280:
            term, k = -term / (n * n), k + 2
            total += term / k
        return total

    return 4 * (4 * inverse_tangent(5) - inverse_tangent(239))


@pytest.mark.parametrize("z", [0.3, 2.0, 8.5, 20.0, 30.25])
def test_tails_down_to_ten_to_the_minus_two_hundred(z):
    with localcontext(prec=480):
        far, narrow = _upper_tail(z), _upper_tail(z) - _upper_tail(z + 0.125)
        density = (-(Decimal(z) ** 2) / 2).exp() / (2 * _pi()).sqrt()
        expected = [float(far.ln()), float(narrow.ln())]
        mean = float(density / far - Decimal(z))
    mirrored = mixture_cells(np.zeros((1, 1)), np.array([[z]]), np.ones((1, 1)), np.array([-0.125, 0.0]))
    cells = mixture_cells(np.zeros((1, 1)), np.array([[-z]]), np.ones((1, 1)), np.array([0.0, 0.125]))
    beyond = mixture_cells(np.zeros((1, 1)), np.array([[-z]]), np.ones((1, 1)), np.array([0.0]))
    found = [beyond.log_mass[0, 1], cells.log_mass[0, 1]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert (np.abs(np.array(found) - expected) <= [beyond.error[0], cells.error[0]]).all()
    assert mirrored.log_mass[0, 1] == cells.log_mass[0, 1]
    assert beyond.centre[0] + beyond.first[0, 1] == pytest.approx(mean, rel=1e-10)


def test_the_mass_beyond_thirty_is_that_small():
    cells = mixture_cells(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.array([30.25]))
    assert cells.log_mass[0, 1] < -200 * np.log(10)


def test_precise_data_far_from_the_prior_keep_their_mean():
    terms = LogQuadratic(np.array([1e12]), np.array([4e12]), ())
    cells = posterior_cells(PriorMixture(np.array([1.0]), np.array([0.05])), terms, EDGES)
    assert cells.centre[0] + cells.first[0, 2] == pytest.approx(4.0, rel=1e-6)
    assert np.isfinite(cells.log_mass).all()


@pytest.mark.parametrize("left", ["did", "scale", "hoop", "gun", "straw"])
def test_an_item_left_out_of_the_arrays_is_an_item_that_was_never_handed_in(left):
    evidence = [did(dependence="respondents", rho=0.5), survey(dependence="respondents", rho=0.5), *interviews()]
    built = model(evidence)
    names = [*built.item_names[0], *built.item_names[1]]
    kept = np.array([[float(name != left) for name in names]])
    found = evaluate(built, Changes(estimates=kept[:, :2], tests=kept[:, 2:]))
    rest = evaluate(model([item for item in evidence if item.id != left]), Changes())
    np.testing.assert_allclose(found.probability, rest.probability, rtol=1e-10)
    np.testing.assert_allclose([found.mean, found.sd], [rest.mean, rest.sd], rtol=1e-9)


def test_wide_ramp_is_the_mean_over_jumps():
    """Without estimates, a narrow prior at 2δ sees the plateau of the ramp only."""
    built = model([*interviews()], PriorMixture(np.array([1.0]), np.array([1e-4]), np.array([0.1])))
    steps, ramp = evaluate(built, Changes()), evaluate(built, Changes(), ramp=True)
    np.testing.assert_allclose(ramp.probability, steps.probability, atol=1e-12)


def test_priors_by_scenario_are_priors_one_at_a_time():
    built = model([did(), *interviews()])
    rows = PriorMixture(np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([[0.05, 0.15], [0.02, 0.3]]))
    found = evaluate(built, Changes(prior=rows))
    np.testing.assert_allclose(found.probability[0], evaluate(built, Changes()).probability[0], rtol=1e-12)
    other = model([did(), *interviews()], type(PRIOR)(sceptical_sd=0.02, wide_sd=0.3, wide_weight=0.7))
    np.testing.assert_allclose(found.probability[1], evaluate(other, Changes()).probability[0], rtol=1e-12)


def test_scenarios_with_a_proportional_bias_are_scenarios_one_at_a_time():
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=0.3)
    built = model([did(bias=(factor,)), survey(), *interviews()])
    rng = np.random.default_rng(4)
    shift, power = rng.normal(0, 0.4, (70, 3)), rng.uniform(0, 1, (70, 3))
    wide = PriorMixture(*(np.tile(x, (70, 1)) for x in (built.prior.weight, built.prior.sd)))
    together = evaluate(built, Changes(shift=shift, power=power, prior=wide)).probability
    alone = [evaluate(built, Changes(shift=shift[[i]], power=power[[i]])).probability[0] for i in range(70)]
    np.testing.assert_allclose(together, alone, atol=1e-12)


@pytest.mark.parametrize("slope", [None, np.array([[0.0, 40.0, -70.0]] * 4)])
def test_masses_without_moments_are_those_with(slope):
    rng = np.random.default_rng(6)
    mean = rng.normal(0, 0.3, (4, 7)) * np.array([[0.01], [1.0], [100.0], [3000.0]])
    mixture = rng.normal(0, 5, (4, 7)), mean, rng.uniform(0.001, 1.0, (4, 7))
    expected = mixture_cells(*mixture, EDGES, slope).log_mass
    assert expected.min() < -1000
    np.testing.assert_allclose(mixture_masses(*mixture, EDGES, slope), expected, rtol=0, atol=1e-11)


def _two_blocks():
    factors = [BiasTerm(domain="attenuation", kind="proportional", sd=sd) for sd in (0.3, 0.2)]
    return model([did(bias=factors[:1]), survey(bias=factors[1:]), *interviews()])


def test_masses_by_component_of_the_prior_sum_to_those_of_the_whole():
    built = _two_blocks()
    terms = _terms(built)
    masses = prior_masses(built.prior, terms, EDGES)
    grid = grid_cells(built.prior, terms, EDGES).log_mass
    np.testing.assert_allclose(weighted_masses(built.prior.weight, masses), grid, rtol=0, atol=1e-10)
    narrow = np.array([1.0, 0.0])
    np.testing.assert_allclose(weighted_masses(narrow, masses), masses[:, 0], rtol=0, atol=1e-12)


def test_many_blocks_have_the_masses_of_the_grid(monkeypatch):
    built = _two_blocks()
    closed = prior_masses(built.prior, _terms(built), EDGES)
    monkeypatch.setattr("clustereffects.triangulation.engine._MASS_COMPONENTS", 10)
    np.testing.assert_allclose(prior_masses(built.prior, _terms(built), EDGES), closed, rtol=0, atol=1e-8)


@pytest.mark.parametrize("ramp", [False, True])
def test_probabilities_that_are_compared_are_those_that_are_reported(ramp):
    built = _two_blocks()
    rng = np.random.default_rng(8)
    power = np.column_stack([rng.choice([0.3, 1.0], 12), np.ones(12), rng.choice([0.0, 0.6, 1.0], 12)])
    weight = rng.choice([0.0, 0.2], 12)
    changes = Changes(
        power=power, prior=PriorMixture(np.column_stack([1 - weight, weight]), np.tile(built.prior.sd, (12, 1)))
    )
    reported = evaluate(built, changes, ramp=ramp).probability
    np.testing.assert_allclose(probabilities(built, changes, ramp=ramp), reported, rtol=0, atol=1e-8)


def test_a_scenario_does_not_depend_on_which_others_are_asked_for():
    built = model([did(bias=(BiasTerm(domain="attenuation", kind="proportional", sd=0.3),)), *interviews()])
    shift = np.column_stack([np.linspace(-3, 3, 25), np.zeros(25)])
    together = probabilities(built, Changes(shift=shift))
    alone = [probabilities(built, Changes(shift=shift[[i]]))[0] for i in range(25)]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9)


@pytest.mark.parametrize("sd", [0.05, 0.1, 0.4])
def test_the_factor_is_followed_where_the_estimate_pulls_it(sd):
    """An estimate thirty standard deviations of the prior from zero, against the sum over a wide grid of factors."""
    value, error, tau = 1.5, 0.02, 0.05
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=sd)
    item = Estimate(id="a", stream="economic", value=value, std_error=error, bias=(factor,), **KEY)
    found = evaluate(model([item], PriorMixture(np.array([1.0]), np.array([tau]))), Changes())
    score = np.linspace(-5, 35, 400_001)
    beta = np.exp(sd * score - sd**2 / 2)
    variance = error**2 + (beta * tau) ** 2
    log_weight = -0.5 * score**2 - 0.5 * value**2 / variance - 0.5 * np.log(variance)
    weight = np.exp(log_weight - log_weight.max())
    mean = (weight * beta * tau**2 * value / variance).sum() / weight.sum()
    assert found.mean[0] == pytest.approx(mean, rel=1e-9)
