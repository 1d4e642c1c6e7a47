"""Properties of the intake that hold for any input."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.accounts import IntakeLedger, LedgerEntry, clean_orgnr, deflate, luhn_valid, read_members
from clustereffects.accounts._account_rules import one_thousand_times
from clustereffects.accounts.deflate import Deflator
from clustereffects.accounts.industry import clean_sni
from clustereffects.accounts.orgnr import one_slip_away


def _with_check_digit(nine):
    numbers = nine * 10 + np.arange(10)
    return int(numbers[luhn_valid(numbers)][0])


numbers = st.integers(min_value=522000000, max_value=999999999).map(_with_check_digit)
FORMATS = (
    "{0}",
    "{0}.0",
    "16{0}",
    "SE{0}01",
    " {0} ",
)


@given(numbers, st.sampled_from(FORMATS))
def test_a_right_number_survives_every_format(number, pattern):
    assert clean_orgnr([pattern.format(number)]).number.tolist() == [number]
    assert clean_orgnr([float(number)]).number.tolist() == [number]


@given(numbers, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_always_found_and_the_right_number_is_among_the_candidates(number, place, shift):
    digits = [int(digit) for digit in f"{number:010d}"]
    digits[place] = (digits[place] + shift) % 10
    wrong = int("".join(str(digit) for digit in digits))
    assert not luhn_valid(np.array([wrong])).any()
    if wrong > 10**9:
        assert clean_orgnr([wrong]).reason.tolist() == ["wrong check digit"]
        assert number in one_slip_away(wrong)


@given(st.lists(st.one_of(st.none(), st.text(max_size=14), st.integers(), st.floats()), max_size=20))
def test_anything_is_either_a_valid_number_or_has_a_reason(cells):
    found = clean_orgnr(pd.Series(cells, dtype=object))
    assert ((found.number > 0) == (found.reason == "")).all()
    assert luhn_valid(found.number[found.ok]).all()


@given(st.lists(st.one_of(st.none(), st.text(max_size=8), st.integers(0, 99999), st.floats()), max_size=20))
def test_any_industry_code_is_digits_or_empty(cells):
    found = clean_sni(pd.Series(cells, dtype=object))
    assert all(code == "" or code.isdigit() for code in found.code)
    assert len({len(code) for code in found.code if code}) <= 1
    assert not (found.padded & found.unreadable).any()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    st.lists(st.floats(1, 1e4), min_size=3, max_size=3),
    st.sampled_from([2004, 2005, 2006]),
    st.floats(0.1, 10),
)
def test_deflation_does_not_depend_on_the_scale_of_the_index(values, index, base, scale):
    years = np.array([2004, 2005, 2006])
    one = deflate(values, years, Deflator(years, np.array(index), ""), base)
    other = deflate(values, years, Deflator(years, np.array(index) * scale, ""), base)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one[years == base], np.array(values)[years == base])


@given(st.lists(st.lists(st.integers(2, 10**6), max_size=8), max_size=6))
def test_the_ledger_loses_no_row(rows):
    entries = [
        LedgerEntry(file=f"f{place % 2}", rule=f"r{place % 3}", action="dropped", remedy="", rows=found)
        for place, found in enumerate(rows)
    ]
    ledger = IntakeLedger().record(*entries)
    frame = ledger.to_frame()
    assert sorted(frame["row"]) == sorted(row for found in rows for row in found)
    assert ledger.counts()["rows"].sum() == len(frame)


@given(st.lists(st.floats(10, 1e4), min_size=5, max_size=9), st.data())
def test_a_statement_in_kronor_is_found_among_calm_ones(start, data):
    years = len(start)
    calm = np.exp(np.linspace(0, 0.5, years)) * start[0]
    volumes = np.stack([calm, calm * 0.4, calm * 0.7])
    place = data.draw(st.integers(0, years - 1))
    volumes[:, place] *= 1000
    certain, uncertain = one_thousand_times(np.ones(years, dtype=np.int64), volumes, np.full(years, 5.0))
    inside = 0 < place < years - 1
    assert np.flatnonzero(certain).tolist() == ([place] if inside else [])
    assert np.flatnonzero(uncertain).tolist() == ([] if inside else [place])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["K01", "K02"]),
            st.sampled_from(["556000-0019", "5560000027", "556000-0036", None]),
            st.sampled_from([None, "2004", "2006-05-01", "okänt"]),
            st.sampled_from([None, "2005", "2003"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_row_of_a_member_list_is_a_spell_or_on_record_as_dropped(rows):
    members = read_members(pd.DataFrame(rows, columns=["organisation", "orgnr", "joined", "left"], dtype=object))
    table = members.ledger.to_frame()
    dropped = table.loc[table["action"] == "dropped", "row"]
    assert dropped.is_unique
    assert sorted([*dropped, *members.spells["row"]]) == list(range(2, len(rows) + 2))
    assert members.firms["firm"].is_unique
    assert set(members.firms["firm"]) <= set(members.ever_members)
    first = members.spells.groupby("firm")["joined"].min()
    assert members.firms.set_index("firm")["cohort"].to_dict() == first.to_dict()
