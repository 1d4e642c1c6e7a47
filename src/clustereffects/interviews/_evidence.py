"""Evidence items from codings and bridge: one diagnostic per interview and test, one bias item per organisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from clustereffects.interviews._private import option_error
from clustereffects.interviews.bridge import Bridge, BridgeRow
from clustereffects.interviews.probative import (
    DiagnosticOptions,
    InterviewEvidence,
    bias_probability,
    report_error,
)
from clustereffects.results.evidence import BiasEvidence, Diagnostic, Silence

if TYPE_CHECKING:
    from clustereffects.interviews.codings import Codings

NOT_VERIFIED = "the codings carry no dates: registration before the data cannot be verified"
NOT_REGISTERED = "not registered: treated like a test that the data suggested"


@dataclass(frozen=True, slots=True)
class Interview:
    """One interview as a witness: where, who, and how many coders read it."""

    source: str
    organisation: str
    role: str
    coders: int


@dataclass(frozen=True, slots=True)
class Material:
    """What every row of the bridge is confronted with."""

    interviews: tuple[Interview, ...]
    heard: dict[str, frozenset[str]]  # code → interviews
    unreliability: dict[str, tuple[float, float]]  # code → ε, q of one report
    data_from: date | None
    origin: str
    options: DiagnosticOptions


def collect(codings: Codings, bridge: Bridge, options: DiagnosticOptions) -> list[InterviewEvidence]:
    """All evidence; silences for claims on which an organisation's interviews hold nothing."""
    material = _material(codings, options)
    items: list[InterviewEvidence] = []
    for row in bridge.rows:
        note, late = registration(row, material.data_from)
        if row.code not in material.heard or (late and options.late == "omit"):
            continue
        items += _bias_items(row, material, note, late) if row.bias_stream else _diagnostics(row, material, note, late)
    return [*items, *_silences(items, bridge, codings.organisations)]


def registration(row: BridgeRow, data_from: date | None) -> tuple[str, bool]:
    """What an auditor should know about the registration of a test, and whether it came after the data."""
    if row.registered is None:
        return NOT_REGISTERED, True
    if data_from is None:
        return NOT_VERIFIED, False
    if row.registered > data_from:
        return f"registered after the data ({row.registered.isoformat()}, data from {data_from.isoformat()})", True
    return "", False


def _material(codings: Codings, options: DiagnosticOptions) -> Material:
    sources = codings.sources
    interviews = tuple(
        Interview(source, organisation, role, len(coders))
        for source, organisation, role, coders in zip(
            *(sources[column] for column in ("source", "organisation", "role", "coders")), strict=True
        )
        if organisation and coders
    )
    presence = codings.presence(options.combine)
    heard = {code: frozenset(presence.index[presence[code]]) for code in presence.columns}
    table = codings.unreliability(options)
    errors = zip(table["unreliability"].astype(float), table["noise"].astype(float), strict=True)
    return Material(
        interviews=interviews,
        heard=heard,
        unreliability=dict(zip(table["code"], errors, strict=True)),
        data_from=options.data_from or codings.first_coded,
        origin=codings.origin,
        options=options,
    )


def _by_organisation(row: BridgeRow, material: Material) -> dict[str, list[Interview]]:
    """Interviews in which the code could have come up, per organisation."""
    roles = {role.casefold() for role in row.roles}
    grouped: dict[str, list[Interview]] = {}
    for interview in material.interviews:
        if not roles or interview.role.casefold() in roles:
            grouped.setdefault(interview.organisation, []).append(interview)
    return dict(sorted(grouped.items()))


def _diagnostics(row: BridgeRow, material: Material, note: str, late: bool) -> Iterator[Diagnostic]:  # noqa: FBT001
    for organisation, interviews in _by_organisation(row, material).items():
        for interview in interviews:
            epsilon, noise = _joint_error(row, interview, material)
            yield Diagnostic(
                id=f"{row.test}:{interview.source}",
                claim=row.claim,
                group=organisation,
                stream="interviews",
                observed=interview.source in material.heard[row.code],
                p_benefit=row.p_benefit,
                p_negligible=row.p_negligible,
                p_harm=row.p_harm,
                unreliability=epsilon,
                noise=noise,
                dependence=_dependence(row, organisation, late),
                rho=1.0 if late else material.options.rho,
                target=row.target,
                test=row.test,
                source=" ".join(part for part in (material.origin, interview.source) if part),
                note=note,
            )


def _dependence(row: BridgeRow, organisation: str, late: bool) -> str:  # noqa: FBT001
    """Tests of a group share one dependence group; a late test is kept apart so that it cannot weaken the others."""
    group = f"interviews:{organisation}:{row.group or row.test}"
    return f"{group}:late:{row.test}" if late else group


def _joint_error(row: BridgeRow, interview: Interview, material: Material) -> tuple[float, float]:
    options = material.options
    epsilon, noise = report_error(*material.unreliability[row.code], interview.coders, options.combine)
    return max(epsilon, options.floor), noise


def _bias_items(row: BridgeRow, material: Material, note: str, late: bool) -> Iterator[BiasEvidence]:  # noqa: FBT001
    options = material.options
    rule = options.rule(row.bias_stream)
    if rule is None:
        raise option_error(
            "bias", options.bias, f"a rule for the stream {row.bias_stream!r}, which {row.test} is about"
        )
    for organisation, interviews in _by_organisation(row, material).items():
        heard = sum(interview.source in material.heard[row.code] for interview in interviews)
        anyway = _false_positive(row, interviews, material)
        temper = 1 / (1 + (len(interviews) - 1) * (1.0 if late else options.rho))
        chance = bias_probability(temper * heard, temper * len(interviews), anyway, options.bias_prior)
        excess = max(0.0, (chance - options.bias_prior) / (1 - options.bias_prior)) if options.bias_prior < 1 else 0.0
        finding = f"raised in {heard} of {len(interviews)} interviews, {anyway:.0%} expected without the bias"
        yield BiasEvidence(
            id=f"{row.test}:{organisation}",
            claim=row.claim,
            group=organisation,
            stream="interviews",
            target_stream=rule.stream,
            shift=excess * rule.shift,
            sd=float(np.sqrt(excess * rule.sd**2 + excess * (1 - excess) * rule.shift**2)),
            observed=excess > 0,
            domain=row.group or "unspecified",
            test=row.test,
            source=material.origin,
            note="; ".join(part for part in (finding, f"probability of the bias {chance:.2f}", note) if part),
        )


def _false_positive(row: BridgeRow, interviews: list[Interview], material: Material) -> float:
    """Share of these interviews that would raise the bias anyway: the bridge's largest chance, seen through coders."""
    ends = [max(chance) if isinstance(chance, tuple) else chance for chance in _chances(row)]
    errors = [_joint_error(row, interview, material) for interview in interviews]
    shares = [(1 - epsilon) * max(ends) + epsilon * noise for epsilon, noise in errors]
    return float(np.clip(np.mean(shares), 0.01, 0.99))


def _chances(row: BridgeRow) -> tuple[float | tuple[float, float], ...]:
    return row.p_benefit, row.p_negligible, row.p_harm


def _silences(
    items: list[InterviewEvidence], bridge: Bridge, organisations: tuple[str, ...]
) -> Iterator[InterviewEvidence]:
    spoken = {(item.claim, item.group) for item in items if isinstance(item, Diagnostic)}
    claims = dict.fromkeys(row.claim for row in bridge.rows if not row.bias_stream)
    for claim in claims:
        for organisation in organisations:
            if (claim, organisation) not in spoken:
                why = "no registered test of this claim could come up in the organisation's interviews"
                yield Silence(claim=claim, group=organisation, stream="interviews", reason="not_asked", note=why)
