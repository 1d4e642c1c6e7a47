"""Scale scores: reverse coding, and how many items must be answered."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem

FloatArray = NDArray[np.float64]
RULES = ("half", "all", "any")


def key_answers(answers: FloatArray, reverse: NDArray[np.bool_], low: float, high: float) -> FloatArray:
    """Answers in the direction of the scale: a reversed item's ``x`` becomes ``low + high - x``.

    Parameters
    ----------
    answers : array (n, k)
        Codes; NaN where none was given.
    reverse : bool array (k,)
    low, high : float
        Range of the codes.

    Returns
    -------
    array (n, k)

    Raises
    ------
    ValueError
        If an answer lies outside the range.

    Examples
    --------
    >>> key_answers(np.array([[1.0, 2.0]]), np.array([False, True]), 1, 5).tolist()
    [[1.0, 4.0]]
    """
    with np.errstate(invalid="ignore"):
        outside = (answers < low) | (answers > high)
    if outside.any():
        raise ValueError(f"{int(outside.sum())} answers lie outside {low:g} to {high:g}")
    return np.where(reverse, low + high - answers, answers)


def scale_scores(keyed: FloatArray, *, needed: int) -> FloatArray:
    """Mean of the answered items, NaN where fewer than ``needed`` were answered.

    Replacing what is missing by the respondent's own mean (the ipsatised mean) gives the same number.

    Parameters
    ----------
    keyed : array (n, k)
        Answers in the direction of the scale.
    needed : int
        Least number of answered items, see ``items_needed``.

    Returns
    -------
    array (n,)

    Raises
    ------
    ValueError
        If fewer than one item would do.

    References
    ----------
    Fairclough, D. L. & Cella, D. F. (1996). Functional Assessment of Cancer Therapy (FACT-G): non-response to
    individual questions. *Quality of Life Research*, 5, 321–329 (the half rule).

    Examples
    --------
    >>> scale_scores(np.array([[4.0, np.nan, 5.0, np.nan], [4.0, np.nan, np.nan, np.nan]]), needed=2).tolist()
    [4.5, nan]
    """
    if needed < 1:
        raise ValueError(f"at least one item must be answered, not {needed}")
    given = np.isfinite(keyed)
    count = given.sum(axis=1)
    total = np.where(given, keyed, 0.0).sum(axis=1)
    return np.where(count >= needed, total / np.maximum(count, 1), np.nan)


def items_needed(rule: str, items: int) -> int:
    """Least number of answered items under a rule.

    Parameters
    ----------
    rule : {"half", "all", "any"}
        At least half of the items (two of three, two of four), all of them, or one.
    items : int

    Returns
    -------
    int

    Raises
    ------
    OptionError
        If the rule is none of these.

    Examples
    --------
    >>> items_needed("half", 3), items_needed("all", 3), items_needed("any", 3)
    (2, 3, 1)
    """
    if rule not in RULES:
        raise OptionError(
            Problem(
                what=f"unknown rule {rule!r}",
                where="scores",
                expected="one of " + ", ".join(repr(name) for name in RULES),
                remedy="use 'half' unless the plan says otherwise",
            )
        )
    return {"half": math.ceil(items / 2), "all": items, "any": 1}[rule]
