"""Worlds in which organisations, not firms, are treated: their members share shocks, and effects may differ between them."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

import clustereffects as ce

YEARS = np.arange(2001, 2009)
STARTS = {1: [2005], 3: [2004, 2005, 2007]}
FIRMS = 50


@dataclass(frozen=True)
class World:
    """``treated`` and ``other`` organisations of about 50 firms (log-normal, at least 5), ``single`` firms in none.

    Firms and organisations have shocks that fade (AR(1), 0.8) with standard deviations of 1 and ``shock``; nothing has an
    effect on average, and organisations' own effects have a standard deviation of ``effect_sd``. Members of an
    organisation join in one year or in three.
    """

    treated: int
    other: int = 0
    single: int = 0
    cohorts: int = 1
    shock: float = 0.33
    effect_sd: float = 0.0

    def panel(self, rng):
        organisations = self.treated + self.other
        sizes = np.maximum(5, np.round(FIRMS * np.exp(rng.normal(-0.125, 0.5, organisations)))).astype(int)
        organisation = np.repeat(np.arange(organisations), sizes)
        members = len(organisation)
        organisation = np.r_[organisation, organisations + np.arange(self.single)]
        joined = np.where(
            organisation < self.treated, rng.choice(STARTS[self.cohorts], len(organisation)).astype(float), np.nan
        )
        y = _fading(rng, len(organisation))
        y[:members] += self.shock * _fading(rng, organisations)[organisation[:members]]
        effect = self.effect_sd * rng.standard_normal(len(organisation))
        y += np.where(joined[:, None] <= YEARS, effect[organisation][:, None], 0.0)
        table = pd.DataFrame(
            {
                "firm": np.repeat(np.arange(len(organisation)), len(YEARS)),
                "year": np.tile(YEARS, len(organisation)),
                "joined": np.repeat(joined, len(YEARS)),
                "organisation": np.repeat(organisation, len(YEARS)),
                "y": y.ravel(),
            }
        )
        return ce.Panel(table, unit="firm", time="year", cohort="joined", cluster="organisation")


def _fading(rng, n):
    """AR(1) with a coefficient of 0.8 and a standard deviation of 1, (n, years)."""
    values = rng.standard_normal((n, len(YEARS)))
    for year in range(1, len(YEARS)):
        values[:, year] = 0.8 * values[:, year - 1] + 0.6 * values[:, year]
    return values


def by_firm(effects):
    """The same effects as if every firm had been treated on its own."""
    return replace(effects, replicates=None, sampling=replace(effects.sampling, assignment=()))


def with_variance(effects, variance):
    """The same effects under another choice of variance."""
    return replace(effects, variance=variance)


def analytic(effects):
    """The same effects with the default of estimators that leave nothing out."""
    return replace(effects, replicates=None)


def covers(effects, truth=0.0):
    """Whether the 95 % interval of each effect covers, and its half-width; NaN where there is none."""
    half = effects.critical_value() * effects.std_errors.to_numpy()
    return np.where(np.isfinite(half), np.abs(effects.estimate - truth) <= half, np.nan), half
