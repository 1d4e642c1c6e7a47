"""The rules that drop or flag rows of a member list, in words and in deed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.accounts._account_rules import Rule, entry
from clustereffects.accounts._table import row_list, sheet_rows
from clustereffects.accounts.ledger import IntakeLedger, LedgerEntry
from clustereffects.accounts.orgnr import OrgNumbers, format_orgnr
from clustereffects.errors import Problem

__all__ = ["Rule", "entry"]

_BARRED = "until then the firm is neither a member nor a control"
REFUSED = {
    "empty": Rule("organisation number missing", "dropped", "look the firm up in the register and add its number"),
    "not ten digits": Rule(
        "organisation number is not ten digits", "dropped", "look the firm's number up in the register"
    ),
    "wrong check digit": Rule(
        "wrong check digit", "dropped", "look the firm's number up in the register; it is not guessed"
    ),
}
ODD_FORMAT = Rule("organisation number written differently", "repaired", "none needed")
SOLE_TRADER = Rule(
    "sole trader: personal identity number", "flagged", "personal data: restrict access, delete what is not needed"
)
LEFT_UNREADABLE = Rule("leaving year not readable", "repaired", "write a year or a date; read as still a member")
DUPLICATE = Rule("duplicate row", "dropped", "none needed")
DUPLICATE_KEPT = Rule("duplicate row", "flagged", "none needed; this one of the equal rows is used")
UNDATED = {
    "missing": Rule("joining year missing", "dropped", f"ask the organisation for the year; {_BARRED}"),
    "unreadable": Rule("joining year not readable", "dropped", f"write a year or a date; {_BARRED}"),
    "backwards": Rule("spell ends before it starts", "dropped", f"ask the organisation which is right; {_BARRED}"),
}
FIRST_UNKNOWN = Rule(
    "first joining year unknown", "dropped", f"date the firm's spell in the other organisation; {_BARRED}"
)
TWO_ORGANISATIONS = Rule("firm in two organisations", "flagged", "none needed; the first spell decides")
REJOINED = Rule("firm joined again", "flagged", "none needed; the first spell decides")
OVERLAPPING = Rule("overlapping spells", "flagged", "merge the spells; the first decides")
BEFORE_START = Rule(
    "joined before the organisation started", "flagged", "check the joining year; it is used as written"
)
ABSENT = Rule("firm has no statement in the accounts", "dropped", "check the number; the firm cannot be evaluated")
OTHER_FORM = Rule(
    "firm outside the population of the accounts", "dropped", "none needed; the study is about one legal form"
)
PERHAPS = Rule(
    "firms that a mistyped number may mean", "flagged", "correct the number; until then these firms are not controls"
)


@dataclass(frozen=True, slots=True)
class Words:
    """What is wrong with a file, without the place."""

    what: str
    expected: str
    remedy: str


NO_IDENTIFIER = Words("rows without an organisation", "the identifier of the organisation", "fill in the cells")
IDENTIFIER_TWICE = Words("an organisation occurs twice", "each identifier once", "merge the rows or rename one")
NO_COUNTY = Words("a county is not a code", "two digits, such as 17", "write the code of the county")
NO_ORGANISATIONS = Words("the file has a header but no rows", "one row per organisation", "add the organisations")
SEVERAL_YEARS = Words(
    "a firm has several joining years in one organisation",
    "one joining year for each membership: a firm leaves before it joins again",
    "keep the row that is right, or give the year in which the earlier membership ended",
)
NO_MEMBERS = Words("the file has a header but no rows", "one row per membership spell", "add the members")


def problem(words: Words, rows: NDArray[np.int64], file: str) -> Problem:
    """Problem with some rows."""
    place = row_list(rows)
    return Problem(
        what=words.what, where=place, expected=words.expected, remedy=words.remedy, file=file, row=int(rows[0])
    )


def text(cells: pd.Series) -> NDArray[np.object_]:
    """Cells as text without blanks around; missing is empty text."""
    return np.array(["" if pd.isna(cell) else str(cell).strip() for cell in cells], dtype=object)


def number_entries(orgnr: OrgNumbers, written: NDArray[np.object_], file: str) -> IntakeLedger:
    """What is written about the numbers themselves."""
    refused = [
        entry(rule, file, sheet_rows(orgnr.reason == reason), written[orgnr.reason == reason])
        for reason, rule in REFUSED.items()
    ]
    odd = orgnr.unusual
    read_as = [
        f"{cell} read as {format_orgnr(number)}" for cell, number in zip(written[odd], orgnr.number[odd], strict=True)
    ]
    return IntakeLedger().record(
        *refused,
        entry(ODD_FORMAT, file, sheet_rows(odd), read_as),
        entry(SOLE_TRADER, file, sheet_rows(orgnr.sole_trader)),
    )


def usable_spells(clean: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[LedgerEntry]]:
    """Spells with a known start of firms whose first start is known, sorted by firm and start."""
    same = ["organisation", "firm", "joined", "left"]
    twice, involved = clean.duplicated(same).to_numpy(), clean.duplicated(same, keep=False).to_numpy()
    entries = [_entry(DUPLICATE, file, clean[twice]), _entry(DUPLICATE_KEPT, file, clean[involved & ~twice])]
    spells = clean[~twice]
    backwards = (spells["left"] < spells["joined"]) | (spells["left_day"] < spells["day"])
    spells = spells.assign(problem=spells["problem"].mask(backwards, "backwards"))
    entries += [_entry(rule, file, spells[spells["problem"] == kind]) for kind, rule in UNDATED.items()]
    dated, undated = spells[spells["problem"] == ""], spells[spells["problem"] != ""]
    pairs = pd.MultiIndex.from_frame(undated[["firm", "organisation"]])
    open_cases = undated[~pairs.isin(pd.MultiIndex.from_frame(dated[["firm", "organisation"]]))]
    unknown = dated["firm"].isin(open_cases["firm"]).to_numpy()
    entries.append(_entry(FIRST_UNKNOWN, file, dated[unknown]))
    return dated[~unknown].sort_values(["firm", "joined", "day", "row"], kind="stable"), entries


def later_spells(spells: pd.DataFrame, file: str) -> list[LedgerEntry]:
    """Spells after the first of each firm; they stay, but the first decides."""
    first = spells.groupby("firm")[["organisation", "joined"]].transform("first")
    latest_end = spells.groupby(["firm", "organisation"])["left"].shift()
    later = spells["firm"].duplicated()
    elsewhere = later & (spells["organisation"] != first["organisation"])
    again = later & ~elsewhere & (latest_end <= spells["joined"])
    overlap = later & ~elsewhere & ~again
    tie = np.where(spells["joined"] == first["joined"], ", the same year", "")
    deciding = ~later & spells["firm"].isin(spells.loc[elsewhere, "firm"])
    words: pd.Series = "first in " + first["organisation"] + " " + first["joined"].astype(int).astype(str) + tie
    words = words.mask(deciding, "this spell decides")
    found = ((TWO_ORGANISATIONS, elsewhere | deciding), (REJOINED, again), (OVERLAPPING, overlap))
    return [entry(rule, file, spells.loc[mask, "row"].to_numpy(), words[mask]) for rule, mask in found]


def contradictions(spells: pd.DataFrame, file: str) -> tuple[Problem, ...]:
    """Spells, sorted by start, that begin in another year than one of the same membership that has not ended."""
    pair = [spells["firm"], spells["organisation"]]
    ends = spells["left"].fillna(np.inf).groupby(pair).cummax().groupby(pair).shift()
    again = (spells["joined"] < ends) & (spells["joined"] != spells.groupby(["firm", "organisation"])["joined"].shift())
    if not again.any():
        return ()
    involved = spells[pd.MultiIndex.from_arrays(pair).isin(pd.MultiIndex.from_arrays([p[again] for p in pair]))]
    return (problem(SEVERAL_YEARS, involved["row"].sort_values().to_numpy(), file),)


def before_start(spells: pd.DataFrame, started: Mapping[str, float], file: str) -> LedgerEntry:
    """Spells that begin before their organisation did."""
    begun = spells["organisation"].map(started).astype("float64") if started else pd.Series(np.nan, index=spells.index)
    early = (spells["joined"] < begun).to_numpy()
    words = [
        f"joined {joined:.0f}, organisation started {start:.0f}"
        for joined, start in zip(spells["joined"][early], begun[early], strict=True)
    ]
    return entry(BEFORE_START, file, spells.loc[early, "row"].to_numpy(), words)


def unlinked(rule: Rule, file: str, spells: pd.DataFrame) -> LedgerEntry:
    """Spells of firms that the accounts do not hold."""
    return _entry(rule, file, spells)


def _entry(rule: Rule, file: str, spells: pd.DataFrame) -> LedgerEntry:
    words: Iterable[Any] = (
        f"{organisation}: {format_orgnr(firm)}" + (f" {name}" if name else "")
        for organisation, firm, name in zip(spells["organisation"], spells["firm"], spells["name"], strict=True)
    )
    return entry(rule, file, spells["row"].to_numpy(), list(words))
