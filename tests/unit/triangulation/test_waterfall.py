"""Steps from the prior to the posterior."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from clustereffects.results import BiasEvidence, Silence
from clustereffects.triangulation import Thresholds, Triangulation
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.waterfall import as_probability, log_odds, waterfall
from triangulation_cases import KEY, PRIOR, did, sign, survey, theory, worked_example


def _cell(evidence):
    return Triangulation(theory(), prior=PRIOR).fit(evidence).cell("growth", "K01")


@pytest.mark.parametrize("by", ["stream", "item"])
def test_steps_lead_from_the_prior_to_the_posterior(by):
    cell = _cell(worked_example())
    steps = waterfall(cell, by)
    silent = find_cell(cell.model.claim, "K01", CellEvidence(), PRIOR, Thresholds())
    assert steps[0].before == pytest.approx(float(log_odds(silent.posterior.probability[0])))
    assert steps[-1].after == pytest.approx(float(log_odds(cell.posterior.probability[0])))
    assert as_probability(steps[-1].after) == pytest.approx(0.969, abs=5e-4)
    for one, other in pairwise(steps):
        assert one.after == pytest.approx(other.before)
    assert all(step.least - 1e-9 <= step.change <= step.most + 1e-9 for step in steps)


def test_least_and_most_are_those_of_all_orders():
    cell = _cell(worked_example())
    model = cell.model
    changes = {name: [] for name in model.streams}
    for order in permutations(range(3)):
        power = np.zeros((4, 3))
        for k, i in enumerate(order):
            power[k + 1 :, i] = 1.0
        level = log_odds(scenarios(model, power=power).probability)
        for k, i in enumerate(order):
            changes[model.streams[i]].append(level[k + 1] - level[k])
    for step in waterfall(cell):
        assert step.least == pytest.approx(min(changes[step.name]))
        assert step.most == pytest.approx(max(changes[step.name]))


def test_order_makes_no_difference_for_diagnostics_alone_without_dependence():
    cell = _cell([sign("one"), sign("two", (0.2, 0.5, 0.5))])
    one, two = waterfall(cell, "item")
    assert (one.name, two.name) == ("one", "two")
    assert one.least == pytest.approx(one.most)
    assert one.change == pytest.approx(np.log(0.9 / 0.5))
    assert two.change == pytest.approx(np.log(0.2 / 0.5))


def test_bias_evidence_stands_with_the_stream_it_moves():
    moved = BiasEvidence(id="B1", stream="interviews", target_stream="economic", shift=0.04, sd=0.01, **KEY)
    unseen = BiasEvidence(id="B2", stream="interviews", target_stream="economic", shift=0.9, observed=False, **KEY)
    steps = waterfall(_cell([did(), moved, unseen, survey()]), "item")
    assert [(step.name, step.stream) for step in steps] == [
        ("did", "economic"),
        ("B1", "economic"),
        ("scale", "survey"),
    ]
    assert steps[1].change < 0


def test_searches_without_a_find_are_steps_and_other_silences_are_not():
    searched = Silence(stream="documents", reason="searched_not_found", p_detect=0.5, **KEY)
    missing = Silence(stream="survey", reason="missing", **KEY)
    steps = waterfall(_cell([did(), searched, missing]), "item")
    assert [step.stream for step in steps] == ["economic", "documents"]
    assert steps[1].change == pytest.approx(np.log(0.5))


def test_dependent_signs_for_benefit_never_count_against_it():
    signs = [
        sign(name, p, dependence="persons", rho=0.5)
        for name, p in (("gun", (0.3, 0.05, 0.02)), ("hoop", (0.9, 0.5, 0.5)))
    ]
    gun, hoop = waterfall(_cell(signs), "item")
    assert hoop.change == pytest.approx(np.log(0.9 / 0.5) / 1.5)
    assert gun.change > hoop.change > 0


def test_bias_evidence_on_a_stream_without_estimates_is_no_step():
    seen = BiasEvidence(id="B1", stream="interviews", target_stream="interviews", shift=0.04, **KEY)
    assert [step.name for step in waterfall(_cell([sign("hoop"), seen]), "item")] == ["hoop"]


def test_nothing_to_show_without_evidence():
    cell = _cell([Silence(stream="survey", reason="missing", **KEY)])
    assert waterfall(cell) == waterfall(cell, "item") == ()


def test_a_state_that_is_ruled_out_has_finite_log_odds():
    (step,) = waterfall(_cell([sign("gun", (0.5, 0.0, 0.0))]))
    assert 600 < step.after < 700
    assert as_probability(step.after) == 1.0
