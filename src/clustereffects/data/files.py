"""Reading tables from files: CSV of any dialect, XLSX and Parquet, told apart by content, not by name."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd

from clustereffects.errors import FileError, Problem

_PREVIEW = 65536
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_BYTES = 2 * 2**30
"""Largest XLSX after decompression; the format's limit of a million rows stays far below for the files of a study."""


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
    repeated : tuple of str
        Names that more than one column has; the later ones are told apart by their position.

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
    repeated: tuple[str, ...] = ()


def read_table(path: str | Path) -> TableFile:
    r"""Read a CSV (UTF-8, UTF-16 or Windows' Latin-1; ``,`` ``;`` or tab), XLSX or Parquet file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    TableFile

    Raises
    ------
    FileError
        If the file is missing, empty or not a table, or if rows hold more cells than the header.

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
        return _by_content(path, head)
    except Exception as error:  # a damaged file makes the libraries behind this door raise almost anything
        raise FileError(
            Problem(
                what="the file is not a readable table",
                where=(str(error) or type(error).__name__).splitlines()[0][:200],
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
    numbers = pd.to_numeric(text.str.replace("\u2212", "-"), errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _by_content(path: Path, head: bytes) -> TableFile:
    if head[:4] == b"PAR1":
        return TableFile(pd.read_parquet(path), path.name, "parquet", "Parquet")
    if head[:4] == b"PK\x03\x04":
        return _read_xlsx(path)
    if head == _OLD_EXCEL:
        raise ValueError("an Excel file of the old kind (.xls), or one with a password")
    return _read_csv(path)


def _read_xlsx(path: Path) -> TableFile:
    with ZipFile(path) as zipped:
        size = sum(info.file_size for info in zipped.infolist())
    if size > _MOST_BYTES:
        raise ValueError(f"it unpacks to {size} bytes")
    cells = pd.read_excel(path, header=None, dtype=object, engine="openpyxl", keep_default_na=False, na_values=[""])
    frame, repeated = _under_header(cells)
    return TableFile(frame, path.name, "xlsx", "XLSX, first sheet", repeated)


def _read_csv(path: Path) -> TableFile:
    raw = path.read_bytes()
    if not raw.strip():
        raise ValueError("the file is empty")
    encoding, label = _encoding(raw)
    text = raw.decode(encoding)
    separator = _separator(text[:_PREVIEW])
    frame, repeated = _under_header(_cells(text, separator))
    shown = {"\t": "tab"}.get(separator, f"'{separator}'")
    return TableFile(frame, path.name, "csv", f"{label}, separator {shown}", repeated)


def _cells(text: str, separator: str) -> pd.DataFrame:
    """All cells as text; rows may end in more separators than the header, as long as nothing stands behind them."""
    how: dict[str, Any] = {"sep": separator, "header": None, "index_col": False}
    how |= {"dtype": str, "keep_default_na": False, "na_values": [""]}
    try:
        cells: pd.DataFrame = pd.read_csv(io.StringIO(text), **how)
    except pd.errors.ParserError:
        widths = [len(row) for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
        cells = pd.read_csv(io.StringIO(text), names=range(max(widths)), **how)
        if cells.iloc[:, widths[0] :].notna().any(axis=None):
            raise
    return cells


def _under_header(cells: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows under the names in the first one, and which names repeat.

    The header is read as a row like the others, because pandas would take the first column for an index where rows have
    one separator more than the header. Columns with neither name nor content, made by separators at line ends, go.
    """
    if not len(cells):
        raise ValueError("the file is empty")
    header, rows = cells.iloc[0], cells.iloc[1:].reset_index(drop=True)
    kept = [place for place in cells.columns if pd.notna(header[place]) or rows[place].notna().any()]
    names: list[object] = []
    repeated: list[str] = []
    for place in kept:
        name = header[place] if pd.notna(header[place]) else f"Unnamed: {place}"
        count = names.count(name)
        repeated += [str(name)] if count else []
        names.append(f"{name}.{place}" if count else name)
    return rows[kept].set_axis(pd.Index(names), axis=1), tuple(dict.fromkeys(repeated))


def _encoding(raw: bytes) -> tuple[str, str]:
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "UTF-8 with byte-order mark"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16"
    for encoding, label in (("utf-8", "UTF-8"), ("cp1252", "Latin-1")):
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding, label
    return "latin-1", "Latin-1"


def _separator(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip()), "")
    counts = {separator: header.count(separator) for separator in (";", ",", "\t")}
    best = max(counts, key=lambda separator: counts[separator])
    return best if counts[best] else ","
