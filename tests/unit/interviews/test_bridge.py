import dataclasses
from datetime import date

import pandas as pd
import pytest

from clustereffects.errors import CodingError, ColumnError, FileError
from clustereffects.interviews import Bridge, BridgeRow, bridge_from_frame, read_bridge

ROW = {
    "code": "M1",
    "claim": "growth",
    "test": "T01",
    "target": "effect",
    "p_benefit": "0.6",
    "p_negligible": "0.3",
    "p_harm": "0.15",
    "group": "contacts",
    "registered": "2013-02-15",
}


def bridge(*changes, **options):
    return bridge_from_frame(pd.DataFrame([ROW | change for change in changes]), name="bridge.csv", **options)


def row(**changes):
    chances = {"p_benefit": 0.6, "p_negligible": 0.3, "p_harm": 0.15}
    return BridgeRow(**({"code": "M1", "claim": "growth", "test": "T01"} | chances | changes))


def test_cells_become_numbers_ranges_and_dates():
    (first,) = bridge({"p_benefit": "0,4–0,7", "p_harm": "1e-1", "roles": "VD | Styrelse "}).rows
    assert first.p_benefit == (0.4, 0.7)
    assert (first.p_negligible, first.p_harm) == (0.3, 0.1)
    assert first.registered == date(2013, 2, 15)
    assert first.roles == ("VD", "Styrelse")


def test_typed_cells_are_read_as_well():
    found = bridge({"p_benefit": 0.6, "registered": pd.Timestamp("2013-02-15"), "group": float("nan")})
    assert found.rows[0].registered == date(2013, 2, 15)
    assert found.rows[0].group == ""


def test_optional_columns_may_be_missing():
    frame = pd.DataFrame([ROW]).drop(columns=["group", "registered"])
    assert bridge_from_frame(frame).rows[0].registered is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "mechanism"}, "target is 'mechanism' – expected effect, rival:<id> or bias:<stream>"),
        ({"target": "rival:"}, "target is 'rival:'"),
        ({"target": "bias:gossip"}, "target is 'bias:gossip'"),
        ({"target": "effect:large"}, "target is 'effect:large'"),
        ({"p_benefit": "1.2"}, "p_benefit is 1.2 – expected a probability between 0 and 1"),
        ({"p_harm": "-0.1"}, "p_harm is -0.1"),
        ({"p_negligible": "0.4-1.1"}, r"p_negligible is \(0.4, 1.1\)"),
        ({"p_negligible": "0.7-0.4"}, "the range of p_negligible decreases"),
        ({"p_harm": "rarely"}, "p_harm is 'rarely' – expected a probability such as 0.6"),
        ({"p_harm": ""}, "p_harm is ''"),
        ({"code": " "}, "code is empty"),
        ({"claim": None}, "claim is empty"),
        ({"test": ""}, "test is empty"),
        ({"registered": "in spring"}, "registered is 'in spring' – expected a date"),
    ],
)
def test_problems_of_a_row(change, message):
    with pytest.raises(CodingError, match=message):
        bridge(change)


def test_all_problems_come_in_one_list_with_their_rows():
    with pytest.raises(CodingError) as caught:
        bridge({"code": ""}, {"test": "T02", "p_harm": "2", "p_benefit": "0.7-0.4"}, {"test": "T03", "target": "?"})
    assert len(caught.value.problems) == 4
    assert [problem.row for problem in caught.value.problems] == [2, 3, 3, 4]
    assert "bridge.csv row 3: p_harm is 2.0" in str(caught.value)


def test_a_test_occurs_once_and_so_does_a_code_for_a_claim_and_target():
    with pytest.raises(CodingError, match="test occurs twice: T01"):
        bridge({}, {"code": "M2"})
    with pytest.raises(CodingError, match="code, claim, target occurs twice: M1, growth, effect"):
        bridge({}, {"test": "T02"})
    with pytest.raises(CodingError, match="test occurs twice"):
        Bridge(rows=(row(), row(code="M2")))
    assert len(bridge({}, {"test": "T02", "claim": "jobs"}).rows) == 2


def test_names_outside_the_theory_are_problems():
    with pytest.raises(CodingError) as caught:
        bridge({}, {"test": "T02", "target": "rival:export_boom"}, claims=["jobs"], rivals=["owner_investment"])
    text = str(caught.value)
    assert "claim 'growth' is not in the theory – expected one of jobs" in text
    assert "rival 'export_boom' is not in the theory" in text
    assert bridge({"target": "rival:export_boom"}, claims=["growth"], rivals=["export_boom"]).rows


def test_missing_columns_are_named():
    with pytest.raises(ColumnError, match="columns are missing: p_harm"):
        bridge_from_frame(pd.DataFrame([ROW]).drop(columns="p_harm"))


def test_a_file_in_swedish_excel_style(tmp_path):
    path = tmp_path / "bro.csv"
    path.write_text(
        ";".join(ROW) + "\nM1;tillväxt;T01;effect;0,4-0,7;0,3;0,15;kontakter;2013-02-15\n", encoding="latin-1"
    )
    found = read_bridge(path)
    assert (found.rows[0].claim, found.rows[0].p_benefit, found.name) == ("tillväxt", (0.4, 0.7), "bro.csv")
    with pytest.raises(FileError, match="cannot be read"):
        read_bridge(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("chances", "kind", "direction"),
    [
        ((0.95, 0.6, 0.6), "hoop", "benefit"),
        ((0.3, 0.02, 0.01), "smoking gun", "benefit"),
        ((0.95, 0.05, 0.02), "doubly decisive", "benefit"),
        ((0.6, 0.4, 0.2), "straw in the wind", "benefit"),
        ((0.1, 0.4, 0.55), "smoking gun", "no benefit"),
        ((0.05, 0.9, 0.2), "doubly decisive", "no benefit"),
        ((0.4, 0.4, 0.3), "straw in the wind", "neither"),
        (((0.8, 1.0), 0.5, 0.5), "hoop", "benefit"),
    ],
)
def test_the_kind_of_a_test_is_derived(chances, kind, direction):
    found = row(**dict(zip(("p_benefit", "p_negligible", "p_harm"), chances, strict=True)))
    assert (found.kind, found.direction) == (kind, direction)


def test_likelihood_ratio_at_the_edges():
    assert row(p_negligible=0.0, p_harm=0.0).likelihood_ratio == float("inf")
    assert row(p_benefit=0.0, p_negligible=0.0, p_harm=0.0).likelihood_ratio == 1


def test_the_fingerprint_is_of_the_content():
    first, second = row(), row(code="M2", test="T02")
    assert Bridge(rows=(first, second)).fingerprint == Bridge(rows=(second, first), name="other.csv").fingerprint
    assert Bridge(rows=(first,)).fingerprint != Bridge(rows=(row(p_harm=0.2),)).fingerprint


def test_the_fingerprint_of_what_was_registered_without_suggestions_stays():
    plain = BridgeRow(code="M1", claim="growth", test="T01", p_benefit=0.6, p_negligible=0.3, p_harm=0.15)
    assert Bridge(rows=(plain,)).fingerprint == "72974b8d79b2556151459d9205488c986292564a0cf47ade1eb1ec1107b861be"
    late = dataclasses.replace(plain, test="T02", code="M2", suggested_by="T01")
    apart = dataclasses.replace(late, suggested_by="")
    assert Bridge(rows=(plain, late)).fingerprint != Bridge(rows=(plain, apart)).fingerprint


def test_suggestions_name_another_test_on_the_same(tmp_path):
    text = (
        "code,claim,test,target,p_benefit,p_negligible,p_harm,suggested_by\n"
        "M1,growth,T01,effect,0.6,0.3,0.1,\n"
        "M2,growth,T02,effect,0.6,0.3,0.1,T01\n"
        "M3,growth,T03,effect,0.6,0.3,0.1,T09\n"
        "M4,jobs,T04,effect,0.6,0.3,0.1,T01\n"
        "M5,growth,T05,effect,0.6,0.3,0.1,T06\n"
        "M6,growth,T06,effect,0.6,0.3,0.1,T05\n"
        "M7,growth,T07,effect,0.6,0.3,0.1,T07\n"
    )
    path = tmp_path / "bridge.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CodingError) as caught:
        read_bridge(path)
    shown = str(caught.value)
    for test, other in (("T03", "T09"), ("T04", "T01"), ("T05", "T06"), ("T06", "T05"), ("T07", "T07")):
        assert f"test '{test}' was suggested by '{other}'" in shown
    assert "'T02'" not in shown
    path.write_text("".join(text.splitlines(keepends=True)[:3]), encoding="utf-8")
    assert read_bridge(path).rows[1].suggested_by == "T01"


def test_table_and_bias_stream():
    table = bridge({}, {"test": "T02", "code": "B1", "target": "bias:survey"}).table()
    assert list(table["test"]) == ["T01", "T02"]
    assert list(table["kind"]) == ["straw in the wind"] * 2
    assert row(target="bias:survey").bias_stream == "survey"
    assert row().bias_stream == ""
    with pytest.raises(AttributeError):
        row().code = "X"
