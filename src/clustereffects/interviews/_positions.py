r"""Which characters a selection covers: three ways of counting line breaks, and how to tell which one a source uses.

REFI-QDA gives selections as character positions in a plain-text file, but programs differ in what a line break counts
for. The text is therefore normalised to ``\n``, the positions are read in every way that is possible, and the way
that recovers most of the quotes stored beside the positions is the one used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Convention = Literal["lf", "crlf_as_one", "crlf_as_two"]
Status = Literal["exact", "moved", "mismatch", "unverifiable", "outside"]
Ints = npt.NDArray[np.int64]

SEARCH_WINDOW = 500
"""Furthest a quote is looked for, in characters, when it is not where its positions say."""
_MINIMUM_HINT = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A selection as it stands in a project: positions and what the program stored of the quote."""

    start: int
    end: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """A selection in the normalised text, and how sure that is.

    ``exact``: the stored quote stands there; ``moved``: it stands nearby and was followed; ``mismatch``: it stands
    elsewhere; ``unverifiable``: no quote was stored; ``outside``: the positions lie beyond the text.
    """

    start: int
    end: int
    status: Status


@dataclass(frozen=True, slots=True)
class Reading:
    """A source's normalised text, the convention that fits, and its selections."""

    text: str
    convention: Convention
    places: tuple[Located, ...]


def read_places(raw: str, places: Sequence[Place]) -> Reading:
    """Find the convention that recovers most quotes, and place every selection in the normalised text."""
    text = re.sub(r"\r\n?", "\n", raw)
    flat = comparable(text)
    best: Reading | None = None
    best_score = (-1.0, -1.0)
    for convention in _possible(raw):
        starts = _boundaries(raw, text, convention)
        located = tuple(_locate(text, flat, starts, place) for place in places)
        score = _score(text, located)
        if score > best_score:
            best, best_score = Reading(text, convention, located), score
    return best if best is not None else Reading(text, "lf", ())


def _possible(raw: str) -> tuple[Convention, ...]:
    """Ways in which positions can count; the first wins a tie, being what the positions literally say."""
    if "\r" in raw:
        return ("crlf_as_two", "crlf_as_one")
    return ("lf", "crlf_as_two") if "\n" in raw else ("lf",)


def _boundaries(raw: str, text: str, convention: Convention) -> Ints:
    """Counted position of every character of the normalised text, and of its end."""
    width = np.ones(len(text), dtype=np.int64)
    if convention == "crlf_as_two":
        breaks = np.flatnonzero(np.array([character == "\n" for character in text], dtype=bool))
        double = [found.group() == "\r\n" for found in re.finditer(r"\r\n?|\n", raw)]
        width[breaks] = np.where(double, 2, 1) if "\r" in raw else 2
    return np.concatenate([[0], np.cumsum(width)])


def _locate(text: str, flat: str, boundaries: Ints, place: Place) -> Located:
    if not 0 <= place.start <= place.end <= boundaries[-1]:
        return Located(place.start, place.end, "outside")
    start, end = (int(position) for position in np.searchsorted(boundaries, [place.start, place.end]))
    hint = comparable(place.hint)
    if len(hint) < _MINIMUM_HINT or hint not in flat:
        return Located(start, end, "unverifiable")
    if comparable(text[start:end]).startswith(hint):
        return Located(start, end, "exact")
    found = _nearest(text, hint, start)
    if found is None:
        return Located(start, end, "mismatch")
    return Located(found, min(found + end - start, len(text)), "moved")


def _nearest(text: str, hint: str, start: int) -> int | None:
    pattern = r"\s+".join(re.escape(word) for word in hint.split())
    low = max(0, start - SEARCH_WINDOW)
    window = text[low : start + SEARCH_WINDOW + len(hint)]
    found = [low + match.start() for match in re.finditer(pattern, window)]
    return min(found, key=lambda position: abs(position - start), default=None)


def _score(text: str, located: Sequence[Located]) -> tuple[float, float]:
    """Quotes recovered, and selections that begin and end between words (which decides where no quote is stored)."""
    exact = sum(place.status == "exact" for place in located)
    whole = sum(place.status != "outside" and _whole_words(text, place) for place in located)
    return float(exact), float(whole)


def _whole_words(text: str, place: Located) -> bool:
    quote = text[place.start : place.end]
    if not quote or quote != quote.strip():
        return False
    before, after = text[max(place.start - 1, 0) : place.start], text[place.end : place.end + 1]
    return not (before.isalnum() and quote[0].isalnum()) and not (quote[-1].isalnum() and after.isalnum())


def comparable(text: str) -> str:
    """Text with single spaces and without the dots that mark a cut."""
    return " ".join(text.split()).removesuffix("...").removesuffix("…").rstrip()
