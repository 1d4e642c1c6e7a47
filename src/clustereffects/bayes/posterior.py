"""One view of a posterior, whether it was integrated or sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clustereffects.bayes.mixtures import NormalMixture
from clustereffects.bayes.normal_normal import (
    Draws,
    NormalNormalPosterior,
    draw_posterior,
    normal_normal,
    typical_variance,
)
from clustereffects.bayes.prior import EffectPrior

FloatArray = NDArray[np.float64]
Quantity = Literal["mean", "new organisation", "tau", "i_squared"]


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """Posterior of one number.

    Parameters
    ----------
    mean, sd : float
    quantile : callable
        From a probability to the quantile.
    above : callable
        From a number to the probability of exceeding it.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Marginal(0.5, 0.2887, lambda p: p, lambda x: 1 - x).quantile(0.1)
    0.1
    """

    mean: float
    sd: float
    quantile: Callable[[float], float]
    above: Callable[[float], float]


class Posterior(Protocol):
    """What tables need to know of a posterior.

    Raises
    ------
    TypeError
        If a class that lacks a part is used as one.

    Examples
    --------
    >>> isinstance(Posterior, type)
    True
    """

    @property
    def draws(self) -> Draws:
        """Draws of the joint posterior."""
        ...

    def mean(self) -> FloatArray:
        """Posterior mean of each organisation's effect."""
        ...

    def cov(self) -> FloatArray:
        """Posterior covariance of the organisations' effects."""
        ...

    def quantile(self, p: float) -> FloatArray:
        """Posterior quantile of each organisation's effect."""
        ...

    def above(self, x: float) -> FloatArray:
        """Posterior probability that each organisation's effect exceeds ``x``."""
        ...

    def mean_weight(self) -> FloatArray:
        """Weight of the common mean in each organisation's posterior mean."""
        ...

    def marginal(self, quantity: Quantity) -> Marginal:
        """Posterior of the mean, of the effect in a new organisation, or of the heterogeneity."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ExactPosterior:
    """Posterior by quadrature; draws serve only what concerns several organisations at once.

    Parameters
    ----------
    exact : NormalNormalPosterior
    draws : Draws

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> fitted = exact_posterior(np.array([1.0, 3.0, 5.0]), np.eye(3), EffectPrior(effect_sd=1.0), draws=100, seed=1)
    >>> round(fitted.marginal("tau").mean, 4)
    1.0882
    """

    exact: NormalNormalPosterior
    draws: Draws

    def mean(self) -> FloatArray:
        """Posterior mean of each organisation's effect."""
        return self.exact.effects.mean()

    def cov(self) -> FloatArray:
        """Posterior covariance of the organisations' effects."""
        return self.exact.cov()

    def quantile(self, p: float) -> FloatArray:
        """Posterior quantile of each organisation's effect."""
        return self.exact.effects.quantile(p)

    def above(self, x: float) -> FloatArray:
        """Posterior probability that each organisation's effect exceeds ``x``."""
        return np.asarray(1.0 - self.exact.effects.cdf(x), dtype=np.float64)

    def mean_weight(self) -> FloatArray:
        """Weight of the common mean in each organisation's posterior mean."""
        return np.asarray(self.exact.tau.weights @ self.exact.mean_weight, dtype=np.float64)

    def marginal(self, quantity: Quantity) -> Marginal:
        """Posterior of the mean, of the effect in a new organisation, or of the heterogeneity."""
        if quantity in {"mean", "new organisation"}:
            return mixture_marginal(self.exact.programme, 0 if quantity == "mean" else 1)
        typical = typical_variance(self.exact.spectrum) if quantity == "i_squared" else None
        return _tau_marginal(self.exact, typical)


def exact_posterior(
    estimate: FloatArray, cov: FloatArray, prior: EffectPrior, *, draws: int, seed: int
) -> ExactPosterior:
    """Posterior by quadrature, with independent draws.

    Parameters
    ----------
    estimate : array (k,)
        NaN for organisations without an estimate.
    cov : array (k, k)
    prior : EffectPrior
    draws, seed : int

    Returns
    -------
    ExactPosterior

    Raises
    ------
    EstimationError
        If the posterior cannot be integrated.

    Examples
    --------
    >>> fitted = exact_posterior(np.array([1.0, 3.0, 5.0]), np.eye(3), EffectPrior(effect_sd=1.0), draws=100, seed=1)
    >>> fitted.above(0.0).round(3).tolist()
    [0.98, 1.0, 1.0]
    """
    exact = normal_normal(estimate, cov, prior)
    return ExactPosterior(exact, draw_posterior(exact, draws, np.random.default_rng(seed)))


def mixture_marginal(mixture: NormalMixture, column: int) -> Marginal:
    """One column of a mixture as a marginal.

    Parameters
    ----------
    mixture : NormalMixture
    column : int

    Returns
    -------
    Marginal

    Raises
    ------
    IndexError
        If there is no such column.

    Examples
    --------
    >>> mixture = NormalMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1)))
    >>> round(mixture_marginal(mixture, 0).above(1.0), 6)
    0.158655
    """
    one = NormalMixture(mixture.weights, mixture.means[:, [column]], mixture.sds[:, [column]])
    return Marginal(
        float(one.mean()[0]),
        float(one.sd()[0]),
        lambda p: float(one.quantile(p)[0]),
        lambda x: float(1.0 - one.cdf(x)[0]),
    )


def _tau_marginal(exact: NormalNormalPosterior, typical: float | None) -> Marginal:
    """Posterior of ``τ``, or of ``I² = τ²/(τ² + typical error variance)``, which grows with it."""
    tau = exact.tau

    def transform(value: FloatArray) -> FloatArray:
        return value if typical is None else value**2 / (value**2 + typical)

    def back(x: float) -> float:
        if typical is None or x <= 0:
            return max(x, 0.0)
        return float(np.sqrt(typical * x / (1.0 - x))) if x < 1 else np.inf

    values = transform(tau.nodes)
    mean = tau.mean(values)
    return Marginal(
        mean,
        float(np.sqrt(tau.mean((values - mean) ** 2))),
        lambda p: float(transform(tau.quantile(np.array([p])))[0]),
        lambda x: float(1.0 - tau.cdf(np.array([back(x)]))[0]),
    )
