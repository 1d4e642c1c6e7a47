import numpy as np
import pandas as pd
import polars as pl
import pytest

from clustereffects.accounts import AccountsOptions, read_accounts
from clustereffects.errors import ColumnError, InputError, OptionError

MONEY = ["net_turnover", "value_added", "personnel_cost", "depreciation", "operating_profit", "total_assets"]


def _changed(frame, row, **cells):
    frame = frame.copy()
    for column, value in cells.items():
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
    return frame


def test_clean_accounts_pass_untouched(clean_frame):
    accounts = read_accounts(clean_frame)
    assert accounts.ledger.entries == ()
    assert accounts.sample.to_dict()["rows_used"] == len(clean_frame)
    assert accounts.frame[MONEY].equals(clean_frame[MONEY])
    assert accounts.frame["firm"].dtype == np.int64
    assert accounts.frame["county"].unique().tolist() == ["17"]
    assert accounts.frame["group_orgnr"].isna().all()
    assert accounts.frame["row"].tolist() == list(range(2, len(clean_frame) + 2))


@pytest.mark.parametrize("separator", [";", ","])
def test_a_file_gives_the_same_as_a_frame(clean_frame, tmp_path, separator):
    path = tmp_path / "bokslut.csv"
    clean_frame.to_csv(path, sep=separator, decimal="," if separator == ";" else ".", index=False, encoding="utf-8-sig")
    accounts = read_accounts(path)
    assert accounts.file == "bokslut.csv"
    assert accounts.dialect == f"UTF-8 with byte-order mark, separator '{separator}'"
    pd.testing.assert_frame_equal(accounts.frame, read_accounts(clean_frame).frame)


def test_polars_and_other_column_names(clean_frame):
    renamed = clean_frame.rename(columns={"orgnr": "ORGNR", "status": "bokslutsstatus", "year": " Year "})
    options = AccountsOptions(columns={"status": "bokslutsstatus"})
    accounts = read_accounts(pl.from_pandas(renamed), options)
    pd.testing.assert_frame_equal(accounts.frame, read_accounts(clean_frame).frame)


def test_missing_columns_are_listed_at_once(clean_frame):
    with pytest.raises(ColumnError, match="column 'status' is missing") as error:
        read_accounts(clean_frame.drop(columns=["status", "sni"]), name="bokslut")
    assert [problem.what for problem in error.value.problems] == [
        "column 'status' is missing",
        "column 'sni' is missing",
    ]
    assert error.value.problems[0].file == "bokslut"
    assert "columns.status" in error.value.problems[0].remedy


def test_a_column_twice_is_refused(clean_frame):
    frame = clean_frame.assign(Sni="25110")
    with pytest.raises(ColumnError, match="column 'sni' occurs twice"):
        read_accounts(frame)


def test_something_else_than_a_table_is_refused():
    with pytest.raises(InputError, match="not a path and not a frame"):
        read_accounts(17)


def test_all_cells_that_are_not_numbers_are_listed_at_once(clean_frame):
    frame = _changed(clean_frame, 3, value_added="okänd", year="2008.5", municipality="Karlstad")
    frame = _changed(frame, 5, employees=np.inf)
    with pytest.raises(InputError, match="4 problems") as error:
        read_accounts(frame, name="bokslut")
    found = {problem.what: problem for problem in error.value.problems}
    assert found["column 'value_added' holds something that is not a number"].where == "row 5: 'okänd'"
    assert found["column 'year' holds fractions"].row == 5
    assert found["a municipality is not a code"].where == "row 5: 'Karlstad'"
    assert found["column 'employees' holds something that is not a number"].row == 7
    assert all(problem.remedy and problem.file == "bokslut" for problem in error.value.problems)


def test_years_must_be_there_and_be_calendar_years(clean_frame):
    with pytest.raises(InputError, match="column 'year' has empty cells – row 4: empty"):
        read_accounts(_changed(clean_frame, 2, year=None))
    with pytest.raises(InputError, match="a year is not a calendar year – row 4: 20040101"):
        read_accounts(clean_frame.assign(year=clean_frame["year"].where(clean_frame.index != 2, 20040101)))


def test_an_empty_file_and_a_file_without_usable_rows_are_refused(clean_frame):
    with pytest.raises(InputError, match="a header but no rows"):
        read_accounts(clean_frame.head(0))
    with pytest.raises(InputError, match="none of the 24 rows can be used"):
        read_accounts(clean_frame, AccountsOptions(legal_form=31))


def test_costs_with_a_minus_are_refused(clean_frame):
    with pytest.raises(
        InputError, match="column 'personnel_cost' has more negative than positive values – 24 negative"
    ):
        read_accounts(clean_frame.assign(personnel_cost=-clean_frame["personnel_cost"]))


@pytest.mark.parametrize("factor", [1000, 0.001])
def test_a_file_in_another_unit_is_refused(clean_frame, factor):
    frame = clean_frame.assign(**{column: clean_frame[column] * factor for column in MONEY})
    with pytest.raises(InputError, match="money does not seem to be in kSEK – median personnel cost per employee"):
        read_accounts(frame)


def test_rows_without_a_usable_number_are_dropped_with_their_reason(clean_frame):
    frame = _changed(clean_frame, 0, orgnr="556000-0018")
    frame = _changed(frame, 1, orgnr=None)
    frame = _changed(frame, 2, orgnr="12")
    frame = _changed(frame, 3, orgnr="640823-3235")
    accounts = read_accounts(frame)
    assert accounts.sample.dropped == {
        "organisation number missing": 1,
        "organisation number is not ten digits": 1,
        "wrong check digit": 2,
    }
    table = accounts.ledger.to_frame().set_index("row")
    assert table.loc[2, "detail"] == "'556000-0018'"
    assert table.loc[5, "detail"] == "(personal identity number)"
    assert table["rule"].tolist() == ["wrong check digit", *list(accounts.sample.dropped)]


def test_identical_duplicates_are_dropped_whatever_way_they_are_written(clean_frame):
    again = clean_frame.iloc[[4]].assign(orgnr=f"16{clean_frame.loc[4, 'orgnr']}")
    accounts = read_accounts(pd.concat([clean_frame, again], ignore_index=True))
    assert accounts.ledger.rows("identical duplicate").tolist() == [26]
    assert accounts.sample.rows_used == 24


def test_conflicting_duplicates_are_a_problem(clean_frame):
    other = clean_frame.iloc[[4, 9]].assign(value_added=1.0)
    with pytest.raises(InputError, match=r"several statements that differ .* 2 firm-years, first rows 6, 26, 11, 27"):
        read_accounts(pd.concat([clean_frame, other], ignore_index=True))


def test_conflicting_duplicates_are_listed_beside_everything_else(clean_frame):
    twice = pd.concat([clean_frame, clean_frame.iloc[[3]].assign(employees=77)])
    missing, wrong = twice.drop(columns="status"), _changed(twice.reset_index(drop=True), 0, employees="x")
    for frame, first in ((missing, "column 'status' is missing"), (wrong, "column 'employees' holds something")):
        with pytest.raises(InputError, match="several statements that differ") as refused:
            read_accounts(frame)
        assert len(refused.value.problems) == 2
        assert refused.value.problems[0].what.startswith(first)
        assert refused.value.problems[1].row == 5
    with pytest.raises(ColumnError) as refused:
        read_accounts(twice.drop(columns=["year", "status"]))
    assert len(refused.value.problems) == 2
    year = int(twice["year"].iloc[3])
    with pytest.raises(ColumnError) as refused:
        read_accounts(missing, AccountsOptions(first_year=year + 1))
    assert len(refused.value.problems) == 1


def test_other_legal_forms_are_dropped_but_remembered(clean_frame, firms):
    frame = clean_frame.assign(legal_form=np.where(clean_frame["orgnr"] == firms[3], 31, 49))
    accounts = read_accounts(frame)
    assert accounts.sample.dropped == {"other legal form": 6}
    assert accounts.ledger.to_frame()["detail"].unique().tolist() == ["legal_form 31"]
    assert firms[3] in accounts.firms_in_file
    assert firms[3] not in accounts.frame["firm"].to_numpy()
    assert len(read_accounts(frame, AccountsOptions(legal_form=None)).frame) == 24


def test_years_outside_are_dropped(clean_frame):
    accounts = read_accounts(clean_frame, AccountsOptions(first_year=2006, last_year=2009))
    assert accounts.sample.dropped == {"outside the years of the study": 8}
    with pytest.raises(OptionError, match="the last year is before the first – first_year = 2006, last_year = 2005"):
        AccountsOptions(first_year=2006, last_year=2005)


def test_results_reported_elsewhere_are_missing_never_zero(clean_frame):
    zero = dict.fromkeys(MONEY[:5], 0.0)
    frame = _changed(clean_frame, 1, status="K", **zero)
    frame = _changed(frame, 2, status=" k ", **dict.fromkeys(MONEY[:5]))
    frame = _changed(frame, 3, status="K")
    accounts = read_accounts(frame)
    rows = accounts.frame.iloc[[1, 2, 3]]
    assert rows[MONEY[:5]].isna().all().all()
    assert rows["total_assets"].tolist() == [1500.0] * 3
    assert rows["employees"].tolist() == [2.0] * 3
    details = accounts.ledger.to_frame()["detail"].tolist()
    assert details == ["written as zero", "empty in the file", "figures emptied"]
    kept = read_accounts(frame, AccountsOptions(status_without_result=())).frame
    assert kept.loc[1, "value_added"] == 0.0


def test_zero_and_negative_value_added_stay(clean_frame):
    accounts = read_accounts(
        _changed(_changed(clean_frame, 0, value_added=0), 1, value_added=-300, operating_profit=-5)
    )
    assert accounts.frame["value_added"].tolist()[:2] == [0.0, -300.0]
    assert accounts.ledger.entries == ()


def test_impossible_negative_cells_are_emptied(clean_frame):
    accounts = read_accounts(_changed(clean_frame, 2, total_assets=-1, employees=-3))
    assert accounts.frame.loc[2, ["total_assets", "employees"]].isna().all()
    assert accounts.ledger.to_frame()[["row", "rule", "detail"]].values.tolist() == [
        [4, "impossible negative value", "total_assets, employees"]
    ]


def _thousandfold(frame, rows):
    frame = frame.copy()
    frame.loc[rows, MONEY] *= 1000
    return frame


@pytest.mark.parametrize("rows", [[2], [2, 3], [1, 8]])
def test_statements_in_kronor_between_others_are_divided_by_1000(clean_frame, rows):
    accounts = read_accounts(_thousandfold(clean_frame, rows))
    np.testing.assert_allclose(accounts.frame[MONEY], clean_frame[MONEY], rtol=1e-12)
    assert accounts.ledger.rows("money in SEK instead of kSEK").tolist() == [row + 2 for row in rows]
    assert accounts.sample.counts["money in SEK instead of kSEK"] == len(rows)


def test_at_the_end_of_a_series_the_unit_is_uncertain_and_the_cells_are_emptied(clean_frame):
    accounts = read_accounts(_thousandfold(clean_frame, [0, 11]))
    assert accounts.frame.loc[[0, 11], MONEY].isna().all().all()
    assert accounts.frame.loc[[0, 11], "employees"].tolist() == [2.0, 2.0]
    assert accounts.ledger.rows("money perhaps in SEK instead of kSEK").tolist() == [2, 13]


def test_years_without_an_own_result_do_not_hide_the_unit(clean_frame):
    frame = _thousandfold(clean_frame, [5])
    for row in (2, 3, 4):
        frame = _changed(frame, row, status="K")
    accounts = read_accounts(frame)
    assert accounts.ledger.rows("money perhaps in SEK instead of kSEK").tolist() == [7]


def test_a_firm_that_hired_really_grew(clean_frame):
    frame = _thousandfold(clean_frame, [5])
    frame.loc[5, "employees"] = 900.0
    assert read_accounts(frame).frame.loc[5, "total_assets"] == 1_500_000.0


def test_one_large_cell_is_not_a_unit(clean_frame):
    frame = _changed(clean_frame, 2, total_assets=1_500_000.0)
    accounts = read_accounts(frame)
    assert accounts.frame.loc[2, "total_assets"] == 1_500_000.0
    assert accounts.ledger.entries == ()


def test_lost_zeros_of_codes_are_put_back(clean_frame):
    frame = _changed(clean_frame, 0, sni="1110", municipality="180")
    frame = _changed(frame, 1, sni="x")
    accounts = read_accounts(frame)
    assert accounts.frame.loc[0, ["sni", "municipality", "county"]].tolist() == ["01110", "0180", "01"]
    assert pd.isna(accounts.frame.loc[1, "sni"])
    found = accounts.ledger.to_frame()[["row", "rule", "detail"]].values.tolist()
    assert found == [
        [2, "leading zero of the municipality lost", "0180"],
        [2, "leading zero of the industry code lost", "01110"],
        [3, "industry code not readable", "x"],
    ]


def test_parents_are_cleaned_too(clean_frame, firms):
    frame = _changed(clean_frame, 0, group_orgnr=f"16{firms[1]}")
    frame = _changed(frame, 1, group_orgnr="556000-0018")
    accounts = read_accounts(frame)
    assert accounts.frame["group_orgnr"].iloc[0] == firms[1]
    assert pd.isna(accounts.frame["group_orgnr"].iloc[1])
    assert accounts.ledger.rows("parent's organisation number not usable").tolist() == [3]


def test_municipality_written_as_a_number(clean_frame):
    assert read_accounts(clean_frame.assign(municipality=1780.0)).frame["county"].unique().tolist() == ["17"]
    with_gap = clean_frame.assign(municipality=clean_frame["municipality"].where(clean_frame.index != 0))
    assert pd.isna(read_accounts(with_gap).frame.loc[0, "county"])
