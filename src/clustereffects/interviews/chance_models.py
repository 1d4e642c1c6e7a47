"""Kappas for several raters and missing judgements that differ in what they take for chance.

Reported side by side they show how much of a coefficient is a matter of its model of chance. Arrays are units × raters,
NaN where a rater did not judge a unit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clustereffects.interviews._coefficients import (
    Floats,
    as_ratings,
    chance_corrected,
    pair_agreement,
    value_counts,
)
from clustereffects.interviews._private import coding_error, option_error
from clustereffects.interviews.agreement import Agreement


def generalised_fleiss_kappa(ratings: npt.ArrayLike) -> Agreement:
    """Fleiss' kappa where the number of judgements differs between units.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)

    Returns
    -------
    Agreement
        ``std_error`` is NaN: use ``bootstrap_agreement`` on complete data.

    Raises
    ------
    CodingError
        If no unit was judged twice.

    Notes
    -----
    Chance agreement from the shares of each value, averaged over units (Gwet 2014, *Handbook of Inter-Rater Reliability*,
    4th ed., ch. 2); with the same number of judgements everywhere it is Fleiss (1971).

    Examples
    --------
    >>> round(generalised_fleiss_kappa([[1, 1, 1], [0, 0, np.nan], [1, 1, 0], [0, 0, 0]]).value, 4)
    0.6571
    """
    values, counts = _counted(ratings)
    share = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[counts.sum(axis=1) > 0].mean(axis=0)
    return _corrected("generalised fleiss", values, counts, float((share**2).sum()))


def conger_kappa(ratings: npt.ArrayLike) -> Agreement:
    """Conger's kappa: chance agreement of raters who each keep their own shares of the values.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)

    Returns
    -------
    Agreement
        ``std_error`` is NaN.

    Raises
    ------
    CodingError
        If no unit was judged twice, or fewer than two raters judged anything.

    Notes
    -----
    Conger (1980, *Psychological Bulletin* 88(2)), with missing judgements as in Gwet (2014, ch. 2): each rater's shares over
    the units that this rater judged; the mean over all pairs of different raters. With two raters it is Cohen's kappa.

    Examples
    --------
    >>> round(conger_kappa(np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [20, 5, 10, 15], axis=0)).value, 10)
    0.4
    """
    values, counts = _counted(ratings)
    values = values[:, ~np.isnan(values).all(axis=0)]
    raters = values.shape[1]
    if raters < 2:
        raise coding_error("only one rater judged anything", "at least two raters", "let two code the same sources")
    labels = np.unique(values[~np.isnan(values)])
    own = (values[:, :, None] == labels).sum(axis=0) / (~np.isnan(values)).sum(axis=0)[:, None]
    pairs = (own.sum(axis=0) ** 2 - (own**2).sum(axis=0)) / (raters * (raters - 1))
    return _corrected("conger", values, counts, float(pairs.sum()))


def brennan_prediger(ratings: npt.ArrayLike, *, categories: int | None = None) -> Agreement:
    """Brennan and Prediger's coefficient: chance makes every possible value equally likely.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
    categories : int, optional
        Number of values that were possible; by default those that occur, and at least two.

    Returns
    -------
    Agreement
        ``std_error`` is NaN.

    Raises
    ------
    CodingError
        If no unit was judged twice.
    OptionError
        If fewer ``categories`` are given than occur.

    Notes
    -----
    Brennan & Prediger (1981, *Educational and Psychological Measurement* 41(3)); for two values Bennett, Alpert and
    Goldstein's S.

    Examples
    --------
    >>> brennan_prediger([[1, 1], [1, 1], [1, 1], [0, 1]]).value
    0.5
    """
    values, counts = _counted(ratings)
    number = max(2, counts.shape[1]) if categories is None else categories
    if number < counts.shape[1]:
        raise option_error("categories", number, f"at least {counts.shape[1]}, the number of values that occur")
    return _corrected("brennan-prediger", values, counts, 1 / number)


def _counted(ratings: npt.ArrayLike) -> tuple[Floats, Floats]:
    values = as_ratings(ratings)
    _, counts = value_counts(values)
    if not (counts.sum(axis=1) >= 2).any():
        raise coding_error("no unit was judged by two raters", "a common subset", "let two code the same sources")
    return values, counts


def _corrected(measure: str, values: Floats, counts: Floats, expected: float) -> Agreement:
    observed = pair_agreement(counts)
    return Agreement(
        measure=measure,
        value=chance_corrected(observed, expected),
        std_error=float("nan"),
        observed=observed,
        expected=expected,
        units=int((counts.sum(axis=1) >= 2).sum()),
        raters=int((~np.isnan(values)).any(axis=0).sum()),
    )
