"""Subclasses of units with similar scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def subclasses(score: FloatArray, treated: BoolArray, *, number: int = 6, estimand: str = "ATT") -> IntArray:
    """Divide units into subclasses at quantiles of their score.

    Parameters
    ----------
    score : array (n,)
        Propensity score.
    treated : array (n,) of bool
    number : int
    estimand : {"ATT", "ATC", "ATE"}
        Whose quantiles: of the treated, of the controls, of all.

    Returns
    -------
    array (n,) of int
        Subclass, counted from 0 in the order of the score; each has a treated unit and a control.

    Raises
    ------
    ValueError
        If the estimand is unknown or the number is below one.
    EstimationError
        If there are fewer treated units or controls than subclasses.

    Notes
    -----
    The rule of MatchIt: linear quantiles (type 7), a score on a boundary belongs to the higher subclass, scores beyond
    the outer quantiles to the outer subclasses. A side that is missing in a subclass gets its nearest unit from the
    next subclass on the heavier side, counting units inversely to their distance in subclasses; equal quantiles give
    fewer subclasses.

    References
    ----------
    Rosenbaum & Rubin (1984), *Journal of the American Statistical Association* 79(387), 516–524.

    Examples
    --------
    >>> treated = np.array([True, False, True, False])
    >>> subclasses(np.array([0.1, 0.2, 0.8, 0.9]), treated, number=2).tolist()
    [0, 0, 1, 1]
    """
    if estimand not in {"ATT", "ATC", "ATE"} or number < 1:
        raise ValueError(f"estimand is ATT, ATC or ATE and number at least 1, got {estimand!r}, {number}")
    base = {"ATT": treated, "ATC": ~treated, "ATE": np.ones_like(treated)}[estimand]
    inner = np.quantile(score[base], np.arange(1, number) / number)
    codes = np.unique(np.searchsorted(inner, score, side="right"), return_inverse=True)[1].astype(np.int64)
    held = int(codes.max()) + 1
    for side in (treated, ~treated):
        if side.sum() < held:
            raise _too_few(held, int(treated.sum()), len(treated))
        codes[side] = _filled(score[side], codes[side], held)
    return codes


def _filled(score: FloatArray, codes: IntArray, held: int) -> IntArray:
    """Move units of one side until each subclass has one, the lowest empty subclass first."""
    codes = codes.copy()
    while True:
        count = np.bincount(codes, minlength=held)
        if count.all():
            return codes
        empty = int(np.argmin(count > 0))
        step = -1 if _from_below(count, empty) else 1
        source = empty + step
        while not count[source]:
            source += step
        rows = np.flatnonzero(codes == source)
        # The last of equal scores, as in MatchIt.
        nearest = len(rows) - 1 - int(np.argmax(-step * score[rows][::-1]))
        codes[rows[nearest]] = empty


def _from_below(count: IntArray, empty: int) -> bool:
    """Whether the missing unit comes from the subclass below."""
    if empty in {0, len(count) - 1}:
        return empty > 0
    distance = np.arange(len(count)) - empty
    spare = np.maximum(count - 1, 0)
    return float((spare[distance != 0] / distance[distance != 0]).sum()) <= 0


def _too_few(held: int, n_treated: int, n: int) -> EstimationError:
    return EstimationError(
        Problem(
            what="too many subclasses",
            where=f"{held} subclasses of {n_treated} treated units and {n - n_treated} controls",
            expected="at least one treated unit and one control in each",
            remedy="use fewer subclasses",
        )
    )
