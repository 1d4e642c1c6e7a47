"""Wording of reports in Swedish and English, from one file per language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from clustereffects.errors import OptionError, Problem

LANGUAGES = ("sv", "en")


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


@cache
def wording(language: str) -> Wording:
    """Wording of a language.

    Parameters
    ----------
    language : {"sv", "en"}

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
    path = files("clustereffects.reporting") / "wording" / f"{language}.toml"
    return Wording(language, tomllib.loads(path.read_text(encoding="utf-8")))
