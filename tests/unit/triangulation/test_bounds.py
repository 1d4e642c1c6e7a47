import numpy as np
import pytest

from clustereffects.results import BiasTerm, Estimate
from clustereffects.triangulation.sensitivity import cell_bounds, scenarios
from triangulation_cases import KEY, did, interviews, model, sign, survey


def _bounds(evidence):
    built = model(evidence)
    return cell_bounds(built, scenarios(built))


def _probability(evidence):
    return scenarios(model(evidence)).probability[0]


def test_without_ranges_the_bounds_are_the_probability():
    evidence = [did(), survey(), *interviews()]
    np.testing.assert_array_equal(_bounds(evidence), np.stack([_probability(evidence)] * 2, axis=1))


def test_bounds_over_bias_means_are_reached_and_not_passed():
    ends = [-0.03, 0.0, 0.02], [0.02, 0.05, 0.10]
    bounds = _bounds([did(bias_range=(-0.03, 0.02)), survey(bias_range=(0.02, 0.10)), *interviews()])
    corners = np.array(
        [_probability([did(bias_mean=a), survey(bias_mean=b), *interviews()]) for a in ends[0] for b in ends[1]]
    )
    np.testing.assert_allclose(bounds[[0, 2]], np.stack([corners.min(axis=0), corners.max(axis=0)], axis=1)[[0, 2]])
    assert bounds[1, 0] == pytest.approx(corners[:, 1].min())


def test_a_negligible_effect_can_be_most_probable_inside_the_range():
    exact = np.array([_probability([did(0.0, 0.01, 0.0, mean)])[1] for mean in np.linspace(-0.05, 0.07, 241)])
    bounds = _bounds([did(0.0, 0.01, 0.0, 0.01, (-0.05, 0.07))])
    assert bounds[1, 1] >= exact.max() - 1e-12
    assert bounds[1, 1] == pytest.approx(exact.max(), abs=1e-4)
    assert bounds[1, 0] == pytest.approx(min(exact[0], exact[-1]), rel=1e-8)


def test_bounds_over_probabilities_of_signs():
    ranged = sign("a", ((0.25, 0.45), (0.05, 0.20), (0.05, 0.25)))
    bounds = _bounds([did(), ranged])
    assert bounds[2, 1] == pytest.approx(_probability([did(), sign("a", (0.45, 0.05, 0.05))])[2])
    assert bounds[2, 0] == pytest.approx(_probability([did(), sign("a", (0.25, 0.20, 0.25))])[2])


def test_a_sign_that_was_not_seen_swaps_the_ends():
    ranged = sign("a", ((0.25, 0.45), (0.05, 0.20), (0.05, 0.25)), observed=False)
    bounds = _bounds([did(), ranged])
    best = sign("a", (0.25, 0.20, 0.25), observed=False)
    assert bounds[2, 1] == pytest.approx(_probability([did(), best])[2])


def test_bounds_over_rho_against_a_grid():
    chances = {"a": (0.9, 0.2, 0.5), "b": (0.3, 0.05, 0.6), "c": (0.4, 0.7, 0.1)}

    def group(rho):
        return [sign(name, p, dependence="g", rho=rho) for name, p in chances.items()]

    grid = np.array([_probability([did(), *group(rho)]) for rho in np.linspace(0.1, 0.9, 161)])
    bounds = _bounds([did(), *group((0.1, 0.9))])
    assert (bounds[:, 0] <= grid.min(axis=0) + 1e-12).all()
    assert (bounds[:, 1] >= grid.max(axis=0) - 1e-12).all()
    np.testing.assert_allclose(bounds, np.stack([grid.min(axis=0), grid.max(axis=0)], axis=1), atol=2e-5)


def test_nothing_inside_the_ranges_leaves_the_bounds():
    rng = np.random.default_rng(7)
    spans = {"a": ((0.5, 0.9), (0.2, 0.5), (0.1, 0.6)), "b": ((0.1, 0.4), (0.05, 0.3), (0.2, 0.5))}

    def evidence(pick, mean):
        shared = BiasTerm(domain="optimism", mean=mean["range"], sd=0.04, shared="s", mean_range=mean["span"])
        items = [survey(id=f"s{i}", value=0.04 * i, bias=(shared,)) for i in range(2)]
        signs = [sign(n, tuple(pick(p) for p in spans[n]), dependence="g", rho=pick((0.2, 0.9))) for n in spans]
        rho = signs[0].rho
        signs = [sign(s.id, (s.p_benefit, s.p_negligible, s.p_harm), dependence="g", rho=rho) for s in signs]
        own = did(bias_mean=mean["own"], bias_range=mean["own span"])
        return [own, *items, *signs]

    wide = {"range": 0.05, "span": (0.0, 0.1), "own": 0.0, "own span": (-0.02, 0.03)}
    bounds = _bounds(evidence(lambda span: span, wide))
    for _ in range(200):
        point = {"range": rng.uniform(0, 0.1), "span": None, "own": rng.uniform(-0.02, 0.03), "own span": None}
        inside = _probability(evidence(lambda span: rng.uniform(*span), point))
        assert (bounds[:, 0] - 1e-9 <= inside).all()
        assert (inside <= bounds[:, 1] + 1e-9).all()


def test_shared_proportional_and_additive_bias_together_stay_within_the_searched_bounds():
    rng = np.random.default_rng(11)

    def items(mean, span):
        shared = BiasTerm(domain="optimism", mean=mean, sd=0.03, shared="s", mean_range=span)
        factor = BiasTerm(domain="scale", kind="proportional", sd=0.3, shared="f")
        return [
            Estimate(id=f"{i}", stream="survey", value=0.08 + 0.05 * i, std_error=0.03, bias=(shared, factor), **KEY)
            for i in range(2)
        ]

    bounds = _bounds(items(0.05, (0.0, 0.1)))
    for mean in rng.uniform(0, 0.1, 20):
        inside = _probability(items(mean, None))
        assert (bounds[:, 0] - 1e-9 <= inside).all()
        assert (inside <= bounds[:, 1] + 1e-9).all()


def test_a_state_that_is_ruled_out_has_probability_zero():
    impossible = sign("a", (0.0, (0.2, 0.4), 0.5))
    np.testing.assert_allclose(_bounds([did(), impossible])[2], [0.0, 0.0], atol=1e-300)


def test_a_mean_whose_estimate_counts_negatively_has_its_ends_swapped():
    """Correlated with both others through two shared biases, the first estimate gets a negative weight."""

    def items(mean, span):
        left, right = (BiasTerm(domain=n, sd=0.1, shared=n) for n in ("left", "right"))
        own = BiasTerm(domain="own", mean=mean, mean_range=span)
        terms = [(left, right, own), (left,), (right,)]
        return [survey(0.05, 0.03, bias=bias, id=f"s{i}") for i, bias in enumerate(terms)]

    built = model([did(bias_range=(-0.02, 0.02)), *items(0.0, (-0.05, 0.05))])
    assert np.linalg.inv(built.estimates.covariance)[1:, 1:].sum(axis=1)[0] < 0
    bounds = cell_bounds(built, scenarios(built))
    corners = [_probability([did(bias_mean=a), *items(b, None)])[2] for a in (-0.02, 0.02) for b in (-0.05, 0.0, 0.05)]
    np.testing.assert_allclose(bounds[2], [min(corners), max(corners)], rtol=1e-8)


def test_when_every_sign_speaks_for_benefit_less_dependence_is_better():
    def group(rho):
        return [sign(name, (0.8, 0.4, 0.3), dependence="g", rho=rho) for name in "abc"]

    bounds = _bounds([did(), *group((0.2, 0.8))])
    expected = [_probability([did(), *group(rho)])[2] for rho in (0.8, 0.2)]
    np.testing.assert_allclose(bounds[2], expected, rtol=1e-10)


def test_reports_on_one_test_share_its_probability():
    """The unknown probability of a sign is one number, however many interviews were asked and whatever they said."""
    spans = (0.3, 0.8), (0.2, 0.5), (0.1, 0.4)
    seen = [True, True, False, True, False]

    def reports(chances, name):
        more = {"dependence": "g", "rho": 0.3, "test": name}
        return [
            sign(f"{name}{i}", chances, observed=one, unreliability=0.1 * (i % 2), **more) for i, one in enumerate(seen)
        ]

    bounds = _bounds([did(), *reports(spans, "T1")])
    grids = [np.linspace(*span, 26) for span in spans]
    points = np.array(
        [_probability([did(), *reports((b, n, h), "T1")]) for b in grids[0] for n in grids[1] for h in grids[2][::25]]
    )
    assert (bounds[:, 0] <= points.min(axis=0) + 1e-12).all()
    assert (bounds[:, 1] >= points.max(axis=0) - 1e-12).all()
    np.testing.assert_allclose(bounds[2], [points[:, 2].min(), points[:, 2].max()], atol=2e-4)
    apart = _bounds([did(), *reports(spans, "")])
    assert (apart[:, 0] < bounds[:, 0] - 0.01).all()
    assert (apart[:, 1] > bounds[:, 1] + 0.01).all()


def test_reports_on_one_test_count_like_single_signs_where_nothing_is_a_range():
    chances = (0.6, 0.3, 0.2)
    more = {"dependence": "g", "rho": 0.4}
    one = [sign(f"{i}", chances, observed=i > 0, test="T1", **more) for i in range(3)]
    other = [sign(f"{i}", chances, observed=i > 0, **more) for i in range(3)]
    np.testing.assert_allclose(_probability([did(), *one]), _probability([did(), *other]), rtol=1e-12)
