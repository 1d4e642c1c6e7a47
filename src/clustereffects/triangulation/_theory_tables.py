"""Tables of the theory: paths, links, and what signs of rivals say of who or what accounts for an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from clustereffects.triangulation.attribution import Attribution, attribution
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.paths import LinkChance, PathFinding, link_chances, path_findings
from clustereffects.triangulation.theory import Theory

_ARROW = " → "


def paths_table(theory: Theory, cells: Sequence[CellFinding], group: str = "", independence: str = "") -> pd.DataFrame:
    """Bounds on every path from an activity to an outcome, for one group or for all."""
    rows = [
        row for name in _groups(cells, group) for row in path_findings(theory, cells, name, independence=independence)
    ]
    return _frame(rows, PathFinding, "links", _ARROW)


def links_table(theory: Theory, cells: Sequence[CellFinding], group: str = "") -> pd.DataFrame:
    """Bounds on every link of the theory, for one group or for all."""
    rows = [row for name in _groups(cells, group) for row in link_chances(theory, cells, name)]
    return _frame(rows, LinkChance, "claims", ", ")


def attribution_table(
    theory: Theory, cells: Iterable[CellFinding], priors: Mapping[str, Mapping[str, float]] | None = None
) -> pd.DataFrame:
    """What signs of rivals alone say of each explanation; priors by claim, the same for all hypotheses without."""
    rows: list[Attribution] = []
    for cell in cells:
        claim = cell.model.claim
        rows += attribution(theory, claim, cell.model.group, cell.evidence, (priors or {}).get(claim.id))
    return pd.DataFrame([asdict(row) for row in rows], columns=[one.name for one in fields(Attribution)])


def _groups(cells: Sequence[CellFinding], group: str) -> list[str]:
    return [group] if group else list(dict.fromkeys(cell.model.group for cell in cells))


def _frame(rows: Iterable[Any], kind: type[Any], joined: str, by: str) -> pd.DataFrame:
    """Table with one column per field, of which one is several names that are joined."""
    return pd.DataFrame(
        [asdict(row) | {joined: by.join(getattr(row, joined))} for row in rows],
        columns=[one.name for one in fields(kind)],
    )
