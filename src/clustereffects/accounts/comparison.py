"""What one would otherwise have believed: members' growth set against county and industry, without any claim to an effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.accounts.linking import LinkedMembers
from clustereffects.data import require_columns
from clustereffects.errors import InputError, Problem

PROGRAMME = "programme"
RATIOS = frozenset({"productivity", "competitiveness"})  # their sums over firms mean nothing
COUNTY, INDUSTRY = "county", "industry in the county"
_COLUMNS = ("firm", "year", "county", "industry_division", "ever_member")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrowthComparison:
    """Growth of members and of the comparison firms over a window: descriptive, not an effect.

    Parameters
    ----------
    frame : DataFrame
        One row per organisation (and ``programme``) and comparison: ``organisation``, ``comparison`` (``county`` or
        ``industry in the county``), ``members``, ``comparison_firms``, ``member_growth``, ``comparison_growth``,
        ``difference`` (means of log growth over the window) with its ``std_error`` (unequal variances; the programme's treats
        the organisations' comparison firms as separate samples, which they are only in part), ``member_total_growth``, ``comparison_total_growth`` (growth of
        the sums, as a share), ``excess_value`` (in the last year: by how much the members' sum exceeds their first year's
        sum grown at the rate of the comparison's sum). The last three are NaN for ratios.
    outcome : str
    first_year, last_year : int
    label : str
        How a report must name these numbers.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> GrowthComparison(frame=pd.DataFrame(), outcome="value_added", first_year=2007, last_year=2012).label
    'descriptive comparison, not an effect'
    """

    frame: pd.DataFrame
    outcome: str
    first_year: int
    last_year: int
    label: str = "descriptive comparison, not an effect"


@dataclass(frozen=True, slots=True)
class _Growth:
    """Firms with positive values in both years, as arrays."""

    first: NDArray[np.float64]
    last: NDArray[np.float64]

    def __getitem__(self, mask: NDArray[np.bool_]) -> _Growth:
        return _Growth(self.first[mask], self.last[mask])

    @property
    def logs(self) -> NDArray[np.float64]:
        return np.asarray(np.log(self.last / self.first))

    @property
    def total(self) -> float:
        return float(self.last.sum() / self.first.sum() - 1) if len(self.first) else float("nan")


def compare_growth(
    frame: pd.DataFrame,
    members: LinkedMembers,
    county: Mapping[str, str],
    *,
    window: tuple[int, int],
    outcome: str = "value_added",
) -> GrowthComparison:
    """Growth of the members on the list in the last year, against county and against their industries in the county.

    This is the comparison that was made before there were counterfactuals. It is reported beside the effects so that a
    reader can see how far the two differ; selection into membership alone can produce any number here.

    Parameters
    ----------
    frame : DataFrame
        From ``build_panel_frame``.
    members : LinkedMembers
    county : mapping of str to str
        County of each organisation.
    window : (int, int)
        First and last year.
    outcome : str
        Column in levels; firms with a positive value in both years are compared.

    Returns
    -------
    GrowthComparison

    Raises
    ------
    InputError
        If the window is empty or not observed.
    ColumnError
        If the outcome is not a column.

    Notes
    -----
    Members: firms whose first spell is in the organisation, that joined up to the last year and had not left by its end.
    Comparison: firms never on any member list in the organisation's county in the first year; for *industry*, those in an
    industry division in which the organisation has a member. The programme's means of log growth weight every member alike;
    its totals add up the organisations' members, and its comparison total is the growth of the members' first-year sums at
    the rates of their own comparisons. The set-up (county, corresponding industry groups in the county, growth of sums)
    follows the Simpler studies as far as they are documented (Löfmarck 2011); their formula for excess value is not public.

    Examples
    --------
    >>> from clustereffects.accounts import PanelOptions, build_panel_frame
    >>> from clustereffects.accounts import read_accounts, read_deflator, read_industry_key, read_members, link_members
    >>> from clustereffects.accounts.accounts import ACCOUNT_COLUMNS
    >>> rows = [
    ...     (firm, year, 49, "A", "25110", "1780", 90, value, 30, 5, 15, 250, 3)
    ...     for firm, year, value in [(5560160680, 2008, 50), (5560160680, 2010, 75), (5560125790, 2008, 40), (5560125790, 2010, 50)]
    ... ]
    >>> accounts = read_accounts(pd.DataFrame(rows, columns=ACCOUNT_COLUMNS))
    >>> listed = pd.DataFrame({"organisation": ["K01"], "orgnr": ["556016-0680"], "joined": ["2009-05-01"]})
    >>> members = link_members(read_members(listed), accounts)
    >>> deflator = read_deflator(pd.DataFrame({"year": [2008, 2009, 2010], "index": [80, 90, 100]}))
    >>> key = read_industry_key(pd.DataFrame({"sni2002": ["28110"], "sni2007": ["25110"], "share": [1]}))
    >>> panel = build_panel_frame(accounts, members, deflator, key, PanelOptions(base_year=2010))
    >>> compared = compare_growth(panel.frame, members, {"K01": "17"}, window=(2008, 2010))
    >>> compared.frame[["organisation", "comparison", "members", "comparison_firms"]].values.tolist()[0]
    ['K01', 'county', 1, 1]
    >>> compared.frame["difference"].round(4).tolist()  # log(1.5) − log(1.25)
    [0.1823, 0.1823, 0.1823, 0.1823]
    """
    require_columns((*_COLUMNS, outcome), list(frame.columns), "the frame")
    first_year, last_year = window
    _check_window(frame, first_year, last_year)
    table = _two_years(frame, outcome, first_year, last_year)
    growth = _Growth(table["first"].to_numpy(), table["last"].to_numpy())
    listed = _listed(members, last_year).reindex(table["firm"]).to_numpy()
    never = ~table["ever_member"].to_numpy(dtype=bool)
    counties, divisions = (_plain(table[column]) for column in ("county", "industry_division"))
    rows = []
    used = {COUNTY: np.zeros(len(table), dtype=bool), INDUSTRY: np.zeros(len(table), dtype=bool)}
    for organisation, home in county.items():
        own = listed == organisation
        around = never & (counties == home)
        industry = around & np.isin(divisions, np.unique(divisions[own & (divisions != "")]))
        for comparison, others in ((COUNTY, around), (INDUSTRY, industry)):
            used[comparison] |= others
            rows.append(_row(organisation, comparison, growth[own], growth[others]))
    rows += [_programme(rows, comparison, int(mask.sum())) for comparison, mask in used.items()]
    result = pd.DataFrame(rows).drop(columns="first_sum")
    if outcome in RATIOS:
        result[["member_total_growth", "comparison_total_growth", "excess_value"]] = np.nan
    return GrowthComparison(frame=result, outcome=outcome, first_year=first_year, last_year=last_year)


def _check_window(frame: pd.DataFrame, first_year: int, last_year: int) -> None:
    years = frame["year"].unique()
    if first_year >= last_year or first_year not in years or last_year not in years:
        raise InputError(
            Problem(
                what="the window of the comparison is not observed",
                where=f"{first_year} to {last_year}; accounts from {years.min()} to {years.max()}",
                expected="a first year before the last, both in the accounts",
                remedy="choose two years that the accounts hold",
            )
        )


def _two_years(frame: pd.DataFrame, outcome: str, first_year: int, last_year: int) -> pd.DataFrame:
    """Firms with positive values in both years; county and industry of the first."""
    start = frame.loc[frame["year"] == first_year, ["firm", "county", "industry_division", "ever_member", outcome]]
    end = frame.loc[frame["year"] == last_year, ["firm", outcome]].rename(columns={outcome: "last"})
    both = start.rename(columns={outcome: "first"}).merge(end, on="firm")
    return both[(both["first"] > 0) & (both["last"] > 0)].reset_index(drop=True)


def _listed(members: LinkedMembers, year: int) -> pd.Series:
    """Organisation of each firm that was on a list at the end of the year."""
    firms = members.firms
    there = (firms["cohort"] <= year) & ~(firms["left"] <= year)
    return firms[there].set_index("firm")["organisation"]


def _row(organisation: str, comparison: str, own: _Growth, others: _Growth) -> dict[str, Any]:
    mean, mean_others = _mean(own.logs), _mean(others.logs)
    return {
        "organisation": organisation,
        "comparison": comparison,
        "members": len(own.first),
        "comparison_firms": len(others.first),
        "member_growth": mean,
        "comparison_growth": mean_others,
        "difference": mean - mean_others,
        "std_error": float(np.sqrt(_squared_error(own.logs) + _squared_error(others.logs))),
        "member_total_growth": own.total,
        "comparison_total_growth": others.total,
        "excess_value": float(own.last.sum() - own.first.sum() * (1 + others.total)),
        "first_sum": float(own.first.sum()),
    }


def _squared_error(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else float("nan")


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _plain(column: pd.Series) -> NDArray[np.str_]:
    """Categories as plain text, missing as empty text."""
    return column.astype(object).where(column.notna(), "").to_numpy().astype(str)


def _programme(rows: list[dict[str, Any]], comparison: str, comparison_firms: int) -> dict[str, Any]:
    """All organisations that have both members and comparison: every member counts alike in means, every krona in totals."""
    table = pd.DataFrame(rows)
    table = table[(table["comparison"] == comparison) & table["difference"].notna()]
    weight, base = table["members"], table["first_sum"]
    means = ("member_growth", "comparison_growth", "difference")
    totals = ("member_total_growth", "comparison_total_growth")
    return {
        "organisation": PROGRAMME,
        "comparison": comparison,
        "members": int(weight.sum()),
        "comparison_firms": comparison_firms,
        **{column: _weighted(table[column], weight) for column in means},
        **{column: _weighted(table[column], base) for column in totals},
        "std_error": float(np.sqrt(((table["std_error"] * weight / weight.sum()) ** 2).sum())),
        "excess_value": float(table["excess_value"].sum()),
        "first_sum": float(base.sum()),
    }


def _weighted(values: pd.Series, weights: pd.Series) -> float:
    total = float(weights.sum())
    return float((values * weights).sum() / total) if total > 0 else float("nan")
