"""Without a unit every row stands for itself."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clustereffects.data import Panel
from clustereffects.errors import ColumnError, EstimationError, PanelError


def frame():
    return pd.DataFrame(
        {
            "year": [2005, 2004, 2004, 2005, 2004, 2004],
            "sales": [6.0, 5.0, 4.0, np.nan, 1.0, 5.0],
            "joined": [2005, 2005, np.nan, 0, np.inf, 2005],
            "org": ["K1", "K1", None, None, None, "K2"],
            "town": ["x", "y", "x", None, None, "y"],
            "weight": [1.0, 1.0, 2.0, 2.0, 1.0, 3.0],
        }
    )


def make(data, **roles):
    return Panel(data, time="year", cohort="joined", group="org", **roles)


def test_every_row_is_a_unit():
    panel = make(frame(), cluster="town", weights="weight")
    assert panel.cross_sections
    assert not panel.balanced
    assert panel.roles == {"unit": None, "time": "year", "cohort": "joined", "group": "org", "weights": "weight"}
    assert panel.n_units == 6
    assert panel.units.tolist() == list(range(6))
    assert panel.times.tolist() == [2004, 2005]
    assert [codes.tolist() for codes in panel.row_codes] == [list(range(6)), [1, 0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(panel.cohorts, [2005.0, 2005.0, np.nan, np.nan, np.nan, 2005.0])
    assert panel.groups.tolist() == ["K1", "K1", None, None, None, "K2"]
    assert panel.unit_codes("town").tolist() == [0, 1, 0, 2, 3, 1]
    np.testing.assert_array_equal(panel.column("sales"), frame()["sales"])
    np.testing.assert_array_equal(panel.by_unit(panel.column("sales")), frame()["sales"])
    assert repr(panel) == "Panel(repeated cross-sections, 6 rows in 2 periods, 3 treated in 1 cohort)"
    pd.testing.assert_frame_equal(panel.frame, frame())


def test_account_and_pickle():
    panel = make(frame(), cluster=["town"])
    account = panel.account()
    assert (account.rows_in, account.rows_used) == (6, 6)
    assert account.counts == {
        "units": 6,
        "periods": 2,
        "treated units": 3,
        "never-treated units": 3,
        "cohorts": 1,
    }
    again = pickle.loads(pickle.dumps(panel))  # noqa: S301  (bytes written a moment ago)
    assert again.cross_sections
    assert (again.roles, again.cluster) == (panel.roles, panel.cluster)
    assert again.fingerprint("sales") == panel.fingerprint("sales")


def test_there_is_no_matrix_of_units_and_periods():
    panel = make(frame())
    for ask in (panel.wide, panel.wide_objects, panel.wide_codes, lambda name: panel.spread(panel.column(name))):
        with pytest.raises(EstimationError, match=r"6 rows, each a unit of its own .* name their column: Panel\("):
            ask("sales")
    with pytest.raises(EstimationError, match="no matrix of units and periods"):
        _ = panel.observed
    with pytest.raises(ColumnError, match="did you mean 'sales'"):
        panel.column("sale")
    with pytest.raises(ColumnError, match="is not numeric"):
        panel.column("org")


def test_every_problem_is_listed_at_once():
    data = frame().assign(
        year=[2005, 2004, None, 2005, 2004, 2004.5],
        sales=[6.0, np.inf, 4.0, 3.0, 1.0, 5.0],
        org=["K1", None, None, None, None, "K2"],
        weight=[1.0, 1.0, -2.0, 2.0, 1.0, 3.0],
    )
    with pytest.raises(PanelError) as caught:
        make(data, weights="weight")
    text = str(caught.value)
    for part in (
        "5 problems",
        "'year' is missing in 1 rows – rows 2",
        "1 periods are not whole numbers",
        "1 infinite values – column 'sales': rows 1",
        "1 weights are missing, negative or infinite",
        "1 treated rows have no group – column 'org': rows 1 – expected the cluster organisation of every treated row",
    ):
        assert part in text
    with pytest.raises(PanelError, match="no rows"):
        make(frame().iloc[:0])
    with pytest.raises(PanelError, match="not numeric"):
        make(frame().assign(joined="soon"))
    with pytest.raises(PanelError, match="column '' is missing"):
        make(frame(), unit="")


def test_the_fingerprint_sees_every_value_and_no_order():
    def mark(data, *columns):
        return make(data, cluster="town", weights="weight").fingerprint(*(columns or ("sales",)))

    base = mark(frame())
    assert mark(frame().sample(frac=1, random_state=2)) == base
    assert mark(pl.from_pandas(frame())) == base
    assert mark(pa.Table.from_pandas(frame())) == base
    changed = [
        frame().assign(year=[2004, 2005, 2004, 2005, 2004, 2004]),
        frame().assign(sales=[6.0, 5.0, 4.0, np.nan, 1.0, np.nextafter(5.0, 6)]),
        frame().assign(joined=[2005, 2004, np.nan, 0, np.inf, 2005]),
        frame().assign(org=["K1", "K2", None, None, None, "K2"]),
        frame().assign(town=["x", "y", "y", None, None, "y"]),
        frame().assign(weight=[2.0, 1.0, 2.0, 1.0, 1.0, 3.0]),
        frame().iloc[:5],
        pd.concat([frame(), frame().iloc[[4]]]),
    ]
    marks = {mark(data) for data in changed}
    assert len(marks | {base, mark(frame(), "weight")}) == len(changed) + 2
    plain = frame()[["year", "sales"]].assign(firm=range(6))
    alone = Panel(plain, unit="firm", time="year")
    assert not alone.cross_sections
    assert alone.fingerprint("sales") != Panel(plain, time="year").fingerprint("sales")
    assert len(base) == len(alone.fingerprint()) == 32
