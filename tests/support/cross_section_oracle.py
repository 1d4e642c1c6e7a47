"""A slow textbook version of the estimators for two cross-sections and of group-time effects from them.

Nothing here is shared with the library: regressions and scores come from statsmodels and a root finder, the eight means
and every asymptotically linear representation are written out as in Sant'Anna & Zhao (2020), sections 2 and 3.

With ``drdid=True`` the two particulars of the R package DRDID 1.2.3 that move its last digits or its standard errors:
its logit stops when the deviance changes by less than 1e-8, and the doubly robust estimators add the error of the base
period's comparison regression with the wrong sign.
"""

import numpy as np
import statsmodels.api as sm
from scipy import optimize


def representation(score, hessian):
    """Rows of the asymptotically linear representation of an M-estimator, from its scores and mean Hessian."""
    return score @ np.linalg.inv(hessian)


def line(y, x, w):
    """Coefficients of a weighted regression on the rows with weight and their representation (m, k)."""
    rows = w > 0
    beta = sm.WLS(y[rows], x[rows], w[rows]).fit().params
    return beta, representation((w * (y - x @ beta))[:, None] * x, (w[:, None] * x).T @ x / len(y))


def logit(d, x, w, *, stopped=False):
    """Probabilities of a logit and the representation of its coefficients."""
    if stopped:
        p = stopped_logit(d, x, w)
    else:
        p = sm.GLM(d, x, sm.families.Binomial(), freq_weights=w).fit(tol=1e-15, maxiter=60).predict(x)
    return p, representation((w * (d - p))[:, None] * x, (x.T * (w * p * (1 - p))) @ x / len(d))


def stopped_logit(d, x, w):
    """Iteratively reweighted least squares as R starts and stops it: relative change of the deviance below 1e-8."""
    mu = (w * d + 0.5) / (w + 1)
    eta, old = np.log(mu / (1 - mu)), np.inf
    while True:
        p = 1 / (1 + np.exp(-eta))
        deviance = -2 * np.sum(w * np.log(np.where(d == 1, p, 1 - p)))
        if abs(deviance - old) / (abs(deviance) + 0.1) < 1e-8:
            return p
        old = deviance
        eta = x @ sm.WLS(eta + (d - p) / (p * (1 - p)), x, w * p * (1 - p)).fit().params


def calibrated(d, x, w):
    """Probabilities of the logit whose odds balance the covariates, by a root finder on these conditions."""
    start = np.zeros(x.shape[1])
    start[0] = np.log(np.sum(w * d) / np.sum(w * (1 - d)))

    def gap(g):
        return (w * (d - (1 - d) * np.exp(x @ g))) @ x / len(d)

    def slope(g):
        return -(x.T * (w * (1 - d) * np.exp(x @ g))) @ x / len(d)

    found = optimize.root(gap, start, jac=slope, tol=1e-14)
    assert np.abs(found.fun).max() < 1e-10
    return 1 / (1 + np.exp(-x @ found.x))


def mean(v, z):
    """Weighted mean and its influence function with known weights."""
    value = np.mean(v * z) / np.mean(v)
    return value, v * (z - value) / np.mean(v)


def moment(v, x):
    return (v @ x) / np.sum(v)


def two_cross_sections(y, treated, current, x, w, method, *, drdid=False):
    """Estimate and influence function per observation; ``x`` (m, k) with the constant."""
    d, t, w = treated * 1.0, current * 1.0, w / np.mean(w)
    improved = "improved" in method
    if method == "twfe":
        beta, rep = line(y, np.column_stack([x, d, t, d * t]), w)
        return beta[-1], rep[:, -1]
    if method == "reg":
        return regression(y, d, t, x, w)
    p, rep_p = (calibrated(d, x, w), None) if improved else logit(d, x, w, stopped=drdid)
    w1, w0 = w * d, np.where(p < 0.995, w * (1 - d) * p / (1 - p), 0.0)
    if method == "ipw_unnormalised":
        return horvitz_thompson(y, t, x, w, (w1, w0, rep_p))
    b1, rep1 = line(y, x, (w0 if improved else w * (1 - d)) * t)
    b0, rep0 = line(y, x, (w0 if improved else w * (1 - d)) * (1 - t))
    r = y if method == "ipw" else y - t * (x @ b1) - (1 - t) * (x @ b0)
    means = [mean(w1 * t, r), mean(w1 * (1 - t), r), mean(w0 * t, r), mean(w0 * (1 - t), r)]
    estimate = means[0][0] - means[1][0] - (means[2][0] - means[3][0])
    psi = means[0][1] - means[1][1] - (means[2][1] - means[3][1])
    if not improved:
        psi = psi - rep_p @ np.mean((means[2][1] - means[3][1])[:, None] * x, axis=0)
    if method.startswith("dr") and not improved:
        sign = -1.0 if drdid else 1.0
        psi = psi - rep1 @ (moment(w1 * t, x) - moment(w0 * t, x))
        psi = psi + sign * rep0 @ (moment(w1 * (1 - t), x) - moment(w0 * (1 - t), x))
    if method in {"dr", "dr_improved"}:
        gain, gain_psi = local_efficiency(y, t, x, w1, ((b1, rep1), (b0, rep0)), known=improved)
        return estimate + gain, psi + gain_psi
    return estimate, psi


def local_efficiency(y, t, x, w1, controls, *, known):
    """Mean predicted effect of all treated minus that of the treated of each period: what "dr" adds to "dr_simple"."""
    estimate, psi = 0.0, np.zeros(len(y))
    for period, (control, rep), plus in ((t, controls[0], 1.0), (1 - t, controls[1], -1.0)):
        beta, rep_own = line(y, x, w1 * period)
        every, some = mean(w1, x @ (beta - control)), mean(w1 * period, x @ (beta - control))
        estimate += plus * (every[0] - some[0])
        psi += plus * (every[1] - some[1])
        if not known:
            psi += plus * (rep_own - rep) @ (moment(w1, x) - moment(w1 * period, x))
    return estimate, psi


def regression(y, d, t, x, w):
    b1, rep1 = line(y, x, w * (1 - d) * t)
    b0, rep0 = line(y, x, w * (1 - d) * (1 - t))
    after, before, change = mean(w * d * t, y), mean(w * d * (1 - t), y), mean(w * d, x @ (b1 - b0))
    psi = after[1] - before[1] - change[1] - (rep1 - rep0) @ moment(w * d, x)
    return after[0] - before[0] - change[0], psi


def horvitz_thompson(y, t, x, w, weights):
    w1, w0, rep_p = weights
    share, mass = np.mean(w * t), np.mean(w1)
    z = (w1 - w0) * (t - share) / (share * (1 - share)) * y / mass
    estimate = np.mean(z)
    slope = np.mean((w1 - w0) * y * (-t / share**2 - (1 - t) / (1 - share) ** 2)) / mass
    by_score = np.mean((-w0 * (t - share) / (share * (1 - share)) * y / mass)[:, None] * x, axis=0)
    return estimate, z - w1 * estimate / mass + slope * w * (t - share) + rep_p @ by_score


def group_time(y, time, cohorts, units, times, x=None, w=None, *, options, drdid=False):
    """Cells (cohort, period), estimates, influence (n_units, c) and masses (n_units, c); rows without gaps."""
    control, method = options["control"], options["method"]
    base_period, anticipation = options.get("base_period", "varying"), options.get("anticipation", 0)
    n, w = units.max() + 1, np.ones(len(y)) if w is None else w
    x = np.ones((len(y), 1)) if x is None else np.column_stack([np.ones(len(y)), x])
    never = np.isnan(cohorts) | (cohorts > times[-1] + anticipation)
    cells, estimates, columns, masses = [], [], [], []
    for g in sorted({int(g) for g in cohorts if times[0] + anticipation < g <= times[-1]}):
        before = max(i for i, year in enumerate(times) if year < g - anticipation)
        for now in range(1 if base_period == "varying" else 0, len(times)):
            base = now - 1 if base_period == "varying" and times[now] < g - anticipation else before
            late = max(times[now], times[base]) + anticipation
            other = never if control == "never_treated" else never | ((cohorts > late) & (cohorts != g))
            rows = np.flatnonzero(((cohorts == g) | other) & ((time == now) | (time == base)))
            column, mass = np.zeros(n), np.zeros(n)
            estimate = 0.0
            if base != now:
                own, current = (cohorts == g)[rows], (time == now)[rows]
                plain = "reg" if x.shape[1] == 1 else method
                estimate, psi = two_cross_sections(y[rows], own, current, x[rows], w[rows], plain, drdid=drdid)
                np.add.at(column, units[rows], psi * n / len(rows))
            for unit in np.unique(units[cohorts == g]):
                mass[unit] = np.mean(w[units == unit])
            cells.append((g, int(times[now])))
            estimates.append(estimate)
            columns.append(column)
            masses.append(mass)
    return cells, np.array(estimates), np.column_stack(columns), np.column_stack(masses)


def weighted_mean(estimates, influence, masses):
    """Mean of effects weighted by their estimated masses, and its influence function, term by term."""
    share = masses.mean(axis=0)
    total = share.sum()
    value = np.sum(share / total * estimates)
    psi = np.zeros(len(masses))
    for c, estimate in enumerate(estimates):
        psi += share[c] / total * influence[:, c]
        psi += estimate * (masses[:, c] - share[c]) / total
        psi -= estimate * share[c] / total**2 * np.sum(masses - share, axis=1)
    return value, psi


def aggregations(cells, estimates, influence, masses):
    """Simple, dynamic, group and calendar means as R's aggte: {kind: (labels, values, influence columns, overall)}."""
    cells = np.array(cells)
    event = cells[:, 1] - cells[:, 0]
    after = event >= 0
    out = {"simple": weighted_mean(estimates[after], influence[:, after], masses[:, after])}
    for kind, key, chosen in (
        ("dynamic", event, np.ones_like(after)),
        ("group", cells[:, 0], after),
        ("calendar", cells[:, 1], after),
    ):
        labels = np.unique(key[chosen])
        parts = [
            weighted_mean(*(array[..., chosen & (key == label)] for array in (estimates, influence, masses)))
            for label in labels
        ]
        values, columns = np.array([v for v, _ in parts]), np.column_stack([psi for _, psi in parts])
        if kind == "group":
            first = [np.flatnonzero(cells[:, 0] == label)[0] for label in labels]
            overall = weighted_mean(values, columns, masses[:, first])
        else:
            late = labels >= 0
            overall = values[late].mean(), columns[:, late].mean(axis=1)
        out[kind] = labels, values, columns, overall
    return out
