"""Probabilities in words: a band for what the inputs allow, and which inputs are judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.sentences import Language, percent, tipping_sentence
from clustereffects.triangulation.verdicts import STATES

BAND_COLUMNS = ("claim", "group", "verdict", "state", "words", "number", "judgement", "tipping")

#: Scale of the Intergovernmental Panel on Climate Change, from the strongest word to the weakest.
SCALE = (
    ("virtually certain", 0.99, 1.0),
    ("exceptionally unlikely", 0.0, 0.01),
    ("extremely likely", 0.95, 1.0),
    ("extremely unlikely", 0.0, 0.05),
    ("very likely", 0.90, 1.0),
    ("very unlikely", 0.0, 0.10),
    ("likely", 0.66, 1.0),
    ("unlikely", 0.0, 0.33),
    ("about as likely as not", 0.33, 0.66),
    ("more likely than not", 0.50, 1.0),
)

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "virtually certain": "virtually certain",
        "exceptionally unlikely": "exceptionally unlikely",
        "extremely likely": "extremely likely",
        "extremely unlikely": "extremely unlikely",
        "very likely": "very likely",
        "very unlikely": "very unlikely",
        "likely": "likely",
        "unlikely": "unlikely",
        "about as likely as not": "about as likely as not",
        "more likely than not": "more likely than not",
        "": "open",
        "harm": "harm",
        "negligible": "negligible effect",
        "benefit": "benefit",
        "prior": "prior",
        "bias": "bias of {stream} ({domains})",
        "bias range": "bias of {stream} ({domains}, as a range)",
        "signs": "probabilities of signs ({n})",
        "rho": "correlation between answers",
        "reports": "reliability of reports",
        "evidence": "size of biases that signs point to ({n})",
        "detect": "chance of finding what was searched for",
        "economic": "the economic estimate",
        "survey": "the survey",
        "interviews": "the interviews",
        "documents": "the documents",
    },
    "sv": {
        "virtually certain": "praktiskt taget säkert",
        "exceptionally unlikely": "ytterst osannolikt",
        "extremely likely": "extremt sannolikt",
        "extremely unlikely": "extremt osannolikt",
        "very likely": "mycket sannolikt",
        "very unlikely": "mycket osannolikt",
        "likely": "sannolikt",
        "unlikely": "osannolikt",
        "about as likely as not": "ungefär lika sannolikt som inte",
        "more likely than not": "mer sannolikt än inte",
        "": "öppet",
        "harm": "skada",
        "negligible": "obetydlig effekt",
        "benefit": "nytta",
        "prior": "förhandsfördelning",
        "bias": "skevhet i {stream} ({domains})",
        "bias range": "skevhet i {stream} ({domains}, som intervall)",
        "signs": "sannolikheter för tecken ({n})",
        "rho": "samband mellan svar",
        "reports": "uppgifternas tillförlitlighet",
        "evidence": "storleken på skevheter som tecken pekar på ({n})",
        "detect": "chansen att finna det som söktes",
        "economic": "den ekonomiska skattningen",
        "survey": "enkäten",
        "interviews": "intervjuerna",
        "documents": "dokumenten",
    },
}


def band_word(lower: float, upper: float) -> str:
    """Strongest word whose range of probabilities contains everything from the lower to the upper bound.

    Parameters
    ----------
    lower, upper : float
        Bounds of a probability; equal if it is one number.

    Returns
    -------
    str
        Empty if the bounds fit no word: they then say both "unlikely" and "likely".

    Raises
    ------
    ValueError
        If the bounds are not probabilities in order.

    Notes
    -----
    The words and ranges are those of the guidance note of the Intergovernmental Panel on Climate Change (Mastrandrea et
    al. 2010, table 1): they nest, so that "likely" means 66–100 % and .85 is likely, .93 very likely. With bounds the
    word must hold for all of them.

    Examples
    --------
    >>> band_word(0.88, 0.99), band_word(0.85, 0.85), band_word(0.97, 0.97), band_word(0.2, 0.8)
    ('likely', 'likely', 'extremely likely', '')
    """
    if not 0 <= lower <= upper <= 1:
        raise ValueError(f"{lower} and {upper} are not bounds of a probability")
    return next((word for word, low, high in SCALE if low <= lower and upper <= high), "")


def percent_range(lower: float, upper: float, language: Language = "en") -> str:
    """Write bounds of a probability in whole percent, never as certainty.

    Parameters
    ----------
    lower, upper : float
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
    >>> percent_range(0.88, 0.992), percent_range(0.969, 0.969), percent_range(0.7, 0.999), percent_range(0.999, 1.0)
    ('88–99 %', '97 %', '70–>99 %', 'more than 99 %')
    """
    if percent(lower, language) == percent(upper, language):
        return percent(lower, language)
    low = "<1" if lower < 0.005 else f"{100 * lower:.0f}"
    high = ">99" if upper >= 0.995 else f"{100 * upper:.0f}"
    return f"{low}–{high} %"


def judgements(cell: CellFinding, language: Language = "en") -> str:
    """Say which inputs of a cell are judgement rather than data.

    Parameters
    ----------
    cell : CellFinding
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
    >>> from clustereffects.triangulation.cell_finding import find_cell
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> judgements(find_cell(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15), Thresholds()))
    'prior'
    """
    words, evidence = _WORDS[language], cell.evidence
    parts = [words["prior"], *_bias_parts(cell, words)]
    signs = len({one.test or one.id for one in evidence.diagnostics})
    shifts = sum(one.observed for one in evidence.bias)
    chosen = {
        "signs": signs,
        "reports": sum(one.unreliability > 0 for one in evidence.diagnostics),
        "rho": sum(
            size > 1 for size in Counter(one.dependence for one in evidence.diagnostics if one.dependence).values()
        ),
        "evidence": shifts,
        "detect": len(evidence.searched),
    }
    parts += [words[name].format(n=n) for name, n in chosen.items() if n]
    return "; ".join(parts)


def _bias_parts(cell: CellFinding, words: Mapping[str, str]) -> list[str]:
    parts = []
    for stream in dict.fromkeys(one.stream for one in cell.evidence.estimates):
        terms = [term for one in cell.evidence.estimates if one.stream == stream for term in one.bias]
        if terms:
            key = "bias range" if any(term.mean_range is not None for term in terms) else "bias"
            domains = ", ".join(dict.fromkeys(term.domain for term in terms))
            parts.append(words[key].format(stream=words[stream], domains=domains))
    return parts


def bands_table(cells: Iterable[CellFinding], thresholds: Thresholds, language: Language = "en") -> pd.DataFrame:
    """One band in words for the leading state of every cell.

    Parameters
    ----------
    cells : iterable of CellFinding
        That are not silent.
    thresholds : Thresholds
    language : {"en", "sv"}

    Returns
    -------
    DataFrame
        ``state`` is the most probable state at the centre of all ranges, ``words`` the band with its bounds, ``number``
        the probability in whole percent: empty where the verdict is withheld, because the declared ranges then contain
        both a yes and a no.

    Raises
    ------
    KeyError
        If the language is neither English nor Swedish.

    Examples
    --------
    >>> bands_table([], Thresholds()).columns.tolist()
    ['claim', 'group', 'verdict', 'state', 'words', 'number', 'judgement', 'tipping']
    """
    rows = [_band_row(cell, thresholds, language) for cell in cells]
    return pd.DataFrame(rows, columns=list(BAND_COLUMNS))


def _band_row(cell: CellFinding, thresholds: Thresholds, language: Language) -> dict[str, Any]:
    words = _WORDS[language]
    top = int(cell.posterior.probability[0].argmax())
    lower, upper = (float(end) for end in cell.bounds[top].clip(0, 1))
    band = f"{words[band_word(lower, upper)]}, {percent_range(lower, upper, language)}"
    withheld = cell.verdict == "withheld"
    return {
        **cell.key,
        "verdict": cell.verdict,
        "state": words[STATES[top]],
        "words": band,
        "number": "" if withheld else percent(float(cell.posterior.probability[0, top]), language),
        "judgement": judgements(cell, language),
        "tipping": tipping_sentence(cell.reasons(thresholds), language),
    }
