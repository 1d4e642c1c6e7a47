"""What was found on one claim for one organisation: posterior, bounds, verdict, and what the verdict hangs on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cells import CellModel, cell_model
from clustereffects.triangulation.engine import PriorMixture, StatePosterior
from clustereffects.triangulation.multiverse import Multiverse, multiverse
from clustereffects.triangulation.options import Prior, Thresholds
from clustereffects.triangulation.reach import Reach, reachable
from clustereffects.triangulation.sensitivity import LeftOut, cell_bounds, leave_one_out, scenarios
from clustereffects.triangulation.sentences import Reasons
from clustereffects.triangulation.smaa import Acceptance, stream_weights
from clustereffects.triangulation.sorting import STREAMS, CellEvidence
from clustereffects.triangulation.theory import Claim
from clustereffects.triangulation.tipping import Tip, tipping_points
from clustereffects.triangulation.verdicts import STATES, verdict

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellFinding:
    """What was found on one claim for one organisation.

    Parameters
    ----------
    model : CellModel
    evidence : CellEvidence
    posterior : StatePosterior
        At the centre of all ranges.
    bounds : array, shape (3, 2)
        Lower and upper probability of harm, negligible effect and benefit.
    verdict : str
    left_out : tuple of LeftOut
    tips : tuple of Tip
    smaa : tuple of Acceptance
        Share of the space of stream weights that leads to each verdict.
    multiverse : Multiverse or None
        Verdicts under other reasonable models; ``None`` where nothing bears on the effect.
    reach : tuple of Reach
        What infinitely precise estimates could show.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> sorted(CellFinding.__slots__)
    ['bounds', 'evidence', 'left_out', 'model', 'multiverse', 'posterior', 'reach', 'smaa', 'tips', 'verdict']
    """

    model: CellModel
    evidence: CellEvidence
    posterior: StatePosterior
    bounds: FloatArray
    verdict: str
    left_out: tuple[LeftOut, ...]
    tips: tuple[Tip, ...]
    smaa: tuple[Acceptance, ...] = ()
    multiverse: Multiverse | None = None
    reach: tuple[Reach, ...] = ()

    @property
    def key(self) -> dict[str, str]:
        """Claim and group, as the first two columns of every table."""
        return {"claim": self.model.claim.id, "group": self.model.group}

    @property
    def robust(self) -> bool:
        """Whether no single stream, its bias evidence included, and no input in its declared range changes the verdict."""
        return self.verdict not in {"silent", "withheld"} and not any(
            one.flips for one in self.left_out if one.kind == "stream"
        )

    def reasons(self, thresholds: Thresholds) -> Reasons:
        """What the sentence on this cell is made of."""
        rows = zip(STATES, self.bounds, thresholds.by_state, strict=True)
        return Reasons(
            verdict=self.verdict,
            left_out=self.left_out,
            tips=self.tips,
            straddling=tuple((s, float(b[0]), float(b[1]), limit) for s, b, limit in rows if b[0] < limit <= b[1]),
            silences={one.stream: one.reason for one in self.evidence.silences},
            aside=bool(self.evidence.bias or self.evidence.rivals),
        )


def find_cell(
    claim: Claim, group: str, evidence: CellEvidence, prior: Prior | PriorMixture, thresholds: Thresholds
) -> CellFinding:
    """Find what the evidence says on one claim for one organisation.

    Parameters
    ----------
    claim : Claim
    group : str
    evidence : CellEvidence
    prior : Prior or PriorMixture
    thresholds : Thresholds

    Returns
    -------
    CellFinding

    Raises
    ------
    EvidenceError
        If the diagnostics rule out every state.
    EstimationError
        If the integration does not converge.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> find_cell(claim, "K01", CellEvidence(), prior, Thresholds()).verdict
    'silent'
    """
    model = cell_model(claim, group, evidence, prior)
    posterior = scenarios(model)
    bounds = cell_bounds(model, posterior)
    speaks = evidence.speaks
    silenced = {name: cell_model(claim, group, rest, model.prior) for name, rest in _without_bias_evidence(evidence)}
    return CellFinding(
        model=model,
        evidence=evidence,
        posterior=posterior,
        bounds=bounds,
        verdict=verdict(posterior.probability[0], bounds, thresholds) if speaks else "silent",
        left_out=leave_one_out(model, thresholds, silenced) if speaks else (),
        tips=tipping_points(model, thresholds) if speaks else (),
        smaa=stream_weights(model, thresholds) if speaks else (),
        multiverse=multiverse(model, thresholds) if speaks else None,
        reach=reachable(model, thresholds) if speaks else (),
    )


def _without_bias_evidence(evidence: CellEvidence) -> list[tuple[str, CellEvidence]]:
    """For each stream with evidence on the bias of another one's estimates: what is left without all that it says."""
    targets = {one.stream for one in evidence.estimates}
    used = {x.stream for x in evidence.bias if x.observed and x.target_stream in targets - {x.stream}}
    return [(name, _without(evidence, name)) for name in STREAMS if name in used]


def _without(evidence: CellEvidence, stream: str) -> CellEvidence:
    return replace(
        evidence,
        estimates=tuple(one for one in evidence.estimates if one.stream != stream),
        diagnostics=tuple(one for one in evidence.diagnostics if one.stream != stream),
        bias=tuple(one for one in evidence.bias if one.stream != stream),
        silences=tuple(one for one in evidence.silences if one.stream != stream),
    )
