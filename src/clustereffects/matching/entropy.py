"""Entropy balancing: the weights nearest to equal weights that reproduce given covariate means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._symmetric import whitening

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_ROWS = 8192
_LIMIT = 200
_HALVINGS = 40
_ARMIJO = 1e-4
_RIDGE = 1e-14
_SAME = 1e-12
_UNREACHED = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Entropy:
    """Weights that reproduce the means of a target.

    Parameters
    ----------
    weight : array (n,)
        Sum 1.
    iterations : int
        Newton steps.
    gap : float
        Largest difference between weighted mean and target, in standard deviations of the covariate.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Entropy.__slots__
    ('weight', 'iterations', 'gap')
    """

    weight: FloatArray
    iterations: int
    gap: float


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Log-partition function of the tilted rows, its gradient and curvature."""

    value: float
    mean: FloatArray
    covariance: FloatArray
    highest: float


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows that may have weight, seen from the target: ``(x − target) @ half`` has covariance one about its mean."""

    x: FloatArray
    target: FloatArray
    half: FloatArray
    base: FloatArray

    def blocks(self) -> list[slice]:
        return [slice(start, start + _ROWS) for start in range(0, len(self.x), _ROWS)]

    def tilted(self, dual: FloatArray) -> FloatArray:
        """Weights in proportion to ``base · exp(z · dual)``, sum 1."""
        line = np.empty(len(self.x))
        for part in self.blocks():
            line[part] = (self.x[part] - self.target) @ (self.half @ dual)
        line -= line.max()
        np.exp(line, out=line)
        line *= self.base
        line /= line.sum()
        return line


def entropy_balance(
    x: FloatArray,
    target: FloatArray,
    base: FloatArray | None = None,
    *,
    tolerance: float = 1e-10,
    names: Sequence[str] = (),
) -> Entropy:
    """Weight rows so that their covariate means equal a target, staying as near as possible to base weights.

    Parameters
    ----------
    x : array (n, p)
        Covariates of the units to weight; may be collinear.
    target : array (p,)
        Means to reproduce.
    base : array (n,), optional
        Weights to stay near to, such as those of a match; default: equal.
    tolerance : float
        Largest difference from the target, in standard deviations, at which the iteration ends.
    names : sequence of str
        Names of the covariates for messages.

    Returns
    -------
    Entropy

    Raises
    ------
    ValueError
        If the shapes do not fit or a base weight is negative.
    EstimationError
        If no weights reproduce the target: it lies outside the convex hull of the rows.

    Notes
    -----
    Minimises ``Σ w log(w / base)`` subject to ``Σ w = 1`` and ``Σ w x = target`` by Newton's method on the dual,
    ``log Σ base exp((x − target)'λ)``, which is convex; steps are halved until it falls. A dual point where
    ``(x − target)'λ < 0`` for every row proves that there is no solution. Where the target equals the smallest or
    largest value of a covariate only rows with that value can have weight, and the others get none.

    References
    ----------
    Hainmueller (2012), *Political Analysis* 20(1), equations 6–9; Zhao & Percival (2017), *Journal of Causal Inference*
    5(1), section 2.

    Examples
    --------
    >>> balanced = entropy_balance(np.array([[0.0], [1.0], [2.0]]), np.array([1.5]))
    >>> balanced.weight.round(4).tolist(), float((balanced.weight @ [0.0, 1.0, 2.0]).round(10))
    ([0.1162, 0.2676, 0.6162], 1.5)
    """
    start = np.full(len(x), 1.0) if base is None else np.asarray(base, dtype=np.float64)
    if x.shape != (len(start), len(target)) or not start.sum() > 0 or start.min() < 0:
        raise ValueError(
            f"x {x.shape}, target {target.shape} and base {start.shape} do not fit, or weights are negative"
        )
    place = names or [f"covariate {number + 1}" for number in range(len(target))]
    keep = _reachable(x, target, start > 0, place)
    whole = keep.all()
    rows = _rows(x if whole else x[keep], target, start if whole else start[keep], place)
    dual, iterations = _newton(rows, tolerance, place)
    weight = np.zeros(len(x))
    weight[keep] = rows.tilted(dual)
    return Entropy(weight, iterations, float(np.abs(_gaps(rows, weight[keep])).max(initial=0.0)))


def balance_arms(
    x: FloatArray,
    treated: BoolArray,
    *,
    estimand: str = "ATT",
    base: FloatArray | None = None,
    tolerance: float = 1e-10,
    names: Sequence[str] = (),
) -> FloatArray:
    """Entropy weights of treated units and controls for an estimand.

    Parameters
    ----------
    x : array (n, p)
    treated : array (n,) of bool
    estimand : {"ATT", "ATC", "ATE"}
        Whose means both sides get: those of the treated, of the controls, of all.
    base : array (n,), optional
        Base weights of all units, which also weight the target.
    tolerance : float
    names : sequence of str
        See ``entropy_balance``.

    Returns
    -------
    array (n,)
        Each side sums to the base weight of the target; units of the target keep their base weight (ATT, ATC).

    Raises
    ------
    ValueError
        If the estimand is unknown or the shapes do not fit.
    EstimationError
        As ``entropy_balance``.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [0.0], [1.0], [3.0]])
    >>> balance_arms(x, np.array([True, True, False, False, False])).round(4).tolist()
    [1.0, 1.0, 0.5746, 0.6382, 0.7873]
    """
    if estimand not in {"ATT", "ATC", "ATE"}:
        raise ValueError(f"estimand is ATT, ATC or ATE, got {estimand!r}")
    weight = np.ones(len(x)) if base is None else np.asarray(base, dtype=np.float64).copy()
    members = {"ATT": treated, "ATC": ~treated, "ATE": np.ones_like(treated)}[estimand]
    mass = weight[members].sum()
    target = weight[members] @ x[members] / mass
    for side, of_target in ((treated, estimand == "ATT"), (~treated, estimand == "ATC")):
        if not of_target:
            weight[side] = (
                mass * entropy_balance(x[side], target, weight[side], tolerance=tolerance, names=names).weight
            )
    return weight


def with_squares(x: FloatArray) -> FloatArray:
    """Covariates and the squares of those with more than two values: balances variances too.

    Parameters
    ----------
    x : array (n, p)

    Returns
    -------
    array (n, q)
        Squares about the mean, which span the same moments as raw squares and lose no digits.

    Raises
    ------
    ValueError
        If ``x`` has no rows.

    Examples
    --------
    >>> with_squares(np.array([[0.0, 1.0], [1.0, 3.0], [1.0, 8.0]])).tolist()
    [[0.0, 1.0, 9.0], [1.0, 3.0, 1.0], [1.0, 8.0, 16.0]]
    """
    low, high = x.min(axis=0), x.max(axis=0)
    many = ((x != low) & (x != high)).any(axis=0)
    return np.column_stack([x, (x[:, many] - x[:, many].mean(axis=0)) ** 2])


def _reachable(x: FloatArray, target: FloatArray, keep: BoolArray, names: Sequence[str]) -> BoolArray:
    """Rows that can have weight; the hull of the rest may touch the target where it did not before."""
    while True:
        left = x if keep.all() else x[keep]
        low, high = left.min(axis=0), left.max(axis=0)
        slack = _SAME * np.maximum(high - low, np.abs(target))
        _refuse_range(np.maximum(low - target, target - high) > slack, (low, target, high), names)
        varies = high - low > slack
        at_low, at_high = varies & (target - low <= slack), varies & (high - target <= slack)
        if not (at_low | at_high).any():
            return keep
        keep = keep & (x[:, at_low] <= target[at_low] + slack[at_low]).all(axis=1)
        keep &= (x[:, at_high] >= target[at_high] - slack[at_high]).all(axis=1)
        if not keep.any():
            raise _outside(names[int(np.argmax(at_low | at_high))], "no unit has all the extreme values of the target")


def _rows(x: FloatArray, target: FloatArray, base: FloatArray, names: Sequence[str]) -> _Rows:
    share = base / base.sum()
    gram = np.zeros((x.shape[1], x.shape[1]))
    middle = share @ (x - target) if len(x) <= _ROWS else share @ x - target
    for start in range(0, len(x), _ROWS):
        part = slice(start, start + _ROWS)
        centred = x[part] - (target + middle)
        gram += centred.T @ (share[part, None] * centred)
    size = np.abs(target + middle)
    varies = np.sqrt(np.diag(gram)) > _SAME * np.maximum(size, 1e-300)
    half = whitening(gram * np.outer(varies, varies))
    rows = _Rows(x, target, half, share)
    # Directions without variation cannot move: the target must agree with the rows there already.
    sd = np.sqrt(np.where(varies, np.diag(gram), 1.0))
    stuck = np.where(varies, middle - gram @ half @ (half.T @ middle), 0.0) / sd
    if np.abs(stuck).max(initial=0.0) > _UNREACHED:
        raise _outside(
            names[int(np.argmax(np.abs(stuck)))], "collinear covariates whose target is not collinear in the same way"
        )
    return rows


def _newton(rows: _Rows, tolerance: float, names: Sequence[str]) -> tuple[FloatArray, int]:
    dual = np.zeros(rows.half.shape[1])
    now = _moments(rows, dual)
    for iteration in range(_LIMIT):
        if np.abs(now.mean).max(initial=0.0) <= tolerance:
            return dual, iteration
        step = -_solve(now.covariance, now.mean)
        slope, factor = float(now.mean @ step), 1.0
        for _ in range(_HALVINGS):
            then = _moments(rows, dual + factor * step)
            if then.highest < 0:
                raise _outside_hull(rows, dual + factor * step, names)
            # Near the optimum the value no longer resolves the progress; there Newton's step is safe.
            if then.value <= now.value + _ARMIJO * factor * slope + 1e-14 * max(abs(now.value), 1.0):
                break
            factor /= 2
        dual, now = dual + factor * step, then
    raise _outside_hull(rows, dual, names)


def _solve(covariance: FloatArray, mean: FloatArray) -> FloatArray:
    values, vectors = eigh(covariance)
    return np.asarray(vectors @ ((vectors.T @ mean) / np.maximum(values, _RIDGE)))


def _moments(rows: _Rows, dual: FloatArray) -> _Moments:
    """One pass in blocks that stay in the cache; a running maximum keeps the exponentials finite."""
    r = len(dual)
    total, first, second, highest = 0.0, np.zeros(r), np.zeros((r, r)), -np.inf
    for part in rows.blocks():
        z = (rows.x[part] - rows.target) @ rows.half
        line = z @ dual
        top = max(highest, float(line.max()))
        shrink = np.exp(highest - top) if np.isfinite(highest) else 0.0
        weight = rows.base[part] * np.exp(line - top)
        weighted = z * weight[:, None]
        total, highest = total * shrink + weight.sum(), top
        first = first * shrink + weighted.sum(axis=0)
        second = second * shrink + z.T @ weighted
    mean = first / total
    return _Moments(highest + float(np.log(total)), mean, second / total - np.outer(mean, mean), highest)


def _gaps(rows: _Rows, weight: FloatArray) -> FloatArray:
    """Differences from the target in standard deviations under the base weights."""
    middle = rows.base @ rows.x
    first, second = np.zeros(len(middle)), np.zeros(len(middle))
    for part in rows.blocks():
        first += weight[part] @ (rows.x[part] - rows.target)
        second += rows.base[part] @ (rows.x[part] - middle) ** 2
    sd = np.sqrt(second)
    varies = sd > _SAME * np.maximum(np.abs(middle), 1e-300)
    return np.where(varies, first / np.where(varies, sd, 1.0), 0.0)


def _refuse_range(beyond: BoolArray, ranges: tuple[FloatArray, ...], names: Sequence[str]) -> None:
    if beyond.any():
        low, target, high = ranges
        excess = np.maximum(low - target, target - high) / np.where(high > low, high - low, 1.0)
        worst = int(np.argmax(np.where(beyond, excess, -np.inf)))
        raise _outside(names[worst], f"target {target[worst]:.6g}, values from {low[worst]:.6g} to {high[worst]:.6g}")


def _outside_hull(rows: _Rows, dual: FloatArray, names: Sequence[str]) -> EstimationError:
    gaps = _gaps(rows, rows.tilted(dual))
    worst = int(np.argmax(np.abs(gaps)))
    return _outside(
        names[worst], f"the nearest weights leave it {gaps[worst]:+.3g} standard deviations from the target"
    )


def _outside(name: str, where: str) -> EstimationError:
    return EstimationError(
        Problem(
            what="no weights give these units the covariate means of the target",
            where=f"furthest: {name} ({where})",
            expected="a target inside the convex hull of the units to weight",
            remedy="balance fewer covariates or moments, or leave out the units of the target without counterparts",
        )
    )
