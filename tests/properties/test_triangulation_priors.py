"""What must hold for any borrowing: order, mirror, scale, the own value, sequence of data, power between its ends."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from clustereffects.triangulation.comparison.borrowing import discounted
from clustereffects.triangulation.comparison.mixtures import (
    BetaMixture,
    beta_sample_size,
    normal_sample_size,
    robust_normal,
    update_beta,
    update_normal,
)
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.organisation_prior import Exchangeable, OwnEstimates, borrowed_mixtures

quick = settings(max_examples=40, derandomize=True, deadline=None)
values = st.floats(-0.3, 0.3)
errors = st.floats(0.005, 0.2)
organisation = st.tuples(values, errors, st.floats(0.0, 0.05))
organisations = st.lists(organisation, min_size=2, max_size=8)
correlations = st.floats(0, 1)
POINTS = np.linspace(-0.4, 0.4, 9)


def _own(rows):
    value, error, bias = np.array(rows).T
    return OwnEstimates(value, error**2, bias**2)


def _alike(correlation=1.0, scale=1.0):
    return Exchangeable(mean_sd=0.05 * scale, heterogeneity_sd=0.05 * scale, bias_correlation=correlation)


def _cdf(mixture, points=POINTS):
    return ndtr((points[:, None] - mixture.mean) / mixture.sd) @ mixture.weight


def _close(one, other, points=POINTS, sign=1.0):
    expected = _cdf(other, sign * points)
    np.testing.assert_allclose(_cdf(one, points), expected if sign > 0 else 1 - expected, atol=3e-6)


@quick
@given(organisations, correlations)
def test_every_prior_is_a_distribution(rows, correlation):
    for one in borrowed_mixtures(_own(rows), _alike(correlation)):
        assert abs(one.weight.sum() - 1) < 1e-9
        assert (one.weight >= 0).all()
        assert (one.sd > 0).all()
        assert np.isfinite(one.mean).all()


@quick
@given(organisations, correlations, st.randoms(use_true_random=False))
def test_order_does_not_matter(rows, correlation, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    one = borrowed_mixtures(_own(rows), _alike(correlation))
    other = borrowed_mixtures(_own([rows[i] for i in order]), _alike(correlation))
    for place, i in enumerate(order):
        _close(other[place], one[i])
    _close(other[-1], one[-1])


@quick
@given(organisations, correlations)
def test_mirror(rows, correlation):
    turned = [(-value, error, bias) for value, error, bias in rows]
    for one, other in zip(*(borrowed_mixtures(_own(x), _alike(correlation)) for x in (rows, turned)), strict=True):
        _close(one, other, sign=-1.0)


@quick
@given(organisations, correlations, st.floats(0.01, 100))
def test_rescaling(rows, correlation, scale):
    scaled = [tuple(scale * x for x in row) for row in rows]
    one = borrowed_mixtures(_own(rows), _alike(correlation))
    other = borrowed_mixtures(_own(scaled), _alike(correlation, scale))
    for before, after in zip(one, other, strict=True):
        np.testing.assert_allclose(_cdf(after, scale * POINTS), _cdf(before), atol=3e-6)


@quick
@given(organisations, correlations, values)
def test_the_own_value_never_enters(rows, correlation, value):
    moved = [(value, *rows[0][1:]), *rows[1:]]
    one, other = (borrowed_mixtures(_own(x), _alike(correlation))[0] for x in (rows, moved))
    _close(one, other)


@quick
@given(st.lists(values, min_size=2, max_size=7), errors, st.floats(0.0, 0.05), correlations)
def test_a_prior_lies_between_what_the_others_say_and_nothing(told, error, bias, correlation):
    """Given τ: no surer than for an organisation without an estimate, whose mean is no nearer to zero."""
    rows = [(value, error, bias) for value in told]
    without = borrowed_mixtures(_own(rows), _alike(correlation))[-1]
    found = borrowed_mixtures(_own([*rows, (0.0, error, bias)]), _alike(correlation))[len(rows)]
    np.testing.assert_allclose(found.weight, without.weight, atol=1e-6)
    assert (found.sd >= without.sd * (1 - 1e-6)).all()
    assert (np.abs(found.mean) <= np.abs(without.mean) + 1e-6).all()


@quick
@given(st.lists(st.tuples(values, errors), min_size=2, max_size=4), st.floats(0, 1))
def test_sequence_of_estimates_does_not_matter(rows, weight):
    start = robust_normal(PriorMixture(np.ones(1), np.array([0.05])), weight, PriorMixture(np.ones(1), np.array([0.2])))
    one = other = start
    for row in rows:
        one = update_normal(one, *row)
    for row in reversed(rows):
        other = update_normal(other, *row)
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-9)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-9)


@quick
@given(values, errors, st.floats(0.01, 1), st.floats(0, 1))
def test_less_power_is_less_precision_and_less_pull(value, error, power, part):
    wide = PriorMixture(np.ones(1), np.array([0.15]))
    more, less = discounted(wide, value, error, power), discounted(wide, value, error, power * part)
    assert less.sd[0] >= more.sd[0] - 1e-15
    assert abs(less.mean[0]) <= abs(more.mean[0]) + 1e-15


betas = st.floats(1.0, 60.0)
components = st.lists(st.tuples(st.floats(0.05, 1), betas, betas), min_size=1, max_size=4)


def _beta(rows):
    weight, a, b = np.array(rows).T
    return BetaMixture(weight / weight.sum(), a, b)


@quick
@given(components, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_sequence_of_counts_does_not_matter(rows, first, missed, second, lost):
    together = update_beta(_beta(rows), first + second, first + second + missed + lost)
    apart = update_beta(update_beta(_beta(rows), first, first + missed), second, second + lost)
    np.testing.assert_allclose(together.weight, apart.weight, atol=1e-9)
    np.testing.assert_allclose(together.a, apart.a)


@quick
@given(components)
def test_size_of_a_beta_mixture_is_mirrored_and_by_moments_never_above_the_largest_component(rows):
    mixture = _beta(rows)
    turned = BetaMixture(mixture.weight, mixture.b, mixture.a)
    np.testing.assert_allclose(beta_sample_size(mixture), beta_sample_size(turned), rtol=1e-7)
    assert beta_sample_size(mixture)[1] <= (mixture.a + mixture.b).max() + 1e-9


@quick
@given(st.lists(st.tuples(st.floats(0.05, 1), values, errors), min_size=1, max_size=4), st.floats(0.1, 10))
def test_size_of_a_normal_mixture_scales_with_one_observation_and_exceeds_its_moments(rows, unit):
    weight, mean, sd = np.array(rows).T
    mixture = PriorMixture(weight / weight.sum(), sd, mean)
    elir, moment = normal_sample_size(mixture, unit)
    once, _ = normal_sample_size(mixture, 1.0)
    np.testing.assert_allclose(elir, once * unit**2, rtol=1e-9)
    assert elir >= moment * (1 - 1e-8)
