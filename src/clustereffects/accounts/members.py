"""Member lists: from a cluster leader's spreadsheet to membership spells and the joining year of each firm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.accounts._member_rules as rules
from clustereffects.accounts._dates import parse_when
from clustereffects.accounts._table import Layout, is_empty, numbers, open_table, row_list, sheet_rows, whole_numbers
from clustereffects.accounts.ledger import IntakeLedger
from clustereffects.accounts.orgnr import clean_orgnr, masked
from clustereffects.errors import InputError, Problem

_MEMBER_COLUMNS = Layout(("organisation", "orgnr", "joined"), ("firm", "left", "participation"))
_ORGANISATION_COLUMNS = Layout(("organisation", "name", "county"), ("field", "started"))


@dataclass(frozen=True, slots=True, eq=False)
class Organisations:
    """The cluster organisations of the study.

    Parameters
    ----------
    frame : DataFrame
        ``organisation``, ``name``, ``field``, ``county`` (two digits), ``started`` (year, NaN = unknown).
    file : str

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> read_organisations(pd.DataFrame({"organisation": ["K01"], "name": ["Steel"], "county": [20]})).ids
    ('K01',)
    """

    frame: pd.DataFrame
    file: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Identifiers in the order of the file."""
        return tuple(self.frame["organisation"])

    @property
    def county(self) -> dict[str, str]:
        """County of each organisation."""
        return dict(zip(self.frame["organisation"], self.frame["county"], strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Members:
    """What a member list says once it has been cleaned.

    Parameters
    ----------
    spells : DataFrame
        Usable spells: ``organisation``, ``name``, ``firm``, ``joined``, ``left`` (years, NaN = still a member),
        ``participation``, ``row``.
    firms : DataFrame
        One row per firm whose joining year is known: ``firm``, ``cohort`` (first joining year over all organisations),
        ``organisation`` (of the first spell), ``left`` (NaN = still a member), ``participation`` (of the first spell), ``row``.
    ever_members : ndarray of int64
        Every clean number of the list, dated or not, sorted: none of these firms may serve as a control.
    mistyped : DataFrame
        ``organisation``, ``typed``, ``row`` of entries with a wrong check digit.
    listed : mapping of str to int
        Rows by organisation.
    problems : tuple of Problem
        Firms with several joining years in one organisation at the same time; ``check`` lists them, reading takes the
        first year.
    ledger : IntakeLedger
    file : str

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> members = read_members(
    ...     pd.DataFrame({"organisation": ["K01", "K02"], "orgnr": ["556016-0680"] * 2, "joined": ["2004-05-01", "2006"]})
    ... )
    >>> members.firms[["firm", "cohort", "organisation"]].values.tolist()
    [[5560160680, 2004, 'K01']]
    """

    spells: pd.DataFrame
    firms: pd.DataFrame
    ever_members: NDArray[np.int64]
    mistyped: pd.DataFrame
    listed: Mapping[str, int]
    ledger: IntakeLedger
    file: str
    problems: tuple[Problem, ...] = ()


def read_organisations(source: Any, *, name: str = "organisations") -> Organisations:
    """Read the cluster organisations.

    Parameters
    ----------
    source : path or frame
        Columns ``organisation``, ``name``, ``county``; ``field`` and ``started`` may be missing.
    name : str
        What messages call a frame; a file keeps its own name.

    Returns
    -------
    Organisations

    Raises
    ------
    InputError
        With every problem: missing columns, empty or repeated identifiers, counties that are not codes.

    Examples
    --------
    >>> read_organisations(pd.DataFrame({"organisation": ["K01"], "name": ["Steel"], "county": [3]})).county
    {'K01': '03'}
    """
    table = open_table(source, name, _ORGANISATION_COLUMNS)
    frame, problems = table.frame, list[Problem]()
    ids, county = rules.text(frame["organisation"]), rules.text(frame["county"])
    county = np.array([value.removesuffix(".0").zfill(2) for value in county], dtype=object)
    wrong_county = np.array(
        [not (len(value) == 2 and value.isdigit() and value != "00") for value in county], dtype=bool
    )
    twice = pd.Series(ids).duplicated().to_numpy() & (ids != "")
    found = ((ids == "", rules.NO_IDENTIFIER), (twice, rules.IDENTIFIER_TWICE), (wrong_county, rules.NO_COUNTY))
    problems += [rules.problem(words, sheet_rows(mask), table.name) for mask, words in found if mask.any()]
    started = (
        whole_numbers(frame, "started", table.name, problems, required=False)
        if "started" in frame
        else np.full(len(frame), np.nan)
    )
    if len(frame) == 0:
        problems.append(rules.problem(rules.NO_ORGANISATIONS, sheet_rows(np.array([0])), table.name))
    if problems:
        raise InputError(problems)
    columns = {"organisation": ids, "name": rules.text(frame["name"])}
    columns["field"] = rules.text(frame["field"]) if "field" in frame else np.full(len(frame), "", dtype=object)
    return Organisations(pd.DataFrame({**columns, "county": county, "started": started}), table.name)


def read_members(
    source: Any,
    organisations: Organisations | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    name: str = "members",
) -> Members:
    """Read a member list: one row per membership spell.

    Parameters
    ----------
    source : path or frame
        Columns ``organisation``, ``orgnr``, ``joined`` (date or year); ``firm``, ``left`` and ``participation`` may be
        missing.
    organisations : Organisations, optional
        If given, every organisation of the list must be among them.
    columns : mapping of str to str, optional
        Canonical name → the name the file uses.
    name : str
        What messages call a frame; a file keeps its own name.

    Returns
    -------
    Members

    Raises
    ------
    InputError
        With every problem: missing columns, unknown organisations, cells that are not numbers.

    Notes
    -----
    Rules, in this order. A row without a usable organisation number is dropped; a wrong check digit is never guessed right.
    A repeated row (same organisation, firm, joining and leaving year) is dropped. A spell without a readable joining year, or
    that ends before it starts, is dropped; if the firm has no other spell in that organisation its first joining year is
    unknown and its other spells are dropped as well. The first spell, over all organisations, gives the cohort and the
    organisation; later spells are flagged. A spell that begins in another year than one of the same firm and organisation
    that has not ended is a contradiction for the user to resolve (``problems``). Dropped firms stay in ``ever_members``.

    Examples
    --------
    >>> members = read_members(
    ...     pd.DataFrame({"organisation": ["K01"], "firm": ["Bruk AB"], "orgnr": ["5560160680"], "joined": [None]})
    ... )
    >>> members.ledger.to_frame()[["row", "rule", "action"]].values.tolist()
    [[2, 'joining year missing', 'dropped']]
    """
    layout = Layout(_MEMBER_COLUMNS.required, _MEMBER_COLUMNS.optional, columns)
    table = open_table(source, name, layout)
    frame, ledger, refused = _typed(table.frame, organisations, table.name)
    listed = {str(key): int(count) for key, count in frame["organisation"].value_counts(sort=False).items()}
    clean = frame[frame["firm"] > 0]
    ever = np.unique(clean["firm"].to_numpy())
    spells, entries = rules.usable_spells(clean, table.name)
    later = rules.later_spells(spells, table.name)
    early = rules.before_start(spells, {} if organisations is None else _started(organisations), table.name)
    return Members(
        spells=spells.drop(columns=["day", "left_day", "problem"]).reset_index(drop=True),
        firms=_first_spells(spells),
        ever_members=ever,
        mistyped=refused,
        listed=listed,
        ledger=ledger.record(*entries, *later, early),
        file=table.name,
        problems=rules.contradictions(spells, table.name),
    )


def _typed(
    raw: pd.DataFrame, organisations: Organisations | None, file: str
) -> tuple[pd.DataFrame, IntakeLedger, pd.DataFrame]:
    problems: list[Problem] = []
    nothing = pd.Series([None] * len(raw), dtype=object)
    organisation = rules.text(raw["organisation"])
    problems += _organisation_problems(organisation, organisations, file)
    participation = (
        numbers(raw, "participation", file, problems) if "participation" in raw else np.full(len(raw), np.nan)
    )
    if len(raw) == 0:
        problems.append(rules.problem(rules.NO_MEMBERS, sheet_rows(np.array([0])), file))
    if problems:
        raise InputError(problems)
    orgnr = clean_orgnr(raw["orgnr"])
    joined, left = parse_when(raw["joined"]), parse_when(raw.get("left", nothing))
    frame = pd.DataFrame(
        {
            "organisation": organisation,
            "name": rules.text(raw["firm"]) if "firm" in raw else "",
            "firm": orgnr.number,
            "joined": joined.year,
            "left": left.year,
            "participation": participation,
            "row": sheet_rows(np.arange(len(raw))),
            "day": joined.day,
            "left_day": left.day,
            "problem": np.select([joined.empty, joined.unreadable], ["missing", "unreadable"], ""),
        }
    )
    written = [
        masked(value) if not empty else "" for value, empty in zip(raw["orgnr"], is_empty(raw["orgnr"]), strict=True)
    ]
    ledger = rules.number_entries(orgnr, np.array(written, dtype=object), file)
    shown = [f"left {value!r}" for value in (raw["left"][left.unreadable] if "left" in raw else [])]
    ledger = ledger.record(rules.entry(rules.LEFT_UNREADABLE, file, sheet_rows(left.unreadable), shown))
    mistyped = (orgnr.number == 0) & (orgnr.typed > 0)
    refused = frame.loc[mistyped, ["organisation", "row"]].assign(typed=orgnr.typed[mistyped])
    return frame, ledger, refused.reset_index(drop=True)


def _organisation_problems(ids: NDArray[np.object_], known: Organisations | None, file: str) -> list[Problem]:
    found = [rules.problem(rules.NO_IDENTIFIER, sheet_rows(ids == ""), file)] if (ids == "").any() else []
    if known is None:
        return found
    for unknown in sorted(set(ids) - set(known.ids) - {""}):
        rows = sheet_rows(ids == unknown)
        found.append(
            Problem(
                what=f"organisation {unknown!r} is not among the organisations",
                where=row_list(rows),
                expected="one of " + ", ".join(known.ids),
                remedy=f"correct the identifier, or add the organisation to {known.file}",
                file=file,
                row=int(rows[0]),
            )
        )
    return found


def _started(organisations: Organisations) -> dict[str, float]:
    return dict(zip(organisations.frame["organisation"], organisations.frame["started"], strict=True))


def _first_spells(spells: pd.DataFrame) -> pd.DataFrame:
    """One row per firm; ``spells`` come sorted by firm and start."""
    open_end = spells["left"].isna().groupby(spells["firm"]).transform("any")
    last = spells.groupby("firm")["left"].transform("max").mask(open_end)
    first = spells.assign(left=last).drop_duplicates("firm")
    first = first.rename(columns={"joined": "cohort"}).astype({"cohort": "int64"})
    return first[["firm", "cohort", "organisation", "left", "participation", "row"]].reset_index(drop=True)
