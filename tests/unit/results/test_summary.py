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
    assert "| term | estimate | n |\n| --- | ---: | ---: |\n" in page


def test_latex():
    page = _summary().to_latex()
    shown = (
        r"\textless{}b\textgreater{}a\textbar{}b\_\%\$\&\#\textasciicircum{}\textasciitilde{}\{\}\textbackslash{}*`[1]"
        r"\textless{}/b\textgreater{}"
    )
    assert page.count(shown) == 4
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


def test_words_stand_at_the_left_and_numbers_at_the_right():
    table = pd.DataFrame({"group": ["K1", "a longer name"], "n": [7, 1234], "estimate": [-0.5, 12.25]})
    summary = Summary(title="t", facts=(), table=table, digits=2)
    assert str(summary).splitlines()[3:] == [
        "group             n  estimate",
        "K1                7     -0.50",
        "a longer name  1234     12.25",
    ]
    assert '<td style="text-align: left">K1</td><td style="text-align: right">7</td>' in summary.to_html()


def test_p_values_have_three_decimals_and_are_never_zero():
    table = pd.DataFrame({"estimate": [1e6, 2.0], "p_value": [0.0004, 0.04999]})
    cells = str(Summary(title="t", facts=(), table=table, digits=1)).split()
    assert cells[-4:] == ["1,000,000.0", "<0.001", "2.0", "0.050"]


def test_latex_needs_no_characters_that_it_does_not_know():
    table = pd.DataFrame({"term": ["event[-1]"], "event_time": [-1], "estimate": [-0.25]})
    page = Summary(title="t", facts=(("Factor", "G/(G−1) × ψ – Σ ≥ 0"),), table=table, digits=2).to_latex()
    assert page.isascii()
    assert r"event[-1] & \ensuremath{-}1 & \ensuremath{-}0.25 \\" in page
    assert r"Factor: G/(G\ensuremath{-}1) \ensuremath{\times} \ensuremath{\psi} -- \ensuremath{\Sigma}" in page
    assert page.index(r"\end{tabular}") < page.index("Factor") < page.index(r"\end{minipage}")


def test_parts_are_required():
    with pytest.raises(TypeError, match="table"):
        Summary(title="t", facts=())
