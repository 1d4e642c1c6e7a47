"""Agreement between coders: Krippendorff's alpha, Cohen's and Fleiss' kappa, Gwet's AC1.

Everything here takes an array of units × raters with NaN where a rater did not judge a unit. Values are labels
(nominal) or numbers (the other levels of measurement of alpha, and the ranks behind weighted kappa).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clustereffects.interviews._coefficients import (
    Floats,
    Level,
    Weights,
    ac1_expected,
    ac1_std_error,
    as_ratings,
    chance_corrected,
    contingency,
    disagreements,
    distances,
    fleiss_expected,
    judged_by_all,
    kappa_of,
    kappa_std_error,
    pair_agreement,
    pairable_counts,
    rank_weights,
    value_counts,
)
from clustereffects.interviews._private import coding_error, option_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One coefficient of agreement and what it was computed from.

    Parameters
    ----------
    measure : str
        Name of the coefficient.
    value : float
        The coefficient; NaN where it is undefined (no variation at all, or no unit judged twice).
    std_error : float
        Large-sample standard error over units where a closed form is implemented (Cohen, AC1), else NaN:
        use ``bootstrap_agreement``.
    observed, expected : float
        Observed and chance-expected agreement, for alpha one minus the mean disagreements:
        ``value = 1 - (1 - observed) / (1 - expected)`` throughout.
    units, raters : int
        Units judged by at least two raters, and number of raters (columns with any judgement).

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> cohen_kappa(np.array([[1, 1], [0, 0], [1, 0], [0, 0]])).value
    0.5
    """

    measure: str
    value: float
    std_error: float
    observed: float
    expected: float
    units: int
    raters: int


def krippendorff_alpha(ratings: npt.ArrayLike, *, level: Level = "nominal") -> Agreement:
    """Krippendorff's alpha for any number of raters, with missing judgements.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        NaN where a rater did not judge a unit. Units with fewer than two judgements carry no information.
    level : {"nominal", "ordinal", "interval", "ratio"}
        Which difference function compares two values.

    Returns
    -------
    Agreement
        ``value`` is ``1 - D_o / D_e``; NaN if all pairable values are the same (``D_e = 0``).

    Raises
    ------
    CodingError
        If the array is not two-dimensional, or a ratio scale has negative values.
    OptionError
        If ``level`` is none of the four.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's alpha-reliability, sections C and D.

    Examples
    --------
    >>> ratings = np.array([[1, 1], [2, 2], [3, 3], [3, 4], [2, np.nan]])
    >>> round(krippendorff_alpha(ratings).value, 4)
    0.6957
    """
    values = as_ratings(ratings)
    categories, counts = value_counts(values)
    distance = distances(categories, pairable_counts(counts).sum(axis=0), level)
    observed, expected = disagreements(counts, distance)
    value = 1 - observed / expected if expected > 0 else np.nan
    return _record("alpha", value, 1 - observed, 1 - expected, values)


def cohen_kappa(ratings: npt.ArrayLike, *, weights: Weights = "none") -> Agreement:
    """Cohen's kappa for two raters, unweighted or weighted by the distance between ranks.

    Parameters
    ----------
    ratings : array_like, shape (units, 2)
        Units that one of the two did not judge are left out.
    weights : {"none", "linear", "quadratic"}
        Weights over the ranks of the values that occur (the gaps between ranks count as equal).

    Returns
    -------
    Agreement
        ``std_error`` is the large-sample one for kappa different from zero, divisor *n*.

    Raises
    ------
    CodingError
        If there are not exactly two raters, or no unit was judged by both.
    OptionError
        If ``weights`` is none of the three.

    References
    ----------
    Cohen (1960, 1968). Standard error: Fleiss, Cohen & Everitt (1969), Psychological Bulletin 72, equation 13.

    Examples
    --------
    >>> table = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], [20, 5, 10, 15], axis=0)
    >>> round(cohen_kappa(table).value, 12)
    0.4
    """
    values = as_ratings(ratings)
    if values.shape[1] != 2:
        raise coding_error(f"Cohen's kappa got {values.shape[1]} raters", "exactly two", "use alpha or Fleiss' kappa")
    both = values[judged_by_all(values)]
    if not len(both):
        raise coding_error("no unit was judged by both raters", "a common subset", "let both code the same sources")
    labels, codes = np.unique(both, return_inverse=True)
    table = contingency(codes.reshape(both.shape).astype(np.int64), len(labels))
    weight = rank_weights(len(labels), weights)
    kappa, observed, expected = kappa_of(table, weight)
    std_error = kappa_std_error(table, weight, kappa, expected)
    return _record("kappa", kappa, observed, expected, values, std_error)


def fleiss_kappa(ratings: npt.ArrayLike) -> Agreement:
    """Fleiss' kappa for a constant number of judgements per unit.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        The same number of judgements in every unit; which rater gave which does not matter.

    Returns
    -------
    Agreement
        ``std_error`` is NaN.

    Raises
    ------
    CodingError
        If the number of judgements differs between units or is below two.

    References
    ----------
    Fleiss (1971), Psychological Bulletin 76, equations 2–7.

    Examples
    --------
    >>> round(fleiss_kappa(np.array([[1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0]])).value, 4)
    0.6571
    """
    values = as_ratings(ratings)
    _, counts = value_counts(values)
    judged = counts.sum(axis=1)
    if not len(judged) or judged.min() < 2 or judged.min() != judged.max():
        raise coding_error(
            "the number of judgements per unit is not constant or below two",
            "the same number (at least two) for every unit",
            "use alpha or AC1, which allow missing judgements",
        )
    observed, expected = pair_agreement(counts), float(fleiss_expected(counts))
    return _record("fleiss", chance_corrected(observed, expected), observed, expected, values)


def gwet_ac1(ratings: npt.ArrayLike, *, categories: int | None = None) -> Agreement:
    """Gwet's AC1: agreement beyond chance that does not collapse when one value dominates.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        NaN where a rater did not judge a unit.
    categories : int, optional
        Number of values that were possible; by default those that occur, and at least two, so that a code that nobody
        ever used is full agreement and not undefined.

    Returns
    -------
    Agreement
        ``std_error`` is Gwet's, over units, conditional on the raters.

    Raises
    ------
    CodingError
        If no unit was judged twice.
    OptionError
        If fewer ``categories`` are given than occur.

    References
    ----------
    Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29–48; for missing judgements
    Gwet (2014), Handbook of Inter-Rater Reliability, 4th edition, chapters 2 and 5.

    Examples
    --------
    >>> round(gwet_ac1(np.array([[0, 0], [0, 0], [0, 0], [0, 1]])).value, 2)
    0.68
    """
    values = as_ratings(ratings)
    labels, counts = value_counts(values)
    number = max(2, len(labels)) if categories is None else categories
    if number < len(labels):
        raise option_error("categories", number, f"at least {len(labels)}, the number of values that occur")
    if not (counts.sum(axis=1) >= 2).any():
        raise coding_error("no unit was judged by two raters", "a common subset", "let two code the same sources")
    observed, expected = pair_agreement(counts), ac1_expected(counts, number)
    value = chance_corrected(observed, expected)
    return _record("ac1", value, observed, expected, values, ac1_std_error(counts, number, value, expected))


def _record(
    measure: str, value: float, observed: float, expected: float, values: Floats, std_error: float = np.nan
) -> Agreement:
    judged = ~np.isnan(values)
    return Agreement(
        measure=measure,
        value=float(value),
        std_error=float(std_error),
        observed=float(observed),
        expected=float(expected),
        units=int((judged.sum(axis=1) >= 2).sum()),
        raters=int(judged.any(axis=0).sum()),
    )
