import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import read_members, read_organisations
from clustereffects.errors import ColumnError, InputError

A, B, C, D = "556000-0019", "556000-0027", "556000-0035", "556000-0043"


def _number(text):
    return int(text.replace("-", ""))


def _organisations(*ids):
    return read_organisations(
        pd.DataFrame({"organisation": ids, "name": "x", "county": "17", "started": 2003}), name="organisations.csv"
    )


def _read(*rows, known=None):
    columns = ["organisation", "orgnr", "joined", "left"]
    return read_members(pd.DataFrame(rows, columns=columns), known, name="members.csv")


def _found(members):
    return members.ledger.to_frame()[["row", "rule", "action"]].values.tolist()


def test_a_clean_list(tmp_path):
    path = tmp_path / "medlemmar.csv"
    path.write_text(
        f"organisation;firm;orgnr;joined;left;participation\nK01;Bruk AB;{A};2004;;7,4\nK01;Såg AB;{B};2005-12-31;2009-01-01;\n",
        encoding="latin-1",
    )
    members = read_members(path)
    assert members.file == "medlemmar.csv"
    assert members.ledger.entries == ()
    assert members.listed == {"K01": 2}
    assert members.spells["name"].tolist() == ["Bruk AB", "Såg AB"]
    assert members.firms["cohort"].tolist() == [2004, 2005]
    assert members.firms["participation"].tolist()[0] == 7.4
    np.testing.assert_array_equal(members.firms["left"], [np.nan, 2009.0])
    assert members.ever_members.tolist() == [_number(A), _number(B)]


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("2004", 2004),
        (2004, 2004),
        (2004.0, 2004),
        ("2004-05-17", 2004),
        ("2004-05", 2004),
        ("20040517", 2004),
        ("2004/05/17", 2004),
        ("17.5.2004", 2004),
        ("2004-05-17 00:00:00", 2004),
        (pd.Timestamp(2004, 5, 17), 2004),
    ],
)
def test_years_and_dates(written, year):
    members = read_members(
        pd.DataFrame({"organisation": ["K01"], "orgnr": [A], "joined": pd.Series([written], dtype=object)})
    )
    assert members.firms["cohort"].tolist() == [year]


@pytest.mark.parametrize("written", ["våren", "04", "2004-13-01", "0", "2004-05-40", 3.5])
def test_what_is_no_year_is_on_record(written):
    members = _read(("K01", A, written, None))
    assert _found(members) == [[2, "joining year not readable", "dropped"]]
    assert members.firms.empty
    assert members.ever_members.tolist() == [_number(A)]


def test_numbers_that_cannot_be_used():
    members = _read(
        ("K01", "556000-0018", 2004, None), ("K01", None, 2004, None), ("K01", "12", 2004, None), ("K01", A, 2004, None)
    )
    assert _found(members) == [
        [2, "wrong check digit", "dropped"],
        [3, "organisation number missing", "dropped"],
        [4, "organisation number is not ten digits", "dropped"],
    ]
    assert members.mistyped[["organisation", "row", "typed"]].values.tolist() == [["K01", 2, 5560000018]]
    assert members.ever_members.tolist() == [_number(A)]
    assert members.listed == {"K01": 4}


def test_numbers_written_differently_are_read_and_recorded():
    members = _read(("K01", A, 2004, None), ("K01", B, 2004, None), ("K01", "SE556000003501", 2004, None))
    assert members.ledger.to_frame()["detail"].tolist() == ["'SE556000003501' read as 556000-0035"]
    assert _found(members) == [[4, "organisation number written differently", "repaired"]]
    assert len(members.firms) == 3


def test_sole_traders_are_flagged_and_masked():
    members = _read(("K01", "640823-3234", 2004, None), ("K01", A, 2004, None))
    table = members.ledger.to_frame()
    assert table[["row", "rule", "action"]].values.tolist() == [[2, "sole trader: personal identity number", "flagged"]]
    assert not table["detail"].str.contains("3234").any()


def test_duplicates_in_other_clothes():
    members = _read(("K01", A, "2004-03-01", None), ("K01", f"16{_number(A)}", 2004, None), ("K01", B, 2004, None))
    assert [2, "duplicate row", "flagged"] in _found(members)
    assert [3, "duplicate row", "dropped"] in _found(members)
    assert len(members.spells) == 2


def test_a_missing_joining_year_bars_the_firm_but_does_not_date_it():
    members = _read(("K01", A, None, None), ("K01", B, 2004, None))
    assert _found(members) == [[2, "joining year missing", "dropped"]]
    assert members.firms["firm"].tolist() == [_number(B)]
    assert members.ever_members.tolist() == [_number(A), _number(B)]


@pytest.mark.parametrize(("joined", "left"), [("2004-03-01", 2001), ("2004-03-01", "2004-02-01"), (2004, "2003-12-31")])
def test_a_spell_that_ends_before_it_starts_is_not_dated(joined, left):
    members = _read(("K01", A, joined, left), ("K01", B, 2004, 2004))
    assert _found(members) == [[2, "spell ends before it starts", "dropped"]]
    assert members.firms["firm"].tolist() == [_number(B)]


def test_an_unreadable_end_is_read_as_still_a_member():
    members = _read(("K01", A, 2004, "vet ej"))
    assert members.ledger.to_frame()[["rule", "action", "detail"]].values.tolist() == [
        ["leaving year not readable", "repaired", "left 'vet ej'"]
    ]
    assert np.isnan(members.firms["left"].iloc[0])


def test_the_first_of_two_organisations_decides():
    members = _read(("K01", A, 2007, None), ("K02", A, 2005, 2006), ("K01", B, 2007, None))
    first = members.firms.set_index("firm").loc[_number(A)]
    assert (first["cohort"], first["organisation"]) == (2005, "K02")
    assert np.isnan(first["left"])
    assert _found(members) == [[row, "firm in two organisations", "flagged"] for row in (2, 3)]
    assert members.ledger.to_frame()["detail"].tolist() == ["first in K02 2005", "this spell decides"]


def test_of_two_in_the_same_year_the_earlier_date_then_the_earlier_row_decides():
    members = _read(
        ("K01", A, "2005-06-01", None), ("K02", A, "2005-02-01", None), ("K02", B, 2005, None), ("K01", B, 2005, None)
    )
    assert members.firms.set_index("firm")["organisation"].to_dict() == {_number(A): "K02", _number(B): "K02"}
    words = ["first in K02 2005, the same year", "this spell decides"]
    assert members.ledger.to_frame()["detail"].tolist() == [*words, *words[::-1]]


def test_joining_again_and_overlapping():
    members = _read(("K01", A, 2004, 2006), ("K01", A, 2008, 2010), ("K01", B, 2004, None), ("K01", B, 2006, None))
    assert _found(members) == [[3, "firm joined again", "flagged"], [5, "overlapping spells", "flagged"]]
    assert members.firms["cohort"].tolist() == [2004, 2004]
    np.testing.assert_array_equal(members.firms["left"], [2010.0, np.nan])


def test_an_undated_spell_in_another_organisation_makes_the_first_year_unknown():
    members = _read(("K01", A, None, None), ("K02", A, 2006, None), ("K02", B, None, None), ("K02", B, 2006, None))
    assert _found(members) == [
        [2, "joining year missing", "dropped"],
        [3, "first joining year unknown", "dropped"],
        [4, "joining year missing", "dropped"],
    ]
    # B's undated row is in the organisation that dates it: an incomplete copy of the same spell.
    assert members.firms[["firm", "cohort"]].values.tolist() == [[_number(B), 2006]]


def test_joining_before_the_organisation_began_is_flagged():
    members = _read(("K01", A, 2001, None), ("K01", B, 2003, None), known=_organisations("K01"))
    assert _found(members) == [[2, "joined before the organisation started", "flagged"]]
    assert members.ledger.to_frame()["detail"].tolist() == ["joined 2001, organisation started 2003"]


def test_unknown_organisations_and_other_problems_at_once():
    frame = pd.DataFrame(
        {
            "organisation": ["K01", "K9", None, "K9"],
            "orgnr": [A, B, C, D],
            "joined": 2004,
            "participation": ["7", "mycket", "", None],
        }
    )
    with pytest.raises(InputError, match="3 problems") as error:
        read_members(frame, _organisations("K01", "K02"), name="members.csv")
    found = {problem.what: problem for problem in error.value.problems}
    unknown = found["organisation 'K9' is not among the organisations"]
    assert (unknown.where, unknown.row, unknown.expected) == ("rows 3, 5", 3, "one of K01, K02")
    assert "organisations.csv" in unknown.remedy
    assert found["rows without an organisation"].row == 4
    assert found["column 'participation' holds something that is not a number"].where == "row 3: 'mycket'"


def test_columns_of_the_member_list(tmp_path):
    with pytest.raises(ColumnError, match="column 'joined' is missing"):
        read_members(pd.DataFrame({"organisation": ["K01"], "orgnr": [A]}))
    mapped = read_members(
        pd.DataFrame({"organisation": ["K01"], "orgnr": [A], "från": [2004]}), columns={"joined": "från"}
    )
    assert mapped.firms["cohort"].tolist() == [2004]
    with pytest.raises(InputError, match="the file has a header but no rows"):
        read_members(pd.DataFrame({"organisation": [], "orgnr": [], "joined": []}))


def test_organisations_are_checked_at_once():
    frame = pd.DataFrame(
        {
            "organisation": ["K01", "K01", ""],
            "name": "x",
            "county": ["17", "Dalarna", "3"],
            "started": ["2003", "x", None],
        }
    )
    with pytest.raises(InputError, match="4 problems") as error:
        read_organisations(frame, name="organisations.csv")
    assert [(problem.what, problem.row) for problem in error.value.problems] == [
        ("rows without an organisation", 4),
        ("an organisation occurs twice", 3),
        ("a county is not a code", 3),
        ("column 'started' holds something that is not a number", 3),
    ]
    with pytest.raises(InputError, match="the file has a header but no rows"):
        read_organisations(frame.head(0))


def test_organisations_as_they_are_used():
    found = read_organisations(pd.DataFrame({"organisation": ["K01", "K02"], "name": ["Å", "B"], "county": [3, 20.0]}))
    assert found.ids == ("K01", "K02")
    assert found.county == {"K01": "03", "K02": "20"}
    assert found.frame["started"].isna().all()


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([("K01", A, 2004, None), ("K01", A, 2009, None)], "rows 2, 3"),
        ([("K01", A, 2009, None), ("K01", B, 2004, None), ("K01", A, 2004, None)], "rows 2, 4"),
        ([("K01", A, 2004, 2008), ("K01", A, 2006, 2010)], "rows 2, 3"),
        ([("K01", A, 2004, 2010), ("K01", A, 2005, 2006), ("K01", A, 2008, None)], "rows 2, 3, 4"),
        ([("K01", A, 2004, 2006), ("K01", A, 2006, None)], ""),
        ([("K01", A, 2004, None), ("K01", A, 2004, 2008)], ""),
        ([("K01", A, 2004, None), ("K02", A, 2009, None)], ""),
        ([("K01", A, 2004, None), ("K01", A, None, None)], ""),
    ],
)
def test_several_joining_years_at_a_time_are_a_contradiction(rows, found):
    members = _read(*rows)
    assert [problem.where for problem in members.problems] == ([found] if found else [])
    for problem in members.problems:
        assert problem.file == "members.csv"
        assert problem.remedy.startswith("keep the row that is right, or give the year")
    assert members.firms["cohort"].min() == 2004
