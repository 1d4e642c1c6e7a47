"""Probabilities between 0 and 1 in cells: priors around judged values, posterior intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, logit, logsumexp

FloatArray = NDArray[np.float64]

_CELLS = 120
_EDGES = np.sin(np.linspace(0, np.pi / 2, _CELLS + 1)) ** 2
#: Midpoints of cells that are narrow near 0 and 1.
NODES = np.sin(np.pi / 4 * (np.linspace(0, 2, 2 * _CELLS + 1)[1::2])) ** 2
_STRENGTHS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_SHIFTS = np.linspace(-2.5, 2.5, 11)


def prior_weights(elicited: float, shift_sd: float) -> FloatArray:
    """Prior of a probability of a sign around what was elicited, for each state of the hyperparameters.

    Parameters
    ----------
    elicited : float
        Judged probability.
    shift_sd : float
        Standard deviation of the judges' common error, in log odds.

    Returns
    -------
    array, shape (states, cells)
        Beta(κm, κ(1 − m)) with ``logit m = logit(elicited) + shift``, as exact probabilities of the cells.

    Raises
    ------
    ValueError
        If ``elicited`` is not a probability.

    Examples
    --------
    >>> weights = prior_weights(0.6, 1.0)
    >>> weights.shape, bool(np.allclose(weights.sum(axis=1), 1))
    ((66, 120), True)
    """
    if not 0 <= elicited <= 1:
        raise ValueError(f"a probability lies between 0 and 1, got {elicited}")
    middle = expit(logit(np.clip(elicited, 0.005, 0.995)) + shift_sd * _SHIFTS)
    first = np.multiply.outer(np.array(_STRENGTHS), middle).reshape(-1, 1)
    second = np.multiply.outer(np.array(_STRENGTHS), 1 - middle).reshape(-1, 1)
    return np.asarray(np.diff(betainc(first, second, _EDGES), axis=1))


def state_prior() -> FloatArray:
    """Logarithm of the prior of the hyperparameters: κ uniform over doublings, the shift normal.

    Returns
    -------
    array, shape (states,)

    Raises
    ------
    FloatingPointError
        Never: nothing here depends on data.

    Examples
    --------
    >>> float(np.exp(state_prior()).sum().round(12))
    1.0
    """
    one = np.tile(-0.5 * _SHIFTS**2, len(_STRENGTHS))
    return np.asarray(one - logsumexp(one))


def cell_quantiles(cells: FloatArray, probability: FloatArray) -> FloatArray:
    """Quantiles of probabilities of which the mass in each cell is known.

    Parameters
    ----------
    cells : array, shape (cells,)
    probability : array

    Returns
    -------
    array
        Linear within each cell; the outermost cells, beyond .00017 and .99983, are not resolved any further.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> cell_quantiles(np.diff(_EDGES), np.array([0.1, 0.5])).round(6).tolist()
    [0.1, 0.5]
    """
    return np.asarray(np.interp(probability, np.concatenate([[0.0], np.cumsum(cells)]), _EDGES), dtype=np.float64)


def cell_interval(cells: FloatArray, level: float) -> tuple[float, float]:
    """Interval with equal tails of a probability of which the mass in each cell is known.

    Parameters
    ----------
    cells : array, shape (cells,)
    level : float

    Returns
    -------
    tuple of two floats
        Ends within an outermost cell are moved to its outer or inner edge, whichever makes the interval wider.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> [round(end, 6) for end in cell_interval(np.diff(_EDGES), 0.9)]
    [0.05, 0.95]
    >>> cell_interval(np.eye(NODES.size)[0], 0.9)[0]
    0.0
    """
    low, high = cell_quantiles(cells, np.array([(1 - level) / 2, (1 + level) / 2]))
    inner = _EDGES[[1, -2]]
    low = 0.0 if low < inner[0] else min(low, inner[1])
    high = 1.0 if high > inner[1] else max(high, inner[0])
    return float(low), float(high)
