"""Evidence on claims, in the form in which every perspective hands it to the triangulation.

An estimate says how large the effect is, a diagnostic was more or less probable under benefit, negligible effect and
harm, bias evidence is about another stream's bias, and silence says why there is nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from clustereffects.errors import EvidenceError, Problem

Stream = Literal["economic", "survey", "interviews", "documents"]
Chance: TypeAlias = float | tuple[float, float]

_STREAMS = get_args(Stream)


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasTerm:
    """A judgement on the bias of an estimate, made before seeing the result.

    Parameters
    ----------
    domain : str
        What causes the bias, such as ``"selection"`` or ``"courtesy"``.
    mean, sd : float
        Mean and standard deviation of the bias, in units of the estimate (``additive``) or of its logarithm
        (``proportional``, where the factor has mean one whatever the ``sd``: it is lognormal with log-mean ``-sd²/2``).
    kind : {"additive", "proportional"}
    mean_range : tuple of two floats, optional
        Range of means when one number would be false precision; the posterior is then reported as bounds.
    shared : str
        Name of a group within which this bias is one and the same for all items, empty if it is each item's own.
    note : str
        Where the judgement comes from.

    Raises
    ------
    EvidenceError
        If the mean is not finite, ``sd`` is negative, the kind is unknown or a range is not increasing.

    Examples
    --------
    >>> BiasTerm(domain="selection", sd=0.075).kind
    'additive'
    """

    domain: str
    mean: float = 0.0
    sd: float = 0.0
    kind: Literal["additive", "proportional"] = "additive"
    mean_range: tuple[float, float] | None = None
    shared: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _require(self.sd >= 0 and math.isfinite(self.sd), f"bias {self.domain!r} has sd {self.sd}", "a finite sd ≥ 0")
        _require(math.isfinite(self.mean), f"bias {self.domain!r} has the mean {self.mean}", "a finite number")
        _require_one_of(f"bias {self.domain!r} has the kind", self.kind, ("additive", "proportional"))
        if self.mean_range is not None:
            low, high = self.mean_range
            ordered = low <= high and math.isfinite(low) and math.isfinite(high)
            _require(ordered, f"bias {self.domain!r} has the range {self.mean_range}", "finite numbers, lower ≤ upper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate of the effect that a claim is about, with its standard error and declared biases.

    Parameters
    ----------
    id, claim, group : str
        The item, the claim it speaks to, and the cluster organisation (``"programme"`` for all together).
    stream : {"economic", "survey", "interviews", "documents"}
    value, std_error : float
        In the units of the claim's scale.
    bias : tuple of BiasTerm
    dependence : str
        Items of one dependence group share respondents, data or coders; empty if the item stands alone.
    source : str
        Estimator, file or table the number comes from.
    rho : float
        Correlation of the errors within the dependence group; 1, the most cautious value, unless it is known.

    Raises
    ------
    EvidenceError
        If the stream is unknown, the value is not finite, the standard error is not positive or ``rho`` lies outside
        [0, 1].

    Examples
    --------
    >>> Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025).value
    0.06
    """

    id: str
    claim: str
    group: str
    stream: Stream
    value: float
    std_error: float
    bias: tuple[BiasTerm, ...] = ()
    dependence: str = ""
    source: str = ""
    rho: float = 1.0

    def __post_init__(self) -> None:
        _require_one_of(f"estimate {self.id!r} has the stream", self.stream, _STREAMS)
        _require(math.isfinite(self.value), f"estimate {self.id!r} has the value {self.value}", "a finite number")
        _require(
            math.isfinite(self.std_error) and self.std_error > 0,
            f"estimate {self.id!r} has the standard error {self.std_error}",
            "a finite number above 0",
        )
        _require_chance(f"rho of estimate {self.id!r}", self.rho)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """An observation with its probability under benefit, negligible effect and harm.

    Parameters
    ----------
    id, claim, group : str
        The item, the claim and the cluster organisation.
    stream : {"economic", "survey", "interviews", "documents"}
    observed : bool
        Whether it was seen. ``False`` means *looked for and not found*; what nobody looked for is a ``Silence``.
    p_benefit, p_negligible, p_harm : float or tuple of two floats
        Probability of seeing it under each state; a tuple is a range.
    unreliability : float
        Probability ε that the report is uninformative (coding error, acquiescence).
    noise : float
        Probability q that an uninformative report says "seen".
    dependence : str
        Dependence group; empty if the item stands alone.
    rho : float or tuple of two floats
        Correlation within the dependence group.
    target : str
        ``"effect"`` or ``"rival:<id>"``.
    test : str
        Identifier of the registered test.
    source, note : str
        Where it comes from, and anything an auditor should know (such as "registered after the data").

    Raises
    ------
    EvidenceError
        If the stream is unknown, a probability lies outside [0, 1] or a range is not increasing.

    Examples
    --------
    >>> item = Diagnostic(id="T01", claim="growth", group="K01", stream="interviews", observed=True,
    ...                   p_benefit=0.9, p_negligible=0.5, p_harm=0.5)
    >>> item.observed
    True
    """

    id: str
    claim: str
    group: str
    stream: Stream
    observed: bool
    p_benefit: Chance
    p_negligible: Chance
    p_harm: Chance
    unreliability: float = 0.0
    noise: float = 0.5
    dependence: str = ""
    rho: Chance = 0.0
    target: str = "effect"
    test: str = ""
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _require_one_of(f"diagnostic {self.id!r} has the stream", self.stream, _STREAMS)
        for name in ("p_benefit", "p_negligible", "p_harm", "unreliability", "noise", "rho"):
            _require_chance(f"{name} of diagnostic {self.id!r}", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasEvidence:
    """An observation about another stream's bias, never a vote on the effect itself.

    Parameters
    ----------
    id, claim, group : str
        The item, the claim and the cluster organisation.
    stream : {"economic", "survey", "interviews", "documents"}
        The stream the observation comes from.
    target_stream : {"economic", "survey", "interviews", "documents"}
        The stream whose bias it is about.
    shift, sd : float
        What it adds to the mean and (in quadrature) to the standard deviation of that stream's bias.
    observed : bool
        Whether it was seen; an unseen sign moves nothing.
    domain, test, source, note : str
        Domain of the bias, registered test, origin, remarks.

    Raises
    ------
    EvidenceError
        If a stream is unknown, ``sd`` is negative or a number is not finite.

    Examples
    --------
    >>> BiasEvidence(id="B1", claim="growth", group="K01", stream="interviews", target_stream="economic",
    ...              shift=0.0, sd=0.02).target_stream
    'economic'
    """

    id: str
    claim: str
    group: str
    stream: Stream
    target_stream: Stream
    shift: float = 0.0
    sd: float = 0.0
    observed: bool = True
    domain: str = "selection"
    test: str = ""
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _require_one_of(f"bias evidence {self.id!r} has the stream", self.stream, _STREAMS)
        _require_one_of(f"bias evidence {self.id!r} has the target stream", self.target_stream, _STREAMS)
        _require(math.isfinite(self.shift), f"bias evidence {self.id!r} has the shift {self.shift}", "a finite number")
        _require(
            self.sd >= 0 and math.isfinite(self.sd), f"bias evidence {self.id!r} has sd {self.sd}", "a finite sd ≥ 0"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Why a stream says nothing on a claim: four reasons that must not be confused.

    Parameters
    ----------
    claim, group : str
        The claim and the cluster organisation.
    stream : {"economic", "survey", "interviews", "documents"}
    reason : {"not_asked", "not_measured", "missing", "searched_not_found"}
        Only ``"searched_not_found"`` carries information, and only with a probability of detection.
    p_detect : float
        Probability of finding the trace if the effect exists.
    note : str
        Anything an auditor should know.

    Raises
    ------
    EvidenceError
        If ``p_detect`` lies outside [0, 1] or the stream or the reason is unknown.

    Examples
    --------
    >>> Silence(claim="growth", group="K01", stream="survey", reason="not_asked").p_detect
    0.0
    """

    claim: str
    group: str
    stream: Stream
    reason: Literal["not_asked", "not_measured", "missing", "searched_not_found"]
    p_detect: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        reasons = ("not_asked", "not_measured", "missing", "searched_not_found")
        _require_one_of("silence has the reason", self.reason, reasons)
        _require_one_of("silence has the stream", self.stream, _STREAMS)
        _require_chance("p_detect", self.p_detect)


Evidence: TypeAlias = Estimate | Diagnostic | BiasEvidence | Silence


def _require(condition: bool, what: str, expected: str) -> None:  # noqa: FBT001
    if not condition:
        raise EvidenceError(Problem(what=what, where="", expected=expected, remedy="correct the item"))


def _require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    _require(value in known, f"{what} {value!r}", "one of " + ", ".join(known))


def _require_chance(name: str, chance: Chance) -> None:
    low, high = chance if isinstance(chance, tuple) else (chance, chance)
    _require(0 <= low <= high <= 1, f"{name} is {chance}", "a probability, or a range lower–upper within 0–1")
