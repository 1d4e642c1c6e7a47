"""What must hold for every table of judgements."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clustereffects.interviews import cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha

LEVELS = ["nominal", "ordinal", "interval", "ratio"]
VALUES = st.sampled_from([1.0, 2.0, 3.0, 5.0, np.nan])
COMPLETE = arrays(float, st.tuples(st.integers(2, 12), st.integers(2, 4)), elements=st.sampled_from([0.0, 1.0, 2.0]))
MISSING = arrays(float, st.tuples(st.integers(2, 12), st.integers(2, 4)), elements=VALUES)


def same(first, second):
    assert first.value == pytest.approx(second.value, rel=1e-9, abs=1e-12, nan_ok=True)
    assert first.std_error == pytest.approx(second.std_error, rel=1e-6, abs=1e-9, nan_ok=True)


@given(MISSING, st.sampled_from(LEVELS), st.randoms(use_true_random=False))
def test_alpha_does_not_depend_on_the_order_of_units_and_raters(ratings, level, random):
    rows, columns = list(range(ratings.shape[0])), list(range(ratings.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    same(krippendorff_alpha(ratings, level=level), krippendorff_alpha(ratings[rows][:, columns], level=level))


@given(MISSING, st.sampled_from(LEVELS))
def test_alpha_is_at_most_one_and_ignores_units_judged_once(ratings, level):
    found = krippendorff_alpha(ratings, level=level)
    assert np.isnan(found.value) or found.value <= 1 + 1e-12
    once = np.full((1, ratings.shape[1]), np.nan)
    once[0, 0] = 3.0
    same(found, krippendorff_alpha(np.vstack([ratings, once]), level=level))


@given(MISSING, st.floats(0.5, 20), st.floats(-5, 5))
def test_alpha_interval_is_invariant_to_units_of_measurement_and_ratio_to_scale(ratings, scale, shift):
    first = krippendorff_alpha(ratings, level="interval").value
    second = krippendorff_alpha(ratings * scale + shift, level="interval").value
    assert first == pytest.approx(second, rel=1e-6, abs=1e-8, nan_ok=True)
    first = krippendorff_alpha(ratings, level="ratio").value
    assert first == pytest.approx(krippendorff_alpha(ratings * scale, level="ratio").value, rel=1e-6, nan_ok=True)


@given(COMPLETE)
def test_nominal_coefficients_do_not_depend_on_labels(ratings):
    renamed = np.choose(ratings.astype(int), [7.0, -1.0, 4.0])
    for coefficient in (krippendorff_alpha, fleiss_kappa, gwet_ac1):
        same(coefficient(ratings), coefficient(renamed))
    same(cohen_kappa(ratings[:, :2]), cohen_kappa(renamed[:, :2]))


@given(COMPLETE)
def test_full_agreement_is_one(ratings):
    copies = np.repeat(ratings[:, :1], 3, axis=1)
    assert gwet_ac1(copies).value == pytest.approx(1)
    assume(len(np.unique(copies)) > 1)
    for coefficient in (krippendorff_alpha, fleiss_kappa):
        assert coefficient(copies).value == pytest.approx(1)
    assert cohen_kappa(copies[:, :2]).value == pytest.approx(1)


@given(COMPLETE)
def test_alpha_is_fleiss_kappa_corrected_for_small_samples(ratings):
    """Krippendorff's expected disagreement draws without replacement: 1 - alpha = (1 - kappa)(N - 1)/N."""
    assume(len(np.unique(ratings)) > 1)
    total = ratings.size
    alpha, fleiss = krippendorff_alpha(ratings).value, fleiss_kappa(ratings).value
    assert 1 - alpha == pytest.approx((1 - fleiss) * (total - 1) / total, rel=1e-9, abs=1e-12)


@given(COMPLETE)
def test_kappa_is_symmetric_in_the_raters(ratings):
    for weights in ("none", "linear", "quadratic"):
        same(cohen_kappa(ratings[:, :2], weights=weights), cohen_kappa(ratings[:, 1::-1], weights=weights))
