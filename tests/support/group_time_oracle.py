"""A slow textbook version of the group-time estimator: one loop per cell, statsmodels inside, formulas as printed.

Nothing here is shared with the library: weights, normal equations and influence functions are written out once more
from Sant'Anna & Zhao (2020), theorem 1 and its analogues, and Callaway & Sant'Anna (2021), section 4.
"""

import numpy as np
import statsmodels.api as sm


def two_periods(change, treated, covariates, method):
    """Estimate and influence function (per unit of the cell) of a comparison of two periods."""
    m = len(change)
    x = np.column_stack([np.ones(m), covariates])
    d = treated.astype(float)
    line = sm.OLS(change[~treated], x[~treated]).fit()
    score = np.full(m, d.mean())
    if covariates.shape[1]:
        score = sm.Logit(d, x).fit(disp=0, method="newton", maxiter=200, tol=1e-14).predict(x)
    fitted = np.zeros(m) if method == "ipw" else x @ line.params
    beta_rep = ((1 - d) * (change - x @ line.params))[:, None] * x @ np.linalg.inv((x.T * (1 - d)) @ x / m)
    gamma_rep = (d - score)[:, None] * x @ np.linalg.inv((x.T * (score * (1 - score))) @ x / m)
    w1 = d
    w0 = np.where(score < 0.995, score * (1 - d) / (1 - score), 0.0)
    rest = change - fitted
    eta1, eta0 = (w1 * rest).mean() / w1.mean(), (w0 * rest).mean() / w0.mean()
    m1, m0 = (w1[:, None] * x).mean(axis=0), (w0[:, None] * x).mean(axis=0)
    inside = (w0 * (rest - eta0))[:, None] * x
    psi1 = w1 * (rest - eta1) - (beta_rep @ m1 if method != "ipw" else 0.0)
    psi0 = w0 * (rest - eta0) + gamma_rep @ inside.mean(axis=0) - (beta_rep @ m0 if method == "dr" else 0.0)
    if method == "reg":
        return eta1, psi1 / w1.mean()
    return eta1 - eta0, psi1 / w1.mean() - psi0 / w0.mean()


def base_index(times, cohort, t, base_period, anticipation):
    before = [i for i, year in enumerate(times) if year < cohort - anticipation]
    if base_period == "varying" and times[t] < cohort - anticipation:
        return t - 1
    return before[-1]


def group_time(
    y,
    cohorts,
    times,
    x=None,
    *,
    method="dr",
    control="not_yet_treated",
    base_period="varying",
    anticipation=0,
    covariate_period="base",
):
    """Cells (cohort, period), estimates and influence matrix; complete pairs, covariates of the base period."""
    n = len(y)
    x = np.zeros((n, len(times), 0)) if x is None else x
    never = np.array([np.isnan(g) or g > times[-1] + anticipation for g in cohorts])
    shown = sorted({int(g) for g in cohorts if times[0] + anticipation < g <= times[-1]})
    cells, estimates, columns = [], [], []
    for g in shown:
        for t in range(1 if base_period == "varying" else 0, len(times)):
            b = base_index(times, g, t, base_period, anticipation)
            cells.append((g, int(times[t])))
            if b == t:
                estimates.append(0.0)
                columns.append(np.zeros(n))
                continue
            late = max(times[t], times[b]) + anticipation
            other = never if control == "never_treated" else never | ((cohorts > late) & (cohorts != g))
            source = x[:, min(b, t) if covariate_period == "earlier" else b]
            own = cohorts == g
            rows = [i for i in range(n) if (own[i] or other[i]) and np.isfinite([y[i, t], y[i, b], *source[i]]).all()]
            att, psi = two_periods((y[:, t] - y[:, b])[rows], own[rows], source[rows], method)
            column = np.zeros(n)
            column[rows] = psi * n / len(rows)
            estimates.append(att)
            columns.append(column)
    return cells, np.array(estimates), np.column_stack(columns)


def weighted_mean(chosen, cells, estimates, influence, cohorts):
    """Mean of cells weighted by cohort size, with the extra terms for P(G = g) written out cell by cell."""
    n = len(cohorts)
    share = {g: np.mean(cohorts == g) for g, _ in cells}
    total = sum(share[cells[c][0]] for c in chosen)
    value = sum(share[cells[c][0]] / total * estimates[c] for c in chosen)
    psi = np.zeros(n)
    for c in chosen:
        g = cells[c][0]
        weight_error = (1.0 * (cohorts == g) - share[g]) / total
        weight_error -= share[g] / total**2 * sum(1.0 * (cohorts == cells[k][0]) - share[cells[k][0]] for k in chosen)
        psi += share[g] / total * influence[:, c] + estimates[c] * weight_error
    return value, np.sqrt(np.sum(psi**2)) / n
