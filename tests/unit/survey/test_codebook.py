"""Codebooks: what they hold, and every contradiction in one error."""

import copy

import pytest

from clustereffects.errors import FileError, SurveyError
from clustereffects.survey import Codebook, Item, Scale


def test_codebook_reads_everything(codebook):
    assert codebook.item_names == ("g1", "g2", "c1")
    assert codebook.scale_names == ("growth", "control")
    assert codebook.claims == {"value_added_growth": "growth"}
    assert (codebook.dont_know, codebook.not_applicable) == ((98,), (99,))
    assert codebook.scale("growth").reversed == ("g2",)
    assert codebook.scale("control").neutral == 3.0
    assert codebook.scale("control").negative_control
    assert codebook.item("g1").text("sv") == "Medlemskapet har ökat vår försäljning"
    assert codebook.item("g2").text("en") == "g2"
    assert codebook.item("g1").text("de") == "g1"


def test_codebook_survives_round_trips(codebook):
    assert Codebook.from_dict(codebook.to_dict()) == codebook
    assert copy.deepcopy(codebook) == codebook
    assert hash(codebook) == hash(Codebook.from_dict(codebook.to_dict()))


def test_unknown_scale_is_named(codebook):
    with pytest.raises(SurveyError, match="the codebook has no scale 'groth' – scales: growth, control"):
        codebook.scale("groth")


def test_missing_file(tmp_path):
    with pytest.raises(FileError, match=r"nothing\.toml: the codebook cannot be read"):
        Codebook.from_toml(tmp_path / "nothing.toml")


def test_invalid_toml(tmp_path):
    path = tmp_path / "codebook.toml"
    path.write_text("[scales.a\nitems = 1", encoding="utf-8")
    with pytest.raises(SurveyError, match="the codebook is not valid TOML"):
        Codebook.from_toml(path)


def _book(**changes):
    data = {
        "missing": {"dont_know": [8, 98], "not_applicable": 99},
        "scales": {"a": {"items": ["a1", "a2"], "minimum": 1, "maximum": 5, "claim": "growth"}},
        "items": {"a1": {"sv": "x", "en": "y"}},
        "columns": {"Fråga 1": "a1"},
    }
    data.update(changes)
    return data


def test_several_missing_codes():
    assert Codebook.from_dict(_book()).dont_know == (8, 98)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": 1}, "unknown key 'extra' – the codebook"),
        ({"missing": {"refused": 97}}, r"unknown key 'refused' – \[missing\]"),
        ({"missing": {"dont_know": "98"}}, "dont_know is '98'"),
        ({"missing": {"dont_know": True}}, "dont_know is True"),
        ({"missing": {"dont_know": 98, "not_applicable": 98}}, "code 98 means both don't know and not applicable"),
        ({"missing": {"dont_know": 3}}, "missing code 3 is also an answer – scale 'a' runs from 1 to 5"),
        ({"missing": 98}, "'missing' is not a table"),
        ({"scales": {}}, "the codebook has no scale"),
        ({"scales": {"a": 1}}, "scale 'a' is not a table"),
        ({"scales": {"a": {"items": ["a1"], "minimum": 1}}}, r"'maximum' is missing – \[scales.a\]"),
        ({"scales": {"a": {"items": "a1", "minimum": 1, "maximum": 5}}}, "items is 'a1'"),
        ({"scales": {"a": {"items": [1], "minimum": 1, "maximum": 5}}}, r"items is \[1\]"),
        ({"scales": {"a": {"items": ["a1"], "minimum": True, "maximum": 5}}}, "minimum is True"),
        ({"scales": {"a": {"items": ["a1"], "minimum": 1, "maximum": 5, "weight": 2}}}, "unknown key 'weight'"),
        ({"scales": {"a": {"items": ["a1"], "minimum": 5, "maximum": 5}}}, "minimum 5 is not below maximum 5"),
        ({"scales": {"a": {"items": ["a1"], "minimum": 1, "maximum": 5, "neutral": 9}}}, "neutral answer 9 is outside"),
        ({"scales": {"a": {"items": [], "minimum": 1, "maximum": 5}}}, "the scale has no item"),
        ({"scales": {"a": {"items": ["a1", "a1"], "minimum": 1, "maximum": 5}}}, "item 'a1' is listed 2 times"),
        (
            {"scales": {"a": {"items": ["a1"], "reversed": ["a9"], "minimum": 1, "maximum": 5}}},
            "reversed item 'a9' is not an item of the scale",
        ),
        (
            {"scales": {n: {"items": ["a1"], "minimum": 1, "maximum": 5} for n in "ab"}},
            "item 'a1' is in 2 scales – a, b",
        ),
        (
            {"scales": {n: {"items": [n + "1"], "minimum": 1, "maximum": 5, "claim": "x"} for n in "ab"}},
            "claim 'x' has 2 scales",
        ),
        ({"scales": {"a": {"items": ["wave", "a1"], "minimum": 1, "maximum": 5}}}, "item 'wave' has a reserved name"),
        ({"scales": {"role": {"items": ["a1"], "minimum": 1, "maximum": 5}}}, "the scale has a reserved name"),
        ({"items": {"a9": {"sv": "x"}}}, "item 'a9' is in no scale"),
        ({"items": {"a1": {"de": "x"}}}, r"unknown key 'de' – \[items.a1\]"),
        ({"items": {"a1": {"sv": 1}}}, "item 'a1' has no wording"),
        ({"columns": {"Fråga": "a7"}}, "header 'Fråga' stands for the unknown column 'a7'"),
    ],
)
def test_each_contradiction_has_its_message(changes, message):
    with pytest.raises(SurveyError, match=message):
        Codebook.from_dict(_book(**changes), file="codebook.toml")


def test_all_contradictions_come_at_once():
    broken = _book(
        missing={"refused": 1},
        scales={"a": {"items": ["a1"], "reversed": ["a2"], "minimum": 5, "maximum": 1}},
        columns={"Fråga": "b1"},
    )
    with pytest.raises(SurveyError) as raised:
        Codebook.from_dict(broken, file="codebook.toml")
    assert len(raised.value.problems) == 4
    assert {problem.file for problem in raised.value.problems} == {"codebook.toml"}


def test_a_codebook_made_in_python_is_checked_too():
    with pytest.raises(SurveyError, match="minimum 2 is not below maximum 1"):
        Codebook(scales=(Scale(name="a", items=("a1",), minimum=2, maximum=1),))


def test_default_neutral_answer_is_the_middle():
    assert Scale(name="a", items=("a1",), minimum=1, maximum=6).neutral == 3.5
    assert Item(name="a1").text("sv") == "a1"
