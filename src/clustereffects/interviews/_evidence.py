"""Evidence items from codings and bridge: one diagnostic per interview and test, one bias item per organisation."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

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
from clustereffects.results.evidence_provenance import EvidenceProvenance
from clustereffects.results.pseudonyms import pseudonyms

if TYPE_CHECKING:
    from clustereffects.interviews.codings import Codings

NOT_VERIFIED = "the codings carry no dates: registration before the data cannot be verified"
NOT_REGISTERED = "not registered: treated like a test that the data suggested"


@dataclass(frozen=True, slots=True)
class Interview:
    """One interview as a witness: where, who, and which coders read it."""

    source: str
    organisation: str
    role: str
    coders: tuple[str, ...]
    respondents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What every row of the bridge is confronted with."""

    interviews: tuple[Interview, ...]
    heard: dict[str, frozenset[str]]  # code → interviews
    unreliability: dict[str, tuple[float, float]]  # code → ε, q of one report
    data_from: date | None
    origin: str
    fingerprint: str  # of the codings
    registered: str  # fingerprint of the bridge
    options: DiagnosticOptions


@dataclass(frozen=True, slots=True)
class Registration:
    """A test with what an auditor should know about its registration, and with the one that suggested it."""

    row: BridgeRow
    note: str
    late: bool
    verified: bool
    suggested_by: Registration | None = None

    @property
    def group(self) -> str:
        """Tests of a group share one dependence group; a late test is kept apart so that it cannot weaken the others."""
        group = self.row.group or self.row.test
        return f"{group}:late:{self.row.test}" if self.late else group


def collect(codings: Codings, bridge: Bridge, options: DiagnosticOptions, key: str) -> list[InterviewEvidence]:
    """All evidence; silences for claims on which an organisation's interviews hold nothing."""
    material = _material(codings, bridge, options, key)
    tests = {row.test: row for row in bridge.rows if row.code in material.heard}
    items: list[InterviewEvidence] = []
    for row in tests.values():
        test = _registered(row, tests, material)
        if test.late and options.late == "omit":
            continue
        items += _bias_items(test, material) if row.bias_stream else _diagnostics(test, material)
    return [*items, *_silences(items, bridge, codings.organisations)]


def _registered(row: BridgeRow, tests: dict[str, BridgeRow], material: Material) -> Registration:
    note, late = registration(row, material.data_from)
    verified = late or material.data_from is not None
    origin = row
    # What suggested a late test may itself be late and have been suggested; bridges have no circles.
    while not row.bias_stream and registration(origin, material.data_from)[1] and origin.suggested_by in tests:
        origin = tests[origin.suggested_by]
    if origin is row:
        return Registration(row, note, late, verified)
    first = Registration(origin, *registration(origin, material.data_from), verified)
    return Registration(row, f"{note}; suggested by {row.suggested_by}", late, verified, first)


def registration(row: BridgeRow, data_from: date | None) -> tuple[str, bool]:
    """What an auditor should know about the registration of a test, and whether it came after the data."""
    if row.registered is None:
        return NOT_REGISTERED, True
    if data_from is None:
        return NOT_VERIFIED, False
    if row.registered > data_from:
        return f"registered after the data ({row.registered.isoformat()}, data from {data_from.isoformat()})", True
    return "", False


def _material(codings: Codings, bridge: Bridge, options: DiagnosticOptions, key: str) -> Material:
    interviews = tuple(
        Interview(one["source"], one["organisation"], one["role"], one["coders"], _respondents(one, key))
        for one in codings.sources.to_dict("records")
        if one["organisation"] and one["coders"]
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
        fingerprint=codings.fingerprint(),
        registered=bridge.fingerprint,
        options=options,
    )


def _respondents(interview: Mapping[Hashable, Any], key: str) -> tuple[str, ...]:
    """Pseudonyms of who was interviewed, as persons and as firms: the survey may know either."""
    names = [name for column in ("respondent", "firm") for name in str(interview[column]).split(" + ")]
    return pseudonyms(names, key)


def _by_organisation(row: BridgeRow, material: Material) -> dict[str, list[Interview]]:
    """Interviews in which the code could have come up, per organisation."""
    roles = {role.casefold() for role in row.roles}
    grouped: dict[str, list[Interview]] = {}
    for interview in material.interviews:
        if not roles or interview.role.casefold() in roles:
            grouped.setdefault(interview.organisation, []).append(interview)
    return dict(sorted(grouped.items()))


def _diagnostics(test: Registration, material: Material) -> Iterator[Diagnostic]:
    row, options = test.row, material.options
    suggestion = test.suggested_by
    asked_too = _by_organisation(suggestion.row, material) if suggestion else {}
    for organisation, interviews in _by_organisation(row, material).items():
        for interview in interviews:
            epsilon, noise = _joint_error(row, interview, material)
            # In an interview that the test behind it does not cover, a late test has nothing to be one observation with.
            twin = suggestion if suggestion and interview in asked_too.get(organisation, ()) else None
            place = twin or test
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
                dependence=f"interviews:{organisation}:{place.group}",
                rho=1.0 if place.late else options.rho,
                target=row.target,
                test=row.test,
                source=" ".join(part for part in (material.origin, interview.source) if part),
                note=test.note,
                # A late test without a known origin stays apart, or its ρ of 1 would be that of all the others.
                respondents=() if place.late else interview.respondents,
                suggested_by=f"{twin.row.test}:{interview.source}" if twin else "",
                provenance=_provenance(test, material, (interview,)),
            )


def _provenance(test: Registration, material: Material, interviews: Sequence[Interview]) -> EvidenceProvenance:
    return EvidenceProvenance(
        source_hash=material.fingerprint,
        locator=", ".join(one.source for one in interviews),
        coder=", ".join(sorted({coder for one in interviews for coder in one.coders})),
        method=f"code {test.row.code}",
        version=f"bridge {material.registered}",
        pre_registered=not test.late if test.verified else None,
    )


def _joint_error(row: BridgeRow, interview: Interview, material: Material) -> tuple[float, float]:
    options = material.options
    epsilon, noise = report_error(*material.unreliability[row.code], len(interview.coders), options.combine)
    return max(epsilon, options.floor), noise


def _bias_items(test: Registration, material: Material) -> Iterator[BiasEvidence]:
    row, options = test.row, material.options
    rule = options.rule(row.bias_stream, row.claim)
    if rule is None:
        raise option_error(
            "bias", options.bias, f"a rule for the stream {row.bias_stream!r}, which {row.test} is about"
        )
    for organisation, interviews in _by_organisation(row, material).items():
        heard = sum(interview.source in material.heard[row.code] for interview in interviews)
        anyway = _false_positive(row, interviews, material)
        temper = 1 / (1 + (len(interviews) - 1) * (1.0 if test.late else options.rho))
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
            note="; ".join(part for part in (finding, f"probability of the bias {chance:.2f}", test.note) if part),
            provenance=_provenance(test, material, interviews),
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
