"""From risk sets to pairs: coordinates, calipers, common support, order, nearest neighbours. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.matching.distance import logit, mahalanobis_coordinates, scaled_coordinates
from clustereffects.matching.nearest import Chosen, Points, Task, match_nearest
from clustereffects.matching.risk_set import RiskSet, Units

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules by which pairs are made.

    Parameters
    ----------
    distance : {"mahalanobis", "scaled_euclidean", "propensity"}
    propensity_scale : {"linear", "probability"}
    ratio : int
    replace : bool
    caliper : float, optional
        Standard deviations of the propensity in the risk set; units of the distance otherwise.
    trim : {"treated", "both"}, optional
        Whose units outside the range of the other side's propensity are left out.
    order : {"data", "largest", "smallest", "random"}
    rng : int or Generator, optional

    Raises
    ------
    TypeError
        If a rule is unknown.

    Examples
    --------
    >>> Rules(distance="mahalanobis").order
    'data'
    """

    distance: str
    propensity_scale: str = "linear"
    ratio: int = 1
    replace: bool = True
    caliper: float | None = None
    trim: str | None = None
    order: str = "data"
    rng: int | np.random.Generator | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Pairs with the risk sets and tasks from which they came.

    Parameters
    ----------
    sets : tuple of RiskSet
        Complete risk sets with somebody on both sides.
    position : tuple of int
        Position of each of them in what was given to ``match_sets``.
    tasks : tuple of Task
        The same sets after trimming.
    chosen : Chosen
        Rows refer to ``tasks``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Matched.__slots__
    ('sets', 'position', 'tasks', 'chosen')
    """

    sets: tuple[RiskSet, ...]
    position: tuple[int, ...]
    tasks: tuple[Task, ...]
    chosen: Chosen

    def units(self) -> tuple[IntArray, IntArray]:
        """Treated and control unit of each pair."""
        if not self.tasks:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        treated = _lookup([task.treated.unit for task in self.tasks], self.chosen.task, self.chosen.treated)
        return treated, _lookup([task.control.unit for task in self.tasks], self.chosen.task, self.chosen.control)


def match_sets(sets: Sequence[RiskSet], rules: Rules) -> Matched:
    """Match the treated units of every risk set.

    Parameters
    ----------
    sets : sequence of RiskSet
        Incomplete units are left out, as are sets without treated units or without candidates.
    rules : Rules

    Returns
    -------
    Matched

    Raises
    ------
    EstimationError
        If the propensity cannot be estimated.

    Notes
    -----
    Mahalanobis and scaled Euclidean distances use the covariance within each risk set (treated and candidates centred
    separately, before exact and forbid). The propensity is one logistic regression on all risk sets stacked, with an
    intercept per cohort: a discrete-time hazard of joining. With one cohort both are those of a cross-section.

    Examples
    --------
    >>> none = np.empty((3, 0), dtype=np.int64)
    >>> control = Units(np.array([1, 2, 3]), np.array([[0.0], [1.0], [5.0]]), none, none)
    >>> treated = Units(np.array([0]), np.array([[1.2]]), none[:1], none[:1])
    >>> match_sets([RiskSet(2004.0, treated, control)], Rules(distance="mahalanobis")).units()[1].tolist()
    [2]
    """
    complete = [one.complete() for one in sets]
    position = tuple(place for place, one in enumerate(complete) if one.live)
    live = tuple(complete[place] for place in position)
    rng = np.random.default_rng(rules.rng) if rules.order == "random" else None
    tasks = tuple(_task(one, z, rules, rng) for one, z in zip(live, _coordinates(live, rules), strict=True))
    return Matched(live, position, tasks, match_nearest(tasks, ratio=rules.ratio, replace=rules.replace))


def _coordinates(sets: Sequence[RiskSet], rules: Rules) -> list[FloatArray]:
    if rules.distance == "mahalanobis":
        return [mahalanobis_coordinates(one.x, one.is_treated) for one in sets]
    if rules.distance == "scaled_euclidean":
        return [scaled_coordinates(one.x, one.is_treated) for one in sets]
    return _scores(sets, rules.propensity_scale) if sets else []


def _scores(sets: Sequence[RiskSet], scale: str) -> list[FloatArray]:
    sizes = [len(one.is_treated) for one in sets]
    intercepts = np.repeat(np.eye(len(sets)), sizes, axis=0)
    design = np.column_stack([intercepts, np.concatenate([one.x for one in sets])])
    fit = logit(design, np.concatenate([one.is_treated for one in sets]))
    score = fit.linear if scale == "linear" else fit.probability
    return [part[:, None] for part in np.split(score, np.cumsum(sizes)[:-1])]


def _task(one: RiskSet, z: FloatArray, rules: Rules, rng: np.random.Generator | None) -> Task:
    score = rules.distance == "propensity"
    line = z[:, 0] if score else one.x[:, 0]
    inside = _inside(z[:, 0], one.is_treated, rules.trim) if rules.trim else np.ones(len(z), dtype=np.bool_)
    caliper = np.inf if rules.caliper is None else rules.caliper * (float(np.std(z, ddof=1)) if score else 1.0)
    n = len(one.treated.unit)
    treated = _points(one.treated, z[:n], line[:n], inside[:n])
    control = _points(one.control, z[n:], line[n:], inside[n:])
    return Task(treated, control, caliper, _turn(treated, rules.order, rng), score)


def _points(units: Units, z: FloatArray, line: FloatArray, keep: BoolArray) -> Points:
    return Points(units.unit[keep], z[keep], line[keep], units.exact[keep], units.forbid[keep])


def _inside(score: FloatArray, treated: BoolArray, trim: str) -> BoolArray:
    """Units within the range of the other side's score."""
    one, other = score[treated], score[~treated]
    inside = np.ones(len(score), dtype=np.bool_)
    inside[treated] = (one >= other.min()) & (one <= other.max())
    if trim == "both":
        inside[~treated] = (other >= one.min()) & (other <= one.max())
    return inside


def _turn(treated: Points, order: str, rng: np.random.Generator | None) -> IntArray:
    if rng is not None:
        return rng.permutation(len(treated.unit))
    if order == "data":
        return np.arange(len(treated.unit))
    sign = -1.0 if order == "largest" else 1.0
    return np.argsort(sign * treated.line, kind="stable")


def _lookup(parts: Sequence[IntArray], part: IntArray, row: IntArray) -> IntArray:
    starts = np.cumsum([0, *(len(values) for values in parts)])
    return np.concatenate(parts)[starts[part] + row]
