"""Partial pooling of organisations' effects: options, work, result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clustereffects.bayes import _input
from clustereffects.bayes.posterior import exact_posterior
from clustereffects.bayes.posterior_effects import PosteriorEffects
from clustereffects.bayes.prior import EffectPrior
from clustereffects.errors import OptionError, Problem
from clustereffects.results import Effects, Provenance, options_of

_MAD_OF_NORMAL = 0.6744897501960817


@dataclass(frozen=True, kw_only=True)
class HierarchicalEffects:
    """Hierarchical model of organisations' effects: partial pooling with an exact posterior.

    Parameters
    ----------
    effect_sd : float, optional
        Scale of the half-normal prior of the standard deviation between organisations, in units of the effect.
        Default: provisional, derived from the data (see Notes) and printed in the summary; fix it beforehand.
    mean_sd : float, optional
        Standard deviation of a normal prior of the mean effect around zero; default flat.
    draws : int
        Draws for rankings; all else is exact.

    Raises
    ------
    OptionError
        If an option has a value it cannot have; all problems are listed.

    Notes
    -----
    ``y | θ ~ N(θ, V)``, ``θ_k ~ N(μ, τ²)``, ``τ ~ half-normal(effect_sd)``, where ``V`` is the full covariance of the estimates:
    organisations share controls. The provisional ``effect_sd`` is ``√(MAD² + median(se²))`` with the normalised median
    absolute deviation of the estimates: wider than what the data can show, invariant to the order of organisations,
    equivariant to scale, and untouched by a single wild or imprecise estimate.

    Examples
    --------
    >>> import pandas as pd
    >>> schools = pd.DataFrame({"group": list("ABCDEFGH"), "estimate": [28, 8, -3, 7, -1, 1, 18, 12],
    ...                         "std_error": [15, 10, 16, 11, 9, 11, 10, 18]})
    >>> pooled = HierarchicalEffects(effect_sd=10, mean_sd=10).fit(schools, rng=1)
    >>> pooled.params.round(2).tolist()
    [8.93, 6.81, 5.52, 6.6, 4.84, 5.55, 8.78, 6.97]
    """

    effect_sd: float | None = None
    mean_sd: float | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise OptionError(problems)

    def fit(
        self, effects: Effects | Any, *, cov: Any = None, rng: int | np.random.Generator | None = None
    ) -> PosteriorEffects:
        """Pool the effects of organisations.

        Parameters
        ----------
        effects : Effects or table
            Effects with a group label (aggregated by group if they are not yet), or a table with the columns
            ``group`` or ``term``, ``estimate``, ``std_error``.
        cov : DataFrame or array, optional
            Covariance of the estimates of a table; default independent.
        rng : int or Generator, optional
            Randomness of the draws behind rankings.

        Raises
        ------
        InputError
            If the table lacks a column, an organisation occurs twice or the covariance is none.
        EstimationError
            If fewer than three organisations have a usable estimate.
        """
        if isinstance(effects, Effects):
            if cov is not None:
                raise OptionError(_bad("cov", "given", "None: effects bring their own covariance"))
            data = _input.from_effects(effects)
        else:
            data = _input.from_frame(effects, cov)
        prior = EffectPrior(
            effect_sd=provisional_effect_sd(data.estimate, np.diag(data.cov))
            if self.effect_sd is None
            else self.effect_sd,
            mean_sd=np.inf if self.mean_sd is None else self.mean_sd,
        )
        seed = _seed(rng)
        return PosteriorEffects(
            data=data,
            engine=exact_posterior(data.estimate, data.cov, prior, draws=self.draws, seed=seed),
            prior=prior,
            provisional=self.effect_sd is None,
            provenance=Provenance.now(fingerprint=data.fingerprint(), options=options_of(self), seed=seed),
        )


def provisional_effect_sd(estimate: Any, variance: Any) -> float:
    """Scale of the prior of the heterogeneity when none was fixed beforehand.

    Parameters
    ----------
    estimate, variance : array (k,)
        Estimates and their error variances; NaN estimates are left out.

    Returns
    -------
    float
        ``√(MAD² + median variance)``.

    Raises
    ------
    IndexError
        If no estimate is finite.

    Examples
    --------
    >>> y = np.array([28, 8, -3, 7, -1, 1, 18, 12.0])
    >>> se = np.array([15, 10, 16, 11, 9, 11, 10, 18.0])
    >>> round(provisional_effect_sd(y, se**2), 2)
    15.64
    """
    usable = np.isfinite(estimate)
    y = estimate[usable]
    spread = np.median(np.abs(y - np.median(y))) / _MAD_OF_NORMAL
    return float(np.sqrt(spread**2 + np.median(variance[usable])))


def _seed(rng: int | np.random.Generator | None) -> int:
    if isinstance(rng, int | np.integer):
        return int(rng)
    return int(np.random.default_rng(rng).integers(2**31 - 1))


def _problems(model: HierarchicalEffects) -> list[Problem]:
    problems = [
        _bad(name, getattr(model, name), "a finite number above 0, or None")
        for name in ("effect_sd", "mean_sd")
        if getattr(model, name) is not None and not (np.isfinite(getattr(model, name)) and getattr(model, name) > 0)
    ]
    if model.draws < 100:
        problems.append(_bad("draws", model.draws, "at least 100"))
    return problems


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
