"""Intervals for coefficients of agreement: a bootstrap that resamples units, or whole interviews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from clustereffects.interviews._coefficients import (
    Floats,
    Ints,
    ac1_expected,
    as_ratings,
    chance_corrected,
    contingency,
    disagreements,
    fleiss_expected,
    judged_by_all,
    kappa_of,
    pair_agreement,
    value_counts,
)
from clustereffects.interviews._private import option_error
from clustereffects.interviews.agreement import cohen_kappa, fleiss_kappa

Coefficient = Literal["alpha", "kappa", "fleiss", "ac1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementInterval:
    """Bootstrap interval of a coefficient of agreement.

    Parameters
    ----------
    estimate : float
        The coefficient in the data at hand.
    std_error : float
        Standard deviation over the draws in which the coefficient is defined (divisor: their number minus one).
    low, high : float
        Percentile interval over the same draws; NaN if fewer than half of the draws are defined.
    level : float
    draws, undefined : int
        Number of draws, and how many of them left the coefficient undefined.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> two = np.tile([[1, 1], [0, 0], [1, 0]], (10, 1))
    >>> bootstrap_agreement(two, "alpha", rng=1).undefined
    0
    """

    estimate: float
    std_error: float
    low: float
    high: float
    level: float
    draws: int
    undefined: int


def bootstrap_agreement(
    ratings: npt.ArrayLike,
    measure: Coefficient = "alpha",
    *,
    blocks: npt.ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 999,
    rng: int | np.random.Generator | None = None,
) -> AgreementInterval:
    """Percentile bootstrap of a coefficient of agreement, resampling units (or blocks of units).

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        Labels (nominal level).
    measure : {"alpha", "kappa", "fleiss", "ac1"}
    blocks : array_like, optional
        Label of the block of each unit; whole blocks are drawn, for example all judgements on one interview.
    level : float
    draws : int
    rng : int or Generator, optional

    Returns
    -------
    AgreementInterval

    Raises
    ------
    OptionError
        If the measure is unknown, ``level`` lies outside (0, 1) or ``draws`` is below 2.
    CodingError
        If the measure cannot be computed on these ratings.

    Notes
    -----
    The units are resampled and the coefficient is computed again, expected agreement included. The interval therefore
    narrows with the number of units, not with the number of draws.

    Examples
    --------
    >>> two = np.tile([[1, 1], [0, 0], [1, 0]], (10, 1))
    >>> interval = bootstrap_agreement(two, "ac1", rng=1)
    >>> interval.low < interval.estimate < interval.high
    True
    """
    _check_bootstrap(measure, level, draws)
    values = as_ratings(ratings)
    statistic = _statistic(values, measure)
    sampler, generator = _sampler(len(values), blocks), np.random.default_rng(rng)
    drawn = np.array([statistic(sampler(generator)) for _ in range(draws)])
    return _interval(statistic(np.arange(len(values))), drawn, level)


def _interval(estimate: float, drawn: Floats, level: float) -> AgreementInterval:
    defined = drawn[np.isfinite(drawn)]
    enough = 2 * len(defined) >= len(drawn)
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail]) if enough else (np.nan, np.nan)
    return AgreementInterval(
        estimate=estimate,
        std_error=float(np.std(defined, ddof=1)) if enough else np.nan,
        low=float(low),
        high=float(high),
        level=level,
        draws=len(drawn),
        undefined=len(drawn) - len(defined),
    )


def _statistic(values: Floats, measure: Coefficient) -> Callable[[Ints], float]:
    if measure == "kappa":
        return _kappa_statistic(values)
    if measure == "fleiss":
        fleiss_kappa(values)  # refuses what Fleiss' kappa cannot handle, once and with a message
    _, counts = value_counts(values)
    if measure == "alpha":
        return lambda rows: _nominal_alpha(counts[rows])
    if measure == "fleiss":
        return lambda rows: chance_corrected(pair_agreement(counts[rows]), fleiss_expected(counts[rows]))
    number = max(2, counts.shape[1])
    return lambda rows: chance_corrected(pair_agreement(counts[rows]), ac1_expected(counts[rows], number))


def _kappa_statistic(values: Floats) -> Callable[[Ints], float]:
    cohen_kappa(values)
    complete = judged_by_all(values)
    labels, coded = np.unique(np.where(complete[:, None], values, values[complete][0]), return_inverse=True)
    pairs, weight = coded.reshape(values.shape).astype(np.int64), np.eye(len(labels))
    return lambda rows: kappa_of(contingency(pairs[rows[complete[rows]]], len(labels)), weight)[0]


def _nominal_alpha(counts: Floats) -> float:
    observed, expected = disagreements(counts, 1 - np.eye(counts.shape[1]))
    return float(1 - observed / expected) if expected > 0 else np.nan


def _sampler(units: int, blocks: npt.ArrayLike | None) -> Callable[[np.random.Generator], Ints]:
    if blocks is None:
        return lambda generator: generator.integers(0, units, units)
    _, block = np.unique(np.asarray(blocks), return_inverse=True)
    members = [np.flatnonzero(block == label) for label in range(int(block.max()) + 1)]
    return lambda generator: np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])


def _check_bootstrap(measure: str, level: float, draws: int) -> None:
    if measure not in {"alpha", "kappa", "fleiss", "ac1"}:
        raise option_error("measure", measure, "alpha, kappa, fleiss or ac1")
    if not 0 < level < 1:
        raise option_error("level", level, "a number between 0 and 1")
    if draws < 2:
        raise option_error("draws", draws, "at least 2")
