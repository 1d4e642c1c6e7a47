"""TwoWayFixedEffects: options, conventions, account, findings, errors."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.did import TwoWayFixedEffects
from clustereffects.did.two_way_weights import treatment_weights
from clustereffects.errors import ColumnError, EstimationError, FewClustersWarning, OptionError


def _frame(cohorts=(2002.0, 2004.0, np.nan), n=60, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(n), 5),
            "year": np.tile(np.arange(2001, 2006), n),
            "town": np.repeat(np.arange(n) % 15, 5),
        }
    )
    frame["joined"] = np.repeat(rng.choice(cohorts, n), 5)
    frame["size"] = rng.standard_normal(len(frame))
    frame["y"] = (frame["year"] >= frame["joined"]) + rng.standard_normal(len(frame))
    return frame


def _panel(frame=None, **roles):
    return ce.Panel(_frame() if frame is None else frame, unit="firm", time="year", cohort="joined", **roles)


def test_follows_the_contract_of_results(tmp_path):
    effects = TwoWayFixedEffects(covariates="size").fit(_panel(), "y")
    assert effects.params.index.tolist() == ["post", "size"]
    assert effects.tidy()["term"].tolist() == ["post", "size"]
    assert effects.conf_int().shape == (2, 2)
    assert effects.glance().loc[0, "aggregation"] == "two-way regression"
    assert "what one would otherwise have believed" in str(effects.summary())
    again = ce.Effects.from_dict(effects.to_dict())
    pd.testing.assert_frame_equal(again.tidy(), effects.tidy())


def test_it_is_no_evidence_and_cannot_be_aggregated():
    effects = TwoWayFixedEffects().fit(_panel(), "y")
    with pytest.raises(OptionError, match="evidence from effects by 'two-way regression'"):
        effects.as_evidence(claim="growth")
    with pytest.raises(OptionError, match="aggregated by two-way regression already"):
        effects.aggregate("overall")


def test_default_convention_is_stated():
    effects = TwoWayFixedEffects().fit(_panel(), "y")
    convention = effects.uncertainty.convention
    assert "clustered by firm (60 clusters)" in convention
    assert "N/(N−K) as linearmodels, N = 300, K = 65 with all effects" in convention
    assert f"factor {300 / 235:.6g}" in convention
    assert effects.uncertainty.df == 59


def test_small_sample_factors():
    errors = {
        name: TwoWayFixedEffects(variance=ce.Cluster("town", small_sample=name)).fit(_panel(), "y").std_errors["post"]
        for name in ("none", "stata", "nested")
    }
    np.testing.assert_allclose((errors["stata"] / errors["none"]) ** 2, 15 / 14 * 299 / 235, rtol=1e-12)
    np.testing.assert_allclose((errors["nested"] / errors["none"]) ** 2, 15 / 14 * 299 / 294, rtol=1e-12)


def test_assignment_level_is_the_default_cluster():
    effects = TwoWayFixedEffects().fit(_panel(cluster="town"), "y")
    assert "clustered by town (15 clusters)" in effects.uncertainty.convention
    assert effects.uncertainty.df == _frame().dropna(subset="joined")["town"].nunique() - 1
    assert [check.name for check in effects.checks()] == ["negative weights", "treated clusters"]


def test_two_way_clusters_take_the_factor_of_the_fewer_clusters():
    frame = _frame().assign(county=lambda f: f["firm"] // 10)
    with pytest.warns(FewClustersWarning, match="county"):
        effects = TwoWayFixedEffects(variance=ce.Cluster("town", "county", small_sample="stata")).fit(
            _panel(frame), "y"
        )
    plain = TwoWayFixedEffects(variance=ce.Cluster("town", "county"))
    with pytest.warns(FewClustersWarning, match="county"):
        ratio = effects.cov / plain.fit(_panel(frame), "y").cov
    np.testing.assert_allclose(ratio, 6 / 5 * 299 / 235, rtol=1e-12)
    assert effects.uncertainty.df == 5


def test_few_treated_clusters_warn():
    frame = _frame().assign(county=lambda f: f["firm"] // 10)
    with pytest.warns(FewClustersWarning, match="reached 6 clusters of 'county'"):
        TwoWayFixedEffects().fit(_panel(frame, cluster="county"), "y")


def test_every_row_is_accounted_for():
    frame = _frame()
    frame.loc[:4, "y"] = np.nan
    frame.loc[3:9, "size"] = np.nan
    sample = TwoWayFixedEffects(covariates="size").fit(_panel(frame), "y").sample
    assert dict(sample.dropped) == {"outcome missing": 5, "covariates missing": 5}
    assert (sample.rows_in, sample.rows_used, sample.counts["units"]) == (300, 290, 58)


def test_one_cohort_has_no_negative_weights():
    check = TwoWayFixedEffects().fit(_panel(_frame(cohorts=(2003.0, np.nan))), "y").checks()[0]
    assert (check.verdict, check.statistic, check.remedy) == ("pass", 0.0, "")


def test_staggered_joining_has_negative_weights():
    check = TwoWayFixedEffects().fit(_panel(_frame(cohorts=(2002.0, 2004.0, 2005.0))), "y").checks()[0]
    assert check.verdict == "warn"
    assert check.statistic > 0
    assert "believe GroupTimeDiD instead" in check.remedy


def test_order_of_rows_does_not_matter():
    frame = _frame()
    first = TwoWayFixedEffects(covariates="size").fit(_panel(frame), "y")
    second = TwoWayFixedEffects(covariates="size").fit(_panel(frame.sample(frac=1, random_state=1)), "y")
    np.testing.assert_array_equal(first.params, second.params)
    np.testing.assert_array_equal(first.cov, second.cov)


@pytest.mark.parametrize("cohorts", [(np.nan,), (2001.0, np.nan), (2009.0, np.nan)])
def test_treatment_that_does_not_vary(cohorts):
    with pytest.raises(EstimationError, match=r"treatment or a covariate does not vary once.*regressors: post"):
        TwoWayFixedEffects().fit(_panel(_frame(cohorts=cohorts)), "y")


def test_covariates_that_do_not_vary_within_units():
    with pytest.raises(EstimationError, match=r"regressors: post, town.*constant within units"):
        TwoWayFixedEffects(covariates="town").fit(_panel(), "y")


def test_input_errors():
    with pytest.raises(EstimationError, match="the panel has no cohort"):
        TwoWayFixedEffects().fit(ce.Panel(_frame(), unit="firm", time="year"), "y")
    with pytest.raises(EstimationError, match="outcome 'y' or the covariates are missing in all rows"):
        TwoWayFixedEffects().fit(_panel(_frame().assign(y=np.nan)), "y")
    with pytest.raises(EstimationError, match="or the covariates are missing in all rows"):
        TwoWayFixedEffects(covariates="size").fit(_panel(_frame().assign(size=np.nan)), "y")
    with pytest.raises(ColumnError, match="column 'sales' is missing"):
        TwoWayFixedEffects().fit(_panel(), "sales")
    with pytest.raises(OptionError, match="variance='firm' – expected Cluster"):
        TwoWayFixedEffects(variance="firm")
    with pytest.raises(OptionError, match="the option is empty"):
        TwoWayFixedEffects(covariates=" ")


def test_weights_need_variation():
    with pytest.raises(ValueError, match="treatment does not vary"):
        treatment_weights(np.zeros(3), np.array([True, False, False]))
