"""Do judges agree? Ordinal alpha of the levels they chose, with intervals from resampling tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.interviews.agreement import krippendorff_alpha

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
#: test, rival, judge, question, rank of the level
Answer: TypeAlias = tuple[str, str, str, str, int]


def level_agreement(answers: Sequence[Answer], *, level: float, draws: int, rng: int | None) -> pd.DataFrame:
    """Ordinal alpha by question and over all questions.

    Parameters
    ----------
    answers : sequence of (test, rival, judge, question, rank)
    level : float
        Confidence level of the interval.
    draws : int
    rng : int, optional

    Returns
    -------
    DataFrame
        Columns ``question, alpha, conf_low, conf_high, level, units, judges, undefined_draws``.

    Raises
    ------
    OptionError
        If ``level`` lies outside (0, 1) or ``draws`` is below 2.

    Examples
    --------
    >>> answers = [(f"T{i}", "boom", judge, "p_benefit", rank) for i, pair in enumerate([(1, 1), (3, 4), (5, 5), (2, 2)])
    ...            for judge, rank in zip("AB", pair)]
    >>> level_agreement(answers, level=0.95, draws=99, rng=1)[["question", "alpha"]].round(2).values.tolist()
    [['p_benefit', 0.98], ['all', 0.98]]
    """
    if not (0 < level < 1 and draws >= 2):
        given = f"level {level}, draws {draws}"
        raise OptionError(Problem(what=given, where="", expected="0 < level < 1, draws ≥ 2", remedy="choose others"))
    frame = pd.DataFrame(list(answers), columns=["test", "rival", "judge", "question", "rank"])
    generator = np.random.default_rng(rng)
    parts = {str(name): part for name, part in frame.groupby("question", sort=False)}
    rows = []
    for name, part in [*parts.items(), ("all", frame)]:
        wide = part.pivot_table(index=["test", "rival", "question"], columns="judge", values="rank")
        ratings = wide.to_numpy(dtype=np.float64)
        _, blocks = np.unique(wide.index.get_level_values("test"), return_inverse=True)
        rows.append({"question": name, **alpha_interval(ratings, blocks, level=level, draws=draws, rng=generator)})
    return pd.DataFrame(rows)


def alpha_interval(
    ratings: FloatArray, blocks: IntArray, *, level: float, draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Ordinal alpha with a percentile bootstrap that draws blocks of units.

    Parameters
    ----------
    ratings : array, shape (units, judges)
        Ranks, NaN where a judge did not answer.
    blocks : array of int, shape (units,)
        Units with the same number are drawn together.
    level : float
    draws : int
    rng : Generator

    Returns
    -------
    dict
        ``alpha, conf_low, conf_high, level, units, judges, undefined_draws``; the interval is NaN if fewer than half of the
        draws are defined.

    Raises
    ------
    CodingError
        If the ratings are not two-dimensional.

    Examples
    --------
    >>> same = np.array([[1.0, 1.0], [3.0, 3.0], [5.0, 5.0]])
    >>> alpha_interval(same, np.arange(3), level=0.9, draws=50, rng=np.random.default_rng(1))["conf_low"]
    1.0
    """
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    drawn = np.array([_alpha(ratings, members, rng.integers(len(members), size=len(members))) for _ in range(draws)])
    defined = drawn[np.isfinite(drawn)]
    enough = 2 * defined.size >= draws
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) if enough else (np.nan, np.nan)
    judged = np.isfinite(ratings)
    return {
        "alpha": krippendorff_alpha(ratings, level="ordinal").value,
        "conf_low": float(low),
        "conf_high": float(high),
        "level": level,
        "units": int((judged.sum(axis=1) >= 2).sum()),
        "judges": int(judged.any(axis=0).sum()),
        "undefined_draws": draws - defined.size,
    }


def _alpha(ratings: FloatArray, members: Sequence[IntArray], chosen: IntArray) -> float:
    rows = np.concatenate([members[i] for i in chosen])
    return krippendorff_alpha(ratings[rows], level="ordinal").value
