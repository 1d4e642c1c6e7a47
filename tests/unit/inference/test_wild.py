"""The wild bootstrap draws what a slow loop draws: estimated again in every draw for a difference of means."""

import numpy as np
import pytest

from clustereffects.inference import Influence, Membership, Multipliers
from clustereffects.inference.wild import Scores, drawn_critical_value, drawn_p, wild_t
from clustereffects.results.clusters import cluster_scores

RNG = np.random.default_rng(4)


def _means(sizes, treated_clusters):
    """Outcomes of units in clusters, treated by cluster, with the influence of the difference of means."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    treated = codes < treated_clusters
    y = RNG.normal(size=len(codes)) + RNG.normal(size=len(sizes))[codes]
    gap = y - np.where(treated, y[treated].mean(), y[~treated].mean())
    return codes, treated, y, np.where(treated, gap / treated.mean(), -gap / (~treated).mean())


def _t_of_a_draw(codes, treated, y, multipliers):
    """T statistic of the difference of means when residuals are multiplied by cluster, fitted anew."""
    fitted = np.where(treated, y[treated].mean(), y[~treated].mean())
    drawn = fitted + multipliers[codes] * (y - fitted)
    means = drawn[treated].mean(), drawn[~treated].mean()
    residual = drawn - np.where(treated, *means)
    score = residual * np.where(treated, 1 / treated.sum(), -1 / (~treated).sum())
    variance = sum(score[codes == code].sum() ** 2 for code in np.unique(codes))
    return (means[0] - means[1] - (y[treated].mean() - y[~treated].mean())) / np.sqrt(variance)


@pytest.mark.parametrize("kind", ["webb", "rademacher", "mammen"])
@pytest.mark.parametrize("sizes", [[5, 9, 3, 7, 4, 11, 6], [20, 3, 8, *[1] * 300]])
def test_draws_are_those_of_a_loop_that_estimates_again(kind, sizes):
    codes, treated, y, psi = _means(sizes, 3)
    scores = cluster_scores(Influence(psi[:, None]), Membership.of(treated[:, None] * 1.0), codes)
    choice = Multipliers(kind, 99, seed=5)
    found = wild_t(scores, choice)[:, 0]
    generator = choice.generator()
    drawn = np.concatenate(
        [
            choice.sample(generator, len(range(start, min(start + 256, len(sizes)))))
            for start in range(0, len(sizes), 256)
        ],
        axis=1,
    )
    expected = [_t_of_a_draw(codes, treated, y, row) for row in drawn]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_units_that_stand_alone_are_their_own_clusters():
    _, treated, _, psi = _means([1] * 40, 15)
    member, influence = Membership.of(treated[:, None] * 1.0), Influence(psi[:, None])
    one, other = (cluster_scores(influence, member, codes) for codes in (None, np.arange(40)))
    np.testing.assert_array_equal(one.sums, other.sums)
    np.testing.assert_allclose(one.treated.sum(axis=0), 1.0)
    np.testing.assert_array_equal(one.other, other.other)


def test_each_term_has_its_own_arms():
    member = Membership.of(np.array([[1.0, 1], [1, 0], [0, 0], [0, 0]]))
    found = cluster_scores(Influence(RNG.normal(size=(4, 2))), member, np.array([7, 9, 9, 20]))
    np.testing.assert_allclose(found.treated, [[0.5, 1.0], [0.5, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(found.other, [[0.0, 0.0], [0.0, 2 / 3], [1.0, 1 / 3]])


def test_a_term_that_does_not_vary_has_no_draws():
    scores = Scores(np.zeros((3, 1)), np.array([[1.0], [0], [0]]), np.array([[0.0], [0.5], [0.5]]))
    assert np.isnan(wild_t(scores, Multipliers("webb", 99, 0))).all()


@pytest.mark.parametrize("draws", [99, 100, 999, 1234])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_intervals_exclude_what_the_p_value_rejects(draws, level):
    magnitudes = np.abs(RNG.normal(size=draws))
    critical = drawn_critical_value(magnitudes, level)
    for statistic in np.concatenate([magnitudes, RNG.uniform(0, 3, 50)]):
        assert (statistic > critical) == (drawn_p(magnitudes, -statistic) < 1 - level - 1e-12)


def test_what_draws_cannot_say():
    magnitudes = np.arange(1.0, 100.0)
    assert drawn_critical_value(magnitudes, 0.995) == np.inf
    assert drawn_p(magnitudes, 1e9) == 0.01
    assert np.isnan(drawn_p(magnitudes, np.nan))
    assert np.isnan(drawn_p(np.array([np.nan, 1.0]), 1.0))
    assert np.isnan(drawn_critical_value(np.array([np.nan, 1.0]), 0.5))
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        drawn_critical_value(magnitudes, 1.0)
