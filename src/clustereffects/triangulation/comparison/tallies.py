"""Observations counted for and against a theory: Bayes factors without elicited probabilities.

And how biased the reporting would have to be to overturn them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from clustereffects.errors import OptionError, Problem

FloatArray = NDArray[np.float64]

_LARGEST_OMEGA = 1e6
_FAR, _PANEL, _NODES = 40.0, 0.5, 16  # log odds beyond which there is no mass; width and nodes of a panel
_LARGEST_LOG = 700.0


def binomial_factor(favour: int, against: int, omega: float = 1.0) -> float:
    """Bayes factor for "most of what there is to observe favours the theory", drawn from an open-ended universe.

    Parameters
    ----------
    favour, against : int
        Observations that favour the theory and its rival.
    omega : float
        Observation bias: odds of an observation in favour being reported are this many times too high.

    Returns
    -------
    float

    Raises
    ------
    OptionError
        If a count is negative or ``omega`` is not a finite number above zero.

    Notes
    -----
    ``P(θ > ½ | counts)/P(θ ≤ ½ | counts)`` with θ uniform before; an observation favours the theory with probability
    ``q = ωθ/(1 + (ω − 1)θ)`` (Lopez, Bowers & Gajardo Cooper 2026, manuscript; R package DrWrinch, ``bf_binomial``).

    Examples
    --------
    >>> round(binomial_factor(7, 3), 6)
    7.827586
    >>> round(binomial_factor(7, 3, omega=2.4608), 3)
    1.0
    """
    _check(favour, against, omega)
    shift = float(np.log(omega))
    # In log odds of θ everything is smooth, however large the bias.
    starts = np.arange(0.0, _FAR + abs(shift), _PANEL)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    odds = (starts[:, None] + _PANEL * (nodes + 1) / 2).ravel()
    weight = np.tile(weights, starts.size)

    def log_mass(theta: FloatArray) -> float:
        seen = theta + shift
        favourable, unfavourable = favour * np.logaddexp(0, -seen), against * np.logaddexp(0, seen)
        density = -favourable - unfavourable - np.logaddexp(0, -theta) - np.logaddexp(0, theta)
        return float(logsumexp(density, b=weight))

    log_factor = log_mass(odds) - log_mass(-odds)
    return float(np.exp(log_factor)) if log_factor < _LARGEST_LOG else float("inf")


def urn_factor(favour: int, against: int, omega: float = 1.0) -> float:
    """Bayes factor for the theory when the observations are drawn from a bounded collection, such as a closed archive.

    Parameters
    ----------
    favour, against : int
        Observations that favour the theory and its rival.
    omega : float
        Observation bias: odds with which an item in favour is drawn.

    Returns
    -------
    float
        NaN if more than ``favour + 1`` observations speak against: the construction is then undefined.

    Raises
    ------
    OptionError
        If a count is negative or ``omega`` is not a finite number above zero.

    Notes
    -----
    Drawn without replacement from an urn with ``favour + 1`` and ``max(1, against)`` items under the theory, and with
    ``favour`` and ``favour + 1`` items under the rival, both tilted against the theory (Lopez, Bowers & Gajardo Cooper
    2026, manuscript, formulation C; R package DrWrinch, ``bf_urn``); with ``omega`` by Fisher's noncentral
    hypergeometric distribution.

    Examples
    --------
    >>> round(urn_factor(7, 3), 10)
    39.0
    """
    _check(favour, against, omega)
    if against > favour + 1:
        return float("nan")
    draws = favour + against
    theory = _noncentral(favour, (favour + 1, max(1, against)), draws, omega)
    rival = _noncentral(favour, (favour, favour + 1), draws, omega)
    return theory / rival


def omega_needed(favour: int, against: int, factor: float = 1.0) -> float:
    """Observation bias that would bring the binomial Bayes factor down to a value.

    Parameters
    ----------
    favour, against : int
    factor : float
        Above zero; 1 means that the observations no longer speak for either side.

    Returns
    -------
    float
        ω; NaN if no bias up to a million does.

    Raises
    ------
    OptionError
        If a count is negative or the factor is not above zero.

    Notes
    -----
    Lopez, Bowers & Gajardo Cooper (2026): report how much observation bias overturns the result.

    Examples
    --------
    >>> round(omega_needed(7, 3), 4), round(omega_needed(7, 3, factor=3), 4)
    (2.4608, 1.4732)
    """
    from scipy.optimize import brentq

    if not factor > 0:
        raise OptionError(_problem(f"factor {factor}", "a number above 0"))

    def excess(log_omega: float) -> float:
        return float(np.log(binomial_factor(favour, against, float(np.exp(log_omega))) / factor))

    reach = float(np.log(_LARGEST_OMEGA))
    low, high = (0.0, reach) if excess(0.0) > 0 else (-reach, 0.0)
    if excess(low) * excess(high) > 0:
        return float("nan")
    return float(np.exp(brentq(excess, low, high, xtol=1e-12)))


def _noncentral(drawn: int, urn: tuple[int, int], draws: int, omega: float) -> float:
    possible = np.arange(max(0, draws - urn[1]), min(draws, urn[0]) + 1)
    log_weight = _log_choose(urn[0], possible) + _log_choose(urn[1], draws - possible) + possible * np.log(omega)
    weight = np.exp(log_weight - log_weight.max())
    return float(weight[possible == drawn].sum() / weight.sum())


def _log_choose(size: int, taken: NDArray[np.intp]) -> FloatArray:
    return np.asarray(gammaln(size + 1) - gammaln(taken + 1) - gammaln(size - taken + 1))


def _check(favour: int, against: int, omega: float) -> None:
    problems = [
        _problem(f"{name} {count}", "a count from 0 on")
        for name, count in (("favour", favour), ("against", against))
        if count < 0
    ]
    if not 0 < omega < np.inf:
        problems.append(_problem(f"omega {omega}", "a finite number above 0"))
    if problems:
        raise OptionError(problems)


def _problem(what: str, expected: str) -> Problem:
    return Problem(what=what, where="tally", expected=expected, remedy="correct the input")
