"""Stochastic multicriteria acceptability analysis: the share of all weights for which a conclusion holds.

Weights of evidence are not known. Instead of choosing some, one asks in which part of the space of weights each
conclusion follows, and which weights are typical of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.changes import Changes, probabilities
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]

_DRAWS, _SEED = 400, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """How much of the space of weights speaks for one verdict.

    Parameters
    ----------
    verdict : str
    share : float
        Share of the draws of weights that lead to the verdict.
    central : tuple of (stream, float)
        Mean weights of those draws, which sum to one.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Acceptance(verdict="undecided", share=1.0, central=(("economic", 1.0),)).share
    1.0
    """

    verdict: str
    share: float
    central: tuple[tuple[str, float], ...]


def acceptability(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rank-one acceptability and central weights of alternatives under additive value functions.

    Parameters
    ----------
    values : array, shape (alternatives, criteria)
        Value of each alternative on each criterion.
    weights : array, shape (draws, criteria)

    Returns
    -------
    share : array, shape (alternatives,)
        Share of the draws in which the alternative is best; a tie is split.
    central : array, shape (alternatives, criteria)
        Mean weights of the draws in which it is best; NaN if there are none.

    Raises
    ------
    OptionError
        If the criteria of values and weights differ.

    Notes
    -----
    Lahdelma, Hokkanen & Salminen (1998, *European Journal of Operational Research* 106(1)), acceptability index and
    central weight vector, by simulation.

    Examples
    --------
    With two criteria the shares are known: A is best where its weight on the first one exceeds 6/13.

    >>> first = (np.arange(10_000) + 0.5) / 10_000
    >>> weights = np.column_stack([first, 1 - first])
    >>> share, central = acceptability(np.array([[1.0, 0.2], [0.3, 0.8]]), weights)
    >>> round(float(share[0]), 3), round(float(central[0, 0]), 3)
    (0.538, 0.731)
    """
    if values.shape[1] != weights.shape[1]:
        raise OptionError(
            Problem(
                what=f"{values.shape[1]} criteria with values, {weights.shape[1]} with weights",
                where="acceptability",
                expected="the same criteria",
                remedy="correct the arrays",
            )
        )
    score = weights @ values.T
    best = (score == score.max(axis=1, keepdims=True)).astype(np.float64)
    best /= best.sum(axis=1, keepdims=True)
    times = best.sum(axis=0)
    central = np.full((values.shape[0], weights.shape[1]), np.nan)
    np.divide(best.T @ weights, times[:, None], out=central, where=times[:, None] > 0)
    return times / weights.shape[0], central


def stream_weights(model: CellModel, thresholds: Thresholds) -> tuple[Acceptance, ...]:
    """Share of the space of stream weights that leads to each verdict.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds

    Returns
    -------
    tuple of Acceptance
        Verdicts that some weights lead to, the largest share first.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    400 weight vectors, uniform on the simplex of the streams (Dirichlet with ones, seed 0). A stream of average weight
    or more enters with its full likelihood, one of less weight with its likelihood raised to weight × number of
    streams: no draw makes evidence stronger than it is. Two standard errors of a share are at most five percentage
    points.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.09, std_error=0.02)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> stream_weights(model, Thresholds())
    (Acceptance(verdict='probably beneficial', share=1.0, central=(('economic', 1.0),)),)
    """
    streams = len(model.streams)
    weights = _simplex(streams)
    found = probabilities(model, Changes(power=np.minimum(weights * streams, 1.0)))
    classes = decide(found, thresholds)
    result = []
    for state in np.unique(classes).tolist():
        chosen = classes == state
        central = tuple(zip(model.streams, weights[chosen].mean(axis=0).tolist(), strict=True))
        result.append(Acceptance(verdict=class_word(state), share=float(chosen.mean()), central=central))
    return tuple(sorted(result, key=lambda one: -one.share))


@lru_cache
def _simplex(streams: int) -> FloatArray:
    return np.random.default_rng(_SEED).dirichlet(np.ones(streams), _DRAWS)
