"""Tables across organisations: which conditions, and which configurations of them, go with benefit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.errors import InputError, Problem
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.comparison.set_relations import TruthTable, necessity, sufficiency, truth_table

_ALL_TOGETHER = "programme"


def configurations(
    cells: Iterable[CellFinding], conditions: pd.DataFrame, *, consistency: float = 0.8, least: int = 1
) -> pd.DataFrame:
    """Truth table of each claim across organisations, for software that minimises it.

    Parameters
    ----------
    cells : iterable of CellFinding
        Silent ones, and the programme as a whole, are not cases.
    conditions : DataFrame
        One row per organisation (index), one column per condition, calibrated membership from 0 to 1.
    consistency : float
        From which a configuration counts as sufficient.
    least : int
        Cases below which a configuration is a remainder.

    Returns
    -------
    DataFrame
        For each claim one row per configuration that some organisation belongs to: the conditions as 0 and 1, ``cases``,
        ``n``, ``consistency``, ``pri`` and ``outcome`` ("1", "0", or "?" for a remainder).

    Raises
    ------
    InputError
        If an organisation has no row, or a membership is missing or lies outside [0, 1].

    Notes
    -----
    The probability of benefit serves as membership in "the organisation made a difference". That is a reading, not a
    calibration: an organisation about which little is known sits near the prior and is not a counter-example. A pattern
    across organisations says nothing about any single one of them.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> items = [Estimate(id="did", claim="growth", group=name, stream="economic", value=value, std_error=0.02)
    ...          for name, value in (("K01", 0.09), ("K02", -0.05), ("K03", 0.08))]
    >>> traits = pd.DataFrame({"old": [1.0, 0.2, 0.7]}, index=["K01", "K02", "K03"])
    >>> configurations(Triangulation(theory).fit(items).cells, traits)[["old", "cases", "outcome"]].values.tolist()
    [[0, 'K02', '0'], [1, 'K01, K03', '1']]
    """
    rows = []
    for claim, groups, outcome in _by_claim(cells, conditions):
        table = truth_table(conditions.loc[groups].to_numpy(dtype=np.float64), outcome)
        rows += list(_table_rows(claim, groups, list(conditions.columns), table, (consistency, least)))
    names = ["claim", *map(str, conditions.columns), "cases", "n", "consistency", "pri", "outcome"]
    return pd.DataFrame(rows, columns=names)


def _table_rows(
    claim: str, groups: list[str], names: list[Any], table: TruthTable, limits: tuple[float, int]
) -> Iterator[dict[str, Any]]:
    signs = {1: "1", 0: "0", -1: "?"}
    outcome = table.outcome(*limits)
    for k in np.flatnonzero(table.cases > 0):
        yield {
            "claim": claim,
            **{str(name): int(value) for name, value in zip(names, table.configuration[k], strict=True)},
            "cases": ", ".join(group for group, row in zip(groups, table.member, strict=True) if row == k),
            "n": int(table.cases[k]),
            "consistency": table.consistency[k],
            "pri": table.pri[k],
            "outcome": signs[int(outcome[k])],
        }


def single_conditions(cells: Iterable[CellFinding], conditions: pd.DataFrame) -> pd.DataFrame:
    """How far each condition, and its negation, is sufficient or necessary for benefit across organisations.

    Parameters
    ----------
    cells : iterable of CellFinding
    conditions : DataFrame
        One row per organisation (index), one column per condition, calibrated membership from 0 to 1.

    Returns
    -------
    DataFrame
        ``claim``, ``condition`` ("~" marks a negation), ``relation``, ``consistency``, ``coverage``, ``pri``, ``ron``, ``n``.

    Raises
    ------
    InputError
        If an organisation has no row, or a membership is missing or lies outside [0, 1].

    Examples
    --------
    >>> single_conditions([], pd.DataFrame({"old": [1.0]}, index=["K01"])).empty
    True
    """
    rows = [
        {"claim": claim, "condition": f"{sign}{name}", "relation": relation, "n": len(groups)}
        | {column: getattr(found, column) for column in ("consistency", "coverage", "pri", "ron")}
        for claim, groups, outcome in _by_claim(cells, conditions)
        for name in conditions.columns
        for sign, membership in _both(conditions.loc[groups, name].to_numpy(dtype=np.float64))
        for relation, found in (
            ("sufficient", sufficiency(membership, outcome)),
            ("necessary", necessity(membership, outcome)),
        )
    ]
    return pd.DataFrame(
        rows, columns=["claim", "condition", "relation", "consistency", "coverage", "pri", "ron", "n"]
    )  # fmt: skip


def _both(membership: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return ("", membership), ("~", 1 - membership)


def _by_claim(cells: Iterable[CellFinding], conditions: pd.DataFrame) -> Iterator[tuple[str, list[str], Any]]:
    """Organisations of each claim with their probability of benefit, after checking that each has its conditions."""
    cases: dict[str, dict[str, float]] = {}
    for cell in cells:
        if cell.verdict != "silent" and cell.model.group != _ALL_TOGETHER:
            cases.setdefault(cell.model.claim.id, {})[cell.model.group] = float(cell.posterior.probability[0, 2])
    _check(sorted({group for found in cases.values() for group in found}), conditions)
    for claim, found in cases.items():
        yield claim, list(found), np.array(list(found.values()))


def _check(groups: list[str], conditions: pd.DataFrame) -> None:
    missing = [group for group in groups if group not in conditions.index]
    values = conditions.loc[[group for group in groups if group not in missing]]
    wrong = [str(name) for name in conditions.columns if not values[name].between(0, 1).all()]
    problems = []
    if missing:
        problems.append(_problem(f"no conditions for {', '.join(missing)}", "one row for each organisation"))
    if wrong or conditions.index.has_duplicates:
        what = f"conditions {', '.join(wrong)}" if wrong else "organisations with several rows"
        problems.append(_problem(what, "one calibrated membership from 0 to 1 for each organisation"))
    if problems:
        raise InputError(problems)


def _problem(what: str, expected: str) -> Problem:
    return Problem(what=what, where="conditions", expected=expected, remedy="complete or correct the table")
