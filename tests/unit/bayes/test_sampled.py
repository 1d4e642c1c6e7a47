"""Markov chains against posteriors that are computed without them."""

import json
import logging
import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import roots_genlaguerre

from clustereffects.bayes import HierarchicalEffects, PosteriorEffects, Sampler
from clustereffects.bayes._tables import convergence_check
from clustereffects.bayes.conditional import condition, spectrum_of
from clustereffects.bayes.model import PoolingModel
from clustereffects.bayes.normal_normal import Draws
from clustereffects.bayes.prior import EffectPrior
from clustereffects.bayes.sampled import SampledPosterior, by_chain, sampled_posterior
from clustereffects.errors import ConvergenceWarning, OptionError

COV = np.array([[0.04, 0.01, 0.01], [0.01, 0.09, 0.01], [0.01, 0.01, 0.02]])
GROUPS = ["A", "B", "C"]
TABLE = pd.DataFrame({"group": GROUPS, "estimate": [0.1, 0.9, -0.2]})
WITH_NEW = pd.DataFrame({"group": [*GROUPS, "D"], "estimate": [0.1, 0.9, -0.2, np.nan]})
SIZE = Sampler(draws=750, tune=750, target_accept=0.99)


def _student_t_oracle(y, cov, effect_sd, df, points=16):
    """Sums over tau and over the three mixing variables; given all of them the model is Gaussian."""
    nodes, weights = roots_genlaguerre(points, df / 2 - 1)
    mixing = nodes / (df / 2)
    tau = np.linspace(0.0, 6 * effect_sd, 401)[1::2]  # midpoints
    log_weight, mean, effects, shares = [], [], [], []
    for combination in product(range(points), repeat=len(y)):
        inflated = cov / np.sqrt(np.outer(mixing[list(combination)], mixing[list(combination)]))
        spectrum = spectrum_of(y, inflated)
        given = condition(spectrum, 0.0, tau)
        prior = np.log(weights[list(combination)]).sum() - 0.5 * (tau / effect_sd) ** 2
        share = (spectrum.variances / (spectrum.variances + tau[:, None] ** 2) * spectrum.ones) @ spectrum.rotation.T
        residual = spectrum.data - given.mean[:, None] * spectrum.ones
        shift = (spectrum.variances / (spectrum.variances + tau[:, None] ** 2) * residual) @ spectrum.rotation.T
        log_weight.append(given.log_likelihood + prior)
        mean.append(given.mean)
        effects.append(y - shift)
        shares.append(share)
    weight = np.exp(np.array(log_weight) - np.max(log_weight))
    weight /= weight.sum()
    return {
        "mean": (weight * np.array(mean)).sum(),
        "tau": (weight * tau).sum(),
        "effects": np.einsum("cg,cgk->k", weight, np.array(effects)),
        "share": np.einsum("cg,cgk->k", weight, np.array(shares)),
    }


@pytest.fixture(scope="module")
def heavy():
    cov = np.full((4, 4), np.nan)
    cov[:3, :3] = COV
    model = HierarchicalEffects(effect_sd=0.4, likelihood="student_t", sampler=SIZE)
    # A few transitions diverge or not with the last digits of the linear algebra of a machine; whether chains are good
    # enough is decided below by the exact answer, not by their own diagnosis.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(WITH_NEW, cov=cov, rng=8)


def _assert_agrees(result, expected, k=3):
    table = result.convergence.set_index("parameter")
    found = np.concatenate(
        [[result.engine.marginal("mean").mean, result.engine.marginal("tau").mean], result.params[:k]]
    )
    rows = ["mean", "tau", *[f"effect[{group}]" for group in GROUPS[:k]]]
    gaps = np.abs(found - np.concatenate([[expected["mean"], expected["tau"]], expected["effects"]]))
    assert (gaps < 4 * table.loc[rows, "mcse_mean"].to_numpy()).all()


def test_student_t_errors_agree_with_a_sum_over_all_mixing_variables(heavy):
    expected = _student_t_oracle(TABLE["estimate"].to_numpy(), COV, 0.4, 4.0)
    _assert_agrees(heavy, expected)
    np.testing.assert_allclose(heavy.shrinkage()["weight_of_mean"][:3], expected["share"], atol=0.03)


def test_an_organisation_without_an_estimate_gets_the_prediction(heavy):
    new = heavy.programme().set_index("quantity").loc["new organisation"]
    tidy = heavy.tidy().set_index("group")
    error = heavy.convergence.set_index("parameter").loc["effect[D]", "mcse_mean"]
    assert abs(tidy.loc["D", "estimate"] - new["estimate"]) < 4 * error
    assert tidy.loc["D", "std_error"] == pytest.approx(new["std_error"], rel=0.1)
    assert heavy.shrinkage()["weight_of_mean"].iloc[3] == 1.0


def test_a_sampled_result_keeps_the_contract(heavy):
    assert heavy.method == "hierarchical Student t(4)–normal model, Hamiltonian Monte Carlo, 4 chains of 750 draws"
    check = next(c for c in heavy.checks() if c.name == "convergence")
    assert check.verdict == convergence_check(heavy.convergence, heavy.engine.divergences).verdict
    assert {"pymc", "arviz", "pytensor"} <= set(heavy.provenance.versions)
    assert heavy.provenance.options["sampler"]["draws"] == 750
    tidy = heavy.tidy(0.5)
    assert ((tidy["conf_low"] < tidy["estimate"]) & (tidy["estimate"] < tidy["conf_high"])).all()
    np.testing.assert_allclose(np.sqrt(np.diag(heavy.cov)), heavy.std_errors)
    assert heavy.probability(above=-10.0).tolist() == [1.0] * 4
    assert heavy.ranking()["p_best"].sum() == pytest.approx(1.0)
    assert heavy.heterogeneity()["estimate"].between(0, 1).all()
    assert heavy.posterior.posterior["effect"].shape == (4, 750, 4)
    for verb in (heavy.sensitivity, heavy.leave_one_out):
        with pytest.raises(OptionError, match="with likelihood='student_t' – expected likelihood='normal'"):
            verb()


def test_a_sampled_result_is_stored_with_its_draws(heavy):
    again = PosteriorEffects.from_dict(json.loads(json.dumps(heavy.to_dict(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.tidy(), heavy.tidy())
    pd.testing.assert_frame_equal(again.convergence, heavy.convergence)
    assert again.model == heavy.model


@pytest.mark.slow
@pytest.mark.parametrize("mean_sd", [None, 0.3])
def test_normal_errors_agree_with_the_exact_posterior(mean_sd):
    options = {"effect_sd": 0.4, "mean_sd": mean_sd}
    exact = HierarchicalEffects(**options).fit(TABLE, cov=COV, rng=1)
    sampled = HierarchicalEffects(**options, sampler=SIZE).fit(TABLE, cov=COV, rng=1)
    expected = {
        "mean": exact.engine.marginal("mean").mean,
        "tau": exact.engine.marginal("tau").mean,
        "effects": exact.params.to_numpy(),
    }
    _assert_agrees(sampled, expected)
    np.testing.assert_allclose(sampled.std_errors, exact.std_errors, rtol=0.08)
    weights = exact.shrinkage()["weight_of_mean"]
    np.testing.assert_allclose(sampled.shrinkage()["weight_of_mean"], weights, atol=0.03)
    assert "sensitivity to the prior" in [check.name for check in sampled.checks()]


@pytest.mark.slow
def test_chains_that_are_too_short_warn():
    model = HierarchicalEffects(effect_sd=0.4, sampler=Sampler(draws=100, tune=100, chains=2))
    with pytest.warns(ConvergenceWarning, match="sample longer, with target_accept closer to 1"):
        result = model.fit(TABLE, cov=COV, rng=1)
    assert next(c for c in result.checks() if c.name == "convergence").verdict == "fail"


def test_nothing_is_left_switched_off_after_sampling(heavy):
    assert heavy.engine.chains == 4
    assert logging.getLogger("pymc").level != logging.ERROR


def test_bad_chains_fail_the_check():
    table = pd.DataFrame({"parameter": ["mean"], "r_hat": [1.001], "ess_bulk": [900.0], "ess_tail": [450.0]})
    assert convergence_check(table, 0).verdict == "pass"
    assert convergence_check(table, 3).verdict == "fail"
    assert convergence_check(table.assign(r_hat=1.02), 0).verdict == "fail"
    assert convergence_check(table.assign(ess_tail=399.0), 0).verdict == "fail"


def test_tables_of_draws():
    rng = np.random.default_rng(2)
    draws = Draws(mean=rng.normal(size=401), tau=np.full(401, 2.0), effects=rng.normal(size=(401, 3)))
    fitted = SampledPosterior(draws=draws, chains=2, weight=np.full(3, 0.4), typical=4.0, divergences=0)
    assert by_chain(draws, 2)["effect"].shape == (2, 200, 3)
    assert fitted.marginal("i_squared").mean == 0.5
    assert fitted.marginal("tau").above(1.0) == 1.0
    assert fitted.marginal("mean").quantile(0.5) == np.median(draws.mean)
    new = fitted.marginal("new organisation")
    assert new.sd == pytest.approx(np.sqrt(4 + draws.mean.var()))
    assert fitted.above(0.0)[1] == (draws.effects[:, 1] > 0).mean()
    assert fitted.quantile(0.5)[2] == np.median(draws.effects[:, 2])
    assert fitted.mean_weight().tolist() == [0.4] * 3


def test_a_model_without_a_sampler_cannot_be_sampled():
    model = PoolingModel(prior=EffectPrior(effect_sd=1.0), provisional=False)
    with pytest.raises(ValueError, match="no sampler"):
        sampled_posterior(np.zeros(3), np.eye(3), model, 1)
