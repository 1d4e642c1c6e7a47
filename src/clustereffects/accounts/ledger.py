"""The intake ledger: every row of an input file that was repaired, dropped or flagged, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Action = Literal["repaired", "dropped", "flagged"]
COLUMNS = ("file", "row", "rule", "action", "remedy", "detail")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LedgerEntry:
    """One rule that was applied to some rows of one file.

    Parameters
    ----------
    file : str
    rule : str
        What was found, in the same words for every row.
    action : {"repaired", "dropped", "flagged"}
        *Flagged* rows are used as they are.
    remedy : str
        What the user can do about it in the source.
    rows : array-like of int
        Rows as a spreadsheet counts: the header is row 1.
    detail : str or sequence of str
        One text for all rows, or one for each.

    Raises
    ------
    ValueError
        If the action is unknown or the details do not match the rows.

    Examples
    --------
    >>> entry = LedgerEntry(file="members.csv", rule="duplicate row", action="dropped", remedy="", rows=[7, 9])
    >>> entry.rows.tolist()
    [7, 9]
    """

    file: str
    rule: str
    action: Action
    remedy: str
    rows: NDArray[np.int64]
    detail: str | Sequence[str] = ""

    def __post_init__(self) -> None:
        if self.action not in {"repaired", "dropped", "flagged"}:
            raise ValueError(f"an action is repaired, dropped or flagged, not {self.action!r}")
        rows = np.array(self.rows, dtype=np.int64).reshape(-1)
        rows.flags.writeable = False
        object.__setattr__(self, "rows", rows)
        if not isinstance(self.detail, str):
            object.__setattr__(self, "detail", tuple(self.detail))
            if len(self.detail) != len(rows):
                raise ValueError(f"{len(self.detail)} details for {len(rows)} rows")


@dataclass(frozen=True, slots=True, eq=False)
class IntakeLedger:
    """Immutable list of all that intake did to rows; ledgers add up with ``+``.

    Parameters
    ----------
    entries : tuple of LedgerEntry

    Raises
    ------
    TypeError
        If something else than a ledger is added.

    Examples
    --------
    >>> ledger = IntakeLedger().record(
    ...     LedgerEntry(file="members.csv", rule="duplicate row", action="dropped", remedy="none needed", rows=[9, 7])
    ... )
    >>> ledger.to_frame()[["file", "row", "action"]].values.tolist()
    [['members.csv', 7, 'dropped'], ['members.csv', 9, 'dropped']]
    """

    entries: tuple[LedgerEntry, ...] = ()

    def record(self, *entries: LedgerEntry) -> IntakeLedger:
        """Ledger with further entries; an entry without rows leaves no trace."""
        return IntakeLedger((*self.entries, *(entry for entry in entries if len(entry.rows))))

    def __add__(self, other: IntakeLedger) -> IntakeLedger:
        return self.record(*other.entries)

    def rows(self, rule: str) -> NDArray[np.int64]:
        """Rows, sorted, that a rule touched in any file."""
        found = [entry.rows for entry in self.entries if entry.rule == rule]
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def counts(self) -> pd.DataFrame:
        """Number of rows by file, rule and action, in the order in which the rules were applied."""
        table = pd.DataFrame(
            [(entry.file, entry.rule, entry.action, len(entry.rows)) for entry in self.entries],
            columns=["file", "rule", "action", "rows"],
        )
        return table.groupby(["file", "rule", "action"], sort=False)["rows"].sum().reset_index()

    def to_frame(self) -> pd.DataFrame:
        """Every touched row with the columns ``file, row, rule, action, remedy, detail``, by file and row."""
        if not self.entries:
            return pd.DataFrame(
                {column: pd.Series(dtype="int64" if column == "row" else "object") for column in COLUMNS}
            )
        frame = pd.concat([_expanded(entry) for entry in self.entries], ignore_index=True)
        return frame.sort_values(["file", "row"], kind="stable", ignore_index=True)[list(COLUMNS)]


def _expanded(entry: LedgerEntry) -> pd.DataFrame:
    detail = entry.detail if isinstance(entry.detail, str) else list(entry.detail)
    words = {"file": entry.file, "rule": entry.rule, "action": entry.action, "remedy": entry.remedy, "detail": detail}
    return pd.DataFrame({"row": entry.rows, **words})
