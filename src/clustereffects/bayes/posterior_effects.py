"""The result of partial pooling: posterior effects of organisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import clustereffects.bayes._serialise as _serialise
import clustereffects.bayes._tables as _tables
from clustereffects.bayes._input import PoolingData
from clustereffects.bayes.model import PoolingModel
from clustereffects.bayes.posterior import Posterior
from clustereffects.bayes.ranking import Ranks, rank_draws
from clustereffects.bayes.sampled import SampledPosterior, by_chain
from clustereffects.data.account import SampleAccount
from clustereffects.errors import OptionError, Problem
from clustereffects.results import BiasTerm, Check, Estimate, EvidenceProvenance, Provenance, Summary, draw
from clustereffects.results.evidence import POOLED

_PARTS = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class PosteriorEffects:
    """Posterior of the effects of cluster organisations, partially pooled.

    Parameters
    ----------
    data : PoolingData
        Estimates that were pooled.
    engine : Posterior
        Integrated or sampled posterior.
    model : PoolingModel
    provenance : Provenance

    Raises
    ------
    OptionError
        If a level is not strictly between 0 and 1.

    Notes
    -----
    ``params`` are posterior means, ``std_errors`` posterior standard deviations, intervals equal-tailed credible
    intervals. ``statistic`` and ``p_value`` are NaN: they are not defined for posteriors; use ``probability``.

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
    model: PoolingModel
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
        return self.model.words

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

    def conf_int(self, level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """Equal-tailed credible limits; ``simultaneous`` holds all organisations at once with probability ``level``."""
        return self.tidy(level, simultaneous=simultaneous).set_index("term")[["conf_low", "conf_high"]]

    def tidy(self, level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """One row per organisation: ``group``, then the columns of ``clustereffects.results.TIDY_COLUMNS``."""
        return _tables.tidy(self, level, simultaneous=simultaneous)

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
            "effect_sd": self.model.prior.effect_sd,
            "effect_sd_provisional": self.model.provisional,
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

    def as_evidence(
        self, *, claim: str, bias: Sequence[BiasTerm] = (), dependence: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Pooled effects as evidence on a claim, one item per organisation whose own effect was estimated.

        Value and standard error are posterior mean and standard deviation. A pooled effect holds a prior already: what
        the other organisations say, and how much organisations may differ. Never combine it with a prior that pools
        organisations again, nor hand it in beside the organisation's own estimate – either counts the same data twice.
        The sceptical prior of a triangulation shrinks it a second time. Where the triangulation itself is to learn from
        other organisations, hand in the effects that are not pooled.

        Parameters
        ----------
        claim : str
        bias : sequence of BiasTerm
            Pooling removes no bias that organisations have in common.
        dependence : str
            Dependence group of the items.
        unit : str
            Scale of the claim, to have it checked.

        Returns
        -------
        tuple of Estimate
        """
        source = f"{self.method}, {self.data.outcome}, pooled over organisations"
        rows = zip(self.data.groups, self.params, self.std_errors, self.data.usable, strict=True)
        return tuple(
            Estimate(
                id=f"{POOLED}{self.data.outcome}:{group}",
                claim=claim,
                group=str(group),
                stream="economic",
                value=float(value),
                std_error=float(error),
                bias=tuple(bias),
                dependence=dependence,
                source=source,
                unit=unit,
                provenance=EvidenceProvenance.of_result(self.provenance, self.method),
            )
            for group, value, error, usable in rows
            if usable
        )

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
        """Mean, heterogeneity and largest shift of an organisation's effect under other priors of ``tau``.

        Raises
        ------
        OptionError
            If the likelihood is not normal: each other prior would have to be sampled.
        """
        self._require_normal("sensitivity to the prior")
        return _tables.sensitivity(self.data, self.model.prior)

    def leave_one_out(self) -> pd.DataFrame:
        """Each organisation's estimate against its exact prediction from all the others.

        Raises
        ------
        OptionError
            If the likelihood is not normal.
        """
        self._require_normal("exact leave-one-out prediction")
        return _tables.left_out(self.data, self.model.prior)

    def _require_normal(self, what: str) -> None:
        if self.model.likelihood != "normal":
            raise OptionError(
                Problem(
                    what=f"{what} with likelihood={self.model.likelihood!r}",
                    where="",
                    expected="likelihood='normal', whose posterior is exact",
                    remedy="fit with likelihood='normal', or fit again with another effect_sd or without an organisation",
                )
            )

    @property
    def posterior(self) -> Any:
        """Draws as an ArviZ object (InferenceData or DataTree); draws of the exact posterior are four equal parts."""
        from clustereffects.bayes import _compat

        return _compat.to_arviz(self._by_chain(), self.data.groups)

    def _by_chain(self) -> Mapping[str, Any]:
        chains = self.engine.chains if isinstance(self.engine, SampledPosterior) else _PARTS
        return by_chain(self.engine.draws, chains)

    @property
    def convergence(self) -> pd.DataFrame:
        """Rank-normalised R-hat, bulk and tail effective sample size and Monte Carlo error of the mean by parameter.

        The exact posterior needs no chains: R-hat is NaN, its draws are independent, its means have no such error.
        """
        draws = self._by_chain()
        names = [f"effect[{group}]" for group in self.data.groups]
        if isinstance(self.engine, SampledPosterior):
            from clustereffects.bayes import _compat

            columns = {name: draws["effect"][..., j] for j, name in enumerate(names)}
            return _compat.convergence({"mean": draws["mean"], "tau": draws["tau"], **columns})
        size = float(len(self.engine.draws.mean))
        table = pd.DataFrame({"parameter": ["mean", "tau", *names]})
        return table.assign(r_hat=np.nan, ess_bulk=size, ess_tail=size, mcse_mean=0.0)

    def numerical_check(self) -> Check:
        """Whether the sampler converged, or how accurate the quadrature is."""
        if isinstance(self.engine, SampledPosterior):
            return _tables.convergence_check(self.convergence, self.engine.divergences)
        return _tables.quadrature_check(self.engine)

    def checks(self) -> list[Check]:
        """What was checked: organisations, prior, sensitivity, fit of each organisation, numerical accuracy."""
        data, prior = self.data, self.model.prior
        exact = self.model.likelihood == "normal"
        return [
            *data.findings,
            _tables.few_check(data),
            *_tables.missing_checks(data),
            *_tables.singular_checks(data),
            _tables.prior_check(prior, provisional=self.model.provisional),
            _tables.conflict_check(prior, self.engine.marginal("tau").quantile(0.5)),
            *([_tables.sensitivity_check(self.sensitivity())] if exact else []),
            *([_tables.common_check(self.leave_one_out())] if exact else []),
            _tables.ranking_check(self.ranking()),
            self.numerical_check(),
        ]

    def summary(self, level: float = 0.95) -> Summary:
        """Summary as a table in a paper."""
        mean, tau = self.engine.marginal("mean"), self.engine.marginal("tau")
        table = self.shrinkage(level).drop(columns="reason").assign(p_positive=self.probability().to_numpy())
        facts = (
            ("Outcome", self.data.outcome),
            ("Estimand", self.estimand),
            ("Method", self.method),
            ("Estimates", f"{self.data.source}; {self.data.convention}"),
            ("Priors", self.model.prior_words),
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

    def to_dict(self) -> dict[str, Any]:
        """Posterior effects as plain data; draws of Markov chains are stored, exact posteriors are computed again."""
        return _serialise.to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PosteriorEffects:
        """Posterior effects from plain data."""
        return cls(**_serialise.parts(data))
