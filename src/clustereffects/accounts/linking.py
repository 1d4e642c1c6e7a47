"""Linking members to accounts: who can be evaluated, and who must never serve as a control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.accounts._member_rules as rules
from clustereffects.accounts.accounts import Accounts
from clustereffects.accounts.ledger import IntakeLedger, LedgerEntry
from clustereffects.accounts.members import Members, Organisations
from clustereffects.accounts.orgnr import format_orgnr, one_slip_away
from clustereffects.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkedMembers:
    """Members that have statements in the accounts, and all that must not be a control.

    Parameters
    ----------
    firms : DataFrame
        As ``Members.firms``, but only firms with statements.
    members : Members
        As they were read.
    barred : ndarray of int64
        Sorted numbers of firms that must never serve as controls: everyone on the list, dated or not, and the firms that an
        entry with a wrong check digit may mean.
    organisations : DataFrame
        ``organisation, listed, dated, linked``: rows of the list, firms with a joining year, firms with statements.
    problems : tuple of Problem
        Those of the member list, and organisations without a single usable member; ``check`` lists them, reading does
        not stop.
    ledger : IntakeLedger
        Of the member list, reading and linking together.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.accounts import read_accounts, read_members
    >>> from clustereffects.accounts.accounts import ACCOUNT_COLUMNS
    >>> row = ("556016-0680", 2004, 49, "A", "25110", "1780", 90, 50, 30, 5, 15, 250, 3)
    >>> accounts = read_accounts(pd.DataFrame([row], columns=ACCOUNT_COLUMNS))
    >>> listed = pd.DataFrame({"organisation": ["K01", "K02"], "orgnr": ["556016-0680", "556016-0681"], "joined": 2004})
    >>> members = link_members(read_members(listed), accounts)
    >>> members.barred.tolist()
    [5560160680]
    """

    firms: pd.DataFrame
    members: Members
    barred: NDArray[np.int64]
    organisations: pd.DataFrame
    problems: tuple[Problem, ...]
    ledger: IntakeLedger


def link_members(members: Members, accounts: Accounts, organisations: Organisations | None = None) -> LinkedMembers:
    """Find each member in the accounts.

    Parameters
    ----------
    members : Members
    accounts : Accounts
    organisations : Organisations, optional
        Names organisations that have no row in the member list at all.

    Returns
    -------
    LinkedMembers

    Raises
    ------
    AttributeError
        If the arguments are not what ``read_members`` and ``read_accounts`` return.

    Notes
    -----
    A number with a wrong check digit is not corrected: each of ten single mistyped digits would make it right, and in a
    register where half of all possible numbers are taken a guess would often attach another firm's accounts. All firms of
    the accounts within one wrong digit or one swap are barred from being controls instead.

    Examples
    --------
    >>> from clustereffects.accounts import read_accounts, read_members
    >>> from clustereffects.accounts.accounts import ACCOUNT_COLUMNS
    >>> row = ("556016-0680", 2004, 49, "A", "25110", "1780", 90, 50, 30, 5, 15, 250, 3)
    >>> accounts = read_accounts(pd.DataFrame([row], columns=ACCOUNT_COLUMNS))
    >>> listed = pd.DataFrame({"organisation": ["K01", "K02"], "orgnr": ["556016-0680", "556016-0681"], "joined": 2004})
    >>> members = link_members(read_members(listed), accounts)
    >>> members.organisations["linked"].tolist(), members.problems[0].what
    ([1, 0], "organisation 'K02' has no usable member")
    """
    observed = np.unique(accounts.frame["firm"].to_numpy())
    spells = members.spells
    in_file = np.isin(spells["firm"], accounts.firms_in_file)
    in_use = np.isin(spells["firm"], observed)
    perhaps, possible = _mistyped(members, observed)
    ledger = members.ledger.record(
        rules.unlinked(rules.ABSENT, members.file, spells[~in_file]),
        rules.unlinked(rules.OTHER_FORM, members.file, spells[in_file & ~in_use]),
        perhaps,
    )
    firms = members.firms[np.isin(members.firms["firm"], observed)].reset_index(drop=True)
    account = _by_organisation(members, firms, organisations)
    return LinkedMembers(
        firms=firms,
        members=members,
        barred=np.union1d(members.ever_members, possible),
        organisations=account,
        problems=(
            *members.problems,
            *(_unusable(row, members.file) for row in account.itertuples() if row.linked == 0),
        ),
        ledger=ledger,
    )


def unusable_organisations(members: Members, organisations: Organisations | None = None) -> tuple[Problem, ...]:
    """What can be said against a member list without the accounts.

    Parameters
    ----------
    members : Members
    organisations : Organisations, optional
        Names organisations that have no row in the member list at all.

    Returns
    -------
    tuple of Problem
        The problems of the list, and every organisation that has no firm with a usable number and a joining year.

    Raises
    ------
    AttributeError
        If ``members`` is not what ``read_members`` returns.

    Examples
    --------
    >>> from clustereffects.accounts import read_members
    >>> listed = pd.DataFrame({"organisation": ["K01", "K02"], "orgnr": ["556016-0680", "556016-0681"], "joined": 2004})
    >>> [problem.what for problem in unusable_organisations(read_members(listed))]
    ["organisation 'K02' has no usable member"]
    """
    account = _by_organisation(members, members.firms, organisations)
    unusable = (_unusable(row, members.file) for row in account.itertuples() if row.dated == 0)
    return (*members.problems, *unusable)


def _mistyped(members: Members, observed: NDArray[np.int64]) -> tuple[LedgerEntry, NDArray[np.int64]]:
    """Firms of the accounts, not on the list themselves, that entries with a wrong check digit may mean."""
    near = [np.intersect1d(one_slip_away(typed), observed) for typed in members.mistyped["typed"]]
    near = [np.setdiff1d(found, members.ever_members) for found in near]
    words = ["in the accounts: " + ", ".join(format_orgnr(number) for number in found) for found in near]
    some = np.array([len(found) > 0 for found in near], dtype=bool)
    rows = members.mistyped["row"].to_numpy()[some]
    shown = [word for word, has in zip(words, some, strict=True) if has]
    possible = np.unique(np.concatenate([*near, np.empty(0, dtype=np.int64)]))
    return rules.entry(rules.PERHAPS, members.file, rows, shown), possible


def _by_organisation(members: Members, linked: pd.DataFrame, organisations: Organisations | None) -> pd.DataFrame:
    ids = list(organisations.ids) if organisations is not None else sorted(members.listed)
    counts = {
        "listed": pd.Series(dict(members.listed), dtype="int64"),
        "dated": members.firms["organisation"].value_counts(),
        "linked": linked["organisation"].value_counts(),
    }
    table = pd.DataFrame({step: count.reindex(ids).fillna(0).astype("int64") for step, count in counts.items()})
    return table.rename_axis("organisation").reset_index()


def _unusable(row: tuple[object, ...], file: str) -> Problem:
    _, organisation, listed, dated, linked = row
    return Problem(
        what=f"organisation {organisation!r} has no usable member",
        where=f"{listed} rows in the member list, {dated} firms with a joining year, {linked} with statements",
        expected="at least one member with a usable number, a joining year and statements in the accounts",
        remedy="complete its member list (the intake ledger says what each row lacks), or leave the organisation out",
        file=file,
    )
