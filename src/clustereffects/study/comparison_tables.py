"""Tables on the comparison firms: who could be one, how members were matched, who was left out. Aggregates only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.did import DesignComparison
from clustereffects.disclosure import DisclosurePolicy, withhold
from clustereffects.matching import Match

_FIGURES = ["concerned", "removed", "only"]


def candidates_table(match: Match, policy: DisclosurePolicy) -> pd.DataFrame:
    """Who could be a comparison firm, by joining year and rule: ``tables/candidates.csv``.

    Parameters
    ----------
    match : Match
    policy : DisclosurePolicy
        Its minimum applies to the number of firms that a rule removes.

    Returns
    -------
    DataFrame
        For each ``cohort``: a row ``candidates`` with all firms that are never members or join late enough (``firms``);
        one row per ``step`` with the firms that it ``concerned``, ``removed`` and alone removed (``only``); a row ``left``.
        ``withheld`` says why a row is blank.

    Raises
    ------
    KeyError
        If the ledger lacks a column.

    Notes
    -----
    What a step leaves is not told, since it would give away what the step before removed.

    Examples
    --------
    >>> import clustereffects as ce
    >>> frame = pd.DataFrame({"firm": [1, 1, 2, 2, 3, 3], "year": [2004, 2005] * 3, "joined": [2005, 2005] + [None] * 4,
    ...                       "size": [5.0, 6.0, 4.0, 4.0, 9.0, 9.0]})
    >>> match = ce.Matching(on=["size"], lags=(1,)).fit(ce.Panel(frame, unit="firm", time="year", cohort="joined"))
    >>> candidates_table(match, DisclosurePolicy(minimum_firms=1))[["step", "firms"]].values.tolist()
    [['candidates', 2], ['missing values', <NA>], ['left', 2]]
    """
    ledger = match.ledger()
    parts = [_one_cohort(part, policy) for _, part in ledger.groupby("cohort", sort=False)]
    columns = ["cohort", "step", "firms", *_FIGURES, "withheld"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return table.reindex(columns=columns).astype(dict.fromkeys(["cohort", "firms", *_FIGURES], "Int64"))


def _one_cohort(ledger: pd.DataFrame, policy: DisclosurePolicy) -> pd.DataFrame:
    cohort, ends = ledger["cohort"].iloc[0], (ledger["before"].iloc[0], ledger["left"].iloc[-1])
    steps = ledger[["cohort", "step", *_FIGURES]].reset_index(drop=True)
    # What all steps remove together is the difference of the two ends.
    reasons = policy.reasons(steps["removed"].tolist(), within_total=True)
    reasons = [reason if n > 0 else "" for reason, n in zip(reasons, steps["removed"], strict=True)]
    steps = withhold(steps, reasons, _FIGURES)
    for name in ("concerned", "only"):
        steps[name] = steps[name].where((steps[name] == 0) | (steps[name] >= policy.minimum_firms))
    first, last = (
        pd.DataFrame({"cohort": [cohort], "step": [step], "firms": [firms], "withheld": [""]})
        for step, firms in zip(("candidates", "left"), ends, strict=True)
    )
    return pd.concat([first, steps, last], ignore_index=True)


def rules_table(match: Match, policy: DisclosurePolicy) -> pd.DataFrame:
    """The rules in the joining year with most candidates, as an example that can be read.

    Parameters
    ----------
    match : Match
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        Rows of ``candidates_table`` for that year, without steps that concern nobody.

    Raises
    ------
    KeyError
        If the ledger lacks a column.

    Examples
    --------
    >>> rules_table.__name__
    'rules_table'
    """
    table = candidates_table(match, policy)
    if table.empty:
        return table
    year = table["cohort"].to_numpy()[int(np.argmax(table["firms"].fillna(0).to_numpy()))]
    there = table["firms"].notna() | (table["removed"].fillna(1) > 0)
    chosen: pd.DataFrame = table[(table["cohort"] == year) & there].reset_index(drop=True)
    return chosen


def unmatched_table(reasons: pd.Series, match: Match, policy: DisclosurePolicy) -> pd.DataFrame:
    """Why members have no effect, in numbers: ``tables/unmatched.csv``.

    Parameters
    ----------
    reasons : Series of str
        Reasons of those that cannot be evaluated.
    match : Match
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        ``reason``, ``constraint`` (what removed the last candidate), ``members``, ``withheld``. Which members these are is
        nobody else's business.

    Raises
    ------
    KeyError
        If the match has no reasons.

    Examples
    --------
    >>> unmatched_table.__name__
    'unmatched_table'
    """
    sides = (
        pd.DataFrame({"reason": reasons.to_numpy(), "constraint": ""}),
        match.unmatched()[["reason", "constraint"]],
    )
    parts = []
    # Both sums are published: how many can be evaluated, and how many of these were matched.
    for side in sides:
        counts = side.groupby(["reason", "constraint"], sort=False).size().rename("members").reset_index()
        hidden = policy.reasons(counts["members"].tolist(), within_total=True)
        parts.append(withhold(counts.astype({"members": "Int64"}), hidden, ["members"]))
    return pd.concat(parts, ignore_index=True)


def rungs_table(match: Match, policy: DisclosurePolicy) -> pd.DataFrame:
    """On which rung of the ladder members were matched.

    Parameters
    ----------
    match : Match
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        ``rung``, ``members``, ``withheld``, finest first; empty without a ladder.

    Raises
    ------
    KeyError
        If the match has no rungs.

    Examples
    --------
    >>> rungs_table.__name__
    'rungs_table'
    """
    rungs = match.rungs()
    names = [name for name in rungs.columns if name not in {"unit", "cohort", "rung", "candidates"}]
    matched = rungs[rungs["unit"].isin(match.units[match.sets.treated])]
    counts = matched["rung"].value_counts().reindex(names, fill_value=0)
    table = pd.DataFrame({"rung": names, "members": counts.to_numpy()}).astype({"members": "Int64"})
    hidden = policy.reasons(table["members"].tolist(), within_total=True)
    hidden = [reason if n > 0 else "" for reason, n in zip(hidden, table["members"], strict=True)]
    return withhold(table, hidden, ["members"]) if len(names) > 1 else table.iloc[:0]


def dropped_table(table: pd.DataFrame, policy: DisclosurePolicy) -> pd.DataFrame:
    """Members without an effect beside the others: ``tables/dropped.csv``.

    Parameters
    ----------
    table : DataFrame
        From ``dropped_members``.
    policy : DisclosurePolicy
        Its minimum applies to the members with a value on each side.

    Returns
    -------
    DataFrame
        ``variable, kept, dropped, smd, n_kept, n_dropped, withheld``: means, their difference in standard deviations, and
        the numbers of members with a value.

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> row = {"variable": ["size"], "kept": [3.0], "dropped": [5.0], "sd": [1.0], "smd": [2.0], "n_kept": [40],
    ...        "n_dropped": [2], "missing_kept": [0.0], "missing_dropped": [0.0]}
    >>> dropped_table(pd.DataFrame(row), DisclosurePolicy())["dropped"].isna().all()
    np.True_
    """
    shown = table[["variable", "kept", "dropped", "smd"]].copy()
    for side in ("kept", "dropped"):
        known = table[f"n_{side}"] * (1 - table[f"missing_{side}"])
        shown[f"n_{side}"] = np.rint(known.to_numpy(dtype=np.float64)).astype(np.int64)
    fewest = shown[["n_kept", "n_dropped"]].min(axis=1)
    counted = shown.astype({"n_kept": "Int64", "n_dropped": "Int64"})
    return withhold(counted, policy.reasons(fewest.tolist()), ["kept", "dropped", "smd", "n_kept", "n_dropped"])


def designs_table(found: DesignComparison, own: Mapping[str, Any] | None, policy: DisclosurePolicy) -> pd.DataFrame:
    """Ways of matching on the years before joining, side by side: ``tables/designs.csv``.

    Parameters
    ----------
    found : DesignComparison
    own : mapping, optional
        The plan's own matching, as a first row.
    policy : DisclosurePolicy

    Returns
    -------
    DataFrame
        As ``DesignComparison.table``, with ``withheld``.

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> designs_table.__name__
    'designs_table'
    """
    rows = [] if own is None else [pd.DataFrame([dict(own)])]
    table = pd.concat([*rows, found.table()], ignore_index=True)[list(found.table().columns)]
    figures = [name for name in table.columns if name not in {"design", "matches_on", "recommended"}]
    hidden = policy.reasons(table["treated"].tolist())
    return withhold(table.astype({"treated": "Int64", "controls": "Int64"}), hidden, figures)
