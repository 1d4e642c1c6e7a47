"""From evidence items to the arrays of one cell: one claim for one organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import Diagnostic
from clustereffects.triangulation.blocks import Blocks, dependence_blocks, on_rivals
from clustereffects.triangulation.bounds import MeanRanges
from clustereffects.triangulation.cell_diagnostics import diagnostic_arrays, item_reports, searches
from clustereffects.triangulation.cell_estimates import (
    bias_terms,
    linear_evidence,
    mean_ranges,
    own_factor,
    require_distinct,
    size_problems,
)
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.estimates import LinearEvidence
from clustereffects.triangulation.likelihoods import DiagnosticArrays, Reports, log_constants
from clustereffects.triangulation.options import Prior
from clustereffects.triangulation.sorting import CellEvidence
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
    own_factor : array, shape (n,)
        Standard deviation of each estimate's own proportional bias, in the logarithm.
    ranges : MeanRanges
    items : DiagnosticArrays
    reports : Reports
        What the log-likelihoods of the items were computed from.
    blocks : Blocks
        Dependence groups, and which of them each estimate and report belongs to.
    item_names : tuple of (tuple of str, tuple of str)
        Names of the estimates, and of the tests with one row each in ``items``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> from clustereffects.results.evidence import Estimate
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
    own_factor: FloatArray
    ranges: MeanRanges
    items: DiagnosticArrays
    reports: Reports
    blocks: Blocks
    item_names: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def edges(self) -> FloatArray:
        """Limits between harm, negligible effect and benefit."""
        return np.array([-self.claim.delta, self.claim.delta])

    @property
    def ranged(self) -> bool:
        """Whether any input is a range."""
        together = self.items.count.sum(axis=1) > 1
        dependence = bool((together & (self.items.rho_low < self.items.rho_high)).any())
        return dependence or not np.array_equal(self.items.low, self.items.high) or self.ranges.low.shape[0] > 0


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
        If the diagnostics rule out every state, or a number is too large or too small to compute with (limits in
        ``size_problems`` and ``require_distinct``).

    Notes
    -----
    Estimates: variance ``(s² + own bias variance)·(1 + (n − 1)ρ)`` within a dependence group of n items, diagnostics
    among them, plus the variance of each shared bias, also off the diagonal. Bias evidence that was seen adds, once per domain, its mean shift and its
    root-mean-square standard deviation as a bias shared by all estimates of its target stream.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> from clustereffects.results.evidence import BiasTerm
    >>> term = BiasTerm(domain="selection", sd=0.03)
    >>> from clustereffects.results.evidence import Estimate
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.04, bias=(term,))
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> model.estimates.covariance.round(6).tolist()
    [[0.0025]]
    """
    where, terms = f"{claim.id} × {group}", bias_terms(cell)
    if problems := size_problems(cell, terms, claim.delta, where):
        raise EvidenceError(problems)
    value = np.array([one.value for one in cell.estimates], dtype=np.float64)
    additive = [(d, t) for d, t in terms if t.kind == "additive"]
    mean = sum((d * t.mean for d, t in additive), start=np.zeros(value.size))
    diagnostics = [*cell.diagnostics, *searches(cell)]
    blocks = dependence_blocks(cell.estimates, diagnostics, cell.streams)
    reports, first = item_reports(diagnostics, blocks.member[value.size :])
    return CellModel(
        claim=claim,
        group=group,
        streams=cell.streams,
        prior=prior if isinstance(prior, PriorMixture) else _mixture(prior),
        estimates=require_distinct(linear_evidence(cell, terms, value - mean, blocks), where),
        bias_mean=mean,
        value=value,
        std_error=np.array([one.std_error for one in cell.estimates], dtype=np.float64),
        own_factor=own_factor(terms, value.size),
        ranges=mean_ranges(additive, value.size),
        items=diagnostic_arrays(diagnostics, reports, first, blocks, cell.streams),
        reports=_possible(reports, where),
        blocks=blocks,
        item_names=(
            tuple(one.id for one in cell.estimates),
            tuple(diagnostics[i].test or diagnostics[i].id for i in first),
        ),
    )


def _possible(reports: Reports, where: str) -> Reports:
    if reports.impossible().any(axis=0).all():
        raise _contradiction("benefit, harm and a negligible effect", where, "one state")
    return reports


def _contradiction(what: str, where: str, expected: str) -> EvidenceError:
    return EvidenceError(
        Problem(
            what=f"the diagnostics rule out {what}",
            where=where,
            expected=f"at least {expected} in which everything could have been seen",
            remedy="avoid probabilities of exactly 0 and 1, or declare unreliability",
        )
    )


def regained(model: CellModel, power: FloatArray) -> FloatArray | None:
    """With how much more each test counts where streams that share its observations have less power.

    Parameters
    ----------
    model : CellModel
    power : array, shape (scenarios, streams)

    Returns
    -------
    array, shape (scenarios, tests), or None
        None if no diagnostic suggested another one.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    As in the size of a dependence group, those who share an observation count in full within the stream and by power in
    other ones. Exact where every report on a test shares its observation with as many others.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> about = {"claim": "growth", "group": "K01", "observed": True, "p_negligible": 0.3, "p_harm": 0.3}
    >>> first = Diagnostic(id="T1", stream="interviews", p_benefit=0.9, **about)
    >>> late = Diagnostic(id="T2", stream="documents", p_benefit=0.9, suggested_by="T1", **about)
    >>> cell = CellEvidence(diagnostics=(first, late))
    >>> model = cell_model(claim, "K01", cell, Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> regained(model, np.array([[1.0, 1.0], [1.0, 0.0]]))[:, 0].tolist()
    [1.0, 2.0]
    """
    reports, size = model.reports, model.estimates.residual.size
    origin, share = model.blocks.origin[size:], model.blocks.informative[size:]
    if not ((share > 0) & (share < 1)).any():
        return None
    stream = model.items.stream[reports.test]
    together, same = (origin[:, None] == origin) & (share > 0), stream[:, None] == stream
    among = (together & same).sum(axis=1) + power[:, stream] @ (together & ~same).T
    of_test = (reports.test[:, None] == np.arange(reports.tests)).astype(np.float64)
    before, after = share @ of_test, ((share > 0) / np.maximum(among, 1.0)) @ of_test
    return np.where(before > 0, after / np.where(before > 0, before, 1.0), 1.0)


def _mixture(prior: Prior) -> PriorMixture:
    return PriorMixture(
        np.array([1 - prior.wide_weight, prior.wide_weight]), np.array([prior.sceptical_sd, prior.wide_sd])
    )


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
    EvidenceError
        If the diagnostics rule out the rival and the claim.

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
    signs, streams = on_rivals(items), tuple(dict.fromkeys(one.stream for one in items))
    blocks = dependence_blocks([], signs, streams)
    reports, first = item_reports(signs, blocks.member)
    if reports.impossible().any(axis=0).all():
        raise _contradiction("the rival and the claim", items[0].target, "one of them")
    arrays = diagnostic_arrays(signs, reports, first, blocks, streams)
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
