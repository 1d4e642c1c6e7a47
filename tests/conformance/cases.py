"""Every estimator in the forms in which its results leave it, fitted to one small world."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import clustereffects as ce

OUTCOME = "y"


@dataclass(frozen=True)
class Case:
    """An estimator (by the name of its class, so that a missing one fails in its tests) and how it is fitted."""

    id: str
    name: str
    options: tuple[tuple[str, Any], ...] = ()
    roles: tuple[tuple[str, Any], ...] = ()
    after: Callable[[Any], Any] | None = None

    def estimator(self):
        return getattr(ce, self.name)(**dict(self.options))

    def panel(self, frame):
        roles = {"unit": "firm", "time": "year", "cohort": "joined", "group": "organisation"} | dict(self.roles)
        return ce.Panel(frame, **roles)

    def fit(self, frame, outcome=OUTCOME):
        return self.fit_panel(self.panel(frame), outcome)

    def fit_panel(self, panel, outcome=OUTCOME):
        estimator = self.estimator()
        if self.name == "MatchedDiD":
            result = estimator.fit(matching().fit(panel), outcome)
        elif self.name == "HierarchicalEffects":
            own = ce.GroupTimeDiD(by_group=True).fit(panel, outcome)
            result = estimator.fit(own.aggregate("group"), rng=5)
        else:
            result = estimator.fit(panel, outcome)
        return self.after(result) if self.after else result


def matching():
    return ce.Matching(on=["size"], exact=["sector"], ratio=2, lags=(1,))


def by(key):
    return lambda effects: effects.aggregate(key)


BOOTSTRAP = ("variance", ce.MultiplierBootstrap(draws=199, rng=3))
TOWN_BOOTSTRAP = ("variance", ce.MultiplierBootstrap(draws=199, rng=3, cluster="town", multiplier="webb"))
CASES = [
    Case("group_time_reg", "GroupTimeDiD", (("method", "reg"), ("covariates", "size"))),
    Case("group_time_ipw", "GroupTimeDiD", (("method", "ipw"), ("covariates", "size"))),
    Case("group_time_dr", "GroupTimeDiD", (("method", "dr"), ("covariates", "size"), ("control", "never_treated"))),
    Case("group_time_universal", "GroupTimeDiD", (("base_period", "universal"), ("anticipation", 1))),
    Case("group_time_improved", "GroupTimeDiD", (("method", "dr_improved"), ("covariates", "size"))),
    Case("group_time_drop", "GroupTimeDiD", (("incomplete", "drop"),)),
    Case("group_time_sections", "GroupTimeDiD", (("incomplete", "cross_sections"), ("covariates", "size"))),
    Case("group_time_rows", "GroupTimeDiD", (), (("unit", None),)),
    Case("group_time_total", "GroupTimeDiD", (), (("cluster", "town"),), lambda e: e.aggregate("event", total=True)),
    Case("group_time_jobs", "GroupTimeDiD", (), (), lambda e: e.aggregate("cohort", weights="weight")),
    Case("group_time_by_group", "GroupTimeDiD", (("by_group", True),)),
    Case("group_time_weighted", "GroupTimeDiD", (), (("weights", "weight"),)),
    Case("group_time_clustered", "GroupTimeDiD", (("variance", ce.Cluster("town", "county", small_sample="stata")),)),
    Case("group_time_assigned", "GroupTimeDiD", (), (("cluster", "town"),)),
    Case("group_time_jackknife", "GroupTimeDiD", (("variance", ce.Jackknife("town", df="clusters")),)),
    Case("group_time_jackknife_event", "GroupTimeDiD", (("variance", ce.Jackknife("town")),), (), by("event")),
    Case(
        "group_time_wild", "GroupTimeDiD", (("variance", ce.WildBootstrap("town", draws=199, rng=3)),), (), by("event")
    ),
    Case("group_time_bootstrap", "GroupTimeDiD", (BOOTSTRAP,)),
    Case("group_time_bootstrap_town", "GroupTimeDiD", (TOWN_BOOTSTRAP,)),
    Case("group_time_overall", "GroupTimeDiD", (), (), by("overall")),
    Case("group_time_event", "GroupTimeDiD", (), (("cluster", "town"),), by("event")),
    Case("group_time_cohort", "GroupTimeDiD", (), (), by("cohort")),
    Case("group_time_calendar", "GroupTimeDiD", (BOOTSTRAP,), (), by("calendar")),
    Case("group_time_average", "GroupTimeDiD", (), (), lambda effects: effects.aggregate("event").average()),
    Case("matched", "MatchedDiD", (("window", (-2, 3)),)),
    Case("matched_plain", "MatchedDiD", (("window", (-2, 3)), ("bias_adjust", False))),
    Case("matched_group", "MatchedDiD", (("window", (-2, 3)),), (), by("group")),
    Case("matched_group_event", "MatchedDiD", (("window", (-2, 3)),), (), by(["group", "event"])),
    Case("matched_sector", "MatchedDiD", (("window", (-2, 3)),), (), by("sector")),
    Case("matched_assigned", "MatchedDiD", (("window", (-2, 3)),), (("cluster", "town"),), by("event")),
    Case("matched_jackknife", "MatchedDiD", (("window", (-2, 3)), ("variance", ce.Jackknife("town")))),
    Case("matched_sets", "MatchedDiD", (("variance", ce.Cluster("matched_set", "firm")),), (), by("overall")),
    Case("two_way", "TwoWayFixedEffects"),
    Case("two_way_clustered", "TwoWayFixedEffects", (("variance", ce.Cluster("town", small_sample="nested")),)),
    Case("hierarchical", "HierarchicalEffects", (("effect_sd", 0.1),)),
]
BY_ID = {case.id: case for case in CASES}


def world():
    """60 firms over 8 years; 28 join one of 4 organisations in 2004 or 2006, some years are missing."""
    rng = np.random.default_rng(20)
    n, years = 60, np.arange(2001, 2009)
    firm = np.repeat(np.arange(n), len(years))
    year = np.tile(years, n)
    joined = np.where(np.arange(n) < 14, 2004.0, np.where(np.arange(n) < 28, 2006.0, np.nan))
    organisation = np.where(np.arange(n) < 28, np.char.add("K", (np.arange(n) % 4).astype(str)), None)
    size, level = rng.normal(size=n), rng.normal(size=n)
    event = year - joined[firm]
    effect = np.where(event >= 0, 0.1 + 0.03 * event, 0.0)
    frame = pd.DataFrame(
        {
            "firm": [f"f{i:03d}" for i in firm],
            "year": year,
            "joined": joined[firm],
            "organisation": organisation[firm],
            "town": (np.arange(n) % 12)[firm],
            "county": (np.arange(n) * 7 % 10)[firm],
            "sector": (np.arange(n) % 2)[firm],
            "size": size[firm] + 0.1 * rng.normal(size=len(firm)),
            "weight": (1.0 + np.arange(n) % 3)[firm],
            "y": level[firm] + 0.05 * (year - 2001) + effect + 0.1 * rng.normal(size=len(firm)),
        }
    )
    late = frame["year"] > 2007
    return frame[~(late & (frame.index % 17 == 0))].reset_index(drop=True)


@cache
def fitted(case_id):
    """Result of a case, fitted once for all clauses."""
    return BY_ID[case_id].fit(world())
