"""What must not change group-time effects from cross-sections, and what must change them in a known way."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.did.cross_section_cells import CrossSectionData, cross_section_effects
from clustereffects.did.group_time_plan import GroupTimeOptions

TIMES = np.array([2001, 2002, 2004, 2005])
FIELDS = ("outcome", "time", "cohorts", "units", "covariates", "weights")
few = settings(max_examples=20)

options = st.builds(
    GroupTimeOptions,
    control=st.sampled_from(["never_treated", "not_yet_treated"]),
    method=st.sampled_from(["dr", "dr_improved", "ipw", "reg"]),
    base_period=st.sampled_from(["varying", "universal"]),
    anticipation=st.sampled_from([0, 1]),
)


def _data(seed, firms):
    """Firms with most of their years, or as many observations that are all units of their own."""
    rng = np.random.default_rng(seed)
    cohort = np.concatenate([np.repeat([2004.0, 2005.0, np.nan], 40), rng.choice([2004.0, 2005.0, np.nan], 60)])
    rows = np.flatnonzero(rng.random(180 * 4) < 0.85)
    x = rng.standard_normal((len(rows), 1))
    return CrossSectionData(
        outcome=x[:, 0] * (1 + rows % 4) + rng.standard_normal(len(rows)),
        time=rows % 4,
        cohorts=cohort[rows // 4],
        units=rows // 4 if firms else np.arange(len(rows)),
        times=TIMES,
        covariates=x,
        weights=rng.uniform(0.5, 2.0, len(rows)),
    )


samples = st.builds(_data, st.integers(0, 2**32 - 1), st.booleans())


def _with(data, rows):
    return replace(data, **{name: getattr(data, name)[rows] for name in FIELDS})


def _errors(found, n):
    return np.array([np.sqrt((values**2).sum()) / n for _, values in found.influence])


def _same(found, expected, factor=1.0):
    np.testing.assert_allclose(found.estimate, factor * expected.estimate, rtol=1e-7, atol=1e-8)
    for (units, values), (others, wanted) in zip(found.influence, expected.influence, strict=True):
        np.testing.assert_array_equal(units, others)
        np.testing.assert_allclose(values, factor * wanted, rtol=1e-7, atol=1e-7)


@few
@given(samples, options, st.integers(0, 1000))
def test_order_of_rows_changes_nothing(data, choices, seed):
    shuffled = _with(data, np.random.default_rng(seed).permutation(len(data.outcome)))
    _same(cross_section_effects(shuffled, choices), cross_section_effects(data, choices))


@few
@given(samples, options, st.floats(0.01, 100), st.lists(st.floats(-50, 50), min_size=4, max_size=4))
def test_scale_and_period_constants(data, choices, factor, constants):
    moved = replace(data, outcome=-factor * data.outcome + np.array(constants)[data.time])
    _same(cross_section_effects(moved, choices), cross_section_effects(data, choices), -factor)


@few
@given(samples, options)
def test_names_of_units_change_nothing_but_the_order(data, choices):
    renamed = cross_section_effects(replace(data, units=data.n_units - 1 - data.units), choices)
    expected = cross_section_effects(data, choices)
    np.testing.assert_array_equal(renamed.estimate, expected.estimate)
    for (units, values), (others, wanted) in zip(renamed.influence, expected.influence, strict=True):
        np.testing.assert_array_equal(units, np.sort(data.n_units - 1 - others))
        np.testing.assert_allclose(values, wanted[::-1], rtol=1e-12)


@few
@given(samples, options)
def test_all_units_twice_halve_the_variance(data, choices):
    rows = np.tile(np.arange(len(data.outcome)), 2)
    twice = _with(data, rows)
    twice = replace(twice, units=twice.units + data.n_units * (np.arange(len(rows)) >= len(data.outcome)))
    found, expected = cross_section_effects(twice, choices), cross_section_effects(data, choices)
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        2.0 * _errors(found, twice.n_units) ** 2, _errors(expected, data.n_units) ** 2, rtol=1e-7
    )
    np.testing.assert_array_equal(found.n_treated, 2 * expected.n_treated)
