"""Outcomes of a matched panel before joining, and what the outcome of candidates says about balance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.matching.prognosis import prognosis
from clustereffects.matching.trajectories import candidate_path, matched_path

if TYPE_CHECKING:
    from clustereffects.matching._before import Pool
    from clustereffects.matching.match import Match

FloatArray = NDArray[np.float64]


def trajectory_table(match: Match, column: str, periods: int) -> pd.DataFrame:
    """Means of a column in the periods before joining: treated units, their controls, all candidates."""
    values, times = match.panel.wide(column), match.panel.times
    events = range(-periods, 0)
    path = matched_path(values, times, match.sets, events)
    pools = [] if match.pool is None else match.pool.candidates()
    return pd.DataFrame(
        {
            "event_time": path.event_time,
            "n_treated": path.n_treated,
            "mean_treated": path.treated,
            "mean_control": path.control,
            "smd": path.smd,
            "mean_candidates": candidate_path(values, times, pools, events),
        }
    )


def panel_prognosis(match: Match, pool: Pool, outcome: str, event_time: int) -> FloatArray:
    """Coefficients of the change of an outcome from the period before joining, among candidates."""
    values, times = match.panel.wide(outcome), match.panel.times.tolist()

    def parts() -> Iterator[tuple[FloatArray, FloatArray]]:
        for one in pool.members:
            if one.cohort - 1 in times and one.cohort + event_time in times:
                base, then = times.index(int(one.cohort) - 1), times.index(int(one.cohort) + event_time)
                yield pool.matrix(one, one.control), values[one.control, then] - values[one.control, base]

    return _fitted(parts(), outcome)


def frame_prognosis(pool: Pool, outcome: FloatArray) -> FloatArray:
    """Coefficients of an outcome among candidates."""
    return _fitted(((pool.matrix(one, one.control), outcome[one.control]) for one in pool.members), "the outcome")


def _fitted(parts: Iterator[tuple[FloatArray, FloatArray]], outcome: str) -> FloatArray:
    try:
        return prognosis(parts)
    except ValueError as error:
        raise EstimationError(
            Problem(
                what=f"no prognostic score of {outcome}",
                where=str(error),
                expected="candidates whose outcome is observed",
                remedy="choose an outcome and a period that the candidates have",
            )
        ) from error
