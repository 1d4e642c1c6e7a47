"""Scores and limits of risk sets against statsmodels and the definitions."""

import numpy as np
import pytest
import statsmodels.api as sm

from clustereffects.matching._history import Labels
from clustereffects.matching._prepare import Maker, propensity
from clustereffects.matching.matching import Matching
from clustereffects.matching.risk_set import RiskSet, Units

LABELS = Labels(
    covariates=("a", "b"), columns=("a", "b"), exact=(), forbid=(), bounds=(), steps=("",), rungs=("exact",)
)


def options(**more):
    return Matching(on=["a", "b"], distance="propensity", **more)


def risk_set(cohort, rng, treated=25, controls=90):
    def side(n, shift, start):
        none = np.empty((n, 0), dtype=np.int64)
        return Units(np.arange(start, start + n), rng.normal(shift, 1.0, (n, 2)), none, none)

    return RiskSet(cohort, side(treated, 0.4, 0), side(controls, 0.0, treated))


@pytest.fixture
def sets():
    rng = np.random.default_rng(8)
    return [risk_set(2004.0, rng), risk_set(2007.0, rng, treated=40, controls=70)]


@pytest.mark.parametrize(("link", "model"), [("logit", sm.Logit), ("probit", sm.Probit)])
def test_one_hazard_of_joining_with_an_intercept_per_cohort(sets, link, model):
    sizes = [len(one.is_treated) for one in sets]
    design = np.column_stack([np.repeat(np.eye(2), sizes, axis=0), np.concatenate([one.x for one in sets])])
    joined = np.concatenate([one.is_treated for one in sets]).astype(float)
    expected = model(joined, design).fit(disp=0, tol=1e-12).predict()
    found = propensity(sets, options(link=link, propensity_scale="probability"))
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-8)
    if link == "logit":  # the score equations of the intercepts
        np.testing.assert_allclose([part.sum() for part in found], [25, 40], rtol=1e-10)


@pytest.mark.parametrize("scale", ["linear", "probability"])
def test_a_caliper_is_in_standard_deviations_of_each_risk_set(sets, scale):
    chosen = options(propensity_scale=scale, caliper=0.5)
    scores = propensity(sets, chosen)
    for task, score in zip(Maker(chosen, LABELS, None).all(sets), scores, strict=True):
        assert task.task.caliper == pytest.approx(0.5 * score.std(ddof=1), rel=1e-12)
        np.testing.assert_array_equal(np.concatenate([task.task.treated.z, task.task.control.z])[:, 0], score)
        assert (np.diff(task.task.treated.line[task.task.turn].round(10)) <= 0).all()
