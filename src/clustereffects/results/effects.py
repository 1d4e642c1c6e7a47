"""Effects: the result of every difference-in-differences estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.results.serialise as serialise
from clustereffects.data.account import SampleAccount
from clustereffects.errors import NotStoredError
from clustereffects.inference.factored import FactoredInfluence
from clustereffects.inference.influence import Influence, read_only
from clustereffects.inference.quantiles import critical_value
from clustereffects.results._aggregate import Aggregation, average, refusal
from clustereffects.results._effects_summary import summarise
from clustereffects.results._rounding import without_exact
from clustereffects.results.checks import Check
from clustereffects.results.clusters import lone_cluster_check
from clustereffects.results.description import Description, Sampling
from clustereffects.results.drawing import draw
from clustereffects.results.evidence import BiasTerm, Estimate
from clustereffects.results.evidence_provenance import EvidenceProvenance
from clustereffects.results.pretrends import pretrend_check
from clustereffects.results.provenance import Provenance
from clustereffects.results.replicates import Replicates
from clustereffects.results.summary import Summary
from clustereffects.results.tidy import tidy_frame
from clustereffects.results.uncertainty import Uncertainty, uncertainty
from clustereffects.results.variance import Variance

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Remake(Protocol):
    """What makes cells anew from the effects of single treated units.

    Raises
    ------
    TypeError
        If it is instantiated.

    Examples
    --------
    >>> issubclass(Remake, Protocol)
    True
    """

    def split(self, by: tuple[str, ...]) -> Effects:
        """Effects in cells that are split further by columns of the panel, read in the period before treatment."""

    def weigh(self, weights: pd.Series) -> Effects:
        """Effects in which each treated unit has its own weight; units without one count nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """Effects with their influence function, so that any aggregation is exact.

    Parameters
    ----------
    labels : DataFrame (k, m)
        Label columns (``cohort``, ``time``, ``event_time``, ``group``), indexed by term.
    estimate : array (k,)
        NaN where the effect is not identified; ``checks`` says why.
    influence_function : Influence or FactoredInfluence, optional
        Of shape (n_units, k), scaled so that ``estimate − truth ≈ mean over units``.
    sampling : Sampling, optional
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
        ``None``: at the level at which treatment was assigned.
    replicates : Replicates, optional
        Estimates without one cluster at a time, which a jackknife needs.
    description : Description
    sample : SampleAccount
    findings : tuple of Check
    provenance : Provenance
    unit_effects : DataFrame, optional
        Effect of each treated unit, where the estimator has them.
    stored : Uncertainty, optional
        Uncertainty read from a file that holds no influence function.
    remake : Remake, optional
        Makes cells anew from the effects of single units, where the estimator has them; not stored in files.

    Raises
    ------
    NotStoredError
        When something is asked for that was not stored; the message names the option that stores it.

    Notes
    -----
    Standard errors come from the influence function: ``V = Σ ψψ' / n²`` for units, cluster sums otherwise.

    Examples
    --------
    >>> import clustereffects as ce
    >>> mpdta = ce.datasets.load_mpdta()
    >>> panel = ce.Panel(mpdta, unit="countyreal", time="year", cohort="first.treat")
    >>> effects = ce.GroupTimeDiD(control="never_treated").fit(panel, "lemp")
    >>> effects.aggregate("overall").params.round(4).to_dict()
    {'overall': -0.04}
    """

    labels: pd.DataFrame
    estimate: FloatArray
    description: Description
    sample: SampleAccount
    influence_function: Influence | FactoredInfluence | None = None
    sampling: Sampling | None = None
    variance: Variance | None = None
    replicates: Replicates | None = None
    findings: tuple[Check, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    unit_effects: pd.DataFrame | None = None
    stored: Uncertainty | None = None
    remake: Remake | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimate", read_only(self.estimate))
        if self.stored is None:
            self._parts("influence=True in to_dict")

    def __repr__(self) -> str:
        name = self.description
        return f"Effects({name.outcome!r}, {name.method}, {name.aggregation}, {len(self.estimate)} terms)"

    def _parts(self, option: str) -> tuple[Influence | FactoredInfluence, Sampling]:
        if self.influence_function is None or self.sampling is None:
            raise NotStoredError(f"these effects hold no influence function – store them with {option}")
        return self.influence_function, self.sampling

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Covariance, standard errors and reference distribution; computed when first asked for."""
        if self.stored is not None:
            return self.stored
        influence, sampling = self._parts("influence=True in to_dict")
        return without_exact(uncertainty(influence, self.variance, sampling, self.replicates), self.estimate)

    @property
    def estimand(self) -> str:
        """What is estimated, in words."""
        return self.description.estimand

    @property
    def method(self) -> str:
        """How it is estimated, in words."""
        return self.description.method

    @property
    def params(self) -> pd.Series:
        """Estimates, indexed by term."""
        return pd.Series(self.estimate.copy(), index=self.labels.index, name="estimate")

    @property
    def std_errors(self) -> pd.Series:
        """Standard errors, indexed by term; NaN for reference periods and effects that are not identified."""
        return pd.Series(self._std_errors(), index=self.labels.index, name="std_error")

    def _std_errors(self) -> FloatArray:
        errors = self.uncertainty.std_error
        return np.where(np.isfinite(self.estimate) & (errors > 0), errors, np.nan)

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix of the estimates."""
        return pd.DataFrame(self.uncertainty.cov.copy(), index=self.labels.index, columns=self.labels.index)

    @property
    def influence(self) -> FloatArray:
        """Influence function (n_units, n_terms); ``estimate − truth ≈ influence.mean(axis=0)``."""
        return self._parts("to_dict(influence=True)")[0].values

    @property
    def units(self) -> pd.Index:
        """Units of the rows of ``influence``."""
        return self._parts("to_dict(influence=True)")[1].units

    def treated_units(self) -> IntArray:
        """Number of treated units whose outcomes are behind each term."""
        return self._parts("to_dict(influence=True)")[1].treated.counts()

    def conf_int(self, level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """Confidence limits ``conf_low`` and ``conf_high``; ``simultaneous`` covers all terms at once."""
        return self.tidy(level, simultaneous=simultaneous).set_index("term")[["conf_low", "conf_high"]]

    def tidy(self, level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """One row per term: label columns, then the columns of ``clustereffects.results.TIDY_COLUMNS``."""
        errors, spread = self._std_errors(), self.uncertainty
        text = ([f"pointwise {name}" for name in spread.references], self.estimand, self.method)
        table = tidy_frame(self.labels, self.estimate, errors, level=level, df=spread.dfs, text=text)
        critical, source = spread.simultaneous(level) if simultaneous else (spread.critical_values(level), "")
        table["p_value"] = spread.p_values(table["statistic"].to_numpy())
        table["conf_low"] = self.estimate - critical * errors
        table["conf_high"] = self.estimate + critical * errors
        if simultaneous:
            table["interval"] = f"simultaneous sup-t, {source}"
        return table

    def glance(self) -> pd.DataFrame:
        """One row about the whole fit."""
        row = {
            "outcome": self.description.outcome,
            "aggregation": self.description.aggregation,
            "terms": len(self.estimate),
            "not_identified": int((~np.isfinite(self.estimate)).sum()),
            "rows_used": self.sample.rows_used,
            **{name.replace(" ", "_"): count for name, count in self.sample.counts.items()},
            "variance": self.uncertainty.convention,
            "estimand": self.estimand,
            "method": self.method,
        }
        return pd.DataFrame([row])

    def checks(self) -> list[Check]:
        """What was checked: parallel trends before treatment, unidentified effects, the estimator's own findings."""
        own = [*self.findings, *lone_cluster_check(self.variance, self.sampling, self._std_errors())]
        if self.description.aggregation == "event":
            own.append(self.pretrends())
        elif self.description.aggregation == "cell" and self.influence_function is not None and len(self.estimate):
            # Cells may rest on single units, whose joint test rejects far too often; event times do not.
            own.append(self.aggregate("event").pretrends())
        lost = int((~np.isfinite(self.estimate)).sum())
        if lost:
            own.append(
                Check(
                    name="identified effects",
                    verdict="warn",
                    statistic=float(lost),
                    threshold=0.0,
                    message=f"{lost} of {len(self.estimate)} effects are not identified and left out of aggregations",
                    remedy="see the reasons in the other checks; widen the control group or drop these cohorts",
                )
            )
        return own

    def pretrends(self, *, include_anticipation: bool = False) -> Check:
        """Joint Wald test that all effects before treatment are zero.

        Periods of declared anticipation may show effects and are not tested, unless ``include_anticipation`` (the
        convention of the R package did up to 2.5.1).

        Raises
        ------
        OptionError
            If the effects have no event time.
        """
        if "event_time" not in self.labels.columns:
            what = f"no test before joining from effects by {self.description.aggregation!r}"
            raise refusal(what, "effects with an event time", 'test the estimator\'s own result or aggregate("event")')
        ahead = 0 if include_anticipation else self.description.anticipation
        return pretrend_check(self.labels, self.estimate, self.uncertainty, ahead)

    def summary(self, level: float = 0.95) -> Summary:
        """Summary as a table in a paper, with everything that a reader needs to judge it."""
        return summarise(self, level)

    def aggregate(
        self,
        by: str | Sequence[str],
        *,
        window: tuple[int, int] | None = None,
        balance: int | None = None,
        weights: str | pd.Series | None = None,
        total: bool = False,
    ) -> Effects:
        """Effects aggregated exactly, weighted by treated units and with the error of these weights.

        Parameters
        ----------
        by : str or list of str
            ``"overall"``, ``"event"``, ``"cohort"``, ``"calendar"``, ``"group"`` or a list of the last four. With matched
            effects also any column of the panel, such as size class or industry, read in the period before joining.
        window : tuple of two int, optional
            First and last event time to include.
        balance : int, optional
            Only cohorts observed so many periods after treatment, and event times up to there, so that all of these
            average the same cohorts (``balance_e`` of the R package did).
        weights : str or Series, optional
            Cells count with the sum of this over their treated units instead of with their number (times sampling weights,
            if there are): a column of the panel, read in the last period before treatment and anticipation, or values by
            unit.
        total : bool
            Sums over treated units and periods instead of means. Numbers and weights of treated units are taken as given:
            the error is that of the effects alone.

        Raises
        ------
        OptionError
            If a choice cannot be, the effects are aggregated already or lack the label, or nothing is left to aggregate.
        NotStoredError
            If the influence function, or a column for the weights, was not stored.
        ColumnError
            If a treated unit has no weight or a negative one, or all weights are zero.
        """
        choice = Aggregation(by, window=window, balance=balance, weights=weights, total=total)
        columns = choice.columns()
        if columns and self.remake is not None:
            split = replace(self.remake.split(columns), findings=self.findings)
            return split.aggregate(by, window=window, balance=balance, weights=weights, total=total)
        return choice.of(self, lambda: self._parts("to_dict(influence=True)"))

    def average(self) -> Effects:
        """Mean of aggregated effects: over event times ≥ 0 or periods equally, over cohorts or groups by treated units.

        These are the overall effects that the R package did prints beside each aggregation.

        Raises
        ------
        OptionError
            If the effects are not means aggregated by one label.
        """
        return average(self, lambda: self._parts("to_dict(influence=True)"))

    def as_evidence(
        self, *, claim: str, bias: Sequence[BiasTerm] = (), dependence: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Effects as evidence on a claim, one item per organisation or one for the programme.

        Effects that are not identified give no item; a ``unit`` is checked against the claim's scale. Evidence is normal: where intervals come from a t distribution,
        the standard error is widened so that the normal 95 % interval is the one that tables show.

        Raises
        ------
        OptionError
            If the effects are not aggregated to ``"overall"`` or ``"group"``.
        """
        kind = self.description.aggregation
        if kind not in {"overall", "group"}:
            expected = "one effect for the programme or one per organisation"
            remedy = 'call aggregate("overall") or aggregate("group") first'
            raise refusal(f"evidence from effects by {kind!r}", expected, remedy)
        groups = self.labels["group"].astype(str) if kind == "group" else ["programme"]
        source = f"{self.description.method}, {self.description.outcome}"
        errors = self._std_errors() * (self.critical_value() / critical_value(0.95))
        rows = zip(groups, self.estimate, errors, strict=True)
        return tuple(
            Estimate(
                id=f"economic:{self.description.outcome}:{group}",
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
            for group, value, error in rows
            if np.isfinite(value) and np.isfinite(error)
        )

    def select(self, keep: Sequence[bool]) -> Effects:
        """The same effects with only some of the terms, such as those that may be published."""
        mask = np.asarray(keep, dtype=bool)
        influence, sampling = self._parts("to_dict(influence=True)")
        columns = np.flatnonzero(mask)
        observed = None if sampling.observed is None else sampling.observed.select(columns)
        return replace(
            self,
            labels=self.labels[mask],
            estimate=self.estimate[mask],
            influence_function=influence.select(columns),
            sampling=replace(sampling, membership=sampling.membership.select(columns), observed=observed),
            replicates=None if self.replicates is None else self.replicates.select(columns),
            stored=None,
        )

    def plot(self, ax: Any = None, *, level: float = 0.95) -> Any:
        """Draw the effects; returns the Axes.

        An event study with pointwise intervals and a simultaneous band; small multiples, inside the Axes, for cells and
        for effects by cohort or group and time; a forest plot for all others.
        """
        return draw("effects_plot", self, ax, level=level)

    def to_dict(self, *, influence: bool = False) -> dict[str, Any]:
        """Effects as plain data; ``influence=True`` stores what further aggregation needs."""
        return serialise.effects_to_dict(self, influence=influence)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Effects:
        """Effects from plain data."""
        return cls(**serialise.effects_parts(data))

    def critical_value(self, level: float = 0.95) -> FloatArray:
        """Pointwise critical values (k,) of the reference distributions."""
        return self.uncertainty.critical_values(level)
