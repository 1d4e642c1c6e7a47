"""Effects to plain data and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import clustereffects.results.variance as variances
from clustereffects.data.account import SampleAccount
from clustereffects.inference.influence import Influence
from clustereffects.inference.membership import Membership
from clustereffects.results.checks import Check
from clustereffects.results.description import Description, Sampling
from clustereffects.results.provenance import Provenance, plain
from clustereffects.results.replicates import Replicates
from clustereffects.results.uncertainty import Uncertainty

if TYPE_CHECKING:
    from clustereffects.results.effects import Effects


def effects_to_dict(effects: Effects, *, influence: bool) -> dict[str, Any]:
    """Effects as JSON data: lists, numbers (NaN as None), text. Effects of single units are not stored.

    Parameters
    ----------
    effects : Effects
    influence : bool
        Whether to store the influence function and what aggregation needs with it.

    Returns
    -------
    dict

    Raises
    ------
    NotStoredError
        If the influence function is asked for but was not stored.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> effects = ce.GroupTimeDiD().fit(panel, "lemp").aggregate("overall")
    >>> again = ce.Effects.from_dict(effects.to_dict())
    >>> bool(again.params["overall"] == effects.params["overall"])
    True
    """
    spread, name = effects.uncertainty, effects.description
    data: dict[str, Any] = {
        "labels": {column: effects.labels[column].tolist() for column in effects.labels.columns},
        "terms": effects.labels.index.tolist(),
        "estimate": _numbers(effects.estimate),
        "cov": [_numbers(row) for row in spread.cov],
        "std_error": _numbers(spread.std_error),
        "df": None if np.isinf(spread.df) else spread.df,
        "term_df": None if spread.term_df is None else _numbers(spread.term_df),
        "convention": spread.convention,
        "columns": list(spread.columns),
        "kind": spread.kind,
        "description": {item.name: getattr(name, item.name) for item in fields(name)},
        "sample": effects.sample.to_dict(),
        "checks": [plain(check) for check in effects.findings],
        "provenance": effects.provenance.to_dict(),
        "variance": _variance_to_dict(effects.variance),
    }
    if influence:
        data["influence"] = [_numbers(row) for row in effects.influence]
        data["order"] = _order(effects)
        data["sampling"] = _sampling_to_dict(effects)
        data["draws"] = None if spread.draws is None else [_numbers(row) for row in spread.draws]
        data["replicates"] = _replicates_to_dict(effects.replicates)
    if spread.studentised is not None:
        data["studentised"] = [_numbers(row) for row in spread.studentised]
    return data


def effects_parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``Effects`` from what ``effects_to_dict`` returned.

    Parameters
    ----------
    data : mapping

    Returns
    -------
    dict

    Raises
    ------
    KeyError
        If a part is missing.

    Examples
    --------
    >>> effects_parts({})
    Traceback (most recent call last):
    ...
    KeyError: 'provenance'
    """
    provenance = Provenance(**data["provenance"])
    spread = Uncertainty(
        covariance=_array(data["cov"]).reshape(len(data["terms"]), len(data["terms"])),
        std_error=_array(data["std_error"]),
        df=np.inf if data["df"] is None else data["df"],
        convention=data["convention"],
        draws=_array(data["draws"]) if data.get("draws") is not None else None,
        term_df=_array(data["term_df"]) if data.get("term_df") is not None else None,
        studentised=_array(data["studentised"]) if "studentised" in data else None,
        columns=tuple(data.get("columns", ())),
        kind=data.get("kind", "analytic"),
    )
    influence = _influence(data) if "influence" in data else None
    return {
        "labels": pd.DataFrame(data["labels"], index=pd.Index(data["terms"])),
        "estimate": _array(data["estimate"]),
        "description": Description(**data["description"]),
        "sample": SampleAccount(**data["sample"]),
        "findings": tuple(_check(check) for check in data["checks"]),
        "provenance": provenance,
        "variance": _variance_from_dict(data["variance"]),
        "influence_function": influence,
        "replicates": _replicates_from_dict(data.get("replicates")),
        "sampling": _sampling_from_dict(data["sampling"], len(data["terms"])) if "sampling" in data else None,
        "stored": spread,
    }


def _order(effects: Effects) -> list[int] | None:
    influence = effects.influence_function
    return None if influence is None or influence.order is None else influence.order.tolist()


def _influence(data: Mapping[str, Any]) -> Influence:
    order = data.get("order")
    return Influence(_array(data["influence"]), None if order is None else np.array(order, dtype=np.int64))


def _numbers(values: Any) -> list[float | str | None]:
    """Numbers as JSON has them: nothing for NaN, a word for what has no limit, such as t values of bootstrap draws."""
    return [None if np.isnan(value) else float(value) if np.isfinite(value) else str(value) for value in values]


def _array(values: Any) -> Any:
    return np.array(values, dtype=np.float64)


def _check(data: Mapping[str, Any]) -> Check:
    parts = {key: value for key, value in data.items() if key != "type"}
    numbers = {key: np.nan if parts[key] is None else float(parts[key]) for key in ("statistic", "threshold")}
    return Check(**{**parts, **numbers})


def _variance_to_dict(choice: variances.Variance | None) -> dict[str, Any] | None:
    return None if choice is None else dict(plain(choice))  # type: ignore[call-overload]


def _variance_from_dict(data: Mapping[str, Any] | None) -> variances.Variance | None:
    if data is None:
        return None
    options = {key: value for key, value in data.items() if key != "type"}
    if data["type"] == "Cluster":
        return variances.Cluster(*options["columns"], small_sample=options["small_sample"])
    kinds = (variances.MultiplierBootstrap, variances.Jackknife, variances.WildBootstrap)
    kind = {kind.__name__: kind for kind in kinds}[data["type"]]
    return kind(**options)


def _replicates_to_dict(replicates: Replicates | None) -> dict[str, Any] | None:
    if replicates is None:
        return None
    return {
        "column": replicates.column,
        "left_out": replicates.left_out.tolist(),
        "whole": _numbers(replicates.whole),
        "without": [_numbers(row) for row in replicates.without],
        "alone": replicates.alone.tolist(),
        "gone": None if replicates.gone is None else [_numbers(row) for row in replicates.gone],
        "share": None if replicates.share is None else [_numbers(row) for row in replicates.share],
    }


def _replicates_from_dict(data: Mapping[str, Any] | None) -> Replicates | None:
    if data is None:
        return None
    whole = _array(data["whole"])
    return Replicates(
        column=data["column"],
        left_out=np.array(data["left_out"], dtype=np.int64),
        whole=whole,
        without=_array(data["without"]).reshape(-1, len(whole)),
        alone=np.array(data["alone"], dtype=np.int64),
        gone=_rows(data.get("gone"), len(whole)),
        share=_rows(data.get("share"), len(whole)),
    )


def _rows(values: Any, width: int) -> Any:
    return None if values is None else _array(values).reshape(-1, width)


def _sampling_to_dict(effects: Effects) -> dict[str, Any]:
    sampling = effects.sampling
    if sampling is None:
        return {}
    return {
        "units": sampling.units.tolist(),
        "clusters": {name: codes.tolist() for name, codes in sampling.clusters.items()},
        "assignment": list(sampling.assignment),
        "membership": _membership_to_dict(sampling.membership),
        "observed": None if sampling.observed is None else _membership_to_dict(sampling.observed),
    }


def _sampling_from_dict(data: Mapping[str, Any], n_terms: int) -> Sampling:
    return Sampling(
        units=pd.Index(data["units"]),
        clusters={name: np.array(codes) for name, codes in data["clusters"].items()},
        membership=_membership_from_dict(data["membership"], n_terms),
        assignment=tuple(data["assignment"]),
        observed=None if data.get("observed") is None else _membership_from_dict(data["observed"], n_terms),
    )


def _membership_to_dict(membership: Membership) -> dict[str, Any]:
    return {
        "arms": membership.arms.tolist(),
        "weight": membership.weight.tolist(),
        "incidence": membership.incidence.astype(int).tolist(),
    }


def _membership_from_dict(data: Mapping[str, Any], n_terms: int) -> Membership:
    return Membership(
        np.array(data["arms"], dtype=np.int64),
        np.array(data["weight"], dtype=np.float64),
        np.array(data["incidence"], dtype=np.bool_).reshape(len(data["incidence"]), n_terms),
    )
