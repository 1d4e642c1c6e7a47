"""Two correlated clues against the process-tracing designer of DesignLibrary."""

import json
from pathlib import Path

import pytest

from clustereffects.triangulation.exact_pair import exact_pair
from triangulation_cases import sign

ROWS = json.loads((Path(__file__).parent / "process_tracing_pairs" / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS["posterior"])
def test_posterior_after_two_clues(row):
    first = sign("E1", (0.8, 0.2, 0.2), observed=row["E1"])
    second = sign("E2", (0.3, 0.0, 0.0), observed=row["E2"])
    pair = exact_pair(first, second, {"benefit": row["cor_E1E2_H"]})
    assert pair.p_benefit / (pair.p_benefit + pair.p_negligible) == pytest.approx(row["posterior_H"], abs=5e-5)
