from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import EstimationError
from clustereffects.matching._history import Wanted, panel_history
from clustereffects.matching._ladder import finest_columns
from clustereffects.matching._ledger import (
    Trace,
    alone_table,
    cohort_ledger,
    lacking_reasons,
    last_constraint,
    missing_table,
    rung_table,
    unit_ledger,
)
from clustereffects.matching._refusals import Overlap, without_candidates
from clustereffects.matching.ladder import Limits, choose_rungs
from clustereffects.matching.risk_set import risk_sets
from clustereffects.matching.rules import Rule

FIRMS = pd.DataFrame(
    {
        "firm": list("abcdefgh"),
        "joined": [2003, 2003, None, None, None, None, None, 2003],
        "size": [10.0, 10.0, 11.0, 12.0, 40.0, None, 10.0, None],
        "industry": ["6201", "9999", "6201", "6209", "6201", "6201", "6209", "6201"],
        "county": ["x", "x", "x", "y", "y", "y", "z", "x"],
        "parent": ["p", None, None, "q", None, None, "p", None],
    }
)
WANTED = Wanted(
    on=("size",),
    lags=(1,),
    exact=("industry",),
    ladder=(("industry", (4, 2)),),
    forbid=("county",),
    bounds={"size": True},
    rules=(Rule(kind="shares", column="parent", name="same parent"),),
)


def panel_of(firms=FIRMS):
    return ce.Panel(
        firms.merge(pd.DataFrame({"year": [2002, 2003]}), how="cross"), unit="firm", time="year", cohort="joined"
    )


def traced(firms=FIRMS, wanted=WANTED, *, enough=1, caliper=np.inf, factor=2.0):
    panel = panel_of(firms)
    history, labels = panel_history(panel, wanted)
    overlap, traces = Overlap(labels), []
    for one in risk_sets(history, horizon=1, active=wanted.active):
        overlap.add(one)
        treated, control = (
            SimpleNamespace(z=side.x, strata=side.strata, forbid=side.forbid, bound=side.bound)
            for side in (one.treated, one.control)
        )
        limits = Limits(np.full(len(wanted.bounds), np.log(factor)), caliper)
        traces.append(Trace.of(one, choose_rungs(treated, control, limits, enough)))
    return panel, labels, traces, overlap


def test_every_step_of_a_cohort_is_counted():
    _, labels, traces, _ = traced()
    table = cohort_ledger(traces, labels)
    assert table["step"].tolist() == ["not observed in the 0 periods before joining", "same parent", "missing values"]
    assert table[["before", "concerned", "removed", "only", "left"]].to_numpy().tolist() == [
        [5, 0, 0, 0, 5],
        [5, 1, 1, 1, 4],
        [4, 1, 1, 1, 3],
    ]


def test_every_step_of_a_treated_unit_is_counted_among_those_like_it():
    panel, labels, traces, _ = traced()
    table = unit_ledger(traces, labels, panel.units)
    assert table["unit"].unique().tolist() == ["a", "b"]
    assert table.loc[table["unit"] == "a", ["step", "left"]].to_numpy().tolist() == [
        ["risk set", 5],
        ["exact: industry", 5],
        ["not observed in the 0 periods before joining", 5],
        ["same parent", 4],
        ["missing values", 3],
        ["forbid: county", 2],
        ["bounds: size", 1],
        ["caliper", 1],
    ]
    assert (table["before"] - table["removed"] == table["left"]).all()


def test_constraints_that_are_not_in_force_are_left_out():
    panel, labels, traces, _ = traced(wanted=Wanted(on=("size",), lags=(1,)))
    steps = unit_ledger(traces, labels, panel.units)["step"].unique().tolist()
    assert steps == ["risk set", "not observed in the 0 periods before joining", "missing values", "caliper"]


def test_rungs_are_told_with_the_candidates_on_each():
    panel, labels, traces, _ = traced()
    table = rung_table(traces, labels, panel.units)
    assert table.columns.tolist() == ["unit", "cohort", "rung", "candidates", "industry 4 digits", "industry 2 digits"]
    assert table.astype(object).to_numpy().tolist() == [
        ["a", 2003.0, "industry 2 digits", 1, 0, 1],
        ["b", 2003.0, "industry 2 digits", 0, 0, 0],
    ]
    table = rung_table(traced(factor=9.0)[2], labels, panel.units)
    assert table["rung"].tolist() == ["industry 4 digits", "industry 2 digits"]
    assert table["industry 2 digits"].isna().tolist() == [True, False]


def test_who_lacks_what():
    _, labels, traces, _ = traced()
    table = missing_table(traces, labels)
    assert table.to_numpy().tolist() == [[2003.0, "size[-1]", 1, 1], [2003.0, "size", 1, 1]]
    assert lacking_reasons(traces[0], labels) == ["size[-1], size"]


def test_the_constraint_that_removed_the_last_candidate():
    _, labels, traces, _ = traced()
    assert last_constraint(traces[0], labels) == ["", "exact: industry"]
    assert last_constraint(traced(factor=1.01)[2][0], labels) == ["bounds: size", "exact: industry"]
    assert last_constraint(traced(caliper=0.5)[2][0], labels) == ["caliper", "exact: industry"]
    parents = FIRMS.assign(parent="p")
    assert last_constraint(traced(parents)[2][0], labels) == ["same parent", "exact: industry"]


def test_strata_that_only_treated_units_fill():
    panel, _, traces, _ = traced()
    columns = finest_columns(WANTED.exact, WANTED.ladder)
    table = alone_table(traces, columns, panel.units, panel.by_period().codes)
    assert table.to_numpy().tolist() == [["b", 2003.0, "9999"]]
    assert alone_table(traces[:0], columns, panel.units, panel.by_period().codes).columns.tolist() == [
        "unit",
        "cohort",
        "industry",
    ]


def test_where_nobody_has_a_candidate_the_reasons_are_listed():
    panel, labels, traces, _ = traced(factor=1.01)
    alone = alone_table(traces, ["industry"], panel.units, panel.by_period().codes)
    problems = without_candidates(traces, labels, alone)
    assert (
        problems[0].where == "last removed by bounds: size: 1 units; exact: industry: 1 units; size[-1], size: 1 units"
    )
    assert problems[1].what == "strata that hold treated units and nobody else: 1"
    assert problems[1].where == "industry: 9999"
    assert problems[1].remedy == "loosen them by a ladder; units b"
    assert len(without_candidates(traces, labels, alone[:0])) == 1


def test_long_lists_of_strata_are_cut():
    alone = pd.DataFrame({"unit": range(12), "cohort": 2003.0, "industry": range(12)})
    problems = without_candidates([], traced()[1], alone)
    assert problems[1].where.endswith("9 and 2 more")


def refused(firms, wanted=WANTED):
    with pytest.raises(EstimationError) as error:
        traced(firms, wanted)[3].require()
    return str(error.value)


def test_enough_to_match_is_no_error():
    traced()[3].require()


def test_nobody_treated():
    assert "no unit is treated" in refused(FIRMS.assign(joined=np.nan))


def test_nobody_to_serve_as_a_control():
    assert "never treated, or treated after the horizon: 0 units" in refused(FIRMS.assign(joined=2003))
    message = refused(FIRMS.assign(parent="p"), Wanted(on=("size",), lags=(1,), rules=WANTED.rules))
    assert "no unit can serve as a control – same parent: 5 removed" in message


def test_nobody_complete():
    firms = FIRMS.assign(size=FIRMS["size"].where(FIRMS["joined"].isna()))
    assert "missing among 3 treated units: size[-1] (3), size (3)" in refused(firms)
    firms = FIRMS.assign(size=FIRMS["size"].where(FIRMS["joined"].notna()))
    assert "no treated unit and candidate have complete values" in refused(firms)
    both = FIRMS.assign(size=FIRMS["size"].where(FIRMS["joined"].notna()))[FIRMS["firm"] != "h"]
    assert "risk sets without complete units on both sides" in refused(both)


def test_constant_variables():
    firms = FIRMS.assign(wage=5.0, age=3.0)
    wanted = Wanted(on=("wage", "size", "age"), lags=(1,))
    assert "matching variables do not vary – constant: wage, age" in refused(firms, wanted)
    varying = firms.assign(wage=np.arange(8.0))
    assert "constant: age –" in refused(varying, wanted)


def test_a_variable_may_be_constant_in_some_cohorts_or_at_some_lags():
    rows = FIRMS.assign(joined=[2003, 2004, None, None, None, None, None, None], size=1.0)
    frame = rows.merge(pd.DataFrame({"year": [2002, 2003]}), how="cross")
    frame["size"] = np.where((frame["year"] == 2003) & (frame["firm"] > "d"), 2.0, 1.0)
    panel = ce.Panel(frame, unit="firm", time="year", cohort="joined")
    history, labels = panel_history(panel, Wanted(on=("size",), lags=(1,)))
    overlap = Overlap(labels)
    for one in risk_sets(history, horizon=0):
        overlap.add(one)
    overlap.require()
