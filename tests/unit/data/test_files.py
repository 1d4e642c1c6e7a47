"""Table files are told apart by content, in every dialect that regions send."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from clustereffects.data import SampleAccount, read_table, to_number
from clustereffects.errors import FileError

ROWS = pd.DataFrame({"orgnr": ["0123", "5561"], "name": ["Åre Såg", "Gävle & Co"]})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_dialects(tmp_path, encoding, separator):
    path = tmp_path / "members.txt"
    ROWS.to_csv(path, sep=separator, encoding=encoding, index=False)
    table = read_table(path)
    assert table.kind == "csv"
    assert table.frame.to_numpy().tolist() == ROWS.to_numpy().tolist()
    assert table.frame.columns.tolist() == ["orgnr", "name"]


def test_xlsx_and_parquet_keep_text_and_are_known_by_content(tmp_path):
    ROWS.to_excel(tmp_path / "wrong.csv", index=False)
    ROWS.to_parquet(tmp_path / "wrong.xlsx")
    assert read_table(tmp_path / "wrong.csv").kind == "xlsx"
    assert read_table(tmp_path / "wrong.csv").frame["orgnr"].tolist() == ["0123", "5561"]
    assert read_table(tmp_path / "wrong.xlsx").kind == "parquet"


def test_what_is_not_a_table_is_refused_by_name(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"  \n")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no zip at all")
    with pytest.raises(FileError, match=r"empty.csv: the file is not a readable table – the file is empty"):
        read_table(tmp_path / "empty.csv")
    (tmp_path / "mark.csv").write_bytes(b"\xef\xbb\xbf")
    with pytest.raises(FileError, match=r"mark.csv: the file is not a readable table"):
        read_table(tmp_path / "mark.csv")
    pd.DataFrame().to_excel(tmp_path / "empty.xlsx", index=False)
    with pytest.raises(FileError, match=r"empty.xlsx: .* – the file is empty"):
        read_table(tmp_path / "empty.xlsx")
    with pytest.raises(FileError, match=r"broken.xlsx: the file is not a readable table"):
        read_table(tmp_path / "broken.xlsx")
    with pytest.raises(FileError, match=r"missing.csv: the file cannot be read"):
        read_table(tmp_path / "missing.csv")
    with pytest.raises(FileError, match="cannot be read"):
        read_table(tmp_path)


def _read(tmp_path, text, encoding="utf-8"):
    (tmp_path / "table.csv").write_bytes(text.encode(encoding))
    return read_table(tmp_path / "table.csv")


def test_separators_at_line_ends_shift_no_column(tmp_path):
    for text in ("a;b\n1;2;\n3;4;\n", "a;b;\n1;2;\n3;4;\n", "\n\na;b\n1;2\n\n3;4\n"):
        assert _read(tmp_path, text).frame.to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}


def test_cells_without_a_header_are_refused(tmp_path):
    for text in ("a;b\n1;2;9\n3;4;8\n", "a;b\n1;2\n3;4;8\n"):
        with pytest.raises(FileError, match=r"table.csv: the file is not a readable table – .*Expected 2 fields"):
            _read(tmp_path, text)


def test_repeated_and_missing_names_are_told(tmp_path):
    table = _read(tmp_path, "a;a;;b\n1;2;3;4\n")
    assert table.repeated == ("a",)
    assert table.frame.columns.tolist() == ["a", "a.1", "Unnamed: 2", "b"]
    ROWS.set_axis(["orgnr", "orgnr"], axis=1).to_excel(tmp_path / "twice.xlsx", index=False)
    assert read_table(tmp_path / "twice.xlsx").repeated == ("orgnr",)


def test_encodings_of_spreadsheets(tmp_path):
    for encoding, dialect in (("utf-16", "UTF-16"), ("cp1252", "Latin-1")):
        table = _read(tmp_path, "namn;år\nÅre – Såg;2004\n", encoding)
        assert table.frame.to_numpy().tolist() == [["Åre – Såg", "2004"]]
        assert table.dialect == f"{dialect}, separator ';'"
    assert read_table(_bytes(tmp_path, b"a\x81;b\n1;2\n")).frame.columns.tolist() == ["a\x81", "b"]


def _bytes(tmp_path, content):
    (tmp_path / "bytes.csv").write_bytes(content)
    return tmp_path / "bytes.csv"


def test_numbers_in_swedish_and_english():
    given = pd.Series(["1 234,5", "1\u00a0000", "−3.5", "", None, "x"])
    np.testing.assert_array_equal(to_number(given), [1234.5, 1000.0, -3.5, np.nan, np.nan, np.nan])
    assert to_number(pd.Series(["inf", "-Infinity", "NaN", "True"])).isna().all()
    assert to_number(pd.Series([1, 2])).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="expected a Series"):
        to_number([1])


def test_an_account_that_does_not_add_up_is_refused():
    with pytest.raises(ValueError, match="10 rows in, but 8 used and 1 dropped"):
        SampleAccount(rows_in=10, rows_used=8, dropped={"missing": 1})
    with pytest.raises(ValueError, match="no negative numbers"):
        SampleAccount(rows_in=10, rows_used=12, dropped={"missing": -2})


def test_old_or_locked_excel_is_named_as_such(tmp_path):
    path = tmp_path / "members.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(FileError, match=r"an Excel file of the old kind \(\.xls\), or one with a password"):
        read_table(path)


def test_a_spreadsheet_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    ROWS.to_excel(tmp_path / "t.xlsx", index=False)
    monkeypatch.setattr("clustereffects.data.files._MOST_BYTES", 1000)
    with pytest.raises(FileError, match=r"it unpacks to \d+ bytes"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_no_damage_gets_past_the_door_as_another_error(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    getattr(pd.concat([ROWS] * 50), "to_excel" if kind == "xlsx" else "to_parquet")(path, index=False)
    whole = path.read_bytes()
    rng = np.random.default_rng(4)
    for _ in range(25):
        damaged = bytearray(whole)
        for place in rng.integers(4, len(whole), 20):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(FileError):
            assert read_table(path).kind == kind
