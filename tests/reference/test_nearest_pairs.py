"""Pairs of the search on arrays against MatchIt 4.7.2 on the LaLonde data: every call of method "nearest"."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clustereffects.matching.distance import mahalanobis, robust_mahalanobis, scaled_euclidean
from clustereffects.matching.nearest import Points, Task, match_nearest, variable_ratio
from clustereffects.matching.propensity import logit, probit

HERE = Path(__file__).parent / "matching_lalonde"
MATCHIT = {
    name: case
    for file in ("matchit.json", "matchit_more.json")
    for name, case in json.loads((HERE / file).read_text(encoding="utf-8"))["cases"].items()
}
DATA = pd.read_csv(HERE / "data.csv")
IDS, TREATED = DATA["id"].to_numpy(), DATA["treat"].to_numpy() == 1
RACE = [DATA["race"] == level for level in ("black", "hispan", "white")]
NUMBERS = DATA[["age", "educ", "married", "nodegree", "re74", "re75"]].to_numpy(float)
X = np.column_stack([NUMBERS[:, :2], *RACE, NUMBERS[:, 2:]]).astype(float)
DESIGN = np.column_stack([np.ones(len(X)), X])
SOME = NUMBERS[:, [0, 4, 5]]
SAMPLING = 0.5 + np.arange(1, len(X) + 1) % 10 / 10

LOGIT = logit(DESIGN, TREATED)
P = LOGIT.probability
SD = P.std(ddof=1)
PROBIT = probit(DESIGN, TREATED).probability
WEIGHTED = logit(DESIGN, TREATED, weights=SAMPLING).probability

# MatchIt compares distances with all their rounding errors; a person two years older is then not as far as one two
# years younger. These are the units for which that decides, and those that want what they took.
TIED_BY_ROUNDING = {
    "nearest_mahalanobis": {"NSW89", "NSW96"},
    "nearest_mahvars_caliper": {"NSW60", "NSW68", "NSW89"},
}


def task(z, *, treated=TREATED, keep=None, strata=None, bound=(), widths=(), **options):
    z = z.reshape(len(X), -1)
    codes = np.zeros(len(X), np.int64) if strata is None else strata.cat.codes.to_numpy(np.int64)
    bounds = np.column_stack([np.empty((len(X), 0)), *bound])
    keep = np.ones(len(X), bool) if keep is None else keep

    def side(which):
        rows = np.flatnonzero(which & keep)
        none = np.empty((len(rows), 0), np.int64)
        return Points(rows, z[rows], z[rows, 0], codes[rows, None], none, bounds[rows])

    one = side(treated)
    n = len(one.unit)
    defaults = {
        "caliper": np.inf,
        "widths": np.asarray(widths, float),
        "rung": np.zeros(n, np.int64),
        "wanted": np.ones(n, np.int64),
        "turn": np.arange(n),
        "score": True,
    }
    return Task(one, side(~treated), **defaults | options)


def ordered(one, score, sign=-1.0):
    return replace(one, turn=np.argsort(sign * score[one.treated.unit].round(10), kind="stable"))


def wanting(one, number):
    return replace(one, wanted=np.full(len(one.turn), number))


def largest(score, **options):
    return ordered(task(score, **options), score)


def covariates(z, **options):
    return task(z, score=False, **options)


def _support():
    low, high = max(P[TREATED].min(), P[~TREATED].min()), min(P[TREATED].max(), P[~TREATED].max())
    return (low <= P) & (high >= P)


RACES = DATA["race"].astype("category")
ONCE, FREELY = {"reuse": 1}, {"reuse": None}
CASES = {
    "nearest": (largest(P), ONCE),
    "nearest_m.order_data": (task(P), ONCE),
    "nearest_m.order_largest": (largest(P), ONCE),
    "nearest_m.order_smallest": (ordered(task(P), P, 1.0), ONCE),
    "nearest_m.order_closest": (task(P), {"reuse": 1, "order": "closest"}),
    "nearest_m.order_farthest": (task(P), {"reuse": 1, "order": "farthest"}),
    "nearest_probit": (largest(PROBIT), ONCE),
    "nearest_linear_logit": (largest(LOGIT.linear), ONCE),
    "nearest_ratio2": (wanting(largest(P), 2), ONCE),
    "nearest_ratio3_replace": (wanting(largest(P), 3), FREELY),
    "nearest_replace": (largest(P), FREELY),
    "nearest_ratio2_var": (largest(P, wanted=variable_ratio(P, TREATED, mean=2, least=1, most=4)), ONCE),
    "nearest_caliper02": (largest(P, caliper=0.2 * SD), ONCE),
    "nearest_caliper005_raw": (largest(P, caliper=0.05), ONCE),
    "nearest_caliper_vars": (largest(P, caliper=0.2 * SD, bound=NUMBERS.T[:2], widths=(5, 2)), ONCE),
    "nearest_exact_race": (largest(P, strata=RACES), ONCE),
    "nearest_exact_race_caliper": (wanting(largest(P, strata=RACES, caliper=0.2 * SD), 2), FREELY),
    "nearest_discard_both": (largest(P, keep=_support()), ONCE),
    "nearest_mahalanobis": (covariates(mahalanobis(X, TREATED).of(X)), ONCE),
    "nearest_robust_mahalanobis": (covariates(robust_mahalanobis(X).of(X)), ONCE),
    "nearest_scaled_euclidean": (covariates(scaled_euclidean(X, TREATED).of(X)), ONCE),
    "nearest_mahvars_caliper": (
        ordered(covariates(mahalanobis(SOME, TREATED).of(SOME), bound=[P], widths=(0.2 * SD,)), P),
        ONCE,
    ),
    "nearest_ATC": (task(P, treated=~TREATED), FREELY),
    "nearest_sweights": (largest(WEIGHTED), ONCE),
}


def test_every_call_is_compared():
    assert set(CASES) == set(MATCHIT)


def _pairs(case):
    one, options = CASES[case]
    chosen = match_nearest([one], **options)
    found = {}
    for treated, control in zip(one.treated.unit[chosen.treated], one.control.unit[chosen.control], strict=True):
        found.setdefault(IDS[treated], []).append(IDS[control])
    return found


@pytest.mark.parametrize("case", sorted(set(CASES) - set(TIED_BY_ROUNDING)))
def test_pairs_are_those_of_matchit(case):
    found, expected = _pairs(case), MATCHIT[case]["pairs"]
    assert {unit: sorted(controls) for unit, controls in found.items()} == {
        unit: sorted(controls) for unit, controls in expected.items()
    }


@pytest.mark.parametrize("case", sorted(TIED_BY_ROUNDING))
def test_pairs_are_those_of_matchit_but_for_ties_that_it_settles_by_rounding(case):
    found, expected = _pairs(case), MATCHIT[case]["pairs"]
    assert set(found) == set(expected)
    assert {unit for unit in expected if found[unit] != expected[unit]} == TIED_BY_ROUNDING[case]
    one, _ = CASES[case]
    place = {unit: row for row, unit in enumerate(IDS[one.control.unit])}
    taken = np.zeros(len(place), bool)
    for row in one.turn:
        unit = IDS[one.treated.unit[row]]
        if unit not in expected:
            continue
        distance = np.sqrt(((one.control.z - one.treated.z[row]) ** 2).sum(axis=1))
        open_to = ~taken & (np.abs(one.control.bound - one.treated.bound[row]) <= one.widths).all(axis=1)
        (control,) = expected[unit]
        np.testing.assert_allclose(distance[place[control]], distance[open_to].min(), rtol=1e-9, atol=1e-9)
        taken[place[control]] = True


@pytest.mark.parametrize(
    ("case", "ours", "tolerance"),
    # R's glm stops when the deviance changes by less than 1e-8. For a probit, whose Fisher scoring approaches the
    # maximum linearly, that is 1.1e-6 away from it; the unit tests compare ours with a converged one.
    [("nearest_probit", PROBIT, 2e-6), ("nearest_sweights", WEIGHTED, 5e-8)],
)
def test_propensity_is_that_of_glm(case, ours, tolerance):
    expected = MATCHIT[case]["distance"]
    np.testing.assert_allclose(ours, [expected[unit] for unit in IDS], rtol=0, atol=tolerance)


def test_no_pair_is_farther_than_a_caliper_on_a_covariate():
    """The twelve persons of MatchIt issue 236: a caliper of 10 years, and MatchIt 4.7.2 pairs ages 26 and 55."""
    group = np.array([8, 6, 3, 7, 6, 1, 10, 5, 4, 8, 2, 9])
    age = np.array([26, 72, 77, 61, 78, 45, 37, 80, 27, 55, 8, 82], float)
    x = np.column_stack([age, [25, 38, 20, 57, 20, 38, 29, 29, 44, 39, 20, 20]])
    z = mahalanobis(x, np.arange(12) < 4).of(x)

    def side(rows):
        none = np.empty((len(rows), 0), np.int64)
        return Points(rows, z[rows], z[rows, 0], group[rows, None], none, age[rows, None])

    zero = np.zeros(4, np.int64)
    one = Task(side(np.arange(4)), side(np.arange(4, 12)), np.inf, np.array([10.0]), zero, zero + 4, np.arange(4))
    chosen = match_nearest([one], reuse=1)
    assert list(zip(age[:4][chosen.treated], age[4:][chosen.control], strict=True)) == [(72, 78)]
