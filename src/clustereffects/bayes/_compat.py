"""The only module that knows PyMC and ArviZ: PyMC 5 with ArviZ 0.x, and PyMC 6 with ArviZ 1.x.

What differs: the object that holds draws (InferenceData, DataTree), the arguments of ``from_dict``, and default intervals
and tail probabilities, which are therefore always given here.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.bayes.conditional import spectrum_of
from clustereffects.bayes.model import PoolingModel
from clustereffects.bayes.sampler import Sampler

FloatArray = NDArray[np.float64]

LIBRARIES = ("pymc", "arviz", "pytensor")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chains:
    """Draws by chain: ``mean`` and ``tau`` (c, d), ``effects`` and ``precision`` (c, d, k), and the number of divergences."""

    mean: FloatArray
    tau: FloatArray
    effects: FloatArray
    precision: FloatArray
    divergences: int


def sample(estimate: FloatArray, cov: FloatArray, model: PoolingModel, sampler: Sampler, seed: int) -> Chains:
    """Sample the model in units of a typical standard error, so that step sizes suit any outcome."""
    scale = float(np.sqrt(np.median(np.diag(cov))))
    with _quiet("pymc") as pm, _build(pm, estimate / scale, cov / scale**2, model, scale):
        trace = pm.sample(
            draws=sampler.draws,
            tune=sampler.tune,
            chains=sampler.chains,
            cores=sampler.cores,
            random_seed=seed,
            target_accept=sampler.target_accept,
            nuts_sampler="pymc",
            progressbar=False,
            compute_convergence_checks=False,
        )
    found = {name: trace.posterior[name].to_numpy() for name in trace.posterior.data_vars}
    mean, tau = found["mean"], found["tau"]
    precision = found.get("precision", np.ones_like(found["z"]))
    return Chains(
        mean=mean * scale,
        tau=tau * scale,
        effects=(mean[..., None] + tau[..., None] * found["z"]) * scale,
        precision=precision,
        divergences=int(trace.sample_stats["diverging"].to_numpy().sum()),
    )


def _build(pm: Any, estimate: FloatArray, cov: FloatArray, model: PoolingModel, scale: float) -> Any:
    """Non-centred model; errors are whitened by element-wise sums, since matrix products cost minutes to compile."""
    k = len(estimate)
    spectrum = spectrum_of(estimate, cov)
    whitener = spectrum.rotation.T / np.sqrt(spectrum.variances)[:, None]
    prior = model.prior
    with pm.Model() as built:
        if np.isinf(prior.mean_sd):
            mean = pm.Flat("mean", initval=float(np.median(estimate)))
        else:
            mean = pm.Normal("mean", 0.0, prior.mean_sd / scale)
        tau = pm.HalfNormal("tau", prior.effect_sd / scale)
        residual = estimate - (mean + tau * pm.Normal("z", 0.0, 1.0, shape=k))
        log_jacobian = 0.0
        if model.likelihood == "student_t":
            half = model.degrees_of_freedom / 2.0
            precision = pm.Gamma("precision", half, half, shape=k)
            residual = residual * pm.math.sqrt(precision)
            log_jacobian = 0.5 * pm.math.log(precision).sum()
        white = (whitener * residual[None, :]).sum(axis=1)
        pm.Potential("likelihood", log_jacobian - 0.5 * (white**2).sum())
    return built


def convergence(parameters: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Rank-normalised split R-hat, bulk and tail effective sample size, Monte Carlo error of the mean."""
    with _quiet("arviz") as az:
        rows = [
            {
                "parameter": name,
                "r_hat": float(az.rhat(values, method="rank")),
                "ess_bulk": float(az.ess(values, method="bulk")),
                "ess_tail": float(az.ess(values, method="tail", prob=(0.05, 0.95))),
                "mcse_mean": float(np.ravel(az.mcse(values, method="mean"))[0]),
            }
            for name, values in parameters.items()
        ]
    return pd.DataFrame(rows)


def to_arviz(parameters: Mapping[str, FloatArray], groups: tuple[str, ...]) -> Any:
    """Draws (chain, draw, …) as the ArviZ object of the installed generation."""
    with _quiet("arviz") as az:
        options: dict[str, Any] = {"coords": {"group": list(groups)}, "dims": {"effect": ["group"]}}
        if int(az.__version__.split(".")[0]) == 0:
            return az.from_dict(posterior=dict(parameters), **options)
        return az.from_dict({"posterior": dict(parameters)}, **options)


@contextmanager
def _quiet(library: str) -> Iterator[Any]:
    """Library without progress messages and news about future releases: checks say what matters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = import_module(library)  # PyMC sets the level of its logger when it is first imported
        logger = logging.getLogger(library)
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield module
        finally:
            logger.setLevel(level)
