"""Borrowing and discounting: power prior, commensurate prior and robust meta-analytic-predictive prior.

The economic estimate is the present data, what the survey says the borrowed data. These methods do without a judgement on
the survey's bias: they discount it as a whole, by a declared power or by how well it fits the present data.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.comparison.case import Case
from clustereffects.triangulation.comparison.mixtures import robust_normal, update_normal
from clustereffects.triangulation.comparison.result import EngineResult, verdict_of
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.organisation_prior import (
    Exchangeable,
    OwnEstimates,
    borrowed_mixtures,
    pooled_estimate,
)

FloatArray = NDArray[np.float64]

#: Power of the survey's likelihood, weight of the vague part, and heterogeneity in multiples of δ.
_POWER, _VAGUE_WEIGHT, _HETEROGENEITY_DELTAS = 0.5, 0.2, 5.0
_SURE = 0.95


def discounted(prior: PriorMixture, value: float, std_error: float, power: float) -> PriorMixture:
    """Power prior: what an earlier estimate leaves of a prior when its likelihood is raised to a power.

    Parameters
    ----------
    prior : PriorMixture
        Before the earlier estimate.
    value, std_error : float
        The earlier estimate.
    power : float
        From 0 (the estimate is ignored) to 1 (it counts like present data).

    Returns
    -------
    PriorMixture

    Raises
    ------
    OptionError
        If the power lies outside [0, 1] or the standard error is not positive.

    Notes
    -----
    ``π(θ | y₀, a) ∝ L(θ; y₀)^a π₀(θ)`` (Ibrahim & Chen 2000, *Statistical Science* 15(1)): for a normal
    estimate the standard error is divided by √a.

    Examples
    --------
    >>> flat = PriorMixture(np.ones(1), np.array([1e6]))
    >>> discounted(flat, 0.12, 0.02, 0.25).sd.round(6).tolist()
    [0.04]
    """
    if not 0 <= power <= 1:
        raise OptionError(_wrong(f"power {power}", "a number from 0 to 1"))
    return prior if power == 0 else update_normal(prior, value, std_error / math.sqrt(power))


def commensurate(value: float, std_error: float, spread: FloatArray, weight: FloatArray) -> PriorMixture:
    """Commensurate prior: what an earlier estimate says of a present effect that differs from the earlier one.

    Parameters
    ----------
    value, std_error : float
        The earlier estimate.
    spread, weight : array, shape (k,)
        Standard deviations 1/√κ of the present effect around the earlier one, and their prior weights.

    Returns
    -------
    PriorMixture
        One component for each standard deviation, in increasing order.

    Raises
    ------
    OptionError
        If the weights do not sum to one, or a number is negative.

    Notes
    -----
    ``θ | θ₀ ~ N(θ₀, 1/κ)`` with a flat prior of θ₀ (Hobbs et al. 2011, *Biometrics* 67(3)); a small and a large spread
    make the spike-and-slab version. Weights are those before the present data.

    Examples
    --------
    >>> commensurate(0.12, 0.03, np.array([0.0, 0.04]), np.array([0.5, 0.5])).sd.round(6).tolist()
    [0.03, 0.05]
    """
    if not (std_error > 0 and (spread >= 0).all() and (weight >= 0).all() and abs(weight.sum() - 1) < 1e-9):
        raise OptionError(_wrong("a commensurate prior", "a standard error above 0, weights that sum to one"))
    order = np.argsort(spread)
    return PriorMixture(weight[order], np.hypot(std_error, spread[order]), np.full(spread.size, value))


def map_prior(value: FloatArray, std_error: FloatArray, *, mean_sd: float, heterogeneity_sd: float) -> PriorMixture:
    """Meta-analytic-predictive prior of a new effect from estimates of others, as a finite mixture of normals.

    Parameters
    ----------
    value, std_error : array, shape (k,)
    mean_sd : float
        Standard deviation of the prior of the mean effect around zero.
    heterogeneity_sd : float
        Scale of the half-normal prior of the standard deviation between effects.

    Returns
    -------
    PriorMixture
        Ten components; the distribution function is right to a millionth.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a standard error is zero.

    Notes
    -----
    Neuenschwander et al. (2010), *Clinical Trials* 7(1); quadrature as in ``borrowed_mixtures``.

    Examples
    --------
    The six placebo arms of the Crohn's disease example of the R package RBesT:

    >>> y, n = np.array([-51, -49, -36, -47, -90, -54.0]), np.array([74, 166, 328, 20, 25, 58])
    >>> prior = map_prior(y, 88 / np.sqrt(n), mean_sd=88.0, heterogeneity_sd=44.0)
    >>> round(float(prior.weight @ prior.mean), 1)
    -49.8
    """
    own = OwnEstimates(value, std_error**2, np.zeros(value.size))
    return borrowed_mixtures(own, Exchangeable(mean_sd=mean_sd, heterogeneity_sd=heterogeneity_sd))[-1]


def power_prior(case: Case, thresholds: Thresholds) -> EngineResult:
    """Power prior on a cell: the survey's estimate counts half.

    Parameters
    ----------
    case : Case
    thresholds : Thresholds

    Returns
    -------
    EngineResult
        Conflict: probability that the difference between both estimates is smaller if there is none in truth.

    Raises
    ------
    AttributeError
        If the case has no model.

    Notes
    -----
    The economic estimate enters with its declared bias, the survey's as it was measured: the power stands for all
    doubts about it. Interviews and documents do not enter.

    Examples
    --------
    >>> power_prior.__name__
    'power_prior'
    """
    pair = _pair(case)
    if pair is None:
        return _nothing("power_prior", _POWER_ASSUMES)
    (value, error), (said, said_error) = pair
    posterior = update_normal(discounted(case.model.prior, said, said_error, _POWER), value, error)
    conflict = float(2 * ndtr(abs(value - said) / math.hypot(error, said_error)) - 1)
    warnings: tuple[str, ...] = ("the power is a choice that no data support",)
    if conflict > _SURE:
        warnings += ("both estimates differ by more than their errors, and the power does not react to it",)
    return _result("power_prior", case, (posterior, conflict), thresholds, (_POWER_ASSUMES, warnings))


def robust_map(case: Case, thresholds: Thresholds) -> EngineResult:
    """Robust meta-analytic-predictive prior on a cell: the survey counts as far as it fits the economic estimate.

    Parameters
    ----------
    case : Case
    thresholds : Thresholds

    Returns
    -------
    EngineResult
        Conflict: weight of the vague part after the economic estimate, .2 before it.

    Raises
    ------
    AttributeError
        If the case has no model.

    Notes
    -----
    The effect that the survey measures and the effect in question are exchangeable, with a half-normal standard
    deviation of scale 5 δ between them; the vague part is the wide part of the claim's prior. Weights are updated by
    marginal likelihood (Schmidli et al. 2014, *Biometrics* 70(4)). The economic estimate enters with its declared bias,
    the survey's as it was measured; interviews and documents do not enter.

    Examples
    --------
    >>> robust_map.__name__
    'robust_map'
    """
    pair = _pair(case)
    if pair is None:
        return _nothing("robust_map", _MAP_ASSUMES)
    (value, error), (said, said_error) = pair
    wide = PriorMixture(np.ones(1), case.model.prior.sd[-1:], case.model.prior.mean[-1:])
    borrowed = map_prior(
        np.array([said]),
        np.array([said_error]),
        mean_sd=float(wide.sd[0]),
        heterogeneity_sd=_HETEROGENEITY_DELTAS * case.model.claim.delta,
    )
    posterior = update_normal(robust_normal(borrowed, _VAGUE_WEIGHT, wide), value, error)
    vague = float(posterior.weight[-1])
    warnings: tuple[str, ...] = ("a survey that errs in the same direction as the economic estimate is not discounted",)
    if vague > 0.5:
        warnings += ("the survey contradicts the economic estimate and hardly counts",)
    return _result("robust_map", case, (posterior, vague), thresholds, (_MAP_ASSUMES, warnings))


_POWER_ASSUMES = "the survey measures the same effect, each answer worth half"
_MAP_ASSUMES = "survey and accounts measure exchangeable effects, without a bias of known direction"


def _pair(case: Case) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Economic estimate with the variance of its bias, and the survey's as measured."""
    cell = case.evidence
    bare = replace(cell, estimates=tuple(replace(one, bias=()) for one in cell.estimates), bias=())
    economic, survey = pooled_estimate(cell, "economic"), pooled_estimate(bare, "survey")
    if economic is None or survey is None:
        return None
    return (economic[0], math.sqrt(economic[1] + economic[2])), (survey[0], math.sqrt(survey[1]))


def _result(
    engine: str,
    case: Case,
    found: tuple[PriorMixture, float],
    thresholds: Thresholds,
    words: tuple[str, tuple[str, ...]],
) -> EngineResult:
    posterior, conflict = found
    score = (case.model.edges[:, None] - posterior.mean) / posterior.sd
    below = np.array([posterior.weight @ ndtr(row) for row in score])
    probability = np.diff(below, prepend=0.0, append=1.0)
    return EngineResult(
        engine=engine,
        verdict=verdict_of(probability, thresholds),
        score=float(probability[2]),
        score_means="probability of benefit",
        conflict=conflict,
        assumption=words[0],
        warnings=words[1],
    )


def _nothing(engine: str, assumption: str) -> EngineResult:
    warnings = ("needs an economic estimate and one of the survey on the scale of the claim",)
    return EngineResult(
        engine=engine, verdict="silent", score_means="probability of benefit", assumption=assumption, warnings=warnings
    )


def _wrong(what: str, expected: str) -> Problem:
    return Problem(what=what, where="borrowing", expected=expected, remedy="correct it")
