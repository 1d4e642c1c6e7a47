"""Figure of the way from the prior to the posterior of one claim for one organisation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from clustereffects.reporting.figures._axes import GREEN, INK, ORANGE, PALE, SOFT, axes, row_axis, short
from clustereffects.reporting.figures._cell import legend_above, percent_sign, pick
from clustereffects.reporting.words import Wording, wording
from clustereffects.triangulation import CellFinding, Findings
from clustereffects.triangulation.waterfall import Step, log_odds, waterfall

_TICKS = np.array([1e-6, 1e-4, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 - 1e-6])
_FAR = 16.0  # log odds beyond which nothing can be told apart
_ROW, _LONGEST = 0.32, 28
_AFTER_LABELS, _TICK = 0.7, 28.0  # share of the width that labels leave; points from tick to tick
_SEARCH = re.compile(r"search \d+: \w+")  # the name that cells give to a search without a find


def evidence_waterfall(
    findings: Findings,
    ax: Any = None,
    *,
    claim: str = "",
    group: str = "",
    by: Literal["stream", "item"] = "stream",
    language: str = "en",
) -> Any:
    """Probability of benefit from the prior through each stream or item to the posterior, on the scale of log odds.

    A bar is what a stream or item adds after those above it; the thin line is what it would add in other orders. The
    pale bar at the end spans the bounds over all declared ranges.

    Parameters
    ----------
    findings : Findings
    ax : matplotlib Axes, optional
    claim, group : str
        The cell; may be left out if there is only one.
    by : {"stream", "item"}
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    NotStoredError
        If there is no such cell.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> did = Estimate(id="did", claim="turnover_growth", group="K01", stream="economic", value=0.0, std_error=0.02)
    >>> ax = evidence_waterfall(Triangulation(theory).fit([did]), claim="turnover_growth", group="K01")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['before any evidence', 'economic', 'all evidence']
    """
    cell, say = pick(findings, claim, group), wording(language)
    steps = waterfall(cell, by)
    ax = axes(ax, (6.4, 1.6 + _ROW * (len(steps) + 2)), fit=True)
    start = _seen(steps[0].before if steps else float(log_odds(cell.posterior.probability[0])))
    end = _seen(steps[-1].after) if steps else start
    ax.plot(start, 0, "o", color=INK, markerfacecolor="white")
    for row, step in enumerate(steps, start=1):
        _draw_step(ax, row, step)
    last = len(steps) + 1
    _draw_end(ax, last, end, cell)
    limit = findings.thresholds.benefit
    ax.axvline(_seen(_log_odds(limit)), color=INK, linewidth=1.0, linestyle=(0, (1, 2)))
    row_axis(ax, [say("waterfall_prior"), *(step_name(step, by, say) for step in steps), say("waterfall_posterior")])
    ax.set_ylim(last + 0.6, -0.6)
    _probability_axis(ax, say)
    _explain(ax, steps, cell, limit, say)
    return ax


def step_name(step: Step, by: str, say: Wording) -> str:
    """Name of a step as readers know it.

    Parameters
    ----------
    step : Step
    by : {"stream", "item"}
    say : Wording

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If there is no word for the stream.

    Examples
    --------
    >>> step = Step(name="did", stream="economic", before=0.0, after=1.0, least=1.0, most=1.0)
    >>> step_name(step, "stream", wording("sv")), step_name(step, "item", wording("sv"))
    ('ekonomi', 'did')
    """
    stream = say(f"stream_{step.stream}")
    if by == "stream":
        return stream
    return say("waterfall_search", stream=stream) if _SEARCH.fullmatch(step.name) else short(step.name, _LONGEST)


def _log_odds(probability: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)


def _seen(value: float) -> float:
    return float(np.clip(value, -_FAR, _FAR))


def _draw_step(ax: Any, row: int, step: Step) -> None:
    before, after = _seen(step.before), _seen(step.after)
    up = step.change >= 0
    ax.barh(
        row,
        after - before,
        left=before,
        height=0.62,
        color=GREEN if up else ORANGE,
        hatch="" if up else "////",
        edgecolor="white",
        linewidth=0.5,
        zorder=2,
    )
    # A bar of no length is nothing to be seen; a tick says that the item was there and moved nothing.
    ax.plot([after, after], [row - 0.31, row + 0.31], color=INK, linewidth=1.2, zorder=3)
    ax.plot([before, before], [row - 1, row], color=SOFT, linewidth=0.8, zorder=1)
    if step.most - step.least > 1e-6:
        ends = [_seen(step.before + step.least), _seen(step.before + step.most)]
        ax.plot(ends, [row, row], color=INK, linewidth=0.9, marker="|", markersize=5, zorder=4)


def _draw_end(ax: Any, row: int, end: float, cell: CellFinding) -> None:
    low, high = (
        _seen(value)
        for value in np.log(np.maximum(cell.bounds[2], 1e-300)) - np.log1p(-np.minimum(cell.bounds[2], 1 - 1e-16))
    )
    ax.plot([end, end], [row - 1, row], color=SOFT, linewidth=0.8, zorder=1)
    if high - low > 1e-6:
        ax.barh(row, high - low, left=low, height=0.62, color=PALE, edgecolor=INK, linewidth=0.6, zorder=1)
    decided = cell.verdict not in {"withheld", "silent"}
    ax.plot(end, row, "o", color=INK, markerfacecolor=INK if decided else "white", zorder=5)


def _probability_axis(ax: Any, say: Wording) -> None:
    ax.use_sticky_edges = False
    ax.autoscale_view()
    low, high = ax.get_xlim()
    level = _log_odds(_TICKS)
    width = _AFTER_LABELS * ax.get_window_extent().width / ax.get_figure(root=True).dpi * 72.0
    apart = _TICK / max(width, 1.0) * (high - low)
    chosen: list[int] = []
    # From one half outwards, so that the middle of the scale is marked where there is room for few.
    for k in sorted(range(len(_TICKS)), key=lambda k: abs(k - len(_TICKS) // 2)):
        if low <= level[k] <= high and all(abs(level[k] - level[other]) >= apart for other in chosen):
            chosen.append(k)
    ax.set_xlim(low, high)
    ax.set_xticks(level[chosen], [_tick(share, say) for share in _TICKS[chosen]])
    ax.set_xlabel(say("axis_waterfall"))


def _tick(share: float, say: Wording) -> str:
    if 0.01 <= share <= 0.99:
        return percent_sign(share, say)
    text = f"{100 * share:.6g}"
    return f"{text}%" if say.language == "en" else f"{text.replace('.', ',')}\u00a0%"


def _explain(ax: Any, steps: Sequence[Step], cell: CellFinding, limit: float, say: Wording) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[tuple[Any, str]] = []
    if any(step.change >= 0 for step in steps):
        entries.append((Patch(facecolor=GREEN), say("waterfall_up")))
    if any(step.change < 0 for step in steps):
        entries.append((Patch(facecolor=ORANGE, hatch="////", edgecolor="white"), say("waterfall_down")))
    if any(step.most - step.least > 1e-6 for step in steps):
        entries.append((Line2D([], [], color=INK, linewidth=0.9, marker="|"), say("waterfall_orders")))
    if steps and cell.bounds[2, 1] - cell.bounds[2, 0] > 1e-6:
        entries.append((Patch(facecolor=PALE, edgecolor=INK, linewidth=0.6), say("waterfall_bounds")))
    threshold = Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (1, 2)))
    entries.append((threshold, say("threshold", value=percent_sign(limit, say))))
    handles, labels = zip(*entries, strict=True)
    title = "" if steps else say("curve_silent")
    legend_above(ax, title=title, share=_AFTER_LABELS, handles=list(handles), labels=list(labels))
