"""Reading waves in three formats, and everything that goes wrong in them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clustereffects.errors import FileError, SurveyError
from clustereffects.survey import Codebook, Scale, read_responses


def _table(**changes):
    data = {
        "respondent": ["R1", "R2"],
        "orgnr": ["556100-0001", "556100-0002"],
        "organisation": ["K01", ""],
        "wave": [2012, 2012],
        "g1": [4, 5],
        "g2": [2, 98],
        "c1": [3, None],
    }
    return pd.DataFrame(data | changes)


def test_three_formats_become_one_table(waves, codebook):
    read = read_responses(waves, codebook)
    assert list(read.frame.columns) == ["respondent", "orgnr", "organisation", "wave", "role", "g1", "g2", "c1"]
    assert read.waves == (2011, 2012, 2013)
    assert read.organisations == ("K01",)
    assert read.frame["wave"].tolist() == [2011] * 4 + [2012] * 3 + [2013] * 2
    assert read.frame["orgnr"].tolist() == [
        *("5561000001", "5561000001", "5561000002", "5561000009"),
        *("5561000001", "5561000002", "5561000009"),
        *("5561000001", "5561000009"),
    ]
    assert read.frame["organisation"].tolist() == ["K01"] * 3 + [""] + ["K01"] * 2 + [""] + ["K01", ""]
    assert read.frame["role"].tolist()[1] == "Ägare"
    np.testing.assert_array_equal(read.frame["g1"], [5, 4, 3, 3, 5, np.nan, 3, 4, 2])
    np.testing.assert_array_equal(read.frame["g2"], [1, np.nan, 2, np.nan, 2, np.nan, 3, 2, 4])
    assert read.sources == (
        "survey_2011.csv: Latin-1, separator ';'",
        "survey_2012.xlsx: XLSX, first sheet",
        "survey_2013.csv: UTF-8 with byte-order mark, separator ','",
    )


def test_every_row_is_accounted_for(waves, codebook):
    account = read_responses(waves, codebook).account
    assert (account.rows_in, account.rows_used) == (11, 9)
    assert dict(account.dropped) == {"preview or test answer": 1, "unfinished": 1}
    assert dict(account.counts) == {"waves": 3, "organisations": 1, "member firms": 2, "non-member firms": 1}


def test_unfinished_answers_can_be_kept(waves, codebook):
    read = read_responses(waves, codebook, keep_unfinished=True)
    assert read.account.rows_used == 10
    assert "R5" in set(read.frame["respondent"])


def test_kinds_of_missing_answers_are_counted_apart(waves, codebook):
    missing = read_responses(waves, codebook).missing.set_index(["wave", "item"])
    assert missing.loc[(2011, "g2")].to_dict() == {
        "answered": 2,
        "dont_know": 1,
        "not_applicable": 0,
        "not_answered": 1,
        "not_asked": 0,
        "invalid": 0,
    }
    assert missing.loc[(2012, "g1"), "not_applicable"] == 1
    assert missing.loc[(2012, "c1"), "not_answered"] == 1
    assert missing["not_asked"].sum() == 0


def test_intake_names_what_was_left_out(waves, codebook):
    intake = read_responses(waves, codebook).intake
    export = intake.loc[intake["file"] == "survey_2013.csv"]
    assert export.loc[export["rule"] == "question texts below the header", "row"].tolist() == [2, 3]
    assert export.loc[export["rule"] == "unfinished", "row"].tolist() == [5]
    assert export.loc[export["rule"] == "preview or test answer", "row"].tolist() == [6]
    assert export.loc[export["rule"] == "column is not in the codebook", "column"].tolist() == ["StartDate"]


def test_tables_in_memory_of_any_kind(codebook):
    expected = read_responses(_table(), codebook).frame
    pd.testing.assert_frame_equal(read_responses(pl.from_pandas(_table()), codebook).frame, expected)
    pd.testing.assert_frame_equal(read_responses([_table().iloc[[0]], _table().iloc[[1]]], codebook).frame, expected)
    assert read_responses(_table(), codebook).sources == ("table in memory",)


def test_the_input_is_not_changed(codebook):
    table = _table()
    read_responses(table, codebook)
    pd.testing.assert_frame_equal(table, _table())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"g1": [4, 7]},
            "row 3: a code outside the scale – column g1: '7' in row 3 – expected a whole number from 1 to 5",
        ),
        ({"g1": [4.5, 5]}, "'4.5' in row 2"),
        ({"g1": ["Instämmer", "5"]}, "'Instämmer' in row 2"),
        ({"orgnr": ["", "5561000002"]}, "no organisation number – column orgnr: '' in row 2"),
        ({"orgnr": ["55610000", "5561000002"]}, "not an organisation number – column orgnr: '55610000' in row 2"),
        ({"wave": ["hösten", "2012"]}, "no wave – column wave: 'hösten' in row 2"),
        ({"respondent": [None, "R2"]}, "no respondent – column respondent: '' in row 2"),
    ],
)
def test_findings_stop_the_reading(codebook, changes, message):
    with pytest.raises(SurveyError, match=message):
        read_responses(_table(**changes), codebook)


def test_all_findings_come_at_once(codebook, tmp_path):
    path = tmp_path / "wave.csv"
    _table(g1=[7, 8], wave=[None, 2012]).to_csv(path, index=False)
    with pytest.raises(SurveyError) as raised:
        read_responses([path, _table(g2=[6, 1])], codebook)
    first, second, third = raised.value.problems
    assert (first.file, first.row, second.row, third.file) == ("wave.csv", 2, 2, "")
    assert "'7' in row 2, '8' in row 3" in second.where
    assert "read with repair=True (set to missing)" in second.remedy


def test_repairs_are_written_down(codebook):
    table = _table(g1=[7, 4], respondent=["", "R2"], wave=[2012, None], orgnr=["123", "5561000002"])
    read = read_responses(table, codebook, repair=True)
    assert read.account.dropped == {"no firm or no wave": 1}
    assert read.frame[["respondent", "orgnr"]].values.tolist() == [["row 2", "123"]]
    assert np.isnan(read.frame["g1"].item())
    assert read.missing.set_index("item").loc["g1", "invalid"] == 1
    assert dict(zip(read.intake["rule"], read.intake["remedy"], strict=True)) == {
        "not an organisation number: '123'": "kept as it stands",
        "no wave: ''": "row left out",
        "no respondent: ''": "named after the row",
        "a code outside the scale: '7'": "set to missing",
    }


def test_the_same_row_twice_counts_once(codebook):
    read = read_responses([_table(), _table()], codebook)
    assert read.account.dropped == {"repeated row": 2}
    assert read.intake["rule"].tolist() == ["repeated row"] * 2


def test_two_different_answers_of_a_respondent(codebook):
    tables = [_table(), _table(g1=[1, 5])]
    with pytest.raises(
        SurveyError, match=r"a respondent answered twice in a wave, with different answers.*'R1' in row 2"
    ):
        read_responses(tables, codebook)
    read = read_responses(tables, codebook, repair=True)
    assert read.frame.loc[read.frame["respondent"] == "R1", "g1"].tolist() == [1.0]
    assert read.account.dropped == {"repeated row": 1, "replaced by later answers": 1}


def test_a_respondent_may_answer_for_two_organisations(codebook):
    read = read_responses(_table(respondent=["R1", "R1"], organisation=["K01", "K02"]), codebook)
    assert read.account.rows_used == 2


def test_empty_rows_and_text_for_missing(codebook):
    table = pd.concat([_table(g1=["NA", " 5 "]), pd.DataFrame({"respondent": [None]})], ignore_index=True)
    read = read_responses(table, codebook)
    np.testing.assert_array_equal(read.frame["g1"], [np.nan, 5.0])
    assert read.account.dropped == {"empty row": 1}


def test_an_item_that_a_wave_did_not_ask(codebook):
    read = read_responses([_table(), _table(wave=[2013, 2013]).drop(columns="g2")], codebook)
    missing = read.missing.set_index(["wave", "item"])
    assert missing.loc[(2013, "g2"), "not_asked"] == 2
    assert read.intake["rule"].tolist() == ["item is not in the file"]


def test_columns_that_are_missing_or_repeated(codebook):
    with pytest.raises(SurveyError, match=r"column 'orgnr' is missing.*did you mean 'orgno'"):
        read_responses(_table().rename(columns={"orgnr": "orgno"}), codebook)
    with pytest.raises(SurveyError, match="2 columns stand for 'wave' – headers 'wave', 'År'"):
        read_responses(_table().assign(År=2012), codebook)
    with pytest.raises(SurveyError, match="the file has none of the items of the codebook"):
        read_responses(_table().drop(columns=["g1", "g2", "c1"]), codebook)


def test_nothing_to_read(codebook, tmp_path):
    with pytest.raises(SurveyError, match="there are no answers – no file or table was given"):
        read_responses([], codebook)
    with pytest.raises(SurveyError, match="there are no answers – every row was left out"):
        read_responses(_table(Finished=[0, 0]), codebook)
    with pytest.raises(FileError, match="the file cannot be read"):
        read_responses(tmp_path / "absent.csv", codebook)
    with pytest.raises(TypeError, match="expected a pandas, polars or pyarrow table"):
        read_responses(3, codebook)


def test_finished_in_words(codebook):
    read = read_responses(_table(Finished=["False", "True"]), codebook)
    assert read.frame["respondent"].tolist() == ["R2"]


def test_a_status_column_of_another_kind_drops_nothing(codebook):
    assert read_responses(_table(Status=["1", "2"]), codebook).account.rows_used == 2


def test_zero_and_negative_codes():
    codebook = Codebook(scales=(Scale(name="s", items=("g1",), minimum=-2, maximum=2),), dont_know=(-9,))
    read = read_responses(_table(g1=[-2, -9])[["respondent", "orgnr", "organisation", "wave", "g1"]], codebook)
    np.testing.assert_array_equal(read.frame["g1"], [-2.0, np.nan])
    assert read.missing["dont_know"].tolist() == [1]
