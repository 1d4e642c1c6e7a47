"""Estimates with additive and proportional bias, as the log-likelihood of the effect they estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from clustereffects.errors import EvidenceError, Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Relative accuracy of masses under a posterior that is reported, and accuracy of probabilities that are only compared.
FINE, SCENARIOS = 4e-13, 1e-6
#: How many standard deviations further than the prior alone one lognormal factor, or two in one block, may be pulled.
_PULL = (10.0, 2.5)
#: Ratio of the steps that scenarios may have: finer ones are for estimates that lie further from zero.
_STEP_RATIO = 1.3
#: Every how many nodes their weights are looked at, and how much lower a peak may lie there, in logarithms.
_STRIDE, _MARGIN = 4, 3.0
_FACTOR_LIMIT = (30_001, 300_001)
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LinearEvidence:
    """Estimates of one effect: jointly normal around ``factor × effect + bias``.

    Parameters
    ----------
    residual : array, shape (n,)
        Estimates less the means of their additive biases.
    covariance : array, shape (n, n)
        Sampling variance and own bias variance, inflated for dependence, and shared bias variance, also off the
        diagonal.
    own : array, shape (n,)
        Sampling variance and own bias variance before they are inflated.
    stream, block : array of int, shape (n,)
        Which stream and which dependence group each estimate belongs to.
    log_factor : array, shape (n,)
        Logarithm of the mean of the proportional bias, 0 for none.
    loading : array, shape (n, factors)
        Standard deviation of each lognormal factor in each estimate's logarithm.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import numpy as np
    >>> two = LinearEvidence(residual=np.array([0.06, 0.12]), covariance=np.diag([0.025, 0.02]) ** 2,
    ...                      own=np.array([0.025, 0.02]) ** 2, stream=np.array([0, 1]), block=np.array([0, 1]),
    ...                      log_factor=np.zeros(2), loading=np.zeros((2, 0)))
    >>> two.residual.size
    2
    """

    residual: FloatArray
    covariance: FloatArray
    own: FloatArray
    stream: IntArray
    block: IntArray
    log_factor: FloatArray
    loading: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class LogQuadratic:
    """Log-likelihood of θ in each scenario, as the exponent of a normal density plus mixtures of such exponents.

    Parameters
    ----------
    precision, linear : array, shape (scenarios,)
        The exponent is ``−precision·(θ − linear/precision)²/2``.
    mixtures : tuple of (log_weight, precision, linear)
        Exponents ``linear·θ − precision·θ²/2``.
        One for each block of estimates with a proportional bias; arrays of shape (nodes,), (scenarios, nodes) twice.
    accuracy : float
        Relative accuracy of these mixtures.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import numpy as np
    >>> LogQuadratic(np.array([1600.0]), np.array([96.0]), ()).peak.tolist()
    [0.06]
    """

    precision: FloatArray
    linear: FloatArray
    mixtures: tuple[tuple[FloatArray, FloatArray, FloatArray], ...]
    accuracy: float = FINE

    @property
    def peak(self) -> FloatArray:
        """Where the part that is no mixture is largest, zero if there is none."""
        some = self.precision > 0
        return np.asarray(np.where(some, self.linear, 0.0) / np.where(some, self.precision, 1.0))

    def rows(self, chosen: slice) -> LogQuadratic:
        """Terms of some scenarios."""
        mixtures = tuple((weight, square[chosen], cross[chosen]) for weight, square, cross in self.mixtures)
        return LogQuadratic(self.precision[chosen], self.linear[chosen], mixtures, self.accuracy)

    def nodes(self, chosen: Sequence[IntArray]) -> LogQuadratic:
        """Terms with some nodes of each mixture."""
        pairs = zip(self.mixtures, chosen, strict=True)
        mixtures = tuple((weight[k], square[:, k], cross[:, k]) for (weight, square, cross), k in pairs)
        return LogQuadratic(self.precision, self.linear, mixtures, self.accuracy)

    @property
    def samples(self) -> tuple[IntArray, ...]:
        """Every fourth node of each mixture."""
        return tuple(np.arange(0, log_weight.size, _STRIDE) for log_weight, _, _ in self.mixtures)

    def heaviest(self, relative: FloatArray) -> LogQuadratic:
        """Terms with the nodes that have a weight of their own, or near samples with one in ``relative``, an axis a mixture.

        At the finest accuracy that is down to its square: a cell that has no more mass than it is itself as accurate.
        """
        depth = -math.log(self.accuracy) * (2 if self.accuracy <= FINE else 1)
        near, chosen = np.arange(1 - _STRIDE, _STRIDE)[:, None], []
        for axis, ((weight, _, _), sample) in enumerate(zip(self.mixtures, self.samples, strict=True)):
            others = tuple(k for k in range(relative.ndim) if k != axis)
            keep = weight > weight.max() - depth
            pulled = sample[relative.max(axis=others) > -depth - _MARGIN] + near
            keep[np.clip(pulled, 0, keep.size - 1)] = True
            chosen.append(np.flatnonzero(keep))
        return self.nodes(chosen)

    @property
    def components(self) -> int:
        """How many normal densities the likelihood is a mixture of."""
        return math.prod(log_weight.size for log_weight, _, _ in self.mixtures)


def stream_precision(
    covariance: FloatArray, stream: IntArray, power: FloatArray, kept: FloatArray | None = None
) -> FloatArray:
    """Precision matrix of the estimates when each stream's likelihood is raised to a power.

    Parameters
    ----------
    covariance : array, shape (n, n) or (scenarios, n, n)
    stream : array of int, shape (n,)
    power : array, shape (scenarios, streams)
        From 0 (the stream is left out) to 1 (as it is).
    kept : array, shape (scenarios, n), optional
        0 for an estimate that is left out, 1 for the others.

    Returns
    -------
    array, shape (scenarios, n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance matrix is singular.

    Notes
    -----
    The covariance within a stream is divided by its power, the covariance between streams is kept:
    ``C + blockdiag((1/α_s − 1) C_ss)``. At α = 1 nothing changes, at α = 0 the stream is integrated out exactly, and
    for a stream that shares no bias with another one its likelihood is raised to α.

    Examples
    --------
    >>> import numpy as np
    >>> stream_precision(np.diag([4.0, 1.0]), np.array([0, 1]), np.array([[0.5, 0.0]])).round(3).tolist()
    [[[0.125, 0.0], [0.0, 0.0]]]
    """
    root = np.sqrt(power[:, stream])
    within = stream[:, None] == stream[None, :]
    if kept is not None:
        root = root * kept
        within = within & (kept[:, :, None] * kept[:, None, :] > 0) | np.eye(stream.size, dtype=bool)
    outer = root[:, :, None] * root[:, None, :]
    return np.asarray(np.linalg.inv(np.where(within, covariance, covariance * outer)) * outer)


def likelihood_terms(
    evidence: LinearEvidence,
    residual: FloatArray,
    power: FloatArray,
    precision: FloatArray | None = None,
    accuracy: float = FINE,
) -> LogQuadratic:
    """Reduce estimates to log-quadratic terms in θ for each scenario.

    Parameters
    ----------
    evidence : LinearEvidence
    residual : array, shape (scenarios, n)
        Estimates less bias means, by scenario.
    power : array, shape (scenarios, streams)
    precision : array, shape (scenarios, n, n), optional
        Precision matrix of the estimates if it is not the one of their covariance and the powers.
    accuracy : float
        Relative accuracy with which proportional biases are integrated.

    Returns
    -------
    LogQuadratic

    Raises
    ------
    EvidenceError
        If more than two proportional biases meet in one block of dependent estimates, or one of them is too wide.

    Notes
    -----
    Estimates that share a bias form a block. A block with proportional bias is a mixture over the lognormal factors,
    by the trapezoidal rule in their normal scores. For an integrand as wide as a normal density with standard deviation
    w, steps of h leave an error of exp(−2π²w²/h²) (Trefethen & Weideman 2014, *SIAM Review* 56(3)): h is set so that this
    is the accuracy asked for, at the width of the sharpest likelihood that matters. All scenarios share the steps of the
    one that needs the finest; see ``step_levels``.

    Examples
    --------
    >>> import numpy as np
    >>> one = LinearEvidence(residual=np.array([0.06]), covariance=np.array([[0.025**2]]), own=np.array([0.025**2]),
    ...                      stream=np.array([0]), block=np.array([0]), log_factor=np.zeros(1), loading=np.zeros((1, 0)))
    >>> likelihood_terms(one, one.residual[None, :], np.ones((1, 1))).precision.round(6).tolist()
    [1600.0]
    """
    matrix = stream_precision(evidence.covariance, evidence.stream, power) if precision is None else precision
    if not evidence.loading.size:
        return _exponents(np.exp(evidence.log_factor), matrix, residual)
    plain, mixtures = LogQuadratic(np.zeros(residual.shape[0]), np.zeros(residual.shape[0]), ()), []
    for block, factors in _blocks(evidence):
        part, rest = matrix[:, block][:, :, block], residual[:, block]
        if factors.size:
            loading = evidence.loading[np.ix_(block, factors)]
            nodes = _factor_nodes(loading, _levels(loading, part, rest, accuracy).max(axis=0, initial=0), accuracy)
            mixtures.append(_mixture(nodes, evidence.log_factor[block], part, rest))
        else:
            more = _exponents(np.exp(evidence.log_factor[block]), part, rest)
            plain = LogQuadratic(plain.precision + more.precision, plain.linear + more.linear, ())
    return LogQuadratic(plain.precision, plain.linear, tuple(mixtures), accuracy)


def step_levels(evidence: LinearEvidence, residual: FloatArray, precision: FloatArray, accuracy: float) -> IntArray:
    """How fine the steps of each scenario must be, as one number for each lognormal factor.

    Parameters
    ----------
    evidence : LinearEvidence
    residual : array, shape (scenarios, n)
    precision : array, shape (scenarios, n, n)
    accuracy : float

    Returns
    -------
    array of int, shape (scenarios, factors)
        Scenarios of the same level have the same steps in ``likelihood_terms``, whoever else is in the call.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> one = LinearEvidence(residual=np.array([0.06]), covariance=np.array([[0.025**2]]), own=np.array([0.025**2]),
    ...                      stream=np.array([0]), block=np.array([0]), log_factor=np.zeros(1),
    ...                      loading=np.array([[0.3]]))
    >>> step_levels(one, np.array([[0.06], [1.5]]), np.full((2, 1, 1), 1600.0), 1e-8).tolist()
    [[4], [12]]
    """
    columns = [
        _levels(
            evidence.loading[np.ix_(block, factors)], precision[:, block][:, :, block], residual[:, block], accuracy
        )
        for block, factors in _blocks(evidence)
        if factors.size
    ]
    return np.concatenate(columns, axis=1) if columns else np.zeros((residual.shape[0], 0), dtype=np.intp)


def _exponents(factor: FloatArray, precision: FloatArray, residual: FloatArray) -> LogQuadratic:
    weight = factor @ precision
    return LogQuadratic(weight @ factor, (weight * residual).sum(axis=1), ())


def log_likelihood(terms: LogQuadratic, index: IntArray, theta: FloatArray) -> FloatArray:
    """Log-likelihood of θ under the estimates, up to a constant of the scenario: 0 at its peak without mixtures.

    Parameters
    ----------
    terms : LogQuadratic
    index : array of int, shape (m,)
        Scenario of each row of theta.
    theta : array, shape (m, points)

    Returns
    -------
    array, shape (m, points)

    Raises
    ------
    IndexError
        If an index is not a scenario of the terms.

    Examples
    --------
    >>> import numpy as np
    >>> terms = LogQuadratic(np.array([1600.0]), np.array([96.0]), ())
    >>> log_likelihood(terms, np.array([0]), np.array([[0.06]])).round(4).tolist()
    [[-0.0]]
    """
    value = -0.5 * terms.precision[index][:, None] * (theta - terms.peak[index][:, None]) ** 2
    for log_weight, square, cross in terms.mixtures:
        rows = max(1, _CHUNK // (log_weight.size * theta.shape[1]))
        for start in range(0, theta.shape[0], rows):
            part = slice(start, start + rows)
            x, s = theta[part][:, :, None], index[part]
            exponent = log_weight + cross[s][:, None, :] * x - 0.5 * square[s][:, None, :] * x**2
            value[part] += logsumexp(exponent, axis=2)
    return value


@lru_cache(maxsize=4)
def _blocks(evidence: LinearEvidence) -> list[tuple[IntArray, IntArray]]:
    """Estimates that share a bias, and the lognormal factors they have."""
    linked = (evidence.covariance != 0) | ((evidence.loading != 0) @ (evidence.loading != 0).T)
    label = np.arange(linked.shape[0])
    for _ in label:
        label = np.where(linked, label[None, :], label.size).min(axis=1) if label.size else label
    members = [np.flatnonzero(label == one) for one in np.unique(label)]
    return [(block, np.flatnonzero(evidence.loading[block].any(axis=0))) for block in members]


def _levels(loading: FloatArray, precision: FloatArray, residual: FloatArray, accuracy: float) -> IntArray:
    """Logarithm of how much narrower than a standard normal density the integrand is, rounded up."""
    distance = np.sqrt(((residual[:, None, :] @ precision)[:, 0] * residual).sum(axis=1))
    slope = np.sqrt((loading**2).sum(axis=0))
    far = distance[:, None] + math.sqrt(-2 * math.log(accuracy))
    return np.asarray(np.ceil(0.5 * np.log1p((slope * far) ** 2) / math.log(_STEP_RATIO)), dtype=np.intp)


def _factor_nodes(loading: FloatArray, level: IntArray, accuracy: float) -> tuple[FloatArray, FloatArray]:
    digits, factors = -math.log(accuracy), loading.shape[1]
    prior_reach, step = math.sqrt(2 * digits), math.pi * math.sqrt(2 / digits) * _STEP_RATIO ** -level.astype(float)
    if factors > len(_PULL) or np.prod(2 * np.ceil(prior_reach / step) + 1) > _FACTOR_LIMIT[factors - 1]:
        raise EvidenceError(
            Problem(
                what="proportional biases cannot be integrated",
                where=f"{factors} factors in one block of estimates that share a bias",
                expected="at most two, of moderate width",
                remedy="let the estimates share one proportional bias, or state part of it as additive",
            )
        )
    reach = prior_reach + _PULL[factors - 1]
    half = np.ceil(reach / step).astype(int)
    axes = [size * np.arange(-n, n + 1) for n, size in zip(half, step, strict=True)]
    score = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    log_weight = -0.5 * (score**2).sum(axis=0)
    keep = log_weight > -0.5 * reach**2
    log_beta = loading @ score[:, keep] - 0.5 * (loading**2).sum(axis=1, keepdims=True)
    return log_weight[keep] - math.log(np.exp(log_weight[keep]).sum()), log_beta


def _mixture(
    nodes: tuple[FloatArray, FloatArray], log_factor: FloatArray, precision: FloatArray, residual: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    log_weight, log_beta = nodes
    beta = np.exp(log_beta + log_factor[:, None])
    pairs = (beta[:, None, :] * beta[None, :, :]).reshape(-1, log_weight.size)
    cross = (residual[:, None, :] @ precision)[:, 0] @ beta
    return log_weight, precision.reshape(precision.shape[0], -1) @ pairs, cross
