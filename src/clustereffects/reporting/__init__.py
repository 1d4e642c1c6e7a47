"""Tables, figures, wording, and the report."""

from clustereffects.reporting._robustness import scorecard_table
from clustereffects.reporting.content import Content
from clustereffects.reporting.document import Document, draw_svg
from clustereffects.reporting.html import render
from clustereffects.reporting.sections import build_document, headline, truth_line
from clustereffects.reporting.tables import neutral, number, percent, write_csv
from clustereffects.reporting.words import LANGUAGES, Wording, saying_effect, without_effect, wording

__all__ = [
    "LANGUAGES",
    "Content",
    "Document",
    "Wording",
    "build_document",
    "draw_svg",
    "headline",
    "neutral",
    "number",
    "percent",
    "render",
    "saying_effect",
    "scorecard_table",
    "truth_line",
    "without_effect",
    "wording",
    "write_csv",
]
