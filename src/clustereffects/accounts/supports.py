"""Other public support that firms received."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.accounts._account_rules import Rule, entry
from clustereffects.accounts._table import Layout, numbers, open_table, sheet_rows, whole_numbers
from clustereffects.accounts.ledger import IntakeLedger
from clustereffects.accounts.orgnr import clean_orgnr, masked
from clustereffects.errors import InputError, Problem

_UNUSABLE = Rule("support without a usable organisation number", "dropped", "correct the number in the source")


@dataclass(frozen=True, slots=True, eq=False)
class Supports:
    """Decisions on other support, one row each.

    Parameters
    ----------
    frame : DataFrame
        ``firm``, ``year``, ``programme``, ``amount`` (kSEK).
    ledger : IntakeLedger
    file : str

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> read_supports(pd.DataFrame({"orgnr": ["556016-0681"], "year": [2004]})).ledger.counts()["rows"].tolist()
    [1]
    """

    frame: pd.DataFrame
    ledger: IntakeLedger
    file: str


def read_supports(source: Any, *, name: str = "supports") -> Supports:
    """Read the table of other public support.

    Parameters
    ----------
    source : path or frame
        Columns ``orgnr``, ``year``; ``programme`` and ``amount`` may be missing.
    name : str
        What messages call a frame; a file keeps its own name.

    Returns
    -------
    Supports

    Raises
    ------
    InputError
        With every problem: missing columns, years or amounts that are not numbers.

    Examples
    --------
    >>> supports = read_supports(pd.DataFrame({"orgnr": ["165560160680"], "year": [2004], "amount": ["70"]}))
    >>> supports.frame[["firm", "year", "amount"]].values.tolist()
    [[5560160680.0, 2004.0, 70.0]]
    """
    table = open_table(source, name, Layout(("orgnr", "year"), ("programme", "amount")))
    raw, problems = table.frame, list[Problem]()
    year = whole_numbers(raw, "year", table.name, problems)
    amount = numbers(raw, "amount", table.name, problems) if "amount" in raw else np.full(len(raw), np.nan)
    if problems:
        raise InputError(problems)
    orgnr = clean_orgnr(raw["orgnr"])
    words = [
        reason if reason == "empty" else f"{masked(value)}: {reason}"
        for value, reason in zip(raw["orgnr"][~orgnr.ok], orgnr.reason[~orgnr.ok], strict=True)
    ]
    ledger = IntakeLedger().record(entry(_UNUSABLE, table.name, sheet_rows(~orgnr.ok), words))
    columns = {"firm": orgnr.number, "year": year.astype(np.int64), "amount": amount}
    programme = raw["programme"] if "programme" in raw else pd.Series([""] * len(raw), dtype=object)
    frame = pd.DataFrame(columns).assign(programme=programme.to_numpy())[["firm", "year", "programme", "amount"]]
    return Supports(frame[orgnr.ok].reset_index(drop=True), ledger, table.name)
