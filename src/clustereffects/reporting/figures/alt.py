"""What figures of effects show, in words, for whoever cannot see them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clustereffects.reporting.figures.panels import panel_columns
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import Wording, wording
from clustereffects.results import Effects


def effects_alt(effects: Effects, *, level: float = 0.95, language: str = "en") -> str:
    """Alternative text of the figure that ``effects_plot`` draws: what is shown, the range, how many intervals exclude zero.

    Parameters
    ----------
    effects : Effects
    level : float
        Coverage of the intervals.
    language : {"en", "sv"}

    Returns
    -------
    str
        Two or three sentences that say of null and of negative findings as much as of positive ones.

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> print(effects_alt(ce.GroupTimeDiD().fit(panel, "lemp").aggregate("overall")))
    Forest plot: effects on lemp, one row each, with intervals. Estimates: 1, from −0.040 to −0.040; 95% intervals above
    zero: 0, below zero: 1, including zero: 0.
    """
    say, table = wording(language), effects.tidy(level)
    outcome = say.term("outcome", effects.description.outcome)
    kind = effects.description.aggregation
    if kind == "event":
        return f"{say('alt_event', outcome=outcome)} {_before_and_after(table, level, say)}"
    columns = panel_columns(effects)
    if columns is not None:
        by = f" {say('and')} ".join(say(f"alt_by_{name}") for name in columns[0])
        n = len(effects.labels[list(columns[0])].drop_duplicates())
        return f"{say('alt_panels', outcome=outcome, n=n, by=by)} {_before_and_after(table, level, say)}"
    head = say("alt_groups" if kind == "group" else "alt_forest", outcome=outcome)
    return f"{head} {_range(table, level, say)}"


def _before_and_after(table: pd.DataFrame, level: float, say: Wording) -> str:
    """The range before treatment, if there is such a time, and from treatment on."""
    if "event_time" not in table:
        return _range(table, level, say)
    before = table["event_time"] < 0
    parts = (("alt_before", table[before]), ("alt_after", table[~before]))
    return " ".join(say(key, range=_range(part, level, say)) for key, part in parts if len(part))


def _range(table: pd.DataFrame, level: float, say: Wording) -> str:
    """Smallest and largest estimate, and what the intervals say."""
    known = table[np.isfinite(table["estimate"].to_numpy(dtype=float))]
    if known.empty:
        return say("alt_nothing")
    above, below = int((known["conf_low"] > 0).sum()), int((known["conf_high"] < 0).sum())
    return say(
        "alt_range",
        n=len(known),
        low=number(float(known["estimate"].min()), say.language),
        high=number(float(known["estimate"].max()), say.language),
        level=f"{level:.0%}",
        above=above,
        below=below,
        zero=int(np.isfinite(known["conf_low"].to_numpy(dtype=float)).sum()) - above - below,
    )
