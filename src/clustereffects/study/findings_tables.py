"""Tables of what the three perspectives say together, with nothing about cells that are not published."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.disclosure import DisclosurePolicy
from clustereffects.errors import EvidenceError
from clustereffects.reporting import scorecard_table, wording
from clustereffects.study.inputs import PROGRAMME
from clustereffects.triangulation import CellFinding, Findings, Scorecard, Tip

_FEW = "fewer interviews than the minimum"
_QUANTITIES = ("bias", "power", "ratio", "observation", "prior")
_OF_ITEMS = ("process_tracing", "vote", "p_values")
_CELL = re.compile(r".*\(([^()]+ × [^()]+)\)$")

Key = tuple[str, str]


def published(findings: Findings, hidden: Collection[Key]) -> Findings:
    """Findings without the cells that are not published: nothing made of them can tell of those.

    Parameters
    ----------
    findings : Findings
    hidden : collection of (claim, organisation)

    Returns
    -------
    Findings

    Raises
    ------
    AttributeError
        If it is no findings.

    Examples
    --------
    >>> published.__name__
    'published'
    """
    given, known = findings.given, set(hidden)
    overrides = tuple(one for one in given.overrides if (one.claim, one.group) not in known)
    cells = tuple(cell for cell in findings.cells if (cell.model.claim.id, cell.model.group) not in known)
    return Findings(given=replace(given, overrides=overrides), cells=cells)


def findings_tables(
    findings: Findings, score: Scorecard, engines: Sequence[str], policy: DisclosurePolicy
) -> dict[str, pd.DataFrame]:
    """Every table on the triangulation that a run leaves, except the verdicts.

    Parameters
    ----------
    findings : Findings
        From ``published``.
    score : Scorecard
    engines : sequence of str
        Comparison engines that are shown; the triangulation itself is always among them.
    policy : DisclosurePolicy
        Its minimum applies to the interviews behind what the interviews say alone.

    Returns
    -------
    dict of str to DataFrame
        Without those that would be empty.

    Raises
    ------
    EstimationError
        If an integration does not converge.

    Examples
    --------
    >>> findings_tables.__name__
    'findings_tables'
    """
    few = few_interviews(findings.cells, policy)
    kept = ["bayes", *(name for name in engines if name != "bayes")]
    tables = {
        "bands": findings.bands(),
        "completeness": _without_state(findings.completeness(), few),
        "convergence": _without_code(findings.convergence(), few),
        "assessment": _without(findings.assessment(), few, lambda table: table["claim"].notna()),
        "conflicts": findings.conflicts(),
        "robustness": robustness_table(findings.cells),
        "comparison": _without(_comparison(findings, kept), few, lambda table: table["engine"].isin(_OF_ITEMS)),
        "attribution": _without(findings.attribution(), few, lambda table: table["claim"].notna()),
        "paths": findings.paths(),
        "calibration": _calibration(findings),
        "overrides": findings.overrides(),
        "override_agreement": findings.override_agreement(),
        "scorecard": scorecard_table(score, wording("en", effect=True)),
        "next_evidence": findings.next_evidence(),
    }
    return {name: table for name, table in tables.items() if len(table)}


def few_interviews(cells: Collection[CellFinding], policy: DisclosurePolicy) -> frozenset[Key]:
    """Cells in which a sign was looked for in fewer interviews than may be counted.

    Parameters
    ----------
    cells : collection of CellFinding
    policy : DisclosurePolicy

    Returns
    -------
    frozenset of (claim, organisation)

    Raises
    ------
    AttributeError
        If a cell is none.

    Examples
    --------
    >>> few_interviews([], DisclosurePolicy())
    frozenset()
    """
    found = set[Key]()
    for cell in cells:
        said = [one for one in (*cell.evidence.diagnostics, *cell.evidence.rivals) if one.stream == "interviews"]
        counts = pd.Series([one.test for one in said], dtype=object).value_counts()
        if (counts < policy.minimum_firms).any():
            found.add((cell.model.claim.id, cell.model.group))
    return frozenset(found)


def discreet(score: Scorecard) -> Scorecard:
    """Scorecard that names claims and organisations in place of single items, which may be called after persons.

    Parameters
    ----------
    score : Scorecard

    Returns
    -------
    Scorecard

    Raises
    ------
    AttributeError
        If it is no scorecard.

    Examples
    --------
    >>> from clustereffects.triangulation.scorecard import ScorecardLine
    >>> line = ScorecardLine(id="tests", criterion="choices", status="not met", named=("T01:Ek (growth × K01)",))
    >>> discreet(Scorecard(lines=(line,))).lines[0].named
    ('growth × K01',)
    """
    lines = [
        replace(line, named=tuple(dict.fromkeys(_CELL.sub(r"\1", one) for one in line.named))) for line in score.lines
    ]
    return Scorecard(lines=tuple(lines))


def robustness_table(cells: Collection[CellFinding]) -> pd.DataFrame:
    """What each verdict hangs on, one row per cell: ``tables/robustness.csv``.

    Parameters
    ----------
    cells : collection of CellFinding

    Returns
    -------
    DataFrame
        ``robust``: whether no single stream and no input within its range changes the verdict. For each quantity
        (``bias``, ``power`` of a stream, ``ratio`` of all signs, ``observation``: how much too often good news are reported,
        ``prior``: weight of its wide part) the nearest value that changes the verdict, with its stream and the value now;
        empty where none within reach does. ``weights_same`` and ``models_same`` are the shares of stream weights and of
        other reasonable models that give the same verdict, ``reachable`` the states that more data of the same kind could
        establish.

    Raises
    ------
    AttributeError
        If a cell is none.

    Examples
    --------
    >>> robustness_table([]).columns.tolist()[:4]
    ['claim', 'group', 'verdict', 'robust']
    """
    named = [f"{name}_{part}" for name in _QUANTITIES for part in ("stream", "now", "tips_at")]
    names = ["claim", "group", "verdict", "robust", *named, "weights_same", "models_same", "reachable"]
    rows = [_robustness(cell) for cell in cells if cell.verdict != "silent"]
    return pd.DataFrame(rows, columns=names)


def _robustness(cell: CellFinding) -> dict[str, Any]:
    tips = {name: _nearest([tip for tip in cell.tips if tip.quantity == name]) for name in _QUANTITIES}
    row: dict[str, Any] = {**cell.key, "verdict": cell.verdict, "robust": cell.robust}
    for name, tip in tips.items():
        row |= {f"{name}_stream": tip.stream if tip else "", f"{name}_now": tip.current if tip else math.nan}
        row[f"{name}_tips_at"] = tip.tips_at if tip else math.nan
    now = {tip.verdict for tip in cell.tips}
    row["weights_same"] = sum(one.share for one in cell.smaa if one.verdict in now) if now else math.nan
    row["models_same"] = cell.multiverse.same if cell.multiverse else math.nan
    row["reachable"] = ", ".join(one.state for one in cell.reach if one.possible)
    return row


def _nearest(tips: Sequence[Tip]) -> Tip | None:
    """Of several tipping points the one nearest to what is assumed now."""
    changing = [tip for tip in tips if tip.changes]
    return min(changing, key=lambda tip: abs(tip.tips_at - tip.current)) if changing else None


def _parts(findings: Findings) -> tuple[Findings, Findings]:
    """The organisations, and all of them together: the programme is no further organisation beside its parts."""
    keys = {(cell.model.claim.id, cell.model.group) for cell in findings.cells}
    programme = {key for key in keys if key[1] == PROGRAMME}
    return published(findings, programme), published(findings, keys - programme)


def _comparison(findings: Findings, engines: Sequence[str]) -> pd.DataFrame:
    """Engines by cell; an organisation is ranked among the other organisations."""
    tables = [part.compare(engines) for part in _parts(findings)]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _calibration(findings: Findings) -> pd.DataFrame:
    """Tests held against the economic posterior across organisations; none where no claim has both."""
    try:
        return _parts(findings)[0].calibration().table()
    except EvidenceError:
        return pd.DataFrame()


def _rows(table: pd.DataFrame, few: Collection[Key]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([key in few for key in zip(table["claim"], table["group"], strict=True)], dtype=bool)


def _without_state(table: pd.DataFrame, few: Collection[Key]) -> pd.DataFrame:
    """What the interviews say alone is left out where there are few of them."""
    rows = _rows(table, few) & (table["stream"] == "interviews").to_numpy()
    table.loc[rows, "status"] = "not published"
    table.loc[rows, "state"] = ""
    table.loc[rows, "items"] = 0
    table.loc[rows, "gain"] = math.nan
    table.loc[rows, "reason"] = _FEW
    return table


def _without_code(table: pd.DataFrame, few: Collection[Key]) -> pd.DataFrame:
    of_interviews = (table[["first", "second"]] == "interviews").any(axis=1).to_numpy()
    table = table.drop(index=table.index[_rows(table, few) & of_interviews])
    return table.reset_index(drop=True)


def _without(table: pd.DataFrame, few: Collection[Key], which: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    kept: pd.DataFrame = table[~(_rows(table, few) & which(table).to_numpy())].reset_index(drop=True)
    return kept


def counts_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Numbers that the report's sentences need.

    Parameters
    ----------
    tables : mapping of str to DataFrame

    Returns
    -------
    dict of str to int

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> counts_of({})
    {'judged': 0, 'robust': 0, 'never_null': 0}
    """
    table = tables.get("robustness", robustness_table([]))
    given = table[~table["verdict"].isin(["undecided", "withheld"])]
    return {
        "judged": len(given),
        "robust": int(given["robust"].sum()),
        "never_null": int((~table["reachable"].astype(str).str.contains("negligible")).sum()),
    }
