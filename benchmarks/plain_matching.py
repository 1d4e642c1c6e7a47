"""Matching in plain NumPy and SciPy: the rules of MatchIt's nearest neighbours, and tasks that compare machines.

No validation, no options, no result: what is left of the work when a library is taken away. The pairs are a check on those
of the packages, the times say what a library costs beside them. ``component`` has the tasks that put figures measured on
another machine (``MATCHIT``) on the scale of this one: their times there are in ``ELSEWHERE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from matching_data import COVARIATES, STRATA, Case
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

Array = np.ndarray
# CPU seconds at a million controls on the machine on which MatchIt was measured (AMD EPYC, two cores shared with other
# work, one thread, November 2026): only tasks whose time is a library's or leaves no choice of algorithm.
ELSEWHERE = {
    "logit_numpy": 0.40,
    "logit_statsmodels": 1.13,
    "logit_sklearn": 0.83,
    "tree": 0.57,
    "tree_by_stratum": 0.44,
    "optimal": 0.60,
    "balance": 1.31,
}
# MatchIt 4.7.2 on that machine: CPU seconds, and peak memory of the whole process in MB where it was recorded.
MATCHIT = {
    "propensity_10k": (0.057, 134),
    "propensity_100k": (0.53, 186),
    "propensity_1m": (4.74, 943),
    "caliper_10k": (0.14, 153),
    "caliper_100k": (1.49, 210),
    "caliper_1m": (15.8, 1131),
    "mahalanobis_10k": (0.16, 130),
    "mahalanobis_100k": (1.69, 157),
    "mahalanobis_1m": (18.8, 732),
    "free_100k": (63.5, None),
    "optimal_10k": (9.5, 470),
    "balance_100k": (2.4, None),
    "balance_1m": (24.3, 1018),
}


def arrays(frame: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Covariates, treatment, stratum."""
    stratum = frame[STRATA[0]].to_numpy() * 1000 + frame[STRATA[1]].to_numpy()
    return frame[list(COVARIATES)].to_numpy(), frame["treated"].to_numpy() == 1, stratum


def logit(x: Array, treated: Array) -> Array:
    """Probabilities of a logit with an intercept, by Newton's method."""
    mean, sd = x.mean(0), x.std(0)
    design = np.column_stack([np.ones(len(x)), (x - mean) / sd])
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(treated.mean() / (1 - treated.mean()))
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ beta)))
        step = np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design, design.T @ (treated - p))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return 1 / (1 + np.exp(-(design @ beta)))


def whitened(x: Array, treated: Array) -> Array:
    """Coordinates in which the Euclidean distance is Mahalanobis's: covariance centred within groups, divisor n − 1."""
    centred = x - np.where(treated[:, None], x[treated].mean(0), x[~treated].mean(0))
    scatter = centred.T @ centred / (len(x) - 1)
    return x @ np.linalg.inv(np.linalg.cholesky(scatter)).T


def strata(treated: Array, stratum: Array) -> Iterator[tuple[Array, Array]]:
    """Rows of the treated and of the controls of every stratum that has both."""
    wanted = np.unique(stratum[treated])
    rows = np.flatnonzero(np.isin(stratum, wanted))
    rows = rows[np.argsort(stratum[rows], kind="stable")]
    for part in np.split(rows, np.flatnonzero(np.diff(stratum[rows])) + 1):
        t, c = part[treated[part]], part[~treated[part]]
        if len(t) and len(c):
            yield t, c


def nearest_score(score: Array, treated: Array, stratum: Array, ratio: int, width: float) -> list[tuple[int, int]]:
    """Nearest free control by score; rounds, largest score first, left of two that are equally near."""
    pairs = []
    for t, controls in strata(treated, stratum):
        c = controls[np.argsort(score[controls], kind="stable")]
        s, free = score[c], np.ones(len(c), dtype=bool)
        order = t[np.argsort(-score[t], kind="stable")]
        for _ in range(ratio):
            kept = []
            for i in order:
                right = np.searchsorted(s, score[i])
                left = right - 1
                while left >= 0 and not free[left]:
                    left -= 1
                while right < len(c) and not free[right]:
                    right += 1
                gaps = [score[i] - s[left] if left >= 0 else np.inf, s[right] - score[i] if right < len(c) else np.inf]
                best = left if gaps[0] <= gaps[1] else right
                if min(gaps) <= width:
                    free[best] = False
                    pairs.append((i, c[best]))
                    kept.append(i)
            order = kept
    return pairs


def nearest_points(
    z: Array, groups: Iterator[tuple[Array, Array]], ratio: int, score: Array | None = None, width: float = np.inf
) -> list[tuple[int, int]]:
    """Nearest free control by Euclidean distance; rounds; with a score, the largest first and within a caliper."""
    pairs = []
    for t, c in groups:
        order = t if score is None else t[np.argsort(-score[t], kind="stable")]
        near = _nearest(z, order, c, ratio * len(t), score, width)
        pairs += rounds(dict(zip(order, near, strict=True)), len(z), ratio)
    return pairs


def rounds(near: dict[int, Array], units: int, ratio: int) -> list[tuple[int, int]]:
    """Everybody in turn takes the first free of its nearest, then everybody the next; who finds none is out."""
    pairs, free, seen = [], np.ones(units, dtype=bool), dict.fromkeys(near, 0)
    alive = list(near)
    for _ in range(ratio):
        kept = []
        for i in alive:
            while seen[i] < len(near[i]) and not free[near[i][seen[i]]]:
                seen[i] += 1
            if seen[i] < len(near[i]):
                free[near[i][seen[i]]] = False
                pairs.append((i, near[i][seen[i]]))
                kept.append(i)
        alive = kept
    return pairs


def _nearest(z: Array, t: Array, c: Array, number: int, score: Array | None, width: float) -> list[Array]:
    """As many controls of each treated unit as it can ever need, by distance."""
    near = []
    for block in np.array_split(t, -(-len(t) // 64)):
        for i, far in zip(block, _squares(z, block, c), strict=True):
            found = np.arange(len(c)) if score is None else np.flatnonzero(np.abs(score[c] - score[i]) <= width)
            if number < len(found):
                found = found[np.argpartition(far[found], number)[:number]]
            near.append(c[found[np.argsort(far[found], kind="stable")]])
    return near


def _squares(z: Array, t: Array, c: Array) -> Array:
    """Squared distances, without a part that is the same for all controls of a treated unit."""
    return (z[c] ** 2).sum(1) - 2 * (z[t] @ z[c].T)


def optimal(z: Array, treated: Array, stratum: Array, ratio: int) -> list[tuple[int, int]]:
    """Most pairs at least total distance in every stratum, among the ratio × treated nearest of each treated unit."""
    pairs = []
    for t, c in strata(treated, stratum):
        far = np.sqrt(np.maximum(_squares(z, t, c) + (z[t] ** 2).sum(1)[:, None], 0))
        number = ratio * len(t)
        keep = np.arange(len(c))
        if number < len(c):
            keep = np.unique(np.argpartition(far, number, axis=1)[:, :number])
        rows, columns = linear_sum_assignment(np.repeat(far[:, keep], ratio, axis=0))
        pairs += list(zip(t[rows // ratio], c[keep[columns]], strict=True))
    return pairs


def balance(x: Array, treated: Array, weights: Array) -> Array:
    """Standardised difference, variance ratio, mean and largest difference of distributions, before and after."""
    table = []
    for column in x.T:
        order = np.argsort(column, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(column[order])), len(order) - 1)
        sd = column[treated].std(ddof=1)
        for w in (np.ones(len(x)), weights):
            share = [np.where(side, w, 0) / w[side].sum() for side in (treated, ~treated)]
            means = [p @ column for p in share]
            spread = [(p @ (column - m) ** 2) / (1 - p @ p) for p, m in zip(share, means, strict=True)]
            gap = np.abs(np.cumsum((share[0] - share[1])[order])[ends])
            table.append([(means[0] - means[1]) / sd, spread[0] / spread[1], gap.mean(), gap.max()])
    return np.array(table)


def plain(task: str, frame: pd.DataFrame, ratio: int, caliper: float) -> list[tuple[int, int]]:
    """Pairs of a task of the benchmark."""
    x, treated, stratum = arrays(frame)
    if task in {"propensity", "caliper"}:
        score = logit(x, treated)
        width = caliper * score.std(ddof=1)
        if task == "propensity":
            return nearest_score(score, treated, stratum, ratio, width)
        return nearest_points(whitened(x, treated), strata(treated, stratum), ratio, score, width)
    z = whitened(x, treated)
    if task == "optimal":
        return optimal(z, treated, stratum, ratio)
    one = iter([(np.flatnonzero(treated), np.flatnonzero(~treated))])
    return nearest_points(z, one if task == "free" else strata(treated, stratum), ratio)


def plain_panel(frame: pd.DataFrame, case: Case, horizon: int) -> tuple[list[tuple[int, int]], dict[int, float]]:
    """Pairs of firms of a balanced panel, each control once over all cohorts, and mean effects from joining on."""
    wide = {name: frame[name].to_numpy().reshape(-1, case.years) for name in ("y", "productivity", "age")}
    firms = frame.iloc[:: case.years]
    cohort, stratum = firms["cohort"].to_numpy(), firms["industry"].to_numpy() * 1000 + firms["size"].to_numpy()
    near: dict[int, Array] = {}
    for g in range(max(case.first_cohort, 4), case.last_cohort + 1):
        treated = np.flatnonzero(cohort == g)
        pool = np.concatenate([treated, np.flatnonzero(~(cohort <= g + horizon))])
        lags = [wide[name][pool, g - 1 - lag] for name in ("y", "productivity") for lag in (1, 2, 3)]
        side = np.arange(len(pool)) < len(treated)
        z = whitened(np.column_stack([*lags, wide["age"][pool, g - 2]]), side)
        for t, c in strata(side, stratum[pool]):
            found = _nearest(z, t, c, case.ratio * case.treated, None, np.inf)
            near |= dict(zip(pool[t].tolist(), (pool[rows] for rows in found), strict=True))
    order = sorted(near, key=lambda i: (cohort[i], i))
    pairs = rounds({i: near[i] for i in order}, len(cohort), case.ratio)
    t, c = np.array(pairs).T
    share = 1 / np.bincount(t)[t]
    effects = {}
    for e in range(horizon + 1):
        seen = cohort[t] + e <= case.years
        now = cohort[t[seen]].astype(int) - 1
        change = [wide["y"][side[seen], now + e] - wide["y"][side[seen], now - 1] for side in (t, c)]
        effects[e] = float(np.average(change[0] - change[1], weights=share[seen]))
    return pairs, effects


def _by_statsmodels(x: Array, treated: Array) -> object:
    import statsmodels.api as sm

    return sm.Logit(treated.astype(float), sm.add_constant(x)).fit(disp=0)


def _by_sklearn(x: Array, treated: Array) -> object:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=np.inf, max_iter=1000).fit((x - x.mean(0)) / x.std(0), treated)


def _trees(z: Array, groups: Iterator[tuple[Array, Array]]) -> list[Array]:
    return [cKDTree(z[c]).query(z[t], k=min(5, len(c)))[0] for t, c in groups]


def component(name: str, frame: pd.DataFrame) -> Callable[[], object]:
    """One of the tasks of ``ELSEWHERE``, its inputs ready."""
    x, treated, stratum = arrays(frame)
    z = whitened(x, treated)
    weights = np.where(treated, 1.0, np.random.default_rng(1).exponential(size=len(x)))
    return {
        "logit_numpy": lambda: logit(x, treated),
        "logit_statsmodels": lambda: _by_statsmodels(x, treated),
        "logit_sklearn": lambda: _by_sklearn(x, treated),
        "tree": lambda: _trees(z, iter([(np.flatnonzero(treated), np.flatnonzero(~treated))])),
        "tree_by_stratum": lambda: _trees(z, strata(treated, stratum)),
        "optimal": lambda: optimal(z, treated, stratum, 5),
        "balance": lambda: balance(x, treated, weights),
    }[name]
