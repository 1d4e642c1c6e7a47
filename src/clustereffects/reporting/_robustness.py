"""Sections on how firm the verdicts are, how far the report can be trusted, and what would tell more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from clustereffects.reporting._names import chance, claim_name, group_name, named, share
from clustereffects.reporting._triangulation import cell_figure, hypothesis
from clustereffects.reporting.content import Content
from clustereffects.reporting.document import Block, Paragraph, Table
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import Wording, wording
from clustereffects.triangulation import Scorecard
from clustereffects.triangulation.comparison import agreement_by_engine

_NEXT = 10


def robustness_blocks(content: Content, say: Wording) -> Iterator[Block]:
    """What the verdicts hang on, and what other ways of joining the evidence would say."""
    if not content.has("robustness"):
        return
    table = content.tables["robustness"]
    yield Paragraph(text=say("robustness_intro", **content.counts))
    given = table[~table["verdict"].isin(["undecided", "withheld"])]
    if len(given):
        halves = {"models": given["models_same"].median(), "weights": given["weights_same"].median()}
        yield Paragraph(text=say("robustness_models", **{name: share(value, say) for name, value in halves.items()}))
    for kind in ("posterior", "tipping"):
        yield from cell_figure(content, say, kind)
    if content.has("comparison") and (content.tables["comparison"]["engine"] != "bayes").any():
        yield Paragraph(text=say("engines_intro"))
        yield Table(frame=_engines(content.tables["comparison"], say), caption=say("caption_engines"))


def _engines(comparison: pd.DataFrame, say: Wording) -> pd.DataFrame:
    found = agreement_by_engine(comparison)
    rows = [
        {
            say("column_engine"): say.term("engine", row["engine"]),
            **{
                say(f"column_{name}"): row[name]
                for name in ("agrees", "more_favourable", "less_favourable", "otherwise")
            },
            say("column_no_answer"): row["refused"] + row["silent"],
            say("column_not_given"): row["withheld"],
            say("column_assumes"): say.term("assumes", row["engine"]),
            say("column_warning"): say.term("overlooks", row["engine"]),
        }
        for row in found[found["engine"] != "bayes"].to_dict("records")
    ]
    return pd.DataFrame(rows)


def credibility_blocks(content: Content, say: Wording) -> Iterator[Block]:
    """What an auditor asks, what researchers judged, how signs were calibrated, and what would tell most."""
    if content.scorecard is None:
        return
    card = scorecard_table(content.scorecard, say, content)
    questions = [
        f"{question} *" if essential else question
        for question, essential in zip(card["question"], card["essential"], strict=True)
    ]
    frame = card.assign(question=questions)[["criterion", "question", "status", "evidence"]]
    yield Paragraph(text=wording(say.language, effect=True)("credibility_intro"), kind="explanation")
    yield Table(
        frame=frame.set_axis([say(f"column_{name}") for name in frame.columns], axis=1),
        caption=say("caption_scorecard"),
    )
    if content.has("overrides"):
        yield from _overrides(content, say)
    if content.has("calibration"):
        yield _calibration(content.tables["calibration"], say)
    if content.has("next_evidence"):
        yield Paragraph(text=say("next_intro"))
        yield Table(frame=_next(content, say), caption=say("caption_next"))


def scorecard_table(scorecard: Scorecard, say: Wording, content: Content | None = None) -> pd.DataFrame:
    """Questions and answers of a scorecard, ways of comparing in words; with content, claims and organisations by name."""
    lines = tuple(
        replace(line, named=tuple(_in_words(name, line.id, say, content) for name in line.named))
        for line in scorecard.lines
    )
    return replace(scorecard, lines=lines).table("sv" if say.language == "sv" else "en")


def _in_words(name: str, line: str, say: Wording, content: Content | None) -> str:
    if line in {"comparison", "design"}:
        return say.term("way", name) if say.has(f"way_{name}") else say.term("design", name)
    if line == "trends":
        return say.term("plain", name.rpartition(", ")[2].rstrip(")"))
    if content is None:
        return name
    claim, cross, group = name.partition(" × ")
    if cross:
        return f"{claim_name(content, say, claim)} × {group_name(content, say, group)}"
    rival, bracket, claim = name.rstrip(")").partition(" (")
    if bracket and content.findings is not None:
        return f"{hypothesis(content.findings.theory, say, rival)} ({claim_name(content, say, claim)})"
    return claim_name(content, say, name) if line == "rivals named" else name


def _overrides(content: Content, say: Wording) -> Iterator[Block]:
    table = named(content, say, content.tables["overrides"])
    rows = [
        {
            say("column_claim"): _about(row, say),
            say("column_organisation"): row["group"],
            say("column_computed"): say.term(row["what"], row["computed"]),
            say("column_judged"): say.term(row["what"], row["judged"]),
            say("column_by"): row["by"],
            say("column_why"): row["reason"],
        }
        for row in table.to_dict("records")
    ]
    yield Table(frame=pd.DataFrame(rows), caption=say("caption_overrides"), note=say("note_overrides"))
    for one in content.tables["override_agreement"].to_dict("records"):
        values = {name: one[name] for name in ("by", "same", "judged")}
        if math.isfinite(one["kappa"]):
            values |= {name: number(one[name], say.language, 2) for name in ("kappa", "low", "high")}
            yield Paragraph(text=say("agreement_overrides", **values))
        else:
            yield Paragraph(text=say("agreement_overrides_few", **values))


def _about(row: Mapping[Any, Any], say: Wording) -> str:
    """Claim, and behind it the perspectives that a code is about."""
    streams = [say.term("stream", name) for name in row["streams"].split(", ") if name]
    return f"{row['claim']} ({', '.join(streams)})" if streams else row["claim"]


def _calibration(table: pd.DataFrame, say: Wording) -> Table:
    rows = [
        {
            say("column_test"): row["test"],
            say("column_organisations"): row["organisations"],
            say("column_sensitivity"): _range(row, "sensitivity", say),
            say("column_specificity"): _range(row, "specificity", say),
            say("column_result"): say.term("calibration", row["status"]),
        }
        for row in table.to_dict("records")
    ]
    return Table(frame=pd.DataFrame(rows), caption=say("caption_calibration"), note=say("note_calibration"))


def _range(row: dict[object, float], name: str, say: Wording) -> str:
    low, high = (chance(row[f"{name}_{end}"], say) for end in ("low", "high"))
    return f"{chance(row[name], say)} ({say('interval', low=low, high=high)})"


def _next(content: Content, say: Wording) -> pd.DataFrame:
    rows = [
        {
            say("column_claim"): claim_name(content, say, row["claim"]),
            say("column_organisation"): group_name(content, say, row["group"]),
            say("column_kind"): say.term("kind", row["kind"]),
            say("column_item"): _item(row["item"], say),
            say("column_share"): share(row["share"], say),
            say("column_decided"): share(row["p_decided"], say),
        }
        for row in content.tables["next_evidence"].head(_NEXT).to_dict("records")
    ]
    return pd.DataFrame(rows)


def _item(item: str, say: Wording) -> str:
    """Perspective in words, and behind it the test where there is one."""
    stream, _, rest = item.partition(": ")
    test = rest if stream == "interviews" else ""
    return ": ".join(part for part in (say.term("stream", stream), test) if part)
