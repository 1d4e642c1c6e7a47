"""The joint test of effects before treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.inference.quantiles import chi_square_p, f_p, two_sided_p
from clustereffects.inference.wild import drawn_p
from clustereffects.results.checks import Check, Verdict
from clustereffects.results.uncertainty import Uncertainty

NAME = "parallel trends before joining"
_SIGNIFICANT = 0.05
_SINGULAR = 1e-12
_ENOUGH = 4  # denominator degrees of freedom below which a test of several terms has hardly any power


def pretrend_check(
    labels: pd.DataFrame, estimate: NDArray[np.float64], spread: Uncertainty, anticipation: int = 0
) -> Check:
    """Wald test that all effects before treatment are zero.

    Parameters
    ----------
    labels : DataFrame (k, …)
        With the column ``event_time``.
    estimate : array (k,)
    spread : Uncertainty
    anticipation : int
        Periods before treatment in which units may react already: they are not tested.

    Returns
    -------
    Check
        The statistic is the p-value; a small one warns. Not rejecting does not prove parallel trends, and passes only if
        there are clusters enough for the test to reject.

    Raises
    ------
    KeyError
        If there is no ``event_time``.

    Notes
    -----
    ``W = τ'V⁻¹τ`` over event times below ``−anticipation``, χ² with as many degrees of freedom as terms (Callaway &
    Sant'Anna 2021, remark 4). Reference periods, whose effect is zero by construction, are left out. With t distributions,
    Hotelling's: F with the fewest degrees of freedom among the terms; where these are fewer than the terms, the p-value of
    the largest t value with as many degrees of freedom, times the number of terms (Bonferroni). With a wild bootstrap,
    the largest t value among the draws' largest.

    Examples
    --------
    >>> labels = pd.DataFrame({"event_time": [-2, 0]})
    >>> spread = Uncertainty(covariance=np.eye(2), std_error=np.ones(2), df=np.inf, convention="")
    >>> pretrend_check(labels, np.array([0.5, 1.0]), spread).verdict
    'pass'
    """
    before = (labels["event_time"].to_numpy() < -anticipation) & np.isfinite(estimate) & (spread.std_error > 0)
    if not before.any():
        return Check(name=NAME, verdict="info", message="there is no period before the reference period to test")
    largest = spread.largest(before)
    if largest is not None:
        return _largest_t(estimate[before] / spread.std_error[before], largest)
    df, terms = _df(spread, before), int(before.sum())
    if df < terms:
        return _bonferroni(estimate[before] / spread.std_error[before], df)
    return _wald(estimate[before], spread.cov[np.ix_(before, before)], df)


def _df(spread: Uncertainty, before: NDArray[np.bool_]) -> float:
    """Degrees of freedom of a joint test: the fewest among its terms, which rest on different clusters."""
    known = spread.dfs[before]
    return float(np.min(known[known > 0], initial=np.inf))


def _largest_t(t_values: NDArray[np.float64], largest: NDArray[np.float64]) -> Check:
    statistic = float(np.abs(t_values).max())
    p_value = drawn_p(largest, statistic)
    message = (
        f"joint test of {len(t_values)} effects before joining: largest t = {statistic:.2f}, p = {p_value:.3f} "
        f"from {len(largest)} wild bootstrap draws"
    )
    verdict, remedy = _judged(p_value, weak=False)
    return Check(name=NAME, verdict=verdict, statistic=p_value, threshold=_SIGNIFICANT, message=message, remedy=remedy)


def _bonferroni(t_values: NDArray[np.float64], df: float) -> Check:
    terms, statistic = len(t_values), float(np.abs(t_values).max())
    p_value = min(1.0, terms * two_sided_p(np.array(statistic), df).item())
    message = (
        f"largest t of {terms} effects before joining = {statistic:.2f}, p = {p_value:.3f} (p-value times {terms}); with "
        f"{df:.3g} degrees of freedom there is no joint Wald test, and this one can hardly reject"
    )
    verdict, remedy = _judged(p_value, weak=True)
    return Check(name=NAME, verdict=verdict, statistic=p_value, threshold=_SIGNIFICANT, message=message, remedy=remedy)


def _wald(estimate: NDArray[np.float64], cov: NDArray[np.float64], df: float) -> Check:
    terms = len(estimate)
    scale = np.sqrt(np.diag(cov))
    if np.linalg.eigvalsh(cov / np.outer(scale, scale))[0] < _SINGULAR * terms:
        return Check(
            name=NAME,
            verdict="info",
            message=f"the {terms} effects before joining have a singular covariance: no joint test",
            remedy="test fewer periods, aggregate by event time first, or read the simultaneous band",
        )
    statistic = float(estimate @ np.linalg.solve(cov, estimate))
    p_value = _p_value(statistic, terms, df)
    message = f"joint Wald test of {terms} effects before joining: W = {statistic:.2f}, p = {p_value:.3f}"
    verdict, remedy = _judged(p_value, weak=df - terms + 1 < _ENOUGH)
    if verdict == "info":
        message += f"; with {df:.3g} degrees of freedom it can hardly reject"
    return Check(name=NAME, verdict=verdict, statistic=p_value, threshold=_SIGNIFICANT, message=message, remedy=remedy)


def _judged(p_value: float, *, weak: bool) -> tuple[Verdict, str]:
    if p_value < _SIGNIFICANT:
        return "warn", "show the event study, bound the violation, or compare with closer controls"
    return ("info", "read the event study, or test fewer periods") if weak else ("pass", "")


def _p_value(statistic: float, terms: int, df: float) -> float:
    if np.isinf(df):
        return chi_square_p(statistic, terms)
    return f_p(statistic * (df - terms + 1) / (df * terms), terms, df - terms + 1)
