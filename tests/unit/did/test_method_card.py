"""The equations of the method card, written out once more, give the estimates and the influence function."""

import numpy as np
import pytest
from scipy import optimize, special

import clustereffects as ce

COHORT, TIME, BASE = 2006, 2007, 2005


def _score(method, x, treated, compared):
    """Scores whose score equations, or whose balance, are those of the card."""

    def logit(gamma):
        both = treated | compared
        return x[both].T @ (treated[both] - special.expit(x[both] @ gamma))

    def balance(gamma):
        return x[compared].T @ np.exp(x[compared] @ gamma) - x[treated].sum(axis=0)

    found = optimize.root(balance if method == "dr_improved" else logit, [-1.0, 0.0], tol=1e-13)
    return special.expit(x @ found.x)


def _card(method, wide, x, treated, compared):
    """Estimate and influence of one cell; ``wide`` holds its base and its current period."""
    n, p = len(x), _score(method, x, treated, compared)
    odds = np.zeros(n) if method == "reg" else np.where(compared, p / (1 - p), 0.0)
    v = (odds if method == "dr_improved" else np.ones(n))[compared]
    regressors = x[:, :1] if method == "ipw" else x
    chosen = regressors[compared]
    beta = np.linalg.solve(chosen.T @ (v[:, None] * chosen), chosen.T @ (v[:, None] * wide[compared]))
    r = np.diff(wide - regressors @ beta, axis=1).ravel()
    own, other = treated.sum(), odds.sum() or 1.0
    first, second = r[treated].sum() / own, odds @ r / other
    eta, kappa = np.zeros(2), np.zeros(2)
    if method in {"dr", "ipw"}:
        information = (p * (1 - p) * (treated | compared))[:, None] * x
        eta = np.linalg.solve(information.T @ x, x.T @ (odds * (r - second)) / other)
    if method in {"dr", "reg"}:
        gap = x[treated].mean(axis=0) - x.T @ odds / other
        kappa = np.linalg.solve(x[compared].T @ x[compared], gap)
    psi = np.where(treated, (r - first) / own - (1 - p) * (x @ eta), 0.0)
    psi += compared * (-odds * (r - second) / other + p * (x @ eta) - r * (x @ kappa))
    return first - second, n * psi


@pytest.mark.parametrize("method", ["dr", "dr_improved", "ipw", "reg"])
def test_equations_as_implemented(method):
    panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    effects = ce.GroupTimeDiD(covariates="lpop", method=method).fit(panel, "lemp")
    cell = effects.labels.index.get_loc(f"ATT({COHORT}, {TIME})")
    wide = panel.wide("lemp")[:, [panel.times.tolist().index(year) for year in (BASE, TIME)]]
    x = np.column_stack([np.ones(len(wide)), panel.wide("lpop")[:, 0]])
    compared = np.isnan(panel.cohorts) | (panel.cohorts > TIME)
    estimate, psi = _card(method, wide, x, panel.cohorts == COHORT, compared)
    np.testing.assert_allclose(effects.estimate[cell], estimate, rtol=1e-10)
    np.testing.assert_allclose(effects.influence[effects.units.get_indexer(panel.units), cell], psi, atol=1e-10)
    np.testing.assert_allclose(effects.std_errors.iloc[cell], np.sqrt(psi @ psi) / len(psi), rtol=1e-10)
