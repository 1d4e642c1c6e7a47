"""Curves of the verdict against the assumed bias."""

import numpy as np
import pytest

from clustereffects.triangulation import Triangulation
from clustereffects.triangulation.curves import bias_curves
from triangulation_cases import PRIOR, did, interviews, survey, theory, worked_example


def _cell(evidence):
    return Triangulation(theory(), prior=PRIOR).fit(evidence).cell("growth", "K01")


def test_curves_pass_through_the_present_and_cross_the_threshold_where_it_tips():
    cell = _cell(worked_example())
    curves = {curve.stream: curve for curve in bias_curves(cell)}
    assert list(curves) == ["economic", "survey"]
    for curve in curves.values():
        assert np.interp(curve.current, curve.bias, curve.probability[:, 2]) == pytest.approx(
            cell.posterior.probability[0, 2], abs=1e-6
        )
        assert np.interp(curve.tips_at, curve.bias, curve.probability[:, 2]) == pytest.approx(0.9, abs=1e-3)
        assert curve.bias.min() < curve.tips_at < curve.bias.max()
        assert curve.probability.sum(axis=1) == pytest.approx(1)
    assert curves["economic"].tips_at == pytest.approx(0.039, abs=5e-4)
    assert curves["survey"].tips_at == pytest.approx(0.1243, abs=5e-4)


def test_declared_ranges_are_means_of_the_stream():
    ranged = [did(bias_range=(-0.02, 0.02)), survey(bias_range=(0.02, 0.10))]
    economic, said = bias_curves(_cell(ranged))
    assert economic.declared == pytest.approx((-0.02, 0.02))
    assert said.declared == pytest.approx((0.02, 0.10))
    assert (economic.current, said.current) == pytest.approx((0.0, 0.05))


def test_without_a_range_the_declared_mean_stands_alone():
    (curve,) = bias_curves(_cell([did(bias_mean=0.01)]))
    assert curve.declared == pytest.approx((0.01, 0.01))


def test_a_range_of_one_of_two_estimates_counts_by_its_weight():
    both = [did(bias_range=(-0.02, 0.02)), did(id="other", bias_sd=0.03)]
    (curve,) = bias_curves(_cell(both))
    assert curve.declared == pytest.approx((-0.01, 0.01))


def test_no_estimates_no_curves():
    assert bias_curves(_cell(interviews())) == ()


def test_tipping_points_far_away_do_not_widen_the_curves():
    (curve,) = bias_curves(_cell([did(value=0.0, std_error=0.3, bias_sd=0.3)]))
    assert abs(curve.tips_at) > curve.bias.max()
    assert curve.bias.max() == pytest.approx(2 * np.hypot(0.3, 0.3))
    assert np.isfinite(curve.probability).all()
