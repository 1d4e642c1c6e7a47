"""The tables that a run leaves, with the disclosure policy applied to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.bayes import PosteriorEffects
from clustereffects.disclosure import DisclosurePolicy, withhold
from clustereffects.inference import critical_value
from clustereffects.results import TIDY_COLUMNS, Diagnostic, Effects, Evidence
from clustereffects.study._withheld import reasons_by, survey_reasons
from clustereffects.study.effect_sets import EffectSet, at_both_levels
from clustereffects.study.firms import FirmEffects
from clustereffects.study.inputs import Inputs
from clustereffects.survey import ScaleMeans

LABELS = ("cohort", "time", "event_time", "group")
_FIGURES = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


def effects_table(firms: FirmEffects, policy: DisclosurePolicy) -> pd.DataFrame:
    """Effects by estimator, outcome and aggregation: ``tables/effects.csv``.

    Parameters
    ----------
    firms : FirmEffects
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        ``estimator, outcome, aggregation``, the label columns, the tidy columns, then ``treated_firms`` and
        ``withheld`` (the reason, empty for what may be published).

    Raises
    ------
    NotStoredError
        If effects came without their influence function.

    Examples
    --------
    >>> effects_table.__name__
    'effects_table'
    """
    parts = [part for (name, outcome), fit in firms.effects.items() for part in _parts(name, outcome, fit, policy)]
    for outcome, fit in firms.two_way.items():
        # The same members as in the group-time effects.
        reasons = reasons_by("overall", firms.effects["group_time_did", outcome].by["overall"], policy)
        parts.append(withhold(_labelled(fit.tidy(), "two_way_fixed_effects", outcome, "overall"), reasons, _FIGURES))
    for outcome, posterior in firms.pooled.items():
        parts.append(_labelled(posterior.tidy(), "hierarchical_effects", outcome, "group"))
    table = pd.concat([part.dropna(axis="columns", how="all") for part in parts], ignore_index=True)
    columns = ["estimator", "outcome", "aggregation", *LABELS, *TIDY_COLUMNS, "treated_firms", "withheld"]
    table = _withhold_pooled(table.reindex(columns=columns), firms.primary, policy)
    integers = ["cohort", "time", "event_time", "treated_firms"]
    return table.astype(dict.fromkeys(integers, "Int64")).assign(withheld=table["withheld"].fillna(""))


def _parts(name: str, outcome: str, fit: EffectSet, policy: DisclosurePolicy) -> Iterator[pd.DataFrame]:
    for by, effects in fit.by.items():
        table = _labelled(effects.tidy(), name, outcome, by).assign(treated_firms=effects.treated_units())
        yield withhold(table, reasons_by(by, effects, policy), (*_FIGURES, "treated_firms"))


def _labelled(table: pd.DataFrame, estimator: str, outcome: str, aggregation: str) -> pd.DataFrame:
    return table.assign(estimator=estimator, outcome=outcome, aggregation=aggregation)


def _withhold_pooled(table: pd.DataFrame, primary: str, policy: DisclosurePolicy) -> pd.DataFrame:
    """Pooled figures of an organisation are withheld where its own figure is: they would give it away."""
    own = table[(table["aggregation"] == "group") & (table["estimator"] == primary)]
    firms = own.set_index(["outcome", "group"])
    pooled = table["estimator"] == "hierarchical_effects"
    keys = pd.MultiIndex.from_frame(table.loc[pooled, ["outcome", "group"]])
    reasons = firms["withheld"].reindex(keys).fillna(policy_reason(policy)).to_numpy()
    counts = firms["treated_firms"].reindex(keys).fillna(0).to_numpy()
    hidden = withhold(table[pooled].assign(treated_firms=counts), list(reasons), (*_FIGURES, "treated_firms"))
    return pd.concat([table[~pooled], hidden], ignore_index=True)


def policy_reason(policy: DisclosurePolicy) -> str:
    """Reason for figures that rest on no firm at all.

    Parameters
    ----------
    policy : DisclosurePolicy

    Returns
    -------
    str

    Raises
    ------
    AttributeError
        If the policy is not a disclosure policy.

    Examples
    --------
    >>> policy_reason(DisclosurePolicy())
    'fewer firms than the minimum'
    """
    return policy.reasons([0])[0]


def organisations_table(posterior: PosteriorEffects, effects: Effects, policy: DisclosurePolicy) -> pd.DataFrame:
    """Own and pooled effect of each organisation, with ranking probabilities.

    Parameters
    ----------
    posterior : PosteriorEffects
    effects : Effects
        Aggregated by group.
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        ``group, firms, estimate, pooled, conf_low, conf_high, p_positive, p_best, withheld``.

    Raises
    ------
    KeyError
        If the posterior lacks an organisation.

    Examples
    --------
    >>> organisations_table.__name__
    'organisations_table'
    """
    groups = effects.labels["group"].astype(str)
    pooled = posterior.tidy().set_index("group")
    ranking = posterior.ranking().set_index("group")
    table = pd.DataFrame({"group": groups.to_numpy(), "firms": effects.treated_units()})
    table["estimate"] = effects.params.to_numpy()
    for name, column in (("pooled", "estimate"), ("conf_low", "conf_low"), ("conf_high", "conf_high")):
        table[name] = pooled[column].reindex(groups).to_numpy()
    table["p_positive"] = posterior.probability(above=0.0).reindex(groups).to_numpy()
    table["p_best"] = ranking["p_best"].reindex(groups).to_numpy()
    reasons = policy.reasons(table["firms"].tolist(), within_total=True)
    hidden = ["firms", "estimate", "pooled", "conf_low", "conf_high", "p_positive", "p_best"]
    return withhold(table.astype({"firms": "Int64"}), reasons, hidden)


def believed_table(
    firms: FirmEffects, effects: pd.DataFrame, naive: pd.DataFrame, truth: Mapping[str, float]
) -> pd.DataFrame:
    """The programme's effect in every way of comparing, and what one would otherwise have believed.

    Parameters
    ----------
    firms : FirmEffects
    effects : DataFrame
        From ``effects_table``.
    naive : DataFrame
        Growth comparisons with the columns ``organisation``, ``comparison``, ``difference``, ``std_error``.
    truth : mapping of str to float
        True effects by outcome; empty for real data.

    Returns
    -------
    DataFrame
        ``way, outcome, estimate, conf_low, conf_high``; the truth has no interval.

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> believed_table.__name__
    'believed_table'
    """
    ways = [firms.primary, *dict.fromkeys(name for name, _ in firms.effects if name != firms.primary)]
    overall = effects[effects["aggregation"] == "overall"]
    outcomes = list(dict.fromkeys(effects["outcome"]))
    rows = []
    for way in [*ways, "two_way_fixed_effects"]:
        for outcome in outcomes:
            row = overall[(overall["estimator"] == way) & (overall["outcome"] == outcome)]
            rows += [
                {"way": way, "outcome": outcome, **{k: item[k] for k in ("estimate", "conf_low", "conf_high")}}
                for item in row.to_dict("records")
            ]
    rows[1:1] = list(_other_level(firms, rows[0])) if rows else []
    programme = naive[naive["organisation"] == "programme"].to_dict("records")
    names = {"county": "versus_county", "industry in the county": "versus_industry"}
    known = {"conf_low": np.nan, "conf_high": np.nan}
    rows += [
        {
            "way": names[item["comparison"]],
            "outcome": "log_value_added",
            "estimate": item["difference"],
            "conf_low": item["difference"] - critical_value(0.95) * item["std_error"],
            "conf_high": item["difference"] + critical_value(0.95) * item["std_error"],
        }
        for item in programme
    ]
    rows += [{"way": "truth", "outcome": outcome, "estimate": value, **known} for outcome, value in truth.items()]
    return pd.DataFrame(rows)


def _other_level(firms: FirmEffects, first: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The leading effect with the interval of the level that the plan did not choose, unless it is withheld."""
    if not np.isfinite(first["estimate"]):
        return
    overall = firms.effects[first["way"], first["outcome"]].by["overall"]
    by_firm, by_organisation = at_both_levels(overall)
    way, other = ("these_members", by_firm) if overall.variance is None else ("such_organisations", by_organisation)
    row = other.tidy().iloc[0]
    yield {**first, "way": way, "conf_low": row["conf_low"], "conf_high": row["conf_high"]}


def intake_table(inputs: Inputs, *ledgers: pd.DataFrame) -> pd.DataFrame:
    """Every repaired or dropped row of every file: ``tables/intake.csv``.

    Parameters
    ----------
    inputs : Inputs
    *ledgers : DataFrame
        Further ledgers with the columns ``file, row, rule, action, remedy, detail``.

    Returns
    -------
    DataFrame
        ``file, row, rule, action, remedy, detail``.

    Raises
    ------
    AttributeError
        If an input has no ledger.

    Notes
    -----
    The details of the ledgers hold names, numbers and single figures of firms; they stay with the results in memory.
    The table that leaves says which row of which file it is about, and for the survey which column.

    Examples
    --------
    >>> intake_table.__name__
    'intake_table'
    """
    parts = [inputs.accounts.ledger.to_frame(), inputs.members.ledger.to_frame(), *ledgers]
    if inputs.supports is not None:
        parts.append(inputs.supports.ledger.to_frame())
    parts = [part.assign(detail="") for part in parts]
    if inputs.survey is not None:
        answers = inputs.survey.responses.intake
        parts.append(answers.rename(columns={"column": "detail"}).assign(action="dropped or repaired"))
    columns = ["file", "row", "rule", "action", "remedy", "detail"]
    return pd.concat([part.reindex(columns=columns) for part in parts if len(part)], ignore_index=True)


def survey_table(means: ScaleMeans, policy: DisclosurePolicy) -> pd.DataFrame:
    """Mean scale scores by organisation and wave: ``tables/survey.csv``.

    Parameters
    ----------
    means : ScaleMeans
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        ``organisation, scale, wave``, the tidy columns, ``firms`` and ``withheld``.

    Raises
    ------
    KeyError
        If the means lack a column.

    Examples
    --------
    >>> survey_table.__name__
    'survey_table'
    """
    keys = ["organisation", "scale", "wave", "term"]
    firms = means.cells.set_index(keys)["firms"]
    table = means.tidy()
    table["firms"] = firms.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy()
    return withhold(table.astype({"firms": "Int64"}), survey_reasons(table, policy), (*_FIGURES, "firms"))


def diagnostics_table(evidence: Sequence[Evidence], policy: DisclosurePolicy) -> pd.DataFrame:
    """How often each sign was seen, with its probability under each state: ``tables/diagnostics.csv``.

    Parameters
    ----------
    evidence : sequence of Evidence
        Only diagnostics are counted.
    policy : DisclosurePolicy
        Its minimum applies to the number of reports.

    Returns
    -------
    DataFrame
        ``claim, group, stream, test, target, observed, reports, p_benefit, p_negligible, p_harm, unreliability, rho, note,
        withheld``; a probability that is a range is written ``0.40–0.70``.

    Raises
    ------
    AttributeError
        If an item is no evidence.

    Examples
    --------
    >>> from clustereffects.results import Diagnostic
    >>> item = Diagnostic(id="1", claim="growth", group="K01", stream="interviews", observed=True, p_benefit=0.6,
    ...                   p_negligible=(0.2, 0.3), p_harm=0.1, test="T01")
    >>> diagnostics_table([item] * 3, DisclosurePolicy())[["observed", "reports", "p_negligible"]].values.tolist()
    [[3, 3, '0.20–0.30']]
    """
    items = [item for item in evidence if isinstance(item, Diagnostic)]
    names = ["claim", "group", "stream", "test", "target", "p_benefit", "p_negligible", "p_harm", "rho", "note"]
    rows = [{**{name: _chance(getattr(item, name)) for name in names}, "observed": item.observed} for item in items]
    table = pd.DataFrame(rows, columns=[*names, "observed"])
    table["unreliability"] = [item.unreliability for item in items]
    grouped = table.groupby(names, sort=False, dropna=False)
    counts = grouped.agg(
        observed=("observed", "sum"), reports=("observed", "size"), unreliability=("unreliability", "mean")
    )
    order = [*names[:5], "observed", "reports", *names[5:8], "unreliability", "rho", "note"]
    result = counts.reset_index()[order]
    # A survey item is one test on many firms, whose number the survey table shows; its minimum is applied there.
    reports = [
        n if stream == "interviews" else policy.minimum_firms
        for n, stream in zip(result["reports"], result["stream"], strict=True)
    ]
    return withhold(result, policy.reasons(reports), ["observed"])


def _chance(value: object) -> object:
    return f"{value[0]:.2f}–{value[1]:.2f}" if isinstance(value, tuple) else value
