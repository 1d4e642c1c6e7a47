"""Tidy tables: one row per term, the same columns everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.inference.quantiles import critical_value, two_sided_p

FloatArray = NDArray[np.float64]

TIDY_COLUMNS = (
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "level",
    "interval",
    "estimand",
    "method",
)


def tidy_frame(
    labels: pd.DataFrame,
    estimate: FloatArray,
    std_error: FloatArray,
    *,
    level: float = 0.95,
    df: float | FloatArray = np.inf,
    text: tuple[str | Sequence[str], str, str] = ("pointwise normal", "", ""),
) -> pd.DataFrame:
    """Tidy table of estimates with t or normal intervals.

    Parameters
    ----------
    labels : DataFrame (k, m)
        Label columns; its index holds the terms.
    estimate, std_error : array (k,)
    level : float
    df : float or array (k,)
        Degrees of freedom; infinite means normal.
    text : tuple of three str
        Kind of interval (one for all rows, or one for each), estimand, method.

    Returns
    -------
    DataFrame
        Label columns, then exactly ``TIDY_COLUMNS``.

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    Examples
    --------
    >>> labels = pd.DataFrame({"event_time": [0]}, index=["event[0]"])
    >>> tidy_frame(labels, np.array([0.2]), np.array([0.1]))["statistic"].tolist()
    [2.0]
    """
    dfs = np.broadcast_to(np.asarray(df, dtype=np.float64), estimate.shape)
    critical = np.array([critical_value(level, d) if d > 0 else np.nan for d in dfs])
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(std_error > 0, estimate / std_error, np.nan)
    p_value = np.array([two_sided_p(s, d).item() if d > 0 else np.nan for s, d in zip(statistic, dfs, strict=True)])
    interval, estimand, method = text
    columns = {
        **{name: labels[name].to_numpy() for name in labels.columns},
        "term": labels.index.astype(str),
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": p_value,
        "conf_low": estimate - critical * std_error,
        "conf_high": estimate + critical * std_error,
        "level": level,
        "interval": interval if isinstance(interval, str) else list(interval),
        "estimand": estimand,
        "method": method,
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(labels)))
