"""Q and I² of the trials of BCG vaccine, as computed by metafor (see the README of hierarchical_effects)."""

import json
from pathlib import Path

import pytest

from clustereffects.triangulation.conflict import heterogeneity
from triangulation_cases import did, model

EXPECTED = Path(__file__).parent / "hierarchical_effects" / "expected.json"


def test_q_and_i_squared_of_the_bcg_trials():
    trials = json.loads(EXPECTED.read_text(encoding="utf-8"))["metafor"]["bcg"]
    pairs = zip(trials["yi"], trials["vi"], strict=True)
    found = heterogeneity(model([did(y, v**0.5, bias=(), id=str(i)) for i, (y, v) in enumerate(pairs)]))
    assert found.statistic == pytest.approx(152.2330, abs=5e-5)
    assert found.df == 12
    assert found.i_squared == pytest.approx(trials["DL"]["I2"] / 100, rel=1e-10)
    assert found.p_raw == found.p_adjusted < 1e-25
