"""Reading one period gives what the whole matrix holds, whatever the order and the type of the rows."""

import numpy as np
import pandas as pd
import pytest

import clustereffects.data.by_period as by_period
from clustereffects.data import Panel
from clustereffects.data.by_period import ByPeriod
from clustereffects.errors import ColumnError, EstimationError

YEARS = (2001, 2002, 2004)
KINDS = {
    "floats": lambda values: pd.Series(values, dtype=float),
    "integers": lambda values: pd.Series(values, dtype="int64"),
    "far apart": lambda values: pd.Series(values, dtype="int64") * 10**15,
    "nullable": lambda values: pd.Series(values, dtype="Int64"),
    "arrow": lambda values: pd.Series(values, dtype="int32[pyarrow]"),
    "categories of numbers": lambda values: pd.Series(pd.Categorical(values)),
}
TEXTS = {
    "text": lambda values: pd.Series([f"v{value}" for value in values]),
    "objects": lambda values: pd.Series([f"v{value}" if value else None for value in values], dtype=object),
    "categories": lambda values: pd.Series(pd.Categorical([f"v{value}" for value in values])),
}
ORDERS = {
    "in order": lambda frame: frame,
    "some rows missing": lambda frame: frame.drop(index=[1, 7, 20]),
    "shuffled": lambda frame: frame.sample(frac=1, random_state=1),
    "shuffled, some missing": lambda frame: frame.sample(frac=0.7, random_state=2),
}


def make(kind, order):
    values = np.random.default_rng(3).integers(0, 5, 10 * len(YEARS))
    frame = pd.DataFrame({"firm": np.repeat(np.arange(10), len(YEARS)), "year": np.tile(YEARS, 10), "v": kind(values)})
    return Panel(order(frame), unit="firm", time="year")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_a_period_are_a_column_of_the_matrix(kind, order):
    panel = make(KINDS[kind], ORDERS[order])
    reader = panel.by_period()
    for _ in range(2):
        for place, year in enumerate(YEARS):
            np.testing.assert_array_equal(reader.numbers("v", year), panel.wide("v")[:, place])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", KINDS | TEXTS)
def test_codes_of_a_period_stand_for_its_values(kind, order):
    panel = make((KINDS | TEXTS)[kind], ORDERS[order])
    reader = panel.by_period()
    for place, year in enumerate(YEARS):
        coded = reader.codes("v", year)
        values = np.append(np.array(coded.labels, dtype=object), None)[coded.codes]
        assert values.tolist() == panel.wide_objects("v")[:, place].tolist()
        assert coded.codes.dtype == np.int32
        assert reader.codes("v", year) is coded


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", KINDS | TEXTS)
def test_a_table_of_codes_stands_for_all_values(kind, order):
    panel = make((KINDS | TEXTS)[kind], ORDERS[order])
    coded = panel.by_period().table("v")
    values = np.append(np.array(coded.labels, dtype=object), None)[coded.codes]
    assert values.tolist() == panel.wide_objects("v").tolist()


@pytest.mark.parametrize("order", ORDERS)
def test_what_does_not_change_takes_one_column(order):
    panel = make(lambda values: pd.Series(np.repeat(values[:10], len(YEARS))), ORDERS[order])
    coded = panel.by_period().table("v")
    assert coded.codes.shape == (panel.n_units, 1)
    assert coded.labels[coded.codes[:, 0]].tolist() == [
        next(value for value in row if value is not None) for row in panel.wide_objects("v")
    ]


@pytest.mark.parametrize("kind", KINDS | TEXTS)
def test_codes_do_not_depend_on_the_order_of_rows(kind):
    one, other = (make((KINDS | TEXTS)[kind], ORDERS[order]).by_period() for order in ("in order", "shuffled"))
    for year in YEARS:
        assert one.codes("v", year).codes.tolist() == other.codes("v", year).codes.tolist()


@pytest.mark.parametrize("order", ORDERS)
def test_present_units_have_a_row(order):
    panel = make(KINDS["floats"], ORDERS[order])
    reader = panel.by_period()
    for place, year in enumerate(YEARS):
        assert reader.present(year).tolist() == panel.observed[:, place].tolist()


@pytest.mark.parametrize("order", ORDERS)
def test_a_period_that_the_panel_does_not_have_is_missing(order):
    reader = make(KINDS["integers"], ORDERS[order]).by_period()
    for year in (2000, 2003, 2005):
        assert np.isnan(reader.numbers("v", year)).all()
        assert (reader.codes("v", year).codes == -1).all()
        assert not reader.present(year).any()


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    panel = make(KINDS["floats"], ORDERS["in order"])
    monkeypatch.setattr(by_period, "_KEPT", 2 * 8 * panel.n_units)
    reader = panel.by_period()
    first = reader.numbers("v", 2001)
    assert reader.numbers("v", 2001) is first
    reader.numbers("v", 2002)
    assert reader.numbers("v", 2001) is first
    reader.numbers("v", 2004)
    reader.numbers("v", 2002)
    assert reader.numbers("v", 2001) is not first


def test_numbers_can_only_be_read():
    reader = make(KINDS["floats"], ORDERS["in order"]).by_period()
    with pytest.raises(ValueError, match="read-only"):
        reader.numbers("v", 2001)[0] = 1.0


def test_columns_that_do_not_exist_or_hold_no_numbers_are_refused():
    reader = make(TEXTS["text"], ORDERS["in order"]).by_period()
    with pytest.raises(ColumnError, match="'w' is missing"):
        reader.codes("w", 2001)
    with pytest.raises(ColumnError, match="'v' is not numeric"):
        reader.numbers("v", 2001)


def test_repeated_cross_sections_have_no_units_to_follow():
    panel = Panel(pd.DataFrame({"year": [2001, 2001]}), time="year")
    with pytest.raises(EstimationError, match="no matrix of units and periods"):
        panel.by_period()


def test_a_table_with_one_row_per_unit():
    reader = ByPeriod.once(pd.DataFrame({"v": [3.0, np.nan], "w": ["b", None]}))
    np.testing.assert_array_equal(reader.numbers("v", 0), [3.0, np.nan])
    assert reader.codes("w", 0).codes.tolist() == [0, -1]
    assert reader.table("w").codes.tolist() == [[0], [-1]]
    assert np.isnan(reader.numbers("v", 1)).all()
