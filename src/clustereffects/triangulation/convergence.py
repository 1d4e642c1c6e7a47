"""Do the streams agree? What each says alone, a code for every two of them, and one assessment of the cell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem
from clustereffects.results.evidence import Silence
from clustereffects.triangulation.bias_alone import BiasAlone, bias_alone
from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.conflict import NodeSplit, node_splits
from clustereffects.triangulation.likelihoods import log_constants
from clustereffects.triangulation.posterior import stream_alone
from clustereffects.triangulation.sorting import STREAMS
from clustereffects.triangulation.verdicts import STATES

FloatArray = NDArray[np.float64]

#: Every convergence code there is.
CODES = ("agreement", "partial", "dissonance", "uninformative", "silence")
_CONFLICT = 0.05
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceRules:
    """Limits of the convergence codes.

    Parameters
    ----------
    class_probability : float
        Probability from which a stream alone has a direction.
    least_gain : float
        Information gain in nats below which a stream is uninformative.
    compatible, conflict : float
        Two-sided p-values of the node split above which two estimates are compatible and below which they conflict.

    Raises
    ------
    OptionError
        If a limit is impossible.

    Notes
    -----
    The defaults are conventions, not findings.

    Examples
    --------
    >>> ConvergenceRules(class_probability=0.7).least_gain
    0.05
    """

    class_probability: float = 0.6
    least_gain: float = 0.05
    compatible: float = 0.10
    conflict: float = _CONFLICT

    def __post_init__(self) -> None:
        possible = {
            "class_probability": (0.5 < self.class_probability <= 1, "a probability above 0.5 and at most 1"),
            "least_gain": (
                math.isfinite(self.least_gain) and self.least_gain >= 0,
                "a finite number of nats, 0 or more",
            ),
            "compatible": (self.conflict <= self.compatible < 1, "a p-value from conflict to below 1"),
            "conflict": (0 <= self.conflict < 1, "a p-value from 0 to below 1"),
        }
        problems = [
            Problem(
                what=f"{field.name} is {getattr(self, field.name)!r}",
                where="convergence rules",
                expected=possible[field.name][1],
                remedy="correct the option",
            )
            for field in fields(self)
            if not possible[field.name][0]
        ]
        if problems:
            raise OptionError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReading:
    """What one stream says alone.

    Parameters
    ----------
    stream : str
    status : {"speaks", "uninformative", "silent"}
    state : str
        State to which the stream alone gives enough probability, or ``"undecided"``; empty if it is silent.
    gain : float
        Information gain in nats; NaN if it is silent.
    reason : str
        Why it is silent; ``"nothing handed in"`` if nobody said so.
    alike : tuple of str
        States between which the prior alone would choose, because the stream's signs do not tell them apart.

    Raises
    ------
    TypeError
        If a field is unknown.

    Examples
    --------
    >>> StreamReading(stream="survey", status="silent", reason="not_asked").state
    ''
    """

    stream: str
    status: str
    state: str = ""
    gain: float = math.nan
    reason: str = ""
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """How two streams relate on one claim.

    Parameters
    ----------
    first, second : str
        Streams.
    code : {"agreement", "partial", "dissonance", "uninformative", "silence"}
    state_first, state_second : str
        State each stream alone points to, or ``"undecided"``; empty if it is silent.
    gain_first, gain_second : float
        Information gain in nats; NaN if the stream is silent.
    silence_first, silence_second : str
        Reason of a silence.
    p_adjusted : float
        Of the node split; NaN if one of them has no estimate.
    overlay : {"", "shared bias", "strong", "resolved by adjustment"}
        What the declared biases make of the code.
    p_other : float
        For agreement with a declared direction of bias: probability, given both streams, that the effect is *not* in the
        state they agree on. For benefit that is P(θ ≤ δ).
    p_bias_only : float
        P-value of both streams' estimates if there were no effect at all and only the declared biases and errors.
    note : str
        The same in words.

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
    silence_first: str = ""
    silence_second: str = ""
    p_adjusted: float = math.nan
    overlay: str = ""
    p_other: float = math.nan
    p_bias_only: float = math.nan
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellConvergence:
    """Readings of all streams of a cell, codes of every two, and what they come to.

    Parameters
    ----------
    readings : tuple of StreamReading
    codes : tuple of Convergence
    conflict : float
        P-value below which declared biases alone do not explain what streams agree on.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> CellConvergence(readings=(), codes=()).assessment
    'no information'
    """

    readings: tuple[StreamReading, ...]
    codes: tuple[Convergence, ...]
    conflict: float = _CONFLICT

    @property
    def speaking(self) -> tuple[str, ...]:
        """Streams that say something."""
        return tuple(one.stream for one in self.readings if one.status == "speaks")

    @property
    def assessment(self) -> str:
        """Global assessment: the worst code among the streams that speak, and what the biases make of agreement."""
        counts = Counter(one.code for one in self.codes if one.code in {"agreement", "partial", "dissonance"})
        if not counts:
            return f"{self.speaking[0]} only" if self.speaking else "no information"
        if counts["dissonance"]:
            return "dissonance"
        if counts["partial"]:
            return "partly convergent" if counts["agreement"] else "partial"
        overlays = {
            "" if one.p_bias_only < self.conflict and one.overlay == "shared bias" else one.overlay
            for one in self.codes
            if one.code == "agreement"
        }
        if overlays == {"shared bias"}:
            return "convergent, but shared bias could explain it"
        return "convergent despite opposing biases" if "strong" in overlays else "convergent"


def cell_convergence(
    model: CellModel, silences: Sequence[Silence], expected: Sequence[str], rules: ConvergenceRules
) -> CellConvergence:
    """Read every stream of a cell alone and code how every two relate.

    Parameters
    ----------
    model : CellModel
    silences : sequence of Silence
        Reasons of streams that say nothing.
    expected : sequence of str
        Streams that the theory expects to speak.
    rules : ConvergenceRules

    Returns
    -------
    CellConvergence

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    The codes are those of Farmer et al. (2006, *Qualitative Health Research* 16(3)), computed: *silence* without
    evidence, *uninformative* below the least gain, *dissonance* for opposite states or a node split with a p-value below
    ``conflict`` after adjustment, *agreement* for the same state with p above ``compatible`` or no node split, *partial*
    otherwise. A stream that has signs but no estimate points to a state only if that state is more likely, by the least
    gain in log-likelihood, than both others: a sign that cannot tell no effect from harm is no evidence of harm, however
    the prior divides the two. What the declared biases make of it follows Lawlor et al. (2016, *International Journal of Epidemiology*
    45(6)): agreement is strong if the biases point in opposite directions, and could be shared bias if they point in
    the same one.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> model = cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> cell_convergence(model, (), ("economic", "survey"), ConvergenceRules()).codes[0].code
    'silence'
    """
    reasons: dict[str, str] = {one.stream: one.reason for one in silences}
    names = [name for name in STREAMS if name in expected or name in model.streams or name in reasons]
    readings = {name: _reading(model, name, reasons, rules) for name in names}
    splits = {(split.first, split.second): split for split in node_splits(model)}
    codes = tuple(
        _compare(readings[first], readings[second], splits.get((first, second)), model, rules)
        for first, second in combinations(names, 2)
    )
    return CellConvergence(readings=tuple(readings.values()), codes=codes, conflict=rules.conflict)


def _reading(model: CellModel, name: str, reasons: Mapping[str, str], rules: ConvergenceRules) -> StreamReading:
    if name not in model.streams:
        return StreamReading(stream=name, status="silent", reason=reasons.get(name, "nothing handed in"))
    stream = model.streams.index(name)
    probability, gain = stream_alone(model, stream)
    if gain < rules.least_gain:
        return StreamReading(stream=name, status="uninformative", state=_state(probability, rules), gain=gain)
    alike = _alike(model, stream, int(probability.argmax()), rules.least_gain)
    state = "undecided" if alike else _state(probability, rules)
    return StreamReading(stream=name, status="speaks", state=state, gain=gain, alike=alike)


def _state(probability: FloatArray, rules: ConvergenceRules) -> str:
    top = int(probability.argmax())
    return STATES[top] if probability[top] >= rules.class_probability else "undecided"


def _alike(model: CellModel, stream: int, top: int, least: float) -> tuple[str, ...]:
    """States that signs without any estimate leave to the prior: not less likely, by so many nats, than the top one."""
    if (model.estimates.stream == stream).any():
        return ()
    power = np.zeros((1, len(model.streams)))
    power[0, stream] = 1.0
    likelihood = log_constants(model.items, power)[0]
    kept = np.flatnonzero(likelihood > likelihood[top] - max(least, _ROUNDING))
    return tuple(STATES[k] for k in kept) if kept.size > 1 else ()


def _compare(
    first: StreamReading, second: StreamReading, split: NodeSplit | None, model: CellModel, rules: ConvergenceRules
) -> Convergence:
    code = _code(first, second, split, rules)
    biases = bias_alone(model, (first.stream, second.stream), first.state) if split is not None else None
    overlay = _overlay(code, split, biases, rules)
    told = biases if overlay in {"shared bias", "strong"} else None
    return Convergence(
        first=first.stream,
        second=second.stream,
        code=code,
        state_first=first.state,
        state_second=second.state,
        gain_first=first.gain,
        gain_second=second.gain,
        silence_first=first.reason,
        silence_second=second.reason,
        p_adjusted=math.nan if split is None else split.p_adjusted,
        overlay=overlay,
        p_other=math.nan if told is None else told.p_other,
        p_bias_only=math.nan if told is None else told.p_bias_only,
        note="; ".join(_notes((first, second), split, overlay, told, rules)),
    )


def _code(first: StreamReading, second: StreamReading, split: NodeSplit | None, rules: ConvergenceRules) -> str:
    statuses = {first.status, second.status}
    if "silent" in statuses:
        return "silence"
    if "uninformative" in statuses:
        return "uninformative"
    p = math.nan if split is None else split.p_adjusted
    if {first.state, second.state} == {"benefit", "harm"} or p < rules.conflict:
        return "dissonance"
    same = first.state == second.state and first.state != "undecided"
    return "agreement" if same and not p <= rules.compatible else "partial"


_EXPLAINED = "both biases point the same way and could explain the agreement; the estimates fit bias without any effect"
_NOT_EXPLAINED = (
    "both biases point the same way but do not explain the estimates: bias without any effect does not fit them"
)


def _resolved(split: NodeSplit, rules: ConvergenceRules) -> bool:
    return split.p_raw < rules.conflict <= split.p_adjusted


def _overlay(code: str, split: NodeSplit | None, biases: BiasAlone | None, rules: ConvergenceRules) -> str:
    if split is None or biases is None or code in {"silence", "uninformative"}:
        return ""
    if code == "agreement" and biases.toward:
        return "shared bias"
    if code == "agreement" and biases.opposing:
        return "strong"
    return "resolved by adjustment" if _resolved(split, rules) else ""


def _notes(
    pair: tuple[StreamReading, StreamReading],
    split: NodeSplit | None,
    overlay: str,
    told: BiasAlone | None,
    rules: ConvergenceRules,
) -> Iterator[str]:
    yield from (f"{one.stream}: {one.reason}" for one in pair if one.reason)
    yield from (f"{one.stream}: {' and '.join(one.alike)} are not told apart" for one in pair if one.alike)
    if split is not None and _resolved(split, rules):
        yield "raw estimates conflict, adjusted ones do not"
    if overlay == "shared bias" and told is not None:
        yield _EXPLAINED if told.p_bias_only >= rules.conflict else _NOT_EXPLAINED
    if overlay == "strong":
        yield "agreement although the biases point in opposite directions"
