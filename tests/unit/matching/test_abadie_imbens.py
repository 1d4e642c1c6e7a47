"""Matching with replacement against loops that follow the papers."""

import numpy as np
import pytest

from clustereffects.errors import EstimationError
from clustereffects.matching._ties import nearest_with_ties
from clustereffects.matching.abadie_imbens import MatchRule, nearest_effect, sample_coordinates, score_effect
from clustereffects.matching.propensity import logit

RNG = np.random.default_rng(21)
N = 90
X = np.column_stack([RNG.integers(0, 5, N), RNG.integers(0, 3, N), RNG.normal(size=N).round(1)]).astype(float)
TREATED = RNG.random(N) < 0.25 + 0.1 * X[:, 0]
Y = X @ [1.0, -1.0, 2.0] + 2.0 * TREATED + RNG.normal(size=N)
Z = sample_coordinates(X)


def near(point, among, number):
    """Indices of the ``number`` nearest rows and all that are as near."""
    gaps = np.linalg.norm(Z[among] - Z[point], axis=1)
    return among[gaps <= np.sort(gaps)[number - 1] + 1e-9]


def brute(rule):
    """Abadie & Imbens (2006), theorems 6 and 7, with shares for ties."""
    use, squared, effect = np.zeros(N), np.zeros(N), np.full(N, np.nan)
    for i in range(N):
        if rule.estimand == "ATE" or TREATED[i]:
            matches = near(i, np.flatnonzero(TREATED[i] != TREATED), rule.matches)
            effect[i] = (Y[i] - Y[matches].mean()) * (1 if TREATED[i] else -1)
            use[matches] += 1 / len(matches)
            squared[matches] += 1 / len(matches) ** 2
    variance = np.array([Y[near(i, np.flatnonzero(TREATED[i] == TREATED), rule.own)].var(ddof=1) for i in range(N)])
    members = ~np.isnan(effect)
    value = effect[members].mean()
    extra = use**2 - squared + (2 * use if rule.estimand == "ATE" else 0)
    total = ((effect[members] - value) ** 2).sum() + (extra * variance).sum()
    return value, np.sqrt(total) / members.sum(), use


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
@pytest.mark.parametrize(("matches", "own"), [(1, 2), (1, 3), (3, 4)])
def test_loops_of_the_papers(estimand, matches, own):
    rule = MatchRule(estimand=estimand, matches=matches, own=own)
    value, error, use = brute(rule)
    effect = nearest_effect(Y, TREATED, Z, rule)
    np.testing.assert_allclose([effect.value, effect.standard_error], [value, error], rtol=1e-10)
    np.testing.assert_allclose(effect.usage, use, atol=1e-12)


def test_controls_are_the_treated_of_the_mirrored_question():
    rule = MatchRule(estimand="ATC", matches=2)
    ours = nearest_effect(Y, TREATED, Z, rule, adjust=X)
    mirrored = nearest_effect(Y, ~TREATED, Z, MatchRule(estimand="ATT", matches=2), adjust=X)
    assert ours.value == -mirrored.value
    assert ours.standard_error == mirrored.standard_error
    everyone = nearest_effect(Y, TREATED, Z, MatchRule(matches=2), adjust=X).value
    treated = nearest_effect(Y, TREATED, Z, MatchRule(estimand="ATT", matches=2), adjust=X).value
    np.testing.assert_allclose(everyone, np.average([treated, ours.value], weights=[TREATED.sum(), (~TREATED).sum()]))


def test_adjustment_removes_a_linear_bias():
    effect = nearest_effect(X @ [1.0, -1.0, 2.0] + 2.0 * TREATED, TREATED, Z, MatchRule(estimand="ATT"), adjust=X)
    np.testing.assert_allclose(effect.value, 2.0)


def test_estimating_the_score_makes_the_average_effect_less_variable():
    design, rule = np.column_stack([np.ones(N), X]), MatchRule(own=2)
    effect = score_effect(Y, TREATED, design, rule)
    known = nearest_effect(Y, TREATED, logit(design, TREATED).probability[:, None], rule)
    assert effect.value == known.value
    assert effect.standard_error < known.standard_error


def test_score_of_the_controls_mirrors():
    design = np.column_stack([np.ones(N), X])
    ours = score_effect(Y, TREATED, design, MatchRule(estimand="ATC", own=2))
    mirrored = score_effect(Y, ~TREATED, design, MatchRule(estimand="ATT", own=2))
    assert (ours.value, ours.standard_error) == (-mirrored.value, mirrored.standard_error)


def test_order_of_rows_does_not_matter():
    order = RNG.permutation(N)
    one = nearest_effect(Y, TREATED, Z, MatchRule())
    other = nearest_effect(Y[order], TREATED[order], Z[order], MatchRule())
    np.testing.assert_allclose([one.value, one.standard_error], [other.value, other.standard_error], rtol=1e-10)


def test_coordinates_have_the_covariance_one():
    np.testing.assert_allclose(np.cov(Z.T), np.eye(3), atol=1e-12)
    with pytest.raises(ValueError, match="two rows"):
        sample_coordinates(X[:1])


@pytest.mark.parametrize("options", [{"estimand": "ATO"}, {"matches": 0}, {"own": 1}])
def test_rules(options):
    with pytest.raises(ValueError, match="estimand is"):
        MatchRule(**options)


def test_too_few_units():
    with pytest.raises(EstimationError, match="too few units"):
        nearest_effect(Y[:5], np.arange(5) < 2, Z[:5], MatchRule())


def test_ties_far_beyond_the_number_are_found():
    circle = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 6, 40)])
    sets = nearest_with_ties(np.zeros((1, 2)), np.concatenate([circle, circle, [[3.0, 0.0]]]), 2)
    assert sets.size.tolist() == [80.0]
    assert sorted(set(sets.usage().tolist())) == [0.0, 1 / 80]


def test_different_rows_with_equal_sums_stay_apart():
    among = np.array([[np.sqrt(3.0), 0.0], [0.0, np.sqrt(2.0)], [0.0, np.sqrt(2.0)]])
    assert among[0, 0] * np.sqrt(2.0) == among[1, 1] * np.sqrt(3.0)
    sets = nearest_with_ties(among, among, 1)
    assert sets.size.tolist() == [1.0, 2.0, 2.0]
