"""Sections on the three perspectives together: verdicts with what each perspective says, and the theory of change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from clustereffects.reporting._names import chances, claim_name, group_name, named
from clustereffects.reporting.content import Content
from clustereffects.reporting.document import Block, Figure, Listing, Paragraph, Table, draw_svg
from clustereffects.reporting.figures import (
    convergence_alt,
    convergence_matrix,
    evidence_waterfall,
    posterior_alt,
    posterior_with_bounds,
    theory_alt,
    theory_graph,
    tipping_alt,
    tipping_curves,
    verdict_matrix,
    waterfall_alt,
)
from clustereffects.reporting.words import Wording
from clustereffects.triangulation import Findings, Theory

_CELL_FIGURES: dict[str, tuple[Callable[..., Any], Callable[..., str], str]] = {
    "waterfall": (evidence_waterfall, waterfall_alt, "waterfall_caption"),
    "posterior": (posterior_with_bounds, posterior_alt, "caption_posterior"),
    "tipping": (tipping_curves, tipping_alt, "caption_tipping_curves"),
}
_AHEAD = 0.5


def triangulation_blocks(content: Content, say: Wording) -> Iterator[Block]:
    """Verdicts, what each perspective says alone, and what is judgement."""
    if not content.has("verdicts"):
        return
    drawn = named(content, say, content.tables["verdicts"])
    yield Paragraph(text=say("triangulation_intro"))
    counts = drawn["verdict"].value_counts()
    parts = ", ".join(f"{count} {say.term('verdict', verdict)}" for verdict, count in counts.items())
    height = 1.8 + 0.42 * drawn["claim"].nunique()
    yield Figure(
        svg=draw_svg(lambda ax: verdict_matrix(drawn, ax), size=(8.2, height)),
        alt=say("alt_verdicts", parts=parts),
        caption=say("caption_verdicts"),
    )
    if content.has("completeness"):
        yield _perspectives(content, say)
    yield from cell_figure(content, say, "waterfall")
    yield Table(
        frame=_verdict_rows(content, say, drawn), caption=say("caption_verdict_table"), note=say("note_verdict_table")
    )
    yield from _judgements(content, say)


def _perspectives(content: Content, say: Wording) -> Figure:
    """What each perspective says alone, where that may be told."""
    told = content.tables["completeness"]
    told = told[told["status"] != "not published"]
    if content.has("assessment"):
        keys = ["claim", "group"]
        told = told.merge(content.tables["assessment"][[*keys, "assessment"]], on=keys, how="left")
        told["assessment"] = told["assessment"].fillna("")
    drawn = named(content, say, told)
    size = (max(8.2, 2.6 + 0.55 * drawn["group"].nunique()), 2.2 + 0.4 * drawn["claim"].nunique())
    return Figure(
        svg=draw_svg(lambda ax: convergence_matrix(drawn, ax, language=say.language), size=size),
        alt=convergence_alt(drawn, language=say.language),
        caption=say("caption_convergence"),
    )


def cell_figure(content: Content, say: Wording, kind: str) -> Iterator[Figure]:
    """A figure of the programme on the claim about the leading outcome, if that may be shown."""
    key = leading(content)
    if key is None or content.findings is None:
        return
    draw, alt, caption = _CELL_FIGURES[kind]
    findings, cell = content.findings, {"claim": key[0], "group": key[1], "language": say.language}
    names = {"claim": claim_name(content, say, key[0]), "group": group_name(content, say, key[1])}
    yield Figure(
        svg=draw_svg(lambda ax: draw(findings, ax, **cell), size=(7.2, 4.4)),
        alt=alt(findings, **cell),
        caption=say(caption, **names),
    )


def leading(content: Content) -> tuple[str, str] | None:
    """Claim about the leading outcome, for the programme; None where nothing is said on it."""
    if content.findings is None or not content.outcomes:
        return None
    cells = [cell for cell in content.findings.cells if cell.model.group == "programme" and cell.verdict != "silent"]
    about = [cell for cell in cells if f"log_{cell.model.claim.outcome}" == content.outcomes[0]]
    chosen = next(iter([*about, *cells]), None)
    return None if chosen is None else (chosen.model.claim.id, chosen.model.group)


def _verdict_rows(content: Content, say: Wording, drawn: pd.DataFrame) -> pd.DataFrame:
    """Verdict of each cell with its band in words and what would change it."""
    bands = {} if content.findings is None else _bands(content.findings, say)
    keys = zip(content.tables["verdicts"]["claim"], content.tables["verdicts"]["group"], strict=True)
    rows = [
        {
            say("column_claim"): item["claim"],
            say("column_organisation"): item["group"],
            say("column_verdict"): say.term("verdict", item["verdict"]),
            say("column_band"): bands.get(key, "–"),
            say("column_tipping"): sentence,
        }
        for item, key, sentence in zip(drawn.to_dict("records"), keys, content.sentences[say.language], strict=True)
    ]
    return pd.DataFrame(rows)


def _bands(findings: Findings, say: Wording) -> dict[tuple[str, str], str]:
    table = findings.bands("sv" if say.language == "sv" else "en")
    words = [f"{state}: {band}" for state, band in zip(table["state"], table["words"], strict=True)]
    return dict(zip(zip(table["claim"], table["group"], strict=True), words, strict=True))


def _judgements(content: Content, say: Wording) -> Iterator[Block]:
    """Which inputs are judgement, and into how many verdicts each of them enters."""
    if content.findings is None:
        return
    table = content.findings.bands("sv" if say.language == "sv" else "en")
    # The number of signs in brackets differs from cell to cell.
    parts = Counter(part.split(" (")[0] for text in table["judgement"] for part in text.split("; "))
    if parts:
        yield Paragraph(text=say("judgement_intro"))
        yield Listing(
            items=tuple(say("judgement_item", what=what, n=n, all=len(table)) for what, n in parts.most_common())
        )


def theory_blocks(content: Content, say: Wording) -> Iterator[Block]:
    """The theory of change with verdicts, its chains, and what accounts for what was observed."""
    findings, verdicts = content.findings, content.tables.get("verdicts")
    if findings is None or verdicts is None or not (verdicts["group"] == "programme").any():
        return
    group = group_name(content, say, "programme")
    yield Paragraph(text=say("theory_intro", group=group))
    height = min(1.6 + 0.4 * len(findings.theory.nodes), 6.5)
    chosen: dict[str, Any] = {"group": "programme", "verdicts": verdicts, "language": say.language}
    yield Figure(
        svg=draw_svg(lambda ax: theory_graph(findings, ax, **chosen), size=(8.2, height)),
        alt=theory_alt(findings, **chosen),
        caption=say("caption_theory", group=group),
    )
    if content.has("paths"):
        paths = content.tables["paths"]
        yield from _paths(findings.theory, say, paths[paths["group"] == "programme"], group)
    if content.has("attribution"):
        yield from _attribution(content, findings.theory, say)


def _paths(theory: Theory, say: Wording, paths: pd.DataFrame, group: str) -> Iterator[Block]:
    ends = {link.id: (link.start, link.end) for link in theory.links}
    nodes = {node.id: getattr(node, say.language) or node.id for node in theory.nodes}
    rows = [
        {
            say("column_path"): " → ".join(
                [nodes[ends[path["links"].split(" → ")[0]][0]]]
                + [nodes[ends[link][1]] for link in path["links"].split(" → ")]
            ),
            say("column_probability"): chances(path["lower"], path["upper"], say),
            say("column_weakest"): " → ".join(nodes[node] for node in ends[path["weakest"]]),
        }
        for path in paths.to_dict("records")
    ]
    if rows:
        yield Table(frame=pd.DataFrame(rows), caption=say("caption_paths", group=group))


def _attribution(content: Content, theory: Theory, say: Wording) -> Iterator[Block]:
    """In how many organisations each explanation is more probable than all others together, by claim."""
    table = content.tables["attribution"]
    examined = table[(table["group"] != "programme") & table["items"].groupby([table["claim"], table["group"]])
                     .transform("sum").gt(0)]  # fmt: skip
    if examined.empty:
        return
    best = examined.loc[examined.groupby(["claim", "group"])["probability"].idxmax()]
    best = best.assign(hypothesis=best["hypothesis"].where(best["probability"] > _AHEAD, "unclear"))
    counts = best.groupby(["claim", "hypothesis"], sort=False).size().reset_index(name="n")
    rows = [
        {
            say("column_claim"): claim_name(content, say, row["claim"]),
            say("column_explanation"): hypothesis(theory, say, str(row["hypothesis"])),
            say("column_organisations"): row["n"],
        }
        for row in counts.to_dict("records")
    ]
    yield Paragraph(text=say("attribution_intro"))
    yield Table(frame=pd.DataFrame(rows), caption=say("caption_attribution"))


def hypothesis(theory: Theory, say: Wording, name: str) -> str:
    """Label of an explanation: the organisation, rivals, several joined, or something else."""
    rivals = {rival.id: getattr(rival, say.language) for rival in theory.rivals}
    parts = name.split(" + ")
    return " + ".join(rivals.get(part) or say.term("hypothesis", part).replace("_", " ") for part in parts)
