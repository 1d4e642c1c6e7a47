"""Partial pooling of organisations' effects: options, work, result."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from clustereffects.bayes._input import PoolingData, from_effects, from_frame
from clustereffects.bayes.model import Likelihood, PoolingModel
from clustereffects.bayes.posterior import Posterior, exact_posterior
from clustereffects.bayes.posterior_effects import PosteriorEffects
from clustereffects.bayes.prior import EffectPrior
from clustereffects.bayes.sampled import sampled_posterior
from clustereffects.bayes.sampler import Sampler
from clustereffects.errors import ConvergenceWarning, OptionError, Problem
from clustereffects.results import Effects, Provenance, options_of, versions

_MAD_OF_NORMAL = 0.6744897501960817


@dataclass(frozen=True, kw_only=True)
class HierarchicalEffects:
    """Hierarchical model of organisations' effects: partial pooling with an exact posterior.

    Parameters
    ----------
    effect_sd : float, optional
        Scale of the half-normal prior of the standard deviation between organisations, in units of the effect.
        Default: provisional, derived from the data (see Notes) and printed in the summary; fix it beforehand.
    likelihood : {"normal", "student_t"}
        ``"student_t"`` discounts estimates far from the others, as if their standard errors were too small; it needs a
        sampler.
    sampler : Sampler, optional
        ``None``: exact posterior by quadrature, for the normal likelihood.
    mean_sd : float, optional
        Standard deviation of a normal prior of the mean effect around zero; default flat.
    degrees_of_freedom : float
        Of the Student t likelihood, whose scale is the standard error.
    draws : int
        Independent draws for rankings beside the exact posterior, of which all else is computed without draws.

    Raises
    ------
    OptionError
        If an option has a value it cannot have; all problems are listed.

    Notes
    -----
    ``y | θ ~ N(θ, V)``, ``θ_k ~ N(μ, τ²)``, ``τ ~ half-normal(effect_sd)``, where ``V`` is the full covariance of the estimates:
    organisations share controls. The provisional ``effect_sd`` is ``√(MAD² + median(se²))`` with the normalised median
    absolute deviation of the estimates: about their total spread and hence wider than what lies between organisations.
    It does not depend on the order of organisations, follows the unit of the effect, and one wild or imprecise
    estimate does not move it much. But it uses the data twice; a study should fix ``effect_sd`` beforehand.

    References
    ----------
    Rubin (1981), *Journal of Educational Statistics* 6(4); Gelman (2006), *Bayesian Analysis* 1(3), on half-normal and
    half-Cauchy priors of a group-level standard deviation; Röver (2020), *Journal of Statistical Software* 93(6).

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
    likelihood: Likelihood = "normal"
    sampler: Sampler | None = None
    mean_sd: float | None = None
    degrees_of_freedom: float = 4.0
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
            Randomness of the draws behind rankings, and of the sampler.

        Raises
        ------
        InputError
            If the table lacks a column, an organisation occurs twice or the covariance is none.
        EstimationError
            If fewer than three organisations have a usable estimate.

        Warns
        -----
        ConvergenceWarning
            If the sampler did not converge.
        """
        data = _read(effects, cov)
        model, seed = self._model(data), _seed(rng)
        result = PosteriorEffects(
            data=data,
            engine=_engine(data, model, seed),
            model=model,
            provenance=_provenance(self, data, seed),
        )
        check = result.numerical_check()
        if not check.ok:
            warnings.warn(f"{check.message} – {check.remedy}", ConvergenceWarning, stacklevel=2)
        return result

    def _model(self, data: PoolingData) -> PoolingModel:
        derived = provisional_effect_sd(data.estimate, np.diag(data.cov)) if self.effect_sd is None else self.effect_sd
        return PoolingModel(
            prior=EffectPrior(effect_sd=derived, mean_sd=np.inf if self.mean_sd is None else self.mean_sd),
            provisional=self.effect_sd is None,
            likelihood=self.likelihood,
            degrees_of_freedom=self.degrees_of_freedom,
            sampler=self.sampler,
            draws=self.draws,
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


def _read(effects: Any, cov: Any) -> PoolingData:
    if not isinstance(effects, Effects):
        return from_frame(effects, cov)
    if cov is not None:
        raise OptionError(_bad("cov", "…", "None: effects bring their own covariance"))
    return from_effects(effects)


def _engine(data: PoolingData, model: PoolingModel, seed: int) -> Posterior:
    if model.sampler is None:
        return exact_posterior(data.estimate, data.cov, model.prior, draws=model.draws, seed=seed)
    return sampled_posterior(data.estimate, data.cov, model, seed)


def _provenance(model: HierarchicalEffects, data: PoolingData, seed: int) -> Provenance:
    if model.sampler is None:
        return Provenance.now(fingerprint=data.fingerprint(), options=options_of(model), seed=seed)
    from clustereffects.bayes import _compat

    known = versions(("clustereffects", "numpy", "pandas", "scipy", *_compat.LIBRARIES))
    return Provenance(versions=known, fingerprint=data.fingerprint(), options=options_of(model), seed=seed)


def _seed(rng: int | np.random.Generator | None) -> int:
    if isinstance(rng, int | np.integer):
        return int(rng)
    return int(np.random.default_rng(rng).integers(2**31 - 1))


def _problems(model: HierarchicalEffects) -> list[Problem]:
    problems = [
        _bad(name, value, "a finite number above 0" + (", or None" if name != "degrees_of_freedom" else ""))
        for name in ("effect_sd", "mean_sd", "degrees_of_freedom")
        if (value := getattr(model, name)) is not None and not (np.isfinite(value) and value > 0)
    ]
    if model.likelihood not in {"normal", "student_t"}:
        problems.append(_bad("likelihood", model.likelihood, "'normal' or 'student_t'"))
    if model.likelihood == "student_t" and model.sampler is None:
        problems.append(_bad("sampler", None, "a sampler for likelihood='student_t', which has no exact posterior"))
    sampler: object = model.sampler
    if not isinstance(sampler, Sampler | None):
        problems.append(_bad("sampler", model.sampler, "Sampler(...) or None"))
    if not isinstance(model.draws, int) or model.draws < 100:
        problems.append(_bad("draws", model.draws, "a whole number, at least 100"))
    return problems


def _bad(option: str, value: object, expected: str) -> Problem:
    remedy = "give sampler=Sampler()" if option == "sampler" else f"give {option} another value"
    return Problem(what=f"option {option}={value!r}", where="", expected=expected, remedy=remedy)
