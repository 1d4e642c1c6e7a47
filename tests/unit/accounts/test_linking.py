import pandas as pd
import pytest

from clustereffects.accounts import (
    link_members,
    read_accounts,
    read_members,
    read_organisations,
    unusable_organisations,
)


@pytest.fixture
def accounts(clean_frame, firms):
    # The last firm has another legal form, so its statements are in the file but not in use.
    return read_accounts(clean_frame.assign(legal_form=(clean_frame["orgnr"] != firms[3]).map({True: 49, False: 81})))


def _members(*rows):
    return read_members(pd.DataFrame(rows, columns=["organisation", "orgnr", "joined"]), name="members.csv")


def test_members_found_and_not_found(accounts, firms):
    linked = link_members(
        _members(("K01", firms[0], 2008), ("K01", firms[3], 2008), ("K01", 5569999997, 2008)), accounts
    )
    assert linked.firms["firm"].tolist() == [firms[0]]
    found = linked.ledger.to_frame()[["row", "rule", "action"]].values.tolist()
    assert found == [
        [3, "firm outside the population of the accounts", "dropped"],
        [4, "firm has no statement in the accounts", "dropped"],
    ]
    assert linked.organisations.values.tolist() == [["K01", 3, 3, 1]]
    assert linked.problems == ()
    assert set(linked.barred) == {firms[0], firms[3], 5569999997}


def test_firms_that_a_mistyped_number_may_mean_are_no_controls(accounts, firms):
    linked = link_members(_members(("K01", firms[0], 2008), ("K01", "556000-0028", 2008)), accounts)
    assert firms[1] in linked.barred
    assert linked.firms["firm"].tolist() == [firms[0]]
    table = linked.ledger.to_frame()
    assert table["rule"].tolist() == ["wrong check digit", "firms that a mistyped number may mean"]
    assert "556000-0027" in table["detail"].iloc[1]


def test_a_mistyped_number_of_nobody_bars_nobody(accounts, firms):
    linked = link_members(_members(("K01", firms[0], 2008), ("K01", "559123-4560", 2008)), accounts)
    assert linked.ledger.to_frame()["rule"].tolist() == ["wrong check digit"]
    assert linked.barred.tolist() == [firms[0]]


def test_organisations_without_a_usable_member_are_problems(accounts, firms):
    organisations = read_organisations(
        pd.DataFrame({"organisation": ["K01", "K02", "K03"], "name": "x", "county": "17"})
    )
    members = _members(("K01", firms[0], 2008), ("K02", firms[1], None))
    linked = link_members(members, accounts, organisations)
    assert [problem.what for problem in linked.problems] == [
        "organisation 'K02' has no usable member",
        "organisation 'K03' has no usable member",
    ]
    assert linked.problems[0].where == "1 rows in the member list, 0 firms with a joining year, 0 with statements"
    assert linked.problems[0].file == "members.csv"


def test_without_the_accounts_the_list_alone_is_judged(firms):
    organisations = read_organisations(
        pd.DataFrame({"organisation": ["K01", "K02", "K03"], "name": "x", "county": "17"})
    )
    members = _members(("K01", firms[0], 2008), ("K01", firms[0], 2009), ("K02", firms[1], None))
    problems = unusable_organisations(members, organisations)
    assert [problem.what for problem in problems] == [
        "a firm has several joining years in one organisation",
        "organisation 'K02' has no usable member",
        "organisation 'K03' has no usable member",
    ]


def test_contradictions_of_the_list_are_among_the_problems(accounts, firms):
    linked = link_members(_members(("K01", firms[0], 2008), ("K01", firms[0], 2009)), accounts)
    assert [problem.row for problem in linked.problems] == [2]
