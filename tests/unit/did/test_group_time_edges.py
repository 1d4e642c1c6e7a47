"""The kernel where data are thin or extreme: what one part of the sample is like must not decide about another."""

import dataclasses

import numpy as np
import pytest

from clustereffects.did.group_time import GroupTimeData, group_time_effects
from clustereffects.did.group_time_plan import GroupTimeOptions

TIMES = np.arange(1, 5)
METHODS = ["dr", "dr_improved", "ipw", "reg"]


def _data(seed=0, n=90, **parts):
    rng = np.random.default_rng(seed)
    covariates = rng.standard_normal((n, 2))
    cohorts = np.where(rng.random(n) < 1 / (1 + np.exp(-covariates[:, 0])), rng.choice([2.0, 4.0], n), np.nan)
    outcome = rng.standard_normal((n, len(TIMES))) + covariates[:, :1]
    given = {"outcome": outcome, "cohorts": cohorts, "covariates": covariates}
    return GroupTimeData(times=TIMES, **(given | parts))


@pytest.mark.parametrize("method", METHODS)
def test_covariates_without_and_weights_with_periods_may_both_have_gaps(method):
    data = _data()
    data.covariates[:5] = np.nan
    weights = np.random.default_rng(1).uniform(0.5, 2.0, data.outcome.shape)
    weights[10:20, 1] = 0.0
    over_time = np.repeat(data.covariates[:, None], len(TIMES), axis=1)
    options = GroupTimeOptions(method=method)
    found, wide = (
        group_time_effects(dataclasses.replace(data, weights=weights, covariates=x), options)
        for x in (data.covariates, over_time)
    )
    assert np.isfinite(found.estimate).all()
    np.testing.assert_allclose(found.estimate, wide.estimate, rtol=1e-10)
    np.testing.assert_array_equal(found.used, wide.used)
