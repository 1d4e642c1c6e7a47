"""Choices of the plan reach the numbers: who is evaluated, which years are compared, at which level errors are clustered."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from clustereffects.datasets import RegionOptions, simulate_region
from clustereffects.errors import EstimationError
from clustereffects.results import Diagnostic, Estimate, Silence
from clustereffects.study import firms as work
from clustereffects.study._checks import _other_support, all_checks
from clustereffects.study.evidence import gather
from clustereffects.study.inputs import read_inputs
from clustereffects.study.plan import Plan
from clustereffects.study.study import Study
from clustereffects.triangulation.dependence import grouped


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("region")
    size = RegionOptions(n_firms=4_000, n_organisations=8, n_members=160, n_interviews=8)
    plan = Plan.from_toml(simulate_region(folder, size, rng=3).study)
    return plan, read_inputs(plan)


def changed(plan, section, **choices):
    return dataclasses.replace(plan, **{section: dataclasses.replace(getattr(plan, section), **choices)})


@pytest.fixture(scope="module")
def fitted(study):
    plan, inputs = study
    data = work.prepare(plan, inputs)
    return data, work.estimate(plan, data, frozenset({3}))


def test_only_members_that_can_be_evaluated_are_evaluated(study):
    plan, inputs = study
    data = work.prepare(plan, inputs)
    left_out = data.evaluable.loc[data.evaluable["reason"] != "", "firm"]
    assert len(left_out)
    assert not data.panel.frame["firm"].isin(left_out).any()
    members = data.panel.frame.loc[data.panel.frame["cohort"].notna(), "firm"].nunique()
    assert members == (data.evaluable["reason"] == "").sum()


def test_more_years_before_joining_leave_fewer_members(study):
    plan, inputs = study
    counts = []
    for years in (2, 3, 5):
        data = work.prepare(changed(plan, "population", minimum_pre_years=years), inputs)
        member = data.panel.frame[data.panel.frame["cohort"].notna()]
        before = member[(member["year"] < member["cohort"]) & member["log_value_added"].notna()]
        assert (before.groupby("firm").size() >= years).all()
        counts.append(member["firm"].nunique())
    assert counts[0] > counts[1] > counts[2] > 0


def test_what_stands_side_by_side_is_about_the_same_years(study, fitted):
    plan, _ = study
    first, last = plan.estimator.event_times
    for fit in fitted[1].effects.values():
        event = fit.by["event"].labels["event_time"]
        assert event.min() >= first
        assert event.max() <= last


def test_both_standard_errors_of_the_programme_are_told(fitted):
    overall = fitted[1].effects["matched_did", "log_value_added"].by["overall"]
    check = work.assignment_check(overall)
    psi = overall.influence[:, 0]
    by_firm = np.sqrt((psi**2).sum()) / len(psi)
    assert check.statistic == overall.std_errors.iloc[0]
    assert f"by firm {by_firm:.4f}" in check.message


def test_errors_by_firm_can_be_chosen(study, fitted):
    plan, _ = study
    firms = work.estimate(changed(plan, "estimator", cluster="firm"), fitted[0])
    one, other = (result.effects["matched_did", "log_value_added"].by["overall"] for result in (fitted[1], firms))
    assert "clustered by firm" in other.uncertainty.convention
    assert "cluster jackknife (CV3) by organisation" in one.uncertainty.convention
    assert work.assignment_check(one).message == work.assignment_check(other).message
    np.testing.assert_allclose(one.estimate, other.estimate)


def test_growth_before_joining_knows_nothing_of_later_years(study):
    plan, inputs = study
    frame = work.prepare(plan, inputs).table.frame
    later = frame["year"] >= frame["cohort"]
    shifted = frame.assign(log_value_added=frame["log_value_added"].where(~later, frame["log_value_added"] + 1.0))
    base = (frame["year"] == frame["cohort"] - 1).to_numpy()
    one, other = (work.mean_growth(table, "log_value_added", 2)[base] for table in (frame, shifted))
    assert np.isfinite(one).sum() > 50
    np.testing.assert_array_equal(one, other)


def test_a_study_with_few_years_before_joining_runs(study):
    plan, _ = study
    report = Study(changed(plan, "population", minimum_pre_years=1)).run(progress=False)
    results, counts = report.results, report.content.counts
    lost = (results.data.evaluable["reason"] != "").sum() + len(results.firms.match.unmatched())
    assert lost + counts["matched"] == counts["members"]
    reasons = report.content.tables["unmatched"]
    assert reasons["members"].dropna().ge(3).all()
    assert reasons["members"].sum() <= lost


def test_an_effect_on_too_few_firms_is_no_evidence(study, fitted):
    plan, inputs = study
    effects = fitted[1].effects["matched_did", "log_value_added"].from_horizon[3][0]
    counts = dict(zip(effects.labels["group"], effects.treated_units(), strict=True))
    limit = sorted(counts.values())[1]
    evidence = gather(changed(plan, "disclosure", minimum_firms=int(limit)), inputs, fitted[1])
    few = [group for group, firms in counts.items() if firms < limit]
    assert len(few) == 1
    about = [item for item in evidence if (item.claim, item.stream) == ("value_added_growth", "economic")]
    assert {item.group for item in about if isinstance(item, Estimate)} == {*counts, "programme"} - {*few}
    silent = [item for item in about if isinstance(item, Silence)]
    assert [(item.group, item.reason) for item in silent] == [(few[0], "missing")]


def test_the_whole_programme_is_not_said_to_be_unasked(study, fitted):
    evidence = gather(*study, fitted[1])
    programme = [item for item in evidence if isinstance(item, Silence) and item.group == "programme"]
    assert {item.reason for item in programme if item.stream == "interviews"} == {"not_measured"}
    unasked = {item.claim for item in programme if (item.stream, item.reason) == ("survey", "not_asked")}
    assert unasked == {"employment_growth", "turnover_growth"}, "no question is about them"
    hidden = {name: frozenset() for name in (*fitted[1].pooled, "survey")}
    checks = {check.name: check.message for _, check in all_checks(*study, fitted[1], evidence, hidden)}
    assert checks["silences: survey"] == "nothing is said on employment_growth (not asked), turnover_growth (not asked)"


def test_the_survey_speaks_for_the_programme(study, fitted):
    evidence = gather(*study, fitted[1])
    said = {item.claim: item for item in evidence if (item.group, item.stream) == ("programme", "survey")}
    assert isinstance(said["value_added_growth"], Diagnostic)
    assert isinstance(said["innovation"], Estimate)
    assert "firms of 8 organisations" in said["value_added_growth"].note


def test_who_answered_and_was_interviewed_is_recognised_and_not_named(study, fitted):
    plan, inputs = study
    answers = inputs.survey.responses.frame
    answered = answers.loc[answers["organisation"] == "K01"].dropna(subset=list(inputs.survey.codebook.item_names))
    source = inputs.codings.sources.query("organisation == 'K01'")["source"].iloc[0]
    firm = answered["orgnr"].iloc[0]
    codings = inputs.codings.with_sources(pd.DataFrame({"source": [source], "firm": [firm]}))
    about = ("value_added_growth", "K01", "effect")
    for given, joined in ((inputs.codings, False), (codings, True)):
        evidence = gather(plan, dataclasses.replace(inputs, codings=given), fitted[1])
        signs = [item for item in evidence if isinstance(item, Diagnostic)]
        cell = [item for item in grouped(signs) if (item.claim, item.group, item.target) == about]
        groups = {
            stream: {item.dependence for item in cell if item.stream == stream} for stream in ("survey", "interviews")
        }
        assert bool(groups["survey"] & groups["interviews"]) == joined
        assert firm not in repr(evidence)


def test_years_that_were_matched_on_test_nothing(study, fitted):
    plan, inputs = study
    names = {}
    for nearest in (("value_added", "growth"), ("value_added",)):
        choice = changed(plan, "matching", nearest=nearest)
        checks = all_checks(
            choice, inputs, fitted[1], (), {name: frozenset() for name in (*fitted[1].pooled, "survey")}
        )
        names[nearest] = {check.name: check for _, check in checks}
    with_growth, without = names.values()
    test = "parallel trends before joining (matched_did, log_value_added)"
    assert with_growth[test].message.startswith("joint Wald test of 2 effects before joining")
    assert with_growth[test].message.endswith("event times -3 to -2 were matched on and are not tested")
    assert without[test].message.startswith("joint Wald test of 4 effects before joining")
    other = "parallel trends before joining (matched_did, log_employees)"
    assert with_growth[other] == without[other]
    mirrors = {name for name in without if name.startswith("regression to the mean")}
    assert mirrors == {"regression to the mean: log_value_added", "regression to the mean: growth"}
    assert not mirrors & set(with_growth)


def free(data):
    """Firms of a study's panel that may serve as controls."""
    frame = data.panel.frame
    return frame[frame["cohort"].isna() & ~frame["firm"].isin(data.barred)]


def test_comparison_firms_come_from_elsewhere(study, fitted):
    plan, inputs = study
    assert not free(fitted[0])["county"].isin(plan.study.counties).any()
    controls = fitted[1].match.pairs()["control"]
    later = fitted[0].panel.frame.dropna(subset="cohort")["firm"]
    assert (controls.isin(free(fitted[0])["firm"]) | controls.isin(later)).all()
    unnamed = work.prepare(changed(plan, "study", counties=()), inputs)
    members = fitted[0].panel.frame.dropna(subset="cohort")["county"].unique()
    assert not free(unnamed)["county"].isin(members).any()
    everywhere = work.prepare(changed(plan, "matching", donor_pool="all"), inputs)
    assert free(everywhere)["county"].isin(plan.study.counties).any()


def test_without_firms_from_elsewhere_a_check_says_so(study, fitted):
    plan, inputs = study
    counties = tuple(fitted[0].table.frame["county"].dropna().unique())
    narrow = changed(plan, "study", counties=counties)
    data = work.prepare(narrow, inputs)
    assert len(free(data))
    firms = dataclasses.replace(fitted[1], match=work.matching_of(narrow).fit(data.panel))
    hidden = {name: frozenset() for name in (*fitted[1].pooled, "survey")}
    found = [
        {check.name: check for _, check in all_checks(one, inputs, effects, (), hidden)}[
            "where comparison firms come from"
        ]
        for one, effects in ((plan, fitted[1]), (narrow, firms))
    ]
    assert [check.verdict for check in found] == ["info", "warn"]
    assert ", 0 of them from the counties of the study" in found[0].message
    assert "only the member's own county is left out" in found[1].message


def test_what_is_shown_beside_the_answer_may_fail(study, fitted, monkeypatch):
    plan, _ = study

    def fail(*_):
        raise EstimationError("nothing to compare")

    monkeypatch.setattr(work.GroupTimeDiD, "fit", fail)
    monkeypatch.setattr(work.TwoWayFixedEffects, "fit", fail)
    report = Study(plan).run(progress=False)
    found = {check.name: check for _, check in report.content.checks if check.message == "nothing to compare"}
    assert "group_time_did of log_value_added" in found
    assert "two-way regression of log_employees" in found
    ways = set(report.content.tables["believed"]["way"])
    assert ways == {"matched_did", "these_members", "versus_county", "versus_industry", "truth"}
    assert report.html()
    with pytest.raises(EstimationError, match="nothing to compare"):
        work.estimate(changed(plan, "estimator", kind="group_time_did"), fitted[0])


def test_other_support_is_counted_on_both_sides(study, fitted):
    _, inputs = study
    match = fitted[1].match
    (check,) = _other_support(inputs, match)
    frame = match.panel.frame
    supported = {
        (firm, year) for firm, year in frame.loc[frame["other_support"], ["firm", "year"]].itertuples(index=False)
    }
    pairs = match.pairs().drop_duplicates("treated")
    start = dict(zip(frame["firm"], frame["cohort"], strict=True))
    own = [any((firm, start[firm] + k) in supported for k in range(6)) for firm in pairs["treated"]]
    assert f"{np.mean(own):.0%} of the members" in check.message
    assert check.statistic == pytest.approx(
        np.mean(own) - float(check.message.split(" and ")[1].split("%")[0]) / 100, abs=0.006
    )
    assert _other_support(dataclasses.replace(inputs, supports=None), match) == []
