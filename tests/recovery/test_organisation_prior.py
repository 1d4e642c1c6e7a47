"""Priors from the other organisations in worlds with known effects: exchangeable, with an outlier, with a shared bias."""

import numpy as np
import pytest
from scipy.special import ndtr

from clustereffects.results import BiasTerm, Estimate
from clustereffects.triangulation.comparison.mixtures import update_normal
from clustereffects.triangulation.options import OrganisationPrior, prior_of
from clustereffects.triangulation.organisation_prior import base_mixture, organisation_priors
from clustereffects.triangulation.sorting import sort_evidence
from triangulation_cases import theory

THEORY = theory()
BASE = base_mixture(prior_of("provisional", THEORY.claim("growth")))
DELTA = 0.01


def _posteriors(values, error, bias_sd, options):
    """Posterior of each organisation with the borrowed prior and with the base prior."""
    term = (BiasTerm(domain="selection", sd=bias_sd),) if bias_sd else ()
    items = [
        Estimate(
            id="did", claim="growth", group=f"K{i:02d}", stream="economic", value=float(v), std_error=error, bias=term
        )
        for i, v in enumerate(values)
    ]
    priors = organisation_priors(sort_evidence(THEORY, items), THEORY, options)
    total = float(np.hypot(error, bias_sd))
    borrowed = [update_normal(priors["growth", item.group], item.value, total) for item in items]
    return borrowed, [update_normal(BASE, item.value, total) for item in items]


def _told(posteriors, truth):
    """Where the truth lies in each posterior, and the error of its mean."""
    place = [one.weight @ ndtr((t - one.mean) / one.sd) for one, t in zip(posteriors, truth, strict=True)]
    error = [one.weight @ one.mean - t for one, t in zip(posteriors, truth, strict=True)]
    return np.array([place, error])


def _simulate(world, draws, options=None, seed=0):
    """Arrays (world, borrowed or base, place or error, organisation)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        truth, values, error, bias_sd = world(rng)
        pair = _posteriors(values, error, bias_sd, options or OrganisationPrior())
        found.append([_told(one, truth) for one in pair])
    return np.array(found)


def _covered(place, level=0.9):
    return float((np.abs(place - 0.5) < level / 2).mean())


def _exchangeable(rng, k=10, error=0.03):
    truth = rng.normal(0.04, 0.015, k)
    return truth, truth + rng.normal(0, error, k), error, 0.0


def _from_the_prior(rng, k=6, error=0.03):
    tau = abs(rng.normal(0, 5 * DELTA))
    truth = rng.normal(0, 5 * DELTA) + rng.normal(0, tau, k)
    return truth, truth + rng.normal(0, error, k), error, 0.0


def _with_an_outlier(rng, k=10, error=0.02):
    truth = rng.normal(0.04, 0.01, k)
    truth[0] = 0.25
    return truth, truth + rng.normal(0, error, k), error, 0.0


def _with_a_shared_bias(bias_sd):
    def world(rng, k=10, error=0.03):
        tau = abs(rng.normal(0, 5 * DELTA))
        truth = rng.normal(0, 5 * DELTA) + rng.normal(0, tau, k)
        return truth, truth + rng.normal(0, bias_sd) + rng.normal(0, error, k), error, bias_sd

    return world


def _assert_exchangeable(draws):
    found = _simulate(_exchangeable, draws, seed=1)
    squared = (found[:, :, 1] ** 2).mean(axis=(0, 2))
    assert squared[0] < 0.65 * squared[1]
    assert _covered(found[:, 0, 0]) > 0.9


def test_exchangeable_organisations_gain_and_keep_their_coverage():
    _assert_exchangeable(60)


@pytest.mark.slow
def test_exchangeable_organisations_in_full_size():
    _assert_exchangeable(1500)


def _assert_calibrated(draws, slack):
    """Under the prior itself, robust part off: coverage is exact."""
    found = _simulate(_from_the_prior, draws, OrganisationPrior(robust_weight=0.0), seed=2)
    places = found[:, 0, 0]
    for level in (0.5, 0.8, 0.95):
        assert _covered(places, level) == pytest.approx(level, abs=slack)
    assert (found[:, 0, 1] ** 2).mean() < 0.9 * (found[:, 1, 1] ** 2).mean()


def test_calibrated_when_organisations_are_drawn_from_the_prior():
    _assert_calibrated(150, 0.06)


@pytest.mark.slow
def test_calibrated_when_organisations_are_drawn_from_the_prior_in_full_size():
    _assert_calibrated(4000, 0.012)


def _assert_outlier(draws):
    """The outlier makes the others look unlike each other: they gain nothing, but lose next to nothing."""
    found = _simulate(_with_an_outlier, draws, seed=3)
    trusting = _simulate(_with_an_outlier, draws, OrganisationPrior(robust_weight=0.0), seed=3)
    own, others = found[:, 0, :, 0], found[:, 0, :, 1:]
    assert abs(own[:, 1].mean()) < 0.02
    assert _covered(own[:, 0]) > 0.8
    assert abs(own[:, 1].mean()) <= abs(trusting[:, 0, 1, 0].mean())
    assert _covered(others[:, 0]) > 0.88
    assert (others[:, 1] ** 2).mean() < 1.1 * (found[:, 1, 1, 1:] ** 2).mean()


def test_an_outlier_is_not_pulled_in_and_does_not_harm_the_others():
    _assert_outlier(60)


@pytest.mark.slow
def test_an_outlier_in_full_size():
    _assert_outlier(1000)


def _assert_shared_bias(draws, slack):
    """Own estimate and prior share the bias: posteriors keep their coverage, and would not if it were taken as own."""
    for bias_sd in (0.01, 0.03):
        world = _with_a_shared_bias(bias_sd)
        honest = _simulate(world, draws, OrganisationPrior(robust_weight=0.0), seed=4)[:, 0, 0]
        assert _covered(honest) > 0.9 - slack
    naive = _simulate(world, draws, OrganisationPrior(robust_weight=0.0, bias_correlation=0.0), seed=4)[:, 0, 0]
    assert _covered(naive) < _covered(honest) - 0.01


def test_a_shared_bias_does_not_make_organisations_too_sure():
    _assert_shared_bias(120, 0.05)


@pytest.mark.slow
def test_a_shared_bias_in_full_size():
    _assert_shared_bias(2500, 0.01)
