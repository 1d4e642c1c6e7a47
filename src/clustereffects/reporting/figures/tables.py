"""Figures of tables: partial pooling, verdicts, survey means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from clustereffects.reporting.figures._axes import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    SOFT,
    axes,
    row_axis,
    short,
    zero_line,
)
from clustereffects.reporting.words import wording

VERDICT_COLOURS = {
    "beneficial": GREEN,
    "probably beneficial": "#8fd0bb",
    "no material effect": "#c9ced4",
    "probably harmful": "#f0b48a",
    "harmful": ORANGE,
    "undecided": "#e8ebee",
    "withheld": "#fdf6d8",
    "not published": "#ffffff",
    "silent": "#ffffff",
}


def shrinkage_plot(table: Any, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """Separate and pooled effect of each organisation, joined by a line.

    Parameters
    ----------
    table : DataFrame or object with ``shrinkage()``
        Columns ``group``, ``estimate``, ``pooled``, ``conf_low``, ``conf_high`` (interval of the pooled effect).
    ax : matplotlib Axes, optional
    level : float
        Coverage of the intervals, for the legend.
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
    >>> table = pd.DataFrame({"group": ["K01"], "estimate": [0.1], "pooled": [0.05], "conf_low": [0.0],
    ...                       "conf_high": [0.1]})
    >>> len(shrinkage_plot(table).get_yticks())
    1
    """
    frame = table if isinstance(table, pd.DataFrame) else table.shrinkage(level)
    ax, say = axes(ax), wording(language)
    rows = np.arange(len(frame))
    ax.hlines(rows, frame["conf_low"], frame["conf_high"], color=BLUE, linewidth=1.6)
    for row, pair in enumerate(frame[["estimate", "pooled"]].to_numpy(dtype=float)):
        ax.plot(pair, [row, row], color=SOFT, linewidth=0.9, linestyle=":")
    ax.plot(frame["estimate"], rows, "o", color=ORANGE, markerfacecolor="none", label=say("unpooled"))
    ax.plot(frame["pooled"], rows, "o", color=BLUE, label=say("pooled", level=f"{level:.0%}"))
    zero_line(ax, vertical=True)
    row_axis(ax, frame["group"].astype(str).tolist())
    ax.set_xlabel(say("axis_plain"))
    ax.legend(frameon=False, loc="best")
    return ax


def verdict_matrix(verdicts: pd.DataFrame, ax: Any = None, *, language: str = "en") -> Any:
    """Claims × organisations, coloured by verdict; a letter in each cell for readers without colours.

    Parameters
    ----------
    verdicts : DataFrame
        Columns ``claim``, ``group``, ``verdict``.
    ax : matplotlib Axes, optional
    language : {"en", "sv"}
        For the name of the programme; signs are the same in all.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"claim": ["growth"], "group": ["K01"], "verdict": ["undecided"]})
    >>> verdict_matrix(table).texts[0].get_text()
    '?'
    """
    ax, say = axes(ax), wording(language)
    grid = verdicts.pivot_table(index="claim", columns="group", values="verdict", aggfunc="first", sort=False)
    for row, claim in enumerate(grid.index):
        for column, group in enumerate(grid.columns):
            verdict = str(grid.loc[claim, group])
            colour = VERDICT_COLOURS.get(verdict, "#ffffff")
            ax.fill([column, column + 1, column + 1, column], [row, row, row + 1, row + 1], color=colour, linewidth=0)
            ax.text(column + 0.5, row + 0.5, VERDICT_SIGNS.get(verdict, ""), ha="center", va="center", color=INK)
    ax.set_xlim(0, max(len(grid.columns), 1))
    ax.set_ylim(max(len(grid.index), 1), 0)
    groups = [short(say.term("group", name)) for name in grid.columns]
    ax.set_xticks(np.arange(len(groups)) + 0.5, groups, rotation=45, ha="right")
    ax.set_yticks(np.arange(len(grid.index)) + 0.5, [short(str(name).replace("_", " ")) for name in grid.index])
    ax.tick_params(length=0)
    for line in range(1, len(grid.columns)):
        ax.axvline(line, color="white", linewidth=2)
    for line in range(1, len(grid.index)):
        ax.axhline(line, color="white", linewidth=2)
    return ax


VERDICT_SIGNS = {
    "beneficial": "++",
    "probably beneficial": "+",
    "no material effect": "0",
    "probably harmful": "−",
    "harmful": "−−",
    "undecided": "?",
    "withheld": "~",
    "not published": "·",
}


def survey_plot(table: pd.DataFrame, ax: Any = None, *, language: str = "en") -> Any:
    """Mean scale score of each organisation's members, with intervals, against the neutral answer.

    Parameters
    ----------
    table : DataFrame
        Columns ``organisation``, ``estimate``, ``conf_low``, ``conf_high``: distance from the neutral answer.
    ax : matplotlib Axes, optional
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
    >>> table = pd.DataFrame({"organisation": ["K01"], "estimate": [0.2], "conf_low": [0.0], "conf_high": [0.4]})
    >>> survey_plot(table).get_xlabel()
    'Mean answer minus the neutral answer'
    """
    ax = axes(ax)
    rows = np.arange(len(table))
    ax.hlines(rows, table["conf_low"], table["conf_high"], color=PALE, linewidth=6)
    ax.plot(table["estimate"], rows, "o", color=BLUE)
    zero_line(ax, vertical=True)
    row_axis(ax, table["organisation"].astype(str).tolist())
    ax.set_xlabel(wording(language)("axis_survey"))
    return ax
