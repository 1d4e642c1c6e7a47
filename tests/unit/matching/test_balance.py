import numpy as np
import pytest

from clustereffects.matching.balance import (
    Sides,
    covariate_balance,
    effective_size,
    group_weights,
    is_binary,
    pair_distance,
    standard_deviation,
)
from clustereffects.matching.distribution import Sample, gaps, pooled_points, steps
from clustereffects.matching.products import products
from clustereffects.matching.sets import MatchedSets


def brute_gaps(x, w, y, v, points):
    found = [abs(w[x <= p].sum() / w.sum() - v[y <= p].sum() / v.sum()) for p in points]
    return max(found), float(np.mean(found))


def one(sides, **options):
    return covariate_balance(sides, None, **options).before


def test_weighted_moments_equal_those_of_repeated_rows():
    value = np.array([1.0, 3.0, 8.0])
    for weight in (None, np.ones(3), np.full(3, 4.0)):
        sample = Sample(value, weight)
        assert sample.mean() == pytest.approx(value.mean())
        assert sample.variance() == pytest.approx(value.var(ddof=1))
        assert sample.effective_size() == pytest.approx(3)
    assert Sample(value, np.array([2.0, 1.0, 0.0])).mean() == pytest.approx(5 / 3)


def test_moments_without_observations_or_variation_are_unknown():
    assert np.isnan(Sample(np.array([1.0]), np.array([2.0])).variance())
    for empty in (Sample(np.empty(0)), Sample(np.ones(2), np.zeros(2))):
        assert np.isnan(empty.mean())
        assert np.isnan(empty.variance())
        assert empty.effective_size() == 0
    assert Sample(np.array([0.0, 1.0, 1.0, 1.0])).variance(binary=True) == 0.1875


@pytest.mark.parametrize("weighted", [False, True])
def test_distances_of_distributions_are_the_brute_force_ones(weighted):
    rng = np.random.default_rng(1)
    for n in (1, 7, 60):
        x, y = rng.integers(0, 5, 9).astype(float), rng.integers(1, 6, n).astype(float)
        w, v = (rng.random(9), rng.random(n)) if weighted else (None, None)
        curves = steps(Sample(x, w)), steps(Sample(y, v))
        points = pooled_points(*curves)
        assert points.tolist() == sorted({*x, *y})
        w, v = (np.ones(9), np.ones(n)) if w is None else (w, v)
        assert gaps(*curves, points) == pytest.approx(brute_gaps(x, w, y, v, points))
        more = np.union1d(points, rng.normal(3, 9, 100))
        assert gaps(*curves, more) == pytest.approx(brute_gaps(x, w, y, v, more))


def test_the_mean_distance_after_matching_is_over_the_values_before():
    before = Sides(Sample(np.array([1.0, 2.0])), Sample(np.array([1.0, 5.0, 7.0, 9.0])))
    found = covariate_balance(before, Sides(before.treated, Sample(np.array([1.0, 5.0]))))
    assert found.after.ecdf_mean == pytest.approx(0.5 / 5)
    assert covariate_balance(None, Sides(before.treated, Sample(np.array([1.0, 5.0])))).after.ecdf_mean == 0.5 / 3


def test_binary_covariates_have_their_own_deviation_and_no_variance_ratio():
    sides = Sides(Sample(np.array([1.0, 0.0, 1.0])), Sample(np.array([0.0, 0.0, 1.0, 0.0])))
    found = covariate_balance(sides, None, overlap=True)
    assert found.binary
    assert found.scale == pytest.approx(np.sqrt(2 / 9))
    assert np.isnan(found.before.variance_ratio)
    apart = 2 / 3 - 1 / 4
    assert [found.before.ks, found.before.ecdf_mean, found.before.overlap] == pytest.approx([apart] * 3)


def test_what_is_binary_shows_beyond_the_first_rows():
    long = np.zeros(5000)
    assert is_binary(long)
    long[-1] = 2
    assert not is_binary(long)
    assert is_binary(np.array([0.0]), np.array([1.0]))


def test_denominators():
    sides = Sides(Sample(np.array([1.0, 3.0])), Sample(np.array([0.0, 4.0]), np.array([1.0, 1.0])))
    found = [standard_deviation(sides, name, binary=False) for name in ("treated", "control", "pooled", "all", "raw")]
    assert found == pytest.approx(np.sqrt([2, 8, 5, 10 / 3, 1]))
    unweighted = Sides(sides.treated, Sample(sides.control.value))
    assert standard_deviation(unweighted, "all", binary=False) == pytest.approx(np.sqrt(10 / 3))
    with pytest.raises(KeyError):
        standard_deviation(sides, "none", binary=False)


def test_no_difference_is_claimed_without_a_deviation():
    same, other = Sample(np.array([2.0, 2.0])), Sample(np.array([2.0, 4.0]))
    assert np.isnan(one(Sides(same, other)).smd)
    assert one(Sides(same, same)).smd == 0.0
    assert np.isnan(one(Sides(other, same)).variance_ratio)
    assert one(Sides(same, other)).mean_control == 3.0


@pytest.mark.parametrize("overlap", [False, True])
def test_nobody_on_one_side(overlap):
    values = Sample(np.array([2.0, 3.0]))
    found = covariate_balance(
        Sides(values, values), Sides(values, Sample(np.empty(0), np.empty(0))), overlap=overlap
    ).after
    assert np.isnan([found.smd, found.ks, found.ecdf_mean, found.overlap, found.variance_ratio]).all()
    assert len(steps(Sample(np.ones(2), np.zeros(2))).value) == 0
    with pytest.raises(ValueError, match="before or after"):
        covariate_balance(None, None)


def test_pair_distances_are_the_brute_force_ones():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 9, 12).astype(float), rng.normal(size=30)
    mine, theirs = rng.integers(0, 4, 12), rng.integers(0, 5, 30)
    pairs = [abs(a - b) for a, i in zip(x, mine, strict=True) for b, j in zip(y, theirs, strict=True) if i == j]
    assert pair_distance(x, mine, y, theirs) == pytest.approx(np.mean(pairs))
    assert np.isnan(pair_distance(x, mine, y, theirs + 9))


def test_effective_sizes_count_a_unit_once():
    assert effective_size(np.array([1.0, 1.0, 1.0])) == pytest.approx(3)
    assert effective_size(np.array([1.0, 1.0, 2.0]), np.array([9, 9, 5])) == pytest.approx(2)
    assert effective_size(np.zeros(2)) == 0


def test_levels_of_one_column_are_not_multiplied():
    names = [name for name, *_ in products(["a", "b_1", "b_2", "c"], ["a", "b", "b", "c"], [False, True, True, False])]
    assert names == ["a²", "c²", "a * b_1", "a * b_2", "a * c", "b_1 * c", "b_2 * c"]


def test_groups_share_the_controls_of_a_set_by_their_treated_units():
    sets = MatchedSets(
        treated=np.array([0, 1, 2]),
        treated_set=np.array([0, 0, 1]),
        treated_share=np.array([0.5, 0.5, 1.0]),
        control=np.array([3, 4, 3]),
        control_set=np.array([0, 0, 1]),
        share=np.array([0.25, 0.75, 1.0]),
        distance=np.full(3, np.nan),
        mass=np.array([2.0, 1.0]),
        cohort=np.full(2, np.nan),
        stratum=np.zeros(2, dtype=int),
    )
    first, second = (group_weights(sets, np.array(rows)) for rows in ([True, False, False], [False, True, True]))
    assert first[0].tolist() == [1.0, 0.0, 0.0]
    assert first[1].tolist() == [0.25, 0.75, 0.0]
    assert (first[1] + second[1]).tolist() == sets.control_weights().tolist()
