import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import (
    PanelOptions,
    build_panel_frame,
    evaluable_members,
    link_members,
    read_accounts,
    read_deflator,
    read_industry_key,
    read_members,
    read_supports,
)
from clustereffects.data import Panel
from clustereffects.errors import InputError, OptionError


@pytest.fixture
def build(key_frame, deflator_frame, firms):
    def run(frame, *rows, supports=None, base_year=2010):
        accounts = read_accounts(frame, name="accounts")
        rows = rows or (("K01", firms[0], 2008),)
        listed = pd.DataFrame(rows, columns=["organisation", "orgnr", "joined"])
        members = link_members(read_members(listed), accounts)
        key, deflator = read_industry_key(key_frame), read_deflator(deflator_frame)
        return build_panel_frame(accounts, members, deflator, key, PanelOptions(base_year=base_year), supports), members

    return run


def test_a_panel_can_be_made_of_it(build, clean_frame, firms):
    result, _ = build(clean_frame, ("K01", firms[0], 2008), ("K02", firms[1], 2009))
    panel = Panel(result.frame, unit="firm", time="year", cohort="cohort", group="organisation")
    assert repr(panel) == "Panel(4 units × 6 periods, 2 treated in 2 cohorts)"
    assert panel.groups.tolist() == ["K01", "K02", None, None]
    assert panel.wide_codes("industry_division").min() == 0
    assert result.frame["ever_member"].sum() == 12


def test_money_is_in_prices_of_the_base_year_and_ratios_are_not_touched(build, clean_frame):
    frame = build(clean_frame)[0].frame
    assert frame.loc[5, "value_added"] == 900.0
    np.testing.assert_allclose(frame.loc[0, "value_added"], 900.0 * 100 / 90)
    np.testing.assert_allclose(frame.loc[0, "productivity"], frame.loc[0, "value_added"] / 2)
    np.testing.assert_allclose(frame["competitiveness"].iloc[:6], 900 / (700 + 50 + 0.06 * 1500))
    np.testing.assert_allclose(frame["log_value_added"], np.log(frame["value_added"]))
    np.testing.assert_allclose(frame.loc[1, "growth"], np.log(90 / 92))
    assert np.isnan(frame.loc[6, "growth"])


def test_a_year_without_prices_is_an_error(build, clean_frame):
    with pytest.raises(InputError, match="missing: 2011"):
        build(clean_frame, base_year=2011)
    with pytest.raises(OptionError, match="the required return is not a rate – required_return = 6"):
        PanelOptions(base_year=2010, required_return=6)


def test_matching_variables_are_by_year_in_one_classification(build, clean_frame, firms):
    frame = clean_frame.copy()
    moved = (frame["orgnr"] == firms[2]) & (frame["year"] >= 2009)
    frame.loc[moved, ["municipality", "employees"]] = ["2080", 60.0]
    frame.loc[frame["orgnr"] == firms[1], "employees"] = np.nan
    found = build(frame)[0].frame
    assert found["industry_division"].astype(str).unique().tolist() == ["25"]
    one = found[found["firm"] == firms[2]]
    assert one["county"].tolist() == ["17"] * 4 + ["20"] * 2
    assert one["size_class"].tolist() == ["0-9"] * 4 + ["50-249"] * 2
    assert found.loc[found["firm"] == firms[1], "size_class"].isna().all()


def test_logarithms_of_what_is_not_positive_are_missing_and_counted(build, clean_frame):
    frame = clean_frame.copy()
    frame.loc[[0, 1, 2], "value_added"] = [0.0, -5.0, np.nan]
    frame.loc[3, "employees"] = 0.0
    result, _ = build(frame)
    assert result.frame.loc[[0, 1, 2], "log_value_added"].isna().all()
    counts = result.sample.counts
    assert [counts[f"log_value_added: {why}"] for why in ("missing", "zero", "negative")] == [1, 1, 1]
    assert counts["log_employees: zero"] == 1
    assert counts["log_productivity: missing"] == 2
    assert counts["industry: own bridge"] == 12


def test_firms_that_may_not_be_controls_are_left_out_and_counted(build, clean_frame, firms):
    result, members = build(clean_frame, ("K01", firms[0], 2008), ("K01", firms[1], None), ("K01", "556000-0036", 2008))
    assert members.firms["firm"].tolist() == [firms[0]]
    assert firms[2] in members.barred
    assert sorted(result.frame["firm"].unique()) == [firms[0], firms[3]]
    assert result.sample.dropped == {"member without a usable joining year": 12}
    assert result.ledger.to_frame()["row"].tolist() == list(range(8, 20))


def test_firms_of_a_members_group_are_marked(build, clean_frame, firms):
    frame = clean_frame.assign(group_orgnr=pd.Series([None] * 24, dtype=object))
    parent = 5569999997
    frame.loc[frame["orgnr"].isin([firms[0], firms[1]]) & (frame["year"] == 2007), "group_orgnr"] = parent
    frame.loc[frame["orgnr"] == firms[2], "group_orgnr"] = firms[0]
    found = build(frame)[0].frame.groupby("firm")["member_group"].all()
    assert found.tolist() == [False, True, True, False]
    frame.loc[frame["orgnr"] == firms[0], "group_orgnr"] = firms[3]
    assert build(frame)[0].frame.groupby("firm")["member_group"].all().tolist() == [False, False, True, True]


def test_other_support_by_year(build, clean_frame, firms):
    supports = read_supports(pd.DataFrame({"orgnr": [f"16{firms[1]}"] * 2, "year": [2007, 2007], "amount": [1, 2]}))
    frame = build(clean_frame, supports=supports)[0].frame
    assert frame.loc[frame["other_support"], ["firm", "year"]].values.tolist() == [[firms[1], 2007]]
    assert not build(clean_frame)[0].frame["other_support"].any()


def test_who_can_be_evaluated_and_why_not(build, clean_frame, firms):
    frame = clean_frame.copy()
    frame.loc[(frame["orgnr"] == firms[1]) & (frame["year"] == 2007), "value_added"] = -1.0
    frame.loc[(frame["orgnr"] == firms[3]) & (frame["year"] >= 2008), "value_added"] = np.nan
    listed = (
        ("K01", firms[0], 2008),
        ("K01", firms[1], 2008),
        ("K02", firms[2], 2006),
        ("K02", firms[3], 2008),
        ("K02", 5569999997, 2008),
    )
    result, members = build(frame, *listed)
    found = evaluable_members(result.frame, members, "log_value_added").set_index("firm")
    assert found.loc[list(firms), "reason"].tolist() == [
        "",
        "year before joining missing",
        "too few years before joining",
        "no year from joining on",
    ]
    assert found.loc[5569999997, "reason"] == "no statements"
    assert found.loc[firms[0], ["pre_years", "post_years"]].tolist() == [3, 3]
    assert (evaluable_members(result.frame, members, "log_value_added", minimum_pre_years=1)["reason"] == "").sum() == 2
