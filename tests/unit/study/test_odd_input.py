"""Odd but legal: other formats, few organisations, one cohort, short windows, other choices; and what cannot run."""

import numpy as np
import pandas as pd
import pytest

from clustereffects import cli
from clustereffects.errors import EstimationError
from clustereffects.study import Study
from support.regions import FEW_OUTCOMES, change_accounts, edit, firms_only, lines_of, write_lines

ONE_OUTCOME = 'names = ["value_added"]'


@pytest.fixture
def firms(region):
    """The region with accounts and lists only, and one outcome."""
    firms_only(region / "study.toml")
    edit(region / "study.toml", FEW_OUTCOMES, ONE_OUTCOME)
    return region


def run(folder):
    study = Study.from_toml(folder / "study.toml")
    assert study.preflight() == []
    report = study.run(progress=False)
    assert "<html" in report.html()
    return report


def only(folder, *organisations):
    for name in ("organisations.csv", "members.csv"):
        lines = lines_of(folder / name)
        write_lines(folder / name, [lines[0], *(line for line in lines[1:] if line[:3] in organisations)])


def overall(report, estimator="matched_did"):
    effects = report.files["effects"]
    rows = effects[(effects["estimator"] == estimator) & (effects["aggregation"] == "overall")]
    return rows.set_index("outcome")["estimate"]


def in_swedish_excel(folder):
    """Accounts with ; and decimal commas in Latin-1, members as XLSX, the other files in Latin-1 or with ;."""
    accounts = pd.read_parquet(folder / "accounts.parquet")
    accounts.to_csv(folder / "bokslut.csv", sep=";", decimal=",", index=False, encoding="latin-1")
    (folder / "accounts.parquet").unlink()
    edit(folder / "study.toml", "accounts.parquet", "bokslut.csv")
    members = pd.read_csv(folder / "members.csv", sep=";", dtype=str, encoding="utf-8-sig")
    members.to_excel(folder / "medlemmar.xlsx", index=False)
    (folder / "members.csv").unlink()
    edit(folder / "study.toml", "members.csv", "medlemmar.xlsx")
    for name in ("organisations.csv", "codings.csv", "survey_2011.csv"):
        text = (folder / name).read_text(encoding="utf-8-sig")
        (folder / name).write_bytes(text.encode("cp1252"))
    deflator = (folder / "deflator.csv").read_text(encoding="utf-8")
    (folder / "deflator.csv").write_text(deflator.replace(",", ";").replace(".", ","), encoding="utf-8-sig")


def test_other_formats_give_the_same_results(region, plain):
    in_swedish_excel(region)
    edit(region / "study.toml", FEW_OUTCOMES, ONE_OUTCOME)
    report = run(region)
    before = plain.report.files["effects"]
    before = before[before["outcome"] == "log_value_added"].reset_index(drop=True)
    figures = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(report.files["effects"][figures], before[figures], rtol=1e-9)
    pd.testing.assert_frame_equal(report.files["survey"], plain.report.files["survey"])
    assert report.content.labels["organisations"] == plain.report.content.labels["organisations"]
    assert report.results.inputs.accounts.dialect == "Latin-1, separator ';'" or "separator ';'" in (
        report.results.inputs.accounts.dialect
    )


def test_three_organisations_a_short_window_and_a_claim_on_something_else(firms):
    only(firms, "K01", "K02", "K03")
    edit(firms / "study.toml", "event_times = [-5, 5]", "event_times = [-3, 3]")
    edit(firms / "theory.toml", 'outcome = "employees"', 'outcome = "patents"')
    report = run(firms)
    effects = report.files["effects"]
    times = effects.loc[(effects["estimator"] == "matched_did") & (effects["aggregation"] == "event"), "event_time"]
    assert (times.min(), times.max()) == (-3, 3)
    assert np.isfinite(overall(report)).all()
    assert {"K01", "K02", "K03", "programme"} == set(report.files["verdicts"]["group"])


def test_figures_may_all_be_withheld(firms):
    edit(firms / "study.toml", "minimum_firms = 3", "minimum_firms = 100")
    report = run(firms)
    effects = report.files["effects"]
    assert (effects["withheld"] != "").all()
    assert effects[["estimate", "std_error", "conf_low"]].isna().all(axis=None)
    organisations = report.files["verdicts"].query("group != 'programme' and claim == 'value_added_growth'")
    assert set(organisations["verdict"]) == {"not published"}


@pytest.mark.slow
def test_a_single_cohort(firms):
    lines = lines_of(firms / "members.csv")
    cells = {line.split(";")[2]: line.split(";") for line in lines[1:]}
    rows = [";".join([*row[:3], "2007", "", row[5]]) for row in cells.values()]
    write_lines(firms / "members.csv", [lines[0], *rows])
    effects = run(firms).files["effects"]
    cohorts = effects.loc[(effects["aggregation"] == "cohort") & effects["estimate"].notna(), "cohort"]
    assert set(cohorts) == {2007}


@pytest.mark.slow
@pytest.mark.parametrize("kept", [("K04",), ("K04", "K05")])
def test_one_or_two_organisations(firms, kept):
    only(firms, *kept)
    report = run(firms)
    assert np.isfinite(overall(report)).all()
    assert set(report.files["verdicts"]["group"]) == {*kept, "programme"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"event_times = [-5, 5]": "event_times = [-2, 0]"},
        {'kind = "matched_did"': 'kind = "group_time_did"'},
        {
            'cluster = "organisation"': 'cluster = "firm"',
            'donor_pool = "other counties"': 'donor_pool = "all"',
            "replace = true": "replace = false",
        },
        {
            ONE_OUTCOME: 'names = ["competitiveness", "productivity"]',
            'nearest = ["value_added", "growth"]': 'nearest = ["employees"]',
            'exact = ["industry_division", "size_class"]': "exact = []",
        },
        {
            "benefit = 0.9": "benefit = 1.0",
            "harm = 0.9": "harm = 0.51",
            "required_return = 0.06": "required_return = 0",
        },
        {"first_year = 2000": "first_year = 2006"},
        {'economic = "moderate"': 'economic = "none"', "lags = 3": "lags = 5", "controls = 5": "controls = 1"},
    ],
)
def test_other_choices(firms, changes):
    for old, new in changes.items():
        edit(firms / "study.toml", old, new)
    assert np.isfinite(overall(run(firms))).all()


def test_no_member_finds_a_control(firms, tmp_path, capsys):
    only(firms, "K01")
    lines = lines_of(firms / "members.csv")
    write_lines(firms / "members.csv", lines[:2])
    with pytest.raises(EstimationError, match="no treated unit has a candidate"):
        run(firms)
    assert cli.main(["run", str(firms / "study.toml"), "--out", str(tmp_path / "out")]) == cli.CANNOT_RUN
    said = capsys.readouterr()
    assert said.out == ""
    assert "no treated unit has a candidate" in said.err
    assert not (tmp_path / "out").exists()


def test_an_organisation_without_a_row_in_the_member_list(firms):
    edit(firms / "organisations.csv", "K05,", "K06,Nystartade,Turism,21,2013\nK05,")
    (problem,) = Study.from_toml(firms / "study.toml").preflight()
    assert problem.what == "organisation 'K06' has no usable member"
    assert problem.where.startswith("0 rows in the member list")


def test_accounts_of_other_years_and_forms(firms):
    change_accounts(firms, lambda frame: frame.assign(legal_form=31))
    (problem,) = [p for p in Study.from_toml(firms / "study.toml").preflight() if p.file == "accounts.parquet"]
    assert "none of the" in problem.what
