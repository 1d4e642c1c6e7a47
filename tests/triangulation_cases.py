"""Cases for the tests of the triangulation, and a brute-force posterior that shares no code with the library."""

import numpy as np
from scipy import integrate, stats

from clustereffects.results import BiasTerm, Diagnostic, Estimate
from clustereffects.triangulation import Prior, Theory
from clustereffects.triangulation.cells import cell_model
from clustereffects.triangulation.sorting import CellEvidence, sort_evidence

KEY = {"claim": "growth", "group": "K01"}
_SCORES = np.linspace(-9, 9, 4001)
PRIOR = Prior(sceptical_sd=0.05, wide_sd=0.15)
SIGNS = {"hoop": (0.9, 0.5, 0.5), "gun": (0.30, 0.05, 0.02), "straw": (0.60, 0.40, 0.35)}


def theory(**changes):
    claim = {"outcome": "value_added", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"], "link": "ab"}
    return Theory.from_dict(
        {
            "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
            "links": {"ab": {"from": "a", "to": "b", "perspectives": ["economic", "survey", "interviews"]}},
            "claims": {"growth": claim | changes},
            "rivals": {"boom": {"en": "Export boom"}},
        }
    )


def did(value=0.06, std_error=0.025, bias_sd=0.03, bias_mean=0.0, bias_range=None, **more):
    term = BiasTerm(domain="selection", sd=bias_sd, mean=bias_mean, mean_range=bias_range)
    given = {"id": "did", "stream": "economic", "bias": (term,), **KEY} | more
    return Estimate(value=value, std_error=std_error, **given)


def survey(value=0.12, std_error=0.02, bias_sd=0.05, bias_mean=0.05, bias_range=None, **more):
    term = BiasTerm(domain="self-report", sd=bias_sd, mean=bias_mean, mean_range=bias_range)
    given = {"id": "scale", "stream": "survey", "bias": (term,), **KEY} | more
    return Estimate(value=value, std_error=std_error, **given)


def sign(name, chances=(0.9, 0.5, 0.5), **more):
    benefit, negligible, harm = chances
    given = {"stream": "interviews", "observed": True, "target": "effect", **KEY} | more
    return Diagnostic(id=name, p_benefit=benefit, p_negligible=negligible, p_harm=harm, **given)


def interviews(unreliability=0.1, rho=0.5):
    return [
        sign(name, chances, unreliability=unreliability, dependence="respondents", rho=rho)
        for name, chances in SIGNS.items()
    ]


def worked_example():
    return [did(), survey(), *interviews()]


def model(evidence, prior=PRIOR, **claim):
    built = theory(**claim)
    cells = sort_evidence(built, evidence)
    cell = cells.get(("growth", "K01"), CellEvidence())
    return cell_model(built.claim("growth"), "K01", cell, prior)


def brute_force(items, constants=(0.0, 0.0, 0.0), prior=(0.2, 0.05, 0.15), delta=0.01):
    """Posterior by adaptive quadrature over the effect and a dense grid over proportional biases.

    items are (value, mean of the additive bias, total sd, log-mean and log-sd of a proportional bias); constants are
    log-likelihoods of harm, negligible effect and benefit.
    """
    weight, narrow, wide = prior

    def likelihood(theta, value, mean, sd, log_mean, log_sd):
        if log_sd == 0:
            return stats.norm.pdf(value - mean, np.exp(log_mean) * theta, sd)

        beta = np.exp(log_mean + log_sd * _SCORES - log_sd**2 / 2)
        inner = np.exp(-0.5 * _SCORES**2 - 0.5 * ((value - mean - beta * theta) / sd) ** 2)
        return integrate.trapezoid(inner, _SCORES) / (2 * np.pi * sd)

    def density(theta):
        p = (1 - weight) * stats.norm.pdf(theta, 0, narrow) + weight * stats.norm.pdf(theta, 0, wide)
        return p * np.prod([likelihood(theta, *item) for item in items])

    reach = 9 * wide
    edges = [-reach, -delta, delta, reach]
    moments = np.zeros((3, 3))
    for k in range(3):
        inner = [x for x in np.linspace(-0.3, 0.3, 7) if edges[k] < x < edges[k + 1]]
        for power in range(3):
            moments[power, k] = integrate.quad(
                lambda t, n=power: t**n * density(t), *edges[k : k + 2], points=inner or None, limit=400, epsrel=1e-10
            )[0]
    moments *= np.exp(np.array(constants))
    mass = moments[0].sum()
    mean = moments[1].sum() / mass
    return moments[0] / mass, mean, np.sqrt(moments[2].sum() / mass - mean**2)


def closed_form(value, variance, constants=(0.0, 0.0, 0.0), prior=(0.2, 0.05, 0.15), delta=0.01):
    """Exact probabilities for independent estimates with normal errors: mixtures of normals cut at ±δ."""
    weight, *sds = prior
    precision, linear = np.sum(1 / np.asarray(variance)), np.sum(np.asarray(value) / np.asarray(variance))
    total = precision + 1 / np.square(sds)
    log_weight = np.log([1 - weight, weight]) - 0.5 * np.log(np.square(sds) * total) + linear**2 / (2 * total)
    share = np.exp(log_weight - log_weight.max())
    cdf = stats.norm.cdf(np.array([-np.inf, -delta, delta, np.inf])[:, None], linear / total, total**-0.5)
    mass = (np.diff(cdf, axis=0) * share).sum(axis=1) * np.exp(np.array(constants))
    return mass / mass.sum()
