"""Intervals cover when few organisations are treated: those of the default do, those of the other choices do not.

The small grid always runs and only catches gross faults. The full one (`slow`) holds the default to 93–97 % with 8 treated and
12 other organisations and to 90 % and more with 3 and 10, and with as few among firms that stand alone.
`benchmarks/coverage_assignment.py` computes the table in the documentation from the same worlds.
"""

import numpy as np
import pytest

import clustereffects as ce
from support.assigned_worlds import World, analytic, by_firm, covers, with_variance

pytestmark = pytest.mark.filterwarnings("ignore::clustereffects.errors.FewClustersWarning")
Z = ce.Cluster("organisation")


def _overall(world, worlds, seed=20):
    rng = np.random.default_rng(seed)
    return [ce.GroupTimeDiD().fit(world.panel(rng), "y").aggregate("overall") for _ in range(worlds)]


def _rate(found, change=lambda effects: effects):
    return float(np.mean([covers(change(effects))[0][0] for effects in found]))


def test_the_default_covers_where_errors_by_firm_do_not():
    found = _overall(World(8, 12, cohorts=3), 40)
    assert _rate(found) >= 0.83
    assert _rate(found, by_firm) <= 0.85
    assert all(effects.replicates is not None for effects in found)


def test_three_organisations_among_firms_that_stand_alone():
    found = _overall(World(3, single=100, cohorts=3), 40)
    assert _rate(found) >= 0.8
    assert _rate(found, lambda effects: with_variance(effects, Z)) <= 0.9


def test_intervals_are_not_absurdly_long():
    """With 8 of 20 organisations at most a third longer than with their number times ten, per root of their number."""
    few, many = (
        np.median([covers(effects)[1][0] for effects in _overall(World(treated, other), 12)]) * np.sqrt(treated)
        for treated, other in ((8, 12), (40, 60))
    )
    assert few <= 1.4 * many


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "least", "most"),
    [
        (World(8, 12), 0.93, 0.97),
        (World(8, 12, cohorts=3), 0.93, 0.97),
        (World(3, 10), 0.9, 0.98),
        (World(3, 10, cohorts=3), 0.9, 0.98),
        (World(3, single=400, cohorts=3), 0.9, 0.98),
        (World(5, single=400, cohorts=3, effect_sd=0.3), 0.92, 0.98),
        (World(8, single=400, cohorts=3), 0.92, 0.98),
        (World(8, 12, cohorts=3, shock=0.0), 0.92, 0.98),
    ],
)
def test_the_default_covers_in_full(world, least, most):
    found = _overall(world, 1000)
    assert least <= _rate(found) <= most
    if world.shock:
        assert _rate(found, by_firm) < 0.9
    assert _rate(found, lambda effects: with_variance(effects, Z)) < _rate(found) + 0.005
    assert _rate(found, analytic) >= 0.9


@pytest.mark.slow
def test_the_test_before_joining_keeps_its_size():
    rng = np.random.default_rng(5)
    world = World(12, 20, cohorts=3)
    fits = (ce.GroupTimeDiD().fit(world.panel(rng), "y").aggregate("event") for _ in range(600))
    assert np.mean([event.pretrends().verdict == "warn" for event in fits]) <= 0.075
