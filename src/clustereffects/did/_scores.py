"""Propensity scores of a comparison: logits of all its arms at once, by Newton's method over a few units at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from clustereffects.did._layout import Comparison, Layout, Piece, pieces
from clustereffects.did._linear import COLLINEAR, factor_of
from clustereffects.did.logit import NO_OVERLAP
from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_TREATED = "no treated unit is observed in both periods"
NO_CONTROL = "no comparison unit is observed in both periods"

_LONGEST_STEP = 1.5
# Newton's method converges quadratically: after a step of 1e-7 the error is about 1e-14.
_LAST_STEP = 1e-7
_ITERATIONS = 100
_SAMPLE = 4096
_VALUES = 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What a comparison is before outcomes are looked at.

    ``gram`` (k, k) of the comparison units and ``own`` (L, k, k) of the arms, both weighted sums; ``counts`` (L,) and
    ``control`` the numbers of usable units.
    """

    gram: FloatArray
    own: FloatArray
    counts: IntArray
    control: int

    def missing(self, position: int) -> str:
        """Why an arm cannot be compared at all, empty if it can."""
        if not self.counts[position]:
            return NO_TREATED
        return "" if self.control else NO_CONTROL


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Logits of the arms of a comparison: coefficients (L, k), and why an arm has none."""

    theta: FloatArray
    reasons: tuple[str, ...]


def chunk(layout: Layout, rows: int) -> int:
    """How many units at a time keep so many rows of values in the cache."""
    return max(128, _VALUES // max(rows, int(layout.design.shape[1])))


def frame_of(layout: Layout, comparison: Comparison) -> Frame:
    """Gram matrices and counts."""
    size = chunk(layout, 4)
    k = int(layout.design.shape[1])
    gram, control = _gram(pieces(layout, comparison, comparison.controls, size), k)
    own = [_gram(pieces(layout, comparison, arm_rows(layout, comparison, arm), size), k) for arm in _each(comparison)]
    return Frame(gram, np.array([one for one, _ in own]), np.array([count for _, count in own]), control)


def _each(comparison: Comparison) -> range:
    return range(len(comparison.arms))


def arm_rows(layout: Layout, comparison: Comparison, position: int) -> list[slice]:
    """Units of one arm."""
    segment = layout.segments[comparison.arms[position]]
    return [slice(segment.begin, segment.end)]


def _gram(parts: Iterable[Piece], k: int) -> tuple[FloatArray, int]:
    total, count = np.zeros((k, k)), 0
    for part in parts:
        total += (part.x * part.w) @ part.x.T
        count += int(np.count_nonzero(part.w))
    return total, count


def fit_scores(
    layout: Layout, comparison: Comparison, frame: Frame, known: dict[int, FloatArray], *, calibrated: bool = False
) -> Scores:
    """Fit the logit of every arm against the comparison units.

    ``known`` holds coefficients of arms in other comparisons, from which the search starts; the new ones are added.
    Calibrated scores give reweighted comparison units exactly the mean covariates of the arm.
    """
    newton = _Newton(layout, comparison, frame)
    for position in _each(comparison):
        newton.refuse(position, frame.missing(position))
        newton.refuse(position, "" if regular(frame.gram + frame.own[position]) else COLLINEAR)
    impossible = list(newton.reasons)
    newton.begin(known)
    newton.search()
    newton.begin_anew(impossible)
    for position, arm in enumerate(comparison.arms):
        if not newton.reasons[position]:
            known[arm] = newton.theta[position].copy()
    if calibrated:
        newton.calibrated = True
        newton.search()
    return Scores(newton.theta, tuple(newton.reasons))


def regular(matrix: FloatArray) -> bool:
    """Whether a Gram matrix can be inverted."""
    try:
        factor_of(matrix, COLLINEAR)
    except EstimationError:
        return False
    return True


class _Newton:
    """State of the search: arms that are still moving take one step together in each pass over the units."""

    def __init__(self, layout: Layout, comparison: Comparison, frame: Frame) -> None:
        self.layout, self.comparison, self.frame = layout, comparison, frame
        self.theta = np.zeros((len(comparison.arms), layout.design.shape[1]))
        self.reasons = [""] * len(comparison.arms)
        self.reach = np.abs(layout.design).max(axis=(0, 2))
        self.calibrated = False
        self.warm = np.zeros(len(comparison.arms), dtype=np.bool_)
        self.size = chunk(layout, len(comparison.arms) * layout.design.shape[1])

    def refuse(self, position: int, reason: str) -> None:
        """Record why an arm has no logit."""
        self.reasons[position] = self.reasons[position] or reason

    def begin(self, known: dict[int, FloatArray]) -> None:
        """Start from another comparison's coefficients, else from the share of treated units."""
        self.theta = self._shares()
        fresh = [p for p, arm in enumerate(self.comparison.arms) if arm not in known]
        for position, arm in enumerate(self.comparison.arms):
            self.theta[position] = known.get(arm, self.theta[position])
        if self.frame.control > 4 * _SAMPLE and fresh:
            self._begin_on_a_sample(fresh)
        self.warm = (self.theta != self._shares()).any(axis=1)

    def begin_anew(self, impossible: Sequence[str]) -> None:
        """Once more from the share of treated units where other coefficients were too far away to start from."""
        share = self._shares()
        lost = [p for p in _each(self.comparison) if self.reasons[p] and not impossible[p] and self.warm[p]]
        for position in lost:
            self.reasons[position] = ""
            self.theta[position] = share[position]
        self.search(lost)

    def _shares(self) -> FloatArray:
        theta = np.zeros_like(self.theta)
        weight, other = self.frame.own[:, 0, 0], self.frame.gram[0, 0]
        there = (weight > 0) & (other > 0)
        theta[there, 0] = special.logit(weight[there] / (weight[there] + other))
        return theta

    def _begin_on_a_sample(self, fresh: list[int]) -> None:
        """Every so manieth unit is enough to come close, so that few passes over all units are left."""
        before, reasons = self.theta.copy(), list(self.reasons)
        moving = [position for position in fresh if not self.reasons[position]]
        self.search(moving, sampled=True)
        for position in fresh:
            if self.reasons[position] and not reasons[position]:
                self.theta[position] = before[position]
        self.reasons = reasons

    def search(self, moving: list[int] | None = None, *, sampled: bool = False) -> None:
        """Step until nothing moves."""
        moving = [p for p in _each(self.comparison) if not self.reasons[p]] if moving is None else moving
        for _ in range(_ITERATIONS):
            if not moving:
                return
            steps = self._steps(moving, sampled=sampled)
            moving = [position for position in moving if not self.reasons[position]]
            far = self._far(moving, steps, sampled=sampled)
            for position in moving:
                self.theta[position] += steps[position] * min(1.0, _LONGEST_STEP / max(far[position], _LAST_STEP))
            moving = [position for position in moving if far[position] >= _LAST_STEP]
        for position in moving:
            self.refuse(position, NO_OVERLAP)

    def _steps(self, moving: list[int], *, sampled: bool) -> dict[int, FloatArray]:
        score, information = self._derivatives(moving, sampled=sampled)
        steps = {}
        for place, position in enumerate(moving):
            try:
                factor = factor_of(information[place], NO_OVERLAP)
            except EstimationError:
                self.refuse(position, NO_OVERLAP)
                continue
            steps[position] = linalg.cho_solve(factor, score[place])
        return steps

    def _strides(self, *, sampled: bool) -> tuple[int, list[int]]:
        if not sampled:
            return 1, [1] * len(self.frame.counts)
        return max(1, self.frame.control // _SAMPLE), [max(1, int(count) // _SAMPLE) for count in self.frame.counts]

    def _derivatives(self, moving: list[int], *, sampled: bool) -> tuple[FloatArray, FloatArray]:
        """First and negative second derivatives of the log likelihoods, or of the objectives of calibration."""
        stride, strides = self._strides(sampled=sampled)
        theta = self.theta[moving]
        score, information = np.zeros_like(theta), np.zeros((*theta.shape, theta.shape[1]))
        for part in pieces(self.layout, self.comparison, self.comparison.controls, self.size, stride):
            weighted, information_part = _curvature(theta, part, calibrated=self.calibrated)
            score -= weighted @ part.x.T
            information += information_part
        if self.calibrated:
            return score + self.frame.own[moving, 0], information
        for place, position in enumerate(moving):
            rows = arm_rows(self.layout, self.comparison, position)
            for part in pieces(self.layout, self.comparison, rows, self.size, strides[position]):
                weighted, information_part = _curvature(theta[place : place + 1], part)
                score[place] += (part.w - weighted[0]) @ part.x.T
                information[place] += information_part[0]
        return score, information

    def _far(self, moving: list[int], steps: dict[int, FloatArray], *, sampled: bool) -> dict[int, float]:
        """How far the linear predictor of any unit moves, at most; looked up only where a bound does not settle it."""
        far = {position: float(np.abs(steps[position]) @ self.reach) for position in moving}
        long = [position for position in moving if far[position] > _LONGEST_STEP]
        if not long:
            return far
        stride, strides = self._strides(sampled=sampled)
        direction = np.array([steps[position] for position in long])
        reached = np.zeros(len(long))
        for part in pieces(self.layout, self.comparison, self.comparison.controls, self.size, stride):
            moved = np.abs(direction @ part.x) * (part.w > 0)
            reached = np.maximum(reached, moved.max(axis=1, initial=0.0))
        for place, position in enumerate(long):
            rows = arm_rows(self.layout, self.comparison, position)
            for part in pieces(self.layout, self.comparison, rows, self.size, strides[position]):
                moved = np.abs(direction[place] @ part.x) * (part.w > 0)
                reached[place] = max(reached[place], moved.max(initial=0.0))
        return far | dict(zip(long, reached.tolist(), strict=True))


def _curvature(theta: FloatArray, part: Piece, *, calibrated: bool = False) -> tuple[FloatArray, FloatArray]:
    """Weighted probabilities (L, c), or odds where calibrated, and the information (L, k, k) of some units."""
    probability = probabilities(theta, part.x)
    weighted = probability * part.w
    if calibrated:
        weighted /= np.maximum(1.0 - probability, 1e-300)
        spread = weighted
    else:
        spread = weighted * (1.0 - probability)
    k, units = part.x.shape
    information = (spread[:, None, :] * part.x).reshape(-1, units) @ part.x.T
    return weighted, information.reshape(-1, k, k)


def probabilities(theta: FloatArray, x: FloatArray) -> FloatArray:
    """Logistic function of ``theta @ x``."""
    odds = theta @ x
    np.negative(odds, out=odds)
    # Beyond this an exponential overflows, and a probability is 0 or 1 to all digits.
    np.clip(odds, -700.0, 700.0, out=odds)
    np.exp(odds, out=odds)
    odds += 1.0
    return np.asarray(np.reciprocal(odds, out=odds))
