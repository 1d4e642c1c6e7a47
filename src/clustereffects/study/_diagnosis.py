"""What a study tells about its own matching: whom it leaves out, and what other ways of matching would have found."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from clustereffects.data import Panel
from clustereffects.did import DesignComparison, MatchedDiD, compare_designs, dropped_members
from clustereffects.matching import Match
from clustereffects.study._matching import matching_with
from clustereffects.study.growth import GROWS
from clustereffects.study.plan import Plan


def dropped_from(plan: Plan, match: Match, estimator: MatchedDiD) -> pd.DataFrame | None:
    """Members that can be evaluated but have no effect, beside those that have one, in numbers before joining.

    Shares of industries and size classes are left out: with few members in each they would tell single firms.
    """
    lead = f"log_{plan.outcomes.names[0]}"
    columns = dict.fromkeys([*matching_with(plan.matching, plan.estimator.event_times[1]).on, "log_employees"])
    numbers = [name for name in columns if name != lead]
    table = dropped_members(estimator.fit(match, lead), columns=numbers, lags=plan.matching.lags)
    return table if len(table) and table["n_dropped"].iloc[0] else None


def compared_designs(plan: Plan, panel: Panel, estimator: MatchedDiD) -> DesignComparison:
    """The plan's matching with nothing, the level, all levels or the growth of the first outcome before joining."""
    lead, choice = f"log_{plan.outcomes.names[0]}", plan.matching
    paired = choice if choice.method in {"nearest", "optimal"} else replace(choice, method="nearest")
    matching = matching_with(paired, plan.estimator.event_times[1])
    own = {lead, "growth"} if lead == GROWS else {lead}
    others = [name for name in matching.on if name not in own]
    return compare_designs(panel, replace(matching, on=(*others, lead)), lead, lags=choice.lags, estimator=estimator)
