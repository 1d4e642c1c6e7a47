import numpy as np
import pytest

from clustereffects.errors import CodingError, OptionError
from clustereffects.interviews import bootstrap_agreement, cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha

NAN = np.nan
TWO = np.array([[1, 1], [0, 0], [1, 0], [0, 0], [1, 1], [0, 1]], dtype=float)


def test_alpha_reports_what_it_used():
    found = krippendorff_alpha([[1, 1, NAN], [0, NAN, NAN], [1, 0, NAN]])
    assert (found.units, found.raters, found.measure) == (2, 2, "alpha")
    assert found.value == pytest.approx(1 - (1 - found.observed) / (1 - found.expected))
    assert np.isnan(found.std_error)


@pytest.mark.parametrize("ratings", [[[1, 1], [1, 1]], [[1, NAN], [NAN, 2]], np.empty((0, 2))])
def test_alpha_is_undefined_without_variation_or_pairs(ratings):
    assert np.isnan(krippendorff_alpha(ratings).value)


def test_ratio_allows_zero_and_refuses_negative_values():
    assert krippendorff_alpha([[0, 0], [2, 2], [4, 2]], level="ratio").value < 1
    with pytest.raises(CodingError, match="ratio scale has negative values"):
        krippendorff_alpha([[-1, 2], [3, 3]], level="ratio")


def test_unknown_choices_are_refused():
    with pytest.raises(OptionError, match="level is 'metric'"):
        krippendorff_alpha(TWO, level="metric")
    with pytest.raises(OptionError, match="weights is 'cubic'"):
        cohen_kappa(TWO, weights="cubic")


@pytest.mark.parametrize("ratings", [[1, 2, 3], [[[1]]]])
def test_shape_is_checked(ratings):
    with pytest.raises(CodingError, match="units × raters"):
        krippendorff_alpha(ratings)


def test_infinite_ratings_are_refused():
    with pytest.raises(CodingError, match="ratings are infinite"):
        krippendorff_alpha([[1, np.inf]])


def test_cohen_needs_two_raters_and_a_common_unit():
    with pytest.raises(CodingError, match="got 3 raters"):
        cohen_kappa(np.ones((4, 3)))
    with pytest.raises(CodingError, match="no unit was judged by both raters"):
        cohen_kappa([[1, NAN], [NAN, 0]])


def test_cohen_leaves_out_units_that_one_did_not_judge():
    assert cohen_kappa(np.vstack([TWO, [1, NAN]])).value == cohen_kappa(TWO).value


def test_cohen_is_undefined_when_both_always_say_the_same_thing():
    found = cohen_kappa(np.ones((5, 2)))
    assert np.isnan(found.value)
    assert np.isnan(found.std_error)


@pytest.mark.parametrize("ratings", [[[1, 1], [1, NAN]], [[1], [0]], np.empty((0, 2))])
def test_fleiss_needs_the_same_number_of_judgements(ratings):
    with pytest.raises(CodingError, match="not constant or below two"):
        fleiss_kappa(ratings)


def test_ac1_of_a_code_that_nobody_uses_is_full_agreement():
    assert gwet_ac1(np.zeros((4, 2))).value == 1


def test_ac1_refuses_too_few_categories_and_no_common_unit():
    with pytest.raises(OptionError, match="categories is 1 – expected at least 2"):
        gwet_ac1(TWO, categories=1)
    with pytest.raises(CodingError, match="no unit was judged by two raters"):
        gwet_ac1([[1, NAN], [NAN, 0]])


def test_ac1_does_not_collapse_when_one_value_dominates():
    ratings = np.zeros((50, 2))
    ratings[0] = [1, 0]
    ratings[1] = [0, 1]
    assert cohen_kappa(ratings).value < 0
    assert gwet_ac1(ratings).value > 0.9


def test_ac1_of_one_unit_has_no_standard_error():
    assert np.isnan(gwet_ac1([[1, 0]]).std_error)


@pytest.mark.parametrize("measure", ["alpha", "kappa", "fleiss", "ac1"])
def test_bootstrap_is_seeded_and_brackets_the_estimate(measure):
    ratings = np.tile(TWO, (10, 1))
    first = bootstrap_agreement(ratings, measure, rng=5)
    second = bootstrap_agreement(ratings, measure, rng=np.random.default_rng(5))
    assert first == second
    direct = {"alpha": krippendorff_alpha, "kappa": cohen_kappa, "fleiss": fleiss_kappa, "ac1": gwet_ac1}[measure]
    assert first.estimate == pytest.approx(direct(ratings).value, rel=1e-12)
    assert first.low < first.estimate < first.high


def test_bootstrap_narrows_with_units_and_not_with_draws():
    few, many = np.tile(TWO, (4, 1)), np.tile(TWO, (40, 1))
    wide = bootstrap_agreement(few, "alpha", rng=1)
    assert bootstrap_agreement(many, "alpha", rng=1).std_error < wide.std_error / 2
    assert bootstrap_agreement(few, "alpha", draws=4000, rng=2).std_error == pytest.approx(wide.std_error, rel=0.15)


def test_bootstrap_of_blocks_is_wider_when_blocks_hang_together():
    blocks = np.repeat(np.arange(12), 10)
    ratings = np.repeat(np.tile(TWO, (2, 1)), 10, axis=0)
    single = bootstrap_agreement(ratings, "alpha", rng=1).std_error
    assert bootstrap_agreement(ratings, "alpha", blocks=blocks, rng=1).std_error > 2 * single


def test_bootstrap_of_kappa_with_missing_judgements():
    ratings = np.vstack([np.tile(TWO, (5, 1)), [[1, NAN], [NAN, 1]]])
    assert bootstrap_agreement(ratings, "kappa", rng=1).estimate == pytest.approx(cohen_kappa(ratings).value)


def test_bootstrap_counts_undefined_draws_and_gives_up_when_they_dominate():
    rare = np.zeros((30, 2))
    rare[0] = 1
    found = bootstrap_agreement(rare, "alpha", rng=1)
    assert found.undefined > 200
    assert np.isfinite(found.low)
    never = bootstrap_agreement(np.zeros((5, 2)), "alpha", rng=1)
    assert never.undefined == never.draws
    assert np.isnan([never.low, never.high, never.std_error]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "omega"}, "measure is 'omega'"),
        ({"level": 1.0}, "level is 1.0"),
        ({"draws": 1}, "draws is 1"),
    ],
)
def test_bootstrap_options_are_checked(options, message):
    with pytest.raises(OptionError, match=message):
        bootstrap_agreement(TWO, **options)


def test_bootstrap_of_fleiss_refuses_missing_judgements():
    with pytest.raises(CodingError, match="not constant"):
        bootstrap_agreement([[1, 1], [1, NAN]], "fleiss")
