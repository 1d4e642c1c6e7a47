"""Figures of a match: differences before and after, densities, paths before joining; and what they show, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.reporting.figures._axes import BLUE, INK, ORANGE, PALE, SOFT, axes, row_axis, short, zero_line
from clustereffects.reporting.figures._series import time_ticks
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import wording

FloatArray = NDArray[np.float64]

# Told apart by width, dashes and filling, so that they are in grey too.
_LINES: dict[str, dict[str, Any]] = {
    "treated": {"color": BLUE, "linewidth": 2.0, "linestyle": "-", "marker": "o"},
    "controls": {"color": ORANGE, "linewidth": 1.6, "linestyle": "--", "marker": "s"},
    "candidates": {"color": SOFT, "linewidth": 1.2, "linestyle": ":", "marker": "^"},
}
_PATHS = {"treated": "mean_treated", "controls": "mean_control", "candidates": "mean_candidates"}


def love_plot(balance: Any, ax: Any = None, *, threshold: float = 0.1, language: str = "en") -> Any:
    """Standardised mean differences before and after matching.

    Parameters
    ----------
    balance : DataFrame or object with ``balance()``
        Columns ``covariate``, ``smd_before``, ``smd_after``. With a column ``group``: one mark per group after
        matching, hollow for groups that are ``small``; the largest of each row beyond the threshold has its name.
    ax : matplotlib Axes, optional
    threshold : float
        Where the dotted lines stand.
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
    >>> table = pd.DataFrame({"covariate": ["size"], "smd_before": [0.4], "smd_after": [0.02]})
    >>> love_plot(table).get_xlabel()
    'Standardised mean difference'
    """
    table = balance if isinstance(balance, pd.DataFrame) else balance.balance()
    ax, say = axes(ax), wording(language)
    zero_line(ax, vertical=True)
    for sign in (-1, 1):
        ax.axvline(sign * threshold, color=SOFT, linewidth=0.8, linestyle=":")
    if "group" in table.columns:
        names = _draw_groups(ax, table, threshold, (say("group_usual"), say("group_small")))
        ax.set_xlabel(say("axis_smd_groups"))
    else:
        names, rows = table["covariate"].astype(str).tolist(), np.arange(len(table))
        ax.plot(table["smd_before"], rows, "o", color=ORANGE, markerfacecolor="none", label=say("before_matching"))
        ax.plot(table["smd_after"], rows, "o", color=BLUE, label=say("after_matching"))
        ax.set_xlabel(say("axis_smd"))
    row_axis(ax, names)
    ax.legend(frameon=False)
    return ax


def _draw_groups(ax: Any, table: pd.DataFrame, threshold: float, labels: tuple[str, str]) -> list[str]:
    """One mark per group and covariate; names of the covariates."""
    names = list(dict.fromkeys(table["covariate"].astype(str)))
    row = table["covariate"].astype(str).map({name: place for place, name in enumerate(names)}).to_numpy(dtype=float)
    size = table["smd_after"].to_numpy(dtype=float)
    small = table["small"].to_numpy(dtype=bool)
    ax.plot(size[~small], row[~small], "o", color=BLUE, alpha=0.6, markersize=4.5, label=labels[0])
    if small.any():
        ax.plot(size[small], row[small], "o", color=SOFT, markerfacecolor="none", markersize=4.5, label=labels[1])
    for place in range(len(names)):
        known = np.flatnonzero((row == place) & np.isfinite(size))
        if len(known) and abs(size[worst := known[np.argmax(np.abs(size[known]))]]) > threshold:
            name = short(str(table["group"].iloc[worst]), 18)
            offset = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center"}
            ax.annotate(name, (size[worst], place), fontsize="x-small", color=INK, **offset)
    return names


def density_plot(table: pd.DataFrame, ax: Any = None, *, label: str = "", language: str = "en") -> Any:
    """Densities of a covariate or score of treated units, all candidates, and matched controls.

    Parameters
    ----------
    table : DataFrame
        Columns ``value``, ``treated``, ``candidates``, ``controls``.
    ax : matplotlib Axes, optional
    label : str
        Name of the variable.
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
    >>> table = pd.DataFrame({"value": [0.0, 1.0], "treated": [1.0, 1.0], "candidates": [2.0, 0.0],
    ...                       "controls": [1.0, 1.0]})
    >>> [line.get_label() for line in density_plot(table, label="size").lines]
    ['treated units', 'matched controls', 'all candidates']
    """
    ax, say = axes(ax), wording(language)
    value = table["value"].to_numpy(dtype=float)
    ax.fill_between(value, 0.0, table["candidates"].to_numpy(dtype=float), color=PALE, linewidth=0, zorder=1)
    for name, style in _LINES.items():
        ax.plot(value, table[name], label=say(f"side_{name}"), **(style | {"marker": ""}))
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(short(label))
    ax.set_ylabel(say("axis_density"))
    ax.legend(frameon=False)
    return ax


def trajectory_plot(table: pd.DataFrame, ax: Any = None, *, label: str = "", language: str = "en") -> Any:
    """Means of a variable before joining: treated units, matched controls, all candidates.

    Parameters
    ----------
    table : DataFrame
        Columns ``event_time``, ``mean_treated``, ``mean_control``, ``mean_candidates``.
    ax : matplotlib Axes, optional
    label : str
        Name of the variable.
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
    >>> table = pd.DataFrame({"event_time": [-2, -1], "mean_treated": [1.0, 1.1], "mean_control": [1.0, 1.2],
    ...                       "mean_candidates": [0.4, 0.5]})
    >>> trajectory_plot(table, label="log employees").get_ylabel()
    'log employees'
    """
    ax, say = axes(ax), wording(language)
    times = table["event_time"].to_numpy(dtype=float)
    for name, style in _LINES.items():
        ax.plot(times, table[_PATHS[name]], label=say(f"side_{name}"), markersize=4.5, **style)
    time_ticks(ax, times, 2)
    ax.set_xlabel(say("axis_event"))
    ax.set_ylabel(short(label))
    ax.legend(frameon=False)
    return ax


def love_alt(table: pd.DataFrame, *, threshold: float = 0.1, language: str = "en") -> str:
    """Alternative text of ``love_plot``: the largest differences, and how many lie beyond the threshold.

    Parameters
    ----------
    table : DataFrame
    threshold : float
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> print(love_alt(pd.DataFrame({"covariate": ["size"], "smd_before": [0.4], "smd_after": [0.02]})))
    Love plot of 1 covariates: the largest standardised mean difference is 0.40 (size) before matching and 0.02 (size)
    after matching; 0 of 1 lie beyond 0.10 after matching.
    """
    say = wording(language)
    table = table[np.isfinite(table[["smd_before", "smd_after"]].to_numpy(dtype=float)).all(axis=1)]
    if table.empty:
        return say("alt_love_nothing")
    before, after = (table[name].to_numpy(dtype=float) for name in ("smd_before", "smd_after"))
    names, grouped = table["covariate"].astype(str), "group" in table.columns
    labels = (table["group"].astype(str) + ": " + names if grouped else names).tolist()
    first, last = int(np.argmax(np.abs(before))), int(np.argmax(np.abs(after)))
    return say(
        "alt_love_groups" if grouped else "alt_love",
        n=names.nunique(),
        groups=table["group"].nunique() if grouped else 1,
        cells=len(table),
        before=number(float(before[first]), language, 2),
        worst_before=labels[first],
        after=number(float(after[last]), language, 2),
        worst_after=labels[last],
        outside=int((np.abs(after) > threshold).sum()),
        threshold=number(threshold, language, 2),
    )


def density_alt(table: pd.DataFrame, *, label: str = "", language: str = "en") -> str:
    """Alternative text of ``density_plot``: where the densities are highest, and what they share.

    Parameters
    ----------
    table : DataFrame
    label : str
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"value": [0.0, 1.0], "treated": [1.0, 1.0], "candidates": [2.0, 0.0],
    ...                       "controls": [1.0, 1.0]})
    >>> density_alt(table, label="size")[-85:]
    'Treated units share 100% of their density with the controls, 50% with the candidates.'
    """
    say = wording(language)
    value = table["value"].to_numpy(dtype=float)
    height = {name: table[name].to_numpy(dtype=float) for name in _LINES}
    peak = {name: number(float(value[int(np.argmax(found))]), language, 2) for name, found in height.items()}
    shared = [
        float(np.trapezoid(np.minimum(height["treated"], height[name]), value)) for name in ("controls", "candidates")
    ]
    after, before = (f"{min(part, 1.0):.0%}" for part in shared)
    return say("alt_density", label=label, after=after, before=before, **peak)


def trajectory_alt(table: pd.DataFrame, *, label: str = "", language: str = "en") -> str:
    """Alternative text of ``trajectory_plot``: first and last mean of each line, and the largest difference.

    Parameters
    ----------
    table : DataFrame
        With a column ``smd`` too.
    label : str
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"event_time": [-2, -1], "mean_treated": [1.0, 1.1], "mean_control": [1.0, 1.2],
    ...                       "mean_candidates": [0.4, 0.5], "smd": [0.0, -0.05]})
    >>> trajectory_alt(table, label="log employees")[:69]
    'Means of log employees in 2 periods before joining: from 1.00 to 1.10'
    """
    say = wording(language)
    ends: dict[str, str] = {}
    for name, suffix in (("treated", ""), ("controls", "_control"), ("candidates", "_candidates")):
        known = table[_PATHS[name]].dropna().to_numpy(dtype=float)
        first, last = (known[0], known[-1]) if len(known) else (np.nan, np.nan)
        ends |= {f"first{suffix}": number(float(first), language, 2), f"last{suffix}": number(float(last), language, 2)}
    size = table["smd"].abs().max()
    return say("alt_trajectory", label=label, n=len(table), smd=number(float(size), language, 2), **ends)
