"""What must hold for any estimates that are pooled."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clustereffects.bayes import HierarchicalEffects
from clustereffects.bayes.heterogeneity import integrate_positive
from clustereffects.bayes.normal_normal import normal_normal
from clustereffects.bayes.prior import EffectPrior

FEW = settings(max_examples=30, derandomize=True, deadline=None)
FLAT = EffectPrior(effect_sd=0.7)
CLOSE = {"rtol": 1e-7, "atol": 1e-9}


@st.composite
def problems(draw):
    """Estimates with correlated errors: each organisation's own error and one that is shared."""
    k = draw(st.integers(3, 8))
    number = st.floats(-3, 3, allow_subnormal=False)
    y = draw(hnp.arrays(np.float64, k, elements=number))
    se = draw(hnp.arrays(np.float64, k, elements=st.floats(0.1, 2)))
    load = draw(hnp.arrays(np.float64, k, elements=st.floats(-0.5, 0.5)))
    return y, np.diag(se**2) + np.outer(load, load)


def _everything(found):
    tau = found.tau.quantile(np.array([0.05, 0.5, 0.95]))
    return tau, found.programme.mean(), found.programme.sd(), found.effects.mean(), found.effects.quantile(0.9)


@FEW
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_organisations_does_not_matter(problem, random):
    y, cov = problem
    order = random.sample(range(len(y)), len(y))
    plain, mixed = normal_normal(y, cov, FLAT), normal_normal(y[order], cov[np.ix_(order, order)], FLAT)
    np.testing.assert_allclose(mixed.effects.mean(), plain.effects.mean()[order], **CLOSE)
    np.testing.assert_allclose(mixed.cov(), plain.cov()[np.ix_(order, order)], **CLOSE)
    np.testing.assert_allclose(mixed.tau.quantile(np.array([0.5])), plain.tau.quantile(np.array([0.5])), **CLOSE)


@FEW
@given(problems(), st.floats(-50, 50))
def test_with_a_flat_mean_a_shift_moves_everything_but_the_heterogeneity(problem, shift):
    y, cov = problem
    plain, moved = _everything(normal_normal(y, cov, FLAT)), _everything(normal_normal(y + shift, cov, FLAT))
    for index, (a, b) in enumerate(zip(plain, moved, strict=True)):
        np.testing.assert_allclose(b, a + shift * (index in {1, 3, 4}), rtol=1e-6, atol=1e-7)


@FEW
@given(problems(), st.floats(1e-4, 1e4))
def test_results_follow_the_unit_of_the_effect(problem, unit):
    y, cov = problem
    prior, scaled = EffectPrior(effect_sd=0.7, mean_sd=2.0), EffectPrior(effect_sd=0.7 * unit, mean_sd=2.0 * unit)
    plain, other = (
        _everything(normal_normal(y, cov, prior)),
        _everything(normal_normal(unit * y, unit**2 * cov, scaled)),
    )
    for a, b in zip(plain, other, strict=True):
        np.testing.assert_allclose(b, unit * a, rtol=1e-6, atol=1e-8 * unit)


@FEW
@given(problems())
def test_mirrored_estimates_give_mirrored_effects(problem):
    y, cov = problem
    prior = EffectPrior(effect_sd=0.7, mean_sd=1.0)
    plain, mirrored = normal_normal(y, cov, prior), normal_normal(-y, cov, prior)
    np.testing.assert_allclose(mirrored.effects.mean(), -plain.effects.mean(), **CLOSE)
    np.testing.assert_allclose(mirrored.effects.quantile(0.1), -plain.effects.quantile(0.9), **CLOSE)
    np.testing.assert_allclose(mirrored.effects.cdf(0.3), 1 - plain.effects.cdf(-0.3), **CLOSE)


@FEW
@given(problems())
def test_an_estimate_without_information_becomes_the_prediction(problem):
    y, cov = problem
    loose = cov.copy()
    loose[0, :], loose[:, 0] = 0.0, 0.0
    loose[0, 0] = 1e9
    missing = y.copy()
    missing[0] = np.nan
    found, expected = normal_normal(y, loose, FLAT), normal_normal(missing, cov, FLAT)
    np.testing.assert_allclose(found.effects.mean(), expected.effects.mean(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.effects.sd(), expected.effects.sd(), rtol=1e-5)
    np.testing.assert_allclose(expected.effects.mean()[0], expected.programme.mean()[1], rtol=1e-12)
    np.testing.assert_allclose(expected.effects.quantile(0.9)[0], expected.programme.quantile(0.9)[1], rtol=1e-9)


@FEW
@given(problems())
def test_independent_errors_pull_every_organisation_towards_the_others(problem):
    y, cov = problem
    found = normal_normal(y, np.diag(np.diag(cov)), FLAT)
    weight = found.tau.weights @ found.mean_weight
    assert ((weight > 0) & (weight <= 1 + 1e-12)).all()
    inside = (found.effects.mean() >= y.min() - 1e-9) & (found.effects.mean() <= y.max() + 1e-9)
    assert inside.all()
    assert np.linalg.eigvalsh(found.cov()).min() > -1e-10


@FEW
@given(problems(), st.floats(0.001, 0.999))
def test_quantiles_invert_distribution_functions(problem, p):
    found = normal_normal(*problem, FLAT)
    np.testing.assert_allclose(found.effects.cdf(found.effects.quantile(p)), p, rtol=1e-9)
    np.testing.assert_allclose(found.tau.cdf(found.tau.quantile(np.array([p]))), [p], rtol=1e-9)


@FEW
@given(st.floats(1, 20), st.floats(1e-6, 1e6))
def test_quadrature_of_gamma_distributions(shape, scale):
    found = integrate_positive(lambda x: (shape - 1) * np.log(x / scale) - x / scale, 1.0)
    np.testing.assert_allclose(found.mean(found.nodes), shape * scale, rtol=1e-8)
    variance = found.mean((found.nodes - shape * scale) ** 2)
    np.testing.assert_allclose(variance, shape * scale**2, rtol=1e-8)


@FEW
@given(problems(), st.floats(1e-3, 1e3))
def test_the_provisional_prior_follows_the_unit_and_ignores_the_order(problem, unit):
    y, cov = problem
    table = pd.DataFrame({"group": [f"K{i}" for i in range(len(y))], "estimate": y, "std_error": np.sqrt(np.diag(cov))})
    plain = HierarchicalEffects().fit(table, rng=1)
    scaled = table.assign(estimate=unit * y, std_error=unit * table["std_error"])
    other = HierarchicalEffects().fit(scaled.iloc[::-1], rng=1)
    np.testing.assert_allclose(
        other.params.to_numpy()[::-1], unit * plain.params.to_numpy(), rtol=1e-6, atol=1e-8 * unit
    )
    ranks = plain.rank_probabilities()
    np.testing.assert_allclose(ranks.sum(axis=0), 1.0)
    np.testing.assert_allclose(ranks.sum(axis=1), 1.0)
