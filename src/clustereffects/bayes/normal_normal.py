"""Exact posterior of the normal–normal hierarchical model with a full error covariance.

``y | θ ~ N(θ, V)``, ``θ_k | μ, τ ~ N(μ, τ²)``, ``μ`` flat or ``N(0, s²)``, ``τ`` with a prior on the positive numbers. Given
``τ`` everything is Gaussian; ``τ`` itself is integrated out by one-dimensional quadrature. No random numbers are used
except by ``draw_posterior``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clustereffects.bayes.conditional import Spectrum, condition, spectrum_of
from clustereffects.bayes.heterogeneity import PositiveDistribution, integrate_positive
from clustereffects.bayes.mixtures import NormalMixture
from clustereffects.bayes.prior import EffectPrior

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalNormalPosterior:
    """Posterior of the normal–normal model.

    Parameters
    ----------
    prior : EffectPrior
    observed : array (k,) of bool
        Organisations with an estimate; the others get the predictive distribution.
    spectrum : Spectrum
        Of the observed organisations.
    tau : PositiveDistribution
        Posterior of the standard deviation between organisations.
    programme : NormalMixture
        Two columns: the mean effect ``μ``, and the effect in a new organisation.
    effects : NormalMixture
        Effect ``θ_k`` of each organisation.
    mean_weight : array (g, k)
        Weight of the common mean in each organisation's conditional mean, at the nodes of ``tau``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> posterior = normal_normal(np.array([1.0, 3.0, 5.0]), np.eye(3), EffectPrior(effect_sd=1.0))
    >>> posterior.effects.mean().round(4).tolist()
    [2.0374, 3.0, 3.9626]
    """

    prior: EffectPrior
    observed: BoolArray
    spectrum: Spectrum = field(repr=False)
    tau: PositiveDistribution
    programme: NormalMixture = field(repr=False)
    effects: NormalMixture = field(repr=False)
    mean_weight: FloatArray = field(repr=False)

    def cov(self) -> FloatArray:
        """Posterior covariance of the organisations' effects."""
        spectrum, weights = self.spectrum, self.tau.weights
        square = self.tau.nodes[:, None] ** 2
        own = weights @ (spectrum.variances * square / (spectrum.variances + square))
        within = np.diag(np.where(self.observed, 0.0, self.tau.mean(self.tau.nodes**2)))
        seen = np.ix_(self.observed, self.observed)
        within[seen] = (spectrum.rotation * own) @ spectrum.rotation.T
        variance = self.programme.sds[:, 0] ** 2
        shared = (self.mean_weight * (weights * variance)[:, None]).T @ self.mean_weight
        deviation = self.effects.means - self.effects.mean()
        return np.asarray(within + shared + (deviation * weights[:, None]).T @ deviation, dtype=np.float64)


def typical_variance(spectrum: Spectrum) -> float:
    """Typical error variance of an estimate, for the share of the total variance that lies between organisations.

    Parameters
    ----------
    spectrum : Spectrum

    Returns
    -------
    float
        ``(K − 1) / tr(W − W11'W / 1'W1)`` with ``W = V⁻¹``.

    Raises
    ------
    ValueError
        If there are fewer than two estimates.

    References
    ----------
    Higgins & Thompson (2002), *Statistics in Medicine* 21(11), equation 9, for a diagonal ``V``; Jackson, White & Riley
    (2012), *Statistics in Medicine* 31(29), in general.

    Examples
    --------
    >>> round(typical_variance(spectrum_of(np.zeros(3), 4.0 * np.eye(3))), 10)
    4.0
    """
    if len(spectrum.data) < 2:
        raise ValueError("a typical variance needs at least two estimates")
    inverse = 1.0 / spectrum.variances
    trace = inverse.sum() - (spectrum.ones**2 * inverse**2).sum() / (spectrum.ones**2 * inverse).sum()
    return float((len(inverse) - 1) / trace)


def normal_normal(estimate: FloatArray, cov: FloatArray, prior: EffectPrior) -> NormalNormalPosterior:
    """Posterior of the normal–normal hierarchical model by quadrature over ``τ``.

    Parameters
    ----------
    estimate : array (k,)
        NaN for organisations without an estimate.
    cov : array (k, k)
        Error covariance; rows and columns of organisations without an estimate are not looked at.
    prior : EffectPrior

    Returns
    -------
    NormalNormalPosterior

    Raises
    ------
    EstimationError
        If the posterior cannot be integrated.

    Notes
    -----
    With ``W = (V + τ²I)⁻¹`` and ``C = VW``: ``θ | μ, τ, y ~ N((I − C)y + C1 μ, τ²C)``. The eigen-decomposition of ``V`` is done
    once, so that each of the some hundred values of ``τ`` costs ``K²`` operations.

    References
    ----------
    Rubin (1981), *Journal of Educational Statistics* 6(4); Gelman et al. (2013), *Bayesian Data Analysis*, section 5.4;
    Röver (2020), Bayesian random-effects meta-analysis using the bayesmeta R package, *Journal of Statistical Software*
    93(6), equations 8–14 (there for a diagonal ``V``).

    Examples
    --------
    >>> y = np.array([28, 8, -3, 7, -1, 1, 18, 12.0])
    >>> se = np.array([15, 10, 16, 11, 9, 11, 10, 18.0])
    >>> posterior = normal_normal(y, np.diag(se**2), EffectPrior(effect_sd=10.0, mean_sd=10.0))
    >>> posterior.programme.mean().round(3).tolist()
    [6.472, 6.472]
    """
    observed = np.isfinite(estimate)
    seen = np.ix_(observed, observed)
    spectrum = spectrum_of(estimate[observed], cov[seen])
    precision = prior.mean_precision

    def log_density(tau: FloatArray) -> FloatArray:
        return condition(spectrum, precision, tau).log_likelihood + prior.log_density(tau)

    tau = integrate_positive(log_density, float(np.sqrt(np.median(np.diag(cov[seen])))))
    return _posterior(prior, observed, spectrum, tau)


def _posterior(
    prior: EffectPrior, observed: BoolArray, spectrum: Spectrum, tau: PositiveDistribution
) -> NormalNormalPosterior:
    given = condition(spectrum, prior.mean_precision, tau.nodes)
    own, mean_weight, variance = _effects_given(spectrum, observed, tau.nodes)
    variance_of_mean = 1.0 / given.precision
    means = np.column_stack([given.mean, given.mean])
    sds = np.sqrt(np.column_stack([variance_of_mean, variance_of_mean + tau.nodes**2]))
    effects = NormalMixture(
        tau.weights,
        own + mean_weight * given.mean[:, None],
        np.sqrt(variance + mean_weight**2 * variance_of_mean[:, None]),
    )
    return NormalNormalPosterior(
        prior=prior,
        observed=observed,
        spectrum=spectrum,
        tau=tau,
        programme=NormalMixture(tau.weights, means, sds),
        effects=effects,
        mean_weight=mean_weight,
    )


def _effects_given(
    spectrum: Spectrum, observed: BoolArray, tau: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Parts of ``θ | μ, τ``: what the organisation's own and the others' estimates say, weight of ``μ``, variance."""
    square = tau[:, None] ** 2
    total = spectrum.variances + square
    own = np.zeros((len(tau), len(observed)))
    weight = np.ones_like(own)
    variance = np.broadcast_to(square, own.shape).copy()
    own[:, observed] = (square / total * spectrum.data) @ spectrum.rotation.T
    weight[:, observed] = (spectrum.variances / total * spectrum.ones) @ spectrum.rotation.T
    variance[:, observed] = (spectrum.variances * square / total) @ (spectrum.rotation**2).T
    return own, weight, variance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """Draws from the joint posterior.

    Parameters
    ----------
    mean, tau : array (s,)
    effects : array (s, k)

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Draws(mean=np.zeros(2), tau=np.ones(2), effects=np.zeros((2, 3))).effects.shape
    (2, 3)
    """

    mean: FloatArray
    tau: FloatArray
    effects: FloatArray


def draw_posterior(posterior: NormalNormalPosterior, draws: int, rng: np.random.Generator) -> Draws:
    """Independent draws from the joint posterior, without Markov chains.

    Parameters
    ----------
    posterior : NormalNormalPosterior
    draws : int
    rng : numpy Generator

    Returns
    -------
    Draws

    Raises
    ------
    ValueError
        If ``draws`` is negative.

    Notes
    -----
    ``τ`` by inversion of its distribution function, then ``μ`` given ``τ``, then ``θ`` given both: in the directions of the
    eigenvectors its components are independent.

    Examples
    --------
    >>> posterior = normal_normal(np.array([1.0, 3.0, 5.0]), np.eye(3), EffectPrior(effect_sd=1.0))
    >>> draw_posterior(posterior, 4000, np.random.default_rng(1)).effects.mean(axis=0).round(1).tolist()
    [2.0, 3.0, 3.9]
    """
    spectrum, observed = posterior.spectrum, posterior.observed
    tau = posterior.tau.quantile(rng.random(draws))
    given = condition(spectrum, posterior.prior.mean_precision, tau)
    mean = given.mean + rng.standard_normal(draws) / np.sqrt(given.precision)
    square = tau[:, None] ** 2
    total = spectrum.variances + square
    centre = (square * spectrum.data + spectrum.variances * mean[:, None] * spectrum.ones) / total
    noise = rng.standard_normal((draws, len(spectrum.data)))
    effects = mean[:, None] + tau[:, None] * rng.standard_normal((draws, len(observed)))
    effects[:, observed] = (centre + np.sqrt(spectrum.variances * square / total) * noise) @ spectrum.rotation.T
    return Draws(mean=mean, tau=tau, effects=effects)
