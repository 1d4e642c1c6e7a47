"""Summaries in four formats, with all text escaped."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.results import Summary

NAME = "<b>a|b_%$&#^~{}\\*`[1]</b>"


def _summary(**parts):
    table = pd.DataFrame({"term": [NAME, "plain"], "estimate": [0.123456, np.nan], "n": [3, 4]})
    whole = {"title": NAME, "facts": (("Outcome", NAME),), "table": table, "notes": (NAME,)}
    return Summary(**(whole | parts))


def test_text_is_shown_as_it_is():
    text = str(_summary())
    assert text.startswith(f"{NAME}\n{'=' * len(NAME)}\nOutcome: {NAME}\n")
    assert "0.1235" in text
    assert "nan" not in text
    assert text.endswith(NAME)


def test_html():
    page = _summary().to_html()
    assert page == _summary()._repr_html_()
    assert "<b>" not in page
    assert page.count("&lt;b&gt;a|b_%$&amp;#^~{}\\*`[1]&lt;/b&gt;") == 4


def test_markdown():
    page = _summary().to_markdown()
    assert page.count("\\<b\\>a\\|b\\_%$\\&\\#^~{}\\\\\\*\\`\\[1\\]\\</b\\>") == 4
    assert "| term | estimate | n |\n| --- | --- | --- |\n" in page


def test_latex():
    page = _summary().to_latex()
    shown = (
        r"\textless{}b\textgreater{}a|b\_\%\$\&\#\textasciicircum{}\textasciitilde{}\{\}\textbackslash{}*`[1]"
        r"\textless{}/b\textgreater{}"
    )
    assert page.count(shown) == 3
    assert r"\begin{tabular}{lrr}" in page
    assert r"plain &  & 4 \\" in page


def test_line_breaks_do_not_break_tables():
    table = pd.DataFrame({"term": ["first\nsecond"]})
    page = _summary(table=table).to_markdown()
    assert "| first second |" in page
    assert r"first second \\" in _summary(table=table).to_latex()


def test_digits_and_missing_values():
    table = pd.DataFrame({"x": [1.23456], "y": [None], "z": pd.array([pd.NA], dtype="Int64")})
    text = str(Summary(title="t", facts=(), table=table, digits=2))
    assert text.splitlines()[-1].split() == ["1.23"]


def test_parts_are_required():
    with pytest.raises(TypeError, match="table"):
        Summary(title="t", facts=())
