"""Table files are told apart by content, in every dialect that regions send."""

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
    with pytest.raises(FileError, match="empty.csv: the file is not a readable table – the file is empty"):
        read_table(tmp_path / "empty.csv")
    with pytest.raises(FileError, match="broken.xlsx: the file is not a readable table"):
        read_table(tmp_path / "broken.xlsx")
    with pytest.raises(FileError, match="missing.csv: the file cannot be read"):
        read_table(tmp_path / "missing.csv")
    with pytest.raises(FileError, match="cannot be read"):
        read_table(tmp_path)


def test_numbers_in_swedish_and_english():
    given = pd.Series(["1 234,5", "1\u00a0000", "−3.5", "", None, "x"])
    np.testing.assert_array_equal(to_number(given), [1234.5, 1000.0, -3.5, np.nan, np.nan, np.nan])
    with pytest.raises(TypeError, match="expected a Series"):
        to_number([1])


def test_an_account_that_does_not_add_up_is_refused():
    with pytest.raises(ValueError, match="10 rows in, but 8 used and 1 dropped"):
        SampleAccount(rows_in=10, rows_used=8, dropped={"missing": 1})
