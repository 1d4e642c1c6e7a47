"""Summaries of effects say what a reader of a table needs to know, and no more."""

import numpy as np
import pytest

import clustereffects as ce
from clustereffects.data import SampleAccount
from clustereffects.inference import Influence
from clustereffects.results import Cluster, Effects, WildBootstrap
from support.made_effects import make

TOWN = {"town": np.arange(60) % 15}


def _lines(effects, level=0.95):
    return str(effects.summary(level)).splitlines()


def _starting(effects, start):
    return next(line for line in _lines(effects) if line.startswith(start))


@pytest.fixture(scope="module")
def counties():
    panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    return ce.GroupTimeDiD(control="never_treated").fit(panel, "lemp")


def test_a_whole_summary(counties):
    assert str(counties.aggregate("overall").summary()) == (
        "Effects on lemp: overall\n"
        "========================\n"
        "Estimand: average effect on the treated, ATT(g, t); aggregates weight cells by treated units\n"
        "Method: group-time difference-in-differences (Callaway & Sant'Anna 2021), doubly robust, never-treated comparison "
        "units, varying base period\n"
        "Standard errors: influence function, independent units (500 units)\n"
        "Treatment assigned by: unit, as the panel declares no clusters\n"
        "Sample: 500 units, 191 treated units, 309 never-treated units, 3 cohorts, 5 periods\n"
        "Rows: 2,500 in, 2,500 used\n"
        "\n"
        "term     estimate  std_error  p_value  conf_low  conf_high\n"
        "overall   -0.0400     0.0120   <0.001   -0.0635    -0.0164\n"
        "\n"
        "95% intervals: pointwise normal."
    )


def test_event_studies_say_both_critical_values_and_the_test_before(counties):
    event = counties.aggregate("event")
    value = event.uncertainty.simultaneous(0.95)[0][0]
    assert _starting(event, "Critical") == (
        f"Critical values: pointwise 1.96; simultaneous {value:.2f} (sup-t, Gaussian limit)."
    )
    assert event.pretrends().message in _starting(event, f"{event.pretrends().verdict}: parallel trends")
    assert "event_time  estimate  std_error  p_value  conf_low  conf_high" in _lines(event)
    assert not any("Critical" in line for line in _lines(counties))


def test_critical_values_that_differ_are_a_range():
    effects = make(assignment=("town",), clusters=TOWN).aggregate("event")
    pointwise = effects.critical_value()
    assert len(set(pointwise)) > 1
    assert f"pointwise {pointwise.min():.2f} to {pointwise.max():.2f}; " in _starting(effects, "Critical")


def test_drawn_critical_values_are_named():
    effects = make(variance=WildBootstrap("town", draws=199), clusters=TOWN).aggregate("event")
    assert "(sup-t, wild bootstrap t, 199 draws)" in _starting(effects, "Critical")


def test_the_account_of_rows_names_every_reason():
    sample = SampleAccount(rows_in=1200, rows_used=1100, dropped={"outcome missing": 60, "in no comparison": 40})
    assert _starting(make(sample=sample), "Rows") == (
        "Rows: 1,200 in, 1,100 used; dropped: 60 outcome missing, 40 in no comparison"
    )
    assert not any(line.startswith("Sample") for line in _lines(make(sample=sample)))


def test_it_says_whether_errors_respect_the_assignment():
    respected = make(assignment=("town",), clusters=TOWN)
    ignored = make(assignment=("town",), clusters=TOWN | {"yard": np.arange(60)}, variance=Cluster("yard"))
    assert _starting(respected, "Treatment").endswith("errors respect it")
    assert _starting(ignored, "Treatment").endswith("errors by yard do not respect town")


@pytest.mark.parametrize(("scale", "shown"), [(1e-4, 6), (1.0, 3), (400.0, 1), (1e4, 0)])
def test_decimals_follow_the_standard_errors(scale, shown):
    effects = make()
    scaled = make(effects.estimate * scale, influence_function=Influence(effects.influence * scale))
    cell = str(scaled.aggregate("overall").summary()).splitlines()[-3].split()[2]
    assert len(cell.partition(".")[2]) == shown


def test_cells_without_standard_errors_keep_four_decimals():
    lone = make(np.full(6, 0.123456), influence_function=Influence(np.zeros((60, 6))))
    assert "0.1235" in str(lone.summary())


def test_stored_effects_have_the_same_table_and_conventions(counties):
    event = counties.aggregate("event")
    again = Effects.from_dict(event.to_dict())
    kept = [line for line in _lines(event) if not line.startswith("Treatment assigned by")]
    assert _lines(again) == kept


def test_a_warning_before_joining_is_said_once():
    effects = make([9.0, 0.0, 0.0, 9.0, 0.0, 0.0]).aggregate("event")
    assert [line.split(":")[0] for line in _lines(effects) if "parallel trends" in line] == ["warn"]
