"""A report as data: sections of paragraphs, tables and figures, before anything is rendered."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of plain text.

    Parameters
    ----------
    text : str
        Plain text; escaped when rendered.
    kind : str
        ``"text"``, ``"lead"`` for the answer in large type, ``"note"`` for conventions, ``"warning"``, ``"explanation"`` for
        what is said about the words of the report itself.

    Raises
    ------
    TypeError
        If the text is missing.

    Examples
    --------
    >>> Paragraph(text="No effect was found.").kind
    'text'
    """

    text: str
    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A bulleted list of plain text.

    Parameters
    ----------
    items : tuple of str

    Raises
    ------
    TypeError
        If the items are missing.

    Examples
    --------
    >>> len(Listing(items=("one", "two")).items)
    2
    """

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A table with its caption.

    Parameters
    ----------
    frame : DataFrame
        Cells are shown as they are; format numbers before.
    caption : str
    note : str
        Convention printed below.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Table(frame=pd.DataFrame({"n": [1]}), caption="Firms").note
    ''
    """

    frame: pd.DataFrame
    caption: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure as SVG with the text that stands for it where it cannot be seen.

    Parameters
    ----------
    svg : str
    alt : str
        What the figure shows, in a sentence or two.
    caption : str

    Raises
    ------
    ValueError
        If the alternative text is empty.

    Examples
    --------
    >>> Figure(svg="<svg/>", alt="An empty figure", caption="Nothing").data_uri[:26]
    'data:image/svg+xml;base64,'
    """

    svg: str
    alt: str
    caption: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("a figure needs an alternative text")

    @property
    def data_uri(self) -> str:
        """Figure as a data URI, so that the report needs no other file."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()


Block = Paragraph | Listing | Table | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A headed part of a report.

    Parameters
    ----------
    key : str
        Anchor in the page.
    title : str
    blocks : tuple of Paragraph, Listing, Table or Figure

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Section(key="answer", title="The answer", blocks=()).key
    'answer'
    """

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report.

    Parameters
    ----------
    title, subtitle, language : str
    sections : tuple of Section
    footer : str

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Document(title="Report", subtitle="", language="en", sections=(), footer="").language
    'en'
    """

    title: str
    subtitle: str
    language: str
    sections: tuple[Section, ...]
    footer: str

    def reworded(self, change: Callable[[str], str]) -> Document:
        """The same with every text changed, except explanations of the words and what is drawn."""
        sections = tuple(
            replace(one, title=change(one.title), blocks=tuple(_reworded(block, change) for block in one.blocks))
            for one in self.sections
        )
        title, subtitle, footer = (change(text) for text in (self.title, self.subtitle, self.footer))
        return replace(self, title=title, subtitle=subtitle, sections=sections, footer=footer)


def _reworded(block: Block, change: Callable[[str], str]) -> Block:
    if isinstance(block, Paragraph):
        return block if block.kind == "explanation" else replace(block, text=change(block.text))
    if isinstance(block, Listing):
        return replace(block, items=tuple(change(item) for item in block.items))
    if isinstance(block, Figure):
        return replace(block, alt=change(block.alt), caption=change(block.caption))
    frame = block.frame.map(lambda cell: change(cell) if isinstance(cell, str) else cell)
    frame = frame.set_axis([change(str(name)) for name in frame.columns], axis=1)
    return replace(block, frame=frame, caption=change(block.caption), note=change(block.note))


def draw_svg(draw: Callable[[Any], object], *, size: tuple[float, float] = (7.2, 4.2)) -> str:
    """SVG of what a function draws on fresh Axes; the same drawing gives the same bytes.

    Parameters
    ----------
    draw : callable
        Takes Axes.
    size : tuple of two float
        Width and height in inches.

    Returns
    -------
    str

    Raises
    ------
    Exception
        Whatever ``draw`` raises.

    Examples
    --------
    >>> draw_svg(lambda ax: ax.plot([0, 1]))[:5]
    '<?xml'
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    # No mathematics: names of organisations may hold dollar signs.
    style = {"svg.hashsalt": "clustereffects", "svg.fonttype": "path", "font.size": 10, "text.parse_math": False}
    with mpl.rc_context(style), warnings.catch_warnings():
        # Names in scripts that the font lacks are drawn as boxes; the tables have them in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure = Canvas(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
