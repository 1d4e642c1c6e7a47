"""A weighted score of strength classes, as multi-criteria evaluation tools compute it, and how much it hangs on weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Probability of a direction from which a stream is strong, or some, support for it.
_STRONG, _SOME = 0.9, 0.6
#: Half of the scale, less the rounding of a weighted mean.
_CUT = 0.5 - 1e-12


def strength_classes(probability: FloatArray) -> FloatArray:
    """Strength class of each stream, as a number from −1 to 1.

    Parameters
    ----------
    probability : array, shape (streams, 3)
        Of harm, negligible effect and benefit.

    Returns
    -------
    array, shape (streams,)
        ±1 for strong and ±½ for some support for benefit (+) or harm (−), 0 for anything else.

    Raises
    ------
    IndexError
        If there are not three states.

    Notes
    -----
    Some support from a probability of .6, strong from .9. "No effect" and "no information" both score 0: that is what
    such a scale does, and one of the reasons not to use it alone.

    Examples
    --------
    >>> strength_classes(np.array([[0.0, 0.05, 0.95], [0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])).tolist()
    [1.0, -0.5, 0.0]
    """
    direction = np.where(probability[:, 2] >= probability[:, 0], 2, 0)
    size = probability[np.arange(direction.size), direction]
    return np.asarray((direction - 1) * ((size >= _SOME) * 0.5 + (size >= _STRONG) * 0.5))


def weighted_score(classes: FloatArray, weight: FloatArray) -> float:
    """Compensatory score: weighted mean of the strength classes.

    Parameters
    ----------
    classes, weight : array, shape (streams,)
        Weights are divided by their sum.

    Returns
    -------
    float
        From −1 to 1; not a probability.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    Simple additive weighting (Hwang & Yoon 1981, *Multiple Attribute Decision Making*).

    Examples
    --------
    >>> weighted_score(np.array([1.0, 0.5, 0.0]), np.ones(3))
    0.5
    """
    return float(classes @ weight / weight.sum())


def score_class(score: FloatArray) -> IntArray:
    """Class that a score stands for.

    Parameters
    ----------
    score : array

    Returns
    -------
    array of int
        2 for benefit from ½ on, 0 for harm from −½ on, 3 (undecided) between; "no material effect" has no place on the
        scale.

    Raises
    ------
    TypeError
        If the score is not numeric.

    Examples
    --------
    >>> score_class(np.array([0.5, 0.1, -0.7])).tolist()
    [2, 3, 0]
    """
    return np.where(score >= _CUT, 2, np.where(score <= -_CUT, 0, 3))


def weight_space(classes: FloatArray, score: float, *, draws: int = 1000, seed: int = 0) -> tuple[float, float, float]:
    """How much a score hangs on the weights.

    Parameters
    ----------
    classes : array, shape (streams,)
    score : float
        Score with the weights chosen.
    draws, seed : int
        Weights drawn uniformly from all weights that sum to one.

    Returns
    -------
    lowest, highest : float
        Over all weights: the smallest and the largest class.
    share : float
        Share of weight space in which the class of the score is that of the weights chosen.

    Raises
    ------
    ValueError
        If there is no stream.

    Notes
    -----
    Stochastic multicriteria acceptability analysis (Lahdelma, Hokkanen & Salminen 1998, *EJOR* 106(1)) of a single
    alternative.

    Examples
    --------
    >>> weight_space(np.array([1.0, 0.0]), 0.5)
    (0.0, 1.0, 0.501)
    """
    weights = np.random.default_rng(seed).dirichlet(np.ones(classes.size), draws)
    same = score_class(weights @ classes) == score_class(np.array(score))
    return float(classes.min()), float(classes.max()), float(same.mean())


def rank_flips(own: FloatArray, others: FloatArray) -> int:
    """Organisations against which the rank depends on the weights.

    Parameters
    ----------
    own : array, shape (streams,)
        Strength classes of one organisation.
    others : array, shape (organisations, streams)
        Those of the others, NaN where a stream is silent.

    Returns
    -------
    int
        Others that are better in one shared stream and worse in another.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> rank_flips(np.array([1.0, 0.0]), np.array([[0.5, 0.5], [0.0, 0.0], [np.nan, 0.5]]))
    1
    """
    difference = own - others
    return int(((difference > 0).any(axis=1) & (difference < 0).any(axis=1)).sum())
