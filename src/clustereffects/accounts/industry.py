"""Industry codes: lost zeros, two versions of the classification, one division per firm and year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.accounts._account_rules import LOST_ZERO, entry
from clustereffects.accounts._table import HEADER_ROWS, Layout, cell_problem, numbers, open_table, row_list, sheet_rows
from clustereffects.accounts.ledger import IntakeLedger
from clustereffects.errors import InputError, Problem

LAST_OLD_YEAR = 2007  # the business register changed from SNI 2002 to SNI 2007 with the accounts of 2008
SOURCES = ("unknown", "observed", "own bridge", "key", "largest share")
_SHARE_TOLERANCE = 0.01
_LEVEL_SHARE = 0.1
_KEY_DIGITS = 5


@dataclass(frozen=True, slots=True, eq=False)
class CleanCodes:
    """Industry codes of one column after cleaning.

    Parameters
    ----------
    code : ndarray of object
        Digits as text, ``""`` where there is no usable code.
    padded : ndarray of bool
        Whether a lost leading zero was put back.
    unreadable : ndarray of bool
        Whether a cell held something that is not a code.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> clean_sni(pd.Series(["25110", "1110", "62010"])).padded.tolist()
    [False, True, False]
    """

    code: NDArray[np.object_]
    padded: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class IndustryKey:
    """Many-to-many key from SNI 2002 to SNI 2007.

    Parameters
    ----------
    table : DataFrame
        Columns ``sni2002``, ``sni2007``, ``share``.
    ledger : IntakeLedger
        Codes whose lost zero was put back.
    file : str

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> key = read_industry_key(pd.DataFrame({"sni2002": ["22220"], "sni2007": ["18122"], "share": [1.0]}))
    >>> len(key.table)
    1
    """

    table: pd.DataFrame
    ledger: IntakeLedger
    file: str


@dataclass(frozen=True, slots=True, eq=False)
class Divisions:
    """Industry division (two digits of SNI 2007) of every firm-year, and where it comes from.

    Parameters
    ----------
    division : ndarray of int64
        0 where unknown.
    source : ndarray of int8
        Index into ``SOURCES``: *observed* (year with SNI 2007), *own bridge* (the firm's own code after the change),
        *key* (all codes the key allows lie in one division), *largest share* (they do not: the largest was taken).
    code : ndarray of str
        Whole code of SNI 2007 in that division, empty where unknown; within a division that the key gave, the code with
        the largest share.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Divisions(np.array([25, 0]), np.array([1, 0], dtype=np.int8), np.array(["25110", ""])).counts()
    {'unknown': 1, 'observed': 1, 'own bridge': 0, 'key': 0, 'largest share': 0}
    """

    division: NDArray[np.int64]
    source: NDArray[np.int8]
    code: NDArray[np.str_]

    def counts(self) -> dict[str, int]:
        """Firm-years by source; *largest share* are the ambiguous ones."""
        return dict(zip(SOURCES, np.bincount(self.source, minlength=len(SOURCES)).tolist(), strict=True))


def clean_sni(codes: pd.Series) -> CleanCodes:
    """Industry codes as digits, with lost leading zeros put back.

    The level of the column is the largest number of digits that at least a tenth of its codes have; a code with one digit
    less has lost its zero. Codes of zeros only stand for "unknown" in the register and become missing.

    Parameters
    ----------
    codes : Series
        Text (``01.110``, ``1110``) or numbers (``1110.0``).

    Returns
    -------
    CleanCodes

    Raises
    ------
    AttributeError
        If ``codes`` is not a Series.

    Examples
    --------
    >>> clean_sni(pd.Series(["01.110", 1110.0, None, "00000", "x"], dtype=object)).code.tolist()
    ['01110', '01110', '', '', '']
    """
    places, unique = pd.factorize(codes)
    digits = [re.sub(r"[.\s]", "", re.sub(r"(?<=\d)\.0$", "", str(value).strip())) for value in unique]
    readable = np.array([not text or (text.isascii() and text.isdigit()) for text in digits] + [True], dtype=bool)
    length = np.array([len(text) for text in digits] + [0])
    real = np.array([bool(text.strip("0")) for text in digits] + [False]) & readable
    weight = np.bincount(places[places >= 0], minlength=len(length))
    share = np.bincount(length, weights=weight * real) / max((weight * real).sum(), 1)
    level = int(np.flatnonzero(share >= _LEVEL_SHARE).max(initial=0))
    short = real & (length == level - 1)
    fits = real & (length == level)
    cleaned = np.array(
        [text if fit else "0" + text if pad else "" for text, fit, pad in zip([*digits, ""], fits, short, strict=True)],
        dtype=object,
    )
    unreadable = ~readable | (real & ~short & ~fits)
    return CleanCodes(cleaned[places], short[places], unreadable[places])


def read_industry_key(source: Any, *, name: str = "industry_key") -> IndustryKey:
    """Read the key ``sni2002, sni2007, share``.

    Parameters
    ----------
    source : path or frame
    name : str
        What messages call a frame; a file keeps its own name.

    Returns
    -------
    IndustryKey

    Raises
    ------
    InputError
        If codes are not codes, shares are not shares, or the shares of an old code do not sum to one.

    Examples
    --------
    >>> key = read_industry_key(pd.DataFrame({"sni2002": [1110, 22220], "sni2007": ["01110", "18122"], "share": 1}))
    >>> key.table["sni2002"].tolist(), key.ledger.counts()["rows"].tolist()
    (['01110', '22220'], [1])
    """
    table = open_table(source, name, Layout(("sni2002", "sni2007", "share")))
    problems: list[Problem] = []
    share = numbers(table.frame, "share", table.name, problems)
    old, new = (_key_codes(table.frame[column], table.name, problems) for column in ("sni2002", "sni2007"))
    if not problems:
        problems += _share_problems(old.code, share, table.name)
    if problems:
        raise InputError(problems)
    padded = old.padded | new.padded
    detail = [f"{before} to {after}" for before, after in zip(old.code[padded], new.code[padded], strict=True)]
    ledger = IntakeLedger().record(entry(LOST_ZERO, table.name, sheet_rows(padded), detail))
    return IndustryKey(pd.DataFrame({"sni2002": old.code, "sni2007": new.code, "share": share}), ledger, table.name)


def estimate_industry_key(firm: NDArray[np.int64], year: NDArray[np.int64], code: pd.Series) -> IndustryKey:
    """Key from the firms' own codes before and after the change, for studies that have no official one.

    The share of a new code is the share of the firms with the old code in their last year of SNI 2002 that have the new
    one in their first year of SNI 2007. Firms that change industry at the same time blur it.

    Parameters
    ----------
    firm, year : ndarray of int64
        Any order.
    code : Series
        Cleaned codes as text or categories, missing for none.

    Returns
    -------
    IndustryKey
        Without rows if no firm is observed on both sides of the change.

    Raises
    ------
    ValueError
        If the columns differ in length.

    Examples
    --------
    >>> firm, year = np.array([1, 1, 2, 2, 3, 3]), np.array([2007, 2008] * 3)
    >>> code = pd.Series(["22220", "18122", "22220", "18122", "28110", "25110"])
    >>> estimate_industry_key(firm, year, code).table.values.tolist()
    [['22220', '18122', 1.0], ['28110', '25110', 1.0]]
    """
    frame = pd.DataFrame({"firm": firm, "year": year, "code": code.astype("object").to_numpy()}).dropna()
    frame = frame.sort_values(["firm", "year"], kind="stable")
    after = frame.shift(-1)
    changed = (frame["firm"] == after["firm"]) & (frame["year"] <= LAST_OLD_YEAR) & (after["year"] > LAST_OLD_YEAR)
    pairs = pd.DataFrame({"sni2002": frame.loc[changed, "code"], "sni2007": after.loc[changed, "code"]}, dtype="str")
    table = pairs.value_counts(sort=False).rename("count").reset_index().sort_values(["sni2002", "sni2007"])
    share = table["count"] / table.groupby("sni2002")["count"].transform("sum")
    return IndustryKey(table[["sni2002", "sni2007"]].assign(share=share).reset_index(drop=True), IntakeLedger(), "")


def industry_division(firm: NDArray[np.int64], year: NDArray[np.int64], code: pd.Series, key: IndustryKey) -> Divisions:
    """Industry division of each firm-year in one classification, SNI 2007.

    From 2008 on it is the observed code. Before, the firm's own code after the change tells how its code before the change
    translates – if both are adjacent observations (last up to 2007, first from 2008) and the key allows the pair – and is
    used for all years in which the firm had that old code. Otherwise the key decides; where it allows several divisions,
    the one with the largest share is taken and the firm-year counts as ambiguous.

    Parameters
    ----------
    firm, year : ndarray of int64
        Any order.
    code : Series
        Cleaned codes as text or categories, missing for none.
    key : IndustryKey

    Returns
    -------
    Divisions

    Raises
    ------
    ValueError
        If the columns differ in length.

    Examples
    --------
    >>> key = read_industry_key(
    ...     pd.DataFrame({"sni2002": ["22220"] * 2, "sni2007": ["18122", "58110"], "share": [0.6, 0.4]})
    ... )
    >>> firm, year = np.array([1, 1, 2]), np.array([2007, 2008, 2007])
    >>> found = industry_division(firm, year, pd.Series(["22220", "58110", "22220"]), key)
    >>> found.division.tolist(), [SOURCES[s] for s in found.source]
    ([58, 58, 18], ['own bridge', 'observed', 'largest share'])
    """
    places, unique = pd.factorize(code)
    names, inverse = np.array([*(str(name) for name in unique), ""]), np.where(places < 0, len(unique), places)
    old = year <= LAST_OLD_YEAR
    by_name, source_of_name = _key_codes_of(names, key)
    translated = np.where(old, inverse, inverse + len(names))
    texts = np.concatenate([by_name, names])
    source = np.where(old, source_of_name[inverse], (_first_two(names) > 0)[inverse].astype(np.int8)).astype(np.int8)
    bridge = _own_bridges(firm, year, names[inverse], key)
    place = (
        bridge.index.get_indexer(pd.MultiIndex.from_arrays([firm, names[inverse]]))
        if len(bridge)
        else -np.ones_like(firm)
    )
    bridged = old & (place >= 0)
    translated[bridged] = 2 * len(names) + place[bridged]
    texts = np.concatenate([texts, bridge.to_numpy(dtype=names.dtype)])
    source[bridged] = SOURCES.index("own bridge")
    return Divisions(_first_two(texts)[translated], source, texts[translated])


def _first_two(names: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.array([int(name[:2]) if name else 0 for name in names], dtype=np.int64)


def _key_codes_of(names: NDArray[np.str_], key: IndustryKey) -> tuple[NDArray[np.str_], NDArray[np.int8]]:
    """New code of each old one by the key: in the division with the largest share the code with the largest; ties to the lowest."""
    table = key.table.assign(division=key.table["sni2007"].str[:2])
    table["whole"] = table.groupby(["sni2002", "division"])["share"].transform("sum")
    order = ["sni2002", "whole", "division", "share", "sni2007"]
    best = table.sort_values(order, ascending=[True, False, True, False, True]).drop_duplicates("sni2002")
    several = table.groupby("sni2002")["division"].nunique().reindex(names, fill_value=0).to_numpy()
    code = best.set_index("sni2002")["sni2007"].reindex(names).fillna("").to_numpy(dtype=str)
    source = np.select([several == 0, several == 1], [0, SOURCES.index("key")], SOURCES.index("largest share"))
    return code, source.astype(np.int8)


def _own_bridges(
    firm: NDArray[np.int64], year: NDArray[np.int64], code: NDArray[np.str_], key: IndustryKey
) -> pd.Series:
    """Code after the change by (firm, old code), for firms whose own two codes the key confirms."""
    order = np.lexsort((year, firm))
    order = order[code[order] != ""]
    firm, year, code = firm[order], year[order], code[order]
    last_old = (year[:-1] <= LAST_OLD_YEAR) & (year[1:] > LAST_OLD_YEAR) & (firm[:-1] == firm[1:])
    before, after, whose = code[:-1][last_old], code[1:][last_old], firm[:-1][last_old]
    allowed = pd.MultiIndex.from_frame(key.table.loc[key.table["share"] > 0, ["sni2002", "sni2007"]])
    confirmed = pd.MultiIndex.from_arrays([before, after]).isin(allowed)
    index = pd.MultiIndex.from_arrays([whose[confirmed], before[confirmed]])
    return pd.Series(after[confirmed], index=index, dtype=object)


def _key_codes(cells: pd.Series, file: str, problems: list[Problem]) -> CleanCodes:
    codes = clean_sni(cells)
    wrong = np.array([len(code) != _KEY_DIGITS for code in codes.code], dtype=bool)
    if wrong.any():
        problems.append(cell_problem("a code has not five digits", wrong, cells, "five digits in every row", file))
    return codes


def _share_problems(old: NDArray[np.object_], share: NDArray[np.float64], file: str) -> list[Problem]:
    wrong = np.isnan(share) | (share < 0) | (share > 1)
    total = pd.Series(share).groupby(old).transform("sum").to_numpy()
    off = ~wrong & (np.abs(total - 1) > _SHARE_TOLERANCE)
    found = []
    for mask, what, expected in (
        (wrong, "a share is not between 0 and 1", "shares between 0 and 1"),
        (off, "the shares of an old code do not sum to one", "a sum of 1 for each code of SNI 2002"),
    ):
        rows = np.flatnonzero(mask) + HEADER_ROWS
        if len(rows):
            where = row_list(rows)
            remedy = "correct the shares in the key"
            found.append(Problem(what=what, where=where, expected=expected, remedy=remedy, file=file, row=int(rows[0])))
    return found
