"""Engines that look at single items instead of streams: votes, p-values and process tracing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

import clustereffects.triangulation.comparison._words as words
from clustereffects.results.evidence import Chance, Diagnostic
from clustereffects.triangulation.comparison.case import Case
from clustereffects.triangulation.comparison.p_values import cauchy, fisher, harmonic_mean, stouffer
from clustereffects.triangulation.comparison.process_tracing import GRADES, TracedTest, rubric_grade
from clustereffects.triangulation.comparison.result import EngineResult
from clustereffects.triangulation.comparison.tallies import omega_needed
from clustereffects.triangulation.comparison.votes import estimate_votes, plurality, report_votes
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import STATES, class_word

FloatArray = NDArray[np.float64]

_SIGNIFICANT = 0.05
#: The same few counts come back in many cells.
_omega_needed = cache(omega_needed)


def vote_engine(case: Case, thresholds: Thresholds) -> EngineResult:  # noqa: ARG001 - votes know no probabilities
    """One vote for every item, as it stands."""
    chances = np.array([_chances(one) for one in case.evidence.diagnostics]).reshape(-1, 3)
    seen = np.array([one.observed for one in case.evidence.diagnostics], dtype=bool)
    votes = np.concatenate(
        [
            estimate_votes(case.model.value, case.model.std_error),
            report_votes(np.where(seen[:, None], chances, 1 - chances)),
            np.ones(len(case.evidence.searched), dtype=np.intp),
        ]
    )
    state, share = plurality(votes)
    if not (votes >= 0).any():
        return _silent("vote", "share of votes for benefit")
    notes = [words.IGNORES, words.NO_EFFECT_VOTE]
    favour, against = int((votes == 2).sum()), int(((votes == 0) | (votes == 1)).sum())
    if favour > against > 0:
        notes.append(words.BIASED_REPORTING.format(omega=_omega_needed(favour, against)))
    return EngineResult(
        engine="vote",
        verdict=class_word(state),
        score=float(share[2]),
        score_means=f"share of {int((votes >= 0).sum())} votes for benefit",
        assumption=words.ASSUMES["vote"],
        warnings=tuple(notes),
    )


def p_values_engine(case: Case, thresholds: Thresholds) -> EngineResult:  # noqa: ARG001 - a p-value is no probability
    """Combined one-sided p-values of the estimates as they stand, against no benefit and against no harm."""
    z = case.model.value / case.model.std_error
    if not z.size:
        return _silent("p_values", "combined p-value against 'no benefit'")
    p = ndtr(-z)
    ways = {"Fisher": fisher, "Stouffer": stouffer, "Cauchy": cauchy, "harmonic mean": harmonic_mean}
    benefit = {name: way(p) for name, way in ways.items()}
    # Not Cauchy's: one p-value near 1 there cancels a tiny one.
    rejected = (benefit["harmonic mean"] < _SIGNIFICANT, harmonic_mean(ndtr(z)) < _SIGNIFICANT)
    state = {(True, False): 2, (False, True): 0}.get(rejected, 3)
    listed = ", ".join(f"{name} {value:.2g}" for name, value in benefit.items())
    notes = [words.IGNORES, words.NO_SIZE, words.COMBINATIONS.format(list=listed), words.INDEPENDENCE]
    notes += [words.BOTH_REJECTED] if all(rejected) else []
    skipped = len(case.evidence.diagnostics) + len(case.evidence.searched)
    if skipped:
        notes.append(words.LEFT_OUT.format(list=f"{skipped} diagnostics, which have no p-value"))
    return EngineResult(
        engine="p_values",
        verdict=class_word(state),
        score=benefit["harmonic mean"],
        score_means="combined p-value (harmonic mean) against 'no benefit'; not a probability of benefit",
        assumption=words.ASSUMES["p_values"],
        warnings=tuple(notes),
    )


def process_tracing_engine(case: Case, thresholds: Thresholds) -> EngineResult:  # noqa: ARG001 - a rubric of its own
    """The published rubric, asked of benefit, of a negligible effect and of harm."""
    means = "grade of benefit: 3 strong, 2 some, 1 mixed, 0 failed"
    tests = list(_outcomes(case))
    if not tests:
        return _silent("process_tracing", means)
    grades = [
        rubric_grade([TracedTest(chance[k], float(np.delete(chance, k).max()), seen) for chance, seen in tests])
        for k in range(3)
    ]
    strong = [k for k, grade in enumerate(grades) if grade == "strong"]
    listed = ", ".join(f"{state} {grade}" for state, grade in zip(STATES, grades, strict=True))
    notes = [words.GRADE.format(list=listed), words.HOOP_FAILED, words.ONE_REPORT]
    if case.evidence.estimates:
        notes.append(words.LEFT_OUT.format(list=f"{len(case.evidence.estimates)} estimates"))
    return EngineResult(
        engine="process_tracing",
        verdict=class_word(strong[0] if len(strong) == 1 else 3),
        score=float(GRADES.index(grades[2])),
        score_means=means,
        assumption=words.ASSUMES["process_tracing"],
        warnings=tuple(notes),
    )


def _outcomes(case: Case) -> Iterator[tuple[FloatArray, bool]]:
    """Probabilities of each test's sign, and whether its reports as a whole say that it is there."""
    reports: dict[tuple[object, ...], list[Diagnostic]] = defaultdict(list)
    for i, one in enumerate(case.evidence.diagnostics):
        reports[(one.test, one.stream, one.p_benefit, one.p_negligible, one.p_harm) if one.test else (i,)].append(one)
    for same in reports.values():
        chance = _chances(same[0])
        # Reports on one test agree with its sign if it was seen more often than halfway between the extreme states.
        yield chance, sum(one.observed for one in same) / len(same) >= (chance.min() + chance.max()) / 2
    for silence in case.evidence.searched:
        yield np.array([silence.p_false, silence.p_false, silence.p_detect]), False


def _chances(item: Diagnostic) -> FloatArray:
    return np.array([_centre(chance) for chance in (item.p_harm, item.p_negligible, item.p_benefit)])


def _centre(chance: Chance) -> float:
    return (chance[0] + chance[1]) / 2 if isinstance(chance, tuple) else chance


def _silent(engine: str, means: str) -> EngineResult:
    return EngineResult(
        engine=engine,
        verdict="silent",
        score_means=means,
        assumption=words.ASSUMES[engine],
        warnings=(words.NOTHING[engine],),
    )
