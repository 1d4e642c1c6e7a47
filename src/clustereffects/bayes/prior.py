"""Priors of the mean effect and of the standard deviation between organisations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Family = Literal["half_normal", "half_cauchy", "uniform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPrior:
    """Prior of the mean effect and of the standard deviation between organisations.

    Parameters
    ----------
    effect_sd : float
        Scale of the prior of ``τ``, in units of the effect; unused by the uniform prior.
    mean_sd : float
        Standard deviation of the normal prior of ``μ`` around zero; infinite means flat.
    family : {"half_normal", "half_cauchy", "uniform"}
        ``"uniform"`` is improper: it needs at least three organisations.

    Raises
    ------
    TypeError
        If the scale is missing.

    Examples
    --------
    >>> prior = EffectPrior(effect_sd=1.0)
    >>> float(prior.log_density(np.array([0.0])).round(6)[0])
    -0.225791
    """

    effect_sd: float
    mean_sd: float = np.inf
    family: Family = "half_normal"

    def log_density(self, tau: FloatArray) -> FloatArray:
        """Logarithm of the density of ``τ``."""
        ratio = tau / self.effect_sd
        if self.family == "half_normal":
            return np.asarray(0.5 * np.log(2.0 / np.pi) - np.log(self.effect_sd) - 0.5 * ratio**2, dtype=np.float64)
        if self.family == "half_cauchy":
            return np.asarray(np.log(2.0 / np.pi / self.effect_sd) - np.log1p(ratio**2), dtype=np.float64)
        return np.zeros_like(ratio)

    @property
    def mean_precision(self) -> float:
        """Precision of the prior of the mean, zero if flat."""
        return 0.0 if np.isinf(self.mean_sd) else self.mean_sd**-2.0

    @property
    def proper(self) -> bool:
        """Whether the prior integrates to one, so that marginal likelihoods can be compared."""
        return self.family != "uniform" and self.mean_precision > 0
