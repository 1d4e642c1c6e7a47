"""Means of finite populations at their edges; the numbers are tested against survey in tests/reference."""

import numpy as np
import pytest

from clustereffects.survey.design import difference, simple_mean, stratified_mean


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
