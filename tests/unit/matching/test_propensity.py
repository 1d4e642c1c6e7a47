import numpy as np
import pytest
import statsmodels.api as sm

from clustereffects.errors import EstimationError
from clustereffects.matching import propensity
from clustereffects.matching.propensity import logit, probit

RNG = np.random.default_rng(3)
N = 400
X = np.column_stack(
    [
        np.ones(N),
        RNG.normal(size=(N, 3)) @ np.array([[1.0, 40.0, 0.0], [0.0, 50.0, 3e-3], [0.0, 0.0, 2e-3]]),
    ]
)
TREATED = RNG.random(N) < 1 / (1 + np.exp(1.5 - X[:, 1]))
WEIGHTS = RNG.random(N) + 0.5
FAMILIES = [(logit, sm.families.links.Logit), (probit, sm.families.links.Probit)]


def glm(design, treated, link, weights=None):
    family = sm.families.Binomial(link())
    model = sm.GLM(treated.astype(float), design, family=family, freq_weights=weights)
    return model.fit(tol=1e-14, maxiter=200, tol_criterion="params").predict()


@pytest.mark.parametrize(("fit", "link"), FAMILIES)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_probabilities_are_those_of_statsmodels(fit, link, weights):
    found = fit(X, TREATED, weights=weights)
    np.testing.assert_allclose(found.probability, glm(X, TREATED, link, weights), rtol=1e-9)
    np.testing.assert_allclose(X @ found.coefficients, found.linear, rtol=0, atol=1e-12)


def test_logit_solves_the_likelihood_equations():
    fit = logit(X, TREATED, weights=WEIGHTS)
    score = (X / np.abs(X).max(axis=0)).T @ (WEIGHTS * (TREATED - fit.probability))
    np.testing.assert_allclose(score, 0.0, atol=1e-12)
    np.testing.assert_allclose(fit.linear, np.log(fit.probability / (1 - fit.probability)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("fit", [logit, probit])
def test_a_rank_deficient_design_has_the_same_fit(fit):
    more = np.column_stack([X, X[:, 1] + 2 * X[:, 2], np.zeros(N)])
    np.testing.assert_allclose(fit(more, TREATED).linear, fit(X, TREATED).linear, rtol=0, atol=1e-10)


@pytest.mark.parametrize("fit", [logit, probit])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_start_on_part_of_the_controls_changes_nothing(fit, weights, monkeypatch):
    cold = fit(X, TREATED, weights=weights)
    monkeypatch.setattr(propensity, "_ENOUGH", 60)
    warm = fit(X, TREATED, weights=weights)
    np.testing.assert_allclose(warm.linear, cold.linear, rtol=0, atol=1e-11)
    assert warm.iterations < cold.iterations


def test_a_part_of_the_controls_that_is_separated_does_no_harm(monkeypatch):
    n = 1000
    x = np.column_stack([np.ones(n), np.zeros(n)])
    treated = np.zeros(n, bool)
    treated[1::10] = True
    x[treated, 1] = 1.0
    x[2:40:2, 1] = 1.0
    cold = logit(x, treated)
    monkeypatch.setattr(propensity, "_ENOUGH", 25)
    np.testing.assert_allclose(logit(x, treated).linear[treated], cold.linear[treated], rtol=0, atol=1e-10)
    assert cold.probability[1] == pytest.approx(100 / 119, abs=1e-11)


def test_chunks_change_nothing(monkeypatch):
    whole = logit(X, TREATED)
    monkeypatch.setattr(propensity, "_CHUNK", 7)
    np.testing.assert_allclose(logit(X, TREATED).linear, whole.linear, rtol=0, atol=1e-12)


def test_a_category_without_treated_units_gets_no_propensity_and_changes_nothing_else():
    dummy = np.zeros(N)
    dummy[np.flatnonzero(~TREATED)[:30]] = 1.0
    fit = logit(np.column_stack([X, dummy]), TREATED)
    rest = dummy == 0
    assert fit.probability[~rest].max() < 1e-11
    np.testing.assert_allclose(fit.linear[rest], logit(X[rest], TREATED[rest]).linear, rtol=0, atol=1e-9)


@pytest.mark.parametrize("fit", [logit, probit])
def test_separation_is_refused(fit):
    with pytest.raises(EstimationError, match="separate treated units from controls completely"):
        fit(np.column_stack([np.ones(60), np.arange(60) > 19, np.arange(60) / 60]), np.arange(60) > 19)


@pytest.mark.parametrize("fit", [logit, probit])
def test_separation_with_a_thin_margin_is_refused(fit):
    x = np.linspace(-1.0, 1.0, 200)
    with pytest.raises(EstimationError, match="propensity"):
        fit(np.column_stack([np.ones(200), x, x**3]), x > 0)


def test_an_iteration_without_end_is_refused():
    with pytest.raises(EstimationError, match="did not converge – after 2 iterations"):
        logit(X, TREATED, limit=2)
