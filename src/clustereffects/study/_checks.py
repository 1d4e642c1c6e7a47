"""Checks of all parts of a study in one list, without naming those whose figures may not be published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from clustereffects.results import Check, Evidence, Silence
from clustereffects.study.firms import FirmEffects, assignment_check
from clustereffects.study.inputs import Inputs

_STREAMS = ("economic", "survey", "interviews")


def all_checks(
    inputs: Inputs, firms: FirmEffects, evidence: Sequence[Evidence], hidden: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Check]]:
    """Area and check; ``hidden`` has the organisations that are not published, by outcome and for ``survey``."""
    survey = inputs.survey.checks() if inputs.survey else ()
    yield from (("matching", check) for check in firms.match.checks())
    yield from (("matching", check) for check in _own_key(inputs))
    yield from (("pooling", check) for check in firms.findings)
    yield from (("survey", _discreet(check, hidden["survey"])) for check in survey)
    yield from (("interviews", check) for check in (inputs.codings.checks(inputs.bridge) if inputs.codings else ()))
    yield from _of_effects(firms)
    for outcome, posterior in firms.pooled.items():
        discreet = (_discreet(check, hidden[outcome]) for check in posterior.checks())
        yield from (("pooling", _named(check, outcome)) for check in discreet)
    yield from _silent(inputs, evidence)


def _of_effects(firms: FirmEffects) -> Iterator[tuple[str, Check]]:
    matching = firms.match.checks()
    for (name, outcome), fit in firms.effects.items():
        own = [check for check in fit.findings if check not in matching]
        yield from (("effects", _named(c, f"{name}, {outcome}")) for c in [*own, fit.by["event"].pretrends()])
    lead = next(outcome for name, outcome in firms.effects if name == firms.primary)
    yield "effects", _named(assignment_check(firms.effects[firms.primary, lead].by["overall"]), lead)


def _named(check: Check, suffix: str) -> Check:
    return replace(check, name=f"{check.name} ({suffix})")


def _discreet(check: Check, hidden: frozenset[str]) -> Check:
    """Check without its finding, if that names an organisation whose figures are not published."""
    if not any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", check.message) for name in hidden):
        return check
    message = "the finding is about an organisation whose figures are not published"
    return Check(name=check.name, verdict=check.verdict, message=message)


def _own_key(inputs: Inputs) -> list[Check]:
    if inputs.industry_key.file:
        return []
    codes = inputs.industry_key.table["sni2002"].nunique()
    return [
        Check(
            name="industries before 2008",
            verdict="warn",
            statistic=float(codes),
            message=f"the study has no industry key: {codes} codes were translated by what their firms reported afterwards",
            remedy="add the official key under [files] industry_key",
        )
    ]


def _silent(inputs: Inputs, evidence: Sequence[Evidence]) -> Iterator[tuple[str, Check]]:
    """Claims on which a whole perspective is silent, and why."""
    spoken = {(item.stream, item.claim) for item in evidence if not isinstance(item, Silence)}
    areas = dict(zip(_STREAMS, ("effects", "survey", "interviews"), strict=True))
    absent = {"survey": inputs.survey is None, "interviews": inputs.codings is None}
    for stream, area in areas.items():
        reasons = {
            item.claim: item.reason
            for item in evidence
            if isinstance(item, Silence) and item.stream == stream and (stream, item.claim) not in spoken
        }
        claims = ", ".join(f"{claim} ({reason})" for claim, reason in reasons.items())
        why = "it is not part of the study; " if absent.get(stream) else ""
        if reasons:
            yield area, Check(name=f"silences: {stream}", verdict="info", message=f"{why}nothing is said on {claims}")
