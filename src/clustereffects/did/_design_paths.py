"""From a panel and a way of matching to the outcome paths of treated units and of those like them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.data import Panel
from clustereffects.did.path_moments import CohortPaths
from clustereffects.matching import Matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """What outcome paths are read from."""

    panel: Panel
    matching: Matching
    outcome: str
    periods: int
    horizon: int

    def cohorts(self) -> Iterator[CohortPaths]:
        """Treated units and candidates of every cohort that is seen so many periods before joining."""
        panel, outcome = self.panel, self.panel.wide(self.outcome)
        exact = [panel.wide_codes(column) for column in self.matching.exact]
        values = [
            (panel.wide(column), lag) for column, lags in own_lags(self.matching, self.outcome).items() for lag in lags
        ]
        excluded = self._excluded()
        for cohort in np.unique(panel.cohorts[np.isfinite(panel.cohorts)]).astype(np.int64):
            if cohort - self.periods < panel.times[0]:
                continue
            treated = panel.cohorts == cohort
            rows = np.flatnonzero(treated | (self._later(cohort) & ~excluded))
            strata = [self._at(codes, rows, cohort - 1, -1) for codes in exact]
            covariates = [self._at(column, rows, cohort - lag, np.nan) for column, lag in values]
            yield CohortPaths(
                before=self._window(outcome, rows, cohort, range(-self.periods, 0)),
                after=self._window(outcome, rows, cohort, range(self.horizon + 1)),
                covariates=np.column_stack(covariates) if covariates else np.empty((len(rows), 0)),
                treated=treated[rows],
                stratum=_joint(strata, len(rows)),
                unit=rows,
            )

    def _later(self, cohort: int) -> BoolArray:
        """Never treated, or after the horizon."""
        if getattr(self.matching, "candidates", "") == "never_treated":
            return np.asarray(~np.isfinite(self.panel.cohorts))
        return ~(self.panel.cohorts <= cohort + self.matching.horizon)

    def _excluded(self) -> BoolArray:
        column = self.matching.exclude
        if column is None:
            return np.zeros(self.panel.n_units, dtype=np.bool_)
        return np.asarray((self.panel.wide(column) == 1.0).any(axis=1))

    def _window(self, outcome: FloatArray, rows: IntArray, cohort: int, events: range) -> FloatArray:
        return np.column_stack([self._at(outcome, rows, cohort + event, np.nan) for event in events])

    def _at(self, values: NDArray[Any], rows: IntArray, period: int, missing: float) -> NDArray[Any]:
        column = int(np.searchsorted(self.panel.times, period))
        if column >= len(self.panel.times) or self.panel.times[column] != period:
            return np.full(len(rows), missing)
        return np.asarray(values[rows, column])


def own_lags(matching: Matching, outcome: str) -> dict[str, tuple[int, ...]]:
    """Lags of the columns to be near in, the outcome left out."""
    lags: Any = matching.lags
    pairs = dict(lags) if isinstance(lags, Mapping) or (lags and isinstance(lags[0], tuple)) else None
    result = {}
    for column in matching.on:
        own = lags if pairs is None else pairs.get(column, (1,))
        if column != outcome:
            result[column] = (own,) if isinstance(own, int) else tuple(own)
    return result


def _joint(codes: list[IntArray], count: int) -> IntArray:
    """One code for all columns; −1 where one is missing."""
    joint = np.zeros(count, dtype=np.int64)
    for one in codes:
        joint = np.where((joint < 0) | (one < 0), -1, joint * (one.max(initial=0) + 1) + one).astype(np.int64)
        known = joint >= 0
        joint[known] = np.unique(joint[known], return_inverse=True)[1].ravel()
    return joint
