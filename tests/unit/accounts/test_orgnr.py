import numpy as np
import pandas as pd
import pytest
from stdnum.se import orgnr as stdnum_orgnr

from clustereffects.accounts.orgnr import (
    clean_orgnr,
    format_orgnr,
    is_sole_trader,
    luhn_valid,
    masked,
    one_slip_away,
)

ERICSSON = 5560160680


def test_check_digit_agrees_with_stdnum_on_thousands_of_numbers():
    rng = np.random.default_rng(1)
    numbers = rng.integers(10**9, 10**10, size=20_000)
    expected = [stdnum_orgnr.is_valid(str(number)) for number in numbers]
    assert 0.08 < np.mean(expected) < 0.12
    assert luhn_valid(numbers).tolist() == expected
    assert clean_orgnr([str(number) for number in numbers]).ok.tolist() == expected
    assert clean_orgnr(numbers).ok.tolist() == expected


@pytest.mark.parametrize(
    "written",
    [
        "556016-0680",
        "5560160680",
        " 556016 0680 ",
        "556016\u20130680",
        "5560160680.0",
        "5560160680,00",
        "165560160680",
        "16556016-0680",
        "SE556016068001",
        "se 556016-0680 01",
        "SE5560160680",
        "556016068001",
        "5.560160680E+09",
        "5,560160680E9",
        5560160680,
        5560160680.0,
        165560160680.0,
        np.int64(5560160680),
        556016068001,
    ],
)
def test_every_way_of_writing_gives_the_number(written):
    found = clean_orgnr([written])
    assert (found.number.tolist(), found.reason.tolist()) == ([ERICSSON], [""])


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("556016-0681", "wrong check digit"),
        ("165560160681", "wrong check digit"),
        ("SE556016068101", "wrong check digit"),
        ("55601606", "not ten digits"),
        ("5.56E+09", "not ten digits"),
        # Nine digits of ten: nothing says whether the last was a zero or was rounded away.
        ("5.56016068E+09", "not ten digits"),
        ("saknas", "not ten digits"),
        ("125560160680", "not ten digits"),
        (5560160680.5, "not ten digits"),
        (float("inf"), "not ten digits"),
        (-5560160680, "not ten digits"),
        ("", "empty"),
        ("   ", "empty"),
        (None, "empty"),
        (float("nan"), "empty"),
        ("0000000000", "wrong check digit"),
    ],
)
def test_what_cannot_be_cleaned_has_a_reason(written, reason):
    found = clean_orgnr(pd.Series([written], dtype=object))
    assert (found.number.tolist(), found.reason.tolist()) == ([0], [reason])
    assert not found.ok.any()


def test_a_wrong_check_digit_keeps_the_digits_as_typed():
    assert clean_orgnr(["556016-0681", "x", "556016-0680"]).typed.tolist() == [5560160681, 0, ERICSSON]


def test_state_authorities_begin_with_20_which_is_not_a_century():
    # 202100-5489 with the suffix 01 has twelve digits and begins like a person born in the 2000s.
    assert clean_orgnr(["202100548901", "202100-5489"]).number.tolist() == [2021005489, 2021005489]


def test_sole_traders_are_flagged_also_with_their_century():
    found = clean_orgnr(["640823-3234", "19640823-3234", "640823+3234", "556016-0680", None])
    assert found.number.tolist() == [6408233234] * 3 + [ERICSSON, 0]
    assert found.sole_trader.tolist() == [True, True, True, False, False]
    assert is_sole_trader(np.array([0])).tolist() == [False]


def test_missing_values_of_every_column_type():
    assert clean_orgnr(pd.Series([ERICSSON, None], dtype="Int64")).reason.tolist() == ["", "empty"]
    assert clean_orgnr(pd.Series([float(ERICSSON), np.nan])).reason.tolist() == ["", "empty"]
    assert clean_orgnr([]).number.tolist() == []
    assert clean_orgnr([None, None]).reason.tolist() == ["empty", "empty"]


def test_unusual_is_what_differs_from_most_of_the_column():
    found = clean_orgnr(["556016-0680", "556012-5790", "5560125790", "x"])
    assert found.unusual.tolist() == [False, False, True, False]


def test_numbers_one_slip_away():
    near = one_slip_away(5560160681)
    assert luhn_valid(near).all()
    for number in near:
        pairs = list(zip(f"{number:010d}", "5560160681", strict=True))
        wrong = [place for place, (a, b) in enumerate(pairs) if a != b]
        swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1 and pairs[wrong[0]] == pairs[wrong[1]][::-1]
        assert len(wrong) == 1 or swapped
    assert len(near) >= 10
    with pytest.raises(ValueError, match="expected ten digits, got 12345678901"):
        one_slip_away(12345678901)


def test_personal_numbers_are_never_shown():
    assert masked("19640823-3234") == masked(6408233234) == format_orgnr(6408233234) == "(personal identity number)"
    assert masked(5560160681.0) == "'5560160681'"
    assert masked("saknas") == "'saknas'"
    assert format_orgnr(ERICSSON) == "556016-0680"


def test_fractions_are_not_checked():
    with pytest.raises(TypeError, match="expected integers, got float64"):
        luhn_valid(np.array([5560160680.0]))
