"""Choices of the triangulation that are made before the data: prior and decision thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, get_args

from clustereffects.errors import OptionError, Problem
from clustereffects.results.evidence import Stream
from clustereffects.triangulation.theory import Claim

#: Provisional prior standard deviations in multiples of the smallest effect of interest.
_SCEPTICAL_DELTAS, _WIDE_DELTAS = 5.0, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Sceptical, symmetric and robust prior: ``(1 − w)·N(0, τ_s²) + w·N(0, τ_w²)``.

    Parameters
    ----------
    sceptical_sd, wide_sd : float
        τ_s and τ_w, in units of the claim's scale.
    wide_weight : float
        w, the weight of the wide part, which takes over when data contradict the sceptical part.

    Raises
    ------
    OptionError
        If a standard deviation is not positive, the wide one is smaller than the sceptical one, or the weight lies
        outside [0, 1].

    Notes
    -----
    The robust mixture is that of Schmidli et al. (2014, *Biometrics* 70(4)).

    Examples
    --------
    >>> Prior(sceptical_sd=0.05, wide_sd=0.15).wide_weight
    0.2
    """

    sceptical_sd: float
    wide_sd: float
    wide_weight: float = 0.2

    def __post_init__(self) -> None:
        problems = [
            _wrong("prior", name, getattr(self, name), "a finite number above 0")
            for name in ("sceptical_sd", "wide_sd")
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0)
        ]
        if not problems and self.wide_sd < self.sceptical_sd:
            problems.append(_wrong("prior", "wide_sd", self.wide_sd, f"at least sceptical_sd, {self.sceptical_sd}"))
        if not 0 <= self.wide_weight <= 1:
            problems.append(_wrong("prior", "wide_weight", self.wide_weight, "a weight from 0 to 1"))
        if problems:
            raise OptionError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Posterior probabilities from which a verdict is given.

    Parameters
    ----------
    benefit, negligible, harm : float
        Above ½, so that two verdicts can never be due at once.
    firm : float
        Probability from which "probably" is dropped.

    Raises
    ------
    OptionError
        If a threshold is not above ½ and at most 1, or ``firm`` lies below another one.

    Examples
    --------
    >>> Thresholds().benefit
    0.9
    """

    benefit: float = 0.9
    negligible: float = 0.9
    harm: float = 0.9
    firm: float = 0.99

    def __post_init__(self) -> None:
        names = ("benefit", "negligible", "harm", "firm")
        problems = [
            _wrong("thresholds", name, getattr(self, name), "a probability above 0.5 and at most 1")
            for name in names
            if not 0.5 < getattr(self, name) <= 1
        ]
        if self.firm < max(self.benefit, self.harm):
            problems.append(_wrong("thresholds", "firm", self.firm, "at least the other thresholds"))
        if problems:
            raise OptionError(problems)

    @property
    def by_state(self) -> tuple[float, float, float]:
        """Thresholds of harm, negligible effect and benefit."""
        return self.harm, self.negligible, self.benefit


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationPrior:
    """Prior of each organisation's effect from what the estimates of the *other* organisations say on the same claim.

    Parameters
    ----------
    robust_weight : float
        Weight of ``base``, which takes over when an organisation is unlike the others.
    heterogeneity_sd : float
        Scale of the half-normal prior of the standard deviation between organisations, in multiples of the claim's
        smallest effect of interest.
    mean_sd : float
        Standard deviation of the prior of the mean effect around zero, in the same multiples.
    bias_correlation : float
        Correlation between organisations of the biases of their estimates; 1, the most cautious value, unless it is
        known. The part of the bias that all share does not shrink with the number of organisations.
    stream : str
        Stream whose estimates are borrowed.
    apart : tuple of str
        Groups that are no organisations, such as all members together; they neither lend nor borrow.
    base : "provisional", Prior, or mapping of str to Prior
        Prior of the robust part, and of organisations that have nobody to learn from.

    Raises
    ------
    OptionError
        If a weight or correlation lies outside [0, 1] or a standard deviation is not positive.

    Notes
    -----
    The robust meta-analytic-predictive prior of Schmidli et al. (2014, *Biometrics* 70(4)), left out organisation by
    organisation. Only estimates are borrowed: what was said in interviews about one organisation is no evidence on
    another.

    Examples
    --------
    >>> OrganisationPrior().robust_weight
    0.2
    """

    robust_weight: float = 0.2
    heterogeneity_sd: float = 5.0
    mean_sd: float = 5.0
    bias_correlation: float = 1.0
    stream: Stream = "economic"
    apart: tuple[str, ...] = ("programme",)
    base: str | Prior | Mapping[str, Prior] = "provisional"

    def __post_init__(self) -> None:
        problems = [
            _wrong("organisation prior", name, getattr(self, name), "a number from 0 to 1")
            for name in ("robust_weight", "bias_correlation")
            if not 0 <= getattr(self, name) <= 1
        ]
        problems += [
            _wrong("organisation prior", name, getattr(self, name), "a finite number above 0")
            for name in ("heterogeneity_sd", "mean_sd")
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0)
        ]
        if self.stream not in get_args(Stream):
            problems.append(
                _wrong("organisation prior", "stream", self.stream, "one of " + ", ".join(get_args(Stream)))
            )
        if problems:
            raise OptionError(problems)


PriorChoice: TypeAlias = str | Prior | OrganisationPrior | Mapping[str, Prior]


def prior_of(choice: PriorChoice, claim: Claim) -> Prior:
    """Prior for a claim.

    Parameters
    ----------
    choice : "provisional", Prior, OrganisationPrior, or mapping of str to Prior
        A mapping names claims or scales; what it does not name gets the provisional prior. Of an ``OrganisationPrior``
        this is the base.
    claim : Claim

    Returns
    -------
    Prior

    Raises
    ------
    OptionError
        If the choice is neither a prior, a mapping nor ``"provisional"``.

    Notes
    -----
    The provisional prior has τ_s = 5 δ, τ_w = 15 δ and w = .2: before seeing anything, an effect of interest in either
    direction has the probability .86, and one beyond 10 δ the probability .14. It is a convention, not a finding.

    Examples
    --------
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> prior_of("provisional", claim)
    Prior(sceptical_sd=0.05, wide_sd=0.15, wide_weight=0.2)
    """
    if isinstance(choice, OrganisationPrior):
        choice = choice.base
    if isinstance(choice, Prior):
        return choice
    if isinstance(choice, Mapping):
        choice = choice.get(claim.id, choice.get(claim.scale, "provisional"))
        if isinstance(choice, Prior):
            return choice
    if choice != "provisional":
        raise OptionError(_wrong("prior", claim.id, choice, '"provisional", a Prior, or Priors by claim or scale'))
    return Prior(sceptical_sd=_SCEPTICAL_DELTAS * claim.delta, wide_sd=_WIDE_DELTAS * claim.delta)


def _wrong(where: str, name: str, value: object, expected: str) -> Problem:
    return Problem(what=f"{name} is {value!r}", where=where, expected=expected, remedy="correct the option")
