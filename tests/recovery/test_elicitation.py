"""Worlds in which the errors of tests are known: does the calibration find them, and does it know what it does not know?"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from clustereffects.triangulation.cells import cell_model
from clustereffects.triangulation.elicitation import calibrate_tests, negative_controls
from clustereffects.triangulation.elicitation.latent import LatentTests, ReportsOnTest
from clustereffects.triangulation.elicitation.rates import rate_interval
from clustereffects.triangulation.elicitation.scores import compare_forecasts, elicited_forecast, forecast
from clustereffects.triangulation.elicitation.unit_grid import NODES, cell_interval
from clustereffects.triangulation.sorting import CellEvidence
from triangulation_cases import PRIOR, did, sign, theory

TESTS, REPORTS, EPSILON = 6, 4, 0.1


def world(rng, organisations, sharpness, shift=None):
    """Organisations with and without benefit, economic posteriors of a given sharpness, judges with a common error.

    The log odds of the economic posterior are normal around ± sharpness²/2, which makes them calibrated. Without a given
    shift of the judges (then with strength 16) shift and strength are drawn from the prior.
    """
    benefits = rng.random(organisations) < 0.5
    odds = rng.normal(np.where(benefits, 1, -1) * sharpness**2 / 2, sharpness)
    judged = np.array([rng.uniform(0.45, 0.9, TESTS), rng.uniform(0.1, 0.5, TESTS)])
    strength = rng.choice([2, 4, 8, 16, 32, 64], (2, 1)) if shift is None else 16
    centre = expit(logit(judged) + (rng.normal(size=(2, 1)) if shift is None else np.reshape(shift, (2, 1))))
    truth = rng.beta(strength * centre, strength * (1 - centre))
    where = np.repeat(np.arange(organisations), REPORTS)
    tests = []
    for j in range(TESTS):
        chance = np.where(benefits[where], truth[0, j], truth[1, j])
        tests.append(
            ReportsOnTest(
                organisation=where,
                observed=rng.random(where.size) < (1 - EPSILON) * chance + EPSILON / 2,
                unreliability=np.full(where.size, EPSILON),
                noise=np.full(where.size, 0.5),
                weight=np.ones(where.size),
                elicited=(float(judged[0, j]), float(judged[1, j])),
            )
        )
    return tests, expit(odds), truth, judged


def recovery(worlds, organisations, sharpness, shift=None):
    """Coverage of 90 % intervals, bias, and root-mean-square error of calibrated and of judged values."""
    inside, errors, judged_errors = [], [], []
    for seed in range(worlds):
        tests, benefit, truth, judged = world(np.random.default_rng(seed), organisations, sharpness, shift)
        posterior = LatentTests(tests, benefit, 1.0).posterior()
        for k, cells in enumerate((posterior.benefit, posterior.without)):
            ends = np.array([cell_interval(one, 0.9) for one in cells])
            inside += list((ends[:, 0] <= truth[k]) & (truth[k] <= ends[:, 1]))
            errors += list(cells @ NODES - truth[k])
            judged_errors += list(judged[k] - truth[k])
    rms = [float(np.sqrt(np.mean(np.square(values)))) for values in (errors, judged_errors)]
    return float(np.mean(inside)), float(np.mean(errors)), *rms


@pytest.mark.parametrize(("organisations", "sharpness"), [(15, 1.5), (40, 1.5), (40, 3.0)])
def test_intervals_cover_and_beat_judges_with_a_common_error(organisations, sharpness):
    coverage, bias, rms, judged = recovery(15, organisations, sharpness, (-0.6, 0.8))
    assert coverage == pytest.approx(0.9, abs=0.06)  # 180 intervals: 2.7 standard errors
    assert abs(bias) < 0.025
    assert rms < 0.6 * judged


@pytest.mark.slow
@pytest.mark.parametrize(("organisations", "sharpness"), [(15, 1.0), (40, 1.5), (80, 3.0)])
def test_intervals_are_calibrated_over_the_prior(organisations, sharpness):
    coverage, bias, _, _ = recovery(200, organisations, sharpness)
    assert coverage == pytest.approx(0.9, abs=0.02)  # 2400 intervals, twelve of a world share two shifts
    assert abs(bias) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("organisations", "sharpness"), [(15, 1.0), (15, 2.0), (40, 1.5), (80, 3.0)])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (-0.6, 0.8), (0.8, -0.6)])
def test_coverage_at_a_given_error_of_the_judges(organisations, sharpness, shift):
    """Bayesian intervals cover on average over the prior; at a given shift they need not exactly."""
    coverage, bias, _, _ = recovery(120, organisations, sharpness, shift)
    assert 0.88 < coverage < 0.95
    assert abs(bias) < 0.01


def test_more_organisations_and_a_sharper_anchor_teach_more():
    errors = [recovery(8, n, sharpness, (-0.6, 0.8))[2] for n, sharpness in ((15, 1.0), (60, 1.0), (60, 3.0))]
    assert errors[0] > errors[1] > errors[2]


def _gain(seed, shift):
    tests, benefit, _, _ = world(np.random.default_rng(seed), 20, 2.0, shift)
    latent = LatentTests(tests, benefit, 1.0)
    left_out = [latent.posterior(np.array([i])) for i in range(20)]
    means = np.array([[one.benefit @ NODES, one.without @ NODES] for one in left_out])
    state = np.stack([np.zeros(20), 1 - benefit, benefit], axis=1)
    pairs = [
        (
            forecast(one, benefit, means[one.organisation, :, j]),
            elicited_forecast(one, state, np.tile([one.elicited[1], one.elicited[1], one.elicited[0]], (80, 1))),
        )
        for j, one in enumerate(tests)
    ]
    return compare_forecasts(pairs, tests, np.arange(20)).gain


def test_left_out_forecasts_gain_where_judges_err_and_lose_little_where_they_do_not():
    assert np.mean([_gain(seed, (-1.0, 1.0)) for seed in range(6)]) > 0.03
    assert np.mean([_gain(seed, (0.0, 0.0)) for seed in range(6)]) > -0.02


def _cell(rng, i, chances):
    """One organisation of the model itself: effect from the wide prior, biased estimate, three reports on two tests."""
    about = {"claim": "growth", "group": f"K{i:02}"}
    effect = rng.normal(0, PRIOR.wide_sd)
    economic = did(effect + rng.normal(0, 0.03) + rng.normal(0, 0.025), **about)
    reports = []
    for name, chance in chances.items():
        for n in range(3):
            heard = rng.random() < 0.9 * chance[0 if effect > 0.01 else 1] + 0.05
            more = {"test": name, "unreliability": 0.1, "observed": bool(heard)}
            reports.append(sign(f"{name}:{n}", (0.7, 0.4, 0.3), **more, **about))
    evidence = CellEvidence(estimates=(economic,), diagnostics=tuple(reports))
    return SimpleNamespace(
        model=cell_model(theory().claim("growth"), about["group"], evidence, PRIOR), evidence=evidence
    )


def _end_to_end(worlds, organisations):
    inside, errors = [], []
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        chances = {name: rng.beta([9, 2], [3, 8]) for name in ("T01", "T02")}
        found = calibrate_tests([_cell(rng, i, chances) for i in range(organisations)])
        for one in found.tests:
            s, t = chances[one.test]
            inside += [
                one.sensitivity_range[0] <= s <= one.sensitivity_range[1],
                one.specificity_range[0] <= 1 - t <= one.specificity_range[1],
            ]
            errors += [one.sensitivity - s, one.specificity - 1 + t]
    return float(np.mean(inside)), float(np.mean(errors))


def test_from_biased_estimates_and_reports_to_intervals():
    coverage, bias = _end_to_end(15, 20)
    assert coverage == pytest.approx(0.9, abs=0.12)  # 60 intervals: 3 standard errors
    assert abs(bias) < 0.04


@pytest.mark.slow
def test_from_biased_estimates_and_reports_to_intervals_in_full():
    coverage, bias = _end_to_end(150, 25)
    assert coverage == pytest.approx(0.9, abs=0.04)
    assert abs(bias) < 0.015


@pytest.mark.parametrize("method", ["jeffreys", "exact"])
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_type_one_errors_of_outside_firms_are_covered(method, rate):
    seen = np.random.default_rng(7).binomial(30, rate, 4000)
    table = rate_interval(seen, np.full(4000, 30), level=0.9, method=method)
    coverage = float(((table[:, 1] <= rate) & (rate <= table[:, 2])).mean())
    assert coverage >= (0.9 if method == "exact" else 0.86)


def test_bias_of_the_next_estimate_is_covered_by_negative_controls():
    rng = np.random.default_rng(9)
    inside = []
    for _ in range(150):
        errors = rng.uniform(0.01, 0.04, 5)
        biases = rng.normal(0.02, abs(rng.normal(0, 0.03)), 6)
        controls = pd.DataFrame({"value": biases[:5] + rng.normal(0, errors), "std_error": errors})
        found = negative_controls(controls, spread_sd=0.03)
        inside.append(abs(biases[5] - found.bias_mean) < 1.645 * found.bias_sd)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.06)
