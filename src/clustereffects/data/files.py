"""Reading tables from files: CSV of any dialect, XLSX and Parquet, told apart by content, not by name."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from clustereffects.errors import FileError, Problem

_PREVIEW = 65536


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table as it stands in a file, and what kind of file it was.

    Parameters
    ----------
    frame : DataFrame
        Text for CSV (empty cells are missing, nothing is converted), cell values for XLSX, typed for Parquet.
    name : str
        File name without its folder.
    kind : {"csv", "xlsx", "parquet"}
    dialect : str
        What was found out, in words: encoding and separator, or the sheet.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> TableFile(pd.DataFrame({"year": ["2004"]}), "deflator.csv", "csv", "UTF-8, separator ','").kind
    'csv'
    """

    frame: pd.DataFrame
    name: str
    kind: str
    dialect: str


def read_table(path: str | Path) -> TableFile:
    r"""Read a CSV (UTF-8, UTF-8 with byte-order mark or Latin-1; ``,`` ``;`` or tab), XLSX or Parquet file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    TableFile

    Raises
    ------
    FileError
        If the file is missing, empty or not a table.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "deflator.csv"
    ...     _ = path.write_text("year;index\n2004;93,4\n", encoding="latin-1")
    ...     table = read_table(path)
    >>> table.dialect, table.frame["index"].tolist()
    ("UTF-8, separator ';'", ['93,4'])
    """
    path = Path(path)
    try:
        with path.open("rb") as handle:
            head = handle.read(8)
    except OSError as error:
        raise FileError(
            Problem(
                what="the file cannot be read",
                where=error.strerror or "",
                expected="a CSV, XLSX or Parquet file",
                remedy="check its name and the path in the plan",
                file=path.name,
            )
        ) from error
    try:
        if head[:4] == b"PAR1":
            return TableFile(pd.read_parquet(path), path.name, "parquet", "Parquet")
        if head[:4] == b"PK\x03\x04":
            return _read_xlsx(path)
        return _read_csv(path)
    except (ValueError, BadZipFile, KeyError, OSError, csv.Error) as error:
        raise FileError(
            Problem(
                what="the file is not a readable table",
                where=str(error).splitlines()[0][:200],
                expected="a CSV, XLSX or Parquet file with one header row",
                remedy="open it in a spreadsheet and save it again",
                file=path.name,
            )
        ) from error


def to_number(column: pd.Series) -> pd.Series:
    """Numbers from text cells, with decimal comma or point and spaces as thousands separators.

    Parameters
    ----------
    column : Series
        Text, numbers or a mixture; missing stays missing.

    Returns
    -------
    Series of float64
        NaN where a cell holds no number; compare with the input to find those that were not empty.

    Raises
    ------
    TypeError
        If ``column`` is not a Series.

    Examples
    --------
    >>> to_number(pd.Series(["1 234,5", "7.25", None, "n/a"])).tolist()
    [1234.5, 7.25, nan, nan]
    """
    if not isinstance(column, pd.Series):
        raise TypeError(f"expected a Series, got {type(column).__name__}")
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    text = column.astype("string").str.replace(r"[\s\u00a0\u202f]", "", regex=True).str.replace(",", ".")
    return pd.to_numeric(text.str.replace("\u2212", "-"), errors="coerce").astype("float64")


def _read_xlsx(path: Path) -> TableFile:
    frame = pd.read_excel(path, dtype=object, engine="openpyxl", keep_default_na=False, na_values=[""])
    return TableFile(frame, path.name, "xlsx", "XLSX, first sheet")


def _read_csv(path: Path) -> TableFile:
    raw = path.read_bytes()
    if not raw.strip():
        raise ValueError("the file is empty")
    encoding, label = _encoding(raw)
    separator = _separator(raw[:_PREVIEW].decode(encoding, errors="replace"))
    frame = pd.read_csv(path, sep=separator, encoding=encoding, dtype=str, keep_default_na=False, na_values=[""])
    shown = {"\t": "tab"}.get(separator, f"'{separator}'")
    return TableFile(frame, path.name, "csv", f"{label}, separator {shown}")


def _encoding(raw: bytes) -> tuple[str, str]:
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "UTF-8 with byte-order mark"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1", "Latin-1"
    return "utf-8", "UTF-8"


def _separator(text: str) -> str:
    header = text.splitlines()[0]
    counts = {separator: header.count(separator) for separator in (";", ",", "\t")}
    best = max(counts, key=lambda separator: counts[separator])
    return best if counts[best] else ","
