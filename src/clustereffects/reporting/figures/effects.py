"""Figures of effects: event study and forest plot."""

from __future__ import annotations

from typing import Any

import numpy as np

from clustereffects.reporting.figures._axes import BLUE, INK, ORANGE, PALE, SOFT, axes, row_axis, zero_line
from clustereffects.reporting.words import wording
from clustereffects.results import Effects


def effects_plot(effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """Draw effects in the form that suits their aggregation: an event study or a forest plot.

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
    by_event = effects.description.aggregation == "event"
    return (
        event_study(effects, ax, level=level, language=language)
        if by_event
        else forest(effects, ax, level=level, language=language)
    )


def event_study(effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """Effects by years since joining, with pointwise intervals and a simultaneous band.

    Parameters
    ----------
    effects : Effects
        Aggregated by event time.
    ax : matplotlib Axes, optional
    level : float
    language : {"en", "sv"}

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
    point, band = effects.tidy(level), effects.tidy(level, simultaneous=True)
    times = point["event_time"].to_numpy(dtype=float)
    estimate = point["estimate"].to_numpy()
    low, high = (np.where(np.isfinite(band[c]), band[c], estimate) for c in ("conf_low", "conf_high"))
    ax.fill_between(times, low, high, color=PALE, linewidth=0, label=say("axis_band", level=f"{level:.0%}"))
    half = np.nan_to_num((point["conf_high"] - point["conf_low"]).to_numpy() / 2.0)
    before = times < 0
    for part, colour in ((before, SOFT), (~before, BLUE)):
        ax.errorbar(times[part], estimate[part], half[part], fmt="o", color=colour, capsize=2.5, markersize=4.5)
    ax.axvline(-0.5, color=SOFT, linewidth=0.9, linestyle=":")
    zero_line(ax)
    ax.set_xticks(times)
    ax.set_xlabel(say("axis_event"))
    ax.set_ylabel(say("axis_effect", outcome=say.term("outcome", effects.description.outcome)))
    ax.legend(frameon=False, loc="upper left")
    return ax


def forest(effects: Effects, ax: Any = None, *, level: float = 0.95, language: str = "en") -> Any:
    """One row per effect with its interval; rows without an estimate say so.

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
    ax, say = axes(ax), wording(language)
    table = effects.tidy(level)
    columns = list(effects.labels.columns)
    shown = table[columns or ["term"]].astype(str)
    names = [", ".join(row) for row in shown.itertuples(index=False)]
    limits = (table[name].to_numpy(dtype=float) for name in ("estimate", "conf_low", "conf_high"))
    for row, (estimate, low, high) in enumerate(zip(*limits, strict=True)):
        if not np.isfinite(estimate):
            ax.text(0.0, row, say("not_identified"), color=SOFT, va="center", fontsize="small")
            continue
        colour = BLUE if low > 0 else (ORANGE if high < 0 else INK)
        ax.plot([low, high], [row, row], color=colour, linewidth=1.6)
        ax.plot(estimate, row, "o", color=colour, markersize=5)
    zero_line(ax, vertical=True)
    row_axis(ax, names)
    outcome = say.term("outcome", effects.description.outcome)
    ax.set_xlabel(say("axis_forest", outcome=outcome, level=f"{level:.0%}"))
    return ax
