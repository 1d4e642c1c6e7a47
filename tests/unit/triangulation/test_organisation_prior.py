import re

import numpy as np
import pytest
from scipy import stats

from clustereffects.bayes.normal_normal import normal_normal
from clustereffects.bayes.prior import EffectPrior
from clustereffects.errors import OptionError
from clustereffects.results import BiasEvidence, BiasTerm, Estimate, Silence
from clustereffects.triangulation import Prior, Thresholds
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.options import OrganisationPrior, prior_of
from clustereffects.triangulation.organisation_prior import (
    Exchangeable,
    OwnEstimates,
    base_mixture,
    borrowed_mixtures,
    organisation_priors,
    pooled_estimate,
)
from clustereffects.triangulation.sorting import CellEvidence, sort_evidence
from triangulation_cases import theory

ALIKE = Exchangeable(mean_sd=0.05, heterogeneity_sd=0.05)


def _cdf(mixture, x):
    return mixture.weight @ stats.norm.cdf(x, mixture.mean, mixture.sd)


def _mean(mixture):
    return mixture.weight @ mixture.mean


def _sd(mixture):
    return np.sqrt(mixture.weight @ (mixture.sd**2 + (mixture.mean - _mean(mixture)) ** 2))


def _own(k, spread=0.04, error=0.02, bias=0.0, seed=3):
    rng = np.random.default_rng(seed)
    value = 0.03 + rng.normal(0, spread, k) + rng.normal(0, error, k)
    return OwnEstimates(value, np.full(k, error**2) * rng.uniform(0.5, 2, k), np.full(k, bias**2))


@pytest.mark.parametrize(
    ("k", "spread", "error"), [(2, 0.0, 0.02), (5, 0.3, 0.001), (15, 0.0005, 0.002), (15, 0.04, 0.1)]
)
def test_without_shared_bias_it_is_the_predictive_distribution_of_the_hierarchical_model(k, spread, error):
    own = _own(k, spread, error)
    found = borrowed_mixtures(own, ALIKE)
    assert len(found) == k + 1
    for c in (0, k - 1, k):
        value = np.append(own.value, np.nan)
        value[c] = np.nan
        cov = np.diag(np.append(own.sampling, 1.0))
        exact = normal_normal(value, cov, EffectPrior(effect_sd=0.05, mean_sd=0.05)).effects
        for x in np.linspace(-0.1, 0.2, 7):
            assert _cdf(found[c], x) == pytest.approx(exact.cdf(x)[c], abs=2e-6)


def test_shared_bias_is_in_the_prior_of_an_organisation_without_an_estimate():
    own = _own(8, bias=0.03)
    value, spread = np.append(own.value, np.nan), np.append(np.sqrt(own.bias), 0.0)
    cov = np.diag(np.append(own.sampling, 1.0)) + np.outer(spread, spread)
    exact = normal_normal(value, cov, EffectPrior(effect_sd=0.05, mean_sd=0.05)).effects
    found = borrowed_mixtures(own, ALIKE)[-1]
    for x in np.linspace(-0.1, 0.2, 7):
        assert _cdf(found, x) == pytest.approx(exact.cdf(x)[-1], abs=2e-6)


def test_shared_bias_sets_a_floor_that_more_organisations_do_not_lower():
    def last(k, bias):
        own = OwnEstimates(np.full(k, 0.04), np.full(k, 0.02**2), np.full(k, bias**2))
        return _sd(borrowed_mixtures(own, Exchangeable(mean_sd=0.5, heterogeneity_sd=0.001))[-1])

    assert last(60, 0.0) < 0.004
    assert last(5, 0.03) > 0.0295
    assert 0.0295 < last(60, 0.03) < last(5, 0.03)


def _joint(own, alike, tau):
    """Covariance of all effects and all estimates given τ, and how the prior of each effect alone would be."""
    k = own.value.size
    effects = alike.mean_sd**2 + tau**2 * np.eye(k)
    spread = np.sqrt(own.bias)
    noise = alike.bias_correlation * np.outer(spread, spread)
    np.fill_diagonal(noise, own.bias)
    return effects, noise + np.diag(own.sampling)


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.4, 1.0])
@pytest.mark.parametrize("bias", [0.005, 0.02, 0.06])
def test_with_the_own_estimate_the_posterior_is_never_surer_than_right(correlation, bias):
    """Given τ (a point, by a tiny scale around zero plus a fixed spread in the errors)."""
    k, error = 6, 0.03
    alike = Exchangeable(mean_sd=0.05, heterogeneity_sd=1e-7, bias_correlation=correlation)
    own = OwnEstimates(np.zeros(k), np.full(k, error**2), np.full(k, bias**2))
    effects, noise = _joint(own, alike, 0.0)
    unit = np.eye(k)
    at = [borrowed_mixtures(OwnEstimates(row, own.sampling, own.bias), alike)[0] for row in unit]
    weights = np.array([_mean(one) for one in at])
    prior_var = at[0].sd[0] ** 2
    total = error**2 + bias**2
    share = prior_var / (prior_var + total)
    coefficients = (1 - share) * weights
    coefficients[0] = share
    stated = share * total
    cov = effects + noise
    right = effects[0, 0] - 2 * coefficients @ effects[:, 0] + coefficients @ cov @ coefficients
    assert right <= stated * (1 + 1e-6)
    if correlation == 0:
        assert right == pytest.approx(stated, rel=1e-6)


def test_a_bias_that_dominates_the_own_error_leaves_only_the_spread_to_be_learned():
    found = borrowed_mixtures(_own(8, bias=0.06), ALIKE)[0]
    np.testing.assert_allclose(found.mean, 0.0, atol=1e-12)
    np.testing.assert_array_less(0.05**2 - 1e-12, found.sd**2)


def test_own_value_never_enters_the_own_prior():
    own = _own(6, bias=0.01)
    moved = OwnEstimates(own.value + np.array([1.0, 0, 0, 0, 0, 0]), own.sampling, own.bias)
    one, other = (borrowed_mixtures(x, ALIKE)[0] for x in (own, moved))
    for x in (-0.05, 0.0, 0.03, 0.1):
        assert _cdf(one, x) == pytest.approx(_cdf(other, x), abs=1e-9)


def _estimates(values, error=0.02, **more):
    return [
        Estimate(id="did", claim="growth", group=f"K{i:02d}", stream="economic", value=v, std_error=error, **more)
        for i, v in enumerate(values)
    ]


def test_priors_of_all_cells():
    cells = sort_evidence(theory(), [*_estimates([0.03, 0.04, 0.05]), _programme(), _silent("K09")])
    found = organisation_priors(cells, theory(), OrganisationPrior())
    assert list(found) == [("growth", name) for name in ("K00", "K01", "K02", "K09", "programme")]
    base = prior_of("provisional", theory().claim("growth"))
    np.testing.assert_array_equal(found["growth", "programme"].sd, [base.sceptical_sd, base.wide_sd])
    for key in list(found)[:4]:
        assert found[key].weight.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(found[key].weight[-2:], [0.2 * 0.8, 0.2 * 0.2])
        np.testing.assert_array_equal(found[key].sd[-2:], [base.sceptical_sd, base.wide_sd])
    assert _mean(found["growth", "K00"]) > _mean(found["growth", "K02"])


def _programme():
    return Estimate(id="all", claim="growth", group="programme", stream="economic", value=9.0, std_error=0.001)


def _silent(group):
    return Silence(claim="growth", group=group, stream="economic", reason="missing")


def test_programme_neither_lends_nor_borrows():
    items = _estimates([0.03, 0.04, 0.05])
    one, other = (
        organisation_priors(sort_evidence(theory(), x), theory(), OrganisationPrior())
        for x in (items, [*items, _programme()])
    )
    np.testing.assert_array_equal(one["growth", "K00"].mean, other["growth", "K00"].mean)


def test_an_organisation_with_nobody_to_learn_from_gets_the_base():
    base = Prior(sceptical_sd=0.02, wide_sd=0.2)
    cells = sort_evidence(theory(), [*_estimates([0.03]), _silent("K09")])
    found = organisation_priors(cells, theory(), OrganisationPrior(base=base))
    np.testing.assert_array_equal(found["growth", "K00"].sd, [0.02, 0.2])
    assert found["growth", "K09"].sd.size > 2


def test_robust_weight_one_is_the_base():
    cells = sort_evidence(theory(), _estimates([0.03, 0.04, 0.05]))
    found = organisation_priors(cells, theory(), OrganisationPrior(robust_weight=1.0))["growth", "K01"]
    expected = base_mixture(prior_of("provisional", theory().claim("growth")))
    for x in (-0.1, 0.0, 0.02):
        assert _cdf(found, x) == pytest.approx(_cdf(expected, x))


def test_other_streams_are_not_borrowed_unless_named():
    said = Estimate(id="s", claim="growth", group="K01", stream="survey", value=0.5, std_error=0.01)
    cells = sort_evidence(theory(), [*_estimates([0.03]), said])
    assert organisation_priors(cells, theory(), OrganisationPrior())["growth", "K00"].sd.size == 2
    assert organisation_priors(cells, theory(), OrganisationPrior(stream="survey"))["growth", "K00"].sd.size > 2


def test_pooled_estimate_of_two_with_a_shared_and_an_own_bias():
    shared, own = BiasTerm(domain="a", mean=0.01, sd=0.03, shared="s"), BiasTerm(domain="b", sd=0.02)
    about = {"claim": "growth", "group": "K01", "stream": "economic"}
    one = Estimate(id="1", value=0.05, std_error=0.02, bias=(shared,), **about)
    two = Estimate(id="2", value=0.09, std_error=0.02, bias=(shared, own), **about)
    value, sampling, bias = pooled_estimate(CellEvidence(estimates=(one, two)), "economic")
    weight = np.array([1 / 0.0004, 1 / 0.0008]) / (1 / 0.0004 + 1 / 0.0008)
    assert value == pytest.approx(weight @ [0.04, 0.08])
    assert sampling == pytest.approx(weight**2 @ [0.0004, 0.0004])
    assert bias == pytest.approx(0.0009 + weight[1] ** 2 * 0.0004)


def test_pooled_estimate_hears_what_others_say_about_its_bias():
    sign = BiasEvidence(
        id="b", claim="growth", group="K01", stream="interviews", target_stream="economic", shift=0.02, sd=0.01
    )
    item = Estimate(id="1", claim="growth", group="K01", stream="economic", value=0.05, std_error=0.02)
    cell = CellEvidence(estimates=(item,), bias=(sign,))
    np.testing.assert_allclose(pooled_estimate(cell, "economic"), [0.03, 0.0004, 0.0001])


def test_pooled_estimate_with_a_range_of_bias_means_counts_it_as_bias():
    term = BiasTerm(domain="selection", mean=0.01, sd=0.02, mean_range=(-0.02, 0.04))
    item = Estimate(id="1", claim="growth", group="K01", stream="economic", value=0.05, std_error=0.02, bias=(term,))
    found = pooled_estimate(CellEvidence(estimates=(item,)), "economic")
    np.testing.assert_allclose(found, [0.04, 0.0004, 0.0004 + 0.06**2 / 12])


def test_a_range_of_bias_means_lets_less_be_borrowed():
    exact, ranged = (
        _mean(_priors(BiasTerm(domain="selection", sd=0.005, mean_range=ends))["growth", "K00"])
        for ends in (None, (-0.03, 0.03))
    )
    assert 0 < ranged < exact


def _priors(term):
    items = _estimates([0.04, 0.05, 0.06, 0.05], error=0.03, bias=(term,))
    return organisation_priors(sort_evidence(theory(), items), theory(), OrganisationPrior())


def test_pooled_estimate_with_a_proportional_bias_by_moments():
    term = BiasTerm(domain="attenuation", kind="proportional", mean=np.log(0.5), sd=0.3)
    item = Estimate(id="1", claim="growth", group="K01", stream="economic", value=0.05, std_error=0.02, bias=(term,))
    found = pooled_estimate(CellEvidence(estimates=(item,)), "economic")
    np.testing.assert_allclose(found, [0.1, 0.0016, 0.01 * np.expm1(0.09)])


def test_a_cell_accepts_the_prior_and_shrinks_towards_the_others():
    claim = theory().claim("growth")
    items = _estimates([0.06, 0.06, 0.06, 0.06, 0.0], error=0.03)
    names = ("K00", "K04")
    cells = sort_evidence(theory(), items)
    priors = organisation_priors(cells, theory(), OrganisationPrior())
    chosen = prior_of("provisional", claim)
    borrowed, alone = (
        [find_cell(claim, name, cells["growth", name], prior, Thresholds()).posterior for name, prior in pairs]
        for pairs in ([(n, priors["growth", n]) for n in names], [(n, chosen) for n in names])
    )
    assert borrowed[1].mean[0] > alone[1].mean[0] + 0.02
    assert borrowed[0].sd[0] < alone[0].sd[0]
    assert borrowed[0].probability[0, 2] > alone[0].probability[0, 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"robust_weight": 1.5}, "robust_weight is 1.5"),
        ({"bias_correlation": -0.1}, "bias_correlation is -0.1"),
        ({"heterogeneity_sd": 0.0}, "heterogeneity_sd is 0.0"),
        ({"mean_sd": np.inf}, "mean_sd is inf"),
        ({"stream": "rumours"}, "stream is 'rumours'"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        OrganisationPrior(**wrong)


def test_base_of_an_organisation_prior():
    base = Prior(sceptical_sd=0.02, wide_sd=0.2)
    assert prior_of(OrganisationPrior(base={"growth": base}), theory().claim("growth")) is base
    with pytest.raises(OptionError, match="prior"):
        prior_of(OrganisationPrior(base="vague"), theory().claim("growth"))
