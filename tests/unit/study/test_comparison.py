"""Choices of matching in a plan reach the match, and what is told about it names and reveals no firm."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from clustereffects.datasets import RegionOptions, simulate_region
from clustereffects.disclosure import DisclosurePolicy
from clustereffects.disclosure.policy import COMPLEMENTARY, FEW
from clustereffects.matching import Rule
from clustereffects.study import comparison_tables as tables
from clustereffects.study import firms as work
from clustereffects.study._diagnosis import own_design
from clustereffects.study.inputs import read_inputs
from clustereffects.study.plan import Plan

POLICY = DisclosurePolicy()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    size = RegionOptions(n_firms=4_000, n_organisations=8, n_members=160, n_interviews=8)
    plan = Plan.from_toml(simulate_region(tmp_path_factory.mktemp("region"), size, rng=3).study)
    plan = dataclasses.replace(plan, outcomes=dataclasses.replace(plan.outcomes, names=("value_added",)))
    inputs = read_inputs(plan)
    return plan, inputs, work.prepare(plan, inputs)


def changed(plan, **choices):
    return dataclasses.replace(plan, matching=dataclasses.replace(plan.matching, **choices))


@pytest.fixture(scope="module")
def match(study):
    plan, _, data = study
    return work.matching_of(plan).fit(data.panel)


def test_rules_leave_out_whom_one_flag_left_out_before(study, match):
    plan, _, data = study
    frame = data.panel.frame
    barred = frame["cohort"].isna() & (frame["member_group"] | frame["of_the_region"])
    assert set(data.barred) == set(frame.loc[barred, "firm"])
    old = dataclasses.replace(work.matching_of(plan), rules=(), exclude="barred")
    roles = {"unit": "firm", "time": "year", "cohort": "cohort"}
    other = old.fit(type(data.panel)(frame.assign(barred=barred), **roles))
    pd.testing.assert_frame_equal(match.pairs(), other.pairs())


def test_the_ledger_of_each_joining_year_adds_up(match):
    table = tables.candidates_table(match, DisclosurePolicy(minimum_firms=1))
    assert set(table["step"]) == {"candidates", "group of a member", "counties of the study", "missing values", "left"}
    for _, rows in table.groupby("cohort"):
        first, last = rows["firms"].dropna()
        assert first - rows["removed"].sum() == last


def test_what_rules_leave_out_is_not_found_by_subtraction(match):
    every = tables.candidates_table(match, DisclosurePolicy(minimum_firms=1))
    removed = every["removed"].dropna()
    limit = int(removed[removed > 0].min()) + 1
    shown = tables.candidates_table(match, DisclosurePolicy(minimum_firms=limit))
    hidden = shown[shown["withheld"] != ""]
    assert set(hidden["withheld"]) == {FEW, COMPLEMENTARY}
    assert hidden[["firms", "concerned", "removed", "only"]].isna().all(axis=None)
    assert (hidden.groupby("cohort").size() > 1).all()
    assert not shown["only"].dropna().between(1, limit - 1).any()


def test_reasons_are_numbers_within_the_policy(study, match):
    _, _, data = study
    reasons = data.evaluable["reason"]
    every = tables.unmatched_table(reasons[reasons != ""], match, DisclosurePolicy(minimum_firms=1))
    assert list(every.columns) == ["reason", "constraint", "members", "withheld"]
    assert every["members"].sum() == (reasons != "").sum() + len(match.unmatched())
    shown = tables.unmatched_table(reasons[reasons != ""], match, POLICY)
    assert shown["members"].dropna().ge(POLICY.minimum_firms).all()
    assert (shown["members"].isna() == (shown["withheld"] != "")).all()


def test_a_ladder_is_climbed_and_counted(study):
    plan, _, data = study
    found = work.matching_of(changed(plan, ladder=(("industry", (5, 4, 3, 2)),))).fit(data.panel)
    table = tables.rungs_table(found, DisclosurePolicy(minimum_firms=1))
    assert table["rung"].tolist() == [f"industry {digits} digits" for digits in (5, 4, 3, 2)]
    assert table["members"].sum() == found.n_treated
    assert (table["members"] > 0).sum() > 1
    codes = data.panel.frame.set_index(["firm", "year"])["industry"].astype(str)
    pairs = found.pairs().merge(found.rungs(), left_on="treated", right_on="unit", suffixes=("", "_of"))
    own, other = (
        codes.loc[list(zip(pairs[side], pairs["cohort"] - 1, strict=True))] for side in ("treated", "control")
    )
    digits = pairs["rung"].str.extract(r"(\d)")[0].astype(int)
    assert all(a[:n] == b[:n] for a, b, n in zip(own, other, digits, strict=True))


def test_rungs_with_few_members_are_withheld(study):
    plan, _, data = study
    found = work.matching_of(changed(plan, ladder=(("industry", (5, 4, 3, 2)),))).fit(data.panel)
    every = tables.rungs_table(found, DisclosurePolicy(minimum_firms=1))["members"]
    limit = int(every[every > 0].min()) + 1
    shown = tables.rungs_table(found, DisclosurePolicy(minimum_firms=limit))
    assert (shown["withheld"] != "").sum() > 1


def test_a_rule_of_the_plan_reaches_both_comparisons(study):
    plan, inputs, data = study
    rule = Rule(kind="flagged", column="other_support", name="supported")
    strict = changed(plan, rules=(rule,))
    other = work.prepare(strict, inputs)
    frame = data.panel.frame
    supported = set(frame.loc[frame["other_support"] & frame["cohort"].isna(), "firm"])
    assert supported
    assert set(other.barred) == set(data.barred) | supported
    controls = work.matching_of(strict).fit(other.panel).pairs()["control"]
    assert not set(controls) & supported


def test_support_around_joining_bars_only_then(study):
    plan, inputs, data = study
    near = changed(plan, support_window=(-3, 5))
    assert set(work.prepare(near, inputs).barred) == set(data.barred)
    found = work.matching_of(near).fit(data.panel)
    support = data.panel.frame.set_index(["firm", "year"])["other_support"]
    for row in found.pairs().itertuples():
        years = [year for year in range(row.cohort - 3, row.cohort + 6) if (row.control, year) in support.index]
        assert not support.loc[[(row.control, year) for year in years]].any()


def test_sizes_are_within_the_factor(study):
    plan, _, data = study
    found = work.matching_of(changed(plan, size_factor=1.5)).fit(data.panel)
    employees = data.panel.frame.set_index(["firm", "year"])["employees"]
    pairs = found.pairs()
    own, other = (
        employees.loc[list(zip(pairs[side], pairs["cohort"] - 1, strict=True))].to_numpy()
        for side in ("treated", "control")
    )
    assert np.abs(np.log(own / other)).max() <= np.log(1.5) + 1e-12


@pytest.mark.parametrize("method", ["optimal", "coarsened_exact", "entropy"])
def test_other_methods_lead_to_effects(study, method):
    plan, _, data = study
    result = work.estimate(changed(plan, method=method), data)
    assert np.isfinite(result.effects["matched_did", "log_value_added"].by["overall"].estimate).all()
    assert result.designs is not None


def test_members_without_firms_are_means_of_enough(study):
    plan, _, data = study
    result = work.estimate(changed(plan, caliper=0.5), data)
    assert result.dropped is not None
    assert not result.dropped["variable"].str.contains(":").any()
    shown = tables.dropped_table(result.dropped, POLICY)
    assert shown["n_dropped"].dropna().ge(3).all()
    few = int(shown["n_dropped"].max()) + 1
    hidden = tables.dropped_table(result.dropped, DisclosurePolicy(minimum_firms=few))
    assert hidden[["kept", "dropped", "smd", "n_kept", "n_dropped"]].isna().all(axis=None)


def test_the_plans_own_design_stands_first(study):
    plan, _, data = study
    result = work.estimate(plan, data)
    own = own_design(plan, result.match, result.designs, result.effects["matched_did", "log_value_added"].by)
    table = tables.designs_table(result.designs, own, POLICY)
    assert table["design"].tolist() == ["plan", "covariates", "level", "lags", "growth"]
    assert table["estimate"][0] == result.effects["matched_did", "log_value_added"].by["overall"].estimate[0]
    biases = {}
    for nearest in (("value_added",), ("growth",), ("employees",)):
        row = own_design(
            changed(plan, nearest=nearest),
            result.match,
            result.designs,
            result.effects["matched_did", "log_value_added"].by,
        )
        biases[nearest[0]] = row["estimated_bias"]
    expected = table.set_index("design")["estimated_bias"]
    same = {"value_added": "level", "growth": "growth", "employees": "covariates"}
    for nearest, design in same.items():
        np.testing.assert_allclose(biases[nearest], expected[design], rtol=1e-10)
