"""What holds for the balance of any two weighted samples."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clustereffects.matching.balance import STATISTICS, Sides, covariate_balance, pair_distance
from clustereffects.matching.distribution import Sample
from clustereffects.matching.overlap import bandwidth, density, frame, non_overlap

VALUES = st.one_of(st.floats(-50, 50, width=32), st.integers(0, 4).map(float), st.sampled_from([0.0, 1.0]))
SIZE = st.integers(2, 30)


@st.composite
def samples(draw, weighted=True):
    value = draw(arrays(float, draw(SIZE), elements=VALUES))
    weight = draw(arrays(float, len(value), elements=st.floats(0.125, 4, width=32))) if weighted else None
    return Sample(value, weight)


def statistics(found):
    return [getattr(found, name) for name in STATISTICS]


def same(one, other, atol=1e-7):
    np.testing.assert_allclose(statistics(one), statistics(other), rtol=1e-7, atol=atol)


def varies(sample):
    return np.ptp(sample.value) > 0.01


@settings(max_examples=60)
@given(before=st.tuples(samples(False), samples()), after=st.tuples(samples(), samples()), factor=st.floats(0.1, 10))
def test_weights_count_relative_to_each_other(before, after, factor):
    assume(varies(before[0]) and varies(before[1]))
    one = covariate_balance(Sides(*before), Sides(*after), overlap=True)
    scaled = [Sample(side.value, side.weight * factor) for side in (before[1], *after)]
    other = covariate_balance(Sides(before[0], scaled[0]), Sides(*scaled[1:]), overlap=True)
    same(one.before, other.before)
    same(one.after, other.after)
    ones = covariate_balance(Sides(Sample(before[0].value, np.full(len(before[0].value), factor)), before[1]), None)
    same(covariate_balance(Sides(*before), None).before, ones.before)


@settings(max_examples=60)
@given(sides=st.tuples(samples(), samples()), seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(sides, seed):
    assume(varies(sides[0]) and varies(sides[1]))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(side.value)) for side in sides]
    mixed = [Sample(side.value[rows], side.weight[rows]) for side, rows in zip(sides, orders, strict=True)]
    same(
        covariate_balance(Sides(*sides), None, overlap=True).before,
        covariate_balance(Sides(*mixed), None, overlap=True).before,
    )


@settings(max_examples=60)
@given(sample=samples(), denominator=st.sampled_from(["treated", "control", "pooled", "all", "raw"]))
def test_equal_samples_are_balanced(sample, denominator):
    found = covariate_balance(Sides(sample, sample), Sides(sample, sample), denominator=denominator)
    for side in (found.before, found.after):
        assert side.smd == side.ks == side.ecdf_mean == 0.0
        if not found.binary and varies(sample):
            assert side.variance_ratio == 1.0


@settings(max_examples=60)
@given(sides=st.tuples(samples(), samples()), shift=st.floats(-5, 5), factor=st.floats(0.5, 3))
def test_units_of_measurement_do_not_matter(sides, shift, factor):
    assume(varies(sides[0]) and varies(sides[1]))
    found = covariate_balance(Sides(*sides), None)
    assume(not found.binary)
    moved = [Sample(shift + factor * side.value, side.weight) for side in sides]
    assume(all(len(np.unique(one.value)) == len(np.unique(two.value)) for one, two in zip(sides, moved, strict=True)))
    again = covariate_balance(Sides(*moved), None)
    if not again.binary:
        np.testing.assert_allclose(again.before.smd, found.before.smd, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(again.before.variance_ratio, found.before.variance_ratio, rtol=1e-5)


@settings(max_examples=60)
@given(sides=st.tuples(samples(), samples()))
def test_both_directions_agree_and_distances_are_between_zero_and_one(sides):
    assume(varies(sides[0]) and varies(sides[1]))
    there = covariate_balance(Sides(*sides), None, denominator="pooled", overlap=True).before
    back = covariate_balance(Sides(*sides[::-1]), None, denominator="pooled", overlap=True).before
    assert there.smd == pytest.approx(-back.smd)
    assert there.ks == pytest.approx(back.ks, abs=1e-12)
    assert 0 <= there.ecdf_mean <= there.ks + 1e-12 <= 1 + 2e-12
    assert 0 <= there.overlap <= 1


@settings(max_examples=60)
@given(sample=samples())
def test_densities_integrate_to_one(sample):
    assume(np.ptp(sample.value) > 0.01)
    width = max(bandwidth(sample.value), 0.02 * np.ptp(sample.value))
    found = density(sample, width)
    assert found.height.min() >= 0
    assert np.trapezoid(found.height, found.node) == pytest.approx(1.0, abs=0.01)
    assert non_overlap(sample, sample, frame(sample, sample)) == pytest.approx(0.0, abs=0.05)


@settings(max_examples=60)
@given(data=st.data(), size=SIZE)
def test_no_distance_within_pairs_of_equals(data, size):
    value = data.draw(arrays(float, size, elements=VALUES))
    code = data.draw(arrays(int, size, elements=st.integers(0, 5)))
    other = np.array([value[code == group].mean() for group in code])
    constant = np.array([float(group) for group in code])
    assert pair_distance(constant, code, constant, code) == 0.0
    brute = [abs(a - b) for a, i in zip(value, code, strict=True) for b, j in zip(other, code, strict=True) if i == j]
    assert pair_distance(value, code, other, code) == pytest.approx(np.mean(brute), abs=1e-9)
