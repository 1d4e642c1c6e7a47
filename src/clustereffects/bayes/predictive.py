"""Exact leave-one-organisation-out prediction: whether each organisation looks like one of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.bayes.conditional import condition
from clustereffects.bayes.mixtures import NormalMixture
from clustereffects.bayes.normal_normal import normal_normal
from clustereffects.bayes.prior import EffectPrior

FloatArray = NDArray[np.float64]

_LEAST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Each organisation's estimate against its prediction from the others.

    Parameters
    ----------
    predicted, sd : array (k,)
        Mean and standard deviation of the predictive distribution of the estimate; NaN without an estimate.
    position : array (k,)
        Predictive probability of an estimate at most as large as the one observed (probability integral transform).
    log_density : array (k,)
        Logarithm of the predictive density of the estimate.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> left_out = LeftOut(np.zeros(1), np.ones(1), np.array([0.99]), np.zeros(1))
    >>> left_out.p_value().round(6).tolist()
    [0.02]
    """

    predicted: FloatArray
    sd: FloatArray
    position: FloatArray
    log_density: FloatArray

    def p_value(self) -> FloatArray:
        """Two-sided predictive p-value."""
        return 2.0 * np.minimum(self.position, 1.0 - self.position)


def leave_one_out(estimate: FloatArray, cov: FloatArray, prior: EffectPrior) -> LeftOut:
    """Predict each estimate from all the others.

    Parameters
    ----------
    estimate : array (k,)
        NaN for organisations without an estimate.
    cov : array (k, k)
    prior : EffectPrior

    Returns
    -------
    LeftOut

    Raises
    ------
    EstimationError
        If a posterior without one organisation cannot be integrated.

    Notes
    -----
    With ``v`` the error covariances of organisation *k* with the others and ``W`` the inverse of the others' ``V + τ²I``,
    given ``τ``: mean ``m(1 − v'W1) + v'Wy`` and variance ``V_kk + τ² − v'Wv + (1 − v'W1)²/P``; then mixed over the
    posterior of ``τ`` given the others. Nothing is approximated by re-weighting.

    Examples
    --------
    >>> y = np.array([0.0, 0.1, -0.1, 0.05, 9.0])
    >>> left_out = leave_one_out(y, 0.01 * np.eye(5), EffectPrior(effect_sd=0.5))
    >>> left_out.p_value().round(3).tolist()[-1]
    0.0
    """
    k = len(estimate)
    result = np.full((4, k), np.nan)
    for left in np.flatnonzero(np.isfinite(estimate)).tolist():
        others = np.isfinite(estimate)
        others[left] = False
        mixture = _prediction(estimate, cov, prior, left, others)
        value = float(estimate[left])
        density = mixture.density(value)[0]
        result[:, left] = mixture.mean()[0], mixture.sd()[0], mixture.cdf(value)[0], np.log(max(density, 1e-300))
    return LeftOut(*result)


def _prediction(
    estimate: FloatArray, cov: FloatArray, prior: EffectPrior, left: int, others: NDArray[np.bool_]
) -> NormalMixture:
    posterior = normal_normal(estimate[others], cov[np.ix_(others, others)], prior)
    spectrum, tau = posterior.spectrum, posterior.tau
    given = condition(spectrum, prior.mean_precision, tau.nodes)
    inverse = 1.0 / (spectrum.variances + tau.nodes[:, None] ** 2)
    v = spectrum.rotation.T @ cov[left, others]
    share = 1.0 - inverse @ (v * spectrum.ones)
    mean = given.mean * share + inverse @ (v * spectrum.data)
    variance = cov[left, left] + tau.nodes**2 - inverse @ v**2 + share**2 / given.precision
    least = _LEAST * cov[left, left]  # errors that depend linearly on the others' leave nothing but rounding
    return NormalMixture(tau.weights, mean[:, None], np.sqrt(np.maximum(variance, least))[:, None])
