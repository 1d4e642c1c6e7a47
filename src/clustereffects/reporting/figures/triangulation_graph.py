"""Figure of the theory of change: boxes, arrows, and on each arrow the verdicts on the claims about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import pandas as pd

from clustereffects.reporting.figures._axes import GREEN, INK, ORANGE, SOFT, axes
from clustereffects.reporting.figures._cell import label, legend_above, one_group
from clustereffects.reporting.figures._layers import layers, places
from clustereffects.reporting.figures.tables import VERDICT_COLOURS, VERDICT_SIGNS
from clustereffects.reporting.words import Wording, wording
from clustereffects.triangulation import Link, Theory
from clustereffects.triangulation.verdicts import VERDICTS

#: Colour, width and line of an arrow by the verdict on its claims.
ARROW_STYLES = {
    "beneficial": (GREEN, 2.6, "-"),
    "probably beneficial": (GREEN, 1.8, "-"),
    "no material effect": (SOFT, 1.8, "-"),
    "probably harmful": (ORANGE, 1.8, "-"),
    "harmful": (ORANGE, 2.6, "-"),
    "undecided": (INK, 1.0, "--"),
    "withheld": (INK, 1.0, "-."),
    "mixed": (INK, 1.4, "-"),
}
_UNKNOWN = (SOFT, 1.0, ":")
_POINTS, _CHARACTER, _LINE = 72.0, 0.52, 1.25
_BOX = (0.74, 0.8)  # share of the room between layers and between rows that a box may fill
_SIZES = (9.0, 8.0, 7.0, 6.0, 5.0)
_WIDER = 1.25  # without ticks and labels the Axes end up wider than they are now
_DISC, _PER_ROW = 15.0, 3
_DARK = ("beneficial", "harmful")


def theory_graph(
    findings: Any, ax: Any = None, *, group: str = "", verdicts: pd.DataFrame | None = None, language: str = "en"
) -> Any:
    """Theory of change from activities to outcomes, its arrows drawn by what was found about their claims.

    Discs on an arrow have the signs of the verdicts on the claims about it, and the number of claims where several have
    the same. The arrow has the colour of the verdict if all its claims have the same one; it is dotted where there is no
    claim or no evidence.

    Parameters
    ----------
    findings : Findings or object with ``theory`` and ``verdicts()``
    ax : matplotlib Axes, optional
    group : str
        Organisation; may be left out where there is a programme, or only one.
    verdicts : DataFrame, optional
        Columns ``claim``, ``group``, ``verdict``: what may be shown, if that is less than what was found.
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    NotStoredError
        If there are no verdicts for the group.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> did = Estimate(id="did", claim="turnover_growth", group="K01", stream="economic", value=0.0, std_error=0.002)
    >>> ax = theory_graph(Triangulation(theory).fit([did]))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0 no material effect', 'no evidence']
    """
    theory, say = findings.theory, wording(language)
    table = findings.verdicts() if verdicts is None else verdicts
    found = claim_verdicts(table, one_group(table, group))
    order = layers([node.id for node in theory.nodes], [(link.start, link.end) for link in theory.links])
    ax = axes(ax, (max(6.4, 2.1 * len(order)), max(2.6, 0.62 * max((len(layer) for layer in order), default=1))))
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    where = places(order)
    _draw_boxes(ax, theory, order, where, language)
    for link, bend in _bent(theory.links):
        _draw_arrow(ax, where, link, bend, [found.get(c.id, "silent") for c in theory.claims if c.link == link.id])
    _legend(ax, theory, found, say)
    return ax


def claim_verdicts(table: pd.DataFrame, group: str) -> dict[str, str]:
    """Verdict on each claim for one group.

    Parameters
    ----------
    table : DataFrame
        Columns ``claim``, ``group``, ``verdict``.
    group : str

    Returns
    -------
    dict of str to str

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> claim_verdicts(pd.DataFrame({"claim": ["a"], "group": ["K01"], "verdict": ["undecided"]}), "K01")
    {'a': 'undecided'}
    """
    own = table[table["group"].astype(str) == group]
    return dict(zip(own["claim"].astype(str), own["verdict"].astype(str), strict=True))


def _draw_boxes(
    ax: Any, theory: Theory, order: Sequence[Sequence[str]], where: Mapping[str, tuple[float, float]], language: str
) -> None:
    size, texts = _fitted({node.id: label(node, language) for node in theory.nodes}, _rooms(ax, order))
    for name, text in texts.items():
        ax.annotate(
            text,
            where[name],
            ha="center",
            va="center",
            fontsize=size,
            zorder=3,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": INK, "linewidth": 0.9},
        )


def _rooms(ax: Any, order: Sequence[Sequence[str]]) -> dict[str, tuple[float, float]]:
    """Width and height in points that the box of each node may have."""
    box = ax.get_window_extent()
    point = ax.get_figure(root=True).dpi / _POINTS
    width = _BOX[0] * _WIDER * box.width / point / max(len(order), 1)
    return {name: (width, _BOX[1] * box.height / point / len(layer)) for layer in order for name in layer}


def _fitted(texts: Mapping[str, str], rooms: Mapping[str, tuple[float, float]]) -> tuple[float, dict[str, str]]:
    """Largest size in which all texts fit into their boxes, broken into lines; what never fits is cut."""
    clean = {name: "".join(c if c.isprintable() else " " for c in text) for name, text in texts.items()}
    for size in _SIZES:
        shown = {name: _lines(text, size, rooms[name]) for name, text in clean.items()}
        if all(fits for _, fits in shown.values()):
            break
    return size, {name: text for name, (text, _) in shown.items()}


def _lines(text: str, size: float, room: tuple[float, float]) -> tuple[str, bool]:
    columns = max(int(room[0] / (_CHARACTER * size)), 4)
    rows = max(int(room[1] / (_LINE * size)), 1)
    lines = wrap(text, columns) or [""]
    whole = len(lines) <= rows and max((len(word) for word in text.split()), default=0) <= columns
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"{lines[rows - 1][: columns - 1]}…"]
    return "\n".join(lines), whole


def _bent(links: Sequence[Link]) -> list[tuple[Link, float]]:
    """Links with how much they bend: several between the same boxes part, and one back and one forth as well."""
    seen: dict[frozenset[str], int] = {}
    bent = []
    for link in links:
        ends = frozenset((link.start, link.end))
        count = seen[ends] = seen.get(ends, -1) + 1
        bent.append((link, 0.18 * ((count + 1) // 2) * (1 if count % 2 else -1)))
    return bent


def arrow_verdict(verdicts: Sequence[str]) -> str:
    """Verdict that an arrow shows: that of its claims if they agree.

    Parameters
    ----------
    verdicts : sequence of str

    Returns
    -------
    str
        ``"mixed"`` if they differ, ``"silent"`` if there is none.

    Raises
    ------
    TypeError
        If the verdicts are no sequence.

    Examples
    --------
    >>> arrow_verdict(["harmful", "silent"]), arrow_verdict(["harmful", "undecided"]), arrow_verdict([])
    ('harmful', 'mixed', 'silent')
    """
    spoken = {one for one in verdicts if one != "silent"}
    return "silent" if not spoken else spoken.pop() if len(spoken) == 1 else "mixed"


def _draw_arrow(
    ax: Any, where: Mapping[str, tuple[float, float]], link: Link, bend: float, verdicts: Sequence[str]
) -> None:
    start, end = where[link.start], where[link.end]
    colour, width, line = ARROW_STYLES.get(arrow_verdict(verdicts), _UNKNOWN)
    boxes = {text.xy: text.get_bbox_patch() for text in ax.texts if text.get_bbox_patch() is not None}
    same = link.start == link.end
    style = {
        "arrowstyle": "-|>,head_width=0.25,head_length=0.5",
        "color": colour,
        "linewidth": width,
        "linestyle": line,
    }
    # An arrow from a box to itself would have no length; it leaves to the right and comes back from above.
    tail = (start[0] + 0.04, start[1]) if same else start
    ax.annotate(
        "",
        end,
        xytext=tail,
        zorder=1,
        arrowprops={
            **style,
            "connectionstyle": f"arc3,rad={2.5 if same else bend}",
            "patchA": boxes[start],
            "patchB": boxes[end],
            "shrinkA": 1,
            "shrinkB": 1,
        },
    )
    _draw_discs(ax, _on_arc(start, end, bend), Counter(verdicts))


def _on_arc(start: tuple[float, float], end: tuple[float, float], bend: float) -> tuple[float, float]:
    """Middle of the curve that Matplotlib draws between two places, in the units of the Axes."""
    (x0, y0), (x1, y1) = start, end
    return (x0 + x1) / 2 + bend * (y1 - y0) / 2, (y0 + y1) / 2 - bend * (x1 - x0) / 2


def _draw_discs(ax: Any, place: tuple[float, float], verdicts: Mapping[str, int]) -> None:
    """One disc for each verdict that occurs, with the number of claims that have it, in rows of three."""
    shown = [(verdict, verdicts[verdict]) for verdict in (*VERDICTS, "not published") if verdicts.get(verdict)]
    rows = [shown[k : k + _PER_ROW] for k in range(0, len(shown), _PER_ROW)]
    for i, row in enumerate(rows):
        for k, (verdict, count) in enumerate(row):
            offset = _DISC * 1.15 * (k - (len(row) - 1) / 2), -_DISC * 1.15 * (i - (len(rows) - 1) / 2)
            _draw_disc(ax, place, offset, (verdict, count))


def _draw_disc(ax: Any, place: tuple[float, float], offset: tuple[float, float], what: tuple[str, int]) -> None:
    verdict, count = what
    sign = VERDICT_SIGNS.get(verdict, "")
    ax.annotate(
        f"{sign} {count}".strip() if count > 1 else sign or " ",
        place,
        xytext=offset,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=7,
        zorder=5,
        color="white" if verdict in _DARK else INK,
        bbox={
            "boxstyle": f"circle,pad={0.28 if len(sign) < 2 else 0.12}",
            "facecolor": VERDICT_COLOURS.get(verdict, "white"),
            "edgecolor": SOFT if verdict == "silent" else INK,
            "linewidth": 0.8,
        },
    )


def _legend(ax: Any, theory: Theory, found: Mapping[str, str], say: Wording) -> None:
    from matplotlib.lines import Line2D

    shown = {found.get(claim.id, "silent") for claim in theory.claims}
    handles, labels = [], []
    for verdict in (*VERDICTS, "not published"):
        if verdict in shown:
            colour, width, line = ARROW_STYLES.get(verdict, _UNKNOWN)
            face = VERDICT_COLOURS[verdict]
            handles.append(
                Line2D(
                    [],
                    [],
                    color=colour,
                    linewidth=width,
                    linestyle=line,
                    marker="o",
                    markerfacecolor=face,
                    markersize=9,
                )
            )
            labels.append(f"{VERDICT_SIGNS.get(verdict, '')} {say.term('verdict', verdict)}".strip())
    claimed = {claim.link for claim in theory.claims}
    if any(link.id not in claimed for link in theory.links):
        handles.append(Line2D([], [], color=_UNKNOWN[0], linewidth=_UNKNOWN[1], linestyle=_UNKNOWN[2]))
        labels.append(say("link_none"))
    legend_above(ax, handles=handles, labels=labels)
