"""Theories that come with the library: complete, in both languages, and editable."""

import tomllib

import pytest

import clustereffects as ce
from clustereffects.errors import OptionError
from clustereffects.triangulation import Theory
from clustereffects.triangulation.theory_presets import PRESETS, preset_text

GAPS = ("research", "education", "capital", "policy", "firms", "clusters", "global")


@pytest.fixture(params=PRESETS)
def theory(request):
    return Theory.preset(request.param)


def test_there_are_seven_gaps():
    theory = Theory.preset("seven_innovation_gaps")
    assert [node.id for node in theory.nodes if node.id.startswith("gap_")] == [f"gap_{name}" for name in GAPS]
    assert {(link.start, link.end) for link in theory.links} >= {("activities", f"gap_{name}") for name in GAPS}


def test_everything_has_a_label_in_both_languages(theory):
    for entry in (*theory.nodes, *theory.claims, *theory.rivals):
        assert entry.sv
        assert entry.en
        assert entry.sv != entry.en


def test_every_link_has_one_claim_with_at_least_two_rivals(theory):
    assert [claim.link for claim in theory.claims] == [link.id for link in theory.links]
    assert all(len(claim.rivals) >= 2 for claim in theory.claims)
    assert {name for claim in theory.claims for name in claim.rivals} == {rival.id for rival in theory.rivals}


def test_every_node_lies_between_an_activity_and_an_outcome(theory):
    starts, ends = {link.start for link in theory.links}, {link.end for link in theory.links}
    for node in theory.nodes:
        assert node.kind == "activity" or node.id in ends
        assert node.kind == "outcome" or node.id in starts


def test_it_can_be_edited_and_read_again(theory, tmp_path):
    path = tmp_path / "theory.toml"
    path.write_text(theory.to_toml().replace("delta = 0.01", "delta = 0.02"), encoding="utf-8")
    edited = Theory.from_toml(path)
    assert edited.claim("value_added_growth").delta == 0.02
    assert len(edited.claims) == len(theory.claims)


def test_it_can_be_fitted_without_any_evidence_but_one(theory):
    silence = ce.Silence(claim=theory.claims[0].id, group="K01", stream="survey", reason="not_asked")
    assert set(ce.Triangulation(theory).fit([silence]).verdicts()["verdict"]) == {"silent"}


def test_the_text_is_toml_with_a_source():
    text = preset_text("seven_innovation_gaps")
    assert "Lindqvist & Sölvell 2011" in text
    assert Theory.from_dict(tomllib.loads(text)) == Theory.preset("seven_innovation_gaps")


def test_other_names_are_refused():
    with pytest.raises(OptionError, match="no theory 'nine_gaps' comes with the library"):
        Theory.preset("nine_gaps")
