import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import LinkedMembers, compare_growth
from clustereffects.accounts.ledger import IntakeLedger
from clustereffects.accounts.members import Members
from clustereffects.errors import ColumnError, InputError

# firm, county, division, ever member, value 2007, value 2012
ROWS = [
    (1, "17", "25", True, 100.0, 200.0),
    (2, "17", "62", True, 50.0, 50.0),
    (3, "17", "25", False, 80.0, 100.0),
    (4, "17", "10", False, 10.0, 40.0),
    (5, "17", "62", False, 30.0, -1.0),
    (6, "20", "25", True, 10.0, 30.0),
    (7, "20", "25", False, 20.0, 20.0),
    (8, "20", "25", True, 20.0, 99.0),
    (9, "17", "25", True, 20.0, 99.0),
]


@pytest.fixture
def frame():
    return pd.DataFrame(
        [
            (firm, year, county, division, ever, value)
            for firm, county, division, ever, first, last in ROWS
            for year, value in ((2007, first), (2012, last))
        ],
        columns=["firm", "year", "county", "industry_division", "ever_member", "value_added"],
    ).assign(competitiveness=lambda table: table["value_added"] / 10)


@pytest.fixture
def members():
    firms = pd.DataFrame(
        {
            "firm": [1, 2, 6, 8, 9],
            "cohort": [2004, 2010, 2008, 2013, 2004],
            "organisation": ["K01", "K01", "K02", "K02", "K01"],
            "left": [np.nan, np.nan, 2013.0, np.nan, 2012.0],
        }
    )
    read = Members(
        spells=firms,
        firms=firms,
        ever_members=firms["firm"].to_numpy(),
        mistyped=firms.head(0),
        listed={},
        ledger=IntakeLedger(),
        file="",
    )
    return LinkedMembers(
        firms=firms,
        members=read,
        barred=read.ever_members,
        organisations=firms.head(0),
        problems=(),
        ledger=IntakeLedger(),
    )


def _row(result, organisation, comparison):
    table = result.frame.set_index(["organisation", "comparison"])
    return table.loc[(organisation, comparison)]


def test_members_against_the_county(frame, members):
    result = compare_growth(frame, members, {"K01": "17", "K02": "20"}, window=(2007, 2012))
    row = _row(result, "K01", "county")
    assert (row["members"], row["comparison_firms"]) == (2, 2)
    np.testing.assert_allclose(row["member_growth"], np.log(2) / 2)
    np.testing.assert_allclose(row["comparison_growth"], (np.log(100 / 80) + np.log(4)) / 2)
    np.testing.assert_allclose(row["difference"], row["member_growth"] - row["comparison_growth"])
    np.testing.assert_allclose(row["member_total_growth"], 250 / 150 - 1)
    np.testing.assert_allclose(row["comparison_total_growth"], 140 / 90 - 1)
    np.testing.assert_allclose(row["excess_value"], 250 - 150 * 140 / 90)
    assert result.label == "descriptive comparison, not an effect"


def test_members_against_their_industries(frame, members):
    result = compare_growth(frame, members, {"K01": "17", "K02": "20"}, window=(2007, 2012))
    row = _row(result, "K01", "industry in the county")
    assert row["comparison_firms"] == 1
    np.testing.assert_allclose(row["comparison_growth"], np.log(100 / 80))


def test_the_programme_weights_every_member_alike_in_means_and_every_krona_in_totals(frame, members):
    result = compare_growth(frame, members, {"K01": "17", "K02": "20"}, window=(2007, 2012))
    one, two, all_ = (_row(result, name, "county") for name in ("K01", "K02", "programme"))
    assert (all_["members"], all_["comparison_firms"]) == (3, 3)
    np.testing.assert_allclose(all_["difference"], (2 * one["difference"] + two["difference"]) / 3)
    np.testing.assert_allclose(all_["member_total_growth"], 280 / 160 - 1)
    np.testing.assert_allclose(all_["excess_value"], one["excess_value"] + two["excess_value"])


def test_an_organisation_without_members_or_comparison_is_unknown_not_zero(frame, members):
    result = compare_growth(frame, members, {"K01": "17", "K03": "21"}, window=(2007, 2012))
    row = _row(result, "K03", "county")
    assert (row["members"], row["comparison_firms"]) == (0, 0)
    assert np.isnan(row["difference"])
    assert np.isnan(row["comparison_total_growth"])
    assert _row(result, "programme", "county")["members"] == 2


def test_sums_of_ratios_are_not_reported(frame, members):
    result = compare_growth(frame, members, {"K01": "17"}, window=(2007, 2012), outcome="competitiveness")
    row = _row(result, "K01", "county")
    assert np.isfinite(row["difference"])
    assert row[["member_total_growth", "comparison_total_growth", "excess_value"]].isna().all()


@pytest.mark.parametrize("window", [(2012, 2007), (2007, 2011), (2012, 2012)])
def test_the_window_must_be_observed(frame, members, window):
    with pytest.raises(
        InputError, match=r"the window of the comparison is not observed – .* accounts from 2007 to 2012"
    ):
        compare_growth(frame, members, {"K01": "17"}, window=window)


def test_the_outcome_must_be_a_column(frame, members):
    with pytest.raises(ColumnError, match="column 'value_ded' is missing"):
        compare_growth(frame, members, {"K01": "17"}, window=(2007, 2012), outcome="value_ded")
