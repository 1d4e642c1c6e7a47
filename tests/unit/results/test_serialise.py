"""Effects to plain data and back."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clustereffects.results import Check, Cluster, Effects, Jackknife, MultiplierBootstrap, Replicates, WildBootstrap
from support.made_effects import make


def _again(effects, **options):
    return Effects.from_dict(json.loads(json.dumps(effects.to_dict(**options), allow_nan=False)))


@pytest.mark.parametrize(
    "variance",
    [
        None,
        Cluster("town"),
        Cluster("town", "unit", small_sample="stata"),
        MultiplierBootstrap(draws=99, rng=5),
        WildBootstrap("town", draws=99, rng=5),
    ],
)
def test_variances_come_back(variance):
    clusters = {"town": np.arange(60) % 12, "unit": np.arange(60)}
    effects = make(clusters=clusters, variance=variance)
    again = _again(effects, influence=True)
    assert again.variance == variance
    pd.testing.assert_frame_equal(again.tidy(simultaneous=True), effects.tidy(simultaneous=True))
    pd.testing.assert_frame_equal(again.aggregate("cohort").tidy(), effects.aggregate("cohort").tidy())


def test_draws_without_limit_come_back():
    """With three clusters the standard error is zero in some draws of a wild bootstrap."""
    effects = make(clusters={"town": np.arange(60) % 3}, variance=WildBootstrap("town", draws=99, rng=5))
    spread = replace(effects.uncertainty, studentised=np.where(np.arange(99)[:, None] < 20, np.inf, np.ones((99, 6))))
    effects = replace(effects, stored=spread)
    found = effects.tidy()
    assert np.isinf(found["conf_high"]).all()
    pd.testing.assert_frame_equal(_again(effects).tidy(), found)


def test_a_jackknife_comes_back_with_its_replicates():
    town = np.arange(60) % 12
    rng = np.random.default_rng(6)
    replicates = Replicates(
        column="town",
        left_out=np.arange(9),
        whole=np.array([0.1, 0.2, -0.1, 0.3, 0.0, np.nan]),
        without=np.where(rng.random((9, 6)) < 0.1, np.nan, rng.normal(size=(9, 6))),
        alone=np.where(town < 9, -1, town),
    )
    effects = make(
        replicates.whole, clusters={"town": town}, variance=Jackknife("town", df="clusters"), replicates=replicates
    )
    again = _again(effects, influence=True)
    assert again.variance == Jackknife("town", df="clusters")
    np.testing.assert_array_equal(again.replicates.without, replicates.without)
    pd.testing.assert_frame_equal(again.tidy(simultaneous=True), effects.tidy(simultaneous=True))
    pd.testing.assert_frame_equal(again.aggregate("event").tidy(), effects.aggregate("event").tidy())
    pd.testing.assert_frame_equal(_again(effects).tidy(), effects.tidy())


def test_degrees_of_freedom_of_each_effect_come_back():
    town = np.where(np.arange(60) % 3 == 2, 100 + np.arange(60), np.arange(60) % 7)
    effects = make(clusters={"town": np.unique(town, return_inverse=True)[1]}, assignment=("town",))
    effects = effects.aggregate("event")
    again = _again(effects)
    np.testing.assert_array_equal(again.uncertainty.dfs, effects.uncertainty.dfs)
    pd.testing.assert_frame_equal(again.tidy(simultaneous=True), effects.tidy(simultaneous=True))


def test_missing_numbers_pass_through_json():
    findings = (Check(name="a", verdict="info"), Check(name="b", verdict="fail", statistic=np.inf, threshold=-np.inf))
    effects = make([np.nan, 1.0, np.nan, 0.2, 3.0, 1.0], findings=findings)
    again = _again(effects)
    assert np.isnan(again.findings[0].statistic)
    assert (again.findings[1].statistic, again.findings[1].threshold) == (np.inf, -np.inf)
    pd.testing.assert_frame_equal(again.tidy(), effects.tidy())


def test_effects_without_any_term_come_back():
    again = _again(make().select([False] * 6), influence=True)
    assert len(again.tidy()) == 0
    assert again.cov.shape == (0, 0)


def test_incomplete_data_are_refused():
    data = make().to_dict()
    del data["cov"]
    with pytest.raises(KeyError, match="cov"):
        Effects.from_dict(data)


def test_seeds_of_any_integer_type_come_back():
    variance = MultiplierBootstrap(draws=99, rng=np.int64(7))
    assert _again(make(variance=variance)).variance == MultiplierBootstrap(draws=99, rng=7)
