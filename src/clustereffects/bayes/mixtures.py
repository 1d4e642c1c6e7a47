"""Mixtures of normal distributions: what remains of a Gaussian model when one variance has been integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]
_ROOT_TWO_PI = np.sqrt(2.0 * np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """Mixtures of normals with common weights, one mixture per column.

    Parameters
    ----------
    weights : array (g,)
        Sum to 1.
    means, sds : array (g, m)
        Of the components; standard deviations above zero.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> two = NormalMixture(np.array([0.5, 0.5]), np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> two.mean().tolist(), two.sd().round(6).tolist(), two.cdf(0.0).tolist()
    ([0.0], [1.414214], [0.5])
    """

    weights: FloatArray
    means: FloatArray
    sds: FloatArray

    def mean(self) -> FloatArray:
        """Mean of each mixture."""
        return np.asarray(self.weights @ self.means, dtype=np.float64)

    def sd(self) -> FloatArray:
        """Standard deviation of each mixture."""
        deviation = self.means - self.mean()
        return np.sqrt(self.weights @ (self.sds**2 + deviation**2))

    def cdf(self, x: float | FloatArray) -> FloatArray:
        """Probability of at most ``x`` (a number, or one per mixture)."""
        return np.asarray(self.weights @ ndtr((x - self.means) / self.sds), dtype=np.float64)

    def density(self, x: float | FloatArray) -> FloatArray:
        """Density at ``x`` (a number, or one per mixture)."""
        z = (x - self.means) / self.sds
        return np.asarray(self.weights @ (np.exp(-0.5 * z**2) / (_ROOT_TWO_PI * self.sds)), dtype=np.float64)

    def quantile(self, p: float) -> FloatArray:
        """Quantile of each mixture, by Newton steps that never leave the bracket of the components' quantiles."""
        z = float(ndtri(p))
        low = (self.means + z * self.sds).min(axis=0)
        high = (self.means + z * self.sds).max(axis=0)
        x = np.clip(self.mean() + z * self.sd(), low, high)
        tolerance = 1e-14 * self.sd()
        for _ in range(200):
            gap = self.cdf(x) - p
            low, high = np.where(gap < 0, x, low), np.where(gap < 0, high, x)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = x - gap / self.density(x)
            proposal = np.where((step > low) & (step < high), step, 0.5 * (low + high))
            done = np.abs(proposal - x).max() <= tolerance.max()
            x = proposal
            if done:
                break
        return x
