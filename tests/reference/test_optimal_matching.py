"""Optimal and full matching against optmatch through MatchIt; see the README of optimal_matching."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import coo_array

from clustereffects.matching.full import match_full
from clustereffects.matching.optimal import match_optimal
from support.matching_tasks import points, task, total_of_sets

HERE = Path(__file__).parent
MATCHIT = json.loads((HERE / "optimal_matching" / "matchit.json").read_text(encoding="utf-8"))
TREATED = pd.read_csv(HERE / "matching_lalonde" / "data.csv")["treat"].to_numpy() == 1
SCORE = np.array(MATCHIT["distance"])
DISTANCE = np.abs(SCORE[TREATED][:, None] - SCORE[~TREATED])
OPTMATCH_TOLERANCE = 1e-3
OPTIMUM = {"optimal": 39.692798721, "optimal_ratio2": 136.547456141, "full": 2.141616234}


def _stored(case):
    """Objective of the stored sets and the number of subjects in them."""
    code = np.array([-1 if code is None else code for code in MATCHIT["cases"][case]["subclass"]])
    pairs = (code[TREATED][:, None] == code[~TREATED]) & (code[TREATED][:, None] >= 0)
    return DISTANCE[pairs].sum(), int((code >= 0).sum())


def _lalonde(wanted=1):
    rows = np.arange(len(SCORE))
    sides = (points(rows[side], SCORE[side]) for side in (TREATED, ~TREATED))
    return task(*sides, wanted=wanted)


def _check(case, ours, independent):
    stored, subjects = _stored(case)
    np.testing.assert_allclose(ours, independent, rtol=1e-9)
    np.testing.assert_allclose(ours, OPTIMUM[case], atol=1e-9)
    assert 0.0 <= stored - ours <= OPTMATCH_TOLERANCE * subjects


@pytest.mark.parametrize(("case", "wanted"), [("optimal", 1), ("optimal_ratio2", 2)])
def test_total_distance_of_optimal_matching(case, wanted):
    chosen = match_optimal([_lalonde(wanted)], reuse=1)
    assert len(chosen.task) == wanted * TREATED.sum()
    cost = np.repeat(DISTANCE, wanted, axis=0)
    _check(case, chosen.distance.sum(), cost[linear_sum_assignment(cost)].sum())


def test_total_distance_of_full_matching():
    n, m = DISTANCE.shape
    i, j = np.divmod(np.arange(n * m), m)
    rows, columns = np.concatenate([i, n + j]), np.tile(np.arange(n * m), 2)
    covered = coo_array((np.ones(2 * n * m), (rows, columns)), shape=(n + m, n * m)).tocsr()
    found = linprog(DISTANCE.ravel(), A_ub=-covered, b_ub=-np.ones(n + m), bounds=(0, 1))
    grouped = match_full(_lalonde())
    assert len(grouped.treated) + len(grouped.control) == len(SCORE)
    _check("full", total_of_sets(grouped), found.fun)
