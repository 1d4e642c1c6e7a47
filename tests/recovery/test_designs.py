"""Matching on the outcome before joining: actual and estimated bias of the designs, with and without a dip.

500 treated, 20,000 controls, AR(1) shocks (ρ = 0.7); members differ in their permanent level, or join after bad years.
"""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did import MatchedDiD, compare_designs

TREATED, CONTROLS, BEFORE, AFTER = 500, 20_000, 5, 3


def world(seed, select):
    rng = np.random.default_rng(seed)
    n = TREATED + CONTROLS
    level, noise = 0.5 * rng.normal(size=n), np.empty((n, BEFORE + AFTER))
    noise[:, 0] = 0.2 * rng.normal(size=n)
    for t in range(1, BEFORE + AFTER):
        noise[:, t] = 0.7 * noise[:, t - 1] + 0.2 * np.sqrt(1 - 0.7**2) * rng.normal(size=n)
    score = {"level": level / 0.5, "dip": -noise[:, BEFORE - 1] / 0.2}[select] + rng.gumbel(size=n)
    member = np.zeros(n, dtype=bool)
    member[np.argsort(-score)[:TREATED]] = True
    y = level[:, None] + noise
    y[member, BEFORE:] += 0.1
    of = np.repeat(np.arange(n), BEFORE + AFTER)
    frame = pd.DataFrame({"firm": of, "year": np.tile(np.arange(BEFORE + AFTER), n), "y": y.ravel()})
    frame["cohort"], frame["kind"] = np.where(member, float(BEFORE), np.nan)[of], 0
    return ce.Panel(frame, unit="firm", time="year", cohort="cohort")


def biases(select, seeds):
    """Mean over worlds of what each design is off by, and of what it was estimated to be off by."""
    actual, estimated, recommended = [], [], []
    for seed in seeds:
        matching = ce.Matching(on=["y"], exact=["kind"], ratio=3, horizon=AFTER - 1)
        estimator = MatchedDiD(window=(-4, AFTER - 1))
        found = compare_designs(world(seed, select), matching, "y", lags=3, estimator=estimator)
        table = found.table().set_index("design")
        actual.append(table["estimate"] - 0.1)
        estimated.append(table["estimated_bias"])
        recommended.append(found.recommended)
    return pd.DataFrame(actual).mean(), pd.DataFrame(estimated).mean(), recommended


def test_with_parallel_trends_matching_on_levels_is_what_biases():
    actual, estimated, recommended = biases("level", range(4))
    assert actual["level"] > actual["lags"] > 0.003
    assert max(abs(actual["growth"]), abs(actual["covariates"])) < actual["level"] / 2
    np.testing.assert_allclose(estimated, actual.reindex(estimated.index), atol=0.006)
    assert set(recommended) <= {"growth"}


def test_with_a_dip_the_ranking_is_the_other_way_round():
    actual, estimated, recommended = biases("dip", range(4))
    assert actual["covariates"] == actual.max()
    assert actual["lags"] == actual.min()
    np.testing.assert_allclose(estimated, actual.reindex(estimated.index), atol=0.02)
    assert recommended.count("lags") >= 3


@pytest.mark.slow
@pytest.mark.parametrize(("select", "tolerance"), [("level", 0.002), ("dip", 0.008)])
def test_estimated_biases_are_right_on_average(select, tolerance):
    actual, estimated, _ = biases(select, range(40))
    np.testing.assert_allclose(estimated, actual.reindex(estimated.index), atol=tolerance)
