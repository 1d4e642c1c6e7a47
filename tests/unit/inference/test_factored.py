"""Influence functions as factors give what the matrix gives; membership by arms counts what the matrix counts."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.inference import (
    Block,
    FactoredInfluence,
    Influence,
    Membership,
    Multipliers,
    clustered_covariance,
)

COLUMNS = 5


class Stored:
    """A source whose blocks are rows of a matrix: units in some order, zeros left out."""

    n_columns = COLUMNS

    def __init__(self, values, order, size=7):
        self.values, self.order, self.size, self.n_units = values, order, size, len(values)

    def blocks(self):
        for start in range(0, self.n_units, self.size):
            units = self.order[start : start + self.size]
            columns = np.flatnonzero(self.values[units].any(axis=0))
            yield Block(units, columns, self.values[units][:, columns].T)


def _world(seed, n=40):
    rng = np.random.default_rng(seed)
    arms = rng.integers(-1, 3, n)
    membership = Membership(arms, np.where(arms >= 0, rng.uniform(0.5, 2, n), 0.0), rng.random((3, COLUMNS)) > 0.4)
    values = rng.normal(size=(n, COLUMNS)) * (rng.random((n, COLUMNS)) > 0.3)
    factored = FactoredInfluence.of(Stored(values, rng.permutation(n)), membership)
    return rng, membership, Influence(values), factored


seeds = st.integers(0, 2**32 - 1)


def _same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@given(seeds)
def test_factors_give_what_the_matrix_gives(seed):
    rng, membership, dense, factored = _world(seed)
    weights, gaps = rng.normal(size=(COLUMNS, 3)), rng.normal(size=(3, 3))
    clusters = rng.integers(0, 12, dense.n_units)
    left_out = np.where(rng.random(dense.n_units) < 0.2, -1, clusters)
    for one, other in (
        (factored, dense),
        (factored.combine(weights), dense.combine(weights)),
        (factored.means(weights, membership, gaps), dense.means(weights, membership, gaps)),
        (factored.select(np.array([2, 0])), dense.select(np.array([2, 0]))),
    ):
        assert (one.n_units, one.n_terms) == (other.n_units, other.n_terms)
        _same(one.values, other.values)
        _same(one.sums(), other.sums())
        for codes in (None, clusters, left_out):
            _same(one.covariance(codes), other.covariance(codes))
        _same(one.variances(clusters), other.variances(clusters))
        present = np.unique(clusters)
        _same(one.sums(clusters)[present], other.sums(clusters))


@given(seeds)
def test_other_weights_of_the_arms_change_the_error_of_the_weights(seed):
    rng, membership, dense, factored = _world(seed)
    weights, gaps = rng.normal(size=(COLUMNS, 2)), rng.normal(size=(3, 2))
    other = membership.reweighted(rng.uniform(1, 3, dense.n_units))
    found = factored.means(weights, other, gaps)
    _same(found.covariance(), dense.means(weights, other, gaps).covariance())
    _same(factored.covariance(), dense.covariance())


def test_what_is_remembered_belongs_to_the_clusters_and_not_to_the_place_of_their_array():
    """A copy from a file or another process meets arrays that may lie where others lay before."""
    rng, _, dense, factored = _world(4)
    codes = rng.integers(0, 12, dense.n_units)
    _same(factored.covariance(codes), dense.covariance(codes))
    copied = copy.deepcopy(factored)
    place = id(codes)
    del codes, factored
    for seed in range(200):
        other = np.random.default_rng(seed).integers(0, 12, dense.n_units)
        _same(copied.covariance(other), dense.covariance(other))
        if id(other) == place:
            break
    other[0] = 11 - other[0]
    _same(copied.covariance(other), dense.covariance(other))


def test_asking_again_takes_no_more_memory():
    rng, _, dense, factored = _world(5)
    first, second = rng.integers(0, 6, (2, dense.n_units))
    for _ in range(3):
        found = clustered_covariance(factored, [first, second], [1.0] * 3)
        _same(found, clustered_covariance(dense, [first, second], [1.0] * 3))
    assert len(factored.memory) == 3


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("kind", ["rademacher", "mammen", "webb"])
def test_draws_reproduce_the_covariance(kind, clustered):
    rng, _, dense, factored = _world(3)
    codes = rng.integers(0, 15, dense.n_units) if clustered else None
    choice = Multipliers(kind, 40_000, seed=8)
    expected = dense.covariance(codes)
    for one in (factored, dense):
        draws = one.draws(choice, codes)
        _same(draws, one.draws(choice, codes))
        np.testing.assert_allclose(draws.T @ draws / len(draws), expected, atol=0.05 * np.diag(expected).max())
        np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=0.03 * np.sqrt(np.diag(expected)).max())


@pytest.mark.parametrize(("kind", "third"), [("rademacher", 0.0), ("mammen", 1.0), ("webb", 0.0)])
def test_multipliers_have_their_moments(kind, third):
    choice = Multipliers(kind, 1000, seed=1)
    values = choice.sample(choice.generator(), 997)
    assert values.shape == (1000, 997)
    assert values.mean() == pytest.approx(0.0, abs=4e-3)
    assert (values**2).mean() == pytest.approx(1.0, abs=5e-3)
    assert (values**3).mean() == pytest.approx(third, abs=1e-2)
    assert len(np.unique(values)) == {"rademacher": 2, "mammen": 2, "webb": 6}[kind]


@given(seeds)
def test_membership_counts_what_its_matrix_counts(seed):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2, 20) * (rng.random(20) > 0.3)
    matrix = weight[:, None] * (rng.random((20, 4)) > 0.5)
    found = Membership.of(matrix)
    clusters, targets = rng.integers(0, 6, 20), rng.integers(-1, 2, 4)
    _same(found.to_matrix(), matrix)
    _same(found.mass(), matrix.mean(axis=0))
    assert found.counts().tolist() == (matrix > 0).sum(axis=0).tolist()
    assert found.treated().tolist() == (matrix > 0).any(axis=1).tolist()
    expected = [len(np.unique(clusters[matrix[:, term] > 0])) for term in range(4)]
    assert found.clusters(clusters).tolist() == expected
    merged = np.column_stack([matrix[:, targets == target].max(axis=1, initial=0.0) for target in range(2)])
    _same(found.union(targets, 2).to_matrix(), merged)
    _same(found.select(np.array([3, 1])).to_matrix(), matrix[:, [3, 1]])


def test_a_membership_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="the same weight in all its terms"):
        Membership.of([[1.0, 2.0]])
    with pytest.raises(ValueError, match="arms are numbered 0 to 0"):
        Membership(np.array([1]), np.ones(1), np.ones((1, 1), dtype=bool))
    with pytest.raises(ValueError, match="one arm and one weight for each unit"):
        Membership(np.array([0]), np.ones(2), np.ones((1, 1), dtype=bool))
    with pytest.raises(ValueError, match="2 units need as many cluster codes, got 1"):
        Membership.of(np.ones((2, 1))).clusters(np.zeros(1, dtype=int))


@pytest.mark.parametrize("kind", ["rademacher", "mammen", "webb"])
def test_multipliers_do_not_depend_on_how_many_are_taken_at_a_time(kind):
    choice = Multipliers(kind, 99, seed=4)
    whole, parts = choice.generator(), choice.generator()
    expected = choice.sample(whole, 11)
    found = np.concatenate([choice.sample(parts, count) for count in (3, 0, 7, 1)], axis=1)
    np.testing.assert_array_equal(found, expected)


@given(seeds)
def test_a_stored_matrix_draws_what_the_factors_drew(seed):
    rng, _, dense, factored = _world(seed)
    stored = Influence(dense.values, factored.order)
    choice = Multipliers("rademacher", 99, seed=1)
    clusters = rng.integers(0, 25, dense.n_units)
    for codes in (None, clusters):
        _same(stored.draws(choice, codes), factored.draws(choice, codes))


def _wide(seed, n=60, p=300):
    """A source with more columns than are worth their second moments, and the same as a matrix."""
    rng = np.random.default_rng(seed)
    arms = rng.integers(-1, 3, n)
    membership = Membership(arms, np.where(arms >= 0, 1.0, 0.0), rng.random((3, p)) > 0.4)
    values = rng.normal(size=(n, p))

    class Many(Stored):
        n_columns = p
        passes = 0

        def blocks(self):
            Many.passes += 1
            return super().blocks()

    return rng, Many, Influence(values), FactoredInfluence.of(Many(values, rng.permutation(n)), membership), membership


def test_terms_derived_from_many_columns_share_a_pass():
    rng, source, dense, factored, membership = _wide(1)
    one, other = rng.normal(size=(300, 3)), rng.normal(size=(300, 5))
    gaps, codes = rng.normal(size=(3, 5)), rng.integers(0, 9, 60)
    first, second = factored.combine(one), factored.means(other, membership, gaps)
    for clusters, passes in ((None, 1), (codes, 2)):
        _same(first.covariance(clusters), dense.combine(one).covariance(clusters))
        _same(second.covariance(clusters), dense.means(other, membership, gaps).covariance(clusters))
        assert source.passes == passes
    later = factored.combine(one[:, :2])
    _same(later.covariance(), dense.combine(one[:, :2]).covariance())
    assert source.passes == 3
    _same(factored.variances(), dense.variances())
    _same(factored.covariance(), dense.covariance())
    # Once the moments of all columns are known, nothing needs another pass.
    passes = source.passes
    _same(factored.combine(other).covariance(), dense.combine(other).covariance())
    assert source.passes == passes
