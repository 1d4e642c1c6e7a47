"""Engines that join what each stream says on its own: pools, opinions, belief functions, a rubric, and the triangulation."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

import clustereffects.triangulation.comparison._words as words
from clustereffects.errors import EvidenceError
from clustereffects.results.evidence import Diagnostic, Estimate
from clustereffects.triangulation.cell_estimates import bias_terms
from clustereffects.triangulation.comparison.belief_functions import belief_and_plausibility, dempster, discounted
from clustereffects.triangulation.comparison.case import Case
from clustereffects.triangulation.comparison.opinions import (
    averaging,
    compromise,
    cumulative,
    degree_of_conflict,
    opinion_of,
    projected,
    projected_sets,
    weighted,
)
from clustereffects.triangulation.comparison.pools import linear_pool, log_pool
from clustereffects.triangulation.comparison.result import EngineResult, verdict_of
from clustereffects.triangulation.comparison.rubric import (
    rank_flips,
    score_class,
    strength_classes,
    weight_space,
    weighted_score,
)
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.prior_conflict import prior_conflict
from clustereffects.triangulation.sentences import percent
from clustereffects.triangulation.verdicts import STATES, class_word

FloatArray = NDArray[np.float64]

_VETO = 1e-3
_LARGEST_CONFLICT = 0.5
_NOTABLE_CONFLICT = 0.1
_MOSTLY = 0.5
_CEILING = 0.8
_SURPRISING = 0.05
#: Keeps the covariance of bias alone invertible where an estimate has none.
_ROUNDING = 1e-9


def bayes_engine(case: Case, thresholds: Thresholds) -> EngineResult:
    """The triangulation itself, without a number where its verdict is withheld."""
    surprise = prior_conflict(case.model)
    share, ceiling = _elicited_share(case), _bias_share(case)
    notes = [words.SURPRISE.format(p=surprise.p_adjusted)] if surprise and surprise.p_adjusted < _SURPRISING else []
    notes += [words.CEILING.format(share=ceiling)] if ceiling > _CEILING else []
    notes += [words.ELICITED.format(share=share)] if share > _MOSTLY else []
    if case.withheld:
        low, high = (percent(end) for end in case.withheld)
        notes = [words.WITHHELD.format(low=low, high=high), *notes]
    return EngineResult(
        engine="bayes",
        verdict="withheld" if case.withheld else verdict_of(case.posterior, thresholds),
        score=float("nan") if case.withheld else float(case.posterior[2]),
        score_means="probability of benefit",
        assumption=words.ASSUMES["bayes"],
        warnings=tuple(notes),
    )


def _elicited_share(case: Case) -> float:
    """Share of the streams' information gains that belongs to streams without estimates."""
    measured = {one.stream for one in case.evidence.estimates}
    judged = sum(gain for name, gain in zip(case.model.streams, case.gain, strict=True) if name not in measured)
    return float(judged / case.gain.sum()) if case.gain.sum() > 0 else 0.0


def _bias_share(case: Case) -> float:
    """Share of the variance of the pooled estimate that would remain with infinitely precise data."""
    model = case.model
    if not model.value.size:
        return 0.0
    whole, factor = model.estimates.covariance, np.exp(model.estimates.log_factor)
    shared = sum(d * t.sd**2 for d, t in bias_terms(case.evidence) if t.shared and t.kind == "additive")
    sampled = (np.diag(whole) - shared) * model.std_error**2 / model.estimates.own
    bias = whole - np.diag(sampled * (1 - _ROUNDING))
    return float((factor @ np.linalg.solve(whole, factor)) / (factor @ np.linalg.solve(bias, factor)))


def linear_pool_engine(case: Case, thresholds: Thresholds) -> EngineResult:
    """Mean of the streams' probabilities."""
    pooled = linear_pool(case.alone, np.ones(len(case.alone)))
    return EngineResult(
        engine="linear_pool",
        verdict=verdict_of(pooled, thresholds),
        score=float(pooled[2]),
        score_means="probability of benefit, streams weighted equally",
        assumption=words.ASSUMES["linear_pool"],
        warnings=(words.NEVER_SURER, words.NOT_UPDATED),
    )


def log_pool_engine(case: Case, thresholds: Thresholds) -> EngineResult:
    """Geometric mean of the streams' probabilities."""
    pooled = log_pool(case.alone, np.full(len(case.alone), 1 / len(case.alone)))
    vetoes = [
        words.VETO.format(streams=name, state=STATES[k])
        for name, row in case.voices.items()
        for k in np.flatnonzero(row < _VETO)
    ]
    return EngineResult(
        engine="log_pool",
        verdict=verdict_of(pooled, thresholds),
        score=float(pooled[2]),
        score_means="probability of benefit, streams weighted equally",
        assumption=words.ASSUMES["log_pool"],
        warnings=(words.NOT_UPDATED, *vetoes),
    )


def opinions_of(case: Case) -> tuple[FloatArray, FloatArray]:
    """Belief (streams, 3) and uncertainty (streams,) of each stream."""
    found = [opinion_of(row, gain, case.base) for row, gain in zip(case.alone, case.gain.tolist(), strict=True)]
    return np.array([belief for belief, _ in found]), np.array([uncertainty for _, uncertainty in found])


def subjective_logic_engine(case: Case, thresholds: Thresholds) -> EngineResult:
    """Fused opinions; the operator follows the declared dependence, and the others are shown."""
    belief, uncertainty = opinions_of(case)
    fused = {
        "cumulative": projected(cumulative(belief, uncertainty), case.base),
        "averaging": projected(averaging(belief, uncertainty), case.base),
        "weighted": projected(weighted(belief, uncertainty), case.base),
        "consensus & compromise": projected_sets(*compromise(belief, uncertainty), case.base),
    }
    shared = streams_share(case)
    name = "averaging" if shared else "cumulative"
    conflict = degree_of_conflict(belief, uncertainty, case.base)
    others = ", ".join(f"{key} {row[2]:.2g}" for key, row in fused.items() if key != name)
    notes = [words.OPERATOR.format(name=name, why=words.SHARED if shared else words.SEPARATE)]
    notes.append(words.OTHER_OPERATORS.format(list=others))
    if conflict > _NOTABLE_CONFLICT:
        notes.append(words.CONFLICT.format(conflict=conflict))
    return EngineResult(
        engine="subjective_logic",
        verdict=verdict_of(fused[name], thresholds),
        score=float(fused[name][2]),
        score_means=f"projected probability of benefit, {name} fusion",
        conflict=conflict,
        assumption=words.ASSUMES["subjective_logic"],
        warnings=tuple(notes),
    )


def streams_share(case: Case) -> bool:
    """Whether a dependence group holds items of more than one stream."""
    streams: dict[str, set[str]] = defaultdict(set)
    items: list[Estimate | Diagnostic] = [*case.evidence.estimates, *case.evidence.diagnostics]
    for one in items:
        if one.dependence:
            streams[one.dependence].add(one.stream)
    return any(len(found) > 1 for found in streams.values())


def dempster_engine(case: Case, thresholds: Thresholds) -> EngineResult:
    """Dempster's rule on the streams' opinions; refuses where most of the mass is in conflict."""
    try:
        mass, conflict = dempster(discounted(*opinions_of(case)))
    except EvidenceError:
        return _refused_dempster(1.0, words.CONTRADICTION)
    if conflict > _LARGEST_CONFLICT:
        return _refused_dempster(conflict, words.REFUSED_DEMPSTER.format(conflict=conflict))
    belief = belief_and_plausibility(mass, 3)
    return EngineResult(
        engine="dempster",
        verdict=verdict_of(belief[:, 0], thresholds),
        score=float(belief[2, 0]),
        score_means=f"belief in benefit (plausibility {belief[2, 1]:.2g})",
        conflict=conflict,
        assumption=words.ASSUMES["dempster"],
        warnings=(words.SMALL_CONFLICT.format(conflict=conflict),) if conflict > _NOTABLE_CONFLICT else (),
    )


def _refused_dempster(conflict: float, reason: str) -> EngineResult:
    return EngineResult(
        engine="dempster",
        verdict="refused",
        score_means="belief in benefit",
        conflict=conflict,
        refused=reason,
        assumption=words.ASSUMES["dempster"],
    )


def rubric_engine(case: Case, thresholds: Thresholds) -> EngineResult:  # noqa: ARG001 - a rubric knows no probabilities
    """Weighted score of strength classes, with what it hangs on."""
    classes = strength_classes(case.alone)
    score = weighted_score(classes, np.ones(classes.size))
    low, high, share = weight_space(classes, score)
    notes = [words.NOT_PROBABILITY, words.COMPENSATORY.format(low=low, high=high, share=share), words.NO_NULL_CLASS]
    if case.peers:
        flips = rank_flips(classes, _peer_classes(case))
        notes.append(words.RANK_FLIPS.format(count=flips, others=len(case.peers)))
    return EngineResult(
        engine="rubric",
        verdict=class_word(int(score_class(np.array(score)))),
        score=score,
        score_means="weighted score from -1 (strong harm) to 1 (strong benefit), streams weighted equally",
        assumption=words.ASSUMES["rubric"],
        warnings=tuple(notes),
    )


def _peer_classes(case: Case) -> FloatArray:
    silent = np.full(3, np.nan)
    values: FloatArray = np.array([[peer.get(name, silent) for name in case.model.streams] for peer in case.peers])
    classes = strength_classes(np.nan_to_num(values).reshape(-1, 3)).reshape(values.shape[:2])
    return np.where(np.isnan(values[..., 0]), np.nan, classes)
