"""From results to what a report shows, with nothing in it that may not be published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import clustereffects.study.comparison_tables as comparison
import clustereffects.study.tables as tables
from clustereffects import __version__
from clustereffects.disclosure import DisclosurePolicy
from clustereffects.reporting import Content
from clustereffects.results import Effects, Evidence, versions
from clustereffects.study._checks import all_checks
from clustereffects.study._diagnosis import own_design
from clustereffects.study._withheld import reasons_by, withheld_organisations
from clustereffects.study.findings_tables import counts_of, discreet, findings_tables, published
from clustereffects.study.firms import FirmData, FirmEffects
from clustereffects.study.inputs import PROGRAMME, Inputs, file_hashes
from clustereffects.study.plan import Plan
from clustereffects.study.triangulate import run_facts
from clustereffects.triangulation import Findings

_LIBRARIES = (
    "clustereffects",
    "numpy",
    "pandas",
    "scipy",
    "formulaic",
    "linearmodels",
    "matplotlib",
    "narwhals",
    "pyarrow",
)

#: Tables that are written beside the report, apart from those that it shows in another form.
FILES = (
    *("effects", "verdicts", "balance", "survey", "believed", "organisations"),
    *("candidates", "unmatched", "rungs", "dropped", "designs"),
    *("bands", "completeness", "convergence", "assessment", "conflicts", "robustness", "comparison", "attribution"),
    *("paths", "calibration", "overrides", "override_agreement", "scorecard", "next_evidence"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Results:
    """Everything that a run computed.

    Parameters
    ----------
    plan : Plan
    inputs : Inputs
    data : FirmData
    firms : FirmEffects
    evidence : tuple of Evidence
    findings : Findings
    hidden : frozenset of (claim, organisation)
        Cells of the findings that are not published.
    truth : mapping of str to float
        True programme effects, where the data are simulated.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Results.__slots__
    ('plan', 'inputs', 'data', 'firms', 'evidence', 'findings', 'hidden', 'truth')
    """

    plan: Plan
    inputs: Inputs
    data: FirmData
    firms: FirmEffects
    evidence: tuple[Evidence, ...]
    findings: Findings
    hidden: frozenset[tuple[str, str]]
    truth: Mapping[str, float]


def build_content(results: Results) -> tuple[Content, dict[str, pd.DataFrame]]:
    """What the report shows and the tables that are written beside it.

    Parameters
    ----------
    results : Results

    Returns
    -------
    content : Content
    files : dict of str to DataFrame

    Raises
    ------
    NotStoredError
        If effects came without their influence function.

    Examples
    --------
    >>> build_content.__name__
    'build_content'
    """
    plan, inputs = results.plan, results.inputs
    policy = policy_of(plan)
    shown = _tables(results, policy)
    intake = tables.intake_table(inputs, results.data.table.ledger.to_frame())
    counted = intake.groupby(["file", "rule", "action"], sort=False).size().rename("rows").reset_index()
    shown["intake"] = counted
    hidden = _hidden(results.firms, shown, policy)
    checks = tuple(all_checks(plan, inputs, results.firms, results.evidence, hidden))
    known = published(results.findings, results.hidden)
    score = discreet(known.scorecard(run_facts(plan, inputs.theory, results.firms, checks)))
    shown |= findings_tables(known, score, plan.triangulation.engines, policy)
    content = Content(
        title=plan.study.title,
        outcomes=tuple(f"log_{name}" for name in plan.outcomes.names),
        primary=results.firms.primary,
        tables=shown,
        event_studies=dict(_event_studies(results.firms, policy)),
        counts=_counts(results) | counts_of(shown),
        labels=_labels(inputs),
        sentences=_sentences(results, shown["verdicts"]),
        checks=checks,
        provenance=_provenance(plan),
        truth=results.truth,
        findings=known,
        scorecard=score,
    )
    files = {name: shown[name] for name in FILES if name in shown}
    return content, {**files, "diagnostics": tables.diagnostics_table(results.evidence, policy), "intake": intake}


def policy_of(plan: Plan) -> DisclosurePolicy:
    """Disclosure policy of a plan.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    DisclosurePolicy

    Raises
    ------
    OptionError
        If the plan's policy is impossible.

    Examples
    --------
    >>> from pathlib import Path
    >>> policy_of(Plan(folder=Path())).minimum_firms
    3
    """
    choice = plan.disclosure
    return DisclosurePolicy(
        minimum_firms=choice.minimum_firms,
        dominance_top1=choice.dominance_top1,
        dominance_top2=choice.dominance_top2,
    )


def _tables(results: Results, policy: DisclosurePolicy) -> dict[str, pd.DataFrame]:
    firms, inputs, plan = results.firms, results.inputs, results.plan
    effects = tables.effects_table(firms, policy)
    shown = {
        "effects": effects,
        "believed": tables.believed_table(firms, effects, results.data.naive.frame, results.truth),
        **_comparison_tables(results, policy),
        "sample": results.inputs.accounts.sample.to_frame(),
        "choices": _choices(plan),
    }
    lead = f"log_{plan.outcomes.names[0]}"
    if lead in firms.pooled:
        own = firms.effects[firms.primary, lead].by["group"]
        shown["organisations"] = tables.organisations_table(firms.pooled[lead], own, policy)
    shown["verdicts"] = _verdicts(results)
    return shown | _survey_tables(inputs, policy) | _interview_tables(results, policy)


def _comparison_tables(results: Results, policy: DisclosurePolicy) -> dict[str, pd.DataFrame]:
    """Counts and means only: which members found no comparison firm is nobody else's business."""
    firms, reasons = results.firms, results.data.evaluable["reason"]
    shown = {
        "balance": firms.match.balance(),
        "candidates": comparison.candidates_table(firms.match, policy),
        "rules": comparison.rules_table(firms.match, policy),
        "unmatched": comparison.unmatched_table(reasons[reasons != ""], firms.match, policy),
    }
    if results.plan.matching.ladder:
        shown["rungs"] = comparison.rungs_table(firms.match, policy)
    if firms.dropped is not None:
        shown["dropped"] = comparison.dropped_table(firms.dropped, policy)
    if firms.designs is not None:
        fit = firms.effects.get(("matched_did", firms.designs.outcome))
        own = None if fit is None else own_design(results.plan, firms.match, firms.designs, fit.by)
        shown["designs"] = comparison.designs_table(firms.designs, own, policy)
    return shown


def _choices(plan: Plan) -> pd.DataFrame:
    rows = [
        {"section": section, "key": key, "value": _written(value)}
        for section, choices in plan.to_dict().items()
        for key, value in choices.items()
        if section != "files"
    ]
    return pd.DataFrame(rows)


def _written(value: Any) -> str:
    """A choice as it is read: lists without brackets."""
    if isinstance(value, dict):
        return " ".join(f"{key}={_written(item)}" for key, item in value.items() if item not in (None, ""))
    if isinstance(value, list):
        return (" / " if any(isinstance(item, list | dict) for item in value) else ", ").join(map(_written, value))
    return str(value)


def _verdicts(results: Results) -> pd.DataFrame:
    """Verdicts, without those on organisations whose effects are not published, or that rest on too few firms."""
    verdicts: pd.DataFrame = results.findings.verdicts()
    keys = zip(verdicts["claim"], verdicts["group"], strict=True)
    mask = np.array([key in results.hidden for key in keys], dtype=bool)
    verdicts.loc[mask, "verdict"] = "not published"
    verdicts.loc[mask, ["lower", "upper", "p_benefit", "p_negligible", "p_harm"]] = float("nan")
    verdicts.loc[mask, "tipping"] = ""
    return verdicts


def _survey_tables(inputs: Inputs, policy: DisclosurePolicy) -> dict[str, pd.DataFrame]:
    if inputs.survey is None:
        return {}
    response, reliability = inputs.survey.nonresponse(), inputs.survey.reliability()
    return {
        "survey": tables.survey_table(inputs.survey.aggregate("organisation"), policy),
        "response": _all_waves(response)[["organisation", "asked", "answered", "response_rate"]],
        "reliability": _all_waves(reliability)[["scale", "n", "alpha", "conf_low", "conf_high"]],
    }


def _interview_tables(results: Results, policy: DisclosurePolicy) -> dict[str, pd.DataFrame]:
    codings = results.inputs.codings
    if codings is None or results.inputs.bridge is None:
        return {}
    agreement = codings.agreement("alpha", rng=results.plan.study.seed)
    return {
        "diagnostics": tables.diagnostics_table(results.evidence, policy),
        "agreement": agreement[["code", "units", "estimate", "conf_low", "conf_high"]],
    }


def _all_waves(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["wave"].astype(str) == "all"].reset_index(drop=True)


def _event_studies(firms: FirmEffects, policy: DisclosurePolicy) -> Iterator[tuple[str, Effects]]:
    for (name, outcome), fit in firms.effects.items():
        if name == firms.primary:
            effects = fit.by["event"]
            yield outcome, effects.select([not reason for reason in reasons_by("event", effects, policy)])


def _counts(results: Results) -> dict[str, int]:
    evaluable, match, plan = results.data.evaluable, results.firms.match, results.plan
    years = results.inputs.accounts.frame["year"]
    return {
        "members": len(evaluable),
        "evaluable": int((evaluable["reason"] == "").sum()),
        "matched": match.n_treated,
        "control_firms": match.n_controls,
        "controls": plan.matching.controls,
        "organisations": len(results.inputs.organisations.ids),
        "interviews": len(results.inputs.codings.sources) if results.inputs.codings else 0,
        "first_year": int(years.min()),
        "last_year": int(years.max()),
        "horizon": plan.estimator.event_times[1],
    }


def _labels(inputs: Inputs) -> dict[str, dict[str, str]]:
    frame, claims = inputs.organisations.frame, inputs.theory.claims
    names = dict(zip(frame["organisation"].astype(str), frame["name"].astype(str), strict=True))
    return {
        "organisations": names,
        "claims.sv": {claim.id: claim.sv for claim in claims},
        "claims.en": {claim.id: claim.en for claim in claims},
    }


def _sentences(results: Results, verdicts: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """What would change each published verdict, by language."""
    published = verdicts["verdict"] != "not published"
    return {
        language: tuple(results.findings.verdicts(language)["tipping"].where(published, ""))
        for language in ("sv", "en")
    }


def _hidden(
    firms: FirmEffects, shown: Mapping[str, pd.DataFrame], policy: DisclosurePolicy
) -> dict[str, frozenset[str]]:
    """Organisations of which no figure is published, by outcome and in the survey."""
    survey = shown.get("survey", pd.DataFrame(columns=["organisation", "wave", "withheld"]))
    over = survey[(survey["wave"].astype(str) == "all") & (survey["withheld"] != "")]
    return {**withheld_organisations(firms, policy), "survey": frozenset(over["organisation"].astype(str))}


def _provenance(plan: Plan) -> dict[str, Any]:
    registered = plan.study.registered
    return {
        "plan_hash": plan.hash,
        "deviation": {"registered": registered, "run": plan.hash} if registered not in {"", plan.hash} else None,
        "seed": plan.study.seed,
        "version": __version__,
        "versions": versions(_LIBRARIES),
        "files": file_hashes(plan),
        "plan": plan.to_dict(),
        "programme": PROGRAMME,
    }
