"""From effects or a table to estimates with an error covariance, one per organisation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data.panel import to_pandas
from clustereffects.errors import ColumnError, EstimationError, InputError, Problem
from clustereffects.results import Check, Effects, named_columns

FloatArray = NDArray[np.float64]

FEWEST = 3  # organisations with an estimate
_SMALL = 5  # treated units below which a standard error is itself a guess
_AGREE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolingData:
    """Estimates of organisations with their error covariance; unusable estimates are NaN and have a reason."""

    groups: tuple[str, ...]
    terms: tuple[str, ...]
    estimate: FloatArray
    cov: FloatArray
    reasons: tuple[str, ...]
    outcome: str = ""
    estimand: str = "effect in each organisation"
    source: str = "estimates from a table"
    convention: str = "standard errors as given"
    findings: tuple[Check, ...] = ()

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Organisations whose estimate enters the model."""
        return np.isfinite(self.estimate)

    def fingerprint(self) -> str:
        """Hash of estimates, covariance and names."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update("\x1f".join(self.groups).encode())
        digest.update(self.estimate.tobytes())
        digest.update(np.where(np.outer(self.usable, self.usable), self.cov, np.nan).tobytes())
        return digest.hexdigest()


def from_effects(effects: Effects) -> PoolingData:
    """Estimates per organisation from effects, aggregated by group if they are not yet."""
    if effects.description.aggregation != "group":
        effects = effects.aggregate("group")
    groups = effects.labels["group"].astype(str).tolist()
    cov, convention, findings = _errors(effects)
    units = effects.treated_units() if effects.sampling is not None else np.full(len(groups), _SMALL)
    reasons = ["fewer than two firms: no error of its own" if n < 2 else "" for n in units]
    estimate, cov, reasons = _usable(effects.estimate, cov, reasons)
    few = int((np.isfinite(estimate) & (units < _SMALL)).sum())
    if few:
        findings.append(_few_units(few))
    data = PoolingData(
        groups=tuple(groups),
        terms=tuple(effects.labels.index.astype(str)),
        estimate=estimate,
        cov=cov,
        reasons=tuple(reasons),
        outcome=effects.description.outcome,
        estimand=effects.estimand,
        source=effects.method,
        convention=convention,
        findings=tuple(findings),
    )
    _validate(data)
    return data


def from_frame(frame: Any, cov: Any = None) -> PoolingData:
    """Estimates per organisation from a table with the columns group or term, estimate, std_error."""
    table = to_pandas(frame)
    names = [name for name in ("group", "term") if name in table.columns]
    absent = [name for name in ("estimate", *(() if cov is not None else ("std_error",))) if name not in table.columns]
    absent = absent if names else ["group", *absent]
    if absent:
        raise ColumnError([_absent(name, table.columns) for name in absent])
    groups = table[names[0]].astype(str).tolist()
    terms = table["term"].astype(str).tolist() if "term" in names else [f"group[{name}]" for name in groups]
    estimate = _floats(table, "estimate")
    errors = _floats(table, "std_error") if "std_error" in table.columns else None
    matrix = np.diag(errors**2) if cov is None and errors is not None else _matrix(cov, groups, terms)
    _agree(matrix, errors)
    estimate, matrix, reasons = _usable(estimate, matrix, [""] * len(groups))
    label = {name: str(table[name].iloc[0]) for name in ("estimand", "method") if name in table.columns and len(table)}
    data = PoolingData(
        groups=tuple(groups),
        terms=tuple(terms),
        estimate=estimate,
        cov=matrix,
        reasons=tuple(reasons),
        estimand=label.get("estimand") or "effect in each organisation",
        source=label.get("method") or "estimates from a table",
        convention="standard errors as given" if cov is None else "covariance as given",
    )
    _validate(data)
    return data


def _errors(effects: Effects) -> tuple[FloatArray, str, list[Check]]:
    """Covariance of the organisations' estimates.

    Errors clustered by organisation, or by anything within which an organisation lies, cannot serve here: each
    organisation would be one cluster and its own deviations would sum to zero.
    """
    spread, influence = effects.uncertainty, effects.influence_function
    columns = _cluster_columns(effects)
    if influence is None or not any(_nested(effects, column) for column in columns):
        return np.array(spread.cov), spread.convention, []
    convention = f"influence function, independent units ({influence.n_units:,} units)"
    check = Check(
        name="errors within organisations",
        verdict="info",
        statistic=float(len(effects.labels)),
        message=f"errors clustered by {' and '.join(columns)} say nothing about a single organisation, which is one "
        "cluster: errors of independent units are used, and the model itself estimates how organisations differ",
    )
    return influence.covariance(), convention, [check]


def _cluster_columns(effects: Effects) -> tuple[str, ...]:
    choice, sampling = effects.variance, effects.sampling
    assigned = sampling.assignment if sampling is not None else ()
    return named_columns(choice) or (assigned if choice is None else assigned[:1])


def _nested(effects: Effects, column: str) -> bool:
    """Whether all treated units of every organisation with more than one share a cluster."""
    sampling = effects.sampling
    if sampling is None:
        return False
    several = sampling.membership.counts() > 1
    return bool(several.any() and (sampling.membership.clusters(sampling.clusters[column])[several] == 1).all())


def _few_units(count: int) -> Check:
    return Check(
        name="organisations with few firms",
        verdict="warn",
        statistic=float(count),
        threshold=0.0,
        message=f"{count} organisations have fewer than {_SMALL} treated firms: their standard errors are unreliable "
        "and decide how much they are pooled",
        remedy="treat these organisations' own figures with reserve, or merge small organisations before the analysis",
    )


def _usable(estimate: FloatArray, cov: FloatArray, reasons: Sequence[str]) -> tuple[FloatArray, FloatArray, list[str]]:
    """Estimates with NaN where there is no usable estimate, and why."""
    variance = np.diag(cov)
    with np.errstate(invalid="ignore"):
        no_error = ~(np.isfinite(variance) & (variance > 0))
    texts = []
    for value, blank, reason in zip(estimate, no_error, reasons, strict=True):
        own = "no estimate" if not np.isfinite(value) else "no standard error" if blank else reason
        texts.append(own)
    keep = np.array([not text for text in texts], dtype=bool)
    return np.where(keep, estimate, np.nan), np.array(cov, dtype=np.float64), texts


def _validate(data: PoolingData) -> None:
    duplicates = pd.Index(data.groups)[pd.Index(data.groups).duplicated()].unique().tolist()
    if duplicates:
        raise InputError(
            Problem(
                what="several estimates for one organisation",
                where=f"{len(duplicates)} organisations ({', '.join(map(str, duplicates[:3]))})",
                expected="one row per organisation",
                remedy="aggregate to one effect per organisation first",
            )
        )
    n = int(data.usable.sum())
    if n < FEWEST:
        raise EstimationError(
            Problem(
                what=f"partial pooling of {n} organisations",
                where=f"{len(data.groups)} organisations, {n} with an estimate and a standard error",
                expected=f"at least {FEWEST}: with fewer, the prior alone says how much organisations differ",
                remedy="report each organisation's own effect, or define smaller groups before the analysis",
            )
        )
    _positive_definite(data)


def _positive_definite(data: PoolingData) -> None:
    matrix = data.cov[np.ix_(data.usable, data.usable)]
    finite = bool(np.isfinite(matrix).all())
    scale = np.sqrt(np.diag(matrix))
    lowest = np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] if finite else -np.inf
    if not finite or np.abs(matrix - matrix.T).max() > _AGREE * matrix.max() or lowest < -_AGREE:
        raise InputError(
            Problem(
                what="the covariance of the estimates is not a covariance matrix",
                where=f"smallest eigenvalue of its correlations {lowest:.3g}",
                expected="finite, symmetric, no negative eigenvalue",
                remedy="give the covariance as the estimator returned it",
            )
        )


def _floats(table: pd.DataFrame, column: str) -> FloatArray:
    try:
        values = table[column].astype("float64").to_numpy(dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise ColumnError(
            Problem(
                what=f"column {column!r} is not numeric",
                where=f"first values {table[column].head(3).tolist()}",
                expected="numbers, empty where there is no estimate",
                remedy="convert the column",
            )
        ) from error
    if column == "std_error" and (values < 0).any():
        raise ColumnError(
            Problem(
                what="negative standard errors",
                where=f"{int((values < 0).sum())} rows",
                expected="standard errors above zero, empty where unknown",
                remedy="check whether the column holds standard errors",
            )
        )
    return np.where(np.isinf(values), np.nan, values)


def _matrix(cov: Any, groups: list[str], terms: list[str]) -> FloatArray:
    if isinstance(cov, pd.DataFrame):
        names = cov.index.astype(str)
        order = next((want for want in (groups, terms) if set(want) == set(names) and names.is_unique), None)
        if order is not None:
            cov = cov.set_axis(names, axis=0).set_axis(cov.columns.astype(str), axis=1).loc[order, order]
    matrix = np.array(cov, dtype=np.float64)
    if matrix.shape != (len(groups), len(groups)):
        raise InputError(
            Problem(
                what=f"the covariance has the shape {matrix.shape}",
                where=f"{len(groups)} organisations",
                expected="one row and one column per organisation",
                remedy="give the covariance of these estimates, in their order",
            )
        )
    return matrix


def _agree(matrix: FloatArray, errors: FloatArray | None) -> None:
    if errors is None:
        return
    known = np.isfinite(errors) & np.isfinite(np.diag(matrix))
    gap = np.abs(np.diag(matrix)[known] - errors[known] ** 2)
    if (gap > _AGREE * errors[known] ** 2).any():
        raise InputError(
            Problem(
                what="standard errors and covariance contradict each other",
                where=f"{int((gap > _AGREE * errors[known] ** 2).sum())} organisations",
                expected="std_error² on the diagonal of cov",
                remedy="drop the column std_error, or give the covariance it belongs to",
            )
        )


def _absent(name: str, columns: pd.Index) -> Problem:
    expected = {"group": "a column 'group' or 'term'"}.get(name, f"a column {name!r}")
    return Problem(
        what=f"there is no column {name!r}",
        where=f"columns: {', '.join(map(str, columns))}",
        expected=expected,
        remedy="rename the column, or give cov= instead of std_error" if name == "std_error" else "rename the column",
    )
