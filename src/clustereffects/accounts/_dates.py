"""Years and dates as member lists write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.accounts._table import is_empty

_YEAR_FIRST = re.compile(r"(\d{4})(?:\.0)?(?:[-/.]?(\d{2})(?:[-/.]?(\d{2}))?)?(?:[T ][\d:.]*)?")
_YEAR_LAST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](\d{4})")
_EARLIEST, _LATEST = 1900, 2100


@dataclass(frozen=True, slots=True, eq=False)
class When:
    """Years and days of one column."""

    year: NDArray[np.float64]
    day: NDArray[np.float64]
    empty: NDArray[np.bool_]

    @property
    def unreadable(self) -> NDArray[np.bool_]:
        """Whether a cell holds something that is neither year nor date."""
        return np.isnan(self.year) & ~self.empty


def parse_when(cells: pd.Series) -> When:
    """Year of each cell, and its day as yyyymmdd where the cell is a full date; NaN where there is none."""
    parsed = [_parse(cell) for cell in cells]
    year = np.array([found[0] for found in parsed], dtype=np.float64)
    day = np.array([found[1] for found in parsed], dtype=np.float64)
    return When(year, day, is_empty(cells))


def _parse(cell: object) -> tuple[float, float]:
    text = str(cell).strip()
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        year, month, date = (int(part) if part else 0 for part in found.groups())
    else:
        last = _YEAR_LAST.fullmatch(text)
        year, month, date = (int(last[1]) if last else 0), 0, 0
    if not (_EARLIEST <= year <= _LATEST and month <= 12 and date <= 31):
        return np.nan, np.nan
    return float(year), float(year * 10000 + month * 100 + date) if month and date else np.nan
