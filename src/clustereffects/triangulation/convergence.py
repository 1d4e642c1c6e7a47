"""Do the streams agree? Node splits between estimates, and convergence codes between streams."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from clustereffects.results.evidence import Silence
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.posterior import stream_alone
from clustereffects.triangulation.sorting import STREAMS
from clustereffects.triangulation.verdicts import STATES

FloatArray = NDArray[np.float64]

_CLASS_PROBABILITY = 0.6
_LEAST_GAIN = 0.05
_COMPATIBLE, _CONFLICT = 0.10, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSplit:
    """Difference between what two streams say about the same effect.

    Parameters
    ----------
    first, second : str
        Streams.
    difference, std_error : float
        Pooled estimate of the first less that of the second, after bias adjustment.
    p_raw, p_adjusted : float
        Two-sided p-value of equality before and after bias adjustment.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> NodeSplit(first="economic", second="survey", difference=-0.01, std_error=0.066, p_raw=0.06,
    ...           p_adjusted=0.88).p_adjusted
    0.88
    """

    first: str
    second: str
    difference: float
    std_error: float
    p_raw: float
    p_adjusted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """How two streams relate on one claim.

    Parameters
    ----------
    first, second : str
        Streams.
    code : {"agreement", "partial", "dissonance", "uninformative", "silence"}
    state_first, state_second : str
        State to which the stream alone gives at least .6, or ``"undecided"``; empty if it is silent.
    gain_first, gain_second : float
        Information gain in nats; NaN if the stream is silent.
    p_adjusted : float
        Of the node split; NaN if one of them has no estimate.
    note : str
        Reason of a silence, or what the reader must know about the biases.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Convergence(first="economic", second="survey", code="silence", note="survey: not_asked").state_first
    ''
    """

    first: str
    second: str
    code: str
    state_first: str = ""
    state_second: str = ""
    gain_first: float = math.nan
    gain_second: float = math.nan
    p_adjusted: float = math.nan
    note: str = ""


def node_splits(model: CellModel) -> tuple[NodeSplit, ...]:
    """Compare the estimates of every two streams.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    tuple of NodeSplit
        One for each pair of streams that both have estimates.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a covariance matrix is singular.

    Notes
    -----
    Node-splitting after Presanis et al. (2013, *Statistical Science* 28(3)): each stream's estimates are pooled by
    generalised least squares, and the difference is referred to the normal distribution. The raw comparison uses
    values and standard errors only. Proportional bias enters the adjusted one by the delta method.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> did = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> survey = Estimate(id="scale", claim="growth", group="K01", stream="survey", value=0.12, std_error=0.02)
    >>> cell = CellEvidence(estimates=(did, survey))
    >>> split = node_splits(cell_model(claim, "K01", cell, Prior(sceptical_sd=0.05, wide_sd=0.15)))[0]
    >>> round(split.p_raw, 3)
    0.061
    """
    estimates = model.estimates
    factor = np.exp(estimates.log_factor)
    adjusted = estimates.residual / factor
    spread = np.exp(estimates.loading @ estimates.loading.T) - 1.0
    covariance = estimates.covariance / np.outer(factor, factor) + np.outer(adjusted, adjusted) * spread
    splits = []
    for first, second in combinations(np.unique(estimates.stream).tolist(), 2):
        chosen = np.flatnonzero((estimates.stream == first) | (estimates.stream == second))
        side = np.stack([estimates.stream[chosen] == first, estimates.stream[chosen] == second], axis=1).astype(float)
        raw = _contrast(model.value[chosen], np.diag(model.std_error[chosen] ** 2), side)
        final = _contrast(adjusted[chosen], covariance[np.ix_(chosen, chosen)], side)
        splits.append(
            NodeSplit(
                first=model.streams[first],
                second=model.streams[second],
                difference=final[0],
                std_error=final[1],
                p_raw=_two_sided(*raw),
                p_adjusted=_two_sided(*final),
            )
        )
    return tuple(splits)


def _contrast(value: FloatArray, covariance: FloatArray, side: FloatArray) -> tuple[float, float]:
    weight = np.linalg.solve(covariance, side)
    variance = np.linalg.inv(side.T @ weight)
    means = variance @ (weight.T @ value)
    contrast = np.array([1.0, -1.0])
    return float(contrast @ means), float(np.sqrt(contrast @ variance @ contrast))


def _two_sided(difference: float, std_error: float) -> float:
    return float(erfc(abs(difference) / std_error / math.sqrt(2)))


def convergence_codes(
    model: CellModel, silences: Sequence[Silence], expected: Sequence[str]
) -> tuple[Convergence, ...]:
    """Code how every two streams relate.

    Parameters
    ----------
    model : CellModel
    silences : sequence of Silence
        Reasons of streams that say nothing.
    expected : sequence of str
        Streams that the theory expects to speak.

    Returns
    -------
    tuple of Convergence

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    The codes are those of Farmer et al. (2006, *Qualitative Health Research* 16(3)), computed: *silence* without
    evidence, *uninformative* below .05 nat, *dissonance* for opposite states or a node split with p < .05 after
    adjustment, *agreement* for the same state with p > .10 or no node split, *partial* otherwise. The limits are
    conventions.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> model = cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> convergence_codes(model, (), ("economic", "survey"))[0].code
    'silence'
    """
    names = [name for name in STREAMS if name in expected or name in model.streams]
    alone = {name: stream_alone(model, i) for i, name in enumerate(model.streams)}
    splits = {(split.first, split.second): split for split in node_splits(model)}
    reasons: dict[str, str] = {one.stream: one.reason for one in silences}
    codes = []
    for first, second in combinations(names, 2):
        silent = [name for name in (first, second) if name not in alone]
        if silent:
            note = "; ".join(f"{name}: {reasons.get(name, 'nothing handed in')}" for name in silent)
            codes.append(Convergence(first=first, second=second, code="silence", note=note))
        else:
            codes.append(_compare((first, second), alone, splits.get((first, second)), model))
    return tuple(codes)


def _compare(
    names: tuple[str, str], alone: dict[str, tuple[FloatArray, float]], split: NodeSplit | None, model: CellModel
) -> Convergence:
    states = [_state(alone[name][0]) for name in names]
    gains = [alone[name][1] for name in names]
    p = math.nan if split is None else split.p_adjusted
    code = _code((states[0], states[1]), min(gains), p)
    return Convergence(
        first=names[0],
        second=names[1],
        code=code,
        state_first=states[0],
        state_second=states[1],
        gain_first=gains[0],
        gain_second=gains[1],
        p_adjusted=p,
        note="; ".join(_notes(code, states[0], split, model)),
    )


def _state(probability: FloatArray) -> str:
    top = int(probability.argmax())
    return STATES[top] if probability[top] >= _CLASS_PROBABILITY else "undecided"


def _code(states: tuple[str, str], gain: float, p: float) -> str:
    if gain < _LEAST_GAIN:
        return "uninformative"
    if set(states) == {"benefit", "harm"} or p < _CONFLICT:
        return "dissonance"
    same = states[0] == states[1] and states[0] != "undecided"
    return "agreement" if same and not p <= _COMPATIBLE else "partial"


def _notes(code: str, state: str, split: NodeSplit | None, model: CellModel) -> Iterator[str]:
    if split is None:
        return
    if split.p_raw < _CONFLICT <= split.p_adjusted:
        yield "raw estimates conflict, adjusted ones do not"
    biases = [_direction(model, name) for name in (split.first, split.second)]
    if code == "agreement" and state in {"benefit", "harm"}:
        toward = 1.0 if state == "benefit" else -1.0
        if biases[0] == biases[1] == toward:
            yield "both biases point the same way and could explain the agreement"
        elif biases[0] * biases[1] < 0:
            yield "agreement although the biases point in opposite directions"


def _direction(model: CellModel, stream: str) -> float:
    return float(np.sign(model.bias_mean[model.estimates.stream == model.streams.index(stream)].sum()))
