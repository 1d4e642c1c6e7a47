"""Indicators of a firm's statement: size class, growth, competitiveness, logarithms that say what they lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIZE_CLASSES = ("0-9", "10-49", "50-249", "250+")
_LOWER_BOUNDS = np.array([10.0, 50.0, 250.0])


def competitiveness(
    value_added: ArrayLike,
    personnel_cost: ArrayLike,
    depreciation: ArrayLike,
    total_assets: ArrayLike,
    required_return: float,
) -> NDArray[np.float64]:
    """Value added over processing cost: personnel cost plus depreciation plus required return on total assets.

    Parameters
    ----------
    value_added, personnel_cost, depreciation, total_assets : array-like
        In the same unit; prices cancel.
    required_return : float
        Rate of return that capital must earn, such as 0.06. The rate of the historical studies is not public.

    Returns
    -------
    ndarray of float64
        NaN where a cell is missing or the processing cost is not positive. Above one, all costs are covered.

    Raises
    ------
    ValueError
        If the rate is negative.

    Notes
    -----
    The relation of value added to processing cost is that of the Simpler comparisons (Tillväxtverket, competitiveness
    of Swedish firms); the definition of capital cost is this library's.

    Examples
    --------
    >>> competitiveness([1000.0], [700.0], [80.0], [2000.0], 0.06).round(4).tolist()
    [1.1111]
    """
    if not required_return >= 0:
        raise ValueError(f"the required return is {required_return}, expected a rate of at least 0, such as 0.06")
    capital = np.asarray(depreciation, dtype=np.float64) + required_return * np.asarray(total_assets, dtype=np.float64)
    return ratio(value_added, np.asarray(personnel_cost, dtype=np.float64) + capital)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Quotient where the denominator is positive, NaN elsewhere.

    Parameters
    ----------
    numerator, denominator : array-like

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    >>> ratio([10.0, 10.0], [4.0, 0.0]).tolist()
    [2.5, nan]
    """
    below = np.asarray(denominator, dtype=np.float64)
    return np.asarray(np.asarray(numerator, dtype=np.float64) / np.where(below > 0, below, np.nan))


def log_positive(values: ArrayLike) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Natural logarithm of positive values, NaN elsewhere, and how many of each kind.

    Parameters
    ----------
    values : array-like

    Returns
    -------
    logs : ndarray of float64
    counts : dict of str to int
        ``missing``, ``zero``, ``negative``.

    Raises
    ------
    ValueError
        If ``values`` are not numbers.

    Examples
    --------
    >>> log_positive([1.0, 0.0, -3.0, float("nan")])[1]
    {'missing': 1, 'zero': 1, 'negative': 1}
    """
    numbers = np.asarray(values, dtype=np.float64)
    logs = np.log(np.where(numbers > 0, numbers, np.nan))
    counts = {"missing": np.isnan(numbers).sum(), "zero": (numbers == 0).sum(), "negative": (numbers < 0).sum()}
    return np.asarray(logs), {reason: int(count) for reason, count in counts.items()}


def size_class(employees: ArrayLike) -> NDArray[np.int8]:
    """Size class by number of employees, as an index into ``SIZE_CLASSES``: 0–9, 10–49, 50–249, 250 and more.

    Parameters
    ----------
    employees : array-like

    Returns
    -------
    ndarray of int8
        −1 where the number is missing.

    Raises
    ------
    ValueError
        If ``employees`` are not numbers.

    Notes
    -----
    The head-count limits of Commission Recommendation 2003/361/EC, without its limits of turnover and balance sheet. An
    average number of 9.5 belongs to the class 0–9.

    Examples
    --------
    >>> [SIZE_CLASSES[place] for place in size_class([9.5, 10, 250])]
    ['0-9', '10-49', '250+']
    """
    numbers = np.asarray(employees, dtype=np.float64)
    classes = np.searchsorted(_LOWER_BOUNDS, numbers, side="right")
    return np.asarray(np.where(np.isnan(numbers), -1, classes), dtype=np.int8)


def growth(firm: ArrayLike, year: ArrayLike, logs: ArrayLike) -> NDArray[np.float64]:
    """Change of a logarithm since the year before, NaN where that year is not observed.

    Parameters
    ----------
    firm, year : array-like of int
        One row per firm and year, in any order.
    logs : array-like

    Returns
    -------
    ndarray of float64

    Raises
    ------
    IndexError
        If the columns differ in length.

    Examples
    --------
    >>> growth([1, 1, 1], [2004, 2005, 2007], [1.0, 1.5, 2.0]).tolist()
    [nan, 0.5, nan]
    """
    firms, years, values = np.asarray(firm), np.asarray(year), np.asarray(logs, dtype=np.float64)
    order = np.lexsort((years, firms))
    follows = (firms[order][1:] == firms[order][:-1]) & (years[order][1:] == years[order][:-1] + 1)
    change = np.full(len(values), np.nan)
    change[order[1:]] = np.where(follows, np.diff(values[order]), np.nan)
    return change
