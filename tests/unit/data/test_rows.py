"""Units are found among keys of every type, in whatever order the rows come, as hashing would find them."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.data import Panel
from clustereffects.errors import PanelError

UNITS, YEARS = 40, (2001, 2002, 2004)
NAMES = [f"f{i:03d}" for i in range(UNITS)]
KEYS = {
    "int64": np.arange(UNITS),
    "int8": np.arange(-20, 20, dtype="int8"),
    "uint64 above the int64": np.arange(UNITS, dtype="uint64") + np.uint64(2**63),
    "far apart": np.arange(UNITS) * 10**15 - 2**62,
    "float": np.arange(UNITS) / 4 - 3,
    "text as objects": pd.Series(NAMES, dtype=object),
    "text": pd.Series(NAMES),
    "text in arrow": pd.Series(NAMES, dtype="string[pyarrow]"),
    "text in python": pd.Series(NAMES, dtype="string[python]"),
    "numbers and text": pd.Series([*range(20), *NAMES[20:]], dtype=object),
    "tuples": pd.Series([(i, "a") for i in range(UNITS)], dtype=object),
    "categories": pd.Series(pd.Categorical(NAMES, categories=NAMES[::-1])),
    "ordered categories": pd.Series(pd.Categorical(NAMES, categories=[*NAMES, "z"], ordered=True)),
    "dates": pd.Series(pd.date_range("2001-01-01", periods=UNITS)),
    "dates with a zone": pd.Series(pd.date_range("2001-01-01", periods=UNITS, tz="UTC")),
    "nullable integers": pd.Series(np.arange(UNITS), dtype="Int64"),
    "nullable unsigned integers": pd.Series(np.arange(UNITS), dtype="UInt8"),
    "integers in arrow": pd.Series(np.arange(UNITS), dtype="int64[pyarrow]"),
    "categories in arrow": pd.Series(pd.array(NAMES, dtype="string[pyarrow]").__arrow_array__().dictionary_encode()),
}
MISSING = {name: keys for name, keys in KEYS.items() if not isinstance(keys, np.ndarray) or keys.dtype.kind == "f"}
ORDERS = ("sorted", "by period", "grouped", "shuffled", "with gaps", "one period")


def _frame(keys, order):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"unit": pd.Series(keys).repeat(len(YEARS)).reset_index(drop=True)})
    frame["time"] = np.tile(YEARS, UNITS)
    frame["y"] = rng.normal(size=len(frame))
    frame["cohort"] = np.repeat(rng.choice([2002.0, 0.0, np.nan], UNITS), len(YEARS))
    places = np.arange(len(frame)).reshape(UNITS, -1)
    rows = {
        "sorted": places.ravel(),
        "by period": places.T.ravel(),
        "grouped": places[rng.permutation(UNITS), ::-1].ravel(),
        "shuffled": rng.permutation(len(frame)),
        "with gaps": places.ravel()[places.ravel() % 7 != 0],
        "one period": places[:, 0],
    }
    return frame.iloc[rows[order]]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", KEYS)
def test_units_are_those_that_hashing_finds(kind, order):
    frame = _frame(KEYS[kind], order)
    panel = Panel(frame, unit="unit", time="time", cohort="cohort")
    codes, units = pd.factorize(frame["unit"], sort=True)
    pd.testing.assert_index_equal(panel.units, pd.Index(units, name="unit"))
    np.testing.assert_array_equal(panel.row_codes[0], codes)
    np.testing.assert_array_equal(panel.times[panel.row_codes[1]], frame["time"])
    wide = np.full((len(units), len(panel.times)), np.nan)
    wide[panel.row_codes] = frame["y"]
    np.testing.assert_array_equal(panel.wide("y"), wide)
    np.testing.assert_array_equal(panel.observed, np.isfinite(wide))
    assert panel.balanced == np.isfinite(wide).all()
    first = frame["cohort"].replace(0.0, np.nan).groupby(codes).first()
    np.testing.assert_array_equal(panel.cohorts, first.reindex(range(len(units))))


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
@pytest.mark.parametrize("kind", MISSING)
def test_a_missing_unit_is_found(kind, order):
    frame = _frame(KEYS[kind], order).reset_index(drop=True)
    frame.loc[[5, 6], "unit"] = None
    with pytest.raises(PanelError, match="'unit' is missing in 2 rows – rows 5, 6"):
        Panel(frame, unit="unit", time="time")
    with pytest.raises(PanelError, match=f"'unit' is missing in {len(frame)} rows"):
        Panel(frame.assign(unit=frame["unit"].mask(frame["time"] > 0)), unit="unit", time="time")


@pytest.mark.parametrize("kind", MISSING)
def test_a_missing_unit_does_not_pass_for_the_one_before(kind):
    keys = pd.Series(KEYS[kind])[:1].reindex([0, 1])
    with pytest.raises(PanelError, match="'unit' is missing in 1 rows – rows 1"):
        Panel(pd.DataFrame({"unit": keys, "time": [2001, 2002]}), unit="unit", time="time")


def test_units_with_as_many_but_other_periods_are_no_rectangle():
    frame = pd.DataFrame({"unit": [1, 1, 2, 2], "time": [2001, 2002, 2002, 2003], "y": [1.0, 2.0, 3.0, 4.0]})
    panel = Panel(frame, unit="unit", time="time")
    assert not panel.balanced
    np.testing.assert_array_equal(panel.wide("y"), [[1.0, 2.0, np.nan], [np.nan, 3.0, 4.0]])


def test_objects_that_are_missing_in_their_own_way_are_missing():
    for nothing in (None, np.nan, pd.NA, pd.NaT):
        frame = pd.DataFrame({"unit": pd.Series(["a", "a", nothing, nothing, "b"], dtype=object), "time": range(5)})
        with pytest.raises(PanelError, match="'unit' is missing in 2 rows"):
            Panel(frame, unit="unit", time="time")


@pytest.mark.parametrize("kind", ["int64", "Int64", "int64[pyarrow]", "float64", "int16", "uint64", str, "category"])
def test_periods_are_read_from_every_type(kind):
    frame = _frame(KEYS["int64"], "sorted").astype({"time": kind})
    assert Panel(frame, unit="unit", time="time").times.tolist() == list(YEARS)


def test_periods_may_lie_far_apart():
    frame = _frame(KEYS["int64"], "shuffled")
    frame["time"] = frame["time"].map({2001: -(2**62), 2002: 0, 2004: 2**62})
    panel = Panel(frame, unit="unit", time="time")
    assert panel.times.tolist() == [-(2**62), 0, 2**62]
    assert panel.balanced
    rare = pd.DataFrame({"unit": np.arange(3000) % 1500, "time": np.arange(3000) * 1000})
    assert len(Panel(rare.sample(frac=1, random_state=1), unit="unit", time="time").times) == 3000
    with pytest.raises(PanelError, match="1 rows repeat a unit and period"):
        Panel(pd.concat([rare, rare.iloc[[7]]]), unit="unit", time="time")


@pytest.mark.parametrize("order", ORDERS)
def test_a_repeated_row_is_found_in_every_order(order):
    frame = _frame(KEYS["int64"], order)
    again = pd.concat([frame, frame.iloc[[-1]]])
    with pytest.raises(PanelError, match="1 rows repeat a unit and period"):
        Panel(again, unit="unit", time="time")


def test_periods_that_are_written_differently_are_the_same():
    frame = pd.DataFrame({"unit": ["a", "a", "b"], "time": ["2004", "2004.0", "2004"]})
    with pytest.raises(PanelError, match=r"1 rows repeat a unit and period – columns 'unit', 'time': \(a, 2004.0\)"):
        Panel(frame, unit="unit", time="time")


@pytest.mark.parametrize("order", [order for order in ORDERS if order != "one period"])
def test_what_changes_within_a_unit_is_found_in_every_order(order):
    frame = _frame(KEYS["text"], order).reset_index(drop=True).assign(town=1.0, size=0.0)
    row = int(np.flatnonzero(frame["unit"].duplicated())[-1])
    changed = frame.assign(cohort=frame["cohort"].where(frame.index != row, 2004.0))
    with pytest.raises(
        PanelError, match=f"the cohort changes within 1 units – column 'cohort': units {frame.unit[row]}"
    ):
        Panel(changed, unit="unit", time="time", cohort="cohort")
    with pytest.raises(PanelError, match="the group changes within 1 units"):
        Panel(frame.assign(town=frame["town"].where(frame.index != row)), unit="unit", time="time", group="town")
    moved = Panel(frame.assign(town=frame["town"].where(frame.index != row, 2.0)), unit="unit", time="time")
    with pytest.raises(PanelError, match="the cluster changes within 1 units"):
        moved.unit_codes("town")
    assert moved.by_unit(moved.column("town")) is None
    np.testing.assert_array_equal(moved.by_unit(moved.column("size")), np.zeros(UNITS))


@pytest.mark.parametrize("order", ORDERS)
def test_values_that_are_the_same_in_other_bits_do_not_change(order):
    frame = _frame(KEYS["int64"], order).reset_index(drop=True)
    odd = frame.index % 2 == 1
    other = np.copysign(np.nan, -1)
    frame["cohort"] = np.where(odd, other, np.where(frame.index % 4 == 0, 0.0, np.nan))
    frame["town"] = np.where(frame["unit"] < 20, np.where(odd, -0.0, 0.0), np.where(odd, other, np.nan))
    panel = Panel(frame, unit="unit", time="time", cohort="cohort", group="town", cluster="town")
    assert np.isnan(panel.cohorts).all()
    assert panel.unit_codes("town").tolist() == [0] * 20 + list(range(1, 21))
    if order == "sorted":
        assert panel.by_unit(panel.column("town")) is None


@pytest.mark.parametrize("order", ["sorted", "shuffled", "with gaps"])
def test_many_rows_are_looked_at_to_the_last(order):
    n, size = 40_000, np.random.default_rng(1).normal(size=40_000)
    table = pd.DataFrame({"unit": np.repeat(np.arange(n), 3), "time": np.tile(YEARS, n), "size": np.repeat(size, 3)})
    table = table.assign(y=np.arange(3.0 * n), late=table["size"].where(table.index < 3 * n - 1, 0.0))
    rows = {"sorted": slice(None), "shuffled": np.random.default_rng(2).permutation(3 * n), "with gaps": slice(1, None)}
    frame = table.iloc[rows[order]]
    panel = Panel(frame, unit="unit", time="time")
    wide = np.full(3 * n, np.nan)
    wide[frame.index] = frame["y"]
    np.testing.assert_array_equal(panel.wide("y").ravel(), wide)
    both = panel.spread(np.column_stack([panel.column("y"), -panel.column("y")]))
    np.testing.assert_array_equal(both.reshape(-1, 2), np.column_stack([wide, -wide]))
    np.testing.assert_array_equal(panel.by_unit(panel.column("size")), size)
    assert panel.by_unit(panel.column("late")) is None
    with pytest.raises(PanelError, match=f"the cohort changes within 1 units – column 'late': units {n - 1}"):
        Panel(frame.assign(late=frame["late"] != 0.0), unit="unit", time="time", cohort="late")
    with pytest.raises(PanelError, match="1 infinite values – column 'late'"):
        Panel(frame.assign(late=frame["late"].replace(0.0, np.inf)), unit="unit", time="time")
    sections = Panel(frame, time="time")
    assert sections.fingerprint("late") != sections.fingerprint("size")
    assert sections.fingerprint("late") == Panel(frame.iloc[::-1], time="time").fingerprint("late")


def test_units_without_a_value_have_none_in_all_their_rows():
    frame = _frame(KEYS["int64"], "sorted").assign(size=lambda rows: np.where(rows["unit"] == 3, np.nan, 0.0))
    panel = Panel(frame, unit="unit", time="time")
    assert np.flatnonzero(np.isnan(panel.by_unit(panel.column("size")))).tolist() == [3]
    signed = frame.assign(size=np.where(frame["time"] == 2001, -0.0, 0.0))
    panel = Panel(signed, unit="unit", time="time")
    assert panel.by_unit(panel.column("size")) is None
