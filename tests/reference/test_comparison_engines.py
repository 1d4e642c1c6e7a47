"""Comparison engines against published figures, and against a second way to compute each of them."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import betainc

from clustereffects.triangulation.comparison.belief_functions import dempster, discounted
from clustereffects.triangulation.comparison.causal_types import causal_types
from clustereffects.triangulation.comparison.opinions import averaging, compromise, cumulative, weighted
from clustereffects.triangulation.comparison.p_values import cauchy, fisher, harmonic_mean, landau_tail, stouffer
from clustereffects.triangulation.comparison.pools import linear_pool, log_pool
from clustereffects.triangulation.comparison.process_tracing import (
    TracedTest,
    posterior_after,
    probative_value,
)
from clustereffects.triangulation.comparison.tallies import binomial_factor, omega_needed, urn_factor
from clustereffects.triangulation.likelihoods import tempering

HERE = Path(__file__).parent / "comparison_engines"
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
COUNTS = [(7, 3), (3, 7), (0, 0), (5, 0), (40, 25)]


def test_tallies_as_published():
    expected = EXPECTED["tally"]
    assert round(binomial_factor(7, 3), 6) == expected["binomial"]
    assert urn_factor(7, 3) == pytest.approx(expected["urn"], rel=1e-12)
    for factor, omega in expected["omega_for_factor"].items():
        assert round(omega_needed(7, 3, float(factor)), 4) == omega


@pytest.mark.parametrize(("favour", "against"), COUNTS)
def test_binomial_factor_is_a_ratio_of_beta_masses(favour, against):
    below = betainc(favour + 1, against + 1, 0.5)
    assert binomial_factor(favour, against) == pytest.approx((1 - below) / below, rel=1e-9)


@pytest.mark.parametrize("omega", [0.3, 1.4732, 6.0])
def test_biased_binomial_factor_is_the_integral(omega):
    theta = (np.arange(400_000) + 0.5) / 400_000
    share = omega * theta / (1 + (omega - 1) * theta)
    likelihood = stats.binom.pmf(7, 10, share)
    expected = likelihood[theta > 0.5].sum() / likelihood[theta < 0.5].sum()
    assert binomial_factor(7, 3, omega) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("omega", [1.0, 0.4, 3.0])
@pytest.mark.parametrize(("favour", "against"), [(7, 3), (4, 4), (3, 4), (6, 0)])
def test_urn_factor_is_a_ratio_of_noncentral_probabilities(favour, against, omega):
    size, draws = favour + 1, favour + against
    theory = stats.nchypergeom_fisher.pmf(favour, size + max(1, against), size, draws, omega)
    rival = stats.nchypergeom_fisher.pmf(favour, favour + size, favour, draws, omega)
    assert urn_factor(favour, against, omega) == pytest.approx(theory / rival, rel=1e-9)


def test_urn_factor_in_whole_numbers():
    theory = math.comb(8, 7) * math.comb(3, 3) / math.comb(11, 10)
    rival = math.comb(7, 7) * math.comb(8, 3) / math.comb(15, 10)
    assert urn_factor(7, 3) == pytest.approx(theory / rival, rel=1e-12)
    assert math.isnan(urn_factor(2, 4))


def _opinions():
    return np.array(EXPECTED["opinions"]["belief"]), np.array(EXPECTED["opinions"]["uncertainty"])


@pytest.mark.parametrize(
    ("name", "fuse"), [("cumulative", cumulative), ("averaging", averaging), ("weighted", weighted)]
)
def test_fusion_as_published(name, fuse):
    belief, uncertainty = fuse(*_opinions())
    assert [*belief.round(3).tolist(), round(uncertainty, 3)] == EXPECTED["opinions"][name]


def test_compromise_as_published():
    mass, uncertainty = compromise(*_opinions())
    found = [mass[frozenset({0})], mass[frozenset({1})], uncertainty]
    assert np.round(found, 3).tolist() == EXPECTED["opinions"]["compromise"]


def test_constraint_fusion_is_dempsters_rule():
    mass, _ = dempster(discounted(*_opinions()))
    found = [mass[frozenset({0})], mass[frozenset({1})], mass[frozenset({0, 1})]]
    assert np.round(found, 3).tolist() == EXPECTED["opinions"]["constraint"]


@pytest.mark.parametrize(
    ("fuse", "weights"),
    [(cumulative, np.ones(3)), (averaging, np.full(3, 1 / 3)), (weighted, np.array([0.4, 0.6, 0.8]) / 1.8)],
)
def test_fusion_is_addition_of_beta_evidence(fuse, weights):
    belief, uncertainty = _opinions()
    evidence = weights @ (2 * belief / uncertainty[:, None])
    fused = fuse(belief, uncertainty)
    np.testing.assert_allclose(fused[0], evidence / (evidence.sum() + 2), rtol=1e-12)
    assert fused[1] == pytest.approx(2 / (evidence.sum() + 2), rel=1e-12)


def test_cumulative_fusion_can_be_done_in_pairs():
    belief, uncertainty = _opinions()
    whole = cumulative(belief, uncertainty)
    for first, second, third in itertools.permutations(range(3)):
        pair = cumulative(belief[[first, second]], uncertainty[[first, second]])
        both = cumulative(np.stack([pair[0], belief[third]]), np.array([pair[1], uncertainty[third]]))
        np.testing.assert_allclose(both[0], whole[0], rtol=1e-12)
        assert both[1] == pytest.approx(whole[1], rel=1e-12)


def two_source_compromise(first, second):
    """Jøsang (2016), equations 12.31-12.34 for two opinions (belief, disbelief, uncertainty) on two states."""
    shared = [min(first[k], second[k]) for k in (0, 1)]
    rest = [[one[k] - shared[k] for k in (0, 1)] for one in (first, second)]
    between = [
        rest[0][k] * second[2] + rest[1][k] * first[2] + rest[0][k] * rest[1][k] for k in (0, 1)
    ]  # fmt: skip
    vague = rest[0][0] * rest[1][1] + rest[0][1] * rest[1][0]
    unsure = first[2] * second[2]
    scale = (1 - sum(shared) - unsure) / (sum(between) + vague)
    return [shared[0] + scale * between[0], shared[1] + scale * between[1], unsure + scale * vague]


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_compromise_of_two_sources(pair):
    belief, uncertainty = _opinions()
    mass, unsure = compromise(belief[list(pair)], uncertainty[list(pair)])
    expected = two_source_compromise(*([*belief[i], uncertainty[i]] for i in pair))
    np.testing.assert_allclose([mass[frozenset({0})], mass[frozenset({1})], unsure], expected, rtol=1e-12)


def test_causal_types_with_a_flat_prior():
    expected, flat = EXPECTED["causal_types"], causal_types(np.zeros((2, 2), dtype=int))
    assert [round(value, 3) for value in flat.positive_share()] == expected["positive"]
    assert [round(value, 3) for value in flat.positive_interval()] == expected["positive_interval"]
    assert round(flat.average_effect()[1], 3) == expected["average_effect_sd"]
    assert [round(value, 3) for value in flat.probability_of_causation()] == expected["causation"]
    monotone = causal_types(np.zeros((2, 2), dtype=int), monotone=True)
    assert [round(value, 3) for value in monotone.average_effect()] == expected["monotone_effect"]


def test_causal_types_after_one_unit():
    after = causal_types(np.array([[1, 0], [0, 0]]))
    found = [round(value, 2) for value in after.effect_interval()]
    assert found == EXPECTED["causal_types"]["effect_interval_after_0_0"]


@pytest.mark.parametrize("counts", [[[1, 0], [0, 0]], [[6, 1], [2, 5]]])
@pytest.mark.parametrize("monotone", [False, True])
def test_causal_types_against_simulation(counts, monotone):
    counts = np.array(counts)
    share = np.random.default_rng(3).dirichlet(np.ones(3 if monotone else 4), 400_000)
    negative, positive, never, always = (np.zeros(len(share)), *share.T) if monotone else share.T
    shown = np.array([[positive + never, negative + always], [negative + never, positive + always]])
    weight = np.prod(shown ** counts[..., None], axis=(0, 1))
    found, weight = causal_types(counts, monotone=monotone), weight / weight.sum()
    for value, (mean, sd) in (
        (positive, found.positive_share()),
        (positive - negative, found.average_effect()),
        (positive / (positive + always), found.probability_of_causation()),
    ):
        assert weight @ value == pytest.approx(mean, abs=4e-3)
        assert np.sqrt(weight @ value**2 - (weight @ value) ** 2) == pytest.approx(sd, abs=4e-3)
    effect = positive - negative
    low, high = found.effect_interval()
    assert weight[effect < low].sum() == pytest.approx(0.025, abs=2e-3)
    assert weight[effect > high].sum() == pytest.approx(0.025, abs=2e-3)


def test_causation_stays_unknown_however_large_the_experiment():
    small, large = (causal_types(size * np.array([[2, 2], [1, 3]])) for size in (2, 8))
    assert large.average_effect()[1] < 0.6 * small.average_effect()[1]
    assert large.probability_of_causation()[1] > 0.7 * small.probability_of_causation()[1]


@pytest.mark.parametrize(("without", "given", "value"), EXPECTED["probative_value"]["without_with_value"])
def test_probative_value(without, given, value):
    assert round(probative_value(without, given), 3) == value


@pytest.mark.parametrize(("s", "t", "seen", "unseen", "kind"), EXPECTED["single_tests"]["s_t_seen_unseen_kind"])
def test_single_tests(s, t, seen, unseen, kind):
    assert round(posterior_after(0.5, TracedTest(s, t, seen=True)), 3) == seen
    assert round(posterior_after(0.5, TracedTest(s, t, seen=False)), 3) == unseen
    assert TracedTest(s, t, seen=True).kind == kind


def _masses():
    return [{frozenset({k}): value for k, value in enumerate(row)} for row in EXPECTED["zadeh"]["masses"]]


def test_zadeh():
    mass, conflict = dempster(_masses())
    assert conflict == pytest.approx(EXPECTED["zadeh"]["conflict"], rel=1e-12)
    assert mass == {frozenset({1}): pytest.approx(EXPECTED["zadeh"]["mass"], rel=1e-12)}


def test_dempster_against_all_subsets():
    rng = np.random.default_rng(5)
    subsets = [frozenset(s) for size in (1, 2, 3) for s in itertools.combinations(range(3), size)]
    sources = [dict(zip(subsets, rng.dirichlet(np.ones(7)), strict=True)) for _ in range(3)]
    mass, conflict = dempster(sources)
    joint = dict.fromkeys([frozenset(), *subsets], 0.0)
    for one, two, three in itertools.product(subsets, repeat=3):
        joint[one & two & three] += sources[0][one] * sources[1][two] * sources[2][three]
    assert conflict == pytest.approx(joint[frozenset()], rel=1e-12)
    for s in subsets:
        assert mass[s] == pytest.approx(joint[s] / (1 - joint[frozenset()]), rel=1e-12)


def test_pools():
    expected = EXPECTED["pools"]
    p, weight = np.array(expected["probability"]), np.array(expected["weight"])
    both = np.column_stack([1 - p, p])
    assert round(linear_pool(both, weight)[1], 3) == expected["linear"]
    assert round(log_pool(both, weight)[1], 3) == expected["log"]
    assert round(log_pool(both, np.ones(3))[1], 3) == expected["independent"]
    odds = np.prod(p / (1 - p))
    assert log_pool(both, np.ones(3))[1] == pytest.approx(odds / (1 + odds), rel=1e-12)


def test_p_values():
    expected = EXPECTED["p_values"]
    p = np.array(expected["p"])
    assert round(fisher(p), 4) == expected["fisher"]
    assert round(stouffer(p), 4) == expected["stouffer"]
    assert round(cauchy(p), 4) == expected["cauchy"]
    assert fisher(p) == pytest.approx(stats.combine_pvalues(p, "fisher").pvalue, rel=1e-12)
    assert stouffer(p) == pytest.approx(stats.combine_pvalues(p, "stouffer").pvalue, rel=1e-12)
    assert cauchy(p) == pytest.approx(stats.cauchy.sf(np.mean(np.tan((0.5 - p) * np.pi))), rel=1e-10)


def test_tiny_p_values_keep_their_digits():
    p = np.array([1e-250, 0.4])
    assert cauchy(p) == pytest.approx(2e-250, rel=1e-9)
    assert harmonic_mean(p) == pytest.approx(2e-250, rel=1e-9)


@pytest.mark.parametrize("x", [-3.0, -1.0, 0.0, 2.0, 30.0, 100.0])
def test_landau_tail_is_that_of_a_stable_law(x):
    expected = stats.levy_stable.sf(x, 1, 1, loc=np.log(np.pi / 2), scale=np.pi / 2)
    assert landau_tail(x) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("count", [5, 40])
@pytest.mark.parametrize("level", [0.01, 0.05])
def test_harmonic_mean_of_independent_p_values_is_uniform(count, level):
    p = np.random.default_rng(count).uniform(size=(100_000, count))
    limit = optimize.brentq(lambda h: harmonic_mean(np.full(count, h)) - level, 1e-4, 0.5)
    assert (1 / (1 / p).mean(axis=1) < limit).mean() == pytest.approx(level, rel=0.05)


@pytest.mark.parametrize(("count", "limit"), EXPECTED["harmonic_mean"]["limits_at_0.05"])
def test_published_limits_of_the_harmonic_mean(count, limit):
    found = optimize.brentq(lambda h: harmonic_mean(np.full(count, h)) - 0.05, 1e-4, 0.5)
    assert round(found, 3) == limit


def test_effective_number_of_dependent_sources():
    expected = EXPECTED["effective_number"]
    for count, known in ((10.0, expected["ten"]), (1e12, expected["limit"])):
        exponent = tempering(np.array([[count]]), np.ones((1, 1)), np.array([expected["rho"]]))
        assert round(count * float(exponent[0, 0, 0]), 3) == known
