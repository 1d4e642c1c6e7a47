"""The section on comparison firms: who could be one, how members were matched, who was left out, other designs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from clustereffects.inference import critical_value
from clustereffects.reporting.content import Content
from clustereffects.reporting.document import Block, Figure, Paragraph, Table, draw_svg
from clustereffects.reporting.figures import love_plot
from clustereffects.reporting.tables import number, percent
from clustereffects.reporting.words import Wording


def comparison_blocks(content: Content, say: Wording) -> Iterator[Block]:
    """Everything that the report says about the comparison firms."""
    yield Paragraph(text=say("comparison_intro", **content.counts))
    for name, build in (("rules", _rules), ("rungs", _rungs)):
        if content.has(name):
            yield from build(content.tables[name], say)
    balance = content.tables["balance"]
    largest = float(balance["smd_after"].abs().max())
    yield Figure(
        svg=draw_svg(lambda ax: love_plot(balance, ax, language=say.language), size=(7.2, 1.2 + 0.35 * len(balance))),
        alt=say("alt_balance", largest=number(largest, say.language, 2)),
        caption=say("caption_balance"),
    )
    for name, build in (("unmatched", _unmatched), ("dropped", _dropped), ("designs", _designs)):
        if content.has(name):
            yield from build(content.tables[name], say)


def _rules(table: pd.DataFrame, say: Wording) -> Iterator[Block]:
    """Who could be a comparison firm in the joining year with most candidates."""
    ends = table.set_index("step")["firms"]
    year = int(table["cohort"].iloc[0])
    first, last = (_count(ends[step], say) for step in ("candidates", "left"))
    yield Paragraph(text=say("rules_intro", year=year, first=first, last=last))
    steps = table[table["firms"].isna()]
    frame = pd.DataFrame(
        {
            say("column_rule"): [say.term("step", step) for step in steps["step"]],
            say("column_removed"): [_count(value, say) for value in steps["removed"]],
            say("column_only"): [_count(value, say) for value in steps["only"]],
        }
    )
    yield Table(frame=frame, caption=say("caption_rules", year=year), note=say("note_rules"))


def _rungs(table: pd.DataFrame, say: Wording) -> Iterator[Block]:
    yield Paragraph(text=say("rungs_intro"))
    frame = pd.DataFrame(
        {
            say("column_rung"): [_rung(rung, say) for rung in table["rung"]],
            say("column_members"): [_count(value, say) for value in table["members"]],
        }
    )
    yield Table(frame=frame, caption=say("caption_rungs"), note=say("note_withheld"))


def _rung(rung: str, say: Wording) -> str:
    """Rung of the ladder in words: ``industry 5 digits`` and names of columns."""
    parts = []
    for part in rung.split(", "):
        found = re.fullmatch(r"(\w+) (\d) digits?", part)
        name = say.term("variable", found[1] if found else part)
        parts.append(say("rung_digits", variable=name, digits=found[2]) if found else name)
    return ", ".join(parts)


def _unmatched(table: pd.DataFrame, say: Wording) -> Iterator[Block]:
    frame = pd.DataFrame(
        {
            say("column_reason"): [say.term("reason", reason) for reason in table["reason"]],
            say("column_constraint"): [_constraint(constraint, say) for constraint in table["constraint"]],
            say("column_members"): [_count(value, say) for value in table["members"]],
        }
    )
    yield Table(frame=frame, caption=say("caption_unmatched"), note=say("note_withheld"))


def _constraint(constraint: str, say: Wording) -> str:
    """Columns and rules that removed the last candidate, or were not known of the member."""
    names = constraint.replace("exact: ", "").replace("bounds: ", "").split(", ")
    words = [
        say.term("step", name) if say.has(f"step_{name}".replace(" ", "_")) else _variable(name, say) for name in names
    ]
    return ", ".join(words)


def _variable(name: str, say: Wording) -> str:
    """A column in words, with the year before joining in which it is read."""
    found = re.fullmatch(r"(.+)\[-(\d+)\]", name)
    base = found[1] if found else name
    word = say.term("variable", base) if say.has(f"variable_{base}") else say.term("outcome", base)
    return say("variable_before", variable=word, years=found[2]) if found else word


def _dropped(table: pd.DataFrame, say: Wording) -> Iterator[Block]:
    """Members without comparison firms beside the others."""
    yield Paragraph(text=say("dropped_intro"))
    frame = pd.DataFrame(
        {
            say("column_variable"): [_variable(name, say) for name in table["variable"]],
            **{say(f"column_{name}"): _numbers(table[name], say) for name in ("kept", "dropped", "smd")},
            say("column_n_dropped"): [_count(value, say) for value in table["n_dropped"]],
        }
    )
    yield Table(frame=frame, caption=say("caption_dropped"), note=say("note_dropped"))


def _designs(table: pd.DataFrame, say: Wording) -> Iterator[Block]:
    """Other ways of matching on the years before joining, and what a diagnosis would choose."""
    yield Paragraph(text=say("designs_intro"))
    shown = table.rename(columns={"placebo_beyond": "before", "placebo_beyond_std_error": "before_std_error"})
    frame = pd.DataFrame(
        {
            say("column_design"): [say.term("design", name) for name in shown["design"]],
            say("column_members"): [_count(value, say) for value in shown["treated"]],
            say("column_difference"): [percent(float(value), say.language) for value in shown["estimate"]],
            say("column_interval"): [_interval(item["estimate"], item["std_error"], say) for item in _records(shown)],
            say("column_before"): [
                _interval(item["before"], item["before_std_error"], say) for item in _records(shown)
            ],
            say("column_bias"): [percent(float(value), say.language) for value in shown["estimated_bias"]],
        }
    )
    yield Table(frame=frame, caption=say("caption_designs"), note=say("note_designs"))
    chosen = [say.term("design", name) for name in table.loc[table["recommended"], "design"]]
    if chosen:
        yield Paragraph(text=say("designs_advice", design=chosen[0]))


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")


def _interval(estimate: float, error: float, say: Wording) -> str:
    reach = critical_value(0.95) * error
    low, high = percent(estimate - reach, say.language), percent(estimate + reach, say.language)
    return "–" if "–" in (low, high) else say("interval", low=low, high=high)


def _numbers(values: pd.Series, say: Wording) -> list[str]:
    return [number(float(value), say.language, 2) for value in values]


def _count(value: Any, say: Wording) -> str:
    """Whole number, a dash where it is withheld."""
    return "–" if value is pd.NA else number(float(value), say.language, 0)
