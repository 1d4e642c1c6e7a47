"""Variance choices: options that cannot be are refused, factors are the printed ones."""

import numpy as np
import pytest

from clustereffects.errors import OptionError
from clustereffects.results import (
    Cluster,
    Jackknife,
    MultiplierBootstrap,
    WildBootstrap,
    named_columns,
    options_of,
    seed_of,
)


def test_factors():
    assert Cluster("a").factor(10, 100) == 1.0
    assert Cluster("a", small_sample="stata").factor(10, 100, 5) == pytest.approx(10 / 9 * 99 / 95)
    assert Cluster("a", small_sample="nested").factor(10, 100) == pytest.approx(10 / 9)
    assert np.isnan(Cluster("a", small_sample="stata").factor(1, 100))
    assert Cluster("a").df(10) == np.inf
    assert Cluster("a", small_sample="stata").df(10) == 9


@pytest.mark.parametrize("columns", [(), ("a", "b", "c"), (["a", "b"],), ("",), ("a", "a"), (1,)])
def test_columns_are_one_or_two_different_names(columns):
    with pytest.raises(OptionError, match=r"option columns=.* – expected .*column names"):
        Cluster(*columns)


def test_unknown_small_sample_factors_are_refused():
    with pytest.raises(OptionError, match="option small_sample='hc3' – expected 'none', 'stata' or 'nested'"):
        Cluster("a", small_sample="hc3")


@pytest.mark.parametrize("draws", [98, 999.0, "many"])
def test_too_few_draws_are_refused(draws):
    with pytest.raises(OptionError, match=r"option draws=.* – expected a whole number, at least 99"):
        MultiplierBootstrap(draws=draws)
    with pytest.raises(OptionError, match=r"option draws=.* – expected a whole number, at least 99"):
        WildBootstrap(draws=draws)


@pytest.mark.parametrize("rng", [-1, 1.5, "1", True])
def test_impossible_seeds_are_refused(rng):
    with pytest.raises(
        OptionError, match=r"option rng=.* – expected a whole number of at least 0, a Generator or None"
    ):
        MultiplierBootstrap(rng=rng)


def test_other_options_of_the_bootstrap():
    with pytest.raises(OptionError, match="option multiplier='gamma' – expected 'rademacher', 'mammen' or 'webb'"):
        MultiplierBootstrap(multiplier="gamma")
    with pytest.raises(OptionError, match=r"option cluster=\('a',\) – expected one column name"):
        MultiplierBootstrap(cluster=("a",))


def test_a_seed_that_was_drawn_is_kept():
    drawn = MultiplierBootstrap(rng=np.random.default_rng(1))
    assert drawn == MultiplierBootstrap(rng=np.random.default_rng(1))
    assert isinstance(drawn.rng, int)
    assert MultiplierBootstrap(rng=None) != MultiplierBootstrap(rng=None)
    assert MultiplierBootstrap(rng=np.int32(3)) == MultiplierBootstrap(rng=3)


@pytest.mark.parametrize("column", ["", ("a",), 1])
def test_columns_of_a_jackknife_and_a_wild_bootstrap_are_one_name(column):
    for kind in (Jackknife, WildBootstrap):
        with pytest.raises(OptionError, match=r"option column=.* – expected one column name"):
            kind(column)


def test_other_options_of_the_jackknife_and_the_wild_bootstrap():
    with pytest.raises(OptionError, match="option df='satterthwaite' – expected 'welch' or 'clusters'"):
        Jackknife(df="satterthwaite")
    with pytest.raises(OptionError, match="option multiplier='gamma'"):
        WildBootstrap(multiplier="gamma")
    with pytest.raises(TypeError, match="positional"):
        Jackknife("a", "welch")
    assert WildBootstrap(rng=np.random.default_rng(1)) == WildBootstrap(rng=np.random.default_rng(1))
    assert options_of(Jackknife("a")) == {"column": "a", "df": "welch"}


def test_what_choices_name_and_draw():
    columns = [named_columns(c) for c in (None, Cluster("a", "b"), Jackknife(), WildBootstrap("c"))]
    assert columns == [(), ("a", "b"), (), ("c",)]
    assert named_columns(MultiplierBootstrap(cluster="d")) == ("d",)
    seeds = [seed_of(c) for c in (None, Cluster("a"), Jackknife(), WildBootstrap(rng=3), MultiplierBootstrap(rng=4))]
    assert seeds == [None, None, None, 3, 4]
