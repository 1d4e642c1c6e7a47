"""The truth of a simulated region, in the form of ``truth.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import clustereffects.datasets._survey as survey_model
from clustereffects.datasets._accounts import Accounts
from clustereffects.datasets._catalogue import Organisation, codes
from clustereffects.datasets._firms import LIMITED_COMPANY, Bools, Floats, Ints, World
from clustereffects.datasets._interviews import NEWLINES, Interview
from clustereffects.datasets._lists import MemberList, identifiers
from clustereffects.datasets._members import Contributions, Programme
from clustereffects.datasets._qdpx import nameless_case, uncoded_selections
from clustereffects.datasets._survey import Survey
from clustereffects.datasets.truth import OUTCOMES, true_effect

DELTA, SURVEY_DELTA = 0.01, 0.1
NAIVE_YEARS = 8
ACCOUNT_CLAIMS = {"value_added_growth": 0, "employment_growth": 1, "turnover_growth": 2}
SURVEY_CLAIMS = ("recruitment", "innovation", "network")


@dataclass(frozen=True, slots=True)
class Region:
    """Everything the truth is computed from."""

    world: World
    organisations: tuple[Organisation, ...]
    programme: Programme
    contributions: Contributions
    accounts: Accounts
    members: MemberList

    @property
    def evaluable(self) -> Bools:
        """Members a careful analyst can use: limited, linkable, datable, with a pre-period and a later year."""
        world, joined = self.world, self.programme.joined
        valid, event = self.accounts.valid[:, :, 0], self.contributions.event_time
        before = (valid & (event == -1)).any(axis=1) & (valid & ((event == -2) | (event == -3))).any(axis=1)
        usable = ~np.isin(np.arange(joined.size), list(self.members.unusable))
        limited = world.legal_form == LIMITED_COMPANY
        return np.asarray(
            before & (valid & (event >= 0)).any(axis=1) & usable & limited & (joined >= world.years[0] + 2)
        )

    @property
    def logs(self) -> Floats:
        """Log outcomes in fixed prices with everything that was added."""
        return np.asarray(self.world.untreated + self.contributions.total)


def claim_states(mu: Floats, own: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Value, unit and state of each claim for an organisation; ``own`` holds its effects the accounts do not show."""
    values = {claim: (float(mu[column]), "log points", DELTA) for claim, column in ACCOUNT_CLAIMS.items()}
    for claim in SURVEY_CLAIMS:
        value = float(survey_model.benefit(mu[0], claim)) + own[claim]
        values[claim] = (value, "latent SD", SURVEY_DELTA)
    return {
        claim: {"value": value, "unit": unit, "delta": delta, "state": _state(value, delta)}
        for claim, (value, unit, delta) in values.items()
    }


def region_truth(region: Region, survey: Survey, interviews: tuple[Interview, ...]) -> dict[str, Any]:
    """All keys below the settings."""
    names = identifiers(len(region.organisations))
    roles = dict(zip(names, region.programme.roles, strict=True))
    mu = dict(zip(names, region.programme.mu[:, 0], strict=True))
    return {
        "outcomes": list(OUTCOMES),
        "delta": DELTA,
        "accounts_rows": len(region.accounts.frame),
        "region_share": float(region.world.in_region.mean()),
        "programme": _programme(region),
        "organisations": {name: _organisation(region, survey, number) for number, name in enumerate(names)},
        "null_organisations": [name for name, value in mu.items() if value == 0],
        "negative_organisations": [name for name, value in mu.items() if value < -DELTA],
        "drawn_as": {name: role for name, role in roles.items() if role},
        "spillover": _spillover(region),
        "violation": _violation(region),
        "support": _support(region),
        "crisis_county_exposure": region.world.exposure,
        "accounts_dirt": region.accounts.dirt,
        "member_dirt": region.members.dirt,
        "members": _members(region),
        "survey": _survey(region, survey),
        "interviews": _interviews(interviews),
    }


def _state(value: float, delta: float) -> str:
    return "benefit" if value > delta else "harm" if value < -delta else "negligible"


def _att(region: Region, firms: Bools) -> dict[str, Any]:
    event = region.contributions.event_time
    result = {}
    for column, outcome in enumerate(OUTCOMES):
        use = firms[:, None] & (event >= 0) & region.accounts.valid[:, :, column]
        rows = {"firm": np.nonzero(use)[0], "event_time": event[use].astype(int)}
        frame = pd.DataFrame(rows | {outcome: region.contributions.membership[use, column]})
        result[outcome] = true_effect(frame, outcome).to_dict()
    return result


def _caused(region: Region, firms: Bools) -> dict[str, Any]:
    """Value added that would not exist without membership, in thousand kronor of fixed prices."""
    use = firms[:, None] & region.world.alive
    value = np.exp(region.logs[:, :, 0]) * (1 - np.exp(-region.contributions.membership[:, :, 0]))
    by_year = np.where(use, value, 0.0).sum(axis=0)
    years = (int(year) for year in region.world.years)
    return {
        "unit": "kSEK, fixed prices",
        "total": float(by_year.sum()),
        "by_year": {str(year): float(total) for year, total in zip(years, by_year, strict=True)},
    }


def _programme(region: Region) -> dict[str, Any]:
    member, evaluable = region.programme.member, region.evaluable
    naive = [_naive(region, number) for number in range(len(region.organisations))]
    measured = [row for row in naive if row["firms"]]
    return {
        "att": {"all": _att(region, member), "evaluable": _att(region, evaluable)},
        "members": int(member.sum()),
        "evaluable": int(evaluable.sum()),
        "value_added_caused": _caused(region, member),
        "mean_mu": dict(zip(OUTCOMES, (float(value) for value in region.programme.mu.mean(axis=0)), strict=True)),
        "naive": {
            "mean_vs_county": float(np.mean([row["vs_county"] for row in measured])),
            "mean_bias_vs_county": float(np.mean([row["bias_vs_county"] for row in measured])),
        },
    }


def _organisation(region: Region, survey: Survey, number: int) -> dict[str, Any]:
    programme, row = region.programme, region.organisations[number]
    here = programme.organisation == number
    own = {scale: float(values[number]) for scale, values in survey.response.own.items()}
    mill = int(region.world.orgnr[programme.mill]) if here[programme.mill] else None
    return {
        "name": row.name,
        "field": row.field,
        "county": row.county,
        "started": int(programme.started[number]),
        "null": programme.roles[number] == "null" or not programme.mu[number].any(),
        "selection": row.selection,
        "members": int(here.sum()),
        "evaluable": int((here & region.evaluable).sum()),
        "left": int((here & ~np.isnan(programme.left)).sum()),
        "exited": int((here & ~region.world.alive[:, -1]).sum()),
        "mu": dict(zip(OUTCOMES, (float(value) for value in programme.mu[number]), strict=True)),
        "att": {"all": _att(region, here), "evaluable": _att(region, here & region.evaluable)},
        "value_added_caused": _caused(region, here),
        "dominant_share": _dominant_share(region, here),
        "mill": mill,
        "naive": _naive(region, number),
        "claims": claim_states(programme.mu[number], own),
    }


def _dominant_share(region: Region, here: Bools) -> float:
    """Share of the largest member in the organisation's value added in the year before the last."""
    value = np.exp(region.logs[here, -2, 0])[region.world.alive[here, -2]]
    return float(value.max() / value.sum()) if value.size else 0.0


def _naive(region: Region, number: int) -> dict[str, Any]:
    """Growth of those on the list in the end year against the county's other firms, as early evaluations did it."""
    world, programme = region.world, region.programme
    end, start = world.years.size - 2, max(world.years.size - 2 - NAIVE_YEARS, 0)
    valid = region.accounts.valid[:, end, 0] & region.accounts.valid[:, start, 0]
    growth = region.logs[:, end, 0] - region.logs[:, start, 0]
    part = region.contributions.membership[:, end, 0] - region.contributions.membership[:, start, 0]
    listed = (programme.organisation == number) & (programme.joined <= world.years[end])
    listed &= ~(programme.left <= world.years[end]) & valid
    others = (world.county == region.organisations[number].county) & ~programme.member & valid
    difference = float(growth[listed].mean() - growth[others].mean()) if listed.any() and others.any() else 0.0
    true = float(part[listed].mean()) if listed.any() else 0.0
    window = f"{world.years[start]}-{world.years[end]}, members listed in {world.years[end]}"
    return {
        "window": window,
        "firms": int(listed.sum()),
        "true": true,
        "vs_county": difference,
        "bias_vs_county": difference - true,
    }


def _spillover(region: Region) -> dict[str, Any]:
    exposed = (region.contributions.spillover != 0) & region.world.alive
    values = region.contributions.spillover[exposed]
    return {
        "mean_realised": float(values.mean()) if values.size else 0.0,
        "exposed_firm_years": int(exposed.sum()),
        "exposed_firms": int(exposed.any(axis=1).sum()),
    }


def _violation(region: Region) -> dict[str, Any]:
    event = region.contributions.event_time
    parts = {time: region.contributions.violation[event == time] for time in range(-4, 6)}
    return {"realised_by_event_time": {str(time): float(part.mean()) for time, part in parts.items() if part.size}}


def _support(region: Region) -> dict[str, Any]:
    supported = ~np.isnan(region.contributions.support_year)
    member = region.programme.member
    return {
        "effect": float(region.contributions.support.max()),
        "member_share": float(supported[member].mean()),
        "region_non_member_share": float(supported[~member & region.world.in_region].mean()),
    }


def _members(region: Region) -> list[dict[str, Any]]:
    programme, names = region.programme, identifiers(len(region.organisations))
    evaluable = region.evaluable
    return [
        {
            "orgnr": int(region.world.orgnr[firm]),
            "organisation": names[programme.organisation[firm]],
            "joined": int(programme.joined[firm]),
            "left": None if np.isnan(programme.left[firm]) else int(programme.left[firm]),
            "participation": float(programme.participation[firm]),
            "evaluable": bool(evaluable[firm]),
            "theta": [float(value) for value in programme.theta[firm]],
        }
        for firm in np.flatnonzero(programme.member)
    ]


def _survey(region: Region, survey: Survey) -> dict[str, Any]:
    names: Ints | list[str] = identifiers(len(region.organisations))
    asked = survey.frame[survey.frame["asked"] == 1].groupby("organisation").size()
    answered = pd.concat(survey.waves.values()).groupby("organisation").size()
    return {
        "waves": list(survey.waves),
        "loadings": survey_model.LOADINGS,
        "effect_unit": survey_model.EFFECT_UNIT,
        "halo_sd": survey_model.HALO_SD,
        "noise_sd": survey_model.NOISE_SD,
        "acquiescence_sd": survey_model.ACQUIESCENCE_SD,
        "thresholds": survey_model.THRESHOLDS.tolist(),
        "organisations": {
            str(name): {
                "optimism": float(survey.response.optimism[number]),
                "asked": int(asked.get(name, 0)),
                "answered": int(answered.get(name, 0)),
                "response_rate": float(answered.get(name, 0) / max(asked.get(name, 0), 1)),
            }
            for number, name in enumerate(names)
        },
        "non_members": {
            "optimism": float(survey.response.optimism[-1]),
            "asked": int(asked.get("", 0)),
            "answered": int(answered.get("", 0)),
        },
    }


def _interviews(interviews: tuple[Interview, ...]) -> dict[str, Any]:
    states = ("benefit", "negligible", "harm")
    twice = [interview.source for interview in interviews if len({coder for coder, _ in interview.codings}) > 1]
    newline = {kind: [row.source for row in interviews if row.newline == kind] for kind in NEWLINES}
    return {
        "interviews": len(interviews),
        "codings": sum(len(interview.codings) for interview in interviews),
        "p_by_state": {code.code: dict(zip(states, code.observed, strict=True)) for code in codes()},
        "claim_of_code": {code.code: code.claim or None for code in codes()},
        "sources_coded_twice": twice,
        "traps": {
            "case_without_name": nameless_case(interviews),
            "selections_without_coding": uncoded_selections(interviews),
            "newline": newline,
            "code_without_bridge_row": next(code.code for code in codes() if not code.claim),
            "registered_after_the_data": next(code.code for code in codes() if code.late),
        },
        "presence": [
            {"source": row.source, "organisation": row.organisation, "role": row.role}
            | {code.code: code.code in {passage.code for passage in row.passages} for code in codes()}
            for row in interviews
        ],
    }
