import numpy as np
import pytest

from clustereffects.errors import OptionError
from clustereffects.interviews import BridgeRow
from clustereffects.triangulation.elicitation import (
    LIKELIHOOD_SCALE,
    Level,
    LevelScale,
    informant_sensitivity,
    kind_of_test,
    likelihood_ratio_range,
    support_words,
)
from clustereffects.triangulation.elicitation.levels import kinds_of_test


def test_the_five_levels_are_those_of_the_published_table_and_cover_it_without_overlap():
    ends = [(one.low, one.high) for one in LIKELIHOOD_SCALE.levels]
    assert ends == [(0.01, 0.10), (0.10, 0.33), (0.33, 0.66), (0.66, 0.90), (0.90, 0.99)]
    assert LIKELIHOOD_SCALE.words[2] == "about as likely as not"
    assert "IPCC" in LIKELIHOOD_SCALE.source


def test_words_are_read_in_any_case_and_unknown_ones_refused():
    assert LIKELIHOOD_SCALE.rank(" Very Likely ") == 5
    with pytest.raises(OptionError, match=r"no level 'probably'.*very unlikely, unlikely"):
        LIKELIHOOD_SCALE.range_of("probably")


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([("a", 0.1, 0.2)], "1 levels"),
        ([("a", 0.1, 0.2), ("a", 0.2, 0.3), ("c", 0.3, 0.4), ("d", 0.4, 0.5), ("e", 0.5, 0.6)], "occurs twice"),
        ([("a", 0.0, 0.2), ("b", 0.2, 0.3), ("c", 0.3, 0.4), ("d", 0.4, 0.5), ("e", 0.5, 0.6)], "ranges"),
        ([("a", 0.1, 0.3), ("b", 0.2, 0.3), ("c", 0.3, 0.4), ("d", 0.4, 0.5), ("e", 0.5, 0.6)], "ranges"),
    ],
)
def test_scales_that_are_not_one_are_refused(levels, message):
    with pytest.raises(OptionError, match=message):
        LevelScale(levels=tuple(Level(word=w, low=a, high=b) for w, a, b in levels), source="own")


def test_sensitivity_of_an_informant_is_knowing_times_telling():
    assert [informant_sensitivity(word)[0] for word in ("good", "partial", "little")] == [0.90, 0.70, 0.45]
    low, high = informant_sensitivity("partial", "likely")
    assert (low, high) == pytest.approx((0.7 * 0.1, 0.7 * 0.34))
    with pytest.raises(OptionError, match="knowledge 'full'"):
        informant_sensitivity("full")


@pytest.mark.parametrize(
    ("s", "t", "seen", "unseen", "kind"),
    [
        (0.95, 0.60, 0.613, 0.111, "hoop"),
        (0.30, 0.02, 0.938, 0.417, "smoking gun"),
        (0.95, 0.05, 0.950, 0.050, "doubly decisive"),
        (0.60, 0.40, 0.600, 0.400, "straw in the wind"),
    ],
)
def test_names_and_posteriors_of_the_four_tests(s, t, seen, unseen, kind):
    assert kind_of_test(s, t) == kind
    assert s / (s + t) == pytest.approx(seen, abs=5e-4)
    assert (1 - s) / (2 - s - t) == pytest.approx(unseen, abs=5e-4)


def test_names_agree_with_those_of_the_bridge():
    for s, t in np.random.default_rng(5).uniform(0, 1, (300, 2)):
        row = BridgeRow(code="M", claim="c", test="T", p_benefit=s, p_negligible=t, p_harm=t / 2)
        assert kind_of_test(s, t) == row.kind


def test_names_over_ranges_hold_every_corner():
    assert kinds_of_test((0.66, 0.9), (0.01, 0.1)) == ("smoking gun", "doubly decisive")
    assert kinds_of_test((0.9, 0.99), (0.33, 0.66)) == ("hoop",)
    with pytest.raises(ValueError, match="between 0 and 1"):
        kind_of_test(1.2, 0.1)


def test_support_in_words():
    assert support_words((12, 80)) == "moderate support"
    assert support_words((2, 12)) == "from limited support to moderate support"
    assert support_words((1, 1)) == "no support either way"
    assert likelihood_ratio_range((0.5, 0.9), (0.0, 0.25)) == (2.0, np.inf)
    assert likelihood_ratio_range((0.0, 0.9), (0.0, 0.0)) == (1.0, np.inf)
    with pytest.raises(ValueError, match="not negative"):
        likelihood_ratio_range((-0.1, 0.5), (0.1, 0.2))
