"""Ask several engines about the same cells, and put their answers side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from clustereffects.errors import OptionError, Problem
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.comparison._item_engines import (
    p_values_engine,
    process_tracing_engine,
    vote_engine,
)
from clustereffects.triangulation.comparison._stream_engines import (
    bayes_engine,
    dempster_engine,
    linear_pool_engine,
    log_pool_engine,
    rubric_engine,
    subjective_logic_engine,
)
from clustereffects.triangulation.comparison.borrowing import power_prior, robust_map
from clustereffects.triangulation.comparison.case import Case, case_of
from clustereffects.triangulation.comparison.result import Engine, EngineResult
from clustereffects.triangulation.options import Thresholds

ENGINES: dict[str, Engine] = {
    "bayes": bayes_engine,
    "rubric": rubric_engine,
    "linear_pool": linear_pool_engine,
    "log_pool": log_pool_engine,
    "subjective_logic": subjective_logic_engine,
    "dempster": dempster_engine,
    "vote": vote_engine,
    "p_values": p_values_engine,
    "process_tracing": process_tracing_engine,
    "power_prior": power_prior,
    "robust_map": robust_map,
}
COMPARISON_COLUMNS = (
    "claim",
    "group",
    "engine",
    "verdict",
    "score",
    "score_means",
    "conflict",
    "agrees",
    "assumption",
    "warning",
)


def compare(
    cells: Iterable[CellFinding], engines: Sequence[str] = tuple(ENGINES), thresholds: Thresholds | None = None
) -> pd.DataFrame:
    """What each engine concludes from the same evidence.

    Parameters
    ----------
    cells : iterable of CellFinding
        Silent ones have no row.
    engines : sequence of str
        Names from ``ENGINES``.
    thresholds : Thresholds, optional
        For the engines that give probabilities.

    Returns
    -------
    DataFrame
        One row for each claim, group and engine. ``agrees`` says whether the verdict is that of the triangulation, firm or
        probable, and is empty where the engine refuses or has nothing to work on, or where the triangulation withholds its
        verdict. ``warning`` holds what the engine ignores or why it refuses.

    Raises
    ------
    OptionError
        If an engine is unknown.

    Notes
    -----
    The engines join what each stream says on its own from the wide part of the prior, biases adjusted for (pools, opinions,
    belief functions, rubric), or single items as they stand (votes, p-values, process tracing). They are there to show what
    a conclusion owes to the way of joining evidence; none of them changes the verdict.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation.cell_finding import find_cell
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> prior = Prior(sceptical_sd=0.05, wide_sd=0.15)
    >>> cell = find_cell(claim, "K01", CellEvidence(estimates=(item,)), prior, Thresholds())
    >>> compare([cell], ["bayes", "vote"])["verdict"].tolist()
    ['probably beneficial', 'probably beneficial']
    """
    unknown = [name for name in engines if name not in ENGINES]
    if unknown:
        raise OptionError(
            Problem(
                what="unknown engines: " + ", ".join(unknown),
                where="compare",
                expected="some of " + ", ".join(ENGINES),
                remedy="correct the names",
            )
        )
    limits = Thresholds() if thresholds is None else thresholds
    rows = [row for case in _cases(cells) for row in _rows(case, engines, limits)]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS)).astype({"agrees": "boolean"})


def _cases(cells: Iterable[CellFinding]) -> Iterator[Case]:
    """Cases with the other organisations on the same claim as peers."""
    by_claim: dict[str, list[Case]] = defaultdict(list)
    cases = [_case(cell) for cell in cells if cell.verdict != "silent"]
    for case in cases:
        by_claim[case.model.claim.id].append(case)
    for case in cases:
        yield replace(case, peers=tuple(one.voices for one in by_claim[case.model.claim.id] if one is not case))


def _case(cell: CellFinding) -> Case:
    case = case_of(cell.model, cell.evidence, cell.posterior.probability[0])
    return replace(case, withheld=tuple(cell.bounds[2].tolist())) if cell.verdict == "withheld" else case


def _rows(case: Case, engines: Sequence[str], thresholds: Thresholds) -> Iterator[dict[str, Any]]:
    main = bayes_engine(case, thresholds)
    for name in engines:
        found = main if name == main.engine else ENGINES[name](case, thresholds)
        yield {
            "claim": case.model.claim.id,
            "group": case.model.group,
            "engine": found.engine,
            "verdict": found.verdict,
            "score": found.score,
            "score_means": found.score_means,
            "conflict": found.conflict,
            "agrees": _agrees(found, main),
            "assumption": found.assumption,
            "warning": "; ".join([*([found.refused] if found.refused else []), *found.warnings]),
        }


def _agrees(found: EngineResult, main: EngineResult) -> bool | None:
    silent = found.verdict in {"refused", "silent"} or main.verdict == "withheld"
    return None if silent else found.verdict == main.verdict


def agreement_by_engine(comparison: pd.DataFrame) -> pd.DataFrame:
    """Count how often each engine agrees with the triangulation, and which way it differs.

    Parameters
    ----------
    comparison : DataFrame
        From ``compare``, with the engine ``bayes``.

    Returns
    -------
    DataFrame
        One row per engine: ``cells``, ``agrees``, ``more_favourable``, ``less_favourable``, ``otherwise`` (undecided against
        no material effect), ``refused``, ``silent``, and ``withheld`` (by the triangulation: nothing to agree with).

    Raises
    ------
    OptionError
        If the table lacks the engine ``bayes``.

    Examples
    --------
    >>> table = pd.DataFrame({"claim": "growth", "group": ["K01", "K01"], "engine": ["bayes", "vote"],
    ...                       "verdict": ["undecided", "probably beneficial"]})
    >>> agreement_by_engine(table)["more_favourable"].tolist()
    [0, 1]
    """
    main = comparison[comparison["engine"] == "bayes"].set_index(["claim", "group"])["verdict"]
    if main.empty and len(comparison):
        expected, remedy = "the engine bayes in the table", "compare with bayes as well"
        raise OptionError(Problem(what="nothing to agree with", where="comparison", expected=expected, remedy=remedy))
    own = comparison.join(main.rename("main"), on=["claim", "group"])
    outcome = [_outcome(verdict, other) for verdict, other in zip(own["verdict"], own["main"], strict=True)]
    rows = [
        {"engine": engine, "cells": len(found), **{name: found.count(name) for name in _OUTCOMES}}
        for engine in dict.fromkeys(own["engine"])
        for found in [[one for one, name in zip(outcome, own["engine"], strict=True) if name == engine]]
    ]
    return pd.DataFrame(rows, columns=["engine", "cells", *_OUTCOMES])


_OUTCOMES = ("agrees", "more_favourable", "less_favourable", "otherwise", "refused", "silent", "withheld")
_FAVOUR = {"probably harmful": -1, "probably beneficial": 1}


def _outcome(verdict: str, main: str) -> str:
    if verdict in {"refused", "silent"}:
        return verdict
    if main == "withheld":
        return main
    if verdict == main:
        return "agrees"
    step = _FAVOUR.get(verdict, 0) - _FAVOUR.get(main, 0)
    return "otherwise" if step == 0 else "more_favourable" if step > 0 else "less_favourable"
