"""What matching on outcomes does to difference-in-differences where the truth is known, and what its check says.

Selection is on the permanent level, so that trends are parallel without matching: whatever bias matching brings is
regression to the mean (Daw & Hatfield 2018).
"""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from support.links import links

YEARS = np.arange(2000, 2008)
JOINED = 2005
PERSISTENCE = 0.7


def draw(rng, n_treated=250, n_pool=2500):
    """Permanent levels with a gap of one, and a stationary Gaussian autoregression around them; no effect."""
    n = n_treated + n_pool
    treated = np.arange(n) < n_treated
    shock = rng.normal(size=(n, len(YEARS)))
    transitory = np.empty_like(shock)
    transitory[:, 0] = shock[:, 0]
    for t in range(1, len(YEARS)):
        transitory[:, t] = PERSISTENCE * transitory[:, t - 1] + np.sqrt(1 - PERSISTENCE**2) * shock[:, t]
    y = (rng.normal(0, 0.7, n) + 1.0 * treated)[:, None] + 0.5 * transitory
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), len(YEARS)),
            "year": np.tile(YEARS, n),
            "joined": np.repeat(np.where(treated, JOINED, np.nan), len(YEARS)),
            "y": y.ravel(),
        }
    )
    return ce.Panel(frame, unit="firm", time="year", cohort="joined"), y


def change(y, match, start, end):
    """Matched difference in the change between two periods relative to joining."""
    one, other = (y[:, JOINED - YEARS[0] + end] - y[:, JOINED - YEARS[0] + start] for _ in range(2))
    gap = one[links(match).treated] - other[links(match).control]
    return np.sum(links(match).weight * gap) / links(match).weight.sum()


def run(repetitions, seed, lags):
    rng = np.random.default_rng(seed)
    bias, mirror, warned = [], [], []
    for _ in range(repetitions):
        panel, y = draw(rng)
        match = ce.Matching(on=["y"], lags=lags, ratio=3).fit(panel)
        bias.append(change(y, match, -1, 0))
        mirror.append(change(y, match, -max(lags), -max(lags) - 1))
        warned.append(match.checks()[-1].verdict == "warn")
    return np.array(bias), np.array(mirror), np.array(warned)


@pytest.mark.parametrize("lags", [(1,), (1, 2)])
def test_the_mirrored_change_is_the_bias_at_joining(lags):
    bias, mirror, warned = run(15, 1, lags)
    assert bias.mean() > 4 * bias.std(ddof=1) / np.sqrt(len(bias))
    gap = bias - mirror
    assert abs(gap.mean()) < 4 * gap.std(ddof=1) / np.sqrt(len(gap))
    assert warned.mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("lags", [(1,), (1, 2), (1, 2, 3)])
def test_the_mirrored_change_is_the_bias_at_joining_full(lags):
    bias, mirror, _ = run(200, 2, lags)
    gap = bias - mirror
    assert abs(gap.mean()) < 3 * gap.std(ddof=1) / np.sqrt(len(gap))


def test_under_different_trends_the_mirrored_change_has_the_opposite_sign_of_the_bias():
    rng = np.random.default_rng(4)
    gap = []
    for _ in range(10):
        panel, y = draw(rng)
        steps = np.arange(len(YEARS)) - (JOINED - YEARS[0] - 1)
        y = y - np.isfinite(panel.cohorts)[:, None] * (1.0 - 0.2 * steps)
        frame = panel.frame.assign(y=y.ravel())
        match = ce.Matching(on=["y"], ratio=3).fit(ce.Panel(frame, unit="firm", time="year", cohort="joined"))
        gap.append([change(y, match, -1, 0), change(y, match, -2, -3)])
        assert match.checks()[-1].verdict == "warn"
    bias, mirror = np.mean(gap, axis=0)
    assert bias > 0.1
    assert mirror < -0.1


def test_without_a_gap_in_levels_nothing_is_warned_of():
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(20):
        panel, y = draw(rng)
        frame = panel.frame
        frame["y"] = (y - np.where(np.isfinite(panel.cohorts), 1.0, 0.0)[:, None]).ravel()
        level = ce.Panel(frame, unit="firm", time="year", cohort="joined")
        verdicts.append(ce.Matching(on=["y"], lags=(1, 2), ratio=3).fit(level).checks()[-1].verdict)
    assert verdicts.count("warn") <= 4
