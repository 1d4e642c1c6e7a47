"""Meta-analytic-predictive prior of a share, from shares observed elsewhere, by quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import hermite_e
from numpy.typing import NDArray
from scipy.special import expit, logsumexp, ndtr

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.engine import PriorMixture

FloatArray = NDArray[np.float64]

_SCORES = np.linspace(-3.0, 1.6, 93)
_MEAN_REACH, _EFFECT_REACH, _MEAN_NODES = 8.0, 8.5, 65
_NOTHING, _LARGEST_LOGIT = 1e-12, 40.0
_HERMITE, _HERMITE_WEIGHT = hermite_e.hermegauss(64)
_HERMITE_WEIGHT = _HERMITE_WEIGHT / _HERMITE_WEIGHT.sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BinomialMAP:
    """Meta-analytic-predictive distribution of a share in a new place.

    Parameters
    ----------
    tau, tau_weight : array, shape (t,)
        Nodes and weights of the posterior of the standard deviation between places, in logits.
    logit : PriorMixture
        Logit of the share in a new place.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> found = binomial_map(np.array([23, 12, 19]), np.array([107, 44, 51]), mean_sd=2.0, heterogeneity_sd=1.0)
    >>> found.tau.size == found.tau_weight.size
    True
    """

    tau: FloatArray
    tau_weight: FloatArray
    logit: PriorMixture

    def mean(self) -> float:
        """Mean share."""
        return self._moment(1)

    def sd(self) -> float:
        """Standard deviation of the share."""
        return float(np.sqrt(self._moment(2) - self._moment(1) ** 2))

    def quantile(self, level: float) -> float:
        """Quantile of the share, by bisection of the distribution function of its logit."""
        low, high = -_LARGEST_LOGIT, _LARGEST_LOGIT
        for _ in range(60):
            middle = (low + high) / 2
            below = self.logit.weight @ ndtr((middle - self.logit.mean) / self.logit.sd) < level
            low, high = (middle, high) if below else (low, middle)
        return float(expit((low + high) / 2))

    def _moment(self, order: int) -> float:
        share = expit(self.logit.mean[:, None] + self.logit.sd[:, None] * _HERMITE) ** order
        return float(self.logit.weight @ (share @ _HERMITE_WEIGHT))


def binomial_map(
    successes: NDArray[np.int_], trials: NDArray[np.int_], *, mean_sd: float, heterogeneity_sd: float
) -> BinomialMAP:
    r"""Predictive distribution of a share in a new place from the shares observed in others.

    Parameters
    ----------
    successes, trials : array of int, shape (k,)
    mean_sd : float
        Standard deviation of the normal prior of the mean logit around zero.
    heterogeneity_sd : float
        Scale of the half-normal prior of the standard deviation between places.

    Returns
    -------
    BinomialMAP

    Raises
    ------
    OptionError
        If there are more successes than trials, or a prior is not proper.

    Notes
    -----
    :math:`r_j \sim \text{Bin}(n_j, \text{expit}(\theta_j))`, :math:`\theta_j \sim N(\mu, \tau^2)` (Neuenschwander et al. 2010,
    *Clinical Trials* 7(1)); the prior of a share in a new place is the distribution of :math:`\text{expit}(\theta_*)`.
    All three integrals by the trapezoidal rule, which converges exponentially for these smooth integrands, with steps
    below the width of the sharpest likelihood; no random numbers.

    Examples
    --------
    The eight placebo arms of Baeten et al. (2013):

    >>> r, n = np.array([23, 12, 19, 9, 39, 6, 9, 10]), np.array([107, 44, 51, 39, 139, 20, 78, 35])
    >>> found = binomial_map(r, n, mean_sd=2.0, heterogeneity_sd=1.0)
    >>> round(found.mean(), 3), round(found.quantile(0.025), 3), round(found.quantile(0.975), 3)
    (0.258, 0.111, 0.471)
    """
    _check(successes, trials, (mean_sd, heterogeneity_sd))
    tau = heterogeneity_sd * np.exp(0.5 * np.pi * np.sinh(_SCORES))
    prior = -0.5 * (tau / heterogeneity_sd) ** 2 + np.log(tau * np.cosh(_SCORES))
    rows = [_given_tau(successes, trials, mean_sd, float(one)) for one in tau]
    log_joint = prior[:, None] + np.stack([row[1] for row in rows])
    weight = np.exp(log_joint - log_joint.max())
    weight /= weight.sum()
    place, column = np.nonzero(weight > _NOTHING)
    used = weight[place, column]
    mu = np.stack([row[0] for row in rows])[place, column]
    return BinomialMAP(tau=tau, tau_weight=weight.sum(axis=1), logit=PriorMixture(used / used.sum(), tau[place], mu))


def _given_tau(
    successes: NDArray[np.int_], trials: NDArray[np.int_], mean_sd: float, tau: float
) -> tuple[FloatArray, FloatArray]:
    """Nodes of the mean logit, and log of prior × marginal likelihood × step at each."""
    share = (successes + 0.5) / (trials + 1)
    variance = 1 / (trials * share * (1 - share)) + tau**2
    precision = (1 / variance).sum() + mean_sd**-2.0
    centre = (np.log(share / (1 - share)) / variance).sum() / precision
    mu = centre + precision**-0.5 * np.linspace(-_MEAN_REACH, _MEAN_REACH, _MEAN_NODES)
    step = min(0.5, 1.6 / (tau * np.sqrt(trials.max())))
    half = int(np.ceil(_EFFECT_REACH / step))
    score = step * np.arange(-half, half + 1)
    log_score = -0.5 * score**2
    theta = mu[:, None] + tau * score
    softplus = np.logaddexp(0.0, theta)
    log_marginal = sum(
        (logsumexp(r * theta - n * softplus + log_score, axis=1) for r, n in zip(successes, trials, strict=True)),
        start=np.zeros(mu.size),
    )
    log_marginal -= trials.size * logsumexp(log_score)
    return mu, log_marginal - 0.5 * (mu / mean_sd) ** 2 - 0.5 * np.log(precision)


def _check(successes: NDArray[np.int_], trials: NDArray[np.int_], scales: tuple[float, float]) -> None:
    problems = []
    if ((successes < 0) | (successes > trials) | (trials < 1)).any():
        problems.append(_wrong("successes outside their trials", "0 ≤ successes ≤ trials, at least one trial"))
    if not all(np.isfinite(one) and one > 0 for one in scales):
        problems.append(_wrong(f"prior scales {scales}", "finite numbers above 0"))
    if problems:
        raise OptionError(problems)


def _wrong(what: str, expected: str) -> Problem:
    return Problem(what=what, where="meta-analytic-predictive prior", expected=expected, remedy="correct it")
