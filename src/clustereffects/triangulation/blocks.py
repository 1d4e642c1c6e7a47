"""Dependence groups of a cell: who is counted together, across estimates and diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.results.evidence import Chance, Diagnostic, Estimate
from clustereffects.triangulation.dependence import components

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Dependence groups of the estimates and diagnostics of one cell; an item that stands alone is a group of its own.

    Parameters
    ----------
    names : tuple of str
        Of the declared groups; empty for an item that stands alone.
    member : array of int, shape (items,)
        Group of each item, estimates first.
    informative : array, shape (items,)
        With what an item counts: 1, nothing for a diagnostic that is equally probable in every state, a share for
        diagnostics of which one suggested the other.
    origin : array of int, shape (items,)
        The same number for diagnostics that one after the other suggested, and for no others.
    count : array, shape (blocks, streams)
        Informative items by group and stream.
    rho_low, rho, rho_high : array, shape (blocks,)
        Hull of what the members declare, and its centre.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> dependence_blocks([], [], ()).count.shape
    (0, 0)
    """

    names: tuple[str, ...]
    member: IntArray
    informative: FloatArray
    origin: IntArray
    count: FloatArray
    rho_low: FloatArray
    rho: FloatArray
    rho_high: FloatArray


def dependence_blocks(
    estimates: Sequence[Estimate], diagnostics: Sequence[Diagnostic], streams: Sequence[str]
) -> Blocks:
    """Dependence groups of a cell.

    Parameters
    ----------
    estimates : sequence of Estimate
    diagnostics : sequence of Diagnostic
    streams : sequence of str

    Returns
    -------
    Blocks

    Raises
    ------
    ValueError
        If an item belongs to no stream.

    Notes
    -----
    An estimate and a diagnostic that share respondents say the same thing twice. A group of n informative items, of
    whichever kind, is worth ``n/(1 + (n − 1)ρ)`` (Clemen & Winkler 1985, *Operations Research* 33(2)): variances of its
    estimates are multiplied by ``1 + (n − 1)ρ``, log-likelihoods of its diagnostics divided by it.

    Examples
    --------
    >>> about = {"claim": "growth", "group": "K01", "stream": "survey", "dependence": "persons", "rho": 0.5}
    >>> mean = Estimate(id="mean", value=0.1, std_error=0.02, **about)
    >>> said = Diagnostic(id="said", observed=True, p_benefit=0.9, p_negligible=0.5, p_harm=0.5, **about)
    >>> dependence_blocks([mean], [said], ("survey",)).count.tolist()
    [[2.0]]
    """
    items: list[Estimate | Diagnostic] = [*estimates, *diagnostics]
    index: dict[str, int] = {}
    member = np.array(
        [index.setdefault(x.dependence or f"\0{i}", len(index)) for i, x in enumerate(items)], dtype=np.intp
    )
    counted = np.array([_distinguishes(x) for x in diagnostics], dtype=np.float64)
    informative = np.concatenate([np.ones(len(estimates)), counted * shares(diagnostics)])
    count = np.zeros((len(index), len(streams)))
    np.add.at(count, (member, np.array([streams.index(x.stream) for x in items], dtype=np.intp)), informative)
    declared = np.array([ends(x.rho) for x in items]).reshape(-1, 2)
    low, high = np.ones(len(index)), np.zeros(len(index))
    np.minimum.at(low, member, declared[:, 0])
    np.maximum.at(high, member, declared[:, 1])
    names = tuple("" if name.startswith("\0") else name for name in index)
    origin = np.concatenate([np.arange(len(estimates)), len(estimates) + _origins(diagnostics)])
    return Blocks(names, member, informative, origin, count, low, (low + high) / 2, high)


def shares(diagnostics: Sequence[Diagnostic]) -> FloatArray:
    """Share of one observation that each diagnostic is.

    Parameters
    ----------
    diagnostics : sequence of Diagnostic

    Returns
    -------
    array, shape (n,)
        1 for a diagnostic of its own, 1/k for each of k informative ones that one after the other suggested. Between them
        ρ is 1: a test that was thought of when another one's answer was heard adds no observation, and one that repeats
        that answer changes nothing.

    Raises
    ------
    AttributeError
        If an item is no diagnostic.

    Examples
    --------
    >>> about = {"claim": "growth", "group": "K01", "stream": "interviews", "p_negligible": 0.5, "p_harm": 0.5}
    >>> first = Diagnostic(id="T01:I1", observed=True, p_benefit=0.9, **about)
    >>> late = Diagnostic(id="T09:I1", observed=True, p_benefit=0.8, suggested_by="T01:I1", **about)
    >>> shares([first, late]).tolist()
    [0.5, 0.5]
    """
    label = _origins(diagnostics)
    counted = np.array([_distinguishes(one) for one in diagnostics], dtype=bool)
    together = np.bincount(label, counted, minlength=label.size)
    return np.where(counted, 1 / np.maximum(together[label], 1), 1.0)


def _origins(diagnostics: Sequence[Diagnostic]) -> IntArray:
    if not any(one.suggested_by for one in diagnostics):
        return np.arange(len(diagnostics))
    keys = [[("item", one.id), ("item", one.suggested_by or one.id)] for one in diagnostics]
    return np.array(components(keys), dtype=np.intp)


def ends(chance: Chance) -> tuple[float, float]:
    """Lower and upper end of a number that may be a range.

    Parameters
    ----------
    chance : float or tuple of two floats

    Returns
    -------
    tuple of two floats

    Raises
    ------
    TypeError
        If it is neither.

    Examples
    --------
    >>> ends(0.5), ends((0.2, 0.8))
    ((0.5, 0.5), (0.2, 0.8))
    """
    return chance if isinstance(chance, tuple) else (chance, chance)


def on_rivals(items: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics on rivals without what plays no part there: how often the sign is seen under harm.

    Parameters
    ----------
    items : sequence of Diagnostic

    Returns
    -------
    list of Diagnostic

    Raises
    ------
    TypeError
        If an item is no diagnostic.

    Examples
    --------
    >>> item = Diagnostic(id="R1", claim="growth", group="K01", stream="interviews", observed=True, p_benefit=0.25,
    ...                   p_negligible=0.5, p_harm=0.4, target="rival:boom")
    >>> on_rivals([item])[0].p_harm
    0.5
    """
    return [replace(item, p_harm=item.p_negligible) for item in items]


def _distinguishes(item: Diagnostic) -> bool:
    chances = [*ends(item.p_harm), *ends(item.p_negligible), *ends(item.p_benefit)]
    return item.unreliability < 1 and min(chances) < max(chances)
