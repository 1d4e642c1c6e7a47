"""Properties of matched difference-in-differences on random worlds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import clustereffects as ce
from clustereffects.did import MatchedDiD
from matched_worlds import World, as_match, build, draw
from support.links import links

SETTINGS = settings(derandomize=True, deadline=None, max_examples=15)
SEEDS = st.integers(0, 10_000)
WORLD = World(members=20, pool=25, controls=3, strata=2, groups=2, periods=10, cohorts=(4, 6))


def fitted(drawn, **options):
    return MatchedDiD(window=(-2, 3), **options).fit(drawn.match, "y")


def same(left, right, scale=1.0):
    np.testing.assert_allclose(right.estimate, scale * left.estimate, rtol=1e-8, atol=1e-9 * abs(scale))
    np.testing.assert_allclose(right.std_errors, abs(scale) * left.std_errors, rtol=1e-7, atol=1e-9 * abs(scale))


@SETTINGS
@given(SEEDS)
def test_unit_and_time_constants_change_nothing(seed):
    drawn = draw(WORLD, rng=seed)
    constants = np.random.default_rng(seed).normal(0, 100, 45)
    moved = drawn.frame.assign(y=drawn.frame["y"] + constants[drawn.frame["firm"]] + drawn.frame["year"] ** 2)
    same(fitted(drawn).aggregate("event"), fitted(build(moved, 3)).aggregate("event"))


@SETTINGS
@given(SEEDS, st.floats(-50, 50).filter(lambda value: abs(value) > 0.01))
def test_effects_scale_with_the_outcome(seed, scale):
    drawn = draw(WORLD, rng=seed)
    scaled = build(drawn.frame.assign(y=scale * drawn.frame["y"]), 3)
    for by in ("overall", "group"):
        same(fitted(drawn).aggregate(by), fitted(scaled).aggregate(by), scale)


@SETTINGS
@given(SEEDS)
def test_order_of_rows_and_of_pairs_does_not_matter(seed):
    drawn = draw(WORLD, rng=seed)
    rng = np.random.default_rng(seed)
    shuffled = drawn.frame.sample(frac=1, random_state=seed)
    panel = ce.Panel(shuffled, unit="firm", time="year", cohort="cohort", group="group")
    units = drawn.frame.groupby("firm").first()
    pairs = list(zip(links(drawn.match).treated, links(drawn.match).control, links(drawn.match).weight, strict=True))
    order = rng.permutation(len(pairs))
    match = as_match(panel, [pairs[k] for k in order], units["x"].to_numpy(), units["stratum"].to_numpy())
    other = MatchedDiD(window=(-2, 3)).fit(match, "y")
    for by in ("overall", "event", "group"):
        same(fitted(drawn).aggregate(by), other.aggregate(by))


@SETTINGS
@given(SEEDS, st.floats(-10, 10), st.floats(0.1, 10))
def test_covariates_may_be_shifted_and_rescaled(seed, shift, scale):
    drawn = draw(WORLD, rng=seed)
    units = drawn.frame.groupby("firm").first()
    pairs = list(zip(links(drawn.match).treated, links(drawn.match).control, links(drawn.match).weight, strict=True))
    match = as_match(drawn.panel, pairs, shift + scale * units["x"].to_numpy(), units["stratum"].to_numpy())
    same(fitted(drawn).aggregate("event"), MatchedDiD(window=(-2, 3)).fit(match, "y").aggregate("event"))


@SETTINGS
@given(SEEDS)
def test_a_constant_effect_is_added_exactly(seed):
    drawn = draw(WORLD, rng=seed)
    after = drawn.frame["year"] >= drawn.frame["cohort"]
    treated = build(drawn.frame.assign(y=drawn.frame["y"] + 0.25 * after), 3)
    plain, more = fitted(drawn).aggregate("overall"), fitted(treated).aggregate("overall")
    np.testing.assert_allclose(more.estimate, plain.estimate + 0.25, rtol=1e-9)
    np.testing.assert_allclose(more.std_errors, plain.std_errors, rtol=1e-7)


@SETTINGS
@given(SEEDS, st.booleans())
def test_treated_units_equal_to_their_controls_have_no_effect(seed, adjust):
    drawn = draw(World(members=15, pool=15, controls=1, strata=1, periods=8, cohorts=(4,)), rng=seed)
    wide = drawn.panel.wide("y").copy()
    wide[:15] = wide[15:]
    x = np.tile(np.random.default_rng(seed).normal(size=15), 2)
    panel = ce.Panel(drawn.frame.assign(y=wide.ravel()), unit="firm", time="year", cohort="cohort")
    match = as_match(panel, [(i, i + 15, 1.0) for i in range(15)], x, np.zeros(30, dtype=int))
    effects = MatchedDiD(window=(-3, 3), bias_adjust=adjust).fit(match, "y")
    np.testing.assert_allclose(effects.estimate, 0, atol=1e-12)
    np.testing.assert_allclose(effects.unit_effects["effect"], 0, atol=1e-12)


@SETTINGS
@given(SEEDS)
def test_duplicating_a_pair_with_half_the_weight_changes_nothing(seed):
    drawn = draw(WORLD, rng=seed)
    units = drawn.frame.groupby("firm").first()
    pairs = [
        (i, j, w / 2)
        for i, j, w in zip(
            links(drawn.match).treated, links(drawn.match).control, links(drawn.match).weight, strict=True
        )
    ]
    match = as_match(drawn.panel, pairs + pairs, units["x"].to_numpy(), units["stratum"].to_numpy())
    same(fitted(drawn).aggregate("group"), MatchedDiD(window=(-2, 3)).fit(match, "y").aggregate("group"))
