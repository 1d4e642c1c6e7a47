"""The hierarchical model that was fitted, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clustereffects.bayes.prior import EffectPrior
from clustereffects.bayes.sampler import Sampler

Likelihood = Literal["normal", "student_t"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolingModel:
    """Prior, likelihood and way of computing.

    Parameters
    ----------
    prior : EffectPrior
    provisional : bool
        Whether the scale of the prior was derived from the data.
    likelihood : {"normal", "student_t"}
    degrees_of_freedom : float
        Of the Student t likelihood.
    sampler : Sampler, optional
        ``None`` means exact quadrature.
    draws : int
        Independent draws beside the quadrature.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> model = PoolingModel(prior=EffectPrior(effect_sd=0.1), provisional=False)
    >>> model.words, model.prior_words
    ('hierarchical normal–normal model, exact quadrature', 'mean flat; tau half-normal(0.1), as given')
    """

    prior: EffectPrior
    provisional: bool
    likelihood: Likelihood = "normal"
    degrees_of_freedom: float = 4.0
    sampler: Sampler | None = None
    draws: int = 4000

    @property
    def words(self) -> str:
        """Model and way of computing in words."""
        errors = "normal" if self.likelihood == "normal" else f"Student t({self.degrees_of_freedom:g})"
        if self.sampler is None:
            return f"hierarchical {errors}–normal model, exact quadrature"
        size = f"{self.sampler.chains} chains of {self.sampler.draws:,} draws"
        return f"hierarchical {errors}–normal model, Hamiltonian Monte Carlo, {size}"

    @property
    def prior_words(self) -> str:
        """Priors in words."""
        origin = "provisional: derived from the data" if self.provisional else "as given"
        centre = "flat" if np.isinf(self.prior.mean_sd) else f"normal(0, {self.prior.mean_sd:.4g})"
        return f"mean {centre}; tau half-normal({self.prior.effect_sd:.4g}), {origin}"
