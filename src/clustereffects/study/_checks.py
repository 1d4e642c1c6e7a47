"""Checks of all parts of a study in one list, without naming those whose figures may not be published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.data import Panel
from clustereffects.did import DesignComparison
from clustereffects.matching import Match, exposed
from clustereffects.results import Check, Effects, Evidence, Silence
from clustereffects.study._matching import lasting_rules
from clustereffects.study.firms import FirmEffects, assignment_check
from clustereffects.study.growth import GROWS
from clustereffects.study.inputs import PROGRAMME, Inputs
from clustereffects.study.judgements import judgement_checks
from clustereffects.study.plan import Plan

_UNEQUAL = 0.05
_STREAMS = ("economic", "survey", "interviews")


def all_checks(
    plan: Plan,
    inputs: Inputs,
    firms: FirmEffects,
    evidence: Sequence[Evidence],
    hidden: Mapping[str, frozenset[str]],
) -> Iterator[tuple[str, Check]]:
    """Area and check; ``hidden`` has the organisations that are not published, by outcome and for ``survey``."""
    survey = inputs.survey.checks() if inputs.survey else ()
    moot = _mirrors_of_growth(plan)
    yield from (("matching", check) for check in firms.match.checks() if check.name not in moot)
    yield "matching", _donors(plan, firms.match.panel)
    yield from (("matching", check) for check in _designs(firms.designs))
    yield from (("matching", check) for check in _other_support(inputs, firms.match))
    yield from (("matching", check) for check in _own_key(inputs))
    yield from (("effects", check) for check in firms.findings)
    yield from (("survey", _discreet(check, hidden["survey"])) for check in survey)
    yield from (("interviews", check) for check in _of_interviews(inputs))
    if inputs.judgements is not None:
        yield from (("interviews", check) for check in judgement_checks(inputs.judgements))
    yield from _of_effects(plan, firms)
    for outcome, posterior in firms.pooled.items():
        discreet = (_discreet(check, hidden[outcome]) for check in posterior.checks())
        yield from (("pooling", _named(check, outcome)) for check in discreet)
    yield from _silent(inputs, evidence)


def _donors(plan: Plan, panel: Panel) -> Check:
    """Where the comparison firms come from; a warning if the plan wants other counties and the accounts hold none."""
    frame = panel.frame
    near = exposed(panel, lasting_rules(plan.matching))
    member, free = frame["cohort"].notna(), frame["firm"].isin(near.loc[near["rule"] == "", "unit"])
    home = plan.study.counties or tuple(frame.loc[member, "county"].dropna().unique())
    firms, inside = (frame.loc[rows, "firm"].nunique() for rows in (free, free & frame["county"].isin(home)))
    alone = inside > 0 and plan.matching.donor_pool == "other counties"
    message = f"{firms:,} firms may be compared with, {inside:,} of them from the counties of the study"
    return Check(
        name="where comparison firms come from",
        verdict="warn" if alone else "info",
        statistic=float(inside),
        threshold=0.0,
        message=message + ("; the accounts hold no others: only the member's own county is left out" if alone else ""),
        remedy="order accounts of other counties, since the programme may have touched these firms" if alone else "",
    )


def _designs(found: DesignComparison | None) -> list[Check]:
    """What the years before joining say about matching on them; it is told, and does not choose."""
    if found is None:
        return []
    chosen: dict[Any, Any] = found.table().set_index("design").loc[found.recommended].to_dict()
    advice = Check(
        name="what the years before joining would have chosen",
        verdict="info",
        statistic=float(chosen["estimated_bias"]),
        message=f"of designs that match on nothing, the level, all levels or the growth before joining, the diagnosis "
        f"prefers {chosen['matches_on']} (estimated bias {chosen['estimated_bias']:.4f}, standard error of the effect "
        f"{chosen['std_error']:.4f}); it takes a difference before joining to go on as it was, and the plan's choice stands",
    )
    names = ("reliability of the outcome before joining", "differences before joining")
    return [*(check for check in found.checks() if check.name in names), advice]


def _other_support(inputs: Inputs, match: Match) -> list[Check]:
    """Whether members received other public support more often than their comparison firms: effects would include it."""
    if inputs.supports is None:
        return []
    panel, sets = match.panel, match.sets
    received = panel.wide("other_support") == 1.0
    sides = (
        (sets.treated, sets.treated_set, sets.treated_weights()),
        (sets.control, sets.control_set, sets.control_weights()),
    )
    own, others = (
        float(np.average((received[units] & _after_joining(match, code)).any(axis=1), weights=weights))
        for units, code, weights in sides
    )
    unequal = abs(own - others) > _UNEQUAL
    return [
        Check(
            name="other public support",
            verdict="warn" if unequal else "pass",
            statistic=own - others,
            threshold=_UNEQUAL,
            message=f"{own:.0%} of the members and {others:.0%} of their comparison firms received other public support from "
            "joining on; it is not adjusted for, so that effects include what it does",
            remedy="say so beside the result, or leave supported firms out of the accounts" if unequal else "",
        )
    ]


def _after_joining(match: Match, code: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Years from the joining of each set up to the horizon of the match."""
    start, times = match.sets.cohort[code][:, None], match.panel.times
    return np.asarray((times >= start) & (times <= start + (match.design.horizon or 0)))


def _mirrors_of_growth(plan: Plan) -> set[str]:
    """Checks of the matching that make no sense where growth is matched on.

    They take the change from the last matched year to the one before for something that nobody was matched on. Growth
    over several years reaches behind that year; the pre-test below is about the years that it does not reach.
    """
    names = ("growth", GROWS) if "growth" in plan.matching.nearest else ()
    return {f"regression to the mean: {name}" for name in names}


def _of_effects(plan: Plan, firms: FirmEffects) -> Iterator[tuple[str, Check]]:
    matching = firms.match.checks()
    for (name, outcome), fit in firms.effects.items():
        own = [check for check in fit.findings if check not in matching]
        matched = name == "matched_did" and outcome == GROWS and "growth" in plan.matching.nearest
        before = _pretest(fit.by["event"], plan.matching.lags if matched else 1)
        yield from (("effects", _named(c, f"{name}, {outcome}")) for c in [*own, before])
    lead = next(outcome for name, outcome in firms.effects if name == firms.primary)
    yield "effects", _named(assignment_check(firms.effects[firms.primary, lead].by["overall"]), lead)


def _pretest(effects: Effects, lags: int) -> Check:
    """Joint test of the years before joining, without those that members and controls were matched on."""
    time = effects.labels["event_time"].to_numpy()
    matched = (time < -1) & (time >= -lags)
    if not matched.any():
        return effects.pretrends()
    check = effects.select((~matched).tolist()).pretrends()
    return replace(check, message=f"{check.message}; event times -{lags} to -2 were matched on and are not tested")


def _of_interviews(inputs: Inputs) -> list[Check]:
    """Checks without the names of interviews and respondents, which are often those of persons and firms."""
    codings = inputs.codings
    if codings is None:
        return []
    tables = (codings.sources, codings.frame)
    names = {str(name) for table in tables for key in ("source", "respondent") if key in table for name in table[key]}
    longest_first = sorted((re.escape(name) for name in names if name.strip()), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first) or '(?!)'})(?!\w)")
    return [replace(check, message=pattern.sub("…", check.message)) for check in codings.checks(inputs.bridge)]


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
    silences = [item for item in evidence if isinstance(item, Silence) and item.group != PROGRAMME]
    areas = dict(zip(_STREAMS, ("effects", "survey", "interviews"), strict=True))
    absent = {"survey": inputs.survey is None, "interviews": inputs.codings is None}
    for stream, area in areas.items():
        reasons = {
            item.claim: item.reason.replace("_", " ")
            for item in silences
            if item.stream == stream and (stream, item.claim) not in spoken
        }
        claims = ", ".join(f"{claim} ({reason})" for claim, reason in reasons.items())
        why = "it is not part of the study; " if absent.get(stream) else ""
        if reasons:
            yield area, Check(name=f"silences: {stream}", verdict="info", message=f"{why}nothing is said on {claims}")
