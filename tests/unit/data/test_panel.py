"""The panel validates everything in one pass and never changes what it was given."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clustereffects.data import Panel
from clustereffects.data._numbers import clean_cohorts
from clustereffects.errors import ColumnError, PanelError


def frame():
    return pd.DataFrame(
        {
            "firm": ["b", "b", "a", "a", "c"],
            "year": [2005, 2004, 2004, 2005, 2004],
            "sales": [6.0, 5.0, 4.0, np.nan, 1.0],
            "joined": [2005, 2005, np.nan, np.nan, 0],
            "org": ["K1", "K1", None, None, None],
            "weight": [1.0, 1.0, 2.0, 2.0, 1.0],
        }
    )


def make(data, **roles):
    return Panel(data, unit="firm", time="year", cohort="joined", group="org", **roles)


def test_wide_matrix_is_ordered_and_missing_is_nan():
    panel = make(frame())
    assert panel.units.tolist() == ["a", "b", "c"]
    assert panel.times.tolist() == [2004, 2005]
    np.testing.assert_array_equal(panel.wide("sales"), [[4.0, np.nan], [5.0, 6.0], [1.0, np.nan]])
    assert panel.groups.tolist() == [None, "K1", None]
    np.testing.assert_array_equal(panel.cohorts, [np.nan, 2005.0, np.nan])
    assert panel.wide_objects("org").tolist() == [[None, None], ["K1", "K1"], [None, None]]
    assert panel.wide_codes("org").tolist() == [[-1, -1], [0, 0], [-1, -1]]


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas, lambda data: data.convert_dtypes()])
def test_every_kind_of_frame_gives_the_same_panel(convert):
    left, right = make(frame()), make(convert(frame()))
    np.testing.assert_array_equal(left.wide("sales"), right.wide("sales"))
    np.testing.assert_array_equal(left.cohorts, right.cohorts)
    assert left.groups.tolist() == right.groups.tolist()
    assert left.fingerprint("sales") == right.fingerprint("sales")


def test_input_is_not_changed_and_the_panel_cannot_be():
    data = frame()
    before = data.copy(deep=True)
    panel = make(data)
    pd.testing.assert_frame_equal(data, before)
    with pytest.raises(AttributeError, match="does not change"):
        panel.times = 1
    with pytest.raises(ValueError, match="read-only"):
        panel.cohorts[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        panel.row_codes[0][0] = 1


def test_row_order_does_not_matter():
    shuffled = frame().sample(frac=1, random_state=1)
    assert make(frame()).fingerprint("sales") == make(shuffled).fingerprint("sales")
    np.testing.assert_array_equal(make(frame()).wide("sales"), make(shuffled).wide("sales"))


def test_never_treated_is_written_in_many_ways():
    values = pd.Series([np.nan, None, 0, np.inf, 2004], dtype=object)
    np.testing.assert_array_equal(clean_cohorts(values), [np.nan, np.nan, np.nan, np.nan, 2004.0])
    with pytest.raises(ColumnError, match="not whole periods"):
        clean_cohorts(pd.Series([2004.5]))


def test_a_column_of_dates_is_no_column_of_periods():
    dates = frame().assign(joined=pd.to_datetime(["2005-01-01"] * 2 + [None] * 3))
    with pytest.raises(PanelError, match=r"column 'joined' is not numeric – for example Timestamp"):
        make(dates)
    with pytest.raises(PanelError, match="5 periods are not whole numbers"):
        make(frame().assign(year=pd.to_datetime(frame()["year"].astype(str))))
    with pytest.raises(PanelError, match="5 periods are not whole numbers"):
        make(frame().assign(year=pd.to_datetime(frame()["year"].astype(str)).astype(object)))
    assert np.isnan(make(frame().assign(joined=pd.NaT)).cohorts).all()
    assert np.isnan(make(frame().assign(joined=pd.to_datetime([None] * 5))).cohorts).all()


def test_periods_as_text_or_categories_are_read():
    for kind in (str, "category"):
        np.testing.assert_array_equal(make(frame().astype({"year": kind})).times, [2004, 2005])


def test_repeated_column_names_are_refused():
    twice = pd.concat([frame(), frame()[["sales"]]], axis=1)
    with pytest.raises(PanelError, match="1 column names occur more than once – sales"):
        make(twice)


def test_the_fingerprint_sees_every_role():
    base = make(frame(), cluster="org", weights="weight").fingerprint("sales")
    assert make(frame(), cluster="org", weights="weight").fingerprint("sales") == base
    changed = [
        frame().assign(org=["K2", "K2", None, None, None]),
        frame().assign(weight=[1.0, 1.0, 3.0, 3.0, 1.0]),
        frame().assign(sales=[6.0, 5.0, 4.0, np.nan, 2.0]),
        frame().assign(joined=[2004, 2004, None, None, None]),
        frame().assign(year=[2006, 2004, 2004, 2006, 2004]),
        frame().assign(firm=["b", "b", "a", "a", "d"]),
    ]
    marks = {make(data, cluster="org", weights="weight").fingerprint("sales") for data in changed}
    assert len(marks | {base}) == len(changed) + 1
    treated = frame().assign(joined=2005, org=["K1", "K1", "K2", "K2", "K2"])
    swapped = treated.assign(org=["K1", "K1", "K2", "K2", "K1"])
    assert make(treated).fingerprint() != make(swapped).fingerprint()
    shared = frame().assign(town=["x", "x", "x", "x", "y"])
    apart = frame().assign(town=["x", "x", "y", "y", "y"])
    assert make(shared, cluster="town").fingerprint() != make(apart, cluster="town").fingerprint()


@pytest.mark.parametrize("cluster", [3, ["org", "org"], ["org", "firm", "weight"], [1], {"org"}])
def test_the_assignment_level_is_one_column_or_two(cluster):
    with pytest.raises(PanelError, match=r"option cluster=.*expected the name of a column, or a list of two different"):
        make(frame(), cluster=cluster)
    assert make(frame(), cluster=["org", "firm"]).cluster == ("org", "firm")
    assert make(frame(), cluster=[]).cluster == ()


def test_every_problem_is_listed_at_once():
    data = pd.DataFrame(
        {
            "firm": [1, 1, 1, 2, None, 3, 3],
            "year": [2004, 2004, 2005, 2004.5, 2004, 2004, 2005],
            "sales": [1.0, np.inf, 2.0, 3.0, 4.0, 5.0, 6.0],
            "joined": [2005, 2005, 2004, None, None, 2005, 2005],
            "org": ["K1", "K1", "K2", None, None, None, None],
            "weight": [1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0],
        }
    )
    with pytest.raises(PanelError) as caught:
        make(data, weights="weight")
    text = str(caught.value)
    for part in (
        "8 problems",
        "'firm' is missing in 1 rows",
        "not whole numbers",
        "repeat a unit and period",
        "infinite values",
        "weights are missing, negative or infinite",
        "cohort changes within 1 units",
        "group changes within 1 units",
        "1 treated units have no group",
    ):
        assert part in text


def test_missing_columns_come_with_a_hint_and_empty_frames_are_refused():
    with pytest.raises(PanelError, match="did you mean 'year'"):
        Panel(frame(), unit="firm", time="yaer")
    with pytest.raises(PanelError, match="no rows"):
        make(frame().iloc[:0])
    with pytest.raises(TypeError, match="pandas, polars or pyarrow"):
        make([1, 2])
    with pytest.raises(ColumnError, match="did you mean 'sales'"):
        make(frame()).wide("sale")
    with pytest.raises(ColumnError, match="is not numeric"):
        make(frame()).wide("org")
    with pytest.raises(PanelError, match="not numeric"):
        make(frame().assign(joined="soon"))


def test_a_panel_needs_neither_cohort_nor_group():
    panel = Panel(frame(), unit="firm", time="year")
    assert np.isnan(panel.cohorts).all()
    assert panel.groups.tolist() == [None, None, None]
    assert repr(panel) == "Panel(3 units × 2 periods, 0 treated in 0 cohorts)"
    grouped = Panel(frame(), unit="firm", time="year", group="org")
    assert grouped.groups.tolist() == [None, "K1", None]


def test_cluster_codes_let_missing_values_stand_alone():
    panel = make(frame(), cluster="org")
    assert panel.cluster == ("org",)
    assert panel.unit_codes("org").tolist() == [1, 0, 2]
    assert panel.unit_codes("firm").tolist() == [0, 1, 2]
    with pytest.raises(PanelError, match="cluster changes within"):
        panel.unit_codes("year")


def test_account_and_pickle():
    panel = make(frame(), weights="weight")
    account = panel.account()
    assert (account.rows_in, account.rows_used, account.counts["treated units"]) == (5, 5, 1)
    again = pickle.loads(pickle.dumps(panel))  # noqa: S301  (bytes written a moment ago)
    assert again.roles == panel.roles
    np.testing.assert_array_equal(again.wide("sales"), panel.wide("sales"))
    assert repr(panel) == "Panel(3 units × 2 periods, 1 treated in 1 cohort)"


def test_weights_of_any_type_are_looked_at():
    for weights in ([1.0, 1.0, np.inf, 2.0, 1.0], [1.0, 1.0, None, 2.0, 1.0], ["1", "1", "-2", "2", "1"]):
        with pytest.raises(PanelError, match="1 weights are missing, negative or infinite"):
            make(frame().assign(weight=pd.Series(weights, dtype=object)), weights="weight")
