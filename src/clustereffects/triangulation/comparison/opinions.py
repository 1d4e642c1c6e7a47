"""Subjective logic: opinions with belief and uncertainty, and four ways to fuse them.

An opinion on k states has belief masses b and an uncertainty u that sum to one; with the base rates a its probability is
``b + a·u``. It is the same as a Dirichlet distribution with evidence ``r = k b/u``, so that u tells no evidence (u = 1)
from balanced evidence.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Opinion = tuple[FloatArray, float]


def opinion_of(probability: FloatArray, gain: float, base: FloatArray) -> Opinion:
    """Opinion of a source that has a probability for each state and has gained some information.

    Parameters
    ----------
    probability : array, shape (states,)
    gain : float
        Kullback–Leibler divergence of the source's posterior from the prior, in nats.
    base : array, shape (states,)
        Base rates: probabilities before any evidence, all above zero.

    Returns
    -------
    belief : array, shape (states,)
    uncertainty : float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    The uncertainty is the smaller of ``exp(−gain)`` and ``min(p/a)``. The second is the most uncertainty an opinion with
    this probability can have, as befits the belief in a single fact (Jøsang 2016, *Subjective Logic*, §3.5.6); the first, our
    convention, makes a source that has learned a lot less uncertain even where its evidence is balanced. Either way the
    projected probability ``b + a·u`` is the source's own, and a source without evidence is vacuous.

    Examples
    --------
    >>> belief, uncertainty = opinion_of(np.array([0.1, 0.1, 0.8]), 0.7, np.array([0.45, 0.1, 0.45]))
    >>> belief.round(3).tolist(), round(uncertainty, 3)
    ([0.0, 0.078, 0.7], 0.222)
    """
    uncertainty = float(min(np.exp(-gain), (probability / base).min(), 1.0))
    return np.maximum(probability - base * uncertainty, 0.0), uncertainty


def projected(opinion: Opinion, base: FloatArray) -> FloatArray:
    """Probability of each state that an opinion stands for.

    Parameters
    ----------
    opinion : (array of belief, uncertainty)
    base : array, shape (states,)

    Returns
    -------
    array, shape (states,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> projected((np.array([0.2, 0.3]), 0.5), np.array([0.5, 0.5])).tolist()
    [0.45, 0.55]
    """
    return np.asarray(opinion[0] + base * opinion[1])


def cumulative(belief: FloatArray, uncertainty: FloatArray) -> Opinion:
    """Cumulative fusion: independent sources, whose evidence adds up.

    Parameters
    ----------
    belief : array, shape (sources, states)
    uncertainty : array, shape (sources,)

    Returns
    -------
    belief : array, shape (states,)
    uncertainty : float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Jøsang (2016, §12.3), for several sources van der Heijden, Kopp & Kargl (2018, FUSION, arXiv:1805.01388). Sources
    without any uncertainty overrule all others; among themselves they count equally.

    Examples
    --------
    >>> belief = np.array([[0.1, 0.3], [0.4, 0.2], [0.7, 0.1]])
    >>> fused = cumulative(belief, np.array([0.6, 0.4, 0.2]))
    >>> fused[0].round(3).tolist(), round(fused[1], 3)
    ([0.651, 0.209], 0.14)
    """
    return _from_evidence(belief, uncertainty, np.ones_like(uncertainty))


def averaging(belief: FloatArray, uncertainty: FloatArray) -> Opinion:
    """Averaging fusion: sources that speak about the same observations, whose evidence is averaged.

    Parameters
    ----------
    belief : array, shape (sources, states)
    uncertainty : array, shape (sources,)

    Returns
    -------
    belief : array, shape (states,)
    uncertainty : float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Jøsang (2016, §12.4); also a source without evidence counts.

    Examples
    --------
    >>> belief = np.array([[0.1, 0.3], [0.4, 0.2], [0.7, 0.1]])
    >>> fused = averaging(belief, np.array([0.6, 0.4, 0.2]))
    >>> fused[0].round(3).tolist(), round(fused[1], 3)
    ([0.509, 0.164], 0.327)
    """
    return _from_evidence(belief, uncertainty, np.full_like(uncertainty, 1 / uncertainty.size))


def weighted(belief: FloatArray, uncertainty: FloatArray) -> Opinion:
    """Weighted fusion: dependent sources, whose evidence is averaged with their confidence ``1 − u`` as weight.

    Parameters
    ----------
    belief : array, shape (sources, states)
    uncertainty : array, shape (sources,)

    Returns
    -------
    belief : array, shape (states,)
    uncertainty : float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Jøsang (2016, §12.5), for several sources van der Heijden, Kopp & Kargl (2018). A source without evidence does not count.

    Examples
    --------
    >>> belief = np.array([[0.1, 0.3], [0.4, 0.2], [0.7, 0.1]])
    >>> fused = weighted(belief, np.array([0.6, 0.4, 0.2]))
    >>> fused[0].round(3).tolist(), round(fused[1], 3)
    ([0.562, 0.146], 0.292)
    """
    confidence = 1 - uncertainty
    if not confidence.any():
        return np.zeros(belief.shape[1]), 1.0
    return _from_evidence(belief, uncertainty, confidence / confidence.sum())


def _from_evidence(belief: FloatArray, uncertainty: FloatArray, weight: FloatArray) -> Opinion:
    """Opinion of the weighted sum of Dirichlet evidence; belief over uncertainty is evidence over the number of states."""
    certain = uncertainty == 0
    if certain.any():
        return np.asarray(belief[certain].mean(axis=0)), 0.0
    evidence = weight @ (belief / uncertainty[:, None])
    total = 1 + float(weight @ ((1 - uncertainty) / uncertainty))
    return np.asarray(evidence / total), 1 / total


def compromise(belief: FloatArray, uncertainty: FloatArray) -> tuple[dict[frozenset[int], float], float]:
    """Consensus & compromise fusion: conflict between the sources becomes vague belief and uncertainty.

    Parameters
    ----------
    belief : array, shape (sources, states)
    uncertainty : array, shape (sources,)

    Returns
    -------
    belief : dict of frozenset of int to float
        Mass of each set of states, short of the set of all.
    uncertainty : float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Jøsang (2016, §12.6), for several sources van der Heijden, Kopp & Kargl (2018), here for opinions with mass on single
    states. Consensus: the belief all share. Compromise of the rest: what one source believes while all others are uncertain
    goes to that state, what all believe goes to the union of the states they believe in. Opinions that are all the same are
    returned as they are, as continuity along identical residues demands; the definition leaves that case open. Where
    nothing of the rest can be joined – certain sources, one of whom shares part of their belief – it becomes uncertainty.

    Examples
    --------
    >>> belief = np.array([[0.1, 0.3], [0.4, 0.2], [0.7, 0.1]])
    >>> fused = compromise(belief, np.array([0.6, 0.4, 0.2]))
    >>> [round(fused[0][frozenset({k})], 3) for k in (0, 1)], round(fused[1], 3)
    ([0.629, 0.182], 0.189)
    """
    sources, states = belief.shape
    shared = belief.min(axis=0)
    rest = belief - shared
    mass = {frozenset({k}): float(shared[k]) for k in range(states)}
    between = _compromises(rest, uncertainty)
    joint = sum(between.values())
    if joint == 0:
        return mass, float(1 - shared.sum())
    unsure = float(uncertainty.prod())
    scale = (1 - shared.sum() - unsure) / joint
    for which, value in between.items():
        mass[which] = mass.get(which, 0.0) + float(scale * value)
    everything = frozenset(range(states)) if states > 1 and sources > 1 else frozenset()
    return mass, unsure + mass.pop(everything, 0.0)


def _compromises(rest: FloatArray, uncertainty: FloatArray) -> dict[frozenset[int], float]:
    sources, states = rest.shape
    found: dict[frozenset[int], float] = {}
    for i in range(sources):
        others = float(np.delete(uncertainty, i).prod())
        for k in range(states):
            found[frozenset({k})] = found.get(frozenset({k}), 0.0) + float(rest[i, k]) * others
    for choice in product(range(states), repeat=sources):
        which = frozenset(choice)
        found[which] = found.get(which, 0.0) + float(rest[np.arange(sources), choice].prod())
    return found


def projected_sets(mass: dict[frozenset[int], float], uncertainty: float, base: FloatArray) -> FloatArray:
    """Probability of each state where some belief lies on sets of states.

    Parameters
    ----------
    mass : dict of frozenset of int to float
    uncertainty : float
    base : array, shape (states,)

    Returns
    -------
    array, shape (states,)
        Each set's mass is shared among its states in proportion to their base rates.

    Raises
    ------
    IndexError
        If a state has no base rate.

    Notes
    -----
    Jøsang (2016, eq. 3.28).

    Examples
    --------
    >>> projected_sets({frozenset({0}): 0.5, frozenset({0, 1}): 0.3}, 0.2, np.array([0.25, 0.25, 0.5])).round(3).tolist()
    [0.7, 0.2, 0.1]
    """
    probability = base * uncertainty
    for which, value in mass.items():
        inside = sorted(which)
        probability[inside] += value * base[inside] / base[inside].sum()
    return probability


def degree_of_conflict(belief: FloatArray, uncertainty: FloatArray, base: FloatArray) -> float:
    """Largest conflict between any two opinions.

    Parameters
    ----------
    belief : array, shape (sources, states)
    uncertainty : array, shape (sources,)
    base : array, shape (states,)

    Returns
    -------
    float
        From 0 (same probabilities, or one of them vacuous) to 1 (certain of different states); NaN with fewer than two.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Projected distance times conjunctive certainty, ``½ Σ |P₁ − P₂| · (1 − u₁)(1 − u₂)`` (Jøsang 2016, §4.8); for two
    states that is ``|P₁ − P₂|(1 − u₁)(1 − u₂)``.

    Examples
    --------
    >>> belief = np.array([[0.9, 0.0], [0.0, 0.8]])
    >>> round(degree_of_conflict(belief, np.array([0.1, 0.2]), np.array([0.5, 0.5])), 3)
    0.612
    """
    if uncertainty.size < 2:
        return float("nan")
    probability = belief + uncertainty[:, None] * base
    distance = np.abs(probability[:, None] - probability[None, :]).sum(axis=2) / 2
    certainty = np.outer(1 - uncertainty, 1 - uncertainty)
    return float((distance * certainty).max())
