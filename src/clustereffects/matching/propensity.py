"""Propensity scores: maximum likelihood of a logit or probit, exact and fast on registers with few treated units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.linalg import eigh
from scipy.special import erfcx, expit

from clustereffects.errors import EstimationError, Problem

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_COLLINEAR = 1e-12
_CONVERGED = 1e-12
_ROUNDING = 1e-7
_QUADRATIC = 1e-2
_SATURATED = 1e-12
_INFORMATIVE = 1e3
_LEAST_WEIGHT = 1e-6
_SEPARATED = 1e-9
_SAFE_STEP = 1.5
_LONGEST_STEP = 10.0
_CHUNK = 1 << 13
_ENOUGH = 40_000
_START_LIMIT = 30
_FAR_OFF = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Propensity:
    """Fitted propensity of being treated.

    Parameters
    ----------
    linear : array (n,)
        Linear predictor: log odds, or the normal quantile of a probit.
    probability : array (n,)
    coefficients : array (p,)
        Those of least norm in standard units if the design is rank deficient.
    iterations : int
        Newton steps on all rows.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Propensity.__slots__
    ('linear', 'probability', 'coefficients', 'iterations')
    """

    linear: FloatArray
    probability: FloatArray
    coefficients: FloatArray
    iterations: int


def logit(x: FloatArray, treated: BoolArray, *, weights: FloatArray | None = None, limit: int = 100) -> Propensity:
    """Propensity scores from an unpenalised logistic regression.

    Parameters
    ----------
    x : array (n, p)
        Design with its intercept(s); may be rank deficient, the fit is unique all the same.
    treated : array (n,) of bool
    weights : array (n,), optional
        Sampling weights.
    limit : int
        Largest number of iterations.

    Returns
    -------
    Propensity

    Raises
    ------
    EstimationError
        If the covariates separate the treated from the controls or the iteration does not converge.

    Notes
    -----
    Newton's method until the next step would change no linear predictor by more than 1e-12 (for rows that are predicted
    almost perfectly, with residual r below 1e-3, by more than 1e-15 / r). It starts from the maximum on all treated
    units and a part of the controls, each counted for those it stands for; on all rows it then takes two or three
    steps. A step that moves a linear predictor by more than 1.5, within which every step of a logit ascends, is halved
    until the likelihood rises; none may move one by more than 10. Rows within 1e-12 of what is observed count for
    nothing: a category without treated units gets probabilities of nearly 0 and changes nothing else.

    References
    ----------
    McCullagh & Nelder (1989), *Generalized Linear Models*, section 2.5.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 1, 2, 3, 4, 5]])
    >>> fit = logit(x, np.array([False, False, True, False, True, True]))
    >>> bool(abs(fit.probability.sum() - 3) < 1e-9)
    True
    """
    return _fit(_Sample(x, treated, weights), _LOGIT, limit)


def probit(x: FloatArray, treated: BoolArray, *, weights: FloatArray | None = None, limit: int = 100) -> Propensity:
    """Propensity scores from an unpenalised probit.

    Parameters
    ----------
    x : array (n, p)
        Design with its intercept(s); may be rank deficient, the fit is unique all the same.
    treated : array (n,) of bool
    weights : array (n,), optional
        Sampling weights.
    limit : int
        Largest number of iterations.

    Returns
    -------
    Propensity

    Raises
    ------
    EstimationError
        If the covariates separate the treated from the controls or the iteration does not converge.

    Notes
    -----
    As for ``logit``, with the observed information of the probit.

    References
    ----------
    McCullagh & Nelder (1989), *Generalized Linear Models*, sections 2.5 and 4.3.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 1, 2, 3, 4, 5]])
    >>> probit(x, np.array([False, False, True, False, True, True])).probability.round(3).tolist()
    [0.029, 0.127, 0.352, 0.648, 0.873, 0.971]
    """
    return _fit(_Sample(x, treated, weights), _PROBIT, limit)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    x: FloatArray
    treated: BoolArray
    weights: FloatArray | None

    def chunks(self) -> Iterator[slice]:
        """Rows in chunks that stay in the cache."""
        return (slice(start, start + _CHUNK) for start in range(0, len(self.x), _CHUNK))


def _logit_terms(linear: FloatArray, treated: BoolArray) -> tuple[FloatArray, FloatArray]:
    """First and negative second derivative of each row's log-likelihood."""
    p = expit(linear)
    return treated - p, p * (1.0 - p)


def _probit_terms(linear: FloatArray, treated: BoolArray) -> tuple[FloatArray, FloatArray]:
    sign = np.where(treated, 1.0, -1.0)
    signed = sign * linear
    mills = np.sqrt(2.0 / np.pi) / erfcx(-signed / np.sqrt(2.0))
    return sign * mills, mills * (mills + signed)


class _Link(NamedTuple):
    terms: Callable[[FloatArray, BoolArray], tuple[FloatArray, FloatArray]]
    quantile: Callable[[float], float]
    probability: Callable[[FloatArray], FloatArray]
    log_probability: Callable[[FloatArray], FloatArray]


_LOGIT = _Link(_logit_terms, special.logit, expit, special.log_expit)
_PROBIT = _Link(_probit_terms, special.ndtri, special.ndtr, special.log_ndtr)


def _fit(sample: _Sample, link: _Link, limit: int) -> Propensity:
    start = _start(sample, link)
    coefficients, iterations = _newton(sample, link, _flat(sample, link) if start is None else start, limit)
    linear = _linear(sample, coefficients)
    return Propensity(linear, link.probability(linear), coefficients, iterations)


def _start(sample: _Sample, link: _Link) -> FloatArray | None:
    """Maximum on all treated units and every k-th control, which stands for k; none if it is not worth while or wild."""
    control = np.flatnonzero(~sample.treated)
    step = len(control) // _ENOUGH
    if step < 2:
        return None
    rows = np.concatenate([np.flatnonzero(sample.treated), control[::step]])
    weights = np.where(sample.treated[rows], 1.0, float(step))
    if sample.weights is not None:
        weights *= sample.weights[rows]
    part = _Sample(sample.x[rows], sample.treated[rows], weights)
    try:
        start = _newton(part, link, _flat(part, link), _START_LIMIT)[0]
    except EstimationError:
        return None
    linear = _linear(sample, start)
    return start if np.where(sample.treated, -linear, linear).max() < _FAR_OFF else None


def _flat(sample: _Sample, link: _Link) -> FloatArray:
    """Coefficients that come closest to the same linear predictor for every row."""
    weights = np.ones(len(sample.x)) if sample.weights is None else sample.weights
    share = (weights[sample.treated].sum() + 0.5) / (weights.sum() + 1.0)
    gram = sum(_crossed(sample.x[rows], weights[rows]) for rows in sample.chunks())
    return float(link.quantile(share)) * _solve(np.asarray(gram), weights @ sample.x)


def _newton(sample: _Sample, link: _Link, coefficients: FloatArray, limit: int) -> tuple[FloatArray, int]:
    linear, last = _linear(sample, coefficients), np.inf
    for iteration in range(1, limit + 1):
        gradient, information, residual = _derivatives(sample, link, linear)
        if residual.max(initial=0.0) <= _SEPARATED:
            raise EstimationError(_separated())
        step = _solve(information, gradient)
        change = _linear(sample, step)
        moved = np.abs(change)
        longest = float(moved[residual > _SATURATED].max())
        moved *= np.minimum(residual * _INFORMATIVE, 1.0)
        felt = float(moved.max())
        length = 1.0 if longest <= _SAFE_STEP else _length(sample, link, linear, change, longest)
        coefficients, linear = coefficients + length * step, linear + length * change
        if _settled(felt, last):
            return coefficients, iteration
        last = felt
    raise EstimationError(
        Problem(
            what="the propensity score did not converge",
            where=f"after {limit} iterations",
            expected="a finite maximum of the likelihood",
            remedy="use fewer covariates, or distance='mahalanobis'",
        )
    )


def _length(sample: _Sample, link: _Link, linear: FloatArray, change: FloatArray, longest: float) -> float:
    """Part of a long step that raises the likelihood, found by halving; a safe step is known to."""
    weights = 1.0 if sample.weights is None else sample.weights
    sign = np.where(sample.treated, 1.0, -1.0)
    before = (weights * link.log_probability(sign * linear)).sum()
    length, safe = min(1.0, _LONGEST_STEP / longest), _SAFE_STEP / longest
    while length > safe and (weights * link.log_probability(sign * (linear + length * change))).sum() < before:
        length /= 2.0
    return max(length, safe)


def _settled(step: float, last: float) -> bool:
    """Whether the next step would change nothing: steps of Newton's method shrink quadratically down to rounding."""
    if step <= _CONVERGED:
        return True
    shrunk = step / last
    if 0.0 < shrunk < _QUADRATIC and step * shrunk**2 <= _CONVERGED / 10:
        return True
    return step <= _ROUNDING and 2 * step > last


def _linear(sample: _Sample, coefficients: FloatArray) -> FloatArray:
    return np.asarray(sample.x @ coefficients)


def _derivatives(sample: _Sample, link: _Link, linear: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradient and information of the log-likelihood, and the size of each row's residual."""
    width = sample.x.shape[1]
    gradient, information, size = np.zeros(width), np.zeros((width, width)), np.empty(len(linear))
    for rows in sample.chunks():
        residual, weight = link.terms(linear[rows], sample.treated[rows])
        np.abs(residual, out=size[rows])
        # A row that is predicted perfectly but wrongly has no curvature and yet must move.
        np.maximum(weight, _LEAST_WEIGHT * (size[rows] > 0.5), out=weight)
        counts = (size[rows] > _SATURATED).astype(np.float64)
        if sample.weights is not None:
            counts *= sample.weights[rows]
        residual *= counts
        weight *= counts
        gradient += residual @ sample.x[rows]
        information += _crossed(sample.x[rows], weight)
    return gradient, information, size


def _crossed(x: FloatArray, weight: FloatArray) -> FloatArray:
    return np.asarray((x * weight[:, None]).T @ x)


def _solve(gram: FloatArray, right: FloatArray) -> FloatArray:
    """Solve normal equations of any rank; scaling first makes the tolerance mean the same for every covariate."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    values, vectors = eigh(gram / np.outer(size, size))
    keep = values > _COLLINEAR * values.max()
    inverse = vectors[:, keep] / values[keep] @ vectors[:, keep].T
    return np.asarray(inverse @ (right / size) / size)


def _separated() -> Problem:
    return Problem(
        what="the covariates separate treated units from controls completely",
        where="propensity score: no finite maximum of the likelihood",
        expected="overlap: treated units and controls with similar values",
        remedy="use fewer covariates, or distance='mahalanobis'",
    )
