"""Nothing leaves that gives a firm away: minimum, dominance, and what a total reveals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.disclosure import DisclosurePolicy, withhold
from clustereffects.disclosure.policy import COMPLEMENTARY, DOMINANT, FEW
from clustereffects.errors import OptionError

POLICY = DisclosurePolicy()


def test_the_minimum_number_of_firms():
    assert POLICY.reasons([0, 1, 2, 3, 4]) == [FEW, FEW, FEW, "", ""]
    assert DisclosurePolicy(minimum_firms=5).reasons([4, 5]) == [FEW, ""]
    assert DisclosurePolicy(minimum_firms=1).reasons([0, 1]) == [FEW, ""]
    assert POLICY.reasons([]) == []


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ([76, 12, 12], DOMINANT),
        ([75, 5, 5, 5, 5, 5], ""),
        ([50, 36, 14], DOMINANT),
        ([50, 35, 15], ""),
        ([-76, 12, 12], DOMINANT),
        ([-50, 36, 14], DOMINANT),
        ([40, -35, 25], ""),
        ([0, 0, 0], ""),
        ([76, 12, 12, np.nan], DOMINANT),
        ([10, 10, 10, np.inf], ""),
    ],
)
def test_one_or_two_firms_must_not_dominate(sizes, reason):
    assert POLICY.reasons([len(sizes)], [np.array(sizes, dtype=float)]) == [reason]


def test_limits_of_dominance_can_be_chosen():
    strict = DisclosurePolicy(dominance_top1=0.5, dominance_top2=1.0)
    assert strict.reasons([3, 3], [[51, 25, 24], [50, 50, 0]]) == [DOMINANT, ""]
    off = DisclosurePolicy(dominance_top1=1.0, dominance_top2=1.0)
    assert off.reasons([3], [[100, 0, 0]]) == [""]


def test_few_firms_are_the_first_reason():
    assert POLICY.reasons([2, 9], [[99, 1], np.ones(9)]) == [FEW, ""]


@pytest.mark.parametrize(
    ("firms", "expected"),
    [
        ([2, 9, 40, 50], [FEW, COMPLEMENTARY, "", ""]),
        ([1, 1, 9, 40], [FEW, FEW, COMPLEMENTARY, ""]),
        ([1, 2, 9, 40], [FEW, FEW, "", ""]),
        ([0, 9, 40], [FEW, "", ""]),
        ([0, 2, 9, 40], [FEW, FEW, COMPLEMENTARY, ""]),
        ([2], [FEW]),
        ([2, 5], [FEW, COMPLEMENTARY]),
        ([3, 4], ["", ""]),
        ([9, 2, 9], [COMPLEMENTARY, FEW, ""]),
    ],
)
def test_a_published_total_must_not_reveal_what_is_withheld(firms, expected):
    assert POLICY.reasons(firms, within_total=True) == expected
    assert [reason != FEW for reason in POLICY.reasons(firms)] == [n >= 3 for n in firms]


def test_a_dominated_figure_needs_a_complement_too():
    sizes = [np.array([90.0, 5, 5]), np.ones(7), np.ones(30)]
    assert POLICY.reasons([3, 7, 30], sizes, within_total=True) == [DOMINANT, COMPLEMENTARY, ""]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8), st.integers(1, 6))
def test_what_total_and_published_figures_leave_over_is_never_below_the_minimum(firms, minimum):
    reasons = DisclosurePolicy(minimum_firms=minimum).reasons(firms, within_total=True)
    hidden = [n for n, reason in zip(firms, reasons, strict=True) if reason and n > 0]
    published = [n for n, reason in zip(firms, reasons, strict=True) if not reason]
    assert all(n >= minimum for n in published)
    if hidden and published:
        assert len(hidden) > 1
        assert sum(hidden) >= minimum


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minimum_firms": 0}, "disclosure minimum_firms = 0 – expected at least 1"),
        ({"dominance_top1": 0.0}, r"disclosure dominance_top1 = 0.0 – expected a share above 0 and at most 1"),
        ({"dominance_top2": 1.2}, r"disclosure dominance_top2 = 1.2 – expected a share above 0 and at most 1"),
        ({"dominance_top2": float("nan")}, "disclosure dominance_top2 = nan"),
    ],
)
def test_impossible_policies_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        DisclosurePolicy(**options)


def test_sizes_belong_to_figures():
    with pytest.raises(ValueError, match="2 figures need the sizes of as many groups, got 1"):
        POLICY.reasons([3, 4], [np.ones(3)])


def test_withheld_figures_are_blank_and_the_reason_stands_beside_them():
    table = pd.DataFrame({"group": ["K1", "K2"], "mean": [0.1, 0.2], "n": [2, 9], "note": ["a", "b"]})
    before = table.copy()
    shown = withhold(table, [FEW, ""], ["mean", "note"])
    assert shown["mean"].isna().tolist() == [True, False]
    assert shown["note"].isna().tolist() == [True, False]
    assert shown["withheld"].tolist() == [FEW, ""]
    assert shown["n"].tolist() == [2, 9]
    pd.testing.assert_frame_equal(table, before)
    with pytest.raises(ValueError, match="2 rows need as many reasons, got 1"):
        withhold(table, [FEW], ["mean"])
    with pytest.raises(KeyError, match="median"):
        withhold(table, [FEW, ""], ["median"])


def test_withholding_integers_leaves_no_number_behind():
    shown = withhold(pd.DataFrame({"n": [2, 9]}), [FEW, ""], ["n"])
    assert shown["n"].isna().tolist() == [True, False]
    assert len(withhold(pd.DataFrame({"n": []}), [], ["n"])) == 0
