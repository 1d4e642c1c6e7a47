"""Posterior from Markov chains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.bayes.conditional import spectrum_of
from clustereffects.bayes.mixtures import NormalMixture
from clustereffects.bayes.model import PoolingModel
from clustereffects.bayes.normal_normal import Draws, typical_variance
from clustereffects.bayes.posterior import Marginal, Quantity, mixture_marginal

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledPosterior:
    """Posterior from Markov chains.

    Parameters
    ----------
    draws : Draws
        Chain after chain.
    chains : int
    weight : array (k,)
        Weight of the common mean in each organisation's effect.
    typical : float
        Typical error variance of an estimate, for ``i_squared``.
    divergences : int

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> draws = Draws(mean=rng.normal(size=200), tau=np.ones(200), effects=rng.normal(size=(200, 3)))
    >>> fitted = SampledPosterior(draws=draws, chains=2, weight=np.full(3, 0.5), typical=1.0, divergences=0)
    >>> fitted.marginal("i_squared").mean, fitted.parameters()["effect"].shape
    (0.5, (2, 100, 3))
    """

    draws: Draws
    chains: int
    weight: FloatArray
    typical: float
    divergences: int

    def mean(self) -> FloatArray:
        """Posterior mean of each organisation's effect."""
        return np.asarray(self.draws.effects.mean(axis=0), dtype=np.float64)

    def cov(self) -> FloatArray:
        """Posterior covariance of the organisations' effects."""
        return np.asarray(np.cov(self.draws.effects, rowvar=False), dtype=np.float64)

    def quantile(self, p: float) -> FloatArray:
        """Posterior quantile of each organisation's effect."""
        return np.asarray(np.quantile(self.draws.effects, p, axis=0), dtype=np.float64)

    def above(self, x: float) -> FloatArray:
        """Posterior probability that each organisation's effect exceeds ``x``."""
        return np.asarray((self.draws.effects > x).mean(axis=0), dtype=np.float64)

    def mean_weight(self) -> FloatArray:
        """Weight of the common mean in each organisation's posterior mean."""
        return self.weight.copy()

    def marginal(self, quantity: Quantity) -> Marginal:
        """Posterior of the mean, of the effect in a new organisation, or of the heterogeneity.

        The effect in a new organisation is the mixture of ``N(μ, τ²)`` over the draws.
        """
        mean, tau = self.draws.mean, self.draws.tau
        if quantity == "new organisation":
            weights = np.full(len(mean), 1.0 / len(mean))
            return mixture_marginal(NormalMixture(weights, mean[:, None], tau[:, None]), 0)
        values = {"mean": mean, "tau": tau, "i_squared": tau**2 / (tau**2 + self.typical)}[quantity]
        return Marginal(
            float(values.mean()),
            float(values.std(ddof=1)),
            lambda p: float(np.quantile(values, p)),
            lambda x: float((values > x).mean()),
        )

    def parameters(self) -> Mapping[str, FloatArray]:
        """Draws by chain."""
        return by_chain(self.draws, self.chains)


def by_chain(draws: Draws, chains: int) -> dict[str, FloatArray]:
    """Draws with the chain as first and the draw as second dimension.

    Parameters
    ----------
    draws : Draws
    chains : int
        Divides the number of draws, or the rest is left out.

    Returns
    -------
    dict of str to array
        ``mean``, ``tau`` (c, d) and ``effect`` (c, d, k).

    Raises
    ------
    ZeroDivisionError
        If ``chains`` is zero.

    Examples
    --------
    >>> draws = Draws(mean=np.arange(4.0), tau=np.ones(4), effects=np.zeros((4, 3)))
    >>> by_chain(draws, 2)["mean"].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    length = len(draws.mean) // chains
    keep = slice(0, length * chains)
    return {
        "mean": draws.mean[keep].reshape(chains, length),
        "tau": draws.tau[keep].reshape(chains, length),
        "effect": draws.effects[keep].reshape(chains, length, -1),
    }


def sampled_posterior(estimate: FloatArray, cov: FloatArray, model: PoolingModel, seed: int) -> SampledPosterior:
    """Posterior from Markov chains.

    Parameters
    ----------
    estimate : array (k,)
        NaN for organisations without an estimate: they get draws from the predictive distribution.
    cov : array (k, k)
    model : PoolingModel
        With a sampler.
    seed : int

    Returns
    -------
    SampledPosterior

    Raises
    ------
    ValueError
        If the model has no sampler.

    Notes
    -----
    Student t likelihood: ``y = θ + G^(−1/2) e`` with ``e ~ N(0, V)`` and independent ``g_k ~ Gamma(ν/2, ν/2)``, so that each
    estimate is ``t_ν(θ_k, V_kk)`` and errors stay correlated. It says that standard errors are themselves uncertain: an
    estimate far from the others is discounted instead of pulling the mean. In the model, residuals are
    rotated and scaled to independence by element-wise sums instead of a matrix product.

    Examples
    --------
    >>> from clustereffects.bayes.prior import EffectPrior
    >>> sampled_posterior(np.zeros(3), np.eye(3), PoolingModel(prior=EffectPrior(effect_sd=1.0), provisional=False), 1)
    Traceback (most recent call last):
    ...
    ValueError: the model has no sampler
    """
    from clustereffects.bayes import _compat

    if model.sampler is None:
        raise ValueError("the model has no sampler")
    observed = np.isfinite(estimate)
    matrix = cov[np.ix_(observed, observed)]
    chains = _compat.sample(estimate[observed], matrix, model, model.sampler, seed)
    mean, tau = chains.mean.ravel(), chains.tau.ravel()
    rng = np.random.default_rng(seed)
    effects = mean[:, None] + tau[:, None] * rng.standard_normal((len(mean), len(observed)))
    effects[:, observed] = chains.effects.reshape(len(mean), -1)
    weight = np.ones(len(observed))
    weight[observed] = _weights(matrix, tau, chains.precision.reshape(len(mean), -1))
    return SampledPosterior(
        draws=Draws(mean=mean, tau=tau, effects=effects),
        chains=model.sampler.chains,
        weight=weight,
        typical=typical_variance(spectrum_of(estimate[observed], matrix)),
        divergences=chains.divergences,
    )


def _weights(cov: FloatArray, tau: FloatArray, precision: FloatArray) -> FloatArray:
    """Mean over draws of ``1 − τ²(G^(−1/2) V G^(−1/2) + τ²I)⁻¹1``."""
    ones, identity = np.ones(len(cov)), np.eye(len(cov))
    total = np.zeros(len(cov))
    for t, g in zip(tau, precision, strict=True):
        inflated = cov / np.sqrt(np.outer(g, g))
        total += ones - t**2 * np.linalg.solve(inflated + t**2 * identity, ones)
    return total / len(tau)
