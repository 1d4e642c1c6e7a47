"""From results to evidence: which number of which perspective speaks to which claim."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from clustereffects.interviews import DiagnosticOptions
from clustereffects.results import Effects, Evidence, Silence
from clustereffects.results.evidence import Stream
from clustereffects.study.firms import FirmEffects
from clustereffects.study.inputs import PROGRAMME, Inputs
from clustereffects.study.plan import Plan
from clustereffects.survey import SurveyRules
from clustereffects.triangulation import Claim, Theory
from clustereffects.triangulation.bias import judged_bias

# Judgements of the plan in words, as rules of the perspectives; provisional, like all of them.
_COURTESY = {
    "none": SurveyRules(courtesy_share=(0.0, 0.0), courtesy_sd=0.0, courtesy_range=(0.0, 0.0)),
    "favours the programme": SurveyRules(),
    "strongly favours the programme": SurveyRules(courtesy_share=(1.0, 1.5), courtesy_range=(0.0, 1.0)),
}
_REPORTING = {
    "none": DiagnosticOptions(floor=0.0, default=0.0),
    "some": DiagnosticOptions(),
    "serious": DiagnosticOptions(floor=0.2, default=0.4),
}


def gather(plan: Plan, inputs: Inputs, firms: FirmEffects) -> list[Evidence]:
    """Evidence of all three perspectives on all claims, silences included.

    Parameters
    ----------
    plan : Plan
    inputs : Inputs
    firms : FirmEffects

    Returns
    -------
    list of Estimate, Diagnostic, BiasEvidence or Silence

    Raises
    ------
    EvidenceError
        If an item is not usable.

    Notes
    -----
    A claim on an outcome in logarithms is about the mean effect from its horizon on: event times ``horizon`` to the end
    of the window. Survey and interviews carry pseudonyms of respondents under one key, which is derived from the answers
    themselves: whoever answered both is recognised, and the pseudonyms mean nothing to a reader without the answers.

    Examples
    --------
    >>> gather.__name__
    'gather'
    """
    theory = inputs.theory
    groups = (*inputs.organisations.ids, PROGRAMME)
    key = _pseudonym_key(inputs)
    evidence = [*_economic(plan, theory, firms), *_said(plan, inputs, key), *_interviews(plan, inputs, key)]
    if inputs.judgements is not None:
        evidence = inputs.judgements.marked(evidence)
    return [*evidence, *_silences(theory, groups, evidence)]


def claim_effects(claim: Claim, firms: FirmEffects) -> tuple[Effects, Effects] | None:
    """Effects that a claim is about, per organisation and for the programme; None if no outcome of the study fits.

    Parameters
    ----------
    claim : Claim
    firms : FirmEffects

    Returns
    -------
    tuple of two Effects, or None

    Raises
    ------
    AttributeError
        If ``claim`` is not a claim.

    Examples
    --------
    >>> claim_effects.__name__
    'claim_effects'
    """
    effects = firms.effects.get((firms.primary, f"log_{claim.outcome}"))
    if effects is None or claim.scale != "log":
        return None
    return effects.from_horizon.get(int(claim.horizon))


def _economic(plan: Plan, theory: Theory, firms: FirmEffects) -> list[Evidence]:
    evidence: list[Evidence] = []
    for claim in theory.claims:
        pair = claim_effects(claim, firms)
        if pair is None:
            continue
        bias = judged_bias("economic", plan.bias.economic, delta=claim.delta)
        items = [item for effects in pair for item in effects.as_evidence(claim=claim.id, bias=bias, unit="log")]
        few = _few_firms(plan, pair[0])
        evidence += [item for item in items if item.group not in few]
        evidence += [_too_few(claim, group) for group in few]
    return evidence


def _few_firms(plan: Plan, effects: Effects) -> list[str]:
    """Organisations whose effect rests on fewer firms than may be published, or on one that has no error of its own."""
    fewest = max(2, plan.disclosure.minimum_firms)
    groups = zip(effects.labels["group"].astype(str), effects.treated_units(), strict=True)
    return [group for group, firms in groups if firms < fewest]


def _too_few(claim: Claim, group: str) -> Silence:
    note = f"too few firms with accounts from year {claim.horizon:g} after joining on"
    return Silence(claim=claim.id, group=group, stream="economic", reason="missing", note=note)


def _pseudonym_key(inputs: Inputs) -> str:
    """Secret of this study's pseudonyms, the same in every run: a hash of what was answered, other than any published."""
    frames = [] if inputs.survey is None else [inputs.survey.responses.frame]
    frames += [] if inputs.codings is None else [inputs.codings.frame]
    digest = hashlib.blake2b(person=b"pseudonyms")
    for frame in frames:
        digest.update(frame.to_csv(index=False).encode())
    return digest.hexdigest()


def _said(plan: Plan, inputs: Inputs, key: str) -> list[Evidence]:
    if inputs.survey is None:
        return []
    theory = inputs.theory
    scales = {claim.id: claim.survey_scale for claim in theory.claims if claim.survey_scale}
    on_scale = [claim.id for claim in theory.claims if claim.survey_scale and claim.scale == "survey"]
    known = set(inputs.survey.codebook.scale_names)
    claims = {claim: scale for claim, scale in scales.items() if scale in known}
    estimates = [claim for claim in on_scale if claim in claims]
    own = inputs.survey.as_evidence(claims, estimates=estimates, rules=_survey_rules(plan), key=key)
    whole = inputs.survey.as_evidence(claims, estimates=estimates, rules=_survey_rules(plan), by="programme", key=key)
    return [*own, *whole]


def _survey_rules(plan: Plan) -> SurveyRules:
    """Rules of the plan's judgement; what too few firms answered is no evidence, as its note would give them away."""
    rules = _COURTESY[plan.bias.survey]
    return replace(rules, minimum_firms=max(rules.minimum_firms, plan.disclosure.minimum_firms))


def _interviews(plan: Plan, inputs: Inputs, key: str) -> list[Evidence]:
    if inputs.codings is None or inputs.bridge is None:
        return []
    deltas = {claim.id: claim.delta for claim in inputs.theory.claims}
    options = replace(_REPORTING[plan.bias.interviews], deltas=deltas)
    items = inputs.codings.diagnostics(inputs.bridge, options, key=key)
    return [item for item in items if item.claim in deltas]


def _silences(theory: Theory, groups: Sequence[str], evidence: Sequence[Evidence]) -> list[Evidence]:
    """A silence for every perspective that says nothing on a claim, so that nobody takes it for a zero."""
    spoken = {(item.claim, item.group, item.stream) for item in evidence}
    return [
        _unspoken(claim, group, stream)
        for claim in theory.claims
        for group in groups
        for stream in ("economic", "survey", "interviews")
        if (claim.id, group, stream) not in spoken
    ]


def _unspoken(claim: Claim, group: str, stream: Stream) -> Silence:
    """People are interviewed about their organisation: the programme was not measured, which is not "not asked"."""
    whole = group == PROGRAMME and stream == "interviews"
    measured = stream == "economic" or whole
    note = "spoken for by organisation only" if whole else ""
    reason: Literal["not_measured", "not_asked"] = "not_measured" if measured else "not_asked"
    return Silence(claim=claim.id, group=group, stream=stream, reason=reason, note=note)
