"""Growth before joining, as far back as a firm's accounts go."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

GROWS = "log_value_added"
"""What ``growth`` is the growth of."""


def mean_growth(frame: pd.DataFrame, column: str, span: int) -> NDArray[np.float64]:
    """Mean yearly growth over up to ``span`` years: from the earliest of them with a value to the year itself.

    Parameters
    ----------
    frame : DataFrame
        Columns ``firm``, ``year`` and the logarithm.
    column : str
    span : int
        Longest number of years looked back.

    Returns
    -------
    array (n,)
        Log points a year; NaN where no earlier year within the span has a value.

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"firm": [1, 1, 1], "year": [2001, 2002, 2003], "y": [0.0, 0.3, 0.4]})
    >>> mean_growth(table, "y", 2).round(2).tolist()
    [nan, 0.3, 0.2]
    """
    firm, year, value = (frame[name].to_numpy() for name in ("firm", "year", column))
    now = pd.Series(value, index=pd.MultiIndex.from_arrays([firm, year]))
    growth = np.full(len(frame), np.nan)
    for back in range(1, span + 1):
        before = now.reindex(pd.MultiIndex.from_arrays([firm, year - back])).to_numpy()
        growth = np.where(np.isfinite(value - before), (value - before) / back, growth)
    return growth
