"""What a study tells about its own matching: whom it leaves out, and what other ways of matching would have found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.data import Panel
from clustereffects.did import DesignComparison, MatchedDiD, compare_designs, dropped_members
from clustereffects.did.design_bias import matched_functions
from clustereffects.matching import Match
from clustereffects.results import Effects
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


def own_design(plan: Plan, match: Match, found: DesignComparison, own: Mapping[str, Effects]) -> dict[str, Any]:
    """The plan's own matching as a row of the table of designs; ``own`` has its effects by aggregation.

    Level and growth together say the same as the levels at both ends.
    """
    lead, choice = found.outcome, plan.matching
    grown = "growth" in choice.nearest and lead == GROWS
    level = lead in {f"log_{name}" for name in choice.nearest}
    name = "growth" if grown and not level else "plan"
    lags = (1, choice.lags) if grown else (1,) if level else ()
    periods = len(found.diagnosis.moments.gap)
    bias, error = found.diagnosis.bias(matched_functions({name: lags}, periods)[name])
    overall, event = own["overall"], own["event"].tidy().set_index("event_time")
    row: dict[str, Any] = {
        "design": "plan",
        "matches_on": ", ".join(choice.nearest),
        "treated": int(overall.treated_units()[0]),
        "controls": match.n_controls,
        "estimate": float(overall.estimate[0]),
        "std_error": float(overall.std_errors.iloc[0]),
        "balance": float(match.balance()["smd_after"].abs().max()),
        "estimated_bias": float(bias.mean()),
        "bias_std_error": float(error[0]),
        "recommended": False,
    }
    for name, time in (("placebo", -2), ("placebo_beyond", -choice.lags - 1)):
        known = time in event.index
        there: dict[Any, Any] = event.loc[time].to_dict() if known else {}
        row[name] = there.get("estimate", np.nan)
        row[f"{name}_std_error"] = there.get("std_error", np.nan)
    row["loss"] = float(np.hypot(row["estimated_bias"], row["std_error"]))
    return row
