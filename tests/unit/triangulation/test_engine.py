import dataclasses

import numpy as np
import pytest

from clustereffects.errors import EvidenceError
from clustereffects.results import BiasTerm, Estimate
from clustereffects.triangulation.engine import posterior_cells
from clustereffects.triangulation.estimates import likelihood_terms, stream_precision
from clustereffects.triangulation.likelihoods import log_constants, odds_words, tempering
from clustereffects.triangulation.sensitivity import scenarios
from triangulation_cases import (
    KEY,
    brute_force,
    closed_form,
    did,
    interviews,
    model,
    sign,
    survey,
    worked_example,
)


def _estimate(name, value, error, *terms, stream="economic"):
    return Estimate(id=name, stream=stream, value=value, std_error=error, bias=terms, **KEY)


def _factor(sd, mean=0.0, shared=""):
    return BiasTerm(domain="attenuation", kind="proportional", sd=sd, mean=mean, shared=shared)


def test_without_proportional_bias_the_grid_is_exact():
    built = model(worked_example())
    found = scenarios(built)
    constants = log_constants(built.items, np.ones((1, 3)))[0]
    exact = closed_form([0.06, 0.07], [0.025**2 + 0.03**2, 0.02**2 + 0.05**2], constants)
    np.testing.assert_allclose(found.probability[0], exact, rtol=1e-11)
    assert found.error[0] < 1e-8


@pytest.mark.parametrize("value", [-3.0, -0.4, 0.0, 0.011, 0.5, 4.0])
@pytest.mark.parametrize("error", [0.002, 0.03, 2.0])
def test_exact_even_where_data_and_prior_conflict(value, error):
    found = scenarios(model([_estimate("one", value, error)]))
    np.testing.assert_allclose(found.probability[0], closed_form([value], [error**2]), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize(
    "items",
    [
        [(0.06, 0.0, 0.025, 0.0, 0.3)],
        [(0.4, 0.05, 0.02, 0.1, 0.2)],
        [(-0.2, 0.0, 0.05, -0.2, 0.5), (0.12, 0.05, 0.054, 0.0, 0.0)],
    ],
)
def test_proportional_bias_against_nested_quadrature(items):
    evidence = []
    for i, (value, mean, sd, log_mean, log_sd) in enumerate(items):
        additive = BiasTerm(domain="shift", mean=mean)
        terms = (additive, _factor(log_sd, log_mean)) if log_sd else (additive,)
        evidence.append(_estimate(f"item {i}", value, sd, *terms))
    constants = np.log([0.2, 0.5, 0.9])
    found = scenarios(model([*evidence, sign("test", (0.9, 0.5, 0.2))]))
    probability, mean, sd = brute_force(items, constants)
    np.testing.assert_allclose(found.probability[0], probability, atol=1e-8)
    assert found.mean[0] == pytest.approx(mean, rel=1e-6)
    assert found.sd[0] == pytest.approx(sd, rel=1e-6)


def test_a_shared_factor_is_one_factor():
    one = model([_estimate("a", 0.1, 0.03, _factor(0.3))])
    shared = [_estimate(f"{i}", 0.1, 0.03 * np.sqrt(2), _factor(0.3, shared="scale")) for i in range(2)]
    np.testing.assert_allclose(scenarios(model(shared)).probability, scenarios(one).probability, atol=1e-9)
    apart = [_estimate(f"{i}", 0.1, 0.03 * np.sqrt(2), _factor(0.3)) for i in range(2)]
    assert scenarios(model(apart)).sd[0] < scenarios(one).sd[0]


def test_a_factor_without_spread_rescales():
    found = scenarios(model([_estimate("a", 0.1, 0.02, _factor(0.0, np.log(2)))]))
    np.testing.assert_allclose(found.probability[0], closed_form([0.05], [0.01**2]), rtol=1e-9)


def test_own_factors_of_one_estimate_combine():
    two = scenarios(model([_estimate("a", 0.1, 0.03, _factor(0.3), _factor(0.4))]))
    one = scenarios(model([_estimate("a", 0.1, 0.03, _factor(0.5))]))
    np.testing.assert_allclose(two.probability, one.probability, atol=1e-12)


def test_too_many_factors_in_a_block_are_refused():
    shift = BiasTerm(domain="optimism", sd=0.05, shared="respondents")
    items = [_estimate(f"{i}", 0.1, 0.03, shift, _factor(0.3)) for i in range(3)]
    with pytest.raises(EvidenceError, match="proportional biases cannot be integrated"):
        scenarios(model(items))


def test_power_zero_integrates_a_stream_out_and_one_leaves_it():
    shift = BiasTerm(domain="optimism", sd=0.05, shared="both")
    first, second = _estimate("a", 0.06, 0.025, shift), _estimate("b", 0.12, 0.02, shift, stream="survey")
    both = model([first, second])
    found = scenarios(both, power=np.array([[1.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_allclose(found.probability[0], scenarios(model([first])).probability[0], rtol=1e-10)
    np.testing.assert_allclose(found.probability[1], scenarios(both).probability[0], rtol=1e-12)


def test_power_divides_the_variance_within_a_stream():
    matrix = np.array([[4.0, 1.0], [1.0, 4.0]])
    found = stream_precision(matrix, np.zeros(2, int), np.array([[0.25]]))
    np.testing.assert_allclose(found[0], 0.25 * np.linalg.inv(matrix))


def test_without_estimates_the_prior_is_left():
    built = model([])
    terms = likelihood_terms(built.estimates, built.estimates.residual[None, :], np.ones((1, 0)))
    cells = posterior_cells(built.prior, terms, built.edges)
    np.testing.assert_allclose(np.exp(cells.log_mass).sum(), 1.0, rtol=1e-12)


def test_a_wide_grid_of_scenarios_equals_one_at_a_time():
    built = model([did(), survey(), *interviews()])
    rng = np.random.default_rng(3)
    shift, power = rng.normal(0, 0.1, (20, 3)), rng.uniform(0, 1, (20, 3))
    together = scenarios(built, shift=shift, power=power)
    for i in range(20):
        alone = scenarios(built, shift=shift[[i]], power=power[[i]])
        np.testing.assert_allclose(together.probability[i], alone.probability[0], rtol=1e-9)
        assert together.mean[i] == pytest.approx(alone.mean[0], rel=1e-9)


def test_tempering_across_streams():
    count, rho = np.array([[2.0, 3.0]]), np.array([0.5])
    full, without = tempering(count, np.array([[1.0, 1.0], [1.0, 0.0]]), rho)
    np.testing.assert_allclose(full, [[1 / 3, 1 / 3]])
    assert without[0, 0] == pytest.approx(1 / 1.5)


def test_odds_in_words():
    assert [odds_words(x) for x in (3, 50, 500, 5000, 5e4)] == [
        "limited support",
        "moderate support",
        "moderately strong support",
        "strong support",
        "extremely strong support",
    ]
    assert odds_words(0) == "extremely strong support against"
    with pytest.raises(ValueError, match="not negative"):
        odds_words(-1)


def _twice(rho):
    factor = (BiasTerm(domain="attenuation", kind="proportional", sd=0.5),)
    more = {"dependence": "g", "rho": rho}
    return [did(0.2, 0.01, bias=factor, id=name, **more) for name in "ab"]


def test_an_estimate_with_a_proportional_bias_handed_in_twice_says_what_it_says_once():
    once = scenarios(model([dataclasses.replace(_twice(1.0)[0], dependence="")]))
    twice = scenarios(model(_twice(1.0)))
    np.testing.assert_allclose(twice.probability, once.probability, rtol=1e-8)
    assert twice.mean[0] == pytest.approx(once.mean[0], rel=1e-8)
    assert twice.sd[0] == pytest.approx(once.sd[0], rel=1e-8)
    assert (once.mean[0], once.sd[0]) == (pytest.approx(0.1657, abs=5e-5), pytest.approx(0.0738, abs=5e-5))


def test_own_proportional_biases_stay_apart_without_a_dependence_group():
    assert model(_twice(0.0)).estimates.loading.tolist() == [[0.5, 0.0], [0.0, 0.5]]
    apart = [dataclasses.replace(one, dependence="") for one in _twice(1.0)]
    assert model(apart).estimates.loading.tolist() == [[0.5, 0.0], [0.0, 0.5]]
    np.testing.assert_allclose(scenarios(model(_twice(0.0))).mean, scenarios(model(apart)).mean, rtol=1e-12)
    signs = [sign("a", dependence="g", rho=0.5), _twice(0.5)[0]]
    assert model(signs).estimates.loading.tolist() == [[0.5]]


def test_own_proportional_biases_of_a_group_are_one_factor():
    shared = BiasTerm(domain="optimism", kind="proportional", sd=0.2, shared="o")
    items = [dataclasses.replace(one, bias=(*one.bias, shared)) for one in _twice(0.5)]
    assert model(items).estimates.loading.tolist() == [[0.5, 0.2], [0.5, 0.2]]
    assert scenarios(model(items)).error[0] < 1e-6
