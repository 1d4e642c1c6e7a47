"""Which cohort is compared when."""

import numpy as np

from clustereffects.did.group_time_plan import (
    GroupTimeOptions,
    already_treated,
    estimated_cohorts,
    never_treated,
    plan_cells,
)

TIMES = np.array([2001, 2002, 2003, 2004, 2005])
COHORTS = np.array([2001, 2002, 2004, 2005, 2006, 2007, np.nan])


def _bases(cohort, **options):
    cells = plan_cells(COHORTS, TIMES, GroupTimeOptions(**options))
    return {int(TIMES[c.time]): int(TIMES[c.base]) for c in cells if c.cohort == cohort}


def test_units_treated_from_the_start():
    assert already_treated(COHORTS, TIMES, 0).tolist() == [True] + [False] * 6
    assert already_treated(COHORTS, TIMES, 1).tolist() == [True, True] + [False] * 5


def test_cohorts_that_may_anticipate_within_the_panel_are_not_never_treated():
    assert never_treated(COHORTS, TIMES, 0).tolist() == [False] * 4 + [True] * 3
    assert never_treated(COHORTS, TIMES, 1).tolist() == [False] * 5 + [True] * 2


def test_cohorts_after_the_last_period_have_no_effect():
    assert estimated_cohorts(COHORTS, TIMES, 0).tolist() == [2002, 2004, 2005]
    assert estimated_cohorts(COHORTS, TIMES, 1).tolist() == [2004, 2005]


def test_last_cohort_serves_as_comparison_if_nobody_is_never_treated():
    assert estimated_cohorts(np.array([2002.0, 2004.0]), TIMES, 0).tolist() == [2002]
    assert estimated_cohorts(np.array([2002.0, 2006.0]), TIMES, 1).tolist() == []
    assert estimated_cohorts(np.array([2003.0, 2006.0]), TIMES, 1).tolist() == [2003]


def test_varying_base():
    assert _bases(2004) == {2002: 2001, 2003: 2002, 2004: 2003, 2005: 2003}


def test_varying_base_with_anticipation():
    assert _bases(2005, anticipation=2) == {2002: 2001, 2003: 2002, 2004: 2002, 2005: 2002}


def test_universal_base():
    assert _bases(2004, base_period="universal") == dict.fromkeys(TIMES.tolist(), 2003)
    assert _bases(2004, base_period="universal", anticipation=1) == dict.fromkeys(TIMES.tolist(), 2002)


def test_periods_need_not_be_consecutive():
    cells = plan_cells(np.array([2006.0, np.nan]), np.array([2000, 2003, 2007]), GroupTimeOptions())
    assert [(c.time, c.base) for c in cells] == [(1, 0), (2, 1)]


def test_cells_by_group():
    cohorts, groups = np.array([2004.0, 2004.0, 2005.0, np.nan]), np.array([0, 1, 1, -1])
    cells = plan_cells(cohorts, TIMES, GroupTimeOptions(), groups)
    assert sorted({(c.cohort, c.group) for c in cells}) == [(2004, 0), (2004, 1), (2005, 1)]
