"""What all figures share: axes, colours that colour-blind readers tell apart, a line at zero."""

from __future__ import annotations

from typing import Any

INK = "#1b1f24"
SOFT = "#8c959f"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PALE = "#cfe3f1"
_LONGEST = 44


def axes(ax: Any, size: tuple[float, float] | None = None, *, fit: bool = False) -> Any:
    """Axes to draw on: those given, or the ones of a new figure of pyplot, of a size in inches.

    ``fit`` is for what is drawn outside the Axes: a subplot of a figure that has no layout engine gets one.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(layout="constrained", figsize=size)[1]
    figure = ax.get_figure(root=True)
    if fit and ax.get_subplotspec() is not None and figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def zero_line(ax: Any, *, vertical: bool = False) -> None:
    """Thin line where there is no effect."""
    (ax.axvline if vertical else ax.axhline)(0.0, color=SOFT, linewidth=0.9, zorder=0)


def short(label: str, longest: int = _LONGEST) -> str:
    """Label that leaves room for the figure, without characters that cannot be drawn; tables have it in full."""
    text = "".join(character if character.isprintable() else " " for character in label)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def row_axis(ax: Any, labels: list[str]) -> None:
    """One labelled row per item, the first on top."""
    ax.set_yticks(range(len(labels)), [short(label) for label in labels])
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
