import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import EstimationError
from clustereffects.matching.weights import (
    WeightModel,
    calibration_model,
    propensity_model,
    propensity_weights,
)
from support.matching_second import set_weights

P = np.array([0.2, 0.5, 0.8, 0.4])
TREATED = np.array([True, False, True, False])


@pytest.mark.parametrize(
    ("estimand", "expected"),
    [
        ("ATT", [1, 0.5 / 0.5, 1, 0.4 / 0.6]),
        ("ATC", [0.8 / 0.2, 1, 0.2 / 0.8, 1]),
        ("ATE", [1 / 0.2, 1 / 0.5, 1 / 0.8, 1 / 0.6]),
        ("ATO", [0.8, 0.5, 0.2, 0.4]),
    ],
)
def test_textbook_weights(estimand, expected):
    np.testing.assert_allclose(propensity_weights(P, TREATED, estimand), expected)


@pytest.mark.parametrize(
    "function", [propensity_weights, lambda p, t, e: calibration_model(p[:, None], t, p, estimand=e)]
)
def test_unknown_estimand(function):
    with pytest.raises(ValueError, match="LATE"):
        function(P, TREATED, "LATE")


def test_infinite_weights():
    with pytest.raises(EstimationError, match="1 units, the first in row 1"):
        propensity_weights(np.array([0.5, 1.0]), np.array([True, False]), "ATT")
    # A treated unit that is certain to be treated needs no counterpart's weight for the ATT.
    assert propensity_weights(np.array([1.0, 0.5]), np.array([True, False]), "ATT").tolist() == [1.0, 1.0]
    assert propensity_weights(np.array([1.0, 1.0]), np.array([True, False]), "ATO").tolist() == [0.0, 1.0]


def test_weights_of_sets_reproduce_the_composition_of_the_target():
    rng = np.random.default_rng(1)
    sets = rng.integers(-1, 5, 200)
    treated = rng.random(200) < 0.2 + 0.1 * sets
    inside = sets >= 0
    for estimand, members in (("ATT", treated), ("ATC", ~treated), ("ATE", np.ones(200, bool))):
        weight = set_weights(sets, treated, estimand)
        composition = np.bincount(sets[inside & members]) / (inside & members).sum()
        for side in (inside & treated, inside & ~treated):
            np.testing.assert_allclose(np.bincount(sets[side], weight[side]) / weight[side].sum(), composition)
            np.testing.assert_allclose(weight[side].sum(), side.sum())
        assert (weight[~inside] == 0).all()


def test_sets_of_one_side():
    with pytest.raises(EstimationError, match="no set"):
        set_weights(np.array([0, 1]), np.array([True, False]), "ATT")
    with pytest.raises(EstimationError, match="no set"):
        set_weights(np.array([0, 0]), np.array([False, False]), "ATT")
    assert set_weights(np.array([-1, -1]), TREATED[:2]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE", "ATO"])
def test_slope_is_the_derivative_of_the_weight(estimand):
    design, beta, step = np.column_stack([np.ones(4), [1.0, 2.0, 0.5, -1.0]]), np.array([0.2, -0.3]), 1e-6

    def weight(beta):
        return propensity_weights(1 / (1 + np.exp(-design @ beta)), TREATED, estimand)

    numerical = np.column_stack([(weight(beta + d) - weight(beta - d)) / (2 * step) for d in np.eye(2) * step])
    model = propensity_model(design, 1 / (1 + np.exp(-design @ beta)), TREATED, estimand)
    np.testing.assert_allclose(model.slope, numerical, atol=1e-8)


def test_shapes():
    with pytest.raises(ValueError, match="equal matrices"):
        WeightModel(np.zeros((3, 2)), np.zeros((3, 1)))


def test_a_score_is_weighted_on_the_scale_that_is_named():
    rng = np.random.default_rng(0)
    size = rng.normal(size=200)
    chance = 1 / (1 + np.exp(-size))
    table = pd.DataFrame({"joined": rng.random(200) < chance, "size": size, "chance": chance, "large": 5 * chance})

    def weights(column, scale):
        options = {"method": "propensity_weighting", "estimand": "ATE", "propensity_scale": scale}
        match = ce.Matching(on=["size"], distance=ce.matching.Score(column), **options)
        return match.fit_frame(table, treatment="joined").weights

    found = weights("chance", "probability")
    np.testing.assert_allclose(found, weights("size", "linear"))
    odds = 1 / np.where(table["joined"], chance, 1 - chance)
    treated = table["joined"].to_numpy()
    np.testing.assert_allclose(found[treated] / found[treated].sum(), odds[treated] / odds[treated].sum())
    for column, scale, other in (("chance", "linear", "probability"), ("large", "probability", "linear")):
        with pytest.raises(EstimationError, match=f"'{column}' is not on the scale .* set propensity_scale='{other}'"):
            weights(column, scale)


def test_entropy_with_exact_columns_says_that_shares_are_equal():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"joined": np.arange(80) < 20, "size": rng.normal(size=80), "town": rng.choice([*"ab"], 80)})
    match = ce.Matching(on=["size"], exact=["town"], method="entropy").fit_frame(table, treatment="joined")
    assert match.design.method == "entropy balancing of means, equal shares of town"
    share = match.members().assign(a=lambda one: (table["town"] == "a")[one["unit"]].to_numpy())
    means = share.groupby("side")[["weight", "a"]].apply(lambda one: np.average(one["a"], weights=one["weight"]))
    assert means["treated"] == pytest.approx(means["control"])
