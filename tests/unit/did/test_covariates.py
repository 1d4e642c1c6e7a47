"""Formulas on panels: what is read, refused and left out."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did._covariates import _build, evaluate
from clustereffects.errors import ColumnError, OptionError


def _panel(**columns):
    frame = pd.DataFrame({"firm": [1, 1, 2, 2], "year": [2001, 2002] * 2, "size": [1.0, 2.0, 3.0, 5.0]})
    return ce.Panel(frame.assign(**columns), unit="firm", time="year")


def test_columns_without_constant():
    found = evaluate(_panel(), "~ size + I(size**2)")
    assert found.names == ("size", "I(size ** 2)")
    assert found.wide(_panel())[:, :, 1].tolist() == [[1.0, 4.0], [9.0, 25.0]]


def test_factor_levels_agree_over_periods():
    found = evaluate(_panel(kind=["a", "b", "c", "a"]), "kind")
    assert found.names == ("kind[T.b]", "kind[T.c]")
    assert found.rows.tolist() == [[0, 0], [1, 0], [0, 1], [0, 0]]


def test_a_missing_category_is_missing_not_the_reference():
    found = evaluate(_panel(kind=["a", None, "b", "a"]), "kind + size")
    assert np.isnan(found.rows).all(axis=1).tolist() == [False, True, False, False]


def test_constant_columns_are_left_out_and_named():
    found = evaluate(_panel(one=1.0), "size + one")
    assert (found.names, found.constant) == (("size",), ("one",))


@pytest.mark.parametrize("formula", ["log(size - 1)", "log(size - 2)", "I(size / (size - 1))", "lag(size)"])
def test_undefined_values_are_refused(formula):
    with pytest.raises(ColumnError, match=r"has no finite value in [12] rows – rows 0"):
        evaluate(_panel(), formula)


def test_missing_columns_are_named():
    with pytest.raises(ColumnError, match=r"column 'sise' is missing.*did you mean 'size'"):
        evaluate(_panel(), "sise")


@pytest.mark.parametrize("formula", ["size +", "size ~ year", "size | year", "foo(size)", "size.nothing()"])
def test_formulas_that_cannot_be_read(formula):
    with pytest.raises((OptionError, ColumnError)):
        evaluate(_panel(), formula)


def test_a_left_hand_side_is_refused():
    with pytest.raises(OptionError, match=r"left-hand side.*right-hand side of a formula"):
        evaluate(_panel(), "year ~ size")


SUMS = ["size", "~ size", "size + age", " age+size ", "size + size + age", "size + one", "one", "age +\n size"]
COLUMNS = {
    "plain": {"age": [4.0, 2.0, 2.0, 1.0], "one": 1.0},
    "integers": {"age": [4, 2, 2, 1], "one": 1},
    "booleans": {"age": [True, False, True, True], "one": True},
    "missing": {"age": [4.0, np.nan, 2.0, 1.0], "one": [1.0, 1.0, 1.0, np.nan]},
    "missing everywhere": {"age": [np.nan, 2.0, np.nan, 2.0], "one": [1.0, np.nan, 1.0, np.nan]},
    "nullable": {"age": pd.array([4, None, 2, 1], dtype="Int64"), "one": pd.array([1.0] * 4, dtype="Float64")},
    "arrow": {"age": pd.array([4.0, None, 2, 1], dtype="float64[pyarrow]"), "one": pd.array([1] * 4, "int8[pyarrow]")},
    "narrow": {"age": np.array([4, 2, 2, 1], dtype="float32") / 3, "one": np.ones(4, dtype="int8")},
    "constant where complete": {"age": [np.nan, 2.0, 2.0, np.nan], "one": [3.0, 1.0, 1.0, 2.0]},
}


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 0, 2, 1], [3, 1, 0]])
@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("formula", SUMS)
def test_sums_of_columns_are_what_the_formula_makes_of_them(formula, kind, rows):
    frame = _panel(**COLUMNS[kind]).frame.iloc[rows]
    panel = ce.Panel(frame, unit="firm", time="year")
    found, expected = evaluate(panel, formula), _build(panel, formula)
    assert (found.names, found.constant, found.n_rows) == (expected.names, expected.constant, expected.n_rows)
    for ask in (lambda one: one.rows, lambda one: one.complete, lambda one: one.wide(panel)):
        np.testing.assert_array_equal(ask(found), ask(expected))
    left, right = found.by_unit(panel), expected.by_unit(panel)
    assert (left is None) == (right is None)
    if left is not None:
        np.testing.assert_array_equal(left, right)


def test_a_sum_of_columns_loads_no_formulas_and_copies_nothing():
    panel = _panel(age=[4.0, 2.0, 2.0, 1.0])
    found = evaluate(panel, "size + age")
    assert all(np.shares_memory(a, panel.column(b)) for a, b in zip(found.columns, found.names, strict=True))
    code = (
        "import sys, pandas as pd, clustereffects as ce, clustereffects.did._covariates as c;"
        "p = ce.Panel(pd.DataFrame({'f': [1, 2], 't': 1, 'x': [1., 2.]}), unit='f', time='t');"
        "c.evaluate(p, '~ x'); print('formulaic' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "False"


@pytest.mark.parametrize("kind", [object, "str", "category"])
def test_text_and_categories_in_a_sum_are_factors(kind):
    found = evaluate(_panel(code=pd.Series(["1", "2", "2", "1"], dtype=kind)), "size + code")
    assert found.names == ("size", "code[T.2]")


def test_infinite_values_of_a_role_are_refused_in_a_sum():
    frame = _panel().frame.assign(joined=[2002, 2002, np.inf, np.inf])
    panel = ce.Panel(frame, unit="firm", time="year", cohort="joined")
    with pytest.raises(ColumnError, match=r"'size \+ joined' has no finite value in 2 rows – rows 2, 3"):
        evaluate(panel, "size + joined")


@pytest.mark.parametrize("name", ["Intercept", "log", "C", "å", "True"])
def test_names_that_mean_something_in_formulas_are_columns_if_there_is_one(name):
    panel = _panel(**{name: [1.0, 3.0, 2.0, 4.0]})
    found, expected = evaluate(panel, f"size + {name}"), _build(panel, f"size + {name}")
    assert found.names == expected.names
    np.testing.assert_array_equal(found.rows, expected.rows)


def test_covariates_that_stay_within_units_are_given_by_unit():
    panel = _panel(age=[4.0, 4.0, 2.0, 2.0], town=["a", "a", "b", "b"])
    assert evaluate(panel, "age").by_unit(panel).tolist() == [[4.0], [2.0]]
    assert evaluate(panel, "log(age) + town").by_unit(panel).tolist() == [[np.log(4.0), 0.0], [np.log(2.0), 1.0]]
    assert evaluate(panel, "age + size").by_unit(panel) is None
    gone = _panel(age=[np.nan, np.nan, 2.0, 2.0], born=[1.0, 1.0, 3.0, 3.0], kind=[0.0, 0.0, 1.0, 1.0])
    found = evaluate(gone, "age + born + kind")
    assert (found.names, found.constant) == ((), ("age", "born", "kind"))
    assert found.by_unit(gone).shape == (2, 0)
    assert found.wide(gone).shape == (2, 2, 0)
    assert found.complete.all()
    once = evaluate(_panel(age=[np.nan, 4.0, 2.0, 2.0]), "age")
    assert once.by_unit(panel) is None


def test_formulas_on_cross_sections():
    panel = ce.Panel(_panel(kind=["a", "b", "c", "a"]).frame, time="year")
    assert evaluate(panel, "size").by_unit(panel).tolist() == [[1.0], [2.0], [3.0], [5.0]]
    found = evaluate(panel, "size + kind")
    np.testing.assert_array_equal(found.by_unit(panel), found.rows)
