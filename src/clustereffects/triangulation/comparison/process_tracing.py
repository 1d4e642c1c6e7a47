"""Process tracing: what a test is worth, and the published rubric over several of Van Evera's tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.elicitation.levels import kind_of_test

#: A test whose reports are hardly more probable one way than the other, in either direction, is ignored.
_TELLING = 1.2
_STRAWS = 2

GRADES = ("failed", "mixed", "some", "strong")


@dataclass(frozen=True, slots=True)
class TracedTest:
    """One registered test and how it came out.

    Parameters
    ----------
    sensitivity : float
        Probability of the sign if the hypothesis is true.
    type_one_error : float
        Probability of the sign if it is not.
    seen : bool

    Raises
    ------
    OptionError
        If a probability lies outside [0, 1].

    Examples
    --------
    >>> TracedTest(0.95, 0.6, seen=True).kind
    'hoop'
    """

    sensitivity: float
    type_one_error: float
    seen: bool

    def __post_init__(self) -> None:
        _require_chances(self.sensitivity, self.type_one_error)

    @property
    def kind(self) -> str:
        """Van Evera's name of the test; a sign rarer under the hypothesis is read as the absence of a sign."""
        s, t = self.sensitivity, self.type_one_error
        return kind_of_test(s, t) if s >= t else kind_of_test(1 - s, 1 - t)

    @property
    def telling(self) -> bool:
        """Whether one of its outcomes is at least 1.2 times as probable one way as the other."""
        low, high = sorted((self.sensitivity, self.type_one_error))
        return high > low and (high >= _TELLING * low or 1 - low >= _TELLING * (1 - high))

    @property
    def passed(self) -> bool:
        """Whether what was found speaks for the hypothesis: seen if the sign is more probable under it, else not seen."""
        return self.seen == (self.sensitivity > self.type_one_error)


def posterior_after(prior: float, test: TracedTest) -> float:
    """Probability of the hypothesis after one test.

    Parameters
    ----------
    prior : float
    test : TracedTest

    Returns
    -------
    float

    Raises
    ------
    OptionError
        If the prior lies outside [0, 1].

    Notes
    -----
    Bayes' rule, as contribution tracing writes it: ``prior·s/(prior·s + t·(1 − prior))`` (Befani & Stedman-Bryce 2017,
    *Evaluation* 23(1)).

    Examples
    --------
    >>> round(posterior_after(0.5, TracedTest(0.95, 0.6, seen=True)), 3)
    0.613
    >>> round(posterior_after(0.5, TracedTest(0.95, 0.6, seen=False)), 3)
    0.111
    """
    _require_chances(prior)
    s, t = test.sensitivity, test.type_one_error
    if not test.seen:
        s, t = 1 - s, 1 - t
    total = prior * s + (1 - prior) * t
    return prior * s / total if total > 0 else prior


def probative_value(without: float, with_hypothesis: float) -> float:
    """How far seeing or not seeing a clue moves an even prior.

    Parameters
    ----------
    without, with_hypothesis : float
        φ₀ and φ₁: probability of the clue if the hypothesis is false, and if it is true.

    Returns
    -------
    float
        From 0 (no value) to 1 (settles the matter); negative if the clue is rarer under the hypothesis.

    Raises
    ------
    OptionError
        If a probability lies outside [0, 1].

    Notes
    -----
    ``φ₁/(φ₀ + φ₁) − (1 − φ₁)/((1 − φ₁) + (1 − φ₀))``: the difference between the posteriors after seeing and after not
    seeing it (Humphreys & Jacobs 2015, *APSR* 109(4)). A clue that is always, or never, there has no value.

    Examples
    --------
    >>> round(probative_value(0.1, 0.9), 10), round(probative_value(0.41, 0.6), 3)
    (0.8, 0.19)
    """
    seen = posterior_after(0.5, TracedTest(with_hypothesis, without, seen=True))
    return seen - posterior_after(0.5, TracedTest(with_hypothesis, without, seen=False))


def rubric_grade(tests: Sequence[TracedTest]) -> str:
    """Grade of a hypothesis by the published process-tracing rubric.

    Parameters
    ----------
    tests : sequence of TracedTest

    Returns
    -------
    str
        "failed": a hoop (or doubly decisive) test failed, whatever else passed. "strong": a smoking gun or doubly
        decisive test passed, no hoop failed. "some": at least two straws (or hoops) passed and none failed. "mixed":
        anything else.

    Raises
    ------
    TypeError
        If the tests are not a sequence of tests.

    Notes
    -----
    Van Evera's logic alone: no probabilities are combined, and ten smoking guns count as one. Tests that can hardly tell
    the hypothesis from its negation are ignored.

    Examples
    --------
    >>> rubric_grade([TracedTest(0.3, 0.02, seen=True), TracedTest(0.95, 0.6, seen=True)])
    'strong'
    >>> rubric_grade([TracedTest(0.3, 0.02, seen=True), TracedTest(0.95, 0.6, seen=False)])
    'failed'
    """
    telling = [one for one in tests if one.telling]
    passed = [one.kind for one in telling if one.passed]
    failed = [one.kind for one in telling if not one.passed]
    if {"hoop", "doubly decisive"} & set(failed):
        return "failed"
    if {"smoking gun", "doubly decisive"} & set(passed):
        return "strong"
    lost_straws = "straw in the wind" in failed
    return "some" if len(passed) >= _STRAWS and not lost_straws else "mixed"


def _require_chances(*chances: float) -> None:
    outside = [chance for chance in chances if not 0 <= chance <= 1]
    if outside:
        raise OptionError(
            Problem(
                what=f"probability {outside[0]}",
                where="process-tracing test",
                expected="a number from 0 to 1",
                remedy="correct the probability",
            )
        )
