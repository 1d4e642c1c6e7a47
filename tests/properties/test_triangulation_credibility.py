"""What must hold of agreement, conflict, audit and previews for any evidence."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.results import BiasTerm
from clustereffects.triangulation import Findings, Prior, Triangulation
from clustereffects.triangulation.audit import restored
from clustereffects.triangulation.conflict import heterogeneity, holm
from clustereffects.triangulation.convergence import ConvergenceRules, cell_convergence
from clustereffects.triangulation.information import preview_component, preview_pair, preview_sign
from clustereffects.triangulation.prior_conflict import prior_conflict
from clustereffects.triangulation.sensitivity import scenarios
from triangulation_cases import PRIOR, did, model, sign, survey, theory

quick = settings(max_examples=25, derandomize=True, deadline=None)
values = st.floats(-0.3, 0.3)
errors = st.floats(0.005, 0.2)
spreads = st.floats(0, 0.1)
chances = st.floats(0.02, 0.98)
triples = st.tuples(chances, chances, chances)
MIRROR = {"benefit": "harm", "harm": "benefit"}


def _pair(value, other, error, mean, spread, turn=1):
    term = (BiasTerm(domain="b", mean=turn * mean, sd=spread),)
    return [did(turn * value, error, bias=term), survey(turn * other, error, bias=term)]


def _assessed(items):
    return cell_convergence(model(items), (), ("economic", "survey"), ConvergenceRules())


@quick
@given(values, values, errors, values, spreads)
def test_convergence_does_not_depend_on_which_sign_is_good(value, other, error, mean, spread):
    found = _assessed(_pair(value, other, error, mean, spread))
    turned = _assessed(_pair(value, other, error, mean, spread, -1))
    assert found.assessment == turned.assessment
    one, two = found.codes[0], turned.codes[0]
    assert (one.code, one.overlay, one.note) == (two.code, two.overlay, two.note)
    assert MIRROR.get(one.state_first, one.state_first) == two.state_first
    assert one.p_other == pytest.approx(two.p_other, abs=1e-8, nan_ok=True)


@quick
@given(values, values, errors, spreads, st.floats(0.1, 20))
def test_conflict_does_not_depend_on_the_unit(value, other, error, spread, unit):
    def built(scale):
        items = [did(value * scale, error * scale, spread * scale), survey(other * scale, error * scale, 0.0, 0.0)]
        prior = Prior(sceptical_sd=0.05 * scale, wide_sd=0.15 * scale)
        return model(items, prior=prior, delta=0.01 * scale)

    assert prior_conflict(built(unit)).p_adjusted == pytest.approx(prior_conflict(built(1.0)).p_adjusted, rel=1e-6)
    one, two = heterogeneity(built(unit)), heterogeneity(built(1.0))
    assert (one.p_adjusted, one.i_squared) == (
        pytest.approx(two.p_adjusted, rel=1e-6),
        pytest.approx(two.i_squared, abs=1e-9),
    )


@quick
@given(values, errors, spreads, st.floats(0.01, 0.2))
def test_more_bias_variance_never_makes_the_estimate_more_surprising(value, error, spread, more):
    def surprise(sd):
        return prior_conflict(model([did(value, error, sd)])).p_adjusted

    assert surprise(spread + more) >= surprise(spread) - 1e-12


@quick
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_adjusts_upwards_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= 1).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


@quick
@given(triples, triples)
def test_a_sign_is_never_expected_to_shift_a_probability(prior, chance):
    now = np.array(prior) / sum(prior)
    found = preview_sign(now, np.array(chance))
    np.testing.assert_allclose(found.now, now, atol=1e-12)
    assert found.reduction >= -1e-12


@quick
@given(triples, triples, triples)
def test_a_dependent_report_is_never_expected_to_make_benefit_less_certain(now, seen, unseen):
    found = preview_pair(*(np.array(one) / sum(one) for one in (now, seen, unseen)))
    assert found.weight.sum() == pytest.approx(1)
    assert (found.weight >= 0).all()
    assert found.reduction >= -1e-12


@quick
@given(values, values, errors, spreads, triples)
def test_data_are_never_expected_to_shift_a_probability(value, other, error, spread, chance):
    def items(part):
        return [did(value, error * part, spread), survey(other, error), sign("s", chance, unreliability=0.1)]

    built = model(items(1))
    found = preview_component(built, model(items(0.5)).estimates.covariance)
    np.testing.assert_allclose(found.now, scenarios(built).probability[0], atol=1e-6)
    assert found.reduction >= -1e-9


@settings(max_examples=10, derandomize=True, deadline=None)
@given(values, values, errors, spreads, triples, st.booleans())
def test_findings_come_back_from_their_record(value, other, error, spread, chance, seen):
    items = [did(value, error, spread), survey(other, error), sign("s", chance, observed=seen, unreliability=0.1)]
    findings = Triangulation(theory(), prior=PRIOR).fit(items)
    record = json.loads(json.dumps(findings.to_dict()))
    assert restored(record) == findings.given
    assert Findings.of(restored(record)).verdicts().equals(findings.verdicts())
