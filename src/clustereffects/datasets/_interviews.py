"""Interviews written from sentences, and what two coders make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clustereffects.datasets._catalogue import Code, Organisation, catalogue, codes
from clustereffects.datasets._lists import identifiers

CODERS = ("EN", "TS")
MISS, FALSE_CODE, SHIFT, TWICE = 0.12, 0.03, 0.1, 0.3
SELECTED = {"growing": 0.55, "neutral": 0.2, "declining": 0.06}
NEWLINES = ("lf", "crlf_as_one", "crlf_as_two")


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text: positions count every line end as one character."""

    start: int
    end: int
    code: str


@dataclass(frozen=True, slots=True)
class Interview:
    """One interview with the passages that hold a code and the codings of each coder."""

    source: str
    organisation: str
    respondent: str
    role: str
    text: str
    newline: str
    passages: tuple[Passage, ...]
    codings: tuple[tuple[str, Passage], ...]


def draw_interviews(
    organisations: tuple[Organisation, ...], states: Sequence[dict[str, str]], n: int, rng: np.random.Generator
) -> tuple[Interview, ...]:
    """Spread ``n`` interviews over the organisations and code them; ``states`` holds the claims' states by organisation."""
    places = np.sort(np.arange(n) % len(organisations))
    interviews = []
    for number, place in enumerate(places, 1):
        row = organisations[place]
        name = identifiers(len(organisations))[place]
        roles = catalogue()["roles"]["interviews"]
        role = roles[int(rng.choice(len(roles), p=[0.7, 0.15, 0.15]))]
        heard = _heard(states[place], row.selection, rng)
        head = f"{catalogue()['headings'][role]}\n{row.name} ({name})"
        text, passages = _write(head, heard, rng)
        newline = NEWLINES[int(rng.choice(3, p=[0.5, 0.35, 0.15]))]
        blank = Interview(f"Samtal_{number:03d}_{name}", name, f"P{number:03d}", role, text, newline, passages, ())
        interviews.append(replace(blank, codings=_code(blank, _readers(number, n, rng), rng)))
    return tuple(interviews)


def coding_table(interviews: tuple[Interview, ...]) -> pd.DataFrame:
    """All codings with positions that count every line end as one character."""
    rows = [
        {
            "source": interview.source,
            "organisation": interview.organisation,
            "respondent": interview.respondent,
            "role": interview.role,
            "coder": coder,
            "code": passage.code,
            "start": passage.start,
            "end": passage.end,
            "quote": interview.text[passage.start : passage.end],
        }
        for interview in interviews
        for coder, passage in interview.codings
    ]
    return pd.DataFrame(rows)


def _heard(states: dict[str, str], selection: str, rng: np.random.Generator) -> list[Code]:
    heard = []
    for code in codes():
        state = ("benefit", "negligible", "harm").index(states.get(code.claim, "negligible"))
        chance = SELECTED[selection] if code.target == "bias:economic" else code.observed[state]
        if rng.random() < chance:
            heard.append(code)
    return heard


def _write(head: str, heard: list[Code], rng: np.random.Generator) -> tuple[str, tuple[Passage, ...]]:
    """Mix coded sentences with filler, break into paragraphs, remember the positions."""
    filler = [(sentence, "") for sentence in rng.permutation(catalogue()["filler"]["sentences"])[: rng.integers(8, 15)]]
    coded = [(code.sentences[int(rng.integers(len(code.sentences)))], code.code) for code in heard]
    sentences = [*filler, *coded]
    text, passages = head, []
    for position, index in enumerate(rng.permutation(len(sentences))):
        sentence, code = sentences[index]
        text += "\n\n" if position % 4 == 0 else " "
        passages.append(Passage(len(text), len(text) + len(sentence), str(code)))
        text += str(sentence)
    return text + "\n", tuple(passages)


def _readers(number: int, n: int, rng: np.random.Generator) -> tuple[str, ...]:
    """One coder in turn; both for about a third of the interviews, and always for the first."""
    both = number == 1 or rng.random() < TWICE or n == 1
    return CODERS if both else (CODERS[number % 2],)


def _code(interview: Interview, readers: tuple[str, ...], rng: np.random.Generator) -> tuple[tuple[str, Passage], ...]:
    names = [code.code for code in codes()]
    codings = []
    for coder in readers:
        for index, passage in enumerate(interview.passages):
            if passage.code and rng.random() > MISS:
                codings.append((coder, _shifted(interview.passages, index, rng)))
            elif not passage.code and rng.random() < FALSE_CODE:
                codings.append((coder, replace(passage, code=names[int(rng.integers(len(names)))])))
    return tuple(codings)


def _shifted(passages: tuple[Passage, ...], index: int, rng: np.random.Generator) -> Passage:
    """Sometimes the coder leaves out the full stop or takes the next sentence along."""
    passage, draw = passages[index], rng.random()
    if draw < SHIFT:
        return replace(passage, end=passage.end - 1)
    if draw < 2 * SHIFT and index + 1 < len(passages):
        return replace(passage, end=passages[index + 1].end)
    return passage
