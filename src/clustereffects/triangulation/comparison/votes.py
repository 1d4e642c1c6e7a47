"""Vote counting: every item has one vote for a direction, whatever its size, bias or dependence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_SIGNIFICANT = 1.959963984540054


def estimate_votes(value: FloatArray, std_error: FloatArray) -> IntArray:
    """Vote of each estimate.

    Parameters
    ----------
    value, std_error : array, shape (n,)

    Returns
    -------
    array of int, shape (n,)
        2 (benefit) or 0 (harm) if significant at 5 % as it stands, else 1.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    Light & Smith (1971, *Harvard Educational Review* 41(4)). Counting "not significant" as "no effect" is the flaw of the
    method: its power falls as studies accumulate (Hedges & Olkin 1980, *Psychological Bulletin* 88(2)).

    Examples
    --------
    >>> estimate_votes(np.array([0.06, -0.01]), np.array([0.025, 0.02])).tolist()
    [2, 1]
    """
    z = value / std_error
    return np.where(np.abs(z) > _SIGNIFICANT, 1 + np.sign(z), 1).astype(np.intp)


def report_votes(likelihood: FloatArray) -> IntArray:
    """Vote of each report: the state under which it was most probable.

    Parameters
    ----------
    likelihood : array, shape (n, 3)
        Probability of what was reported under harm, negligible effect and benefit.

    Returns
    -------
    array of int, shape (n,)
        A tie that includes a negligible effect counts for it; −1, an abstention, if all three are equal or benefit and
        harm tie.

    Raises
    ------
    IndexError
        If there are not three states.

    Examples
    --------
    >>> report_votes(np.array([[0.5, 0.5, 0.9], [0.5, 0.5, 0.1], [0.2, 0.2, 0.2]])).tolist()
    [2, 1, -1]
    """
    top = likelihood == likelihood.max(axis=1, keepdims=True)
    tied = top.all(axis=1) | (top[:, 0] & top[:, 2])
    return np.where(tied, -1, np.where(top[:, 1], 1, likelihood.argmax(axis=1)))


def plurality(votes: IntArray) -> tuple[int, FloatArray]:
    """State with the most votes.

    Parameters
    ----------
    votes : array of int, shape (n,)
        0, 1 or 2, or −1 for an abstention.

    Returns
    -------
    state : int
        3 (undecided) at a tie or without votes.
    share : array, shape (3,)
        Share of the votes cast; NaN without votes.

    Raises
    ------
    TypeError
        If the votes are not integers.

    Examples
    --------
    >>> state, share = plurality(np.array([2, 2, 1, -1]))
    >>> state, share.round(2).tolist()
    (2, [0.0, 0.33, 0.67])
    """
    count = np.bincount(votes[votes >= 0], minlength=3)
    if not count.any():
        return 3, np.full(3, np.nan)
    best = np.flatnonzero(count == count.max())
    return (int(best[0]) if best.size == 1 else 3), count / count.sum()
