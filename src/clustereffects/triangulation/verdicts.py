"""Verdicts from probabilities: a fixed vocabulary, and a number withheld where inputs do not decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.options import Thresholds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

STATES = ("harm", "negligible", "benefit")
#: Every verdict there is, from good news to none.
VERDICTS = (
    "beneficial",
    "probably beneficial",
    "no material effect",
    "probably harmful",
    "harmful",
    "undecided",
    "withheld",
    "silent",
)
_OF_CLASS = ("probably harmful", "no material effect", "probably beneficial", "undecided")
_FIRM = {0: "harmful", 2: "beneficial"}


def decide(probability: FloatArray, thresholds: Thresholds) -> IntArray:
    """State that reaches its threshold in each scenario.

    Parameters
    ----------
    probability : array, shape (scenarios, 3)
        Of harm, negligible effect and benefit.
    thresholds : Thresholds

    Returns
    -------
    array of int, shape (scenarios,)
        0, 1 or 2 for the state, 3 for none.

    Raises
    ------
    ValueError
        If there are not three states.

    Examples
    --------
    >>> import numpy as np
    >>> decide(np.array([[0.01, 0.02, 0.97], [0.3, 0.3, 0.4]]), Thresholds()).tolist()
    [2, 3]
    """
    reached = probability >= np.array(thresholds.by_state)
    return np.where(reached.any(axis=1), reached.argmax(axis=1), len(STATES))


def class_word(state: int) -> str:
    """Verdict for a class of scenario, without the distinction between firm and probable.

    Parameters
    ----------
    state : int
        0, 1, 2, or 3 for undecided.

    Returns
    -------
    str

    Raises
    ------
    IndexError
        If there is no such class.

    Examples
    --------
    >>> class_word(2)
    'probably beneficial'
    """
    return _OF_CLASS[state]


def verdict(probability: FloatArray, bounds: FloatArray, thresholds: Thresholds) -> str:
    """Verdict on one claim for one organisation.

    Parameters
    ----------
    probability : array, shape (3,)
    bounds : array, shape (3, 2)
        Lower and upper probability of each state over all declared ranges.
    thresholds : Thresholds

    Returns
    -------
    str
        ``"withheld"`` if a threshold lies within the bounds of its state: the declared ranges then contain both a yes
        and a no, and a single number would hide it. "Probably" is dropped only if the lower bound allows it.

    Raises
    ------
    ValueError
        If there are not three states.

    Examples
    --------
    >>> import numpy as np
    >>> sure = np.array([0.005, 0.026, 0.969])
    >>> verdict(sure, np.stack([sure, sure], axis=1), Thresholds())
    'probably beneficial'
    >>> verdict(sure, np.array([[0.0, 0.04], [0.01, 0.09], [0.88, 0.992]]), Thresholds())
    'withheld'
    """
    limits = np.array(thresholds.by_state)
    if ((bounds[:, 0] < limits) & (limits <= bounds[:, 1])).any():
        return "withheld"
    state = int(decide(probability[None, :], thresholds)[0])
    if state in _FIRM and bounds[state, 0] >= thresholds.firm:
        return _FIRM[state]
    return class_word(state)
