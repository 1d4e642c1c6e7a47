"""Sections from hand-made content: what is said, what is withheld, and what is left out when a perspective is missing."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from clustereffects.errors import OptionError
from clustereffects.reporting import LANGUAGES, Content, build_document, headline, render, wording
from clustereffects.reporting._names import chances
from clustereffects.reporting.document import Figure, Paragraph, Table
from clustereffects.results import Check
from support.made_effects import make

COUNTS = {
    "members": 120,
    "evaluable": 80,
    "matched": 60,
    "controls": 5,
    "control_firms": 200,
    "organisations": 3,
    "interviews": 12,
    "first_year": 2000,
    "last_year": 2012,
    "horizon": 5,
}
FULL = ("answer", "organisations", "time", "comparison", "survey", "interviews", "triangulation", "checks", "data")


def _effects(estimate, low, high):
    row = {"estimator": "matched_did", "outcome": "log_value_added", "aggregation": "overall"}
    return pd.DataFrame([row | {"estimate": estimate, "conf_low": low, "conf_high": high}])


def _comparison_tables():
    """Tables on the comparison firms, with a figure withheld in each that may have one."""
    none = pd.NA
    steps = {
        "cohort": [2004] * 4,
        "step": ["candidates", "group of a member", "missing values", "left"],
        "firms": [31_234, none, none, 20_000],
        "removed": [none, none, 11_232, none],
        "only": [none, none, 11_231, none],
    }
    lost = {
        "reason": ["no candidate left", "no statements"],
        "constraint": ["exact: industry_division, size_class", ""],
    }
    rungs = {"rung": ["industry 5 digits", "industry 2 digits"], "members": [40, none]}
    dropped = {"variable": ["log_value_added[-2]", "growth"], "kept": [8.5, np.nan], "dropped": [9.5, np.nan]}
    designs = {"design": ["plan", "level"], "treated": [60, 58], "estimate": [0.05, 0.06], "std_error": [0.01, 0.01]}
    before = {"placebo_beyond": [0.0, np.nan], "placebo_beyond_std_error": [0.01, np.nan]}
    return {
        "rules": pd.DataFrame(steps),
        "unmatched": pd.DataFrame(lost | {"members": [20, none]}),
        "rungs": pd.DataFrame(rungs),
        "dropped": pd.DataFrame(dropped | {"smd": [1.0, np.nan], "n_dropped": [12, none]}),
        "designs": pd.DataFrame(designs | before | {"estimated_bias": [-0.01, 0.02], "recommended": [False, True]}),
    }


def _tables():
    way = {"outcome": "log_value_added", "estimate": 0.05, "conf_low": 0.01, "conf_high": 0.09}
    chance = {"p_positive": 0.999, "p_best": 0.2, "withheld": ""}
    own = {"firms": 20, "estimate": 0.1, "pooled": 0.06, "conf_low": 0.01, "conf_high": 0.12} | chance
    hidden = dict.fromkeys(("estimate", "pooled", "conf_low", "conf_high", "p_positive", "p_best"), np.nan)
    answer = {"wave": "all", "term": "mean", "estimate": 0.4, "conf_low": 0.1, "conf_high": 0.7, "withheld": ""}
    verdict = {"claim": "growth", "lower": 0.004, "upper": 0.9}
    sign = {"claim": "growth", "target": "effect", "stream": "interviews", "observed": 1, "reports": 2, "withheld": ""}
    return {
        "effects": _effects(0.05, 0.01, 0.09),
        "believed": pd.DataFrame(
            [
                {"way": "matched_did"} | way,
                {"way": "versus_county"} | way | {"conf_low": np.nan, "conf_high": np.nan},
                {"way": "matched_did"} | way | {"outcome": "log_employees"},
            ]
        ),
        "organisations": pd.DataFrame(
            [
                {"group": "K01"} | own,
                {"group": "K02"} | own,
                {"group": "K03", "firms": 2} | hidden | {"withheld": "fewer firms than the minimum"},
            ]
        ),
        "balance": pd.DataFrame({"covariate": ["size"], "smd_before": [0.5], "smd_after": [-0.04]}),
        **_comparison_tables(),
        "survey": pd.DataFrame(
            [{"scale": "growth", "organisation": name} | answer for name in ("K01", "K02", "non-members")]
        ),
        "response": pd.DataFrame({"organisation": ["K01"], "asked": [30], "answered": [20], "response_rate": [2 / 3]}),
        "reliability": pd.DataFrame(
            {"scale": ["growth"], "n": [40], "alpha": [0.8123], "conf_low": [0.7], "conf_high": [0.9]}
        ),
        "diagnostics": pd.DataFrame([{"test": "T01"} | sign, {"test": "T02"} | sign]),
        "agreement": pd.DataFrame({"code": ["M1"], "estimate": [0.7], "units": [10]}),
        "verdicts": pd.DataFrame(
            [
                verdict | {"group": "K01", "verdict": "beneficial"},
                verdict | {"group": "K02", "verdict": "undecided"},
                verdict | {"group": "K03", "verdict": "not published", "lower": np.nan, "upper": np.nan},
                verdict | {"group": "programme", "verdict": "probably beneficial"},
            ]
        ),
        "sample": pd.DataFrame({"step": ["rows in"], "rows": [1000]}),
        "intake": pd.DataFrame({"file": ["accounts.csv"], "rule": ["duplicate"], "action": ["dropped"], "rows": [3]}),
        "choices": pd.DataFrame({"section": ["study"], "key": ["seed"], "value": ["1"]}),
    }


def _content(**parts):
    whole = {
        "title": "Report <b>",
        "outcomes": ("log_value_added",),
        "primary": "matched_did",
        "tables": _tables(),
        "event_studies": {"log_value_added": make().aggregate("event")},
        "counts": COUNTS,
        "labels": {
            "organisations": {"K01": "Alfa & Co", "K02": "Beta", "K03": "Gamma"},
            "claims.en": {"growth": "Firms grew"},
            "claims.sv": {"growth": "Företagen växte"},
        },
        "sentences": dict.fromkeys(LANGUAGES, ("one", "two", "", "three")),
        "checks": (
            ("effects", Check(name="passes", verdict="pass", message="fine")),
            ("matching", Check(name="fails", verdict="fail", message="bad", remedy="repair")),
            ("survey", Check(name="warns", verdict="warn", message="look", remedy="think")),
        ),
        "provenance": {
            "plan_hash": "abc123",
            "version": "0.1.0",
            "seed": 1,
            "deviation": None,
            "versions": {"numpy": "2.0"},
        },
    }
    return Content(**(whole | parts))


def _without(*names):
    return {name: table for name, table in _tables().items() if name not in names}


def _section(document, key):
    return next(section for section in document.sections if section.key == key)


def _cells(section):
    frames = [block.frame for block in section.blocks if isinstance(block, Table)]
    return [str(cell) for frame in frames for cell in frame.to_numpy().ravel()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_whole_report(language):
    document = build_document(_content(), language)
    assert [section.key for section in document.sections] == [*FULL, "method"]
    assert document.language == language
    page = render(document)
    assert "Report &lt;b&gt;" in page
    assert "Alfa &amp; Co" in page
    figures = [block for section in document.sections for block in section.blocks if isinstance(block, Figure)]
    assert len(figures) == 5
    assert all(figure.alt.strip() and figure.caption.strip() and "{" not in figure.alt for figure in figures)
    assert all(figure.svg.startswith("<?xml") for figure in figures)
    assert not re.search(r">\s*(nan|None|<NA>)\s*<", page)
    text = re.sub(r"<style>.*?</style>|data:image[^\"]*", "", page, flags=re.DOTALL)
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_perspectives_that_a_study_does_not_have_are_left_out(language):
    tables = _without("survey", "response", "reliability", "diagnostics", "agreement", "organisations", "unmatched")
    document = build_document(_content(tables=tables), language)
    keys = [section.key for section in document.sections]
    assert keys == ["answer", "time", "comparison", "triangulation", "checks", "data", "method"]
    alone = build_document(_content(tables={k: v for k, v in tables.items() if k != "verdicts"}), language)
    assert "triangulation" not in [section.key for section in alone.sections]


def test_an_empty_table_is_no_table():
    content = _content(tables=_tables() | {"survey": _tables()["survey"].iloc[:0]})
    assert not content.has("survey")
    assert content.has("balance")
    assert not content.has("nothing")


@pytest.mark.parametrize(
    ("row", "english", "swedish"),
    [
        ((0.05, 0.01, 0.09), "5.1 % higher", "5,1 % högre"),
        ((-0.05, -0.09, -0.01), "4.9 % lower", "4,9 % lägre"),
    ],
)
def test_the_headline_says_higher_or_lower(row, english, swedish):
    content = _content(tables={"effects": _effects(*row)})
    assert english in headline(content, "en").replace("\u00a0", " ")
    assert swedish in headline(content, "sv").replace("\u00a0", " ")


@pytest.mark.parametrize("row", [(0.05, -0.01, 0.11), (-0.05, -0.11, 0.01), (0.0, -0.1, 0.1), (0.05, 0.0, 0.1)])
def test_the_headline_calls_nothing_an_effect_that_includes_zero(row):
    content = _content(tables={"effects": _effects(*row)})
    assert headline(content, "en").startswith("No difference could be established")
    assert "higher" not in headline(content, "en")


@pytest.mark.parametrize("row", [(np.nan, np.nan, np.nan), (0.05, np.nan, np.nan), (-0.05, np.nan, 0.1)])
def test_the_headline_admits_what_could_not_be_estimated(row):
    expected = wording("en")("answer_none", outcome="value added")
    assert headline(_content(tables={"effects": _effects(*row)}), "en") == expected
    assert headline(_content(tables={"effects": _effects(*row).iloc[:0]}), "en") == expected


def test_withheld_organisations_show_no_figure_anywhere():
    section = _section(build_document(_content(), "en"), "organisations")
    (table,) = [block.frame for block in section.blocks if isinstance(block, Table)]
    assert table.iloc[2].tolist() == ["Gamma", "–", "–", "–", "–", "–", "–"]
    (figure,) = [block for block in section.blocks if isinstance(block, Figure)]
    assert figure.alt.startswith("Effects of 2 organisations")


def test_probabilities_are_never_certain():
    cells = _cells(_section(build_document(_content(), "en"), "organisations"))
    assert "99%" in cells
    assert not {"100%", "0%"} & set(cells)
    assert [chances(low, high, wording("sv")).replace("\u00a0", " ") for low, high in ((0.004, 0.9), (0.5, 0.5))] == [
        "1 % – 90 %",
        "50 %",
    ]
    assert "–" in _cells(_section(build_document(_content(), "sv"), "triangulation"))


def test_checks_that_call_for_attention_come_first():
    frame = _section(build_document(_content(), "en"), "checks").blocks[-1].frame
    assert frame.iloc[:, 1].tolist() == ["fails", "warns", "passes"]
    assert frame.iloc[:, 2].tolist() == ["failed", "look at this", "passed"]


def test_a_plan_that_differs_from_the_registered_one_is_told():
    provenance = _content().provenance | {"deviation": {"registered": "old", "run": "abc123"}}
    section = _section(build_document(_content(provenance=provenance), "en"), "method")
    warnings = [block for block in section.blocks if isinstance(block, Paragraph) and block.kind == "warning"]
    assert [warning.text for warning in warnings] == [wording("en")("deviation", registered="old", run="abc123")]


def test_numbers_are_written_in_the_language():
    assert "0,81" in _cells(_section(build_document(_content(), "sv"), "survey"))
    assert "0.81" in _cells(_section(build_document(_content(), "en"), "survey"))


def test_claims_and_organisations_are_named():
    for language, label in (("en", "Firms grew"), ("sv", "Företagen växte")):
        cells = _cells(_section(build_document(_content(), language), "triangulation"))
        assert label in cells
        assert "Beta" in cells
        assert wording(language)("group_programme") in cells


def test_content_is_frozen_and_knows_the_programme():
    content = _content()
    with pytest.raises(dataclasses.FrozenInstanceError, match="title"):
        content.title = "other"
    assert content.programme("matched_did", "log_value_added")["estimate"] == 0.05
    assert content.programme("group_time_did", "log_value_added") is None


def test_other_languages_are_refused():
    with pytest.raises(OptionError, match="language 'de'"):
        build_document(_content(), "de")
    with pytest.raises(OptionError, match="language 'de'"):
        headline(_content(), "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_comparison_firms_are_told_in_words(language):
    say = wording(language)
    section = next(part for part in build_document(_content(), language).sections if part.key == "comparison")
    tables = {block.caption: block.frame for block in section.blocks if isinstance(block, Table)}
    assert len(tables) == 5
    rules = tables[say("caption_rules", year=2004)]
    assert rules[say("column_removed")].tolist()[0] == "–"
    assert rules[say("column_rule")].tolist()[0] == say("step_group_of_a_member")
    lost = tables[say("caption_unmatched")]
    assert lost[say("column_members")].tolist() == ["20", "–"]
    assert (
        lost[say("column_constraint")].tolist()[0]
        == f"{say('variable_industry_division')}, {say('variable_size_class')}"
    )
    first = tables[say("caption_rungs")].iloc[0, 0]
    assert first == say("rung_digits", variable=say("variable_industry"), digits=5)
    designs = tables[say("caption_designs")]
    assert designs[say("column_before")].tolist()[1] == "–"
    advice = [block.text for block in section.blocks if isinstance(block, Paragraph)][-1]
    assert advice == say("designs_advice", design=say("design_level"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_weighed_firms_are_not_said_to_be_pairs(language):
    provenance = _content().provenance
    told = {
        method: render(
            build_document(_content(provenance={**provenance, "plan": {"matching": {"method": method}}}), language)
        )
        for method in ("nearest", "entropy")
    }
    for method, key in (("nearest", "matched_did"), ("entropy", "weighted")):
        start = wording(language)(f"answer_comparison_{key}", **COUNTS)[:40]
        assert [start in page for page in told.values()] == [name == method for name in told]
