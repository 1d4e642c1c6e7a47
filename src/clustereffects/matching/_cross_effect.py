"""Effect on an outcome of a matched or weighted cross-section: sample, weights' model, errors, result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._frame as _frame
from clustereffects.data import require_columns
from clustereffects.data.account import SampleAccount
from clustereffects.errors import ColumnError, EstimationError, OptionError, Problem
from clustereffects.matching.effect import Effect, Sample, g_computation, weighted_difference
from clustereffects.matching.entropy import with_squares
from clustereffects.matching.propensity import logit
from clustereffects.matching.weights import (
    WeightModel,
    calibration_model,
    propensity_model,
    propensity_weights,
)
from clustereffects.results import Description, Effects, Provenance
from clustereffects.results.uncertainty import Uncertainty

if TYPE_CHECKING:
    from clustereffects.matching.match import CrossSectionMatch
    from clustereffects.matching.matching import Matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ERRORS = ("HC0", "HC1", "HC3", "CR0", "CR1", "M")
_WORDS = {
    "HC0": "heteroskedasticity-robust HC0, no factor",
    "HC1": "heteroskedasticity-robust HC1, factor n/(n − k)",
    "HC3": "heteroskedasticity-robust HC3, residuals over 1 − leverage",
    "CR0": "clustered by matched set (CR0), no factor",
    "CR1": "clustered by matched set (CR1), factor G/(G − 1) · (n − 1)/(n − k)",
    "M": "M-estimation with the error of the estimated weights, no factor",
}


class _Parts(NamedTuple):
    """A sample by unit, the model of its weights, and what target covariates are averaged over."""

    sample: Sample
    model: WeightModel | None
    target: FloatArray


class EffectMethods:
    """Effects of a match of a cross-section."""

    def effect(self, outcome: Any, covariates: Sequence[str] = (), *, errors: str | None = None) -> Effects:
        """Effect on an outcome: a difference of weighted means, or predictions with and without treatment.

        Parameters
        ----------
        outcome : str, or numbers for every unit
            Column of the frame that was matched, or values in the order of ``units`` (a Series by its index).
        covariates : sequence of str
            Columns to adjust for: the outcome is regressed on them, separately for treated units and controls, with the
            weights of the match, and the predictions are averaged over the units of the estimand (g-computation).
        errors : {"HC0", "HC1", "HC3", "CR0", "CR1", "M"}, optional
            Default: ``"M"``, with the error of estimated weights, for entropy balancing and weights from a logit;
            ``"CR1"``, clustered by matched set, for sets that share no unit; otherwise ``"HC1"``, where a control that
            serves several treated units is one observation with the sum of its weights.

        Raises
        ------
        OptionError
            If the errors do not fit the match.
        ColumnError
            If a column is missing or not numeric.
        EstimationError
            If an outcome or a covariate of a matched unit is missing.

        References
        ----------
        Abadie & Spiess (2022), *Journal of the American Statistical Association* 117(538), for sets as clusters; Stefanski
        & Boos (2002), *The American Statistician* 56(1), for M-estimation.

        Examples
        --------
        >>> import clustereffects as ce
        >>> frame = pd.DataFrame({"d": [1, 1, 0, 0, 0], "x": [1.0, 2.0, 1.1, 2.1, 9.0], "y": [3.0, 5.0, 1.0, 2.0, 0.0]})
        >>> ce.Matching(on=["x"], replace=False).fit_frame(frame, treatment="d").effect("y").params.tolist()
        [2.5]
        """
        return effect(cast("CrossSectionMatch", self), outcome, covariates, errors)


def effect(match: CrossSectionMatch, outcome: Any, covariates: Sequence[str], errors: str | None) -> Effects:
    """Effect of a cross-section; see ``CrossSectionMatch.effect``."""
    chosen = _errors(match, errors)
    values, name = _outcome(match, outcome)
    parts = _parts(match, chosen)
    known = np.isfinite(values)
    used = parts.sample.weight > 0
    if not known[used].all():
        raise EstimationError(_missing(name, int((~known & used).sum())))
    sample = Sample(np.where(known, values, 0.0), parts.sample.treated, parts.sample.weight)
    found = _estimate(match, sample, parts, tuple(covariates))
    return _result(match, found, chosen, (name, tuple(covariates)))


def _options(match: CrossSectionMatch) -> Matching:
    """How the match was made."""
    if match.options is None:
        raise EstimationError("the match was made by hand: its estimand and how its weights came about are not known")
    return match.options


def _errors(match: CrossSectionMatch, errors: str | None) -> str:
    """The errors asked for, or those that fit: of weights, of sets that share nobody, of sets that share controls."""
    weighted = _options(match).method in {"entropy", "propensity_weighting"}
    apart = len(np.unique(match.sets.control)) == len(match.sets.control)
    apart &= len(np.unique(match.sets.treated)) == len(match.sets.treated)
    modelled = weighted and not (_options(match).method == "propensity_weighting" and _options(match).link == "probit")
    if errors is None:
        return "M" if modelled else "CR1" if apart and len(match.sets.mass) > 1 else "HC1"
    refused = {
        "M": None if modelled else "weights that were estimated by entropy or a logit",
        "CR0": None if apart else "sets that share no unit: match without replacement",
        "CR1": None if apart else "sets that share no unit: match without replacement",
    }
    expected = refused.get(errors) if errors in ERRORS else f"one of {', '.join(ERRORS)}"
    if expected:
        raise OptionError(
            Problem(what=f"errors={errors!r}", where=match.design.method, expected=expected, remedy="choose others")
        )
    return errors


def _outcome(match: CrossSectionMatch, outcome: Any) -> tuple[FloatArray, str]:
    """Outcome of every unit, and its name."""
    if isinstance(outcome, str):
        require_columns([outcome], list(match.table.columns), "the frame that was matched")
        return _numbers(match.table[outcome]), outcome
    values = outcome.reindex(match.units) if isinstance(outcome, pd.Series) else pd.Series(outcome)
    if len(values) != len(match.units):
        raise ColumnError(f"{len(values)} outcomes for {len(match.units)} units – expected one for each")
    return _numbers(values), str(getattr(outcome, "name", None) or "outcome")


def _numbers(values: pd.Series[Any]) -> FloatArray:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        raise ColumnError(f"the outcome {values.name!r} is not numeric – expected numbers")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _parts(match: CrossSectionMatch, errors: str) -> _Parts:
    n = len(match.units)
    treated = np.zeros(n, dtype=np.bool_)
    treated[match.sets.treated] = True
    weight = match.sets.unit_weights(n)
    model = None
    if errors == "M":
        weight, model = _weight_model(match, weight, treated)
    focal = {"ATT": treated, "ATC": ~treated}.get(_options(match).estimand, np.ones(n, dtype=np.bool_))
    # The overlap population is defined by its weights; all others are units that count the same.
    target = weight if _options(match).estimand == "ATO" else (focal & (weight > 0)).astype(np.float64)
    return _Parts(Sample(np.zeros(n), treated, weight), model, target)


def _weight_model(match: CrossSectionMatch, weight: FloatArray, treated: BoolArray) -> tuple[FloatArray, WeightModel]:
    """Weights on the scale on which they were estimated, and their model, over all units."""
    options, n = _options(match), len(weight)
    rows, x, strata = _estimated_on(match, treated)
    raw = weight.copy()
    if options.method == "entropy":
        moments = np.column_stack([with_squares(x) if options.moments == 2 else x, strata])
        part = calibration_model(moments, treated[rows], weight[rows], estimand=options.estimand)
    else:
        design = np.column_stack([np.ones(len(rows)), x])
        probability = logit(design, treated[rows]).probability
        raw[rows] = propensity_weights(probability, treated[rows], options.estimand)
        part = propensity_model(design, probability, treated[rows], options.estimand)
    slope, influence = (np.zeros((n, part.slope.shape[1])) for _ in range(2))
    # Influence is scaled so that its mean over all units, those that were left out included, is the error.
    slope[rows], influence[rows] = part.slope, part.influence * (n / len(rows))
    return raw, WeightModel(slope, influence)


def _estimated_on(match: CrossSectionMatch, treated: BoolArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Units on which the weights were estimated, their matching variables, indicators of all exact strata but one."""
    pool = match.pool
    if pool is None:
        raise EstimationError("the match was made by hand, without candidates: how weights were estimated is not known")
    (members,) = pool.members
    rows = np.sort(np.concatenate([members.treated, members.control]))
    codes = np.column_stack([np.zeros(len(rows)), *(levels[0](0)[rows] for levels in pool.history.exact)])
    stratum = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    size = int(stratum.max()) + 1
    sides = (np.bincount(stratum[side[rows]], minlength=size) > 0 for side in (treated, ~treated))
    both = np.asarray(np.logical_and(*sides))
    keep = both[stratum]
    rows, stratum = rows[keep], stratum[keep]
    indicators = (stratum[:, None] == np.flatnonzero(both)[1:]).astype(np.float64)
    return rows, pool.matrix(members, rows), indicators


def _estimate(match: CrossSectionMatch, sample: Sample, parts: _Parts, covariates: tuple[str, ...]) -> Effect:
    if not covariates:
        return weighted_difference(sample, parts.model)
    require_columns(covariates, list(match.table.columns), "the frame that was matched")
    x, _ = _frame.covariates(match.table, list(covariates))
    lacking = int(np.count_nonzero(~np.isfinite(x[sample.used]).all(axis=1)))
    if lacking:
        raise EstimationError(_missing(", ".join(covariates), lacking))
    return g_computation(sample, np.where(np.isfinite(x), x, 0.0), parts.target, model=parts.model)


def _clusters(match: CrossSectionMatch) -> IntArray:
    """Set of each unit, one of its own where it is in none."""
    code = np.arange(len(match.units)) + len(match.sets.mass)
    code[match.sets.treated] = match.sets.treated_set
    code[match.sets.control] = match.sets.control_set
    return code


def _result(match: CrossSectionMatch, found: Effect, errors: str, names: tuple[str, tuple[str, ...]]) -> Effects:
    clustered = errors in {"CR0", "CR1"}
    error = found.standard_error(errors, _clusters(match) if clustered else None)
    outcome, covariates = names
    how = f"g-computation with {', '.join(covariates)}" if covariates else "difference of weighted means"
    sets = len(match.sets.mass)
    counts = {"units with weight": int(found.used.sum()), "sets": sets, **match.sample.counts}
    return Effects(
        labels=pd.DataFrame(index=pd.Index([str(_options(match).estimand)])),
        estimate=np.array([found.value]),
        stored=Uncertainty(
            covariance=np.array([[error**2]]),
            std_error=np.array([error]),
            df=float(sets - 1) if clustered else float("inf"),
            convention=_WORDS[errors],
        ),
        description=Description(estimand=match.estimand, method=f"{match.design.method}; {how}", outcome=outcome),
        sample=SampleAccount(
            rows_in=match.sample.rows_in,
            rows_used=match.sample.rows_used,
            dropped=dict(match.sample.dropped),
            counts=counts,
        ),
        findings=tuple(match.checks()),
        provenance=Provenance.now(
            fingerprint=match.provenance.fingerprint,
            options={"outcome": outcome, "covariates": list(covariates), "errors": errors},
            seed=match.provenance.seed,
        ),
    )


def _missing(name: str, count: int) -> Problem:
    return Problem(
        what=f"missing values of {name}",
        where=f"{count} matched units",
        expected="known values for all units with weight",
        remedy="leave these units out of the frame before matching, so that their sets stay whole",
    )
