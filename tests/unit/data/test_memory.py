"""A panel shares memory where it can, and still neither it nor what it gave out changes with the user's frame."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clustereffects.data import Panel

KINDS = [None, "Int64", "Float64", "float64[pyarrow]"]


def frame():
    return pd.DataFrame({"firm": [1, 1, 2, 2], "year": [2004, 2005] * 2, "sales": [1.0, 2.0, 3.0, 4.0], "size": 1.0})


def make(data):
    return Panel(data, unit="firm", time="year")


def test_columns_of_sorted_rows_are_not_copied():
    panel = make(frame())
    assert np.shares_memory(panel.wide("sales"), panel.wide("sales"))
    assert np.shares_memory(panel.wide("sales"), panel.column("sales"))


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [2, 0, 3, 1]])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_panel_gives_out_can_only_be_read(kind, rows):
    data = frame().iloc[rows]
    panel = make(data.astype({"sales": kind}) if kind else data)
    given = (panel.wide("sales"), panel.column("sales"), panel.observed, panel.times, panel.cohorts, *panel.row_codes)
    for array in given:
        with pytest.raises(ValueError, match=r"read-only|WRITEABLE"):
            array[0] = 0
    panel.wide_objects("sales")[0, 0] = 9.0
    panel.wide_codes("sales")[0, 0] = 9
    np.testing.assert_array_equal(panel.wide("sales"), [[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize("kind", KINDS)
def test_later_changes_of_the_frame_reach_neither_the_panel_nor_its_arrays(kind):
    data = frame().astype({"sales": kind}) if kind else frame()
    panel = make(data)
    wide, part = panel.wide("sales"), panel.wide("sales")[1:]
    data.loc[2, "sales"] = 99.0
    data.loc[0, "firm"] = 7
    np.testing.assert_array_equal(panel.wide("sales"), [[1.0, 2.0], [3.0, 4.0]])
    assert panel.units.tolist() == [1, 2]
    del panel
    data.loc[3, "sales"] = 98.0
    np.testing.assert_array_equal(wide, [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(part, [[3.0, 4.0]])


def test_units_and_periods_are_the_panels_own():
    for rows in ([0, 2], [0, 1, 2, 3], [2, 0, 3, 1]):
        data = frame().iloc[rows].reset_index(drop=True)
        units, times = make(data).units, make(data).times
        before = (units.tolist(), times.tolist())
        data.loc[:, "firm"] = 9
        data.loc[:, "year"] = 9
        assert (units.tolist(), times.tolist()) == before


def test_arrays_outlive_the_panel_alone():
    data = frame()
    wide = make(data).wide("sales")
    data.loc[2, "sales"] = 99.0
    np.testing.assert_array_equal(wide, [[1.0, 2.0], [3.0, 4.0]])
    part = make(data).wide("sales")[1:]
    del wide
    data.loc[3, "sales"] = 98.0
    np.testing.assert_array_equal(part, [[99.0, 4.0]])
    assert data["sales"].tolist() == [1.0, 2.0, 99.0, 98.0]


def test_a_frame_stays_writable_after_its_panel_is_gone():
    for kind in KINDS:
        data = frame().astype({"sales": kind}) if kind else frame()
        make(data).wide("sales")
        data.loc[0, "sales"] = 5.0
        assert data["sales"].tolist() == [5.0, 2.0, 3.0, 4.0]


def test_changes_of_frames_that_a_panel_gave_out_stay_there():
    panel = make(frame())
    copy, column = panel.frame, panel.series("sales")
    copy.loc[0, "sales"] = 99.0
    column.iloc[1] = 99.0
    np.testing.assert_array_equal(panel.wide("sales"), [[1.0, 2.0], [3.0, 4.0]])
    assert panel.series("sales").tolist() == [1.0, 2.0, 3.0, 4.0]
    pd.testing.assert_frame_equal(panel.frame, frame())


def test_polars_and_arrow_are_not_changed_and_change_nothing():
    eager = pl.from_pandas(frame())
    panel = make(eager)
    eager[0, "sales"] = 99.0
    np.testing.assert_array_equal(panel.wide("sales"), [[1.0, 2.0], [3.0, 4.0]])
    table = pa.Table.from_pandas(frame())
    np.testing.assert_array_equal(make(table).wide("sales"), [[1.0, 2.0], [3.0, 4.0]])
    assert table.equals(pa.Table.from_pandas(frame()))


def test_columns_that_lie_apart_in_memory_are_read():
    block = np.column_stack([frame()[name].to_numpy(dtype=float) for name in frame()])
    for data in (pd.DataFrame(block, columns=list(frame())), pd.DataFrame(block, columns=list(frame()), copy=False)):
        panel = make(data)
        np.testing.assert_array_equal(panel.wide("sales"), [[1.0, 2.0], [3.0, 4.0]])
        assert panel.fingerprint("sales") == make(data.copy()).fingerprint("sales")
        assert panel.units.tolist() == [1.0, 2.0]
