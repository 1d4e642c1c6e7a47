"""Summaries that read like a table in a paper: text, HTML, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import pandas as pd

_LATEX = {character: "\\" + character for character in "&%_#${}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
_RULE = "---"
_MARKDOWN = {character: "\\" + character for character in "\\`*_[]<>|#&"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A titled table with facts above and notes below.

    Parameters
    ----------
    title : str
    facts : tuple of (str, str)
        Lines such as ``("Estimand", "…")``.
    table : DataFrame
    notes : tuple of str
        Conventions and warnings.
    digits : int

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> print(Summary(title="Effects", facts=(("Outcome", "sales"),), table=pd.DataFrame({"estimate": [0.123456]}),
    ...               notes=("Standard errors by firm.",)))
    Effects
    =======
    Outcome: sales
    <BLANKLINE>
    estimate
      0.1235
    <BLANKLINE>
    Standard errors by firm.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    table: pd.DataFrame
    notes: tuple[str, ...] = ()
    digits: int = 4

    def _cells(self) -> pd.DataFrame:
        return self.table.map(lambda cell: _cell(cell, self.digits))

    def __str__(self) -> str:
        head = [self.title, "=" * len(self.title), *(f"{name}: {text}" for name, text in self.facts)]
        return "\n".join([*head, "", self._cells().to_string(index=False), "", *self.notes]).rstrip()

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Summary as an HTML fragment; all text is escaped."""
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in self.facts)
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        table = self._cells().to_html(index=False, border=0, escape=True)
        return f"<section><h3>{escape(self.title)}</h3><dl>{facts}</dl>{table}{notes}</section>"

    def to_markdown(self) -> str:
        """Summary as Markdown; characters with a meaning in Markdown or HTML are escaped."""
        cells = self._cells()
        lines = [_row(cells.columns), _row([_RULE] * cells.shape[1]), *(_row(r) for r in cells.itertuples(index=False))]
        facts = [f"- {_markdown(name)}: {_markdown(text)}" for name, text in self.facts]
        return "\n".join([f"**{_markdown(self.title)}**", "", *facts, "", *lines, "", *map(_markdown, self.notes)])

    def to_latex(self) -> str:
        """Summary as a LaTeX table; characters with a meaning in LaTeX are escaped."""
        cells = self._cells()
        body = [" & ".join(_latex(c) for c in row) + r" \\" for row in cells.itertuples(index=False)]
        head = " & ".join(_latex(c) for c in cells.columns) + r" \\"
        notes = [_latex(note) + r"\\" for note in self.notes]
        columns = "l" + "r" * (cells.shape[1] - 1)
        lines = [r"\begin{table}", rf"\caption{{{_latex(self.title)}}}", rf"\begin{{tabular}}{{{columns}}}", r"\hline"]
        return "\n".join([*lines, head, r"\hline", *body, r"\hline", r"\end{tabular}", *notes, r"\end{table}"])


def _cell(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.{digits}f}"  # noqa: PLR0124  (NaN is the only such number)
    return "" if value is None or value is pd.NA else str(value)


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(cell if cell == _RULE else _markdown(cell) for cell in cells) + " |"


def _markdown(text: object) -> str:
    return "".join(_MARKDOWN.get(character, character) for character in _one_line(text))


def _latex(text: object) -> str:
    return "".join(_LATEX.get(character, character) for character in _one_line(text))


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
