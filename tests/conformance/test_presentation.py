"""Clauses on what people see: summaries with all text escaped, figures on the Axes they were given."""

import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from conformance.cases import CASES, fitted, world

HOSTILE = "<script>y|_%$&#^~{}\\*`[1]</script>"
IDS = [case.id for case in CASES]


@pytest.fixture(scope="module", params=[case.id for case in CASES if case.after is None])
def hostile(request):
    """Result for an outcome whose name is code in every format."""
    case = next(one for one in CASES if one.id == request.param)
    return case.fit(world().rename(columns={"y": HOSTILE}), HOSTILE)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002  (the parser passes both)
        self.seen.append(tag)
        if tag not in {"br", "hr", "img", "input", "meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("case", IDS)
def test_summaries_render_in_every_format(case):
    result = fitted(case)
    summary = result.summary()
    text = str(summary)
    assert text == str(result.summary())
    assert result.estimand in text
    for row in (text, summary.to_markdown(), summary.to_latex(), summary.to_html(), summary._repr_html_()):
        assert "nan" not in re.sub(r"[A-Za-z]nan|nan[a-z]", "", row)
    assert "Standard errors" in text or "Estimates" in text


def test_html_is_escaped_and_well_formed(hostile):
    page = hostile.summary().to_html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert "script" not in parser.seen


def test_markdown_is_escaped(hostile):
    page = hostile.summary().to_markdown()
    assert "\\<script\\>y\\|\\_%$\\&\\#^~{}\\\\\\*\\`\\[1\\]\\</script\\>" in page
    assert re.search(r"(?<!\\)[<>]", page) is None
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_latex_is_escaped(hostile):
    page = hostile.summary().to_latex()
    assert re.search(r"(?<!\\)[%$#^~_<>]", page) is None
    assert page.count("{") == page.count("}")


def test_text_shows_the_name_as_it_is(hostile):
    assert HOSTILE in str(hostile.summary())


@pytest.mark.parametrize("case", IDS)
def test_plot_returns_the_axes_it_was_given(case):
    ax = Figure().subplots()
    assert fitted(case).plot(ax=ax) is ax
    assert ax.has_data()
    assert ax.get_xlabel()


@pytest.mark.parametrize("case", ["group_time_event", "hierarchical"])
def test_plot_makes_axes_where_none_are_given(case):
    import matplotlib.pyplot as plt

    ax = fitted(case).plot()
    assert ax.has_data()
    plt.close(ax.figure)


@pytest.mark.parametrize("case", IDS)
def test_plot_takes_a_level(case):
    assert fitted(case).plot(Figure().subplots(), level=0.8).has_data()
