"""Reading the firm accounts: canonical columns, and every repair or drop on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.accounts._account_rules as rules
from clustereffects.accounts._table import (
    Layout,
    cell_problem,
    is_empty,
    numbers,
    open_table,
    sheet_rows,
    whole_numbers,
)
from clustereffects.accounts.industry import clean_sni
from clustereffects.accounts.ledger import IntakeLedger, LedgerEntry
from clustereffects.accounts.orgnr import REASONS, clean_orgnr, masked
from clustereffects.data.account import SampleAccount
from clustereffects.data.files import TableFile
from clustereffects.errors import ColumnError, FileError, InputError, OptionError, Problem

ACCOUNT_COLUMNS = ("orgnr", "year", "legal_form", "status", "sni", "municipality", *rules.MONEY, "employees")
OPTIONAL = ("group_orgnr",)
_YEARS = (1900, 2100)
_PAY_IN_KSEK = (2.0, 20000.0)  # MSEK give about 0.5, SEK about 500,000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsOptions:
    """What the plan says about the accounts.

    Parameters
    ----------
    legal_form : int, optional
        The legal form that is kept, 49 = limited companies; None keeps all.
    status_without_result : tuple of str
        Statement statuses whose profit and loss account another company reports: those cells become missing, also
        where the export wrote zero. Balance sheet and number of employees are the firm's own and stay.
    first_year, last_year : int, optional
        Years outside are left out.
    columns : mapping of str to str
        Canonical name → the name the file uses, for columns that are called otherwise.

    Raises
    ------
    OptionError
        If the last year is before the first.

    Examples
    --------
    >>> AccountsOptions(first_year=2000, last_year=2013).legal_form
    49
    """

    legal_form: int | None = 49
    status_without_result: tuple[str, ...] = ("K",)
    first_year: int | None = None
    last_year: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.first_year is not None and self.last_year is not None and self.last_year < self.first_year:
            raise OptionError(
                Problem(
                    what="the last year is before the first",
                    where=f"first_year = {self.first_year}, last_year = {self.last_year}",
                    expected="first_year up to last_year",
                    remedy="correct the years in the plan",
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accounts:
    """Firm accounts ready for use: one row per firm and year, sorted.

    Parameters
    ----------
    frame : DataFrame
        ``firm`` and ``year`` (int64), ``legal_form``, ``status``, ``sni``, ``municipality``, ``county`` (categorical text),
        ``group_orgnr`` (Int64), money in nominal kSEK and ``employees`` (float64, NaN = missing), ``row`` (spreadsheet row).
    firms_in_file : ndarray of int64
        Every firm of the file, also of other legal forms, sorted.
    ledger : IntakeLedger
    sample : SampleAccount
        Rows in, used, dropped by reason; ``counts`` also says how many rows each repair touched.
    file : str
    dialect : str
        What kind of file it was.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> rows = [("556016-0680", 2004, form, "A", "25110", "1780", 90, 50, 30, 5, 15, 250, 3) for form in (49, 31)]
    >>> accounts = read_accounts(pd.DataFrame(rows, columns=ACCOUNT_COLUMNS).assign(year=[2004, 2005]))
    >>> accounts.sample.to_frame()["step"].tolist()
    ['rows in', 'dropped: other legal form', 'rows used']
    """

    frame: pd.DataFrame
    firms_in_file: NDArray[np.int64]
    ledger: IntakeLedger
    sample: SampleAccount
    file: str
    dialect: str


def read_accounts(source: Any, options: AccountsOptions | None = None, *, name: str = "accounts") -> Accounts:
    """Read firm accounts, repair what is certain, drop what is unusable, and keep the books about both.

    Parameters
    ----------
    source : path or frame
    options : AccountsOptions, optional
    name : str
        What messages call a frame; a file keeps its own name.

    Returns
    -------
    Accounts

    Raises
    ------
    InputError
        With every problem of the file: missing columns, cells that are not numbers, conflicting rows of one firm and year.

    Notes
    -----
    In this order: rows without a usable organisation number, outside the years, identical duplicates and other legal forms
    are dropped; then profit and loss cells of status K are emptied, impossible negative cells are emptied, statements in
    SEK instead of kSEK are divided by 1000 (or emptied where that is not certain), lost zeros of codes are put back.

    Examples
    --------
    >>> row = ("556016-0680", 2004, 49, "K", "1110", "1780", 0, 0, 0, 0, 0, 250, 3)
    >>> accounts = read_accounts(pd.DataFrame([row], columns=ACCOUNT_COLUMNS))
    >>> accounts.frame[["firm", "value_added", "total_assets", "employees"]].values.tolist()
    [[5560160680.0, nan, 250.0, 3.0]]
    """
    options = options or AccountsOptions()
    table, frame, ledger = _opened(source, name, options)
    frame, ledger, dropped = _without_unusable(frame, ledger, options, table.name)
    _refuse_conflicts(frame, table.name)
    firms_in_file = np.unique(frame["firm"].to_numpy())
    if options.legal_form is not None:
        other = (frame["legal_form"] != options.legal_form).to_numpy()
        frame, entry = rules.drop(frame, other, rules.OTHER_LEGAL_FORM, table.name, frame["legal_form"])
        ledger, dropped = ledger.record(entry), {**dropped, entry.rule: len(entry.rows)}
    if frame.empty:
        raise InputError(_no_rows(table.name, f"none of the {len(table.frame)} rows can be used"))
    frame = frame.sort_values(["firm", "year"], kind="stable", ignore_index=True)
    frame, repairs = rules.repair(frame, options.status_without_result, table.name)
    ledger = ledger.record(*repairs)
    sample = SampleAccount(
        rows_in=len(table.frame),
        rows_used=len(frame),
        dropped={rule: count for rule, count in dropped.items() if count},
        counts={"firms": frame["firm"].nunique(), **{e.rule: len(e.rows) for e in repairs if len(e.rows)}},
    )
    return Accounts(
        frame=_categories(frame),
        firms_in_file=firms_in_file,
        ledger=ledger,
        sample=sample,
        file=table.name,
        dialect=table.dialect,
    )


def _opened(source: Any, name: str, options: AccountsOptions) -> tuple[TableFile, pd.DataFrame, IntakeLedger]:
    """Table and its typed rows; if that fails, conflicting rows are listed with everything else."""
    try:
        table = open_table(source, name, Layout(ACCOUNT_COLUMNS, OPTIONAL, options.columns))
        return table, *_typed(table)
    except FileError:
        raise
    except InputError as error:
        raise type(error)([*error.problems, *_untyped_conflicts(source, name, options)]) from error


def _untyped_conflicts(source: Any, name: str, options: AccountsOptions) -> tuple[Problem, ...]:
    """Conflicting rows of one firm and year, as far as the columns that are there tell."""
    try:
        others = [column for column in (*ACCOUNT_COLUMNS, *OPTIONAL) if column not in {"orgnr", "year"}]
        layout = Layout(("orgnr", "year"), tuple(others), options.columns)
        table = open_table(source, name, layout)
        year = whole_numbers(table.frame, "year", table.name, [])
        frame = table.frame.assign(firm=clean_orgnr(table.frame["orgnr"]).number, year=year).drop(columns="orgnr")
        usable = (frame["firm"] > 0) & frame["year"].between(*_bounds(options))
        _refuse_conflicts(frame[usable].drop_duplicates().assign(row=lambda kept: kept.index + 2), table.name)
    except InputError as error:
        return () if isinstance(error, ColumnError) else error.problems
    return ()


def _typed(table: TableFile) -> tuple[pd.DataFrame, IntakeLedger]:
    """Columns with their types; raises what cannot be typed, and records what was written oddly."""
    problems: list[Problem] = []
    raw, file = table.frame, table.name
    orgnr = clean_orgnr(raw["orgnr"])
    group = clean_orgnr(raw["group_orgnr"]) if "group_orgnr" in raw else None
    sni = clean_sni(raw["sni"])
    columns: dict[str, Any] = {"firm": orgnr.number, "refused": orgnr.code}
    columns |= {c: whole_numbers(raw, c, file, problems) for c in ("year", "legal_form")}
    columns |= {"status": _text(raw["status"]), "sni": sni.code, "padded": sni.padded}
    columns["municipality"], lost_zero = _municipality(raw["municipality"], file, problems)
    columns["group_orgnr"] = np.zeros(len(raw), dtype=np.int64) if group is None else group.number
    columns |= {column: numbers(raw, column, file, problems) for column in (*rules.MONEY, "employees")}
    problems += _impossible_years(columns["year"], raw["year"], file)
    problems += _costs_with_minus(columns, file) + _wrong_unit(columns, file)
    problems += [_no_rows(file, "the file has a header but no rows")] if len(raw) == 0 else []
    if problems:
        raise InputError(problems)
    columns |= {column: columns[column].astype(np.int64) for column in ("year", "legal_form")}
    columns["row"] = sheet_rows(np.arange(len(raw)))
    broken_group = np.zeros(len(raw), dtype=bool) if group is None else (group.code > 1)
    ledger = IntakeLedger().record(
        rules.entry(rules.UNREADABLE_SNI, file, sheet_rows(sni.unreadable), raw["sni"][sni.unreadable]),
        rules.entry(rules.LOST_MUNICIPALITY_ZERO, file, sheet_rows(lost_zero), columns["municipality"][lost_zero]),
        rules.entry(rules.BROKEN_GROUP, file, sheet_rows(broken_group), _masked(raw, "group_orgnr", broken_group)),
    )
    refused = columns.pop("refused")
    frame = pd.DataFrame(columns)
    frame["refused"] = np.array(REASONS, dtype=object)[refused]
    frame["written"] = ""
    frame.loc[refused > 0, "written"] = _masked(raw, "orgnr", refused > 0)
    return frame, ledger


def _without_unusable(
    frame: pd.DataFrame, ledger: IntakeLedger, options: AccountsOptions, file: str
) -> tuple[pd.DataFrame, IntakeLedger, dict[str, int]]:
    entries: list[LedgerEntry] = []
    for reason, rule in rules.REFUSED.items():
        mask = (frame["refused"] == reason).to_numpy()
        frame, entry = rules.drop(frame, mask, rule, file, frame["written"])
        entries.append(entry)
    outside = ~frame["year"].between(*_bounds(options)).to_numpy()
    frame, entry = rules.drop(frame, outside, rules.OUTSIDE_YEARS, file, frame["year"])
    entries.append(entry)
    content = [column for column in frame.columns if column not in {"row", "padded", "refused", "written"}]
    twice = frame.duplicated(content).to_numpy()
    frame, entry = rules.drop(frame, twice, rules.DUPLICATE, file, frame["year"])
    entries.append(entry)
    dropped = {entry.rule: len(entry.rows) for entry in entries}
    return frame.drop(columns=["refused", "written"]), ledger.record(*entries), dropped


def _bounds(options: AccountsOptions) -> tuple[float, float]:
    first, last = options.first_year, options.last_year
    return -np.inf if first is None else first, np.inf if last is None else last


def _refuse_conflicts(frame: pd.DataFrame, file: str) -> None:
    twice = frame.duplicated(["firm", "year"], keep=False).to_numpy()
    if twice.any():
        shown = frame.loc[twice].sort_values(["firm", "year"], kind="stable").head(4)
        pairs = frame.loc[twice, ["firm", "year"]].drop_duplicates()
        rows = ", ".join(str(row) for row in shown["row"])
        raise InputError(
            Problem(
                what="several statements that differ for the same firm and year",
                where=f"{len(pairs)} firm-years, first rows {rows}",
                expected="one row per firm and calendar year",
                remedy="keep the statement that is right (the latest, or the one of the longest accounting period)",
                file=file,
                row=int(shown["row"].iloc[0]),
            )
        )


def _costs_with_minus(columns: Mapping[str, Any], file: str) -> list[Problem]:
    """A column of costs that is mostly negative follows another sign convention."""
    found = []
    for column in ("personnel_cost", "depreciation"):
        values = columns[column]
        negative, positive = int((values < 0).sum()), int((values > 0).sum())
        if negative > positive:
            found.append(
                Problem(
                    what=f"column {column!r} has more negative than positive values",
                    where=f"{negative} negative, {positive} positive",
                    expected="costs as positive amounts",
                    remedy="turn the sign of the whole column",
                    file=file,
                )
            )
    return found


def _wrong_unit(columns: Mapping[str, Any], file: str) -> list[Problem]:
    """Personnel cost per employee tells the unit of the whole file."""
    employees, cost = columns["employees"], columns["personnel_cost"]
    usable = (employees >= 1) & (cost > 0)
    typical = float(np.median(cost[usable] / employees[usable])) if usable.any() else np.nan
    if np.isnan(typical) or _PAY_IN_KSEK[0] <= typical <= _PAY_IN_KSEK[1]:
        return []
    return [
        Problem(
            what="money does not seem to be in kSEK",
            where=f"median personnel cost per employee: {typical:,.6g}",
            expected="some hundreds of kSEK",
            remedy="convert all money columns to thousands of kronor",
            file=file,
        )
    ]


def _impossible_years(years: NDArray[np.float64], cells: pd.Series, file: str) -> list[Problem]:
    odd = (years < _YEARS[0]) | (years > _YEARS[1])
    what = "a year is not a calendar year"
    return [cell_problem(what, odd, cells, "four digits, such as 2004", file)] if odd.any() else []


def _no_rows(file: str, what: str) -> Problem:
    return Problem(
        what=what,
        where="legal form, years and organisation numbers decide which rows are kept",
        expected="one row per firm and calendar year",
        remedy="compare the options of the plan with the file",
        file=file,
    )


def _municipality(
    cells: pd.Series, file: str, problems: list[Problem]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Four digits as text, and where a lost zero (counties 01 to 09) was put back; empty stays empty."""
    places, unique = pd.factorize(cells)
    texts = [str(value).strip().removesuffix(".0") for value in unique]
    right = np.array(
        [not text or (text.isascii() and text.isdigit() and 3 <= len(text) <= 4) for text in texts] + [True]
    )
    if not right.all():
        wrong = ~right[places] & ~is_empty(cells)
        problems.append(cell_problem("a municipality is not a code", wrong, cells, "four digits, such as 1780", file))
    padded = np.array([text.zfill(4) if text else "" for text in texts] + [""], dtype=object)
    short = np.array([len(text) == 3 for text in texts] + [False])
    return np.asarray(padded[places]), np.asarray(short[places])


def _text(cells: pd.Series) -> NDArray[np.object_]:
    places, unique = pd.factorize(cells)
    return np.asarray(np.array([*(str(value).strip().upper() for value in unique), ""], dtype=object)[places])


def _masked(raw: pd.DataFrame, column: str, mask: NDArray[np.bool_]) -> list[str]:
    return [masked(value) for value in raw.loc[mask, column]] if mask.any() else []


def _categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Text as categories, empty text as missing: a few codes instead of hundreds of thousands of strings."""
    out = frame.assign(county=frame["municipality"].str[:2])
    for column in ("status", "sni", "municipality", "county"):
        out[column] = out[column].where(out[column] != "").astype("category")
    group = out["group_orgnr"].astype("Int64")
    out["group_orgnr"] = group.mask(group == 0)
    order = ["firm", "year", "legal_form", "status", "sni", "municipality", "county", "group_orgnr"]
    return out[[*order, *rules.MONEY, "employees", "row"]]
