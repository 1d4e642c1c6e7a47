"""From the estimates of a cell and what is known of their biases to the arrays of the engine."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import BiasEvidence, BiasTerm
from clustereffects.triangulation.blocks import Blocks
from clustereffects.triangulation.bounds import MeanRanges
from clustereffects.triangulation.estimates import LinearEvidence
from clustereffects.triangulation.sorting import CellEvidence, shared_terms

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BiasTerms = Sequence[tuple[FloatArray, BiasTerm]]

#: Sizes with which the engine still computes, in multiples of the smallest effect of interest and in logarithms.
_SMALLEST, _LARGEST, _LARGEST_LOG = 1e-8, 1e10, 100.0
_LEAST_EIGENVALUE = 1e-10


def bias_terms(cell: CellEvidence) -> list[tuple[FloatArray, BiasTerm]]:
    """Every bias of a cell once, with an indicator of the estimates that have it.

    Parameters
    ----------
    cell : CellEvidence

    Returns
    -------
    list of (array of shape (n,), BiasTerm)
        Bias evidence that was seen is a bias shared by all estimates of its target stream: once per domain, with the
        mean shift and the root-mean-square standard deviation.

    Raises
    ------
    TypeError
        If a number is missing.

    Examples
    --------
    >>> bias_terms(CellEvidence())
    []
    """
    size = len(cell.estimates)
    terms = [(np.eye(size)[i], t) for i, one in enumerate(cell.estimates) for t in one.bias if not t.shared]
    for members in shared_terms(cell.estimates).values():
        indicator = np.zeros(size)
        indicator[[i for i, _ in members]] = 1.0
        terms.append((indicator, members[0][1]))
    seen: dict[tuple[str, str], list[BiasEvidence]] = defaultdict(list)
    for one in cell.bias:
        if one.observed:
            seen[one.target_stream, one.domain].append(one)
    for (stream, domain), found in sorted(seen.items()):
        indicator = np.array([float(one.stream == stream) for one in cell.estimates])
        shift = float(np.mean([one.shift for one in found]))
        sd = math.hypot(*(one.sd for one in found)) / math.sqrt(len(found))
        if indicator.any():
            terms.append((indicator, BiasTerm(domain=domain, mean=shift, sd=sd, shared=f"evidence:{stream}:{domain}")))
    return terms


def size_problems(cell: CellEvidence, terms: BiasTerms, delta: float, where: str) -> list[Problem]:
    """Numbers of a cell with which nothing can be computed.

    Parameters
    ----------
    cell : CellEvidence
    terms : sequence of (array, BiasTerm)
        From ``bias_terms``.
    delta : float
        Smallest effect of interest.
    where : str

    Returns
    -------
    list of Problem
        On a δ that is not above zero; values, bias means and standard deviations beyond 10¹⁰ δ; standard errors outside
        10⁻⁸ δ to 10¹⁰ δ; proportional biases beyond 100 in the logarithm.

    Raises
    ------
    TypeError
        If a number is missing.

    Examples
    --------
    >>> size_problems(CellEvidence(), [], float("nan"), "growth × K01")[0].what
    'the smallest effect of interest is nan'
    """
    if not (math.isfinite(delta) and delta > 0):
        return [_size_problem(f"the smallest effect of interest is {delta}", where, "a finite number above 0")]
    least, most = _SMALLEST * delta, _LARGEST * delta
    found = [
        _size_problem(f"the {name} of estimate {one.id!r} is {size}", where, f"a number up to {most:g} in size")
        for one in cell.estimates
        for name, size in (("value", one.value), ("standard error", one.std_error))
        if not abs(size) <= most
    ]
    found += [
        _size_problem(f"the standard error of estimate {one.id!r} is {one.std_error}", where, f"at least {least:g}")
        for one in cell.estimates
        if one.std_error < least
    ]
    for _, term in terms:
        limit = most if term.kind == "additive" else _LARGEST_LOG
        if not max(abs(term.mean), term.sd, *map(abs, term.mean_range or ())) <= limit:
            what = f"the {term.kind} bias {term.domain!r} has mean {term.mean} and sd {term.sd}"
            found.append(_size_problem(what, where, f"numbers up to {limit:g} in size"))
    return found


def _size_problem(what: str, where: str, expected: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy="check the unit of the item and of the claim")


def require_distinct(evidence: LinearEvidence, where: str) -> LinearEvidence:
    """Refuse estimates whose own errors are lost beside the bias that they share.

    Parameters
    ----------
    evidence : LinearEvidence
    where : str

    Returns
    -------
    LinearEvidence

    Raises
    ------
    EvidenceError
        If the smallest eigenvalue of the correlation matrix of their errors is below 10⁻¹⁰.

    Examples
    --------
    >>> from clustereffects.triangulation.blocks import dependence_blocks
    >>> empty = linear_evidence(CellEvidence(), [], np.zeros(0), dependence_blocks([], [], ()))
    >>> require_distinct(empty, "growth × K01") is empty
    True
    """
    error = np.sqrt(np.diag(evidence.covariance))
    correlation = evidence.covariance / np.outer(error, error)
    if error.size > 1 and float(np.linalg.eigvalsh(correlation)[0]) < _LEAST_EIGENVALUE:
        what = "the own errors of estimates are lost beside the bias that they share"
        raise EvidenceError(_size_problem(what, where, "own errors of at least a hundred-thousandth of a shared bias"))
    return evidence


def linear_evidence(cell: CellEvidence, terms: BiasTerms, residual: FloatArray, blocks: Blocks) -> LinearEvidence:
    """Estimates of a cell as arrays.

    Parameters
    ----------
    cell : CellEvidence
    terms : sequence of (array, BiasTerm)
        From ``bias_terms``.
    residual : array, shape (n,)
        Estimates less the means of their additive biases.
    blocks : Blocks
        Dependence groups of the cell.

    Returns
    -------
    LinearEvidence

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Own proportional biases of a dependence group are one factor, whatever its ρ above 0: exact for ρ = 1, so that an
    estimate handed in twice says what it says once, and more cautious than declared between 0 and 1, where a common part
    and a part of each estimate could not be integrated.

    Examples
    --------
    >>> from clustereffects.triangulation.blocks import dependence_blocks
    >>> linear_evidence(CellEvidence(), [], np.zeros(0), dependence_blocks([], [], ())).covariance.shape
    (0, 0)
    """
    size = residual.size
    own = np.array([one.std_error**2 for one in cell.estimates], dtype=np.float64)
    shared, log_factor = np.zeros((size, size)), np.zeros(size)
    columns = []
    for indicator, term in terms:
        if term.kind == "proportional":
            log_factor += indicator * term.mean
            columns += [indicator * term.sd] if term.shared else []
        elif term.shared:
            shared += term.sd**2 * np.outer(indicator, indicator)
        else:
            own += term.sd**2 * indicator
    stream = np.array([cell.streams.index(one.stream) for one in cell.estimates], dtype=np.intp)
    block = blocks.member[:size]
    return LinearEvidence(
        residual=residual,
        covariance=np.diag(own * (1 + (blocks.count[block].sum(axis=1) - 1) * blocks.rho[block])) + shared,
        own=own,
        stream=stream,
        block=block,
        log_factor=log_factor,
        loading=_loading(own_factor(terms, size), columns, np.where(blocks.rho[block] > 0, block, -1)),
    )


def own_factor(terms: BiasTerms, size: int) -> FloatArray:
    """Standard deviation of the factor that all of an estimate's own proportional biases make, in the logarithm.

    Parameters
    ----------
    terms : sequence of (array, BiasTerm)
        From ``bias_terms``.
    size : int
        Number of estimates.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> term = BiasTerm(domain="recall", sd=0.3, kind="proportional")
    >>> own_factor([(np.array([1.0, 0.0]), term)], 2).tolist()
    [0.3, 0.0]
    """
    own = [who * term.sd**2 for who, term in terms if term.kind == "proportional" and not term.shared]
    return np.sqrt(sum(own, start=np.zeros(size)))


def _loading(own: FloatArray, shared: Sequence[FloatArray], together: IntArray) -> FloatArray:
    """One lognormal factor for each estimate (or group, where not −1) with own biases, and one for each shared bias."""
    label = np.where(together < 0, together.max(initial=0) + 1 + np.arange(own.size), together)
    groups = (label[:, None] == np.unique(label)) * own[:, None]
    columns = np.column_stack([groups, *shared])
    return np.asarray(columns[:, columns.any(axis=0)])


def mean_ranges(additive: BiasTerms, size: int) -> MeanRanges:
    """Ranges of bias means as what either end adds to the residuals.

    Parameters
    ----------
    additive : sequence of (array, BiasTerm)
    size : int
        Number of estimates.

    Returns
    -------
    MeanRanges

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> term = BiasTerm(domain="selection", mean=0.01, mean_range=(0.0, 0.03))
    >>> mean_ranges([(np.ones(1), term)], 1).low.round(6).tolist()
    [[0.01]]
    """
    ranged = [(d, t.mean, t.mean_range) for d, t in additive if t.mean_range and t.mean_range[0] < t.mean_range[1]]
    low = [d * (mean - ends[0]) for d, mean, ends in ranged]
    high = [d * (mean - ends[1]) for d, mean, ends in ranged]
    shape = (len(ranged), size)
    return MeanRanges(np.reshape(low, shape), np.reshape(high, shape))
