"""Sections on verdicts, theory, robustness and credibility, from small findings made by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from clustereffects.reporting import LANGUAGES, Content, scorecard_table, wording
from clustereffects.reporting._robustness import credibility_blocks, robustness_blocks
from clustereffects.reporting._triangulation import leading, theory_blocks, triangulation_blocks
from clustereffects.reporting.document import Document, Figure, Listing, Paragraph, Section, Table
from clustereffects.results import BiasTerm, Diagnostic, Estimate
from clustereffects.study.findings_tables import discreet
from clustereffects.triangulation import Override, RunFacts, Theory, Triangulation

THEORY = Theory.from_dict(
    {
        "nodes": {"a": {"kind": "activity", "sv": "Möten", "en": "Meetings"}, "b": {"kind": "outcome"}},
        "links": {"ab": {"from": "a", "to": "b", "perspectives": ["economic", "interviews"]}},
        "rivals": {"boom": {"sv": "Uppgång", "en": "Boom"}},
        "claims": {
            "growth": {
                "outcome": "value_added",
                "scale": "log",
                "horizon": 3,
                "delta": 0.01,
                "rivals": ["boom"],
                "link": "ab",
            }
        },
    }
)


def evidence():
    bias = (BiasTerm(domain="selection", mean_range=(-0.02, 0.02), sd=0.01, note="judged"),)
    for group, value in (("K01", 0.09), ("K02", -0.08), ("programme", 0.03)):
        about = {"claim": "growth", "group": group}
        yield Estimate(id=f"did {group}", stream="economic", value=value, std_error=0.02, bias=bias, **about)
        if group != "programme":
            chances = {"p_negligible": 0.3, "p_harm": 0.2}
            yield Diagnostic(
                id=f"sign {group}", stream="interviews", test="T01", observed=True, p_benefit=0.6, **chances, **about
            )
            yield Diagnostic(
                id=f"rival {group}", stream="interviews", test="T02", observed=True, target="rival:boom",
                p_benefit=0.1, p_negligible=0.9, p_harm=0.1, **about,
            )  # fmt: skip


def content_of(**parts) -> Content:
    overrides = tuple(
        Override(claim="growth", group=group, by=by, reason="they know", verdict=verdict)
        for by in ("AL", "BN")
        for group, verdict in (("K01", "undecided"), ("K02", "harmful"))
    )
    findings = Triangulation(THEORY).fit(evidence(), overrides=overrides)
    agreement = findings.override_agreement()
    agreement.loc[agreement["by"] == "BN", ["kappa", "low", "high"]] = [0.5, 0.1, 0.9]
    score = discreet(findings.scorecard(RunFacts(comparison="matched_did", designs=("matched_did", "level"))))
    tables = {
        "verdicts": findings.verdicts(),
        "completeness": findings.completeness(),
        "assessment": findings.assessment(),
        "attribution": findings.attribution(),
        "paths": findings.paths(),
        "robustness": pd.DataFrame(
            {
                "verdict": ["beneficial", "harmful", "undecided"],
                "models_same": [0.5, 1.0, 0.0],
                "weights_same": [0.25, 0.75, 0.0],
            }
        ),
        "comparison": findings.compare(),
        "overrides": findings.overrides(),
        "override_agreement": agreement,
        "calibration": findings.calibration().table(),
        "next_evidence": findings.next_evidence(),
    }
    whole = {
        "title": "Report",
        "outcomes": ("log_value_added",),
        "primary": "matched_did",
        "tables": tables,
        "event_studies": {},
        "counts": {"judged": 2, "robust": 1, "never_null": 3},
        "labels": {
            "organisations": {"K01": "Alfa", "K02": "Beta"},
            "claims.sv": {"growth": "Tillväxt"},
            "claims.en": {"growth": "Growth"},
        },
        "sentences": {language: tuple(findings.verdicts(language)["tipping"]) for language in LANGUAGES},
        "checks": (),
        "provenance": {},
        "findings": findings,
        "scorecard": score,
    }
    return Content(**(whole | parts))


@pytest.fixture(scope="module")
def content() -> Content:
    return content_of()


def kinds(blocks, kind):
    return [block for block in blocks if isinstance(block, kind)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_comes_first_and_every_figure_has_its_words(content, language):
    say = wording(language)
    blocks = list(triangulation_blocks(content, say))
    assert isinstance(blocks[0], Paragraph)
    figures = kinds(blocks, Figure)
    assert [figure.caption for figure in figures[:2]] == [say("caption_verdicts"), say("caption_convergence")]
    assert len(figures) == 3
    assert all(len(figure.alt) > 40 for figure in figures)
    (table,) = kinds(blocks, Table)
    bands = content.findings.bands(language)
    assert table.frame[say("column_band")].tolist() == [f"{row.state}: {row.words}" for row in bands.itertuples()]
    (listing,) = kinds(blocks, Listing)
    assert listing.items[0].endswith(("3 of 3", "3 av 3"))


def test_what_is_not_published_is_not_drawn(content):
    completeness = content.tables["completeness"].copy()
    hidden = (completeness["stream"] == "interviews") & (completeness["group"] == "K01")
    completeness.loc[hidden, "status"] = "not published"
    tables = {**content.tables, "completeness": completeness, "assessment": content.tables["assessment"].iloc[1:]}
    figures = kinds(triangulation_blocks(dataclasses.replace(content, tables=tables), wording("en")), Figure)
    before = kinds(triangulation_blocks(content, wording("en")), Figure)
    assert figures[1].alt != before[1].alt
    assert figures[2].alt == before[2].alt


def test_a_cell_without_a_band_has_a_dash(content):
    verdicts = content.tables["verdicts"].copy()
    verdicts.loc[0, "verdict"] = "not published"
    only = dataclasses.replace(
        content.findings,
        cells=content.findings.cells[1:],
        given=dataclasses.replace(content.findings.given, overrides=()),
    )
    changed = dataclasses.replace(content, tables={**content.tables, "verdicts": verdicts}, findings=only)
    (table,) = kinds(triangulation_blocks(changed, wording("en")), Table)
    assert table.frame["How probable"].iloc[0] == "–"
    assert (table.frame["How probable"].iloc[1:] != "–").all()


def test_the_leading_claim_is_the_programmes_on_the_first_outcome(content):
    assert leading(content) == ("growth", "programme")
    assert leading(dataclasses.replace(content, outcomes=("log_employees",))) == ("growth", "programme")
    assert leading(dataclasses.replace(content, findings=None)) is None
    alone = dataclasses.replace(content.findings, cells=content.findings.cells[:2])
    assert leading(dataclasses.replace(content, findings=alone)) is None


def test_chains_and_explanations(content):
    blocks = list(theory_blocks(content, wording("en")))
    chains, explanations = kinds(blocks, Table)
    assert chains.frame["Chain"].tolist() == ["Meetings → b"]
    assert explanations.frame["Explanation"].tolist() == ["Boom"]
    assert explanations.frame["Organisations"].tolist() == [2]
    without = {name: table for name, table in content.tables.items() if name not in {"paths", "attribution"}}
    assert kinds(theory_blocks(dataclasses.replace(content, tables=without), wording("sv")), Table) == []
    assert list(theory_blocks(dataclasses.replace(content, findings=None), wording("sv"))) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_engines_with_what_they_assume_and_overlook(content, language):
    say = wording(language)
    blocks = list(robustness_blocks(content, say))
    (table,) = kinds(blocks, Table)
    assert len(table.frame) == 10
    for column, prefix in (("column_engine", "engine"), ("column_assumes", "assumes"), ("column_warning", "overlooks")):
        assert not table.frame[say(column)].isin(content.tables["comparison"]["engine"]).any(), prefix
    counts = table.frame[[say(f"column_{name}") for name in ("agrees", "more_favourable", "less_favourable", "otherwise", "no_answer", "not_given")]]  # fmt: skip
    assert (counts.sum(axis=1) == 3).all()
    text = kinds(blocks, Paragraph)[1].text.replace("\u00a0", "")
    assert "75%" in text
    assert "50%" in text
    undecided = content.tables["robustness"].assign(verdict="undecided")
    silent = {**content.tables, "robustness": undecided}
    fewer = kinds(robustness_blocks(dataclasses.replace(content, tables=silent), say), Paragraph)
    assert len(fewer) == len(kinds(blocks, Paragraph)) - 1
    own = content.tables["comparison"]
    alone = {**content.tables, "comparison": own[own["engine"] == "bayes"]}
    assert kinds(robustness_blocks(dataclasses.replace(content, tables=alone), say), Table) == []
    assert list(robustness_blocks(dataclasses.replace(content, tables={}), say)) == []


def test_credibility_in_the_order_of_an_audit(content):
    say = wording("en")
    blocks = list(credibility_blocks(content, say))
    captions = [table.caption for table in kinds(blocks, Table)]
    assert captions == [say(f"caption_{name}") for name in ("scorecard", "overrides", "calibration", "next")]
    card, overrides, calibration, following = kinds(blocks, Table)
    assert card.frame["Question"].str.endswith(" *").sum() == sum(line.essential for line in content.scorecard.lines)
    assert "Matched comparison firms" in card.frame["Found in this run"].iloc[0]
    assert not card.frame["Found in this run"].str.contains("growth ×").any()
    assert card.frame["Found in this run"].str.contains("Growth × Alfa").any()
    assert overrides.frame["Why"].unique().tolist() == ["they know"]
    assert calibration.frame["Result"].unique().tolist() == ["uncalibrated"]
    assert len(following.frame) <= 10
    said = [block.text for block in kinds(blocks, Paragraph)]
    assert "Agreement of AL with what was computed: 0 of 2; too few for a kappa." in said
    assert "Agreement of BN with what was computed: 0 of 2, Cohen's kappa 0.50 (95% interval 0.10 to 0.90)." in said
    assert list(credibility_blocks(dataclasses.replace(content, scorecard=None), say)) == []
    few = {name: content.tables[name] for name in ("verdicts",)}
    assert len(kinds(credibility_blocks(dataclasses.replace(content, tables=few), say), Table)) == 1


def test_the_scorecard_without_content_names_no_claims(content):
    table = scorecard_table(content.scorecard, wording("sv"))
    assert table["evidence"].str.contains("Matchade jämförelseföretag").sum() == 2


def test_rewording_leaves_explanations_and_drawings(content):
    frame = pd.DataFrame({"effect": ["an effect", 2, np.nan]})
    blocks = (
        Paragraph(text="effect"),
        Paragraph(text="effect", kind="explanation"),
        Listing(items=("effect",)),
        Figure(svg="<svg>effect</svg>", alt="effect", caption="effect"),
        Table(frame=frame, caption="effect", note="effect"),
    )
    section = Section(key="effect", title="effect", blocks=blocks)
    document = Document(title="effect", subtitle="", language="en", sections=(section,), footer="effect")
    changed = document.reworded(lambda text: text.replace("effect", "difference"))
    assert (changed.title, changed.footer, changed.sections[0].title) == ("difference",) * 3
    assert changed.sections[0].key == "effect"
    first, kept, listing, figure, table = changed.sections[0].blocks
    assert (first.text, kept.text, listing.items) == ("difference", "effect", ("difference",))
    assert (figure.svg, figure.alt, figure.caption) == ("<svg>effect</svg>", "difference", "difference")
    assert (table.caption, table.note, list(table.frame.columns)) == ("difference", "difference", ["difference"])
    assert table.frame["difference"].tolist()[:2] == ["an difference", 2]
