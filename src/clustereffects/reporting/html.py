"""Documents as one self-contained HTML page: no scripts, no network, everything escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pandas as pd

from clustereffects.reporting.document import Document


def render(document: Document) -> str:
    """HTML page of a document.

    Parameters
    ----------
    document : Document

    Returns
    -------
    str
        A complete page; figures are inline, all text is escaped.

    Raises
    ------
    jinja2.UndefinedError
        If a block has a part that the template does not know.

    Examples
    --------
    >>> page = render(Document(title="A <b>report</b>", subtitle="", language="en", sections=(), footer=""))
    >>> "A &lt;b&gt;report&lt;/b&gt;" in page
    True
    """
    from jinja2 import Environment, StrictUndefined

    folder = files("clustereffects.reporting") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    style = (folder / "report.css").read_text(encoding="utf-8")
    return template.render(document=document, style=style, kind_of=lambda block: type(block).__name__)


def _cell(value: Any) -> Any:
    """Cell of a table, empty where there is nothing."""
    return "" if value is None or value is pd.NA or value != value else value  # noqa: PLR0124  (only NaN and NaT)
