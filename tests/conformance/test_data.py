"""Clauses on data: never changed, whatever frame, in whatever order, with names that help when one is wrong."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clustereffects.errors import ColumnError
from conformance.cases import CASES, OUTCOME, fitted, world

EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
FRAMES = {"polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas, "nullable": lambda frame: frame.convert_dtypes()}


def _same(found, expected, rtol=1e-8):
    left, right = found.tidy(), expected.tidy()
    pd.testing.assert_frame_equal(left, right, rtol=rtol, atol=1e-12)
    assert found.sample == expected.sample


@EVERY
def test_neither_frame_nor_panel_is_changed(case):
    frame = world()
    before = frame.copy(deep=True)
    panel = case.panel(frame)
    columns, fingerprint = panel.columns, panel.fingerprint(OUTCOME, "size")
    case.fit_panel(panel)
    pd.testing.assert_frame_equal(frame, before)
    assert panel.columns == columns
    assert panel.fingerprint(OUTCOME, "size") == fingerprint
    pd.testing.assert_frame_equal(panel.frame, before)


@EVERY
def test_same_data_and_seed_give_the_same_numbers(case):
    pd.testing.assert_frame_equal(case.fit(world()).tidy(), fitted(case.id).tidy(), check_exact=True)


@EVERY
def test_row_order_does_not_matter(case):
    shuffled = world().sample(frac=1.0, random_state=3)
    found = case.fit(shuffled)
    _same(found, fitted(case.id))
    assert found.provenance.fingerprint == fitted(case.id).provenance.fingerprint


@EVERY
@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_the_same_numbers(case, kind):
    _same(case.fit(FRAMES[kind](world())), fitted(case.id))


@EVERY
def test_an_unknown_outcome_comes_with_a_hint(case):
    frame = world().rename(columns={"y": "turnover"})
    with pytest.raises(ColumnError, match=r"column 'turnovr' is missing .* did you mean 'turnover'\?"):
        case.fit(frame, "turnovr")


@EVERY
def test_an_outcome_of_text_is_refused(case):
    with pytest.raises(ColumnError, match=r"column 'firm' is not numeric – for example 'f000'"):
        case.fit(world(), "firm")


@EVERY
def test_the_fingerprint_changes_with_the_outcome(case):
    frame = world()
    frame.loc[5, OUTCOME] += 1e-6
    found = case.fit(frame).provenance
    assert found.fingerprint != fitted(case.id).provenance.fingerprint
    assert found.options == fitted(case.id).provenance.options


@EVERY
def test_shifting_and_scaling_the_outcome_shifts_nothing_and_scales_effects(case):
    if case.name == "HierarchicalEffects":
        case = next(one for one in CASES if one.id == "group_time_by_group")
    frame = world()
    frame[OUTCOME] = 3.0 * frame[OUTCOME] + 7.0
    scaled, plain = case.fit(frame), fitted(case.id)
    np.testing.assert_allclose(scaled.params, 3.0 * plain.params, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scaled.std_errors, 3.0 * plain.std_errors, rtol=1e-6, atol=1e-9)
