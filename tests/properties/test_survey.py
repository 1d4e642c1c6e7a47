"""What must hold for any survey: ranges, directions, orders, and the exact sampling variance."""

from itertools import combinations

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clustereffects.survey import Codebook, Scale, Survey, cronbach_alpha
from clustereffects.survey.design import difference, simple_mean, stratified_mean
from clustereffects.survey.scores import items_needed, key_answers, scale_scores

FEW = settings(max_examples=30, derandomize=True, deadline=None)
CODES = st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])
TABLES = hnp.arrays(np.float64, st.tuples(st.integers(8, 20), st.integers(2, 5)), elements=CODES)
COMPLETE = hnp.arrays(
    np.float64, st.tuples(st.integers(5, 15), st.integers(2, 5)), elements=st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0])
)
VALUES = st.lists(st.integers(1, 9).map(float), min_size=4, max_size=7)


@FEW
@given(TABLES, st.sampled_from(["half", "all", "any"]))
def test_scores_stay_in_the_range_and_reversing_every_item_mirrors_them(answers, rule):
    k = answers.shape[1]
    needed = items_needed(rule, k)
    plain = scale_scores(answers, needed=needed)
    mirrored = scale_scores(key_answers(answers, np.ones(k, dtype=bool), 1, 5), needed=needed)
    given_scores = plain[np.isfinite(plain)]
    assert ((given_scores >= 1) & (given_scores <= 5)).all()
    np.testing.assert_allclose(mirrored, 6 - plain)


@FEW
@given(TABLES)
def test_stricter_rules_never_add_scores(answers):
    k = answers.shape[1]
    counts = [np.isfinite(scale_scores(answers, needed=items_needed(r, k))).sum() for r in ("any", "half", "all")]
    assert counts == sorted(counts, reverse=True)


@FEW
@given(COMPLETE, st.floats(-5, 5), st.floats(0.1, 10))
def test_alpha_ignores_origin_unit_and_order(answers, origin, unit):
    found = cronbach_alpha(answers)
    assume(not found.reason and abs(found.alpha) < 100)
    moved = cronbach_alpha(origin + unit * answers[::-1, ::-1])
    np.testing.assert_allclose(moved.alpha, found.alpha, rtol=1e-8)
    np.testing.assert_allclose(moved.std_error, found.std_error, rtol=1e-6)
    np.testing.assert_allclose(moved.item_rest[::-1], found.item_rest, rtol=1e-7, atol=1e-9)


@FEW
@given(COMPLETE)
def test_pairwise_is_listwise_when_nothing_is_missing(answers):
    pairwise, listwise = cronbach_alpha(answers), cronbach_alpha(answers, missing="listwise")
    np.testing.assert_array_equal(
        [pairwise.alpha, pairwise.std_error, pairwise.low], [listwise.alpha, listwise.std_error, listwise.low]
    )


@FEW
@given(VALUES, st.integers(2, 4))
def test_variance_is_exactly_unbiased_over_all_samples(population, n):
    """Cochran (1977), theorem 2.4: the mean of the estimated variances over all samples is the variance of the mean."""
    size = len(population)
    samples = [simple_mean(np.array(sample), size) for sample in combinations(population, min(n, size))]
    means = np.array([sample.mean for sample in samples])
    np.testing.assert_allclose(np.mean([sample.variance for sample in samples]), means.var(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(means.mean(), np.mean(population), rtol=1e-12)


@FEW
@given(VALUES, st.integers(0, 100))
def test_the_correction_never_adds_error(values, more):
    corrected, plain = simple_mean(np.array(values), len(values) + more), simple_mean(np.array(values))
    assert corrected.std_error <= plain.std_error
    assert (more == 0) == (corrected.std_error == 0) or plain.std_error == 0


@FEW
@given(VALUES, VALUES)
def test_order_of_strata_and_sign_of_a_difference(a, b):
    first, second = simple_mean(np.array(a), 20), simple_mean(np.array(b), 50)
    np.testing.assert_allclose(stratified_mean([first, second]).mean, stratified_mean([second, first]).mean)
    np.testing.assert_allclose(stratified_mean([first]).std_error, first.std_error)
    assert difference(first, second).mean == -difference(second, first).mean
    assert difference(first, second).std_error == difference(second, first).std_error


@FEW
@given(st.randoms(use_true_random=False))
def test_order_of_rows_and_names_of_organisations_do_not_matter(random):
    rng = np.random.default_rng(random.randrange(10**6))
    n = 30
    answers = pd.DataFrame(
        {
            "respondent": range(n),
            "orgnr": rng.integers(5561000000, 5561000015, n),
            "organisation": rng.choice(["K01", "K02", ""], n),
            "wave": rng.choice([2011, 2012], n),
            "g1": rng.integers(1, 6, n),
            "g2": rng.choice([1, 2, 3, 4, 5, 98], n),
        }
    )
    codebook = Codebook(scales=(Scale(name="s", items=("g1", "g2"), minimum=1, maximum=5),), dont_know=(98,))
    cells = Survey(answers, codebook=codebook).aggregate().cells
    shuffled = answers.sample(frac=1, random_state=1).assign(
        organisation=lambda t: t["organisation"].replace({"K01": "Z", "K02": "Y"})
    )
    other = Survey(shuffled, codebook=codebook).aggregate().cells
    other["organisation"] = other["organisation"].replace({"Z": "K01", "Y": "K02"})
    keys = ["organisation", "scale", "term"]
    one, two = (
        t.assign(wave=t["wave"].astype(str)).sort_values([*keys, "wave"]).reset_index(drop=True) for t in (cells, other)
    )
    np.testing.assert_allclose(one["estimate"], two["estimate"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one["std_error"], two["std_error"], rtol=1e-9, atol=1e-12)
