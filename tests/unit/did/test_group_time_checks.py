"""Findings of the group-time estimator: a case for every verdict."""

import numpy as np
import pytest

from clustereffects.did.group_time_checks import cluster_checks, identification_checks, lone_treated_check
from clustereffects.errors import FewClustersWarning


def test_reasons_are_gathered():
    terms = ["ATT(1, 1)", "ATT(1, 2)", "ATT(1, 3)", "ATT(1, 4)", "ATT(2, 2)", "ATT(2, 3)"]
    first, second = identification_checks(terms, ["a", "a", "a", "a", "b", ""])
    assert first.message == "4 effects: a – ATT(1, 1), ATT(1, 2), ATT(1, 3) and 1 more"
    assert second.message == "1 effect: b – ATT(2, 2)"
    assert (first.verdict, first.statistic) == ("warn", 4.0)


def test_nothing_to_say_when_all_is_identified():
    assert identification_checks(["ATT(1, 1)"], [""]) == ()
    assert lone_treated_check(["ATT(1, 1)"], np.array([2])) == ()


def test_effects_that_rest_on_one_unit():
    check = lone_treated_check(["ATT(1, 1)", "ATT(1, 2)"], np.array([1, 3]))[0]
    assert check.verdict == "warn"
    assert check.message.startswith("1 effect rests on one treated unit: ATT(1, 1)")


def test_enough_clusters_pass():
    check = cluster_checks({"county": np.arange(20) // 2}, np.arange(20) < 16)[0]
    assert (check.verdict, check.statistic, check.remedy) == ("pass", 8.0, "")


def test_few_clusters_warn_and_name_alternatives():
    with pytest.warns(
        FewClustersWarning, match="reached 7 clusters of 'county', fewer than 8.*ce.Jackknife.*HierarchicalEffects"
    ):
        check = cluster_checks({"county": np.arange(20) // 2}, np.arange(20) < 14)[0]
    assert (check.verdict, check.statistic) == ("warn", 7.0)
    assert "ce.WildBootstrap(...) are too short" in check.remedy
