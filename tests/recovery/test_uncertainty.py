"""Intervals at the level of assignment cover where those by unit do not."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.inference import Influence, Membership
from clustereffects.results import Sampling
from clustereffects.results.uncertainty import uncertainty

WORLDS = 400


def _coverage(sizes, shock, variance=None, seed=1):
    """Share of 95 % intervals that cover zero: difference of means, treated by town with shocks shared in a town."""
    rng = np.random.default_rng(seed)
    town = np.repeat(np.arange(len(sizes)), sizes)
    treated = np.arange(len(town) + 300) < len(town)
    codes = np.r_[town, len(sizes) + np.arange(300)]
    sampling = Sampling(
        units=pd.RangeIndex(len(codes)),
        clusters={"town": codes},
        membership=Membership.of(treated[:, None].astype(float)),
        assignment=() if variance == "unit" else ("town",),
    )
    covered = 0
    for _ in range(WORLDS):
        y = rng.normal(size=len(codes))
        y[treated] += shock * rng.normal(size=len(sizes))[town]
        gap = y - np.where(treated, y[treated].mean(), y[~treated].mean())
        psi = np.where(treated, gap / treated.mean(), -gap / (~treated).mean())
        found = uncertainty(Influence(psi[:, None]), None, sampling)
        value, _ = found.simultaneous(0.95)
        covered += abs(y[treated].mean() - y[~treated].mean()) <= value[0] * found.std_error[0]
    return covered / WORLDS


@pytest.mark.parametrize(("sizes", "least"), [([12] * 6, 0.92), ([12] * 12, 0.93), ([4, 6, 9, 13, 20, 30], 0.87)])
def test_clusters_of_the_treated_cover(sizes, least):
    assert least <= _coverage(sizes, shock=0.5) <= 0.99
    assert _coverage(sizes, shock=0.5, variance="unit") < 0.85


def test_without_shared_shocks_intervals_are_a_little_wide_but_not_short():
    assert 0.94 <= _coverage([12] * 8, shock=0.0) <= 1.0


def test_the_bootstrap_agrees_with_the_analytic_errors():
    rng = np.random.default_rng(2)
    psi = Influence(rng.normal(size=(500, 3)) @ np.array([[1.0, 0.5, 0.0], [0, 1, 0.5], [0, 0, 1]]))
    sampling = Sampling(units=pd.RangeIndex(500), clusters={}, membership=Membership.of(np.ones((500, 3))))
    analytic = uncertainty(psi, None, sampling)
    drawn = uncertainty(psi, ce.MultiplierBootstrap(draws=3999, rng=1, multiplier="mammen"), sampling)
    np.testing.assert_allclose(drawn.std_error, analytic.std_error, rtol=0.06)
    np.testing.assert_allclose(drawn.simultaneous(0.95)[0], analytic.simultaneous(0.95)[0], rtol=0.04)
