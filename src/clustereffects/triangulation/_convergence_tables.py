"""Tables of agreement: between streams, between prior and estimates, between researchers and what was computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeAlias

import pandas as pd

from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.conflict import heterogeneity, holm, node_splits
from clustereffects.triangulation.convergence import CODES, CellConvergence, Convergence
from clustereffects.triangulation.overrides import Override, OverrideAgreement, override_agreement
from clustereffects.triangulation.prior_conflict import prior_conflict

Assessed: TypeAlias = Sequence[tuple[CellFinding, CellConvergence]]

_CONFLICTS = (
    "first",
    "second",
    "difference",
    "std_error",
    "p_raw",
    "p_adjusted",
    "test",
    "statistic",
    "df",
    "i_squared",
)


def conflicts_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Node splits, prior–data conflict and Cochran's Q of each cell."""
    rows = [{**cell.key, **row} for cell in cells for row in _conflicts(cell)]
    table = pd.DataFrame(rows, columns=["claim", "group", *_CONFLICTS])
    splits = table["test"] == "node split"
    table["p_holm"] = holm(table["p_adjusted"].where(splits).astype(float).tolist())
    return table


def _conflicts(cell: CellFinding) -> list[dict[str, Any]]:
    rows = [{"test": "node split", **asdict(split)} for split in node_splits(cell.model)]
    prior, spread = prior_conflict(cell.model), heterogeneity(cell.model)
    if prior is not None:
        rows.append({"test": "prior and estimates", "first": "estimates", "second": "prior", **asdict(prior)})
    if spread is not None:
        rows.append({"test": "all estimates", "first": "", "second": "", **asdict(spread)})
    return rows


def convergence_table(assessed: Assessed, overrides: Sequence[Override]) -> pd.DataFrame:
    """Code of every two streams, and beside it what researchers coded."""
    names = [one.name for one in fields(Convergence)]
    rows = [
        {**cell.key, **{name: getattr(code, name) for name in names}, "researchers": _coded(cell, code, overrides)}
        for cell, found in assessed
        for code in found.codes
    ]
    return pd.DataFrame(rows, columns=["claim", "group", *names, "researchers"])


def _coded(cell: CellFinding, code: Convergence, overrides: Sequence[Override]) -> str:
    about = (*cell.key.values(), code.first, code.second)
    return "; ".join(f"{one.by}: {one.code}" for one in overrides if one.about == about)


def assessment_table(assessed: Assessed) -> pd.DataFrame:
    """One assessment for each cell, with the number of pairs of each code."""
    rows = []
    for cell, found in assessed:
        counts = Counter(one.code for one in found.codes)
        speaking = ", ".join(found.speaking)
        rows.append({**cell.key, "assessment": found.assessment, "speaking": speaking, **{c: counts[c] for c in CODES}})
    return pd.DataFrame(rows, columns=["claim", "group", "assessment", "speaking", *CODES])


def completeness_table(assessed: Assessed, expected: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """What each stream contributes to each cell; why it is silent where it is, and where it searched in vain."""
    rows = []
    for cell, found in assessed:
        items: Counter[str] = Counter(one.stream for one in cell.evidence.estimates)
        items.update(one.stream for one in cell.evidence.diagnostics)
        searched = [one.stream for one in cell.evidence.searched]
        items.update(searched)
        for one in found.readings:
            row = {
                "stream": one.stream,
                "expected": one.stream in expected[cell.model.claim.id],
                "status": one.status,
                "state": one.state,
            }
            reason = "searched_not_found" if one.stream in searched else one.reason
            rows.append({**cell.key, **row, "items": items[one.stream], "gain": one.gain, "reason": reason})
    names = ["claim", "group", "stream", "expected", "status", "state", "items", "gain", "reason"]
    return pd.DataFrame(rows, columns=names)


def matrix_table(table: pd.DataFrame) -> pd.DataFrame:
    """Codes with claims and pairs of streams as rows and groups as columns."""
    wide = table.pivot_table(
        index=["claim", "first", "second"], columns="group", values="code", aggfunc="first", sort=False
    )
    return wide.fillna("").reset_index().rename_axis(columns=None)


def overrides_table(overrides: Sequence[Override], known: Mapping[tuple[str, ...], str]) -> pd.DataFrame:
    """Every override beside what was computed."""
    rows = [
        {
            "claim": one.claim,
            "group": one.group,
            "what": one.what,
            "streams": ", ".join(one.streams),
            "computed": known[one.about],
            "judged": one.judgement,
            "same": one.judgement == known[one.about],
            "by": one.by,
            "reason": one.reason,
            "date": one.date,
        }
        for one in overrides
    ]
    names = ["claim", "group", "what", "streams", "computed", "judged", "same", "by", "reason", "date"]
    return pd.DataFrame(rows, columns=names)


def agreement_table(overrides: Sequence[Override], known: Mapping[tuple[str, ...], str], least: int) -> pd.DataFrame:
    """Cohen's κ between each researcher and what was computed."""
    found = override_agreement(overrides, known, least=least)
    return pd.DataFrame([asdict(one) for one in found], columns=[one.name for one in fields(OverrideAgreement)])
