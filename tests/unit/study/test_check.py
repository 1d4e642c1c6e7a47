"""`check` lists everything that is wrong with a study at once: file, row, remedy; and no foreign file breaks it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from clustereffects.errors import PlanError, StudyError
from clustereffects.study import Study
from support.regions import change_accounts, edit, firms_only, leave_out, lines_of, rezip, set_cell, write_lines

DTD = b'<?xml version="1.0"?>\n<!DOCTYPE Project [<!ENTITY a "aaaa">]>\n'


def problems_of(folder: Path) -> list:
    """What check lists, whether or not the plan itself is valid."""
    try:
        return Study.from_toml(folder / "study.toml").preflight()
    except PlanError as error:
        return list(error.problems)


def missing_file(folder):
    (folder / "supports.csv").unlink()


def missing_needed_file(folder):
    (folder / "deflator.csv").unlink()


def missing_column(folder):
    path = folder / "supports.csv"
    write_lines(path, [line.replace("year", "när") for line in lines_of(path)])


def missing_column_of_the_accounts(folder):
    change_accounts(folder, lambda frame: frame.drop(columns="status"))


def cohort_that_changes(folder):
    path = folder / "members.csv"
    lines = lines_of(path)
    write_lines(path, [*lines, lines[1].replace(";2004;", ";2009;")])


def duplicate_firm_year(folder):
    change_accounts(folder, lambda frame: pd.concat([frame, frame.iloc[[40]].assign(employees=77.0)]))


def no_usable_member(folder):
    edit(folder / "organisations.csv", "K05,", "K06,Tomma klustret,Turism,21,2004\nK05,")
    path = folder / "members.csv"
    write_lines(path, [*lines_of(path), "K06;Ett AB;;2006;;1"])


def code_outside_its_scale(folder):
    set_cell(folder / "survey_2011.csv", 5, "v2", "9")


def not_a_zip(folder):
    (folder / "interviews.qdpx").write_bytes(b"this is no archive")


def path_outside_the_archive(folder):
    rezip(folder / "interviews.qdpx", lambda name, content: (name.replace("sources/", "../../sources/"), content))


def document_type(folder):
    def declare(name, content):
        return (name, DTD + content.split(b"?>", 1)[1]) if name.endswith(".qde") else (name, content)

    rezip(folder / "interviews.qdpx", declare)


def unknown_key(folder):
    edit(folder / "study.toml", "controls = 5", "contrls = 5")


def stranger_in_members(folder):
    path = folder / "members.csv"
    write_lines(path, [*lines_of(path), "K99;Ett AB;556016-0680;2006;;1"])


def stranger_in_interviews(folder):
    path = folder / "codings.csv"
    lines = lines_of(path)
    write_lines(path, [*lines, lines[1].replace("Samtal_001_K01,K01", "Samtal_990_K98,K98")])


def unknown_scale(folder):
    edit(folder / "theory.toml", 'survey_scale = "growth"', 'survey_scale = "groth"')


def unknown_claim_in_bridge(folder):
    path = folder / "bridge.csv"
    write_lines(path, [line.replace("innovation,T02", "inovation,T02") for line in lines_of(path)])


def word_for_a_number(folder):
    set_cell(folder / "deflator.csv", 4, "index", "okänt", separator=",")


def base_year_without_index(folder):
    edit(folder / "study.toml", "base_year = 2010", "base_year = 1987")


def damaged_spreadsheet(folder):
    rezip(folder / "survey_2012.xlsx", lambda name, content: (name, content[: len(content) // 2]))


def old_excel(folder):
    (folder / "survey_2012.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000))


def latin_1_theory(folder):
    path = folder / "theory.toml"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))


# What is spoilt, and for each problem: the file, the row (None: the file as a whole), and words of the message.
SPOILT = {
    missing_file: [("supports.csv", None, "the file is missing")],
    missing_needed_file: [("deflator.csv", None, "the file is missing")],
    missing_column: [("supports.csv", 1, "column 'year' is missing")],
    missing_column_of_the_accounts: [("accounts.parquet", 1, "column 'status' is missing")],
    cohort_that_changes: [("members.csv", 2, "a firm has several joining years in one organisation – rows 2, 126")],
    duplicate_firm_year: [("accounts.parquet", 42, "several statements that differ for the same firm and year")],
    no_usable_member: [("members.csv", None, "organisation 'K06' has no usable member")],
    code_outside_its_scale: [("survey_2011.csv", 5, "a code outside the scale – column v2: '9' in row 5")],
    not_a_zip: [("interviews.qdpx", None, "cannot be opened as a REFI-QDA project")],
    path_outside_the_archive: [("interviews.qdpx", None, "points outside the archive")],
    document_type: [("interviews.qdpx", None, "document type")],
    unknown_key: [("study.toml", None, "unknown key 'contrls' in [matching]")],
    stranger_in_members: [("members.csv", 126, "organisation 'K99' is not among the organisations")],
    stranger_in_interviews: [("codings.csv", None, "organisation 'K98' is not among the organisations")],
    unknown_scale: [("theory.toml", None, "the scale 'groth', which is not in the codebook")],
    unknown_claim_in_bridge: [("bridge.csv", 3, "inovation")],
    word_for_a_number: [("deflator.csv", 4, "okänt")],
    base_year_without_index: [("deflator.csv", None, "1987")],
    damaged_spreadsheet: [("survey_2012.xlsx", None, "not a readable table")],
    old_excel: [("survey_2012.xlsx", None, "an Excel file of the old kind")],
    latin_1_theory: [("theory.toml", None, "")],
}
# One of each kind that the same folder can have.
TOGETHER = (
    missing_file,
    missing_column_of_the_accounts,
    cohort_that_changes,
    duplicate_firm_year,
    no_usable_member,
    code_outside_its_scale,
    path_outside_the_archive,
    unknown_key,
    unknown_scale,
    unknown_claim_in_bridge,
    stranger_in_interviews,
    word_for_a_number,
    old_excel,
)


OF_WHAT_WAS_SAID = {
    code_outside_its_scale, not_a_zip, path_outside_the_archive, document_type, stranger_in_interviews, unknown_scale,
    unknown_claim_in_bridge, damaged_spreadsheet, old_excel, latin_1_theory,
}  # fmt: skip


def matches(problem, file, row, words) -> bool:
    return problem.file == file and problem.row == row and words in str(problem)


def test_an_untouched_region_has_no_problems(pristine):
    assert problems_of(pristine) == []


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_each_fault_alone(region, spoil):
    if spoil not in OF_WHAT_WAS_SAID:
        firms_only(region / "study.toml")
    spoil(region)
    problems = problems_of(region)
    assert all(any(matches(problem, *wanted) for problem in problems) for wanted in SPOILT[spoil]), problems
    assert len(problems) == len(SPOILT[spoil]), problems
    for problem in problems:
        assert problem.what
        assert problem.expected
        assert problem.remedy


def test_all_faults_at_once(region):
    for spoil in TOGETHER:
        spoil(region)
    problems = problems_of(region)
    for spoil in TOGETHER:
        for wanted in SPOILT[spoil]:
            assert any(matches(problem, *wanted) for problem in problems), (wanted, problems)
    assert len(problems) == sum(len(SPOILT[spoil]) for spoil in TOGETHER), problems


def test_a_run_refuses_what_check_lists(region):
    code_outside_its_scale(region)
    missing_file(region)
    study = Study.from_toml(region / "study.toml")
    with pytest.raises(StudyError, match="2 problems") as refused:
        study.run(progress=False)
    assert list(refused.value.problems) == study.preflight()


def test_an_invalid_plan_lists_its_files_as_well(region):
    unknown_key(region)
    missing_file(region)
    with pytest.raises(PlanError, match="unknown key 'contrls'") as refused:
        Study.from_toml(region / "study.toml")
    assert [problem.file for problem in refused.value.problems] == ["study.toml", "supports.csv"]


def test_contradicting_years_count_only_within_a_membership(region):
    path = region / "members.csv"
    lines = lines_of(path)
    elsewhere = lines[1].replace("K01;", "K02;").replace(";2004;", ";2009;")
    closed = re.sub(r";2004;;", ";2004;2006;", lines[2])
    again = lines[2].replace(";2004;", ";2008;")
    write_lines(path, [*lines[:2], closed, *lines[3:], elsewhere, again])
    assert problems_of(region) == []


def test_contradicting_years_in_the_second_organisation_of_a_firm(region):
    path = region / "members.csv"
    lines = lines_of(path)
    second = [lines[1].replace("K01;", "K02;").replace(";2004;", f";{year};") for year in (2007, 2009)]
    write_lines(path, [*lines, *second])
    problems = problems_of(region)
    assert [(problem.row, problem.where) for problem in problems] == [(126, "rows 126, 127")]


def test_an_organisation_without_members_is_listed_when_the_accounts_cannot_be_read(region):
    no_usable_member(region)
    (region / "accounts.parquet").write_bytes(b"PAR1 and then nothing")
    words = [problem.what for problem in problems_of(region)]
    assert words == ["the file is not a readable table", "organisation 'K06' has no usable member"]


def test_a_broken_theory_does_not_hide_the_members(region):
    no_usable_member(region)
    (region / "theory.toml").write_text("[claims", encoding="utf-8")
    assert {problem.file for problem in problems_of(region)} == {"theory.toml", "members.csv"}


def test_a_missing_wave_does_not_hide_the_codes_of_another(region):
    code_outside_its_scale(region)
    (region / "survey_2013.csv").unlink()
    set_cell(region / "survey_frame.csv", 2, "asked", "maybe", separator=",")
    found = {(problem.file, problem.row) for problem in problems_of(region)}
    assert found == {("survey_2011.csv", 5), ("survey_2013.csv", None), ("survey_frame.csv", 2)}


def test_the_survey_names_an_organisation_that_does_not_exist(region):
    set_cell(region / "survey_2011.csv", 2, "organisation", "K77")
    leave_out(region / "study.toml", "survey_frame")
    problem = problems_of(region)[0]
    assert "organisation 'K77' is not among the organisations" in str(problem)
    assert problem.file == "survey_2011.csv, survey_2012.xlsx, survey_2013.csv"


def test_what_nobody_foresaw_in_one_file_does_not_hide_the_others(region, monkeypatch):
    def fail(_path):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("clustereffects.study.inputs.read_supports", fail)
    missing_column_of_the_accounts(region)
    problems = problems_of(region)
    assert [problem.file for problem in problems] == ["accounts.parquet", "supports.csv"]
    assert problems[1].where == "ZeroDivisionError: division by zero"


FILES = (
    "accounts.parquet", "organisations.csv", "members.csv", "deflator.csv", "industry_key.csv", "supports.csv",
    "survey_2012.xlsx", "survey_frame.csv", "codebook.toml", "interviews.qdpx", "codings.csv", "bridge.csv", "theory.toml",
)  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"PK\x03\x04 broken", b"PAR1PAR1", b'"', b"\xff\xfe\x00"])
def test_all_files_may_be_garbage(region, content):
    for name in FILES:
        (region / name).write_bytes(content)
    problems = problems_of(region)
    assert {problem.file for problem in problems} >= set(FILES) - {"survey_2012.xlsx", "survey_frame.csv", "bridge.csv"}
    assert all(problem.what != "the file cannot be used" for problem in problems), problems


@pytest.mark.parametrize("name", FILES)
def test_any_file_may_be_cut_off(region, name):
    if FILES.index(name) < FILES.index("survey_2012.xlsx"):
        firms_only(region / "study.toml")
    content = (region / name).read_bytes()
    (region / name).write_bytes(content[: len(content) // 3] + b"\xff")
    problems = problems_of(region)
    assert {problem.file for problem in problems} <= {name, *FILES}
    assert all(problem.what != "the file cannot be used" for problem in problems), problems


def test_a_folder_in_place_of_a_file(region):
    (region / "supports.csv").unlink()
    (region / "supports.csv").mkdir()
    assert [(problem.file, problem.what) for problem in problems_of(region)] == [
        ("supports.csv", "the file is missing")
    ]


def test_problems_are_told_as_every_message_is(region):
    missing_file(region)
    assert str(problems_of(region)[0]) == (
        "supports.csv: the file is missing – [files] of study.toml names it – expected a file of that name beside the "
        "plan – correct the name under [files], or leave the line out"
    )


def test_needed_files_cannot_be_left_out(tmp_path):
    (tmp_path / "study.toml").write_text("[study]\n", encoding="utf-8")
    problems = SimpleNamespace(found=problems_of(tmp_path)).found
    assert [problem.file for problem in problems] == [
        "accounts.parquet", "organisations.csv", "members.csv", "deflator.csv", "theory.toml",
    ]  # fmt: skip
    assert {problem.remedy for problem in problems} == {
        "correct the name under [files]; the study cannot do without it"
    }
