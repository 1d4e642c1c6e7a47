"""The result of partial pooling: posterior effects of organisations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.bayes import _tables
from clustereffects.bayes._input import PoolingData
from clustereffects.bayes.posterior import Posterior
from clustereffects.bayes.predictive import leave_one_out
from clustereffects.bayes.prior import EffectPrior
from clustereffects.bayes.ranking import Ranks, rank_draws
from clustereffects.data.account import SampleAccount
from clustereffects.results import Check, Provenance, Summary, draw


@dataclass(frozen=True, kw_only=True, eq=False)
class PosteriorEffects:
    """Posterior of the effects of cluster organisations, partially pooled.

    Parameters
    ----------
    data : PoolingData
        Estimates that were pooled.
    engine : Posterior
        Integrated or sampled posterior.
    prior : EffectPrior
    provisional : bool
        Whether the scale of the prior was derived from the data.
    provenance : Provenance

    Raises
    ------
    OptionError
        If a level is not strictly between 0 and 1.

    Notes
    -----
    ``params`` are posterior means, ``std_errors`` posterior standard deviations, intervals equal-tailed credible
    intervals. ``statistic`` and ``p_value`` are NaN: they are not defined for posteriors; use :meth:`probability`.

    Examples
    --------
    >>> from clustereffects.bayes import HierarchicalEffects
    >>> table = pd.DataFrame({"group": ["A", "B", "C", "D"], "estimate": [0.02, 0.05, 0.11, 0.03], "std_error": 0.03})
    >>> pooled = HierarchicalEffects(effect_sd=0.05).fit(table, rng=1)
    >>> pooled.params.round(3).tolist()
    [0.038, 0.051, 0.078, 0.043]
    >>> pooled.probability(above=0.0).round(3).to_dict()
    {'A': 0.929, 'B': 0.985, 'C': 1.0, 'D': 0.955}
    """

    data: PoolingData
    engine: Posterior
    prior: EffectPrior
    provisional: bool
    provenance: Provenance

    def __repr__(self) -> str:
        return f"PosteriorEffects({self.data.outcome!r}, {len(self.data.groups)} organisations, {self.method})"

    @property
    def estimand(self) -> str:
        """What is estimated, in words."""
        return f"{self.data.estimand}, partially pooled over organisations"

    @property
    def method(self) -> str:
        """How it is estimated, in words."""
        return "hierarchical normal–normal model, exact quadrature"

    @property
    def sample(self) -> SampleAccount:
        """Account of the organisations."""
        usable = int(self.data.usable.sum())
        reasons = pd.Series([reason for reason in self.data.reasons if reason], dtype=object).value_counts()
        return SampleAccount(
            rows_in=len(self.data.groups),
            rows_used=usable,
            dropped={str(reason): int(count) for reason, count in reasons.items()},
            counts={"organisations": usable},
        )

    @property
    def params(self) -> pd.Series:
        """Posterior means, indexed by term."""
        return pd.Series(self.engine.mean(), index=list(self.data.terms), name="estimate")

    @property
    def std_errors(self) -> pd.Series:
        """Posterior standard deviations, indexed by term."""
        return pd.Series(np.sqrt(np.diag(self.engine.cov())), index=list(self.data.terms), name="std_error")

    @property
    def cov(self) -> pd.DataFrame:
        """Posterior covariance of the organisations' effects."""
        return pd.DataFrame(self.engine.cov(), index=list(self.data.terms), columns=list(self.data.terms))

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Equal-tailed credible limits ``conf_low`` and ``conf_high``, indexed by term."""
        return self.tidy(level).set_index("term")[["conf_low", "conf_high"]]

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """One row per organisation: ``group``, then the columns of :data:`~clustereffects.results.TIDY_COLUMNS`."""
        return _tables.tidy(self, level)

    def glance(self) -> pd.DataFrame:
        """One row about the whole fit."""
        mean, tau = self.engine.marginal("mean"), self.engine.marginal("tau")
        row = {
            "outcome": self.data.outcome,
            "organisations": int(self.data.usable.sum()),
            "not_identified": int((~self.data.usable).sum()),
            "mean": mean.mean,
            "mean_sd": mean.sd,
            "tau": tau.mean,
            "tau_median": tau.quantile(0.5),
            "effect_sd": self.prior.effect_sd,
            "effect_sd_provisional": self.provisional,
            "errors": self.data.convention,
            "estimand": self.estimand,
            "method": self.method,
        }
        return pd.DataFrame([row])

    def programme(self, level: float = 0.95) -> pd.DataFrame:
        """The mean effect over organisations and the effect to expect in a new organisation."""
        return _tables.quantities(self, ("mean", "new organisation"), level)

    def heterogeneity(self, level: float = 0.95) -> pd.DataFrame:
        """How much organisations differ: standard deviation ``tau`` and share ``i_squared`` of the total variance."""
        return _tables.quantities(self, ("tau", "i_squared"), level).drop(columns="p_positive")

    def probability(self, above: float = 0.0) -> pd.Series:
        """Posterior probability that each organisation's effect exceeds a value, indexed by group."""
        return pd.Series(self.engine.above(above), index=list(self.data.groups), name=f"p_above_{above:g}")

    def ranks(self) -> Ranks:
        """Distribution of the organisations' ranks from the draws."""
        return rank_draws(self.engine.draws.effects)

    def ranking(self, level: float = 0.95) -> pd.DataFrame:
        """Ranks with intervals, probability of being best and worst, and SUCRA; rank 1 is the largest effect."""
        return _tables.ranking(self, level)

    def rank_probabilities(self) -> pd.DataFrame:
        """Probability of each rank (columns from 1) for each organisation (rows)."""
        numbers = range(1, len(self.data.groups) + 1)
        return pd.DataFrame(self.ranks().probabilities, index=list(self.data.groups), columns=list(numbers))

    def shrinkage(self, level: float = 0.95) -> pd.DataFrame:
        """Own and pooled effect of each organisation, and the weight of the common mean in the pooled one."""
        return _tables.shrinkage(self, level)

    def sensitivity(self) -> pd.DataFrame:
        """Mean, heterogeneity and largest shift of an organisation's effect under other priors of ``tau``."""
        return _tables.sensitivity(self.data, self.prior)

    def leave_one_out(self) -> pd.DataFrame:
        """Each organisation's estimate against its exact prediction from all the others."""
        result = leave_one_out(self.data.estimate, self.data.cov, self.prior)
        return pd.DataFrame(
            {
                "group": list(self.data.groups),
                "estimate": self.data.estimate,
                "predicted": result.predicted,
                "predicted_sd": result.sd,
                "position": result.position,
                "p_value": result.p_value(),
                "log_density": result.log_density,
            }
        )

    def checks(self) -> list[Check]:
        """What was checked: organisations, prior, sensitivity, fit of each organisation, numerical accuracy."""
        data = self.data
        missing = _tables.missing_check(data)
        return [
            *data.findings,
            _tables.few_check(data),
            *([missing] if missing else []),
            _tables.prior_check(self.prior, provisional=self.provisional),
            _tables.conflict_check(self.prior, self.engine.marginal("tau").quantile(0.5)),
            _tables.sensitivity_check(self.sensitivity()),
            _tables.common_check(data.groups, leave_one_out(data.estimate, data.cov, self.prior)),
            _tables.ranking_check(self.ranking()),
        ]

    def summary(self, level: float = 0.95) -> Summary:
        """Summary as a table in a paper."""
        mean, tau = self.engine.marginal("mean"), self.engine.marginal("tau")
        table = self.shrinkage(level).drop(columns="reason").assign(p_positive=self.probability().to_numpy())
        scale = "provisional: derived from the data" if self.provisional else "as given"
        centre = "flat" if np.isinf(self.prior.mean_sd) else f"normal(0, {self.prior.mean_sd:.4g})"
        facts = (
            ("Outcome", self.data.outcome),
            ("Estimand", self.estimand),
            ("Method", self.method),
            ("Estimates", f"{self.data.source}; {self.data.convention}"),
            ("Priors", f"mean {centre}; tau half-normal({self.prior.effect_sd:.4g}), {scale}"),
            ("Mean over organisations", f"{mean.mean:.4f} (sd {mean.sd:.4f})"),
            ("Standard deviation between organisations", f"{tau.mean:.4f} (median {tau.quantile(0.5):.4f})"),
        )
        notes = (f"{level:.0%} intervals: {_tables.INTERVAL}; pooled is the posterior mean.",)
        warnings = tuple(f"{c.verdict}: {c.name}: {c.message}" for c in self.checks() if not c.ok)
        return Summary(
            title="Effects of organisations, partially pooled", facts=facts, table=table, notes=notes + warnings
        )

    def shrinkage_plot(self, ax: Any = None, *, level: float = 0.95) -> Any:
        """Draw own and pooled effects side by side; returns the Axes."""
        return draw("shrinkage_plot", self, ax, level=level)

    def plot(self, ax: Any = None, *, level: float = 0.95) -> Any:
        """Draw own and pooled effects side by side; returns the Axes."""
        return self.shrinkage_plot(ax, level=level)
