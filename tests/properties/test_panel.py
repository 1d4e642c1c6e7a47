"""Shortcuts of the panel find what plain pandas finds, whatever the order of rows and the type of keys."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clustereffects.data import Panel
from clustereffects.data._roles import read_roles
from clustereffects.data._rows import read_rows, separate_rows
from clustereffects.data._rules import find_problems
from clustereffects.did._covariates import _build, evaluate
from clustereffects.errors import PanelError

ROLES = {"unit": "unit", "time": "time", "cohort": "cohort", "group": "group", "weights": "weights"}
NAMES = {
    "numbers": lambda codes: codes,
    "far apart": lambda codes: codes.astype("int64") * 10**12 - 5,
    "text": lambda codes: "f" + codes.astype(str).str.zfill(3),
    "objects": lambda codes: ("f" + codes.astype(str).str.zfill(3)).astype(object),
    "nullable": lambda codes: codes.astype("Int64"),
    "categories": lambda codes: ("f" + codes.astype(str).str.zfill(3)).astype("category"),
}


@st.composite
def frames(draw):
    """Units over periods with everything a panel can have, sorted."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, times = draw(st.integers(1, 8)), np.sort(rng.choice(np.arange(1990, 2010), draw(st.integers(1, 6)), False))
    treated = rng.random(n) < 0.5
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.sort(rng.choice(50, n, replace=False)), len(times)),
            "time": np.tile(times, n),
            "cohort": np.repeat(np.where(treated, rng.integers(1990, 2010, n), np.nan), len(times)),
            "group": np.repeat(np.where(treated, "K", None), len(times)),
            "weights": rng.random(n * len(times)),
            "town": np.repeat(np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 3, n)), len(times)),
            "size": np.repeat(rng.normal(size=n), len(times)),
            "y": np.where(rng.random(n * len(times)) < 0.1, np.nan, rng.normal(size=n * len(times))),
        }
    )
    keep = rng.random(len(frame)) < draw(st.sampled_from([0.7, 1.0]))
    keep[0] = True
    return frame[keep].reset_index(drop=True)


def _panel(frame):
    return Panel(frame, **ROLES, cluster="town")


@given(frames(), st.sampled_from(sorted(NAMES)), st.integers(0, 1000))
def test_a_panel_is_what_pandas_makes_of_the_rows(frame, kind, seed):
    table = frame.assign(unit=NAMES[kind](frame["unit"])).sample(frac=1.0, random_state=seed)
    for rows in (table, table.sort_values("time", kind="stable"), table.sort_values(["unit", "time"])):
        panel = _panel(rows)
        wide = frame.pivot_table(index="unit", columns="time", values="y", dropna=False)
        wide = wide.reindex(index=frame["unit"].unique(), columns=np.unique(frame["time"]))
        np.testing.assert_array_equal(panel.wide("y"), wide)
        units = frame.groupby("unit")[["cohort", "group", "size"]].first()
        np.testing.assert_array_equal(panel.cohorts, units["cohort"])
        assert [one is not None for one in panel.groups] == units["group"].notna().tolist()
        np.testing.assert_array_equal(panel.by_unit(panel.column("size")), units["size"])
        seen = frame.assign(one=1).pivot_table(index="unit", columns="time", values="one").notna()
        np.testing.assert_array_equal(panel.observed, seen)
        assert panel.balanced == bool(seen.to_numpy().all())
        codes, times = panel.row_codes
        np.testing.assert_array_equal(panel.units[codes], rows["unit"])
        np.testing.assert_array_equal(panel.times[times], rows["time"])
        np.testing.assert_array_equal(panel.wide("y")[codes, times], panel.column("y"))


@given(frames(), st.sampled_from(sorted(NAMES)), st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(frame, kind, seed):
    table = frame.assign(unit=NAMES[kind](frame["unit"]))
    left, right = _panel(table), _panel(table.sample(frac=1.0, random_state=seed))
    assert left.fingerprint("y", "size") == right.fingerprint("y", "size")
    np.testing.assert_array_equal(left.unit_codes("town"), right.unit_codes("town"))
    np.testing.assert_array_equal(left.wide_codes("group"), right.wide_codes("group"))
    assert left.wide_objects("group").tolist() == right.wide_objects("group").tolist()
    assert (repr(left), left.account()) == (repr(right), right.account())


@given(frames(), st.integers(0, 1000), st.sampled_from(["y", "weights", "size"]), st.integers(0, 10**6))
def test_the_fingerprint_depends_on_every_value(frame, seed, column, row):
    row %= len(frame)
    assume(not np.isnan(frame.loc[row, column]))
    changed = frame.copy()
    changed.loc[row, column] = np.nextafter(frame.loc[row, column], np.inf)
    for roles in (ROLES, {**ROLES, "unit": None}):
        base = Panel(frame, **roles).fingerprint("y", "size")
        assert Panel(frame.sample(frac=1.0, random_state=seed), **roles).fingerprint("y", "size") == base
        assert Panel(changed, **roles).fingerprint("y", "size") != base


SPOILT = {
    "unit": [None],
    "time": [None, 2001.5, 1995.0],
    "cohort": [None, 0.0, np.inf, 2003.0, 2003.5, "soon"],
    "group": [None, "L"],
    "weights": [-1.0, np.nan, np.inf, 0.0],
    "size": [np.inf, -np.inf, np.nan],
}


@given(frames(), st.lists(st.sampled_from(sorted(SPOILT)), max_size=2), st.data())
def test_the_quick_look_finds_fault_exactly_where_there_is_a_problem(frame, columns, data):
    frame = frame.astype({"time": float, "unit": "Int64", "cohort": object})
    for column in columns:
        row = data.draw(st.integers(0, len(frame) - 1))
        frame.loc[row, column] = data.draw(st.sampled_from(SPOILT[column]))
    for roles in (ROLES, {**ROLES, "unit": None}):
        rows = separate_rows(frame["time"]) if roles["unit"] is None else read_rows(frame["unit"], frame["time"])
        sound = rows is not None and read_roles(frame, roles, rows) is not None
        problems = find_problems(frame, roles)
        assert sound == (not problems)
        if problems:
            with pytest.raises(PanelError) as caught:
                Panel(frame, **roles)
            assert caught.value.problems == tuple(problems)


@given(frames(), st.permutations(["size", "y", "weights", "cohort"]), st.integers(1, 4), st.integers(0, 1000))
def test_sums_of_columns_are_what_the_formula_makes_of_them(frame, names, count, seed):
    for panel in (_panel(frame), _panel(frame.sample(frac=1.0, random_state=seed)), Panel(frame, time="time")):
        formula = " + ".join(names[:count])
        found, expected = evaluate(panel, formula), _build(panel, formula)
        assert (found.names, found.constant) == (expected.names, expected.constant)
        np.testing.assert_array_equal(found.rows, expected.rows)
        left, right = found.by_unit(panel), expected.by_unit(panel)
        assert (left is None) == (right is None)
        if left is not None:
            np.testing.assert_array_equal(left, right)
