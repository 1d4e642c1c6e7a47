"""Cells as people type them: text without stray blanks, whole numbers, organisation numbers, headers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import to_number

FloatArray = NDArray[np.float64]
_BLANKS = re.compile(r"[\s\u00a0\u202f]+")
_NOT_ANSWERED = {"", "na", "nan"}
_FALSE = {"0", "false", "falskt", "no", "nej"}
_TRUE = {"1", "true", "sant", "yes", "ja"}


def header(cell: Any) -> str:
    """Header without case, stray blanks and byte-order mark, for comparison only."""
    return _BLANKS.sub(" ", plain(cell).replace("\ufeff", "")).strip().casefold()


def plain(cell: Any) -> str:
    """Cell as text; empty if missing, whole numbers without decimals."""
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return _BLANKS.sub(" ", str(cell)).strip()


def text(column: pd.Series) -> pd.Series:
    """Column as text, empty where it is missing."""
    return pd.Series([plain(cell) for cell in column], index=column.index, dtype=object)


def whole(column: pd.Series) -> FloatArray:
    """Whole numbers; NaN where a cell holds none."""
    values = numbers(column)
    return np.where(values == np.floor(values), values, np.nan)


def numbers(column: pd.Series) -> FloatArray:
    """Numbers; NaN where a cell holds none."""
    values = to_number(text(column)).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def unanswered(column: pd.Series) -> NDArray[np.bool_]:
    """Cells in which nothing was answered."""
    return text(column).str.casefold().isin(_NOT_ANSWERED).to_numpy(dtype=bool)


def truth(column: pd.Series) -> FloatArray:
    """1 for yes, 0 for no, NaN for anything else."""
    words = text(column).str.casefold()
    return np.where(words.isin(_TRUE), 1.0, np.where(words.isin(_FALSE), 0.0, np.nan))


def organisation_number(cell: Any) -> str:
    """Ten digits of an organisation number written in any usual way; other text is returned as it stands.

    ``556123-4567``, ``5561234567.0``, ``165561234567`` and ``SE556123456701`` all give ``5561234567``.
    """
    written = plain(cell)
    digits = re.sub(r"[\s\-\u2013]", "", re.sub(r"\.0+$", "", written)).upper()
    if re.fullmatch(r"SE\d{12}", digits):
        return digits[2:12]
    if re.fullmatch(r"(16|19|20)\d{10}", digits):
        return digits[2:]
    return digits if re.fullmatch(r"\d{10}", digits) else written


def is_organisation_number(written: str) -> bool:
    """Whether a cleaned organisation number has ten digits."""
    return re.fullmatch(r"\d{10}", written) is not None
