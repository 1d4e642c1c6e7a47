import numpy as np
import pytest

from clustereffects.errors import EstimationError
from clustereffects.matching.coarsened import bin_codes, bin_edges, coarsen, group_codes, pair_within

RNG = np.random.default_rng(5)


def test_equal_bins_are_those_of_a_histogram():
    values = RNG.normal(size=200)
    edges = np.histogram_bin_edges(values, 7)
    np.testing.assert_allclose(bin_edges(values, 7), edges[1:-1])
    np.testing.assert_array_equal(np.bincount(bin_codes(values, 7)), np.histogram(values, edges)[0])


def test_sturges_is_the_default():
    assert len(bin_edges(np.arange(614.0))) + 1 == np.ceil(np.log2(614) + 1) == 11
    np.testing.assert_array_equal(bin_edges(np.arange(614.0), None), bin_edges(np.arange(614.0), "sturges"))


def test_freedman_diaconis_is_that_of_numpy_where_quartiles_differ():
    values = RNG.normal(size=500)
    assert len(bin_edges(values, "fd")) + 1 == len(np.histogram_bin_edges(values, "fd")) - 1


def test_scott_divides_the_range_by_three_and_a_half_deviations():
    values = RNG.normal(size=500)
    expected = np.ceil(np.ptp(values) / (3.5 * values.std(ddof=1) * 500 ** (-1 / 3)))
    assert len(bin_edges(values, "scott")) + 1 == expected


def test_equal_quartiles_widen_the_range_of_quantiles():
    # nclass.FD(c(0, 1, 1, 1, 99)): quantiles 1/8 and 7/8 are 0.5 and 50, hence a width of 66.
    assert len(bin_edges(np.array([0.0, 1.0, 1.0, 1.0, 99.0]), "fd")) + 1 == np.ceil(99 / 66 * 5 ** (1 / 3))


def test_one_outlier_in_a_thousand_falls_back_to_scott():
    values = np.zeros(1000)
    values[0] = 1.0
    assert len(bin_edges(values, "fd")) == len(bin_edges(values, "scott"))


def test_constants_have_one_bin():
    for rule in ("sturges", "fd", "scott", 4, "q4"):
        assert len(set(bin_codes(np.full(9, 3.0), rule).tolist())) == 1


def test_quantile_bins_hold_equal_numbers():
    assert np.bincount(bin_codes(np.arange(100.0), "q5")).tolist() == [20] * 5


def test_zero_leaves_values_and_one_ignores_them():
    values = np.array([3.0, 1.0, 3.0, np.nan])
    assert bin_codes(values, 0).tolist() == [1, 0, 1, -1]
    assert bin_codes(values, 1).tolist() == [0, 0, 0, -1]


def test_all_missing():
    assert bin_codes(np.full(2, np.nan)).tolist() == [-1, -1]


@pytest.mark.parametrize("rule", ["doane", "q0", "q", -2, [np.inf]])
def test_unknown_rules(rule):
    with pytest.raises(ValueError, match=r"bin|cutpoints"):
        bin_edges(np.arange(5.0), rule)


def test_groups():
    values = np.array(["a", "b", "c", "d", "b"])
    assert group_codes(values).tolist() == [0, 1, 2, 3, 1]
    assert group_codes(values, [["b", "d"], ["x", "y"]]).tolist() == [0, 1, 2, 1, 1]
    with pytest.raises(ValueError, match="belong to two"):
        group_codes(values, [["a", "b"], ["b"]])


def test_strata_are_those_with_both_sides():
    columns = [RNG.integers(-1, 4, 300), RNG.integers(0, 5, 300), RNG.integers(0, 2, 300)]
    treated = RNG.random(300) < 0.3
    strata = coarsen(columns, treated)
    keys = list(zip(*columns, strict=True))
    for i in range(300):
        like = [j for j in range(300) if keys[j] == keys[i]]
        both = keys[i][0] >= 0 and len(set(treated[like])) == 2
        assert (strata[i] >= 0) == both
        if both:
            np.testing.assert_array_equal(np.flatnonzero(strata == strata[i]), like)


def test_many_columns_do_not_overflow():
    columns = [RNG.integers(0, 9, 50) for _ in range(40)]
    columns = [np.concatenate([codes, codes]) for codes in columns]
    assert len(set(coarsen(columns, np.arange(100) < 50).tolist())) == 50


def test_no_common_stratum():
    with pytest.raises(EstimationError, match="no stratum holds"):
        coarsen([np.array([0, 1])], np.array([True, False]))


def test_pairs_take_the_nearest_left_in_the_order_of_the_data():
    z = RNG.normal(size=(80, 2))
    treated, strata = RNG.random(80) < 0.4, RNG.integers(-1, 6, 80)
    pairs = pair_within(z, treated, strata)
    taken = set()
    for unit in np.flatnonzero(treated & (strata >= 0)):
        free = [j for j in np.flatnonzero(~treated & (strata == strata[unit])) if j not in taken]
        if not free:
            assert pairs[unit] == -1
            continue
        best = min(free, key=lambda j: np.linalg.norm(z[j] - z[unit]))
        taken.add(best)
        assert pairs[best] == pairs[unit] >= 0
    assert (pairs[~treated] >= 0).sum() == len(taken)
