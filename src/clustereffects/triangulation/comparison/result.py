"""What one comparison engine concludes on one cell, in the same words as the triangulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.comparison.case import Case
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]

#: Verdicts an engine can give: the four classes, a refusal, nothing to work on, and what the triangulation withholds.
ENGINE_VERDICTS = (*(class_word(state) for state in range(4)), "refused", "silent", "withheld")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResult:
    """What one engine concludes on one claim for one organisation.

    Parameters
    ----------
    engine : str
    verdict : str
        "probably beneficial", "no material effect", "probably harmful", "undecided", "refused", "silent" (the engine
        finds nothing it could work on) or "withheld" (by the triangulation itself).
    score : float
        The engine's own number, NaN where it has none.
    score_means : str
        What that number is.
    conflict : float
        The engine's own measure of conflict between the streams, NaN where it has none.
    refused : str
        Why it refuses; empty unless it does.
    assumption : str
        What has to be true for its conclusion to hold.
    warnings : tuple of str

    Raises
    ------
    OptionError
        If the verdict is unknown, or a refusal has no reason or a reason no refusal.

    Examples
    --------
    >>> EngineResult(engine="vote", verdict="undecided", score=0.5, score_means="share of votes",
    ...              assumption="direction is all that matters").conflict
    nan
    """

    engine: str
    verdict: str
    score: float = math.nan
    score_means: str
    conflict: float = math.nan
    refused: str = ""
    assumption: str
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = []
        if self.verdict not in ENGINE_VERDICTS:
            problems.append(_wrong(self.engine, f"verdict {self.verdict!r}", "one of " + ", ".join(ENGINE_VERDICTS)))
        if (self.verdict == "refused") != bool(self.refused):
            problems.append(
                _wrong(self.engine, f"verdict {self.verdict!r} and refusal {self.refused!r}", "both or none")
            )
        if problems:
            raise OptionError(problems)


#: An engine reads one case and gives one result.
Engine: TypeAlias = Callable[[Case, Thresholds], EngineResult]


def verdict_of(probability: FloatArray, thresholds: Thresholds) -> str:
    """Verdict of an engine that has a number for each state.

    Parameters
    ----------
    probability : array, shape (3,)
        Of harm, negligible effect and benefit.
    thresholds : Thresholds

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there are not three states.

    Examples
    --------
    >>> verdict_of(np.array([0.02, 0.03, 0.95]), Thresholds())
    'probably beneficial'
    """
    return class_word(int(decide(probability[None, :], thresholds)[0]))


def _wrong(engine: str, what: str, expected: str) -> Problem:
    return Problem(what=what, where=f"engine {engine!r}", expected=expected, remedy="correct the engine")
