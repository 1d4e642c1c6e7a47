"""From cleaned files to one table of firm-years, ready for the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.accounts.indicators as compute
from clustereffects.accounts._account_rules import MONEY, Rule, entry
from clustereffects.accounts.accounts import Accounts
from clustereffects.accounts.deflate import Deflator
from clustereffects.accounts.industry import IndustryKey, industry_division
from clustereffects.accounts.ledger import IntakeLedger
from clustereffects.accounts.linking import LinkedMembers
from clustereffects.accounts.supports import Supports
from clustereffects.data.account import SampleAccount
from clustereffects.errors import OptionError, Problem

LOGGED = ("value_added", "net_turnover", "employees", "productivity", "competitiveness")
_NO_CONTROL = Rule(
    "member without a usable joining year",
    "dropped",
    "complete the member list; such a firm is neither member nor control",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelOptions:
    """What the plan says about the table of firm-years.

    Parameters
    ----------
    base_year : int
        Year whose prices all money is in.
    required_return : float
        Rate of return on total assets in the competitiveness, 0.06 by default; the historical rate is not public.

    Raises
    ------
    OptionError
        If the rate is negative or one and more.

    Examples
    --------
    >>> PanelOptions(base_year=2010).required_return
    0.06
    """

    base_year: int
    required_return: float = 0.06

    def __post_init__(self) -> None:
        if not 0 <= self.required_return < 1:
            raise OptionError(
                Problem(
                    what="the required return is not a rate",
                    where=f"required_return = {self.required_return}",
                    expected="a rate from 0 to below 1, such as 0.06",
                    remedy="write per cent as a fraction",
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelFrame:
    """Firm-years ready for ``clustereffects.Panel``, and what was left out on the way.

    Parameters
    ----------
    frame : DataFrame
        One row per firm and year, sorted. ``firm`` (int64), ``year`` (int64), ``cohort`` (float64, NaN = never a member),
        ``organisation``, ``county``, ``industry_division``, ``industry`` (the whole code of SNI 2007), ``size_class``
        (categories; all but the first by year),
        ``group_orgnr`` (Int64), money in prices of the base year, ``employees``, ``productivity``, ``competitiveness``,
        ``log_`` columns, ``growth`` (of real value added, log points), the flags ``ever_member``, ``member_group`` and
        ``other_support``, and ``status``.
    sample : SampleAccount
        Account rows in, used and dropped; ``counts`` say how often a logarithm or an industry could not be had.
    ledger : IntakeLedger
        Rows of the accounts left out here.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> sample = SampleAccount(rows_in=0, rows_used=0)
    >>> PanelFrame(frame=pd.DataFrame(), sample=sample, ledger=IntakeLedger()).sample.rows_used
    0
    """

    frame: pd.DataFrame
    sample: SampleAccount
    ledger: IntakeLedger


def build_panel_frame(
    accounts: Accounts,
    members: LinkedMembers,
    deflator: Deflator,
    industry_key: IndustryKey,
    options: PanelOptions,
    supports: Supports | None = None,
) -> PanelFrame:
    """Join accounts, members, prices and industries to one row per firm and year.

    Parameters
    ----------
    accounts : Accounts
    members : LinkedMembers
    deflator : Deflator
    industry_key : IndustryKey
    options : PanelOptions
    supports : Supports, optional
        Without it the flag ``other_support`` is False everywhere.

    Returns
    -------
    PanelFrame

    Raises
    ------
    InputError
        If the deflator does not cover the years.

    Notes
    -----
    Firm-years of members whose joining year is unknown, and of firms that a mistyped number may mean, are left out: with a
    missing cohort they would count as never treated. ``member_group`` marks non-members that share a group with a member
    (same parent, the member's parent, or its subsidiary); the plan decides whether they may be controls.

    Examples
    --------
    >>> from clustereffects.accounts import read_accounts, read_deflator, read_industry_key, read_members, link_members
    >>> from clustereffects.accounts.accounts import ACCOUNT_COLUMNS
    >>> rows = [
    ...     ("556016-0680", year, 49, "A", "25110", "1780", 90, 50, 30, 5, 15, 250, 3)
    ...     for year in (2008, 2009)
    ... ]
    >>> accounts = read_accounts(pd.DataFrame(rows, columns=ACCOUNT_COLUMNS))
    >>> listed = pd.DataFrame({"organisation": ["K01"], "orgnr": ["556016-0680"], "joined": ["2009-05-01"]})
    >>> members = link_members(read_members(listed), accounts)
    >>> deflator = read_deflator(pd.DataFrame({"year": [2008, 2009, 2010], "index": [80, 90, 100]}))
    >>> key = read_industry_key(pd.DataFrame({"sni2002": ["28110"], "sni2007": ["25110"], "share": [1]}))
    >>> panel = build_panel_frame(accounts, members, deflator, key, PanelOptions(base_year=2010))
    >>> panel.frame[["year", "cohort", "industry_division", "value_added"]].values.tolist()
    [[2008, 2009.0, '25', 62.5], [2009, 2009.0, '25', 55.55555555555556]]
    """
    frame = accounts.frame
    firm = frame["firm"].to_numpy()
    place = _place(members.firms["firm"].to_numpy(), firm)
    barred = (place < 0) & (_place(members.barred, firm) >= 0)
    rows = frame["row"].to_numpy()[barred]
    frame, place = frame[~barred].reset_index(drop=True), place[~barred]
    out = frame[["firm", "year", "status", "county", "group_orgnr"]].assign(**_membership(frame, members, place))
    division = industry_division(out["firm"].to_numpy(), out["year"].to_numpy(), frame["sni"], industry_key)
    out["industry_division"] = _labels(division.division, [f"{number:02d}" for number in range(100)], empty=0)
    out["industry"] = _codes(division.code)
    out["size_class"] = _labels(compute.size_class(frame["employees"]), list(compute.SIZE_CLASSES), empty=-1)
    out = out.assign(**_real(frame, deflator, options))
    lost: dict[str, int] = {}
    for column in LOGGED:
        out[f"log_{column}"], reasons = compute.log_positive(out[column])
        lost |= {f"log_{column}: {reason}": count for reason, count in reasons.items()}
    out["growth"] = compute.growth(out["firm"], out["year"], out["log_value_added"])
    out["other_support"] = _supported(out, supports)
    sample = SampleAccount(
        rows_in=len(accounts.frame),
        rows_used=len(out),
        dropped={_NO_CONTROL.name: len(rows)} if len(rows) else {},
        counts={**lost, **{f"industry: {source}": count for source, count in division.counts().items()}},
    )
    return PanelFrame(frame=out, sample=sample, ledger=IntakeLedger().record(entry(_NO_CONTROL, accounts.file, rows)))


def _place(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each wanted number among the known ones, −1 if it is not there."""
    return np.asarray(pd.Index(known).get_indexer(pd.Index(wanted)), dtype=np.int64)


def _membership(frame: pd.DataFrame, members: LinkedMembers, place: NDArray[np.int64]) -> dict[str, Any]:
    member = place >= 0
    cohorts = np.append(members.firms["cohort"].to_numpy(dtype=np.float64), np.nan)
    ids = sorted(members.organisations["organisation"])
    codes = np.append(pd.Categorical(members.firms["organisation"], categories=ids).codes.astype(np.int64), -1)
    return {
        "cohort": cohorts[place],
        "organisation": pd.Categorical.from_codes(codes[place], categories=pd.Index(ids)),
        "ever_member": member,
        "member_group": _shares_group(frame, members) & ~member,
    }


def _shares_group(frame: pd.DataFrame, members: LinkedMembers) -> NDArray[np.bool_]:
    """Whether a firm, in any year, is tied to a member through a parent company."""
    firm = frame["firm"].to_numpy()
    parent = frame["group_orgnr"].to_numpy(dtype=np.int64, na_value=0)
    listed = members.members.ever_members
    parents_of_members = np.setdiff1d(np.unique(parent[np.isin(firm, listed)]), [0])
    tied = np.isin(parent, np.union1d(parents_of_members, listed)) | np.isin(firm, parents_of_members)
    return np.asarray(np.isin(firm, np.unique(firm[tied])))


def _real(frame: pd.DataFrame, deflator: Deflator, options: PanelOptions) -> dict[str, Any]:
    factor = deflator.factor(frame["year"], options.base_year)
    columns = {column: frame[column].to_numpy() * factor for column in MONEY}
    employees = frame["employees"].to_numpy()
    cost = (columns["personnel_cost"], columns["depreciation"], columns["total_assets"])
    return {
        **columns,
        "employees": employees,
        "productivity": compute.ratio(columns["value_added"], employees),
        "competitiveness": compute.competitiveness(columns["value_added"], *cost, options.required_return),
    }


def _supported(out: pd.DataFrame, supports: Supports | None) -> NDArray[np.bool_]:
    if supports is None:
        return np.zeros(len(out), dtype=bool)
    received = pd.MultiIndex.from_frame(supports.frame[["firm", "year"]]).unique()
    return np.asarray(pd.MultiIndex.from_frame(out[["firm", "year"]]).isin(received))


def _labels(codes: NDArray[np.integer], labels: list[str], *, empty: int) -> Any:
    """Categories in the order of the labels, only those that occur."""
    coded = np.where(codes == empty, -1, codes).astype(np.int64)
    return pd.Categorical.from_codes(coded, categories=pd.Index(labels)).remove_unused_categories()


def _codes(codes: NDArray[np.str_]) -> Any:
    """Categories in the order of the codes; no code is missing."""
    places, known = pd.factorize(codes, sort=True)
    empty = int(len(known) > 0 and known[0] == "")
    return pd.Categorical.from_codes(places - empty, categories=pd.Index(known[empty:], dtype=object))
