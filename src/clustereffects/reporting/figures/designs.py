"""Figure of designs that match on more or less of the outcome before joining."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from clustereffects.inference.quantiles import critical_value
from clustereffects.reporting.figures._axes import BLUE, ORANGE, axes, row_axis, zero_line
from clustereffects.reporting.words import wording


def designs_plot(table: Any, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """Estimate of each design with its interval, and the same less the estimated bias.

    Parameters
    ----------
    table : DataFrame or object with ``table()``
        Columns ``matches_on``, ``estimate``, ``std_error``, ``estimated_bias``.
    ax : matplotlib Axes, optional
    level : float
        Coverage of the intervals, with normal quantiles.
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"matches_on": ["growth"], "estimate": [0.1], "std_error": [0.02], "estimated_bias": [0.0]})
    >>> len(designs_plot(table).get_yticks())
    1
    """
    frame = table if isinstance(table, pd.DataFrame) else table.table()
    ax, say = axes(ax), wording(language)
    rows = np.arange(len(frame))
    half = critical_value(level) * frame["std_error"]
    ax.hlines(rows, frame["estimate"] - half, frame["estimate"] + half, color=BLUE, linewidth=1.6)
    ax.plot(frame["estimate"], rows, "o", color=BLUE, label=say("design_estimate", level=f"{level:.0%}"))
    corrected = frame["estimate"] - frame["estimated_bias"]
    ax.plot(corrected, rows, "o", color=ORANGE, markerfacecolor="none", label=say("design_corrected"))
    zero_line(ax, vertical=True)
    row_axis(ax, frame["matches_on"].astype(str).tolist())
    ax.set_xlabel(say("axis_plain"))
    ax.legend(frameon=False, loc="best")
    return ax
