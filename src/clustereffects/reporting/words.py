"""Wording of reports in Swedish and English, from one file per language, with or without the word "effect"."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from clustereffects.errors import OptionError, Problem

LANGUAGES = ("sv", "en")

#: What stands for the word "effect"; in Swedish the two words are declined alike.
_SWEDISH = (
    (r"\bEffekter på\b", "Skillnader i"),
    (r"effekter på\b", "skillnader i"),
    (r"\bEffekt(en)? på\b", r"Skillnad\1 i"),
    (r"effekt(en)? på\b", r"skillnad\1 i"),
    (r"\bEffekt(?!iv)", "Skillnad"),
    (r"effekt(?!iv)", "skillnad"),
)
_ENGLISH = (
    (r"(?<![A-Za-z])(fixed|year|random)([ _])effects\b", r"\1\2terms"),
    (r"\b([Aa])n effect on\b", r"\1 difference in"),
    (r"\b([Aa])n effect\b", r"\1 difference"),
    (r"\beffects on\b", "differences in"),
    (r"\bEffects on\b", "Differences in"),
    (r"\beffect on\b", "difference in"),
    (r"\bEffect on\b", "Difference in"),
    (r"(?<![a-z])effect(?!iv)", "difference"),
    (r"\bEffect(?!iv)", "Difference"),
)
_SAID: ContextVar[bool] = ContextVar("effect", default=True)


@dataclass(frozen=True, slots=True)
class Wording:
    """All sentences of a report in one language.

    Parameters
    ----------
    language : {"sv", "en"}
    texts : mapping of str to str
        Sentences by key, with ``{placeholders}``.

    Raises
    ------
    KeyError
        When a sentence or a placeholder is missing.

    Examples
    --------
    >>> wording("en")("section_answer")
    'The answer in brief'
    """

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Sentence of that key, with its placeholders filled in."""
        return self.texts[key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of that key."""
        return key in self.texts

    def term(self, prefix: str, name: object) -> str:
        """Word for a technical name, or the name itself where the language file has none."""
        return self.texts.get(f"{prefix}_{name}".replace(" ", "_"), str(name))


def wording(language: str, *, effect: bool | None = None) -> Wording:
    """Wording of a language.

    Parameters
    ----------
    language : {"sv", "en"}
    effect : bool, optional
        Whether the word "effect" may be used. Without it, as ``saying_effect`` says, and otherwise yes.

    Returns
    -------
    Wording

    Raises
    ------
    OptionError
        If there is no wording in that language.

    Examples
    --------
    >>> wording("sv").language
    'sv'
    >>> wording("en", effect=False)("verdict_no_material_effect")
    'no material difference'
    """
    if language not in LANGUAGES:
        raise OptionError(
            Problem(
                what=f"language {language!r}",
                where="",
                expected="one of " + ", ".join(LANGUAGES),
                remedy="choose one of these",
            )
        )
    said, other = _read(language)
    if _SAID.get() if effect is None else effect:
        return Wording(language, said)
    return Wording(language, {key: other.get(key) or without_effect(text, language) for key, text in said.items()})


@contextmanager
def saying_effect(*, allowed: bool) -> Iterator[None]:
    """Decide for everything that is worded inside, figures included, whether the word "effect" may be used.

    Parameters
    ----------
    allowed : bool

    Yields
    ------
    None

    Raises
    ------
    Exception
        Whatever is raised inside.

    Examples
    --------
    >>> with saying_effect(allowed=False):
    ...     wording("sv")("state_negligible")
    'ingen skillnad av betydelse'
    """
    token = _SAID.set(allowed)
    try:
        yield
    finally:
        _SAID.reset(token)


def without_effect(text: str, language: str) -> str:
    """Text in which what was estimated is called a difference.

    Parameters
    ----------
    text : str
    language : {"sv", "en"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the language is neither Swedish nor English.

    Examples
    --------
    >>> without_effect("An effect on employees; the firm-year effects are not shown", "en")
    'A difference in employees; the firm-year terms are not shown'
    >>> without_effect("Effekten på förädlingsvärdet", "sv"), without_effect("sammanvägda effekter", "sv")
    ('Skillnaden i förädlingsvärdet', 'sammanvägda skillnader')
    """
    # Names of checks, engines and columns are English in both languages.
    for pattern, word in (*_SWEDISH, *_ENGLISH) if language == "sv" else _ENGLISH:
        text = re.sub(pattern, word, text)
    return text


@cache
def _read(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Sentences, and those that are not only another word where "effect" is not used."""
    path = files("clustereffects.reporting") / "wording" / f"{language}.toml"
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    other = data.pop("difference")
    return data, other
