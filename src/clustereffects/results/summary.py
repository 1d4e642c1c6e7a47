"""Summaries that read like a table in a paper: text, HTML, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import pandas as pd

# Without dollar signs, so that text can be told from mathematics; LaTeX knows none of these characters by itself.
_SYMBOLS = {"−": "-", "×": r"\times", "≥": r"\geq", "≤": r"\leq", "≈": r"\approx", "Σ": r"\Sigma", "ψ": r"\psi"}
_LATEX = (
    {character: "\\" + character for character in "&%_#${}"}
    | {
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "–": "--",
    }
    | {character: rf"\ensuremath{{{command}}}" for character, command in _SYMBOLS.items()}
)
_MARKDOWN = {character: "\\" + character for character in "\\`*_[]<>|#&"}
_SMALLEST_P = 0.001


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
        Decimals of all numbers that are not whole, but for the column ``p_value``, which has three.

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
        shown = {name: [_cell(value, self.digits, name) for value in self.table[name]] for name in self.table.columns}
        return pd.DataFrame(shown, columns=self.table.columns, index=self.table.index, dtype=object)

    def _text_columns(self) -> list[bool]:
        """Columns of words stand at the left, numbers at the right."""
        return [not pd.api.types.is_numeric_dtype(dtype) for dtype in self.table.dtypes]

    def __str__(self) -> str:
        head = [self.title, "=" * len(self.title), *(f"{name}: {text}" for name, text in self.facts)]
        return "\n".join([*head, "", *self._lines(), "", *self.notes]).rstrip()

    def _lines(self) -> list[str]:
        cells = self._cells()
        rows = [[str(name) for name in cells.columns], *cells.to_numpy().tolist()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = [str.ljust if text else str.rjust for text in self._text_columns()]
        return [
            "  ".join(pad(cell, width) for pad, cell, width in zip(aligned, row, widths, strict=True)).rstrip()
            for row in rows
        ]

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Summary as an HTML fragment; all text is escaped."""
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in self.facts)
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        cells, sides = self._cells(), ["left" if text else "right" for text in self._text_columns()]
        head = _html_row("th", cells.columns, sides)
        body = "".join(_html_row("td", row, sides) for row in cells.itertuples(index=False, name=None))
        table = f'<table class="dataframe"><thead>{head}</thead><tbody>{body}</tbody></table>'
        return f"<section><h3>{escape(self.title)}</h3><dl>{facts}</dl>{table}{notes}</section>"

    def to_markdown(self) -> str:
        """Summary as Markdown; characters with a meaning in Markdown or HTML are escaped."""
        cells = self._cells()
        rule = " | ".join("---" if text else "---:" for text in self._text_columns())
        rows = [_markdown_row(row) for row in cells.itertuples(index=False, name=None)]
        facts = [f"- {_markdown(name)}: {_markdown(text)}" for name, text in self.facts]
        notes = [f"- {_markdown(note)}" for note in self.notes]
        head = [f"**{_markdown(self.title)}**", "", *facts, ""]
        return "\n".join([*head, _markdown_row(cells.columns), f"| {rule} |", *rows, "", *notes]).rstrip()

    def to_latex(self) -> str:
        """Summary as a LaTeX table with facts and notes below; characters with a meaning in LaTeX are escaped."""
        cells = self._cells()
        body = [_latex_row(row) for row in cells.itertuples(index=False, name=None)]
        columns = "".join("l" if text else "r" for text in self._text_columns())
        table = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", _latex_row(cells.columns), r"\hline", *body, r"\hline"]
        below = [*(f"{_latex(name)}: {_latex(text)}" for name, text in self.facts), *map(_latex, self.notes)]
        small = [r"\medskip", r"\begin{minipage}{\linewidth}\footnotesize", *(rf"{line}\par" for line in below)]
        head = [r"\begin{table}", r"\centering", rf"\caption{{{_latex(self.title)}}}"]
        return "\n".join([*head, *table, r"\end{tabular}", "", *small, r"\end{minipage}", r"\end{table}"])


def _cell(value: object, digits: int, column: object) -> str:
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124  (NaN is the only such number)
            return ""
        if column == "p_value":
            return f"<{_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"
        return f"{value:,.{digits}f}"
    return "" if value is None or value is pd.NA else str(value)


def _html_row(tag: str, cells: Iterable[object], sides: Iterable[str]) -> str:
    shown = (
        f'<{tag} style="text-align: {side}">{escape(str(cell))}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(shown)}</tr>"


def _markdown_row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(_markdown, cells)) + " |"


def _latex_row(cells: Iterable[object]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"


def _latex_cell(cell: object) -> str:
    """Numbers with a true minus."""
    text = str(cell)
    is_negative = text[:1] == "-" and text[1:2].isdigit()
    return _latex("−" + text[1:] if is_negative else text)


def _markdown(text: object) -> str:
    return "".join(_MARKDOWN.get(character, character) for character in _one_line(text))


def _latex(text: object) -> str:
    return "".join(_LATEX.get(character, character) for character in _one_line(text))


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
