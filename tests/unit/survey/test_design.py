"""Means of finite populations at their edges; the numbers are tested against survey in tests/reference."""

import numpy as np
import pytest

from clustereffects.survey.design import clustered_mean, difference, simple_mean, stratified_mean


def test_a_census_has_no_sampling_error():
    found = simple_mean(np.array([1.0, 2.0, 6.0]), population=3)
    assert (found.mean, found.std_error, found.df) == (3.0, 0.0, 2)


def test_without_a_population_there_is_no_correction():
    values = np.array([1.0, 2.0, 6.0])
    assert simple_mean(values).std_error == pytest.approx(values.std(ddof=1) / np.sqrt(3), rel=1e-12)


@pytest.mark.parametrize(("values", "reason"), [([], "nobody answered"), ([4.0], "one answer has no standard error")])
def test_too_few_answers_have_a_reason(values, reason):
    found = simple_mean(np.array(values), population=10)
    assert found.reason == reason
    assert np.isnan([found.std_error, found.df]).all()
    assert found.mean == 4.0 if values else np.isnan(found.mean)


def test_impossible_samples_are_refused():
    with pytest.raises(ValueError, match="3 units answered out of 2"):
        simple_mean(np.ones(3), population=2)
    with pytest.raises(ValueError, match="a value is missing or infinite"):
        simple_mean(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="every stratum needs the size of its population"):
        stratified_mean([simple_mean(np.ones(3))])


def test_a_stratum_without_answers_is_outside_the_population():
    a, empty = simple_mean(np.array([1.0, 3.0]), population=10), simple_mean(np.empty(0), population=90)
    found = stratified_mean([a, empty])
    assert (found.mean, found.population, found.n) == (2.0, 10.0, 2)
    assert stratified_mean([empty]).reason == "nobody answered"


def test_difference_keeps_the_reason():
    found = difference(simple_mean(np.array([1.0])), simple_mean(np.array([1.0, 2.0])))
    assert found.mean == -0.5
    assert found.reason == "one answer has no standard error"
    assert np.isnan([found.std_error, found.df]).all()


def test_difference_is_welchs_test():
    from scipy import stats

    a, b = np.array([1.0, 4.0, 2.0, 8.0]), np.array([0.0, 1.0, 1.5])
    found, welch = difference(simple_mean(a), simple_mean(b)), stats.ttest_ind(a, b, equal_var=False)
    assert found.mean / found.std_error == pytest.approx(welch.statistic, rel=1e-12)
    assert found.df == pytest.approx(welch.df, rel=1e-12)


def test_difference_of_two_censuses_has_no_degrees_of_freedom():
    census = simple_mean(np.array([1.0, 2.0]), population=2)
    found = difference(census, census)
    assert (found.mean, found.std_error) == (0.0, 0.0)
    assert np.isnan(found.df)


def test_a_clustered_mean_is_a_regression_on_a_constant_with_clustered_errors():
    import statsmodels.api as sm

    rng = np.random.default_rng(7)
    clusters = np.repeat(list("abcdef"), [3, 8, 1, 5, 12, 4])
    values = rng.normal(size=6)[np.unique(clusters, return_inverse=True)[1]] + rng.normal(size=clusters.size)
    found = clustered_mean(values, clusters.tolist())
    codes = np.unique(clusters, return_inverse=True)[1]
    fit = sm.OLS(values, np.ones(values.size)).fit(cov_type="cluster", cov_kwds={"groups": codes})
    assert found.mean == pytest.approx(fit.params[0], rel=1e-12)
    assert found.std_error == pytest.approx(fit.bse[0], rel=1e-10)
    assert (found.df, found.n) == (5.0, 33)


def test_clusters_of_one_unit_are_a_simple_random_sample():
    values = np.array([1.0, 4.0, 2.0, 8.0])
    assert clustered_mean(values, range(4)).std_error == pytest.approx(simple_mean(values).std_error)


def test_clustered_means_without_an_error():
    assert clustered_mean(np.array([1.0, 2.0]), ["a", "a"]).reason == "one cluster has no standard error"
    assert clustered_mean(np.empty(0), []).reason == "nobody answered"
    with pytest.raises(ValueError, match="is missing"):
        clustered_mean(np.array([np.nan]), ["a"])
    with pytest.raises(ValueError, match="or a cluster is missing"):
        clustered_mean(np.array([1.0, 2.0]), ["a", "b", "c"])
