"""Evidence on claims, in the form in which every perspective hands it to the triangulation.

An estimate says how large the effect is, a diagnostic was more or less probable under benefit, negligible effect and
harm, bias evidence is about another stream's bias, and silence says why there is nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from clustereffects.results._evidence_checks import (
    is_number,
    require,
    require_number,
    require_one_of,
    require_probability,
    require_sd,
    require_texts,
    set_chance,
    set_members,
    set_tuple,
)
from clustereffects.results.evidence_provenance import EvidenceProvenance

Stream = Literal["economic", "survey", "interviews", "documents"]
Chance: TypeAlias = float | tuple[float, float]

#: How identifiers of estimates begin that are pooled over organisations.
POOLED = "economic:pooled:"

_STREAMS = get_args(Stream)
_PLACE = ("id", "claim", "group")


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
        name, ends = f"bias {self.domain!r}", self.mean_range
        require_texts(name, self, ("domain", "shared", "note"))
        require_sd(name, self.sd)
        require_number(f"{name} has the mean", self.mean)
        require_one_of(f"{name} has the kind", self.kind, ("additive", "proportional"))
        if ends is not None:
            pair = isinstance(ends, list | tuple) and len(ends) == 2 and all(is_number(end) for end in ends)
            require(pair and ends[0] <= ends[1], f"{name} has the range {ends}", "finite numbers, lower ≤ upper")
            set_tuple(self, "mean_range")


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
    rho : float or tuple of two floats
        Correlation of the errors within the dependence group; 1, the most cautious value, unless it is known.
    respondents : tuple of str
        Pseudonyms of the persons or firms whose answers are behind the item.
    unit : str
        Unit of the value if it is named; a unit that is not the scale of the claim needs a ``ScaleMap`` first.
    provenance : EvidenceProvenance, optional

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
    rho: Chance = 1.0
    respondents: tuple[str, ...] = ()
    unit: str = ""
    provenance: EvidenceProvenance | None = None

    def __post_init__(self) -> None:
        name = f"estimate {self.id!r}"
        require_texts(name, self, (*_PLACE, "dependence", "source", "unit"))
        require_one_of(f"{name} has the stream", self.stream, _STREAMS)
        require_number(f"{name} has the value", self.value)
        positive = is_number(self.std_error) and self.std_error > 0
        require(positive, f"{name} has the standard error {self.std_error!r}", "a finite number above 0")
        set_chance(name, self, "rho")
        set_members(name, self, "bias", BiasTerm)
        set_members(name, self, "respondents", str)


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
    respondents : tuple of str
        Pseudonyms of the persons or firms whose answers are behind the item.
    elicitation : str
        Identifier of the elicitation that the probabilities come from.
    suggested_by : str
        Identifier of the diagnostic that suggested looking for this one. The two count as one observation.
    provenance : EvidenceProvenance, optional

    Raises
    ------
    EvidenceError
        If the stream is unknown, a probability lies outside [0, 1], a range is not increasing, or ``unreliability`` or
        ``noise`` is a range.

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
    respondents: tuple[str, ...] = ()
    elicitation: str = ""
    suggested_by: str = ""
    provenance: EvidenceProvenance | None = None

    def __post_init__(self) -> None:
        name = f"diagnostic {self.id!r}"
        require_texts(name, self, (*_PLACE, "dependence", "target", "test", "source", "note", "suggested_by"))
        require_one_of(f"{name} has the stream", self.stream, _STREAMS)
        for chance in ("p_benefit", "p_negligible", "p_harm", "rho"):
            set_chance(name, self, chance)
        for chance in ("unreliability", "noise"):
            require_probability(f"{chance} of {name}", getattr(self, chance))
        set_members(name, self, "respondents", str)


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
    provenance : EvidenceProvenance, optional

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
    provenance: EvidenceProvenance | None = None

    def __post_init__(self) -> None:
        name = f"bias evidence {self.id!r}"
        require_texts(name, self, (*_PLACE, "domain"))
        require_one_of(f"{name} has the stream", self.stream, _STREAMS)
        require_one_of(f"{name} has the target stream", self.target_stream, _STREAMS)
        require_number(f"{name} has the shift", self.shift)
        require_sd(name, self.sd)

    @classmethod
    def from_ratio(
        cls, ratio: float, *, prior: float = 0.5, shift: float = 0.0, sd: float = 0.0, **about: Any
    ) -> BiasEvidence:
        """Bias evidence from how much more probable the observation is if the bias is there.

        The bias is there with probability ``p = prior·ratio/(prior·ratio + 1 − prior)``; if it is, it has mean ``shift``
        and standard deviation ``sd``, otherwise it is zero. This mixture enters by its first two moments, mean
        ``p·shift`` and variance ``p·sd² + p(1 − p)·shift²``: a normal bias with the same moments, exact only for p = 0
        or 1. What the estimate's own bias terms already say of this bias would count twice.

        Parameters
        ----------
        ratio : float
            Likelihood ratio of the observation, bias against no bias.
        prior : float
            Probability of the bias before the observation.
        shift, sd : float
            Mean and standard deviation of the bias if it is there.
        **about
            The other parameters of the class.

        Raises
        ------
        EvidenceError
            If the ratio or ``sd`` is negative, or ``prior`` is no probability.
        TypeError
            If a parameter of the class is missing or unknown.

        Examples
        --------
        >>> item = BiasEvidence.from_ratio(3.0, prior=0.25, shift=0.04, sd=0.02, id="B1", claim="growth", group="K01",
        ...                                stream="interviews", target_stream="economic")
        >>> round(item.shift, 4), round(item.sd, 4)
        (0.02, 0.0245)
        """
        name = f"bias evidence {about.get('id', '')!r}"
        fine = (is_number(ratio) and ratio >= 0) or ratio == math.inf
        require(fine, f"{name} has the likelihood ratio {ratio!r}", "a number ≥ 0")
        require_number(f"{name} has the shift", shift)
        require_sd(name, sd)
        require_probability(f"prior of {name}", prior)
        share = prior / (prior + (1 - prior) / ratio) if prior and ratio else 0.0
        spread = math.sqrt(share * sd**2 + share * (1 - share) * shift**2)
        return cls(shift=share * shift, sd=spread, observed=True, **about)


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
    p_false : float
        Probability of finding such a trace although it does not. Not finding it has the likelihood ratio
        ``(1 − p_detect)/(1 − p_false)``.
    note : str
        Anything an auditor should know.
    provenance : EvidenceProvenance, optional

    Raises
    ------
    EvidenceError
        If a probability lies outside [0, 1], ``p_false`` exceeds ``p_detect``, or the stream or the reason is unknown.

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
    p_false: float = 0.0
    note: str = ""
    provenance: EvidenceProvenance | None = None

    def __post_init__(self) -> None:
        reasons = ("not_asked", "not_measured", "missing", "searched_not_found")
        require_texts("silence", self, ("claim", "group"))
        require_one_of("silence has the reason", self.reason, reasons)
        require_one_of("silence has the stream", self.stream, _STREAMS)
        require_probability("p_detect", self.p_detect)
        require_probability("p_false", self.p_false)
        require(self.p_false <= self.p_detect, f"p_false is {self.p_false}", f"at most p_detect, {self.p_detect}")


Evidence: TypeAlias = Estimate | Diagnostic | BiasEvidence | Silence
