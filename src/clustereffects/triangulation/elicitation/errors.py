"""Error rates of qualitative tests and biases of estimates, from data instead of judgement.

Three sources: interviews that two coders read (unreliability), firms outside every organisation that answered the same
questions (type I error of each test), and outcomes that no organisation can affect (negative controls).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clustereffects.errors import ColumnError, EvidenceError, Problem
from clustereffects.interviews.codings import Codings
from clustereffects.interviews.probative import DiagnosticOptions, chance_weight
from clustereffects.results.evidence import BiasTerm
from clustereffects.triangulation.elicitation.levels import Range
from clustereffects.triangulation.elicitation.rates import rate_interval, systematic_error, without_report_error

Method = Literal["jeffreys", "exact"]


def coding_errors(
    codings: Codings,
    options: DiagnosticOptions | None = None,
    *,
    level: float = 0.95,
    draws: int = 999,
    rng: int | None = None,
) -> pd.DataFrame:
    """Unreliability ε of one coder's report per code, with an interval, from interviews that two coders read.

    Parameters
    ----------
    codings : Codings
    options : DiagnosticOptions, optional
        As used for the diagnostics.
    level : float
    draws : int
    rng : int, optional

    Returns
    -------
    DataFrame
        Columns ``code, unreliability, low, high, noise, interviews, basis``. ε is the value the diagnostics use (agreement
        pulled towards that of all codes); the interval is that of the code's own agreement, widened to hold ε, and NaN where
        the agreement has none.

    Raises
    ------
    CodingError
        If no interview was read by two coders.
    OptionError
        If an option is out of range.

    Notes
    -----
    ``ε = 1 − √α`` falls in α, so the ends of alpha's bootstrap interval change places.

    Examples
    --------
    >>> frame = pd.DataFrame([(f"I{i}", "K01", coder, "M1" if i % 3 == 0 or (i == 1 and coder == "B") else "")
    ...                       for i in range(12) for coder in "AB"], columns=["source", "organisation", "coder", "code"])
    >>> coding_errors(Codings(frame), rng=1)[["code", "unreliability"]].round(2).values.tolist()
    [['M1', 0.09]]
    """
    options = DiagnosticOptions() if options is None else options
    table = codings.unreliability(options)
    agreed = codings.agreement("alpha", level=level, draws=draws, rng=rng).set_index("code").loc[table["code"]]
    ends = [np.asarray(agreed[name], dtype=np.float64) for name in ("conf_high", "conf_low")]
    low, high = (np.where(np.isfinite(end), chance_weight(end, options), np.nan) for end in ends)
    epsilon = table["unreliability"].to_numpy(dtype=np.float64)
    table = table.assign(low=np.minimum(low, epsilon), high=np.maximum(high, epsilon))
    return table[["code", "unreliability", "low", "high", "noise", "interviews", "basis"]]


def answers_from_items(answers: pd.DataFrame, tests: Mapping[str, str], *, at_least: float) -> pd.DataFrame:
    """Answers to questionnaire items as signs that were seen or not, ready for ``type_one_errors``.

    Parameters
    ----------
    answers : DataFrame
        One row per firm, items in columns; missing where an item was not asked or not answered.
    tests : mapping of item to test
    at_least : float
        Answers from here on count as seen.

    Returns
    -------
    DataFrame
        Columns ``test`` and ``seen``.

    Raises
    ------
    ColumnError
        If an item is missing.

    Examples
    --------
    >>> outside = pd.DataFrame({"g1": [4, 2, None, 5]})
    >>> answers_from_items(outside, {"g1": "T01"}, at_least=4)["seen"].tolist()
    [True, False, None, True]
    """
    missing = [item for item in tests if item not in answers.columns]
    if missing:
        raise ColumnError(_wrong("items are missing: " + ", ".join(missing), ", ".join(map(str, answers.columns))))
    long = answers[list(tests)].rename(columns=dict(tests)).melt(var_name="test", value_name="answer")
    given = pd.to_numeric(long["answer"])
    seen = (given >= at_least).astype(object).where(given.notna(), None)
    return pd.DataFrame({"test": long["test"].astype(str), "seen": seen})


def type_one_errors(
    answers: pd.DataFrame,
    *,
    level: float = 0.95,
    method: Method = "jeffreys",
    report: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Type I error of each test, from firms outside every organisation that answered the same questions.

    Parameters
    ----------
    answers : DataFrame
        Columns ``test`` and ``seen`` (true or false; missing if not asked), one row for each firm and test.
    level : float
    method : {"jeffreys", "exact"}
    report : mapping of test to (ε, q), optional
        Unreliability and noise of the reports, if the diagnostics will be given the same: the rates are then freed of them.

    Returns
    -------
    DataFrame
        Columns ``test, seen, asked, rate, low, high, method, level``; a test nobody was asked about has no row. ``low`` and ``high`` are what ``type_one_ranges`` hands
        over as P(E | no effect).

    Raises
    ------
    ColumnError
        If a column is missing.
    EvidenceError
        If ``seen`` holds something other than true, false or missing.

    Notes
    -----
    Firms that no organisation could have affected show how often a sign is there anyway: the type I error itself. It is
    one only if they were asked the same question in the same words, had reason to answer (no "since you joined"), and
    resemble members before joining – matched controls do.

    Examples
    --------
    >>> answers = pd.DataFrame({"test": "T01", "seen": [True] * 2 + [False] * 18})
    >>> type_one_errors(answers)[["rate", "low", "high"]].round(3).values.tolist()
    [[0.1, 0.021, 0.284]]
    """
    missing = [name for name in ("test", "seen") if name not in answers.columns]
    if missing:
        raise ColumnError(_wrong("columns are missing: " + ", ".join(missing), "test, seen"))
    asked = answers[answers["seen"].notna()]
    odd = sorted({repr(value) for value in asked["seen"] if value not in (0, 1)})
    if odd:
        raise EvidenceError(_wrong("seen holds " + ", ".join(odd), "true, false or missing"))
    counts = asked["seen"].astype(bool).groupby(asked["test"].astype(str)).agg(["sum", "count"])
    table = rate_interval(counts["sum"].to_numpy(), counts["count"].to_numpy(), level=level, method=method)
    error = np.array([(report or {}).get(str(test), (0.0, 0.5)) for test in counts.index]).reshape(-1, 2)
    free = without_report_error(table, error[:, :1], error[:, 1:])
    return pd.DataFrame(
        {
            "test": counts.index.astype(str),
            "seen": counts["sum"].to_numpy(),
            "asked": counts["count"].to_numpy(),
            "rate": free[:, 0],
            "low": free[:, 1],
            "high": free[:, 2],
            "method": method,
            "level": level,
        }
    )


def type_one_ranges(table: pd.DataFrame) -> dict[str, Range]:
    """Ranges of P(E | no effect) by test, ready for ``Elicitation.to_bridge(measured=...)``.

    Parameters
    ----------
    table : DataFrame
        As ``type_one_errors`` returns it.

    Returns
    -------
    dict of test to (low, high)

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> type_one_ranges(pd.DataFrame({"test": ["T01"], "low": [0.02], "high": [0.28]}))
    {'T01': (0.02, 0.28)}
    """
    return {str(row.test): (float(row.low), float(row.high)) for row in table.itertuples()}  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeControls:
    """What estimates of effects that cannot exist say about the estimator.

    Parameters
    ----------
    count, significant : int
        Estimates, and how many of them differ significantly from zero.
    share, low, high : float
        Share of significant ones with its interval: the type I error of the economic stream as it is used.
    nominal : float
        The error it should have.
    bias_mean, bias_sd : float
        Of one more estimate made the same way.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> found = negative_controls(pd.DataFrame({"value": [0.02, 0.05, -0.01], "std_error": [0.02] * 3}), spread_sd=0.03)
    >>> found.significant, found.term().domain
    (1, 'selection')
    """

    count: int
    significant: int
    share: float
    low: float
    high: float
    nominal: float
    bias_mean: float
    bias_sd: float

    def term(self, *, domain: str = "selection", shared: str = "") -> BiasTerm:
        """The bias as a term of an estimate made the same way."""
        note = (
            f"{self.count} negative controls, {self.significant} significant at {self.nominal:g}; assumes that the bias of "
            "outcomes without an effect is that of the claim's outcome"
        )
        return BiasTerm(domain=domain, mean=self.bias_mean, sd=self.bias_sd, shared=shared, note=note)


def negative_controls(
    estimates: pd.DataFrame,
    *,
    spread_sd: float,
    nominal: float = 0.05,
    level: float = 0.95,
    method: Method = "jeffreys",
) -> NegativeControls:
    """How far estimates are off where the true effect is zero.

    Parameters
    ----------
    estimates : DataFrame
        Columns ``value`` and ``std_error``, in the units of the claim: outcomes the organisation cannot affect, periods
        before joining, or placebo organisations, estimated as the claim's effect is.
    spread_sd : float
        Scale of the half-normal prior of the standard deviation of the bias between estimates.
    nominal : float
        Level of significance.
    level : float
        Confidence level of the interval for the share.
    method : {"jeffreys", "exact"}

    Returns
    -------
    NegativeControls

    Raises
    ------
    ColumnError
        If a column is missing.
    OptionError
        If the numbers cannot be used.

    Notes
    -----
    Significant by the normal two-sided test. Controls that share firms are not independent; the interval then is too
    short. A share near the nominal one and a bias around zero are a finding, too.

    Examples
    --------
    >>> controls = pd.DataFrame({"value": [0.01, -0.02, 0.00, 0.015], "std_error": [0.02, 0.02, 0.02, 0.02]})
    >>> found = negative_controls(controls, spread_sd=0.03)
    >>> found.significant, round(found.bias_mean, 3), round(found.bias_sd, 3)
    (0, 0.001, 0.023)
    """
    from scipy.special import ndtri

    missing = [name for name in ("value", "std_error") if name not in estimates.columns]
    if missing:
        raise ColumnError(_wrong("columns are missing: " + ", ".join(missing), "value, std_error"))
    value, error = (estimates[name].to_numpy(dtype=np.float64) for name in ("value", "std_error"))
    bias = systematic_error(value, error, spread_sd=spread_sd)
    significant = int((np.abs(value / error) > -ndtri(nominal / 2)).sum())
    share, low, high = rate_interval([significant], [value.size], level=level, method=method)[0].tolist()
    return NegativeControls(
        count=value.size,
        significant=significant,
        share=share,
        low=low,
        high=high,
        nominal=nominal,
        bias_mean=bias.mean,
        bias_sd=bias.sd,
    )


def _wrong(what: str, expected: str) -> Problem:
    return Problem(what=what, where="table", expected=expected, remedy="correct the table")
