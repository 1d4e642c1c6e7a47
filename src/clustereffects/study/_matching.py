"""The matching that a plan describes: what must be alike and near, and who cannot be a comparison firm."""

from __future__ import annotations

from typing import Any

from clustereffects.matching import Caliper, Matching, Rule
from clustereffects.study._sections import MatchingOptions

REGION = "of_the_region"
GROUP_RULE, REGION_RULE, SUPPORT_RULE = "group of a member", "counties of the study", "other public support"
_LOGS = {"value_added", "employees", "net_turnover", "productivity", "competitiveness"}
_LINKS = {"nearest", "optimal"}


def rules_of(choice: MatchingOptions) -> tuple[Rule, ...]:
    """Rules of every study, then those that the plan adds."""
    rules = [
        Rule(kind="flagged", column="member_group", name=GROUP_RULE),
        Rule(kind="flagged", column=REGION, name=REGION_RULE),
    ]
    if choice.support_window:
        rules.append(Rule(kind="flagged", column="other_support", window=choice.support_window, name=SUPPORT_RULE))
    return (*rules, *choice.rules)


def matching_with(choice: MatchingOptions, horizon: int) -> Matching:
    """Matching with levels in the year before joining, and growth over the years before that.

    Methods that weigh whole strata cannot keep a member from firms of its own county; there the rules alone do.
    """
    options: dict[str, Any] = {
        "on": tuple(f"log_{name}" if name in _LOGS else name for name in choice.nearest),
        "exact": choice.exact,
        "rules": rules_of(choice),
        "ratio": choice.controls if choice.method in _LINKS else 1,
        "method": choice.method,
        "replace": choice.replace,
        "reuse": choice.reuse,
        "candidates": choice.candidates,
        "ladder": choice.ladder,
        "lags": (1,),
        "horizon": horizon,
    }
    if choice.donor_pool == "other counties" and choice.method in _LINKS:
        options["forbid"] = ("county",)
    if choice.caliper is not None or choice.size_factor is not None:
        factors = {} if choice.size_factor is None else {"employees": choice.size_factor}
        options["caliper"] = Caliper(distance=choice.caliper, factors=factors)
    return Matching(**options)


def lasting_rules(choice: MatchingOptions) -> list[Rule]:
    """Rules that say of a firm, without regard to a member, that it is never a comparison firm."""
    return [rule for rule in rules_of(choice) if rule.of == "any" and rule.when == "ever" and rule.window is None]
