import dataclasses

import numpy as np
import pytest

from clustereffects.errors import EvidenceError
from clustereffects.results import BiasTerm
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation.scale_map import ScaleMap
from triangulation_cases import did, survey, theory

STEPS = ScaleMap(
    name="steps", factor=0.02, factor_sd=0.01, offset=-0.01, offset_sd=0.004, unit="log", source="pilot 2011"
)


def test_value_and_variance_of_the_line():
    rng = np.random.default_rng(1)
    draws = 4_000_000
    simulated = rng.normal(-0.01, 0.004, draws) + rng.normal(0.02, 0.01, draws) * rng.normal(1.5, 0.4, draws)
    found = STEPS.estimate(survey(1.5, 0.4, unit="steps", bias=()))
    assert found.value == pytest.approx(0.02)
    assert found.std_error == pytest.approx(simulated.std(), rel=2e-3)
    assert found.std_error**2 == pytest.approx(0.004**2 + (0.02 * 0.4) ** 2 + (1.5 * 0.01) ** 2 + (0.4 * 0.01) ** 2)
    assert (found.unit, found.source) == ("log", "scale map steps (pilot 2011)")


def test_the_variance_is_too_large_on_average_by_the_product_of_the_variances():
    """Over estimates that are as often one standard error too low as too high"""
    variances = [STEPS.estimate(survey(1.5 + side * 0.4, 0.4, bias=())).std_error ** 2 for side in (-1, 1)]
    true = 0.004**2 + (0.02 * 0.4) ** 2 + (1.5 * 0.01) ** 2 + (0.4 * 0.01) ** 2
    assert np.mean(variances) == pytest.approx(true + (0.4 * 0.01) ** 2)


def test_a_bias_shared_beyond_the_map_is_refused_where_they_meet():
    shared = BiasTerm(domain="optimism", mean=0.5, sd=0.2, shared="o")
    items = [survey(1.5, 0.4, bias=(shared,), id=name, unit="steps") for name in "ab"]
    mapped = [STEPS.estimate(one) for one in items]
    assert mapped[0].bias == mapped[1].bias
    assert Triangulation(theory()).fit(mapped).verdicts().shape[0] == 1
    other = survey(0.1, 0.02, bias=(shared,), id="other")
    with pytest.raises(EvidenceError, match="shared bias 'o' is declared in different ways"):
        Triangulation(theory()).fit([*mapped, other])


def test_a_falling_line_turns_biases_round():
    down = ScaleMap(name="down", factor=-2.0, factor_sd=0.0)
    term = down.estimate(survey(0.1, 0.02, bias_mean=0.05, bias_range=(0.02, 0.1))).bias[0]
    assert (term.mean, term.sd, term.mean_range) == (-0.1, 0.1, (-0.2, -0.04))


def test_rescaling_forth_and_back_changes_nothing():
    there, back = ScaleMap(name="percent", factor=100, factor_sd=0), ScaleMap(name="share", factor=0.01, factor_sd=0)
    again = back.estimate(there.estimate(did()))
    assert again.value == pytest.approx(0.06)
    assert again.std_error == pytest.approx(0.025)
    assert again.bias[0].sd == pytest.approx(0.03)


def test_proportional_biases_have_no_unit():
    term = BiasTerm(domain="recall", sd=0.2, kind="proportional")
    assert ScaleMap(name="percent", factor=100, factor_sd=0).estimate(survey(bias=(term,))).bias == (term,)
    with pytest.raises(EvidenceError, match="has a proportional bias"):
        STEPS.estimate(survey(bias=(term,)))


def test_impossible_maps():
    with pytest.raises(EvidenceError) as caught:
        ScaleMap(name="m", factor=0.0, factor_sd=-1.0, offset=float("nan"))
    for part in ("factor is 0", "factor_sd is -1.0", "offset is nan"):
        assert part in str(caught.value)


def test_an_estimate_in_another_unit_needs_a_map():
    item = survey(1.5, 0.4, unit="steps")
    with pytest.raises(EvidenceError, match=r"the unit 'steps'[\s\S]*ScaleMap"):
        Triangulation(theory()).fit([item])
    mapped = STEPS.estimate(item)
    verdicts = Triangulation(theory()).fit([mapped]).verdicts()
    plain = Triangulation(theory()).fit([dataclasses.replace(mapped, unit="")]).verdicts()
    assert verdicts["p_benefit"].tolist() == plain["p_benefit"].tolist()
