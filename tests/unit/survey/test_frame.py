"""The frame: who is in the register and who was asked."""

import pandas as pd
import pytest

from clustereffects.errors import SurveyError
from clustereffects.survey import read_frame


def _frame(**changes):
    data = {"orgnr": ["556100-0001", "5561000002"], "organisation": ["K01", None], "wave": [2012] * 2, "asked": [1, 0]}
    return pd.DataFrame(data | changes)


def test_frame_from_a_file(codebook, tmp_path):
    path = tmp_path / "survey_frame.csv"
    _frame(asked=["ja", "nej"]).to_csv(path, index=False, sep=";")
    read = read_frame(path, codebook)
    assert read.firms.values.tolist() == [["K01", "5561000001", 2012, True], ["", "5561000002", 2012, False]]
    assert read.organisations == ("K01",)


def test_repeated_rows_are_written_down(codebook):
    read = read_frame(pd.concat([_frame(), _frame()]), codebook)
    assert len(read.firms) == 2
    assert read.intake[["row", "rule"]].values.tolist() == [[4, "repeated row"], [5, "repeated row"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"orgnr": [None, "5561000002"]}, "row 2: a firm has no organisation number – column orgnr: 1 rows"),
        ({"wave": [2012, None]}, "row 3: a row has no wave"),
        (
            {"asked": [1, 2]},
            "it is not said whether the firm was asked – column asked: 1 rows, first '2' – expected 0 or 1",
        ),
        (
            {"orgnr": ["5561000001"] * 2, "organisation": ["K01"] * 2},
            "row 3: a firm is listed both as asked and as not asked",
        ),
    ],
)
def test_each_problem_has_its_message(codebook, changes, message):
    with pytest.raises(SurveyError, match=message):
        read_frame(_frame(**changes), codebook)


def test_missing_columns(codebook):
    with pytest.raises(SurveyError, match="column 'asked' is missing"):
        read_frame(_frame().drop(columns="asked"), codebook)
    with pytest.raises(SurveyError, match="3 problems"):
        read_frame(_frame()[["orgnr"]], codebook)
