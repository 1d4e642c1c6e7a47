"""Ranks of organisations from draws of their joint posterior, with the uncertainty that a league table hides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Distribution of each organisation's rank; rank 1 is the largest effect.

    Parameters
    ----------
    probabilities : array (k, k)
        Probability that organisation (row) has rank (column + 1).
    draws : int
        Number of draws behind them.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> ranks = rank_draws(np.array([[3.0, 2.0, 1.0], [2.0, 3.0, 1.0]]))
    >>> ranks.mean().tolist(), ranks.sucra().tolist()
    ([1.5, 1.5, 3.0], [0.75, 0.75, 0.0])
    """

    probabilities: FloatArray
    draws: int

    def mean(self) -> FloatArray:
        """Expected rank."""
        return np.asarray(self.probabilities @ self._numbers(), dtype=np.float64)

    def quantile(self, p: float) -> NDArray[np.int64]:
        """Smallest rank that is reached with at least probability ``p``."""
        reached = np.cumsum(self.probabilities, axis=1) >= p - 1e-12
        return np.asarray(reached.argmax(axis=1) + 1, dtype=np.int64)

    def sucra(self) -> FloatArray:
        """Surface under the cumulative ranking curve: 1 for certainly best, 0 for certainly worst."""
        return np.asarray((len(self.probabilities) - self.mean()) / (len(self.probabilities) - 1), dtype=np.float64)

    def monte_carlo_error(self) -> FloatArray:
        """Standard error of the probabilities from the finite number of independent draws."""
        return np.sqrt(self.probabilities * (1.0 - self.probabilities) / self.draws)

    def _numbers(self) -> FloatArray:
        return np.arange(1, len(self.probabilities) + 1, dtype=np.float64)


def rank_draws(effects: FloatArray) -> Ranks:
    """Distribution of ranks.

    Parameters
    ----------
    effects : array (s, k)
        Draws of the joint posterior.

    Returns
    -------
    Ranks

    Raises
    ------
    ValueError
        If there are no draws.

    References
    ----------
    Salanti, Ades & Ioannidis (2011), *Journal of Clinical Epidemiology* 64(2), on rank probabilities and SUCRA; Goldstein
    & Spiegelhalter (1996), *Journal of the Royal Statistical Society A* 159(3), on league tables.

    Examples
    --------
    >>> rank_draws(np.array([[3.0, 2.0, 1.0], [2.0, 3.0, 1.0]])).probabilities.tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    draws, k = effects.shape
    if draws == 0:
        raise ValueError("ranks need at least one draw")
    ranks = np.empty((draws, k), dtype=np.int64)
    order = np.argsort(-effects, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(k), (draws, k)), axis=1)
    counts = np.stack([np.bincount(ranks[:, j], minlength=k) for j in range(k)])
    return Ranks(counts / draws, draws)
