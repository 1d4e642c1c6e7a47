"""Posterior effects to plain data and back.

An exact posterior is stored as what determines it (estimates, covariance, prior, seed) and computed again; a sampled one
is stored with its draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.bayes._input import PoolingData
from clustereffects.bayes.model import PoolingModel
from clustereffects.bayes.normal_normal import Draws
from clustereffects.bayes.posterior import Posterior, exact_posterior
from clustereffects.bayes.prior import EffectPrior
from clustereffects.bayes.sampled import SampledPosterior
from clustereffects.bayes.sampler import Sampler
from clustereffects.results import Check, Provenance

if TYPE_CHECKING:
    from clustereffects.bayes.posterior_effects import PosteriorEffects

FloatArray = NDArray[np.float64]
_TEXTS = ("outcome", "estimand", "source", "convention")


def to_dict(result: PosteriorEffects) -> dict[str, Any]:
    """Posterior effects as JSON data: lists, numbers (NaN and infinity as None), text."""
    data, model = result.data, result.model
    return {
        "groups": list(data.groups),
        "terms": list(data.terms),
        "estimate": _numbers(data.estimate),
        "cov": [_numbers(row) for row in data.cov],
        "reasons": list(data.reasons),
        **{name: getattr(data, name) for name in _TEXTS},
        "checks": [_check(check) for check in data.findings],
        "model": {
            "effect_sd": model.prior.effect_sd,
            "mean_sd": None if np.isinf(model.prior.mean_sd) else model.prior.mean_sd,
            "provisional": model.provisional,
            "likelihood": model.likelihood,
            "degrees_of_freedom": model.degrees_of_freedom,
            "draws": model.draws,
            "sampler": None if model.sampler is None else asdict(model.sampler),
        },
        "provenance": result.provenance.to_dict(),
        "posterior": {"mean": _numbers(result.params), "sd": _numbers(result.std_errors)},
        "sampled": _sampled(result.engine) if isinstance(result.engine, SampledPosterior) else None,
    }


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of PosteriorEffects from what ``to_dict`` returned."""
    pooled = PoolingData(
        groups=tuple(data["groups"]),
        terms=tuple(data["terms"]),
        estimate=_array(data["estimate"]),
        cov=_array(data["cov"]),
        reasons=tuple(data["reasons"]),
        findings=tuple(_read_check(check) for check in data["checks"]),
        **{name: data[name] for name in _TEXTS},
    )
    model, provenance = _model(data["model"]), Provenance(**data["provenance"])
    return {
        "data": pooled,
        "engine": _engine(data["sampled"], pooled, model, provenance.seed or 0),
        "model": model,
        "provenance": provenance,
    }


def _engine(sampled: Mapping[str, Any] | None, data: PoolingData, model: PoolingModel, seed: int) -> Posterior:
    if sampled is None:
        return exact_posterior(data.estimate, data.cov, model.prior, draws=model.draws, seed=seed)
    return SampledPosterior(
        draws=Draws(mean=_array(sampled["mean"]), tau=_array(sampled["tau"]), effects=_array(sampled["effects"])),
        chains=sampled["chains"],
        weight=_array(sampled["weight"]),
        typical=sampled["typical"],
        divergences=sampled["divergences"],
    )


def _sampled(engine: SampledPosterior) -> dict[str, Any]:
    return {
        "mean": _numbers(engine.draws.mean),
        "tau": _numbers(engine.draws.tau),
        "effects": [_numbers(row) for row in engine.draws.effects],
        "chains": engine.chains,
        "weight": _numbers(engine.weight),
        "typical": engine.typical,
        "divergences": engine.divergences,
    }


def _model(data: Mapping[str, Any]) -> PoolingModel:
    mean_sd = np.inf if data["mean_sd"] is None else data["mean_sd"]
    return PoolingModel(
        prior=EffectPrior(effect_sd=data["effect_sd"], mean_sd=mean_sd),
        provisional=data["provisional"],
        likelihood=data["likelihood"],
        degrees_of_freedom=data["degrees_of_freedom"],
        sampler=None if data["sampler"] is None else Sampler(**data["sampler"]),
        draws=data["draws"],
    )


def _check(check: Check) -> dict[str, Any]:
    """Check with NaN as None, which strict JSON can hold."""
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(check).items()}


def _read_check(data: Mapping[str, Any]) -> Check:
    values: dict[str, Any] = {key: np.nan if value is None else value for key, value in data.items()}
    return Check(**values)


def _numbers(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _array(values: Any) -> FloatArray:
    return np.array(values, dtype=np.float64)
