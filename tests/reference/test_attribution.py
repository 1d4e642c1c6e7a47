"""One rival against the organisation, with two independent clues, against the process-tracing designer of DesignLibrary."""

import json
from pathlib import Path

import pytest

from clustereffects.triangulation.attribution import attribution
from clustereffects.triangulation.sorting import CellEvidence
from triangulation_cases import sign, theory

ROWS = json.loads((Path(__file__).parent / "process_tracing_pairs" / "expected.json").read_text(encoding="utf-8"))
EVEN = {"organisation": 0.5, "boom": 0.5, "other": 0.0}


@pytest.mark.parametrize("row", [row for row in ROWS["posterior"] if row["cor_E1E2_H"] == 0])
def test_posterior_after_two_independent_clues(row):
    # The rival is the hypothesis: its signs have p_negligible if it accounts for what is observed, p_benefit otherwise.
    first = sign("E1", (0.2, 0.8, 0.2), observed=row["E1"], target="rival:boom")
    second = sign("E2", (0.0, 0.3, 0.0), observed=row["E2"], target="rival:boom")
    built = theory()
    found = attribution(built, built.claim("growth"), "K01", CellEvidence(rivals=(first, second)), EVEN)
    assert {one.hypothesis: one.probability for one in found}["boom"] == pytest.approx(row["posterior_H"], abs=5e-5)
