"""Conjugate mixture priors: update by data, a robust component, and the number of observations they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.special import betaln

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.engine import PriorMixture

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = legendre.leggauss(16)
_LADDER = np.linspace(-10.0, 10.0, 41)
_SCORES = np.linspace(-8.0, 8.0, 4001)


@dataclass(frozen=True, slots=True, eq=False)
class BetaMixture:
    """Mixture of beta distributions of a share.

    Parameters
    ----------
    weight, a, b : array, shape (components,)
        Weights that sum to one, and the two parameters.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> BetaMixture(np.array([0.5, 0.5]), np.array([1.0, 2.0]), np.array([1.0, 1.0])).mean()
    0.5833333333333333
    """

    weight: FloatArray
    a: FloatArray
    b: FloatArray

    def mean(self) -> float:
        """Mean of the mixture."""
        return float(self.weight @ (self.a / (self.a + self.b)))

    def sd(self) -> float:
        """Standard deviation of the mixture."""
        size = self.a + self.b
        square = self.weight @ (self.a * (self.a + 1) / (size * (size + 1)))
        return float(np.sqrt(square - self.mean() ** 2))


def update_beta(prior: BetaMixture, successes: int, trials: int) -> BetaMixture:
    """Posterior of a share after a number of successes.

    Parameters
    ----------
    prior : BetaMixture
    successes, trials : int

    Returns
    -------
    BetaMixture
        Each component's weight is multiplied by its marginal likelihood, so that a component in conflict with the data
        loses its say (Schmidli et al. 2014, *Biometrics* 70(4)).

    Raises
    ------
    OptionError
        If there are more successes than trials, or fewer than none.

    Examples
    --------
    >>> prior = BetaMixture(np.array([0.8, 0.2]), np.array([25.0, 1.0]), np.array([75.0, 1.0]))
    >>> update_beta(prior, 9, 10).weight.round(3).tolist()
    [0.003, 0.997]
    """
    if not 0 <= successes <= trials:
        expected = "0 ≤ successes ≤ trials"
        raise OptionError(_wrong(f"{successes} successes in {trials} trials", expected))
    a, b = prior.a + successes, prior.b + trials - successes
    return BetaMixture(_reweighted(prior.weight, betaln(a, b) - betaln(prior.a, prior.b)), a, b)


def update_normal(prior: PriorMixture, value: float, std_error: float) -> PriorMixture:
    """Posterior of a mean after a normal estimate.

    Parameters
    ----------
    prior : PriorMixture
    value, std_error : float

    Returns
    -------
    PriorMixture
        In the order of the prior's components, weights multiplied by marginal likelihoods.

    Raises
    ------
    OptionError
        If the standard error is not positive.

    Examples
    --------
    >>> prior = PriorMixture(np.array([0.8, 0.2]), np.array([0.1, 1.0]))
    >>> update_normal(prior, 1.0, 0.2).weight.round(3).tolist()
    [0.001, 0.999]
    """
    if not std_error > 0:
        raise OptionError(_wrong(f"standard error {std_error}", "a number above 0"))
    total = prior.sd**2 + std_error**2
    log_marginal = -0.5 * (np.log(total) + (value - prior.mean) ** 2 / total)
    mean = (prior.mean * std_error**2 + value * prior.sd**2) / total
    return PriorMixture(_reweighted(prior.weight, log_marginal), prior.sd * std_error / np.sqrt(total), mean)


def robust_normal(prior: PriorMixture, weight: float, vague: PriorMixture) -> PriorMixture:
    """Mixture of an informative prior and a vague one, which comes last.

    Parameters
    ----------
    prior, vague : PriorMixture
    weight : float
        Of the vague prior.

    Returns
    -------
    PriorMixture

    Raises
    ------
    OptionError
        If the weight lies outside [0, 1].

    Examples
    --------
    >>> one, other = (PriorMixture(np.ones(1), np.array([sd])) for sd in (0.1, 1.0))
    >>> robust_normal(one, 0.2, other).weight.tolist()
    [0.8, 0.2]
    """
    if not 0 <= weight <= 1:
        raise OptionError(_wrong(f"weight {weight}", "a number from 0 to 1"))
    return PriorMixture(
        np.concatenate([(1 - weight) * prior.weight, weight * vague.weight]),
        np.concatenate([prior.sd, vague.sd]),
        np.concatenate([prior.mean, vague.mean]),
    )


def normal_sample_size(prior: PriorMixture, unit_sd: float) -> tuple[float, float]:
    """Number of observations that a normal mixture is worth.

    Parameters
    ----------
    prior : PriorMixture
    unit_sd : float
        Standard deviation of one observation.

    Returns
    -------
    elir, moment : float
        Expected local information ratio, and by matching the variance.

    Raises
    ------
    OptionError
        If the standard deviation of an observation is not positive.

    Notes
    -----
    ELIR is the mean of i_p(θ)/i_F(θ) over the prior p, with i_p = −(log p)'' and the Fisher information i_F of one
    observation (Neuenschwander et al. 2020, *Biometrics* 76(2)); for a normal mixture the mean of i_p is
    that of ((log p)')². It alone is predictively consistent. By moments: the size of the conjugate prior of the same
    mean and variance, which is smaller for a mixture with a wide part.

    Examples
    --------
    >>> elir, moment = normal_sample_size(PriorMixture(np.array([0.8, 0.2]), np.array([0.2, 2.0])), unit_sd=2.0)
    >>> round(elir, 1), round(moment, 1)
    (68.9, 4.8)
    """
    if not unit_sd > 0:
        raise OptionError(_wrong(f"standard deviation {unit_sd} of one observation", "a number above 0"))
    breaks = np.unique(prior.mean[:, None] + prior.sd[:, None] * _LADDER)
    half = np.diff(breaks)[:, None] / 2
    theta = ((breaks[:-1, None] + half) + half * _NODES).ravel()
    score = (theta - prior.mean[:, None]) / prior.sd[:, None]
    part = prior.weight[:, None] * np.exp(-0.5 * score**2) / (prior.sd[:, None] * np.sqrt(2 * np.pi))
    density, slope = part.sum(axis=0), (part * -score / prior.sd[:, None]).sum(axis=0)
    information = np.divide(slope**2, density, out=np.zeros_like(density), where=density > 0)
    mean = prior.weight @ prior.mean
    variance = prior.weight @ (prior.sd**2 + (prior.mean - mean) ** 2)
    return float((half * _WEIGHTS).ravel() @ information) * unit_sd**2, float(unit_sd**2 / variance)


def beta_sample_size(prior: BetaMixture) -> tuple[float, float]:
    """Number of observations that a beta mixture is worth.

    Parameters
    ----------
    prior : BetaMixture

    Returns
    -------
    elir, moment : float
        Expected local information ratio (Neuenschwander et al. 2020, *Biometrics* 76(2)), and by matching mean and variance.

    Raises
    ------
    OptionError
        If a parameter is below 1: the expected local information ratio is then infinite or negative.

    Notes
    -----
    With x = 1/(1 + exp(−sinh u)) the integral over the share is a trapezoidal sum in u. Both ends vanish doubly
    exponentially.

    Examples
    --------
    >>> [round(size, 6) for size in beta_sample_size(BetaMixture(np.ones(1), np.array([10.0]), np.array([30.0])))]
    [40.0, 40.0]
    """
    if min(prior.a.min(), prior.b.min()) < 1:
        raise OptionError(_wrong("a beta component with a parameter below 1", "parameters of at least 1"))
    logit = np.sinh(_SCORES)
    log_x, log_rest = -np.logaddexp(0.0, -logit), -np.logaddexp(0.0, logit)
    x, rest = np.exp(log_x), np.exp(log_rest)
    a, b = prior.a[:, None] - 1, prior.b[:, None] - 1
    log_part = np.log(prior.weight)[:, None] + a * log_x + b * log_rest - betaln(prior.a, prior.b)[:, None]
    density = np.exp(np.logaddexp.reduce(log_part, axis=0))
    share = np.exp(log_part - np.logaddexp.reduce(log_part, axis=0))
    slope = a * rest - b * x
    curve = slope**2 - a * rest**2 - b * x**2
    information = (share * slope).sum(axis=0) ** 2 - (share * curve).sum(axis=0)
    step = (_SCORES[1] - _SCORES[0]) * np.cosh(_SCORES)
    mean = prior.mean()
    return float((density * information) @ step), mean * (1 - mean) / prior.sd() ** 2 - 1


def _reweighted(weight: FloatArray, log_marginal: FloatArray) -> FloatArray:
    scaled = weight * np.exp(log_marginal - log_marginal.max())
    return np.asarray(scaled / scaled.sum())


def _wrong(what: str, expected: str) -> Problem:
    return Problem(what=what, where="mixture prior", expected=expected, remedy="correct it")
