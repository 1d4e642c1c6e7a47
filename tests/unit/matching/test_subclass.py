import numpy as np
import pytest

from clustereffects.errors import EstimationError
from clustereffects.matching.subclass import subclasses

RNG = np.random.default_rng(8)
SCORE = RNG.random(400)
TREATED = RNG.random(400) < SCORE


@pytest.mark.parametrize(("estimand", "base"), [("ATT", TREATED), ("ATC", ~TREATED), ("ATE", np.ones(400, bool))])
def test_bounds_are_quantiles_of_the_target(estimand, base):
    codes = subclasses(SCORE, TREATED, number=5, estimand=estimand)
    bounds = np.quantile(SCORE[base], [0.2, 0.4, 0.6, 0.8])
    np.testing.assert_array_equal(codes, sum((bound <= SCORE).astype(int) for bound in bounds))


def test_an_empty_subclass_gets_its_nearest_unit_from_the_fuller_side():
    treated = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    score = np.array([0.1, 0.3, 0.5, 0.7, 0.71, 0.72, 0.73, 0.74])
    codes = subclasses(score, treated, number=4)
    # Controls fill the third subclass first from the fourth, then the first and second in turn.
    assert sorted(codes[~treated].tolist()) == [0, 1, 2, 3]
    assert codes[~treated].tolist() == [0, 1, 2, 3]


def test_a_middle_subclass_looks_below_when_more_units_are_there():
    treated = np.array([1] * 6 + [0] * 6, dtype=bool)
    score = np.array([0.1, 0.2, 0.4, 0.5, 0.7, 0.8, 0.10, 0.12, 0.14, 0.16, 0.18, 0.9])
    codes = subclasses(score, treated, number=3)
    assert codes[~treated].tolist() == [0, 0, 0, 0, 1, 2]
    mirrored = subclasses(1.0 - score, treated, number=3)
    assert mirrored[~treated].tolist() == [2, 2, 2, 2, 1, 0]


def test_equal_scores_give_fewer_subclasses():
    score = np.array([0.2] * 6 + [0.8, 0.9])
    treated = np.array([1, 1, 1, 0, 0, 0, 1, 0], dtype=bool)
    codes = subclasses(score, treated, number=4)
    assert sorted(set(codes.tolist())) == list(range(codes.max() + 1))


def test_more_subclasses_than_units():
    with pytest.raises(EstimationError, match="too many subclasses"):
        subclasses(np.array([0.1, 0.5, 0.9, 0.2]), np.array([True, True, True, False]), number=3)


@pytest.mark.parametrize("options", [{"estimand": "ATO"}, {"number": 0}])
def test_options(options):
    with pytest.raises(ValueError, match="estimand"):
        subclasses(SCORE, TREATED, **options)
