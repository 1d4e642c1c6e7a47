"""The rules that drop, repair or flag rows of the accounts, in words and in deed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.accounts.ledger import Action, LedgerEntry

RESULT_CELLS = ("net_turnover", "value_added", "personnel_cost", "depreciation", "operating_profit")
MONEY = (*RESULT_CELLS, "total_assets")
NEVER_NEGATIVE = ("net_turnover", "personnel_cost", "depreciation", "total_assets", "employees")
_VOLUME = ("net_turnover", "personnel_cost", "total_assets")
_JUMP = (2.5, 3.5)  # log10: a factor of 316 to 3162 is read as a factor of 1000
_REACH = 2  # statements on each side: two wrong years in a row are still seen


@dataclass(frozen=True, slots=True)
class Rule:
    """Words of one rule."""

    name: str
    action: Action
    remedy: str


_CORRECT = "correct the number in the source; the check digit catches mistyped ones"
REFUSED = {
    "empty": Rule("organisation number missing", "dropped", "add the number"),
    "not ten digits": Rule("organisation number is not ten digits", "dropped", _CORRECT),
    "wrong check digit": Rule("wrong check digit", "dropped", _CORRECT),
}
OUTSIDE_YEARS = Rule("outside the years of the study", "dropped", "none needed")
DUPLICATE = Rule("identical duplicate", "dropped", "none needed")
OTHER_LEGAL_FORM = Rule("other legal form", "dropped", "none needed; the study is about one legal form")
RESULT_ELSEWHERE = Rule(
    "result reported by another company", "repaired", "none needed; profit and loss cells are unknown, not zero"
)
NEGATIVE = Rule("impossible negative value", "repaired", "look the statement up; the cells were emptied")
THOUSANDFOLD = Rule("money in SEK instead of kSEK", "repaired", "none needed; divided by 1000")
PERHAPS_THOUSANDFOLD = Rule(
    "money perhaps in SEK instead of kSEK", "repaired", "look the statement up; the money cells were emptied"
)
LOST_ZERO = Rule("leading zero of the industry code lost", "repaired", "store codes as text")
LOST_MUNICIPALITY_ZERO = Rule("leading zero of the municipality lost", "repaired", "store codes as text")
UNREADABLE_SNI = Rule("industry code not readable", "repaired", "correct the code; it was emptied")
BROKEN_GROUP = Rule("parent's organisation number not usable", "repaired", "correct the number; it was emptied")


def entry(rule: Rule, file: str, rows: NDArray[np.int64], detail: str | Iterable[Any] = "") -> LedgerEntry:
    """Ledger entry of a rule."""
    text: str | Sequence[str] = detail if isinstance(detail, str) else [str(part) for part in detail]
    return LedgerEntry(
        file=file, rule=rule.name, action=rule.action, remedy=rule.remedy, rows=np.asarray(rows), detail=text
    )


def drop(
    frame: pd.DataFrame, mask: NDArray[np.bool_], rule: Rule, file: str, detail: pd.Series
) -> tuple[pd.DataFrame, LedgerEntry]:
    """Frame without the rows of the mask, and what to write about them."""
    if not mask.any():
        return frame, entry(rule, file, np.empty(0, dtype=np.int64))
    words = [f"{detail.name} {value}" if detail.name != "written" else str(value) for value in detail[mask]]
    return frame[~mask], entry(rule, file, frame.loc[mask, "row"].to_numpy(), words)


def repair(
    frame: pd.DataFrame, status_without_result: tuple[str, ...], file: str
) -> tuple[pd.DataFrame, list[LedgerEntry]]:
    """Frame, sorted by firm and year, with the repairs done to it."""
    frame, unknown = _empty_results(frame, status_without_result, file)
    frame, negative = _empty_negative(frame, file)
    frame, thousandfold = _thousandfold(frame, file)
    padded = frame["padded"].to_numpy()
    zeros = entry(LOST_ZERO, file, frame.loc[padded, "row"].to_numpy(), frame.loc[padded, "sni"])
    return frame.drop(columns="padded"), [unknown, negative, *thousandfold, zeros]


def one_thousand_times(
    firm: NDArray[np.int64], volumes: NDArray[np.float64], employees: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows, sorted by firm and year, whose volumes are about 1000 times those of the firm's statements around them.

    Returns two masks: certain (on both sides) and uncertain (the firm has statements on one side only).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(np.where(volumes > 0, volumes, np.nan))
        crew = np.log10(employees + 1)
    before = np.stack([_smallest_near(firm, column, step=1) for column in logs])
    after = np.stack([_smallest_near(firm, column, step=-1) for column in logs])
    # A firm that really grew would have hired: a tenfold crew on either side clears the row.
    hired = (crew - _smallest_near(firm, crew, step=1) >= 1) | (crew - _smallest_near(firm, crew, step=-1) >= 1)
    high_before, high_after = _jumps(logs - before), _jumps(logs - after)
    seen_before, seen_after = np.isfinite(logs - before), np.isfinite(logs - after)
    compared = seen_before | seen_after
    agree = compared & (high_before | ~seen_before) & (high_after | ~seen_after)
    suspect = (compared.sum(axis=0) >= 2) & (agree.sum(axis=0) == compared.sum(axis=0)) & ~hired
    both = (seen_before & seen_after).sum(axis=0) >= 2
    return suspect & both, suspect & ~both


def _jumps(difference: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((difference >= _JUMP[0]) & (difference <= _JUMP[1]))


def _smallest_near(firm: NDArray[np.int64], values: NDArray[np.float64], *, step: int) -> NDArray[np.float64]:
    """Smallest of the firm's nearest known values before (``step=1``) or after (``step=-1``); NaN if there is none.

    Unknown cells are skipped, not counted: a firm whose results another company reported for years is compared with its
    last own statement.
    """
    nearest = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))[::step]
    for lag in range(1, _REACH + 1):
        here, there = known[lag:], known[:-lag]
        shifted = np.where(firm[here] == firm[there], values[there], np.nan)
        nearest[here] = np.fmin(nearest[here], shifted)
    return nearest


def _empty_results(frame: pd.DataFrame, statuses: tuple[str, ...], file: str) -> tuple[pd.DataFrame, LedgerEntry]:
    elsewhere = frame["status"].isin(statuses).to_numpy()
    cells = frame.loc[elsewhere, list(RESULT_CELLS)]
    written = cells.notna().any(axis=1).to_numpy()
    as_zero = written & ((cells == 0) | cells.isna()).all(axis=1).to_numpy()
    words = np.where(as_zero, "written as zero", np.where(written, "figures emptied", "empty in the file"))
    frame = _set_missing(frame, elsewhere, RESULT_CELLS)
    return frame, entry(RESULT_ELSEWHERE, file, frame.loc[elsewhere, "row"].to_numpy(), words)


def _empty_negative(frame: pd.DataFrame, file: str) -> tuple[pd.DataFrame, LedgerEntry]:
    negative = (frame[list(NEVER_NEGATIVE)] < 0).to_numpy()
    rows = np.asarray(negative.any(axis=1), dtype=bool)
    words = [", ".join(np.array(NEVER_NEGATIVE)[cells]) for cells in negative[rows]]
    for place, column in enumerate(NEVER_NEGATIVE):
        frame = _set_missing(frame, negative[:, place], (column,))
    return frame, entry(NEGATIVE, file, frame.loc[rows, "row"].to_numpy(), words)


def _thousandfold(frame: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[LedgerEntry]]:
    volumes = frame[list(_VOLUME)].to_numpy().T
    certain, uncertain = one_thousand_times(
        frame["firm"].to_numpy(), volumes, frame["employees"].to_numpy(dtype=np.float64)
    )
    words = [f"total assets {value:.0f}" for value in frame["total_assets"]] if (certain | uncertain).any() else []
    entries = [
        entry(rule, file, frame.loc[mask, "row"].to_numpy(), np.array(words, dtype=object)[mask] if mask.any() else [])
        for rule, mask in ((THOUSANDFOLD, certain), (PERHAPS_THOUSANDFOLD, uncertain))
    ]
    for column in MONEY:
        frame[column] = np.where(certain, frame[column] / 1000, frame[column])
    return _set_missing(frame, uncertain, MONEY), entries


def _set_missing(frame: pd.DataFrame, mask: NDArray[np.bool_], columns: Sequence[str]) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].where(~mask) for column in columns}) if mask.any() else frame
