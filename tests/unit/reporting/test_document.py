"""The page: complete, self-contained, everything escaped, nothing fetched."""

import base64
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from clustereffects.reporting import Document, draw_svg, render
from clustereffects.reporting.document import Figure, Listing, Paragraph, Section, Table

HOSTILE = "<script>alert('x')</script>\" onload=\"x&amp;"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
VOID = {"meta", "link", "img", "br", "hr", "input"}


class _Page(HTMLParser):
    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def _document(text=HOSTILE, language="sv"):
    frame = pd.DataFrame({text: [text, None, "–"], "n": [1, 2, 3], "x": [0.5, float("nan"), 1.0]})
    frame["k"] = pd.array([1, None, 3], dtype="Int64")
    blocks = (
        Paragraph(text=text, kind="lead"),
        Paragraph(text=text, kind="warning"),
        Listing(items=(text, "two")),
        Table(frame=frame, caption=text, note=text),
        Table(frame=pd.DataFrame(), caption="empty"),
        Figure(svg=SVG, alt=text, caption=text),
    )
    sections = (Section(key="answer", title=text, blocks=blocks), Section(key="method", title="Method", blocks=()))
    return Document(title=text, subtitle=text, language=language, sections=sections, footer=text)


def test_everything_is_escaped():
    page = render(_document())
    parsed = _Page(page)
    assert "<script" not in page
    assert {name for name, _ in parsed.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "h1", "p", "nav", "ol", "li", "a", "main"),
        *("section", "h2", "ul", "div", "table", "caption", "thead", "tr", "th", "tbody", "td", "figure", "img"),
        *("figcaption", "footer"),
    }
    assert not [attributes for _, attributes in parsed.tags if any(name.startswith("on") for name in attributes)]
    assert parsed.text.count(HOSTILE) >= 12


def test_the_page_is_complete_and_says_its_language():
    page = render(_document("Titel"))
    parsed = _Page(page)
    assert page.startswith("<!doctype html>")
    assert parsed.attributes("html") == [{"lang": "sv"}]
    assert _Page(render(_document("Title", "en"))).attributes("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in parsed.attributes("meta")
    assert [a["href"] for a in parsed.attributes("a")] == ["#answer", "#method"]
    assert [s["id"] for s in parsed.attributes("section")] == ["answer", "method"]
    assert all(th == {"scope": "col"} for th in parsed.attributes("th"))
    assert len(parsed.attributes("caption")) == len(parsed.attributes("table")) == 2


def test_nothing_is_fetched_and_no_script_may_run():
    page = render(_document())
    (policy,) = [meta for meta in _Page(page).attributes("meta") if "http-equiv" in meta]
    assert policy["http-equiv"] == "Content-Security-Policy"
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    assert rules == {"default-src": "'none'", "img-src": "data:", "style-src": "'unsafe-inline'"}
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", page, re.IGNORECASE)
    assert not re.search(r"url\(|@import", page, re.IGNORECASE)
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in _Page(page).attributes("img"))


def test_figures_carry_their_drawing_and_their_text():
    figure = Figure(svg=SVG, alt="What it shows", caption="A figure")
    assert base64.b64decode(figure.data_uri.partition(",")[2]).decode() == SVG
    for empty in ("", "  \n"):
        with pytest.raises(ValueError, match="a figure needs an alternative text"):
            Figure(svg=SVG, alt=empty, caption="A figure")
    assert all(image["alt"] for image in _Page(render(_document())).attributes("img"))


def test_missing_cells_are_empty_not_words():
    text = "".join(_Page(render(_document("t"))).text)
    assert not re.search(r"\b(nan|None|NaN)\b|<NA>", text)


def test_a_report_without_sections_or_subtitle():
    parsed = _Page(render(Document(title="T", subtitle="", language="en", sections=(), footer="")))
    assert not [p for p in parsed.attributes("p") if p.get("class") == "subtitle"]


def test_drawings_are_reproducible_and_carry_no_date():
    first, second = (draw_svg(lambda ax: ax.plot([0, 1], label="a")) for _ in range(2))
    assert first == second
    assert "<dc:date>" not in first
    assert "href" not in re.sub(r'xlink:href="#[^"]*"|xmlns:xlink="[^"]*"', "", first)


def test_drawings_leave_no_figure_open():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    draw_svg(lambda ax: ax.plot([0, 1]), size=(2.0, 1.0))
    assert plt.get_fignums() == before


def test_what_fails_to_draw_fails():
    with pytest.raises(AttributeError, match="no_such_method"):
        draw_svg(lambda ax: ax.no_such_method())
