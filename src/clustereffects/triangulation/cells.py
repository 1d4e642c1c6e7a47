"""From evidence items to the arrays of one cell: one claim for one organisation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import BiasEvidence, BiasTerm, Chance, Diagnostic, Estimate
from clustereffects.triangulation.bounds import MeanRanges
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.estimates import LinearEvidence
from clustereffects.triangulation.likelihoods import (
    IMPOSSIBLE,
    DiagnosticArrays,
    Reports,
    log_constants,
    log_likelihoods,
)
from clustereffects.triangulation.options import Prior
from clustereffects.triangulation.sorting import CellEvidence, shared_terms
from clustereffects.triangulation.theory import Claim

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellModel:
    """Arrays of one cell, ready for the engine.

    Parameters
    ----------
    claim : Claim
    group : str
    streams : tuple of str
    prior : PriorMixture
    estimates : LinearEvidence
    bias_mean, value, std_error : array, shape (n,)
        Additive bias mean, raw value and standard error of each estimate.
    ranges : MeanRanges
    items : DiagnosticArrays

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> cell_model(claim, "K01", CellEvidence(estimates=(item,)), prior).streams
    ('economic',)
    """

    claim: Claim
    group: str
    streams: tuple[str, ...]
    prior: PriorMixture
    estimates: LinearEvidence
    bias_mean: FloatArray
    value: FloatArray
    std_error: FloatArray
    ranges: MeanRanges
    items: DiagnosticArrays

    @property
    def edges(self) -> FloatArray:
        """Limits between harm, negligible effect and benefit."""
        return np.array([-self.claim.delta, self.claim.delta])

    @property
    def ranged(self) -> bool:
        """Whether any input is a range."""
        exact = np.array_equal(self.items.low, self.items.high)
        return not exact or bool((self.items.rho_low < self.items.rho_high).any()) or self.ranges.low.shape[0] > 0


def cell_model(claim: Claim, group: str, cell: CellEvidence, prior: Prior | PriorMixture) -> CellModel:
    """Arrays of one cell.

    Parameters
    ----------
    claim : Claim
    group : str
    cell : CellEvidence
    prior : Prior or PriorMixture
        In units of the claim's scale.

    Returns
    -------
    CellModel

    Raises
    ------
    EvidenceError
        If the diagnostics rule out every state.

    Notes
    -----
    Estimates: variance ``(s² + own bias variance)·(1 + (n − 1)ρ)`` within a dependence group of n, plus the variance of
    each shared bias, also off the diagonal. Bias evidence that was seen adds, once per domain, its mean shift and its
    root-mean-square standard deviation as a bias shared by all estimates of its target stream.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> term = BiasTerm(domain="selection", sd=0.03)
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.04, bias=(term,))
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> model.estimates.covariance.round(6).tolist()
    [[0.0025]]
    """
    terms = _bias_terms(cell)
    value = np.array([one.value for one in cell.estimates], dtype=np.float64)
    additive = [(d, t) for d, t in terms if t.kind == "additive"]
    mean = sum((d * t.mean for d, t in additive), start=np.zeros(value.size))
    items = _diagnostic_arrays([*cell.diagnostics, *_found_nothing(cell)], cell.streams)
    if log_constants(items, np.ones((1, len(cell.streams)))).max() < IMPOSSIBLE / 2:
        where = f"{claim.id} × {group}"
        raise EvidenceError(
            Problem(
                what="the diagnostics rule out benefit, harm and a negligible effect",
                where=where,
                expected="at least one state in which everything could have been seen",
                remedy="avoid probabilities of exactly 0 and 1, or declare unreliability",
            )
        )
    return CellModel(
        claim=claim,
        group=group,
        streams=cell.streams,
        prior=prior if isinstance(prior, PriorMixture) else _mixture(prior),
        estimates=_linear_evidence(cell, terms, value - mean),
        bias_mean=mean,
        value=value,
        std_error=np.array([one.std_error for one in cell.estimates], dtype=np.float64),
        ranges=_mean_ranges(additive, value.size),
        items=items,
    )


def _mixture(prior: Prior) -> PriorMixture:
    return PriorMixture(
        np.array([1 - prior.wide_weight, prior.wide_weight]), np.array([prior.sceptical_sd, prior.wide_sd])
    )


def _bias_terms(cell: CellEvidence) -> list[tuple[FloatArray, BiasTerm]]:
    """Every bias once, with an indicator of the estimates that have it."""
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
        sd = float(np.sqrt(np.mean([one.sd**2 for one in found])))
        if indicator.any():
            terms.append((indicator, BiasTerm(domain=domain, mean=shift, sd=sd, shared=f"evidence:{stream}:{domain}")))
    return terms


def _linear_evidence(
    cell: CellEvidence, terms: Sequence[tuple[FloatArray, BiasTerm]], residual: FloatArray
) -> LinearEvidence:
    size = residual.size
    own = np.array([one.std_error**2 for one in cell.estimates], dtype=np.float64)
    shared, log_factor = np.zeros((size, size)), np.zeros(size)
    own_factor, columns = np.zeros(size), []
    for indicator, term in terms:
        if term.kind == "proportional":
            log_factor += indicator * term.mean
            if term.shared:
                columns.append(indicator * term.sd)
            else:
                own_factor += indicator * term.sd**2
        elif term.shared:
            shared += term.sd**2 * np.outer(indicator, indicator)
        else:
            own += term.sd**2 * indicator
    return LinearEvidence(
        residual=residual,
        covariance=np.diag(own * _inflation(cell.estimates)) + shared,
        stream=np.array([cell.streams.index(one.stream) for one in cell.estimates], dtype=np.intp),
        log_factor=log_factor,
        loading=_loading(own_factor, columns),
    )


def _loading(own_variance: FloatArray, shared: Sequence[FloatArray]) -> FloatArray:
    """One lognormal factor for all of an estimate's own proportional biases, and one for each shared one."""
    columns = np.column_stack([np.diag(np.sqrt(own_variance)), *shared])
    return np.asarray(columns[:, columns.any(axis=0)])


def _inflation(estimates: Sequence[Estimate]) -> FloatArray:
    size = Counter(one.dependence for one in estimates if one.dependence)
    return np.array([1 + (size.get(one.dependence, 1) - 1) * one.rho for one in estimates], dtype=np.float64)


def _mean_ranges(additive: Sequence[tuple[FloatArray, BiasTerm]], size: int) -> MeanRanges:
    ranged = [(d, t.mean, t.mean_range) for d, t in additive if t.mean_range and t.mean_range[0] < t.mean_range[1]]
    low = [d * (mean - ends[0]) for d, mean, ends in ranged]
    high = [d * (mean - ends[1]) for d, mean, ends in ranged]
    shape = (len(ranged), size)
    return MeanRanges(np.reshape(low, shape), np.reshape(high, shape))


def _found_nothing(cell: CellEvidence) -> list[Diagnostic]:
    """Searches without a find, as diagnostics that were not seen; without an effect there is nothing to find."""
    return [
        Diagnostic(
            id=f"silence:{i}",
            claim=one.claim,
            group=one.group,
            stream=one.stream,
            observed=False,
            p_benefit=one.p_detect,
            p_negligible=0.0,
            p_harm=0.0,
        )
        for i, one in enumerate(cell.searched)
    ]


def rival_support(items: Sequence[Diagnostic]) -> tuple[float, float, float]:
    """Likelihood ratio of a rival explanation against the claim, with its lower and upper bound.

    Parameters
    ----------
    items : sequence of Diagnostic
        All with the same rival as target.

    Returns
    -------
    tuple of float
        Ratio, lower and upper bound over the declared ranges.

    Raises
    ------
    ValueError
        If a probability is not a number.

    Notes
    -----
    ``p_negligible`` is read as the chance of the sign if the rival accounts for what is observed (the organisation
    then makes no difference), ``p_benefit`` as the chance if the organisation does. The rival's own likelihood never
    enters that of the effect.

    Examples
    --------
    >>> item = Diagnostic(id="R1", claim="growth", group="K01", stream="interviews", observed=True, p_benefit=0.25,
    ...                   p_negligible=0.5, p_harm=0.4, target="rival:export_boom")
    >>> rival_support([item])
    (2.0, 2.0, 2.0)
    """
    streams = tuple(dict.fromkeys(one.stream for one in items))
    arrays = _diagnostic_arrays(list(items), streams)
    constants = log_constants(arrays, np.ones((1, len(streams))))[0]
    excess = np.maximum(arrays.count.sum(axis=1) - 1, 0)
    ends = 1 / (1 + excess * arrays.rho_high), 1 / (1 + excess * arrays.rho_low)
    against, favour = np.zeros(excess.size), np.zeros(excess.size)
    np.add.at(against, arrays.block, arrays.low[:, 1] - arrays.high[:, 2])
    np.add.at(favour, arrays.block, arrays.high[:, 1] - arrays.low[:, 2])
    lower = np.minimum(ends[0] * against, ends[1] * against).sum()
    upper = np.maximum(ends[0] * favour, ends[1] * favour).sum()
    ratio, low, high = np.exp(np.clip([constants[1] - constants[2], lower, upper], -700, 700)).tolist()
    return ratio, low, high


def _diagnostic_arrays(items: Sequence[Diagnostic], streams: Sequence[str]) -> DiagnosticArrays:
    chance = np.array([[_ends(p) for p in (x.p_harm, x.p_negligible, x.p_benefit)] for x in items]).reshape(-1, 3, 2)
    informative = np.array([np.ptp(chance[i]) > 0 and x.unreliability < 1 for i, x in enumerate(items)], dtype=bool)
    names: dict[str, int] = {}
    block = np.array(
        [names.setdefault(x.dependence or f"\0{i}", len(names)) for i, x in enumerate(items)], dtype=np.intp
    )
    stream = np.array([streams.index(x.stream) for x in items], dtype=np.intp)
    count = np.zeros((len(names), len(streams)))
    np.add.at(count, (block, stream), informative)
    rho = np.zeros((len(names), 2))
    rho[block] = np.array([_ends(x.rho) for x in items]).reshape(-1, 2)
    test, first = _tests(items, block)
    low, middle, high = log_likelihoods(_reports(items, chance, test))
    return DiagnosticArrays(
        low=low,
        middle=middle,
        high=high,
        stream=stream[first],
        block=block[first],
        rho_low=rho[:, 0],
        rho=rho.mean(axis=1),
        rho_high=rho[:, 1],
        count=count,
    )


def _tests(items: Sequence[Diagnostic], block: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Test of each item, and the first item of each test; items without a test stand alone."""
    names: dict[tuple[object, ...], int] = {}
    test, first = [], []
    for i, x in enumerate(items):
        same = (x.test, x.stream, block[i], x.p_benefit, x.p_negligible, x.p_harm) if x.test else (i,)
        if same not in names:
            first.append(i)
        test.append(names.setdefault(same, len(names)))
    return np.array(test, dtype=np.intp), np.array(first, dtype=np.intp)


def _reports(items: Sequence[Diagnostic], chance: FloatArray, test: NDArray[np.intp]) -> Reports:
    def column(name: str) -> NDArray[Any]:
        return np.array([getattr(item, name) for item in items])

    return Reports(
        chance=chance,
        observed=column("observed").astype(bool),
        unreliability=column("unreliability").astype(np.float64),
        noise=column("noise").astype(np.float64),
        test=test,
    )


def _ends(chance: Chance) -> tuple[float, float]:
    return chance if isinstance(chance, tuple) else (chance, chance)
