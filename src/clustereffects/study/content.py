"""From results to what a report shows, with nothing in it that may not be published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from clustereffects import __version__
from clustereffects.disclosure import DisclosurePolicy
from clustereffects.reporting import Content
from clustereffects.results import Check, Effects, Evidence, versions
from clustereffects.study import tables
from clustereffects.study.evidence import PROGRAMME
from clustereffects.study.firms import FirmData, FirmEffects, assignment_check
from clustereffects.study.inputs import Inputs, file_hashes
from clustereffects.study.plan import Plan
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
    truth : mapping of str to float
        True programme effects, where the data are simulated.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Results.__slots__
    ('plan', 'inputs', 'data', 'firms', 'evidence', 'findings', 'truth')
    """

    plan: Plan
    inputs: Inputs
    data: FirmData
    firms: FirmEffects
    evidence: tuple[Evidence, ...]
    findings: Findings
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
    content = Content(
        title=plan.study.title,
        outcomes=tuple(f"log_{name}" for name in plan.outcomes.names),
        primary=results.firms.primary,
        tables=shown,
        event_studies=dict(_event_studies(results.firms, policy)),
        counts=_counts(results),
        labels=_labels(inputs),
        sentences=_sentences(results, shown["verdicts"]),
        checks=tuple(_checks(results)),
        provenance=_provenance(plan),
        truth=results.truth,
    )
    names = ("effects", "verdicts", "balance", "survey", "diagnostics", "believed", "organisations")
    return content, {**{name: shown[name] for name in names if name in shown}, "intake": intake}


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
        "balance": firms.match.balance(),
        "unmatched": _unmatched(firms),
        "sample": results.inputs.accounts.sample.to_frame(),
        "choices": _choices(plan),
    }
    lead = f"log_{plan.outcomes.names[0]}"
    if lead in firms.pooled:
        own = firms.effects[firms.primary, lead].by["group"]
        shown["organisations"] = tables.organisations_table(firms.pooled[lead], own, policy)
    shown["verdicts"] = _verdicts(results, shown.get("organisations"))
    return shown | _survey_tables(inputs, policy) | _interview_tables(results, policy)


def _unmatched(firms: FirmEffects) -> pd.DataFrame:
    """Counts only: which members found no comparison firm is nobody else's business."""
    return firms.match.unmatched()["reason"].value_counts().rename_axis("reason").rename("members").reset_index()


def _choices(plan: Plan) -> pd.DataFrame:
    rows = [
        {"section": section, "key": key, "value": ", ".join(map(str, value)) if isinstance(value, list) else str(value)}
        for section, choices in plan.to_dict().items()
        for key, value in choices.items()
        if section != "files"
    ]
    return pd.DataFrame(rows)


def _verdicts(results: Results, organisations: pd.DataFrame | None) -> pd.DataFrame:
    verdicts = results.findings.verdicts()
    if organisations is None:
        return verdicts
    hidden = set(organisations.loc[organisations["withheld"] != "", "group"])
    mask = verdicts["group"].isin(hidden)
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
            allowed = [n >= policy.minimum_firms for n in effects.treated_units()]
            yield outcome, effects.select(allowed)


def _counts(results: Results) -> dict[str, int]:
    evaluable, match, plan = results.data.evaluable, results.firms.match, results.plan
    years = results.inputs.accounts.frame["year"]
    return {
        "members": len(evaluable),
        "evaluable": int((evaluable["reason"] == "").sum()),
        "matched": int(match.pairs()["treated"].nunique()),
        "control_firms": int(match.pairs()["control"].nunique()),
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


def _checks(results: Results) -> Iterator[tuple[str, Check]]:
    firms, inputs = results.firms, results.inputs
    sources: Sequence[tuple[str, Sequence[Check]]] = (
        ("matching", firms.match.checks()),
        ("pooling", firms.findings),
        ("survey", inputs.survey.checks() if inputs.survey else ()),
        ("interviews", inputs.codings.checks(inputs.bridge) if inputs.codings else ()),
    )
    for area, checks in sources:
        yield from ((area, check) for check in checks)
    for (name, outcome), fit in firms.effects.items():
        own = [check for check in fit.findings if check not in firms.match.checks()]
        trends = [fit.by["event"].pretrends()]
        yield from (("effects", _named(check, f"{name}, {outcome}")) for check in own + trends)
    lead = f"log_{results.plan.outcomes.names[0]}"
    yield "effects", _named(assignment_check(firms.effects[firms.primary, lead].by["overall"]), lead)
    for outcome, posterior in firms.pooled.items():
        yield from (("pooling", _named(check, outcome)) for check in posterior.checks())


def _named(check: Check, prefix: str) -> Check:
    fields = {slot: getattr(check, slot) for slot in check.__dataclass_fields__}
    return Check(**{**fields, "name": f"{check.name} ({prefix})"})


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
