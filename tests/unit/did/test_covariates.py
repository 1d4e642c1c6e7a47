"""Formulas on panels: what is read, refused and left out."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did._covariates import evaluate
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
