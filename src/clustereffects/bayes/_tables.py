"""Tables, checks and words of a posterior of effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from clustereffects.bayes.heterogeneity import TOLERANCE
from clustereffects.bayes.normal_normal import normal_normal
from clustereffects.bayes.posterior import ExactPosterior, Marginal, Posterior, Quantity
from clustereffects.bayes.predictive import leave_one_out
from clustereffects.bayes.prior import EffectPrior
from clustereffects.errors import OptionError, Problem
from clustereffects.results import Check
from clustereffects.results.tidy import TIDY_COLUMNS

if TYPE_CHECKING:
    from clustereffects.bayes._input import PoolingData
    from clustereffects.bayes.posterior_effects import PosteriorEffects

FloatArray = NDArray[np.float64]

INTERVAL = "equal-tailed credible"
_FEW = 5
_TAIL = 0.05
_MOVED = 0.5
_UNIFORM = 5  # organisations from which on the variance of the mean is finite under a uniform prior
_SINGULAR = 1e-10
_R_HAT = 1.01
_ESS = 400


def tails(level: float) -> tuple[float, float]:
    """Probabilities below the lower and the upper limit of an equal-tailed interval."""
    if not 0.0 < level < 1.0:
        raise OptionError(
            Problem(
                what=f"level={level!r}",
                where="",
                expected="a number strictly between 0 and 1",
                remedy="give a level such as 0.95",
            )
        )
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0


def tidy(result: PosteriorEffects, level: float, *, simultaneous: bool) -> pd.DataFrame:
    """One row per organisation in the order of the contract's columns."""
    engine = result.engine
    low, high, interval = _simultaneous(result, level) if simultaneous else _pointwise(engine, level)
    table = pd.DataFrame({"group": list(result.data.groups), "term": list(result.data.terms)})
    table["estimate"] = engine.mean()
    table["std_error"] = result.std_errors.to_numpy()
    table["statistic"] = np.nan
    table["p_value"] = np.nan
    table["conf_low"], table["conf_high"] = low, high
    table["level"], table["interval"] = level, interval
    table["estimand"], table["method"] = result.estimand, result.method
    return table[["group", *TIDY_COLUMNS]]


def _pointwise(engine: Posterior, level: float) -> tuple[FloatArray, FloatArray, str]:
    low, high = tails(level)
    return engine.quantile(low), engine.quantile(high), INTERVAL


def _simultaneous(result: PosteriorEffects, level: float) -> tuple[FloatArray, FloatArray, str]:
    """Posterior mean ± c·sd with the smallest c that holds all organisations at once in a share ``level`` of the draws."""
    tails(level)
    mean, sd = result.params.to_numpy(), result.std_errors.to_numpy()
    draws = result.engine.draws.effects
    critical = np.quantile(np.abs((draws - mean) / sd).max(axis=1), level, method="inverted_cdf")
    return mean - critical * sd, mean + critical * sd, f"simultaneous credible, {len(draws)} draws"


def quantities(result: PosteriorEffects, wanted: Sequence[Quantity], level: float) -> pd.DataFrame:
    """One row per hyperparameter."""
    low, high = tails(level)
    marginals = {name: result.engine.marginal(name) for name in wanted}
    rows = [_quantity(name, marginal, low, high) for name, marginal in marginals.items()]
    return pd.DataFrame(rows).assign(level=level, interval=INTERVAL)


def _quantity(name: str, marginal: Marginal, low: float, high: float) -> dict[str, object]:
    return {
        "quantity": name,
        "estimate": marginal.mean,
        "median": marginal.quantile(0.5),
        "std_error": marginal.sd,
        "conf_low": marginal.quantile(low),
        "conf_high": marginal.quantile(high),
        "p_positive": marginal.above(0.0),
    }


def shrinkage(result: PosteriorEffects, level: float) -> pd.DataFrame:
    """Own and pooled effect of each organisation."""
    low, high = tails(level)
    data = result.data
    variance = np.where(data.usable, np.diag(data.cov), np.nan)
    return pd.DataFrame(
        {
            "group": list(data.groups),
            "estimate": data.estimate,
            "std_error": np.sqrt(variance),
            "pooled": result.engine.mean(),
            "conf_low": result.engine.quantile(low),
            "conf_high": result.engine.quantile(high),
            "weight_of_mean": result.engine.mean_weight(),
            "reason": list(data.reasons),
        }
    )


def ranking(result: PosteriorEffects, level: float) -> pd.DataFrame:
    """Rank of each organisation with its uncertainty, best first."""
    low, high = tails(level)
    ranks = result.ranks()
    table = pd.DataFrame(
        {
            "group": list(result.data.groups),
            "rank_mean": ranks.mean(),
            "rank_median": ranks.quantile(0.5),
            "rank_low": ranks.quantile(low),
            "rank_high": ranks.quantile(high),
            "p_best": ranks.probabilities[:, 0],
            "p_worst": ranks.probabilities[:, -1],
            "sucra": ranks.sucra(),
            "p_best_error": ranks.monte_carlo_error()[:, 0],
        }
    )
    return table.sort_values("rank_mean", kind="stable", ignore_index=True)


def prior_grid(data: PoolingData, prior: EffectPrior) -> dict[str, EffectPrior]:
    """Priors that a reader may want instead."""
    s, mean = prior.effect_sd, prior.mean_sd
    return {
        "half-normal, as fitted": prior,
        "half-normal, half as wide": EffectPrior(effect_sd=s / 2, mean_sd=mean),
        "half-normal, twice as wide": EffectPrior(effect_sd=2 * s, mean_sd=mean),
        "half-Cauchy, same scale": EffectPrior(effect_sd=s, mean_sd=mean, family="half_cauchy"),
        **(
            {"uniform": EffectPrior(effect_sd=s, mean_sd=mean, family="uniform")}
            if data.usable.sum() >= _UNIFORM
            else {}
        ),
    }


def sensitivity(data: PoolingData, prior: EffectPrior) -> pd.DataFrame:
    """Results under other priors of the heterogeneity (normal likelihood)."""
    fits = {name: normal_normal(data.estimate, data.cov, choice) for name, choice in prior_grid(data, prior).items()}
    base = next(iter(fits.values()))
    rows = []
    for name, fit in fits.items():
        shift = np.abs(fit.effects.mean() - base.effects.mean()) / base.effects.sd()
        rows.append(
            {
                "prior": name,
                "effect_sd": fit.prior.effect_sd if fit.prior.family != "uniform" else np.nan,
                "mean": fit.programme.mean()[0],
                "mean_sd": fit.programme.sd()[0],
                "tau_median": fit.tau.quantile(np.array([0.5]))[0],
                "largest_shift": shift.max(),
            }
        )
    return pd.DataFrame(rows)


def few_check(data: PoolingData) -> Check:
    """Whether there are enough organisations to learn how much they differ."""
    n = int(data.usable.sum())
    return Check(
        name="number of organisations",
        verdict="warn" if n < _FEW else "pass",
        statistic=float(n),
        threshold=float(_FEW),
        message=f"{n} organisations have an estimate",
        remedy="report results under several values of effect_sd: the prior decides how much is pooled"
        if n < _FEW
        else "",
    )


def missing_checks(data: PoolingData) -> list[Check]:
    """Which organisations have only the prediction for a new one."""
    lost = [f"{name} ({why})" for name, why in zip(data.groups, data.reasons, strict=True) if why]
    if not lost:
        return []
    check = Check(
        name="organisations without a usable estimate",
        verdict="warn",
        statistic=float(len(lost)),
        threshold=0.0,
        message=f"{', '.join(lost)}: what is shown for them is the prediction for a new organisation",
        remedy="do not read these rows as results about these organisations",
    )
    return [check]


def singular_checks(data: PoolingData) -> list[Check]:
    """Whether some combination of the estimates has no error at all."""
    cov = data.cov[np.ix_(data.usable, data.usable)]
    scale = np.sqrt(np.diag(cov))
    smallest = float(np.linalg.eigvalsh(cov / np.outer(scale, scale))[0])
    if smallest > _SINGULAR:
        return []
    check = Check(
        name="covariance of the estimates",
        verdict="warn",
        statistic=smallest,
        threshold=_SINGULAR,
        message="the errors of the estimates are linearly dependent: a combination of organisations seems to be known "
        "without error",
        remedy="check for an organisation that occurs under two names, or for too few clusters behind the errors",
    )
    return [check]


def prior_check(prior: EffectPrior, *, provisional: bool) -> Check:
    """Where the scale of the prior comes from."""
    origin = "was derived from the data, for want of a better one" if provisional else "was given"
    return Check(
        name="prior of the heterogeneity",
        verdict="info",
        statistic=prior.effect_sd,
        message=f"the scale {prior.effect_sd:.4g} of the half-normal prior of the standard deviation between "
        f"organisations {origin}",
        remedy="fix effect_sd before seeing the data, from what is plausible for the outcome" if provisional else "",
    )


def conflict_check(prior: EffectPrior, tau_median: float) -> Check:
    """Whether the heterogeneity presses against its prior."""
    beyond = 2.0 * float(ndtr(-tau_median / prior.effect_sd))
    conflict = beyond < _TAIL
    return Check(
        name="heterogeneity against its prior",
        verdict="warn" if conflict else "pass",
        statistic=beyond,
        threshold=_TAIL,
        message=f"prior probability of a heterogeneity above its posterior median {tau_median:.4g}: {beyond:.3f}",
        remedy="the data say that organisations differ more than effect_sd allows: report a wider prior beside it"
        if conflict
        else "",
    )


def sensitivity_check(table: pd.DataFrame) -> Check:
    """Whether halving or doubling the scale of the prior moves an organisation's effect."""
    grid = table[table["prior"].str.contains("as wide")]
    shift = float(grid["largest_shift"].max())
    return Check(
        name="sensitivity to the prior",
        verdict="warn" if shift > _MOVED else "pass",
        statistic=shift,
        threshold=_MOVED,
        message=f"halving or doubling effect_sd moves an organisation's effect by at most {shift:.2f} posterior "
        "standard deviations",
        remedy="report the results under both" if shift > _MOVED else "",
    )


def left_out(data: PoolingData, prior: EffectPrior) -> pd.DataFrame:
    """Each organisation's estimate against its prediction from the others."""
    result = leave_one_out(data.estimate, data.cov, prior)
    columns = {"predicted": result.predicted, "predicted_sd": result.sd, "position": result.position}
    tail = {"p_value": result.p_value(), "log_density": result.log_density}
    return pd.DataFrame({"group": list(data.groups), "estimate": data.estimate, **columns, **tail})


def common_check(table: pd.DataFrame) -> Check:
    """Whether an organisation stands outside what the others predict (Bonferroni over organisations)."""
    p_values = table["p_value"].to_numpy()
    k = int(np.isfinite(p_values).sum())
    worst = int(np.nanargmin(p_values))
    adjusted = min(1.0, float(p_values[worst]) * k)
    strange = adjusted < _TAIL
    return Check(
        name="organisations come from one distribution",
        verdict="warn" if strange else "pass",
        statistic=adjusted,
        threshold=_TAIL,
        message=f"the organisation that the others predict worst is {table['group'].iloc[worst]}: two-sided predictive "
        f"p = {p_values[worst]:.3f}, {adjusted:.3f} after Bonferroni over {k}",
        remedy="do not pool it with the others without a reason, or compare with likelihood='student_t'"
        if strange
        else "",
    )


def convergence_check(table: pd.DataFrame, divergences: int) -> Check:
    """Whether the chains agree, are long enough and did not diverge (Vehtari et al. 2021)."""
    r_hat, ess = float(table["r_hat"].max()), float(table[["ess_bulk", "ess_tail"]].min().min())
    good = r_hat < _R_HAT and ess >= _ESS and divergences == 0
    return Check(
        name="convergence",
        verdict="pass" if good else "fail",
        statistic=r_hat,
        threshold=_R_HAT,
        message=f"largest rank R-hat {r_hat:.4f} (below {_R_HAT}), smallest effective sample size {ess:.0f} (at least "
        f"{_ESS}), {divergences} divergences (none)",
        remedy=""
        if good
        else "sample longer, with target_accept closer to 1, or use likelihood='normal' without sampler",
    )


def quadrature_check(engine: Posterior) -> Check:
    """How much the integral over ``tau`` changed when its cells were halved."""
    error = engine.exact.tau.error if isinstance(engine, ExactPosterior) else np.nan
    return Check(
        name="numerical integration",
        verdict="pass",
        statistic=float(error),
        threshold=TOLERANCE,
        message=f"the integral over tau changed by {error:.1e} when its cells were halved",
    )


def ranking_check(table: pd.DataFrame) -> Check:
    """How sure the first place is."""
    first = table.iloc[int(table["p_best"].to_numpy().argmax())]
    return Check(
        name="ranking",
        verdict="info",
        statistic=float(first["p_best"]),
        message=f"{first['group']} has the largest effect with probability {first['p_best']:.2f}; its rank lies between "
        f"{first['rank_low']} and {first['rank_high']} with probability 95 %",
    )
