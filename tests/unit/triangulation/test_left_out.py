"""What a verdict owes to a stream: all it says, its evidence on the biases of other streams included."""

import numpy as np
import pytest

from clustereffects import Triangulation
from clustereffects.results import BiasEvidence
from clustereffects.triangulation import Thresholds
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.sorting import CellEvidence
from triangulation_cases import KEY, PRIOR, did, model, sign, survey, theory

LIMITS = Thresholds()


def _shift(target, stream="interviews", shift=-0.03, sd=0.01, **more):
    given = {"id": f"{stream} on {target}", "stream": stream, "target_stream": target, "shift": shift, "sd": sd}
    return BiasEvidence(**(given | KEY | more))


def _found(estimates, diagnostics=(), bias=()):
    cell = CellEvidence(estimates=tuple(estimates), diagnostics=tuple(diagnostics), bias=tuple(bias))
    return find_cell(theory().claim("growth"), "K01", cell, PRIOR, LIMITS)


def _streams(found):
    return {one.name: one for one in found.left_out if one.kind == "stream"}


ESTIMATES = did(0.01, 0.01, bias=()), survey(0.01, 0.01, bias=())
BIAS = _shift("economic"), _shift("survey")


def test_a_verdict_that_hangs_on_bias_evidence_is_not_robust():
    found = _found(ESTIMATES, bias=BIAS)
    left = _streams(found)
    assert found.verdict == "beneficial"
    assert list(left) == ["economic", "survey", "interviews"]
    assert left["interviews"].flips
    assert not left["survey"].flips
    assert not found.robust
    np.testing.assert_allclose(left["interviews"].probability, scenarios(model(ESTIMATES)).probability[0], rtol=1e-12)


def test_a_stream_takes_along_its_signs_and_its_bias_evidence():
    signs = [sign("seen", (0.8, 0.3, 0.2)), sign("told", (0.7, 0.4, 0.4), stream="survey", dependence="g", rho=0.5)]
    bias = [*BIAS, _shift("economic", "survey", shift=0.02, domain="placebo")]
    left = _streams(_found(ESTIMATES, signs, bias))
    rest = {
        "interviews": [*ESTIMATES, signs[1], bias[2]],
        "survey": [ESTIMATES[0], signs[0], BIAS[0]],
        "economic": [ESTIMATES[1], *signs, BIAS[1]],
    }
    for stream, items in rest.items():
        expected = scenarios(model(items))
        np.testing.assert_allclose(left[stream].probability, expected.probability[0], rtol=1e-10)
        assert (left[stream].mean, left[stream].sd) == (
            pytest.approx(expected.mean[0], rel=1e-9),
            pytest.approx(expected.sd[0], rel=1e-9),
        )


@pytest.mark.parametrize(
    "bias", [_shift("economic", observed=False), _shift("survey"), _shift("economic", "economic", shift=0.0)]
)
def test_bias_evidence_that_moves_nothing_adds_no_row(bias):
    assert list(_streams(_found(ESTIMATES[:1], bias=[bias]))) == ["economic"]


def test_sentence_and_tables_name_the_stream():
    findings = Triangulation(theory(), prior=PRIOR).fit([*ESTIMATES, *BIAS])
    (verdict,) = findings.verdicts().itertuples()
    assert verdict.tipping.startswith("Without the interviews the verdict would change.")
    assert "no weight" not in verdict.tipping
    rows = findings.leave_one_out().query("kind == 'stream'").set_index("left_out")
    assert rows["flips"].to_dict() == {"economic": False, "survey": False, "interviews": True}
    assert not findings.sensitivity()["robust"].any()


def test_a_single_estimate_with_bias_evidence_does_not_stand_alone():
    findings = Triangulation(theory(), prior=PRIOR).fit([did(0.04, 0.01, bias=()), BIAS[0]])
    assert findings.verdicts()["tipping"][0].startswith("Without the economic estimate the verdict would change.")
