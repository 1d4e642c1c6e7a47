"""Figures of effects: event study, forest plot, and the choice between these and small multiples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from clustereffects.reporting.figures._axes import BLUE, INK, SOFT, axes, row_axis, zero_line
from clustereffects.reporting.figures._series import (
    draw_series,
    errors_in_words,
    intervals_in_words,
    legend,
    limit_view,
    reference_in_words,
    series_of,
    side_counts,
    time_ticks,
    treated_counts,
)
from clustereffects.reporting.figures.panels import effect_panels, panel_columns
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import Wording, wording
from clustereffects.results import Effects

_ROW = 0.27  # inches


def effects_plot(effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """Draw effects in the form that suits their aggregation.

    Effects by event time are an event study with the number of treated units behind each; cells, and effects by cohort
    or group and time, are small multiples inside the Axes; all others are a forest plot.

    Parameters
    ----------
    effects : Effects
    ax : matplotlib Axes, optional
    level : float
        Coverage of the intervals.
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> effects = ce.GroupTimeDiD().fit(panel, "lemp")
    >>> effects_plot(effects.aggregate("event")).get_xlabel()
    'Years since joining'
    """
    if effects.description.aggregation == "event":
        return event_study(effects, ax, level=level, language=language, counts=True)
    draw = forest if panel_columns(effects) is None else effect_panels
    return draw(effects, ax, level=level, language=language)


def event_study(
    effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en", counts: bool = False
) -> Any:
    """Effects by years since joining, with pointwise intervals and a simultaneous band.

    Intervals and bands that reach further than six times the median interval run out of the figure where they would
    hide all others.

    Parameters
    ----------
    effects : Effects
        Aggregated by event time.
    ax : matplotlib Axes, optional
    level : float
    language : {"en", "sv"}
    counts : bool
        Whether to write below each effect how many treated units are behind it, where that is stored.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    KeyError
        If the effects have no event time.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> ax = event_study(ce.GroupTimeDiD().fit(panel, "lemp").aggregate("event"))
    >>> len(ax.collections) > 0
    True
    """
    ax, say = axes(ax), wording(language)
    series = series_of(effects, "event_time", level)
    draw_series(ax, series.part(np.ones(len(series.time), dtype=np.bool_)), 0.0)
    limit_view(ax, series)
    behind = treated_counts(effects) if counts else None
    width = 0 if behind is None else len(f"{behind.max(initial=0):,}")
    shown = np.isin(series.time, time_ticks(ax, series.time, width))
    ax.set_xlabel(say("axis_event"))
    ax.set_ylabel(say("axis_effect", outcome=say.term("outcome", effects.description.outcome)))
    if behind is not None:
        side_counts(ax, series.time[shown], behind[shown], say("treated_units"), above=True)
    legend(ax, series, intervals_in_words(effects, level, say), say, title=errors_in_words(effects, say), loc="best")
    return ax


def forest(effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """One row per effect with its interval; rows without an estimate say so.

    Effects of groups (cluster organisations) are sorted, the largest on top, with the number of treated units at the right
    and their mean as a dashed line.

    Parameters
    ----------
    effects : Effects
    ax : matplotlib Axes, optional
    level : float
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> ax = forest(ce.GroupTimeDiD().fit(panel, "lemp").aggregate("cohort"))
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['2004', '2006', '2007']
    """
    say, table = wording(language), effects.tidy(level)
    by_group = effects.description.aggregation == "group"
    counts = treated_counts(effects) if by_group else None
    table = table.assign(n=counts if counts is not None else np.nan)
    if by_group:
        table = table.sort_values("estimate", ascending=False, kind="stable", na_position="last")
    ax = axes(ax, (6.4, max(2.0, 1.5 + _ROW * len(table))))
    _draw_rows(ax, table, say)
    shown = table[list(effects.labels.columns) or ["term"]].astype(str)
    zero_line(ax, vertical=True)
    row_axis(ax, [", ".join(row) for row in shown.itertuples(index=False)])
    if counts is not None:
        side_counts(ax, range(len(table)), table["n"], say("treated_units"), above=False)
    outcome = say.term("outcome", effects.description.outcome)
    lines = [say("axis_forest", outcome=outcome, level=f"{level:.0%}")]
    lines.append(f"{errors_in_words(effects, say)} ({reference_in_words(effects, say)})")
    mean = _mean(effects) if counts is not None else np.nan
    if np.isfinite(mean):
        ax.axvline(mean, color=INK, linewidth=0.9, linestyle="--", zorder=0)
        lines.append(say("mean_line", value=number(mean, language)))
    ax.set_xlabel("\n".join(lines))
    return ax


def _draw_rows(ax: Any, table: pd.DataFrame, say: Wording) -> None:
    """Estimates and intervals, all alike: what an interval says must not depend on its colour."""
    limits = (table[name].to_numpy(dtype=float) for name in ("estimate", "conf_low", "conf_high"))
    for row, (estimate, low, high) in enumerate(zip(*limits, strict=True)):
        if not np.isfinite(estimate):
            ax.text(0.0, row, say("not_identified"), color=SOFT, va="center", fontsize="small")
            continue
        ax.plot([low, high], [row, row], color=BLUE, linewidth=1.6)
        ax.plot(estimate, row, "o" if np.isfinite(low) else "x", color=BLUE, markersize=5)


def _mean(effects: Effects) -> float:
    """Mean of the groups by their treated units; sums have no such mean."""
    return np.nan if effects.description.estimand.startswith("sum") else float(effects.average().estimate[0])
