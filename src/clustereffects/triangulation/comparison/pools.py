"""Opinion pools: several probability distributions on the same states become one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, OptionError, Problem

FloatArray = NDArray[np.float64]


def linear_pool(probability: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted mean of the sources' probabilities.

    Parameters
    ----------
    probability : array, shape (sources, states)
    weight : array, shape (sources,)
        Not negative; they are divided by their sum.

    Returns
    -------
    array, shape (states,)

    Raises
    ------
    OptionError
        If a weight is negative or all are zero.

    Notes
    -----
    Stone (1961, *Annals of Mathematical Statistics* 32(4), "The opinion pool"). Keeps disagreement, and is never more
    certain than its most certain member however many sources agree.

    Examples
    --------
    >>> sources = np.array([[0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    >>> linear_pool(sources, np.array([0.5, 0.3, 0.2])).round(3).tolist()
    [0.36, 0.64]
    """
    return np.asarray(_checked(weight) / weight.sum() @ probability)


def log_pool(probability: FloatArray, weight: FloatArray) -> FloatArray:
    """Normalised product of the sources' probabilities, each to the power of its weight.

    Parameters
    ----------
    probability : array, shape (sources, states)
    weight : array, shape (sources,)
        Not negative, used as they are: with weights that sum to more than one the prior all sources share counts more
        than once; with weights of one and a uniform prior the pool is Bayes' rule for independent sources.

    Returns
    -------
    array, shape (states,)

    Raises
    ------
    OptionError
        If a weight is negative or all are zero.
    EvidenceError
        If every state is ruled out by some source.

    Notes
    -----
    ``p ∝ Π pᵢ^wᵢ`` (Genest & Zidek 1986, *Statistical Science* 1(1), eq. 3.1 onwards); externally Bayesian if the weights
    sum to one. A single zero is a veto.

    Examples
    --------
    >>> sources = np.array([[0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    >>> log_pool(sources, np.array([0.5, 0.3, 0.2])).round(3).tolist()
    [0.344, 0.656]
    >>> log_pool(sources, np.ones(3)).round(3).tolist()
    [0.28, 0.72]
    """
    used = _checked(weight) > 0
    with np.errstate(divide="ignore"):
        level = (weight[used, None] * np.log(probability[used])).sum(axis=0)
    if level.max() == -np.inf:
        raise EvidenceError(
            Problem(
                what="every state is ruled out by one of the sources",
                where="logarithmic pool",
                expected="one state that no source gives a probability of zero",
                remedy="use a pool without veto, or do not hand in probabilities of zero",
            )
        )
    raised = np.exp(level - level.max())
    return np.asarray(raised / raised.sum())


def _checked(weight: FloatArray) -> FloatArray:
    if (weight < 0).any() or not weight.sum() > 0:
        raise OptionError(
            Problem(
                what=f"weights {weight.tolist()}",
                where="opinion pool",
                expected="no negative one, and one above zero",
                remedy="correct the weights",
            )
        )
    return weight
