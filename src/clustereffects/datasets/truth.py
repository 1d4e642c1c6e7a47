"""What a simulated programme really did: realised effects, never estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

OUTCOMES = ("log_value_added", "log_employees", "log_turnover")
EVENT_TIMES = (0, 1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEffect:
    """Mean realised contribution of membership to one outcome, in log points.

    A contribution is the difference between the outcome of a member in a year and the outcome the same member would
    have had in that year without membership. Means run over observed member-years, each with the same weight.

    Parameters
    ----------
    by_event_time : mapping of int to float
        Mean for each of the event times 0–5 that occurs; 0 is the year of joining.
    n_by_event_time : mapping of int to int
        Member-years behind each of these means.
    overall_0_5 : float
        Mean over all member-years with event time 0–5; NaN if there are none.
    overall : float
        Mean over all member-years from joining on.
    firms, firm_years : int
        Members and member-years behind ``overall``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> effect = TrueEffect(
    ...     by_event_time={0: 0.01}, n_by_event_time={0: 3}, overall_0_5=0.01, overall=0.02, firms=3, firm_years=9
    ... )
    >>> effect.to_dict()["by_event_time"]
    {'0': 0.01}
    """

    by_event_time: Mapping[int, float]
    n_by_event_time: Mapping[int, int]
    overall_0_5: float
    overall: float
    firms: int
    firm_years: int

    def to_dict(self) -> dict[str, object]:
        """Plain dictionary with text keys and ``None`` for what is undefined, ready for JSON."""
        return {
            "by_event_time": {str(time): value for time, value in self.by_event_time.items()},
            "n_by_event_time": {str(time): n for time, n in self.n_by_event_time.items()},
            "overall_0_5": None if np.isnan(self.overall_0_5) else self.overall_0_5,
            "overall": None if np.isnan(self.overall) else self.overall,
            "firms": self.firms,
            "firm_years": self.firm_years,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeTruth:
    """The realised effects of a simulated programme.

    Parameters
    ----------
    programme : mapping of str to TrueEffect
        Effect on each outcome over all members.
    organisations : mapping of str to mapping of str to TrueEffect
        The same for the members of each cluster organisation: ``organisations["O01"]["log_value_added"]``.
    mu : mapping of str to float
        Mean long-run effect of each organisation on log value added, the parameter its members' effects scatter around.
    contributions : DataFrame
        One row per observed member-year from joining on: ``firm, year, cohort, organisation, event_time`` and the
        contribution to each outcome.
    violation : mapping of int to float
        Realised mean deviation of the members' untreated log value added from parallel trends, by event time (zero in
        every scenario but ``violated``).
    spillover : float
        Realised mean spillover on log value added of the exposed never-members; zero if nobody is exposed.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.datasets import ProgrammeOptions, simulate_programme
    >>> truth = simulate_programme(ProgrammeOptions(n_firms=800, n_members=100, n_organisations=4), rng=1).truth
    >>> sorted(truth.organisations)
    ['O01', 'O02', 'O03', 'O04']
    """

    programme: Mapping[str, TrueEffect]
    organisations: Mapping[str, Mapping[str, TrueEffect]]
    mu: Mapping[str, float]
    contributions: pd.DataFrame = field(repr=False, compare=False)
    violation: Mapping[int, float]
    spillover: float

    def by(self, columns: Sequence[str], outcome: str = "log_value_added") -> pd.DataFrame:
        """Mean contribution and number of member-years by any of ``cohort, year, organisation, event_time, firm``."""
        groups = self.contributions.groupby(list(columns), sort=True)[outcome]
        return groups.agg(effect="mean", n="size").reset_index()


def true_effect(contributions: pd.DataFrame, outcome: str) -> TrueEffect:
    """Summarise contributions as `TrueEffect`: means over member-years, event times 0–5.

    Parameters
    ----------
    contributions : DataFrame
        Columns ``firm``, ``event_time`` (≥ 0) and ``outcome``, one row per observed member-year.
    outcome : str
        Column to average.

    Returns
    -------
    TrueEffect

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> rows = pd.DataFrame({"firm": [1, 1, 2], "event_time": [0, 1, 0], "y": [0.1, 0.2, 0.3]})
    >>> effect = true_effect(rows, "y")
    >>> dict(effect.by_event_time), effect.firms
    ({0: 0.2, 1: 0.2}, 2)
    """
    values = contributions[outcome].to_numpy(dtype=float)
    times = contributions["event_time"].to_numpy(dtype=int)
    inside = {time: values[times == time] for time in EVENT_TIMES if np.any(times == time)}
    early = values[times <= EVENT_TIMES[-1]]
    return TrueEffect(
        by_event_time=MappingProxyType({time: float(part.mean()) for time, part in inside.items()}),
        n_by_event_time=MappingProxyType({time: part.size for time, part in inside.items()}),
        overall_0_5=float(early.mean()) if early.size else float("nan"),
        overall=float(values.mean()) if values.size else float("nan"),
        firms=int(contributions["firm"].nunique()),
        firm_years=int(values.size),
    )
