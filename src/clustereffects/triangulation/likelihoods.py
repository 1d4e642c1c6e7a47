"""Diagnostics as likelihoods of harm, negligible effect and benefit: contamination, dependence, powers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosticArrays:
    """Diagnostics of one claim and group.

    Parameters
    ----------
    low, middle, high : array, shape (n, 3)
        Log-likelihood of what was observed under harm, negligible effect and benefit; the range and its centre.
    stream, block : array of int, shape (n,)
        Stream and dependence group of each item.
    rho_low, rho, rho_high : array, shape (blocks,)
        Correlation within each dependence group.
    count : array, shape (blocks, streams)
        Informative items by dependence group and stream.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros((0, 3))
    >>> DiagnosticArrays(low=none, middle=none, high=none, stream=np.zeros(0, int), block=np.zeros(0, int),
    ...                  rho_low=np.zeros(0), rho=np.zeros(0), rho_high=np.zeros(0), count=np.zeros((0, 1))).low.size
    0
    """

    low: FloatArray
    middle: FloatArray
    high: FloatArray
    stream: IntArray
    block: IntArray
    rho_low: FloatArray
    rho: FloatArray
    rho_high: FloatArray
    count: FloatArray


def contaminated(
    chance: FloatArray, observed: NDArray[np.bool_], unreliability: FloatArray, noise: FloatArray
) -> FloatArray:
    """Probability of what was reported when some reports are uninformative.

    Parameters
    ----------
    chance : array, shape (n, 3)
        Probability of seeing the sign under each state.
    observed : array of bool, shape (n,)
        Whether it was reported as seen.
    unreliability : array, shape (n,)
        Probability ε that a report is uninformative.
    noise : array, shape (n,)
        Probability q that an uninformative report says "seen".

    Returns
    -------
    array, shape (n, 3)
        ``(1 − ε)·p + ε·q`` if seen, one minus that if looked for and not seen.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ε caps the likelihood ratio: with q = ½ and ε = .05, .10, .20 no item reaches more than 39, 19, 9.

    Examples
    --------
    >>> import numpy as np
    >>> p = contaminated(np.array([[0.0, 0.5, 1.0]]), np.array([True]), np.array([0.1]), np.array([0.5]))
    >>> p.round(3).tolist()
    [[0.05, 0.5, 0.95]]
    """
    seen = (1 - unreliability[:, None]) * chance + (unreliability * noise)[:, None]
    return np.where(observed[:, None], seen, 1 - seen)


def tempering(count: FloatArray, power: FloatArray, rho: FloatArray) -> FloatArray:
    """Exponent that each dependence group gives the items of each stream.

    Parameters
    ----------
    count : array, shape (blocks, streams)
        Informative items.
    power : array, shape (scenarios, streams)
    rho : array, shape (blocks,) or (scenarios, blocks)

    Returns
    -------
    array, shape (scenarios, blocks, streams)
        ``1/(1 + (n − 1)ρ)``, where n counts the items of the stream itself in full and those of other streams by power.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    The exponent of Clemen & Winkler (1985, *Operations Research* 33(2)) for equicorrelated sources, n_eff =
    n/(1 + (n − 1)ρ): exact for identical items (ρ = 1) and for independent ones (ρ = 0), an approximation in between.

    Examples
    --------
    >>> import numpy as np
    >>> tempering(np.array([[3.0]]), np.ones((1, 1)), np.array([0.5])).tolist()
    [[[0.5]]]
    """
    others = power[:, None, :] * count
    size = count + others.sum(axis=2, keepdims=True) - others
    excess = np.maximum(size - 1.0, 0.0)
    return np.asarray(1.0 / (1.0 + excess * np.atleast_2d(rho)[:, :, None]))


def log_constants(items: DiagnosticArrays, power: FloatArray, rho: FloatArray | None = None) -> FloatArray:
    """Logarithm of the diagnostics' likelihood of each state, at the centre of every range.

    Parameters
    ----------
    items : DiagnosticArrays
    power : array, shape (scenarios, streams)
    rho : array, shape (blocks,), optional
        Correlations to use instead of the declared ones.

    Returns
    -------
    array, shape (scenarios, 3)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.log([[0.05, 0.5, 0.95]])
    >>> items = DiagnosticArrays(low=one, middle=one, high=one, stream=np.zeros(1, int), block=np.zeros(1, int),
    ...                          rho_low=np.zeros(1), rho=np.zeros(1), rho_high=np.zeros(1), count=np.ones((1, 1)))
    >>> np.exp(log_constants(items, np.ones((1, 1)))).round(3).tolist()
    [[0.05, 0.5, 0.95]]
    """
    exponent = tempering(items.count, power, items.rho if rho is None else rho)
    weight = exponent[:, items.block, items.stream] * power[:, items.stream]
    return np.asarray((weight[:, :, None] * items.middle).sum(axis=1))


def odds_words(ratio: float) -> str:
    """Put a likelihood ratio into words.

    Parameters
    ----------
    ratio : float
        How many times more probable the observation is under one state than under the other.

    Returns
    -------
    str
        Degree and direction.

    Raises
    ------
    ValueError
        If the ratio is negative.

    Notes
    -----
    In the style of the scale of the European Network of Forensic Science Institutes (ENFSI 2015, *Guideline for
    Evaluative Reporting in Forensic Science*): up to 10 limited, 100 moderate, 1 000 moderately strong, 10 000 strong,
    beyond that extremely strong support; the guideline divides the top step further.

    Examples
    --------
    >>> odds_words(19.0), odds_words(0.5), odds_words(1.0)
    ('moderate support', 'limited support against', 'no support either way')
    """
    if ratio < 0 or np.isnan(ratio):
        raise ValueError(f"a likelihood ratio is not negative, got {ratio}")
    size = ratio if ratio >= 1 else (np.inf if ratio == 0 else 1 / ratio)
    if size == 1:
        return "no support either way"
    steps = ((10, "limited"), (100, "moderate"), (1000, "moderately strong"), (10_000, "strong"))
    word = next((name for limit, name in steps if size <= limit), "extremely strong")
    return f"{word} support" + ("" if ratio > 1 else " against")
