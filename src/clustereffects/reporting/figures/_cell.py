"""What figures of triangulated cells share: which cell, its name, and probabilities in at most two digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from textwrap import fill
from typing import Any

import pandas as pd

from clustereffects.errors import NotStoredError, Problem
from clustereffects.reporting.words import Wording, wording
from clustereffects.triangulation import CellFinding, Findings

_CHARACTER, _HANDLE = 4.6, 8  # points; characters beside the words of an entry
STREAM_STYLES = {
    "economic": ("#0072b2", "-", "o"),
    "survey": ("#d55e00", "--", "s"),
    "interviews": ("#009e73", "-.", "D"),
    "documents": ("#1b1f24", ":", "v"),
}


def pick(findings: Findings, claim: str, group: str) -> CellFinding:
    """The named cell; without names the only one there is."""
    if not claim and not group and len(findings.cells) == 1:
        return findings.cells[0]
    return findings.cell(claim, group)


def one_group(verdicts: pd.DataFrame, group: str) -> str:
    """The named group; without a name the programme, or the only group there is."""
    known = [str(name) for name in dict.fromkeys(verdicts["group"])]
    chosen = group or ("programme" if "programme" in known else known[0] if len(known) == 1 else "")
    if chosen in known:
        return chosen
    raise NotStoredError(
        Problem(
            what=f"no verdicts for group {group!r}" if group else "verdicts for several groups, and none is named",
            where="group",
            expected="one of " + ", ".join(known),
            remedy="name one of these",
        )
    )


def label(entry: Any, language: str) -> str:
    """Label of a node, link, claim or rival in a language, that of a common claim, or its identifier as plain words."""
    own = getattr(entry, language)
    return str(own or wording(language).term(type(entry).__name__.lower(), entry.id).replace("_", " "))


def cell_names(findings: Findings, cell: CellFinding, say: Wording) -> dict[str, str]:
    """Claim and group as readers know them."""
    claim = label(findings.theory.claim(cell.model.claim.id), say.language)
    return {"claim": claim, "group": say.term("group", cell.model.group)}


def chance(probability: float, say: Wording) -> str:
    """Probability in whole percent; neither 0 nor 100."""
    if not math.isfinite(probability):
        return "–"
    if probability < 0.01:
        return say("chance_below")
    return say("chance_above") if probability > 0.99 else percent_sign(probability, say)


def chance_range(low: float, high: float, say: Wording) -> str:
    """Two probabilities, or one where both look the same."""
    ends = chance(low, say), chance(high, say)
    return ends[0] if ends[0] == ends[1] else say("interval", low=ends[0], high=ends[1])


def percent_sign(share: float, say: Wording) -> str:
    """Share in whole percent, with the space before the sign that Swedish has."""
    return f"{share:.0%}" if say.language == "en" else f"{share * 100:.0f}\u00a0%"


def percent_axis(axis: Any, say: Wording, **style: Any) -> None:
    """Ticks at quarters of an axis of probabilities."""
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    axis.set_ticks(ticks, [percent_sign(tick, say) for tick in ticks], **style)


def legend_above(ax: Any, *, title: str = "", share: float = 0.92, **entries: Any) -> Any:
    """Legend above the Axes, in as many columns as fit into the share of their width that labels will leave."""
    room = share * ax.get_window_extent().width / ax.get_figure(root=True).dpi * 72.0 / _CHARACTER
    words = entries["labels"] if "labels" in entries else ax.get_legend_handles_labels()[1]
    return ax.legend(
        frameon=False,
        fontsize="small",
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=_columns([len(word) for word in words], room),
        title=fill(title, max(int(room), 12)) or None,
        title_fontsize="small",
        alignment="left",
        **entries,
    )


def _columns(lengths: Sequence[int], room: float) -> int:
    """Most columns whose entries fit side by side into so many characters; the first ones hold one more than the last."""
    for columns in range(len(lengths), 1, -1):
        rows, longer = divmod(len(lengths), columns)
        ends = [k * rows + min(k, longer) for k in range(columns + 1)]
        if sum(max(lengths[low:high]) + _HANDLE for low, high in pairwise(ends)) <= room:
            return columns
    return 1
