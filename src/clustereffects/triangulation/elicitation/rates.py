"""How often a sign is seen where it means nothing, and how far estimates are off where the truth is zero: arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from clustereffects.bayes.conditional import condition, spectrum_of
from clustereffects.bayes.heterogeneity import integrate_positive
from clustereffects.errors import OptionError, Problem

FloatArray = npt.NDArray[np.float64]


def rate_interval(
    seen: npt.ArrayLike,
    asked: npt.ArrayLike,
    *,
    level: float = 0.95,
    method: Literal["jeffreys", "exact"] = "jeffreys",
) -> FloatArray:
    """Share with an interval, from counts.

    Parameters
    ----------
    seen, asked : array_like, shape (n,)
        How often the sign was seen, and among how many.
    level : float
    method : {"jeffreys", "exact"}
        Equal tails of the beta posterior under Jeffreys' prior, or Clopper & Pearson (1934, *Biometrika* 26), which holds its
        level in every sample and is wider.

    Returns
    -------
    array, shape (n, 3)
        Share, lower and upper end. The share is seen/asked, NaN where nobody was asked (the interval is then 0–1).

    Raises
    ------
    OptionError
        If a count is impossible, the level lies outside (0, 1) or the method is unknown.

    Notes
    -----
    Jeffreys: quantiles of Beta(x + ½, n − x + ½), with 0 as lower end if x = 0 and 1 as upper end if x = n (Brown, Cai &
    DasGupta 2001, *Statistical Science* 16(2), section 4.1.2).

    Examples
    --------
    >>> rate_interval([2], [20]).round(3).tolist(), rate_interval([2], [20], method="exact").round(3).tolist()
    ([[0.1, 0.021, 0.284]], [[0.1, 0.012, 0.317]])
    """
    x, n = np.atleast_1d(np.asarray(seen, dtype=np.float64)), np.atleast_1d(np.asarray(asked, dtype=np.float64))
    _check_counts(x, n, level, method)
    tail = (1 - level) / 2
    if method == "jeffreys":
        low, high = betaincinv(x + 0.5, n - x + 0.5, tail), betaincinv(x + 0.5, n - x + 0.5, 1 - tail)
    else:
        low, high = betaincinv(np.maximum(x, 1), n - x + 1, tail), betaincinv(x + 1, np.maximum(n - x, 1), 1 - tail)
    share = np.divide(x, n, out=np.full(x.shape, np.nan), where=n > 0)
    return np.stack([share, np.where(x > 0, low, 0.0), np.where(x < n, high, 1.0)], axis=1)


def _check_counts(x: FloatArray, n: FloatArray, level: float, method: str) -> None:
    problems = []
    if x.shape != n.shape or not ((x >= 0) & (x <= n)).all():
        problems.append(_wrong("impossible counts", "0 ≤ seen ≤ asked, one pair for each test"))
    if not 0 < level < 1:
        problems.append(_wrong(f"level {level}", "a level between 0 and 1"))
    if method not in {"jeffreys", "exact"}:
        problems.append(_wrong(f"method {method!r}", "jeffreys or exact"))
    if problems:
        raise OptionError(problems)


def without_report_error(rate: npt.ArrayLike, unreliability: npt.ArrayLike, noise: npt.ArrayLike) -> FloatArray:
    """Chance of a sign from the chance of a report of it.

    Parameters
    ----------
    rate : array_like
        Chance of a report.
    unreliability, noise : array_like
        ε and q of a report.

    Returns
    -------
    array
        ``(rate − εq)/(1 − ε)``, held within 0–1.

    Raises
    ------
    OptionError
        If ε is not below 1.

    Notes
    -----
    Reports are ``(1 − ε)p + εq``. The engine applies ε to every probability it is given, so a rate that was observed in
    reports must be freed of it first: otherwise the error of the reports counts twice.

    Examples
    --------
    >>> without_report_error([0.05, 0.14], 0.1, 0.5).round(3).tolist()
    [0.0, 0.1]
    """
    epsilon = np.asarray(unreliability, dtype=np.float64)
    if not ((epsilon >= 0) & (epsilon < 1)).all():
        raise OptionError(_wrong(f"unreliability {epsilon.tolist()}", "probabilities below 1"))
    free = (np.asarray(rate, dtype=np.float64) - epsilon * np.asarray(noise, dtype=np.float64)) / (1 - epsilon)
    return np.asarray(np.clip(free, 0.0, 1.0), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystematicError:
    """What estimates of effects that are zero say about the bias of one more estimate made the same way.

    Parameters
    ----------
    mean, sd : float
        Of the bias of one more estimate, all uncertainty included.
    average, average_sd : float
        Bias common to all estimates, and its posterior standard deviation.
    spread : float
        Posterior median of the standard deviation between estimates.
    count : int

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> systematic_error([0.02, 0.05, -0.01], [0.02, 0.02, 0.02], spread_sd=0.05).count
    3
    """

    mean: float
    sd: float
    average: float
    average_sd: float
    spread: float
    count: int


def systematic_error(values: npt.ArrayLike, std_errors: npt.ArrayLike, *, spread_sd: float) -> SystematicError:
    """Distribution of the bias, from negative controls.

    Parameters
    ----------
    values, std_errors : array_like, shape (n,)
        Estimates of effects that cannot exist, in the units of the claim.
    spread_sd : float
        Scale of the half-normal prior of the standard deviation of the bias between estimates. With few controls it
        matters: state it before looking at them.

    Returns
    -------
    SystematicError

    Raises
    ------
    OptionError
        If there are fewer than two controls, a number is not finite, or a standard error or ``spread_sd`` not positive.
    EstimationError
        If the integration does not converge.

    Notes
    -----
    ``yᵢ ~ N(μ, sᵢ² + τ²)``, the empirical null distribution of Schuemie et al. (2014, *Statistics in Medicine* 33(2)), here
    with a flat prior of μ and τ integrated out, so that few controls give a wide bias and not a false certainty. The
    bias of one more estimate has the mean E[μ̂(τ)] and the variance E[τ² + Var(μ|τ)] + Var[μ̂(τ)].

    Examples
    --------
    >>> found = systematic_error([0.02, 0.05, -0.01, 0.04], [0.02, 0.02, 0.02, 0.02], spread_sd=0.05)
    >>> round(found.mean, 3), round(found.sd, 3)
    (0.025, 0.036)
    """
    y, s = np.atleast_1d(np.asarray(values, dtype=np.float64)), np.atleast_1d(np.asarray(std_errors, dtype=np.float64))
    _check_controls(y, s, spread_sd)
    spectrum = spectrum_of(y, np.diag(s**2))

    def log_density(tau: FloatArray) -> FloatArray:
        return np.asarray(condition(spectrum, 0.0, tau).log_likelihood - 0.5 * (tau / spread_sd) ** 2)

    rule = integrate_positive(log_density, spread_sd)
    given = condition(spectrum, 0.0, rule.nodes)
    mean = rule.mean(given.mean)
    average_variance = rule.mean(1 / given.precision + (given.mean - mean) ** 2)
    return SystematicError(
        mean=mean,
        sd=float(np.sqrt(average_variance + rule.mean(rule.nodes**2))),
        average=mean,
        average_sd=float(np.sqrt(average_variance)),
        spread=float(rule.quantile(np.array([0.5]))[0]),
        count=y.size,
    )


def _check_controls(y: FloatArray, s: FloatArray, spread_sd: float) -> None:
    problems = []
    if y.shape != s.shape or y.ndim != 1 or y.size < 2:
        problems.append(_wrong(f"{y.size} negative controls with {s.size} standard errors", "at least two of each"))
    elif not (np.isfinite(y).all() and np.isfinite(s).all() and (s > 0).all()):
        problems.append(
            _wrong("estimates or standard errors are not usable", "finite numbers, standard errors above 0")
        )
    if not (np.isfinite(spread_sd) and spread_sd > 0):
        problems.append(_wrong(f"spread_sd {spread_sd}", "a finite number above 0"))
    if problems:
        raise OptionError(problems)


def _wrong(what: str, expected: str) -> Problem:
    return Problem(what=what, where="error rates", expected=expected, remedy="correct the input")
