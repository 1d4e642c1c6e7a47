"""Which figures of a study are withheld, so that neither they nor what is published beside them gives a firm away."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clustereffects.disclosure import DisclosurePolicy
from clustereffects.results import Effects
from clustereffects.study.evidence import claim_effects
from clustereffects.study.firms import FirmEffects
from clustereffects.study.plan import Plan
from clustereffects.triangulation import Theory

_OTHERS = "non-members"


def reasons_by(by: str, effects: Effects, policy: DisclosurePolicy) -> list[str]:
    """Why each effect of an aggregation is withheld, empty for what may be published.

    The effect on the programme is published too, and it is a mean of the effects by organisation, cohort or year, and of
    those by event time from joining on.
    """
    firms = effects.treated_units()
    if by == "overall":
        return policy.reasons(firms.tolist())
    reasons = np.array([""] * len(firms), dtype=object)
    before = effects.labels["event_time"].to_numpy() < 0 if by == "event" else np.zeros(len(firms), dtype=bool)
    for part, within_total in ((before, False), (~before, True)):
        reasons[part] = policy.reasons(firms[part].tolist(), within_total=within_total)
    return [str(reason) for reason in reasons]


def withheld_organisations(firms: FirmEffects, policy: DisclosurePolicy) -> dict[str, frozenset[str]]:
    """By outcome, organisations whose effects are not published although there are firms behind them."""
    hidden = {}
    for (name, outcome), fit in firms.effects.items():
        if name == firms.primary:
            own = fit.by["group"]
            rows = zip(
                own.labels["group"].astype(str), own.treated_units(), reasons_by("group", own, policy), strict=True
            )
            hidden[outcome] = frozenset(group for group, n, reason in rows if n > 0 and reason)
    return hidden


def hidden_cells(
    plan: Plan, theory: Theory, firms: FirmEffects, policy: DisclosurePolicy
) -> frozenset[tuple[str, str]]:
    """Claims and organisations on which nothing joined is published: their effect is not, or rests on too few firms."""
    withheld = withheld_organisations(firms, policy)
    lead = withheld.get(f"log_{plan.outcomes.names[0]}", frozenset())
    hidden = set[tuple[str, str]]()
    for claim in theory.claims:
        pair = claim_effects(claim, firms)
        groups = lead | withheld.get(f"log_{claim.outcome}", frozenset())
        if pair is not None:
            counted = zip(pair[0].labels["group"].astype(str), pair[0].treated_units(), strict=True)
            groups |= {group for group, n in counted if 0 < n < policy.minimum_firms}
        hidden |= {(claim.id, group) for group in groups}
    return frozenset(hidden)


def survey_reasons(table: pd.DataFrame, policy: DisclosurePolicy) -> list[str]:
    """Why each row of the survey's means is withheld, empty for what may be published.

    The mean over all waves must not give away that of a single wave, and a difference neither of its two means.
    """
    firms = table["firms"].astype(int).to_numpy()
    reasons = np.array(policy.reasons(firms.tolist()), dtype=object)
    mean, single = (table["term"] == "mean").to_numpy(), (table["wave"].astype(str) != "all").to_numpy()
    cells = list(zip(table["organisation"], table["scale"], table["wave"], strict=True))
    for rows in table.assign(place=np.arange(len(table)))[mean & single].groupby(["organisation", "scale"])["place"]:
        places = rows[1].to_numpy()
        reasons[places] = policy.reasons(firms[places].tolist(), within_total=True)
    of_mean = {cell: reason for cell, reason, is_mean in zip(cells, reasons, mean, strict=True) if is_mean}
    for place in np.flatnonzero(~mean):
        organisation, scale, wave = cells[place]
        pair = (of_mean.get((name, scale, wave), "") for name in (organisation, _OTHERS))
        reasons[place] = next((reason for reason in pair if reason), "")
    return [str(reason) for reason in reasons]
