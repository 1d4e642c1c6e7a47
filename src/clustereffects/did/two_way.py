"""Two-way fixed effects: the regression that one would otherwise have believed, with a warning beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.did._covariates as _covariates
from clustereffects.data.account import SampleAccount
from clustereffects.data.panel import Panel
from clustereffects.did.group_time_checks import cluster_checks
from clustereffects.did.two_way_weights import TreatmentWeights, treatment_weights
from clustereffects.errors import EstimationError, OptionError, Problem
from clustereffects.results import Check, Cluster, Description, Effects, Provenance, options_of
from clustereffects.results.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TERM = "post"


@dataclass(frozen=True, kw_only=True)
class TwoWayFixedEffects:
    """Regression of the outcome on a dummy for the periods from joining on, with unit and time effects.

    Parameters
    ----------
    covariates : str, optional
        Right-hand side of a formulaic formula of covariates that vary within units.
    variance : Cluster, optional
        Default: clustered by the panel's assignment level, else by unit, with the factor that linearmodels takes by
        default, ``N/(N − K)`` with all unit and time effects counted in ``K``.

    Raises
    ------
    OptionError
        If an option has a value it cannot have.

    Notes
    -----
    The coefficient is a weighted sum of the treated observations' effects. When units join at different times and
    effects differ, weights may be negative: the check "negative weights" says how many are. Use ``GroupTimeDiD``
    for effects; this number belongs beside them as what one would otherwise have believed.

    ``Cluster(..., small_sample="none")`` takes factor 1; ``"stata"`` takes ``G/(G − 1) · (N − 1)/(N − K)`` with all
    effects counted; ``"nested"`` counts the regressors and the time effects only, since units are nested in clusters
    (the default of the R package fixest). With two columns the larger of the two factors, that of the
    fewer clusters, applies to all three parts (as fixest does by default).
    Intervals use t(G − 1), by default with the treated clusters as ``G`` where an assignment level is declared; with
    ``"none"`` they use the normal distribution.

    References
    ----------
    de Chaisemartin & D'Haultfœuille (2020), *American Economic Review* 110(9); Goodman-Bacon (2021), *Journal of
    Econometrics* 225(2).

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> effects = TwoWayFixedEffects().fit(panel, "lemp")
    >>> effects.params.round(4).to_dict(), effects.std_errors.round(4).to_dict()
    ({'post': -0.0365}, {'post': 0.0148})
    """

    covariates: str | None = None
    variance: Cluster | None = None

    def __post_init__(self) -> None:
        problems = _covariates.check_formula(self.covariates)
        problems += _variance_problems(self.variance)
        if problems:
            raise OptionError(problems)

    def fit(self, panel: Panel, outcome: str) -> Effects:
        """Estimate the regression on one outcome.

        Raises
        ------
        OptionError
            If the formula cannot be read.
        ColumnError
            If the outcome or a variable of the formula does not exist or cannot be used.
        EstimationError
            If treatment or a covariate does not vary once unit and time effects are removed.

        Warns
        -----
        FewClustersWarning
            If fewer than eight clusters of the assignment level hold treated units.
        """
        rows = _rows(self, panel, outcome)
        variance = self.variance or (Cluster(*panel.cluster) if panel.cluster else Cluster(str(panel.roles["unit"])))
        codes = {column: panel.unit_codes(column) for column in variance.columns}
        fitted = _fit(rows, np.column_stack([code[rows.units] for code in codes.values()]))
        counts = [len(np.unique(code[rows.units])) for code in codes.values()]
        factor, convention = _factor(self.variance, rows, dict(zip(codes, counts, strict=True)))
        cov = factor * fitted.cov.to_numpy()
        reached = np.isfinite(panel.cohorts) & np.isin(np.arange(panel.n_units), rows.units)
        limits = [len(np.unique(code[reached])) for code in codes.values()] if panel.cluster else counts
        df = variance.df(min(counts)) if self.variance else float(min(limits) - 1)
        level = {column: code for column, code in codes.items() if column != panel.roles["unit"]}
        return Effects(
            labels=pd.DataFrame(index=pd.Index(rows.design.columns)),
            estimate=fitted.params.to_numpy(),
            stored=Uncertainty(
                covariance=cov,
                std_error=np.sqrt(np.maximum(np.diag(cov), 0.0)),
                df=df,
                convention=convention,
                columns=tuple(level),
            ),
            description=_description(self, outcome),
            sample=rows.account,
            findings=(_weights_check(_weights(rows)), *cluster_checks(level, reached)),
            provenance=Provenance.now(fingerprint=panel.fingerprint(outcome), options=options_of(self)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Observations of the regression, sorted by unit and time."""

    outcome: pd.Series
    design: pd.DataFrame
    units: IntArray
    weights: FloatArray | None
    account: SampleAccount

    @property
    def effects(self) -> tuple[int, int]:
        """Number of units and periods."""
        return len(np.unique(self.units)), self.design.index.get_level_values(1).nunique()


def _rows(model: TwoWayFixedEffects, panel: Panel, outcome: str) -> _Rows:
    if panel.roles["cohort"] is None:
        raise EstimationError("the panel has no cohort – name its column: Panel(..., cohort=...)")
    units, times = panel.row_codes
    values = panel.wide(outcome)[units, times]
    post = panel.times[times] >= panel.cohorts[units]
    found = _covariates.evaluate(panel, model.covariates) if model.covariates else None
    columns = np.column_stack([post.astype(np.float64), *([found.rows] if found else [])])
    names = [TERM, *(found.names if found else ())]
    observed, complete = np.isfinite(values), np.asarray(np.isfinite(columns).all(axis=1))
    order = np.lexsort((times, units))
    keep = order[(observed & complete)[order]]
    index = pd.MultiIndex.from_arrays([units[keep], panel.times[times[keep]]])
    weights = panel.roles["weights"]
    design = pd.DataFrame(columns[keep], index=index, columns=names)
    if not len(keep):
        raise EstimationError(f"the outcome {outcome!r} or the covariates are missing in all rows")
    if design[TERM].nunique() < 2:
        raise EstimationError(_no_variation(design))
    return _Rows(
        outcome=pd.Series(values[keep], index=index, name=outcome),
        design=design,
        units=units[keep],
        weights=panel.wide(weights)[units, times][keep] if weights else None,
        account=_account(panel, units, observed, complete),
    )


def _account(panel: Panel, units: IntArray, observed: BoolArray, complete: BoolArray) -> SampleAccount:
    used = observed & complete
    there = np.unique(units[used])
    treated = int(np.isfinite(panel.cohorts[there]).sum())
    dropped = {"outcome missing": int((~observed).sum()), "covariates missing": int((observed & ~complete).sum())}
    return SampleAccount(
        rows_in=len(units),
        rows_used=int(used.sum()),
        dropped={why: count for why, count in dropped.items() if count},
        counts={"units": len(there), "treated units": treated, "never-treated units": len(there) - treated},
    )


def _fit(rows: _Rows, clusters: IntArray) -> Any:
    """Fit with the plain sandwich: no small-sample factor at all."""
    from linearmodels.panel import PanelOLS
    from linearmodels.panel.utility import AbsorbingEffectError

    weights = None if rows.weights is None else pd.Series(rows.weights, index=rows.design.index)
    groups = pd.DataFrame(clusters, index=rows.design.index)
    model = PanelOLS(
        rows.outcome, rows.design, entity_effects=True, time_effects=True, weights=weights, check_rank=False
    )
    try:
        return model.fit(
            cov_type="clustered", clusters=groups, debiased=False, auto_df=False, count_effects=False, low_memory=False
        )
    except AbsorbingEffectError as error:
        raise EstimationError(_no_variation(rows.design)) from error


def _no_variation(design: pd.DataFrame) -> Problem:
    return Problem(
        what="treatment or a covariate does not vary once unit and time effects are removed",
        where=f"regressors: {', '.join(design.columns)}",
        expected="units treated from some period on, others not, and covariates that change within units",
        remedy="leave out covariates that are constant within units, the same for all or collinear",
    )


def _factor(variance: Cluster | None, rows: _Rows, counts: dict[str, int]) -> tuple[float, str]:
    """Small-sample factor and the convention in words."""
    n_units, n_times = rows.effects
    n_obs, n_regressors = rows.design.shape
    every = n_regressors + n_units + n_times - 1
    level = " and ".join(f"{column} ({count:,} clusters)" for column, count in counts.items())
    if variance is None:
        factor = n_obs / (n_obs - every)
        text = f"N/(N−K) as linearmodels, N = {n_obs:,}, K = {every:,} with all effects"
    else:
        counted = n_regressors + n_times if variance.small_sample == "nested" else every
        factor = max(variance.factor(count, n_obs, counted) for count in counts.values())
        text = f"small_sample={variance.small_sample!r}"
    return factor, f"sandwich, clustered by {level}, factor {factor:.6g} ({text})"


def _weights(rows: _Rows) -> TreatmentWeights:
    """Weights of treated observations, from the residuals of treatment on everything else."""
    from linearmodels.panel import PanelOLS

    weights = None if rows.weights is None else pd.Series(rows.weights, index=rows.design.index)
    others = rows.design.drop(columns=TERM).assign(constant=1.0)
    model = PanelOLS(rows.design[TERM], others, entity_effects=True, time_effects=True, weights=weights)
    residual = model.fit(low_memory=False).resids.to_numpy()
    return treatment_weights(residual, rows.design[TERM].to_numpy() == 1.0, rows.weights)


def _weights_check(found: TreatmentWeights) -> Check:
    negative = found.n_negative > 0
    return Check(
        name="negative weights",
        verdict="warn" if negative else "pass",
        statistic=found.share_negative,
        threshold=0.0,
        message=f"{found.n_negative:,} of {len(found.weights):,} treated observations ({found.share_negative:.0%}) enter "
        f"with a negative weight, {found.sum_negative:.3f} in sum",
        remedy="believe GroupTimeDiD instead: with negative weights the coefficient can lie outside the range of all "
        "effects"
        if negative
        else "",
    )


def _description(model: TwoWayFixedEffects, outcome: str) -> Description:
    given = f", covariates {model.covariates.strip(' ~')}" if model.covariates else ""
    return Description(
        estimand="coefficient of treatment: a weighted sum of the treated observations' effects, whose weights may be "
        "negative; what one would otherwise have believed",
        method=f"two-way fixed effects regression (linearmodels PanelOLS){given}",
        outcome=outcome,
        aggregation="two-way regression",
    )


def _variance_problems(variance: Any) -> list[Problem]:
    if variance is None or isinstance(variance, Cluster):
        return []
    return [
        Problem(
            what=f"option variance={variance!r}",
            where="",
            expected="Cluster(...) or None",
            remedy="give variance another value",
        )
    ]
