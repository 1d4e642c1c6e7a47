"""Figure of convergence: claims × organisations, with one sign for what each stream says alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.reporting.figures._axes import GREEN, INK, ORANGE, SOFT, axes, short
from clustereffects.reporting.figures._cell import legend_above
from clustereffects.reporting.words import Wording, wording

_STREAMS = ("economic", "survey", "interviews", "documents")
#: Marker, colour and filling of each sign: form first, colour second.
SIGN_STYLES = {
    "benefit": ("^", GREEN, True),
    "negligible": ("s", SOFT, True),
    "harm": ("v", ORANGE, True),
    "undecided": ("D", INK, False),
    "uninformative": (".", INK, True),
    "silent": ("_", SOFT, True),
}
#: Ground and hatching of a cell by its assessment.
_GROUNDS = {"dissonance": ("#fbe3d3", "////"), "convergent": ("#e3f3ee", ""), "shared": ("#fdf6d8", "....")}
_PALE = "#f6f8fa"
_LONGEST = 30
_LEFT, _TYPE = (0.75, 0.6), (5.0, 8.3)  # share of width and height; size of type in points
_POINTS = 72.0


def convergence_matrix(result: Any, ax: Any = None, *, language: str = "en") -> Any:
    """Claims × organisations with one sign per stream for what it says alone; streams have fixed places in a cell.

    Parameters
    ----------
    result : DataFrame, Findings, or object with ``completeness()`` and ``assessment()``
        Columns ``claim``, ``group``, ``stream``, ``status`` (``"speaks"``, ``"uninformative"`` or ``"silent"``) and
        ``state`` (harm, negligible, benefit or undecided); optionally ``assessment`` of the cell, whose ground is
        hatched where streams contradict each other.
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
    >>> table = pd.DataFrame({"claim": ["growth"] * 2, "group": ["K01"] * 2, "stream": ["economic", "survey"],
    ...                       "status": ["speaks", "silent"], "state": ["benefit", ""]})
    >>> [text.get_text() for text in convergence_matrix(table).get_legend().get_texts()]
    ['points to benefit', 'silent']
    """
    table, say = readings_of(result), wording(language)
    claims, groups = (list(dict.fromkeys(table[name])) for name in ("claim", "group"))
    ax = axes(ax, (2.6 + 0.55 * max(len(groups), 3), 1.6 + 0.3 * max(len(claims), 2)), fit=True)
    _grounds(ax, table, claims, groups)
    signs = table.assign(sign=signs_of(table))
    streams = [name for name in _STREAMS if name in set(table["stream"])]
    x = np.array([groups.index(name) for name in table["group"]], dtype=float)
    x += [(streams.index(name) + 0.5) / max(len(streams), 1) for name in table["stream"]]
    y = np.array([claims.index(name) + 0.5 for name in table["claim"]])
    size = float(np.clip(0.6 * min(_room(ax, len(groups) * max(len(streams), 1), len(claims))), 2.0, 9.0))
    for sign, (mark, colour, filled) in SIGN_STYLES.items():
        rows = (signs["sign"] == sign).to_numpy()
        if rows.any():
            face = colour if filled else "white"
            style = {"color": colour, "markerfacecolor": face, "markersize": size, "linestyle": "none"}
            ax.plot(x[rows], y[rows], mark, label=say(f"sign_{sign}"), **style)
    _label(ax, claims, groups, say)
    _legend(ax, table, streams, say)
    return ax


def readings_of(result: Any) -> pd.DataFrame:
    """What each stream says alone in each cell, with the assessment of the cell.

    Parameters
    ----------
    result : DataFrame, or object with ``completeness()`` and ``assessment()``

    Returns
    -------
    DataFrame
        A DataFrame as it is.

    Raises
    ------
    AttributeError
        If it is neither.

    Examples
    --------
    >>> table = pd.DataFrame({"claim": ["growth"]})
    >>> readings_of(table) is table
    True
    """
    if isinstance(result, pd.DataFrame):
        return result
    assessments = result.assessment()[["claim", "group", "assessment"]]
    readings: pd.DataFrame = result.completeness()
    return readings.merge(assessments, on=["claim", "group"], how="left")


def signs_of(table: pd.DataFrame) -> list[str]:
    """What each row says: its state where it speaks, and otherwise that it does not.

    Parameters
    ----------
    table : DataFrame
        Columns ``status`` and ``state``.

    Returns
    -------
    list of str

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> signs_of(pd.DataFrame({"status": ["speaks", "silent"], "state": ["harm", ""]}))
    ['harm', 'silent']
    """
    pairs = zip(table["status"], table["state"], strict=True)
    return [str(state if status == "speaks" else status) for status, state in pairs]


def ground_of(assessment: object) -> str:
    """Kind of ground that belongs to the assessment of a cell.

    Parameters
    ----------
    assessment : str
        In the words of the convergence table.

    Returns
    -------
    {"dissonance", "convergent", "shared", ""}

    Raises
    ------
    TypeError
        Never: other assessments have no ground.

    Examples
    --------
    >>> ground_of("convergent despite opposing biases"), ground_of("economic only")
    ('convergent', '')
    """
    text = str(assessment)
    if text == "dissonance":
        return "dissonance"
    if "shared bias" in text:
        return "shared"
    return "convergent" if text.startswith("convergent") else ""


def _grounds(ax: Any, table: pd.DataFrame, claims: Sequence[str], groups: Sequence[str]) -> None:
    known = "assessment" in table
    for (claim, group), rows in table.groupby(["claim", "group"], sort=False):
        colour, hatch = _GROUNDS.get(ground_of(rows["assessment"].iloc[0]) if known else "", (_PALE, ""))
        left, top = groups.index(group), claims.index(claim)
        right, bottom = left + 1, top + 1
        ax.fill(
            [left, right, right, left],
            [top, top, bottom, bottom],
            facecolor=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=2,
            zorder=0,
        )


def _room(ax: Any, columns: int, rows: int) -> tuple[float, float]:
    """Width of a column and height of a row in points, after what labels and legend will take."""
    box, point = ax.get_window_extent(), ax.get_figure(root=True).dpi / _POINTS
    return _LEFT[0] * box.width / point / max(columns, 1), _LEFT[1] * box.height / point / max(rows, 1)


def _label(ax: Any, claims: Sequence[str], groups: Sequence[str], say: Wording) -> None:
    ax.set_xlim(0, max(len(groups), 1))
    ax.set_ylim(max(len(claims), 1), 0)
    across, down = (float(np.clip(room, *_TYPE)) for room in _room(ax, len(groups), len(claims)))
    names = [short(say.term("group", name), _LONGEST) for name in groups]
    turned = {"rotation": 45, "ha": "right"} if len(groups) > 3 else {}
    ax.set_xticks(np.arange(len(groups)) + 0.5, names, fontsize=across, **turned)
    texts = [short(str(name).replace("_", " "), _LONGEST) for name in claims]
    ax.set_yticks(np.arange(len(claims)) + 0.5, texts, fontsize=down)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _legend(ax: Any, table: pd.DataFrame, streams: Sequence[str], say: Wording) -> None:
    from matplotlib.patches import Patch

    handles, labels = ax.get_legend_handles_labels()
    for handle in handles:
        handle.set_markersize(max(handle.get_markersize(), 5.0))
    found = {ground_of(one) for one in table["assessment"]} if "assessment" in table else set()
    for kind, (colour, hatch) in _GROUNDS.items():
        if kind in found:
            handles.append(Patch(facecolor=colour, hatch=hatch, edgecolor=SOFT, linewidth=0.5))
            labels.append(say(f"cell_{kind}"))
    if handles:
        order = ", ".join(say(f"stream_{name}") for name in streams)
        legend_above(ax, handles=handles, labels=labels, title=say("matrix_order", streams=order))
