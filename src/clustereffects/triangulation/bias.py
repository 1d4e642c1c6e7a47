"""Provisional bias judgements, to be replaced by a region's own before it looks at results.

They are stated so that a run cannot be silent about bias; none of them is measured for Swedish cluster organisations.
"""

from __future__ import annotations

import math

from clustereffects.errors import OptionError, Problem
from clustereffects.results.evidence import BiasTerm

_DID_SD = (0.075, 0.10, 0.12, 0.15)
_ECONOMIC = {"none": 0.0, "low": 1.5, "moderate": 3.0, "serious": 6.0}
_SURVEY = {"none": (0.0, 0.0), "favours the programme": (2.0, 10.0), "strongly favours the programme": (5.0, 20.0)}
_REPORTS = {"none": 0.0, "some": 0.1, "serious": 0.2}


def did_bias(
    *,
    pretest: bool = True,
    local: bool = True,
    rich: bool = False,
    outcome_sd: float = 1.0,
) -> tuple[BiasTerm, ...]:
    """Bias of a matched difference-in-differences, from what the design controls.

    Parameters
    ----------
    pretest : bool
        Matched on the outcome before joining.
    local : bool
        Controls from the same labour market and industry.
    rich : bool
        Many covariates beyond size, industry and region.
    outcome_sd : float
        Standard deviation of the outcome in units of the claim. Leave 1 only if the estimate is in standard deviations.

    Returns
    -------
    tuple of BiasTerm
        One additive term with mean zero.

    Raises
    ------
    OptionError
        If the outcome's standard deviation is not positive.

    Notes
    -----
    Provisional. Standard deviation .075 of the outcome's with all three, .10 if one is missing, .12 and .15 if two or
    three are, after 39 within-study comparisons (PMC10186563) in which bias shrank with each of them. That they carry
    over to cluster policy is an assumption; sweep to .20.

    Examples
    --------
    >>> did_bias(pretest=True, local=True, rich=False)[0].sd
    0.1
    """
    if not (math.isfinite(outcome_sd) and outcome_sd > 0):
        raise OptionError(_refused(f"outcome_sd is {outcome_sd}", "a number above 0", "give it in units of the claim"))
    missing = [name for name, has in (("pretest", pretest), ("local", local), ("rich", rich)) if not has]
    note = "provisional; within-study comparisons; missing: " + (", ".join(missing) or "nothing")
    return (BiasTerm(domain="selection", sd=_DID_SD[len(missing)] * outcome_sd, note=note),)


def self_report_bias(
    *,
    range: tuple[float, float] = (0.02, 0.10),  # noqa: A002  (the word the judgement is made in)
    mean: float | None = None,
    sd: float | None = None,
    shared: str = "self-report",
) -> tuple[BiasTerm, ...]:
    """Bias of members who report the effect of their own membership.

    Parameters
    ----------
    range : tuple of two floats
        Lowest and highest plausible mean, in units of the claim; positive means "favours the programme".
    mean : float, optional
        Central judgement; the middle of the range by default.
    sd : float, optional
        Standard deviation between organisations; as large as the mean by default.
    shared : str
        Estimates that name the same group have one and the same bias, because the same persons answered.

    Returns
    -------
    tuple of BiasTerm
        One additive term, reported as bounds over the range.

    Raises
    ------
    OptionError
        If the mean lies outside the range.

    Notes
    -----
    Provisional. McKenzie (2018, *Journal of Business & Economic Statistics* 36(4)) found that owners overestimate what
    a programme did for them; by how much is not transferable, so the range must be elicited and swept. The default is
    in log points.

    Examples
    --------
    >>> term = self_report_bias(range=(0.02, 0.10))[0]
    >>> round(term.mean, 3), term.mean_range
    (0.06, (0.02, 0.1))
    """
    low, high = range
    centre = (low + high) / 2 if mean is None else mean
    if not low <= centre <= high:
        raise OptionError(_refused(f"mean {centre} with the range {range}", "lower ≤ mean ≤ upper", "widen the range"))
    width = abs(centre) if sd is None else sd
    note = "provisional; direction after McKenzie (2018), size is a judgement"
    return (BiasTerm(domain="self-report", mean=centre, sd=width, mean_range=(low, high), shared=shared, note=note),)


def judged_bias(stream: str, judgement: str, *, delta: float) -> tuple[BiasTerm, ...]:
    """Bias terms for a judgement in words, in multiples of the smallest effect of interest.

    Parameters
    ----------
    stream : {"economic", "survey"}
    judgement : str
        ``none``, ``low``, ``moderate``, ``serious`` for the economic stream; ``none``, ``favours the programme``,
        ``strongly favours the programme`` for the survey.
    delta : float
        Smallest effect of interest of the claim.

    Returns
    -------
    tuple of BiasTerm
        Empty for ``none``.

    Raises
    ------
    OptionError
        If the stream or the words are unknown.

    Notes
    -----
    Provisional. Economic: mean 0, standard deviation 1.5, 3 or 6 δ. Survey: mean in 2–10 δ (strongly: 5–20 δ), centre
    and standard deviation at half the upper end. With δ = .01 the middle steps are those of the worked example in the
    method card.

    Examples
    --------
    >>> judged_bias("economic", "moderate", delta=0.01)[0].sd
    0.03
    """
    words = {"economic": list(_ECONOMIC), "survey": list(_SURVEY)}
    if judgement not in words.get(stream, ()):
        known = "; ".join(f"{name}: {', '.join(steps)}" for name, steps in words.items())
        raise OptionError(_refused(f"judgement {judgement!r} on stream {stream!r}", known, "use one of these words"))
    note = f"provisional; judged {judgement!r}"
    if judgement == "none":
        return ()
    if stream == "economic":
        return (BiasTerm(domain="selection", sd=_ECONOMIC[judgement] * delta, note=note),)
    low, high = (step * delta for step in _SURVEY[judgement])
    return (
        BiasTerm(
            domain="self-report", mean=high / 2, sd=high / 2, mean_range=(low, high), shared="self-report", note=note
        ),
    )


def judged_unreliability(judgement: str) -> float:
    """Probability that a coded statement is uninformative, for a judgement in words.

    Parameters
    ----------
    judgement : {"none", "some", "serious"}

    Returns
    -------
    float
        0, .1 or .2: no single statement can then count more than ∞, 19 or 9 to 1.

    Raises
    ------
    OptionError
        If the word is unknown.

    Examples
    --------
    >>> judged_unreliability("some")
    0.1
    """
    if judgement not in _REPORTS:
        raise OptionError(_refused(f"judgement {judgement!r}", ", ".join(_REPORTS), "use one of these words"))
    return _REPORTS[judgement]


def _refused(what: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where="bias judgement", expected=expected, remedy=remedy)
