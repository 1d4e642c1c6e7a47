"""Aggregation is exact: its influence function is the derivative of the estimate, whatever the weights."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import clustereffects as ce
from clustereffects.inference import Influence, Membership
from clustereffects.results import Sampling
from clustereffects.results.aggregation import aggregate_cells
from support.made_effects import CELLS, labels, make

BY = ["overall", "event", "cohort", "calendar"]
SEEDS = st.integers(0, 10_000)
EXACT = {"rtol": 1e-9, "atol": 1e-12}


def _panel(weights=None, seed=4, n=24):
    rng = np.random.default_rng(seed)
    years = np.arange(2001, 2007)
    joined = np.array([2003.0, 2005.0, np.nan])[np.arange(n) % 3]
    group = np.where(np.isnan(joined), None, np.array(["K1", "K2"], dtype=object)[np.arange(n) // 3 % 2])
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), len(years)),
            "year": np.tile(years, n),
            "joined": np.repeat(joined, len(years)),
            "group": np.repeat(group, len(years)),
            "weight": np.repeat(np.ones(n) if weights is None else weights, len(years)),
        }
    )
    frame["y"] = rng.normal(size=len(frame)) + 0.3 * (frame["year"] - frame["joined"]).clip(lower=0).fillna(0)
    return ce.Panel(frame, unit="unit", time="year", cohort="joined", group="group", weights="weight")


def _targets(effects):
    """Every aggregation and average of the effects in one vector, and its influence function."""
    parts = [effects.aggregate(by) for by in [*BY, "group", ["group", "event"]]]
    parts += [part.average() for part in parts[1:5]]
    estimate = np.concatenate([part.params.to_numpy() for part in parts])
    return estimate, np.concatenate([part.influence for part in parts], axis=1)


def test_influence_is_the_derivative_of_every_aggregate_in_the_weight_of_a_unit():
    """Infinitesimal jackknife: n ∂θ/∂w_i at w = 1, cells and the masses that weight them both depending on w."""
    fit = ce.GroupTimeDiD(by_group=True).fit
    n, step = 24, 1e-5
    psi = _targets(fit(_panel(), "y"))[1]
    for unit in range(n):
        sides = []
        for sign in (1, -1):
            weights = np.ones(n)
            weights[unit] += sign * step
            sides.append(_targets(fit(_panel(weights), "y"))[0])
        derivative = n * (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(psi[unit], derivative, rtol=1e-5, atol=1e-7)


def test_influence_of_weighted_panels_is_the_derivative_too():
    weights = 1.0 + np.arange(24) % 4
    fit = ce.GroupTimeDiD(by_group=True).fit
    psi = _targets(fit(_panel(weights), "y"))[1]
    for unit in (0, 1, 2, 13):
        step = 1e-5 * weights[unit]
        up, down = weights.copy(), weights.copy()
        up[unit] += step
        down[unit] -= step
        derivative = 24 * (_targets(fit(_panel(up), "y"))[0] - _targets(fit(_panel(down), "y"))[0]) / 2e-5
        np.testing.assert_allclose(psi[unit], derivative, rtol=1e-5, atol=1e-7)


@given(SEEDS)
def test_groups_weighted_by_their_masses_are_the_overall_effect(seed):
    """Where all cells of a cohort have one mass, the mean of cohorts by unit-periods is the mean of all cells."""
    effects = make(seed=seed)
    after = effects.labels["event_time"] >= 0
    periods = after.groupby(effects.labels["cohort"]).sum()
    cohorts = effects.aggregate("cohort")
    mass = cohorts.treated_units() * periods.loc[cohorts.labels["cohort"]].to_numpy()
    overall = effects.aggregate("overall").params["overall"]
    np.testing.assert_allclose(cohorts.params @ mass / mass.sum(), overall, **EXACT)


@given(SEEDS, st.permutations(range(len(CELLS))))
def test_the_order_of_cells_does_not_matter(seed, order):
    effects = make(seed=seed)
    order = list(order)
    member = effects.sampling.membership.select(order)
    sampling = Sampling(units=effects.units, clusters={}, membership=member)
    shuffled = make(
        labels=labels().iloc[order],
        estimate=effects.estimate[order],
        influence_function=Influence(effects.influence[:, order]),
        sampling=sampling,
    )
    for by in BY:
        pd.testing.assert_frame_equal(shuffled.aggregate(by).tidy(), effects.aggregate(by).tidy(), **EXACT)


@given(SEEDS, st.sets(st.integers(0, len(CELLS) - 1), min_size=1, max_size=4))
def test_cells_that_are_not_identified_are_as_if_they_were_not_there(seed, lost):
    effects = make(seed=seed)
    kept = [cell for cell in range(len(CELLS)) if cell not in lost]
    missing = np.where(np.isin(np.arange(len(CELLS)), list(lost)), np.nan, effects.estimate)
    holes, without = make(missing, seed=seed), effects.select(np.isin(np.arange(len(CELLS)), kept))
    assume((without.labels["event_time"] >= 0).any())
    for by in ("overall", "cohort"):
        left, right = holes.aggregate(by), without.aggregate(by)
        known = left.params.notna()
        assert left.params.index[known].tolist() == right.params.index.tolist()
        np.testing.assert_allclose(left.params[known], right.params, **EXACT)
        np.testing.assert_allclose(left.std_errors[known], right.std_errors, **EXACT)


@given(SEEDS, st.floats(0.01, 100.0))
def test_the_unit_of_the_weights_does_not_matter(seed, factor):
    rng = np.random.default_rng(seed)
    estimate, psi = rng.normal(size=4), Influence(rng.normal(size=(12, 4)))
    mass = rng.uniform(0.5, 2.0, size=(12, 1)) * (rng.random((12, 4)) > 0.3)
    mass[0] = 1.0
    codes, target = np.array([0, 0, 1, 1]), pd.DataFrame(index=["a", "b"])
    one = aggregate_cells(estimate, psi, Membership.of(mass), codes, target)
    other = aggregate_cells(estimate, psi, Membership.of(factor * mass), codes, target)
    np.testing.assert_allclose(other.estimate, one.estimate, **EXACT)
    np.testing.assert_allclose(other.influence.values, one.influence.values, rtol=1e-8, atol=1e-10)


@given(SEEDS)
def test_twice_the_sample_is_half_the_variance(seed):
    effects = make(seed=seed)
    member = Membership.of(np.vstack([effects.sampling.membership.to_matrix()] * 2))
    doubled = make(
        estimate=effects.estimate,
        influence_function=Influence(np.vstack([effects.influence] * 2)),
        sampling=Sampling(units=pd.RangeIndex(120), clusters={}, membership=member),
    )
    for by in BY:
        one, two = effects.aggregate(by), doubled.aggregate(by)
        np.testing.assert_allclose(two.params, one.params, **EXACT)
        np.testing.assert_allclose(2 * two.cov, one.cov, rtol=1e-9, atol=1e-14)


@given(SEEDS)
def test_copies_in_one_cluster_are_one_unit(seed):
    """Doubling every unit and clustering by the original changes nothing: no information was added."""
    effects = make(seed=seed)
    member = Membership.of(np.vstack([effects.sampling.membership.to_matrix()] * 2))
    doubled = make(
        estimate=effects.estimate,
        influence_function=Influence(np.vstack([effects.influence] * 2)),
        sampling=Sampling(
            units=pd.RangeIndex(120), clusters={"original": np.tile(np.arange(60), 2)}, membership=member
        ),
        variance=ce.Cluster("original"),
    )
    for by in BY:
        np.testing.assert_allclose(doubled.aggregate(by).cov, effects.aggregate(by).cov, rtol=1e-9, atol=1e-14)


@given(SEEDS)
def test_equal_averages_are_plain_means_with_known_weights(seed):
    event = make(seed=seed).aggregate("event")
    after = (event.labels["event_time"] >= 0).to_numpy()
    average = event.average()
    np.testing.assert_allclose(average.params["average"], event.params[after].mean(), **EXACT)
    weights = after / after.sum()
    np.testing.assert_allclose(average.cov.iloc[0, 0], weights @ event.cov.to_numpy() @ weights, **EXACT)


@given(SEEDS)
def test_equal_effects_aggregate_to_themselves_and_their_weights_have_no_error(seed):
    effects = make(np.full(len(CELLS), 0.7), seed=seed)
    for by in BY:
        np.testing.assert_allclose(effects.aggregate(by).params, 0.7, **EXACT)
    mass = np.where(effects.labels["event_time"] >= 0, 1.0, 0.0)
    weights = mass / mass.sum()
    overall = effects.aggregate("overall")
    np.testing.assert_allclose(overall.influence[:, 0], effects.influence @ weights, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("by", BY)
def test_aggregates_lie_between_the_cells(by):
    for seed in range(20):
        effects = make(seed=seed)
        inside = effects.params if by == "event" else effects.params[effects.labels["event_time"] >= 0]
        found = effects.aggregate(by).params
        assert found.between(inside.min() - 1e-12, inside.max() + 1e-12).all()
