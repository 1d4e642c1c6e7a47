"""Small matching tasks and their optimum by integer programming."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from clustereffects.matching.tasks import Points, Task


def _table(values, n, columns):
    table = np.zeros((n, columns)) if values is None else np.asarray(values)
    return table if table.ndim == 2 else table.reshape(n, 1)


def points(unit, z, *, strata=None, forbid=None, bound=None):
    n = len(unit)
    z = _table(z, n, 1).astype(float)
    strata, forbid, bound = _table(strata, n, 1), _table(forbid, n, 0), _table(bound, n, 0)
    return Points(
        np.asarray(unit, np.int64), z, z[:, 0].copy(), strata.astype(np.int64), forbid.astype(np.int64), bound * 1.0
    )


def task(treated, control, *, wanted=1, rung=0, caliper=np.inf, width=1.0):
    n = len(treated.unit)
    numbers = [np.broadcast_to(np.asarray(x, np.int64), n).copy() for x in (rung, wanted)]
    return Task(treated, control, caliper, np.full(treated.bound.shape[1], width), *numbers, np.arange(n))


def random_tasks(seed, n_tasks=3, pool=30):
    """Tasks that share units, with gaps, ties, strata on two rungs, codes that must differ and bounded values."""
    rng = np.random.default_rng(seed)
    rank, rungs, strata, decimals = rng.integers(1, 4), rng.integers(1, 3), rng.integers(1, 3), rng.integers(0, 3)
    n_forbid, n_bound = rng.integers(0, 2, 2)

    def side(unit):
        n = len(unit)
        return points(
            unit,
            rng.normal(size=(n, rank)).round(decimals),
            strata=rng.integers(-1, strata, (n, rungs)),
            forbid=rng.integers(-1, 3, (n, n_forbid)),
            bound=rng.normal(size=(n, n_bound)),
        )

    def one():
        treated, control = rng.integers(1, 6), rng.integers(1, pool)
        return task(
            side(1000 + np.arange(treated)),
            side(np.sort(rng.choice(pool, control, replace=False))),
            wanted=rng.integers(1, 5, treated),
            rung=rng.integers(0, rungs, treated),
            caliper=rng.choice([np.inf, 1.5]),
        )

    return [one() for _ in range(rng.integers(1, n_tasks + 1))]


def permuted(one, seed):
    """The same task with its treated units and its candidates in another order, and renamed to fit."""
    rng = np.random.default_rng(seed)
    turn, other = rng.permutation(len(one.treated.unit)), rng.permutation(len(one.control.unit))
    sides = [
        Points(p.unit, *(x[order] for x in (p.z, p.line, p.strata, p.forbid, p.bound)))
        for p, order in ((one.treated, turn), (one.control, other))
    ]
    return Task(*sides, one.caliper, one.widths, one.rung[turn], one.wanted[turn], one.turn)


def admissible(tasks):
    """(task, treated, control, unit, distance) of all pairs that break no rule, literally."""
    return [
        (s, i, j, int(one.control.unit[j]), distance)
        for s, one in enumerate(tasks)
        for i in range(len(one.treated.unit))
        for j in range(len(one.control.unit))
        if (distance := _distance(one, i, j)) <= min(one.caliper, 1e300)
    ]


def _distance(one, i, j):
    treated, control, rung = one.treated, one.control, one.rung[i]
    same = treated.strata[i, rung] == control.strata[j, rung] >= 0
    barred = ((treated.forbid[i] == control.forbid[j]) & (treated.forbid[i] >= 0)).any()
    near = (np.abs(treated.bound[i] - control.bound[j]) <= one.widths).all()
    return np.sqrt(((treated.z[i] - control.z[j]) ** 2).sum()) if same and near and not barred else np.inf


def _solved(cost, rows, lower, upper):
    limits = LinearConstraint(np.array(rows, float), lower, upper)
    found = milp(cost, constraints=limits, integrality=np.ones(len(cost)), bounds=Bounds(0, 1))
    return cost @ found.x.round()


def best_pairs(tasks, reuse):
    """Largest number of pairs and the smallest total distance of so many."""
    pairs = admissible(tasks)
    if not pairs:
        return 0, 0.0
    wants = sorted({pair[:2] for pair in pairs})
    units = sorted({pair[3] for pair in pairs})
    rows = [[pair[:2] == want for pair in pairs] for want in wants]
    rows += [[pair[3] == unit for pair in pairs] for unit in units]
    upper = [tasks[s].wanted[i] for s, i in wants] + [reuse] * len(units)
    number = round(-_solved(-np.ones(len(pairs)), rows, -np.inf, upper))
    lower = [-np.inf] * len(rows) + [number]
    cost = np.array([pair[4] for pair in pairs])
    return number, _solved(cost, [*rows, np.ones(len(pairs))], lower, [*upper, number])


def best_cover(one):
    """Smallest total distance of pairs in which every unit with an admissible partner occurs."""
    pairs = admissible([one])
    if not pairs:
        return 0.0
    rows = [[pair[k] == row for pair in pairs] for k in (1, 2) for row in sorted({pair[k] for pair in pairs})]
    return _solved(np.array([pair[4] for pair in pairs]), rows, 1, np.inf)


def best_limited_cover(one, most_controls, most_treated):
    """Most units in sets of limited size and the smallest total distance of so many."""
    pairs = admissible([one])
    if not pairs:
        return 0, 0.0
    units = [(k, row) for k in (1, 2) for row in sorted({pair[k] for pair in pairs})]
    limit = [len(pairs) if most is None else most for most in (most_controls, most_treated)]
    incidence = np.array([[pair[k] == row for pair in pairs] for k, row in units], float)
    covered = np.hstack([incidence, -np.eye(len(units))])
    capped = np.hstack([incidence, np.zeros((len(units), len(units)))])
    count = np.concatenate([np.zeros(len(pairs)), np.ones(len(units))])
    lower, upper = (
        np.repeat([0, -np.inf], len(units)),
        np.concatenate([[np.inf] * len(units), [limit[k - 1] for k, _ in units]]),
    )
    rows = np.vstack([covered, capped])
    number = round(-_solved(-count, rows, lower, upper))
    cost = np.concatenate([[pair[4] for pair in pairs], np.zeros(len(units))])
    return number, _solved(cost, np.vstack([rows, count]), np.append(lower, number), np.append(upper, number))


def total_of_sets(grouped):
    """Sum of the distances of all pairs within the sets of a full matching."""
    return float((grouped.distance * np.bincount(grouped.treated_set)[grouped.control_set]).sum())
