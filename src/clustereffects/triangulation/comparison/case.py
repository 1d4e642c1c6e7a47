"""One claim for one organisation as the comparison engines see it: what each stream says on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.posterior import stream_alone
from clustereffects.triangulation.sorting import CellEvidence

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """What an engine gets to see.

    Parameters
    ----------
    model : CellModel
    evidence : CellEvidence
    posterior : array, shape (3,)
        Probability of harm, negligible effect and benefit after all evidence, from the triangulation itself.
    alone : array, shape (streams, 3)
        The same from one stream at a time, each from the wide part of the prior, biases adjusted for.
    gain : array, shape (streams,)
        Information gain of each stream alone, in nats.
    base : array, shape (3,)
        Probabilities under the wide part of the prior, before any evidence.
    peers : tuple of mapping of str to array
        For every other organisation on the same claim: stream to its probabilities alone.
    withheld : tuple of float
        Lower and upper probability of benefit where the triangulation withholds its verdict; empty otherwise.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Case.__slots__[0]
    'model'
    """

    model: CellModel
    evidence: CellEvidence
    posterior: FloatArray
    alone: FloatArray
    gain: FloatArray
    base: FloatArray
    peers: tuple[Mapping[str, FloatArray], ...] = ()
    withheld: tuple[float, ...] = ()

    @property
    def voices(self) -> dict[str, FloatArray]:
        """Stream to its probabilities alone."""
        return dict(zip(self.model.streams, self.alone, strict=True))


def case_of(model: CellModel, evidence: CellEvidence, posterior: FloatArray) -> Case:
    """Ask every stream of a cell on its own.

    Parameters
    ----------
    model : CellModel
    evidence : CellEvidence
    posterior : array, shape (3,)

    Returns
    -------
    Case

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> evidence = CellEvidence(estimates=(item,))
    >>> model = cell_model(claim, "K01", evidence, Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> case_of(model, evidence, np.array([0.0, 0.1, 0.9])).alone.round(2).tolist()
    [[0.0, 0.02, 0.98]]
    """
    heard = [stream_alone(model, i) for i in range(len(model.streams))]
    below = ndtr((model.edges - model.prior.mean[-1]) / model.prior.sd[-1])
    return Case(
        model=model,
        evidence=evidence,
        posterior=posterior,
        alone=np.array([one for one, _ in heard]).reshape(-1, 3),
        gain=np.array([gain for _, gain in heard]),
        base=np.diff(below, prepend=0.0, append=1.0),
    )
