"""Set relations against the R package QCA on Lipset's data, and against counting on their crisp version."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clustereffects.triangulation.comparison.set_relations import necessity, sufficiency, truth_table

HERE = Path(__file__).parent / "set_relations"
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
CONDITIONS = EXPECTED["truth_table"]["conditions"]


def read(name):
    return pd.read_csv(HERE / f"lipset_{name}.csv", index_col="rownames").astype(float)


@pytest.mark.parametrize("row", ["11111", "10101", "10111"])
def test_rows_of_the_truth_table(row):
    data, expected = read("fuzzy"), EXPECTED["truth_table"][row]
    table = truth_table(data[CONDITIONS].to_numpy(), data["SURV"].to_numpy())
    k = int(row, 2)
    assert table.configuration[k].tolist() == [int(digit) for digit in row]
    assert round(table.consistency[k], 3) == expected["consistency"]
    if "pri" in expected:
        assert round(table.pri[k], 3) == expected["pri"]
        assert table.cases[k] == expected["cases"]


def test_sufficiency_of_a_conjunction():
    data, expected = read("fuzzy"), EXPECTED["sufficiency"]
    found = sufficiency(data[expected["conditions"]].min(axis=1).to_numpy(), data["SURV"].to_numpy())
    assert round(found.consistency, 3) == expected["consistency"]
    assert round(found.coverage, 3) == expected["coverage"]


@pytest.mark.parametrize("name", ["STB", "LIT"])
def test_necessity(name):
    data, expected = read("fuzzy"), EXPECTED["necessity"][name]
    found = necessity(data[name].to_numpy(), data["SURV"].to_numpy())
    assert round(found.consistency, 3) == expected["consistency"]
    if "ron" in expected:
        assert round(found.ron, 3) == expected["ron"]


def test_outcome_column_at_the_usual_cut():
    data = read("fuzzy")
    table = truth_table(data[CONDITIONS].to_numpy(), data["SURV"].to_numpy())
    out = table.outcome(consistency=0.8)
    assert {f"{k:05b}" for k in np.flatnonzero(out == 1)} == {"10101", "11111"}
    assert (out >= 0).sum() == (table.cases > 0).sum() == 9
    assert table.cases.sum() == len(data)
    assert (table.member >= 0).all()


@pytest.mark.parametrize("name", CONDITIONS)
def test_crisp_sets_are_counts(name):
    data = read("crisp")
    x, y = data[name].to_numpy(bool), data["SURV"].to_numpy(bool)
    enough, needed = sufficiency(x.astype(float), y.astype(float)), necessity(x.astype(float), y.astype(float))
    assert enough.consistency == needed.coverage == (x & y).sum() / x.sum()
    assert enough.pri == pytest.approx((x & y).sum() / x.sum())
    assert enough.coverage == needed.consistency == (x & y).sum() / y.sum()
    assert needed.ron == (~x).sum() / (~(x & y)).sum()


def test_crisp_truth_table_is_a_cross_table():
    data = read("crisp")
    table = truth_table(data[CONDITIONS].to_numpy(), data["SURV"].to_numpy())
    codes = data[CONDITIONS].astype(int).astype(str).agg("".join, axis=1).map(lambda text: int(text, 2))
    assert (table.member == codes).all()
    for k, cases in data.groupby(codes.to_numpy()):
        assert table.cases[k] == len(cases)
        assert table.consistency[k] == cases["SURV"].mean()
