"""The joint test before joining against its textbook form."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clustereffects.results.pretrends import pretrend_check
from clustereffects.results.uncertainty import Uncertainty

LABELS = pd.DataFrame({"event_time": [-3, -2, -1, 0, 1]})
ROOT = np.tril(np.full((5, 5), 0.3)) + np.eye(5)
COV = ROOT @ ROOT.T / 20
ESTIMATE = np.array([0.4, -0.2, 0.0, 1.0, 1.2])


def _spread(cov=COV, df=np.inf):
    return Uncertainty(covariance=cov, std_error=np.sqrt(np.diag(cov)), df=df, convention="")


def test_wald():
    before = slice(0, 3)
    wald = ESTIMATE[before] @ np.linalg.inv(COV[before, before]) @ ESTIMATE[before]
    check = pretrend_check(LABELS, ESTIMATE, _spread())
    assert check.statistic == pytest.approx(stats.chi2.sf(wald, 3), rel=1e-10)
    assert check.message == f"joint Wald test of 3 effects before joining: W = {wald:.2f}, p = {check.statistic:.3f}"


def test_few_clusters_use_hotelling():
    """T² of 3 means with covariance on 9 degrees of freedom: (9 − 3 + 1) / (9·3) T² ~ F(3, 7)."""
    wald = ESTIMATE[:3] @ np.linalg.solve(COV[:3, :3], ESTIMATE[:3])
    check = pretrend_check(LABELS, ESTIMATE, _spread(df=9.0))
    assert check.statistic == pytest.approx(stats.f.sf(wald * 7 / 27, 3, 7), rel=1e-10)


def test_hotelling_has_the_right_size():
    """Means of 8 clusters under the null: p-values of the test are uniform."""
    rng = np.random.default_rng(3)
    labels = pd.DataFrame({"event_time": [-3, -2]})
    p_values = []
    for _ in range(800):
        clusters = rng.normal(size=(8, 2)) @ np.array([[1.0, 0.6], [0.0, 1.0]])
        cov = np.cov(clusters.T) / 8
        p_values.append(pretrend_check(labels, clusters.mean(axis=0), _spread(cov, 7.0)).statistic)
    assert stats.kstest(p_values, "uniform").pvalue > 0.05


def test_the_fewest_degrees_of_freedom_among_the_terms_count():
    spread = Uncertainty(
        covariance=COV,
        std_error=np.sqrt(np.diag(COV)),
        df=99.0,
        convention="",
        term_df=np.array([30.0, 9.0, 12.0, 2.0, 2.0]),
    )
    check = pretrend_check(LABELS, ESTIMATE, spread)
    assert check.statistic == pretrend_check(LABELS, ESTIMATE, _spread(df=9.0)).statistic


def test_fewer_degrees_of_freedom_than_terms_leave_the_single_tests():
    check = pretrend_check(LABELS, ESTIMATE, _spread(df=2.31))
    single = 2 * stats.t.sf(np.abs(ESTIMATE[:2]) / np.sqrt(np.diag(COV))[:2], 2.31)
    assert check.statistic == pytest.approx(3 * single.min(), rel=1e-9)
    assert check.verdict == "info"
    assert f"p = {check.statistic:.3f} (p-value times 3); with 2.31 degrees of freedom" in check.message
    assert pretrend_check(LABELS, 50 * ESTIMATE, _spread(df=2.31)).verdict == "warn"
    assert pretrend_check(LABELS, 0 * ESTIMATE, _spread(df=2.31)).statistic == 1.0
    reference = COV.copy()
    reference[2] = reference[:, 2] = 0.0
    fewer = pretrend_check(LABELS, ESTIMATE, _spread(reference, df=1.5))
    assert fewer.message.startswith("largest t of 2 effects before joining")


def test_a_wild_bootstrap_tests_the_largest_t_value():
    drawn = np.abs(np.random.default_rng(8).normal(size=(999, 5)))
    error = np.sqrt(np.diag(COV))
    spread = Uncertainty(covariance=COV, std_error=error, df=np.inf, convention="", studentised=drawn)
    largest = np.abs(ESTIMATE[:3] / error[:3]).max()
    expected = (1 + (drawn[:, :3].max(axis=1) >= largest).sum()) / 1000
    check = pretrend_check(LABELS, ESTIMATE, spread)
    assert check.statistic == expected
    assert check.message == (
        f"joint test of 3 effects before joining: largest t = {largest:.2f}, p = {expected:.3f} from 999 wild bootstrap draws"
    )
    assert pretrend_check(LABELS, 50 * ESTIMATE, spread).verdict == "warn"


def test_verdicts():
    assert pretrend_check(LABELS, 0.01 * ESTIMATE, _spread()).verdict == "pass"
    check = pretrend_check(LABELS, 20 * ESTIMATE, _spread())
    assert check.verdict == "warn"
    assert check.remedy.startswith("show the event study")
    assert check.threshold == 0.05


def test_a_test_that_can_hardly_reject_does_not_pass():
    """Three terms on five degrees of freedom leave F(3, 3)."""
    small, large = (pretrend_check(LABELS, factor * ESTIMATE, _spread(df=5.0)) for factor in (0.01, 20))
    assert (small.verdict, large.verdict) == ("info", "warn")
    assert small.message.endswith("; with 5 degrees of freedom it can hardly reject")
    assert pretrend_check(LABELS, 0.01 * ESTIMATE, _spread(df=6.0)).verdict == "pass"


def test_reference_periods_unidentified_effects_and_anticipation_are_left_out():
    cov = COV.copy()
    cov[2] = cov[:, 2] = 0.0
    assert "of 2 effects" in pretrend_check(LABELS, ESTIMATE, _spread(cov)).message
    missing = np.r_[np.nan, ESTIMATE[1:]]
    assert "of 1 effects" in pretrend_check(LABELS, missing, _spread(cov)).message
    assert "of 1 effects" in pretrend_check(LABELS, ESTIMATE, _spread(), anticipation=2).message
    cov[0] = cov[:, 0] = np.nan
    assert "of 1 effects" in pretrend_check(LABELS, ESTIMATE, _spread(cov)).message


def test_what_cannot_be_tested_is_said():
    after = pretrend_check(LABELS.iloc[3:], ESTIMATE[3:], _spread(COV[3:, 3:]))
    assert (after.verdict, after.message) == ("info", "there is no period before the reference period to test")
    singular = pretrend_check(LABELS, ESTIMATE, _spread(np.ones((5, 5))))
    assert singular.verdict == "info"
    assert singular.message == "the 3 effects before joining have a singular covariance: no joint test"
    assert pretrend_check(LABELS, ESTIMATE, _spread(df=2.0)).verdict == "info"
