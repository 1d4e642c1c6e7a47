"""Studentised wild bootstrap of cluster sums of an influence function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.inference.multipliers import Multipliers

FloatArray = NDArray[np.float64]

_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Cluster sums of an influence function, in the two arms of each term.

    Parameters
    ----------
    sums : array (G, k)
        Cluster sums over the number of units, so that ``Σ_g s_g²`` is the variance of a term.
    treated : array (G, k)
        Share of each cluster in the treated mass behind each term; zero for clusters without.
    other : array (G, k)
        Share of each of the other clusters in their units; zero for clusters with treated units behind the term.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Scores(np.zeros((2, 1)), np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])).sums.shape
    (2, 1)
    """

    sums: FloatArray
    treated: FloatArray
    other: FloatArray


def wild_t(scores: Scores, multipliers: Multipliers) -> FloatArray:
    """Draws of the t statistic under multipliers of the cluster sums.

    Parameters
    ----------
    scores : Scores
    multipliers : Multipliers

    Returns
    -------
    array (b, k)
        NaN where a term does not vary.

    Raises
    ------
    KeyError
        If the kind of multipliers is unknown.

    Notes
    -----
    A draw multiplies the score ``s_g`` of each cluster by ``v_g``. Its estimate moves by ``Σ_g v_g s_g``, and so do the
    residuals from it: with share ``a_g`` of an arm, the score of the draw is ``v_g s_g − a_g Σ_{h in arm} v_h s_h``, and
    its standard error the root of their sum of squares. For a difference of two means this is what estimating again
    in every draw would give.

    References
    ----------
    Kline & Santos (2012), *Journal of Econometric Methods* 1(1), section 3; Cameron, Gelbach & Miller (2008), *Review of
    Economics and Statistics* 90(3), section III.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> half = np.repeat([[1.0], [0.0]], 50, axis=0)
    >>> drawn = wild_t(Scores(rng.standard_normal((100, 1)), half / 50, (1 - half) / 50), Multipliers("webb", 999, 1))
    >>> bool(abs(np.quantile(np.abs(drawn), 0.95) - 1.98) < 0.15)
    True
    """
    own = scores.treated > 0
    parts = (np.where(own, scores.sums, 0.0), np.where(own, 0.0, scores.sums))
    shares = (scores.treated, scores.other)
    generator = multipliers.generator()
    total = np.zeros((2, multipliers.draws, scores.sums.shape[1]))
    crossed, squared = np.zeros_like(total), np.zeros(total.shape[1:])
    for start in range(0, len(own), _CHUNK):
        rows = slice(start, start + _CHUNK)
        drawn = multipliers.sample(generator, len(own[rows]))
        squared += drawn**2 @ scores.sums[rows] ** 2
        for arm in range(2):
            total[arm] += drawn @ parts[arm][rows]
            crossed[arm] += drawn @ (parts[arm][rows] * shares[arm][rows])
    lengths = np.array([(share**2).sum(axis=0) for share in shares])[:, None, :]
    variance = squared + (total**2 * lengths - 2.0 * total * crossed).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total.sum(axis=0) / np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def drawn_critical_value(magnitudes: FloatArray, level: float) -> float:
    """Critical value from draws of the magnitude of a statistic.

    Parameters
    ----------
    magnitudes : array (b,)
    level : float

    Returns
    -------
    float
        The ``⌊(b+1)·level⌋+1``-th smallest draw, which a statistic exceeds exactly if ``drawn_p`` is below
        ``1 − level``; infinite if the draws are too few for the level, NaN if they are none.

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    Examples
    --------
    >>> drawn_critical_value(np.arange(1.0, 100.0), 0.95), drawn_critical_value(np.arange(1.0, 100.0), 0.999)
    (96.0, inf)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    if np.isnan(magnitudes).any():
        return float("nan")
    place = int(np.floor((len(magnitudes) + 1) * level * (1 + 1e-12)))
    return float("inf") if place >= len(magnitudes) else float(np.partition(magnitudes, place)[place])


def drawn_p(magnitudes: FloatArray, statistic: float) -> float:
    """P-value of a statistic from draws of its magnitude.

    Parameters
    ----------
    magnitudes : array (b,)
    statistic : float

    Returns
    -------
    float
        ``(1 + number of draws ≥ |statistic|) / (b + 1)``, never zero; NaN if either is unknown.

    Raises
    ------
    TypeError
        If the statistic is not a number.

    References
    ----------
    Davison & Hinkley (1997), *Bootstrap Methods and their Application*, eq. 4.11.

    Examples
    --------
    >>> drawn_p(np.arange(1.0, 100.0), -96.0)
    0.05
    """
    if np.isnan(statistic) or np.isnan(magnitudes).any():
        return float("nan")
    return float((1 + (magnitudes >= abs(statistic)).sum()) / (len(magnitudes) + 1))
