"""From risk sets to tasks: scores, coordinates, common support, limits, rungs, and who chooses when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._history import Labels
from clustereffects.matching._options import caliper_of, has_score, pairs_untreated, score_caliper
from clustereffects.matching._search import DECIMALS
from clustereffects.matching.distance import mahalanobis, robust_mahalanobis, scaled_euclidean
from clustereffects.matching.ladder import Limits, Rungs, choose_rungs
from clustereffects.matching.nearest import variable_ratio
from clustereffects.matching.options import Score, VariableRatio
from clustereffects.matching.propensity import logit, probit
from clustereffects.matching.risk_set import RiskSet, Units
from clustereffects.matching.tasks import Points, Task

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

_FAR = 1e300
"""Farther than any distance that a function may return but infinity."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One risk set ready to be matched: its usable rows, the task, and what is left of the candidates.

    ``score`` is that of the usable rows, treated first, or empty; ``outside`` are treated units without common support;
    ``candidates`` counts complete candidates before any was set aside.
    """

    cohort: float
    treated: Units
    control: Units
    score: FloatArray
    task: Task
    rungs: Rungs
    outside: IntArray
    candidates: int

    @property
    def x(self) -> FloatArray:
        """Matching variables of treated and candidates, stacked."""
        return np.concatenate([self.treated.x, self.control.x])

    @property
    def is_treated(self) -> BoolArray:
        """Which rows of ``x`` are treated."""
        return np.arange(len(self.treated.unit) + len(self.control.unit)) < len(self.treated.unit)


@dataclass(frozen=True, slots=True, eq=False)
class Maker:
    """Makes tasks of risk sets, one after the other."""

    options: Matching
    labels: Labels
    rng: np.random.Generator | None

    def all(self, sets: Iterable[RiskSet]) -> list[Prepared]:
        """Tasks of all risk sets with somebody on both sides; a score is fitted to all of them together."""
        trim = self.options.trim
        if not needs_score(self.options):
            return [
                self._one(one, np.empty(0), np.ones(len(one.is_treated), dtype=np.bool_)) for one in sets if one.live
            ]
        live = [one for one in sets if one.live]
        scores = self._scores(live)
        supports = [common_support(score, one.is_treated, trim) for one, score in zip(live, scores, strict=True)]
        if live and not any(inside[one.is_treated].any() for one, inside in zip(live, supports, strict=True)):
            raise EstimationError(_no_support(live, scores))
        return [self._one(*item) for item in zip(live, scores, supports, strict=True)]

    def _scores(self, sets: Sequence[RiskSet]) -> list[FloatArray]:
        if isinstance(self.options.distance, Score):
            place = self.labels.bounds.index(self.options.distance.column)
            return [np.concatenate([one.treated.bound[:, place], one.control.bound[:, place]]) for one in sets]
        return propensity(sets, self.options) if sets else []

    def _one(self, one: RiskSet, score: FloatArray, inside: BoolArray) -> Prepared:
        n = len(one.treated.unit)
        treated = one.treated if inside[:n].all() else one.treated.take(inside[:n])
        near = _in_strata(treated, one.control) & inside[n:]
        control = one.control if near.all() else one.control.take(np.flatnonzero(near))
        kept = score[np.concatenate([inside[:n], near])] if len(score) else score
        sides = self._points(one, treated, control, kept)
        width, caliper = self._limits(score)
        table = self._table(*sides)
        wanted = self._enough(kept, len(treated.unit))
        rungs = choose_rungs(*sides, Limits(width, np.inf if table is not None else caliper), wanted)
        task = Task(
            *sides,
            caliper=caliper,
            widths=width,
            rung=rungs.rung,
            wanted=wanted,
            turn=self._turn(kept, len(treated.unit)),
            score=has_score(self.options),
            table=table,
        )
        outside = one.treated.unit[~inside[:n]]
        return Prepared(one.cohort, treated, control, kept, task, rungs, outside, len(one.control.unit))

    def _points(self, one: RiskSet, treated: Units, control: Units, score: FloatArray) -> tuple[Points, Points]:
        n = len(treated.unit)
        scored = has_score(self.options)
        z = (score[:n, None], score[n:, None]) if scored else self._coordinates(one, treated, control)
        limited = score_caliper(self.options) is not None
        parts = []
        for side, coordinates, own in zip((treated, control), z, np.split(score, [n]), strict=True):
            bound = np.column_stack([side.bound, own]) if limited else side.bound
            parts.append(Points(side.unit, coordinates, _first(coordinates), side.strata, side.forbid, bound))
        return parts[0], parts[1]

    def _coordinates(self, one: RiskSet, treated: Units, control: Units) -> tuple[FloatArray, FloatArray]:
        x, own, others = (self._near(rows) for rows in (one.x, treated.x, control.x))
        if callable(self.options.distance):
            return own, others
        kind = self.options.distance
        if kind == "robust_mahalanobis":
            ranks = robust_mahalanobis(x)
            return ranks.of(own), ranks.of(others)
        measure = mahalanobis if kind == "mahalanobis" else scaled_euclidean
        linear = measure(x, one.is_treated)
        return linear.of(own), linear.of(others)

    def _table(self, treated: Points, control: Points) -> FloatArray | None:
        """Distances by the function of the user, where there is one."""
        distance = self.options.distance
        if not callable(distance):
            return None
        shape = (len(treated.unit), len(control.unit))
        table = np.asarray(distance(treated.z, control.z), dtype=np.float64)
        if table.shape != shape or np.isnan(table).any() or table.min(initial=0.0) < 0:
            raise EstimationError(
                Problem(
                    what="the distance function does not return distances",
                    where=f"shape {table.shape}",
                    expected=f"numbers of at least 0 in shape {shape}; infinite for pairs that must not be",
                    remedy="return one row per treated unit and one column per candidate",
                )
            )
        return table

    def _near(self, x: FloatArray) -> FloatArray:
        """Columns of the distance."""
        wanted = self.options.near
        return x[:, [name in wanted for name in self.labels.columns]] if wanted else x

    def _limits(self, score: FloatArray) -> tuple[FloatArray, float]:
        caliper = caliper_of(self.options)
        widths = {**dict(caliper.widths), **{name: np.log(factor) for name, factor in caliper.ratios}}
        width = [widths.get(name, np.inf) for name in self.labels.bounds]
        unit = float(np.std(score, ddof=1)) if len(score) and caliper.units == "sd" else 1.0
        if caliper.score is not None:
            width.append(caliper.score * unit)
        largest = np.inf if caliper.distance is None else caliper.distance
        if callable(self.options.distance):
            largest = _FAR
        return np.array(width, dtype=np.float64), largest * (unit if has_score(self.options) else 1.0)

    def _enough(self, score: FloatArray, n: int) -> IntArray:
        ratio = self.options.ratio
        if isinstance(ratio, VariableRatio):
            is_treated = np.arange(len(score)) < n
            return variable_ratio(score, is_treated, mean=ratio.mean, least=ratio.least, most=ratio.most)
        return np.full(n, ratio, dtype=np.int64)

    def _turn(self, score: FloatArray, n: int) -> IntArray:
        order = order_of(self.options)
        if self.rng is not None:
            return self.rng.permutation(n)
        if order not in {"largest", "smallest"}:
            return np.arange(n)
        line = score[:n].round(DECIMALS)  # rounding noise decides nothing
        return np.argsort(-line if order == "largest" else line, kind="stable")


def order_of(options: Matching) -> str:
    """In which order treated units choose."""
    scored = has_score(options) or score_caliper(options) is not None
    # Who is least like the other side chooses first: a treated unit of high, an untreated one of low propensity.
    return options.order or ("data" if not scored else "smallest" if pairs_untreated(options) else "largest")


def needs_score(options: Matching) -> bool:
    """Whether a score is needed at all."""
    return has_score(options) or score_caliper(options) is not None


def propensity(sets: Sequence[RiskSet], options: Matching) -> list[FloatArray]:
    """Propensity of all risk sets stacked, with an intercept per cohort: a discrete-time hazard of joining.

    Always that of being treated, also where untreated units are matched with treated ones: the score decides ties.
    """
    sizes = [len(one.is_treated) for one in sets]
    design = np.empty((sum(sizes), len(sets) + sets[0].treated.x.shape[1]))
    start = 0
    for number, (one, size) in enumerate(zip(sets, sizes, strict=True)):
        design[start : start + size, : len(sets)] = np.arange(len(sets)) == number
        split = start + len(one.treated.unit)
        design[start:split, len(sets) :] = one.treated.x
        design[split : start + size, len(sets) :] = one.control.x
        start += size
    matched = np.concatenate([one.is_treated for one in sets])
    fit = (logit if options.link == "logit" else probit)(design, ~matched if pairs_untreated(options) else matched)
    scale = fit.linear if options.propensity_scale == "linear" else fit.probability
    return np.split(scale, np.cumsum(sizes)[:-1])


def common_support(score: FloatArray, treated: BoolArray, trim: str | None) -> BoolArray:
    """Units within the range of the other side's score: treated ones, or all, as asked; nobody if a side is empty then."""
    inside = np.ones(len(treated), dtype=np.bool_)
    if trim is None:
        return inside
    one, other = score[treated], score[~treated]
    inside[treated] = (one >= other.min()) & (one <= other.max())
    if trim == "both":
        inside[~treated] = (other >= one.min()) & (other <= one.max())
    if not (inside[treated].any() and inside[~treated].any()):
        inside[:] = False
    return inside


def _no_support(sets: Sequence[RiskSet], scores: Sequence[FloatArray]) -> Problem:
    """Nobody's propensity is within the range of the other side."""
    score, treated = np.concatenate(scores), np.concatenate([one.is_treated for one in sets])
    one, other = score[treated], score[~treated]
    return Problem(
        what="no unit has common support",
        where=f"propensity of the treated {one.min():.4g} to {one.max():.4g}, of the candidates "
        f"{other.min():.4g} to {other.max():.4g}",
        expected="ranges that overlap",
        remedy="match on fewer columns, or leave out trim",
    )


def _first(z: FloatArray) -> FloatArray:
    """The first coordinate; zeros where nothing varies."""
    return z[:, 0] if z.shape[1] else np.zeros(len(z))


def _in_strata(treated: Units, control: Units) -> BoolArray:
    """Candidates in a stratum of a treated unit on any rung: nobody else can be anybody's control."""
    near = np.zeros(len(control.unit), dtype=np.bool_)
    for own, others in zip(treated.strata.T, control.strata.T, strict=True):
        codes = np.unique(own[own >= 0])
        near |= np.isin(others, codes)
    return near
