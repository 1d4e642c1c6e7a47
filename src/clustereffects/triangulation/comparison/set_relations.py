"""Set-theoretic comparison of many organisations: which configurations of conditions go with an outcome.

The right tool across organisations, the wrong one for a single claim: membership in a set is not a probability, and nothing
here knows of bias or sampling error. There is no minimisation; the truth table is exported for software that does it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import InputError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_MOST_CONDITIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRelation:
    """How far one set is contained in another.

    Parameters
    ----------
    consistency : float
        Share of the smaller set that lies within the larger one.
    coverage : float
        Share of the larger set that the smaller one makes up.
    pri : float
        Proportional reduction in inconsistency: consistency with what also lies in the negated outcome taken off; NaN for
        necessity.
    ron : float
        Relevance of necessity, low if the condition is nearly always there; NaN for sufficiency.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> SetRelation(consistency=0.9, coverage=0.8, pri=0.85, ron=float("nan")).coverage
    0.8
    """

    consistency: float
    coverage: float
    pri: float
    ron: float


def sufficiency(condition: FloatArray, outcome: FloatArray) -> SetRelation:
    """Whether the condition is sufficient for the outcome.

    Parameters
    ----------
    condition, outcome : array, shape (cases,)
        Membership from 0 to 1.

    Returns
    -------
    SetRelation
        NaN where a set is empty.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    ``Σ min(X, Y)/Σ X``, coverage over ``Σ Y`` (Ragin 2006, *Political Analysis* 14(3)); PRI takes ``Σ min(X, Y, 1 − Y)`` off
    numerator and denominator (Schneider & Wagemann 2012, *Set-Theoretic Methods*, §9.2).

    Examples
    --------
    >>> found = sufficiency(np.array([0.2, 0.8, 0.6]), np.array([0.3, 0.9, 0.5]))
    >>> round(found.consistency, 4), round(found.pri, 4)
    (0.9375, 0.875)
    """
    inside = np.minimum(condition, outcome)
    both = np.minimum(inside, 1 - outcome).sum()
    return SetRelation(
        consistency=_ratio(inside.sum(), condition.sum()),
        coverage=_ratio(inside.sum(), outcome.sum()),
        pri=_ratio(inside.sum() - both, condition.sum() - both),
        ron=float("nan"),
    )


def necessity(condition: FloatArray, outcome: FloatArray) -> SetRelation:
    """Whether the condition is necessary for the outcome.

    Parameters
    ----------
    condition, outcome : array, shape (cases,)
        Membership from 0 to 1.

    Returns
    -------
    SetRelation
        NaN where a set is empty.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    ``Σ min(X, Y)/Σ Y``; relevance ``Σ (1 − X)/Σ (1 − min(X, Y))`` (Schneider & Wagemann 2012, §9.2).

    Examples
    --------
    >>> round(necessity(np.array([0.2, 0.8, 0.6]), np.array([0.3, 0.9, 0.5])).consistency, 4)
    0.8824
    """
    inside = np.minimum(condition, outcome)
    return SetRelation(
        consistency=_ratio(inside.sum(), outcome.sum()),
        coverage=_ratio(inside.sum(), condition.sum()),
        pri=float("nan"),
        ron=_ratio((1 - condition).sum(), (1 - inside).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruthTable:
    """Every configuration of conditions, with the cases in it and its relation to the outcome.

    Parameters
    ----------
    configuration : array of int, shape (2^k, k)
        1 for the condition, 0 for its negation.
    cases : array of int, shape (2^k,)
        Cases whose membership in the configuration is above ½; a case with a membership of exactly ½ in any condition
        belongs nowhere.
    consistency, pri : array, shape (2^k,)
        NaN where no case has any membership.
    member : array of int, shape (cases,)
        Row of each case, −1 where it has none.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> truth_table(np.array([[0.9], [0.2]]), np.array([0.8, 0.1])).cases.tolist()
    [1, 1]
    """

    configuration: IntArray
    cases: IntArray
    consistency: FloatArray
    pri: FloatArray
    member: IntArray

    def outcome(self, consistency: float = 0.8, cases: int = 1) -> IntArray:
        """1 where the configuration is sufficient, 0 where it is not, −1 for a remainder with too few cases."""
        enough = self.cases >= cases
        sufficient = np.nan_to_num(self.consistency) >= consistency
        return np.where(enough, sufficient.astype(np.intp), -1)


def truth_table(conditions: FloatArray, outcome: FloatArray) -> TruthTable:
    """Truth table of conditions and an outcome.

    Parameters
    ----------
    conditions : array, shape (cases, k)
        Membership from 0 to 1, at most twelve conditions.
    outcome : array, shape (cases,)

    Returns
    -------
    TruthTable

    Raises
    ------
    InputError
        If a membership lies outside [0, 1] or there are more than twelve conditions.

    Notes
    -----
    Ragin (2008, *Redesigning Social Inquiry*, ch. 7): a case's membership in a configuration is the smallest of its
    memberships in the conditions or their negations; consistency is taken over all cases, not just those in the row.

    Examples
    --------
    >>> table = truth_table(np.array([[0.9, 0.8], [0.2, 0.9], [0.7, 0.6]]), np.array([0.8, 0.1, 0.9]))
    >>> table.cases.tolist(), table.consistency.round(3).tolist()
    ([0, 1, 0, 2], [1.0, 0.417, 1.0, 0.938])
    """
    _check(conditions, outcome)
    count = conditions.shape[1]
    configuration = (np.arange(2**count)[:, None] >> np.arange(count)[::-1]) & 1
    member = np.where(configuration[:, None, :] == 1, conditions, 1 - conditions).min(axis=2)
    relations = [sufficiency(row, outcome) for row in member]
    inside = member > 0.5
    return TruthTable(
        configuration=configuration,
        cases=inside.sum(axis=1),
        consistency=np.array([one.consistency for one in relations]),
        pri=np.array([one.pri for one in relations]),
        member=np.where(inside.any(axis=0), inside.argmax(axis=0), -1),
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _check(conditions: FloatArray, outcome: FloatArray) -> None:
    values = np.concatenate([conditions.ravel(), outcome])
    problems = []
    if not ((values >= 0) & (values <= 1)).all():
        problems.append(_problem("a membership outside 0–1 or missing", "calibrated memberships from 0 to 1"))
    if conditions.shape[1] > _MOST_CONDITIONS:
        problems.append(_problem(f"{conditions.shape[1]} conditions", f"at most {_MOST_CONDITIONS}"))
    if problems:
        raise InputError(problems)


def _problem(what: str, expected: str) -> Problem:
    return Problem(what=what, where="truth table", expected=expected, remedy="correct the conditions or the outcome")
