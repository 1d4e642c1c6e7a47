"""Whatever the options, a simulated programme is a proper panel and its truth follows from potential outcomes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.se import orgnr

from clustereffects.datasets import ProgrammeOptions, simulate_programme
from clustereffects.datasets._firms import organisation_numbers
from clustereffects.datasets.simulate import SCENARIOS

OPTIONS = st.builds(
    ProgrammeOptions,
    n_firms=st.just(600),
    n_members=st.integers(40, 90),
    n_organisations=st.integers(1, 8),
    first_cohort=st.integers(2001, 2006),
    last_cohort=st.integers(2006, 2013),
    scenario=st.sampled_from(SCENARIOS),
    effect_mean=st.floats(-0.2, 0.2),
    profile=st.lists(st.floats(0, 1.5), min_size=1, max_size=5).map(tuple),
    selection=st.floats(0, 3),
    organisation_shock_sd=st.floats(0, 0.5),
    exit_rate=st.floats(0, 0.3),
)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(options=OPTIONS, seed=st.integers(0, 2**31))
def test_truth_is_the_mean_difference_of_potential_outcomes(options: ProgrammeOptions, seed: int) -> None:
    world = simulate_programme(options, rng=seed)
    frame = world.frame
    assert not frame.duplicated(["firm", "year"]).any()
    assert frame.groupby("firm")["cohort"].nunique(dropna=False).eq(1).all()
    after = (frame["year"] >= frame["cohort"]).to_numpy()
    difference = (frame["log_value_added"] - world.untreated["log_value_added"]).to_numpy()
    assert np.all(difference[~after] == 0)
    truth = world.truth.programme["log_value_added"]
    assert truth.firm_years == after.sum()
    if after.any():
        assert truth.overall == pytest.approx(difference[after].mean(), abs=1e-12)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(n=st.integers(1, 200), seed=st.integers(0, 2**31))
def test_organisation_numbers_are_distinct_and_valid(n: int, seed: int) -> None:
    numbers = organisation_numbers(n, np.random.default_rng(seed))
    assert np.unique(numbers).size == n
    assert all(orgnr.is_valid(str(number)) for number in numbers)
