"""What must not change a group-time effect, and what must change it in a known way."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clustereffects as ce

YEARS = np.arange(2001, 2007)
CLOSE = {"rtol": 1e-7, "atol": 1e-9}
few = settings(max_examples=20)

estimators = st.builds(
    ce.GroupTimeDiD,
    control=st.sampled_from(["never_treated", "not_yet_treated"]),
    method=st.sampled_from(["dr", "ipw", "reg"]),
    covariates=st.sampled_from([None, "size"]),
    base_period=st.sampled_from(["varying", "universal"]),
    anticipation=st.sampled_from([0, 1]),
)


def _frame(seed, missing=0.0, n=90):
    rng = np.random.default_rng(seed)
    joined = np.concatenate([np.repeat([2003.0, 2004.0, 2006.0], 6), rng.choice([2003, 2004, 2006, np.nan], n - 18)])
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(YEARS)),
            "year": np.tile(YEARS, n),
            "joined": np.repeat(joined, len(YEARS)),
            "organisation": np.repeat(np.where(np.isfinite(joined), np.arange(n) % 3, np.nan), len(YEARS)),
            "size": rng.standard_normal(n * len(YEARS)),
        }
    )
    frame["y"] = frame["size"] + rng.standard_normal((n, len(YEARS))).cumsum(axis=1).ravel()
    return frame[rng.random(len(frame)) >= missing].reset_index(drop=True)


panels = st.builds(_frame, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1]))


def _fit(estimator, frame):
    panel = ce.Panel(frame, unit="firm", time="year", cohort="joined", group="organisation")
    return estimator.fit(panel, "y")


def _same(found, expected, factor=1.0):
    np.testing.assert_allclose(found.params, factor * expected.params, **CLOSE)
    np.testing.assert_allclose(found.std_errors, abs(factor) * expected.std_errors, **CLOSE)


@few
@given(panels, estimators, st.integers(0, 1000))
def test_unit_constants_change_nothing(frame, estimator, seed):
    shift = np.random.default_rng(seed).normal(0, 10, 90)[frame["firm"]]
    _same(_fit(estimator, frame.assign(y=frame["y"] + shift)), _fit(estimator, frame))


@few
@given(panels, estimators)
def test_period_constants_change_nothing(frame, estimator):
    _same(_fit(estimator, frame.assign(y=frame["y"] + (frame["year"] - 2000) ** 2)), _fit(estimator, frame))


@few
@given(panels, estimators, st.floats(0.01, 100), st.booleans())
def test_scaling_the_outcome_scales_the_effects(frame, estimator, factor, negative):
    factor = -factor if negative else factor
    _same(_fit(estimator, frame.assign(y=frame["y"] * factor)), _fit(estimator, frame), factor)


@few
@given(panels, estimators)
def test_always_treated_units_change_nothing(frame, estimator):
    early = _frame(7).query("firm < 20").assign(firm=lambda f: f["firm"] + 500, joined=2001.0, organisation=0.0)
    more = _fit(estimator, pd.concat([frame, early], ignore_index=True))
    _same(more, _fit(estimator, frame))
    assert more.sample.dropped["treated in the first period already"] == 120


@few
@given(panels, estimators, st.integers(0, 1000))
def test_order_of_rows_changes_nothing(frame, estimator, seed):
    shuffled = _fit(estimator, frame.sample(frac=1.0, random_state=seed))
    original = _fit(estimator, frame)
    np.testing.assert_array_equal(shuffled.params, original.params)
    np.testing.assert_array_equal(shuffled.influence, original.influence)


@few
@given(panels, estimators, st.permutations(range(90)))
def test_names_of_units_change_nothing(frame, estimator, names):
    renamed = frame.assign(firm=np.array([f"firm {name:02d}" for name in names])[frame["firm"]])
    found, original = _fit(estimator, renamed), _fit(estimator, frame)
    _same(found, original)
    _same(found.aggregate("event"), original.aggregate("event"))


@few
@given(panels, estimators)
def test_doubling_all_units_halves_the_variance(frame, estimator):
    twice = _fit(estimator, pd.concat([frame, frame.assign(firm=frame["firm"] + 90)], ignore_index=True))
    original = _fit(estimator, frame)
    for found, expected in ((twice, original), (twice.aggregate("event"), original.aggregate("event"))):
        np.testing.assert_allclose(found.params, expected.params, **CLOSE)
        np.testing.assert_allclose(2 * found.cov, expected.cov, rtol=1e-7, atol=1e-12)


@few
@given(panels, estimators, st.integers(-1500, 1500))
def test_the_calendar_changes_nothing(frame, estimator, years):
    moved = _fit(estimator, frame.assign(year=frame["year"] + years, joined=frame["joined"] + years))
    original = _fit(estimator, frame)
    _same(moved, original)
    assert moved.labels["event_time"].tolist() == original.labels["event_time"].tolist()


@few
@given(panels, estimators, st.floats(0.1, 50))
def test_equal_weights_change_nothing(frame, estimator, weight):
    panel = ce.Panel(frame.assign(w=weight), unit="firm", time="year", cohort="joined", weights="w")
    weighted, original = estimator.fit(panel, "y"), _fit(estimator, frame)
    _same(weighted, original)
    _same(weighted.aggregate("overall"), original.aggregate("overall"))


@few
@given(panels, st.sampled_from(["never_treated", "not_yet_treated"]), st.sampled_from(["varying", "universal"]))
def test_groups_add_up_to_the_cohorts(frame, control, base):
    """On a balanced panel without covariates the effects by group average to those without groups, errors included."""
    frame = frame[frame.groupby("firm")["year"].transform("size") == len(YEARS)]
    options = {"control": control, "base_period": base}
    split = _fit(ce.GroupTimeDiD(by_group=True, **options), frame)
    whole = _fit(ce.GroupTimeDiD(**options), frame)
    for by in ("overall", "event", "cohort", "calendar"):
        _same(split.aggregate(by), whole.aggregate(by))


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
@few
@given(frame=panels, seed=st.integers(0, 1000))
def test_units_outside_a_comparison_do_not_touch_it(control, frame, seed):
    """Outcomes after 2004 say nothing about effects until 2004."""
    noise = np.random.default_rng(seed).normal(0, 5, len(frame)) * (frame["year"] > 2004)
    estimator = ce.GroupTimeDiD(control=control)
    found, original = _fit(estimator, frame.assign(y=frame["y"] + noise)), _fit(estimator, frame)
    early = original.labels["time"] <= 2004
    np.testing.assert_array_equal(found.params[early], original.params[early])
