"""Integrated inference on one binary cause and one binary outcome: effects of causes, and causes of effects.

A unit is one of four causal types: the cause prevents the outcome (negative), produces it (positive), it never happens or
it always happens. The shares of the types have a Dirichlet prior; data on cause and outcome tell sums of two shares only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

FloatArray = NDArray[np.float64]
Cdf: TypeAlias = Callable[[float], FloatArray]

TYPES = ("negative", "positive", "never", "always")
#: Types that show each combination of cause and outcome.
_SHOWN_BY = {(0, 0): (1, 2), (0, 1): (0, 3), (1, 0): (0, 2), (1, 1): (1, 3)}
_NODES = 400
_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class CausalTypes:
    """Mixture of Dirichlet distributions on the shares of the four causal types.

    Parameters
    ----------
    weight : array, shape (components,)
    alpha : array, shape (components, 4)
        Negative, positive, never, always; zero rules a type out.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> flat = CausalTypes(np.ones(1), np.ones((1, 4)))
    >>> flat.positive_share()[0]
    0.25
    """

    weight: FloatArray
    alpha: FloatArray

    def positive_share(self) -> tuple[float, float]:
        """Mean and standard deviation of the share of units whose outcome the cause produces."""
        total = self.alpha.sum(axis=1)
        share = self.alpha[:, 1] / total
        return self._moments(share, share * (1 - share) / (total + 1))

    def average_effect(self) -> tuple[float, float]:
        """Mean and standard deviation of the average effect, positive minus negative share."""
        total = self.alpha.sum(axis=1)
        negative, positive = self.alpha[:, 0] / total, self.alpha[:, 1] / total
        variance = (negative + positive - (positive - negative) ** 2) / (total + 1)
        return self._moments(positive - negative, variance)

    def probability_of_causation(self) -> tuple[float, float]:
        """Mean and standard deviation of positive/(positive + always): whether the cause made it happen in a given unit."""
        first, second = self.alpha[:, 1], self.alpha[:, 3]
        total = first + second
        share = first / total
        return self._moments(share, share * (1 - share) / (total + 1))

    def _moments(self, mean: FloatArray, variance: FloatArray) -> tuple[float, float]:
        centre = float(self.weight @ mean)
        return centre, float(np.sqrt(self.weight @ (variance + mean**2) - centre**2))

    def positive_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Equal-tailed interval of the share of positive types."""
        rest = self.alpha.sum(axis=1) - self.alpha[:, 1]
        return self._interval(lambda x: betainc(self.alpha[:, 1], rest, x), (0.0, 1.0), level)

    def effect_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Equal-tailed interval of the average effect."""
        if not self.alpha[:, 0].any():
            return self.positive_interval(level)
        return self._interval(self._effect_cdf, (-1.0, 1.0), level)

    def _effect_cdf(self, effect: float) -> FloatArray:
        """Positive minus negative is s(2v − 1) with s and v independent beta variables; integrated over s."""
        node, weight = np.polynomial.legendre.leggauss(_NODES)
        # s = |effect| … 1 and 0 … |effect|; in the second part the answer does not depend on v.
        low = min(abs(effect), 1 - _SMALLEST)
        s = low + (1 - low) * (node[:, None] + 1) / 2
        both, rest = self.alpha[:, :2].sum(axis=1), self.alpha[:, 2:].sum(axis=1)
        constant = gammaln(both + rest) - gammaln(both) - gammaln(rest)
        density = np.exp(constant + (both - 1) * np.log(s) + (rest - 1) * np.log1p(-s))
        below = betainc(self.alpha[:, 1], self.alpha[:, 0], np.clip((effect / s + 1) / 2, 0, 1))
        upper = (weight[:, None] * density * below).sum(axis=0) * (1 - low) / 2
        return np.asarray(upper + (betainc(both, rest, low) if effect > 0 else 0.0))

    def _interval(self, cdf: Cdf, ends: tuple[float, float], level: float) -> tuple[float, float]:
        from scipy.optimize import brentq

        tails = ((1 - level) / 2, (1 + level) / 2)
        found = [brentq(lambda x, t=tail: float(self.weight @ cdf(x)) - t, *ends, xtol=1e-10) for tail in tails]
        return float(found[0]), float(found[1])


def causal_types(counts: FloatArray, *, monotone: bool = False) -> CausalTypes:
    """Posterior of the causal types after units with known cause and outcome, from a flat prior.

    Parameters
    ----------
    counts : array of int, shape (2, 2)
        Units by cause (row) and outcome (column), each 0 or 1.
    monotone : bool
        Whether the cause never prevents the outcome.

    Returns
    -------
    CausalTypes

    Raises
    ------
    IndexError
        If the table is not 2 × 2.

    Notes
    -----
    Each unit says that its type is one of two: the likelihood is a product of sums of two shares, which expands into an
    exact mixture of Dirichlet distributions. Same model as the R package CausalQueries (Humphreys & Jacobs 2023, *Integrated
    Inferences*) for ``X -> Y``, there sampled. Experiments pin down the average effect, but not whether the cause made the
    outcome happen in a given unit.

    Examples
    --------
    >>> flat = causal_types(np.zeros((2, 2), dtype=int))
    >>> [round(value, 3) for value in (*flat.positive_share(), flat.average_effect()[1])]
    [0.25, 0.194, 0.316]
    """
    extra, log_weight = np.zeros((1, 4)), np.zeros(1)
    for (cause, outcome), pair in _SHOWN_BY.items():
        extra, log_weight = _expand(extra, log_weight, pair, int(counts[cause, outcome]))
    if monotone:
        extra, log_weight = extra[extra[:, 0] == 0], log_weight[extra[:, 0] == 0]
    alpha = extra + np.array([0.0 if monotone else 1.0, 1.0, 1.0, 1.0])
    free = alpha > 0
    log_mass = log_weight + (gammaln(np.where(free, alpha, 1.0))).sum(axis=1) - gammaln(alpha.sum(axis=1))
    weight = np.exp(log_mass - log_mass.max())
    return CausalTypes(weight / weight.sum(), alpha)


def _expand(
    extra: FloatArray, log_weight: FloatArray, pair: tuple[int, int], count: int
) -> tuple[FloatArray, FloatArray]:
    """Multiply by the sum of two shares to the power of a count, term by term."""
    first = np.arange(count + 1.0)
    term = np.zeros((count + 1, 4))
    term[:, pair[0]], term[:, pair[1]] = first, count - first
    binomial = gammaln(count + 1) - gammaln(first + 1) - gammaln(count - first + 1)
    products = (extra[:, None, :] + term[None, :, :]).reshape(-1, 4)
    return products, (log_weight[:, None] + binomial[None, :]).reshape(-1)
