"""One sentence per claim and organisation that says what the verdict hangs on; never more than two digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.sensitivity import LeftOut
from clustereffects.triangulation.tipping import Tip

Language = Literal["en", "sv"]

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "economic": "the economic estimate",
        "survey": "the survey",
        "interviews": "the interviews",
        "documents": "the documents",
        "stands_on": "Rests on {streams} alone.",
        "robust": "Dropping any one stream leaves the verdict unchanged.",
        "fragile": "Without {streams} the verdict would change.",
        "bias": "a mean bias of {list} would change the verdict",
        "one_bias": "{value} in {stream} (assumed {now})",
        "power": "giving {stream} {value} of the weight would change it",
        "no_power": "no weight of a single stream would change it",
        "no_bias": "no bias within reach would change it",
        "ratio": "a combined likelihood ratio of {value} for benefit (now {now}) would change the verdict",
        "straddle": "Withheld: within the declared ranges the probability of {state} runs from {low} to {high}, "
        "across the limit of {limit}.",
        "silent": "No evidence: {reasons}.",
        "harm": "harm",
        "negligible": "a negligible effect",
        "benefit": "benefit",
        "above": "more than 99 %",
        "below": "less than 1 %",
        "nothing": "nothing was handed in",
        "aside": "nothing but signs of biases or of rivals",
        "or": " or ",
        "not_asked": "not asked",
        "not_measured": "not measured",
        "missing": "missing",
        "searched_not_found": "searched and not found, with no known chance of finding",
    },
    "sv": {
        "economic": "den ekonomiska skattningen",
        "survey": "enkäten",
        "interviews": "intervjuerna",
        "documents": "dokumenten",
        "stands_on": "Vilar enbart på {streams}.",
        "robust": "Omdömet står sig om vilket perspektiv som helst tas bort.",
        "fragile": "Utan {streams} skulle omdömet ändras.",
        "bias": "en genomsnittlig skevhet på {list} skulle ändra omdömet",
        "one_bias": "{value} i {stream} (antagen {now})",
        "power": "att ge {stream} {value} av vikten skulle ändra det",
        "no_power": "ingen vikt för ett enskilt perspektiv skulle ändra det",
        "no_bias": "ingen skevhet inom räckhåll skulle ändra det",
        "ratio": "en sammanlagd sannolikhetskvot på {value} för nytta (nu {now}) skulle ändra omdömet",
        "straddle": "Omdöme ges inte: inom de angivna intervallen går sannolikheten för {state} från {low} till "
        "{high}, över gränsen {limit}.",
        "silent": "Inget underlag: {reasons}.",
        "harm": "skada",
        "negligible": "en obetydlig effekt",
        "benefit": "nytta",
        "above": "mer än 99 %",
        "below": "mindre än 1 %",
        "nothing": "ingenting har lämnats in",
        "aside": "bara tecken på skevheter eller på andra förklaringar",
        "or": " eller ",
        "not_asked": "inte tillfrågad",
        "not_measured": "inte mätt",
        "missing": "saknas",
        "searched_not_found": "eftersökt och inte funnet, utan känd chans att finna",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What a sentence is made of.

    Parameters
    ----------
    verdict : str
    left_out : tuple of LeftOut
    tips : tuple of Tip
    straddling : tuple of (state, lower, upper, limit)
        States whose bounds contain their threshold.
    silences : mapping of str to str
        Reason of each silent stream.
    aside : bool
        Whether there are signs of biases or of rivals, which say nothing of the effect itself.

    Raises
    ------
    TypeError
        If a field is unknown.

    Examples
    --------
    >>> Reasons(verdict="silent", silences={"survey": "not_asked"}).verdict
    'silent'
    """

    verdict: str
    left_out: tuple[LeftOut, ...] = ()
    tips: tuple[Tip, ...] = ()
    straddling: tuple[tuple[str, float, float, float], ...] = ()
    silences: Mapping[str, str] | None = None
    aside: bool = False


def check_language(language: str) -> None:
    """Refuse a language that the findings do not speak.

    Parameters
    ----------
    language : str

    Raises
    ------
    OptionError
        If the language is neither English nor Swedish.

    Examples
    --------
    >>> check_language("sv")
    """
    if language not in get_args(Language):
        expected = "one of " + ", ".join(get_args(Language))
        raise OptionError(
            Problem(
                what=f"language {language!r}", where="findings", expected=expected, remedy="choose another language"
            )
        )


def tipping_sentence(reasons: Reasons, language: Language = "en") -> str:
    """Say what a verdict hangs on.

    Parameters
    ----------
    reasons : Reasons
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the language is neither English nor Swedish.

    Examples
    --------
    >>> tipping_sentence(Reasons(verdict="silent", silences={"survey": "not_asked"}))
    'No evidence: the survey (not asked).'
    >>> tip = Tip(quantity="bias", stream="economic", current=0.0, tips_at=0.0391, verdict="probably beneficial",
    ...           becomes="undecided")
    >>> tipping_sentence(Reasons(verdict="probably beneficial", tips=(tip,)))
    'A mean bias of 0.039 in the economic estimate (assumed 0) would change the verdict.'
    """
    words = _WORDS[language]
    if reasons.verdict == "silent":
        given = [f"{words[stream]} ({words[why]})" for stream, why in (reasons.silences or {}).items()]
        given += [words["aside"]] if reasons.aside else []
        return words["silent"].format(reasons=", ".join(given) or words["nothing"])
    if reasons.verdict == "withheld":
        return " ".join(_straddle(words, language, *one) for one in reasons.straddling)
    return " ".join(part for part in (_on_streams(words, reasons), _on_inputs(words, language, reasons)) if part)


def two_digits(value: float, language: Language = "en") -> str:
    """Write a number with two significant digits.

    Parameters
    ----------
    value : float
    language : {"en", "sv"}
        Swedish has a decimal comma.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the value is not finite.

    Examples
    --------
    >>> two_digits(0.12428), two_digits(1234.0), two_digits(-0.0391, "sv")
    ('0.12', '1200', '-0,039')
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no digits")
    text = np.format_float_positional(float(f"{value:.1e}"), trim="-")
    return text.replace(".", ",") if language == "sv" else text


def percent(probability: float, language: Language = "en") -> str:
    """Write a probability in whole percent, never as certainty.

    Parameters
    ----------
    probability : float
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the language is neither English nor Swedish.

    Examples
    --------
    >>> percent(0.9692), percent(0.9999), percent(0.0001, "sv")
    ('97 %', 'more than 99 %', 'mindre än 1 %')
    """
    words = _WORDS[language]
    if probability >= 0.995:
        return words["above"]
    return words["below"] if probability < 0.005 else f"{100 * probability:.0f} %"


def _straddle(words: Mapping[str, str], language: Language, state: str, low: float, high: float, limit: float) -> str:
    return words["straddle"].format(
        state=words[state], low=percent(low, language), high=percent(high, language), limit=percent(limit, language)
    )


def _on_streams(words: Mapping[str, str], reasons: Reasons) -> str:
    streams = [one for one in reasons.left_out if one.kind == "stream"]
    if len(streams) == 1:
        return words["stands_on"].format(streams=words[streams[0].name])
    flips = [words[one.name] for one in streams if one.flips]
    if flips:
        return words["fragile"].format(streams=words["or"].join(flips))
    return words["robust"] if streams else ""


def _fragile(reasons: Reasons) -> bool:
    """Whether the sentence says that a verdict would change without a stream, if only for want of its bias evidence."""
    streams = [one for one in reasons.left_out if one.kind == "stream"]
    return len(streams) > 1 and any(one.flips for one in streams)


def _on_ratio(words: Mapping[str, str], language: Language, reasons: Reasons) -> list[str]:
    """What the diagnostics would have to say where there are no estimates."""
    return [
        words["ratio"].format(value=two_digits(tip.tips_at, language), now=two_digits(tip.current, language))
        for tip in reasons.tips
        if tip.quantity == "ratio" and tip.changes
    ]


def _on_inputs(words: Mapping[str, str], language: Language, reasons: Reasons) -> str:
    biases = [tip for tip in reasons.tips if tip.quantity == "bias"]
    powers = [tip for tip in reasons.tips if tip.quantity == "power"]
    nearest = sorted((tip for tip in biases if tip.changes), key=lambda tip: abs(tip.tips_at - tip.current))
    named = [
        words["one_bias"].format(
            value=two_digits(tip.tips_at, language),
            stream=words[tip.stream],
            now=two_digits(tip.current, language),
        )
        for tip in nearest
    ]
    parts = [words["bias"].format(list=words["or"].join(named))] if named else []
    parts += [words["no_bias"]] if biases and not nearest else []
    parts += [] if biases else _on_ratio(words, language, reasons)
    lowered = max((tip for tip in powers if tip.changes), key=lambda tip: tip.tips_at, default=None)
    if lowered is not None:
        parts.append(words["power"].format(stream=words[lowered.stream], value=percent(lowered.tips_at, language)))
    elif powers and not _fragile(reasons):
        parts.append(words["no_power"])
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""
