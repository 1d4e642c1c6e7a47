"""Small multiples of effects: one panel per joining year, or per cluster organisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.reporting.figures._axes import axes, short
from clustereffects.reporting.figures._grid import grid_shape, outer_labels, panels
from clustereffects.reporting.figures._series import (
    Series,
    draw_series,
    errors_in_words,
    intervals_in_words,
    legend,
    limit_view,
    series_of,
    treated_counts,
)
from clustereffects.reporting.words import Wording, wording
from clustereffects.results import Effects

_TIMES = ("event_time", "time")
_LONGEST = 24
_PANEL = (1.9, 1.5)  # inches
_LINE = 13.0  # points


def panel_columns(effects: Effects) -> tuple[tuple[str, ...], str] | None:
    """Columns that tell panels apart and the column of their time axis, if effects can be drawn as small multiples.

    Parameters
    ----------
    effects : Effects

    Returns
    -------
    tuple of (tuple of str, str), or None
        For cells group, if they have one, cohort, and period; for effects by two labels, one of which is a time, these
        two.

    Raises
    ------
    AttributeError
        If these are no effects.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> effects = ce.GroupTimeDiD().fit(panel, "lemp")
    >>> panel_columns(effects), panel_columns(effects.aggregate("event"))
    ((('cohort',), 'time'), None)
    """
    columns = effects.labels.columns
    others = tuple(name for name in ("group", "cohort") if name in columns)
    times = [name for name in _TIMES if name in columns]
    if effects.description.aggregation == "cell":
        return (others, "time") if "cohort" in columns and "time" in columns else None
    return (others, times[0]) if len(times) == len(others) == 1 else None


def effect_panels(effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """Effects over time in one panel per cohort or group, with shared axes, inside the given Axes.

    Intervals and bands that reach further than six times the median interval run out of the figure where they would
    hide all others.

    Parameters
    ----------
    effects : Effects
        Cells, or aggregated by cohort or group and event time or period.
    ax : matplotlib Axes, optional
        Their labels and legend are those of all panels; the panels are their ``child_axes``.
    level : float
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    OptionError
        If the effects have no such labels.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> ax = effect_panels(ce.GroupTimeDiD().fit(panel, "lemp"))
    >>> [inside.get_title() for inside in ax.child_axes]
    ['joined 2004 (n = 20)', 'joined 2006 (n = 40)', 'joined 2007 (n = 131)']
    """
    columns = panel_columns(effects)
    if columns is None:
        raise OptionError(
            Problem(
                what=f"no small multiples of effects by {effects.description.aggregation!r}",
                where=f"labels: {', '.join(effects.labels.columns)}",
                expected="effects of cells, or by cohort or group and event time or period",
                remedy='aggregate, for instance by ["group", "event"]',
            )
        )
    say, series = wording(language), series_of(effects, columns[1], level)
    rows_of = list(effects.labels[list(columns[0])].itertuples(index=False, name=None))
    parts = {name: np.array([row == name for row in rows_of]) for name in dict.fromkeys(rows_of)}
    rows, across = grid_shape(len(parts), 4.0, 3.0)
    ax = axes(ax, (max(6.4, 0.8 + _PANEL[0] * across), max(3.6, 1.2 + _PANEL[1] * rows)))
    _draw(ax, series, list(parts.values()), _titles(effects, columns[0], parts, say), _starts(columns, parts))
    outcome = say.term("outcome", effects.description.outcome)
    xlabel = say("axis_event" if columns[1] == "event_time" else "axis_year")
    outer_labels(ax, ax.child_axes, xlabel, say("axis_effect", outcome=outcome))
    where = {"loc": "upper left", "ncols": 2, "borderaxespad": 0.0, "title": errors_in_words(effects, say)}
    legend(ax, series, intervals_in_words(effects, level, say), say, **where)
    return ax


_Parts = dict[tuple[Any, ...], NDArray[np.bool_]]


def _starts(columns: tuple[tuple[str, ...], str], parts: _Parts) -> list[float | None]:
    """Where treatment starts on the time axis of each panel."""
    by_cohort = columns[0][-1] == "cohort"
    return [0.0 if columns[1] == "event_time" else float(name[-1]) if by_cohort else None for name in parts]


def _titles(effects: Effects, columns: tuple[str, ...], parts: _Parts, say: Wording) -> list[str]:
    """Names of the panels with the number of treated units behind them."""
    counts = treated_counts(effects)
    labels = effects.labels
    after = labels["event_time"].to_numpy() >= 0 if "event_time" in labels else np.ones(len(labels), dtype=bool)
    titles = []
    for name, own in parts.items():
        words = [
            say("panel_cohort", name=value) if column == "cohort" else short(str(value), _LONGEST)
            for column, value in zip(columns, name, strict=True)
        ]
        behind = "" if counts is None else f" (n = {_most(counts, own, after):,})"
        titles.append(f"{', '.join(words)}{behind}")
    return titles


def _most(counts: NDArray[np.int64], own: NDArray[np.bool_], after: NDArray[np.bool_]) -> int:
    """Treated units of a panel: the most behind any of its effects from treatment on, if there are such."""
    return int(counts[own & after].max(initial=0) or counts[own].max(initial=0))


def _draw(
    ax: Any, series: Series, parts: list[NDArray[np.bool_]], titles: list[str], starts: list[float | None]
) -> None:
    from matplotlib.ticker import MaxNLocator

    kinds = sum(bool(rows.any()) for rows in (series.before, ~series.before, series.reference, series.bare))
    inside = panels(ax, titles, top=_LINE * (1 + -(-(2 + kinds) // 2)) + 4.0)
    for panel, rows, start in zip(inside, parts, starts, strict=True):
        draw_series(panel, series.part(rows), start, size=3.0)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
        panel.yaxis.set_major_locator(MaxNLocator(nbins=4))
    if inside:
        limit_view(inside[0], series)
