"""Bounds where inputs must be searched: several bias means beside proportional biases, correlations of estimates."""

from itertools import pairwise, product

import numpy as np
import pytest

from clustereffects.results import BiasTerm
from clustereffects.triangulation.changes import Changes, probabilities
from clustereffects.triangulation.sensitivity import cell_bounds, scenarios
from triangulation_cases import did, model, sign, survey


def _bounds(built):
    return cell_bounds(built, scenarios(built))


def _holds(bounds, inside, slack=1e-7):
    assert (bounds[:, 0] <= inside.min(axis=0) + slack).all()
    assert (inside.max(axis=0) <= bounds[:, 1] + slack).all()


def _with_factors(means, spans, case):
    pairs = zip((did, survey), case["value"], case["std_error"], case["sd"], means, spans, strict=True)
    items = []
    for make, value, std_error, sd, mean, span in pairs:
        own = BiasTerm(domain="own", mean=mean, mean_range=span)
        items.append(make(value, std_error, bias=(own, BiasTerm(domain="scale", kind="proportional", sd=sd))))
    return model(items)


OWN_FACTORS = {"value": (-0.0292, 0.0724), "std_error": (0.0077, 0.0104), "sd": (0.17, 0.49)}


def test_two_own_proportional_biases_and_two_ranges_of_means():
    """Where both estimates agree on a negligible effect, its probability is higher than anywhere between the extremes."""
    spans = (-0.0033, 0.0217), (-0.038, 0.0324)
    bounds = _bounds(_with_factors((0.0092, -0.0028), spans, OWN_FACTORS))
    grid = product(np.linspace(*spans[0], 3), np.linspace(*spans[1], 5))
    inside = np.array([scenarios(_with_factors(z, (None, None), OWN_FACTORS)).probability[0] for z in grid])
    _holds(bounds, inside)
    assert bounds[1, 1] > 0.518
    np.testing.assert_allclose(bounds[[0, 2]], np.stack([inside.min(axis=0), inside.max(axis=0)], axis=1)[[0, 2]], 1e-7)
    assert bounds[1, 0] == pytest.approx(inside[:, 1].min(), rel=1e-7)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_inside_the_ranges_of_two_means_beside_own_factors_leaves_the_bounds(seed):
    rng = np.random.default_rng(seed)
    case = {"value": rng.normal(0, 0.06, 2), "std_error": rng.uniform(0.004, 0.03, 2), "sd": rng.uniform(0.1, 0.6, 2)}
    centre, width = rng.normal(0, 0.03, 2), rng.uniform(0.01, 0.08, 2)
    spans = [(float(c - w), float(c + w)) for c, w in zip(centre, width, strict=True)]
    bounds = _bounds(_with_factors(centre, spans, case))
    grid = product(*(np.linspace(*span, 5) for span in spans))
    _holds(bounds, np.array([scenarios(_with_factors(z, (None, None), case)).probability[0] for z in grid]))


def _groups(values, sizes, rho):
    rng = np.random.default_rng(3)
    return [
        survey(
            value + rng.normal(0, 0.003),
            0.012 + 0.02 * rng.random(),
            bias=(),
            id=f"{g}{i}",
            dependence=f"g{g}",
            rho=rho,
        )
        for g, (value, size) in enumerate(zip(values, sizes, strict=True))
        for i in range(size)
    ]


def _over_rho(built, draws=20_000, seed=5):
    rho = np.clip(1.4 * np.random.default_rng(seed).random((draws, built.items.rho.size)) - 0.2, 0, 1)
    return probabilities(built, Changes(rho=rho))


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ((0.06,), (5,)),
        ((0.06, -0.153), (4, 4)),
        ((0.05, -0.11, 0.02), (5, 5, 5)),
        ((0.04, -0.03, 0.09, -0.1), (3,) * 4),
    ],
)
def test_bounds_over_the_correlations_of_several_groups_of_estimates(values, sizes):
    """An effect is negligible where two groups that contradict each other have the same weight, between the ends."""
    built = model(_groups(values, sizes, (0.0, 1.0)))
    bounds, inside = _bounds(built), _over_rho(built)
    _holds(bounds, inside)
    exact = np.stack([inside.min(axis=0), inside.max(axis=0)], axis=1)
    np.testing.assert_allclose(bounds, exact, atol=0.02)


def test_a_wider_range_of_one_correlation_does_not_narrow_the_bounds():
    values, more = (0.06, -0.153), {"bias": ()}
    fixed = [survey(v, 0.02, id=f"a{i}", dependence="a", rho=(0.0, 1.0), **more) for i, v in enumerate([values[0]] * 4)]

    def built(rho):
        other = [survey(values[1], 0.03, id=f"b{i}", dependence="b", rho=rho, **more) for i in range(4)]
        return _bounds(model([*fixed, *other]))

    widths = [built(rho) for rho in (0.5, (0.45, 0.55), (0.2, 0.8), (0.0, 1.0))]
    for one, other in pairwise(widths):
        assert (other[:, 0] <= one[:, 0] + 1e-9).all()
        assert (other[:, 1] >= one[:, 1] - 1e-9).all()


def test_correlations_of_estimates_together_with_bias_means_and_reports():
    def evidence(rho, mean, span, chance):
        share = {"dependence": "persons", "rho": rho}
        items = [survey(0.02 * i, 0.01, 0.0, mean, span, id=f"s{i}", **share) for i in range(3)]
        return [did(0.03, 0.02, 0.01), *items, sign("said", (0.8, chance, 0.5), **share), sign("also", (0.4, 0.6, 0.5))]

    bounds = _bounds(model(evidence((0.1, 0.9), 0.02, (-0.05, 0.09), (0.3, 0.6))))
    grid = product(np.linspace(0.1, 0.9, 65), np.linspace(-0.05, 0.09, 65), (0.3, 0.6))
    points = {chance: [] for chance in (0.3, 0.6)}
    for rho, mean, chance in grid:
        points[chance].append((rho, mean - 0.02))
    inside = []
    for chance, rows in points.items():
        built, (rho, shift) = model(evidence(0.5, 0.02, None, chance)), np.transpose(rows)
        moved = Changes(shift=shift[:, None] * [0, 1, 0], rho=np.tile(rho[:, None], (1, built.items.rho.size)))
        inside.append(probabilities(built, moved))
    inside = np.concatenate(inside)
    _holds(bounds, inside)
    np.testing.assert_allclose(bounds, np.stack([inside.min(axis=0), inside.max(axis=0)], axis=1), atol=2e-3)
