"""How much of an outcome before joining is stable, and what matching on it does to a difference-in-differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_GRID = np.linspace(0.0, 0.95, 96)


@dataclass(frozen=True, slots=True)
class Stability:
    """Permanent and transitory part of an outcome: variance ``permanent``, and ``transitory · persistence^k`` at lag k.

    Parameters
    ----------
    permanent, transitory : float
        Variance between units of what does not change, and of what does.
    persistence : float
        Autocorrelation of the transitory part from one period to the next.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Stability(permanent=1.0, transitory=1.0, persistence=0.0).reliability(3)
    0.75
    """

    permanent: float
    transitory: float
    persistence: float

    def reliability(self, periods: int = 1) -> float:
        """Share of the variance of a mean of so many successive periods that is permanent.

        Without persistence it is ``r = T v / (T v + σ²)`` of Ham & Miratrix (2024).
        """
        lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
        noise = self.transitory * float((self.persistence**lag).mean())
        total = self.permanent + noise
        return self.permanent / total if total > 0 else float("nan")


def stability(covariance: FloatArray) -> Stability:
    """Split the covariance of an outcome over successive periods into a permanent and an autoregressive part.

    Parameters
    ----------
    covariance : array (K, K)
        Of successive periods, within what else is held equal.

    Returns
    -------
    Stability
        Least squares on the mean autocovariances, weighted by the pairs of periods behind each. Two periods do not
        identify persistence: it is taken to be zero then, as in Ham & Miratrix.

    Raises
    ------
    ValueError
        If there are fewer than two periods.

    Notes
    -----
    ``Y_it = θ_i + u_it`` with ``u`` an AR(1). Ham & Miratrix have white noise for ``u``; accounts of firms do not.

    References
    ----------
    Ham & Miratrix (2024), arXiv 2205.08644v5, section 3.2; MaCurdy (1982), *Journal of Econometrics* 18(1), on
    autocovariances of earnings.

    Examples
    --------
    >>> lag = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    >>> found = stability(1.0 + 0.5 * 0.7**lag)
    >>> round(found.permanent, 3), round(found.transitory, 3), round(found.persistence, 3)
    (1.0, 0.5, 0.7)
    """
    periods = len(covariance)
    if periods < 2:
        raise ValueError("stability of an outcome needs at least two periods")
    lags = np.arange(periods)
    mean = np.array([np.diagonal(covariance, lag).mean() for lag in lags])
    weight = np.sqrt(periods - lags)
    grid = _GRID if periods > 2 else np.zeros(1)
    best = min((_fit(mean, weight, rho) for rho in grid), key=lambda found: found[0])
    if periods > 2:
        near = np.clip(np.linspace(best[1].persistence - 0.01, best[1].persistence + 0.01, 41), 0.0, 0.99)
        best = min((_fit(mean, weight, rho) for rho in near), key=lambda found: found[0])
    return best[1]


def _fit(mean: FloatArray, weight: FloatArray, persistence: float) -> tuple[float, Stability]:
    """Non-negative variances that fit the autocovariances best at a persistence, and how well."""
    shape = np.column_stack([np.ones(len(mean)), persistence ** np.arange(len(mean))])
    found = np.linalg.lstsq(shape * weight[:, None], mean * weight, rcond=None)[0]
    if found.min() < 0:
        options = [np.array([mean[0], 0.0]), np.array([0.0, mean[0]])]
        for column in range(2):
            part = shape[:, column] * weight
            options[column] = np.eye(2)[column] * max(0.0, float(part @ (mean * weight) / (part @ part)))
        found = min(options, key=lambda one: float((((mean - shape @ one) * weight) ** 2).sum()))
    loss = float((((mean - shape @ found) * weight) ** 2).sum())
    return loss, Stability(float(found[0]), float(found[1]), float(persistence))


@dataclass(frozen=True, slots=True)
class Guideline:
    """Whether to match on the outcome before treatment besides covariates, by the rule of Ham & Miratrix.

    Parameters
    ----------
    reliability : float
        Of the mean of all periods before treatment, with white noise.
    slope_before, slope_after : float
        Effect of the hidden confounder, of standard deviation one, on the outcome before and after treatment.
    imbalance : float
        Difference of treated and controls in it.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Guideline(reliability=0.9, slope_before=0.5, slope_after=1.5, imbalance=1.0).match
    True
    """

    reliability: float
    slope_before: float
    slope_after: float
    imbalance: float

    @property
    def bias_without(self) -> float:
        """Bias with matching on covariates alone: the confounder's slope changes and parallel trends do not hold."""
        return (self.slope_after - self.slope_before) * self.imbalance

    @property
    def bias_with(self) -> float:
        """Bias with matching on the outcomes too: what is left of the confounder, and no second difference."""
        return self.slope_after * self.imbalance * (1.0 - self.reliability)

    @property
    def match(self) -> bool:
        """Whether matching on the outcomes has the smaller bias: ``r ≥ 1 − |1 − slope_before / slope_after|``."""
        return self.reliability >= 1.0 - abs(1.0 - self.slope_before / self.slope_after)


def guideline(before: FloatArray, cross: FloatArray, gap: float) -> Guideline:
    """Rule of Ham & Miratrix from the covariances of the controls' outcomes, given covariates.

    Parameters
    ----------
    before : array (T, T)
        Covariance of the T ≥ 2 periods before treatment, the last one last.
    cross : array (T,)
        Covariance of each of them with the outcome after treatment.
    gap : float
        Difference of treated and controls in the last period before treatment, given covariates.

    Returns
    -------
    Guideline

    Raises
    ------
    ValueError
        If there are fewer than two periods.

    Notes
    -----
    ``Y_t = β_t θ + ε_t`` with white noise of the same variance ``σ²`` in all periods and the same slope ``β₀`` before
    treatment. With the mean ``Ȳ`` of the first ``T − 1`` periods, ``σ² = Var(Y_T − Ȳ) / (1 + 1/(T − 1))``, ``β₀² =
    Var(Y_T) − σ²``, ``β₁ = Cov(Y_T, Y_after) / β₀``, and ``r = T β₀² / (T β₀² + σ²)``.

    References
    ----------
    Ham & Miratrix (2024), arXiv 2205.08644v5, table 1 and section 5 (the guideline's steps 1 and 2).

    Examples
    --------
    >>> found = guideline(np.full((3, 3), 0.25) + 0.64 * np.eye(3), np.full(3, 0.75), 0.45)
    >>> [round(value, 3) for value in (found.slope_before, found.slope_after, found.reliability, found.imbalance)]
    [0.5, 1.5, 0.54, 0.9]
    """
    periods = len(before)
    if periods < 2:
        raise ValueError("the rule needs at least two periods before treatment")
    contrast = np.append(np.full(periods - 1, -1.0 / (periods - 1)), 1.0)
    noise = float(contrast @ before @ contrast) / (1.0 + 1.0 / (periods - 1))
    own = max(float(before[-1, -1]) - noise, 0.0)
    slope = np.sqrt(own)
    with np.errstate(divide="ignore", invalid="ignore"):
        after, imbalance = np.float64(cross[-1]) / slope, np.float64(gap) / slope
    return Guideline(periods * own / (periods * own + noise), float(slope), float(after), float(imbalance))
