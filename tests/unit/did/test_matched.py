"""Matched difference-in-differences: against a plain implementation, its rules, its accounts, its refusals."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did import MatchedDiD
from clustereffects.errors import ColumnError, EstimationError, FewClustersWarning, InputError, OptionError
from clustereffects.matching import CrossSectionMatch
from clustereffects.results import Cluster, MultiplierBootstrap
from matched_oracle import plain, standard_error
from matched_worlds import World, as_match, build, draw
from support.links import links

WINDOW = (-3, 3)
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def holes(drawn, *, joining=(), missing=0.1, weights=False, rng=5, controls=3):
    """The same world with missing outcomes and, for some of the controls, a treatment of their own."""
    rng = np.random.default_rng(rng)
    frame = drawn.frame.copy()
    frame.loc[rng.random(len(frame)) < missing, "y"] = np.nan
    frame = frame[rng.random(len(frame)) > 0.03].reset_index(drop=True)
    roles = {}
    if weights:
        frame["w"] = 1 + (frame["firm"] * 7 % 5)
        roles["weights"] = "w"
    built = build(frame, controls, **roles)
    frame = frame.copy()
    for firm, year in joining:
        frame.loc[frame["firm"] == firm, ["cohort", "group"]] = year, "G0"
    panel = ce.Panel(frame, unit="firm", time="year", cohort="cohort", group="group", **roles)
    units = frame.groupby("firm").first()
    pairs = list(zip(links(built.match).treated, links(built.match).control, links(built.match).weight, strict=True))
    return as_match(panel, pairs, units["x"].to_numpy(), units["stratum"].to_numpy())


def after_joining(table):
    """Keys of the effects from joining on."""
    return keys(table[table["event_time"] >= 0])


def keys(table):
    return list(zip(table["unit"], table["event_time"], strict=True))


CASES = {
    "one control each": (World(controls=1), {}),
    "five controls, few of them": (World(pool=12), {}),
    "strata with trends": (World(strata=6, stratum_trend=0.1, pool=80), {}),
    "thin strata": (World(strata=25, pool=60, controls=2), {}),
    "missing outcomes": (World(), {"missing": 0.15}),
    "controls join": (World(), {"joining": [(70, 9), (75, 7), (80, 5), (81, 8)]}),
    "weighted": (World(), {"weights": True, "missing": 0.1}),
}


@pytest.mark.parametrize("adjust", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_plain_implementation_agrees(case, adjust):
    world, change = CASES[case]
    drawn = draw(world, rng=11)
    match = holes(drawn, **change, controls=world.controls) if change else drawn.match
    effects = MatchedDiD(window=WINDOW, bias_adjust=adjust).fit(match, "y")
    weights = match.panel.frame.groupby("firm")["w"].first().to_dict() if change.get("weights") else None
    parts = plain(match, "y", WINDOW, adjust=adjust, mass=weights)
    table = effects.unit_effects.set_index(["unit", "event_time"])["effect"]
    assert set(table.index) == set(parts[0])
    np.testing.assert_allclose(table.to_numpy(), [parts[0][key] for key in table.index], **CLOSE)
    overall = effects.aggregate("overall")
    expected = standard_error(match, parts, after_joining(effects.unit_effects), mass=weights)
    np.testing.assert_allclose([overall.estimate[0], overall.std_errors.iloc[0]], expected, **CLOSE)
    for by, column in (("event", "event_time"), ("group", "group"), ("cohort", "cohort"), ("calendar", "time")):
        means = effects.aggregate(by)
        for row in means.tidy().itertuples():
            if by == "event" and row.event_time == -1:
                continue
            rows = effects.unit_effects
            rows = rows[rows[column] == getattr(row, column)]
            rows = keys(rows) if by == "event" else after_joining(rows)
            expected = standard_error(match, parts, rows, mass=weights)
            np.testing.assert_allclose([row.estimate, row.std_error], expected, **CLOSE)


def test_organisation_clusters_sum_rows_and_controls_stand_alone():
    drawn = draw(World(groups=9), rng=3)
    panel = ce.Panel(drawn.frame, unit="firm", time="year", cohort="cohort", group="group", cluster="group")
    units = drawn.frame.groupby("firm").first()
    pairs = list(zip(links(drawn.match).treated, links(drawn.match).control, links(drawn.match).weight, strict=True))
    match = as_match(panel, pairs, units["x"].to_numpy(), units["stratum"].to_numpy())
    effects = MatchedDiD(window=WINDOW, variance=Cluster("group")).fit(match, "y")
    parts = plain(match, "y", WINDOW)
    labels = {unit: label for unit, label in units["group"].items() if isinstance(label, str)}
    rows = after_joining(effects.unit_effects)
    expected = standard_error(match, parts, rows, clusters=labels)
    overall = effects.aggregate("overall")
    np.testing.assert_allclose([overall.estimate[0], overall.std_errors.iloc[0]], expected, **CLOSE)
    default = MatchedDiD(window=WINDOW).fit(match, "y").aggregate("overall")
    assert default.uncertainty.convention.startswith(
        "cluster jackknife (CV3) by group: 9 treated and 40 other clusters"
    )
    assert 1 < default.std_errors.iloc[0] / expected[1] < 1.15
    assert 8 < default.uncertainty.df < 30
    assert next(c for c in effects.checks() if c.name == "treated clusters").verdict == "pass"


def test_few_treated_clusters_warn():
    drawn = draw(World(groups=3), rng=3)
    with pytest.warns(FewClustersWarning, match="treatment reached 3 clusters of 'group', fewer than 8"):
        effects = MatchedDiD(variance=Cluster("group")).fit(drawn.match, "y")
    assert next(c for c in effects.checks() if c.name == "treated clusters").statistic == 3


def test_bootstrap_agrees_with_the_analytic_error():
    drawn = draw(rng=4)
    analytic = MatchedDiD(window=WINDOW).fit(drawn.match, "y").aggregate("overall")
    drawn_error = MatchedDiD(window=WINDOW, variance=MultiplierBootstrap(draws=4999, rng=1)).fit(drawn.match, "y")
    overall = drawn_error.aggregate("overall")
    assert overall.std_errors.iloc[0] == pytest.approx(analytic.std_errors.iloc[0], rel=0.06)
    assert drawn_error.provenance.seed == 1


def test_labels_reference_and_unit_effects():
    effects = MatchedDiD(window=WINDOW).fit(draw(rng=1).match, "y")
    assert list(effects.labels.columns) == ["cohort", "time", "event_time", "group"]
    assert (effects.labels["time"] - effects.labels["cohort"]).equals(effects.labels["event_time"])
    event = effects.aggregate("event").tidy().set_index("event_time")
    assert list(event.index) == list(range(-3, 4))
    assert event.loc[-1, "estimate"] == 0
    assert np.isnan(event.loc[-1, "std_error"])
    assert (event.drop(index=-1)["std_error"] > 0).all()
    table = effects.unit_effects
    assert list(table.columns) == ["unit", "group", "cohort", "time", "event_time", "effect", "n_controls"]
    assert (table["n_controls"] == 5).all()
    after = table[table["event_time"] >= 0]
    assert effects.aggregate("overall").estimate[0] == pytest.approx(after["effect"].mean(), abs=1e-12)
    both = effects.aggregate(["group", "event"]).params
    expected = table.groupby(["group", "event_time"])["effect"].mean()
    np.testing.assert_allclose(both[[f"group[{g}], event_time[{e}]" for g, e in expected.index]], expected, **CLOSE)


def test_without_groups_and_without_a_period_before():
    drawn = draw(rng=1)
    panel = ce.Panel(drawn.frame, unit="firm", time="year", cohort="cohort")
    units = drawn.frame.groupby("firm").first()
    pairs = list(zip(links(drawn.match).treated, links(drawn.match).control, links(drawn.match).weight, strict=True))
    match = as_match(panel, pairs, units["x"].to_numpy(), units["stratum"].to_numpy())
    effects = MatchedDiD(window=(0, 2)).fit(match, "y")
    assert "group" not in effects.labels
    assert "group" not in effects.unit_effects
    assert sorted(effects.labels["event_time"].unique()) == [0, 1, 2]
    assert effects.labels.index[0] == "ATT(4, 4)"


def test_account_adds_up_and_counts_every_loss():
    drawn = draw(rng=2)
    match = holes(drawn, joining=[(70, 9), (75, 5)], missing=0.2)
    effects = MatchedDiD(window=WINDOW).fit(match, "y")
    counts, dropped = effects.sample.counts, effects.sample.dropped
    assert counts["treated units"] == 62
    assert counts["matched treated units"] == 60
    assert effects.sample.rows_in == 62 * 6 - 1  # firm 70 joins in period 9 of 0 … 11: event time 3 lies outside
    assert dropped["treated unit not matched"] == 11
    assert effects.sample.rows_used == len(effects.unit_effects)
    assert counts["treated unit-periods from treatment on"] == (effects.unit_effects["event_time"] >= 0).sum()
    assert min(dropped.values()) > 0
    assert counts["control unit-periods missing"] > 0
    assert counts["control unit-periods after their own treatment"] > 0
    assert counts["effective controls"] < counts["controls"]
    assert "for the 60 of 62 treated units" in effects.estimand or "of 62 treated units" in effects.estimand


def two_firms(control_joins=np.nan, exits=None):
    """One member joining in period 2 and two controls; the change of the first is 1, that of the second 3."""
    frame = pd.DataFrame(
        {
            "firm": np.repeat([0, 1, 2], 4),
            "year": np.tile(range(4), 3),
            "y": [0, 0, 10, 10, 0, 0, 1, 1, 0, 0, 3, 3.0],
            "cohort": np.repeat([2, control_joins, np.nan], 4),
        }
    )
    if exits is not None:
        frame = frame[~((frame["firm"] == exits[0]) & (frame["year"] >= exits[1]))]
    panel = ce.Panel(frame, unit="firm", time="year", cohort="cohort")
    return as_match(panel, [(0, 1, 0.5), (0, 2, 0.5)], np.zeros((3, 0)), np.zeros(3, dtype=int), names=())


def test_weights_are_renormalised_over_controls_that_are_left():
    assert MatchedDiD(window=(0, 1)).fit(two_firms(), "y").estimate.tolist() == [8.0, 8.0]
    assert MatchedDiD(window=(0, 1)).fit(two_firms(exits=(1, 3)), "y").estimate.tolist() == [8.0, 7.0]


def test_a_control_serves_until_it_joins():
    joins = MatchedDiD(window=(0, 1)).fit(two_firms(control_joins=3), "y")
    assert joins.estimate.tolist() == [8.0, 7.0]
    assert joins.unit_effects["n_controls"].tolist() == [2, 1]
    before = MatchedDiD(window=(0, 1)).fit(two_firms(control_joins=1), "y")
    assert before.estimate.tolist() == [7.0, 7.0]
    placebo = MatchedDiD(window=(-2, 0)).fit(two_firms(control_joins=1), "y")
    assert placebo.unit_effects["n_controls"].tolist() == [1, 1]


def test_a_cell_without_controls_is_not_identified():
    match = two_firms(exits=(1, 3))
    gone = match.panel.frame.query("not (firm == 2 and year == 3)")
    panel = ce.Panel(gone, unit="firm", time="year", cohort="cohort")
    match = as_match(panel, [(0, 1, 0.5), (0, 2, 0.5)], np.zeros((3, 0)), np.zeros(3, dtype=int), names=())
    effects = MatchedDiD(window=(0, 1)).fit(match, "y")
    assert effects.estimate[0] == 8.0
    assert np.isnan(effects.estimate[1])
    assert effects.aggregate("overall").estimate.tolist() == [8.0]
    assert effects.sample.dropped == {"no control left": 1}
    assert any(check.name == "identified effects" and check.statistic == 1 for check in effects.checks())


def test_treated_unit_without_a_base_period_drops():
    match = two_firms()
    frame = match.panel.frame.assign(y=lambda f: f["y"].mask((f["firm"] == 0) & (f["year"] == 1)))
    panel = ce.Panel(frame, unit="firm", time="year", cohort="cohort")
    match = as_match(panel, [(0, 1, 1.0)], np.zeros((3, 0)), np.zeros(3, dtype=int), names=())
    with pytest.raises(EstimationError, match="2 not observed in the period before joining") as raised:
        MatchedDiD(window=(0, 1)).fit(match, "y")
    assert "no treated unit has an effect" in str(raised.value)


def test_unequal_loss_warns():
    drawn = draw(rng=6)
    frame = drawn.frame[~((drawn.frame["firm"] < 20) & (drawn.frame["year"] > drawn.frame["cohort"]))]
    check = _check(MatchedDiD().fit(build(frame, 5).match, "y"), "loss of units after joining")
    assert check.verdict == "warn"
    assert check.statistic > 0.1
    assert _check(MatchedDiD().fit(drawn.match, "y"), "loss of units after joining").verdict == "pass"


def test_adjustment_is_reported_and_given_up_when_controls_are_too_few():
    adjusted = _check(MatchedDiD(window=WINDOW).fit(draw(rng=6).match, "y"), "bias adjustment")
    assert adjusted.verdict == "info"
    assert "on x within stratum" in adjusted.message
    few = draw(World(pool=2, members=8, strata=1, controls=2), rng=6)
    given_up = _check(MatchedDiD(window=(0, 1)).fit(few.match, "y"), "bias adjustment")
    assert given_up.verdict == "warn"
    assert "too few controls at event times [0, 1]: not adjusted there" in given_up.message
    assert not any(c.name == "bias adjustment" for c in MatchedDiD(bias_adjust=False).fit(few.match, "y").checks())


def test_checks_of_the_match_travel_with_the_effects():
    effects = MatchedDiD(window=WINDOW).fit(draw(rng=6).match, "y")
    names = [check.name for check in effects.checks()]
    assert "reuse of controls" in names
    assert _check(effects, "treated units per effect").verdict == "info"


def test_provenance_follows_data_pairs_and_options():
    drawn = draw(rng=6)
    effects = MatchedDiD(window=WINDOW).fit(drawn.match, "y")
    assert effects.provenance.options["window"] == [-3, 3]
    assert effects.provenance.fingerprint == MatchedDiD().fit(drawn.match, "y").provenance.fingerprint
    assert effects.provenance.fingerprint != MatchedDiD().fit(draw(rng=7).match, "y").provenance.fingerprint


def test_effects_survive_storage():
    effects = MatchedDiD(window=WINDOW).fit(draw(rng=6).match, "y")
    again = ce.Effects.from_dict(effects.to_dict(influence=True))
    np.testing.assert_allclose(again.aggregate("group").std_errors, effects.aggregate("group").std_errors, **CLOSE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": (3, -3)}, r"option window=\(3, -3\)"),
        ({"window": (-5, -2)}, "the second ≥ 0"),
        ({"window": 5}, "two whole numbers"),
        ({"window": (0.5, 2)}, "two whole numbers"),
        ({"bias_adjust": "yes"}, "expected True or False"),
        ({"variance": "cluster"}, r"MultiplierBootstrap\(...\), Jackknife\(...\), WildB"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        MatchedDiD(**options)


def test_options_are_collected():
    with pytest.raises(OptionError, match="2 problems"):
        MatchedDiD(window=(1, 0), bias_adjust=None)


def test_unknown_outcome_and_wrong_match_are_refused():
    drawn = draw(rng=6)
    with pytest.raises(ColumnError, match="column 'sales' is missing"):
        MatchedDiD().fit(drawn.match, "sales")
    fields = {name: getattr(drawn.match, name) for name in drawn.match.__dataclass_fields__ if name != "panel"}
    with pytest.raises(InputError, match="a CrossSectionMatch has no periods before and after joining"):
        MatchedDiD().fit(CrossSectionMatch(**fields, labels=drawn.match.units), "y")
    with pytest.raises(InputError, match="matching covariates are missing or infinite – covariates x"):
        MatchedDiD().fit(as_match(drawn.panel, [(0, 70, 1.0)], np.full(100, np.nan), np.zeros(100, dtype=int)), "y")


def test_a_match_without_pairs_is_refused():
    drawn = draw(rng=6)
    with pytest.raises(EstimationError, match="the match holds no pair"):
        MatchedDiD().fit(as_match(drawn.panel, [], np.zeros(100), np.zeros(100, dtype=int)), "y")


def _check(effects, name):
    return next(check for check in effects.checks() if check.name == name)
