"""Group-time difference-in-differences on a panel: options, work, result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.did._covariates as _covariates
import clustereffects.did._jackknife as _jackknife
from clustereffects.data.panel import Panel
from clustereffects.did._group_time_sample import Sample, account, notes, nothing_identified, take_sample
from clustereffects.did._private import cluster_columns
from clustereffects.did.group_time import GroupTimeData, GroupTimeEffects, group_time_effects
from clustereffects.did.group_time_checks import cluster_checks, identification_checks, lone_treated_check
from clustereffects.did.group_time_plan import BasePeriod, Control, GroupTimeOptions, Method
from clustereffects.errors import EstimationError, OptionError, Problem
from clustereffects.inference import FactoredInfluence, Membership
from clustereffects.inference.membership import distinct_rows
from clustereffects.results import (
    Description,
    Effects,
    Provenance,
    Sampling,
    Variance,
    options_of,
    seed_of,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_METHODS = {
    "dr": "doubly robust",
    "ipw": "normalised inverse-probability weighting",
    "reg": "outcome regression",
}


@dataclass(frozen=True, kw_only=True)
class GroupTimeDiD:
    """Difference-in-differences with staggered treatment: an effect for every cohort and period.

    Parameters
    ----------
    control : {"not_yet_treated", "never_treated"}
        Comparison units: all that are not treated by then (nor anticipate it), or only those that never are.
    method : {"dr", "ipw", "reg"}
        How covariates enter: doubly robust, normalised inverse-probability weighting, outcome regression.
    covariates : str, optional
        Right-hand side of a formulaic formula, such as ``"log_size + C(industry)"``; read in the base period of each
        comparison. Parallel trends are then assumed among units with equal covariates.
    base_period : {"varying", "universal"}
        Base of the periods before treatment: the period before each, or the last one before treatment for all.
    anticipation : int
        Number of periods before treatment in which units may react already.
    by_group : bool
        Estimate by cohort, period and group (cluster organisation) of the panel.
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
        Default: at the panel's assignment level if one is declared – ``Jackknife()`` where at most 50 of its clusters hold
        treated units, clustered where they are more –, else independent units.

    Raises
    ------
    OptionError
        If an option has a value it cannot have; all problems are listed.

    Notes
    -----
    Estimand: ``ATT(g, t)``, the average effect in period ``t`` on the units first treated in ``g``, identified by
    (conditional) parallel trends and limited anticipation. Standard errors: influence functions as in DRDID.
    Unbalanced panels: each comparison uses the units observed in both of its periods (complete pairs).

    References
    ----------
    Callaway & Sant'Anna (2021), *Journal of Econometrics* 225(2), 200–230; Sant'Anna & Zhao (2020), *Journal of
    Econometrics* 219(1), 101–122.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> effects = GroupTimeDiD(control="never_treated", covariates="lpop").fit(panel, "lemp")
    >>> effects.aggregate("overall").params.round(4).to_dict()
    {'overall': -0.0418}
    """

    control: Control = "not_yet_treated"
    method: Method = "dr"
    covariates: str | None = None
    base_period: BasePeriod = "varying"
    anticipation: int = 0
    by_group: bool = False
    variance: Variance | None = None

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise OptionError(problems)

    def fit(self, panel: Panel, outcome: str) -> Effects:
        """Estimate the effects on one outcome.

        Raises
        ------
        OptionError
            If ``by_group`` is asked for but the panel has no group, or the formula cannot be read.
        ColumnError
            If the outcome or a variable of the formula does not exist or cannot be used.
        EstimationError
            If the panel holds no comparison of treated and untreated units.

        Warns
        -----
        FewClustersWarning
            If fewer than eight clusters of the assignment level hold treated units.
        """
        column = _jackknife.jackknife_column(self.variance, panel.cluster)
        sample = take_sample(self, panel, outcome)
        options = GroupTimeOptions(
            control=self.control,
            method=self.method,
            base_period=self.base_period,
            anticipation=self.anticipation,
        )
        found = group_time_effects(sample.data, options)
        if not np.isfinite(found.estimate).any():
            raise EstimationError(nothing_identified(found))
        effects = _effects(self, panel, outcome, sample, found)
        if column is None:
            return effects
        codes = panel.unit_codes(column)[sample.kept]
        without = partial(_jackknife.leave_out, sample.data, options, found.cells, codes)
        return _jackknife.with_replicates(effects, column, without)


def _effects(model: GroupTimeDiD, panel: Panel, outcome: str, sample: Sample, found: GroupTimeEffects) -> Effects:
    labels = _labels(found, panel.times, sample.group_names)
    active = np.flatnonzero(found.used.any(axis=1))
    rows = np.flatnonzero(sample.kept)[active]
    clusters = {column: panel.unit_codes(column)[rows] for column in cluster_columns(model.variance, panel.cluster)}
    membership = _membership(sample.data, found, active)
    terms = list(labels.index)
    findings = (
        *identification_checks(terms, found.reasons),
        *lone_treated_check(terms, found.n_treated),
        *notes(sample, panel, model),
        *cluster_checks(clusters, membership.treated()),
    )
    return Effects(
        labels=labels,
        estimate=found.estimate,
        influence_function=FactoredInfluence.of(found.source, membership),
        sampling=Sampling(
            units=panel.units[rows],
            clusters=clusters,
            membership=membership,
            assignment=panel.cluster,
            observed=_observed(membership, found, active),
            panel=panel,
        ),
        variance=model.variance,
        description=_description(model, outcome),
        sample=account(panel, sample, found),
        findings=findings,
        provenance=_provenance(model, panel, outcome, sample),
    )


def _labels(found: GroupTimeEffects, times: IntArray, names: tuple[str, ...]) -> pd.DataFrame:
    cohort = np.array([cell.cohort for cell in found.cells])
    time = times[[cell.time for cell in found.cells]]
    columns: dict[str, Any] = {"cohort": cohort, "time": time, "event_time": time - cohort}
    suffix = [""] * len(cohort)
    if names:
        columns["group"] = [names[cell.group] for cell in found.cells]
        suffix = [f" | {group}" for group in columns["group"]]
    terms = [f"ATT({g}, {t}{text})" for g, t, text in zip(cohort, time, suffix, strict=True)]
    return pd.DataFrame(columns, index=pd.Index(terms))


def _membership(data: GroupTimeData, found: GroupTimeEffects, active: IntArray) -> Membership:
    """Units of each cohort (and group) that enter any comparison, with the weight of their first period."""
    keys = [(cell.cohort, cell.group) for cell in found.cells]
    order = {key: arm for arm, key in enumerate(dict.fromkeys(keys))}
    cohorts = data.cohorts[active]
    groups = (
        np.full(len(cohorts), -1) if data.groups is None else np.where(np.isfinite(cohorts), data.groups[active], -1)
    )
    arms = np.full(len(cohorts), -1, dtype=np.int64)
    for (cohort, group), arm in order.items():
        arms[(cohorts == cohort) & (groups == group)] = arm
    incidence = np.arange(len(order))[:, None] == np.array([order[key] for key in keys])
    return Membership(arms, np.where(arms >= 0, _unit_weights(data)[active], 0.0), incidence)


def _observed(membership: Membership, found: GroupTimeEffects, active: IntArray) -> Membership | None:
    """Members of each cell whose outcome is used in both of its periods; nothing where these are all members."""
    used = found.used[active]
    times, bases = (np.array([getattr(cell, name) for cell in found.cells]) for name in ("time", "base"))
    there = membership.arms >= 0
    patterns, code = distinct_rows(np.column_stack([used[there], _bits(membership.arms[there], membership.n_arms)]))
    periods = patterns[:, : used.shape[1]]
    own = membership.incidence[patterns[:, used.shape[1] :].argmax(axis=1)]
    incidence = own & periods[:, times] & periods[:, bases]
    if np.array_equal(incidence, own):
        return None
    arms = np.full(membership.n_units, -1, dtype=np.int64)
    arms[there] = code
    return Membership(arms, membership.weight, incidence)


def _bits(arms: IntArray, n_arms: int) -> BoolArray:
    return np.asarray(arms[:, None] == np.arange(n_arms))


def _unit_weights(data: GroupTimeData) -> FloatArray:
    """Weight of each unit in its first observed period."""
    if data.weights is None:
        return np.ones(data.n_units)
    first = np.isfinite(data.weights).argmax(axis=1)
    return np.asarray(data.weights[np.arange(data.n_units), first])


def _description(model: GroupTimeDiD, outcome: str) -> Description:
    given = f" given {model.covariates.strip(' ~')}" if model.covariates else ""
    ahead = f", {model.anticipation} periods of anticipation" if model.anticipation else ""
    return Description(
        estimand="average effect on the treated, ATT(g, t); aggregates weight cells by treated units",
        method=f"group-time difference-in-differences (Callaway & Sant'Anna 2021), {_METHODS[model.method]}{given}, "
        f"{model.control.replace('_', '-')} comparison units, {model.base_period} base period{ahead}",
        outcome=outcome,
        anticipation=model.anticipation,
    )


def _provenance(model: GroupTimeDiD, panel: Panel, outcome: str, sample: Sample) -> Provenance:
    fingerprint = panel.fingerprint(outcome)
    if sample.data.covariates is not None:
        text = fingerprint.encode() + np.ascontiguousarray(sample.data.covariates).tobytes()
        fingerprint = hashlib.blake2b(text, digest_size=16).hexdigest()
    return Provenance.now(fingerprint=fingerprint, options=options_of(model), seed=seed_of(model.variance))


def _problems(model: Any) -> list[Problem]:
    """Options that cannot be; ``model`` is untyped because users pass anything."""
    choices = {"control": get_args(Control), "method": get_args(Method), "base_period": get_args(BasePeriod)}
    problems = [
        _bad(name, getattr(model, name), " or ".join(map(repr, values)))
        for name, values in choices.items()
        if getattr(model, name) not in values
    ]
    problems += _covariates.check_formula(model.covariates)
    if isinstance(model.anticipation, bool) or not isinstance(model.anticipation, int) or model.anticipation < 0:
        problems.append(_bad("anticipation", model.anticipation, "a whole number of periods, 0 or more"))
    if not isinstance(model.by_group, bool):
        problems.append(_bad("by_group", model.by_group, "True or False"))
    if not isinstance(model.variance, Variance | None):
        kinds = "Cluster(...), MultiplierBootstrap(...), Jackknife(...), WildBootstrap(...) or None"
        problems.append(_bad("variance", model.variance, kinds))
    return problems


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
