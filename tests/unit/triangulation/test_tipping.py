"""Tipping points against a dense search along the same path."""

import numpy as np
import pytest

from clustereffects.results import BiasTerm
from clustereffects.triangulation import Thresholds
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.tipping import tipping_points
from clustereffects.triangulation.verdicts import class_word, decide
from triangulation_cases import did, model, survey

LIMITS = Thresholds()


def _bias_tips(built):
    return {tip.stream: tip for tip in tipping_points(built, LIMITS) if tip.quantity == "bias"}


def _nearest_change(built, stream, reach=0.1, size=40_001):
    """Smallest bias of one stream that changes the verdict, on a grid of equal steps, and the verdict there."""
    moved = np.linspace(-reach, reach, size)
    shift = np.zeros((size, len(built.streams)))
    shift[:, stream] = moved
    classes = decide(scenarios(built, shift=shift).probability, LIMITS)
    changed = np.flatnonzero(classes != classes[size // 2])
    nearest = changed[np.abs(moved[changed]).argmin()]
    return moved[nearest], class_word(int(classes[nearest]))


@pytest.mark.parametrize(("value", "std_error"), [(0.0027, 0.0061), (0.0025, 0.0056), (-0.0031, 0.0058)])
def test_a_narrow_window_without_material_effect_is_not_stepped_over(value, std_error):
    built = model([did(value, std_error, bias=())])
    tip = _bias_tips(built)["economic"]
    expected, becomes = _nearest_change(built, 0)
    assert becomes == "no material effect"
    assert tip.becomes == becomes
    assert tip.tips_at == pytest.approx(expected, abs=1e-5)


def test_a_narrow_window_far_from_the_present_bias_is_found_for_each_stream():
    built = model([did(0.06, 0.008, bias=()), survey(-0.05, 0.007, bias=())])
    for i, stream in enumerate(built.streams):
        expected, becomes = _nearest_change(built, i, reach=0.4)
        tip = _bias_tips(built)[stream]
        assert (tip.tips_at - tip.current, tip.becomes) == (pytest.approx(expected, abs=3e-5), becomes)


def test_a_narrow_window_is_found_with_a_proportional_bias():
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=0.1)
    built = model([did(0.0027, 0.0061, bias=(factor,))])
    expected, becomes = _nearest_change(built, 0, reach=0.03, size=1201)
    tip = _bias_tips(built)["economic"]
    assert (tip.tips_at, tip.becomes) == (pytest.approx(expected, abs=6e-5), becomes)


def test_biases_are_searched_as_far_as_a_proportional_bias_can_be_integrated():
    """A posterior that can be had is not refused because biases far from the declared ones cannot be integrated."""
    factor = BiasTerm(domain="attenuation", kind="proportional", sd=0.3)
    built = model([did(0.06, 0.0001, bias=(factor,))])
    tip = _bias_tips(built)["economic"]
    assert tip.changes
    shift = np.array([[tip.tips_at - 1e-4], [tip.tips_at + 1e-4]])
    classes = decide(scenarios(built, shift=shift).probability, LIMITS)
    assert [class_word(int(one)) for one in classes] == [tip.verdict, tip.becomes]
