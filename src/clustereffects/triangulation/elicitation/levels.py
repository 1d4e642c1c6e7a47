"""Words for probabilities: five levels with published ranges, and what follows from two of them.

Judges choose a level. Numbers come from the scale, the name of a test and the words for its strength from the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TypeAlias

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.likelihoods import odds_words

Range: TypeAlias = tuple[float, float]

#: Chance that an informant reports what happened, by how much the informant knows.
KNOWLEDGE = {"good": 0.90, "partial": 0.70, "little": 0.45}
_HIGH, _LOW = 0.8, 0.1
_TYPES = ("doubly decisive", "hoop", "smoking gun", "straw in the wind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One step of a scale of verbal probabilities.

    Parameters
    ----------
    word : str
    low, high : float
        Range of probabilities that the word stands for.

    Raises
    ------
    OptionError
        When the scale that contains it is built, if the range is not one.

    Examples
    --------
    >>> Level(word="unlikely", low=0.10, high=0.33).high
    0.33
    """

    word: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelScale:
    """Five words for probabilities, from the least to the most probable.

    Parameters
    ----------
    levels : tuple of Level
        Five of them, in rising order; neighbours may touch but not overlap.
    source : str
        Where the ranges come from.

    Raises
    ------
    OptionError
        If there are not five levels, a word is empty or occurs twice, or the ranges do not rise from above 0 to below 1.

    Notes
    -----
    No range reaches 0 or 1: no single observation rules a state out for good.

    Examples
    --------
    >>> LIKELIHOOD_SCALE.range_of("likely"), LIKELIHOOD_SCALE.rank("likely")
    ((0.66, 0.9), 4)
    """

    levels: tuple[Level, ...]
    source: str

    def __post_init__(self) -> None:
        problems = _scale_problems(self.levels)
        if problems:
            raise OptionError(problems)

    @property
    def words(self) -> tuple[str, ...]:
        """The words, from the least to the most probable."""
        return tuple(one.word for one in self.levels)

    def knows(self, word: str) -> bool:
        """Whether the scale has this word, in whatever case."""
        return word.strip().casefold() in {one.casefold() for one in self.words}

    def range_of(self, word: str) -> Range:
        """Range of probabilities that the word stands for."""
        level = self.levels[self.rank(word) - 1]
        return level.low, level.high

    def rank(self, word: str) -> int:
        """Position of the word, 1 for the least probable."""
        if not self.knows(word):
            raise OptionError(_wrong(f"no level {word!r}", ", ".join(self.words), "use one of these words"))
        return [one.casefold() for one in self.words].index(word.strip().casefold()) + 1


def _scale_problems(levels: tuple[Level, ...]) -> list[Problem]:
    problems = []
    if len(levels) != 5:
        problems.append(_wrong(f"{len(levels)} levels", "five", "state five levels"))
    words = [one.word.strip().casefold() for one in levels]
    if len(set(words)) < len(words) or "" in words:
        problems.append(_wrong("a word is empty or occurs twice", "five different words", "rename the level"))
    ends = [end for one in levels for end in (one.low, one.high)]
    rising = all(low <= high for low, high in pairwise(ends))
    if not (rising and all(0 < end < 1 for end in ends) and all(one.low < one.high for one in levels)):
        problems.append(
            _wrong(f"ranges {ends}", "rising ranges between 0 and 1, without 0 and 1", "correct the ranges")
        )
    return problems


LIKELIHOOD_SCALE = LevelScale(
    levels=(
        Level(word="very unlikely", low=0.01, high=0.10),
        Level(word="unlikely", low=0.10, high=0.33),
        Level(word="about as likely as not", low=0.33, high=0.66),
        Level(word="likely", low=0.66, high=0.90),
        Level(word="very likely", low=0.90, high=0.99),
    ),
    source="IPCC (2007), Fourth Assessment Report, Working Group II, Introduction, section F, description of likelihood",
)


def informant_sensitivity(knowledge: str, conceal: str = "", scale: LevelScale = LIKELIHOOD_SCALE) -> Range:
    """Chance that an informant reports what happened, from what the informant knows and has reason to conceal.

    Parameters
    ----------
    knowledge : {"good", "partial", "little"}
        .90, .70 or .45.
    conceal : str
        How probable it is that the informant keeps it back, as a level of the scale; empty for no reason to.
    scale : LevelScale

    Returns
    -------
    tuple of two floats
        Range of P(report | it happened).

    Raises
    ------
    OptionError
        If a word is unknown.

    Notes
    -----
    The three values are those an evaluation report with contribution tracing (Befani & Stedman-Bryce 2017,
    *Evaluation* 23(1)) uses for the sensitivity of interviews; we know them from that report and not from the article.
    Reason to conceal enters here as P(report) = P(knows)·(1 − P(keeps back)).

    Examples
    --------
    >>> informant_sensitivity("good")
    (0.9, 0.9)
    >>> [round(end, 3) for end in informant_sensitivity("good", "unlikely")]
    [0.603, 0.81]
    """
    if knowledge not in KNOWLEDGE:
        raise OptionError(_wrong(f"knowledge {knowledge!r}", ", ".join(KNOWLEDGE), "use one of these words"))
    low, high = scale.range_of(conceal) if conceal else (0.0, 0.0)
    return KNOWLEDGE[knowledge] * (1 - high), KNOWLEDGE[knowledge] * (1 - low)


def kind_of_test(sensitivity: float, type_one: float) -> str:
    """Name of a test, derived from its two probabilities and never typed in.

    Parameters
    ----------
    sensitivity : float
        Probability of the observation if the claim holds.
    type_one : float
        Probability of the observation if it does not.

    Returns
    -------
    {"doubly decisive", "hoop", "smoking gun", "straw in the wind"}
        For the direction in which the observation speaks: the larger of the two is high from .8, the smaller low up to .1.

    Raises
    ------
    ValueError
        If one is not a probability.

    References
    ----------
    Van Evera (1997), *Guide to Methods for Students of Political Science*, pages 31–32.

    Examples
    --------
    >>> [kind_of_test(*pair) for pair in [(0.95, 0.05), (0.95, 0.60), (0.30, 0.02), (0.60, 0.40)]]
    ['doubly decisive', 'hoop', 'smoking gun', 'straw in the wind']
    """
    if not (0 <= sensitivity <= 1 and 0 <= type_one <= 1):
        raise ValueError(f"probabilities lie between 0 and 1, got {sensitivity} and {type_one}")
    sensitive, decisive = max(sensitivity, type_one) >= _HIGH, min(sensitivity, type_one) <= _LOW
    return _TYPES[2 * (not sensitive) + (not decisive)]


def kinds_of_test(sensitivity: Range, type_one: Range) -> tuple[str, ...]:
    """Names of a test that the ranges of its probabilities allow.

    Parameters
    ----------
    sensitivity, type_one : tuple of two floats

    Returns
    -------
    tuple of str
        One name if the ranges leave no doubt, the name at the middles first.

    Raises
    ------
    ValueError
        If an end is not a probability.

    Examples
    --------
    >>> kinds_of_test((0.9, 0.99), (0.05, 0.33))
    ('hoop', 'doubly decisive')
    """
    middle = kind_of_test(sum(sensitivity) / 2, sum(type_one) / 2)
    others = {kind_of_test(s, t) for s, t in product(sensitivity, type_one)}
    return middle, *(name for name in _TYPES if name in others - {middle})


def likelihood_ratio_range(sensitivity: Range, type_one: Range) -> Range:
    """Smallest and largest likelihood ratio within two ranges.

    Parameters
    ----------
    sensitivity, type_one : tuple of two floats
        Ranges of the probability of the observation if the claim holds, and if it does not.

    Returns
    -------
    tuple of two floats
        Infinite where the lower end of ``type_one`` is 0.

    Raises
    ------
    ValueError
        If an end is negative.

    Examples
    --------
    >>> [round(ratio, 2) for ratio in likelihood_ratio_range((0.66, 0.90), (0.10, 0.33))]
    [2.0, 9.0]
    """
    if min(*sensitivity, *type_one) < 0:
        raise ValueError(f"probabilities are not negative, got {sensitivity} and {type_one}")
    return _ratio(sensitivity[0], type_one[1]), _ratio(sensitivity[1], type_one[0])


def support_words(ratios: Range) -> str:
    """Put a range of likelihood ratios into words of forensic reporting.

    Parameters
    ----------
    ratios : tuple of two floats

    Returns
    -------
    str
        One degree of support, or the two that the range spans.

    Raises
    ------
    ValueError
        If a ratio is negative.

    References
    ----------
    European Network of Forensic Science Institutes (2015), *ENFSI Guideline for Evaluative Reporting in Forensic Science*.

    Examples
    --------
    >>> support_words((2.0, 9.0)), support_words((0.5, 19.0))
    ('limited support', 'from limited support against to moderate support')
    """
    first, last = (odds_words(ratio) for ratio in ratios)
    return first if first == last else f"from {first} to {last}"


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else math.inf if above > 0 else 1.0


def _wrong(what: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where="scale of levels", expected=expected, remedy=remedy)
