import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts.industry import (
    SOURCES,
    clean_sni,
    estimate_industry_key,
    industry_division,
    read_industry_key,
)
from clustereffects.errors import InputError


def _divisions(rows, key_frame):
    frame = pd.DataFrame(rows, columns=["firm", "year", "sni"])
    found = industry_division(
        frame["firm"].to_numpy(), frame["year"].to_numpy(), frame["sni"], read_industry_key(key_frame)
    )
    return found.division.tolist(), [SOURCES[place] for place in found.source]


def test_a_key_to_one_division_is_not_ambiguous(key_frame):
    assert _divisions([(1, 2005, "28110")], key_frame) == ([25], ["key"])


def test_without_a_bridge_the_largest_share_decides_and_counts_as_ambiguous(key_frame):
    assert _divisions([(1, 2005, "22220")], key_frame) == ([18], ["largest share"])


def test_the_firms_own_code_after_the_change_decides(key_frame):
    rows = [(1, 2009, "58110"), (1, 2006, "22220"), (1, 2005, "22220"), (2, 2006, "22220")]
    assert _divisions(rows, key_frame) == (
        [58, 58, 58, 18],
        ["observed", "own bridge", "own bridge", "largest share"],
    )


def test_a_firm_that_also_changed_its_trade_is_not_a_bridge(key_frame):
    rows = [(1, 2007, "22220"), (1, 2008, "25110")]
    assert _divisions(rows, key_frame) == ([18, 25], ["largest share", "observed"])


def test_another_code_further_back_uses_the_key(key_frame):
    rows = [(1, 2005, "28110"), (1, 2007, "22220"), (1, 2008, "58110")]
    assert _divisions(rows, key_frame) == ([25, 58, 58], ["key", "own bridge", "observed"])


def test_gaps_and_unknown_codes(key_frame):
    rows = [(1, 2006, "22220"), (1, 2007, None), (1, 2008, None), (1, 2009, "58110"), (2, 2005, "99990")]
    assert _divisions(rows, key_frame) == (
        [58, 0, 0, 58, 0],
        ["own bridge", "unknown", "unknown", "observed", "unknown"],
    )


def test_equal_shares_go_to_the_lower_division():
    key = pd.DataFrame({"sni2002": ["74872"] * 2, "sni2007": ["82300", "74101"], "share": [0.5, 0.5]})
    assert _divisions([(1, 2005, "74872")], key) == ([74], ["largest share"])


def test_several_codes_of_one_division_are_added_up():
    key = pd.DataFrame({"sni2002": ["1"] * 3, "sni2007": ["10100", "20100", "20200"], "share": [0.4, 0.3, 0.3]})
    key["sni2002"] = "15130"
    assert _divisions([(1, 2005, "15130")], key) == ([20], ["largest share"])


def test_counts_by_source(key_frame):
    frame = pd.DataFrame({"firm": [1, 2], "year": [2008, 2005], "sni": ["25110", "22220"]})
    found = industry_division(
        frame["firm"].to_numpy(), frame["year"].to_numpy(), frame["sni"], read_industry_key(key_frame)
    )
    assert found.counts() == {"unknown": 0, "observed": 1, "own bridge": 0, "key": 0, "largest share": 1}


def test_codes_with_lost_zeros_points_and_numbers():
    found = clean_sni(pd.Series(["25.110", "1110", 1110.0, 62010, None, "00000", "tjänster", "251"], dtype=object))
    assert found.code.tolist() == ["25110", "01110", "01110", "62010", "", "", "", ""]
    assert found.padded.tolist() == [False, True, True, False, False, False, False, False]
    assert found.unreadable.tolist() == [False] * 6 + [True, True]


def test_a_column_on_a_coarser_level_keeps_it():
    assert clean_sni(pd.Series(["2511", "6201", "111"])).code.tolist() == ["2511", "6201", "0111"]
    assert clean_sni(pd.Series([None, None])).code.tolist() == ["", ""]


def test_most_zeros_lost_still_means_five_digits():
    found = clean_sni(pd.Series(["1110"] * 8 + ["25110"] * 2))
    assert found.padded.sum() == 8


def test_the_key_is_checked():
    with pytest.raises(InputError, match="a code has not five digits – row 3: 'okänd'"):
        read_industry_key(pd.DataFrame({"sni2002": ["28110", "okänd"], "sni2007": ["25110", "25110"], "share": [1, 1]}))
    with pytest.raises(
        InputError, match="the shares of an old code do not sum to one – rows 3, 4 – expected a sum of 1"
    ):
        read_industry_key(
            pd.DataFrame(
                {"sni2002": ["28110", "22220", "22220"], "sni2007": ["25110", "18122", "58110"], "share": [1, 0.5, 0.3]}
            )
        )
    with pytest.raises(InputError, match="a share is not between 0 and 1 – row 2"):
        read_industry_key(pd.DataFrame({"sni2002": ["28110"], "sni2007": ["25110"], "share": [1.5]}))


def test_lost_zeros_of_the_key_are_on_record():
    key = read_industry_key(pd.DataFrame({"sni2002": [1110, 28110], "sni2007": [1110, 25110], "share": [1, 1]}))
    assert key.table["sni2002"].tolist() == ["01110", "28110"]
    assert key.ledger.rows("leading zero of the industry code lost").tolist() == [2]


def test_any_order_of_rows_gives_the_same(key_frame):
    rng = np.random.default_rng(3)
    rows = [
        (f, y, "22220" if y <= 2007 else ("58110" if f % 2 else "18122")) for f in range(6) for y in range(2004, 2011)
    ]
    straight = dict(zip([(f, y) for f, y, _ in rows], _divisions(rows, key_frame)[0], strict=True))
    shuffled = [rows[place] for place in rng.permutation(len(rows))]
    assert dict(zip([(f, y) for f, y, _ in shuffled], _divisions(shuffled, key_frame)[0], strict=True)) == straight


def test_a_key_from_the_firms_own_codes():
    rows = [(f, 2006, "22220") for f in range(4)] + [(f, 2008, "58110" if f == 3 else "18122") for f in range(4)]
    rows += [(9, 2005, "28110"), (9, 2007, "28110"), (9, 2009, "25110"), (9, 2010, "26000")]
    rows += [(7, 2007, None), (7, 2008, "25110"), (8, 2001, "28110"), (6, 2012, "58110")]
    frame = pd.DataFrame(rows, columns=["firm", "year", "sni"]).sample(frac=1, random_state=1)
    key = estimate_industry_key(frame["firm"].to_numpy(), frame["year"].to_numpy(), frame["sni"].astype("category"))
    assert key.table.values.tolist() == [["22220", "18122", 0.75], ["22220", "58110", 0.25], ["28110", "25110", 1.0]]
    assert key.file == ""
    found = industry_division(np.array([1, 2]), np.array([2004, 2005]), pd.Series(["22220", "28110"]), key)
    assert found.division.tolist() == [18, 25]


def test_a_key_from_firms_that_are_on_one_side_of_the_change_is_empty():
    for years in ((2005, 2006), (2008, 2009)):
        key = estimate_industry_key(np.array([1, 1]), np.array(years), pd.Series(["25110", "25110"]))
        assert key.table.empty
        found = industry_division(np.array([1, 1]), np.array(years), pd.Series(["25110", "25110"]), key)
        assert found.division.tolist() == ([0, 0] if years[0] < 2008 else [25, 25])
