"""Sections of the report, each from the content and the wording of a language."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from clustereffects.reporting._comparison import comparison_blocks
from clustereffects.reporting._names import chance, claim_name, group_name, shown
from clustereffects.reporting._robustness import credibility_blocks, robustness_blocks
from clustereffects.reporting._triangulation import theory_blocks, triangulation_blocks
from clustereffects.reporting.content import Content
from clustereffects.reporting.document import Block, Document, Figure, Listing, Paragraph, Section, Table, draw_svg
from clustereffects.reporting.figures import event_study, shrinkage_plot, survey_plot
from clustereffects.reporting.tables import percent
from clustereffects.reporting.words import Wording, saying_effect, without_effect, wording
from clustereffects.triangulation import Scorecard


def build_document(content: Content, language: str) -> Document:
    """Report in one language.

    Parameters
    ----------
    content : Content
    language : {"sv", "en"}

    Returns
    -------
    Document
        Sections of perspectives that the study does not have are left out.

    Raises
    ------
    OptionError
        If there is no wording in that language.

    Examples
    --------
    >>> build_document.__name__
    'build_document'
    """
    with saying_effect(allowed=content.says_effect):
        document = _document(content, language)
    return document if content.says_effect else document.reworded(partial(without_effect, language=language))


def _document(content: Content, language: str) -> Document:
    say = wording(language)
    parts = ((key, tuple(build(content, say))) for key, build in _SECTIONS.items())
    sections = tuple(Section(key=key, title=say(f"section_{key}"), blocks=blocks) for key, blocks in parts if blocks)
    return Document(
        title=content.title,
        subtitle=say("subtitle", **content.counts),
        language=language,
        sections=sections,
        footer=say("footer", plan=content.provenance["plan_hash"], version=content.provenance["version"]),
    )


def headline(content: Content, language: str) -> str:
    """The answer in one sentence, for the leading outcome.

    Parameters
    ----------
    content : Content
    language : {"sv", "en"}

    Returns
    -------
    str

    Raises
    ------
    OptionError
        If there is no wording in that language.

    Examples
    --------
    >>> headline.__name__
    'headline'
    """
    say, outcome = wording(language, effect=content.says_effect), content.outcomes[0]
    row = content.programme(content.primary, outcome)
    if row is None or not all(math.isfinite(row[name]) for name in ("estimate", "conf_low", "conf_high")):
        return say("answer_none", outcome=say.term("plain", outcome))
    low, high = row["conf_low"], row["conf_high"]
    kind = "null" if low <= 0 <= high else ("higher" if low > 0 else "lower")
    size = percent(abs(row["estimate"]) if kind != "null" else row["estimate"], language)
    if kind == "lower":
        size = percent(-abs(row["estimate"]), language).lstrip("−")
    return say(
        f"answer_{kind}",
        outcome=say.term("plain", outcome),
        size=size,
        low=percent(low, language),
        high=percent(high, language),
    )


def truth_line(content: Content, language: str) -> str:
    """The true figure of a simulated study in one sentence; empty for real ones.

    Parameters
    ----------
    content : Content
    language : {"sv", "en"}

    Returns
    -------
    str

    Raises
    ------
    OptionError
        If there is no wording in that language.

    Examples
    --------
    >>> truth_line.__name__
    'truth_line'
    """
    true = content.truth.get(content.outcomes[0])
    return "" if true is None else wording(language)("answer_truth", size=percent(true, language))


def _answer(content: Content, say: Wording) -> Iterator[Block]:
    yield Paragraph(text=headline(content, say.language), kind="lead")
    if content.truth:
        yield Paragraph(text=truth_line(content, say.language))
    yield Paragraph(text=say(f"answer_comparison_{_comparing(content)}", **content.counts))
    if content.scorecard is not None and not content.says_effect:
        yield _why_no_effect(content.scorecard, say.language)
    if content.has("verdicts"):
        yield Listing(items=tuple(_verdict_counts(content, say)))
    believed = content.tables["believed"]
    lead = believed["outcome"] == content.outcomes[0]
    yield Table(
        frame=_ways(believed[lead], say, "column_way", "way", "column_meaning", "meaning"),
        caption=say("caption_believed", outcome=say.term("plain", content.outcomes[0])),
        note=say("note_believed"),
    )
    others = believed[~lead & believed["way"].isin([content.primary, "truth"])].sort_values("outcome", kind="stable")
    if len(others):
        frame = _ways(others, say, "column_outcome", "plain", "column_way", "way")
        yield Table(frame=frame, caption=say("caption_outcomes"))


def _why_no_effect(scorecard: Scorecard, language: str) -> Paragraph:
    """Which open questions keep the report from calling the difference an effect."""
    card = scorecard.table("sv" if language == "sv" else "en")
    wanted = zip(scorecard.lines, card["question"], strict=True)
    questions = " ".join(question for line, question in wanted if line.id in scorecard.open)
    return Paragraph(text=wording(language, effect=True)("effect_withheld", questions=questions), kind="explanation")


def _comparing(content: Content) -> str:
    """The way of comparing, with a name of its own where all firms of a stratum are weighed."""
    method = content.provenance.get("plan", {}).get("matching", {}).get("method")
    weighed = content.primary == "matched_did" and method in {"coarsened_exact", "entropy"}
    return "weighted" if weighed else content.primary


def _ways(table: pd.DataFrame, say: Wording, first: str, first_term: str, last: str, last_term: str) -> pd.DataFrame:
    """Differences with their intervals, between two columns of words."""
    named = {"way": "way", "meaning": "way", "plain": "outcome"}
    rows = [
        {
            say(first): say.term(first_term, item[named[first_term]]),
            say("column_difference"): percent(item["estimate"], say.language),
            say("column_interval"): _interval(item, say),
            say(last): say.term(last_term, item[named[last_term]]),
        }
        for item in table.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _verdict_counts(content: Content, say: Wording) -> Iterator[str]:
    verdicts = content.tables["verdicts"]
    for claim, rows in verdicts[verdicts["group"] != "programme"].groupby("claim", sort=False):
        counts = rows["verdict"].value_counts()
        parts = [f"{count} {say.term('verdict', verdict)}" for verdict, count in counts.items()]
        yield f"{claim_name(content, say, claim)}: {', '.join(parts)}."


def _organisations(content: Content, say: Wording) -> Iterator[Block]:
    if not content.has("organisations"):
        return
    table = content.tables["organisations"]
    names = content.labels.get("organisations", {})
    open_ = table[table["withheld"] == ""]
    drawn = open_.assign(group=[names.get(str(g), str(g)) for g in open_["group"]])
    yield Paragraph(text=say("organisations_intro"))
    yield Figure(
        svg=draw_svg(partial(_pooling, drawn, say.language), size=(7.2, 0.9 + 0.32 * len(drawn))),
        alt=say("alt_organisations", n=len(drawn), above=int((drawn["conf_low"] > 0).sum())),
        caption=say("caption_organisations_figure", outcome=say.term("plain", content.outcomes[0])),
    )
    rows = [
        {
            say("column_organisation"): names.get(str(item["group"]), str(item["group"])),
            say("column_firms"): item["firms"] if not item["withheld"] else "–",
            say("column_own"): percent(item["estimate"], say.language),
            say("column_pooled"): percent(item["pooled"], say.language),
            say("column_interval"): _interval(item, say),
            say("column_positive"): chance(item["p_positive"], say),
            say("column_best"): chance(item["p_best"], say),
        }
        for item in table.to_dict("records")
    ]
    yield Table(
        frame=pd.DataFrame(rows), caption=say("caption_organisations_table"), note=say("note_organisations_table")
    )


def _pooling(table: pd.DataFrame, language: str, ax: Any) -> None:
    shrinkage_plot(table, ax, language=language)


def _time(content: Content, say: Wording) -> Iterator[Block]:
    yield Paragraph(text=say("time_intro"))
    for outcome, effects in content.event_studies.items():
        point = effects.tidy()
        after = point[point["event_time"] >= 0]
        name = say.term("plain", outcome)
        low, high = (
            percent(float(value), say.language) for value in (after["estimate"].min(), after["estimate"].max())
        )
        yield Figure(
            svg=draw_svg(lambda ax, e=effects: event_study(e, ax, language=say.language)),  # type: ignore[misc]
            alt=say("alt_time", outcome=name, low=low, high=high),
            caption=say("caption_time", outcome=name),
        )


def _survey(content: Content, say: Wording) -> Iterator[Block]:
    if not content.has("survey"):
        return
    table, names = content.tables["survey"], content.labels.get("organisations", {})
    yield Paragraph(text=say("survey_intro"))
    pooled = table[(table["wave"].astype(str) == "all") & (table["term"] == "mean") & (table["withheld"] == "")]
    for scale, rows in pooled[pooled["organisation"] != "non-members"].groupby("scale", sort=False):
        drawn = rows.assign(organisation=[names.get(str(name), str(name)) for name in rows["organisation"]])
        label = say.term("scale", scale)
        yield Figure(
            svg=draw_svg(partial(_answers, drawn, say.language), size=(7.2, 0.9 + 0.28 * len(drawn))),
            alt=say("alt_survey", scale=label, n=len(drawn)),
            caption=say("caption_survey", scale=label),
        )
    response, reliability = content.tables["response"], content.tables["reliability"]
    response = response.assign(organisation=[group_name(content, say, name) for name in response["organisation"]])
    reliability = reliability.assign(scale=[say.term("scale", name) for name in reliability["scale"]])
    for name, frame in (("response", response), ("reliability", reliability)):
        yield Table(frame=shown(frame, say), caption=say(f"caption_{name}"), note=say(f"note_{name}"))


def _answers(table: pd.DataFrame, language: str, ax: Any) -> None:
    survey_plot(table, ax, language=language)


def _interviews(content: Content, say: Wording) -> Iterator[Block]:
    if not content.has("diagnostics"):
        return
    yield Paragraph(text=say("interviews_intro", **content.counts))
    heard = content.tables["diagnostics"]
    heard = heard[(heard["stream"] == "interviews") & (heard["withheld"] == "")]
    keys = ["test", "claim", "target"]
    counts = heard.groupby(keys, sort=True)[["observed", "reports"]].sum().astype(int).reset_index()
    counts["claim"] = [claim_name(content, say, claim) for claim in counts["claim"]]
    counts["target"] = [say.term("target", str(target).partition(":")[0]) for target in counts["target"]]
    yield Table(frame=shown(counts, say), caption=say("caption_diagnostics"), note=say("note_diagnostics"))
    if content.has("agreement"):
        agreement = shown(content.tables["agreement"], say)
        yield Table(frame=agreement, caption=say("caption_agreement"), note=say("note_agreement"))


def _checks(content: Content, say: Wording) -> Iterator[Block]:
    order = {"fail": 0, "warn": 1, "info": 2, "pass": 3}
    rows = [
        {
            say("column_area"): say.term("area", area),
            say("column_check"): check.name,
            say("column_result"): say(f"check_{check.verdict}"),
            say("column_finding"): check.message,
            say("column_remedy"): check.remedy,
        }
        for area, check in sorted(content.checks, key=lambda pair: order[pair[1].verdict])
    ]
    yield Paragraph(text=say("checks_intro"))
    yield Table(frame=pd.DataFrame(rows), caption=say("caption_checks"))


def _data(content: Content, say: Wording) -> Iterator[Block]:
    yield Paragraph(text=say("data_intro"))
    for name in ("sample", "intake"):
        if content.has(name):
            yield Table(frame=shown(content.tables[name], say), caption=say(f"caption_{name}"))


def _method(content: Content, say: Wording) -> Iterator[Block]:
    yield Listing(items=tuple(say(key) for key in ("method_effect", "method_errors", "method_pooling", "method_bias")))
    if content.provenance["deviation"]:
        yield Paragraph(text=say("deviation", **content.provenance["deviation"]), kind="warning")
    yield Table(frame=shown(content.tables["choices"], say), caption=say("caption_choices"))
    facts = {"plan_hash": content.provenance["plan_hash"], "seed": content.provenance["seed"]}
    facts |= content.provenance["versions"]
    frame = pd.DataFrame({say("column_item"): list(facts), say("column_value"): [str(v) for v in facts.values()]})
    yield Table(frame=frame, caption=say("caption_provenance"), note=say("note_provenance"))


def _interval(item: Mapping[Any, Any], say: Wording) -> str:
    low, high = item["conf_low"], item["conf_high"]
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return say("interval", low=percent(low, say.language), high=percent(high, say.language))


_SECTIONS: dict[str, Callable[[Content, Wording], Iterator[Block]]] = {
    "answer": _answer,
    "organisations": _organisations,
    "time": _time,
    "comparison": comparison_blocks,
    "survey": _survey,
    "interviews": _interviews,
    "triangulation": triangulation_blocks,
    "theory": theory_blocks,
    "robustness": robustness_blocks,
    "credibility": credibility_blocks,
    "checks": _checks,
    "data": _data,
    "method": _method,
}
