"""Which members can be evaluated at all, and why the others cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clustereffects.accounts.linking import LinkedMembers


def evaluable_members(
    frame: pd.DataFrame, members: LinkedMembers, outcome: str, *, minimum_pre_years: int = 2, lookback: int = 3
) -> pd.DataFrame:
    """Whether each member with a joining year has the years that a before–after comparison needs.

    Parameters
    ----------
    frame : DataFrame
        From ``build_panel_frame``.
    members : LinkedMembers
    outcome : str
        Column that must be observed, such as ``log_value_added``.
    minimum_pre_years : int
        Number of observed years before joining, the year before joining among them.
    lookback : int
        How many years before joining are looked at.

    Returns
    -------
    DataFrame
        ``firm, organisation, cohort, pre_years, post_years, reason``; the reason is empty for those that can be evaluated,
        else the first of: no statements, year before joining missing, too few years before joining, no year from joining on.

    Raises
    ------
    KeyError
        If the outcome is not a column.

    Examples
    --------
    >>> from clustereffects.accounts import PanelOptions, build_panel_frame
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
    >>> evaluable_members(panel.frame, members, "log_value_added")[["pre_years", "post_years", "reason"]].values.tolist()
    [[1, 1, 'too few years before joining']]
    """
    member = frame["cohort"].notna().to_numpy()
    seen = frame.loc[member, ["firm", "year", "cohort"]].assign(observed=frame.loc[member, outcome].notna())
    event_time = seen["year"] - seen["cohort"]
    counted = {
        "before": seen["observed"] & (event_time == -1),
        "pre_years": seen["observed"] & event_time.between(-lookback, -1),
        "post_years": seen["observed"] & (event_time >= 0),
    }
    counts = pd.DataFrame(counted).groupby(seen["firm"]).sum()
    table = members.members.firms[["firm", "organisation", "cohort"]]
    has_statements = table["firm"].isin(members.firms["firm"]).to_numpy()
    table = table.join(counts, on="firm").fillna(dict.fromkeys(counted, 0))
    table["reason"] = np.select(
        [~has_statements, table["before"] == 0, table["pre_years"] < minimum_pre_years, table["post_years"] == 0],
        ["no statements", "year before joining missing", "too few years before joining", "no year from joining on"],
        "",
    )
    return table.drop(columns="before").astype({"pre_years": "int64", "post_years": "int64"}).reset_index(drop=True)
