"""What a report is about: results and publishable tables, before any wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from clustereffects.results import Check, Effects
from clustereffects.triangulation import Findings, Scorecard


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """Results of a study in the form in which they may be published.

    Parameters
    ----------
    title : str
    outcomes : tuple of str
        Outcomes in the order of the plan; the first one leads.
    primary : str
        Estimator whose effects enter the triangulation.
    tables : mapping of str to DataFrame
        Publishable tables by name: ``effects``, ``believed``, ``organisations``, ``balance``, ``unmatched``, ``survey``,
        ``response``, ``reliability``, ``agreement``, ``diagnostics``, ``verdicts``, ``intake``, ``sample``, ``choices``, and
        those of the triangulation: ``bands``, ``completeness``, ``assessment``, ``robustness``, ``comparison``, … A
        perspective that the study does not have leaves its tables out.
    event_studies : mapping of str to Effects
        Effects by event time for each outcome, only with terms that may be published.
    counts : mapping of str to int
        Numbers that sentences need: members, evaluable, matched, controls, years, interviews, organisations, horizon.
    labels : mapping of str to mapping of str to str
        Names of organisations and claims: ``organisations`` → id → name, ``claims.sv`` → id → label, …
    sentences : mapping of str to tuple of str
        By language, what would change each verdict: one sentence for each row of ``verdicts``.
    checks : tuple of (str, Check)
        Area and check.
    provenance : mapping
        Hash of the plan, versions, seed, hashes of the files.
    truth : mapping of str to float
        True programme effect by outcome, where the data are simulated.
    findings : Findings, optional
        What may be published of the triangulation.
    scorecard : Scorecard, optional
        Whether the report may say "effect".

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> content = Content(title="Report", outcomes=(), primary="matched_did", tables={}, event_studies={}, counts={},
    ...                   labels={}, sentences={}, checks=(), provenance={})
    >>> content.has("survey")
    False
    """

    title: str
    outcomes: tuple[str, ...]
    primary: str
    tables: Mapping[str, pd.DataFrame]
    event_studies: Mapping[str, Effects]
    counts: Mapping[str, int]
    labels: Mapping[str, Mapping[str, str]]
    sentences: Mapping[str, tuple[str, ...]]
    checks: tuple[tuple[str, Check], ...]
    provenance: Mapping[str, Any]
    truth: Mapping[str, float] = field(default_factory=dict)
    findings: Findings | None = None
    scorecard: Scorecard | None = None

    @property
    def says_effect(self) -> bool:
        """Whether the report may call what was estimated an effect; without a scorecard nobody objects."""
        return self.scorecard is None or self.scorecard.may_say_effect

    def has(self, table: str) -> bool:
        """Whether there is a table of that name with rows."""
        return table in self.tables and len(self.tables[table]) > 0

    def programme(self, estimator: str, outcome: str) -> Mapping[str, Any] | None:
        """Row of the programme's overall effect in the table of effects."""
        table = self.tables["effects"]
        rows = table[
            (table["estimator"] == estimator) & (table["outcome"] == outcome) & (table["aggregation"] == "overall")
        ]
        return None if rows.empty else {str(key): value for key, value in rows.iloc[0].items()}
