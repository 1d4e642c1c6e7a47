"""Aggregates with weights of one's own, as totals, and balanced at an event time."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import ColumnError, NotStoredError, OptionError


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(6)
    n, years = 120, np.arange(2001, 2008)
    joined = rng.choice([2003.0, 2005.0, 2006.0, np.nan], n)
    jobs = rng.integers(1, 50, (n, len(years)))
    y = rng.normal(size=(n, len(years))).cumsum(axis=1)
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(years)),
            "year": np.tile(years, n),
            "joined": np.repeat(joined, len(years)),
            "town": np.repeat(np.arange(n) % 30, len(years)),
            "jobs": jobs.ravel(),
            "y": y.ravel(),
        }
    )


@pytest.fixture(scope="module")
def effects(frame):
    return ce.GroupTimeDiD().fit(ce.Panel(frame, unit="firm", time="year", cohort="joined"), "y")


def _before(frame):
    """Jobs of each firm in the year before it joined."""
    return frame[frame["year"] == frame["joined"] - 1].set_index("firm")["jobs"]


def _after(effects):
    return (effects.labels["event_time"] >= 0).to_numpy()


def test_cells_are_weighted_by_a_column_of_the_panel(frame, effects):
    jobs = _before(frame)
    per_cohort = jobs.groupby(frame.groupby("firm")["joined"].first()).sum()
    mass = effects.labels["cohort"].map(per_cohort).to_numpy() * _after(effects)
    found = effects.aggregate("overall", weights="jobs")
    assert found.params["overall"] == pytest.approx(effects.params @ mass / mass.sum(), rel=1e-12)
    assert "cells weighted by jobs before treatment" in found.estimand
    pd.testing.assert_frame_equal(effects.aggregate("overall", weights=jobs).tidy(), found.tidy())


def test_the_error_of_the_weights_is_in_the_standard_error(frame, effects):
    """Weighted means are ratios of sums over firms: the delta method by numerical derivatives says the same."""
    jobs = _before(frame).reindex(effects.units, fill_value=0).to_numpy(dtype=float)
    cohort = effects.sampling.panel.cohorts
    own = (cohort[:, None] == effects.labels["cohort"].to_numpy()) & _after(effects)

    def mean(mass, values):
        return (mass @ own * values).sum() / (mass @ own).sum()

    n, step = len(jobs), 1e-6
    psi = np.zeros(n)
    for unit in range(n):
        raised = jobs.copy()
        raised[unit] *= 1 + step
        psi[unit] = n * (mean(raised, effects.params) - mean(jobs, effects.params)) / step
    share = jobs @ own / (jobs @ own).sum()
    total = psi + effects.influence @ share
    expected = np.sqrt((total**2).sum()) / n
    assert effects.aggregate("overall", weights="jobs").std_errors["overall"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("total", [False, True])
def test_a_unit_of_weight_two_counts_as_two_units(frame, total):
    """Weights of an aggregation come on top of those of the sample."""
    heavy = frame["firm"] % 3 == 0
    roles = {"unit": "firm", "time": "year", "cohort": "joined"}
    weighted = ce.Panel(frame.assign(weight=1.0 + heavy), weights="weight", **roles)
    doubled = ce.Panel(pd.concat([frame, frame[heavy].assign(firm=lambda f: f["firm"] + 1000)]), **roles)
    found, expected = (
        ce.GroupTimeDiD().fit(panel, "y").aggregate("event", weights="jobs", total=total).params
        for panel in (weighted, doubled)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_equal_weights_change_nothing(effects):
    ones = pd.Series(2.0, index=effects.units)
    for by in ("overall", "event", "cohort"):
        np.testing.assert_allclose(
            effects.aggregate(by, weights=ones).cov, effects.aggregate(by).cov, rtol=1e-9, atol=1e-16
        )


def test_totals_are_sums_over_treated_units_and_periods(frame, effects):
    total, mean = effects.aggregate("cohort", total=True), effects.aggregate("cohort")
    firms = frame.groupby("firm")["joined"].first().value_counts().reindex(mean.labels["cohort"]).to_numpy()
    unit_years = firms * (2007 - mean.labels["cohort"].to_numpy() + 1)
    np.testing.assert_allclose(total.params, mean.params * unit_years, rtol=1e-12)
    overall = effects.aggregate("overall", total=True)
    assert overall.params["overall"] == pytest.approx(total.params.sum(), rel=1e-12)
    ones = np.ones(len(total.params))
    assert overall.std_errors["overall"] ** 2 == pytest.approx(ones @ total.cov.to_numpy() @ ones, rel=1e-9)
    assert "sum over treated units and periods" in overall.estimand
    jobs = effects.aggregate("overall", weights="jobs", total=True)
    expected = effects.aggregate("overall", weights="jobs").params["overall"]
    mass = _before(frame) * (2007 - frame.groupby("firm")["joined"].first() + 1).reindex(_before(frame).index)
    assert jobs.params["overall"] == pytest.approx(expected * mass.sum(), rel=1e-12)


def test_a_jackknife_of_a_total_is_that_of_the_mean_times_the_units(frame):
    panel = ce.Panel(frame, unit="firm", time="year", cohort="joined", cluster="town")
    effects = ce.GroupTimeDiD(variance=ce.Jackknife()).fit(panel, "y")
    mean, total = effects.aggregate("event"), effects.aggregate("event", total=True)
    factor = total.params / mean.params
    # With one cohort at an event time the weights cancel, so that both replicate the same thing.
    lone = mean.labels["event_time"].isin([4]).to_numpy()
    np.testing.assert_allclose((total.std_errors / mean.std_errors)[lone], factor.abs()[lone], rtol=1e-9)
    assert (total.std_errors[mean.std_errors.notna()] > 0).all()


def test_balance_follows_the_same_cohorts(effects):
    event = effects.aggregate("event", balance=2)
    assert event.labels["event_time"].max() == 2
    units = dict(zip(event.labels["event_time"], event.treated_units(), strict=True))
    assert units[0] == units[1] == units[2]
    with pytest.raises(
        OptionError, match=r"of cohorts observed 9 periods after treatment.*balance at an earlier period"
    ):
        effects.aggregate("event", balance=9)


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("by", [None, 3, ["event", 1]]),
        ("window", [2, (1,), (0, 1, 2), ("a", "b"), (None, 1), (2, -2), (np.nan, 1)]),
        ("balance", [-1, 1.5, "1", True]),
        ("weights", [[1.0], np.ones(120), {0: 1.0}, pd.Series("a", index=[0]), pd.Series(1.0, index=[0, 0])]),
        ("total", ["yes", 1]),
    ],
)
def test_choices_of_the_wrong_kind_are_refused_by_name(effects, option, values):
    for value in values:
        with pytest.raises(OptionError, match=f"option {option}=.*give {option} another value"):
            effects.aggregate(**({"by": "event"} | {option: value}))
    with pytest.raises(OptionError, match=r"(?s)2 problems.*option window=5.*option balance=-1"):
        effects.aggregate("event", window=5, balance=-1)


def test_there_is_no_mean_of_totals_and_none_of_nothing(effects):
    totals = effects.aggregate("cohort", total=True)
    with pytest.raises(OptionError, match="an average of totals"):
        totals.average()
    with pytest.raises(OptionError, match="an average of totals"):
        ce.Effects.from_dict(totals.to_dict(influence=True)).average()
    with pytest.raises(OptionError, match=r"an average of no effects.*widen the window"):
        effects.aggregate("event", window=(-2, -1)).average()


def test_weights_that_are_all_zero_are_refused(effects):
    with pytest.raises(ColumnError, match="the weights 'jobs' of all treated units are 0"):
        effects.aggregate("overall", weights=pd.Series(0.0, index=effects.units, name="jobs"))


def test_weights_that_cannot_be_are_refused(frame, effects):
    with pytest.raises(
        ColumnError, match=r"treated units have no weight 'jobs', or a negative one.*fill in the column"
    ):
        effects.aggregate("overall", weights=-_before(frame))
    with pytest.raises(ColumnError, match="have no weight 'weights'"):
        effects.aggregate("overall", weights=pd.Series([1.0], index=[3]))
    with pytest.raises(ColumnError, match=r"column 'job' is missing.*did you mean 'jobs'"):
        effects.aggregate("overall", weights="job")
    again = ce.Effects.from_dict(effects.to_dict(influence=True))
    with pytest.raises(
        NotStoredError, match="do not hold the panel with the column 'jobs' – give the weights as a Series"
    ):
        again.aggregate("overall", weights="jobs")
    pd.testing.assert_frame_equal(
        again.aggregate("event", weights=_before(frame)).tidy(), effects.aggregate("event", weights="jobs").tidy()
    )
