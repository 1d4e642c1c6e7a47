import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
import clustereffects.matching._rules as compiled
from clustereffects.errors import ColumnError, EstimationError, OptionError
from clustereffects.matching._history import Wanted, frame_history, panel_history
from clustereffects.matching.contamination import Neighbourhoods, bar_codes, exposed_units, first_exposure
from clustereffects.matching.risk_set import cross_section, risk_sets
from clustereffects.matching.rules import Rule, exposed, require_rules

YEARS = np.arange(2000, 2006)
NEAR = {"a": ["b"], "c": ["b", "d"]}


def panel_of(joined, **columns):
    """Panel of units 0, 1, … over six years; columns are constants of units or matrices."""
    n = len(joined)
    frame = {
        "firm": np.repeat(np.arange(n), 6),
        "year": np.tile(YEARS, n),
        "joined": np.repeat(np.array(joined, float), 6),
    }
    for name, values in columns.items():
        array = np.array(values, dtype=object if any(isinstance(v, str | None) for v in np.ravel(values)) else None)
        frame[name] = array.ravel() if array.ndim == 2 else np.repeat(array, 6)
    return ce.Panel(pd.DataFrame(frame), unit="firm", time="year", cohort="joined")


def removed(panel, rule, cohort=2003):
    return np.flatnonzero(compiled.removal(rule, compiled.Source.of(panel))(cohort)).tolist()


NONE = np.nan


def test_flags_of_any_period_or_of_a_window_around_joining():
    flag = np.zeros((4, 6))
    flag[1, 0] = flag[2, 2] = flag[3, 5] = 1
    panel = panel_of([2003, NONE, NONE, NONE], support=flag)
    assert removed(panel, Rule(kind="flagged", column="support")) == [1, 2, 3]
    assert removed(panel, Rule(kind="flagged", column="support", window=(-1, 1))) == [2]
    assert removed(panel, Rule(kind="flagged", column="support", window=(-3, 2))) == [1, 2, 3]
    assert removed(panel, Rule(kind="flagged", column="support", window=(-9, -2))) == [1]
    assert removed(panel, Rule(kind="flagged", column="support", window=(0, 0))) == []


def test_missing_flags_are_none_and_other_values_are_refused():
    panel = panel_of([2003, NONE], support=[[0, 0, None, 0, 0, 0], [0, 0, 1, 0, 0, 0]], wrong=[2, 0])
    assert removed(panel, Rule(kind="flagged", column="support")) == [1]
    with pytest.raises(ColumnError, match="'wrong' is not 0 and 1"):
        removed(panel, Rule(kind="flagged", column="wrong"))


def test_sharing_with_any_treated_unit_of_any_cohort():
    panel = panel_of([2003, 2005, NONE, NONE, NONE], parent=["p", "q", "q", "r", None])
    assert removed(panel, Rule(kind="shares", column="parent")) == [2]


def test_a_treated_unit_does_not_share_with_itself():
    panel = panel_of([2003, 2005, 2005, 2005, NONE], parent=["p", "q", "r", "r", "s"])
    assert removed(panel, Rule(kind="shares", column="parent")) == [2, 3]


def test_sharing_in_any_period_or_before_joining():
    parent = [["p"] * 3 + ["q"] * 3, ["x"] * 5 + ["p"], ["q"] * 6, ["p"] * 2 + ["y"] * 4, [None] * 6]
    panel = panel_of([2003, NONE, NONE, NONE, NONE], parent=parent)
    assert removed(panel, Rule(kind="shares", column="parent")) == [1, 2, 3]
    before = Rule(kind="shares", column="parent", when="before")
    assert removed(panel, before) == []
    assert removed(panel, before, 2002) == [3]
    assert removed(panel, before, 2004) == [2]


def test_a_neighbourhood_is_a_place_and_those_next_to_it_both_ways():
    panel = panel_of([2003, NONE, NONE, NONE, NONE, NONE], county=["b", "a", "b", "c", "d", None])
    assert removed(panel, Rule(kind="neighbours", column="county", neighbours=NEAR)) == [1, 2, 3]


def test_a_later_member_is_exposed_to_others_only():
    panel = panel_of([2003, 2005, 2005, NONE], county=["x", "a", "b", "c"])
    assert removed(panel, Rule(kind="neighbours", column="county", neighbours=NEAR)) == [1, 2, 3]
    alone = panel_of([2003, 2005, NONE], county=["x", "a", "d"])
    assert removed(alone, Rule(kind="neighbours", column="county", neighbours=NEAR)) == []


def test_numbers_and_text_name_the_same_places():
    panel = panel_of([2003, NONE, NONE], county=[1.0, 3.0, 5.0])
    assert removed(panel, Rule(kind="neighbours", column="county", neighbours={1: [3]}, when="before")) == [1]


def test_places_written_otherwise_are_refused():
    panel = panel_of([2003, NONE, NONE], county=[1, 3, 5])
    rule = Rule(kind="neighbours", column="county", neighbours={"01": ["03"]})
    for when in ("ever", "before"):
        with pytest.raises(ColumnError, match=r"no value of column 'county'.*write both alike"):
            removed(panel, Rule(kind="neighbours", column="county", neighbours=rule.neighbours, when=when))


def pairs_barred(panel, rule, year=2002):
    codes = np.stack([read(year) for read in compiled.bars(rule, compiled.Source.of(panel))], axis=1)
    same = (codes[:, None] == codes[None]) & (codes[:, None] >= 0)
    return same.any(axis=2)


def test_bars_of_the_own_treated_unit_are_codes_that_differ():
    panel = panel_of([2003, NONE, NONE, NONE], county=["a", "a", "b", None])
    assert pairs_barred(panel, Rule(kind="shares", column="county", of="own"))[0].tolist() == [True, True, False, False]


def test_bars_between_neighbours_are_codes_that_differ():
    names = ["a", "b", "c", "d", "elsewhere", None]
    panel = panel_of([2003, *[NONE] * 5], county=names)
    barred = pairs_barred(panel, Rule(kind="neighbours", column="county", of="own", neighbours=NEAR))
    expected = [
        [
            one is not None
            and other is not None
            and (one == other or other in NEAR.get(one, []) or one in NEAR.get(other, []))
            for other in names
        ]
        for one in names
    ]
    assert barred.tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_groups_of_neighbours_cover_a_map_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 14))
    near = np.triu(rng.random((n, n)) < rng.random(), 1)
    labels = [f"k{place}" for place in range(n)]
    codes = bar_codes(labels, {labels[one]: [labels[other] for other in np.flatnonzero(near[one])] for one in range(n)})
    same = ((codes[:, None] == codes[None]) & (codes[:, None] >= 0)).any(axis=2)
    assert (same == (near | near.T | np.eye(n, dtype=bool))).all()


def test_a_map_of_hexagons_needs_few_columns():
    places = [(row, column) for row in range(6) for column in range(6)]
    steps = [(0, 1), (1, 0), (1, -1)]
    near = {str(p): [str((p[0] + a, p[1] + b)) for a, b in steps if (p[0] + a, p[1] + b) in places] for p in places}
    assert bar_codes([str(p) for p in places], near).shape[1] <= 5


def test_no_places_no_columns_needed():
    assert bar_codes([], {}).shape == (0, 1)
    assert bar_codes(["a", "b"], {}).tolist() == [[0], [1]]
    around = Neighbourhoods.between([], NEAR)
    codes = np.full((2, 1), -1)
    assert exposed_units(codes, np.array([True, False]), around).tolist() == [False, False]
    assert first_exposure(codes, np.array([2003, np.nan]), around).tolist() == [np.inf, np.inf]


def test_exposure_begins_with_the_first_member_near_or_the_first_flag():
    flag = np.zeros((6, 6))
    flag[3, 2] = flag[3, 4] = flag[2, 5] = flag[0, 0] = 1
    panel = panel_of([2003, 2005, NONE, NONE, NONE, NONE], parent=["p", "q", "p", "q", "r", None], flag=flag)
    rules = [Rule(kind="shares", column="parent", name="same parent"), Rule(kind="flagged", column="flag")]
    table = exposed(panel, rules)
    assert table["unit"].tolist() == [2, 3, 4, 5]
    assert table["exposed_from"].fillna(0).tolist() == [2003, 2002, 0, 0]
    assert table["rule"].tolist() == ["same parent", "flag", "", ""]


def test_exposure_by_what_was_shared_before_joining():
    parent = [["p"] * 3 + ["q"] * 3, ["q"] * 6, ["p"] * 2 + ["y"] * 4, ["p"] * 6]
    panel = panel_of([2003, NONE, NONE, NONE], parent=parent)
    for rule in (Rule(kind="shares", column="parent", when="before"), Rule(kind="shares", column="parent", of="own")):
        assert exposed(panel, [rule])["exposed_from"].fillna(0).tolist() == [0, 0, 2003]
    assert exposed(panel, [Rule(kind="shares", column="parent")])["exposed_from"].tolist() == [2003] * 3


def test_the_first_rule_written_is_named():
    panel = panel_of([2003, NONE], parent=["p", "p"], county=["a", "b"])
    rules = [Rule(kind="neighbours", column="county", neighbours=NEAR), Rule(kind="shares", column="parent")]
    assert exposed(panel, rules)["rule"].tolist() == ["in or next to county of any treated unit"]
    assert exposed(panel, rules[::-1])["rule"].tolist() == ["shares parent with any treated unit"]


def test_exposure_needs_rules_columns_and_treated_units():
    panel = panel_of([2003, NONE], parent=["p", "p"])
    with pytest.raises(OptionError, match="at least one rule"):
        exposed(panel, [])
    with pytest.raises(ColumnError, match=r"'parnt' is missing.*did you mean 'parent'"):
        exposed(panel, [Rule(kind="shares", column="parnt")])
    with pytest.raises(EstimationError, match="no unit is treated"):
        exposed(panel_of([NONE, NONE], parent=["p", "p"]), [Rule(kind="shares", column="parent")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "near"}, "'flagged' or 'shares' or 'neighbours'"),
        ({"of": "some"}, "'any' or 'own'"),
        ({"when": "now"}, "'ever' or 'before'"),
        ({"column": ""}, "the name of a column"),
        ({"column": ["a"]}, "the name of a column"),
        ({"window": (-1, 1)}, "unless kind='flagged'"),
        ({"kind": "flagged", "window": (1, -1)}, "two whole numbers"),
        ({"kind": "flagged", "window": (1.5, 2)}, "two whole numbers"),
        ({"kind": "flagged", "window": 3}, "two whole numbers"),
        ({"kind": "flagged", "of": "own"}, "of='any' and no when"),
        ({"kind": "flagged", "when": "before"}, "of='any' and no when"),
        ({"of": "own", "when": "ever"}, "'before', or none"),
        ({"kind": "neighbours"}, "which values are next to which"),
        ({"kind": "neighbours", "neighbours": {}}, "which values are next to which"),
        ({"kind": "neighbours", "neighbours": {"a": "b"}}, "which values are next to which"),
        ({"neighbours": NEAR}, "unless kind='neighbours'"),
    ],
)
def test_impossible_rules_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        Rule(**{"kind": "shares", "column": "parent"} | options)


def test_all_that_is_impossible_is_told_at_once():
    with pytest.raises(OptionError) as error:
        Rule(kind="near", column="", of="some")
    assert len(error.value.problems) == 3


def test_rules_are_data():
    rule = Rule(kind="neighbours", column="county", neighbours={"b": ["a"], "a": [3]})
    assert rule == Rule(kind="neighbours", column="county", neighbours=[("a", ["3"]), ("b", ("a",))])
    assert len({rule, Rule(kind="shares", column="county")}) == 2
    assert (
        Rule(kind="shares", column="parent", when="before").name == "shares parent with any treated unit before joining"
    )
    assert Rule(kind="shares", column="parent", name="same group").name == "same group"
    assert Rule(kind="shares", column="parent").pairs == ()


def test_rules_need_names_of_their_own():
    rule = Rule(kind="shares", column="parent")
    with pytest.raises(OptionError, match="a name of its own"):
        require_rules([rule, rule])
    with pytest.raises(OptionError, match="Rule"):
        require_rules(["parent"])


def test_rules_take_candidates_from_risk_sets_and_bar_pairs():
    panel = panel_of(
        [2003, NONE, NONE, NONE, NONE],
        size=[1.0, 2, 3, 4, 5],
        parent=["p", "p", "q", "r", "s"],
        county=["a", "x", "b", "x", "d"],
    )
    rules = (Rule(kind="shares", column="parent"), Rule(kind="neighbours", column="county", of="own", neighbours=NEAR))
    history, labels = panel_history(panel, Wanted(on=("size",), lags=(1,), rules=rules))
    one = next(risk_sets(history, horizon=1))
    assert one.control.unit.tolist() == [2, 3, 4]
    assert one.tally.removed.tolist() == [0, 1]
    same = (one.control.forbid == one.treated.forbid) & (one.treated.forbid >= 0)
    assert same.any(axis=1).tolist() == [True, False, False]
    assert labels.steps == ("not observed in the 0 periods before joining", "shares parent with any treated unit")
    assert set(labels.forbid) == {"in or next to county of the own treated unit"}
    assert len(labels.forbid) == one.control.forbid.shape[1]


def test_rules_of_a_table_with_one_row_per_unit():
    table = pd.DataFrame({"parent": ["p", "p", "q", "r"], "support": [0, 0, 1, 0]})
    rules = (Rule(kind="shares", column="parent"), Rule(kind="flagged", column="support", window=(0, 5)))
    x = np.arange(4.0)[:, None]
    treated = np.array([True, False, False, False])
    history, labels = frame_history(table, x, [("size", "size")], (treated, Wanted(rules=rules, exclude="support")))
    one = cross_section(history)
    assert one.control.unit.tolist() == [3]
    assert one.tally.removed.tolist() == [0, 1, 1, 0]
    assert labels.steps[1:] == ("exclude: support", "shares parent with any treated unit", "support from 0 to 5")
