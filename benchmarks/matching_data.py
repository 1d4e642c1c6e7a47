"""Simulated registers and panels for the benchmark of matching.

Needs NumPy and pandas only, so that the interpreters of all packages can read it. ``register``: one row per firm, 500 of
which are treated, 40 industries of very unequal size and three size classes, six covariates on which treated firms are
0.03 to 0.63 standard deviations ahead. ``panel``: firms over years, of which a few hundred join in different years;
untreated outcomes are parallel, the effect is 0.10 from joining on. The same case gives the same frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

COVARIATES = ("log_turnover", "log_productivity", "age", "growth", "export_share", "log_wage")
STRATA = ("industry", "size")
INDUSTRIES, SIZES = 40, 3
EFFECT = 0.10
SEED = 20_261_123


@dataclass(frozen=True)
class Case:
    """What is simulated and what is asked of it.

    ``firms`` are candidates in a register and all firms in a panel; in a panel ``treated`` of them join in years
    ``first_cohort`` to ``last_cohort``.
    """

    task: str
    firms: int
    treated: int = 500
    years: int = 1
    first_cohort: int = 0
    last_cohort: int = 0
    ratio: int = 5
    caliper: float = 0.2

    @property
    def folder(self) -> str:
        """Name of the data, which several tasks share."""
        kind = f"panel_{self.years}_{self.first_cohort}_{self.last_cohort}" if self.years > 1 else "register"
        return f"{kind}_{self.firms}_{self.treated}"


SIZED = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
TASKS = ("propensity", "caliper", "mahalanobis", "optimal", "balance")
CASES = {f"{task}_{size}": Case(task, firms) for task in TASKS for size, firms in SIZED.items()}
CASES["free_100k"] = Case("free", 100_000)
for _size, _firms in SIZED.items():
    CASES[f"cohorts_{_size}"] = Case("cohorts", _firms, years=12, first_cohort=5, last_cohort=9)
# The first of these twelve cohorts joins in the third year and has no third lag: its members end among the unmatched.
CASES["programme"] = Case("programme", 300_000, treated=700, years=14, first_cohort=3, last_cohort=14)


def simulate(case: Case, seed: int = SEED) -> pd.DataFrame:
    """Frame of the case."""
    rng = np.random.default_rng(seed)
    return _panel(rng, case) if case.years > 1 else _register(rng, case)


def _register(rng: np.random.Generator, case: Case) -> pd.DataFrame:
    n = case.firms + case.treated
    treated = np.zeros(n, dtype=bool)
    treated[rng.choice(n, size=case.treated, replace=False)] = True
    industry, size = _strata(rng, treated)
    common = rng.standard_normal(n)
    noise = rng.standard_normal((len(COVARIATES), n))
    loading = np.array([0.6, 0.5, 0.2, 0.1, 0.3, 0.5])[:, None]
    shift = np.array([0.15, 0.30, 0.03, 0.20, 0.63, 0.25])[:, None]
    x = loading * common + np.sqrt(1 - loading**2) * noise + shift * treated
    columns = {
        "firm": np.arange(n),
        "treated": treated.astype(np.int64),
        "industry": industry,
        "size": size,
        "log_turnover": 9.0 + 1.2 * size + 1.1 * x[0],
        "log_productivity": 6.4 + 0.4 * x[1],
        "age": np.ceil(15 * np.exp(0.7 * x[2])),
        "growth": 0.02 + 0.12 * x[3],
        "export_share": np.clip(0.15 + 0.2 * x[4], 0.0, 1.0),
        "log_wage": 5.9 + 0.25 * x[5],
    }
    columns["later_growth"] = EFFECT * treated + 0.05 * x[1] + 0.2 * columns["growth"] + 0.1 * rng.standard_normal(n)
    return pd.DataFrame(columns)


def _strata(rng: np.random.Generator, treated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Industry and size class: most firms are small and in few industries, treated firms are larger."""
    rank = np.arange(1.0, INDUSTRIES + 1)
    where = {False: rank**-1 / (rank**-1).sum(), True: rank**-1.5 / (rank**-1.5).sum()}
    sizes = {False: (0.60, 0.33, 0.07), True: (0.20, 0.40, 0.40)}
    industry, size = np.empty((2, len(treated)), dtype=np.int64)
    for side, p in where.items():
        rows = treated == side
        industry[rows] = rng.choice(INDUSTRIES, size=rows.sum(), p=p)
        size[rows] = rng.choice(SIZES, size=rows.sum(), p=sizes[side])
    return industry, size


def _panel(rng: np.random.Generator, case: Case) -> pd.DataFrame:
    """Outcomes with a level of the firm, on which joining depends, and shocks that fade by three tenths a year."""
    n, years = case.firms, case.years
    treated = np.zeros(n, dtype=bool)
    treated[rng.choice(n, size=case.treated, replace=False)] = True
    joining = np.arange(case.first_cohort, case.last_cohort + 1)
    cohort = np.full(n, np.nan)
    cohort[treated] = rng.permutation(np.resize(joining, case.treated))
    industry, size = _strata(rng, treated)
    level = rng.standard_normal(n) + 0.5 * treated
    time = np.arange(1, years + 1)
    since = time - cohort[:, None]
    y = 8.0 + level[:, None] + 0.02 * time + _shocks(rng, n, years, 0.3) + np.where(since >= 0, EFFECT, 0.0)
    productivity = 6.4 + 0.3 * level[:, None] + _shocks(rng, n, years, 0.2)
    founded = np.ceil(15 * np.exp(0.7 * rng.standard_normal(n) + 0.1 * treated))
    columns = {
        "firm": np.repeat(np.arange(n), years),
        "year": np.tile(time, n),
        "cohort": np.repeat(cohort, years),
        "industry": np.repeat(industry, years),
        "size": np.repeat(size, years),
        "y": y.ravel(),
        "productivity": productivity.ravel(),
        "age": (founded[:, None] + time).ravel(),
    }
    return pd.DataFrame(columns)


def _shocks(rng: np.random.Generator, n: int, years: int, scale: float) -> np.ndarray:
    """Stationary first-order autoregressions with coefficient 0.7."""
    shocks = scale * rng.standard_normal((n, years))
    for t in range(1, years):
        shocks[:, t] = 0.7 * shocks[:, t - 1] + np.sqrt(1 - 0.7**2) * shocks[:, t]
    return shocks
