"""Small multiples inside given Axes: panels on a grid, with room for titles, in points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_ASPECT = 1.35  # width of a panel over its height
_GAP = 9.0
_TITLE = 15.0
_POINTS = 72.0
_WIDTH = 0.6  # of a character over its size
_SMALLEST = 5.0


class _Slot:
    """Where a panel stands, asked for whenever a figure is drawn: the Axes around it may have moved or grown."""

    def __init__(self, around: Any, place: tuple[int, int], shape: tuple[int, int], top: float) -> None:
        self.around, self.place, self.shape, self.top = around, place, shape, top

    def __call__(self, panel: Any, renderer: Any) -> Any:  # noqa: ARG002  (Matplotlib hands over both)
        from matplotlib.transforms import Bbox, TransformedBbox

        figure, box = self.around.get_figure(root=False), self.around.bbox
        point = self.around.get_figure(root=True).dpi / _POINTS
        (row, column), (rows, columns) = self.place, self.shape
        width = max((box.width - (columns - 1) * _GAP * point) / columns, 1.0)
        height = max((box.height - self.top * point - rows * _TITLE * point) / rows, 1.0)
        left = box.x0 + column * (width + _GAP * point)
        bottom = box.y0 + (rows - 1 - row) * (height + _TITLE * point)
        return TransformedBbox(Bbox.from_bounds(left, bottom, width, height), figure.transSubfigure.inverted())


def grid_shape(count: int, width: float, height: float) -> tuple[int, int]:
    """Rows and columns for so many panels on an area, so that panels are a little wider than high."""
    if count <= 3 and width > height:
        return 1, max(count, 1)
    columns = min(count, max(1, round(math.sqrt(count * width / max(height, 1e-9) / _ASPECT))))
    rows = -(-count // columns)
    return rows, -(-count // rows)


def panels(ax: Any, titles: Sequence[str], *, top: float) -> list[Any]:
    """Axes inside the given ones, one for each title, with shared limits; ``top`` points stay free above them.

    The Axes around keep their labels and lose their ticks and spines. Only the outer panels have tick labels.
    """
    width, height = (float(size) for size in ax.get_window_extent().size)
    rows, columns = grid_shape(len(titles), width, height)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.patch.set_visible(False)
    found: list[Any] = []
    size = _title_size(titles, width / columns / ax.get_figure(root=True).dpi * _POINTS - _GAP)
    for number, title in enumerate(titles):
        first = found[0] if found else None
        panel = ax.inset_axes((0.0, 0.0, 1.0, 1.0), sharex=first, sharey=first)
        panel.set_axes_locator(_Slot(ax, divmod(number, columns), (rows, columns), top))
        panel.set_title(title, fontsize=size, pad=3.0)
        panel.spines[["top", "right"]].set_visible(False)
        lowest, leftmost = number + columns >= len(titles), number % columns == 0
        panel.tick_params(labelsize="small", labelbottom=lowest, labelleft=leftmost)
        found.append(panel)
    return found


def _title_size(titles: Sequence[str], room: float) -> float:
    """Size of type in points with which all titles fit above their panels."""
    longest = max((len(title) for title in titles), default=1)
    return min(_small(), max(_SMALLEST, room / (_WIDTH * max(longest, 1))))


def _small() -> float:
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size="small").get_size_in_points())


def outer_labels(ax: Any, inside: Sequence[Any], xlabel: str, ylabel: str) -> None:
    """Labels of all panels together, beyond their tick labels."""
    if not inside:
        ax.set_xlabel(xlabel)
        return
    size = _small()
    ticks = inside[0].yaxis.get_major_formatter().format_ticks(inside[0].get_yticks())
    ax.set_xlabel(xlabel, labelpad=size + 10.0)
    ax.set_ylabel(ylabel, labelpad=_WIDTH * size * max((len(tick) for tick in ticks), default=1) + 8.0)
