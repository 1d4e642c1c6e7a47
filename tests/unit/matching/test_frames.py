"""Tables that are matched: their index, identifiers, and columns named twice."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import EstimationError, InputError, OptionError
from clustereffects.matching import Caliper, Matching, Score


def frame():
    return pd.DataFrame(
        {"joined": [0, 1, 0, 0, 1], "size": [4.0, 5.0, 9.0, 8.5, 8.4], "wage": [1.0, 2.0, 3.0, 4.0, 5.0]},
        index=[3, 0, 4, 2, 1],
    )


def pairs(table, **options):
    return Matching(**{"on": ["size"], **options}).fit_frame(table, treatment="joined").pairs()


def test_units_are_named_by_the_index():
    assert pairs(frame())[["treated", "control"]].to_numpy().tolist() == [[0, 3], [1, 2]]
    named = frame().set_axis(list("abcde"))
    assert pairs(named)[["treated", "control"]].to_numpy().tolist() == [["b", "a"], ["e", "d"]]


def test_units_are_named_by_their_place_where_the_index_has_duplicates():
    assert pairs(frame().set_axis([7] * 5))[["treated", "control"]].to_numpy().tolist() == [[1, 0], [4, 3]]


def test_the_outcome_of_the_prognostic_score_is_aligned_by_the_index():
    rng = np.random.default_rng(0)
    size = rng.normal(size=40)
    table = pd.DataFrame({"joined": np.arange(40) < 10, "size": size, "wage": 2 * size})
    mixed = table.sample(frac=1, random_state=1)
    found = [
        Matching(on=["size"]).fit_frame(one, treatment="joined").prognostic_balance(one["wage"])
        for one in (table, mixed)
    ]
    assert found[1]["mean_treated_before"].to_numpy() == pytest.approx(found[0]["mean_treated_before"].to_numpy())


def test_identifiers_without_an_order_are_refused():
    table = frame().assign(firm=[1, "a", 2, 3, 4])
    with pytest.raises(InputError, match="identifiers are of several types and have no order – column 'firm'"):
        Matching(on=["size"]).fit_frame(table, treatment="joined", unit="firm")


def test_a_column_in_on_and_in_growth_counts_once():
    match = Matching(on=["size"], growth=["size"]).fit_frame(frame(), treatment="joined")
    assert match.covariates == ("size",)
    assert len(match.balance()) == 1


def test_two_limits_of_one_column_are_refused():
    with pytest.raises(OptionError, match="caliper of size='several limits' – expected one width or one factor"):
        Caliper(columns={"size": 0.1}, factors={"size": 2.0})


def test_a_factor_of_the_column_that_is_the_score_is_refused():
    with pytest.raises(OptionError, match="no factor of the column that is the score"):
        Matching(on=["size"], distance=Score("wage"), caliper=Caliper(factors={"wage": 2.0}))


def test_nearness_by_values_without_variation_is_a_warning():
    table = frame().assign(size=lambda one: one["size"] + 1e13)
    match = ce.Matching(on=["size"]).fit_frame(table, treatment="joined")
    found = {check.name: check.verdict for check in match.checks()}
    assert found["nothing to measure nearness by"] == "warn"


def test_a_distance_that_allows_no_pair_is_refused():
    def never(one, other):
        return np.full((len(one), len(other)), np.inf)

    with pytest.raises(EstimationError, match="no treated unit has a candidate – no pair is possible at any distance"):
        Matching(on=["size"], distance=never).fit_frame(frame(), treatment="joined")
