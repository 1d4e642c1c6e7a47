"""Simulated staggered panels for the benchmark of group-time effects.

Needs NumPy and pandas only, so that the interpreters of all packages can read it. Cohorts are drawn from a multinomial
logit in ``x1``, ``x2`` and ``x3``, about a third of the units is never treated, untreated outcomes are parallel given the
covariates, effects grow after joining. The same case and seed give the same frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

COVARIATES = ("x1", "x2", "x3")
SEED = 20_210_225


@dataclass(frozen=True)
class Case:
    """What is simulated and what is asked of it.

    ``draws`` multiplier draws with simultaneous bands (0: analytic standard errors); ``varying`` covariates change from
    period to period; ``missing`` is the share of rows that are left out; ``shuffled`` rows come in random order.
    """

    units: int
    periods: int
    cohorts: int
    covariates: bool = True
    draws: int = 0
    control: str = "never_treated"
    varying: bool = False
    missing: float = 0.0
    shuffled: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Covariates that the estimator is given."""
        return COVARIATES if self.covariates else ()


CASES = {
    "A": Case(10_000, 10, 6, covariates=False),
    "B": Case(10_000, 10, 6),
    "C": Case(100_000, 15, 8),
    "C_boot": Case(100_000, 15, 8, draws=999),
    "D": Case(1_000_000, 10, 6),
    "E": Case(1_000_000, 10, 6, covariates=False),
}
BEYOND = {
    "notyet": Case(100_000, 15, 8, control="not_yet_treated"),
    "varying": Case(100_000, 15, 8, varying=True),
    "unbalanced": Case(100_000, 15, 8, missing=0.1),
    "shuffled": Case(100_000, 15, 8, shuffled=True),
    "n100k": Case(100_000, 10, 6),
    "n200k": Case(200_000, 10, 6),
    "n400k": Case(400_000, 10, 6),
}


def simulate(case: Case, seed: int = SEED) -> pd.DataFrame:
    """Long frame with ``unit``, ``time``, ``cohort`` (0 = never), ``y`` and the covariates that the case uses."""
    rng = np.random.default_rng(seed)
    shape = (case.units, case.periods)
    x = rng.standard_normal((case.units, 3))
    cohort = _cohorts(rng, x, case)
    values = np.repeat(x[:, None, :], case.periods, axis=1)
    if case.varying:
        values += 0.3 * rng.standard_normal(values.shape)
    time = np.arange(1, case.periods + 1)
    y = rng.standard_normal((case.units, 1)) + 0.1 * time + rng.standard_normal(shape)
    y += 0.1 * time * (values @ np.array([0.5, -0.3, 0.2]))
    since = time - cohort[:, None]
    y += np.where((cohort[:, None] > 0) & (since >= 0), 0.5 + 0.1 * since, 0.0)
    columns = {
        "unit": np.repeat(np.arange(case.units), case.periods),
        "time": np.tile(time, case.units),
        "cohort": np.repeat(cohort, case.periods),
        "y": y.ravel(),
    }
    columns |= {name: values[:, :, k].ravel() for k, name in enumerate(COVARIATES) if case.covariates}
    return _rows(rng, pd.DataFrame(columns), case)


def _cohorts(rng: np.random.Generator, x: np.ndarray, case: Case) -> np.ndarray:
    """First treated period by the largest of utilities with Gumbel noise; the last periods are cohorts."""
    slopes = 0.4 * np.sin(np.arange(1, 3 * case.cohorts + 1)).reshape(3, case.cohorts)
    utility = np.column_stack([np.full(case.units, np.log(case.cohorts / 2)), x @ slopes])
    choice = (utility + rng.gumbel(size=utility.shape)).argmax(axis=1)
    return np.where(choice > 0, case.periods - case.cohorts + choice, 0)


def _rows(rng: np.random.Generator, frame: pd.DataFrame, case: Case) -> pd.DataFrame:
    if case.missing:
        frame = frame[rng.random(len(frame)) >= case.missing]
    if case.shuffled:
        frame = frame.iloc[rng.permutation(len(frame))]
    return frame.reset_index(drop=True)
