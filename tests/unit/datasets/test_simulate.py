"""The simulated programme: shapes, determinism, a truth that follows from potential outcomes, scenarios."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.datasets import ProgrammeOptions, SimulatedProgramme, simulate_programme
from clustereffects.datasets.simulate import SCENARIOS
from clustereffects.datasets.truth import OUTCOMES, true_effect
from clustereffects.errors import OptionError

SMALL = {"n_firms": 2_000, "n_members": 200, "n_organisations": 6}
REGION = ["17", "20", "21"]


def small(**options: object) -> SimulatedProgramme:
    return simulate_programme(ProgrammeOptions(**(SMALL | options)), rng=7)


def realised(world: SimulatedProgramme) -> pd.DataFrame:
    """Contributions recomputed from potential outcomes, for the member-years from joining on."""
    frame = world.frame.assign(event_time=world.frame["year"] - world.frame["cohort"])
    frame = frame.assign(**{name: world.frame[name] - world.untreated[name] for name in OUTCOMES})
    return frame[frame["event_time"] >= 0]


def test_shape_order_and_columns() -> None:
    frame = small().frame
    assert len(frame) == 2_000 * 14
    assert not frame.duplicated(["firm", "year"]).any()
    assert frame[["firm", "year"]].equals(frame[["firm", "year"]].sort_values(["firm", "year"]))
    members = frame.groupby("firm")[["cohort", "organisation"]].first()
    assert members["cohort"].notna().sum() == 200
    assert members["cohort"].isna().equals(members["organisation"].isna())
    assert members["cohort"].dropna().between(2004, 2010).all()
    assert members["organisation"].value_counts().min() >= 5
    assert np.allclose(np.log(frame["value_added"]), frame["log_value_added"])


def test_the_seed_decides_everything() -> None:
    assert small().frame.equals(small().frame)
    assert not small().frame.equals(simulate_programme(ProgrammeOptions(**SMALL), rng=8).frame)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_truth_follows_from_potential_outcomes(scenario: str) -> None:
    world = small(scenario=scenario, exit_rate=0.05, organisation_shock_sd=0.1)
    rows = realised(world)
    for name in OUTCOMES:
        truth = world.truth.programme[name]
        late = rows[rows["event_time"] <= 5]
        assert truth.overall == pytest.approx(rows[name].mean(), abs=1e-12)
        assert truth.overall_0_5 == pytest.approx(late[name].mean(), abs=1e-12)
        assert dict(truth.by_event_time) == pytest.approx(late.groupby("event_time")[name].mean().to_dict(), abs=1e-12)
        assert dict(truth.n_by_event_time) == late.groupby("event_time").size().to_dict()
        assert truth.firm_years == len(rows)
        assert truth.firms == rows["firm"].nunique()


def test_organisation_truth_and_free_grouping() -> None:
    world = small()
    rows = realised(world)
    for organisation, group in rows.groupby("organisation"):
        expected = true_effect(group, "log_turnover")
        assert world.truth.organisations[organisation]["log_turnover"].overall == pytest.approx(expected.overall)
    cells = world.truth.by(["cohort", "year"], "log_employees")
    expected_cells = rows.groupby(["cohort", "year"])["log_employees"].mean().to_numpy()
    assert cells["effect"].to_numpy() == pytest.approx(expected_cells, abs=1e-12)


def test_never_members_and_years_before_joining_are_untouched() -> None:
    world = small()
    before = ~(world.frame["year"] >= world.frame["cohort"])
    difference = world.frame.loc[before, list(OUTCOMES)] - world.untreated.loc[before]
    assert (difference == 0).all().all()


def test_null_programme_does_nothing() -> None:
    world = small(scenario="null")
    assert world.frame[list(OUTCOMES)].equals(world.untreated)
    assert set(world.truth.mu.values()) == {0.0}
    assert world.truth.programme["log_value_added"].overall == 0.0


def test_a_null_organisation_has_no_effect_on_any_member() -> None:
    world = small(null_organisations=2)
    assert world.truth.organisations["O06"]["log_value_added"].overall == 0.0
    assert world.truth.organisations["O04"]["log_value_added"].overall != 0.0


def test_naive_growth_comparison_misleads_in_the_baseline_but_not_within_cells() -> None:
    world = simulate_programme(ProgrammeOptions(n_firms=20_000, n_members=1_500), rng=3)
    wide = world.untreated["log_value_added"].to_numpy().reshape(-1, 14)
    firms = world.frame.groupby("firm").first().assign(growth=wide[:, 12] - wide[:, 3])
    member = firms["cohort"].notna()
    region = firms["county"].isin(REGION)
    naive = firms["growth"][member].mean() - firms["growth"][region & ~member].mean()
    assert naive > 0.04
    cells = ["industry_division", "size_class", "growth_class"]
    within = (
        firms["growth"]
        - firms[~member].groupby(cells)["growth"].mean().reindex(pd.MultiIndex.from_frame(firms[cells])).to_numpy()
    )
    assert abs(within[member].mean()) < 0.02


def test_violated_scenario_bends_the_members_untreated_path() -> None:
    truth = small(scenario="violated", violation=0.02).truth
    assert truth.violation[-4] == 0.0
    assert truth.violation[-1] == pytest.approx(0.06)
    assert truth.violation[5] == pytest.approx(0.18)


def test_spillover_scenario_hits_exposed_never_members_only() -> None:
    plain, spilled = small(), small(scenario="spillover", spillover=-0.05)
    difference = spilled.untreated["log_value_added"] - plain.untreated["log_value_added"]
    hit = difference.abs() > 1e-9
    assert hit.any()
    assert difference[hit].to_numpy() == pytest.approx(-0.05)
    rows = spilled.frame[hit]
    assert rows["cohort"].isna().all()
    assert rows["county"].isin(REGION).all()
    assert spilled.truth.spillover == pytest.approx(-0.05)
    assert plain.truth.spillover == 0.0


def test_heterogeneous_effects_are_larger_in_small_firms() -> None:
    world = simulate_programme(ProgrammeOptions(scenario="heterogeneous", effect_mean=0.2), rng=2)
    rows = realised(world)
    means = rows.groupby("size_class")["log_value_added"].mean()
    assert means["1-9"] > means["10-49"] > means["50-249"]


def test_organisation_shocks_are_shared_within_clusters() -> None:
    calm, shaken = small(), small(organisation_shock_sd=0.3)
    shock = (shaken.untreated - calm.untreated).assign(cluster=calm.frame["cluster"], year=calm.frame["year"])
    spread = shock.groupby(["cluster", "year"])["log_value_added"].std()
    assert spread.max() < 1e-9
    assert shock["log_value_added"].std() > 0.2


def test_exit_is_for_good() -> None:
    frame = small(exit_rate=0.1).frame
    spells = frame.groupby("firm")["year"].agg(["min", "max", "size"])
    assert (spells["min"] == 2000).all()
    assert (spells["max"] - spells["min"] + 1 == spells["size"]).all()
    assert (spells["max"] < 2013).mean() > 0.5


def test_an_organisation_whose_members_all_left_stays_in_the_truth() -> None:
    truth = small(exit_rate=0.9).truth
    assert sorted(truth.organisations) == sorted(truth.mu) == [f"O{number:02d}" for number in range(1, 7)]
    assert truth.programme["log_value_added"].firm_years == 0
    assert truth.organisations["O01"]["log_turnover"].to_dict()["overall"] is None


def test_truth_record_becomes_plain_data() -> None:
    record = small().truth.programme["log_value_added"].to_dict()
    assert sorted(record) == ["by_event_time", "firm_years", "firms", "n_by_event_time", "overall", "overall_0_5"]


def test_a_truth_without_early_years_is_missing() -> None:
    rows = pd.DataFrame({"firm": [1], "event_time": [8], "y": [0.1]})
    assert np.isnan(true_effect(rows, "y").overall_0_5)
    assert np.isnan(true_effect(rows.iloc[:0], "y").overall)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenario": "rosy"}, "scenario cannot be 'rosy' .* one of baseline"),
        ({"n_members": 10}, "n_members cannot be 10 .* 60 to 1500"),
        ({"n_organisations": 0}, "n_organisations cannot be 0"),
        ({"first_cohort": 2000}, "at least one before the first cohort"),
        ({"null_organisations": 13}, "null_organisations cannot be 13"),
        ({"effect_sd": -1.0}, "effect_sd cannot be -1.0 .* zero or more"),
        ({"shock_persistence": 1.0}, "shock_persistence cannot be 1.0"),
        ({"exit_rate": 1.5}, "exit_rate cannot be 1.5"),
        ({"profile": ()}, "profile cannot be"),
        ({"n_comparison_clusters": 0}, "n_comparison_clusters cannot be 0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ProgrammeOptions(**options)


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(OptionError, match="2 problems"):
        ProgrammeOptions(scenario="rosy", exit_rate=2.0)
