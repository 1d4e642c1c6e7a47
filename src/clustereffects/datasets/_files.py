"""Writers whose bytes depend on the content only: no clock, no platform, no library's metadata."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

STAMP = (2013, 6, 1, 12, 0, 0)
STAMP_TEXT = "2013-06-01T12:00:00Z"


def write_text(path: Path, text: str) -> None:
    """UTF-8 with plain line ends on every platform."""
    path.write_bytes(text.encode())


def write_csv(path: Path, frame: pd.DataFrame, *, separator: str = ",", mark: bool = False) -> None:
    """CSV, with a byte-order mark if asked."""
    text = frame.to_csv(index=False, sep=separator, lineterminator="\n")
    path.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """JSON, one key a line, Swedish letters as they are."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Parquet without pandas' own metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd")


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Archive with fixed time stamps and permissions."""
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date_time=STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def write_spreadsheet(path: Path, title: str, frame: pd.DataFrame) -> None:
    """XLSX with a title line above the header, as people keep their spreadsheets."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active or book.create_sheet()
    sheet.title = "Svar"
    sheet.append([title])
    sheet.append(list(frame.columns))
    for row in frame.itertuples(index=False, name=None):
        sheet.append([None if value == "" else value for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    core = files["docProps/core.xml"].decode()
    files["docProps/core.xml"] = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", STAMP_TEXT, core).encode()
    write_zip(path, files)
