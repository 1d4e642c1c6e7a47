"""What a researcher concluded instead, with the reason, side by side with what was computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clustereffects.errors import OptionError, Problem
from clustereffects.interviews.agreement import cohen_kappa
from clustereffects.interviews.agreement_intervals import bootstrap_agreement
from clustereffects.triangulation.convergence import CODES
from clustereffects.triangulation.sorting import STREAMS
from clustereffects.triangulation.verdicts import VERDICTS

_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A researcher's own verdict or convergence code on one claim for one organisation.

    Parameters
    ----------
    claim, group : str
    by : str
        Who judged.
    reason : str
        Why; an override without a reason is refused.
    verdict : str
        One of the verdicts; give this or a code.
    code : str
        One of the convergence codes, on the two ``streams``.
    streams : tuple of two str
    date : str
        When it was judged.

    Raises
    ------
    OptionError
        With everything that is missing or unknown.

    Notes
    -----
    Overrides never change a computed number or verdict: they stand beside it. A judgement that agrees with the computed
    one belongs here too; without the confirmations agreement cannot be measured.

    Examples
    --------
    >>> Override(claim="growth", group="K01", by="AL", reason="two members left the sector", verdict="undecided").what
    'verdict'
    """

    claim: str
    group: str
    by: str
    reason: str
    verdict: str = ""
    code: str = ""
    streams: tuple[str, ...] = ()
    date: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", tuple(sorted(self.streams, key=_position)))
        if problems := [*self._missing(), *self._unknown()]:
            raise OptionError(problems)

    def _missing(self) -> list[Problem]:
        where = f"override on {self.claim} × {self.group}"
        empty = [name for name in ("claim", "group", "by", "reason") if not getattr(self, name).strip()]
        problems = [_problem(f"no {name}", where, f"a text for {name}", "say who judged, and why") for name in empty]
        if bool(self.verdict) == bool(self.code):
            problems.append(_problem("not one judgement", where, "either a verdict or a code", "hand in one for each"))
        return problems

    def _unknown(self) -> list[Problem]:
        where = f"override on {self.claim} × {self.group}"
        problems = [
            _problem(f"unknown {name} {value!r}", where, "one of " + ", ".join(known), "use one of these words")
            for name, value, known in (("verdict", self.verdict, VERDICTS), ("code", self.code, CODES))
            if value and value not in known
        ]
        two = len(set(self.streams)) == len(self.streams) == 2 and set(self.streams) <= set(STREAMS)
        if self.code and not two:
            expected = "two different ones of " + ", ".join(STREAMS)
            problems.append(_problem(f"streams {self.streams}", where, expected, "name the two streams compared"))
        if self.verdict and self.streams:
            problems.append(_problem("a verdict with streams", where, "streams with a code only", "leave them out"))
        return problems

    @property
    def what(self) -> str:
        """Whether it is a verdict or a code."""
        return "verdict" if self.verdict else "code"

    @property
    def judgement(self) -> str:
        """The verdict or code."""
        return self.verdict or self.code

    @property
    def about(self) -> tuple[str, ...]:
        """Claim, group and streams."""
        return (self.claim, self.group, *self.streams)


def _position(stream: str) -> int:
    return STREAMS.index(stream) if stream in STREAMS else len(STREAMS)


def _problem(what: str, where: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy=remedy)


def check_overrides(overrides: Iterable[Override], known: Mapping[tuple[str, ...], str]) -> tuple[Override, ...]:
    """Check that every override is about something that was computed, and judged once by each researcher.

    Parameters
    ----------
    overrides : iterable of Override
    known : mapping of (claim, group) or (claim, group, first, second) to str
        Computed verdicts and codes.

    Returns
    -------
    tuple of Override

    Raises
    ------
    OptionError
        With all problems.

    Examples
    --------
    >>> one = Override(claim="growth", group="K01", by="AL", reason="r", verdict="undecided")
    >>> len(check_overrides([one], {("growth", "K01"): "probably beneficial"}))
    1
    """
    given = tuple(overrides)
    wrong = [one for one in given if not isinstance(one, Override)]
    problems = [_problem(f"a {type(one).__name__}", "overrides", "Override records", "build them") for one in wrong]
    seen: set[tuple[str, ...]] = set()
    for one in given:
        if one in wrong:
            continue
        if one.about not in known:
            where = " × ".join(one.about)
            problems.append(_problem(f"no {one.what} was computed", where, "a cell of the findings", "correct it"))
        if (key := (one.by, *one.about)) in seen:
            problems.append(_problem(f"{one.by} judged twice", " × ".join(one.about), "one judgement", "keep the last"))
        seen.add(key)
    if problems:
        raise OptionError(problems)
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideAgreement:
    """Agreement of one researcher with what was computed.

    Parameters
    ----------
    by, what : str
        Researcher, and ``"verdict"`` or ``"code"``.
    judged, same : int
        Judgements, and how many are the same as the computed ones.
    kappa, std_error, low, high : float
        Cohen's κ with its standard error and bootstrap interval; NaN below the least number of judgements.
    note : str

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> override_agreement([], {})
    ()
    """

    by: str
    what: str
    judged: int
    same: int
    kappa: float
    std_error: float
    low: float
    high: float
    note: str


def override_agreement(
    overrides: Sequence[Override], known: Mapping[tuple[str, ...], str], *, least: int = 10
) -> tuple[OverrideAgreement, ...]:
    """Measure how far researchers and the computed verdicts and codes agree.

    Parameters
    ----------
    overrides : sequence of Override
    known : mapping of (claim, group) or (claim, group, first, second) to str
        Computed verdicts and codes.
    least : int
        Judgements below which no κ is given.

    Returns
    -------
    tuple of OverrideAgreement
        By researcher, verdicts and codes apart.

    Raises
    ------
    KeyError
        If an override is about something that was not computed.

    Notes
    -----
    Cohen's κ (1960, *Educational and Psychological Measurement* 20(1)); the interval resamples judgements with a fixed
    seed. κ describes the cells that were judged: if only disagreements are handed in, it says nothing about the others.

    Examples
    --------
    >>> one = Override(claim="growth", group="K01", by="AL", reason="r", verdict="undecided")
    >>> override_agreement([one], {("growth", "K01"): "undecided"})[0].note
    'no kappa below 10 judgements'
    """
    keys = sorted({(one.by, one.what) for one in overrides})
    return tuple(
        _agreement(
            by,
            what,
            [(one.judgement, known[one.about]) for one in overrides if (one.by, one.what) == (by, what)],
            least,
        )
        for by, what in keys
    )


def _agreement(by: str, what: str, pairs: list[tuple[str, str]], least: int) -> OverrideAgreement:
    same = sum(own == computed for own, computed in pairs)
    kappa = std_error = low = high = math.nan
    note = f"no kappa below {least} judgements"
    if len(pairs) >= least:
        words = sorted({word for pair in pairs for word in pair})
        ratings = [[words.index(own), words.index(computed)] for own, computed in pairs]
        found, interval = cohen_kappa(ratings), bootstrap_agreement(ratings, "kappa", rng=_SEED)
        kappa, std_error, low, high = found.value, found.std_error, interval.low, interval.high
        note = "" if same else "only disagreements were handed in"
        note = "both always gave the same word: kappa is undefined" if math.isnan(kappa) else note
    return OverrideAgreement(
        by=by, what=what, judged=len(pairs), same=same, kappa=kappa, std_error=std_error, low=low, high=high, note=note
    )
