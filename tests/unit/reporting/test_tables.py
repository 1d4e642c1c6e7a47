"""Files that no spreadsheet takes for formulas, and numbers as people read them."""

import csv

import numpy as np
import pandas as pd
import pytest

from clustereffects.reporting import neutral, number, percent, write_csv


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+46 70 123",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1+1",
        "\u00a0=1",
        '=HYPERLINK("http://example.org")',
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20A",
    ],
)
def test_text_that_begins_like_a_formula_is_made_text(text):
    assert neutral(text) == f"'{text}"


@pytest.mark.parametrize("value", ["firm", "", "a=b", "1-2", "'=1", -1.5, 7, None, True, np.float64(-2.0), pd.NA])
def test_everything_else_is_left_alone(value):
    assert neutral(value) is value


def test_files_are_written_without_formulas(tmp_path):
    frame = pd.DataFrame(
        {
            "=cmd": ["=1+1", 'say "hi", you', None, "Å–ö"],
            "estimate": [-0.5, np.nan, 1e-9, 2.0],
            "n": pd.array([1, None, 3, -4], dtype="Int64"),
            "kind": pd.Categorical(["-x", "y", "y", None]),
            "mixed": ["@a", -1, 2.5, None],
        }
    )
    before = frame.copy(deep=True)
    write_csv(frame, tmp_path / "t.csv")
    raw = (tmp_path / "t.csv").read_bytes()
    assert b"\r" not in raw
    rows = list(csv.reader(raw.decode("utf-8").splitlines()))
    assert rows[0] == ["'=cmd", "estimate", "n", "kind", "mixed"]
    assert rows[1] == ["'=1+1", "-0.5", "1", "'-x", "'@a"]
    assert rows[2] == ['say "hi", you', "", "", "y", "-1"]
    assert rows[3] == ["", "1e-09", "3", "y", "2.5"]
    assert rows[4] == ["Å–ö", "2.0", "-4", "", ""]
    pd.testing.assert_frame_equal(frame, before)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError, match="no such folder"):
        write_csv(pd.DataFrame({"a": [1]}), tmp_path / "no such folder" / "t.csv")


@pytest.mark.parametrize(
    ("value", "digits", "english", "swedish"),
    [
        (0.0414, 3, "0.041", "0,041"),
        (-0.0414, 3, "−0.041", "−0,041"),
        (-0.0001, 3, "0.000", "0,000"),
        (-0.0, 2, "0.00", "0,00"),
        (1234567.891, 1, "1,234,567.9", "1\u00a0234\u00a0567,9"),
        (-1234.5, 0, "−1,234", "−1\u00a0234"),
        (float("nan"), 3, "–", "–"),
        (float("inf"), 3, "–", "–"),
        (3, 0, "3", "3"),
    ],
)
def test_numbers(value, digits, english, swedish):
    assert number(value, "en", digits) == english
    assert number(value, "sv", digits) == swedish


@pytest.mark.parametrize(
    ("log_points", "english", "swedish"),
    [
        (0.04, "4.1 %", "4,1 %"),
        (-0.01, "−1.0 %", "−1,0 %"),
        (0.0, "0.0 %", "0,0 %"),
        (-1e-6, "0.0 %", "0,0 %"),
        (float("nan"), "–", "–"),
        (np.log(21.0), "2,000.0 %", "2 000,0 %"),
        (-50.0, "−100.0 %", "−100,0 %"),
    ],
)
def test_percentages_from_log_points(log_points, english, swedish):
    shown = [percent(log_points, language).replace("\u00a0", " ") for language in ("en", "sv")]
    assert shown == [english, swedish]


def test_what_is_no_number_is_an_error():
    with pytest.raises(TypeError):
        number("many")
