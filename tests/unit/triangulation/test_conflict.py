import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from clustereffects.results import BiasTerm
from clustereffects.triangulation import Prior
from clustereffects.triangulation.bias_alone import bias_alone
from clustereffects.triangulation.conflict import heterogeneity, holm, node_splits
from clustereffects.triangulation.prior_conflict import density_tail, prior_conflict
from triangulation_cases import did, model, sign, survey


def _brute_force(weight, mean, sd, point):
    """The same probability from a million points, without searching for any limits."""
    grid = np.linspace((mean - 14 * sd).min(), (mean + 14 * sd).max(), 1_000_001)
    density = stats.norm.pdf(grid[:, None], mean, sd) @ weight
    level = stats.norm.pdf(point, mean, sd) @ weight
    return integrate.trapezoid(np.where(density <= level, density, 0), grid)


@pytest.mark.parametrize("point", [-0.4, 0.0, 0.03, 0.2, 0.7])
@pytest.mark.parametrize(
    ("weight", "mean", "sd"),
    [
        ([0.8, 0.2], [0.0, 0.0], [0.06, 0.16]),
        ([0.5, 0.5], [-0.3, 0.2], [0.05, 0.08]),
        ([0.3, 0.3, 0.4], [-0.3, 0.0, 0.35], [0.05, 0.1, 0.02]),
    ],
)
def test_density_tail_equals_brute_force(weight, mean, sd, point):
    parts = np.array(weight), np.array(mean), np.array(sd)
    assert density_tail(*parts, point) == pytest.approx(_brute_force(*parts, point), abs=2e-5)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(0.01, 2), st.floats(0, 1))
def test_of_components_around_zero_it_is_a_mixture_of_two_sided_p_values(point, one, other, weight):
    sd, share = np.array([one, other]), np.array([weight, 1 - weight])
    expected = share @ (2 * stats.norm.sf(abs(point) / sd))
    assert density_tail(share, np.zeros(2), sd, point) == pytest.approx(expected, rel=1e-12, abs=1e-14)
    nearly = np.array([0.0, 1e-9])
    assert density_tail(share, nearly, sd, point) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_far_tails_keep_their_digits():
    expected = 2 * stats.norm.sf(9.0)
    assert density_tail(np.ones(1), np.zeros(1), np.ones(1), 9.0) == pytest.approx(expected, rel=1e-9)
    apart = density_tail(np.full(2, 0.5), np.array([-1.0, 1.0]), np.ones(2), 9.0)
    assert apart == pytest.approx(stats.norm.sf(8.0) + stats.norm.sf(10.0), rel=1e-9)


def test_prior_conflict_allows_for_declared_bias():
    built = model([did(0.3, 0.02, bias_sd=0.05, bias_mean=0.1)], prior=Prior(sceptical_sd=0.03, wide_sd=0.1))
    found = prior_conflict(built)
    sds = np.sqrt(np.array([0.03, 0.1]) ** 2 + 0.02**2 + 0.05**2)
    assert found.difference == pytest.approx(0.2)
    assert found.p_adjusted == pytest.approx(np.array([0.8, 0.2]) @ (2 * stats.norm.sf(0.2 / sds)), rel=1e-9)
    assert found.p_raw < found.p_adjusted
    assert prior_conflict(model([])) is None


def test_estimates_where_the_prior_expects_them_are_no_surprise():
    assert prior_conflict(model([did(0.0, 0.02)])).p_adjusted == pytest.approx(1)


def test_shared_bias_is_no_disagreement():
    shared = BiasTerm(domain="optimism", sd=0.5, shared="optimism")
    apart = [did(0.06, 0.02, bias=(shared,)), did(0.12, 0.02, bias=(shared,), id="two")]
    expected = 0.06**2 / (2 * 0.02**2)
    assert heterogeneity(model(apart)).statistic == pytest.approx(expected)
    assert heterogeneity(model(apart[:1])) is None


def test_own_bias_explains_disagreement():
    apart = [did(0.06, 0.02, 0.06), survey(0.18, 0.02, 0.06, 0.0)]
    found = heterogeneity(model(apart))
    assert found.p_raw < 0.001 < found.p_adjusted
    assert found.p_adjusted == pytest.approx(node_splits(model(apart))[0].p_adjusted)


@pytest.mark.parametrize("signs", [0, 1, 9])
def test_what_was_said_does_not_make_estimates_agree(signs):
    """Diagnostics in the group of an estimate widen it in the posterior, not in the tests of conflict."""
    more = {"dependence": "persons", "rho": 1.0}
    items = [
        did(0.0, 0.02, bias=()),
        survey(0.12, 0.02, bias=(), **more),
        *(sign(f"T{i}", **more) for i in range(signs)),
    ]
    built, expected = model(items), model([did(0.0, 0.02, bias=()), survey(0.12, 0.02, bias=())])
    assert node_splits(built)[0].p_adjusted == pytest.approx(2 * stats.norm.sf(0.12 / np.sqrt(2) / 0.02))
    assert heterogeneity(built).p_adjusted == pytest.approx(heterogeneity(expected).p_adjusted)
    assert prior_conflict(built).p_adjusted == pytest.approx(prior_conflict(expected).p_adjusted)
    assert _alone(built) == pytest.approx(_alone(expected))


def _alone(built):
    return bias_alone(built, ("economic", "survey"), "benefit").p_bias_only


def test_a_group_across_streams_hides_no_conflict():
    more = {"dependence": "persons", "rho": 1.0}
    factor = (BiasTerm(domain="recall", kind="proportional", sd=0.3),)
    for bias in ((), factor):
        apart = [did(0.01, 0.02, bias=bias), survey(0.12, 0.02, bias=bias)]
        together = [did(0.01, 0.02, bias=bias, **more), survey(0.12, 0.02, bias=bias, **more)]
        expected = node_splits(model(apart))[0].p_adjusted
        assert node_splits(model(together))[0].p_adjusted == pytest.approx(expected)


def test_an_estimate_handed_in_twice_makes_no_conflict():
    once = [did(0.0, 0.02), survey(0.12, 0.02)]
    twice = [did(0.0, 0.02), *(survey(0.12, 0.02, dependence="g", rho=1.0, id=name) for name in "ab")]
    assert node_splits(model(twice))[0].p_adjusted == pytest.approx(node_splits(model(once))[0].p_adjusted)
    assert prior_conflict(model(twice)).p_adjusted == pytest.approx(prior_conflict(model(once)).p_adjusted)
    assert heterogeneity(model(twice)).statistic == pytest.approx(heterogeneity(model(once)).statistic)


def test_bias_alone_knows_estimates_that_repeat_each_other():
    more = {"dependence": "g", "rho": 1.0, "bias": ()}
    both = model([did(0.05, 0.02, **more), survey(0.05, 0.02, **more)])
    assert _alone(both) == pytest.approx(2 * stats.norm.sf(0.05 / 0.02))


def test_bias_alone_is_right_as_often_as_it_says_with_correlated_errors():
    """Errors of two streams and three estimates with correlation ½, no effect: 5 % of the p-values lie below .05."""
    rng = np.random.default_rng(31)
    own = np.array([0.02, 0.02, 0.03])
    root = np.linalg.cholesky(np.outer(own, own) * (0.5 + 0.5 * np.eye(3)))
    more = {"dependence": "g", "rho": 0.5, "bias": ()}

    def p_value(errors):
        a, b, c = errors
        return _alone(model([did(a, 0.02, **more), survey(b, 0.02, **more), survey(c, 0.03, id="two", **more)]))

    rate = np.mean([p_value(root @ rng.standard_normal(3)) < 0.05 for _ in range(1500)])
    assert rate == pytest.approx(0.05, abs=0.017)


def test_holm_by_hand():
    assert holm([0.01, np.nan, 0.02, 0.3]).tolist() == pytest.approx([0.03, np.nan, 0.04, 0.3], nan_ok=True)
    assert holm([]).size == 0
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
