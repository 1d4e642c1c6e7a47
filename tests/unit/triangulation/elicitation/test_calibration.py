from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import special, stats

from clustereffects.errors import EvidenceError, OptionError
from clustereffects.triangulation import Thresholds
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.elicitation import CalibrationOptions, calibrate_tests
from clustereffects.triangulation.elicitation.latent import LatentTests, ReportsOnTest, borrowing_powers
from clustereffects.triangulation.elicitation.unit_grid import (
    NODES,
    cell_interval,
    cell_quantiles,
    prior_weights,
    state_prior,
)
from clustereffects.triangulation.posterior import stream_alone
from clustereffects.triangulation.sorting import CellEvidence
from triangulation_cases import PRIOR, did, sign, theory

STRENGTHS, SHIFTS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0), np.linspace(-2.5, 2.5, 11)


def reports(observed, organisation=None, elicited=(0.6, 0.3), **more):
    observed = np.array(observed, dtype=bool)
    size = observed.size
    given = {"unreliability": np.zeros(size), "noise": np.full(size, 0.5), "weight": np.ones(size)} | more
    where = np.arange(size) if organisation is None else np.array(organisation)
    return ReportsOnTest(organisation=where, observed=observed, elicited=elicited, **given)


def enumerated(tests, benefit, lent):
    """Posterior means by summing over all states of all organisations: beta-binomial closed forms, no quadrature.

    Hyperparameters are common to the tests; ``lent`` is the power of the other tests.
    """
    log_state = np.tile(-0.5 * SHIFTS**2, len(STRENGTHS))
    log_state = np.add.outer(log_state, log_state)
    mass, first, second = [], [], []
    for test in tests:
        shapes = []
        for value in test.elicited:
            middle = special.expit(special.logit(value) + SHIFTS)
            strength = np.repeat(STRENGTHS, SHIFTS.size)
            shapes.append(
                (strength * np.tile(middle, len(STRENGTHS)), strength * (1 - np.tile(middle, len(STRENGTHS))))
            )
        totals = [0.0, 0.0, 0.0]
        for states in product([False, True], repeat=benefit.size):
            chosen = np.array(states)
            share = np.prod(np.where(chosen, benefit, 1 - benefit))
            with_benefit = chosen[test.organisation]
            parts, means = [], []
            for (a, b), mine in zip(shapes, (with_benefit, ~with_benefit), strict=True):
                seen, unseen = (test.observed & mine).sum(), (~test.observed & mine).sum()
                parts.append(np.exp(special.betaln(a + seen, b + unseen) - special.betaln(a, b)))
                means.append((a + seen) / (a + b + seen + unseen))
            both = share * np.multiply.outer(*parts)
            totals[0] = totals[0] + both
            totals[1] = totals[1] + both * means[0][:, None]
            totals[2] = totals[2] + both * means[1][None, :]
        mass.append(totals[0])
        first.append(totals[1] / totals[0])
        second.append(totals[2] / totals[0])
    found = []
    for j, (a, b) in enumerate(zip(first, second, strict=True)):
        others = [mass[i] ** lent for i in range(len(tests)) if i != j]
        weight = np.exp(log_state) * mass[j] * np.prod(others, axis=0)
        found.append((float((weight * a).sum() / weight.sum()), float((weight * b).sum() / weight.sum())))
    return found


def test_latent_states_against_enumeration():
    benefit = np.array([0.9, 0.7, 0.5, 0.2, 0.05])
    tests = [
        reports([1, 1, 0, 0, 0, 1, 1], [0, 0, 1, 2, 3, 3, 4], (0.7, 0.2)),
        reports([1, 0, 1, 1, 0], [0, 1, 2, 3, 4], (0.5, 0.4)),
    ]
    posterior = LatentTests(tests, benefit, 1.0).posterior()
    middle = benefit.mean()
    left = (benefit * (1 - benefit)).mean() / (middle * (1 - middle))
    assert 0.4 < left < 0.8
    for j, (s, t) in enumerate(enumerated(tests, benefit, (1 - left) / (1 + left))):
        assert posterior.benefit[j] @ NODES == pytest.approx(s, abs=5e-4)
        assert posterior.without[j] @ NODES == pytest.approx(t, abs=5e-4)


def test_known_states_give_counts():
    """With states that are certain and a thousand reports the prior does not matter."""
    benefit = np.array([1.0] * 500 + [0.0] * 500)
    seen = np.concatenate([np.arange(500) < 400, np.arange(500) < 50])
    posterior = LatentTests([reports(seen)], benefit, 1.0).posterior()
    assert posterior.benefit[0] @ NODES == pytest.approx(0.8, abs=0.005)
    assert posterior.without[0] @ NODES == pytest.approx(0.1, abs=0.005)
    interval = cell_quantiles(posterior.benefit[0], np.array([0.05, 0.95]))
    assert interval == pytest.approx(stats.beta.ppf([0.05, 0.95], 401, 101), abs=0.006)


def test_uninformative_reports_and_flat_economic_posteriors_teach_nothing():
    noise = reports([1, 0] * 20, unreliability=np.ones(40))
    latent = LatentTests([noise], np.linspace(0.1, 0.9, 40), 1.0)
    found = latent.posterior()
    assert found.benefit[0] == pytest.approx(found.prior_benefit[0], abs=1e-12)


def test_leaving_out_is_fitting_without():
    rng = np.random.default_rng(1)
    benefit = rng.uniform(0.1, 0.9, 12)
    tests = [reports(rng.random(24) < 0.5, np.repeat(np.arange(12), 2)) for _ in range(3)]
    found = LatentTests(tests, benefit, 1.0).posterior(without=np.array([2, 5]))
    keep = [np.flatnonzero(~np.isin(one.organisation, [2, 5])) for one in tests]
    fewer = [reports(one.observed[rows], one.organisation[rows]) for one, rows in zip(tests, keep, strict=True)]
    again = LatentTests(fewer, benefit, 1.0).posterior()
    assert found.benefit == pytest.approx(again.benefit, abs=1e-10)
    assert found.without == pytest.approx(again.without, abs=1e-10)


def test_tests_lend_each_other_what_their_common_states_leave():
    asked = np.array([[True, False], [True, False], [False, True]]).repeat(4, axis=1)
    certain, open_states = np.array([0.0, 1.0] * 4), np.full(8, 0.5)
    assert borrowing_powers(asked, certain).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    # nothing from a test on the same unknown states; two such tests lend a third on other states as much as one
    assert borrowing_powers(asked, open_states).tolist() == [[0, 0, 1], [0, 0, 1], [0.5, 0.5, 0]]
    assert borrowing_powers(np.zeros((2, 8), dtype=bool), open_states).tolist() == [[0, 1], [1, 0]]


def test_intervals_do_not_pretend_to_resolve_the_outermost_cells():
    cells = np.zeros(NODES.size)
    cells[[0, -1]] = 0.5
    assert cell_interval(cells, 0.9) == (0.0, 1.0)
    low, high = cell_interval(np.eye(NODES.size)[0], 0.9)
    assert (low, high) == (0.0, pytest.approx(1.7e-4, rel=0.02))


def test_prior_cells_are_exact():
    weights = prior_weights(0.3, 1.0)
    assert weights.sum(axis=1) == pytest.approx(np.ones(66))
    row = 3 * SHIFTS.size + 5  # strength 16, no shift
    assert weights[row] @ NODES == pytest.approx(0.3, abs=1e-4)
    assert cell_quantiles(weights[row], np.array([0.1])) == pytest.approx(stats.beta.ppf(0.1, 4.8, 11.2), abs=1e-3)
    assert np.exp(state_prior()).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        prior_weights(1.2, 1.0)


def _cells(count, seed=0, chances=(0.6, 0.5, 0.5), true=(0.85, 0.15)):
    """Organisations half of which benefit; two interviews each on one test."""
    rng = np.random.default_rng(seed)
    claim = theory().claim("growth")
    found = []
    for i in range(count):
        benefits = i % 2 == 0
        about = {"claim": "growth", "group": f"K{i:02}"}
        economic = did(0.08 if benefits else 0.0, 0.012, 0.01, **about)
        signs = [
            sign(
                f"T01:{i}:{n}",
                chances,
                observed=bool(rng.random() < true[0 if benefits else 1]),
                test="T01",
                unreliability=0.05,
                dependence="d",
                rho=0.2,
                **about,
            )
            for n in range(2)
        ]
        evidence = CellEvidence(estimates=(economic,), diagnostics=tuple(signs))
        found.append(find_cell(claim, about["group"], evidence, PRIOR, Thresholds()))
    return found


def test_calibration_moves_from_the_judges_to_the_data_and_forecasts_better():
    found = calibrate_tests(_cells(24))
    one = found.tests[0]
    assert one.status == "calibrated"
    assert (one.organisations, one.reports) == (24, 48)
    assert one.elicited == pytest.approx((0.6, 0.5))
    assert one.sensitivity_range[0] < 0.85 < one.sensitivity_range[1]
    assert one.specificity_range[0] < 0.85 < one.specificity_range[1]
    assert min(one.learned) > 0.5
    assert found.scores.gain > 2 * found.scores.gain_std_error
    assert found.scores.brier < found.scores.brier_elicited
    assert 8 < one.with_benefit < 16


def test_judges_who_were_right_are_not_beaten_by_much():
    found = calibrate_tests(_cells(24, seed=3, chances=(0.85, 0.15, 0.15)))
    assert abs(found.scores.gain) < 0.05


def test_few_organisations_are_uncalibrated_and_keep_their_judgements():
    cells = _cells(10)
    found = calibrate_tests(cells)
    assert found.status("T01") == "uncalibrated"
    items = [item for cell in cells for item in cell.evidence.items]
    assert found.applied(items) == items
    assert found.status("T99") == "uncalibrated"
    assert calibrate_tests(cells, CalibrationOptions(minimum_organisations=10)).status("T01") == "calibrated"


def test_applied_ranges_come_from_the_other_organisations():
    cells = _cells(16)
    found = calibrate_tests(cells)
    items = [item for cell in cells for item in cell.evidence.items]
    applied = found.applied(items)
    changed = [one for one in applied if getattr(one, "test", "") == "T01"]
    assert len({one.p_benefit for one in changed}) > 1
    assert all(one.p_negligible == one.p_harm and "other organisations" in one.note for one in changed)
    without = calibrate_tests([cell for cell in cells if cell.model.group != "K03"], found.options)
    mine = next(one for one in changed if one.group == "K03")
    assert mine.p_benefit == pytest.approx(without.tests[0].sensitivity_range, abs=2e-3)
    rival = replace(mine, target="rival:boom")
    assert found.applied([rival]) == [rival]
    outside = replace(mine, group="K99", p_benefit=0.6)
    assert found.applied([outside])[0].p_benefit == 0.6


def test_the_anchor_is_the_economic_stream_alone():
    cells = _cells(16)
    found = calibrate_tests(cells).tests[0]
    expected = sum(stream_alone(cell.model, cell.model.streams.index("economic"))[0][2] for cell in cells)
    assert found.with_benefit == pytest.approx(expected)


def test_table_has_a_row_per_test_and_derived_kinds():
    table = calibrate_tests(_cells(24)).table()
    assert table["test"].tolist() == ["T01"]
    assert table["kind"].iloc[0] in {"hoop", "straw in the wind", "doubly decisive", "smoking gun"}
    columns = {
        "sensitivity_low",
        "specificity_high",
        "elicited_sensitivity",
        "learned_specificity",
        "log_score",
        "gain",
    }
    assert columns <= set(table.columns)


def test_nothing_to_calibrate_is_said():
    claim = theory().claim("growth")
    cell = find_cell(claim, "K01", CellEvidence(estimates=(did(),)), PRIOR, Thresholds())
    with pytest.raises(EvidenceError, match="no test can be calibrated"):
        calibrate_tests([cell])


def test_impossible_options_are_refused_together():
    with pytest.raises(OptionError) as caught:
        CalibrationOptions(minimum_organisations=1, level=1.0, shift_sd=0.0)
    assert len(caught.value.problems) == 3
