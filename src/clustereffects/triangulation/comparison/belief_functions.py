"""Belief functions: masses on sets of states, joined by Dempster's rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, Problem

FloatArray = NDArray[np.float64]
Masses = Mapping[frozenset[int], float]


def dempster(sources: Sequence[Masses]) -> tuple[dict[frozenset[int], float], float]:
    """Dempster's rule of combination.

    Parameters
    ----------
    sources : sequence of mapping of frozenset of int to float
        Masses of each source on sets of states; each sums to one.

    Returns
    -------
    mass : dict of frozenset of int to float
    conflict : float
        K, the mass that fell on nothing and was divided out.

    Raises
    ------
    EvidenceError
        If there is no source, or the sources contradict each other completely (K = 1).

    Notes
    -----
    ``m(A) = Σ_{B∩C=A} m₁(B) m₂(C)/(1 − K)`` (Dempster 1967, *Annals of Mathematical Statistics* 38(2); Shafer 1976). With a
    large K the rule can be certain of what every source found nearly impossible (Zadeh 1984, *AI Magazine* 5(3)):

    Examples
    --------
    >>> first = {frozenset({0}): 0.99, frozenset({1}): 0.01}
    >>> second = {frozenset({2}): 0.99, frozenset({1}): 0.01}
    >>> mass, conflict = dempster([first, second])
    >>> {tuple(which): round(value, 6) for which, value in mass.items()}, round(conflict, 6)
    ({(1,): 1.0}, 0.9999)
    """
    if not sources:
        what, expected = "no source", "at least one"
        raise EvidenceError(Problem(what=what, where="Dempster's rule", expected=expected, remedy="give masses"))
    mass: dict[frozenset[int], float] = dict(sources[0])
    for other in sources[1:]:
        mass = _conjunction(mass, other)
    conflict = mass.pop(frozenset(), 0.0)
    total = sum(mass.values())
    if total == 0:
        raise EvidenceError(
            Problem(
                what="the sources contradict each other completely",
                where="Dempster's rule",
                expected="at least one state that every source allows",
                remedy="give each source some mass on all states together",
            )
        )
    return {which: value / total for which, value in mass.items() if value > 0}, conflict


def _conjunction(first: Masses, second: Masses) -> dict[frozenset[int], float]:
    joint: dict[frozenset[int], float] = {}
    for one, mass in first.items():
        for other, value in second.items():
            both = one & other
            joint[both] = joint.get(both, 0.0) + mass * value
    return joint


def belief_and_plausibility(mass: Masses, states: int) -> FloatArray:
    """Belief and plausibility of each single state.

    Parameters
    ----------
    mass : mapping of frozenset of int to float
    states : int

    Returns
    -------
    array, shape (states, 2)
        Mass that commits to the state, and mass that does not speak against it.

    Raises
    ------
    TypeError
        If ``states`` is not an integer.

    Notes
    -----
    Shafer (1976, *A Mathematical Theory of Evidence*, ch. 2).

    Examples
    --------
    >>> belief_and_plausibility({frozenset({0}): 0.6, frozenset({0, 1}): 0.4}, 2).tolist()
    [[0.6, 1.0], [0.0, 0.4]]
    """
    belief = [mass.get(frozenset({k}), 0.0) for k in range(states)]
    plausible = [sum(value for which, value in mass.items() if k in which) for k in range(states)]
    return np.column_stack([belief, plausible])


def discounted(belief: FloatArray, uncertainty: FloatArray) -> list[dict[frozenset[int], float]]:
    """Opinions as masses: belief on single states, uncertainty on all states together.

    Parameters
    ----------
    belief : array, shape (sources, states)
    uncertainty : array, shape (sources,)

    Returns
    -------
    list of dict of frozenset of int to float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> [sorted(map(len, one)) for one in discounted(np.array([[0.1, 0.3]]), np.array([0.6]))]
    [[1, 1, 2]]
    """
    everything = frozenset(range(belief.shape[1]))
    masses: list[dict[frozenset[int], float]] = []
    for row, rest in zip(belief.tolist(), uncertainty.tolist(), strict=True):
        masses.append({**{frozenset({k}): value for k, value in enumerate(row)}, everything: rest})
    return masses
